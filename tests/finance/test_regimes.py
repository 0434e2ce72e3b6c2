"""drlapps.finance.regimes: dates by hand, and what may be known when."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.finance.metrics import summary
from drlapps.finance.regimes import breakdown, bull_bear, volatility_regime


def returns_of(*prices: float) -> NDArray[np.float64]:
    path = np.array(prices)
    return path[1:] / path[:-1] - 1


def test_bear_markets_run_from_peak_to_trough() -> None:
    returns = returns_of(100, 110, 120, 115, 118, 100, 90, 80, 85, 79, 90, 100, 97, 130)
    #                      +    +    -    -    -    -   -   -   -   +   +    +   +
    assert bull_bear(returns).tolist() == ["bull"] * 2 + ["bear"] * 7 + ["bull"] * 4


def test_a_fall_short_of_the_threshold_is_no_bear_market() -> None:
    assert set(bull_bear(returns_of(100, 120, 97, 110, 98))) == {"bull"}
    assert bull_bear(returns_of(100, 120, 95), fall=0.2).tolist() == ["bull", "bear"]
    assert bull_bear(returns_of(100, 120, 97), fall=0.15).tolist() == ["bull", "bear"]


def test_a_series_may_begin_in_a_bear_market() -> None:
    # Down by less than the threshold, then up by more: the first trough is the turning point.
    assert bull_bear(returns_of(100, 95, 90, 109)).tolist() == ["bear", "bear", "bull"]


@given(arrays(np.float64, st.integers(1, 80), elements=st.floats(-0.3, 0.4)))
def test_confirmed_regimes_move_by_more_than_the_threshold(returns: NDArray[np.float64]) -> None:
    labels = bull_bear(returns)
    runs = [(label, len(list(run))) for label, run in groupby(labels)]
    ends = np.cumsum([0, *(length for _, length in runs)])
    # The first and the last may be unfinished.
    for number in range(1, len(runs) - 1):
        gain = np.prod(1 + returns[ends[number] : ends[number + 1]]) - 1
        assert gain > 0.2 if runs[number][0] == "bull" else gain < -0.2


def test_volatility_terciles_follow_a_change_of_volatility() -> None:
    rng = np.random.default_rng(4)
    quiet, wild = rng.normal(0, 0.005, 400), rng.normal(0, 0.03, 60)
    labels = volatility_regime(np.concatenate([quiet, wild, quiet]), window=20, history=60)
    assert set(labels[:79]) == {"unknown"}
    assert labels[79] != "unknown"
    # The first wild day is not yet known to be one.
    assert set(labels[405:460]) == {"high"}
    assert np.mean(labels[500:] == "high") < 0.4


@given(
    arrays(np.float64, 60, elements=st.floats(-0.1, 0.1)),
    st.integers(1, 59),
    st.floats(-0.9, 0.9),
)
def test_volatility_labels_do_not_look_ahead(
    returns: NDArray[np.float64], day: int, shock: float
) -> None:
    before = volatility_regime(returns, window=5, history=10)
    changed = returns.copy()
    changed[day:] = shock
    after = volatility_regime(changed, window=5, history=10)
    assert np.array_equal(before[: day + 1], after[: day + 1])


def test_breakdown_is_the_summary_of_each_regime() -> None:
    returns = np.random.default_rng(5).normal(0, 0.01, 100)
    labels = np.where(np.arange(100) % 3 == 0, "bear", "bull")
    table = breakdown(returns, labels, risk_free=0.0001)
    assert list(table) == ["bear", "bull"]
    assert table["bear"] == {"days": 34, **summary(returns[::3], risk_free=0.0001)}
    assert table["bull"]["days"] == 66


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(InputError, match="loses everything at position 1"):
        bull_bear([0.1, -1.0])
    with pytest.raises(InputError, match="finite"):
        volatility_regime([0.1, np.nan])
    with pytest.raises(InputError, match="no threshold"):
        bull_bear([0.1], fall=1.0)
    with pytest.raises(InputError, match="window of two days"):
        volatility_regime([0.1], window=1)
    with pytest.raises(InputError, match="do not fit"):
        breakdown([0.1, 0.2], ["bull"])
