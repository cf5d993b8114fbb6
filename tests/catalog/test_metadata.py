"""The published tables, as dataset-format describes them, with their known oddities."""

from datetime import date
from pathlib import Path

import pytest

from catalog.errors import MetadataError
from catalog.metadata import (
    METADATA_CSV,
    SPLIT_CSV,
    Aoi,
    Revisit,
    Tables,
    complete,
    read_revisit_json,
    read_tables,
    source_of,
)

HEADER = (
    "{first},n,lowres_date,highres_date,delta,lon,lat,bounds,area,cloud_cover,LCCS,SMOD,"
    "IPCC Class,LCCS class,SMOD Class\n"
)
BOUNDS = '"[13.1, 11.7, 13.2, 11.8]"'
ROW = "{name},{n},2019-12-08,2019-12-01,7,13.15,11.75,{bounds},2.5,0.5,{lccs},11,{ipcc},{label},Rural: Very Low Dens\n"
SPLIT_HEADER = ",tile,IPCC Class,SMOD,source,joint_class,split\n"


def row(name: str = "Landcover-1", n: object = 1, **changes: str) -> str:
    fields = {"bounds": BOUNDS, "lccs": "10", "ipcc": "Agriculture", "label": '"Cropland, rainfed"'} | changes
    return ROW.format(name=name, n=n, **fields)


def tables(folder: Path, rows: str, splits: str = "", first: str = "") -> Tables:
    (folder / METADATA_CSV).write_text(HEADER.format(first=first) + rows, encoding="utf-8")
    (folder / SPLIT_CSV).write_text(SPLIT_HEADER + splits, encoding="utf-8")
    return read_tables(folder / METADATA_CSV, folder / SPLIT_CSV)


def only(found: Tables) -> Aoi:
    (aoi,) = found.aois.values()
    return aoi


def reasons(found: Tables) -> str:
    return " | ".join(problem.reason for problem in found.problems)


@pytest.mark.parametrize("first", ["", "tile", "Unnamed: 0"])
def test_both_published_versions_of_the_header_are_read(tmp_path: Path, first: str) -> None:
    aoi = only(tables(tmp_path, row(), "0,Landcover-1,Agriculture,11,Landcover,x,train\n", first))
    assert aoi.name == "Landcover-1"
    assert aoi.bounds == (13.1, 11.7, 13.2, 11.8)
    assert aoi.revisits == (Revisit(1, date(2019, 12, 8), date(2019, 12, 1), 7, 0.5),)
    assert (aoi.lccs, aoi.ipcc, aoi.smod, aoi.split) == (10, "Agriculture", 11, "train")


def test_an_aoi_in_two_splits_has_none_and_both_are_listed(tmp_path: Path) -> None:
    found = tables(tmp_path, row(), "0,Landcover-1,,,,,val\n1,Landcover-1,,,,,train\n")
    assert only(found).split is None
    assert only(found).splits == ("val", "train")
    assert "listed in val and train: a leak" in reasons(found)


@pytest.mark.parametrize("split", ["", "validation", "nan"])
def test_a_split_that_does_not_exist_is_reported_and_left_out(tmp_path: Path, split: str) -> None:
    found = tables(tmp_path, row(), f"0,Landcover-1,,,,,{split}\n")
    assert only(found).split is None
    assert reasons(found) == f"its split {split!r} is none of train, val, test and is left out"


def test_an_aoi_listed_twice_in_one_split_is_in_that_split(tmp_path: Path) -> None:
    found = tables(tmp_path, row(), "0,Landcover-1,,,,,val\n1,Landcover-1,,,,,val\n")
    assert only(found).split == "val"
    assert not found.problems


def test_an_aoi_that_no_split_lists_is_kept_and_reported(tmp_path: Path) -> None:
    found = tables(tmp_path, row())
    assert only(found).split is None
    assert only(found).splits == ()
    assert "not listed" in reasons(found)


@pytest.mark.parametrize("ipcc", ["", "None", "nan"])
def test_snow_has_no_ipcc_class_however_the_table_says_so(tmp_path: Path, ipcc: str) -> None:
    aoi = only(tables(tmp_path, row(lccs="220", ipcc=ipcc, label="Permanent snow and ice")))
    assert aoi.ipcc is None
    assert aoi.lccs == 220


