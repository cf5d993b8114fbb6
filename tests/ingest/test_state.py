from dataclasses import replace
from pathlib import Path

import pytest

from catalog.metadata import Aoi, Problem, Revisit
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings
from ingest.folder import FileOrigin
from ingest.source import AoiFiles, SourceFile
from ingest.state import AoiState, fingerprint, load_states, save_states

AOI = Aoi("Amnesty POI-1-1-1", "Amnesty", (0.0, 0.0, 1.0, 1.0), revisits=(Revisit(1, cloud_cover=3.0),))
NAME = "lr_dataset/Amnesty POI-1-1-1/L2A/Amnesty POI-1-1-1-1-CLM.tiff"
FILE = SourceFile(NAME, "L2A", "clm", 1, 100, "123", FileOrigin(Path("/a") / NAME))
STATE = AoiState(
    AOI.name, "f", {}, 3, 100, 50, (Problem(AOI.name, "x.tiff", "broken"),), (Problem(AOI.name, "", "odd"),)
)


def test_the_same_inputs_have_the_same_fingerprint_wherever_the_folder_lies() -> None:
    moved = replace(FILE, origin=FileOrigin(Path("/elsewhere") / NAME))
    assert fingerprint(AOI, AoiFiles((FILE,)), "file:///s") == fingerprint(AOI, AoiFiles((moved,)), "file:///s")


@pytest.mark.parametrize(
    ("aoi", "files", "store"),
    [
        (replace(AOI, revisits=(Revisit(1, cloud_cover=4.0),)), (FILE,), "file:///s"),
        (replace(AOI, splits=("train",)), (FILE,), "file:///s"),
        (AOI, (replace(FILE, size=101),), "file:///s"),
        (AOI, (replace(FILE, version="124"),), "file:///s"),
        (AOI, (FILE, replace(FILE, name=NAME.replace("1-CLM", "2-CLM"), revisit=2)), "file:///s"),
        (AOI, (), "file:///s"),
        (AOI, (FILE,), "s3://bucket"),
    ],
)
def test_whatever_an_aoi_is_made_of_changes_its_fingerprint(
    aoi: Aoi, files: tuple[SourceFile, ...], store: str
) -> None:
    assert fingerprint(aoi, AoiFiles(files), store) != fingerprint(AOI, AoiFiles((FILE,)), "file:///s")


def test_a_state_comes_back_as_it_was_saved(database: DatabaseSettings) -> None:
    with connect(database) as connection:
        assert load_states(connection) == {}
        save_states(connection, [STATE])
        assert load_states(connection) == {AOI.name: STATE}
        save_states(connection, [replace(STATE, fingerprint="g", failures=())])
        assert load_states(connection)[AOI.name].is_done("g")


def test_an_aoi_whose_items_are_gone_is_not_known(database: DatabaseSettings) -> None:
    with connect(database) as connection:
        load_states(connection)
        save_states(connection, [replace(STATE, items={"worldstrat-spot": ["gone"]})])
        assert load_states(connection) == {}


def test_an_aoi_with_a_failure_is_never_done() -> None:
    assert not STATE.is_done("f")
    assert replace(STATE, failures=()).is_done("f")
    assert not replace(STATE, failures=()).is_done("g")
