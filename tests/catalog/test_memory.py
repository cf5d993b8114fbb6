"""What a process keeps of the memory that its threads once held."""

import subprocess
import sys
from pathlib import Path

import pytest

THREADS, MEGABYTES = 12, 8
SCRIPT = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
import numpy as np
from catalog.memory import tune_malloc

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6

if sys.argv[1] == "tuned":
    tune_malloc(largest_kept=1 << 20, most_kept=16 << 20, arenas=2)
together = Barrier({THREADS})

def hold(_):
    for _ in range(3):
        together.wait()
        arrays = [np.ones(size) for size in (1000, {MEGABYTES} << 17, 1000)]
        together.wait()
        kept, arrays = arrays[2], None
    return kept

with ThreadPoolExecutor({THREADS}) as threads:
    before = resident()
    kept = list(threads.map(hold, range({THREADS})))
    print(resident() - before)
"""


def _grown(how: str) -> float:
    answer = subprocess.run([sys.executable, "-c", SCRIPT, how], check=True, capture_output=True, text=True)
    return float(answer.stdout)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.skipif(sys.platform != "linux" or not Path("/lib64/ld-linux-x86-64.so.2").exists(), reason="for glibc")
def test_what_threads_held_is_given_back() -> None:
    assert _grown("untuned") > THREADS * MEGABYTES / 2  # else there is nothing to be tuned
    assert _grown("tuned") < THREADS * MEGABYTES / 8
