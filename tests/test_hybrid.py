"""Solvers that start from what another policy found."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import evaluate
from drlapps.hybrid import Hybrid
from drlapps.policy import Start
from drlapps.scheduling.job_shop.cp_sat import CpSat
from drlapps.scheduling.job_shop.instances import named
from drlapps.scheduling.job_shop.rules import FlowDueDatePerWorkRemaining
from drlapps.vector import Array, VectorEnvironment

TASK = registry.get("scheduling/job-shop")


class Slow(FlowDueDatePerWorkRemaining):
    """A rule that thinks for a while first."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        time.sleep(0.2)


class Watched(CpSat):
    """Remembers what it started from."""

    start: Start | None = None

    def solve(self, instance: Any, seed: int, start: Start | None = None) -> Any:
        self.start = start
        return super().solve(instance, seed, start)


def test_a_solver_starts_from_what_the_other_found_and_is_never_worse() -> None:
    words = ["spt", "cp-sat+spt"]
    who = [contestant(TASK, word, {"deterministic_time": 0.05, "workers": 1}) for word in words]
    alone, both = evaluate(TASK, who, named(["la21"]))
    assert both.policy == "cp-sat+spt"
    assert both.incumbents[0][1] == alone.value
    assert both.value is not None
    assert alone.value is not None
    assert both.value <= alone.value


def test_each_training_run_is_a_contestant_of_its_own() -> None:
    found = contestant(TASK, "cp-sat+pretrained@4", {"time_limit": 1.0})
    assert found.kind == "agent"
    assert str(found.information) == "model"
    assert list(found.policies) == list(contestant(TASK, "pretrained").policies)
    starters = [policy.starter for policy in found.policies.values() if isinstance(policy, Hybrid)]
    assert [starter.samples for starter in starters] == [4] * len(found.policies)


def test_the_time_of_the_first_counts_against_the_limit_of_the_second() -> None:
    (shop,) = named(["ft06"])
    env = registry.make(TASK, 1, [shop], training=False, **CpSat.environment)
    env.reset(seed=0, options={"instances": [shop]})
    solver = Watched(time_limit=10.0, workers=1)
    both = Hybrid(TASK, solver, Slow())
    both.reset(env, 0)
    assert solver.start is not None
    assert solver.start.seconds >= 0.2
    assert both.report(0).incumbents[0][0] >= 0.2


@pytest.mark.parametrize("word", ["spt+pretrained", "milp+spt"])
def test_what_finds_its_own_start_cannot_be_given_one(word: str) -> None:
    with pytest.raises(InputError, match="cannot start from what another policy found"):
        contestant(TASK, word)


def test_a_batch_has_a_start_for_each_instance() -> None:
    shops = named(["ft06", "ft10"])
    env = registry.make(TASK, 2, shops, training=False, **CpSat.environment)
    seen, _ = env.reset(seed=0, options={"instances": shops})
    both = Hybrid(TASK, CpSat(deterministic_time=0.05, workers=1), Slow())
    both.reset(env, 0)
    actions: Array = both.act(env, seen)
    assert actions.shape == (2,)
    assert [round(start.value) for start in both.solver.starts] == [
        round(both.report(row).incumbents[0][1]) for row in range(2)
    ]
    assert np.all(actions < [shop.jobs for shop in shops])


def test_each_run_of_the_starter_gives_the_solver_another_draw() -> None:
    found = contestant(TASK, "cp-sat+pretrained", {"time_limit": 1.0})
    assert [policy.draw for policy in found.policies.values()] == list(range(len(found.policies)))
