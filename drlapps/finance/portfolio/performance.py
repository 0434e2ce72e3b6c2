"""How policies did on one stretch of history: metrics, intervals, differences, parts of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps.evaluate import Contestant, Result
from drlapps.finance import inference, metrics
from drlapps.finance import regimes as market_regimes
from drlapps.finance.portfolio.instances import Window
from drlapps.finance.trials import Trials
from drlapps.stats import holm, verdict
from drlapps.task import Information

JSON = dict[str, Any]
Floats = NDArray[np.float64]

COMPARED = {
    "sharpe": metrics.sharpe,
    "cagr": metrics.cagr,
    "max_drawdown": metrics.max_drawdown,
    "cvar_95": metrics.cvar,
}
"""The statistics whose differences are tested; more is better, but for the last."""

_LOWER_IS_BETTER = ("cvar_95",)
_LEVEL_SAMPLES, _DIFFERENCE_SAMPLES = 500, 2000
_MONTH = 21


@dataclass(frozen=True)
class Traded:
    """A policy and what came of its runs.

    Attributes:
        who: the policy; its policies are recorders.
        results: one a run.
        returns: shape (runs, days); after ruin they are 0.
    """

    who: Contestant
    results: list[Result]
    returns: Floats

    @classmethod
    def of(cls, who: Contestant, results: Sequence[Result]) -> Traded:
        """Return what came of a policy's runs, whose results must hold their solutions."""
        own = [result for result in results if result.policy == who.name]
        paths = [np.asarray(result.solution["wealth"]) for result in own if result.solution]
        longest = max(len(path) for path in paths)
        whole = [np.pad(path, (0, longest - len(path)), mode="edge") for path in paths]
        with np.errstate(invalid="ignore", divide="ignore"):
            returns = [np.nan_to_num(path[1:] / path[:-1], nan=1.0) - 1.0 for path in whole]
        return cls(who, own, np.array(returns))

    @property
    def fair(self) -> bool:
        """Whether the policy could have been followed at the time."""
        return self.who.information != Information.CLAIRVOYANT


def performance(one: Traded, tried: Trials, rng: np.random.Generator) -> JSON:
    """Return the metrics of a policy: of each run, their means, and intervals of some."""
    by_run: list[JSON] = []
    for result, returns in zip(one.results, one.returns, strict=True):
        values = {
            **metrics.summary(returns),
            **result.metrics,
            "psr": inference.psr(returns),
            "dsr": inference.dsr(returns, tried),
        }
        by_run.append({"run_seed": result.run_seed, "metrics": values})
    return {
        "name": one.who.name,
        "kind": one.who.kind,
        "information": str(one.who.information),
        "run_seeds": [result.run_seed for result in one.results],
        "metrics": {
            name: float(np.mean([run["metrics"][name] for run in by_run]))
            for name in by_run[0]["metrics"]
        },
        "intervals": {name: _interval(one, name, rng) for name in COMPARED},
        "by_run": by_run,
        "seconds": {
            "plan": float(np.mean([result.plan_seconds for result in one.results])),
            "act": float(np.mean([result.act_seconds for result in one.results])),
        },
        "train_cpu_seconds": one.who.train_cpu_seconds,
    }


def _interval(one: Traded, name: str, rng: np.random.Generator) -> tuple[float, float]:
    """Return the interval of a statistic: that of its difference from cash, which has 0."""

    def level(returns: Floats) -> Floats:
        return np.nan_to_num(COMPARED[name](returns), nan=0.0)

    runs = one.returns if one.who.kind == "agent" else one.returns[0]
    idle = np.zeros(one.returns.shape[1])
    test = inference.difference_interval(runs, idle, level, rng=rng, samples=_LEVEL_SAMPLES)
    low, high = test.interval
    # No path has a drawdown above zero, whatever a symmetric interval says.
    return (low, min(high, 0.0)) if name == "max_drawdown" else (low, high)


def differences(traded: Sequence[Traded], rng: np.random.Generator) -> list[JSON]:
    """Test each agent against each fair baseline; Holm's correction for each statistic."""
    agents = [one for one in traded if one.who.kind == "agent"]
    others = [one for one in traded if one.who.kind != "agent" and one.fair]
    found: list[JSON] = []
    for name, statistic in COMPARED.items():
        tests = [
            (agent, other, inference.difference_interval(
                agent.returns, other.returns[0], statistic, rng=rng, samples=_DIFFERENCE_SAMPLES
            ))
            for agent in agents
            for other in others
        ]  # fmt: skip
        adjusted = holm([test.p_value for _, _, test in tests])
        for (agent, other, test), p_holm in zip(tests, adjusted, strict=True):
            found.append(
                {
                    "agent": agent.who.name,
                    "baseline": other.who.name,
                    "metric": name,
                    "difference": test.estimate,
                    "interval": test.interval,
                    "p_value": test.p_value,
                    "p_holm": float(p_holm),
                    "verdict": str(
                        verdict(test, minimize=name in _LOWER_IS_BETTER, p_value=float(p_holm))
                    ),
                }
            )
    return found


def _days(window: Window, count: int) -> list[str]:
    """Return the dates, or numbers, of so many returns, the last one's being the window's last."""
    days = window.days()
    return days[len(days) - count :]


def years(one: Traded, window: Window) -> JSON:
    """Return each year's return and Sharpe ratio, means over the runs; undated: every 252 days."""
    days = _days(window, one.returns.shape[1])
    dated = window.market.prices.dates is not None
    years = np.array([day[:4] if dated else str(1 + int(day) // 252) for day in days])
    return {
        year: {
            "total_return": float(np.mean(metrics.total_return(one.returns[:, years == year]))),
            "sharpe": float(np.mean(metrics.sharpe(one.returns[:, years == year]))),
        }
        for year in dict.fromkeys(years.tolist())
    }


def regimes(one: Traded, benchmark: Floats) -> JSON:
    """Return metrics by regime of the equally weighted market, means over the runs."""
    count = min(one.returns.shape[1], len(benchmark))
    market = benchmark[len(benchmark) - count :]
    found: JSON = {}
    for labels in (market_regimes.bull_bear(market), market_regimes.volatility_regime(market)):
        runs = [market_regimes.breakdown(returns[-count:], labels) for returns in one.returns]
        for label in runs[0]:
            kept = ("days", "cagr", "sharpe", "max_drawdown")
            title = label if label in ("bull", "bear") else f"{label} volatility"
            found[title] = {k: float(np.mean([run[label][k] for run in runs])) for k in kept}
    return found


def series(traded: Sequence[Traded], window: Window) -> JSON:
    """Return what charts draw: wealth of every run by day, weights of each first run by month."""
    longest = max(one.returns.shape[1] for one in traded)
    wealth = {
        one.who.name: np.round(np.cumprod(1.0 + one.returns, axis=1), 6).tolist() for one in traded
    }
    weights: JSON = {}
    for one in traded:
        solution = one.results[0].solution
        if solution is None:
            continue
        table = np.asarray(solution["weights"])[1:]
        days = _days(window, len(table))
        table = np.column_stack([1.0 - table.sum(axis=1), table])[::_MONTH]
        weights[one.who.name] = {
            "dates": days[::_MONTH],
            "assets": ["cash", *window.assets],
            "values": np.round(table, 4).tolist(),
        }
    return {"dates": _days(window, longest), "wealth": wealth, "weights": weights}
