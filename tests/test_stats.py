"""Tests of drlapps.stats: independent numbers, edges, invariants."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from drlapps.errors import InputError
from drlapps.stats import (
    TTest,
    Verdict,
    crossed_t,
    differences,
    holm,
    mean_interval,
    paired_t,
    tost,
    two_sample_crossed_t,
    verdict,
)

FloatArray = NDArray[np.float64]

# Grand mean 3, seed effects (2, 0, -2), instance effects (1, -1, 3, -3), and an interaction of
# +1 -1 / -1 +1 in the top left corner. Sums of squares: seeds 4 (4 + 0 + 4) = 32 on 2 degrees of
# freedom, instances 3 (1 + 1 + 9 + 9) = 60 on 3, interaction 4 on 6: A = 16, B = 20, E = 2/3.
WORKED = np.array([[7.0, 3, 8, 2], [3, 3, 6, 0], [2, 0, 4, -2]])


def crossed_table(seed: int, seeds: int, instances: int) -> FloatArray:
    """Return a table with seed effects, instance effects and noise."""
    rng = np.random.default_rng(seed)
    effects = 2 * rng.standard_normal((seeds, 1)) + 1.5 * rng.standard_normal(instances)
    return effects + 0.5 * rng.standard_normal((seeds, instances))


def mean_squares(table: FloatArray) -> tuple[float, float, float]:
    """Return seed, instance and interaction mean squares by the textbook's sums over cells."""
    seeds, instances = table.shape
    correction = table.sum() ** 2 / table.size
    rows = sum(row.sum() ** 2 for row in table) / instances - correction
    columns = sum(column.sum() ** 2 for column in table.T) / seeds - correction
    rest = sum(cell**2 for cell in table.ravel()) - correction - rows - columns
    return rows / (seeds - 1), columns / (instances - 1), rest / ((seeds - 1) * (instances - 1))


def result(
    estimate: float = -1.0, *, p_value: float = 0.01, seeds: int | None = 5, instances: int = 20
) -> TTest:
    return TTest(estimate, 0.4, 10.0, p_value, (estimate - 0.9, estimate + 0.9), instances, seeds)


class TestPaired:
    def test_is_the_one_sample_t_test(self) -> None:
        sample = np.random.default_rng(0).normal(0.4, 1.0, 17)
        ours = paired_t(sample, confidence=0.9)
        theirs = scipy_stats.ttest_1samp(sample, 0.0)
        assert ours.p_value == pytest.approx(theirs.pvalue)
        assert ours.df == 16
        assert ours.interval == pytest.approx(tuple(theirs.confidence_interval(0.9)))
        assert ours.seeds is None
        assert ours.instances == 17

    def test_tail_probabilities_keep_their_relative_precision(self) -> None:
        sample = 1.0 + 0.01 * np.random.default_rng(1).standard_normal(12)
        theirs = scipy_stats.ttest_1samp(sample, 0.0)
        assert paired_t(sample).p_value == pytest.approx(theirs.pvalue, rel=1e-6)


