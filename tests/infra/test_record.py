"""What a data folder remembers."""

from pathlib import Path

import pytest

from catalog.settings import load_database
from infra.errors import FolderError, StackBusyError
from infra.process import Daemon
from infra.record import Record, load, locked, write_env


@pytest.mark.parametrize("password", ["plain", "a'b\\c\"d", "p a$ss#w=d", "x${HOME}y"])
def test_any_password_comes_back_from_stack_env(tmp_path: Path, password: str) -> None:
    write_env(tmp_path, {"PGHOST": "h", "PGPASSWORD": password})
    assert load_database(tmp_path).password.get_secret_value() == password


def test_stack_env_is_its_owners_alone_and_tells_whether_it_changed(tmp_path: Path) -> None:
    assert [write_env(tmp_path, {"PGHOST": host}) for host in ("a", "a", "b")] == [True, False, True]
    assert (tmp_path / "stack.env").stat().st_mode & 0o777 == 0o600


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    record = Record(tmp_path, store="s3", ports={"server": 8000}, daemons={"server": Daemon(1, "x")})
    record.supervisor = Daemon(2, "y")
    record.save()
    assert load(tmp_path) == record


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")
    with pytest.raises(FolderError, match=r"stack\.json cannot be read"):
        load(tmp_path)


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(StackBusyError), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
