"""Due dates and shifts, and the pools and names that take them."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.scheduling.job_shop import benchmarks, instances
from drlapps.scheduling.job_shop.checker import check
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.extras import with_due_dates, with_shifts
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_improvement.environment import JobShopImprovementEnv

FT06 = benchmarks.load("ft06")


def test_due_dates_by_hand() -> None:
    jobs = [[(0, 70), (1, 30)], [(0, 1)], [(1, 7)], [(0, 3)], [(1, 4)]]
    shop = JobShop.from_jobs("five", jobs, release=[5, 0, 0, 0, 9], upper_bound=120)
    dated = with_due_dates(shop, 1.15)
    # 5 + 115, although 1.15 * 100 is less in binary; 7 * 1.15 = 8.05.
    assert dated.due.tolist() == [120, 1, 8, 3, 13]
    assert dated.weights.tolist() == [4, 2, 2, 2, 1]
    assert (dated.name, dated.upper_bound) == ("five-f1.15", 120)
    assert with_due_dates(shop, 0).due.tolist() == [5, 0, 0, 0, 9]


def test_weights_are_those_of_singer_and_pinedo() -> None:
    dated = with_due_dates(benchmarks.load("abz5"), 1.3)
    assert dated.weights.tolist() == [4, 4, 2, 2, 2, 2, 2, 2, 1, 1]


def test_improvement_reports_what_comes_of_due_dates() -> None:
    shop = with_due_dates(FT06, 1.3)
    env = JobShopImprovementEnv(1, [shop], steps=9, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    for _ in range(9):
        env.step(np.zeros(1, np.int64))
    found = env.metrics(0)
    assert check(shop, env.solution(0)).items() <= found.items()
    assert found["late_jobs"] > 0


def test_shifts_by_hand() -> None:
    shop = with_shifts(FT06, 10, 4)
    assert shop.name == "ft06-shift10+4"
    assert (shop.lower_bound, shop.upper_bound) == (FT06.lower_bound, None)
    assert shop.windows[0] == shop.windows[5]
    assert list(shop.windows[5][:3]) == [(10, 14), (24, 28), (38, 42)]


@given(st.integers(0, 2**32), st.integers(6, 12), st.integers(1, 9))
def test_no_schedule_outlasts_the_shifts(seed: int, opened: int, closed: int) -> None:
    """Whatever is dispatched, the last window lies behind it."""
    rng = np.random.default_rng(seed)
    jobs = [
        [(int(rng.integers(2)), int(rng.integers(7))) for _ in range(rng.integers(1, 5))]
        for _ in range(rng.integers(1, 6))
    ]
    plain = JobShop.from_jobs("drawn", jobs, release=rng.integers(0, 40, len(jobs)).tolist())
    shop = with_shifts(plain, opened, closed)
    env = JobShopEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    while env.operations_left[0]:
        env.step(rng.integers(shop.jobs, size=1))
    assert env.metrics(0)["makespan"] <= shop.closed[:, 2].max()


def test_shifts_join_the_windows_a_shop_has() -> None:
    shop = JobShop.from_jobs("one", [[(0, 2), (1, 3)]], closed=[(1, 3, 5)])
    assert with_shifts(shop, 5, 2).windows[1][0] == (3, 7)
    assert with_shifts(shop, 5, 2).windows[0][0] == (5, 7)


def test_names_take_due_dates_and_shifts() -> None:
    [shop] = instances.named("ft06", tightness=1.6, shift=[10, 4])
    assert shop.name == "ft06-f1.6-shift10+4"
    assert shop.hash == with_shifts(with_due_dates(FT06, 1.6), 10, 4).hash
    assert [shop.hash for shop in instances.named("ft06")] == [FT06.hash]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tightness": -0.1}, "tightness must lie between 0 and 1000, not -0.1"),
        ({"tightness": float("nan")}, "tightness must lie between 0 and 1000, not nan"),
        ({"tightness": [1, 2]}, "tightness of a named instance is one number"),
        ({"shift": [5]}, "shift needs two whole numbers, open and closed"),
        ({"shift": 480}, "shift needs two whole numbers, open and closed"),
        ({"shift": [480.5, 1]}, "shift needs two whole numbers, open and closed"),
        ({"shift": [480, 0]}, "shift needs two positive numbers, open and closed, not 480 and 0"),
        ({"shift": [9, 5]}, "a shift of 9 is too short for ft06, where an operation takes 10"),
    ],
)
def test_impossible_extras(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        instances.named("ft06", **options)  # type: ignore[arg-type]


def test_a_shift_that_would_fill_the_memory_is_refused() -> None:
    late = JobShop.from_jobs("late", [[(0, 1)]], release=[10**8])
    with pytest.raises(InputError, match="a shift of 1 and 1 closes the machines of late 50,000,0"):
        with_shifts(late, 1, 1)


def test_pools_draw_due_dates_and_shifts_after_the_shop() -> None:
    plain = instances.train(jobs=(2, 5), machines=(2, 4), release=(0, 50), seed=4)
    pool = instances.train(
        jobs=(2, 5), machines=(2, 4), release=(0, 50), seed=4, tightness=(1.2, 1.6), shift=(99, 20)
    )
    first, same = plain.take(1)[0], pool.take(1)[0]
    assert np.array_equal(first.durations, same.durations)
    largest = pool.largest()
    for shop in pool.take(30):
        share = (shop.due - shop.release) / shop.durations.sum(axis=1)
        assert (share > 1.15).all()
        assert (share <= 1.6).all()
        assert 0 < len(shop.windows[0]) <= len(largest.windows[0])
    assert not first.due.size
    assert not first.closed.size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tightness": (2, 1)}, "tightness=2..1 is not a range of numbers from 0 to 1000"),
        ({"tightness": (1, 2, 3)}, "tightness needs one number or two"),
        ({"shift": (98, 5)}, "a shift of 98 is too short for largest, where an operation takes 99"),
        ({"shift": (99,)}, "shift needs two whole numbers"),
    ],
)
def test_impossible_pools(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        instances.train(**options)  # type: ignore[arg-type]
