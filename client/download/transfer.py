"""One file over HTTP into memory, whatever the line does, and the proof that it is the one meant."""

import hashlib
import threading
from typing import Final

import httpx

from client.download.choice import Wanted
from client.errors import DownloadError

ATTEMPTS: Final = 6
"""How often a file is asked for before it is given up."""
MOST_BYTES: Final = 1 << 30
"""A file of the catalog is a few megabytes; a server that sends this much has gone astray."""
_PAUSE, _LONGEST = 0.2, 30.0
_WORDS = 300
_OK, _PARTIAL, _FORBIDDEN, _NO_RANGE, _TOO_MANY, _BROKEN = 200, 206, 403, 416, 429, 500


class Transfer:
    """Gets files from a server; safe to use from several threads."""

    def __init__(self, client: httpx.Client, stop: threading.Event | None = None) -> None:
        self._client = client
        self._stop = stop or threading.Event()

    def get(self, wanted: Wanted) -> bytes:
        """Return the bytes of a file.

        A broken line is taken up where it broke. Each attempt begins at the catalog's own address, so that a signed
        one which that leads to is always fresh.

        Raises:
            DownloadError: the server refuses, does not answer, or sends other bytes than the item says.
        """
        received, reason = bytearray(), ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._wait(attempt)
            if wanted.sha256 is None:
                received.clear()  # nothing would tell whether two halves are of the same file
            try:
                reason = self._append(wanted, received)
            except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
                raise DownloadError(f"{wanted.href!r} is no address on the web ({error}).") from error
            except httpx.RequestError as error:
                reason = f"the line broke ({type(error).__name__})"
            reason = reason or _difference(wanted, received)
            if not reason:
                return bytes(received)
            if wanted.size is not None and len(received) >= wanted.size:
                received.clear()  # all is there, and it is not what was meant
        raise DownloadError(f"{wanted.href}: {reason}, {ATTEMPTS} times. Run the same command again to go on.")

    def _append(self, wanted: Wanted, received: bytearray) -> str:
        """Ask for what is missing; return what went wrong, nothing where the answer came to its end."""
        # Bytes as they lie in the store: a part of compressed ones would begin elsewhere.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={len(received)}-"} if received else {})
        with self._client.stream("GET", wanted.href, headers=headers) as answer:
            if answer.status_code in {_FORBIDDEN, _TOO_MANY} or answer.status_code >= _BROKEN:
                self._pause_as_told(answer)
                return f"the server answered {answer.status_code}"
            if answer.status_code not in {_OK, _PARTIAL, _NO_RANGE}:
                raise DownloadError(f"{wanted.href}: the server answered {answer.status_code}: {_beginning(answer)}")
            if answer.status_code != _OK and not _goes_on(answer, received):
                received.clear()
                return "the server sent another part of the file than the one asked for"
            if answer.status_code == _OK:
                received.clear()
            for chunk in answer.iter_bytes():
                self._check_stop()
                received += chunk
                if len(received) > min(wanted.size or MOST_BYTES, MOST_BYTES):
                    received.clear()
                    return "the server sent more bytes than the item says"
        return ""

    def _pause_as_told(self, answer: httpx.Response) -> None:
        told = answer.headers.get("retry-after", "")
        if told.isdecimal():
            self._stop.wait(min(float(told), _LONGEST))

    def _wait(self, attempt: int) -> None:
        self._stop.wait(min(_PAUSE * 2**attempt, _LONGEST))
        self._check_stop()

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise DownloadError("interrupted")


def _goes_on(answer: httpx.Response, received: bytearray) -> bool:
    """Tell whether a part begins where what was received ends; a server need not send what it was asked for."""
    told: str = answer.headers.get("content-range", "")
    return told.startswith(f"bytes {len(received)}-")


def _beginning(answer: httpx.Response) -> str:
    """Return the first words of an answer, however long it is."""
    return next(answer.iter_text(_WORDS), "")


def _difference(wanted: Wanted, received: bytearray) -> str:
    """Return how bytes differ from what the item says, nothing where they do not."""
    if wanted.size is not None and len(received) != wanted.size:
        return f"{len(received)} bytes came of {wanted.size}"
    if wanted.sha256 is not None and hashlib.sha256(received).hexdigest() != wanted.sha256:
        return "the bytes that came have another checksum than the item says"
    return ""
