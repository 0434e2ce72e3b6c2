"""The linear programs: what they minimise, and that a kept model is as good as a new one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from drlapps.errors import Failure
from drlapps.finance.market_data.embedded import load
from drlapps.finance.portfolio.convex.limits import Admissible, Limits
from drlapps.finance.portfolio.convex.scenarios import ScenarioProgram

CLOSE = load("sp500-20").close[:, :6]
RETURNS = CLOSE[1:] / CLOSE[:-1] - 1.0


def cvar(returns: np.ndarray, alpha: float) -> float:
    """Mean of the worst 1 - alpha of the days, part of a day counting in part."""
    losses = -np.sort(returns)
    tail = (1.0 - alpha) * len(losses)
    whole = int(np.ceil(tail)) - 1
    return float((losses[:whole].sum() + (tail - whole) * losses[whole]) / tail)


def deviation(returns: np.ndarray) -> float:
    return float(np.abs(returns - returns.mean()).mean())


def textbook(returns: np.ndarray, alpha: float | None, cap: float) -> float:
    """The least risk, by the programs as the papers print them."""
    days, n = returns.shape
    if alpha is None:  # Konno & Yamazaki: -y <= (r - mean)'w <= y
        centred = returns - returns.mean(axis=0)
        rows = np.block([[centred, -np.eye(days)], [-centred, -np.eye(days)]])
        cost = np.append(np.zeros(n), np.full(days, 1.0 / days))
        bounds = [(0.0, cap)] * n + [(0.0, None)] * days
    else:  # Rockafellar & Uryasev: u >= -r'w - z
        rows = np.hstack([-returns, -np.eye(days), -np.ones((days, 1))])
        cost = np.concatenate([np.zeros(n), np.full(days, 1.0 / days / (1.0 - alpha)), [1.0]])
        bounds = [(0.0, cap)] * n + [(0.0, None)] * days + [(None, None)]
    budget = np.zeros((1, len(cost)))
    budget[0, :n] = 1.0
    found = linprog(cost, rows, np.zeros(len(rows)), budget, [1.0], bounds, method="highs")
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("cap", [1.0, 0.3])
@pytest.mark.parametrize("alpha", [0.95, 0.9, 0.5, None])
def test_the_least_risk_is_the_papers(alpha: float | None, cap: float) -> None:
    held = np.full(6, 1.0 / 6.0)
    window = RETURNS[100:227]
    weights = ScenarioProgram(window.shape, alpha).solve(window, 0, Limits(0.0, cap).around(held))
    risk = deviation(window @ weights) if alpha is None else cvar(window @ weights, alpha)
    assert risk == pytest.approx(textbook(window, alpha, cap), rel=1e-8)
    assert weights.max() <= cap + 1e-9


@pytest.mark.parametrize("alpha", [0.95, None])
def test_a_model_kept_over_windows_is_as_good_as_a_new_one(alpha: float | None) -> None:
    kept = ScenarioProgram((60, 6), alpha)
    held = np.full(6, 1.0 / 6.0)
    for first in (0, 5, 61, 64, 300):
        window = RETURNS[first : first + 60]
        limits = Limits(0.0, 0.5, 0.2 if first % 2 else 1.0).around(held)
        weights = kept.solve(window, first, limits)
        fresh = ScenarioProgram((60, 6), alpha).solve(window, 0, limits)
        assert weights == pytest.approx(fresh, abs=1e-8)
        held = weights


def test_turnover_is_limited_inside_the_program() -> None:
    held, window = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0]), RETURNS[:100]
    program = ScenarioProgram(window.shape, 0.9)
    free = program.solve(window, 0, Limits().around(held))
    bound = program.solve(window, 0, Limits(max_turnover=0.25).around(held))
    assert np.maximum(held - free, 0.0).sum() > 0.25
    assert np.maximum(held - bound, 0.0).sum() == pytest.approx(0.25, abs=1e-9)
    assert cvar(window @ free, 0.9) < cvar(window @ bound, 0.9) < cvar(window @ held, 0.9)


def test_a_program_without_solution_is_a_failure() -> None:
    impossible = Admissible(np.zeros(6), np.full(6, 0.1), np.zeros(6), 1.0)
    with pytest.raises(Failure, match="HiGHS ended with infeasible"):
        ScenarioProgram((30, 6), None).solve(RETURNS[:30], 0, impossible)
