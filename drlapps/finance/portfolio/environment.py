"""The portfolio environment: dynamics, costs and observations of a batch of portfolios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.finance import metrics
from drlapps.finance.market_data.esg import scores
from drlapps.finance.portfolio import kernels, layout, trading
from drlapps.finance.portfolio.arguments import FILLS, chosen, rules
from drlapps.finance.portfolio.instances import Window
from drlapps.finance.portfolio.market import FEATURES, Floats, Market
from drlapps.finance.portfolio.seen import Seen
from drlapps.vector import Array, Generator, Pool, VectorEnvironment


class PortfolioEnv(VectorEnvironment):
    """Trade a portfolio of assets and cash, day after day.

    ## Description

    At each decision the policy sees closes up to day t and says how wealth should be spread over
    cash and n assets. The order is filled at the next close (or open), costs are paid, and weights
    drift with the prices until the next decision. See :mod:`drlapps.finance.portfolio` for the
    equations. The assets of an episode, its first and last day and the level of costs belong to
    the instance; a batch mixes instances of different markets and numbers of assets.

    ## Observation Space

    ``Box(-10, 10, (1 + n, 3 + features + window))``, float32, n the assets of the pool's largest
    instance. Row 0 is cash, rows 1 to n are assets; rows of assets that an instance lacks are 0.
    Columns: 0 is 1 where there is an asset; 1 its weight now; 2 its ESG score; then, with
    ``technical``, the features of :data:`drlapps.finance.portfolio.market.FEATURES`; then the
    latest ``window`` daily log returns divided by 2 %, oldest first.

    ## Action Space

    ``Box`` of shape (1 + n,), cash first; entries of assets that an instance lacks are ignored.
    Where the first entry is not a number, there is no order: what is held is kept. (Naming the
    weights held does trade, where orders are filled later: back to them after a day's drift.)

    - ``action="weights"``: target weights. Long-only, negative ones count as none and the rest is
      divided by its sum; what exceeds ``max_weight`` stays in cash. With ``min_weight`` below 0
      the weights of the assets are clipped, then scaled to ``max_gross``, ``min_net`` and
      ``max_net``, and cash is what is left.
    - ``action="logits"``: target weights are the softmax, for agents that go long only.
    - ``action="shares"``: shares to trade as parts of ``max_shares``, rounded to whole shares; no
      more is sold than is held, no more bought than the cash allows (Montazeri et al. 2024).

    ## Rewards

    ``reward="log-return"``: log of wealth after the step over wealth before it; the sum over an
    episode is the log of terminal wealth. ``"mean-variance"``: return less ``risk_aversion`` / 2
    times its square. With ``relative`` these two are reduced by the same reward of the equally
    weighted portfolio: as no action moves the market, that takes noise away and leaves the best
    policy what it is (Mao et al. 2019). ``"differential-sharpe"``: the differential Sharpe ratio
    (Moody & Saffell 2001). ``"mean-cvar"``: return less ``risk_aversion`` times the conditional
    value at risk at 95 %, a step at a time (Rockafellar & Uryasev 2000). All times
    ``reward_scale``.

    ## Starting State

    Wealth 1, all in cash, at the first close of the instance; nothing held. Where orders are
    filled later than they are decided, the first is decided a day before.

    ## Episode End

    Truncated at the last close of the instance. Terminated when wealth is gone, which takes short
    positions or debts.

    ## Arguments

    - ``cost_bps``: fee in basis points of each dollar traded; on the sets of online portfolio
      selection, by their convention, of each dollar turned over.
    - ``spread_bps``: quoted spread in basis points; half of it is paid on each dollar traded.
    - ``impact``: Y of the square-root law: trading Q dollars of an asset with daily volatility s
      and daily volume V costs Y s sqrt(Q / V) a dollar. Needs volumes, and ``capital`` in dollars.
    - ``capital``: wealth at the start in dollars, for impact and whole shares.
    - ``cash_rate``, ``borrow_rate``: yearly rate on cash; yearly cost of short positions and debt.
    - ``fill``: ``next-close``, ``next-open``, ``same-close``, or ``auto``: ``same-close`` on the
      sets of online portfolio selection, else ``next-open`` where there are opens, else
      ``next-close``.
    - ``action``, ``max_shares``: see Action Space.
    - ``min_weight``, ``max_weight``, ``max_gross``, ``min_net``, ``max_net``: limits of each target
      weight, of the sum of their sizes, and of their sum.
    - ``max_turnover``: limit of half the sum of weight changes of one order.
    - ``every``: days between decisions.
    - ``reward``, ``risk_aversion``, ``relative``, ``reward_scale``: see Rewards.
    - ``window``, ``technical``: see Observation Space.
    - ``esg``: file of scores (asset, score) or ``synthetic``; ``esg_rate``: yearly grant on a
      portfolio of score 1, and tax on one of score -1.

    ## Metrics

    ``terminal_wealth`` (start is 1), ``sharpe`` (yearly, without risk-free rate), ``max_drawdown``
    (share of wealth, at most 0), ``turnover`` (a year: half the sum of changes of weights),
    ``costs`` (sum of trading costs as shares of wealth), ``feasible`` (0 if wealth was lost).

    ## References

    Jiang, Xu & Liang 2017 (arXiv:1706.10059); Li, Sahoo & Hoi 2016 (OLPS, JMLR 17(35)); Moody &
    Saffell 2001, IEEE Trans. Neural Networks 12(4); Mao et al. 2019, Variance reduction for
    reinforcement learning in input-driven environments, ICLR; Almgren et al. 2005, Direct
    estimation of equity market impact, Risk 18(7).

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = tuple(
        name for name in layout.State._fields if name not in ("assets", "places")
    )

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        cost_bps: float = 10.0,
        spread_bps: float = 0.0,
        impact: float = 0.0,
        capital: float = 1e6,
        cash_rate: float = 0.0,
        borrow_rate: float = 0.0,
        fill: str = "auto",
        action: str = "weights",
        max_shares: float = 1000.0,
        min_weight: float = 0.0,
        max_weight: float = 1.0,
        max_gross: float = 1.0,
        min_net: float = 0.0,
        max_net: float = 1.0,
        max_turnover: float = float("inf"),
        every: int = 1,
        reward: str = "log-return",
        risk_aversion: float = 1.0,
        relative: bool = False,
        reward_scale: float = 1.0,
        window: int = 20,
        technical: bool = True,
        esg: str = "",
        esg_rate: float = 0.0,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if window < 0:
            raise InputError(f"window must not be negative, and is {window}")
        self._fill = None if fill == "auto" else chosen("fill", fill, FILLS)
        self.reward_scale = float(reward_scale)
        self.window, self.technical, self.esg = int(window), bool(technical), esg
        self._rules = rules(
            cost_bps=cost_bps, spread_bps=spread_bps, impact=impact, capital=capital,
            cash_rate=cash_rate, borrow_rate=borrow_rate, esg_rate=esg_rate, action=action,
            max_shares=max_shares, min_weight=min_weight, max_weight=max_weight,
            max_gross=max_gross, min_net=min_net, max_net=max_net, max_turnover=max_turnover,
            every=every, reward=reward, risk_aversion=risk_aversion, relative=relative,
        )  # fmt: skip
        self._allocate(*_capacity(pool))
        bound = {"weights": (min(min_weight, 0.0), 1.0), "logits": (-5.0, 5.0)}
        low, high = bound.get(action, (-1.0, 1.0))
        n = self._state.places.shape[1]
        columns = 3 + (len(FEATURES) if technical else 0) + self.window
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (1 + n, columns), np.float32),
            gymnasium.spaces.Box(low, max(high, max_weight), (1 + n,), np.float32),
        )
        # Compile the kernels now: what is timed later should not pay for it.
        self._advance(np.zeros((num_envs, 1 + n)), np.zeros(num_envs, np.bool_))

    def _allocate(self, n: int, days: int) -> None:
        """Allocate the state for so many assets and days."""
        b = self.num_envs
        self._markets: dict[int, tuple[Market, int]] = {}
        none, singles = np.zeros(0), np.zeros(0, np.float32)
        self._tables = layout.Tables(
            none, none, none, none, none, singles, none, none,
            np.zeros((0, len(FEATURES)), np.float32),
        )  # fmt: skip
        self._state = layout.State(
            assets=np.zeros(b, np.int64), places=np.zeros((b, n), np.int64),
            scores=np.zeros((b, n)), cost_scale=np.ones(b),
            olps=np.zeros(b, np.bool_), fill=np.zeros(b, np.int64), begin=np.zeros(b, np.int64),
            end=np.zeros(b, np.int64), now=np.zeros(b, np.int64), held=np.zeros((b, n)),
            cash=np.ones(b), wealth=np.ones(b), growth=np.ones(b), turnover=np.zeros(b),
            costs=np.zeros(b), recorded=np.zeros(b, np.int64), path=np.ones((b, days + 1)),
            mean=np.zeros(b), square=np.zeros(b), quantile=np.zeros(b),
        )  # fmt: skip
        for name, array in self._state._asdict().items():
            setattr(self, name, array)
        kept = days + 1 if self.autoreset_mode is AutoresetMode.DISABLED else 0
        self._kept = layout.Record(np.zeros((b, kept, n)), np.zeros((b, kept, n), np.float32))
        self._relatives: list[Floats | None] = [None] * b

    def _offset(self, market: Market) -> int:
        """Return where a market begins in the flat tables, adding it if it is new."""
        if id(market) not in self._markets:
            start = len(self._tables.close)
            tables: dict[str, Array] = {}
            for name, old in self._tables._asdict().items():
                new = getattr(market, name)
                tables[name] = np.concatenate([old, new.reshape(-1, *old.shape[1:])])
            self._tables = layout.Tables(**tables)
            self._markets[id(market)] = market, start
        return self._markets[id(market)][1]

    def _load(self, row: int, instance: Window, rng: np.random.Generator) -> None:
        n, market, s = len(instance.columns), instance.market, self._state
        if n > self._state.places.shape[1] or instance.end - instance.begin + 2 > s.path.shape[1]:
            raise ValueError(f"{instance.name} is larger than this batch's pool")
        self._attach(row, instance)
        s.scores[row] = 0.0
        if self.esg:
            s.scores[row, :n] = scores(self.esg, instance.assets)
        s.cost_scale[row], s.olps[row] = instance.cost_scale, market.olps
        s.fill[row] = self._fill_of(instance)
        s.begin[row], s.end[row] = instance.begin, instance.end
        s.now[row] = instance.begin - (s.fill[row] != layout.SAME_CLOSE)
        s.held[row], s.cash[row], s.wealth[row] = 0.0, 1.0, 1.0
        s.growth[row], s.turnover[row], s.costs[row] = 1.0, 0.0, 0.0
        s.recorded[row], s.path[row] = 1, 1.0
        typical = 0.01 * np.sqrt(self._rules.every)
        s.mean[row], s.square[row], s.quantile[row] = 0.0, typical**2, 2.0 * typical
        self._kept.trades[row] = 0.0
        self._kept.weights[row] = 0.0

    def _attach(self, row: int, instance: Window) -> None:
        """Point a row at the market and the assets of an instance."""
        n, s = len(instance.columns), self._state
        s.assets[row] = n
        s.places[row, :n] = self._offset(instance.market)
        s.places[row, :n] += np.array(instance.columns) * instance.market.days
        self._relatives[row] = None

    def _fill_of(self, instance: Window) -> int:
        market, fill = instance.market, self._fill
        opens = market.prices.open is not None
        if fill is None:
            later = layout.NEXT_OPEN if opens else layout.NEXT_CLOSE
            fill = layout.SAME_CLOSE if market.olps else later
        shares = self._rules.action == layout.SHARES
        if market.olps and (fill != layout.SAME_CLOSE or shares):
            raise InputError(
                f"{instance.name} is traded by the convention of the OLPS toolbox: by weights, not "
                "by shares, and at the close that was decided on, not later"
            )
        if fill == layout.NEXT_OPEN and not opens:
            raise InputError(f"{market.prices.name} has no opening prices to fill orders at")
        if self._rules.impact > 0.0 and market.prices.volume is None:
            raise InputError(f"{market.prices.name} has no volumes, which impact needs")
        return fill

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state; what instances say is taken from them again."""
        super().restore_state(state)
        for row, instance in enumerate(self.instances):
            if instance is not None:
                self._attach(row, instance)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        rewards = np.zeros(self.num_envs, np.float32)
        terminated = ~active
        truncated = np.zeros(self.num_envs, np.bool_)
        kernels.advance(
            self._rules, self._tables, self._state, np.asarray(actions, np.float64), active,
            self._kept, rewards, terminated, truncated,
        )  # fmt: skip
        return rewards * np.float32(self.reward_scale), terminated, truncated

    def _observe(self) -> Array:
        found = np.empty(self.observation_space.shape or (), np.float32)
        kernels.observe(self._tables, self._state, self.window, self.technical, found)
        return found

    def seen(self, row: int) -> Seen:
        """Return what a policy may know of a row when it decides."""
        s, instance = self._state, self.instances[row]
        now = int(s.now[row])
        weights = np.zeros(1 + len(instance.columns))
        weights[0] = trading.weigh(s, row, len(instance.columns), weights[1:])
        dates = instance.market.prices.dates
        return Seen(
            relatives=self._past(row)[: max(now, 0)],
            weights=weights,
            growth=float(s.growth[row]),
            day=now - int(s.begin[row]) + int(s.fill[row] != layout.SAME_CLOSE),
            date=None if dates is None or now < 0 else dates[now],
        )

    def today(self, row: int) -> int:
        """Return the row of the market's table that holds the latest close seen."""
        return int(self._state.now[row])

    def _past(self, row: int) -> Floats:
        """Return the relatives of the row's assets; few policies ask, so not before they do."""
        found = self._relatives[row]
        if found is None:
            instance = self.instances[row]
            found = np.ascontiguousarray(instance.market.relatives[list(instance.columns), 1:].T)
            found.setflags(write=False)
            self._relatives[row] = found
        return found

    def future(self, row: int) -> Floats:
        """Return the growth of each asset that the weights of each decision earn.

        For clairvoyant policies only. Shape (decisions, assets).
        """
        s, instance = self._state, self.instances[row]
        columns = list(instance.columns)
        close, opens = instance.market.close[columns], instance.market.open[columns]
        first, last = int(s.begin[row]), int(s.end[row])
        every = self._rules.every
        # The price at which the k-th order is filled, and at which the (k + 1)-th is.
        if s.fill[row] == layout.NEXT_OPEN:
            at = opens[:, first : last + 1 : every]
        else:
            at = close[:, first:last:every]
        ends = np.concatenate([at[:, 1:], close[:, last : last + 1]], axis=1)
        growth = np.asarray((ends / at).T)
        if s.fill[row] == layout.NEXT_CLOSE and (last - first) % every == 0:
            # A last decision whose order is filled at the last close, or never.
            growth = np.concatenate([growth, np.ones((1, len(columns)))])
        return growth

    def trading_cost(self, row: int) -> float:
        """Return the least cost of a dollar traded on either side, impact apart."""
        side = 0.5 if self._state.olps[row] else 1.0
        return float(side * self._rules.fee * self._state.cost_scale[row])

    @property
    def bounded(self) -> bool:
        """Whether no more can be had than the best asset's growth: no shorts, debts or grants."""
        law = self._rules
        return law.min_weight >= 0.0 and min(law.max_net, law.max_gross) <= 1.0 and law.esg == 0.0

    def cash_growth(self, row: int) -> float:
        """Return the growth of cash over one decision's days."""
        return float(self._rules.cash_growth**self._rules.every)

    def returns(self, row: int) -> Floats:
        """Return the row's simple returns so far, net of costs, one a day."""
        path = self._state.path[row, : self._state.recorded[row]]
        return np.asarray(path[1:] / path[:-1] - 1.0)

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics of the row's episode; they hold once it has ended."""
        s, returns = self._state, self.returns(row)
        years = max(len(returns), 1) / layout.YEAR
        return {
            "terminal_wealth": float(s.wealth[row]),
            "sharpe": float(metrics.sharpe(returns)),
            "max_drawdown": float(metrics.max_drawdown(returns)),
            "turnover": float(s.turnover[row]) / years,
            "costs": float(s.costs[row]),
            "feasible": float(s.wealth[row] > 0.0),
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the row's ledger: wealth, weights and trades, and the rules they followed."""
        s, instance = self._state, self.instances[row]
        n, m = len(instance.columns), int(s.recorded[row])
        fill = {number: name for name, number in FILLS.items()}[int(s.fill[row])]
        law = self._rules
        return {
            "assets": list(instance.assets),
            "dates": instance.dates(),
            "wealth": s.path[row, :m].tolist(),
            "weights": self._kept.weights[row, :m, :n].tolist(),
            "trades": self._kept.trades[row, :m, :n].tolist(),
            "rules": {
                "fill": fill,
                "long_only": law.min_weight >= 0.0 and law.max_net <= 1.0,
                "fee": law.fee * instance.cost_scale,
                "impact": law.impact * instance.cost_scale,
                "capital": law.capital,
                "cash_growth": law.cash_growth,
                "borrow": law.borrow,
                "esg": law.esg,
                "scores": s.scores[row, :n].tolist(),
            },
        }


def _capacity(pool: Pool) -> tuple[int, int]:
    """Return the most assets and closes of any instance of the pool."""
    windows: list[Any] = [pool.largest()] if isinstance(pool, Generator) else list(pool)
    return (
        max(len(window.columns) for window in windows),
        max(window.end - window.begin + 1 for window in windows),
    )
