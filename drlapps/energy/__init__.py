"""Power systems."""

from drlapps.task import Task

TASKS: tuple[Task, ...] = ()
