"""A command and all that it starts: wall time, CPU and memory, and what PostgreSQL does meanwhile.

Runs as a program between: processes whose parent ends come to it, so that none of them is left out.
"""

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Spent:
    """What a command took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of CPU of the command and of every process below it."""
    database_cpu: float
    """Seconds of CPU of PostgreSQL meanwhile."""
    peak: int
    """Most memory of one process, in bytes."""

    @property
    def total_cpu(self) -> float:
        """Seconds of CPU of all."""
        return self.cpu + self.database_cpu


def run_command(command: Sequence[str], environment: Mapping[str, str], postmaster: int, log: Path) -> Spent:
    """Run a command to its end; one that fails ends the benchmark.

    Args:
        command: program and arguments.
        environment: what it finds besides what this process has.
        postmaster: the server whose CPU is counted.
        log: where its output goes.
    """
    before = _family_cpu(postmaster)
    with tempfile.NamedTemporaryFile() as answer, log.open("w") as out:
        between = [sys.executable, __file__, answer.name, *command]
        failed = subprocess.call(between, env={**os.environ, **environment}, stdout=out, stderr=out)
        if failed:
            sys.exit(f"{' '.join(command)} failed:\n{log.read_text()[-2000:]}")
        spent = json.loads(Path(answer.name).read_text())
    return Spent(**spent, database_cpu=_family_cpu(postmaster) - before)


def _family_cpu(pid: int) -> float:
    """CPU time so far of a process, of the children that it has and of those that it had, in seconds."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _cpu(pid, own=True) + _cpu(pid, own=False) + sum(_cpu(int(child), own=True) for child in children)


def _cpu(pid: int, *, own: bool) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended
        return 0.0
    user, system = fields[11:13] if own else fields[13:15]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _between(answer: str, command: Sequence[str]) -> int:
    """Run the command, wait for it and for all it leaves behind, and write down what they took."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    start = perf_counter()
    process = subprocess.Popen(command)
    cpu, peak, wall, code = 0.0, 0, 0.0, 1
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        if pid == process.pid:
            wall, code = perf_counter() - start, os.waitstatus_to_exitcode(status)
        cpu, peak = cpu + usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss)
    Path(answer).write_text(json.dumps({"wall": wall, "cpu": cpu, "peak": peak * 1024}))
    return code


if __name__ == "__main__":
    sys.exit(_between(sys.argv[1], sys.argv[2:]))
