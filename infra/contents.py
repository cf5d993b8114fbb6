"""What a catalog's database holds, as numbers and hashes: by these a copy is known to be one."""

from collections.abc import Iterator
from typing import Any, Final, Self

import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from catalog.fingerprint import CatalogSum, collection_hash
from catalog.progress import StepProgress
from catalog.stored import StoredItems

# Tables of whatever schema, so that none is forgotten; not those of extensions, nor those that a crash empties anyway.
_TABLES: Final = """
SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""
_COUNTS: Final = "SELECT collection, count(*) FROM pgstac.items GROUP BY collection ORDER BY collection"
_COLLECTIONS: Final = "SELECT id, content FROM pgstac.collections ORDER BY id"


class Contents(BaseModel):
    """What a database holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: dict[str, int]
    """Rows by table."""
    items: dict[str, int]
    """Items by collection."""
    collections: dict[str, str]
    """Hash of each collection."""
    catalog_hash: str
    """Hash of all items."""

    @classmethod
    def read(cls, connection: psycopg.Connection[Any], console: Console) -> Self:
        """Read all of a database, every item of it; progress goes to the console."""
        counts = dict(connection.execute(_COUNTS).fetchall())
        collections = {name: collection_hash(content) for name, content in connection.execute(_COLLECTIONS).fetchall()}
        total = CatalogSum()
        with StepProgress(console, "items", sum(counts.values())) as progress:
            for item in StoredItems(connection).every():
                total.add(item)
                progress.at(total.items)
        return cls(rows=count_rows(connection), items=counts, collections=collections, catalog_hash=total.hexdigest())

    def differences(self, other: "Contents") -> Iterator[str]:
        """Yield in words how another database differs from this one."""
        for what, mine, theirs in (
            ("rows of {}", self.rows, other.rows),
            ("items of {}", self.items, other.items),
            ("the collection {}", self.collections, other.collections),
        ):
            for name in sorted(mine.keys() | theirs.keys()):
                if mine.get(name) != theirs.get(name):
                    yield f"{what.format(name)}: {mine.get(name)} before, {theirs.get(name)} now"
        if self.catalog_hash != other.catalog_hash:
            yield f"the hash of all items: {self.catalog_hash} before, {other.catalog_hash} now"


def count_rows(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Return the rows of every table that is neither an extension's nor a cache."""
    counted: dict[str, int] = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        row = connection.execute(statement).fetchone()
        counted[f"{schema}.{table}"] = row[0] if row else 0
    return counted
