"""The island's rules: balance, clamps, books, rewards."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.critical_load_restoration import instances
from drlapps.energy.critical_load_restoration.checker import violations
from drlapps.energy.critical_load_restoration.environment import CriticalLoadRestorationEnv
from drlapps.errors import InputError


def environment(words: list[str], **settings: object) -> CriticalLoadRestorationEnv:
    pool = instances.named(words)
    env = CriticalLoadRestorationEnv(
        len(pool), pool, autoreset_mode=AutoresetMode.DISABLED, **settings
    )
    env.reset(seed=0, options={"instances": pool})
    return env


def play(env: CriticalLoadRestorationEnv, rng: np.random.Generator) -> np.ndarray:
    """Play random actions, some beyond the bounds; return the sums of rewards."""
    total, over = np.zeros(env.num_envs), np.zeros(env.num_envs, bool)
    while not over.all():
        actions = rng.uniform(-1.5, 1.5, env.action_space.shape)
        _, rewards, over, truncated, _ = env.step(actions)
        total += rewards
        assert not truncated.any()
    return total


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), actions=st.sampled_from(["setpoints", "priority"]))
def test_whatever_the_actions_every_rule_is_kept(seed: int, actions: str) -> None:
    rng = np.random.default_rng(seed)
    number = int(rng.integers(1000))
    env = environment(
        [f"ieee13:error-{rng.integers(26)}:{number}", f"random-{number}:error-10:0"],
        actions=actions,
    )
    play(env, rng)
    for row, scenario in enumerate(env.instances):
        assert violations(scenario, env.solution(row)) == []
        battery = scenario.microgrid.battery
        assert battery.min_kwh <= env.charge_kwh[row] <= battery.max_kwh
        assert env.fuel_kwh[row] >= 0.0


def test_an_episode_has_exactly_72_steps() -> None:
    env = environment(["ieee13:error-5:1"])
    for step in range(72):
        _, _, terminated, truncated, _ = env.step(np.zeros((1, 16)))
        assert terminated[0] == (step == 71)
        assert not truncated[0]


def test_rewards_add_up_to_ten_times_the_metric() -> None:
    # All but the voltage penalty, which is for the linearised flow when training.
    env = environment(["ieee13:error-10:0..3"])
    total = play(env, np.random.default_rng(5))
    metric = [env.metrics(row)["restored"] for row in range(4)]
    assert env.violation.max() == 0.0
    assert total == pytest.approx(10.0 * np.array(metric))


def test_hindsight_takes_a_number_from_the_rewards_that_no_action_changes() -> None:
    words = ["ieee13:error-10:0..3"]
    taken = []
    for seed in (6, 7):
        sums = [
            play(environment(words, reward=reward), np.random.default_rng(seed))
            for reward in ("plain", "hindsight")
        ]
        taken.append(sums[0] - sums[1])
    assert taken[0] == pytest.approx(taken[1])
    assert (taken[0] > 1.0).all()


def test_in_hindsight_a_level_that_lasts_costs_nothing() -> None:
    env = environment(["ieee13:error-0:0..7"], actions="priority", reward="hindsight")
    for _ in range(72):
        _, rewards, *_ = env.step(np.zeros((8, 2)))
        assert (np.abs(rewards) < 0.05).all()


def test_new_load_is_left_out_before_old_and_light_before_heavy() -> None:
    env = environment(["toy-power"])
    # 140 kW at most: of 200 wanted, the light load gets 40.
    env.step(np.array([[1.0, 1.0, 1.0]]))
    assert env.served[0] == pytest.approx([1.0, 0.4])
    env = environment(["toy-fuel"])
    # The light load first; then the heavy one is wanted too, and what is new must wait.
    env.step(np.array([[-1.0, 0.0, -1.0]]))
    assert env.served[0] == pytest.approx([0.0, 0.5])
    env.step(np.array([[1.0, 0.0, 1.0]]))
    assert env.served[0] == pytest.approx([0.4, 0.5])


def test_the_battery_delivers_what_its_efficiency_leaves() -> None:
    env = environment(["ieee13:error-0:1"])
    scenario = env.instances[0]
    battery = scenario.microgrid.battery
    while not env._terminated[0]:
        before, step = env.charge_kwh[0], int(env.step_index[0])
        env.step(np.concatenate([np.ones((1, 15)), -np.ones((1, 1))], axis=1))
        power = env.path[0, step, 1]
        taken = power / 0.90 if power > 0.0 else 0.95 * power
        assert env.charge_kwh[0] == pytest.approx(before - taken / 12.0)
        assert power <= (before - battery.min_kwh) * 0.90 * 12.0 + 1e-9


def test_the_turbine_gives_more_rather_than_let_load_go_dark() -> None:
    env = environment(["toy-power"])
    env.step(np.array([[1.0, -1.0, -1.0]]))
    assert env.path[0, 0, :2] == pytest.approx([60.0, 40.0])


def test_too_much_power_turns_the_turbine_down_before_the_sun() -> None:
    env = environment(["toy-sun"])
    for _ in range(2):
        env.step(np.array([[-1.0, -1.0, 1.0]]))
    # The battery takes 10 kWh and is full in the first step; in the second the sun is wasted.
    assert env.path[0, 0, :2] == pytest.approx([10.0, -10.0])
    assert env.path[0, 1, :3] == pytest.approx([0.0, 0.0, 0.0])
    assert env.metrics(0)["curtailed"] == pytest.approx(100.0)


def test_giving_up_costs_a_hundred_steps() -> None:
    env = environment(["toy-fuel"])
    env.step(np.array([[0.0, -1.0, 1.0]]))
    env.step(np.array([[-0.5, -1.0, 1.0]]))
    metrics = env.metrics(0)
    assert metrics["drops"] == pytest.approx(25.0 / 150.0)
    assert metrics["weighted_energy_served"] == pytest.approx(75.0 / 300.0)
    assert metrics["restored"] == pytest.approx((75.0 - 100.0 * 25.0) / 300.0)


def test_arguments_are_checked() -> None:
    with pytest.raises(InputError, match="priority"):
        environment(["toy-fuel"], actions="prioritise")
    with pytest.raises(InputError, match="hindsight"):
        environment(["toy-fuel"], reward="hindsigth")
    env = environment(["ieee13:error-0:1"])
    with pytest.raises(ValueError, match="NaN"):
        env.step(np.full((1, 16), np.nan))
    with pytest.raises(InputError, match="room for 15"):
        env.reset(options={"instances": instances.named(["ieee33:error-0:1"])})
