"""Training by degradation, from start to model card."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from rich.console import Console

from infra.cli import main
from superres.architecture import Architecture
from superres.checkpoint import NAME, read_facts
from superres.degradation import DegradedImages, degrade, scored_pairs
from superres.errors import CheckpointError, TrainingDataError
from superres.evaluate import calibrate, evaluate
from superres.images import read_images, split_images
from superres.material import Material, from_images
from superres.model import load_model
from superres.pairs import Batch
from superres.registration import PSF, Axis, average
from superres.release import make_model, with_facts
from superres.runtime import open_runtime
from superres.train import Recipe, Run, start, train
from superres.trainer import Release, train_model
from tests.superres.conftest import SMALL, land, random_network

RECIPE = Recipe(SMALL, steps=30, batch=4, side=12, seed=3, data="made up")


@pytest.fixture(scope="module")
def material(images: Path) -> Material:
    torch.set_num_threads(1)
    return from_images(images)


def test_two_hundred_steps_lower_the_loss_and_beat_bicubic(material: Material, tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=200)
    losses: list[float] = []
    train(start(recipe, tmp_path), recipe, material, tmp_path, lambda _, value: losses.append(value))
    assert len(losses) == 200
    assert np.mean(losses[-50:]) < 0.96 * np.mean(losses[:50])
    # The same command again has nothing left to train, and makes the model.
    outcome = train_model(recipe, material, Release("tiny", "1"), tmp_path, Console(quiet=True))
    scores = outcome.model.spec.metrics["groups"]["all"]
    assert np.mean(scores["model"]["rmse"]) < np.mean(scores["bicubic"]["rmse"])
    assert max(scores["model"]["inconsistency"]) < 1e-4
    assert set(outcome.model.spec.metrics["groups"]) == {"all", "source: north", "source: south"}
    card = (tmp_path / "README.md").read_text()
    assert "made up" in card  # the manifest's source
    assert "CC0" in card
    assert "worldstrat train --catalog" in card
    assert f"| all | {len(material.test)} | model |" in card
    assert load_model(tmp_path) == outcome.model


def weights(run: Run) -> torch.Tensor:
    return torch.cat([parameter.flatten() for parameter in run.network.parameters()])


def test_a_run_that_was_stopped_ends_where_one_that_was_not_ends(material: Material, tmp_path: Path) -> None:
    whole = start(RECIPE, tmp_path / "whole")
    train(whole, RECIPE, material, tmp_path / "whole")

    def stop(step: int, _: float) -> None:
        if step == 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(start(RECIPE, tmp_path / "half"), RECIPE, material, tmp_path / "half", stop)
    assert read_facts(tmp_path / "half" / NAME)["step"] == 11
    half = start(RECIPE, tmp_path / "half")
    assert half.step == 11
    train(half, RECIPE, material, tmp_path / "half")
    assert torch.equal(weights(whole), weights(half))


def test_a_checkpoint_of_another_recipe_is_refused_with_what_differs(material: Material, tmp_path: Path) -> None:
    train(start(replace(RECIPE, steps=2), tmp_path), replace(RECIPE, steps=2), material, tmp_path)
    with pytest.raises(CheckpointError, match="another seed: 3"):
        start(replace(RECIPE, steps=2, seed=4), tmp_path)
    (tmp_path / NAME).write_bytes(b"\x80\x04 no checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read"):
        start(replace(RECIPE, steps=2), tmp_path)


def test_the_weights_that_did_best_on_other_images_are_kept(material: Material, tmp_path: Path) -> None:
    run = start(replace(RECIPE, steps=8), tmp_path)
    chosen = train(run, replace(RECIPE, steps=8), material, tmp_path)
    assert [step for step, _ in run.validation] == [8]
    # A later step that is worse changes nothing.
    run.validation = [(4, 0.0)]
    kept = {name: value.clone() for name, value in chosen.state_dict().items()}
    longer = train(run, replace(RECIPE, steps=12), material, tmp_path)
    assert all(torch.equal(kept[name], value) for name, value in longer.state_dict().items())


def test_the_same_seed_draws_the_same_batch_and_another_step_another(material: Material) -> None:
    def draw(*seed: int) -> Batch:
        return material.sampler.draw(3, 12, np.random.default_rng(seed))

    a, same, other = draw(1, 5), draw(1, 5), draw(1, 6)
    assert a.coarse.shape == (3, 4, 12, 12)
    assert a.fine.shape == (3, 4, 48, 48)
    assert (a.coarse == same.coarse).all()
    assert not (a.coarse == other.coarse).all()


def test_a_degraded_image_is_what_a_blurred_sensor_sees_and_lies_where_it_was() -> None:
    image = land(4, 64, 48)
    seen = degrade(image, PSF, 0.0, np.random.default_rng(0))
    assert np.allclose(seen, average(image, Axis.over(64, 16), Axis.over(48, 12), PSF), atol=1e-6)
    assert np.abs(seen.mean((1, 2)) - image.mean((1, 2))).max() < 0.005


def test_draws_of_small_images_and_of_eight_revisits_have_their_shapes(images: Path) -> None:
    split = split_images(read_images(images))
    batch = DegradedImages(split.train, frames=8).draw(2, 40, np.random.default_rng(0))
    assert batch.coarse.shape == (2, 32, 40, 40)
    assert batch.fine.shape == (2, 4, 160, 160)


def test_no_image_that_is_kept_out_shows_ground_that_is_trained_on(tmp_path: Path) -> None:
    places = [land(seed, 96, 96) for seed in range(40, 46)]
    dates = [np.clip(places[-1] * gain, 0, 1) for gain in (0.8, 1.0)]  # one place at three dates
    stack = np.stack([dates[0], *places[:-1], dates[1], places[-1]])
    np.savez(tmp_path / "places.npz", x=np.rint(stack * 1e4).astype(np.uint16))
    split = split_images(read_images(tmp_path))
    assert [image.name for image in split.test] == ["places.npz#6", "places.npz#7"]
    assert "places.npz#0" not in [image.name for image in split.train]
    assert split.dropped == 1


def test_folders_without_images_and_files_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="holds no"):
        read_images(tmp_path)
    np.savez(tmp_path / "rgb.npz", x=np.zeros((2, 3, 64, 64), np.uint16))
    with pytest.raises(TrainingDataError, match=r"not \(n, 4"):
        read_images(tmp_path)
    np.savez(tmp_path / "rgb.npz", x=np.array([{"a": "pickle"}], dtype=object))
    with pytest.raises(TrainingDataError, match="cannot be read"):
        read_images(tmp_path)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_calibrated_interval_holds_its_share_of_pixels_and_nearly_so_on_other_images(
    level: float, images: Path
) -> None:
    pool = scored_pairs(tuple(read_images(images)))
    model = make_model(random_network(SMALL), "small", "1")
    runtime = open_runtime(model, threads=1)
    calibrated = with_facts(model, interval=calibrate(pool[:8], runtime, model, level))
    own, other = (evaluate(part, runtime, calibrated).groups["all"] for part in (pool[:8], pool[8:]))
    assert own["model"].coverage == pytest.approx([level] * 4, abs=1e-3)
    assert other["model"].coverage == pytest.approx([level] * 4, abs=0.08)
    assert own["bicubic"].coverage is None


def test_the_command_trains_goes_on_and_is_scored_again(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [
        "train",
        "--images",
        str(images),
        "--out",
        str(out),
        "--steps",
        "4",
        "--channels",
        "4",
        "--blocks",
        "1",
    ]
    arguments += ["--batch", "2", "--side", "12", "--threads", "1", "--id", "mine", "--json"]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    result = json.loads(first.stdout)
    assert result["id"] == "mine"
    again = json.loads(CliRunner().invoke(main, arguments).stdout)
    assert again["sha256"] == result["sha256"]  # nothing was left to train
    scored = CliRunner().invoke(main, ["evaluate", "--images", str(images), "--model", str(out), "--json"])
    assert json.loads(scored.stdout)["groups"] == result["metrics"]["groups"]
    table = CliRunner().invoke(main, ["evaluate", "--images", str(images), "--model", str(out), "--runtime", "torch"])
    assert "bicubic" in table.stdout
    other = CliRunner().invoke(main, [*arguments, "--seed", "9"])
    assert other.exit_code == 1
    assert "another seed" in other.stderr


@pytest.mark.parametrize("given", [[], ["--images", "x", "--catalog", "http://localhost"]])
def test_the_command_wants_one_source_of_pairs(given: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["train", "--out", str(tmp_path), *given])
    assert result.exit_code == 2
    assert "either --images FOLDER or --catalog URL" in result.stderr


@pytest.mark.parametrize(
    "architecture", [Architecture("srcnn", 8, 0), Architecture("highresnet", 4, 1)], ids=lambda a: a.name
)
def test_the_baselines_are_trained_by_the_same_command(
    architecture: Architecture, images: Path, tmp_path: Path
) -> None:
    material = from_images(images, architecture.frames)
    recipe = replace(RECIPE, architecture=architecture, steps=3, batch=2)
    outcome = train_model(recipe, material, Release("baseline", "1"), tmp_path, Console(quiet=True))
    assert outcome.model.spec.frames == architecture.frames
    assert outcome.model.spec.metrics["groups"]["all"]["model"]["images"] == len(material.test)
