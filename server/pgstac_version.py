"""Which pgSTAC this server knows: the functions that its SQL calls change with the minor version."""

from typing import Final

KNOWN: Final = (0, 10)
"""Major and minor version."""


def misfit(found: str | None) -> str | None:
    """Return what is wrong with a database's version of pgSTAC and what to do, None where nothing is."""
    numbers = (found or "0.0").split(".")[:2]
    # A version between two releases (`unreleased`) is a developer's own affair.
    if not all(map(str.isdigit, numbers)) or tuple(map(int, numbers)) == KNOWN:
        return None
    known = ".".join(map(str, KNOWN))
    if tuple(map(int, numbers)) < KNOWN:
        return (
            f"its schema is pgSTAC {found or 'of no version'}, older than this server's {known}: `worldstrat upgrade`"
        )
    return f"its schema is pgSTAC {found}, newer than this server's {known}: run the server that migrated it"
