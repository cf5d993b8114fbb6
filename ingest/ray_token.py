"""The password of a Ray cluster, before Ray is imported: it reads only then whether there is one."""

import os
from pathlib import Path
from typing import Final

_MODE: Final = "RAY_AUTH_MODE"


def present_token() -> None:
    """Let Ray show its token to the cluster where one is at hand and nobody said otherwise.

    Ray does so by itself for a cluster that it starts; to one that is joined by its address it shows none, and is
    refused. A cluster without a password does not mind being shown one.
    """
    if _MODE in os.environ:
        return
    named = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    if named or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ[_MODE] = "token"
