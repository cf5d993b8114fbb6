"""The root command."""

import errno
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from catalog.errors import WorldStratError
from infra import cli


def test_help_lists_every_command_without_importing_any() -> None:
    code = "import sys; from infra.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in cli.COMMANDS:
        assert f"\n  {name} " in shown
    modules = shown.splitlines()[-1].split()
    assert not {"psycopg", "rasterio", "fastapi", "boto3", "pydantic", "numpy"} & set(modules)


def test_help_is_quick() -> None:
    begin = time.process_time(), time.monotonic()
    subprocess.run([sys.executable, "-m", "infra.cli", "--help"], capture_output=True, check=True)
    assert time.monotonic() - begin[1] < 2  # 0.2 s on an idle machine


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_its_help(name: str) -> None:
    shown = CliRunner().invoke(cli.main, [name, "--help"])
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: main {name}")


def failing(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


def run_failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> tuple[int, str]:
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: failing(error))
    shown = CliRunner().invoke(cli.main, ["up"])
    return shown.exit_code, shown.stderr


def test_an_expected_error_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_failing(monkeypatch, WorldStratError("It rains.")) == (1, "Error: It rains.\n")


def test_a_full_disk_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/data/x")
    assert run_failing(monkeypatch, error) == (1, "Error: No space left on device: /data/x\n")


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_failing(monkeypatch, KeyboardInterrupt()) == (130, "Interrupted.\n")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: failing(FileNotFoundError(errno.ENOENT, "gone")))
    assert isinstance(CliRunner().invoke(cli.main, ["up"]).exception, FileNotFoundError)


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(cli.main, ["--version"]).output.startswith("worldstrat, version ")


def test_an_unknown_command_is_named() -> None:
    shown = CliRunner().invoke(cli.main, ["nope"])
    assert (shown.exit_code, "No such command 'nope'" in shown.stderr) == (2, True)
