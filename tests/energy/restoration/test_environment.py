"""The environment against others: networkx for the masks, the checker for the physics."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid import cases
from drlapps.energy.grid.random_feeders import RandomFeeders
from drlapps.energy.restoration.checker import check
from drlapps.energy.restoration.environment import RestorationEnv
from drlapps.energy.restoration.features import FEATURES
from drlapps.energy.restoration.instances import RandomOutages, named, toy
from drlapps.energy.restoration.outage import Configuration, Outage, assess

POOL = RandomOutages(RandomFeeders(buses=(6, 14)), feeders=40, min_voltage=(0.9, 0.95))


def batch(outages: list[Outage]) -> RestorationEnv:
    env = RestorationEnv(len(outages), outages, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": outages})
    return env


def drawn(seed: int, count: int = 16) -> list[Outage]:
    rng = np.random.default_rng(seed)
    return [POOL.sample(rng) for _ in range(count)]


def step_at_random(env: RestorationEnv, rng: np.random.Generator, finish: float) -> np.ndarray:
    masks = env.action_masks()
    scores = rng.random(masks.shape)
    scores[:, -1] *= finish
    actions = np.where(masks, scores, -1.0).argmax(axis=1)
    env.step(actions)
    return actions


def expected_mask(env: RestorationEnv, row: int) -> set[int]:
    """Return the admissible actions by the rules of the class's description, with networkx."""
    outage, e = env.instances[row], env.r.shape[1]
    a, feeder = outage.feeder.arrays, outage.feeder
    closed, connected = env.configuration(row)
    usable = outage.operable & ~env.moved[row, : len(a.tail)]
    pending = int(env.pending[row])
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(len(a.p)))
    for k in np.flatnonzero(closed):
        if k != pending:
            graph.add_edge(int(a.tail[k]), int(a.head[k]), key=int(k))
    lit = nx.node_connected_component(graph, feeder.root)

    def loop(tie: int) -> set[int]:
        path = nx.shortest_path(graph, int(a.tail[tie]), int(a.head[tie]))
        found = {next(iter(graph[u][v])) for u, v in pairwise(path)}
        return {k for k in found if usable[k]}

    if pending >= 0:
        return loop(pending)
    admitted = {env.mask.shape[1] - 1}
    ties = [k for k in np.flatnonzero(usable & ~closed)]
    for k in ties:
        ends = (a.tail[k] in lit) + (a.head[k] in lit)
        if ends == 1 or (ends == 2 and loop(int(k))):
            admitted.add(int(k))
    reconnecting = [k for k in ties if (a.tail[k] in lit) != (a.head[k] in lit)]
    for k in np.flatnonzero(usable & closed):
        if a.tail[k] in lit:
            continue
        graph.remove_edge(int(a.tail[k]), int(a.head[k]), key=int(k))
        halves = [nx.node_connected_component(graph, int(end)) for end in (a.tail[k], a.head[k])]
        graph.add_edge(int(a.tail[k]), int(a.head[k]), key=int(k))
        if all(
            any(a.tail[t] in half or a.head[t] in half for t in reconnecting) for half in halves
        ):
            admitted.add(int(k))
    if max(env.excess[row], env.overload[row]) > 1e-9:
        before = set(admitted)
        loaded = [i for i in lit if connected[i] and (a.p[i] or a.q[i])]
        admitted |= {e + i for i in loaded if a.sheddable[i]}
        if not all(a.sheddable[i] for i in loaded):
            admitted |= {int(k) for k in np.flatnonzero(usable & closed) if a.tail[k] in lit}
        if admitted > before:
            admitted.remove(env.mask.shape[1] - 1)
    return admitted


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_masks_follow_the_rules(seed: int) -> None:
    env, rng = batch(drawn(seed, 6)), np.random.default_rng(seed)
    for _ in range(12):
        for row in range(env.num_envs):
            if not env.ended[row]:
                assert set(np.flatnonzero(env.mask[row])) == expected_mask(env, row)
        step_at_random(env, rng, finish=0.7)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_checker_agrees_with_every_episode(seed: int) -> None:
    env, rng = batch(drawn(seed)), np.random.default_rng(seed)
    while not env.ended.all():
        step_at_random(env, rng, finish=0.5)
    for row, outage in enumerate(env.instances):
        ours, theirs = env.metrics(row), check(outage, env.solution(row))
        assert theirs == pytest.approx(ours, abs=1e-7)
        score = assess(outage, env.configuration(row))
        assert score.radial
        assert score.load_served == pytest.approx(ours["load_served"], abs=1e-9)
        assert -score.operations == ours["switch_operations"]


