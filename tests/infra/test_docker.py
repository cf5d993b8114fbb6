"""The Dockerfile: what it promises of users, versions and contents. test_sealed.py runs what it would start."""

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "infra/docker"
TEXT = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE))
TARGETS = ("server", "ingest", "worker", "demo", "store")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def stages() -> dict[str, list[str]]:
    """Return the instructions of each stage, the first of which is its FROM."""
    found: dict[str, list[str]] = {}
    for block in re.split(r"^(?=FROM )", TEXT, flags=re.MULTILINE)[1:]:
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        found[lines[0].split()[-1]] = lines
    return found


STAGES = stages()
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)(?: ;[^\\]*)? \\$", re.MULTILINE)


def lineage(name: str) -> list[str]:
    """Return all instructions that make a stage, those of its bases first."""
    base = STAGES[name][0].split()[1]
    return [*(lineage(base) if base in STAGES else []), *STAGES[name]]


def pins(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in LOCKED.findall(path.read_text()):
        found.setdefault(name, set()).add(version)
    return found


def test_hadolint_finds_nothing() -> None:
    program = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [program, "--config", DOCKER / "hadolint.yaml", DOCKER / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_a_user_by_number_and_says_how_it_is(target: str) -> None:
    lines = lineage(target)
    (*_, user) = [line for line in lines if line.startswith("USER ")]
    assert user == "USER 10001:10001"
    assert any(line.startswith("HEALTHCHECK ") for line in STAGES[target])
    commands = [line for line in STAGES[target] if line.startswith(("CMD ", "ENTRYPOINT "))]
    assert commands
    assert all("[" in line for line in commands)  # no shell between the signals and the program


def test_bases_are_pinned_and_few() -> None:
    bases = dict(re.findall(r"^ARG (DEBIAN|NODE|SEAWEEDFS)=(\S+)$", TEXT, re.MULTILINE))
    assert set(bases) == {"DEBIAN", "NODE", "SEAWEEDFS"}
    assert all(re.fullmatch(r"[a-z/]+:\d[\w.-]+", base) for base in bases.values())
    used = {lines[0].split()[1] for lines in STAGES.values()} - set(STAGES)
    assert used == {f"${{{name}}}" for name in bases}


def test_extras_are_ones_of_the_project() -> None:
    named = set(re.findall(r"--extra (\w+)", TEXT))
    assert named <= set(PROJECT["optional-dependencies"])
    assert not named & {"dev", "deploy", "notebooks"}


@pytest.mark.parametrize("stage", [name for name in STAGES if name.endswith("-environment")])
def test_packages_come_as_the_lock_file_says(stage: str) -> None:
    installs = [line for line in STAGES[stage] if "pip install" in line]
    assert "--constraint requirements.lock" in installs[0]
    assert all("--no-deps" in line for line in installs[1:])
    assert "UV_NO_BUILD=1" in " ".join(lineage(stage))


def test_what_builds_is_locked_with_hashes_and_fits() -> None:
    build = pins(DOCKER / "build.lock")
    makefile = (ROOT / "Makefile").read_text()
    assert build["uv"] == set(re.findall(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE))
    assert {"hatchling"} <= set(build)
    for path in (DOCKER / "build.lock", DOCKER / "gpu.lock"):
        text = path.read_text()
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(pins(path))
        assert "://" not in text
    assert "--require-hashes" in TEXT


def test_pytorch_and_its_packages_are_of_the_versions_that_the_project_takes() -> None:
    gpu, ours = pins(DOCKER / "gpu.lock"), pins(ROOT / "requirements.lock")
    makefile = (ROOT / "Makefile").read_text()
    assert gpu["torch"] == set(re.findall(r"^TORCH_VERSION := (\S+)$", makefile, re.MULTILINE))
    assert any(name.startswith("nvidia-cudnn") for name in gpu)
    # A version that both files name has to be one: two constraints could not be met.
    assert {name: versions for name, versions in gpu.items() if name in ours and not versions <= ours[name]} == {}


def test_a_build_is_given_what_it_copies_and_no_secret() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    refused = [rule for rule in rules if not rule.startswith("!")]
    assert refused[0] == "*"
    copied = {
        source.rstrip("/")
        for line in TEXT.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert {path.split("/")[0] for path in copied} == allowed
    assert all((ROOT / path).exists() for path in copied)
    assert any(fnmatch("infra/docker/.env", rule) for rule in refused)
    assert {f"{name}/" for name in ("catalog", "ingest", "superres", "server", "client", "infra")} == {
        line.split()[1] for line in STAGES["wheel"] if re.match(r"COPY \w+/ ", line)
    }


def test_a_login_shell_finds_ray_in_the_workers_image() -> None:
    # KubeRay starts `/bin/bash -lc "... ray start ..."`, and a login shell sets PATH anew.
    (line,) = [line for line in STAGES["worker"] if "ln -s" in line]
    assert "/opt/worldstrat/bin/ray" in line
    assert line.endswith("/usr/local/bin/")
    assert "wget" in line


def test_tmp_can_be_written_to_where_the_root_cannot() -> None:
    # On Fargate a folder of the task belongs to root, unless the image declares it as a volume.
    for target in ("server", "ingest", "worker"):
        assert any(re.match(r"VOLUME .*/tmp", line) for line in lineage(target)), target
