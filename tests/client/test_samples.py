"""Draws and samples against the published tables and files, with PyTorch's own DataLoader."""

import json
import multiprocessing
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
import torch

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.metadata import METADATA_CSV, SPLIT_CSV, SPLITS, read_tables
from client.dataset import Samples, stack
from client.errors import DownloadError, QueryError, ServerError
from client.query import Query
from client.samples import Draw, draw

EVERYTHING = Query(leaks=True)


@pytest.fixture(scope="module")
def url(live_server: str) -> str:
    return f"{live_server}/stac"


@pytest.fixture(scope="module")
def drawn(url: str) -> Draw:
    return draw(EVERYTHING, url=url, frames=3, seed=5)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def samples(drawn: Draw, cache: Path) -> Iterator[Samples]:
    made = Samples(drawn.places, cache, frames=3)
    yield made
    made.close()


@pytest.fixture
def no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks a server for something fails."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was asked of the server")

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", refuse)


def names(made: Draw) -> list[str]:
    return [place.name for place in made.places]


def test_the_same_seed_draws_the_same_places_as_the_server(url: str, drawn: Draw) -> None:
    asked = {"collections": COLLECTION_SPOT, "leaks": "include", "seed": 5}
    answer = httpx.get(f"{url}/sample", params=asked).raise_for_status().json()
    expected = [item["properties"]["worldstrat:aoi"] for item in answer["features"]]
    assert names(drawn) == names(draw(EVERYTHING, url=url, frames=3, seed=5)) == expected
    assert names(draw(replace(EVERYTHING, limit=2), url=url, seed=5)) == expected[:2]
    orders = {tuple(names(draw(EVERYTHING, url=url, seed=seed))) for seed in range(6)}
    assert len(orders) > 1
    assert {frozenset(order) for order in orders} == {frozenset(expected)}


def test_no_place_is_in_two_splits_and_none_that_the_table_contradicts_is_in_any(url: str, dataset: Path) -> None:
    aois = read_tables(dataset / METADATA_CSV, dataset / SPLIT_CSV).aois
    found = {split: set(names(draw(Query(splits=(split,)), url=url))) for split in SPLITS}
    assert found == {split: {name for name, aoi in aois.items() if aoi.splits == (split,)} for split in SPLITS}
    assert sum(map(len, found.values())) > 0
    assert set(names(draw(Query(), url=url))) == set.union(*found.values())
    assert {name for name, aoi in aois.items() if len(aoi.splits) != 1}, "some are left out"


def test_conditions_on_revisits_drop_places_that_have_none(url: str, drawn: Draw) -> None:
    clear = {
        place.name: [item["id"] for item in place.revisits if abs(item["properties"]["worldstrat:delta"]) <= 3]
        for place in drawn.places
    }
    found = draw(replace(EVERYTHING, max_delta=3), url=url, seed=5)
    assert {place.name: [item["id"] for item in place.revisits] for place in found.places} == {
        name: ids for name, ids in clear.items() if ids
    }
    assert set(found.dropped) == {name for name, ids in clear.items() if not ids}


def test_classes_take_turns_in_a_balanced_draw(url: str) -> None:
    found = draw(EVERYTHING, url=url, balance="source")
    assert len({place.facts["source"] for place in found.places[:4]}) == 4


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (Query(collections=(COLLECTION_SPOT,)), "names 0 of L2A, L1C"),
        (Query(collections=(COLLECTION_L2A, COLLECTION_L1C)), "names 2 of L2A, L1C"),
    ],
)
def test_a_draw_is_of_one_level(url: str, query: Query, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        draw(query, url=url)


def test_what_the_server_refuses_is_told(url: str) -> None:
    with pytest.raises(ServerError, match="refused"):
        draw(EVERYTHING, url=url, seed=-1)
    with pytest.raises(ServerError, match="does not answer"):
        draw(EVERYTHING, url="http://127.0.0.1:9/stac")
    with pytest.raises(QueryError, match="not 17"):
        draw(EVERYTHING, url=url, frames=17)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_sample_holds_the_numbers_of_the_published_files(samples: Samples, dataset: Path) -> None:
    assert len(samples) == 4
    for sample in samples:
        aoi = sample["facts"]["aoi"]
        folder = dataset / "lr_dataset" / aoi / "L2A"
        with rasterio.open(dataset / "hr_dataset" / aoi / f"{aoi}_ps.tiff") as src:
            np.testing.assert_allclose(sample["hr"], src.read() / 10_000, rtol=1e-6)
        for revisit in (1, 2):
            with rasterio.open(folder / f"{aoi}-{revisit}-L2A_data.tiff") as src:
                published = src.read()
            np.testing.assert_array_equal(sample["lr"][revisit - 1], published)
            hidden = (published == 0).any(axis=0) | hidden_by_masks(folder, f"{aoi}-{revisit}")
            np.testing.assert_array_equal(sample["masks"][revisit - 1], ~hidden)
        assert sample["lr"].dtype == sample["hr"].dtype == np.float32


def hidden_by_masks(folder: Path, name: str) -> Any:
    def read(suffix: str) -> Any:
        with rasterio.open(folder / f"{name}-{suffix}.tiff") as src:
            return src.read(1)

    seen = read("dataMask") == 0
    if (folder / f"{name}-SCL.tiff").exists():
        return seen | np.isin(read("SCL"), [0, 1, 3, 8, 9, 10])
    return seen | np.isin(read("CLM"), [1, 255])


def test_a_place_with_fewer_revisits_has_its_best_again_masked(samples: Samples) -> None:
    sample = samples[0]
    assert len(sample["facts"]["revisits"]) == 2
    np.testing.assert_array_equal(sample["lr"][2], sample["lr"][0])
    assert not sample["masks"][2].any()


def test_the_second_epoch_asks_nothing_of_the_server(samples: Samples, drawn: Draw, cache: Path, no_line: None) -> None:
    del no_line
    later = Samples(drawn.places, cache, frames=3)
    with pytest.raises(AssertionError, match="asked of the server"):
        Samples(drawn.places, cache / "empty", frames=3)[0]
    assert [sample["facts"] for sample in later] == [place.facts for place in drawn.places]
    assert len(samples[1:3]) == 2


def test_a_file_that_was_spoilt_in_the_folder_comes_again(drawn: Draw, cache: Path) -> None:
    first = Samples(drawn.places[:1], cache, frames=1)
    expected = first[0]
    first.close()
    spoilt = cache / (sha := drawn.places[0].spot["assets"]["ps"]["file:checksum"][4:])[:2] / f"{sha}.tif"
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"\0")
    again = Samples(drawn.places[:1], cache, frames=1)
    np.testing.assert_array_equal(again[0]["hr"], expected["hr"])
    again.close()
    assert not list(cache.rglob("*.part"))


