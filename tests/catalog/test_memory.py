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


FRAGMENTS = """
from pathlib import Path
import numpy as np
from catalog.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

before = resident()
pairs = [(np.ones(10_000), np.ones(100)) for _ in range(3000)]
kept = [small for _, small in pairs]
del pairs
full = resident()
told = give_back(64 << 20), give_back(1 << 40)
print(full - before, resident() - before, *told, sum(small.sum() for small in kept))
"""

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc"),
    pytest.mark.skipif(sys.platform != "linux" or not Path("/lib64/ld-linux-x86-64.so.2").exists(), reason="for glibc"),
]


def _grown(how: str) -> float:
    answer = subprocess.run([sys.executable, "-c", SCRIPT, how], check=True, capture_output=True, text=True)
    return float(answer.stdout)


def test_what_lies_free_between_what_is_kept_is_given_back() -> None:
    answer = subprocess.run([sys.executable, "-c", FRAGMENTS], check=True, capture_output=True, text=True)
    full, left, free, nothing, total = map(float, answer.stdout.split())
    assert full > 200e6
    assert left < 30e6
    assert free > 200e6
    assert nothing == 0
    assert total == 3000 * 100


def test_what_threads_held_is_given_back() -> None:
    assert _grown("untuned") > THREADS * MEGABYTES / 2  # else there is nothing to be tuned
    assert _grown("tuned") < THREADS * MEGABYTES / 8
