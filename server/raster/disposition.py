"""Names under which a browser saves what it is given."""

from typing import Literal
from urllib.parse import quote


def disposition(kind: Literal["inline", "attachment"], name: str) -> str:
    """Return the value of Content-Disposition; a name that is not plain ASCII is written as RFC 6266 says."""
    written = quote(name)
    return f'{kind}; filename="{name}"' if written == name else f"{kind}; filename*=utf-8''{written}"
