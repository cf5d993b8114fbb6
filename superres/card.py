"""The model card: what a model was trained on, how it scores beside bicubic, what it cannot do."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from superres.model import BANDS, Model

_COLUMNS: Final = {
    "rmse": ("RMSE", 4),
    "psnr": ("PSNR", 2),
    "cpsnr": ("cPSNR", 2),
    "ssim": ("SSIM", 3),
    "spectral_angle": ("angle", 2),
    "inconsistency": ("inconsistency", 5),
    "improvement": ("improvement", 3),
    "omission": ("omission", 3),
    "hallucination": ("hallucination", 3),
    "coverage": ("coverage", 3),
}
_LIMITS: Final = """\
- The output is synthetic. It is an estimate of what a sensor with pixels of 2.5 m might have seen, not a measurement;
  what is finer than about 6 m is a guess.
- Averages of 4 x 4 output pixels are the input, per band, within 1e-4 reflectance. Anything that is computed from
  averages gains nothing from it.
- It was trained on clear pixels. Clouds, shadows, snow and what lies within the receptive radius of them are not valid.
- The interval holds the truth as often as it says on average over images like those it was calibrated on; in a single
  image it may hold it more or less often."""

_AGAIN: Final = """\
On the real pairs of SPOT and Sentinel-2 of an ingested dataset (SPOT is CC BY-NC 4.0):
`worldstrat train --catalog http://localhost:8000/stac --out my-model`.
On sharp images of your own: `worldstrat train --images FOLDER --out my-model`."""


def model_card(model: Model) -> str:
    """Return the card of a model, in Markdown."""
    spec = model.spec
    network = spec.architecture or {"name": "foreign, ONNX only"}
    facts = {
        "Task": f"super-resolution of Sentinel-2, x{spec.scale} (10 m to 2.5 m), bands {', '.join(BANDS)}",
        "Network": ", ".join(f"{name}: {value}" for name, value in network.items()),
        "Revisits at once": spec.frames,
        "Receptive radius": f"{spec.radius} input pixels",
        "Licence of the weights": spec.license,
        "SHA-256 of model.onnx": model.sha256,
    }
    parts = [
        f"# {spec.title or spec.id} {spec.version}",
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
        "## Trained on",
        _training(spec.training),
        "## Scores on images kept out of training",
        score_table(spec.metrics) if spec.metrics else "Not scored.",
        "## Limits",
        _LIMITS,
        "## Train it again",
        _AGAIN,
    ]
    return "\n\n".join(parts) + "\n"


def score_table(metrics: Mapping[str, Any]) -> str:
    """Return all groups of a report as one table, means over bands, bicubic under the model."""
    rows = [["group", "images", "method", *(title for title, _ in _COLUMNS.values())]]
    for group, methods in metrics["groups"].items():
        for method, scores in methods.items():
            values = [_mean(scores[name], digits) for name, (_, digits) in _COLUMNS.items()]
            rows.append([group, str(scores["images"]), method, *values])
    return markdown_table(rows)


def band_table(metrics: Mapping[str, Any], group: str = "all") -> str:
    """Return the scores of one group per band."""
    names = [name for name in _COLUMNS if isinstance(metrics["groups"][group]["bicubic"][name], list)]
    rows = [["method", "band", *(_COLUMNS[name][0] for name in names)]]
    for method, scores in metrics["groups"][group].items():
        for index, band in enumerate(metrics["bands"]):
            rows.append([method, band, *(f"{scores[name][index]:.{_COLUMNS[name][1]}f}" for name in names)])
    return markdown_table(rows)


def markdown_table(rows: Iterable[list[str]]) -> str:
    """Return rows, the first of which are titles, as a table."""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *body])


def _training(training: Mapping[str, Any]) -> str:
    lines = [f"- Pairs: {training.get('pairs', 'not told')}"]
    recipe = training.get("recipe", {})
    if recipe:
        told = ", ".join(
            f"{name} {recipe[name]}" for name in ("steps", "batch", "side", "rate", "seed") if name in recipe
        )
        told += "; the weights are those that did best on the images for calibration"
        lines.append(f"- Recipe: {told}; command: `{training.get('command', 'worldstrat train')}`")
    if "dropped" in training:
        lines.append(
            f"- Left out, as they show ground of images that were kept for scores: {training['dropped']} images"
        )
    if training.get("set aside"):
        lines.append(
            f"- No official split for {', '.join(training['set aside'])}: training places were set aside instead"
        )
    counts = [["file", "source", "licence", "kind", "trained on", "calibrated on", "scored on"]]
    known = {row.get("file", "").rsplit(".", 1)[0]: row for row in training.get("manifest", [])}
    for source, parts in training.get("images", {}).items():
        row = known.get(source, {})
        words = [row.get(key) or "-" for key in ("source", "licence", "kind")]
        counts.append([source, *words, *(str(count) for count in parts.values())])
    return "\n".join(lines) + "\n\n" + markdown_table(counts)


def _mean(value: Any, digits: int) -> str:
    if value is None:
        return "-"
    mean = sum(value) / len(value) if isinstance(value, list | tuple) else value
    return f"{mean:.{digits}f}"
