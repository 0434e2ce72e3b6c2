"""The job shop with due dates as a decision process: what it pays, and that its metrics hold."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.scheduling.job_shop.checker import check
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness.environment import JobShopTardinessEnv
from drlapps.scheduling.job_shop_tardiness.features import DUE_DATES, FEATURES
from drlapps.scheduling.job_shop_tardiness.instances import toy, train
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop

MIXED = train(jobs=(1, 6), machines=(1, 4), tightness=(0.8, 2.0), release=(0, 30))


def start(shop: JobShop, **options: object) -> JobShopTardinessEnv:
    """Return a batch of one at the start of the shop."""
    env = JobShopTardinessEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED, **options)  # type: ignore[arg-type]
    env.reset(seed=0, options={"instances": [shop]})
    return env


def least_of_all(env: JobShopTardinessEnv) -> float:
    """Return the least total weighted tardiness of all admitted ways to go on."""
    if env.operations_left[0] == 0:
        return env.metrics(0)["weighted_tardiness"]
    here, least = env.export_state(), np.inf
    for action in np.flatnonzero(env.action_masks()[0]):
        env.restore_state(here)
        env.step(np.array([action]))
        least = min(least, least_of_all(env))
    return least


@pytest.mark.parametrize("shop", toy(), ids=lambda shop: shop.name)
def test_the_optimum_of_a_toy_can_be_built(shop: DueDateShop) -> None:
    assert least_of_all(start(shop, delay=1.0)) == shop.reference == shop.bound


@given(st.integers(0, 2**32), st.integers(0, 2**32), st.booleans())
def test_rewards_sum_to_the_tardiness_beyond_the_first_bound(
    shop_seed: int, seed: int, skip_forced: bool
) -> None:
    shop, rng = MIXED.sample(np.random.default_rng(shop_seed)), np.random.default_rng(seed)
    env = start(shop, delay=float(rng.choice([0.0, 0.5, 1.0])), skip_forced=skip_forced)
    assert env.tardiness[0] == shop.certain_tardiness
    paid, over = 0.0, False
    while not over:
        action = rng.choice(np.flatnonzero(env.action_masks()[0]))
        before = int(env.tardiness[0])
        _, reward, terminated, *_ = env.step(np.array([action]))
        assert env.tardiness[0] >= before
        paid, over = paid + float(reward[0]), bool(terminated[0])
    metrics = env.metrics(0)
    assert check(shop, env.solution(0)) == metrics
    assert metrics["weighted_tardiness"] == env.tardiness[0]
    unit = max(shop.weights.sum() * shop.durations.sum() / shop.jobs, 1.0)
    excess = metrics["weighted_tardiness"] - shop.certain_tardiness
    assert paid == pytest.approx(-10.0 * excess / unit, abs=1e-4)


def test_it_admits_and_builds_what_the_plain_job_shop_does() -> None:
    shops = MIXED.take(6)
    ours = JobShopTardinessEnv(6, shops, delay=1.0, autoreset_mode=AutoresetMode.DISABLED)
    plain = JobShopEnv(6, shops, delay=1.0, autoreset_mode=AutoresetMode.DISABLED)
    rng = np.random.default_rng(0)
    for env in (ours, plain):
        env.reset(seed=0, options={"instances": list(shops)})
    seen, plainly_seen = ours._observe(), plain._observe()
    for _ in range(max(shop.operations for shop in shops)):
        assert np.array_equal(ours.action_masks(), plain.action_masks())
        assert np.array_equal(np.delete(seen, range(41, 41 + len(DUE_DATES)), 2), plainly_seen)
        actions = np.where(ours.action_masks(), rng.random(ours.mask.shape), -1).argmax(axis=1)
        seen, plainly_seen = ours.step(actions)[0], plain.step(actions)[0]
    assert all(ours.solution(row) == plain.solution(row) for row in range(6))
    assert all(ours.metrics(row) == plain.metrics(row) for row in range(6))


def test_padding_changes_nothing() -> None:
    shops = [*toy(), *MIXED.take(4)]
    env = JobShopTardinessEnv(len(shops), shops, autoreset_mode=AutoresetMode.DISABLED)
    padded, _ = env.reset(seed=0, options={"instances": shops})
    for row, shop in enumerate(shops):
        alone = start(shop)
        assert np.array_equal(padded[row, : shop.jobs], alone._observe()[0])
        assert not padded[row, shop.jobs :].any()
        assert alone.reward_unit[0] == env.reward_unit[row]


def test_the_manual_explains_every_column_about_due_dates_in_order() -> None:
    text = JobShopTardinessEnv.__doc__ or ""
    places = [text.find(f"| ``{name}`` |") for name in DUE_DATES]
    assert -1 not in places
    assert places == sorted(places)
    assert f"(n, {len(FEATURES)})" in text


def test_a_shop_without_due_dates_is_an_input_error() -> None:
    with pytest.raises(InputError, match="has no due dates"):
        DueDateShop.of(JobShop.from_jobs("undated", [[(0, 1)]]))
