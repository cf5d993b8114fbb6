"""What an item says in words, so that a person's own words find it: its description and its keywords."""

from types import MappingProxyType
from typing import Any

from catalog.metadata import Aoi

REASONS = MappingProxyType(
    {
        "Landcover": "chosen to represent a kind of land cover",
        "UNHCR": "a refugee camp or settlement known to UNHCR",
        "ASMSpotter": "an artisanal or small-scale mine, perhaps illegal, from ASMSpotter",
        "Amnesty": "a place that Amnesty International watches over human rights",
    }
)
"""Why places of each source were chosen, as a part of a sentence."""
SUBJECTS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "Landcover": ("land cover",),
        "UNHCR": ("refugee camp", "refugee settlement"),
        "ASMSpotter": ("mine", "mining", "gold"),
        "Amnesty": ("human rights",),
    }
)
"""Words that people look for, by source."""


def worded_properties(aoi: Aoi, image: str) -> dict[str, Any]:
    """Return the `description` and the `keywords` of an item of an AOI.

    Every item has both: pgSTAC finds none by words that has no description.

    Args:
        aoi: the place.
        image: what was taken of it, as the beginning of a sentence.
    """
    classes = [text for text in (aoi.ipcc, aoi.lccs_label, aoi.smod_label) if text]
    reason = REASONS.get(aoi.source, "a place")
    description = f"{image} of {aoi.name}, {reason}."
    if classes:
        description += f" Land use: {'; '.join(classes)}."
    return {
        "description": description,
        "keywords": [aoi.source, *SUBJECTS.get(aoi.source, ()), *dict.fromkeys(classes)],
    }
