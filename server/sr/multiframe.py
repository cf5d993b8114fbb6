"""One image at 2.5 m of several revisits of a place: which they are, where they lie, and the pixels of all together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from server.limits.gone import stop_if_gone
from server.raster.cache import LoadingCache
from server.raster.chip import Chips
from server.raster.errors import InvalidRequestError, NoRevisitError
from server.raster.record import Grid, ItemRecord, digest
from server.raster.time.align import common_grid
from server.raster.time.aoi import AoiRecord, Revisit
from server.raster.time.revisits import in_order
from server.raster.time.stack import MAX_VALUES
from server.raster.warp import pick
from server.sr.chip import Chip, read_chip
from server.sr.product import Pixels
from server.sr.record import ASSET, Layer, Recipe, derive, source_of
from server.sr.settings import SuperResolutionSettings
from server.sr.source import UpscaledSource
from server.sr.store import compute
from server.sr.upscaler import Turns, Upscaler
from superres.inference import Upscaled
from superres.model import BANDS, SCALE, Model
from superres.multiframe import Frame, Placed, fuse, place_frames, stack_frames

MAX_PLANS: Final = 1024
"""Most places whose registered revisits are remembered: a few hundred bytes each."""
Sources = LoadingCache[tuple[str, str], UpscaledSource]


@dataclass(frozen=True)
class Plan:
    """Which revisits of a place go together, and where each lies."""

    revisits: tuple[Revisit, ...]
    """Those that are used, the reference first."""
    placed: tuple[Placed, ...]
    """Where each lies."""
    left_out: tuple[tuple[str, str], ...]
    """Those that are not, by item and reason."""

    @property
    def reference(self) -> ItemRecord:
        """The item whose date and averages the image has."""
        return self.revisits[0].item


@dataclass(frozen=True)
class Fusing:
    """Makes of a reference what all revisits together say: an upscaler of one place."""

    frames: Sequence[Frame]
    """The revisits, the reference first."""
    placed: Sequence[Placed]
    """Where each lies."""
    upscaler: Upscaler
    """Who computes."""

    def upscale(self, chip: Chip, model: Model) -> Upscaled:
        """Super-resolve the reference with the help of the others; the errors are those of the upscaler."""
        if model.spec.frames > 1:
            stacked = stack_frames(self.frames, self.placed, model.spec.frames)
            return self.upscaler.upscale(replace(chip, reflectance=stacked), model)
        alone = (Chip(frame.reflectance, frame.valid, chip.transform) for frame in self.frames)
        made = [self.upscaler.upscale(each, model) for each in alone]
        return fuse(self.frames[0], self.placed, made, model.scale)


class Fusions:
    """Images of several revisits, computed a few at a time."""

    def __init__(self, chips: Chips, upscaler: Upscaler, settings: SuperResolutionSettings) -> None:
        """Create it.

        Args:
            chips: the objects of items.
            upscaler: who computes.
            settings: how many compute at a time, and how many wait.
        """
        self._chips = chips
        self._upscaler = upscaler
        self._turns = Turns(settings, "images of several revisits wait")
        self._plans: LoadingCache[str, Plan] = LoadingCache(MAX_PLANS)
        self.sources: Sources = LoadingCache(MAX_PLANS)
        """What tiles are made of, by the version of the place and the query."""

    def plan(self, revisits: Sequence[Revisit], *, mask_clouds: bool) -> Plan:
        """Choose the clearest of revisits as the reference, and register the others to it.

        Args:
            revisits: the candidates, the best first.
            mask_clouds: clouds are no data.

        Raises:
            NoRevisitError: no two of them go together.
            InvalidRequestError: they are too many or too large.
            NotUpscalableError: they have not the bands for it.
        """
        versions = [mask_clouds, *(revisit.item.version for revisit in revisits)]
        return self._plans.get(digest(versions), lambda: self._place(revisits, mask_clouds=mask_clouds))

    def pixels(self, plan: Plan, recipe: Recipe) -> Pixels:
        """Compute what a recipe makes of revisits.

        Raises:
            BusyError: too many are waiting already.
            RasterError: an object cannot be read, or the worker failed.
        """
        with self._turns.take():
            grid = source_of(plan.reference).grid
            chips = [self._read(revisit, grid, mask_clouds=recipe.mask_clouds) for revisit in plan.revisits]
            frames = [Frame(chip.reflectance, chip.valid) for chip in chips]
            return compute(chips[0], recipe, Fusing(frames, plan.placed, self._upscaler))

    def _place(self, revisits: Sequence[Revisit], *, mask_clouds: bool) -> Plan:
        grids = [source_of(revisit.item).grid for revisit in revisits]
        grid = common_grid(grids)
        _check_size(len(revisits), grid)
        chips = [self._read(revisit, grid, mask_clouds=mask_clouds) for revisit in revisits]
        # Of those on the common grid, for its pixels must be its own.
        first = max((n for n, own in enumerate(grids) if own == grid), key=lambda n: chips[n].valid.sum())
        order = [first, *(n for n in range(len(revisits)) if n != first)]
        placed, dropped = place_frames([Frame(chips[n].reflectance, chips[n].valid) for n in order])
        used = tuple(revisits[order[each.index]] for each in placed)
        left_out = tuple((revisits[order[each.index]].item.id, each.reason) for each in dropped)
        if len(used) == 1:
            told = "; ".join(f"{item}: {reason}" for item, reason in left_out)
            raise NoRevisitError(
                f"Of {len(revisits)} dates no two go together ({told or 'there is one alone'}). Ask for other dates "
                f"(datetime, max_cloud, limit), or for {used[0].item.id!r} alone at its own endpoint."
            )
        return Plan(used, tuple(replace(each, index=n) for n, each in enumerate(placed)), left_out)

    def _read(self, revisit: Revisit, grid: Grid, *, mask_clouds: bool) -> Chip:
        stop_if_gone()
        return _onto(read_chip(revisit.item, self._chips, mask_clouds=mask_clouds), grid)


def derive_fused(aoi: AoiRecord, plan: Plan, recipe: Recipe, layer: Layer) -> ItemRecord:
    """Return the record of what a recipe makes of revisits; its notes should be those of `describe`."""
    made = derive(plan.reference, recipe, layer)
    asset = made.assets[ASSET]
    pixels = digest([asset.version, *(revisit.item.version for revisit in plan.revisits)])
    title = dict(recipe.notes).get("title", asset.title)
    asset = replace(asset, href=f"{ASSET}:{aoi.collection}/{pixels}", version=pixels, title=title)
    assets = MappingProxyType({ASSET: asset})
    return replace(made, id=f"{aoi.slug}_multi-frame", assets=assets, version=digest([pixels, layer]))


def describe(aoi: AoiRecord, plan: Plan, recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """Return what every answer says of an image of several revisits, beside what those of one say."""
    told = {"aoi": aoi.slug, "reference": plan.reference.id}
    if not recipe.synthetic:
        return tuple((told | {"datetime": plan.revisits[0].datetime.isoformat()}).items())
    dates = in_order(plan.revisits)
    model, count = recipe.model, len(dates)
    made = f"{count} revisits super-resolved {model.scale}x by {model.id} {model.version} and fused"
    if recipe.method == "sr":
        told |= {"title": f"Synthetic: {made}", "method": "fused"}
    else:
        told |= {"title": f"Synthetic: what {made} add to bicubic interpolation of {plan.reference.id}"}
    told |= {
        "datetime": f"{dates[0].datetime.isoformat()}/{dates[-1].datetime.isoformat()}",
        "frames": str(count),
        "items": ",".join(date.item.id for date in dates),
        "left-out": "; ".join(f"{item}: {reason}" for item, reason in plan.left_out) or "none",
    }
    return tuple(told.items())


def _check_size(dates: int, grid: Grid) -> None:
    values = dates * len(BANDS) * grid.height * grid.width * SCALE**2
    if values > MAX_VALUES:
        raise InvalidRequestError(
            f"{dates} dates of {grid.height} x {grid.width} pixels are {values:,} numbers at 2.5 m; at most "
            f"{MAX_VALUES:,} are fused. Ask for fewer dates (limit)."
        )


def _onto(chip: Chip, grid: Grid) -> Chip:
    """Return a chip on the pixels of a grid, each the nearest: what that moves, registration finds."""
    if (chip.transform, chip.valid.shape) == (grid.transform, (grid.height, grid.width)):
        return chip
    here, there = grid.transform, chip.transform
    height, width = chip.valid.shape
    x = here.c + np.arange(0.5, grid.width) * here.a
    y = here.f + np.arange(0.5, grid.height) * here.e
    columns, beside = pick((x - there.c) / there.a, width)
    rows, above = pick((y - there.f) / there.e, height)
    valid = chip.valid[rows][:, columns] & ~(above[:, None] | beside)
    reflectance = chip.reflectance.take(rows, axis=1).take(columns, axis=2)
    return Chip(np.where(valid, reflectance, 0).astype(np.float32), valid, grid.transform)
