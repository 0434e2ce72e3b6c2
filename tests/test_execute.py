"""Runs are mapped in order, skipped when done, fail together and stop on Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drlapps import execute
from drlapps.errors import InputError
from drlapps.execute import EXECUTORS, RunError, default_workers, map_runs

BOTH = pytest.mark.parametrize("executor", ["serial", "processes"])


@dataclass(frozen=True)
class Job:
    """One run: what it is and what it does."""

    number: int
    action: str = ""

    def __str__(self) -> str:
        """Return the name by which errors call it."""
        return f"job {self.number}"


def work(job: Job) -> dict[str, object]:
    """Return where it ran, or fail in the way that the job asks for."""
    if job.action == "slow":
        time.sleep(0.3)
    if job.action == "divide":
        return {"number": 1 // 0}
    if job.action == "input":
        raise InputError(f"no price on line {job.number}")
    if job.action == "lambda":
        raise Unpicklable
    if job.action == "result":
        return {"lock": threading.Lock()}
    if job.action == "die":
        os._exit(3)
    if job.action == "exit":
        sys.exit(4)
    return {
        "number": job.number,
        "pid": os.getpid(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "interruptible": signal.getsignal(signal.SIGINT) is not signal.SIG_IGN,
    }


class Unpicklable(Exception):
    """Cannot travel between processes."""

    def __init__(self) -> None:
        """Hold a lock."""
        super().__init__("holds a lock")
        self.lock = threading.Lock()


@BOTH
def test_results_stand_in_the_order_of_the_specs(executor: str) -> None:
    jobs = [Job(0, "slow"), Job(1), Job(2), Job(3)]
    arrived: list[int] = []
    results = map_runs(
        work,
        jobs,
        executor=executor,
        workers=2,
        on_result=lambda job, result: arrived.append(job.number),
    )
    assert [result["number"] for result in results] == [0, 1, 2, 3]
    assert sorted(arrived) == [0, 1, 2, 3]
    if executor == "serial":
        assert {result["pid"] for result in results} == {os.getpid()}
        assert arrived == [0, 1, 2, 3]
    else:
        pids = {result["pid"] for result in results}
        assert len(pids) == 2
        assert os.getpid() not in pids
        assert {result["threads"] for result in results} == {"1"}
        assert not any(result["interruptible"] for result in results)
        assert arrived[-1] == 0 or arrived[0] != 0


def test_one_process_is_still_another_process() -> None:
    (result,) = map_runs(work, [Job(0)], executor="processes")
    assert result["pid"] != os.getpid()
    assert result["threads"] == "1"


def test_the_environment_and_ctrl_c_are_left_as_they_were() -> None:
    before = dict(os.environ)
    handler = signal.getsignal(signal.SIGINT)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    map_runs(work, [Job(0)], executor="processes")
    assert dict(os.environ) == before
    assert signal.getsignal(signal.SIGINT) is handler
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask


def test_processes_can_be_started_from_any_thread() -> None:
    results: list[dict[str, object]] = []
    thread = threading.Thread(
        target=lambda: results.extend(map_runs(work, [Job(5)], executor="processes"))
    )
    thread.start()
    thread.join()
    assert results[0]["number"] == 5


@BOTH
def test_finished_runs_are_skipped(executor: str) -> None:
    stored: dict[int, dict[str, object]] = {1: {"number": "stored"}, 3: {"number": 0}}
    fresh: list[int] = []
    results = map_runs(
        work,
        [Job(number) for number in range(5)],
        executor=executor,
        done=lambda job: stored.get(job.number),
        on_result=lambda job, result: fresh.append(job.number),
    )
    assert [result["number"] for result in results] == [0, "stored", 2, 0, 4]
    assert sorted(fresh) == [0, 2, 4]


def test_an_interrupted_map_continues_where_it_stopped(tmp_path: Path) -> None:
    def run(number: int) -> int:
        calls.append(number)
        if number == 2 and len(calls) == 3:
            raise KeyboardInterrupt
        (tmp_path / str(number)).write_text(str(number * 10))
        return number * 10

    def done(number: int) -> int | None:
        path = tmp_path / str(number)
        return int(path.read_text()) if path.exists() else None

    calls: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        map_runs(run, range(4), done=done)
    assert map_runs(run, range(4), done=done) == [0, 10, 20, 30]
    assert calls == [0, 1, 2, 2, 3]


def test_nothing_to_do_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object) -> Iterator[None]:
        pytest.fail("an executor was started")

    monkeypatch.setitem(EXECUTORS, "serial", forbidden)
    assert map_runs(work, []) == []
    result: dict[str, object] = {}
    assert map_runs(work, [Job(0)], done=lambda job: result) == [result]


@BOTH
def test_one_failure_is_named_after_the_others_finished(executor: str) -> None:
    arrived: list[int] = []
    with pytest.raises(RunError) as caught:
        map_runs(
            work,
            [Job(0, "divide"), Job(1), Job(2, "lambda"), Job(3, "input"), Job(4)],
            executor=executor,
            workers=2,
            on_result=lambda job, result: arrived.append(job.number),
        )
    assert sorted(arrived) == [1, 4]
    message = str(caught.value)
    assert message.startswith("3 of 5 runs did not finish: ")
    for part in (
        "job 0: ZeroDivisionError: integer division or modulo by zero",
        "job 2: Unpicklable: holds a lock",
        "job 3: no price on line 3",
    ):
        assert part in message
    assert 'return {"number": 1 // 0}' in "".join(caught.value.__notes__)


@BOTH
def test_bad_input_stays_bad_input(executor: str) -> None:
    with pytest.raises(InputError) as caught:
        map_runs(work, [Job(7, "input"), Job(8), Job(7, "input")], executor=executor)
    assert str(caught.value) == "no price on line 7"


def test_a_dead_worker_is_reported_and_not_waited_for() -> None:
    with pytest.raises(RunError, match="job 1: a worker process died"):
        map_runs(work, [Job(1, "die")], executor="processes")


def test_a_result_that_cannot_travel_fails_its_run_only() -> None:
    arrived: list[int] = []
    with pytest.raises(RunError, match=r"1 of 2 runs did not finish: job 0: .*pickle"):
        map_runs(
            work,
            [Job(0, "result"), Job(1)],
            executor="processes",
            on_result=lambda job, result: arrived.append(job.number),
        )
    assert arrived == [1]


@BOTH
def test_leaving_is_not_a_failed_run(executor: str) -> None:
    with pytest.raises(SystemExit):
        map_runs(work, [Job(1, "exit")], executor=executor)


@BOTH
def test_an_error_of_the_caller_stops_the_runs(executor: str) -> None:
    def full(job: Job, result: object) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        map_runs(work, [Job(0), Job(1, "slow")], executor=executor, workers=2, on_result=full)


def test_impossible_options_are_one_sentence() -> None:
    with pytest.raises(InputError, match="unknown executor 'proceses'; did you mean processes"):
        map_runs(work, [], executor="proceses")
    with pytest.raises(InputError, match="workers must be at least 1, not 0"):
        map_runs(work, [Job(0)], workers=0)


def test_workers_are_bounded_by_runs_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    assert [default_workers(runs) for runs in (0, 1, 3, 4, 100)] == [1, 1, 3, 4, 4]


def test_systems_without_signal_masks_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "pthread_sigmask")
    with execute._interrupts_held():
        pass
    assert execute._block_interrupts() is None


def test_ctrl_c_while_workers_start_is_late_and_not_lost() -> None:
    reached = []

    def start() -> None:
        with execute._interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        start()
    assert reached


SCRIPT = """
import json, os, sys, time
from pathlib import Path
from drlapps.execute import map_runs