class TestCrossed:
    def test_worked_example(self) -> None:
        test = crossed_t(WORKED)
        v = 16 + 20 - 2 / 3
        df = v**2 / (16**2 / 2 + 20**2 / 3 + (2 / 3) ** 2 / 6)
        assert test.estimate == pytest.approx(3.0)
        assert test.standard_error == pytest.approx(math.sqrt(v / 12))
        assert test.standard_error == pytest.approx(1.715938)
        assert test.df == pytest.approx(df)
        assert test.df == pytest.approx(4.77585, abs=1e-4)
        assert test.p_value == pytest.approx(2 * scipy_stats.t.sf(3 / 1.715938, df), rel=1e-5)
        half = scipy_stats.t.ppf(0.975, df) * 1.715938
        assert test.interval == pytest.approx((3 - half, 3 + half), rel=1e-5)
        assert (test.seeds, test.instances) == (3, 4)

    @pytest.mark.parametrize(("seeds", "instances"), [(2, 3), (4, 9), (10, 40)])
    def test_agrees_with_the_analysis_of_variance(self, seeds: int, instances: int) -> None:
        table = crossed_table(seeds, seeds, instances)
        a, b, e = mean_squares(table)
        v = max(a + b - e, a, b, e)
        degrees = (seeds - 1, instances - 1, (seeds - 1) * (instances - 1))
        test = crossed_t(table)
        assert test.standard_error == pytest.approx(math.sqrt(v / table.size))
        squares = zip((a, b, e), degrees, strict=True)
        assert test.df == pytest.approx(v**2 / sum(s**2 / d for s, d in squares))

    def test_without_seed_effects_it_is_the_t_test_over_instances(self) -> None:
        row = np.random.default_rng(2).normal(0.3, 1.0, 12)
        ours = crossed_t(np.tile(row, (4, 1)))
        theirs = scipy_stats.ttest_1samp(row, 0.0)
        assert ours.p_value == pytest.approx(theirs.pvalue)
        assert ours.df == pytest.approx(11)
        assert ours.interval == pytest.approx(tuple(theirs.confidence_interval()))

    def test_without_instance_effects_it_is_the_t_test_over_seeds(self) -> None:
        column = np.random.default_rng(3).normal(0.3, 1.0, (6, 1))
        ours = crossed_t(np.tile(column, (1, 9)))
        theirs = scipy_stats.ttest_1samp(column[:, 0], 0.0)
        assert ours.p_value == pytest.approx(theirs.pvalue)
        assert ours.df == pytest.approx(5)

    def test_one_seed_is_the_paired_test_and_gives_no_verdict(self) -> None:
        row = np.random.default_rng(4).normal(5.0, 1.0, 30)
        test = crossed_t(row[None])
        assert test == dataclasses.replace(paired_t(row), seeds=1)
        assert verdict(test, minimize=True) is Verdict.NO_VERDICT
        assert verdict(paired_t(row), minimize=True) is Verdict.WORSE

    def test_one_instance_is_the_test_over_seeds_and_gives_no_verdict(self) -> None:
        column = np.random.default_rng(5).normal(5.0, 1.0, 8)
        test = crossed_t(column[:, None])
        assert test.p_value == pytest.approx(scipy_stats.ttest_1samp(column, 0.0).pvalue)
        assert verdict(test, minimize=True) is Verdict.NO_VERDICT

    def test_a_single_number_has_no_interval(self) -> None:
        test = crossed_t([[2.5]])
        assert test.estimate == 2.5
        assert np.isnan([test.standard_error, test.df, test.p_value, *test.interval]).all()
        assert verdict(test, minimize=True) is Verdict.NO_VERDICT
        assert math.isnan(tost(test, 1.0))

    def test_means_that_agree_by_chance_do_not_hide_the_error(self) -> None:
        test = crossed_t([[1.0, -1.0], [-1.0, 1.0]])  # A = B = 0, E = 4
        assert test.standard_error == pytest.approx(1.0)
        assert test.p_value == 1.0

    @pytest.mark.parametrize(
        "bad", [[], [[]], [1.0, 2.0], [[1.0, np.nan]], [[np.inf, 0.0]]], ids=str
    )
    def test_refuses_what_is_no_finite_table(self, bad: ArrayLike) -> None:
        with pytest.raises(InputError, match="the differences"):
            crossed_t(bad)

    @pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
    def test_refuses_an_impossible_confidence(self, confidence: float) -> None:
        with pytest.raises(InputError, match="confidence"):
            crossed_t(WORKED, confidence=confidence)


