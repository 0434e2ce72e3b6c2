"""Tests of drlapps.aggregates: independent numbers, coverage by simulation, invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from drlapps import aggregates
from drlapps.aggregates import (
    cvar,
    improvement_interval,
    iqm,
    optimality_gap,
    performance_profile,
    pigeonhole_bootstrap,
    probability_of_improvement,
    stratified_bootstrap,
    win_rate,
)
from drlapps.errors import InputError

FloatArray = NDArray[np.float64]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def grand_mean(scores: FloatArray) -> FloatArray:
    return np.asarray(scores.mean(axis=(-2, -1)))


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (2, 2), (5, 7), (10, 26)])
def test_iqm_is_scipys_trimmed_mean(shape: tuple[int, int]) -> None:
    scores = rng().lognormal(size=shape)
    assert iqm(scores) == pytest.approx(scipy_stats.trim_mean(scores, 0.25, axis=None))


def test_iqm_by_hand() -> None:
    assert iqm([[-100.0, 1.0], [2.0, 900.0]]) == 1.5


def test_optimality_gap_caps_what_exceeds_gamma() -> None:
    scores = [[0.5, 3.0], [1.0, 0.1]]  # capped at 1: 0.5, 1, 1, 0.1
    assert optimality_gap(scores) == pytest.approx(0.35)
    assert optimality_gap(scores, gamma=2.0) == pytest.approx(2 - (0.5 + 2 + 1 + 0.1) / 4)


def test_performance_profile_counts_strictly_above() -> None:
    scores = [[0.0, 1.0], [2.0, 2.0]]
    assert performance_profile(scores, [-1.0, 0.0, 1.0, 2.0]) == pytest.approx([1, 0.75, 0.5, 0])


def test_probability_of_improvement_is_mann_whitney_averaged_over_tasks() -> None:
    a = rng(1).integers(0, 6, (7, 4)).astype(float)  # small integers: many ties
    b = rng(2).integers(1, 6, (5, 4)).astype(float)
    expected = [
        scipy_stats.mannwhitneyu(a[:, task], b[:, task]).statistic / (7 * 5) for task in range(4)
    ]
    assert probability_of_improvement(a, b) == pytest.approx(np.mean(expected))


def test_probability_of_improvement_refuses_different_tasks() -> None:
    with pytest.raises(InputError, match="3 and 2 tasks"):
        probability_of_improvement(np.zeros((2, 3)), np.zeros((2, 2)))


@pytest.mark.parametrize(
    "statistic", [iqm, optimality_gap, lambda scores: performance_profile(scores, [0.0, 0.5])]
)
def test_a_stack_gives_what_its_tables_give(statistic: aggregates.Statistic) -> None:
    stack = rng(3).normal(size=(4, 5, 6))
    np.testing.assert_allclose(statistic(stack), [statistic(table) for table in stack])


class TestStratifiedBootstrap:
    def test_of_a_mean_has_the_spread_of_theory(self) -> None:
        scores = rng(4).normal(size=(6, 8)) * np.arange(1, 9)
        found = stratified_bootstrap(scores, grand_mean, rng=rng(5), replicates=20000)
        error = np.sqrt((scores.var(axis=0) / 6).sum()) / 8  # plug-in variances add over tasks
        assert found.value == pytest.approx(scores.mean())
        assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.04)

    def test_stays_within_its_tasks_unless_told_otherwise(self) -> None:
        scores = np.tile([0.0, 10.0, 50.0], (4, 1))
        fixed = stratified_bootstrap(scores, grand_mean, rng=rng(6))
        assert fixed.low == fixed.high == fixed.value
        free = stratified_bootstrap(scores, grand_mean, rng=rng(6), task_bootstrap=True)
        assert free.low == 0.0
        assert free.high == 50.0

    def test_equal_seeds_give_equal_intervals(self) -> None:
        scores = rng(7).normal(size=(5, 10))
        first, second = (stratified_bootstrap(scores, iqm, rng=rng(8)) for _ in range(2))
        other = stratified_bootstrap(scores, iqm, rng=rng(9))
        assert (first.low, first.high) == (second.low, second.high)
        assert first.low != other.low

    def test_a_higher_confidence_is_wider(self) -> None:
        scores = rng(10).normal(size=(5, 10))
        narrow = stratified_bootstrap(scores, iqm, rng=rng(), confidence=0.5)
        wide = stratified_bootstrap(scores, iqm, rng=rng(), confidence=0.99)
        assert wide.low < narrow.low < narrow.high < wide.high

    def test_gives_a_profile_a_band(self) -> None:
        scores = rng(11).normal(size=(5, 20))
        taus = np.linspace(-2, 2, 9)
        band = stratified_bootstrap(scores, lambda x: performance_profile(x, taus), rng=rng())
        np.testing.assert_array_equal(band.value, performance_profile(scores, taus))
        assert band.low.shape == band.high.shape == (9,)
        assert np.all(band.low <= band.value)
        assert np.all(band.value <= band.high)

    def test_working_in_chunks_loses_no_replicate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(aggregates, "_CHUNK", 7 * 6)
        sizes = []

        def counted(scores: FloatArray) -> FloatArray:
            sizes.append(scores.shape[:-2])
            return grand_mean(scores)

        stratified_bootstrap(rng(12).normal(size=(2, 3)), counted, rng=rng(), replicates=17)
        assert sizes == [(), (7,), (7,), (3,)]

    # The reference's figures for the IQM: 71 % (3 runs, 1 task), 92 % (5, 10), 94 % (10, 10).
    @pytest.mark.parametrize(
        ("runs", "tasks", "lowest", "highest"),
        [(3, 1, 0.64, 0.78), (5, 10, 0.88, 0.95), (10, 10, 0.91, 0.975)],
    )
    def test_coverage(self, runs: int, tasks: int, lowest: float, highest: float) -> None:
        source = rng(13)
        hits = 0
        for _ in range(600):
            scores = source.standard_normal((runs, tasks))
            found = stratified_bootstrap(scores, iqm, rng=source, replicates=400)
            hits += bool(found.low <= 0.0 <= found.high)
        assert lowest <= hits / 600 <= highest

    @pytest.mark.parametrize(("replicates", "confidence"), [(0, 0.95), (10, 1.0), (10, 0.0)])
    def test_refuses_impossible_options(self, replicates: int, confidence: float) -> None:
        with pytest.raises(InputError, match="bootstrap"):
            stratified_bootstrap(
                np.zeros((2, 2)), iqm, rng=rng(), replicates=replicates, confidence=confidence
            )

    @pytest.mark.parametrize("scores", [[1.0, 2.0], [[np.nan, 1.0]], np.zeros((0, 3))])
    def test_refuses_what_is_no_finite_table(self, scores: FloatArray) -> None:
        with pytest.raises(InputError, match="the scores"):
            stratified_bootstrap(scores, iqm, rng=rng())


class TestImprovementInterval:
    def test_covers_the_true_probability(self) -> None:
        source = rng(14)
        true = scipy_stats.norm.cdf(0.5 / np.sqrt(2))
        hits = 0
        for _ in range(300):
            a, b = 0.5 + source.standard_normal((10, 10)), source.standard_normal((10, 10))
            found = improvement_interval(a, b, rng=source, replicates=300)
            hits += bool(found.low <= true <= found.high)
        assert 0.9 <= hits / 300 <= 0.98

    def test_resamples_the_same_tasks_for_both_sides(self) -> None:
        b = np.tile([0.0, 10.0, 20.0, 30.0], (3, 1))
        found = improvement_interval(b + 1.0, b, rng=rng(), task_bootstrap=True)
        assert found.low == found.high == found.value == 1.0


class TestPigeonholeBootstrap:
    def test_of_a_mean_has_the_spread_of_theory(self) -> None:
        # Owen (2007): each component counted once too often at most; here by the exact variance
        # of a mean whose rows and columns are resampled independently.
        source = rng(15)
        table = source.normal(size=(12, 1)) + source.normal(size=30) + source.normal(size=(12, 30))
        rows, columns = table.mean(axis=1, keepdims=True), table.mean(axis=0)
        rest = table - rows - columns + table.mean()
        error = np.sqrt(rows.var() / 12 + columns.var() / 30 + rest.var() / 360)
        found = pigeonhole_bootstrap(table, grand_mean, rng=rng(16), replicates=20000)
        assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.04)

    def test_resamples_whole_rows_and_whole_columns(self) -> None:
        rows = np.tile([[0.0], [8.0]], (1, 50))
        for table in (rows, rows.T):
            found = pigeonhole_bootstrap(table, grand_mean, rng=rng())
            assert (found.low, found.high) == pytest.approx((0.0, 8.0), abs=3.0)

    # The reference's figures: 6 % at ten seeds, 17 % at five that vary strongly.
    @pytest.mark.parametrize(
        ("seeds", "instances", "deviation", "lowest", "highest"),
        [(10, 100, 0.3, 0.03, 0.09), (5, 100, 1.0, 0.12, 0.22)],
    )
    def test_error_rate(
        self, seeds: int, instances: int, deviation: float, lowest: float, highest: float
    ) -> None:
        source = rng(17)
        rejected = 0
        for _ in range(500):
            table = (
                deviation * source.standard_normal((seeds, 1))
                + source.standard_normal(instances)
                + source.standard_normal((seeds, instances))
            )
            found = pigeonhole_bootstrap(table, grand_mean, rng=source, replicates=300)
            rejected += not found.low <= 0.0 <= found.high
        assert lowest <= rejected / 500 <= highest

    def test_serves_the_worst_decile_of_the_instances(self) -> None:
        table = rng(18).normal(size=(10, 40))

        def worst(scores: FloatArray) -> FloatArray:
            return cvar(scores.mean(axis=-2), minimize=True)

        found = pigeonhole_bootstrap(table, worst, rng=rng(), replicates=200)
        assert found.value == pytest.approx(np.sort(table.mean(axis=0))[-4:].mean())
        assert found.low < found.high


class TestCvar:
    def test_is_the_mean_of_the_worst_decile(self) -> None:
        values = rng(19).permutation(np.arange(1.0, 31.0))
        assert cvar(values, minimize=True) == pytest.approx(29.0)
        assert cvar(values, minimize=False) == pytest.approx(2.0)

    def test_takes_a_part_of_a_value(self) -> None:
        # A quarter of six values: the worst and half of the next.
        values = [6.0, 1.0, 5.0, 2.0, 4.0, 3.0]
        assert cvar(values, 0.25, minimize=True) == pytest.approx((6 + 0.5 * 5) / 1.5)

    def test_ends_at_the_worst_value_and_at_the_mean(self) -> None:
        assert cvar([3.0, 9.0, 6.0], 0.01, minimize=True) == 9.0
        assert cvar([3.0, 9.0, 6.0], 1.0, minimize=True) == pytest.approx(6.0)

    def test_reduces_any_axis(self) -> None:
        table = rng(20).normal(size=(3, 4))
        assert cvar(table, 0.5, minimize=False, axis=0) == pytest.approx(
            [float(cvar(column, 0.5, minimize=False)) for column in table.T]
        )

    @pytest.mark.parametrize("fraction", [0.0, 1.5, np.nan])
    def test_refuses_an_impossible_fraction(self, fraction: float) -> None:
        with pytest.raises(InputError, match="fraction"):
            cvar([1.0], fraction, minimize=True)


def test_win_rate_counts_ties_half_and_knows_the_direction() -> None:
    differences = [[-1.0, 2.0, 0.0], [-3.0, -1.0, 0.0]]
    assert win_rate(differences, minimize=True) == pytest.approx([1.0, 0.5, 0.5])
    assert win_rate(differences, minimize=False) == pytest.approx([0.0, 0.5, 0.5])
    assert win_rate([[1.0], [0.0], [1.0]], minimize=False) == pytest.approx([2.5 / 3])


SCORES = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6),
    elements=st.integers(-64, 64).map(lambda k: k / 8),
)


@given(SCORES, st.integers(-9, 9))
def test_iqm_moves_with_its_scores_and_mirrors(scores: FloatArray, by: int) -> None:
    assert iqm(scores + by) == pytest.approx(float(iqm(scores)) + by)
    assert iqm(-scores) == pytest.approx(-float(iqm(scores)))
    assert scores.min() <= iqm(scores) <= scores.max()


@given(SCORES, st.integers(0, 99))
def test_the_order_of_runs_is_irrelevant(scores: FloatArray, seed: int) -> None:
    shuffled = rng(seed).permuted(scores, axis=0)
    other = scores[::-1] / 2
    for statistic in (iqm, optimality_gap):
        assert statistic(shuffled) == pytest.approx(statistic(scores))
    assert probability_of_improvement(shuffled, other) == pytest.approx(
        probability_of_improvement(scores, other)
    )


@given(SCORES)
def test_the_two_probabilities_of_improvement_sum_to_one(scores: FloatArray) -> None:
    other = np.roll(scores, 1, axis=0) - 0.5
    there, back = (
        probability_of_improvement(scores, other),
        probability_of_improvement(other, scores),
    )
    assert there + back == pytest.approx(1.0)
    assert probability_of_improvement(scores, scores) == pytest.approx(0.5)
