"""What a sample is made of."""

from dataclasses import dataclass

from ingest.sample.errors import SampleError
from ingest.sample.place import MOST_PLACES
from ingest.sample.revisits import MOST_REVISITS
from ingest.sample.sentinel2 import LEVELS
from ingest.sample.tables import VERSIONS


@dataclass(frozen=True)
class SampleSettings:
    """The arguments of a sample; the same ones make the same bytes.

    Raises:
        SampleError: one of them is outside what can be made.
    """

    aois: int = 8
    """How many AOIs, 1 to 400."""
    revisits: int = MOST_REVISITS
    """Sentinel-2 revisits of each AOI, 1 to 16."""
    levels: tuple[str, ...] = LEVELS
    """Processing levels of Sentinel-2."""
    version: str = VERSIONS[0]
    """Which publication's form."""
    seed: int = 0
    """Another seed, other ground, dates and clouds."""

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        if not 1 <= self.aois <= MOST_PLACES:
            raise SampleError(f"A sample has 1 to {MOST_PLACES} AOIs, not {self.aois}.")
        if not 1 <= self.revisits <= MOST_REVISITS:
            raise SampleError(f"An AOI has 1 to {MOST_REVISITS} revisits, not {self.revisits}.")
        if not self.levels or set(self.levels) - set(LEVELS):
            raise SampleError(f"Levels are {' and '.join(LEVELS)}, not {','.join(self.levels) or 'none'}.")
        if self.version not in VERSIONS:
            raise SampleError(f"Versions are {' and '.join(VERSIONS)}, not {self.version}.")
        if self.seed < 0:
            raise SampleError(f"A seed is 0 or more, not {self.seed}.")
