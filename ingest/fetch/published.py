"""What the dataset's authors published on Zenodo: names, sizes and MD5 sums of the files, version by version."""

from dataclasses import dataclass
from typing import Final

ZENODO: Final = "https://zenodo.org/records/{record}/files"


@dataclass(frozen=True)
class PublishedFile:
    """One file of a version."""

    name: str
    """Its name there and here."""
    part: str
    """What one asks for it by."""
    md5: str | None
    """Its MD5 sum; None where none is known: then its size alone is checked."""
    size: int | None = None
    """Its bytes; None where only the server knows."""
    about: int = 0
    """Its bytes roughly, where only the server knows."""


@dataclass(frozen=True)
class Version:
    """One published version."""

    record: int
    """Its record on Zenodo."""
    files: tuple[PublishedFile, ...]
    """Its files; small ones first, then in the order in which one wants them."""

    @property
    def url(self) -> str:
        """Address that the names of the files are added to."""
        return ZENODO.format(record=self.record)


VERSIONS: Final = {
    "1.1": Version(
        15382551,
        (
            PublishedFile("LICENSE.txt", "license", "d97b8d86da83f7e51f2d3205509e4a7b", 39_298),
            PublishedFile("metadata.csv", "metadata", "1a66ac42b9a688be18debd0d95633fa1", 18_434_289),
            PublishedFile("stratified_train_val_test_split.csv", "splits", "874612b59bbf7987f7de7edd48a30c70", 306_901),
            PublishedFile("hr_dataset.zip", "hr", "5ae09bb3557ce131242a133d9758d9e7", 40_829_062_202),
            PublishedFile("lr_dataset_l2a.zip", "l2a", "7aa1878a37d22a6c7c4b84b022a14ad7", 25_493_197_186),
            PublishedFile("lr_dataset_l1c.zip", "l1c", "e90ecfa4bf838ace0b51dea1031b5ed1", 26_372_239_589),
            PublishedFile("hr_dataset_raw.zip", "raw", "515f38e333bf06e79ac523fb2eab588d", 11_387_407_107),
        ),
    ),
    "1.0": Version(
        6810792,
        (
            PublishedFile("LICENSE.txt", "license", None),
            PublishedFile("WorldStrat_article_and_datasheet.pdf", "article", None),
            PublishedFile("metadata.csv", "metadata", "dfeb3348e79b719bf03c230d5d258839"),
            PublishedFile("stratified_train_val_test_split.csv", "splits", "745035835d835280aa0298a9dc1996d1"),
            PublishedFile("hr_dataset.tar.gz", "hr", "ca7167334006f3c17f9071f14c435335", about=41_500_000_000),
            PublishedFile("lr_dataset_l2a.tar.gz", "l2a", "8cfc6a477cee9e9cd8b20ea27227de65", about=26_800_000_000),
            PublishedFile("lr_dataset_l1c.tar.gz", "l1c", "d2dcafa207b1e1bc6c754607f15e9ed6", about=27_400_000_000),
            PublishedFile("hr_dataset_raw.tar.gz", "raw", None, about=11_300_000_000),
        ),
    ),
}
PARTS: Final = ("license", "article", "metadata", "splits", "hr", "l2a", "l1c", "raw")
INGESTED: Final = ("metadata", "splits", "hr", "l2a", "l1c")
"""Parts that `worldstrat ingest` reads."""
USUAL: Final = ("license", *INGESTED)
"""Parts that one gets without asking: SPOT as Airbus delivered it (`raw`) is for those who process it themselves."""
