"""From the words on the command line to policies that can be scored."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from drlapps import registry
from drlapps.artifact import RunDirectory
from drlapps.errors import InputError, unknown
from drlapps.evaluate import Contestant
from drlapps.policy import Policy
from drlapps.task import Information, Task

PRETRAINED = "pretrained"


def contestant(
    task: Task, word: str, options: Mapping[str, object] | None = None
) -> Contestant:
    """Return who ``word`` means, with ``@K`` for the best of K samples.

    Args:
        task: whose policies.
        word: a baseline's name, ``pretrained``, a run directory, a directory of run directories
            (``seed-*``), or ``path/to/file.py:CLASS`` for a policy of one's own.
        options: keyword arguments of a baseline, such as ``time_limit``; those it does not have
            are left out.

    Raises:
        InputError: there is no such policy, or it cannot be sampled.
    """
    name, _, samples = word.partition("@")
    found = _find(task, name, options or {})
    if not samples:
        return found
    if not samples.isdecimal() or int(samples) < 1:
        raise InputError(f"{word!r}: what follows @ must be a positive number of samples")
    for policy in found.policies.values():
        policy.samples = int(samples)
    return replace(found, name=word)


def _find(task: Task, name: str, options: Mapping[str, object]) -> Contestant:
    if name in task.baselines:
        return _baseline(task, name, options)
    if name == PRETRAINED:
        if not task.pretrained:
            raise InputError(f"{task.id} ships no pretrained agent; train one with drlapps train")
        return replace(_agent(shipped(task)), name=PRETRAINED)
    if Path(name).is_dir():
        return _agent(Path(name))
    if ".py:" in name:
        policy = registry.user_class(name, Policy)()
        return Contestant(name, "baseline", Information.OBSERVED, {None: policy})
    if name in task.agents:
        raise InputError(
            f"{name!r} is an agent to train: drlapps train {task.id} --agent {name}, "
            "then name its run directory"
        )
    known = [*task.baselines, *([PRETRAINED] if task.pretrained else [])]
    raise unknown(f"policy of {task.id}", name, known)


def _baseline(task: Task, name: str, options: Mapping[str, object]) -> Contestant:
    declared = task.baselines[name]
    cls = registry.load(declared.policy)
    accepted = inspect.signature(cls).parameters
    given = {key: value for key, value in options.items() if key in accepted}
    policy: Policy = cls(**{**declared.options, **given})
    policy.samples = declared.samples
    return Contestant(name, "baseline", declared.information, {None: policy})


def shipped(task: Task) -> Path:
    """Return the directory of the runs that ship with the task."""
    return registry.folder(task) / "agents" / task.pretrained


def run_directories(path: Path) -> list[Path]:
    """Return the run directories that ``path`` is or holds, in order of their seeds.

    Raises:
        InputError: there are none.
    """
    if RunDirectory(path).manifest_path.exists():
        return [path]
    found = sorted(path.glob("seed-*"), key=lambda run: (len(run.name), run.name))
    if not found:
        raise InputError(f"{path} is not a run directory and holds none")
    return found


def _agent(path: Path) -> Contestant:
    from drlapps.train import load_agent

    policies: dict[int | None, Policy] = {}
    costs, barred = [], set()
    for directory in run_directories(path):
        policy, manifest = load_agent(directory)
        policies[int(manifest["seed"])] = policy
        costs.append(float(manifest["train_cpu_seconds"]))
        barred |= set(manifest["validation"])
        barred |= set(manifest["train"]) if isinstance(manifest["train"], list) else set()
    return Contestant(
        str(path),
        "agent",
        Information.OBSERVED,
        policies,
        train_cpu_seconds=sum(costs) / len(costs),
        barred=frozenset(barred),
    )


def best_validated(path: Path) -> Path:
    """Return the run directory with the best validation score: the one to use, not to judge by."""
    runs = run_directories(path)
    return min(runs, key=lambda run: RunDirectory(run).manifest["validation_score"] or 0.0)
