"""`worldstrat train` and `worldstrat evaluate`; PyTorch is imported only when one of them runs."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markdown import Markdown

from catalog.constants import LEVEL_COLLECTIONS
from catalog.progress import StepProgress
from superres.architecture import Architecture
from superres.card import band_table, score_table
from superres.errors import InferenceError
from superres.material import SPLITS, Material, Split, from_catalog, from_images
from superres.model import default_model, load_model
from superres.runtime import open_runtime

if TYPE_CHECKING:
    from collections.abc import Callable

_IMAGES = click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="Folder of sharp images (.npz with x: uint16 (n, 4, h, w), or GeoTIFF; B02, B03, B04, B08) to degrade.",
)
_CATALOG = click.option(
    "--catalog", metavar="URL", help="STAC API of a WorldStrat server: SPOT and Sentinel-2 as pairs."
)
_LEVEL = click.option("--level", type=click.Choice(list(LEVEL_COLLECTIONS)), default="L2A", show_default=True)
_PLACES = click.option("--places", type=click.IntRange(1), help="Most places of each split of the catalog.")
_THREADS = click.option("--threads", type=click.IntRange(1), help="Cores to use; all if not set.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")


@click.command()
@_IMAGES
@_CATALOG
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of checkpoint and model.")
@click.option("--steps", type=click.IntRange(1), default=20_000, show_default=True, help="Batches to train on.")
@click.option(
    "--architecture",
    type=click.Choice(["plain", "srcnn", "highresnet"]),
    default="plain",
    show_default=True,
    help="Ours, or a baseline; highresnet fuses eight revisits.",
)
@click.option("--channels", type=click.IntRange(1, 512), default=32, show_default=True, help="Width of the network.")
@click.option("--blocks", type=click.IntRange(0, 64), default=4, show_default=True, help="Residual blocks.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Cuts in a batch.")
@click.option("--side", type=click.IntRange(8, 512), default=20, show_default=True, help="Side of a cut, 10 m pixels.")
@click.option("--rate", type=click.FloatRange(1e-7, 1), default=2e-3, show_default=True, help="Highest learning rate.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same weights.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1")
@click.option("--id", "name", default="worldstrat-x4", show_default=True, help="Name of the model.")
@click.option("--version", default="0.1.0", show_default=True, help="Version of its weights.")
@click.option(
    "--license", "licence", default="other", show_default=True, help="SPDX identifier of the weights' licence."
)
@_LEVEL
@_PLACES
@_THREADS
@_JSON
def train(out: Path, as_json: bool, threads: int | None, **options: Any) -> None:
    """Train a network that makes 2.5 m of Sentinel-2's 10 m.

    Pairs come from a catalog (--catalog: SPOT against the closest clear revisit of each place, official splits, places
    in two splits left out), or are made of sharp images by degradation (--images). OUT gets a checkpoint now and then;
    the same command goes on from it. In the end OUT holds model.json, model.onnx, weights.safetensors, metrics.json
    with the scores on what was kept out of training, and the model card README.md.

    Ctrl-C leaves a checkpoint; the exit code is then 130.
    """
    _need_torch()
    import torch  # noqa: PLC0415 - two seconds, which `worldstrat --help` must not take

    from superres.train import Recipe  # noqa: PLC0415
    from superres.trainer import Release, train_model  # noqa: PLC0415

    if threads:
        torch.set_num_threads(threads)
    console = Console(stderr=True)
    architecture = Architecture(options["architecture"], options["channels"], options["blocks"])
    material = _material(options, architecture.frames, out / "pairs", console)
    data = str(options["images"] or options["catalog"])
    shared = {key: options[key] for key in ("steps", "batch", "side", "rate", "seed")}
    release = Release(options["name"], options["version"], license=options["licence"], command=_command())
    recipe = Recipe(architecture, data=data, **shared)
    outcome = train_model(recipe, material, release, out, console, device=options["device"])
    _print(outcome.to_json() if as_json else None, outcome.model.spec.metrics)


@click.command()
@_IMAGES
@_CATALOG
@click.option("--model", "folder", type=click.Path(path_type=Path), help="Folder of a model; ours if not set.")
@click.option(
    "--pairs",
    type=click.Path(path_type=Path),
    default=Path("worldstrat-pairs"),
    show_default=True,
    help="Folder that keeps the pairs of a catalog.",
)
@click.option("--runtime", type=click.Choice(["onnx", "torch"]), default="onnx", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1")
@_LEVEL
@_PLACES
@_THREADS
@_JSON
def evaluate(folder: Path | None, as_json: bool, **options: Any) -> None:
    """Score a model beside bicubic interpolation, on what training keeps out.

    With --images, the last images of each file; with --catalog, the test split. Scores per band and group (source, land
    use): RMSE, PSNR, cPSNR, SSIM, spectral angle, consistency, the share of improvement, omission and hallucination as
    opensr-test defines them, and how often the interval holds the truth.
    """
    from superres.evaluate import evaluate as run_evaluate  # noqa: PLC0415 - `--help` needs none of it

    console = Console(stderr=True)
    model = load_model(folder) if folder else default_model()
    runtime = open_runtime(model, options["runtime"], options["device"], options["threads"])
    test = _material(options, model.spec.frames, options["pairs"], console, splits=("test",)).test
    with StepProgress(console, "scores", len(test)) as bar:
        metrics = run_evaluate(test, runtime, model, bar.at).to_json()
    _print(
        {"model": model.id, "version": model.version, "sha256": model.sha256, **metrics} if as_json else None, metrics
    )


def _material(
    options: dict[str, Any], frames: int, folder: Path, console: Console, splits: Sequence[Split] = SPLITS
) -> Material:
    if bool(options["images"]) == bool(options["catalog"]):
        raise click.UsageError("Give either --images FOLDER or --catalog URL.")
    if options["images"]:
        return from_images(options["images"], frames)
    with StepProgress(console, "places", None) as bar:
        tell: Callable[[str, str | None], None] = _Places(bar, console)
        asked = {"frames": frames, "level": options["level"], "places": options["places"]}
        return from_catalog(options["catalog"], folder, tell, splits, **asked)


class _Places:
    """Counts places, and says which were dropped and why."""

    def __init__(self, bar: StepProgress, console: Console) -> None:
        self._bar, self._console, self._count = bar, console, 0

    def __call__(self, name: str, reason: str | None) -> None:
        self._count += 1
        self._bar.at(self._count)
        if reason:
            self._console.print(f"{name} is left out: {reason}", highlight=False)


def _print(result: dict[str, Any] | None, metrics: dict[str, Any]) -> None:
    if result is not None:
        click.echo(json.dumps(result))
        return
    Console(width=200).print(Markdown(score_table(metrics)), Markdown(band_table(metrics)))


def _command() -> str:
    return shlex.join(["worldstrat", *sys.argv[1:]])


def _need_torch() -> None:
    try:
        import onnx  # noqa: F401, PLC0415
        import safetensors  # noqa: F401, PLC0415
        import torch  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise InferenceError(f"{error.name} is not installed: pip install 'worldstrat[train]'.") from error
