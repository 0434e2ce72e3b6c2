"""Wireless communications."""

from drlapps.task import Task

TASKS: tuple[Task, ...] = ()
