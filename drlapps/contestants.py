"""From the words on the command line to policies that can be scored."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drlapps import registry, stats
from drlapps.artifact import RunDirectory
from drlapps.errors import InputError, unknown
from drlapps.evaluate import Contestant
from drlapps.hybrid import hybrid
from drlapps.policy import Policy, Solver
from drlapps.task import Information, Task

PRETRAINED = "pretrained"


def contestant(task: Task, word: str, options: Mapping[str, object] | None = None) -> Contestant:
    """Return who ``word`` means, with ``@K`` for the best of K samples.

    Args:
        task: whose policies.
        word: a baseline's name, ``pretrained`` or ``pretrained:AGENT``, a run directory, a
            directory of run directories (``seed-*``), or ``path/to/file.py:CLASS`` for a policy of
            one's own; ``SOLVER+WHO`` for a solver that starts from what another policy has found.
        options: keyword arguments of a baseline, such as ``time_limit``; those it does not have
            are left out.

    Raises:
        InputError: there is no such policy, or it cannot be sampled.
    """
    first, plus, rest = word.partition("+")
    if plus and first in task.baselines:
        both = contestant(task, first, options), contestant(task, rest, options)
        return hybrid(task, word, *both)
    name, at, samples = word.rpartition("@")
    if not at or Path(word).exists():
        return _find(task, word, options or {})
    if not (samples.isascii() and samples.isdecimal() and int(samples) > 0):
        raise InputError(f"{word!r}: what follows @ must be a positive number of samples")
    found = _find(task, name, options or {})
    for policy in found.policies.values():
        _refuse_sampling(policy, name)
        policy.samples = int(samples)
    return replace(found, name=word)


def repeated(found: Contestant, times: int) -> Contestant:
    """Return a baseline that plays several times, by other draws; an agent has its runs for that.

    Raises:
        InputError: the number is impossible.
    """
    if times < 1 or 1 < times < stats.MIN_SEEDS:
        raise InputError(
            f"--repeats takes 1 or at least {stats.MIN_SEEDS}, for fewer say nothing of chance; "
            f"not {times}"
        )
    if times == 1 or found.kind == "agent":
        return found
    (policy,) = found.policies.values()
    again: dict[int | None, Policy] = {}
    for draw in range(times):
        again[draw] = copy(policy)
        again[draw].draw = draw
    return replace(found, policies=again)


def _refuse_sampling(policy: Policy, name: str) -> None:
    """Refuse to sample what always does the same."""
    from drlapps.agents import Agent

    if isinstance(policy, Solver):
        raise InputError(f"{name} is a solver: it has one plan for an instance, nothing to sample")
    if isinstance(policy, Agent) and not policy.algorithm.samples:
        raise InputError(f"{name} always takes the same action; there is nothing to sample")


def _find(task: Task, name: str, options: Mapping[str, object]) -> Contestant:
    if name in task.baselines:
        return _baseline(task, name, options)
    if name.partition(":")[0] == PRETRAINED:
        return replace(_agent(task, shipped(task, name)), name=name)
    if Path(name).is_dir():
        return _agent(task, Path(name))
    if ".py:" in name:
        policy = _built(name, registry.user_class(name, Policy), {})  # type: ignore[type-abstract]
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
    policy = _built(name, cls, {**declared.options, **given})
    policy.samples = declared.samples
    return Contestant(name, "baseline", declared.information, {None: policy})


def _built(name: str, cls: Callable[..., Policy], options: Mapping[str, object]) -> Policy:
    try:
        return cls(**options)
    except TypeError as error:
        raise InputError(f"{name}: {error}") from error


def shipped(task: Task, word: str = PRETRAINED) -> Path:
    """Return the directory of the runs that ship with the task.

    Args:
        task: whose agents.
        word: ``pretrained``, or ``pretrained:AGENT`` where several agents ship.

    Raises:
        InputError: the task ships no agent, or none of that name.
    """
    if not task.pretrained:
        raise InputError(f"{task.id} ships no pretrained agent; train one with drlapps train")
    agents = registry.folder(task) / "agents"
    agent = word.partition(":")[2] or task.pretrained
    known = [path.name for path in agents.iterdir() if path.is_dir()]
    if agent not in known:
        raise unknown(f"agent that ships with {task.id}", agent, known)
    return agents / agent


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


def _agent(task: Task, path: Path) -> Contestant:
    """Return the runs in ``path`` as one contestant: an agent and its training seeds."""
    from drlapps.train import load_agent

    policies: dict[int | None, Policy] = {}
    costs: list[float] = []
    barred: set[str] = set()
    made: list[object] = []
    for directory in run_directories(path):
        policy, manifest = load_agent(directory, task)
        run = _Run.of(manifest, directory)
        if run.seed in policies:
            raise InputError(f"{path} holds two runs of seed {run.seed}; a run counts once")
        policies[run.seed] = policy
        costs.append(run.train_cpu_seconds)
        barred |= run.barred
        made.append((manifest["agent"], manifest["recipe"]))
    if any(one != made[0] for one in made):
        raise InputError(f"{path} holds runs of different agents or settings; name them one by one")
    return Contestant(
        str(path),
        "agent",
        Information.OBSERVED,
        policies,
        train_cpu_seconds=sum(costs) / len(costs),
        barred=frozenset(barred),
    )


@dataclass(frozen=True)
class _Run:
    """What a contest needs of a manifest."""

    seed: int
    train_cpu_seconds: float
    barred: frozenset[str]

    @classmethod
    def of(cls, manifest: Mapping[str, Any], directory: Path) -> _Run:
        try:
            fixed = manifest["train"] if isinstance(manifest["train"], list) else []
            return cls(
                int(manifest["seed"]),
                float(manifest["train_cpu_seconds"]),
                frozenset([*manifest["validation"], *fixed]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{directory}: the manifest lacks a usable {error}") from error


def best_validated(path: Path) -> Path:
    """Return the run directory with the best validation score: the one to use, not to judge by."""

    def score(run: Path) -> float:
        found = RunDirectory(run).manifest.get("validation_score")
        return float("inf") if found is None else float(found)

    return min(run_directories(path), key=score)