class TestDifferences:
    def test_subtracts_the_baseline_from_every_seed(self) -> None:
        gap = differences([[3.0, 5.0], [4.0, 4.0]], [1.0, 5.0])
        assert gap.tolist() == [[2.0, 0.0], [3.0, -1.0]]

    def test_drops_rounding_and_keeps_the_rest(self) -> None:
        baseline = np.array([0.1 + 0.2, 1.0, 0.0])
        gap = differences([[0.3, 1.0 + 1e-9, 1e-17]], baseline)
        assert gap[0, [0, 2]].tolist() == [0.0, 0.0]
        assert gap[0, 1] == pytest.approx(1e-9)

    def test_refuses_other_instances_and_missing_scores(self) -> None:
        with pytest.raises(InputError, match="4 and 3 instances"):
            differences(WORKED, [1.0, 2.0, 3.0])
        with pytest.raises(InputError, match="the baseline's scores hold a NaN"):
            differences(WORKED, [1.0, 2.0, 3.0, math.nan])


class TestIdenticalDifferences:
    @pytest.mark.parametrize(("instances", "p"), [(2, 0.5), (3, 0.25), (20, 2.0**-19)])
    def test_leave_the_sign_test(self, instances: int, p: float) -> None:
        test = crossed_t(np.full((5, instances), 0.1))
        assert test.standard_error == 0
        assert test.p_value == pytest.approx(p)
        assert test.estimate == pytest.approx(0.1)
        expected = Verdict.BETTER if instances == 20 else Verdict.NOT_SEPARATED
        assert verdict(test, minimize=False) is expected

    def test_bound_the_difference_only_when_there_are_enough(self) -> None:
        assert paired_t(np.full(5, 2.0)).interval == (-math.inf, math.inf)
        assert paired_t(np.full(6, 2.0)).interval == (2.0, 2.0)

    def test_of_zero_show_no_difference_but_may_show_equivalence(self) -> None:
        test = crossed_t(np.zeros((3, 8)))
        assert test.p_value == 1.0
        assert tost(test, 0.5) == pytest.approx(2.0**-8)
        assert verdict(test, minimize=True) is Verdict.NOT_SEPARATED
        p_equivalence = tost(test, 0.5)
        assert verdict(test, minimize=True, p_equivalence=p_equivalence) is Verdict.EQUIVALENT

    def test_beyond_the_margin_are_never_equivalent(self) -> None:
        assert tost(paired_t(np.full(9, 2.0)), 1.0) == 1.0

    def test_on_one_instance_count_the_seeds(self) -> None:
        assert crossed_t(np.full((4, 1), 3.0)).p_value == pytest.approx(0.125)

    def test_are_recognised_through_rounding(self) -> None:
        solver = np.array([1234.1, 77.7, 1e6 / 3, 0.3, 5.0, 9.9, 1e-3])
        assert crossed_t((solver + 1.0) - solver + np.zeros((3, 1))).standard_error == 0


class TestTwoSampleCrossed:
    def test_of_two_equal_policies_finds_nothing(self) -> None:
        a = np.full((3, 20), 0.1 + 0.2)
        test = two_sample_crossed_t(a, np.full((4, 20), 0.3))
        assert (test.estimate, test.p_value) == (0.0, 1.0)

    def test_against_a_deterministic_side_it_is_the_crossed_test(self) -> None:
        a = crossed_table(6, 5, 12)
        b = np.random.default_rng(6).standard_normal(12)
        ours = two_sample_crossed_t(a, np.tile(b, (4, 1)))
        theirs = crossed_t(a - b)
        assert dataclasses.astuple(ours)[:4] == pytest.approx(dataclasses.astuple(theirs)[:4])
        assert ours.seeds == 4

    def test_on_one_instance_it_is_welch(self) -> None:
        rng = np.random.default_rng(7)
        a, b = rng.normal(1.0, 1.0, 6), rng.normal(0.0, 3.0, 9)
        ours = two_sample_crossed_t(a[:, None], b[:, None])
        theirs = scipy_stats.ttest_ind(a, b, equal_var=False)
        assert ours.p_value == pytest.approx(theirs.pvalue)
        assert ours.df == pytest.approx(theirs.df)

    def test_agrees_with_the_analyses_of_variance_of_its_parts(self) -> None:
        a, b = crossed_table(8, 4, 15), crossed_table(9, 7, 15)
        (a_seed, _, a_rest), (b_seed, _, b_rest) = mean_squares(a), mean_squares(b)
        c = np.var(a.mean(0) - b.mean(0), ddof=1)
        v = a_seed / 4 + b_seed / 7 + c - a_rest / 4 - b_rest / 7
        test = two_sample_crossed_t(a, b)
        assert test.standard_error**2 == pytest.approx(v / 15)
        df = v**2 / (
            (a_seed / 4) ** 2 / 3
            + (b_seed / 7) ** 2 / 6
            + c**2 / 14
            + (a_rest / 4) ** 2 / (3 * 14)
            + (b_rest / 7) ** 2 / (6 * 14)
        )
        assert test.df == pytest.approx(df)
        assert test.estimate == pytest.approx(a.mean() - b.mean())
        assert test.seeds == 4

    def test_swapping_the_sides_mirrors_it(self) -> None:
        a, b = WORKED, WORKED[:, ::-1] + [[1.0], [2.0], [9.0]]
        there, back = two_sample_crossed_t(a, b), two_sample_crossed_t(b, a)
        assert there.p_value == pytest.approx(back.p_value)
        assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]))

    def test_refuses_different_instances(self) -> None:
        with pytest.raises(InputError, match="4 and 3 instances"):
            two_sample_crossed_t(WORKED, WORKED[:, :3])


