"""The land-use classes of the dataset: IPCC, LCCS (ESA CCI land cover) and SMOD (degree of urbanisation)."""

from types import MappingProxyType

IPCC_CLASSES = ("Agriculture", "Forest", "Grassland", "Other", "Settlement", "Water", "Wetland")
"""IPCC classes; permanent snow and ice (LCCS 220) has none."""

SMOD_CLASSES = MappingProxyType(
    {
        10: "Water",
        11: "Rural: Very Low Dens",
        12: "Rural: Low Dens",
        13: "Rural: cluster",
        21: "Urban: Suburban",
        22: "Urban: Semi-dense",
        23: "Urban: Dense",
        30: "Urban: Centre",
    }
)
"""SMOD codes and labels; 0 and -200 of the published table mean that nothing is known."""

LCCS_CLASSES = MappingProxyType(
    {
        10: "Cropland, rainfed",
        11: "Herbaceous cover",
        12: "Tree or shrub cover",
        20: "Cropland, irrigated or post-flooding",
        30: "Mosaic cropland (>50%) / natural vegetation (tree, shrub, herbaceous cover) (<50%)",
        40: "Mosaic natural vegetation (tree, shrub, herbaceous cover) (>50%) / cropland (<50%)",
        50: "Tree cover, broadleaved, evergreen, closed to open (>15%)",
        60: "Tree cover, broadleaved, deciduous, closed to open (>15%)",
        61: "Tree cover, broadleaved, deciduous, closed (>40%)",
        62: "Tree cover, broadleaved, deciduous, open (15-40%)",
        70: "Tree cover, needleleaved, evergreen, closed to open (>15%)",
        71: "Tree cover, needleleaved, evergreen, closed (>40%)",
        72: "Tree cover, needleleaved, evergreen, open (15-40%)",
        80: "Tree cover, needleleaved, deciduous, closed to open (>15%)",
        81: "Tree cover, needleleaved, deciduous, closed (>40%)",
        82: "Tree cover, needleleaved, deciduous, open (15-40%)",
        90: "Tree cover, mixed leaf type (broadleaved and needleleaved)",
        100: "Mosaic tree and shrub (>50%) / herbaceous cover (<50%)",
        110: "Mosaic herbaceous cover (>50%) / tree and shrub (<50%)",
        120: "Shrubland",
        121: "Evergreen shrubland",
        122: "Deciduous shrubland",
        130: "Grassland",
        140: "Lichens and mosses",
        150: "Sparse vegetation (tree, shrub, herbaceous cover) (<15%)",
        152: "Sparse shrub (<15%)",
        153: "Sparse herbaceous cover (<15%)",
        160: "Tree cover, flooded, fresh or brakish water",
        170: "Tree cover, flooded, saline water",
        180: "Shrub or herbaceous cover, flooded, fresh/saline/brakish water",
        190: "Urban areas",
        200: "Bare areas",
        201: "Consolidated bare areas",
        202: "Unconsolidated bare areas",
        210: "Water bodies",
        220: "Permanent snow and ice",
    }
)
"""LCCS codes and labels, the published spelling but for its U+2010, which becomes the hyphen that people type."""


_LCCS_OF_IPCC = MappingProxyType(
    {
        "Agriculture": (10, 11, 12, 20, 30, 40),
        "Forest": (50, 60, 61, 62, 70, 71, 72, 80, 81, 82, 90, 100, 160, 170),
        "Grassland": (110, 130),
        "Other": (120, 121, 122, 140, 150, 151, 152, 153, 200, 201, 202),
        "Settlement": (190,),
        "Water": (210,),
        "Wetland": (180,),
    }
)
LCCS_TO_IPCC = MappingProxyType({code: ipcc for ipcc, codes in _LCCS_OF_IPCC.items() for code in codes})
"""The IPCC class that follows from each LCCS code, as the authors have it; snow and ice (220) have none."""


def ascii_hyphens(label: str) -> str:
    """Return `label` with the published tables' U+2010 as a plain hyphen, so that a typed filter finds it."""
    return label.replace("\N{HYPHEN}", "-")
