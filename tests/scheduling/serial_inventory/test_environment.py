"""The serial environment: timing, control variate, actions, observations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.policy import Policy, Random
from drlapps.scheduling.inventory.demand import Poisson
from drlapps.scheduling.serial_inventory.baselines import (
    BaseStock,
    ClarkScarf,
    EchelonBaseStock,
    LocalBaseStock,
    ShangSong,
)
from drlapps.scheduling.serial_inventory.checker import check
from drlapps.scheduling.serial_inventory.clark_scarf import cost_of, solve
from drlapps.scheduling.serial_inventory.environment import SerialInventoryEnv
from drlapps.scheduling.serial_inventory.instances import (
    PROBLEMS,
    SerialScenario,
    named,
    path,
    random_problems,
    toy,
    train,
)
from drlapps.scheduling.serial_inventory.problem import SerialProblem
from drlapps.scheduling.serial_inventory.sterman import Sterman


def played(policy: Policy, scenarios: list[SerialScenario]) -> SerialInventoryEnv:
    env = SerialInventoryEnv(
        len(scenarios), scenarios, autoreset_mode=AutoresetMode.DISABLED, **policy.environment
    )
    rollout(env, policy, scenarios, 0)
    return env


def paths(problem: SerialProblem, number: int = 60, periods: int = 400) -> list[SerialScenario]:
    return [path("long", problem, place, periods, 50) for place in range(number)]


def mean(env: SerialInventoryEnv, metric: str) -> float:
    return float(np.mean([env.metrics(row)[metric] for row in range(env.num_envs)]))


@pytest.mark.parametrize("name", ["snyder-6.1", "problem-6.2b", "rbf-serial"])
def test_the_simulated_cost_of_the_optimal_levels_is_the_theoretical_one(name: str) -> None:
    problem = PROBLEMS[name]
    env = played(ClarkScarf(), paths(problem))
    expected = env.solution(0)["expected"][50:]
    # The optimal policy has the optimal cost in every single period.
    assert np.abs(np.array(expected) - solve(problem).cost).max() < 2e-4
    # 21,000 periods of a standard deviation near half the mean: a standard error of 0.5 %.
    assert mean(env, "cost") == pytest.approx(solve(problem).cost, rel=0.015)


class Fixed(EchelonBaseStock):
    """Given levels."""

    def __init__(self, levels: tuple[float, ...]) -> None:
        self.given = levels

    def levels(self, scenario: SerialScenario) -> tuple[float, ...]:
        return self.given


@pytest.mark.parametrize("levels", [(15.0, 20.0), (18.0, 24.0), (21.0, 25.0), (14.0, 30.0)])
def test_expected_costs_have_the_mean_of_any_base_stock_policy(levels: tuple[float, ...]) -> None:
    problem = PROBLEMS["rbf-serial"]
    env = played(Fixed(levels), paths(problem))
    exact = cost_of(problem, levels)
    assert exact > solve(problem).cost
    assert mean(env, "expected_cost") == pytest.approx(exact, rel=0.01)
    assert mean(env, "cost") == pytest.approx(exact, rel=0.05)


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_no_policy_is_ever_below_the_optimum(seed: int) -> None:
    (problem,) = random_problems(1, seed)
    scenario = path("any", problem, seed, 80, 0)
    for policy in (Random(), ShangSong(), Sterman(0.4, 0.3, 0.3)):
        env = played(policy, [scenario])
        solution = env.solution(0)
        least = solve(problem).cost
        assert min(solution["expected"]) >= least * (1.0 - 1e-6)
        found = env.metrics(0)
        checked = check(scenario, solution)
        for name, value in found.items():
            assert checked[name] == pytest.approx(value, rel=1e-6, abs=1e-6), name


def test_expected_and_realised_costs_agree_for_wild_orders() -> None:
    # Random orders on a short leash: around the mean demand, so that the mean exists.
    problem = PROBLEMS["rbf-serial"]

    class Wild(Fixed):
        def orders(self, env):  # type: ignore[no-untyped-def]
            wobble = self.rng.integers(-4, 5, env.owed.shape)
            return np.maximum(super().orders(env) + wobble, 0.0)

    policy = Wild((17.0, 25.0))
    policy.rng = np.random.default_rng(0)  # type: ignore[attr-defined]
    env = played(policy, paths(problem))
    assert mean(env, "expected_cost") == pytest.approx(mean(env, "cost"), rel=0.02)
    assert mean(env, "expected_cost") > 1.02 * solve(problem).cost


def test_installation_levels_do_what_echelon_levels_do() -> None:
    scenarios = [paths(PROBLEMS[name], 1)[0] for name in ("snyder-6.1", "problem-6.2b")]
    echelon, local = played(ClarkScarf(), scenarios), played(LocalBaseStock(), scenarios)
    for row in range(2):
        ours, theirs = (env.solution(row)["shipped"][100:] for env in (echelon, local))
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_simulation_finds_levels_of_nearly_optimal_cost() -> None:
    for name in ("rbf-serial", "toy-newsvendor"):
        (scenario,) = named([name])
        assert scenario.problem is not None
        levels = BaseStock().levels(scenario)
        assert cost_of(scenario.problem, levels) <= 1.01 * solve(scenario.problem).cost


def test_policies_report_their_levels() -> None:
    scenarios = named(["snyder-6.1"])
    policy = ClarkScarf()
    played(policy, scenarios)
    report = policy.report(0)
    assert report.status == "optimal"
    assert {"S_1", "S_2", "S_3", "expected_cost"} == set(report.details)
    assert report.details["expected_cost"] == pytest.approx(47.66, abs=0.001)
    local = LocalBaseStock()
    played(local, scenarios)
    assert sum(local.report(0).details.values()) == pytest.approx(report.details["S_3"])


def test_policies_of_theory_refuse_what_it_does_not_cover() -> None:
    for policy in (ClarkScarf(), ShangSong()):
        with pytest.raises(InputError, match="needs demand that is the same"):
            played(policy, named(["beer-game"]))


@pytest.mark.parametrize("kind", ["order-up-to", "discrete"])
def test_agents_order_up_to_levels(kind: str) -> None:
    scenarios = list(toy())
    env = SerialInventoryEnv(3, scenarios, actions=kind, levels=6, width=3)
    env.reset(seed=0, options={"instances": scenarios})
    if kind == "discrete":
        # Stage 1 is the last digit: levels 2, 1 and 0 of six, half a deviation apart.
        actions = np.full(3, 2 + 1 * 6)
        deviations = np.array([1.0, 0.5, 0.0])
    else:
        actions = np.tile([0.0, -1 / 6, -1 / 3], (3, 1))
        deviations = np.array([1.0, 0.5, 0.0])
    before = env.echelon_position()
    orders = env._orders(actions)
    for row, scenario in enumerate(scenarios):
        assert scenario.problem is not None
        periods = np.array(scenario.problem.echelon_lead_times)
        law = scenario.problem.demand
        sd = max(np.sqrt(law.variance), 0.1 * law.mean)
        targets = law.mean * periods + deviations[: len(periods)] * sd * np.sqrt(periods)
        wanted = np.maximum(targets - before[row, : len(periods)][::-1], 0.0)
        np.testing.assert_allclose(orders[row, : len(periods)][::-1], wanted)
    assert not orders[0, 1:].any()


def test_baselines_act_exactly_through_the_default_actions() -> None:
    scenarios = named(["snyder-6.1", "problem-6.2b"])
    env = SerialInventoryEnv(2, scenarios)
    env.reset(seed=0, options={"instances": scenarios})
    wanted = np.array([[5.25, 4.125, 6.0625, 0, 0], [31.0, 30.0, 33.0, 40.0, 0.0]])
    np.testing.assert_allclose(env.orders_of(env.actions_for(wanted)), wanted, atol=1e-12)


def test_observations_are_free_of_units() -> None:
    problem = SerialProblem((2, 1), (2.0, 1.0), 20.0, Poisson(9.0))
    dearer = replace(problem, holding=(20.0, 10.0), penalty=200.0)
    env = SerialInventoryEnv(2, [path("a", one, 0, 50, 0) for one in (problem, dearer)], width=4)
    seen, _ = env.reset(seed=5, options={"instances": [path("a", problem, 0, 50, 0)] * 2})
    np.testing.assert_array_equal(seen[0], seen[1])
    seen, _ = env.reset(
        seed=5, options={"instances": [path("a", one, 0, 50, 0) for one in (problem, dearer)]}
    )
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-6)
    # Two stages of room that nobody needs.
    assert not seen[:, 16:32].any()


def test_rewards_follow_the_cost() -> None:
    # Over a long path the mean expected reward is the mean realised one, but for a constant.
    problem = PROBLEMS["rbf-serial"]
    means = {}
    for reward in ("expected", "realised"):
        scenarios = paths(problem)
        env = SerialInventoryEnv(60, scenarios, reward=reward)
        policy = Fixed((17.0, 25.0))
        env.reset(seed=0, options={"instances": scenarios})
        policy.reset(env, 0)
        rewards = [env.step(policy.act(env, np.zeros(1)))[1].mean() for _ in range(399)]
        means[reward] = np.mean(rewards[50:])
    unit = 20.0 * float(env._traits.scale[0])
    # What echelon 2 holds is counted from the 10 units that customers take on their way down.
    shifted = means["realised"] + 1.0 / 20.0 + 1.0 * 10.0 / unit
    assert means["expected"] == pytest.approx(shifted, abs=0.004)


def test_rewards_forget_the_larger_system_that_a_row_held_before() -> None:
    scenario = named(["rbf-serial"])[0]
    rewards = []
    for before in ("rbf-serial:1", "problem-6.2b"):
        env = SerialInventoryEnv(1, named(["rbf-serial", "problem-6.2b"]), width=5)
        env.reset(seed=0, options={"instances": named([before])})
        env.step(env.actions_for(np.full((1, 5), 30.0)))
        env.reset(seed=0, options={"instances": [scenario]})
        rewards.append(env.step(env.actions_for(np.full((1, 5), 7.0)))[1][0])
    assert rewards[0] == rewards[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"actions": "order"}, "actions"),
        ({"reward": "none"}, "reward"),
        ({"actions": "discrete", "levels": 1}, "levels must be"),
        ({"actions": "discrete", "levels": 100, "width": 4}, "more than 10000"),
        ({"width": 2}, "does not fit"),
        ({"width": -1}, "width must be"),
    ],
)
def test_impossible_settings_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SerialInventoryEnv(1, named(["snyder-6.1"]), **options)  # type: ignore[arg-type]


def test_pools() -> None:
    assert train().largest().network.arcs[0].lead_time == 2
    rng = np.random.default_rng(0)
    drawn = [train().sample(rng) for _ in range(20)]
    assert {len(one.network.nodes) for one in drawn} == {2, 3, 4, 5}
    with pytest.raises(InputError, match="not for random"):
        train(penalty=3)
    with pytest.raises(InputError, match="problems must be"):
        train(problems=0)
    with pytest.raises(InputError, match="did you mean"):
        named(["snyder-61"])
    with pytest.raises(InputError, match="no range"):
        named(["snyder-6.1:4..2"])
    assert [one.name for one in named(["snyder-6.1:1..2,toy-coin"])] == [
        "snyder-6.1:1", "snyder-6.1:2", "toy-coin:0",
    ]  # fmt: skip