def test_the_published_hyphen_becomes_the_one_people_type(tmp_path: Path) -> None:
    aoi = only(tables(tmp_path, row(label='"Cropland, irrigated or post\N{HYPHEN}flooding"')))
    assert aoi.lccs_label == "Cropland, irrigated or post-flooding"


@pytest.mark.parametrize("smod", ["0", "-200", ""])
def test_smod_codes_that_mean_unknown_become_null(tmp_path: Path, smod: str) -> None:
    aoi = only(tables(tmp_path, row().replace(",11,Agri", f",{smod},Agri")))
    assert aoi.smod is None
    assert aoi.smod_label is None


def test_malformed_bounds_are_taken_from_another_row_and_reported(tmp_path: Path) -> None:
    found = tables(tmp_path, row(bounds='"[13.1; 11.7, 13.2, 11.8"') + row(n=2))
    assert only(found).bounds == (13.1, 11.7, 13.2, 11.8)
    assert "malformed" in reasons(found)


@pytest.mark.parametrize(
    "bounds",
    [
        '"[13.2, 11.7, 13.1, 11.8]"',
        '"[1, 2, 3]"',
        '"[0, 0, 181, 1]"',
        '"null"',
        f'"[1{"0" * 400}, 1, 2, 3]"',
        "[" * 9999,
    ],
    ids=range(6),
)
def test_bounds_that_no_place_can_have_are_none(tmp_path: Path, bounds: str) -> None:
    found = tables(tmp_path, row(bounds=bounds))
    assert only(found).bounds is None
    assert "no other row has them" in reasons(found)


def test_a_date_that_does_not_exist_is_left_open_and_reported(tmp_path: Path) -> None:
    found = tables(tmp_path, row().replace("2019-12-08", "2018-02-30"))
    assert only(found).revisits[0].lowres_date is None
    assert "'2018-02-30' of n 1 is no date" in reasons(found)


@pytest.mark.parametrize("n", [0, 17, "x", ""])
def test_a_rank_out_of_range_is_left_out_and_reported(tmp_path: Path, n: object) -> None:
    found = tables(tmp_path, row() + row(n=n))
    assert [revisit.n for revisit in only(found).revisits] == [1]
    assert "not 1 to 16" in reasons(found)


def test_a_row_twice_counts_once_and_is_reported_where_the_two_differ(tmp_path: Path) -> None:
    assert not tables(tmp_path, row() + row(), "0,Landcover-1,,,,,val\n").problems
    found = tables(tmp_path, row() + row().replace(",0.5,", ",1.5,"))
    assert only(found).revisits[0].cloud_cover == 0.5
    assert "two rows for n 1 that differ" in reasons(found)


def test_revisits_come_by_rank_whatever_the_order_of_rows(tmp_path: Path) -> None:
    aoi = only(tables(tmp_path, row(n=3) + row(n=1) + row(n=2)))
    assert [revisit.n for revisit in aoi.revisits] == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("Landcover-8379", "Landcover"),
        ("UNHCR-ZWEs002079", "UNHCR"),
        ("ASMSpotter-1-1-1", "ASMSpotter"),
        ("Amnesty POI-1-1-1", "Amnesty"),
    ],
)
def test_the_name_tells_the_source(name: str, source: str) -> None:
    assert source_of(name) == source


def test_a_missing_table_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match=r"stratified_train_val_test_split\.csv does not exist"):
        read_tables(tmp_path / METADATA_CSV, tmp_path / SPLIT_CSV)


def test_a_foreign_table_names_the_missing_columns(tmp_path: Path) -> None:
    (tmp_path / METADATA_CSV).write_text("tile,a\n1,2\n")
    (tmp_path / SPLIT_CSV).write_text(SPLIT_HEADER)
    with pytest.raises(MetadataError, match="has no column n, lowres_date, highres_date, bounds"):
        read_tables(tmp_path / METADATA_CSV, tmp_path / SPLIT_CSV)


def test_a_table_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / SPLIT_CSV).write_bytes(b"\xff\xfe\x00tile")
    with pytest.raises(MetadataError, match="cannot be read as UTF-8 CSV"):
        read_tables(tmp_path / METADATA_CSV, tmp_path / SPLIT_CSV)


