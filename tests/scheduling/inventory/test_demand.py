"""Demand laws: against SciPy's distributions, and identities that every law must keep."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import (
    Constant,
    Cyclic,
    Demand,
    Empirical,
    Geometric,
    NegativeBinomial,
    Normal,
    Poisson,
    RoundedNormal,
    Trace,
    UniformInteger,
    parse_demand,
)

MEANS = st.floats(0.01, 60.0)
FEW = st.integers(0, 20)
DISCRETE = st.one_of(
    st.builds(Poisson, MEANS),
    st.builds(Geometric, MEANS),
    st.builds(lambda mean, more: NegativeBinomial(mean, mean * more), MEANS, st.floats(1.01, 6.0)),
    st.builds(lambda low, more: UniformInteger(low, low + more), FEW, FEW),
    st.builds(RoundedNormal, st.floats(-10.0, 60.0), st.floats(0.1, 20.0)),
    st.builds(lambda values: Empirical(tuple(values)), st.lists(st.integers(0, 40), min_size=1)),
    st.builds(Constant, st.integers(0, 40)),
)  # fmt: skip


def _moments(pmf):
    units = np.arange(len(pmf))
    mean = units @ pmf
    return mean, (units - mean) ** 2 @ pmf


@pytest.mark.parametrize(
    ("law", "reference"),
    [
        (Poisson(5), stats.poisson(5)),
        (Poisson(400), stats.poisson(400)),
        (Poisson(0), stats.poisson(0)),
        # SciPy counts trials from 1, and ours failures from 0.
        (Geometric(5), stats.geom(1 / 6, loc=-1)),
        (NegativeBinomial(4, 10), stats.nbinom(4**2 / 6, 4 / 10)),
        (NegativeBinomial(0.3, 4), stats.nbinom(0.3**2 / 3.7, 0.3 / 4)),
        (UniformInteger(2, 6), stats.randint(2, 7)),
    ],
)
def test_probabilities_are_those_of_scipy(law, reference):
    pmf = law.pmf()
    np.testing.assert_allclose(pmf, reference.pmf(np.arange(len(pmf))), rtol=1e-8, atol=1e-12)
    assert reference.sf(len(pmf) - 1) < 1e-12
    assert law.mean == pytest.approx(reference.mean(), rel=1e-12)
    assert law.variance == pytest.approx(reference.var(), rel=1e-12)
    for q in (0.05, 0.5, 0.9, 0.999):
        assert law.quantile(q) == reference.ppf(q)


def test_a_variance_hardly_above_the_mean_is_nearly_poisson():
    pmf = NegativeBinomial(5, 5 + 1e-9).pmf()
    np.testing.assert_allclose(pmf, stats.poisson(5).pmf(np.arange(len(pmf))), atol=1e-9)


def test_the_tail_is_cut_no_earlier_than_it_must():
    assert stats.poisson(5).sf(len(Poisson(5).pmf()) - 2) >= 1e-12


def test_rounded_normal_gathers_all_below_a_half_at_zero():
    law, bell = RoundedNormal(5, 14), stats.norm(5, 14)
    pmf = law.pmf()
    assert pmf[0] == pytest.approx(bell.cdf(0.5))
    assert pmf[7] == pytest.approx(bell.cdf(7.5) - bell.cdf(6.5))
    # E[D] is the sum of P(D >= n) over n > 0.
    assert law.mean == pytest.approx(sum(bell.sf(n - 0.5) for n in range(1, 200)))


@given(DISCRETE)
def test_probabilities_add_up_and_have_the_moments_of_the_law(law):
    pmf = law.pmf()
    assert law.discrete
    assert pmf.min() >= 0.0
    assert pmf.sum() == pytest.approx(1.0, abs=1e-12)
    mean, variance = _moments(pmf)
    assert mean == pytest.approx(law.mean, rel=1e-7, abs=1e-9)
    assert variance == pytest.approx(law.variance, rel=1e-6, abs=1e-8)


@given(DISCRETE, st.integers(0, 6))
def test_moments_add_up_over_a_lead_time(law, periods):
    pmf = law.lead_time_pmf(periods)
    assert pmf.sum() == pytest.approx(1.0, abs=1e-10)
    mean, variance = _moments(pmf)
    assert mean == pytest.approx(periods * law.mean, rel=1e-7, abs=1e-9)
    assert variance == pytest.approx(periods * law.variance, rel=1e-6, abs=1e-8)


def test_lead_time_demand_of_poisson_is_poisson():
    pmf = Poisson(5).lead_time_pmf(4)
    expected = stats.poisson(20).pmf(np.arange(len(pmf)))
    np.testing.assert_allclose(pmf, expected, atol=1e-12)
    # Large enough for the fast Fourier transform.
    wide = Poisson(4000).lead_time_pmf(2)
    np.testing.assert_allclose(wide, stats.poisson(8000).pmf(np.arange(len(wide))), atol=1e-12)


@given(DISCRETE, st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(1, 4))
def test_quantiles_grow_and_split_the_probability(law, one, other, periods):
    low, high = sorted((one, other))
    assert law.quantile(low, periods) <= law.quantile(high, periods)
    place = int(law.quantile(high, periods))
    below = np.cumsum(law.lead_time_pmf(periods))
    assert below[place] >= high - 1e-9
    assert place == 0 or below[place - 1] <= high + 1e-9


def test_quantiles_of_other_laws():
    assert Normal(5, 1).quantile(0.975, 4) == pytest.approx(stats.norm(20, 2).ppf(0.975))
    assert Constant(2.5).quantile(0.1, 3) == 7.5
    assert Empirical((1.5, 4.0)).quantile(0.5) == 1.5
    # Two draws of 1.5 or 4: 3, 5.5 (twice as likely), 8.
    assert Empirical((1.5, 4.0)).quantile(0.7, 2) == pytest.approx(5.5, abs=0.01)
    # Sums of neighbours: 3, 5, 4.
    assert Trace((1, 2, 3, 1)).quantile(0.9, 2) == 5.0
    assert Poisson(5).quantile(0.9, 0) == 0.0


def test_quantiles_of_seasonal_demand_are_those_of_a_random_period():
    law = Cyclic((Constant(0), Poisson(10)))
    pmf = law.laws[1].pmf()
    at_random = np.cumsum(0.5 * pmf) + 0.5
    assert law.quantile(0.9) == np.searchsorted(at_random, 0.9)
    assert law.quantile(0.9, 2) == stats.poisson(10).ppf(0.9)
    smooth = Cyclic((Normal(2, 1), Normal(4, 1)))
    assert smooth.quantile(0.5, 3) == pytest.approx(9.0)


EVERY = [
    Poisson(5),
    Geometric(5),
    NegativeBinomial(4, 10),
    UniformInteger(2, 6),
    Normal(5, 1),
    RoundedNormal(5, 14),
    Empirical((0, 2.5, 7), (0.5, 0.25, 0.25)),
    Constant(3),
    Cyclic((Poisson(2), NegativeBinomial(8, 20), Constant(1))),
]


@pytest.mark.parametrize("law", EVERY, ids=repr)
def test_draws_have_the_moments_of_the_law(law):
    path = law.sample(np.random.default_rng(7), 60_000)
    assert path.dtype == np.float64
    assert path.shape == (60_000,)
    assert path.min() >= 0.0
    error = math.sqrt(law.variance / len(path))
    assert abs(path.mean() - law.mean) <= 4.5 * error
    assert path.var() == pytest.approx(law.variance, rel=0.06)
    assert law.means(60_000).mean() == pytest.approx(law.mean)
    if law.discrete:
        np.testing.assert_array_equal(path, np.rint(path))


@pytest.mark.parametrize(
    "law", [Poisson(5), Geometric(2), RoundedNormal(3, 4), Empirical((1, 2, 9))]
)
def test_draws_follow_the_probabilities(law):
    path = law.sample(np.random.default_rng(3), 20_000).astype(int)
    pmf = law.pmf()
    expected = pmf * len(path)
    keep = expected >= 5
    seen = np.bincount(path, minlength=len(pmf))
    observed = np.append(seen[keep], len(path) - seen[keep].sum())
    wanted = np.append(expected[keep], len(path) - expected[keep].sum())
    filled = wanted > 1e-6
    chi2 = ((observed - wanted)[filled] ** 2 / wanted[filled]).sum()
    assert stats.chi2(filled.sum() - 1).sf(chi2) > 1e-4


def test_draws_of_a_normal_law_are_never_negative():
    path = Normal(1, 2).sample(np.random.default_rng(0), 1_000)
    assert path.min() == 0.0
    assert not Normal(1, 2).discrete


def test_a_trace_replays_and_its_last_value_goes_on():
    law = Trace((3, 1, 4))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(law.sample(rng, 5), [3, 1, 4, 4, 4])
    np.testing.assert_array_equal(law.sample(rng, 2), [3, 1])
    np.testing.assert_array_equal(law.means(4), [3, 1, 4, 4])
    assert (law.mean, law.variance) == (pytest.approx(8 / 3), pytest.approx(14 / 9))
    np.testing.assert_array_equal(law.variances(2), [0, 0])
    assert law.after(1) == Trace((1, 4))
    assert law.after(9) == Trace((4,))


def test_a_cycle_repeats_its_laws():
    law = Cyclic((Constant(1), Constant(5), Constant(2)))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(law.sample(rng, 7), [1, 5, 2, 1, 5, 2, 1])
    np.testing.assert_array_equal(law.sample(rng, 2), [1, 5])
    np.testing.assert_array_equal(law.means(4), [1, 5, 2, 1])
    np.testing.assert_array_equal(law.after(4).means(3), [5, 2, 1])
    # Law of total variance: 4 and 9 within the periods, 9 between their means 2 and 8.
    seasonal = Cyclic((NegativeBinomial(2, 4), NegativeBinomial(8, 9)))
    assert seasonal.variance == 6.5 + 9
    np.testing.assert_array_equal(seasonal.variances(3), [4, 9, 4])
    np.testing.assert_array_equal(Poisson(5).variances(2), [5, 5])


@given(DISCRETE, st.integers(0, 5))
def test_stationary_laws_stay_as_they_are(law, periods):
    assert law.after(periods) is law


def test_equal_laws_look_the_same():
    assert repr(Poisson(5)) == repr(Poisson(5.0)) == repr(Poisson(np.int64(5)))
    assert Empirical(np.arange(3), np.array([0.5, 0.5, 0])) == Empirical((0, 1, 2), (0.5, 0.5, 0))
    assert Empirical((2, 1, 2)) == Empirical((1.0, 2.0), (1 / 3, 2 / 3))


@pytest.mark.parametrize(
    "law", [Normal(5, 1), Trace((1, 2)), Cyclic((Poisson(1),)), Empirical((0.5,)), Constant(0.5)]
)
def test_laws_without_probabilities_say_so(law):
    with pytest.raises(InputError, match="no probabilities of whole units"):
        law.pmf()
    with pytest.raises(InputError, match="no probabilities of whole units"):
        law.lead_time_pmf(2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Poisson(-1), "mean of demand must lie between 0 and 1e.09, not -1"),
        (lambda: Poisson(math.nan), "mean of demand must lie between"),
        (lambda: Poisson(math.inf), "mean of demand must lie between"),
        (lambda: Poisson(True), "mean of demand must be a number, not True"),
        (lambda: Poisson("5"), "mean of demand must be a number, not '5'"),
        (lambda: NegativeBinomial(5, 5), "variance .5. above its mean .5."),
        (lambda: NegativeBinomial(0, 5), "mean above 0"),
        (lambda: UniformInteger(4, 2), "whole numbers low <= high"),
        (lambda: UniformInteger(0.5, 2), "whole numbers low <= high"),
        (lambda: Normal(5, 0), "sd of demand must be positive"),
        (lambda: RoundedNormal(5, 0), "sd of demand must be positive"),
        (lambda: Empirical(()), "0 values"),
        (lambda: Empirical((1, 2), (1.0,)), "2 values and 1 probabilities"),
        (lambda: Empirical((1, 2), (0.5, 0.6)), "add up to 1.1"),
        (lambda: Empirical((1, -2)), "values of demand must lie between"),
        (lambda: Trace(()), "a value at least"),
        (lambda: Cyclic(()), "a law at least"),
        (lambda: Cyclic((Trace((1, 2)),)), "laws that do not change"),
        (lambda: Poisson(5).quantile(1.0), r"must lie in \(0, 1\)"),
        (lambda: Geometric(1e8).pmf(), "too much to tabulate"),
        (lambda: Empirical((1e9,)).pmf(), "too much to tabulate"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("table", "law"),
    [
        ({"law": "poisson", "mean": 5}, Poisson(5)),
        ({"law": "geometric", "mean": 5}, Geometric(5)),
        ({"law": "negative-binomial", "mean": 5, "variance": 9}, NegativeBinomial(5, 9)),
        ({"law": "uniform", "low": 0, "high": 4}, UniformInteger(0, 4)),
        ({"sd": 1, "law": "normal", "mean": 5}, Normal(5, 1)),
        ({"law": "rounded-normal", "mean": 5, "sd": 14}, RoundedNormal(5, 14)),
        ({"law": "empirical", "values": [1, 2]}, Empirical((1, 2))),
        (
            {"law": "empirical", "values": [1, 2], "probabilities": [0.2, 0.8]},
            Empirical((1, 2), (0.2, 0.8)),
        ),
        ({"law": "constant", "value": 3}, Constant(3)),
        ({"law": "trace", "values": [3, 1]}, Trace((3, 1))),
        ({"law": "cyclic", "laws": [{"law": "poisson", "mean": 1}]}, Cyclic((Poisson(1),))),
    ],
)  # fmt: skip
def test_tables_describe_laws(table, law):
    parsed = parse_demand(table, "here", Path())
    assert isinstance(parsed, Demand)
    assert parsed == law


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("poisson", "here: demand must be a table"),
        ({"mean": 5}, "here: demand needs a 'law'"),
        ({"law": "poison", "mean": 5}, "here: unknown law of demand 'poison'; did you mean"),
        ({"law": "poisson"}, "here: poisson demand needs 'mean'"),
        ({"law": "poisson", "maen": 5}, "here: unknown key of poisson demand 'maen'; did you mean"),
        ({"law": "poisson", "mean": "5"}, "here: mean of demand must be a number"),
        ({"law": "empirical", "values": 3}, "here: values of demand must be a list"),
        ({"law": "cyclic", "laws": 3}, "here: laws of cyclic demand must be a list"),
        ({"law": "cyclic", "laws": [{"law": "poisson"}]}, "here: law 1 of cycle: poisson demand"),
        ({"law": "csv", "file": "x.csv"}, "here: demand from a CSV file needs 'column'"),
        ({"law": "csv", "file": 3, "column": "a"}, "here: file of demand must be a text, not 3"),
        ({"law": "csv", "file": "x", "column": "a", "season": "b"}, "here: season of demand must"),
        ({"law": "csv", "file": "x", "column": "a"}, "here: no such file: x"),
    ],
)  # fmt: skip
def test_errors_in_tables_say_where(table, message):
    with pytest.raises(InputError, match=message):
        parse_demand(table, "here", Path())
