"""A table of counts, as the reports of several commands begin."""

from collections.abc import Mapping

from rich.table import Table


def counts_table(title: str, rows: Mapping[str, str]) -> Table:
    """Return a table of two columns: what was counted, and how many."""
    table = Table("", "count", title=title)
    table.columns[1].justify = "right"
    for name, value in rows.items():
        table.add_row(name, value)
    return table
