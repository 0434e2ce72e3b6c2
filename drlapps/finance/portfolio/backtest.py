"""The answer to ``drlapps backtest``: one stretch of history, every policy, one tear sheet.

Every policy trades the same window, day after day, through the environment: estimates are made
anew from the past at every rebalancing, which is a walk forward. Agents must have been trained on
earlier days; :mod:`drlapps.finance.portfolio.retraining` trains them anew on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps import registry
from drlapps.errors import InputError
from drlapps.evaluate import Contestant, Result, evaluate, rollout
from drlapps.finance import metrics
from drlapps.finance.portfolio import instances
from drlapps.finance.portfolio.environment import PortfolioEnv
from drlapps.finance.portfolio.instances import Window
from drlapps.finance.portfolio.performance import (
    Traded,
    differences,
    performance,
    regimes,
    series,
    years,
)
from drlapps.finance.portfolio.replay import Recorder, Replay, recorded
from drlapps.finance.portfolio.retraining import cross_validation, plan, walk_forward
from drlapps.finance.portfolio.tear_sheet import document
from drlapps.finance.trials import Trial, TrialLog, Trials
from drlapps.spec import RunSpec
from drlapps.task import Task

__all__ = ["POLICIES", "document", "retrained", "run", "window_of"]

JSON = dict[str, Any]
Floats = NDArray[np.float64]

POLICIES = (
    "pretrained", "one-over-n", "bah", "risk-parity", "hrp", "min-variance", "max-sharpe",
)  # fmt: skip
"""Who is tested when nobody is named."""

DATA, START = instances.DATED, "2011-01-01"
"""What is replayed when nothing is named: the embedded stocks, after a year to look back on."""

_COST_FACTORS = (0.0, 0.5, 1.0, 2.0, 5.0)
_USUAL_COST = 10.0
_LEAST_DAYS = 20


def run(
    task: Task,
    contestants: Sequence[Contestant],
    *,
    data: str | None = None,
    start: str | None = None,
    end: str | None = None,
    settings: Mapping[str, object] | None = None,
    seed: int = 0,
    trials: str | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> JSON:
    """Replay a stretch of history with every policy.

    Args:
        task: the portfolio task.
        contestants: who trades.
        data: an embedded set or a price file.
        start: first date traded; days before it may be learnt from.
        end: last date traded.
        settings: parameters of the environment.
        seed: of the policies and the bootstrap.
        trials: file that remembers every trial on the data, for the deflated Sharpe ratio.
        on_result: called after each policy's run.

    Returns:
        The JSON object of ``drlapps backtest``.

    Raises:
        InputError: data, dates or settings are impossible, or an agent knows the days it is to
            be tested on.
    """
    settings = dict(settings or {})
    window = window_of(data, start, end)
    for contestant in contestants:
        _refuse_hindsight(contestant, window)
    followed = [recorded(contestant) for contestant in contestants]
    results = evaluate(
        task, followed, [window], seed=seed, settings=settings, on_result=on_result,
        keep_solutions=(window.name,),
    )  # fmt: skip
    traded = [Traded.of(who, results) for who in followed]
    tried = _trials(traded, window, settings, trials)
    rng = np.random.default_rng([seed, 0xB007])
    benchmark = window.market.relatives[:, window.begin + 1 : window.end + 1].mean(axis=0) - 1.0
    return {
        "task": task.id,
        "data": _data(window),
        "settings": settings,
        "seed": seed,
        "policies": [
            {
                **performance(one, tried, rng),
                "years": years(one, window),
                "regimes": regimes(one, benchmark),
                "cost_sweep": _cost_sweep(task, one, window, settings),
                "decay": _decay(task, one, settings),
            }
            for one in traded
        ],
        "differences": differences(traded, rng),
        "trials": {"count": tried.number, "variance": tried.variance},
        "series": series(traded, window),
    }


def window_of(data: str | None, start: str | None, end: str | None) -> Window:
    """Return the stretch of history to replay: all there is, but for what the dates cut off.

    Raises:
        InputError: there are no such data or dates, or fewer than twenty days.
    """
    if data is None:
        data, start = DATA, start or START
    name = f"{data}:{start or ''}..{end or ''}" if start or end else data
    window = instances.named([name])[0]
    if window.end - window.begin < _LEAST_DAYS:
        raise InputError(f"{name} has fewer than {_LEAST_DAYS} days of returns to judge by")
    return window


def retrained(
    task: Task,
    *,
    data: str | None,
    start: str | None,
    end: str | None,
    years: int | None,
    groups: int | None,
    **how: Any,
) -> tuple[list[RunSpec], Callable[[], Contestant]]:
    """Return the runs of an agent that is trained anew for parts of the window.

    Args:
        task: the portfolio task.
        data: as for :func:`run`.
        start: as for :func:`run`.
        end: as for :func:`run`.
        years: walk forward and train anew every so many years; or
        groups: cross-validate over so many parts.
        **how: of :func:`drlapps.finance.portfolio.retraining.plan`.

    Returns:
        The runs to train, and what makes one policy of them once they are trained.
    """
    window, source = window_of(data, start, end), data or DATA
    if years is not None:
        return plan(task, walk_forward(window, source, years), **how)
    assert groups is not None
    return plan(task, cross_validation(window, source, groups), **how)


def _refuse_hindsight(contestant: Contestant, window: Window) -> None:
    """Refuse an agent that was trained on the days it is to be tested on."""
    # The runs of a contestant differ in nothing but their seed.
    trained = getattr(next(iter(contestant.policies.values())), "instances", {})
    until = trained.get("until")
    for name in instances.names_in(str(trained.get("data", ""))):
        # The classic sets are undated and traded otherwise; nothing can be said of their days.
        if not name or name in instances.OLPS_SETS:
            continue
        prices = instances.market(name).prices
        last = prices.between(None, str(until))[1] if until else len(prices.close) - 1
        if prices.hash == window.market.prices.hash and last >= window.begin:
            raise InputError(
                f"{contestant.name} was trained on {name} until "
                f"{until or 'its last day'}, and the backtest begins earlier"
            )


def _trials(
    traded: Sequence[Traded], window: Window, settings: Mapping[str, object], log: str | None
) -> Trials:
    """Return the trials that the best policy was chosen from, those of a log included."""
    tried = [
        Trial(
            data=window.market.prices.hash,
            start=str(window.begin),
            end=str(window.end),
            policy=f"{one.who.name}#{result.run_seed}",
            settings=repr(sorted(settings.items())),
            sharpe=float(metrics.sharpe(returns, periods=1)),
            days=len(returns),
        )
        for one in traded
        if one.fair
        for result, returns in zip(one.results, one.returns, strict=True)
    ]
    if log is None:
        return Trials.of([trial.sharpe for trial in tried])
    book = TrialLog(log)
    for trial in tried:
        book.append(trial)
    return book.trials(window.market.prices.hash)


def _data(window: Window) -> JSON:
    prices, days = window.market.prices, window.days()
    return {
        "name": prices.name,
        "assets": list(window.assets),
        "start": days[0],
        "end": days[-1],
        "days": window.end - window.begin,
        "source": prices.source,
        "licence": prices.licence,
        "cautions": list(prices.cautions),
    }


def _cost_sweep(
    task: Task, one: Traded, window: Window, settings: Mapping[str, object]
) -> list[JSON]:
    """Return how the same orders would have done at other costs, means over the runs."""
    asked = settings.get("cost_bps", _USUAL_COST)
    base = float(asked) if isinstance(asked, int | float) and asked > 0 else _USUAL_COST
    rows = [replace(window, cost_scale=window.cost_scale * factor) for factor in _COST_FACTORS]
    sums = np.zeros((len(rows), 2))
    for policy in one.who.policies.values():
        assert isinstance(policy, Recorder)
        env = registry.make(
            task, len(rows), rows, training=False,
            **{**policy.environment, **settings, "cost_bps": base},
        )  # fmt: skip
        assert isinstance(env, PortfolioEnv)
        rollout(env, Replay(policy), rows, 0)
        sums += [
            (float(metrics.cagr(env.returns(row))), float(metrics.sharpe(env.returns(row))))
            for row in range(len(rows))
        ]
    means = sums / len(one.who.policies)
    return [
        {"cost_bps": factor * base, "cagr": float(cagr), "sharpe": float(sharpe)}
        for factor, (cagr, sharpe) in zip(_COST_FACTORS, means, strict=True)
    ]


def _decay(task: Task, one: Traded, settings: Mapping[str, object]) -> JSON | None:
    """Return an agent's Sharpe ratio on its validation windows and here, means over the runs."""
    if one.who.kind != "agent":
        return None
    found = []
    for policy in one.who.policies.values():
        assert isinstance(policy, Recorder)
        trained = getattr(policy.policy, "instances", {})
        windows = registry.pool(
            task, "validation", **registry.accepted(task, "validation", trained)
        )
        env = registry.make(
            task, len(windows), windows, training=False, **{**policy.environment, **settings}
        )
        assert isinstance(env, PortfolioEnv)
        rollout(env, policy.policy, windows, 0)
        returns = np.concatenate([env.returns(row) for row in range(len(windows))])
        found.append(float(metrics.sharpe(returns)))
    return {
        "validation_sharpe": float(np.mean(found)),
        "test_sharpe": float(np.mean(metrics.sharpe(one.returns))),
    }
