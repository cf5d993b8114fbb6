"""A program between two streams: fed from one, read into the other, ended with its `with` block."""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from catalog.objects import PIECE

_LINES: Final = 3
_LAST_WORDS: Final = 400


class Piped(subprocess.Popen[bytes]):
    """A running program; what it says as errors is kept.

    Args:
        command: program and arguments.
        env: its environment; ours where none is given.
        fed: whether it reads what `feed` gives it.
        read: whether `output` gives what it writes, which else nobody sees.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None, *, fed: bool, read: bool) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        pipes = {True: subprocess.PIPE, False: subprocess.DEVNULL}
        given = None if env is None else dict(env)
        super().__init__(command, env=given, stdin=pipes[fed], stdout=pipes[read], stderr=self._said)
        self.problem: Exception | None = None
        """Why it was not fed to the end."""

    def __enter__(self) -> Self:
        """Return the process itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it where it still runs."""
        self.kill()
        super().__exit__(kind, error, trace)
        self._said.close()

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Give it all that there is, unless it wants no more; what fails meanwhile is its `problem`."""
        if self.stdin is None:
            raise AssertionError("its input is a pipe")
        try:
            with self.stdin:
                for piece in pieces:
                    self.stdin.write(piece)
        except BrokenPipeError:
            pass  # it ended, and says why
        except Exception as error:  # noqa: BLE001 - told by whoever waits for the end, in another thread
            self.problem = error
            self.kill()

    def output(self) -> Iterator[bytes]:
        """Yield what it writes."""
        if self.stdout is None:
            raise AssertionError("its output is a pipe")
        while piece := self.stdout.read(PIECE):
            yield piece

    def failed(self) -> str | None:
        """Wait for its end; return what went wrong, None where nothing did."""
        if not self.wait() and self.problem is None:
            return None
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return str(self.problem or " ".join(lines[-_LINES:])[-_LAST_WORDS:] or f"it ended with {self.returncode}")
