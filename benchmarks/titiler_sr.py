"""titiler with super-resolution where it has a place for it: an algorithm on the warped pixels of each tile."""

from typing import ClassVar

import numpy as np
from fastapi import FastAPI
from rio_tiler.models import ImageData
from stock_titiler import local_path
from titiler.core.algorithm import Algorithms, BaseAlgorithm
from titiler.core.errors import DEFAULT_STATUS_CODES, add_exception_handlers
from titiler.core.factory import TilerFactory

from superres.model import default_model
from superres.runtime import Runtime, open_runtime


class SuperResolvedNdvi(BaseAlgorithm):
    """NDVI of a tile of B02, B03, B04 and B08 in reflectance, read four times smaller: each tile is an inference."""

    title: str = "NDVI at four times the resolution"
    runtime: ClassVar[Runtime] = open_runtime(default_model())

    def __call__(self, img: ImageData) -> ImageData:
        """Return one band, four times as wide and as high."""
        _, _, red, nir = self.runtime.predict(img.array.filled(0)[None].astype(np.float32)).reflectance[0]
        hidden = np.ma.getmaskarray(img.array).any(axis=0).repeat(4, 0).repeat(4, 1)
        ndvi = np.ma.masked_array((nir - red) / np.maximum(nir + red, 1e-6), hidden)
        return ImageData(ndvi[None], bounds=img.bounds, crs=img.crs)


app = FastAPI()
app.include_router(
    TilerFactory(
        path_dependency=local_path,
        process_dependency=Algorithms({"ndvi": SuperResolvedNdvi}).dependency,
        add_viewer=False,
    ).router
)
add_exception_handlers(app, DEFAULT_STATUS_CODES)
