"""The files of one item to objects in the store, and what the item will say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import cos, radians
from typing import Final

from catalog.asset import ImageFacts, RasterFacts
from catalog.bands import Product
from catalog.constants import COG_MEDIA_TYPE, PNG_MEDIA_TYPE
from catalog.metadata import Bounds
from ingest.cog import Cog, create_cog
from ingest.errors import RasterError
from ingest.image import create_thumbnail
from ingest.ledger import Ledger
from ingest.raster import Grid
from ingest.source import SourceFile
from ingest.store import Uploader

METRES_PER_DEGREE: Final = 111_320.0
"""Length of a degree of latitude, near enough to tell 10 m from 20 m."""
_GSD_TOLERANCE: Final = 0.25


@dataclass
class ItemParts:
    """What an item is made of."""

    item_id: str
    """Id of the item to be."""
    folder: str
    """Folder of its objects' keys."""
    rasters: list[RasterFacts] = field(default_factory=list)
    """Its COGs; the first gives the grid."""
    images: list[ImageFacts] = field(default_factory=list)
    """Its pictures."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the item should know."""

    def place(self, asset: str, suffix: str) -> tuple[str, str]:
        """Return folder and file name of the object behind an asset; its hash comes between them."""
        return self.folder, f"{self.item_id}_{asset}.{suffix}"

    def statistics_of(self, key: str) -> Sequence[tuple[float, float]] | None:
        """Return (minimum, maximum) of each band that has valid pixels, None where there is no such raster."""
        facts = next((facts for facts in self.rasters if facts.product.key == key), None)
        return None if facts is None else [(band.minimum, band.maximum) for band in facts.statistics if band]


@dataclass(frozen=True)
class Converter:
    """Converts the files of one AOI; what cannot be converted goes into the ledger."""

    uploader: Uploader
    """Where objects go."""
    ledger: Ledger
    """Where failures and notes go."""

    def add_raster(
        self, parts: ItemParts, file: SourceFile, product: Product, bounds: Bounds | None, grid: Grid | None = None
    ) -> Grid | None:
        """Convert and store one raster; return its grid, None where it was refused."""
        try:
            data = file.read()
            cog = create_cog(data, product, bounds, grid)
        except RasterError as error:
            self.ledger.refuse(file.name, error)
            return None
        place, source = parts.place(product.key, "tif"), (file.name, data)
        stored = self.uploader.put(place, cog.data, COG_MEDIA_TYPE, source, header_size=cog.header_size)
        self.ledger.count(len(data))
        for note in (*cog.notes, *_gsd_notes(cog)):
            parts.notes.append(f"{product.key}: {note}")
            self.ledger.note(file.name, note)
        transform = cog.grid.transform
        parts.rasters.append(
            RasterFacts(
                product=product,
                stored=stored,
                dtype=cog.dtype,
                shape=(cog.grid.height, cog.grid.width),
                transform=(transform.a, transform.b, transform.c, transform.d, transform.e, transform.f),
                nodata=cog.nodata,
                scale=cog.scale,
                statistics=cog.statistics,
            )
        )
        return cog.grid

    def add_rasters(
        self,
        parts: ItemParts,
        files: Mapping[str, SourceFile],
        products: Sequence[Product],
        bounds: Bounds | None,
        grid: Grid | None = None,
    ) -> None:
        """Convert and store every raster of `products` that there is a file for."""
        for product in products:
            if product.key in files:
                self.add_raster(parts, files[product.key], product, bounds, grid)

    def add_preview(self, parts: ItemParts, file: SourceFile) -> None:
        """Store the published preview as it is, and a small one."""
        try:
            data = file.read()
            thumbnail = create_thumbnail(data)
        except RasterError as error:
            self.ledger.refuse(file.name, error)
            return
        self.ledger.count(len(data))
        source = (file.name, data)
        for key, content, shape in (
            ("thumbnail", thumbnail.data, thumbnail.shape),
            ("overview", data, thumbnail.published_shape),
        ):
            stored = self.uploader.put(parts.place(key, "png"), content, PNG_MEDIA_TYPE, source)
            parts.images.append(ImageFacts(key, stored, shape))


def _gsd_notes(cog: Cog) -> list[str]:
    """Return a note where the pixels are not as large on the ground as the published ones."""
    _, south, _, north = cog.grid.bounds
    height = cog.grid.transform.e * -METRES_PER_DEGREE
    width = cog.grid.transform.a * METRES_PER_DEGREE * cos(radians((south + north) / 2))
    if max(abs(size / cog.product.gsd - 1) for size in (width, height)) <= _GSD_TOLERANCE:
        return []
    return [f"its pixels are {width:.1f} m x {height:.1f} m, {cog.product.gsd:g} m were expected"]
