"""Spectral indices by name, from spyndex, written in our own language of band names.

spyndex's formulas are text over short names (`N`, `R`) and constants (`L`, `g`). Here the bands get the common names of
ours and the constants their values, so that an index is an expression like any a caller writes, and as bounded.
"""

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from catalog.bands import SENTINEL2_BANDS, SPOT_BANDS, Band
from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.render import NDVI_RANGE
from server.raster.errors import InvalidExpressionError, InvalidRequestError
from server.raster.expression import MAX_OUTPUTS, parse_expression

Range = tuple[float, float]

_BANDS: Mapping[str, str] = {
    "A": "coastal",
    "B": "blue",
    "G": "green",
    "R": "red",
    "RE1": "rededge071",
    "RE2": "rededge075",
    "RE3": "rededge078",
    "N": "nir",
    "N2": "nir08",
    "WV": "nir09",
    "S1": "swir16",
    "S2": "swir22",
}
"""spyndex's names of bands, and the common names of ours."""
_WAVELENGTHS = {
    "lambdaG": "green",
    "lambdaR": "red",
    "lambdaN": "nir",
    "lambdaN2": "nir08",
    "lambdaS1": "swir16",
    "lambdaS2": "swir22",
}
_NANOMETRES = 1000.0
_COLLECTIONS: Mapping[str, tuple[Band, ...]] = {
    COLLECTION_L2A: SENTINEL2_BANDS,
    COLLECTION_L1C: SENTINEL2_BANDS,
    COLLECTION_SPOT: SPOT_BANDS,
}
_COLORMAPS = {"vegetation": "rdylgn", "water": "rdylbu", "burn": "rdylgn", "snow": "blues_r", "urban": "rdylgn_r"}
_OTHER_COLORMAP = "viridis"
_RANGES: Mapping[str, Range] = {"NDVI": (NDVI_RANGE[0], NDVI_RANGE[1])}
_ANY_RANGE: Range = (-1.0, 1.0)
# Reflectance of water, bare soil, dense vegetation, snow, burnt ground and a town, after published spectra.
_SURFACES: Mapping[str, tuple[float, ...]] = {
    "coastal": (0.05, 0.09, 0.02, 0.85, 0.04, 0.11),
    "blue": (0.05, 0.10, 0.03, 0.88, 0.05, 0.12),
    "green": (0.04, 0.14, 0.06, 0.90, 0.06, 0.14),
    "red": (0.02, 0.19, 0.03, 0.90, 0.07, 0.16),
    "rededge071": (0.02, 0.21, 0.10, 0.88, 0.09, 0.18),
    "rededge075": (0.015, 0.23, 0.30, 0.87, 0.10, 0.20),
    "rededge078": (0.015, 0.25, 0.38, 0.86, 0.11, 0.21),
    "nir": (0.01, 0.27, 0.42, 0.84, 0.12, 0.22),
    "nir08": (0.01, 0.28, 0.43, 0.82, 0.13, 0.23),
    "nir09": (0.01, 0.29, 0.40, 0.60, 0.14, 0.23),
    "swir16": (0.005, 0.35, 0.18, 0.12, 0.22, 0.26),
    "swir22": (0.004, 0.30, 0.08, 0.08, 0.25, 0.24),
}
_FOLDED: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


@dataclass(frozen=True)
class SpectralIndex:
    """One index, in our language."""

    name: str
    """Short name, such as `NDVI`."""
    long_name: str
    """The name in words."""
    domain: str
    """What it is for: vegetation, water, burn, snow, soil, urban, kernel."""
    formula: str
    """spyndex's own formula."""
    constants: Mapping[str, float]
    """The values of the constants in it."""
    expressions: Mapping[str, str]
    """For each collection whose bands suffice, what to give as `expression` for the same numbers."""
    missing: Mapping[str, tuple[str, ...]]
    """For each other collection, the common names of the bands that it lacks."""
    bands: tuple[str, ...]
    """Common names of its bands."""
    reference: str
    """Where it was published."""
    rescale: Range
    """From the lowest to the highest of six ordinary surfaces: what pictures show, unless told otherwise."""
    colormap_name: str
    """Colours of pictures, unless told otherwise."""


@cache
def spectral_indices() -> Mapping[str, SpectralIndex]:
    """Return all indices that at least one collection has the bands for, by short name.

    spyndex takes half a second to import, so it waits for the first request that needs it.
    """
    import spyndex  # type: ignore[import-untyped]  # noqa: PLC0415

    constants = {name: spyndex.constants[name].default for name in spyndex.constants}
    found = (_translate(spyndex.indices[name], constants) for name in sorted(spyndex.indices, key=str.lower))
    return MappingProxyType({index.name: index for index in found if index})


def find_index(name: str) -> SpectralIndex:
    """Return an index by its short name, in any case.

    Raises:
        InvalidRequestError: there is none.
    """
    known = spectral_indices()
    by_case = {key.lower(): key for key in known}
    key = name if name in known else by_case.get(name.lower())
    if key is None:
        near = [other for other in known if name[:3].lower() == other[:3].lower()][:5]
        hint = f", such as {', '.join(near)}" if near else ""
        raise InvalidRequestError(f"There is no index {name[:40]!r}; GET /raster/indices lists {len(known)}{hint}.")
    return known[key]


