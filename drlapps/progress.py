"""Progress bars on stderr, for work that takes a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from drlapps.evaluate import Result
    from drlapps.spec import RunSpec

POLL_SECONDS = 1.0


class Bar:
    """One progress bar with an ETA and the latest score.

    Args:
        quiet: show nothing.
        console: where; stderr by default.
    """

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            disable=quiet,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, start=False)

    def __enter__(self) -> Bar:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._progress.stop()

    def start(self, total: float) -> None:
        """Say how much there is to do."""
        self._progress.start_task(self._task)
        self._progress.update(self._task, total=total)

    def scored(self, result: Result) -> None:
        """Count one result."""
        gap = "" if result.gap_percent is None else f" gap {result.gap_percent:.1f} %"
        text = f"{result.policy} on {result.instance}{gap}"
        self._progress.update(self._task, advance=1, description=text[:60])

    def reached(self, done: float, text: str) -> None:
        """Show how much is done."""
        self._progress.update(self._task, completed=done, description=text[:60])


@contextmanager
def watch_runs(specs: Sequence[RunSpec], bar: Bar) -> Iterator[None]:
    """Show the progress that runs write to their directories, wherever they execute."""
    total = sum(spec.preset().steps for spec in specs)
    bar.start(total)
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(POLL_SECONDS):
            reached, scores = _reached(specs)
            score = f", validation {min(scores):.2f}" if scores else ""
            bar.reached(reached, f"{specs[0].agent}, {len(specs)} runs{score}")

    watcher = threading.Thread(target=poll, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _reached(specs: Sequence[RunSpec]) -> tuple[int, list[float]]:
    """Return the steps of all runs together and the latest validation score of each."""
    from drlapps.artifact import RunDirectory
    from drlapps.files import read_rows

    steps, scores = 0, []
    for spec in specs:
        log = RunDirectory(spec.directory).progress
        rows = read_rows(log) if log.exists() else []
        if rows:
            steps += int(rows[-1]["steps"])
        scores += [float(row["validation"]) for row in rows if row["validation"]][-1:]
    return steps, scores
