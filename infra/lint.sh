#!/usr/bin/env bash
# Checks the images, the compose files, the chart, the module for AWS and the shell scripts, each with its own tool, as
# far as that goes without an engine, a cluster or a cloud. A tool that is missing is told, and is no failure.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
bin=$PWD/.venv/bin
failed=0

report() { # report NAME OUTPUT CODE
  if [ "$3" -eq 0 ]; then
    echo "ok       $1"
  else
    echo "FAILED   $1"
    printf '%s\n' "$2" >&2
    failed=1
  fi
}

skip() { echo "skipped  $1: $2"; }

check() { # check NAME TOOL ARGUMENT...
  local name=$1 tool=$2 output code
  shift 2
  if ! command -v "$tool" >/dev/null 2>&1; then
    skip "$name" "no ${tool##*/} here"
    return
  fi
  output=$("$tool" "$@" 2>&1)
  code=$?
  report "$name" "$output" "$code"
}

check "Dockerfile (hadolint)" "$bin/hadolint" --config infra/docker/hadolint.yaml infra/docker/Dockerfile
check "shell scripts (shellcheck)" "$bin/shellcheck" --severity=warning infra/*.sh infra/docker/*.sh explorer/*.sh .ci/run

# Passwords have no default, so the check brings some.
export PGPASSWORD=check AWS_ACCESS_KEY_ID=check AWS_SECRET_ACCESS_KEY=check GRAFANA_PASSWORD=check WORLDSTRAT_SIGNING_SECRET=check
check "compose.yaml (docker compose config)" "$bin/docker-compose" --file compose.yaml config --quiet
check "infra/docker/compose.yaml (docker compose config)" \
  "$bin/docker-compose" --file infra/docker/compose.yaml --profile "*" config --quiet

lint_chart='
import pathlib, sys, yaml
from helm_python.chart import lint
chart = pathlib.Path("infra/helm/worldstrat")
errors = [
    f"{values.name}: {error}"
    for values in sorted(chart.glob("ci/*.yaml"))
    for error in lint(chart, yaml.safe_load(values.read_text()), strict=True)["errors"]
]
sys.exit("\n".join(errors) or 0)'
if "$bin/python" -c 'import helm_python' 2>/dev/null; then
  output=$("$bin/python" -c "$lint_chart" 2>&1)
  report "chart (helm lint)" "$output" $?
else
  skip "chart (helm lint)" "no helm-python-sdk here"
fi

if command -v terraform >/dev/null 2>&1; then
  check "module for AWS (terraform fmt)" terraform fmt -check -recursive infra/terraform
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  cp -R infra/terraform/aws "$folder/aws"
  if output=$(timeout 60 terraform -chdir="$folder/aws/examples/complete" init -backend=false -input=false 2>&1); then
    check "module for AWS (terraform validate)" terraform -chdir="$folder/aws/examples/complete" validate
  else
    skip "module for AWS (terraform validate)" "its provider hashicorp/aws cannot be fetched; tests/infra/test_terraform.py looks at references and arguments"
  fi
else
  skip "module for AWS (terraform fmt, validate)" "no terraform here"
fi
exit "$failed"
