"""Windows of market history: their names, their pools, and what may be learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.finance.market_data.files import write
from drlapps.finance.market_data.prices import Prices
from drlapps.finance.portfolio import instances
from drlapps.finance.portfolio.instances import LOOK_BACK, Window, named, train, validation


def rows(window: Window) -> set[tuple[str, int]]:
    return {(window.market.prices.name, row) for row in range(window.begin, window.end + 1)}


@pytest.fixture
def own(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    close = 20.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (1300, 3)), axis=0))
    days = np.arange(np.datetime64("2015-01-01"), np.datetime64("2015-01-01") + 1300)
    path = tmp_path / "own.csv"
    write(Prices("own", ("A", "B", "C"), close, days), path)
    return str(path)


def test_validation_is_never_trained_on_nor_looked_back_from() -> None:
    kept = set().union(*(rows(window) for window in validation()))
    pool = train()
    for market, first, last in pool.ranges:
        name = market.prices.name
        assert not {(name, row) for row in range(first, last + 1)} & kept
        ahead = [row for which, row in kept if which == name]
        assert not ahead or min(ahead) - last > LOOK_BACK
    assert len(validation()) == 12


def test_everything_that_is_learnt_from_is_older_than_the_test_years() -> None:
    # The classic sets end in June 2010.
    assert all(window.market.prices.dates is None for window in validation())
    years = instances.test()
    assert [window.dates()[0][:4] for window in years] == [str(y) for y in range(2011, 2023)]  # type: ignore[index]
    assert min(window.begin for window in years) >= 252


def test_training_windows_draw_markets_assets_and_costs() -> None:
    pool = train(days=100, assets=(5, 9), cost_scale=(0.5, 2.0))
    drawn = [pool.sample(np.random.default_rng(seed)) for seed in range(200)]
    assert len({window.market.prices.name for window in drawn}) >= 3
    assert {len(window.columns) for window in drawn} == set(range(5, 10))
    assert all(len(set(window.columns)) == len(window.columns) for window in drawn)
    assert all(window.end - window.begin == 99 for window in drawn)
    scales = np.log([window.cost_scale for window in drawn])
    assert scales.min() < -0.6 < 0.6 < scales.max()
    largest = pool.largest()
    assert all(len(window.columns) <= len(largest.columns) for window in drawn)
    assert all(not window.market.olps for window in drawn)


def test_own_data_train_until_a_date_and_validate_on_the_year_before_it(own: str) -> None:
    pool, (kept,) = train(data=own, until="2018-01-01"), validation(data=own, until="2018-01-01")
    assert kept.dates() is not None
    assert kept.dates()[-1] == "2018-01-01"  # type: ignore[index]
    ((market, first, last),) = pool.ranges
    assert (first, last) == (0, kept.begin - 1 - LOOK_BACK)
    mixed = train(data=f"classic;{own}", until="2018-01-01")
    assert market.prices.hash in {entry[0].prices.hash for entry in mixed.ranges}
    assert len(mixed.ranges) == len(train().ranges) + 1


def test_names_say_data_and_dates(own: str) -> None:
    whole, part, undated = named([own, f"{own}:2016-01-01..2016-12-31", "djia"])
    assert (whole.begin, whole.end) == (0, 1299)
    assert part.dates() is not None
    assert (part.dates()[0], part.dates()[-1]) == ("2016-01-01", "2016-12-31")  # type: ignore[index]
    assert undated.dates() is None
    assert undated.market.olps
    assert len({whole.hash, part.hash, undated.hash}) == 3
    assert named([own])[0].hash == whole.hash


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dija", "djia"),
        ("djia:2001-01-01..2002-01-01", "date"),
        ("sp500-20:2030-01-01..2031-01-01", "2022-12-28"),
        ("sp500-20:2015-13-01..2016-01-01", "2015-13-01"),
        ("nowhere.csv", "nowhere.csv"),
    ],
)
def test_impossible_names_are_explained(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        named([name])


def test_too_little_history_is_explained(own: str) -> None:
    with pytest.raises(InputError, match="closes to learn from"):
        train(data=own, until="2016-01-01")
    with pytest.raises(InputError, match="positive range"):
        train(assets=(5, 2))
