from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid.power_flow import power_flow
from drlapps.energy.grid.random_feeders import RandomFeeders
from drlapps.energy.restoration.environment import RestorationEnv
from drlapps.energy.restoration.instances import RandomOutages, toy
from drlapps.energy.restoration.outage import Configuration, Outage
from drlapps.energy.restoration.plans import Answer, Planner

POOL = RandomOutages(RandomFeeders(buses=(6, 20)), feeders=40)


class Fixed(Planner):
    """Heads for a configuration given beforehand."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def configure(self, outage: Outage, seed: int) -> Answer:
        return Answer(self.configuration, bound=0.5, details={"trees": 1})


def random_tree(outage: Outage, rng: np.random.Generator) -> np.ndarray:
    """Return a random spanning tree of what the source can reach, by Kruskal's algorithm."""
    a = outage.feeder.arrays
    group = np.arange(len(a.p))
    closed = np.zeros(len(a.tail), bool)
    usable = outage.start | outage.operable
    for k in rng.permutation(np.flatnonzero(usable)):
        if group[a.tail[k]] != group[a.head[k]]:
            group[group == group[a.tail[k]]] = group[a.head[k]]
            closed[k] = True
    root = group[outage.feeder.root]
    # What no tie reaches stays as it is.
    lost = group[a.tail] != root
    return np.where(lost, outage.start, closed)


def carried_out(outage: Outage, target: Configuration) -> RestorationEnv:
    env = RestorationEnv(1, [outage], autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": [outage]})
    policy = Fixed(target)
    policy.reset(env, 0)
    while not env.ended[0]:
        actions = policy.act(env, observations)
        assert env.mask[0, actions[0]] or actions[0] >= env.r.shape[1]
        observations, *_ = env.step(actions)
    assert policy.report(0).bound == 0.5
    assert policy.report(0).details == {"trees": 1}
    return env


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000))
def test_every_tree_is_reached_by_admissible_operations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outage = POOL.sample(rng)
    target = random_tree(outage, rng)
    env = carried_out(outage, Configuration(target, np.ones(len(outage.p), bool)))
    assert np.array_equal(env.configuration(0).closed, target)
    assert power_flow(outage.feeder, env.configuration(0).closed).loops == 0


def test_dead_parts_are_split_before_they_are_fed() -> None:
    outage = toy()[2]
    target = Configuration(np.array([False, True, False, True, True]), np.ones(4, bool))
    env = carried_out(outage, target)
    operations = env.solution(0)["operations"]
    assert operations == [["open", "3"], ["close", "4"], ["close", "5"]]
    assert env.metrics(0)["load_served"] == pytest.approx(1.0)


def test_loads_are_shed_at_last_and_only_as_long_as_a_limit_is_violated() -> None:
    outage = toy()[1]
    target = Configuration(np.array([False, True, True]), np.array([True, True, False]))
    env = carried_out(outage, target)
    assert env.solution(0)["operations"] == [["close", "3"], ["shed", "3"]]
    assert env.metrics(0)["load_served"] == pytest.approx(5 / 9)