def test_a_file_that_was_deleted_from_the_folder_comes_again(drawn: Draw, tmp_path: Path) -> None:
    made = Samples(drawn.places[:1], tmp_path, frames=1)
    expected = made[0]
    for path in tmp_path.rglob("*.tif"):
        path.unlink()
    np.testing.assert_array_equal(made[0]["lr"], expected["lr"])
    made.close()


def test_fewer_frames_than_a_place_has_are_its_best(samples: Samples, drawn: Draw, cache: Path) -> None:
    one = Samples(drawn.places, cache, frames=1)[0]
    np.testing.assert_array_equal(one["lr"], samples[0]["lr"][:1])
    assert one["facts"]["revisits"] == samples[0]["facts"]["revisits"][:1]
    with pytest.raises(QueryError, match="not 0"):
        Samples(drawn.places, cache, frames=0)


def test_a_raster_that_a_place_lacks_is_named(drawn: Draw, cache: Path) -> None:
    spot = drawn.places[0].spot
    without = {**spot, "assets": {key: asset for key, asset in spot["assets"].items() if key != "pan"}}
    with pytest.raises(DownloadError, match="has no 'pan'; it has"):
        Samples([replace(drawn.places[0], spot=without)], cache, hr="pan")[0]


def test_forked_workers_of_a_data_loader_give_what_one_process_gives(
    drawn: Draw, tmp_path: Path, samples: Samples
) -> None:
    streamed = Samples(drawn.places, tmp_path, frames=3)
    streamed[0]  # its connections are not for the workers
    loader: Any = torch.utils.data.DataLoader(
        streamed,
        batch_size=2,
        num_workers=2,
        collate_fn=stack,
        multiprocessing_context=multiprocessing.get_context("fork"),
    )
    batches = list(loader)
    streamed.close()
    assert [fact["aoi"] for batch in batches for fact in batch["facts"]] == names(drawn)
    for at, batch in enumerate(batches):
        for key, expected in stack(samples[2 * at : 2 * at + 2]).items():
            np.testing.assert_array_equal(batch[key], expected)


def test_samples_can_be_sent_to_another_process_while_they_stream(drawn: Draw, tmp_path: Path) -> None:
    streamed = Samples(drawn.places, tmp_path, frames=1)
    first = streamed[0]  # it has connections now
    sent: Samples = pickle.loads(pickle.dumps(streamed))  # noqa: S301 - our own
    np.testing.assert_array_equal(sent[0]["hr"], first["hr"])
    assert sent[1]["facts"] == streamed[1]["facts"]
    sent.close()
    streamed.close()


def test_a_batch_is_filled_up_and_says_where(samples: Samples) -> None:
    some = [samples[0], samples[1]]
    some[1] = {**some[1], "lr": some[1]["lr"][..., :-3, :-5], "masks": some[1]["masks"][..., :-3, :-5]}
    some[1]["hr"] = some[1]["hr"][:, :-2]
    batch = stack(some)
    height, width = some[1]["masks"].shape[1:]
    np.testing.assert_array_equal(batch["lr"][1, ..., :height, :width], some[1]["lr"])
    assert not batch["lr"][1, ..., height:, :].any()
    assert not batch["masks"][1, ..., width:].any()
    assert batch["hr_masks"].sum(axis=(1, 2)).tolist() == [some[0]["hr"][0].size, some[1]["hr"][0].size]
    assert json.dumps(batch["facts"])
