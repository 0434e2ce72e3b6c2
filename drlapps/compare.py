"""Results -> statistics -> verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps import aggregates, naming, stats
from drlapps.errors import InputError
from drlapps.evaluate import Result
from drlapps.task import Information, Task

BOOTSTRAP_SEED = 0
PROFILE_POINTS = 61


@dataclass(frozen=True)
class Standing:
    """One policy's scores.

    Attributes:
        name: of the policy.
        results: its rows.
        values: metric by (seed, instance), NaN where infeasible.
        scores: what differences are taken of: gaps to the reference in percent where every
            instance has one, else the metric; same shape.
    """

    name: str
    results: tuple[Result, ...]
    values: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def is_agent(self) -> bool:
        """Whether it was trained."""
        return self.results[0].kind == "agent"

    @property
    def is_bound(self) -> bool:
        """Whether it sees the future: no fair opponent."""
        return self.results[0].information == Information.CLAIRVOYANT

    @property
    def whole(self) -> bool:
        """Whether every result is feasible."""
        return bool(np.isfinite(self.scores).all())


def compare(
    task: Task,
    results: Sequence[Result],
    *,
    pool: str = "",
    train_cpu_seconds: Mapping[str, float | None] | None = None,
    margin: float | None = None,
    budget: float | None = None,
    moments: Sequence[float] = (),
) -> dict[str, Any]:
    """Return the comparison as the public JSON object of ``drlapps compare``.

    Each agent of at least ``stats.MIN_SEEDS`` runs is tested against each baseline that is no
    bound, in a crossed design (seeds x instances), paired by instance; the p-values are adjusted
    by Holm's method over all these tests. A baseline that was repeated has seeds of its own. An
    infeasible result leaves its policy without mean and without verdict.

    Args:
        task: the problem.
        results: of all policies on the same instances.
        pool: name of the pool, for people.
        train_cpu_seconds: by policy.
        margin: differences below it do not matter; allows the verdict ``equivalent``. In percent
            points of gap where instances have references, else in the metric's unit.
        budget: seconds that a policy may think and act on an instance; a result that took longer
            counts as infeasible.
        moments: seconds after which the policies are compared as they stood then, too.

    Raises:
        InputError: a policy was not scored on the same instances as the others.
    """
    results = [_within(result, budget) for result in results]
    instances = list(dict.fromkeys(result.instance for result in results))
    relative = all(result.reference for result in results)
    minimize = True if relative else task.metric.minimize
    standings = _standings(results, instances, relative)
    costs = train_cpu_seconds or {}

    def judged(standings: Sequence[Standing]) -> dict[str, Any]:
        return {
            "policies": [_policy(s, costs.get(s.name), minimize) for s in standings],
            "verdicts": _verdicts(standings, minimize, margin),
        }

    def after(seconds: float) -> list[Standing]:
        return _standings([_after(task, r, seconds) for r in results], instances, relative)

    return {
        "task": task.id,
        "pool": pool,
        "instances": instances,
        "metric": {
            "name": task.metric.name, "unit": task.metric.unit, "minimize": task.metric.minimize,
        },
        "reference": task.metric.reference if relative else None,
        "difference_unit": "percentage points of gap" if relative else task.metric.unit,
        "budget_seconds": budget,
        **judged(standings),
        "problems": _problems(standings, instances, relative),
        "moments": [
            {"seconds": moment, **judged(after(moment))} for moment in sorted(set(moments))
        ],
        "aggregates": _aggregates(standings, minimize) if relative else None,
        "results": [result.row(task) for result in results],
    }  # fmt: skip


def _within(result: Result, budget: float | None) -> Result:
    """Return the result as it stood when the budget ran out."""
    seconds = result.plan_seconds + result.act_seconds
    # A solver's own limit is enforced to within its reaction time.
    if budget is None or seconds <= 1.1 * budget + 0.1:
        return result
    return replace(
        result, feasible=False, status="over budget", value=None, gap_percent=None, metrics={}
    )


def _after(task: Task, result: Result, seconds: float) -> Result:
    """Return the result as it stood after so many seconds."""
    if not result.feasible or result.plan_seconds + result.act_seconds <= seconds:
        return result
    found = [value for moment, value in result.incumbents if moment <= seconds]
    if not found:
        return replace(result, feasible=False, value=None, gap_percent=None, metrics={})
    gap = task.metric.gap_percent(found[-1], result.reference)
    return replace(result, value=found[-1], gap_percent=gap, metrics={})


def _standings(
    results: Sequence[Result], instances: Sequence[str], relative: bool
) -> list[Standing]:
    names = dict.fromkeys(result.policy for result in results)
    return [_standing(name, results, instances, relative) for name in names]


def _standing(
    name: str, results: Sequence[Result], instances: Sequence[str], relative: bool
) -> Standing:
    own = tuple(result for result in results if result.policy == name)
    seeds = list(dict.fromkeys(result.run_seed for result in own))
    cell = {(result.run_seed, result.instance): result for result in own}
    missing = [i for i in instances for s in seeds if (s, i) not in cell]
    if missing or len(cell) != len(own):
        raise InputError(f"{name} was not scored exactly once on each instance ({missing[:3]})")
    table = [[cell[seed, instance] for instance in instances] for seed in seeds]

    def numbers(key: str) -> NDArray[np.float64]:
        feasible = [[getattr(r, key) if r.feasible else None for r in row] for row in table]
        return np.array(feasible, dtype=float)

    return Standing(name, own, numbers("value"), numbers("gap_percent" if relative else "value"))


def _policy(standing: Standing, cost: float | None, minimize: bool) -> dict[str, Any]:
    first = standing.results[0]
    rows = standing.results
    whole = standing.whole
    statuses = [row.status for row in rows]
    gaps = [row.gap_percent for row in rows if row.gap_percent is not None]
    relative = len(gaps) == len(rows)
    runs = len(standing.values)
    return {
        "name": standing.name,
        "kind": first.kind,
        "information": first.information,
        "bound": standing.is_bound,
        "seeds": runs if standing.is_agent or runs > 1 else None,
        "mean": float(standing.values.mean()) if whole else None,
        "interval": list(stats.mean_interval(standing.values)) if whole else None,
        "gap_percent": float(np.mean(gaps)) if whole and relative else None,
        "gap_interval": list(stats.mean_interval(standing.scores)) if whole and relative else None,
        "worst_decile": (
            float(aggregates.cvar(standing.scores.mean(axis=0), 0.1, minimize=minimize))
            if whole
            else None
        ),
        "feasible_rate": float(np.mean([row.feasible for row in rows])),
        "statuses": {status: statuses.count(status) for status in dict.fromkeys(statuses)},
        "seconds": {
            "plan": float(np.mean([row.plan_seconds for row in rows])),
            "act": float(np.mean([row.act_seconds for row in rows])),
        },
        "train_cpu_seconds": cost,
    }


def _problems(
    standings: Sequence[Standing], instances: Sequence[str], relative: bool
) -> list[dict[str, Any]]:
    """Return every policy's mean on each problem whose paths the instances are.

    Empty unless there are several problems, and several instances of one of them.
    """
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(instances):
        columns.setdefault(naming.problem(name), []).append(column)
    if not 1 < len(columns) < len(instances):
        return []

    def means(standing: Standing, own: Sequence[int]) -> dict[str, Any]:
        values, scores = standing.values[:, own], standing.scores[:, own]
        if not np.isfinite(scores).all():
            return {"mean": None, "interval": None, "gap_percent": None}
        return {
            "mean": float(values.mean()),
            "interval": list(stats.mean_interval(values)),
            "gap_percent": float(scores.mean()) if relative else None,
        }

    return [
        {
            "name": name,
            "instances": len(own),
            "policies": {standing.name: means(standing, own) for standing in standings},
        }
        for name, own in columns.items()
    ]


def _verdicts(
    standings: Sequence[Standing], minimize: bool, margin: float | None
) -> list[dict[str, Any]]:
    agents = [s for s in standings if s.is_agent]
    baselines = [s for s in standings if not s.is_agent and not s.is_bound]
    pairs = [(agent, baseline) for agent in agents for baseline in baselines]
    # A pair without a verdict must not make the others' p-values stricter.
    tested = [
        (a, b)
        for a, b in pairs
        if a.whole and b.whole and min(a.scores.shape) >= 2 and len(a.scores) >= stats.MIN_SEEDS
    ]
    differences = [_differences(a, b) for a, b in tested]
    tests = [
        stats.crossed_t(d) if len(b.scores) == 1 else stats.two_sample_crossed_t(a.scores, b.scores)
        for d, (a, b) in zip(differences, tested, strict=True)
    ]
    adjusted = stats.holm([test.p_value for test in tests]).tolist() if tests else []
    equivalences: Sequence[float | None] = [None] * len(tests)
    if margin is not None and tests:
        equivalences = stats.holm([stats.tost(test, margin) for test in tests]).tolist()
    found = {}
    for (a, b), d, test, p, e in zip(
        tested, differences, tests, adjusted, equivalences, strict=True
    ):
        found[a.name, b.name] = {
            "difference": test.estimate,
            "interval": list(test.interval),
            "p": test.p_value,
            "p_holm": p,
            "df": test.df,
            "win_rate": float(aggregates.win_rate(d, minimize=minimize).mean()),
            "verdict": str(stats.verdict(test, minimize=minimize, p_value=p, p_equivalence=e)),
        }
    untested = {
        "difference": None, "interval": None, "p": None, "p_holm": None, "df": None,
        "win_rate": None, "verdict": str(stats.Verdict.NO_VERDICT),
    }  # fmt: skip
    return [
        {"agent": a.name, "baseline": b.name, **found.get((a.name, b.name), untested)}
        for a, b in pairs
    ]


def _differences(agent: Standing, baseline: Standing) -> NDArray[np.float64]:
    """Return agent - baseline for every pair of their runs, shape (pairs, instances)."""
    return np.concatenate([stats.differences(agent.scores, row) for row in baseline.scores])


def _aggregates(standings: Sequence[Standing], minimize: bool) -> dict[str, Any]:
    """Return interquartile means, performance profiles and probabilities of improvement.

    Scores are gaps, so lower is better; the profile at ``tau`` is the share of (seed, instance)
    pairs with a gap of at most ``tau``.
    """
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    whole = [s for s in standings if s.whole]
    if not whole:
        return {"iqm": {}, "profiles": {"tau": [], "share": {}}, "probability_of_improvement": []}
    top = max(float(s.scores.max()) for s in whole)
    taus = np.linspace(0.0, top, PROFILE_POINTS)
    iqm = {}
    for s in whole:
        estimate = aggregates.stratified_bootstrap(s.scores, aggregates.iqm, rng=rng)
        iqm[s.name] = {
            "value": float(estimate.value),
            "interval": [float(estimate.low), float(estimate.high)] if s.is_agent else None,
        }
    agents = [s for s in whole if s.is_agent]
    improvement = []
    for index, a in enumerate(agents):
        for b in agents[index + 1 :]:
            estimate = aggregates.improvement_interval(-a.scores, -b.scores, rng=rng)
            improvement.append({
                "agent": a.name, "over": b.name, "probability": float(estimate.value),
                "interval": [float(estimate.low), float(estimate.high)],
            })  # fmt: skip
    share = {s.name: [float((s.scores <= tau).mean()) for tau in taus] for s in whole}
    return {
        "iqm": iqm,
        "profiles": {"tau": taus.tolist(), "share": share},
        "probability_of_improvement": improvement,
    }
