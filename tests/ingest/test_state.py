from dataclasses import replace
from pathlib import Path

import pytest

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.metadata import Aoi, Problem, Revisit
from ingest.folder import FileOrigin
from ingest.inputs import fingerprints
from ingest.source import AoiFiles, SourceFile
from ingest.state import AoiState, kept_items
from ingest.task import Ingested

AOI = Aoi("Amnesty POI-1-1-1", "Amnesty", (0.0, 0.0, 1.0, 1.0), revisits=(Revisit(1, cloud_cover=3.0),))
FILE = SourceFile(
    "lr_dataset/A/L2A/A-1-CLM.tiff", "L2A", "clm", 1, 100, "123", FileOrigin(Path("/a/lr_dataset/A/L2A/A-1-CLM.tiff"))
)
SPOT = AoiState("A", {"SPOT": "s"}, {COLLECTION_SPOT: {"A_SPOT": "1"}})
L2A = AoiState("A", {"L2A/1": "a", "L2A/2": "b"}, {COLLECTION_L2A: {"A_L2A_01": "2", "A_L2A_02": "3"}})


def digests(aoi: Aoi = AOI, files: tuple[SourceFile, ...] = (FILE,), store: str = "file:///s") -> dict[str, str]:
    return fingerprints(aoi, AoiFiles(files), store)


def test_the_same_inputs_have_the_same_fingerprint_wherever_they_lie() -> None:
    moved = replace(FILE, name="other/L2A/A-1-CLM.tiff", origin=FileOrigin(Path("/b")))
    assert digests(files=(moved,)) == digests()


@pytest.mark.parametrize(
    ("aoi", "file", "store"),
    [
        (replace(AOI, revisits=(Revisit(1, cloud_cover=4.0),)), FILE, "file:///s"),
        (replace(AOI, splits=("train",)), FILE, "file:///s"),
        (AOI, replace(FILE, size=101), "file:///s"),
        (AOI, replace(FILE, version="124"), "file:///s"),
        (AOI, replace(FILE, name="lr_dataset/A/L2A/A-1-CLP.tiff"), "file:///s"),
        (AOI, FILE, "s3://bucket"),
    ],
)
def test_whatever_an_image_is_made_of_changes_its_fingerprint(aoi: Aoi, file: SourceFile, store: str) -> None:
    assert digests(aoi, (file,), store)["L2A/1"] != digests()["L2A/1"]


def test_a_new_image_leaves_the_fingerprints_of_the_others() -> None:
    more = digests(files=(FILE, replace(FILE, revisit=2), replace(FILE, level="SPOT", revisit=None)))
    assert more.keys() == {"L2A/1", "L2A/2", "SPOT"}
    assert more["L2A/1"] == digests()["L2A/1"]


def test_a_state_knows_images_it_was_made_of_be_they_some_or_all() -> None:
    assert L2A.knows({"L2A/1": "a"})
    assert L2A.knows({"L2A/1": "a", "L2A/2": "b"})
    assert not L2A.knows({"L2A/1": "a", "L2A/2": "changed"})
    assert not L2A.knows({"L2A/1": "a", "L1C/1": "new"})


def test_images_of_another_archive_join_those_that_are_known() -> None:
    joined = L2A.joined(SPOT, L2A.fingerprints)
    assert joined.fingerprints == {"SPOT": "s", "L2A/1": "a", "L2A/2": "b"}
    assert joined.items == {**SPOT.items, **L2A.items}
    assert joined.notes == ()


def test_an_image_that_is_damaged_now_keeps_its_item_and_says_so() -> None:
    damaged = replace(L2A, fingerprints={"L2A/1": "a", "L2A/2": "x"}, items={COLLECTION_L2A: {"A_L2A_01": "9"}})
    joined = damaged.joined(L2A, damaged.fingerprints)
    assert joined.items == {COLLECTION_L2A: {"A_L2A_01": "9", "A_L2A_02": "3"}}
    assert [note.reason for note in joined.notes] == [
        "1 items of earlier runs, without good files here, stay in the catalog"
    ]
    assert kept_items(L2A, damaged.items) == {COLLECTION_L2A: {"A_L2A_02": "3"}}


def test_a_failure_stands_until_its_own_archive_is_ingested_again() -> None:
    spot = Problem("A", "hr_dataset/A/A_ps.tiff", "broken")
    l1c = Problem("A", "A_L1C_01", "invalid")
    earlier = replace(SPOT, failures=(spot, l1c, Problem("A", "", "worker died")))
    assert L2A.joined(earlier, L2A.fingerprints).failures == (spot, l1c)
    assert SPOT.joined(earlier, SPOT.fingerprints).failures == (l1c,)


def test_an_aoi_whose_worker_died_is_made_of_nothing_and_so_is_tried_again() -> None:
    died = AoiState.of(Ingested("A", failures=(Problem("A", "", "died"),), finished=False), L2A.fingerprints, {})
    joined = died.joined(L2A, L2A.fingerprints)
    assert not joined.knows(L2A.fingerprints)
    assert joined.items == L2A.items


def test_an_aoi_that_has_lost_an_item_is_made_of_nothing() -> None:
    left = L2A.without_lost({COLLECTION_L2A: {"A_L2A_02"}})
    assert not left.knows(L2A.fingerprints)
    assert left.items == {COLLECTION_L2A: {"A_L2A_02": "3"}}
    assert L2A.without_lost({}).items == {}
    assert L2A.without_lost({COLLECTION_L2A: {"A_L2A_01", "A_L2A_02", "B"}}) == L2A


@pytest.mark.parametrize(
    ("items", "failures", "status"),
    [
        ({COLLECTION_L1C: {"A": "1"}}, 0, "done"),
        ({COLLECTION_L1C: {"A": "1"}}, 1, "partial"),
        ({}, 1, "failed"),
        ({}, 0, "done"),
    ],
)
def test_a_state_tells_how_it_went(items: dict[str, dict[str, str]], failures: int, status: str) -> None:
    assert AoiState("A", {}, items, failures=(Problem("A", "f", "r"),) * failures).status == status
