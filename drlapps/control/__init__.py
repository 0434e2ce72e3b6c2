"""Control of drives and processes."""

from drlapps.task import Task

TASKS: tuple[Task, ...] = ()
