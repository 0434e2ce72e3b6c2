"""Demand from data: fits against closed forms and against the laws that made the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import (
    Cyclic,
    Empirical,
    NegativeBinomial,
    Normal,
    Poisson,
    RoundedNormal,
    Trace,
    UniformInteger,
    parse_demand,
)
from drlapps.scheduling.inventory.fitting import fit, read_demand

WEEK = (2.0, 3.0, 8.0, 5.0, 5.0, 4.0, 9.0)


def _draw(law, periods=1_000, seed=1):
    return law.sample(np.random.default_rng(seed), periods)


def test_poisson_has_the_mean_of_the_values():
    assert fit([3, 5, 4, 8], "poisson") == Poisson(5.0)


def test_negative_binomial_is_the_likeliest():
    values = _draw(NegativeBinomial(4, 10))
    law = fit(values, "negative-binomial")

    def loss(size):
        return -stats.nbinom(size, size / (size + values.mean())).logpmf(values).sum()

    size = optimize.minimize_scalar(loss, bounds=(0.01, 100.0), method="bounded").x
    assert law.mean == pytest.approx(values.mean())
    assert law.size == pytest.approx(size, rel=1e-3)


def test_normal_has_the_moments_of_the_values():
    values = _draw(Normal(20, 3))
    law = fit(values, "normal")
    assert isinstance(law, Normal)
    assert law.mean == pytest.approx(values.mean())
    assert law.sd == pytest.approx(values.std())


def test_normal_in_whole_units_sees_through_the_zeros():
    law = fit(_draw(RoundedNormal(2, 9), 4_000), "normal")
    assert isinstance(law, RoundedNormal)
    assert law.location == pytest.approx(2, abs=0.7)
    assert law.sd == pytest.approx(9, rel=0.06)


def test_empirical_is_the_values():
    assert fit([1, 1, 4, 2], "empirical") == Empirical((1, 2, 4), (0.5, 0.25, 0.25))


def test_seasonal_has_a_mean_for_each_phase():
    assert fit([1, 4, 3, 8, 2, 6], "seasonal", 2) == Cyclic((Poisson(2), Poisson(6)))


def test_seasonal_dispersion_is_common():
    laws = tuple(NegativeBinomial(mean, mean + mean**2 / 3) for mean in WEEK)
    law = fit(_draw(Cyclic(laws), 7_000), "seasonal", 7)
    assert isinstance(law, Cyclic)
    sizes = [part.size for part in law.laws]
    np.testing.assert_allclose(sizes, sizes[0])
    assert sizes[0] == pytest.approx(3.0, rel=0.08)
    np.testing.assert_allclose(law.means(7), WEEK, rtol=0.1)


def test_a_phase_without_demand_stays_without():
    values = _draw(Cyclic((NegativeBinomial(6, 30), Poisson(0))), 400)
    law = fit(values, "seasonal", 2)
    assert law.means(2)[1] == 0.0
    assert isinstance(law.laws[0], NegativeBinomial)


@pytest.mark.parametrize(
    ("law", "kind"),
    [
        (Poisson(5), Poisson),
        (NegativeBinomial(5, 12), NegativeBinomial),
        (RoundedNormal(50, 4), RoundedNormal),
        (UniformInteger(0, 4), Empirical),
        (Empirical((0, 5, 20)), Empirical),
        (Normal(5, 1), Normal),
        (Empirical((0.5, 5, 20)), Empirical),
        (Cyclic(tuple(map(Poisson, WEEK))), Cyclic),
        (Cyclic(tuple(Normal(mean, mean / 5) for mean in WEEK)), Cyclic),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_auto_finds_the_law_that_made_the_data(law, kind, seed):
    found = fit(_draw(law, seed=seed))
    assert type(found) is kind
    assert found.mean == pytest.approx(law.mean, rel=0.1)
    assert found.variance == pytest.approx(law.variance, rel=0.2)
    if kind is Cyclic:
        assert len(found.laws) == 7


def test_a_given_season_has_to_earn_its_parameters():
    assert isinstance(fit(_draw(Poisson(5)), season=7), Poisson)


def test_demand_that_never_varies_is_constant():
    law = fit([4.5] * 20)
    assert (law.mean, law.variance) == (4.5, 0.0)
    assert fit([0] * 20).mean == 0.0


@pytest.mark.parametrize(
    ("values", "law", "season", "message"),
    [
        ([3], "auto", None, "two values at least"),
        ([[1, 2], [3, 4]], "auto", None, "two values at least"),
        ([1, -2], "auto", None, "values of demand must lie between 0"),
        ([1, np.nan], "poisson", None, "values of demand must lie between 0"),
        ([1, 2], "poison", None, "unknown law to fit 'poison'; did you mean poisson"),
        ([1.5, 2], "poisson", None, "not in whole units, so no Poisson law fits"),
        ([1.5, 2], "negative-binomial", None, "not in whole units, so no negative binomial law"),
        ([4, 5, 4, 5], "negative-binomial", None, "varies no more than Poisson"),
        ([0, 0, 0], "negative-binomial", None, "varies no more than Poisson"),
        ([5, 5, 5], "normal", None, "never varies"),
        ([5.5, 5.5], "normal", None, "varies too little for a normal law"),
        ([0.5, 0.0, 9.5], "normal", None, "varies too much for a normal law"),
        ([1, 2, 3, 4], "seasonal", 3, "a season of 3 periods does not fit 4 values"),
        ([1, 2, 3, 4], "auto", 1, "a season of 1 periods does not fit"),
        ([3, 4, 3, 4, 3, 4], "seasonal", None, "no season found in 6 values"),
    ],
)
def test_what_does_not_fit_is_refused(values, law, season, message):
    with pytest.raises(InputError, match=message):
        fit(values, law, season)


def _write(folder, text):
    path = folder / "demand.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_demand_is_read_from_a_column(tmp_path):
    path = _write(tmp_path, "\ufeffday, units\nmon,3\n\ntue, 4.5 \n")
    np.testing.assert_array_equal(read_demand(path, "units"), [3, 4.5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day,unit\n1,2\n", "unknown column in .*demand.csv 'units'; did you mean unit"),
        ("units\n", "has no row below its header"),
        ("", "unknown column"),
        ("units\n3\nx\n", "demand.csv, line 3: 'x' is no number"),
        ("units,day\n3,1\n ,2\n", "demand.csv, line 3: a value of demand is missing"),
        ("day,units\n1,3\n2\n", "demand.csv, line 3: a value of demand is missing"),
        ("units\n3\n-1\n", "demand.csv, line 3: a value of demand must lie between 0 .* not -1"),
        ("units\nnan\n", "line 2: a value of demand must lie between"),
        ('units\n"3\n', "is no CSV file"),
    ],
)
def test_bad_cells_are_named_with_their_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_demand(_write(tmp_path, text), "units")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no such file: .*gone.csv"):
        read_demand(tmp_path / "gone.csv", "units")
    with pytest.raises(InputError, match="cannot read"):
        read_demand(tmp_path, "units")


def test_tables_fit_or_replay_a_file(tmp_path):
    _write(tmp_path, "units\n1\n4\n3\n8\n2\n6\n")
    table = {"law": "csv", "file": "demand.csv", "column": "units"}
    replay = parse_demand({**table, "fit": "replay"}, "here", tmp_path)
    assert replay == Trace((1, 4, 3, 8, 2, 6))
    seasonal = parse_demand({**table, "fit": "seasonal", "season": 2}, "here", tmp_path)
    assert seasonal == Cyclic((Poisson(2), Poisson(6)))
    assert parse_demand(table, "here", tmp_path) == fit([1, 4, 3, 8, 2, 6])
    with pytest.raises(InputError, match=r"here: .*demand.csv: a season of 9 periods does not fit"):
        parse_demand({**table, "season": 9}, "here", tmp_path)
