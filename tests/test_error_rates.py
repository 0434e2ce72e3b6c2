"""The error rates of drlapps.stats, proved by simulation against the nominal 5 %."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from drlapps.stats import crossed_t, mean_interval, tost, two_sample_crossed_t

FloatArray = NDArray[np.float64]

# Seeds, instances and the standard deviations of seed, instance and residual.
SETTINGS = [
    (3, 50, (0.3, 1.0, 1.0)),
    (5, 50, (0.3, 1.0, 1.0)),
    (10, 100, (0.3, 1.0, 1.0)),
    (5, 100, (1.0, 1.0, 1.0)),
    (5, 100, (0.0, 1.0, 1.0)),
]
DRAWS = 4000


def simulate(
    rng: np.random.Generator,
    seeds: int,
    instances: int,
    deviations: tuple[float, float, float],
    draws: int = DRAWS,
) -> Iterator[FloatArray]:
    """Yield tables of a crossed design whose true mean is zero."""
    seed, instance, residual = deviations
    for _ in range(draws):
        yield (
            seed * rng.standard_normal((seeds, 1))
            + instance * rng.standard_normal(instances)
            + residual * rng.standard_normal((seeds, instances))
        )


@pytest.mark.parametrize(("seeds", "instances", "deviations"), SETTINGS)
def test_crossed_t_holds_its_level_where_the_pooled_test_does_not(
    seeds: int, instances: int, deviations: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(20)
    cells = seeds * instances
    critical = scipy_stats.t.ppf(0.975, cells - 1)
    crossed = pooled = 0
    for table in simulate(rng, seeds, instances, deviations):
        crossed += crossed_t(table).p_value <= 0.05
        pooled += abs(table.mean()) > critical * table.std(ddof=1) / math.sqrt(cells)
    assert 0.035 <= crossed / DRAWS <= 0.07
    assert pooled / DRAWS > 0.2


@pytest.mark.parametrize(("seeds", "instances"), [(3, 50), (5, 5), (5, 50)])
def test_crossed_t_stays_below_its_level_where_only_noise_remains(
    seeds: int, instances: int
) -> None:
    tables = simulate(np.random.default_rng(21), seeds, instances, (0.0, 0.0, 1.0), 1000)
    assert np.mean([crossed_t(table).p_value <= 0.05 for table in tables]) <= 0.05


@pytest.mark.parametrize(
    ("seeds", "deviations"),
    [((3, 3), (0.3, 0.3)), ((5, 5), (1.0, 1.0)), ((5, 10), (1.0, 0.0))],
)
def test_two_sample_crossed_t_holds_its_level(
    seeds: tuple[int, int], deviations: tuple[float, float]
) -> None:
    rng = np.random.default_rng(22)
    first = simulate(rng, seeds[0], 50, (deviations[0], 0.7, 1.0))
    second = simulate(rng, seeds[1], 50, (deviations[1], 0.7, 2.0))
    rejected = pooled = 0
    for a, b in zip(first, second, strict=True):
        common = 3 * rng.standard_normal(50)
        rejected += two_sample_crossed_t(a + common, b + common).p_value <= 0.05
        gap = (a - b[:1]).ravel()
        pooled += abs(gap.mean()) > 1.98 * gap.std(ddof=1) / math.sqrt(gap.size)
    assert 0.03 <= rejected / DRAWS <= 0.07
    assert pooled / DRAWS > 0.2


def test_tost_holds_its_level_at_the_margin_and_has_power_inside() -> None:
    tables = list(simulate(np.random.default_rng(23), 10, 100, (0.3, 1.0, 1.0)))
    at_margin = [tost(crossed_t(table + 0.6), 0.6) <= 0.05 for table in tables]
    inside = [tost(crossed_t(table), 0.6) <= 0.05 for table in tables]
    assert 0.035 <= np.mean(at_margin) <= 0.065
    assert np.mean(inside) > 0.9


def test_mean_interval_covers_the_true_mean() -> None:
    tables = simulate(np.random.default_rng(24), 5, 40, (0.5, 1.0, 1.0), draws=2000)
    intervals = np.array([mean_interval(table + 7.0) for table in tables])
    covered = (intervals[:, 0] <= 7.0) & (intervals[:, 1] >= 7.0)
    assert 0.93 <= covered.mean() <= 0.97
