"""Closed forms against published numbers, SciPy and their own limits."""

from __future__ import annotations

import doctest
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from drlapps.errors import InputError
from drlapps.finance.market_making import closed_forms
from drlapps.finance.market_making.baselines import (
    AvellanedaStoikov,
    CarteaJaimungal,
    GueantLehalleFernandezTapia,
    Myopic,
    Optimal,
    Symmetric,
)
from drlapps.finance.market_making.dynamic_programming import policy_value
from drlapps.finance.market_making.instances import MARKETS
from drlapps.finance.market_making.simulation import simulate

CJ, AS = MARKETS["cartea-jaimungal"], MARKETS["avellaneda-stoikov"]


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(closed_forms).failed == 0


def test_avellaneda_and_stoikovs_simulation_is_reproduced():
    # An independent NumPy simulation of 20,000 paths with fill probability A dt exp(-k delta) gave
    # spread 1.492; inventory strategy mean 64.9, sd 6.55, sd of q 2.92 (mbt_gym's notebook: mean
    # 64.87, sd 6.69); symmetric 68.0, 13.3, 8.33.
    inventory = simulate(AvellanedaStoikov(), AS, 2500)
    symmetric = simulate(Symmetric(), AS, 2500)
    assert AS.risk_aversion == pytest.approx(0.1)
    assert inventory.spread == pytest.approx(1.492, abs=5e-4)
    assert symmetric.spread == pytest.approx(1.492, abs=5e-4)
    assert inventory.mean_pnl == pytest.approx(64.9, abs=4 * 6.55 / 2500**0.5)
    assert inventory.sd_pnl == pytest.approx(6.55, rel=0.05)
    assert inventory.sd_inventory == pytest.approx(2.92, rel=0.05)
    assert symmetric.mean_pnl == pytest.approx(68.0, abs=4 * 13.3 / 2500**0.5)
    assert symmetric.sd_pnl == pytest.approx(13.3, rel=0.05)
    assert symmetric.sd_inventory == pytest.approx(8.4, rel=0.05)


@pytest.mark.parametrize(
    ("steps", "simulated", "tolerance"), [(200, 57.60, 0.15), (2000, 63.91, 0.1)]
)
def test_cartea_and_jaimungals_value_and_what_steps_leave_of_it(steps, simulated, tolerance):
    # 64.7179 by the matrix exponential; 57.60 and 63.91 were simulated independently, so are noisy.
    market = replace(CJ, steps=steps)
    value = closed_forms.cartea_jaimungal_values(market)[0, market.limit]
    assert value == pytest.approx(64.7179, abs=5e-5)
    exact = policy_value(market, closed_forms.cartea_jaimungal(market))[market.limit]
    assert exact == pytest.approx(simulated, abs=tolerance)


@pytest.mark.slow
def test_ten_thousand_steps_are_nearly_continuous():
    market = replace(CJ, steps=10_000)
    exact = policy_value(market, closed_forms.cartea_jaimungal(market))[market.limit]
    assert exact == pytest.approx(64.57, abs=0.05)  # simulated independently


def test_the_value_function_is_scipys_matrix_exponential():
    units = np.arange(-CJ.limit, CJ.limit + 1)
    generator = -CJ.decay * CJ.running_penalty * np.diag(units**2.0)
    generator += CJ.intensity / math.e * (np.eye(61, k=1) + np.eye(61, k=-1))
    omega = expm(generator) @ np.exp(-CJ.decay * CJ.terminal_penalty * units**2.0)
    found = closed_forms.cartea_jaimungal_values(CJ)[0]
    assert found == pytest.approx(np.log(omega) / CJ.decay, rel=1e-10)


def test_heavy_penalties_do_not_underflow():
    # exp(-alpha kappa q^2) is 1e-586 at the limit.
    market = replace(CJ, terminal_penalty=1.0)
    quotes = closed_forms.cartea_jaimungal(market)
    assert np.isfinite(quotes).all()
    # One step before the end: h is nearly -alpha q^2, so the ask at q is 1/kappa - alpha (2q - 1).
    middle = slice(market.limit - 2, market.limit + 3)
    assert quotes[0, middle, 1] == pytest.approx(
        closed_forms.cartea_jaimungal(replace(market, terminal_penalty=0.5))[0, middle, 1],
        abs=1e-3,
    )


def test_asymptotic_quotes_are_those_of_cartea_and_jaimungal_far_from_the_end():
    market = replace(CJ, volatility=100.0)  # gamma goes to 0 at constant phi
    asymptotic = closed_forms.gueant_lehalle_fernandez_tapia(market, market.risk_aversion)
    units = slice(market.limit - 3, market.limit + 4)
    exact = closed_forms.cartea_jaimungal(market)
    assert asymptotic[0, units] == pytest.approx(exact[0, units], rel=0.02)
    slope = np.diff(asymptotic[0, :, 0])
    assert slope * market.decay == pytest.approx(market.tilt, rel=1e-3)


def test_without_risk_aversion_all_quote_one_over_kappa():
    market = replace(CJ, running_penalty=0.0)
    for policy in (AvellanedaStoikov(), Symmetric(), GueantLehalleFernandezTapia(), Myopic()):
        assert policy.quotes(market) == pytest.approx(1 / market.decay)


def test_a_risk_aversion_of_ones_own_replaces_that_of_the_market():
    assert AvellanedaStoikov(0.3).quotes(CJ)[0, CJ.limit].sum() == pytest.approx(
        0.3 * 4 + 2 / 0.3 * math.log(1 + 0.3 / 1.5)
    )
    with pytest.raises(InputError, match="risk_aversion must not be negative, not -1"):
        Symmetric(-1.0)


def test_the_optimal_policy_wins_and_the_control_variate_makes_it_plain():
    best = simulate(Optimal(), CJ, 200)
    second = simulate(CarteaJaimungal(), CJ, 200)
    assert best.value == pytest.approx(57.8067, abs=5e-5)
    assert best.value_error < 1e-10
    assert second.value == pytest.approx(57.4967, abs=4 * second.value_error)
    assert second.value_error < 0.002 < second.objective_error