def test_a_table_with_a_block_of_zeros_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="a line holds NUL bytes"):
        tables(tmp_path, row() + "\0" * 4096 + row(n=2))


@pytest.mark.parametrize("delta", ["1e300", f"1{'0' * 400}", '"1e300"', "NaN", "[]"], ids=range(5))
def test_a_number_that_is_no_count_of_days_is_none(delta: str) -> None:
    assert read_revisit_json(f'{{"delta": {delta}}}', 1) == Revisit(1)


@pytest.mark.parametrize("text", [r"S2A\u0000", r"S2A\ud800", r"S2A\n"])
def test_a_text_that_no_database_takes_is_none(text: str) -> None:
    facts = f'{{"product_id": "{text}", "source_item": "https://a.org/{text}"}}'
    assert read_revisit_json(facts, 1) == Revisit(1)


def test_both_dialects_of_a_revisit_file_are_read() -> None:
    old = '{"cloud_cover": 0.3, "target_date": "2016-10-18", "delta": "309", "area": 2.5, "datetime": "2017-08-23"}'
    new = '{"n": 4, "lowres_date": "2017-08-23", "highres_date": "2016-10-18", "delta": 309, "cloud_cover": 0.3}'
    expected = Revisit(4, date(2017, 8, 23), date(2016, 10, 18), 309, 0.3)
    assert read_revisit_json(old, 4) == read_revisit_json(new, 4) == expected


@pytest.mark.parametrize("text", ["", '{"n": 1', "[1]", '"text"', "[" * 100_000], ids=range(5))
def test_a_broken_revisit_file_is_refused(text: str) -> None:
    with pytest.raises(MetadataError):
        read_revisit_json(text, 1)


def test_a_revisit_is_completed_only_where_it_lacks_something() -> None:
    row_, file = Revisit(2, None, date(2020, 1, 1), 5, None), Revisit(2, date(2020, 1, 6), date(2021, 1, 1), 9, 3.0)
    assert complete(row_, file) == Revisit(2, date(2020, 1, 6), date(2020, 1, 1), 5, 3.0)


EXTENDED_HEADER = HEADER.format(first="tile").rstrip("\n") + ",source,source_item,product_id\n"


def extended(folder: Path, *rows: str) -> Tables:
    lines = (one.replace("2019-12-01", "").rstrip("\n") for one in (row(n=1), row(n=2)))
    text = "".join(f"{line},{own}\n" for line, own in zip(lines, rows, strict=True))
    (folder / METADATA_CSV).write_text(EXTENDED_HEADER + text, encoding="utf-8")
    (folder / SPLIT_CSV).write_text(SPLIT_HEADER, encoding="utf-8")
    return read_tables(folder / METADATA_CSV, folder / SPLIT_CSV)


def test_a_table_may_name_the_source_of_an_aoi_and_the_items_of_its_revisits(tmp_path: Path) -> None:
    item = "https://stac.example/collections/s2/items/a"
    aoi = only(extended(tmp_path, f"Flood,{item},S2A_a.SAFE", "Flood,javascript:alert(1),"))
    assert aoi.source == "Flood"
    assert [(revisit.source_item, revisit.product_id) for revisit in aoi.revisits] == [
        (item, "S2A_a.SAFE"),
        (None, None),
    ]


def test_an_aoi_without_a_spot_image_leaves_its_date_empty(tmp_path: Path) -> None:
    found = extended(tmp_path, ",,", ",,")
    assert only(found).spot_date is None
    assert only(found).source == "Landcover"
    assert "no date" not in reasons(found)


def test_one_row_without_a_revisit_tells_of_the_place_and_of_the_day_of_spot(tmp_path: Path) -> None:
    found = tables(tmp_path, row(n=""), "0,Landcover-1,,,,,train\n")
    assert (only(found).spot_date, only(found).revisits) == (date(2019, 12, 1), ())
    assert only(found).bounds == (13.1, 11.7, 13.2, 11.8)
    assert reasons(found) == ""


def test_a_row_without_a_revisit_among_others_is_left_out(tmp_path: Path) -> None:
    found = tables(tmp_path, row(n="") + row(n=2), "0,Landcover-1,,,,,train\n")
    assert [revisit.n for revisit in only(found).revisits] == [2]
    assert "n is ''" in reasons(found)