folder = Path(sys.argv[1])

def run(number):
    (folder / f"{number}.part").write_text(str(os.getpid()))
    (folder / f"{number}.part").rename(folder / f"{number}.pid")
    time.sleep(60)

if __name__ == "__main__":
    try:
        map_runs(run, range(3), executor=sys.argv[2], workers=2)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(130)
"""


def running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip() not in ("", "Z")


def wait_for(condition: Callable[[], bool], limit: float = 60.0) -> None:
    """Wait until ``condition()`` holds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("executor", "how"),
    [
        ("serial", "process"),
        ("processes", "process"),
        ("processes", "terminal"),
        ("processes", "killed"),
    ],
)
def test_ctrl_c_stops_everything_at_once(tmp_path: Path, executor: str, how: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    child = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), executor],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(execute.__file__).parents[1])},
        start_new_session=True,
    )
    expected = 1 if executor == "serial" else 2

    def started() -> bool:
        return len(list(tmp_path.glob("*.pid"))) == expected or child.poll() is not None

    try:
        wait_for(started)
        workers = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
        if how == "process":
            child.send_signal(signal.SIGINT)
        elif how == "terminal":
            os.killpg(child.pid, signal.SIGINT)
        else:
            child.kill()
        output, errors = child.communicate(timeout=60)
        if how != "killed":
            assert (child.returncode, output, errors) == (130, "interrupted\n", "")
        wait_for(lambda: not any(running(pid) for pid in workers))
    finally:
        child.kill()
        child.wait()
    assert len(list(tmp_path.glob("*.pid"))) == expected
