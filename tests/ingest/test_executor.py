import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from catalog.metadata import Aoi
from catalog.settings import StoreSettings
from ingest.executor import IN_FLIGHT_PER_WORKER, PoolExecutor, Work
from ingest.source import AoiFiles
from ingest.task import Ingested, Task

WORK = """
    import os, time
    from ingest.task import Ingested

    def answer(task):
        return Ingested(task.aoi.name, bytes_in=os.getpid())

    def die(task):
        if task.aoi.name == "deadly":
            os._exit(9)
        time.sleep(0.1)
        return answer(task)

    def raise_error(task):
        raise OSError("the work failed")
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Work]]:
    """Find a function that worker processes can import too."""
    (tmp_path / "made_work.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = import_module("made_work")
    yield lambda name: getattr(module, name)
    del sys.modules["made_work"]


def task(name: str) -> Task:
    return Task(Aoi(name, "Landcover"), AoiFiles(()), StoreSettings(url="file:///nowhere"))


def test_every_task_is_answered_once(work: Callable[[str], Work]) -> None:
    names = [f"aoi-{n}" for n in range(25)]
    with PoolExecutor(2, work("answer")) as executor:
        answers = list(executor.run(map(task, names)))
    assert sorted(answer.aoi for answer in answers) == sorted(names)
    assert os.getpid() not in {answer.bytes_in for answer in answers}


def test_tasks_are_drawn_as_others_end_so_that_memory_is_bounded(work: Callable[[str], Work]) -> None:
    drawn = answered = 0
    ahead = []

    def tasks() -> Iterator[Task]:
        nonlocal drawn
        for n in range(40):
            drawn += 1
            ahead.append(drawn - answered)
            yield task(f"aoi-{n}")

    with PoolExecutor(2, work("answer")) as executor:
        for _ in executor.run(tasks()):
            answered += 1
    assert max(ahead) <= 2 * IN_FLIGHT_PER_WORKER + 1


def test_a_worker_that_dies_is_one_failure_and_the_others_are_done(work: Callable[[str], Work]) -> None:
    names = [*(f"aoi-{n}" for n in range(3)), "deadly", *(f"aoi-{n}" for n in range(3, 8))]
    with PoolExecutor(2, work("die")) as executor:
        answers: dict[str, Ingested] = {answer.aoi: answer for answer in executor.run(map(task, names))}
    assert sorted(answers) == sorted(names)
    failed = {
        name: [problem.reason for problem in answer.failures] for name, answer in answers.items() if answer.failures
    }
    assert list(failed) == ["deadly"]
    assert "its worker process died" in failed["deadly"][0]


def test_an_unexpected_error_of_the_work_ends_the_run(work: Callable[[str], Work]) -> None:
    with pytest.raises(OSError, match="the work failed"), PoolExecutor(1, work("raise_error")) as executor:
        list(executor.run([task("aoi")]))


def test_no_worker_outlives_the_pool(work: Callable[[str], Work]) -> None:
    with PoolExecutor(2, work("answer")) as executor:
        workers = {answer.bytes_in for answer in executor.run(map(task, "abcd"))}
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
