"""A model: one description and two files, hash-checked before anything looks into them; nothing is ever unpickled.

A folder holds `model.json` (the description, with the hash of each file), `model.onnx` (the network as one file) and,
for networks of ours, `weights.safetensors` (the same weights for PyTorch).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from superres.errors import ModelError

BANDS: Final = ("B02", "B03", "B04", "B08")
"""Bands of every input and output, in this order: the order in which an item stores them."""
SCALE: Final = 4
"""10 m to 2.5 m."""

DESCRIPTION: Final = "model.json"
ONNX: Final = "model.onnx"
WEIGHTS: Final = "weights.safetensors"
MAX_BYTES: Final = 256 * 1024 * 1024
"""Largest file of a model."""
MAX_RADIUS: Final = 128
"""Largest receptive radius, in input pixels: every block of an item is read with so much around it."""

_PLACE = "weights"
_DEFAULT = "worldstrat-x4"

Factor = Annotated[float, Field(gt=0, lt=1000, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileSpec(_Part):
    """One file of a model."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Hash of its bytes."""
    size: int = Field(gt=0, le=MAX_BYTES)
    """Its bytes."""


class InputScaling(_Part):
    """What the network is given: `reflectance * multiply + add`; its answer is turned back the same way."""

    multiply: Factor = 1.0
    """Factor of reflectance."""
    add: float = Field(default=0.0, allow_inf_nan=False)
    """What is added after that."""


class Interval(_Part):
    """How the half-widths that the network tells become an interval that holds what it says."""

    level: float = Field(default=0.9, gt=0, lt=1)
    """Share of pixels whose truth lies within the interval."""
    factors: tuple[Factor, ...] = (1.0,) * len(BANDS)
    """Factor per band, measured on images that were not trained on."""


class ModelSpec(_Part):
    """What a model is: `model.json`."""

    id: str = Field(pattern="^[a-z0-9][a-z0-9._-]{0,99}$")
    """Name; the id of its item in the catalog."""
    version: str = Field(pattern=r"^[0-9A-Za-z.+-]{1,40}$")
    """Version of the weights."""
    title: str = ""
    """One line for people."""
    bands: tuple[str, ...] = BANDS
    """Bands of input and output."""
    scale: int = SCALE
    """How many times finer the output is."""
    frames: int = Field(default=1, ge=1, le=16)
    """Revisits that go in together, stacked along the bands; 1 for a single image."""
    radius: int = Field(ge=0, le=MAX_RADIUS)
    """Receptive radius in input pixels: an output pixel depends on nothing farther away."""
    scaling: InputScaling = InputScaling()
    """From reflectance to what the network is given."""
    interval: Interval | None = None
    """Calibration of the second output; None where the network has no second output."""
    architecture: dict[str, Any] | None = None
    """How to build the network in PyTorch; None for a network that comes as ONNX alone."""
    license: str = "other"
    """SPDX identifier, or `other`."""
    training: dict[str, Any] = {}
    """On what and how it was trained."""
    metrics: dict[str, Any] = {}
    """Scores on images kept out of training."""
    files: dict[str, FileSpec]
    """The files beside this one."""


@dataclass(frozen=True)
class Model:
    """A description with the bytes that it describes, checked against their hashes."""

    spec: ModelSpec
    """The description."""
    onnx: bytes
    """The network."""
    weights: bytes | None = None
    """Its weights for PyTorch; None for a network that comes as ONNX alone."""

    @property
    def id(self) -> str:
        """Name of the model."""
        return self.spec.id

    @property
    def version(self) -> str:
        """Version of the weights."""
        return self.spec.version

    @property
    def scale(self) -> int:
        """How many times finer the output is."""
        return self.spec.scale

    @property
    def radius(self) -> int:
        """Receptive radius in input pixels."""
        return self.spec.radius

    @property
    def sha256(self) -> str:
        """Hash of the network, which is what answers are labelled with."""
        return self.spec.files[ONNX].sha256


def load_model(folder: Path | Traversable, sha256: str | None = None) -> Model:
    """Read a model's folder.

    Args:
        folder: holds `model.json` and the files it lists.
        sha256: hash that the network must have, where somebody else vouches for it.

    Raises:
        ModelError: a file is missing, is not what its hash says, or the description breaks the contract.
    """
    wanted = [folder.joinpath(name) for name in (DESCRIPTION, ONNX, WEIGHTS)]
    try:
        found = {file.name: file.read_bytes() for file in wanted if file.is_file()}
    except OSError as error:
        raise ModelError(f"{folder}: the model cannot be read: {error}.") from error
    return model_from_bytes(found, sha256, where=str(folder))


def model_from_bytes(found: Mapping[str, bytes], sha256: str | None = None, where: str = "model") -> Model:
    """Put a model together from the bytes of its files, by name.

    Raises:
        ModelError: as `load_model`.
    """
    if DESCRIPTION not in found:
        raise ModelError(f"{where}: there is no {DESCRIPTION}. `worldstrat train` writes one beside the network.")
    spec = parse_spec(found[DESCRIPTION], where)
    for name, file in spec.files.items():
        if name not in found:
            raise ModelError(f"{where}: {name} is missing, though {DESCRIPTION} lists it.")
        _check(found[name], file, f"{where}: {name}")
    if sha256 is not None and spec.files[ONNX].sha256 != sha256:
        raise ModelError(f"{where}: {ONNX} has hash {spec.files[ONNX].sha256}, not {sha256} as it should.")
    return Model(spec, found[ONNX], found[WEIGHTS] if WEIGHTS in spec.files else None)


def parse_spec(text: bytes, where: str = "model") -> ModelSpec:
    """Read a description and hold it against the contract.

    Raises:
        ModelError: it is no description, or of a model that cannot serve here.
    """
    try:
        spec = ModelSpec.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or DESCRIPTION
        raise ModelError(f"{where}: {place} in {DESCRIPTION}: {first['msg']}.") from error
    if spec.bands != BANDS:
        raise ModelError(
            f"{where}: a model's bands are {', '.join(BANDS)}, in this order, not {', '.join(spec.bands)}."
        )
    if spec.scale != SCALE:
        raise ModelError(f"{where}: a model's scale is {SCALE}, not {spec.scale}.")
    if spec.interval and len(spec.interval.factors) != len(BANDS):
        raise ModelError(f"{where}: the interval needs {len(BANDS)} factors, not {len(spec.interval.factors)}.")
    unknown = sorted(set(spec.files) - {ONNX, WEIGHTS})
    if unknown or ONNX not in spec.files:
        raise ModelError(f"{where}: a model's files are {ONNX} and {WEIGHTS}, not {', '.join(unknown) or 'none'}.")
    return spec


@cache
def default_model() -> Model:
    """Return the model that comes with the package.

    Raises:
        ModelError: the installation is damaged.
    """
    return load_model(files("superres").joinpath(_PLACE, _DEFAULT))


def describe_file(content: bytes) -> FileSpec:
    """Return hash and size of a file's bytes."""
    return FileSpec(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def _check(content: bytes, file: FileSpec, where: str) -> None:
    if len(content) != file.size:
        raise ModelError(f"{where} has {len(content):,} bytes, not {file.size:,} as {DESCRIPTION} says.")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise ModelError(f"{where} has hash {digest}, not {file.sha256} as {DESCRIPTION} says. It was changed.")
