"""Finds tasks and resolves the strings they are declared with."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from drlapps.errors import InputError, unknown
from drlapps.task import Task

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from drlapps.vector import ScalarView, VectorEnvironment

DOMAINS = ("finance", "scheduling", "energy", "comms", "control")
ENTRY_POINTS = "drlapps.tasks"
Base = TypeVar("Base")


@dataclass(frozen=True)
class Parameter:
    """Something ``--set`` can change.

    Attributes:
        name: what to write before the ``=``.
        default: its value when nothing is set.
        of: ``environment`` or ``instances``.
    """

    name: str
    default: object
    of: str


@cache
def tasks() -> dict[str, Task]:
    """Return all installed tasks by id: the built-in ones, then those of entry points.

    Raises:
        InputError: an entry point cannot be loaded, or declares no usable task.
    """
    from importlib.metadata import entry_points

    found: dict[str, Task] = {}
    for domain in DOMAINS:
        for task in importlib.import_module(f"drlapps.{domain}").TASKS:
            found[task.id] = task
    for point in entry_points(group=ENTRY_POINTS):
        for task in _declared(point):
            if task.id in found:
                raise InputError(f"entry point {point.name!r} declares {task.id!r} a second time")
            found[task.id] = task
    return found


def _declared(point: EntryPoint) -> list[Task]:
    """Return the task or tasks of an entry point."""
    try:
        loaded = point.load()
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise InputError(f"entry point {point.name!r} ({point.value}) fails: {problem}") from error
    declared = list(loaded) if isinstance(loaded, list | tuple) else [loaded]
    if not all(isinstance(task, Task) and "/" in task.id for task in declared):
        raise InputError(
            f"entry point {point.name!r} ({point.value}) must name a Task whose id is "
            "domain/name, or a tuple of them"
        )
    return declared


def get(name: str) -> Task:
    """Return the task called ``domain/name``, or ``NAME`` of a user's ``path/to/file.py:NAME``.

    Raises:
        InputError: there is no such task, file or name in the file.
    """
    if name in tasks():
        return tasks()[name]
    path, _, attribute = name.rpartition(":")
    if path.endswith(".py"):
        return _from_file(Path(path), attribute)
    short = [task_id for task_id in tasks() if task_id.split("/")[1] == name]
    if len(short) == 1:
        return tasks()[short[0]]
    raise unknown("task", name, tasks())


def _from_file(path: Path, attribute: str) -> Task:
    module = user_module(path)
    task = getattr(module, attribute, None)
    if not isinstance(task, Task):
        names = [key for key, value in vars(module).items() if isinstance(value, Task)]
        raise unknown(f"task in {path}", attribute, names)
    own: Task = _at_module(task, module.__name__)
    return replace(own, id=task.id if "/" in task.id else f"user/{task.id}")


def user_module(path: Path) -> ModuleType:
    """Import a user's Python file, once.

    Raises:
        InputError: there is no such file, or it fails when imported.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    return _import_file(path.resolve())


@cache
def _import_file(path: Path) -> ModuleType:
    name = f"drlapps_user_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be imported as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(f"{path} fails when imported: {type(error).__name__}: {error}") from error
    return module


def user_class(name: str, base: type[Base]) -> type[Base]:
    """Return the class that ``path/to/file.py:CLASS`` names.

    Raises:
        InputError: the file has no such class derived from ``base``.
    """
    path, _, attribute = name.rpartition(":")
    module = user_module(Path(path))
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, base)):
        fits = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, base) and value is not base
        ]
        raise unknown(f"{base.__name__} class in {path}", attribute, fits)
    return found


def _at_module(value: Any, module: str) -> Any:
    """Complete the import strings that a user's file writes as ``:name``."""
    if isinstance(value, str):
        return module + value if value.startswith(":") else value
    if isinstance(value, Mapping):
        return {key: _at_module(entry, module) for key, entry in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: _at_module(getattr(value, f.name), module) for f in fields(value)}
        return replace(value, **changes)
    return value


def load(string: str) -> Any:
    """Return what the import string ``package.module:name`` names.

    Raises:
        InputError: there is no such module, or nothing of that name in it.
    """
    module, _, attribute = string.partition(":")
    try:
        found = importlib.import_module(module)
    except (ImportError, ValueError) as error:
        raise InputError(f"cannot import {string!r}: {error}") from error
    if not hasattr(found, attribute):
        raise InputError(f"cannot import {string!r}: {module} has no {attribute!r}")
    return getattr(found, attribute)


def folder(task: Task) -> Path:
    """Return the folder in which the task's environment stands."""
    file = inspect.getfile(environment_class(task))
    return Path(file).parent


def environment_class(task: Task) -> type[VectorEnvironment]:
    """Return the task's environment class.

    Raises:
        InputError: the task names none.
    """
    from drlapps.vector import VectorEnvironment

    if task.environment.startswith("gymnasium:"):
        from drlapps.foreign import foreign_environment

        return foreign_environment(task.environment.removeprefix("gymnasium:"))
    loaded = load(task.environment)
    if not (isinstance(loaded, type) and issubclass(loaded, VectorEnvironment)):
        raise InputError(f"{task.id}: {task.environment} is no VectorEnvironment")
    return loaded


def pool(task: Task, name: str, **settings: object) -> Any:
    """Return one of the task's pools.

    Raises:
        InputError: there is no such pool, it has no such setting, or a setting is impossible.
    """
    source = _pool_function(task, name)
    if strange := settings.keys() - accepted(task, name, settings).keys():
        raise InputError(f"the {name} pool of {task.id} has no parameter {min(strange)!r}")
    with _settings_of(task):
        return source(**settings)


