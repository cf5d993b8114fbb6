"""The whole way in one command: a stack, a small sample in its catalog, and what to try with it."""

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from infra.errors import ServiceError
from infra.stack import Stack

_PATIENCE = 20.0
_SPOT = "worldstrat-spot"


def fill(data: Path) -> None:
    """Make the sample and ingest it; what is there already is left as it is.

    Args:
        data: data folder of a running stack; the sample is its subfolder `sample`.

    Raises:
        ServiceError: one of the two failed, after it has said why.
    """
    sample = str(data / "sample")
    _run("sample", sample)
    _run("ingest", sample, "--data", str(data))


def suggest(stack: Stack) -> str:
    """Return the address of a filled stack, and three things to try there."""
    url = stack.server.url
    place = _first_place(url)
    return f"""
WorldStrat is at {url}

Three things to try:

  1. See the places on a map, and the interactive documentation of every request:
       {url}
       {url}/docs

  2. Search: the clearest Sentinel-2 images of places from UNHCR's list.
       curl -s "{url}/stac/search?filter=worldstrat:source='UNHCR'%20and%20eo:cloud_cover<20&limit=3"

  3. Look at one SPOT image, in true colour and as a vegetation index computed on the fly:
       {url}/raster/collections/{_SPOT}/items/{place}/preview.png?render=true-color
       {url}/raster/collections/{_SPOT}/items/{place}/preview.png?render=ndvi
"""


def _run(*arguments: str) -> None:
    """Run one of our commands in its own session: Ctrl-C reaches it through us, once, and we wait for it."""
    command = [sys.executable, "-m", "infra.cli", *arguments]
    with subprocess.Popen(command, start_new_session=True) as child:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            _end(child)
            raise
    if code != 0:
        raise ServiceError(f"`worldstrat {arguments[0]}` failed (exit code {code}); its own message is above.")


def _end(child: subprocess.Popen[bytes]) -> None:
    os.killpg(child.pid, signal.SIGINT)
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)


def _first_place(url: str) -> str:
    """Ask the server itself for an item: it shows that search works before we advertise it."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("GET", f"/stac/search?collections={_SPOT}&limit=1")
        response = connection.getresponse()
        features = json.loads(response.read()).get("features", [])
    if not features:
        raise ServiceError("The sample was ingested, but a search finds none of it: see server.log in the logs.")
    return str(features[0]["id"])
