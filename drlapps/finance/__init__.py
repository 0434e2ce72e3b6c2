"""Portfolio and trading problems."""

from drlapps.task import Task

TASKS: tuple[Task, ...] = ()
