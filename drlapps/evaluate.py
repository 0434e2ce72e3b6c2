"""Policies x instances -> results: the referee at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from drlapps import registry
from drlapps.errors import Failure, InputError
from drlapps.policy import NoPlan, Policy, Report
from drlapps.task import Information, Task
from drlapps.threads import one_thread
from drlapps.vector import Instance, VectorEnvironment

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Contestant:
    """A policy with what the referee must know of it.

    Attributes:
        name: what reports call it.
        kind: ``agent`` or ``baseline``.
        information: what it may see.
        policies: one policy a training run (its seed), or for a baseline one under ``None`` or, if
            it is repeated, one for each repetition.
        train_cpu_seconds: mean training cost of a run, for agents.
        barred: hashes of the instances it must not be scored on (its own validation pool).
    """

    name: str
    kind: str
    information: Information
    policies: Mapping[int | None, Policy]
    train_cpu_seconds: float | None = None
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Result:
    """One row: a policy, a run seed, an instance, and what came of it.

    The fields, renamed by :meth:`row`, are the public JSON of ``solve`` and ``evaluate``.
    """

    task: str
    policy: str
    kind: str
    information: str
    run_seed: int | None
    instance: str
    instance_hash: str
    value: float | None
    metrics: Mapping[str, float]
    feasible: bool
    status: str
    bound: float | None
    reference: float | None
    gap_percent: float | None
    plan_seconds: float
    act_seconds: float
    incumbents: tuple[tuple[float, float], ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    solution: Mapping[str, Any] | None = field(default=None, compare=False)

    def row(self, task: Task) -> dict[str, Any]:
        """Return the JSON object of the command line."""
        row = asdict(self)
        row["incumbents"] = [list(point) for point in self.incumbents]
        metric = asdict(task.metric)
        metric.pop("reference")
        row["metric"] = {"name": metric["name"], "value": row.pop("value"), **metric}
        row["seconds"] = {"plan": row.pop("plan_seconds"), "act": row.pop("act_seconds")}
        return row

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Result:
        """Return the result that a JSON object describes; the inverse of :meth:`row`."""
        known = dict(row)
        known["value"] = known.pop("metric")["value"]
        seconds = known.pop("seconds")
        known["plan_seconds"], known["act_seconds"] = seconds["plan"], seconds["act"]
        known["incumbents"] = tuple((s, v) for s, v in known.get("incumbents", ()))
        return cls(**known)


class RefereeError(Failure):
    """Environment and checker disagree, or a policy beat a proven bound: the toolkit is wrong."""


def rollout(
    env: VectorEnvironment, policy: Policy, instances: Sequence[Instance], seed: int
) -> tuple[float, float]:
    """Play one episode of each instance to its end.

    Args:
        env: a batch of as many rows as instances, its autoreset disabled.
        policy: who acts.
        instances: one a row.
        seed: of the episodes and, with the policy's ``draw`` added, of its own randomness.

    Returns:
        Planning and acting seconds; where a policy plays several samples, the environment's
        own time is part of acting.
    """
    observations, _ = env.reset(seed=seed, options={"instances": instances})
    started = time.perf_counter()
    policy.reset(env, seed + policy.draw)
    plan_seconds = time.perf_counter() - started
    act_seconds = 0.0
    # Several samples of one instance are a search that uses the environment as its simulator.
    searching = policy.samples > 1
    over = np.zeros(env.num_envs, dtype=np.bool_)
    while not over.all():
        started = time.perf_counter()
        actions = policy.act(env, observations)
        acted = time.perf_counter()
        observations, _, terminated, truncated, _ = env.step(actions)
        act_seconds += (time.perf_counter() if searching else acted) - started
        over = terminated | truncated
    return plan_seconds, act_seconds


@dataclass(frozen=True)
class Played:
    """The best of the episodes that a policy played of an instance.

    Attributes:
        metrics: of the environment.
        solution: likewise.
        report: what the policy says of it.
        plan_seconds: of all episodes.
        act_seconds: likewise.
    """

    metrics: Mapping[str, float]
    solution: Mapping[str, Any]
    report: Report
    plan_seconds: float
    act_seconds: float


def play(
    task: Task, policy: Policy, instance: Instance, seed: int, settings: Mapping[str, object]
) -> Played:
    """Play ``policy.samples`` episodes of the instance at once and keep the best.

    Args:
        task: the problem.
        policy: who plays.
        instance: on what.
        seed: of the randomness in environment and policy.
        settings: parameters of the environment; they win over those of the policy.
    """
    copies = [instance] * policy.samples
    parameters = {**policy.environment, **settings}
    env = registry.make(task, len(copies), copies, training=False, **parameters)
    plan, act = rollout(env, policy, copies, seed)
    metrics = [env.metrics(row) for row in range(len(copies))]
    best = min(range(len(copies)), key=lambda row: _order(task, metrics[row]))
    return Played(metrics[best], env.solution(best), policy.report(best), plan, act)


def evaluate(
    task: Task,
    contestants: Sequence[Contestant],
    instances: Sequence[Instance],
    *,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
    on_result: Callable[[Result], None] | None = None,
    keep_solutions: Container[str] = (),
) -> list[Result]:
    """Score every policy of every contestant on every instance.

    Each instance is played on its own, so that the seconds are those a user would wait.

    Args:
        task: the problem.
        contestants: who competes.
        instances: on what.
        seed: of the randomness in environments and policies; the same for all (common random
            numbers).
        settings: parameters of the environment; they win over those of a policy.
        on_result: called after each result.
        keep_solutions: names of the instances whose solutions stay in the results.

    Raises:
        InputError: an agent is asked to act on its own validation or training instances.
        RefereeError: environment and checker disagree, or a proven bound is beaten.
    """
    results = []
    for contestant in contestants:
        _refuse_overlap(contestant, instances)
    for contestant in contestants:
        # Only agents need torch, and loading it takes seconds.
        with one_thread() if contestant.kind == "agent" else nullcontext():
            for (run_seed, policy), instance in product(contestant.policies.items(), instances):
                result = _score(task, contestant, run_seed, policy, instance, seed, settings or {})
                if on_result is not None:
                    on_result(result)
                kept = instance.name in keep_solutions
                results.append(result if kept else replace(result, solution=None))
    return results


def _score(
    task: Task,
    contestant: Contestant,
    run_seed: int | None,
    policy: Policy,
    instance: Instance,
    seed: int,
    settings: Mapping[str, object],
) -> Result:
    """Return the result of a policy on an instance."""
    nothing = Result(
        task=task.id,
        policy=contestant.name,
        kind=contestant.kind,
        information=str(contestant.information),
        run_seed=run_seed,
        instance=instance.name,
        instance_hash=instance.hash,
        value=None,
        metrics={},
        feasible=False,
        status="timeout",
        bound=instance.bound,
        reference=instance.reference,
        gap_percent=None,
        plan_seconds=0.0,
        act_seconds=0.0,
    )
    started = time.perf_counter()
    try:
        played = play(task, policy, instance, seed, settings)
    except NoPlan as error:
        found = error.plans[0]
        return replace(
            nothing,
            status=found.status,
            bound=_first(found.bound, instance.bound),
            plan_seconds=time.perf_counter() - started,
        )
    metrics, report = played.metrics, played.report
    check(task, instance, metrics, played.solution)
    _check_bound(task, instance, metrics)
    value = metrics[task.metric.name]
    own = ((played.plan_seconds + played.act_seconds, value),) if metrics["feasible"] else ()
    return replace(
        nothing,
        value=value,
        metrics=metrics,
        feasible=bool(metrics["feasible"]),
        status=report.status if metrics["feasible"] else "infeasible",
        bound=_first(report.bound, instance.bound),
        gap_percent=task.metric.gap_percent(value, instance.reference),
        plan_seconds=played.plan_seconds,
        act_seconds=played.act_seconds,
        incumbents=report.incumbents or own,
        details=report.details,
        solution=played.solution,
    )


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def check(
    task: Task, instance: Instance, metrics: Mapping[str, float], solution: Mapping[str, Any]
) -> None:
    """Compare the referee's metrics with the checker's.

    Raises:
        RefereeError: they differ.
    """
    if not task.checker:
        return
    independent = registry.load(task.checker)(instance, solution)
    for name, value in independent.items():
        if abs(metrics[name] - value) > TOLERANCE * max(1.0, abs(value)):
            raise RefereeError(
                f"{task.id} on {instance.name}: the environment says {name} = {metrics[name]}, "
                f"the checker {value}"
            )


def _check_bound(task: Task, instance: Instance, metrics: Mapping[str, float]) -> None:
    if instance.bound is None or not metrics["feasible"]:
        return
    value = metrics[task.metric.name]
    excess = value - instance.bound if task.metric.minimize else instance.bound - value
    if excess < -TOLERANCE * max(1.0, abs(instance.bound)):
        raise RefereeError(
            f"{task.id} on {instance.name}: {task.metric.name} = {value} is better than the "
            f"proven bound {instance.bound}"
        )


def score(task: Task, value: float, instance: Instance) -> float:
    """Return the metric on a scale fit for averaging over instances; lower is better.

    The gap to the reference or proven bound in percent, where there is one.
    """
    anchor = instance.reference if instance.reference is not None else instance.bound
    gap = task.metric.gap_percent(value, anchor)
    if gap is not None:
        return gap
    return value if task.metric.minimize else -value


def _order(task: Task, metrics: Mapping[str, float]) -> tuple[bool, float]:
    value = metrics[task.metric.name]
    return not metrics["feasible"], value if task.metric.minimize else -value


def _refuse_overlap(contestant: Contestant, instances: Sequence[Instance]) -> None:
    for instance in instances:
        if instance.hash in contestant.barred:
            raise InputError(
                f"{contestant.name} was trained or validated on {instance.name}; "
                "its score there would say nothing"
            )
