# `make` lists what there is. Everything is made in this folder: .venv, server/static, explorer/node_modules, site.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

UV_VERSION := 0.13.9
BIN := .venv/bin
TORCH_VERSION := 2.13.0
DATA ?= worldstrat-data
# A shell counts SECONDS for itself and hands them to nobody, so only what was given to make is taken.
FUZZ_SECONDS = $(if $(filter command% environment%,$(origin SECONDS)),$(SECONDS),60)
EXTRAS := ingest ray server redis telemetry superres client notebooks deploy dev
COMPILE = $(BIN)/uv pip compile --quiet pyproject.toml $(EXTRAS:%=--extra %) --universal --generate-hashes --no-annotate --no-header
LOCK = $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-header

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: install ## Install what is missing, start a stack with a sample in it, stay until Ctrl-C
	@exec $(BIN)/worldstrat demo --data "$(DATA)"

.PHONY: install
install: system python page ## System packages where missing, .venv, the web page

.PHONY: test
test: system-test python torch page ## Every test but the slow ones (ARGS="-k word" chooses)
	@explorer/build.sh npm test --silent
	@$(BIN)/pytest -m "not slow" $(ARGS)

.PHONY: test-slow
test-slow: system-test python torch page ## The slow tests
	@$(BIN)/pytest -m slow $(ARGS)

.PHONY: test-stac-browser
test-stac-browser: system-test python torch ## STAC Browser of npm in front of the server (420 MB of packages, a few minutes)
	@$(BIN)/pytest tests/clients/test_stac_browser.py

.PHONY: check
check: python torch lock-check ## Style, types, directions of imports, lock file, TypeScript, what deploys
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	infra/lint.sh
	explorer/build.sh npm run --silent check

.PHONY: format
format: python ## Let ruff put everything into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: bench
bench: install ## The benchmarks
	@for script in benchmarks/bench_*.py; do echo "== $$script" && $(BIN)/python "$$script" || exit 1; done

.PHONY: notebooks
notebooks: python torch ## The notebooks of docs/notebooks in Jupyter; `make demo` beside it
	@$(BIN)/uv pip install --quiet --python $(BIN)/python jupyterlab
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec $(BIN)/jupyter lab docs/notebooks

.PHONY: docs
docs: python ## The documentation as a site, in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet && echo "Open site/index.html"

.PHONY: torch
torch: .venv/.torch ## PyTorch, to train models (PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu spares the CUDA packages)

.PHONY: lock
lock: $(BIN)/uv ## Renew requirements.lock after a change of pyproject.toml
	$(COMPILE) -o requirements.lock
	@printf '%s\n' "uv==$(UV_VERSION)" "hatchling>=1.27" | $(LOCK) --universal - -o infra/docker/build.lock
	@echo "torch==$(TORCH_VERSION)" | $(LOCK) --constraint requirements.lock --python-platform x86_64-manylinux_2_28 - -o infra/docker/gpu.lock

.PHONY: lock-check
lock-check: $(BIN)/uv
	@cp requirements.lock .venv/lock.check
	@$(COMPILE) -o .venv/lock.check
	@cmp -s requirements.lock .venv/lock.check || { echo "requirements.lock is not up to date: run 'make lock'." >&2; exit 1; }

.PHONY: hooks
hooks: python ## Run the checks before every commit
	@$(BIN)/pre-commit install

.PHONY: audit
audit: python ## Known weaknesses of the locked packages; says so where nobody can be asked (ARGS=--strict then fails)
	@$(BIN)/python -m infra.audit $(ARGS)

.PHONY: fuzz
fuzz: python ## Broken inputs for every parser, led by coverage (SECONDS=60 for each, HARNESS=all)
	@$(BIN)/python tests/fuzz/fuzz.py $(or $(HARNESS),all) $(FUZZ_SECONDS)
	@$(MAKE) test-hostile

.PHONY: test-hostile
test-hostile: system-test python
	@$(BIN)/pytest -m slow tests/security

.PHONY: clean
clean: ## Remove all that was made here, except $(DATA)
	rm -rf .venv site server/static explorer/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the above are made of. Each looks first, so a second time costs next to nothing.

.PHONY: system system-test python page
system:
	@infra/install.sh demo

system-test:
	@infra/install.sh test

python: .venv/.synced

page: python
	@explorer/build.sh

$(BIN)/uv: | .venv/bin/pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/bin/pip:
	@python=$$(infra/python.sh) && echo "Making .venv with $$($$python --version)" && $$python -m venv .venv

.venv/.synced: requirements.lock pyproject.toml | $(BIN)/uv
	@echo "Installing the Python packages of requirements.lock"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# uv leaves aside the CPU builds that pip finds, so pip installs it, after every sync (which removes what the lock file lacks).
.venv/.torch: .venv/.synced
	@echo "Installing PyTorch $(TORCH_VERSION)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==$(TORCH_VERSION)
	@touch $@