def accepted(task: Task, name: str, settings: Mapping[str, object]) -> dict[str, object]:
    """Return those of the settings that one of the task's pools takes.

    Raises:
        InputError: there is no such pool.
    """
    takes = inspect.signature(_pool_function(task, name)).parameters
    return {key: value for key, value in settings.items() if key in takes}


def _pool_function(task: Task, name: str) -> Callable[..., Any]:
    if name not in task.pools:
        raise unknown(f"pool of {task.id}", name, task.pools)
    function: Callable[..., Any] = load(task.pools[name])
    return function


def instances(task: Task, names: Iterable[str], **settings: object) -> list[Any]:
    """Return the instances with the given names, ranges ``A..B`` or file paths.

    Args:
        task: whose instances.
        names: which.
        settings: changes to them, which the task's ``named`` must take.

    Raises:
        InputError: the task has no named instances, not this one, or a setting is impossible.
    """
    if not task.instances:
        raise InputError(f"{task.id} has no named instances; use --pool")
    with _settings_of(task):
        found: list[Any] = load(task.instances)(names, **settings)
    return found


def changes_instances(task: Task) -> set[str]:
    """Return the names of the settings that can change a named instance."""
    if not task.instances:
        return set()
    return set(list(inspect.signature(load(task.instances)).parameters)[1:])


def figures(task: Task, instance: Any, solution: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Return the task's charts of a solution, by name."""
    drawn: dict[str, Any] = load(f"{task.views}:figures")(instance, solution, title)
    return drawn


def compared_figures(
    task: Task, instance: Any, solution: Mapping[str, Any], title: str
) -> dict[str, Any]:
    """Return those charts that a comparison shows of each policy: all, unless the views say."""
    drawn = figures(task, instance, solution, title)
    names = getattr(importlib.import_module(task.views), "COMPARED", tuple(drawn))
    return {name: chart for name, chart in drawn.items() if name in names}


def comparison_figures(
    task: Task, instances: Sequence[Any], comparison: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the task's own charts of a whole comparison, by name; none if its views have none."""
    views = importlib.import_module(task.views)
    if not hasattr(views, "comparison_figures"):
        return {}
    drawn: dict[str, Any] = views.comparison_figures(instances, comparison)
    return drawn


def needed_solutions(task: Task, instances: Sequence[Any]) -> list[str]:
    """Return the instances whose solutions a comparison's charts are made of.

    The first one, or all of them if the views say so by ``ALL_SOLUTIONS = True``.
    """
    every = bool(task.views) and hasattr(importlib.import_module(task.views), "ALL_SOLUTIONS")
    return [instance.name for instance in (instances if every else instances[:1])]


def parameters(task: Task) -> dict[str, Parameter]:
    """Return what ``--set`` can change, by name: the environment's and the instances'.

    The latter are the parameters of the train pool, then what only other pools and named
    instances take.
    """
    found: dict[str, Parameter] = {}
    strings = dict.fromkeys([task.pools["train"], *task.pools.values(), task.instances])
    sources: list[tuple[str, Any]] = [("environment", environment_class(task))]
    sources += [("instances", load(string)) for string in strings if string]
    for of, source in sources:
        for name, parameter in inspect.signature(source).parameters.items():
            if parameter.default is not parameter.empty and name != "autoreset_mode":
                found.setdefault(name, Parameter(name, parameter.default, of))
    return found


def split_settings(
    task: Task, settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort ``--set`` values into the environment's and the instances'.

    Raises:
        InputError: the task has no parameter of that name.
    """
    if not settings:
        return {}, {}
    known = parameters(task)
    for name in settings:
        if name not in known:
            raise unknown(f"parameter of {task.id}", name, known)
    env = {name: value for name, value in settings.items() if known[name].of == "environment"}
    return env, {name: value for name, value in settings.items() if name not in env}


def make(
    task: Task, num_envs: int, pool: Any, *, training: bool = True, **settings: Any
) -> VectorEnvironment:
    """Return a batch of the task's environment.

    Args:
        task: whose environment.
        num_envs: number of rows.
        pool: where instances come from.
        training: restart ended episodes at once (else ended rows stay as they are).
        settings: parameters of the environment.

    Raises:
        InputError: a setting is unknown or impossible.
    """
    from gymnasium.vector import AutoresetMode

    mode = AutoresetMode.SAME_STEP if training else AutoresetMode.DISABLED
    cls = environment_class(task)
    with _settings_of(task):
        return cls(num_envs, pool, autoreset_mode=mode, **settings)


@contextmanager
def _settings_of(task: Task) -> Iterator[None]:
    """Turn what a constructor raises for values it cannot use into one sentence."""
    try:
        yield
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{task.id}: {error}") from error


def make_vector(task_id: str, num_envs: int = 1, **settings: object) -> VectorEnvironment:
    """Entry point of ``gymnasium.make_vec``."""
    task = get(task_id)
    env, instance = split_settings(task, settings)
    return make(task, num_envs, pool(task, "train", **instance), **env)


def make_scalar(task_id: str, **settings: object) -> ScalarView:
    """Entry point of ``gymnasium.make``."""
    from drlapps.vector import ScalarView

    task = get(task_id)
    env, instance = split_settings(task, settings)
    return ScalarView(make(task, 1, pool(task, "train", **instance), training=False, **env))


def register_gymnasium() -> None:
    """Register every task with Gymnasium; importing :mod:`drlapps.envs` calls this."""
    import gymnasium

    for task in tasks().values():
        if task.env_id not in gymnasium.registry:
            gymnasium.register(
                id=task.env_id,
                entry_point="drlapps.registry:make_scalar",
                vector_entry_point="drlapps.registry:make_vector",
                kwargs={"task_id": task.id},
            )
