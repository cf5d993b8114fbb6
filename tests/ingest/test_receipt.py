"""The receipt at the end of a run: it fails where the catalog is not what was meant, and the next run mends that."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from catalog.errors import ReceiptError
from catalog.fingerprint import catalog_hash
from catalog.objects import ObjectStore
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from infra.cli import main
from infra.databases import database_env
from infra.stores import store_env
from ingest.options import Options
from ingest.run import ingest
from ingest.runs import Runs
from ingest.state import AoiState
from ingest.verify import Checks, verify

NAME = "Landcover-8379"
Harm = Callable[[Options], None]


@pytest.fixture
def options(tiny_dataset: Path, database: DatabaseSettings, file_store: StoreSettings) -> Options:
    """One AOI into an empty catalog."""
    return Options(tiny_dataset, database, file_store)


def lose_an_object(options: Options) -> None:
    store = ObjectStore.open(options.store)
    store.delete(next(meta.key for meta in store.list() if meta.key.endswith("_SPOT_ps.tif")))


def shorten_an_object(options: Options) -> None:
    store = ObjectStore.open(options.store)
    key = next(meta.key for meta in store.list() if meta.key.endswith("_L2A_01_data.tif"))
    store.put(key, store.get(key)[:-1], "image/tiff")


def lose_an_item(options: Options) -> None:
    with connect(options.database) as connection:
        connection.execute("DELETE FROM pgstac.items WHERE id = %s", (f"{NAME}_SPOT",))


def change_an_item(options: Options) -> None:
    with connect(options.database) as connection:
        connection.execute(
            "UPDATE pgstac.items SET content = jsonb_set(content, '{properties,title}', '\"x\"') WHERE id = %s",
            (f"{NAME}_L2A_02",),
        )


def harm_after_saving(patched: pytest.MonkeyPatch, options: Options, harm: Harm) -> None:
    save = Runs.save

    def save_and_harm(runs: Runs, states: Sequence[AoiState]) -> None:
        save(runs, states)
        harm(options)

    patched.setattr(Runs, "save", save_and_harm)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lose_an_object, "missing object"),
        (shorten_an_object, "wrong size"),
        (lose_an_item, "missing item"),
        (change_an_item, "changed item"),
    ],
)
def test_harm_between_a_batch_and_the_runs_end_fails_the_run_and_the_next_one_mends_it(
    options: Options, quiet: Console, monkeypatch: pytest.MonkeyPatch, harm: Harm, words: str
) -> None:
    with monkeypatch.context() as patched:
        harm_after_saving(patched, options, harm)
        with pytest.raises(ReceiptError, match=f"{words} .*{NAME}.*The same command makes these AOIs again"):
            ingest(options, quiet)
    report = ingest(options, quiet)

    assert (report.skipped, report.failures) == (0, [])
    assert verify(Checks(options.database, options.store), quiet).is_clean
    with connect(options.database) as connection:
        mended = catalog_hash(connection)
    ingest(Options(options.src, options.database, options.store, force=True), quiet)
    with connect(options.database) as connection:
        assert catalog_hash(connection) == mended


def test_the_command_says_so_and_exits_with_1(
    options: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**database_env(options.database), **store_env(options.store)}.items():
        monkeypatch.setenv(name, value)
    harm_after_saving(monkeypatch, options, lose_an_object)
    monkeypatch.setattr(sys, "argv", ["worldstrat", "ingest", str(options.src), "--workers", "1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "The catalog is not what the run brought" in said.err
    assert "Traceback" not in said.err