def test_rewards_sum_to_what_the_episode_achieved() -> None:
    outages = drawn(3)
    env, rng = batch(outages), np.random.default_rng(3)
    start = env.supply - 2.0 * env.excess.clip(max=0.1) - 0.05 * env.loss / env.p.sum(axis=1)
    total = np.zeros(len(outages))
    while not env.ended.all():
        masks = env.action_masks()
        actions = np.where(masks, rng.random(masks.shape), -1.0).argmax(axis=1)
        total += env.step(actions)[1]
    end = env.supply - 2.0 * env.excess.clip(max=0.1) - 0.05 * env.loss / env.p.sum(axis=1)
    failed = env.excess > 1e-9
    end -= np.where(failed, 0.5 + env.supply - env.load_served, 0.0)
    end -= 0.002 * env.moved.sum(axis=1)
    assert total == pytest.approx(end - start, abs=1e-6)


def test_an_inadmissible_action_finishes_or_opens_the_loop() -> None:
    outage = named(["ieee33:outage-8"])[0]
    env = batch([outage])
    env.step(np.array([34]))  # the tie 12-22 reconnects
    env.step(np.array([32]))  # the tie 8-21 makes a loop
    assert env.pending[0] == 32
    env.step(np.array([32]))
    assert env.pending[0] == -1
    assert assess(outage, env.configuration(0)).radial
    terminated = env.step(np.array([7]))[2]  # locked: it is broken
    assert terminated[0]
    assert env.solution(0)["operations"][:2] == [["close", "35"], ["close", "33"]]
    assert len(env.solution(0)["operations"]) == 3


def test_an_outage_at_the_source_serves_nothing() -> None:
    env = batch(named(["ieee33:outage-1"]))
    assert set(np.flatnonzero(env.mask[0])) == {env.mask.shape[1] - 1}
    env.step(np.array([env.mask.shape[1] - 1]))
    assert env.metrics(0)["load_served"] == 0.0
    assert env.metrics(0)["min_voltage"] == 1.0


def test_no_more_operations_than_allowed() -> None:
    outages = named(["ieee33:singles"], max_operations=2)
    env, rng = batch(outages), np.random.default_rng(0)
    for _ in range(40):
        step_at_random(env, rng, finish=0.0)
        assert (env.operations <= 2).all()
    assert env.ended.all()


def test_a_collapse_counts_as_no_voltage() -> None:
    env = batch(named(["ieee33"], loading=6.0))
    metrics = env.metrics(0)
    assert metrics["load_served"] == 0.0
    assert metrics["min_voltage"] == 0.0
    assert metrics["feasible"] == 0.0


def test_where_loads_have_no_breakers_branches_may_be_opened() -> None:
    feeder = cases.load("ieee33")
    buses = tuple(
        type(bus)(bus.name, bus.p_kw, bus.q_kvar, sheddable=False) for bus in feeder.buses
    )
    fixed = type(feeder)("fixed", buses, feeder.branches, feeder.source, feeder.kv)
    env = batch([Outage("fixed", fixed, (), min_voltage=0.95)])
    assert env.mask[0, :32].all()
    assert not env.mask[0, 37:-1].any()


def test_the_look_ahead_is_what_the_operation_leads_to() -> None:
    env = batch(named(["ieee33:singles"])[1:])
    observations = env._observe()
    column = FEATURES.index("margin_after")
    for row, outage in enumerate(env.instances):
        for action in np.flatnonzero(env.mask[row, :37]):
            tail, head = env.tail[row, action], env.head[row, action]
            if env.energised[row, tail] == env.energised[row, head]:
                continue
            closed, connected = env.configuration(row)
            closed[action] = True
            lowest = min_voltage(outage, Configuration(closed, connected))
            margin = (lowest - 0.9) / 0.02
            assert observations[row, action, column] == pytest.approx(
                margin / (1 + abs(margin)), abs=2e-3
            )


def min_voltage(outage: Outage, configuration: Configuration) -> float:
    from drlapps.energy.grid.power_flow import power_flow

    flow = power_flow(outage.feeder, configuration.closed)
    return flow.min_voltage if flow.converged else 0.0


def test_toys_start_in_the_dark() -> None:
    env = batch(list(toy()))
    assert env.load_served.tolist() == [0.0, 0.0, 0.0]


def test_a_feeder_larger_than_the_pool_is_refused() -> None:
    env = RestorationEnv(1, list(toy()), autoreset_mode=AutoresetMode.DISABLED)
    with pytest.raises(ValueError, match="larger than this batch's pool"):
        env.reset(options={"instances": named(["ieee33"])})


def test_load_behind_an_overloaded_branch_is_not_served() -> None:
    feeder = cases.load("ieee33")
    rated = replace(feeder.branches[21], rating_a=30.0)  # 3-23: 900 kW behind it, 48 A
    tight = replace(feeder, branches=(*feeder.branches[:21], rated, *feeder.branches[22:]))
    outage = Outage("rated", tight, ())
    env = batch([outage])
    metrics = env.metrics(0)
    assert metrics["overload"] == pytest.approx(48.9 / 30.0 - 1.0, abs=0.05)
    assert metrics["load_served"] == pytest.approx(1.0 - 930.0 / 3715.0)
    assert metrics["feasible"] == 0.0
    assert assess(outage, env.configuration(0)).load_served == pytest.approx(1.0 - 930.0 / 3715.0)
    assert check(outage, env.solution(0)) == pytest.approx(metrics, abs=1e-7)