class TestTost:
    @pytest.mark.parametrize("mean", [-0.9, -0.2, 0.2, 0.9])
    def test_is_the_larger_of_two_one_sided_tests(self, mean: float) -> None:
        sample = np.random.default_rng(9).normal(mean, 1.0, 40)
        one_sided = [
            scipy_stats.ttest_1samp(sample, -0.6, alternative="greater").pvalue,
            scipy_stats.ttest_1samp(sample, 0.6, alternative="less").pvalue,
        ]
        assert tost(paired_t(sample), 0.6) == pytest.approx(max(one_sided))

    @pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
    def test_refuses_an_impossible_margin(self, margin: float) -> None:
        with pytest.raises(InputError, match="margin"):
            tost(result(), margin)


class TestHolm:
    def test_worked_example(self) -> None:
        # 4 x 0.005, 3 x 0.01, 2 x 0.03; 0.04 may not fall below its predecessor.
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_is_capped_at_one(self) -> None:
        assert holm([0.9, 0.6, 0.02]) == pytest.approx([1.0, 1.0, 0.06])

    def test_one_and_none(self) -> None:
        assert holm([0.03]) == pytest.approx([0.03])
        assert holm([]).shape == (0,)

    def test_what_could_not_be_tested_does_not_count(self) -> None:
        adjusted = holm([0.02, math.nan, 0.03])
        assert adjusted == pytest.approx([0.04, math.nan, 0.04], nan_ok=True)

    @pytest.mark.parametrize("bad", [[-0.1], [1.1], [[0.5]]])
    def test_refuses_what_is_no_probability(self, bad: ArrayLike) -> None:
        with pytest.raises(InputError, match="p-values"):
            holm(bad)

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    def test_lies_between_the_raw_and_the_bonferroni_values(self, p: list[float]) -> None:
        adjusted = holm(p)
        bonferroni = np.minimum(len(p) * np.array(p), 1.0)
        assert np.all(adjusted >= p)
        assert np.all(adjusted <= bonferroni)
        assert adjusted.min() == pytest.approx(bonferroni.min())