def find_indices(names: Iterable[str], collection: str) -> tuple[SpectralIndex, ...]:
    """Return indices by name.

    Raises:
        InvalidRequestError: one is unknown, the collection lacks its bands, or there are too many.
    """
    found = tuple(find_index(name) for name in names)
    if not 1 <= len(found) <= MAX_OUTPUTS:
        raise InvalidRequestError(f"1 to {MAX_OUTPUTS} indices are computed at once, not {len(found)}.")
    for index in found:
        if lacking := index.missing.get(collection):
            raise InvalidRequestError(
                f"{index.name} needs {', '.join(index.bands)}; {collection!r} has no {', '.join(lacking)}. "
                f"GET /raster/indices?collection={collection} lists those that it has the bands for."
            )
    return found


def expression_of(indices: Iterable[SpectralIndex], collection: str) -> str:
    """Return the expression of some indices; of a collection that is not ours, as of Sentinel-2."""
    return ";".join(index.expressions.get(collection) or next(iter(index.expressions.values())) for index in indices)


def _translate(index: Any, constants: Mapping[str, float | None]) -> SpectralIndex | None:
    names = {node.id for node in ast.walk(ast.parse(index.formula)) if isinstance(node, ast.Name)}
    bands = tuple(_BANDS[name] for name in sorted(_letters(names, constants)) if name in _BANDS)
    lacks = {
        collection: tuple(band for band in bands if band not in {one.common_name for one in own})
        for collection, own in _COLLECTIONS.items()
    }
    written = {
        collection: text
        for collection, own in _COLLECTIONS.items()
        if not lacks[collection] and (text := _write(index.formula, constants, own))
    }
    if not written:
        return None
    named = names | {"sigma"} if any(_is_kernel(name, constants) for name in names) else names
    used = {name: value for name in sorted(named) if (value := constants.get(name)) is not None}
    return SpectralIndex(
        name=index.short_name,
        long_name=index.long_name,
        domain=index.application_domain,
        formula=index.formula,
        constants=MappingProxyType(used),
        expressions=MappingProxyType(written),
        missing=MappingProxyType({name: lacking for name, lacking in lacks.items() if lacking}),
        bands=bands,
        reference=index.reference,
        rescale=_RANGES.get(index.short_name) or _ordinary_range(next(iter(written.values()))),
        colormap_name=_COLORMAPS.get(index.application_domain, _OTHER_COLORMAP),
    )


def _letters(names: Iterable[str], constants: Mapping[str, float | None]) -> set[str]:
    """Return the names in a formula, a kernel's two apart: `kNR` is the likeness of N and R."""
    return {part for name in names for part in (name[1:] if _is_kernel(name, constants) else (name,))}


def _is_kernel(name: str, constants: Mapping[str, float | None]) -> bool:
    return len(name) == 3 and name[0] == "k" and all(part in _BANDS or part in constants for part in name[1:])  # noqa: PLR2004


def _write(formula: str, constants: Mapping[str, float | None], bands: Iterable[Band]) -> str | None:
    """Return a formula in our language, None where it cannot be said in it: radar, heat, median of an image."""
    wavelengths = {band.common_name: band.center_wavelength for band in bands}
    values = dict(constants)
    for name, band in _WAVELENGTHS.items():
        micrometres = wavelengths.get(band)
        values[name] = micrometres * _NANOMETRES if micrometres else None
    try:
        text = ast.unparse(_Names(values).visit(ast.parse(formula, mode="eval").body))
        parse_expression(text)
    except (KeyError, InvalidExpressionError):
        return None
    return text


class _Names(ast.NodeTransformer):
    """Gives bands our names and constants their values, and reckons what is left without bands."""

    def __init__(self, constants: Mapping[str, float | None]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace a name."""
        if node.id in _BANDS:
            return ast.Name(_BANDS[node.id], ast.Load())
        if _is_kernel(node.id, self._constants):
            return self._likeness(*node.id[1:])
        value = self._constants[node.id]
        if value is None:
            raise KeyError(node.id)
        return ast.Constant(value)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Reckon what holds no band: an exponent must be a plain number."""
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
            return ast.Constant(_FOLDED[type(node.op)](left.value, right.value))
        return ast.BinOp(left, node.op, right)

    def _likeness(self, left: str, right: str) -> ast.expr:
        """Return the Gaussian kernel of two bands, with spyndex's length scale."""
        if left == right:
            return ast.Constant(1.0)
        sigma = self._constants["sigma"] or 1.0
        kernel = f"exp((({left} - {right}) ** 2) * {-1 / (2 * sigma**2)})"
        call = ast.parse(kernel, mode="eval").body
        assert isinstance(call, ast.Call)  # noqa: S101 - it was written one line above
        return ast.Call(call.func, [self.visit(argument) for argument in call.args], [])


def _ordinary_range(expression: str) -> Range:
    """Return what an index gives on ordinary surfaces, a little rounded."""
    values = parse_expression(expression).evaluate({name: np.array(_SURFACES[name]) for name in _SURFACES})[0]
    known = values[np.isfinite(values)]
    low, high = (float(f"{edge:.2g}") for edge in (known.min(initial=np.inf), known.max(initial=-np.inf)))
    return (low, high) if low < high else _ANY_RANGE
