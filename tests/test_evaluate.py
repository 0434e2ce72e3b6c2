"""The referee: who is scored on what, and what the rows say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import Contestant, RefereeError, Result, check, evaluate, score
from drlapps.policy import Plan, Policy, Report, Solver
from drlapps.task import Information
from drlapps.vector import Array, VectorEnvironment

TASK = registry.get("scheduling/job-shop")


class Always(Policy):
    """Dispatches the first admissible job."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        return env.action_masks().argmax(axis=1)  # type: ignore[attr-defined]


class Hopeless(Solver):
    """Finds nothing."""

    def solve(self, instance: Any, seed: int) -> Plan:
        return Plan(status="timeout", bound=instance.bound)


def someone(policy: Policy, **changes: Any) -> Contestant:
    who = Contestant("someone", "baseline", Information.OBSERVED, {None: policy})
    return replace(who, **changes)


def test_rows_carry_what_the_public_object_promises() -> None:
    [ft06] = registry.instances(TASK, ["ft06"])
    [result] = evaluate(TASK, [someone(Always())], [ft06], keep_solutions={"ft06"})
    assert result.reference == 55
    assert result.value is not None
    assert result.gap_percent == pytest.approx(100 * (result.value - 55) / 55)
    assert result.feasible
    assert result.status == "heuristic"
    # The published bound is 55: what nobody can beat, whoever solves.
    assert result.bound == 55
    assert result.plan_seconds >= 0
    assert result.act_seconds > 0
    ends = [
        start + int(ft06.durations[j, k])
        for j, row in enumerate(result.solution["start"])  # type: ignore[index]
        for k, start in enumerate(row)
    ]
    assert max(ends) == result.value
    row = result.row(TASK)
    assert row["metric"] == {
        "name": "makespan", "value": result.value, "unit": "time units", "minimize": True,
    }  # fmt: skip
    assert Result.of(row) == result


def test_of_several_samples_the_best_counts() -> None:
    shops = registry.instances(TASK, ["la16..la20"])
    names = ["random-mor@1", "random-mor@8"]
    results = evaluate(TASK, [contestant(TASK, name) for name in names], shops)
    values = np.array([r.value for r in results]).reshape(2, 5)
    assert values[1].mean() < values[0].mean()
    again = evaluate(TASK, [contestant(TASK, names[1])], shops)
    assert [r.value for r in again] == values[1].tolist()
    other = evaluate(TASK, [contestant(TASK, names[1])], shops, seed=1)
    assert [r.value for r in other] != values[1].tolist()


def test_a_plan_that_was_not_found_is_infeasible_and_its_time_counts() -> None:
    [toy, *_] = registry.pool(TASK, "toy")
    [result] = evaluate(TASK, [someone(Hopeless())], [toy])
    assert not result.feasible
    assert result.value is None
    assert result.gap_percent is None
    assert result.status == "timeout"
    assert result.plan_seconds > 0
    assert result.bound == toy.bound


def test_an_agent_is_not_scored_on_its_own_validation_instances() -> None:
    seen = registry.pool(TASK, "validation")[0]
    barred = someone(Always(), kind="agent", barred=frozenset({seen.hash}))
    with pytest.raises(InputError, match=seen.name):
        evaluate(TASK, [barred], [seen])


def test_a_disagreement_with_the_checker_is_an_error() -> None:
    [ft06] = registry.instances(TASK, ["ft06"])
    [result] = evaluate(TASK, [someone(Always())], [ft06], keep_solutions={"ft06"})
    assert result.solution is not None
    check(TASK, ft06, result.metrics, result.solution)
    with pytest.raises(RefereeError, match="makespan"):
        check(TASK, ft06, {**result.metrics, "makespan": 1.0}, result.solution)
    overlapping = {"start": [[0] * 6 for _ in range(6)]}
    with pytest.raises(RefereeError, match="ft06"):
        check(TASK, ft06, result.metrics, overlapping)


def test_beating_a_proven_bound_is_an_error() -> None:
    [toy, *_] = registry.pool(TASK, "toy")
    liar = replace(toy, lower_bound=10**6, upper_bound=None)
    with pytest.raises(RefereeError, match="proven bound"):
        evaluate(TASK, [someone(Always())], [liar])


def test_a_policy_acts_in_the_environment_it_states_unless_the_user_says_otherwise() -> None:
    seen: list[float] = []

    class Curious(Always):
        environment: ClassVar[dict[str, object]] = {"delay": 0.5}

        def reset(self, env: VectorEnvironment, seed: int) -> None:
            seen.append(env.delay)  # type: ignore[attr-defined]

    toys = list(registry.pool(TASK, "toy"))[:1]
    evaluate(TASK, [someone(Curious())], toys)
    evaluate(TASK, [someone(Curious())], toys, settings={"delay": 1.0})
    assert seen == [0.5, 1.0]


def test_the_score_is_a_gap_where_there_is_an_anchor() -> None:
    [toy, *_] = registry.pool(TASK, "toy")
    assert score(TASK, 12.0, toy) == pytest.approx(50.0)
    assert Report().status == "heuristic"
