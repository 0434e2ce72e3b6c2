"""The job shop as a Markov decision process: what it builds, admits, pays and repeats."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.scheduling.job_shop.checker import check, violations
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.instances import RandomJobShops, named, toy
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.vector import ScalarView

MIXED = RandomJobShops(jobs=(2, 6), machines=(2, 4), release=(0, 30))
Choice = Callable[[JobShopEnv], int]
"""Picks the action of a batch of one."""


def shops(least_duration: int = 0, most_jobs: int = 4) -> st.SearchStrategy[JobShop]:
    """Shops with ragged routes, recirculation and release dates, some with due dates."""
    operation = st.tuples(st.integers(0, 2), st.integers(least_duration, 6))
    route = st.lists(operation, min_size=1, max_size=3)
    job = st.tuples(route, st.integers(0, 5), st.integers(0, 20), st.integers(0, 4))

    def shop(jobs: list[tuple[list[tuple[int, int]], int, int, int]], dated: bool) -> JobShop:
        routes, release, due, weights = (list(column) for column in zip(*jobs, strict=True))
        extras = {"due": due, "weights": weights} if dated else {}
        return JobShop.from_jobs("drawn", routes, release=release, **extras)

    return st.builds(shop, st.lists(job, min_size=1, max_size=most_jobs), st.booleans())


def start(shop: JobShop, **options: object) -> JobShopEnv:
    """Return a batch of one at the start of the shop."""
    env = JobShopEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED, **options)  # type: ignore[arg-type]
    env.reset(seed=0, options={"instances": [shop]})
    return env


def build(env: JobShopEnv, choose: Choice) -> tuple[list[int], list[float]]:
    """Play a batch of one to its end and return actions and rewards."""
    actions, rewards, over = [], [], False
    while not over:
        actions.append(choose(env))
        _, reward, terminated, truncated, _ = env.step(np.array(actions[-1:]))
        rewards.append(float(reward[0]))
        over = bool(terminated[0])
        assert not truncated[0]
    return actions, rewards


def masked(seed: int) -> Choice:
    """Choose among the admissible jobs at random."""
    rng = np.random.default_rng(seed)
    return lambda env: int(rng.choice(np.flatnonzero(env.action_masks()[0])))


def unmasked(seed: int) -> Choice:
    """Choose among all jobs at random, finished ones too."""
    rng = np.random.default_rng(seed)
    return lambda env: int(rng.integers(env.single_action_space.n))


def random_actions(env: JobShopEnv, step: int) -> np.ndarray:
    """Random admissible actions that depend on step and row only."""
    draws = np.array([np.random.default_rng([step, r]).random(64) for r in range(env.num_envs)])
    masks = env.action_masks()
    return np.where(masks, draws[:, : masks.shape[1]], -1.0).argmax(axis=1)


# --- schedules ---------------------------------------------------------------------------------


@given(shops(), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 1.0]), st.booleans())
def test_the_checker_agrees_with_every_finished_schedule(
    shop: JobShop, seed: int, delay: float, skip_forced: bool
) -> None:
    env = start(shop, delay=delay, skip_forced=skip_forced)
    build(env, masked(seed))
    assert violations(shop, env.solution(0)) == []
    assert check(shop, env.solution(0)) == env.metrics(0)
    json.dumps(env.solution(0))


@given(shops(), st.integers(0, 2**32))
def test_any_actions_at_all_build_a_feasible_schedule(shop: JobShop, seed: int) -> None:
    env = start(shop)
    actions, _ = build(env, unmasked(seed))
    assert len(actions) == shop.operations
    assert check(shop, env.solution(0)) == env.metrics(0)
    assert env.metrics(0)["feasible"] == 1.0


def waits(shop: JobShop, env: JobShopEnv) -> list[tuple[int, int, int, int]]:
    """Return (machine, ready time, start, duration) of every operation of a finished schedule."""
    found = []
    for j in range(shop.jobs):
        ready = int(shop.release[j])
        for k in range(int(shop.lengths[j])):
            begin, duration = int(env.starts[0, j, k]), int(shop.durations[j, k])
            found.append((int(shop.machines[j, k]), ready, begin, duration))
            ready = begin + duration
    return found


@given(shops(), st.integers(0, 2**32))
def test_without_delay_no_machine_idles_while_an_operation_waits(shop: JobShop, seed: int) -> None:
    env = start(shop, delay=0.0)
    build(env, masked(seed))
    schedule = waits(shop, env)
    for machine, ready, begin, _ in schedule:
        busy = {
            time
            for other, _, at, duration in schedule
            for time in range(at, at + duration)
            if other == machine
        }
        assert busy >= set(range(ready, begin))


@given(shops(least_duration=1), st.integers(0, 2**32))
def test_with_full_delay_no_operation_alone_could_start_earlier(shop: JobShop, seed: int) -> None:
    env = start(shop, delay=1.0)
    build(env, masked(seed))
    schedule = waits(shop, env)
    for this, (machine, ready, begin, duration) in enumerate(schedule):
        taken = [
            (at, at + length)
            for other, (where, _, at, length) in enumerate(schedule)
            if where == machine and other != this
        ]
        for earlier in range(ready, begin):
            assert any(at < earlier + duration and earlier < end for at, end in taken)


def best_of_all(env: JobShopEnv, choices: Callable[[JobShopEnv], Sequence[int]]) -> float:
    """Return the best makespan of all ways to go on."""
    if env.operations_left[0] == 0:
        return env.metrics(0)["makespan"]
    best, here = np.inf, env.export_state()
    for action in choices(env):
        env.restore_state(here)
        env.step(np.array([action]))
        best = min(best, best_of_all(env, choices))
    return best


def admitted(env: JobShopEnv) -> Sequence[int]:
    return np.flatnonzero(env.action_masks()[0]).tolist()


def unfinished(env: JobShopEnv) -> Sequence[int]:
    return np.flatnonzero(env.next_operation[0] < env.lengths[0]).tolist()


@pytest.mark.parametrize("shop", toy(), ids=lambda shop: shop.name)
def test_with_full_delay_a_toys_optimum_can_be_built(shop: JobShop) -> None:
    assert best_of_all(start(shop, delay=1.0), admitted) == shop.reference


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(shops(most_jobs=3))
def test_with_full_delay_an_optimum_can_be_built(shop: JobShop) -> None:
    """Giffler & Thompson 1960: the active schedules contain an optimal one."""
    best = best_of_all(start(shop, delay=1.0), unfinished)
    assert best_of_all(start(shop, delay=1.0), admitted) == best
    assert shop.elementary_bound <= best


def test_with_full_delay_an_operation_without_duration_may_go_first() -> None:
    # Job 1 may pass machine 0 at 3 only if job 0 (5 units) has not started there yet.
    shop = JobShop.from_jobs("pass", [[(0, 5)], [(1, 3), (0, 0), (2, 4)]])
    assert best_of_all(start(shop, delay=1.0), unfinished) == 8
    assert best_of_all(start(shop, delay=1.0), admitted) == 8


def test_without_delay_the_optimum_can_be_out_of_reach() -> None:
    # Machine 0 must wait for job 1, which comes at 1, or job 1 ends at 10 + 1 + 10.
    shop = JobShop.from_jobs("wait", [[(0, 10)], [(1, 1), (0, 1), (2, 10)]])
    assert best_of_all(start(shop, delay=0.0), admitted) == 21
    assert best_of_all(start(shop, delay=1.0), admitted) == 12


def test_what_is_admitted_grows_with_delay() -> None:
    # Machine 0 can complete job 0 first, at 8; jobs 1, 2 and 3 come at 2, 4 and 8.
    routes = [[(0, 8)]] + [[(1 + i, come), (0, 9)] for i, come in enumerate((2, 4, 8))]
    shop = JobShop.from_jobs("late", routes)
    for delay, jobs in (
        (0.0, [0]),
        (0.25, [0]),
        (0.26, [0, 1]),
        (0.6, [0, 1, 2]),
        (1.0, [0, 1, 2]),
    ):
        env = start(shop, delay=delay)
        for job in (1, 2, 3):
            env.step(np.array([job]))
        assert admitted(env) == jobs


# --- actions -----------------------------------------------------------------------------------


def test_the_action_of_a_finished_job_falls_through_to_the_next() -> None:
    shop = JobShop.from_jobs("turn", [[(0, 1)], [(0, 1)], [(0, 1)], [(0, 1)]])
    env = start(shop)
    actions = iter([2, 2, 2, 0])
    build(env, lambda _: next(actions))
    # Job 2 goes first, then 3 (the next), then 0 (round the end), then 1.
    assert env.starts[0, :, 0].tolist() == [2, 3, 0, 1]


@settings(max_examples=60)
@given(shops(), st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 1.0]))
def test_skipping_forced_moves_builds_the_same_schedules(
    shop: JobShop, seed: int, delay: float
) -> None:
    skipping, by_hand = start(shop, delay=delay, skip_forced=True), start(shop, delay=delay)

    def dispatch(action: int) -> float:
        return float(by_hand.step(np.array([action]))[1][0])

    def choose(env: JobShopEnv) -> int:
        action = masked(seed + int(env.operations_left[0]))(env)
        totals.append(dispatch(action))
        while by_hand.operations_left[0] and by_hand.action_masks()[0].sum() == 1:
            totals[-1] += dispatch(int(by_hand.action_masks()[0].argmax()))
        return action

    totals: list[float] = []
    _, rewards = build(skipping, choose)
    assert by_hand.operations_left[0] == 0
    assert np.array_equal(skipping.starts, by_hand.starts)
    assert rewards == pytest.approx(totals, abs=1e-5)


def test_skipping_leaves_no_forced_move() -> None:
    env = JobShopEnv(16, MIXED, skip_forced=True)
    env.reset(seed=0)
    for step in range(60):
        _, _, terminated, _, _ = env.step(random_actions(env, step))
        assert (terminated | (env.action_masks().sum(axis=1) > 1)).all()


def test_ended_rows_stay_as_they_are() -> None:
    shops = toy()[:2]
    env = JobShopEnv(2, shops, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": list(shops)})
    for step in range(shops[0].operations):
        env.step(random_actions(env, step))
    before = env.export_state()
    observations, rewards, terminated, _, _ = env.step(np.zeros(2, np.int64))
    after = env.export_state()
    assert terminated.tolist() == [True, False]
    assert rewards[0] == 0.0
    assert not observations[0].any()
    assert env.action_masks()[0].all()
    assert all(np.array_equal(before[name][0], after[name][0]) for name in before)
    assert not all(np.array_equal(before[name][1], after[name][1]) for name in before)


# --- rewards and bounds ------------------------------------------------------------------------


@given(shops(), st.integers(0, 2**32), st.booleans())
def test_rewards_sum_to_the_excess_over_the_first_bound(
    shop: JobShop, seed: int, skip_forced: bool
) -> None:
    env = start(shop, delay=1.0, skip_forced=skip_forced)
    first = int(env.bound[0])
    assert first == shop.elementary_bound
    _, rewards = build(env, unmasked(seed))
    assert max(rewards) <= 0.0
    excess = env.metrics(0)["makespan"] - first
    assert sum(rewards) == pytest.approx(-10.0 * excess / max(first, 1), abs=1e-5)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(shops(most_jobs=3), st.integers(0, 2**32), st.integers(0, 6))
def test_the_bound_holds_for_every_completion(shop: JobShop, seed: int, steps: int) -> None:
    env = start(shop)
    choose = unmasked(seed)
    for _ in range(min(steps, shop.operations)):
        env.step(np.array([choose(env)]))
    bound = env.bound[0]
    assert bound <= best_of_all(env, unfinished)


# --- repetition --------------------------------------------------------------------------------


def test_a_row_depends_on_its_seed_and_not_on_the_batch() -> None:
    batch = JobShopEnv(5, MIXED, delay=0.5)
    seen, _ = batch.reset(seed=40)
    rows = [JobShopEnv(1, MIXED, delay=0.5) for _ in range(5)]
    for row, alone in enumerate(rows):
        assert np.array_equal(alone.reset(seed=40 + row)[0][0], seen[row])
    for step in range(80):
        actions = random_actions(batch, step)
        seen, rewards, terminated, _, info = batch.step(actions)
        for row, alone in enumerate(rows):
            own, reward, over, _, last = alone.step(actions[row : row + 1])
            assert np.array_equal(own[0], seen[row])
            assert (reward[0], over[0]) == (rewards[row], terminated[row])
            assert batch.instances[row].hash == alone.instances[0].hash
            if over[0]:
                assert np.array_equal(last["final_obs"][0], info["final_obs"][row])
                for name in ("makespan", "feasible"):
                    assert last["final_info"][name][0] == info["final_info"][name][row]


def test_padding_changes_nothing() -> None:
    """A shop looks and runs the same alone and beside larger ones."""
    mixed = [*toy(), *MIXED.take(5)]
    batch = JobShopEnv(len(mixed), mixed, autoreset_mode=AutoresetMode.DISABLED)
    padded, _ = batch.reset(seed=0, options={"instances": mixed})
    alone = [start(shop) for shop in mixed]
    for step in range(max(shop.operations for shop in mixed)):
        actions = random_actions(batch, step)
        for row, (shop, env) in enumerate(zip(mixed, alone, strict=True)):
            assert np.array_equal(padded[row, : shop.jobs], env._observe()[0])
            assert not padded[row, shop.jobs :].any()
            if step < shop.operations:
                masks = batch.action_masks()[row]
                assert np.array_equal(masks[: shop.jobs], env.action_masks()[0])
                assert not masks[shop.jobs :].any()
                env.step(actions[row : row + 1])
        padded, *_ = batch.step(actions)
    for row, env in enumerate(alone):
        assert batch.metrics(row) == env.metrics(0)
        assert batch.solution(row) == env.solution(0)


def test_a_restored_state_continues_bit_for_bit() -> None:
    env, other = (JobShopEnv(6, MIXED, delay=1.0) for _ in range(2))
    env.reset(seed=1)
    for step in range(25):
        env.step(random_actions(env, step))
    other.restore_state(env.export_state())
    for step in range(60):
        actions = random_actions(env, step)
        assert np.array_equal(actions, random_actions(other, step))
        for mine, yours in zip(env.step(actions)[:4], other.step(actions)[:4], strict=True):
            assert np.array_equal(mine, yours)


def test_masks_always_admit_an_action_and_observations_stay_in_their_space() -> None:
    for delay in (0.0, 0.5, 1.0):
        env = JobShopEnv(16, MIXED, delay=delay)
        observations, _ = env.reset(seed=2)
        for step in range(80):
            masks = env.action_masks()
            assert masks.any(axis=1).all()
            assert not masks[env.next_operation == env.lengths].any()
            assert env.observation_space.contains(observations)
            observations, *_ = env.step(random_actions(env, step))


# --- manners -----------------------------------------------------------------------------------


def test_the_checkers_of_gymnasium_and_sb3_accept_it() -> None:
    from stable_baselines3.common.env_checker import check_env as sb3_check

    env = ScalarView(JobShopEnv(1, MIXED, autoreset_mode=AutoresetMode.DISABLED))
    with warnings.catch_warnings():
        # Both advise on style by warnings: a matrix is taken for an odd image, and so on.
        warnings.simplefilter("ignore")
        gymnasium_check(env, skip_render_check=True)
        sb3_check(env)


@pytest.mark.parametrize("delay", [-0.1, 1.1, float("nan")])
def test_a_delay_out_of_range_is_an_input_error(delay: float) -> None:
    with pytest.raises(InputError, match="delay must lie between 0"):
        JobShopEnv(1, MIXED, delay=delay)


def test_a_shop_that_is_too_large_is_refused() -> None:
    large = JobShop.from_jobs("large", [[(0, 1)]] * 7)
    env = JobShopEnv(1, MIXED)
    with pytest.raises(ValueError, match="large"):
        env.reset(seed=0, options={"instances": [large]})


def test_a_batch_may_mix_shops_with_and_without_due_dates() -> None:
    (plain,) = named(["ft06"])
    (due,) = named(["ft06"], tightness=1.3)
    env = JobShopEnv(2, [plain, due])
    env.reset(seed=0, options={"instances": [plain, due]})
    for _ in range(plain.operations):
        *_, info = env.step(env.action_masks().argmax(axis=1))
    found = info["final_info"]
    assert found["_makespan"].tolist() == [True, True]
    assert found["_weighted_tardiness"].tolist() == [False, True]
    assert found["weighted_tardiness"][1] > 0.0
