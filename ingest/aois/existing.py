"""The AOIs that a catalog has already."""

from catalog.constants import COLLECTIONS
from catalog.metadata import Bounds
from catalog.pgstac import connect, translated
from catalog.settings import DatabaseSettings

_BOUNDS = """
select distinct st_xmin(geometry), st_ymin(geometry), st_xmax(geometry), st_ymax(geometry)
from pgstac.items where collection = any(%s)
"""


def existing_bounds(database: DatabaseSettings) -> list[Bounds]:
    """Return the bounds of all AOIs that a catalog has items of.

    Raises:
        DatabaseError: the database cannot be asked.
    """
    with translated(database), connect(database) as connection:
        return [(row[0], row[1], row[2], row[3]) for row in connection.execute(_BOUNDS, (list(COLLECTIONS),))]
