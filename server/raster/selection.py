"""From names of bands to the rasters and band numbers that hold them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.raster.errors import InvalidRequestError, UnknownAssetError, UnknownBandError, UnknownRenderError
from server.raster.expression import Expression, parse_expression
from server.raster.indices import SpectralIndex, expression_of, find_indices
from server.raster.record import AssetRecord, ItemRecord


@dataclass(frozen=True)
class Pick:
    """One band of one raster."""

    name: str
    """The name by which it was asked for."""
    asset: AssetRecord
    """The raster that holds it."""
    index: int
    """Its number there, from 1."""


@dataclass(frozen=True)
class Selection:
    """What to read of an item and what to make of it."""

    picks: tuple[Pick, ...]
    """Bands in the order they were asked for."""
    expression: Expression | None = None
    """Arithmetic over the bands; without one they are given as they are."""
    render: Mapping[str, Any] | None = None
    """The stored render that says how to paint it."""
    explicit: bool = False
    """The caller asked for that render, rather than for nothing."""
    indices: tuple[SpectralIndex, ...] = ()
    """The indices that the expression computes, where the caller asked for some."""

    @property
    def reads(self) -> tuple[tuple[AssetRecord, tuple[int, ...]], ...]:
        """Rasters and the band numbers to read of each, the finest grid first."""
        reads: dict[str, tuple[AssetRecord, list[int]]] = {}
        for pick in self.picks:
            indexes = reads.setdefault(pick.asset.key, (pick.asset, []))[1]
            if pick.index not in indexes:
                indexes.append(pick.index)
        finest = sorted(reads.values(), key=lambda read: -read[0].grid.width)
        return tuple((asset, tuple(indexes)) for asset, indexes in finest)

    @property
    def names(self) -> list[str]:
        """Names of the bands that come out."""
        if self.indices:
            return [index.name for index in self.indices]
        if self.expression:
            return [text for text, _ in self.expression.outputs]
        return [pick.name for pick in self.picks]


def select(
    item: ItemRecord,
    *,
    assets: Sequence[str] = (),
    bands: Sequence[str] = (),
    expression: str | None = None,
    index: Sequence[str] = (),
    render: str | None = None,
    everything: bool = False,
) -> Selection:
    """Find what a caller asks for.

    Args:
        item: the item.
        assets: keys of the rasters to look in, in this order; all, the default one first, where none is given.
        bands: names or common names of bands.
        expression: arithmetic over names or common names of bands.
        index: names of spectral indices, which stand for an expression.
        render: name of a stored render; its bands are taken where the caller gives neither bands nor expression.
        everything: without bands, expression and render take all bands, rather than the default render.

    Raises:
        InvalidRequestError: a name is unknown or the expression is none.
    """
    if index and (bands or expression):
        raise InvalidRequestError("Choose an index, an expression or bands, not two of them.")
    indices = find_indices(index, item.collection) if index else ()
    expression = expression_of(indices, item.collection) if indices else expression
    stored = _stored_render(item, assets, render, chosen=bool(bands or expression or everything))
    if stored and not (bands or expression):
        assets = assets or stored.get("assets", ())
        bands, expression = stored.get("bands", ()), stored.get("expression")
    searched = _searched(item, assets)
    if expression:
        parsed = parse_expression(expression)
        return Selection(_find_all(item, searched, parsed.names), parsed, stored, render is not None, indices)
    picks = _find_all(item, searched, bands) if bands else _all_bands(searched if assets else searched[:1])
    return Selection(picks, None, stored, render is not None)


def choose_assets(item: ItemRecord, keys: Iterable[str]) -> list[AssetRecord]:
    """Return the rasters of these keys, the default one where no key is given.

    Raises:
        UnknownAssetError: the item has no such raster.
    """
    keys = list(keys)
    unknown = [key for key in keys if key not in item.assets]
    if unknown:
        raise UnknownAssetError(f"{item.id!r} has no raster {unknown[0]!r}; it has {', '.join(item.assets)}.")
    return [item.assets[key] for key in keys] or [item.default_asset]


def _stored_render(
    item: ItemRecord, assets: Sequence[str], render: str | None, *, chosen: bool
) -> Mapping[str, Any] | None:
    if render is not None:
        if render not in item.renders:
            known = ", ".join(item.renders) or "none"
            raise UnknownRenderError(f"The collection {item.collection!r} stores no render {render!r}; it has {known}.")
        return item.renders[render]
    if chosen:
        return None
    if assets:
        # `assets=scl` is painted as the render of exactly this raster says, where there is one.
        return next(
            (stored for stored in item.renders.values() if list(stored.get("assets", ())) == list(assets)), None
        )
    return item.renders[item.default_render] if item.default_render else None


def _searched(item: ItemRecord, assets: Sequence[str]) -> list[AssetRecord]:
    chosen = choose_assets(item, assets)
    return chosen if assets else [*chosen, *(asset for asset in item.assets.values() if asset is not chosen[0])]


def _all_bands(assets: Sequence[AssetRecord]) -> tuple[Pick, ...]:
    qualified = len(assets) > 1
    return tuple(
        Pick(f"{asset.key}:{band.name}" if qualified else band.name, asset, index)
        for asset in assets
        for index, band in enumerate(asset.bands, 1)
    )


def _find_all(item: ItemRecord, assets: Sequence[AssetRecord], names: Iterable[str]) -> tuple[Pick, ...]:
    table = _lookup_table(assets)
    picks = []
    for name in names:
        found = table.get(_plain(name))
        if found is None:
            raise UnknownBandError(f"{item.id!r} has no band {name!r}; it has {_known(assets)}.")
        picks.append(Pick(name, *found))
    return tuple(picks)


def _lookup_table(assets: Sequence[AssetRecord]) -> dict[str, tuple[AssetRecord, int]]:
    table: dict[str, tuple[AssetRecord, int]] = {}
    for asset in assets:
        for index, band in enumerate(asset.bands, 1):
            for name in (f"{asset.key}:{band.name}", band.name, band.common_name):
                if name:
                    table.setdefault(_plain(name), (asset, index))
    return table


def _plain(name: str) -> str:
    # An expression cannot write `data-mask`: the hyphen would subtract.
    return name.lower().replace("-", "_")


def _known(assets: Sequence[AssetRecord]) -> str:
    bands = dict.fromkeys(
        f"{band.name} ({band.common_name})" if band.common_name not in {None, band.name} else band.name
        for asset in assets
        for band in asset.bands
    )
    return ", ".join(bands)
