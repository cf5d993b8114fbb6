"""A loader of the published folders, written after what torchgeo's WorldStrat dataset reads, without torchgeo."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
import torch
from PIL import Image


class FolderLoader:
    """Samples of one split: places as the table lists them, all rasters of each, revisits by their number."""

    def __init__(self, root: Path, split: str) -> None:
        listed = pd.read_csv(root / "stratified_train_val_test_split.csv")
        self.root = root
        self.places: list[str] = listed[listed["split"] == split]["tile"].tolist()
        self.rows = pd.read_csv(root / "metadata.csv")

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> dict[str, Any]:
        aoi = self.places[index]
        sharp, rows = self.root / "hr_dataset" / aoi, self.rows[self.rows["tile"] == aoi].sort_values("n")
        return {
            "aoi": aoi,
            "l1c": self._series(aoi, "L1C"),
            "l2a": self._series(aoi, "L2A"),
            "preview": torch.from_numpy(np.asarray(Image.open(sharp / f"{aoi}_rgb.png")).transpose(2, 0, 1).copy()),
            **{kind: read(sharp / f"{aoi}_{kind}.tiff") for kind in ("ps", "pan", "rgbn")},
            "lon": rows["lon"].iloc[0],
            "lat": rows["lat"].iloc[0],
            "low_res_date": rows["lowres_date"].tolist(),
            "high_res_date": rows["highres_date"].iloc[0],
        }

    def _series(self, aoi: str, level: str) -> torch.Tensor:
        found = (self.root / "lr_dataset" / aoi / level).glob(f"*{level}_data.tiff")
        return torch.stack([read(path) for path in sorted(found, key=lambda path: int(path.name.split("-")[-2]))])


def read(path: Path) -> torch.Tensor:
    with rasterio.open(path) as src:
        return torch.from_numpy(src.read().astype(np.float32))
