"""Map a function over independent runs: one after the other, or in local processes.

Executors stand in one closed table, :data:`EXECUTORS`; a further engine is one further entry.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from drlapps.errors import Failure, InputError, unknown

Spec = TypeVar("Spec")
Result = TypeVar("Result")

_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


class RunError(Failure):
    """One or more runs failed; the message names them, the notes hold their tracebacks."""


@dataclass(frozen=True)
class _Success(Generic[Result]):
    result: Result


@dataclass(frozen=True)
class _Failure:
    """What is left of an exception: text, which can always travel between processes."""

    message: str
    details: str
    bad_input: bool

    @classmethod
    def of(cls, error: Exception) -> _Failure:
        bad_input = isinstance(error, InputError)
        message = str(error) if bad_input else f"{type(error).__name__}: {error}"
        return cls(message, "".join(traceback.format_exception(error)), bad_input)


@dataclass(frozen=True)
class _Attempt(Generic[Spec, Result]):
    """The function, wrapped so that an exception is an outcome and not the end of the worker."""

    function: Callable[[Spec], Result]

    def __call__(self, spec: Spec) -> _Success[Result] | _Failure:
        try:
            return _Success(self.function(spec))
        except Exception as error:
            return _Failure.of(error)


Outcome: TypeAlias = _Success[Any] | _Failure
Outcomes: TypeAlias = Generator[tuple[int, Outcome], None, None]
Executor: TypeAlias = Callable[[Callable[[Any], Outcome], Sequence[Any], int], Outcomes]


def _serial(attempt: Callable[[Any], Outcome], specs: Sequence[Any], workers: int) -> Outcomes:
    """Run one after the other in this process."""
    for index, spec in enumerate(specs):
        yield index, attempt(spec)


def _processes(attempt: Callable[[Any], Outcome], specs: Sequence[Any], workers: int) -> Outcomes:
    """Run in local loky processes of one thread each, in order of completion."""
    from joblib.externals import loky  # type: ignore[import-untyped, unused-ignore]

    pool = loky.ProcessPoolExecutor(
        workers, initializer=_prepare_worker, initargs=(os.getpid(),), env=_ONE_THREAD
    )
    finished = False
    try:
        with _interrupts_held():
            indices = {pool.submit(attempt, spec): index for index, spec in enumerate(specs)}
        for future in loky.as_completed(indices):
            yield indices[future], _outcome(future)
        finished = True
    finally:
        pool.shutdown(wait=True, kill_workers=not finished)


def _outcome(future: Any) -> Outcome:
    """Return what a finished future holds; what is no ordinary exception is raised."""
    from joblib.externals import loky

    error = future.exception()
    if error is None:
        outcome: Outcome = future.result()
        return outcome
    if isinstance(error, loky.BrokenProcessPool):
        message = "a worker process died under it or beside it (killed, or out of memory?)"
        return _Failure(message, str(error), bad_input=False)
    if isinstance(error, Exception):
        return _Failure.of(error)
    raise error


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Put Ctrl-C off until the end of the block, and keep it from processes started inside.

    Half-started workers cannot be stopped in order; and a terminal interrupts them as well,
    which makes each print a traceback if it is still importing. They inherit the signal mask.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    mask = _block_interrupts()
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def _block_interrupts() -> set[int | signal.Signals] | None:
    """Block SIGINT in this thread and return the mask before; ``None`` without signal masks."""
    if not hasattr(signal, "pthread_sigmask"):
        return None
    from multiprocessing import resource_tracker

    # Started by the first worker otherwise, and starting it lifts the block on some Pythons.
    resource_tracker.ensure_running()
    return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _prepare_worker(parent: int) -> None:
    """Leave Ctrl-C to the parent, which stops the workers, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()


def _exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


EXECUTORS: dict[str, Executor] = {"serial": _serial, "processes": _processes}


def default_workers(runs: int) -> int:
    """Return how many processes to use: one per run, at most one per core this process may use.

    Affinity masks and container limits count.
    """
    import joblib  # type: ignore[import-untyped, unused-ignore]

    cores: int = joblib.cpu_count()
    return max(1, min(runs, cores))


def map_runs(
    function: Callable[[Spec], Result],
    specs: Sequence[Spec],
    *,
    executor: str = "serial",
    workers: int | None = None,
    done: Callable[[Spec], Result | None] | None = None,
    on_result: Callable[[Spec, Result], None] | None = None,
) -> list[Result]:
    """Apply ``function`` to every spec and return the results in the order of the specs.

    A run that raises does not stop the others. Ctrl-C stops all of them, workers included, and
    propagates; whatever ``done`` recognises is skipped when the same call is made again.

    Args:
        function: the run; for ``processes`` importable by name in the workers.
        specs: one value per run; their ``str`` names them in errors.
        executor: a name in :data:`EXECUTORS`.
        workers: how many runs at the same time; by default :func:`default_workers`. The serial
            executor has one.
        done: returns the result of a run that is already finished, ``None`` otherwise.
        on_result: called in this process with the spec and the result of each run that was not
            already finished, as soon as it is.

    Raises:
        InputError: if the executor or the number of workers is no such thing, or if every run
            that failed did so with an ``InputError``.
        RunError: if runs failed otherwise; raised after the others finished.
    """
    if executor not in EXECUTORS:
        raise unknown("executor", executor, EXECUTORS)
    if workers is not None and workers < 1:
        raise InputError(f"the number of workers must be at least 1, not {workers}")
    results: dict[int, Result] = {}
    for index, spec in enumerate(specs):
        if done is not None and (found := done(spec)) is not None:
            results[index] = found
    waiting = [index for index in range(len(specs)) if index not in results]
    todo = [specs[index] for index in waiting]
    failures: list[tuple[Spec, _Failure]] = []
    if todo:
        count = default_workers(len(todo)) if workers is None else min(workers, len(todo))
        # Closing the generator is what stops the workers when anything is raised in between.
        with closing(EXECUTORS[executor](_Attempt(function), todo, count)) as outcomes:
            for position, outcome in outcomes:
                spec = todo[position]
                if isinstance(outcome, _Failure):
                    failures.append((spec, outcome))
                    continue
                results[waiting[position]] = outcome.result
                if on_result is not None:
                    on_result(spec, outcome.result)
    if failures:
        raise _error(failures, len(specs))
    return [results[index] for index in range(len(specs))]


def _error(failures: Sequence[tuple[object, _Failure]], runs: int) -> Exception:
    """Return the one exception that stands for all failures."""
    if all(failure.bad_input for _, failure in failures):
        messages = dict.fromkeys(failure.message for _, failure in failures)
        return InputError("; ".join(messages))
    named = "; ".join(f"{str(spec)[:200]}: {failure.message}" for spec, failure in failures)
    error = RunError(f"{len(failures)} of {runs} runs did not finish: {named}")
    for spec, failure in failures:
        error.add_note(f"{str(spec)[:200]}\n{failure.details}")
    return error