class TestVerdict:
    @pytest.mark.parametrize(
        ("estimate", "minimize", "expected"),
        [
            (-1.0, True, Verdict.BETTER),
            (1.0, True, Verdict.WORSE),
            (-1.0, False, Verdict.WORSE),
            (1.0, False, Verdict.BETTER),
        ],
    )
    def test_direction(self, estimate: float, minimize: bool, expected: Verdict) -> None:
        assert verdict(result(estimate), minimize=minimize) is expected

    def test_goes_by_the_adjusted_value(self) -> None:
        assert verdict(result(), minimize=True, p_value=0.06) is Verdict.NOT_SEPARATED
        assert verdict(result(p_value=0.06), minimize=True) is Verdict.NOT_SEPARATED
        assert verdict(result(), minimize=True, alpha=0.001) is Verdict.NOT_SEPARATED

    @pytest.mark.parametrize(("seeds", "enough"), [(1, False), (2, False), (3, True), (None, True)])
    def test_needs_three_training_runs(self, seeds: int | None, enough: bool) -> None:
        found = verdict(result(seeds=seeds), minimize=True, p_equivalence=1.0)
        assert found is (Verdict.BETTER if enough else Verdict.NO_VERDICT)

    def test_needs_two_instances(self) -> None:
        assert verdict(result(instances=1), minimize=True) is Verdict.NO_VERDICT
        assert verdict(result(instances=2), minimize=True) is Verdict.BETTER

    def test_equivalence_goes_before_significance(self) -> None:
        assert verdict(result(), minimize=True, p_equivalence=0.01) is Verdict.EQUIVALENT
        assert verdict(result(), minimize=True, p_equivalence=0.2) is Verdict.BETTER
        few = verdict(result(seeds=2), minimize=True, p_equivalence=0.01)
        assert few is Verdict.NO_VERDICT

    def test_reads_as_words(self) -> None:
        assert [str(v) for v in Verdict] == [
            "better",
            "worse",
            "not separated",
            "equivalent",
            "no verdict",
        ]


def test_mean_interval_over_instances_of_a_deterministic_policy() -> None:
    metric = np.random.default_rng(10).normal(50.0, 5.0, 25)
    expected = scipy_stats.ttest_1samp(metric, 0.0).confidence_interval()
    assert mean_interval(metric[None]) == pytest.approx(tuple(expected))


TABLES = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6),
    elements=st.integers(-64, 64).map(lambda k: k / 8),
)


def summary(test: TTest) -> tuple[float, float, float]:
    return test.standard_error, test.df, test.p_value


@given(TABLES, st.integers(-50, 50))
def test_shifting_the_differences_shifts_the_estimate_alone(table: FloatArray, by: int) -> None:
    before, after = crossed_t(table), crossed_t(table + by)
    assert after.estimate == pytest.approx(before.estimate + by)
    assert summary(after)[:2] == pytest.approx(summary(before)[:2])
    moved = (before.interval[0] + by, before.interval[1] + by)
    assert after.interval == pytest.approx(moved, abs=1e-9)


@given(TABLES, st.sampled_from([-1.0, 1e-6, 3.0, 1e6]))
def test_another_unit_changes_no_probability(table: FloatArray, unit: float) -> None:
    before, after = crossed_t(table), crossed_t(unit * table)
    assert after.p_value == pytest.approx(before.p_value, abs=1e-9)
    assert after.df == pytest.approx(before.df)
    assert after.standard_error == pytest.approx(abs(unit) * before.standard_error)


@given(TABLES, st.integers(0, 99))
def test_the_order_of_seeds_and_instances_is_irrelevant(table: FloatArray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(rng.permutation(table, axis=0), axis=1)
    assert summary(crossed_t(shuffled)) == pytest.approx(summary(crossed_t(table)), abs=1e-9)


@given(TABLES)
def test_the_interval_excludes_zero_exactly_when_the_test_rejects(table: FloatArray) -> None:
    test = crossed_t(table)
    low, high = test.interval
    if abs(test.p_value - 0.05) > 1e-9 and test.standard_error > 0:
        assert (test.p_value < 0.05) == (low > 0 or high < 0)


@given(TABLES)
def test_the_degrees_of_freedom_stay_within_reason(table: FloatArray) -> None:
    test = crossed_t(table)
    seeds, instances = table.shape
    lowest = (seeds - 1) * (instances - 1) / (seeds + instances - 1)
    assert lowest - 1e-9 <= test.df
    if test.standard_error > 0:
        assert test.df <= table.size - 1 + 1e-9
