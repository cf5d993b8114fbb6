from dataclasses import replace
from io import StringIO

from rich.console import Console

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.metadata import Problem
from ingest.report import Report
from ingest.report_table import SHOWN, print_report
from ingest.state import AoiState


def state(name: str, *collections: str, notes: tuple[Problem, ...] = ()) -> AoiState:
    return AoiState(name, {}, {collection: {"x": None} for collection in collections}, 3, 100, 50, (), notes)


def printed(report: Report) -> str:
    text = StringIO()
    print_report(report, Console(file=text, width=200))
    return text.getvalue()


def test_aois_that_are_skipped_are_counted_with_the_others() -> None:
    report = Report()
    report.add(state("A", COLLECTION_SPOT, COLLECTION_L2A))
    report.add(state("B", COLLECTION_SPOT), skipped=True)
    found = report.to_json()
    assert (found["aois"], found["skipped"], found["files"], found["bytes_in"], found["bytes_out"]) == (
        2,
        1,
        6,
        200,
        100,
    )
    assert found["items"] == {COLLECTION_L2A: 1, COLLECTION_L1C: 0, COLLECTION_SPOT: 2}


def test_an_aoi_without_any_item_is_not_counted_as_one() -> None:
    report = Report()
    report.add(state("A"))
    assert report.aois == 0


def test_an_aoi_without_l1c_is_noted_where_others_have_it() -> None:
    report = Report()
    report.add(state("A", COLLECTION_L1C))
    report.add(state("B", COLLECTION_L2A))
    report.finish()
    assert [(note.aoi, note.reason) for note in report.notes] == [("B", "no L1C items, which other AOIs have")]


def test_a_dataset_that_has_no_l1c_at_all_is_not_blamed_for_it() -> None:
    report = Report()
    report.add(state("A", COLLECTION_L2A))
    report.finish()
    assert report.notes == []


def test_the_same_note_on_many_aois_is_one_line_for_a_person_and_all_of_them_in_json() -> None:
    report = Report()
    for n in range(100):
        report.add(
            state(f"aoi-{n}", COLLECTION_L2A, notes=(Problem(f"aoi-{n}", "metadata.csv", "rows without files"),))
        )
    assert printed(report).count("rows without files") == 1
    assert "100 AOIs" in printed(report)
    assert len(report.to_json()["notes"]) == 100


def test_a_long_list_of_failures_is_cut_for_a_person_and_says_so() -> None:
    report = Report(failures=[Problem("A [1]", f"file-{n}.tiff", "broken") for n in range(SHOWN + 5)])
    assert printed(report).count("file-") == SHOWN
    assert f"the first {SHOWN} of {SHOWN + 5}" in printed(report)
    assert "A [1]" in printed(report)


def test_an_interrupted_run_says_how_to_go_on() -> None:
    report = Report(status="interrupted")
    report.finish()
    assert "the same command goes on from here" in printed(report)


def test_failures_that_were_left_alone_are_told_once_with_the_way_to_try_them_again() -> None:
    report = Report()
    for name in ("A", "B"):
        broken = replace(state(name, COLLECTION_L2A), failures=(Problem(name, "f.tiff", "broken"),))
        report.add(broken, skipped=True)
    report.finish()
    assert report.remarks == ["2 AOIs with failures are unchanged and were not tried again; --retry-failed does."]
    assert len(report.failures) == 2
