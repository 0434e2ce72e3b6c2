"""Making a market in a limit order book as a Markov decision process, batched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown
from drlapps.finance.limit_order_book import flow, kernels, state
from drlapps.finance.limit_order_book.session import LEVELS, Session
from drlapps.finance.limit_order_book.state import ASK, BID, NONE
from drlapps.finance.market_making.kernels import mix
from drlapps.vector import Array, Generator, Pool, VectorEnvironment

REWARDS = {
    "positional-pnl": kernels.POSITIONAL,
    "with-fills": kernels.WITH_FILLS,
    "realized": kernels.REALISED,
    "differential-sharpe": kernels.SHARPE,
    "asymmetrical": kernels.ASYMMETRICAL,
    "symmetrical": kernels.SYMMETRICAL,
    "trade-completion": kernels.COMPLETION,
}
MOST_WINDOW = 200


class LimitOrderBookEnv(VectorEnvironment):
    """Keep one bid and one ask in a limit order book, or flatten, within a position limit.

    ## Description

    The market-making environment of Sadighian on a simulated or a replayed book; see
    :mod:`drlapps.finance.limit_order_book` for the book and for how orders wait and fill. A
    decision places orders of one lot, then the book goes on for ``repeats`` steps (5). Prices are
    in ticks, money in ticks times lots. The inventory never exceeds ``limit`` lots (10) on either
    side: at the limit the order that would break it is taken back. Fees are a maker's for filled
    orders and a taker's for market orders, part of the session.

    ## Observation Space

    ``Box(-1, 1, (33 + 2 window,), float32)``; ``s(x; c) = x / (c + |x|)``:

    | Index | Value |
    |---|---|
    | 0 | inventory / limit |
    | 1 | share of the session that is left |
    | 2 | ``s(profit of the open lots at the mid; 5)`` |
    | 3 | ``s(spread; 2)`` |
    | 4-6 | own bid: 1 if there is one, ``s(ticks behind the best bid; 4)``, ``s(lots that must trade before it is filled; 2)`` |
    | 7-9 | own ask, likewise |
    | 10-24 | (bid - ask depth) / (bid + ask depth), summed from the touch to levels 0 ... 14 |
    | 25-32 | ``s(size; 3)`` of bid and ask at each of the levels 0, 4, 9, 14 |
    | 33 ... | for each of the last ``window`` decisions, latest first: ``s(change of the mid; 1)``, ``s(lots bought less lots sold by market orders; 2)`` |

    ## Action Space

    ``Discrete(17)``. Level ``k`` is ``k`` ticks behind the best price in a simulated book, the
    ``k + 1``-th listed price on a tape; beyond the deepest level it is the deepest.

    | Action | Bid level | Ask level | | Action | Bid level | Ask level |
    |---|---|---|---|---|---|---|
    | 0 | no change | no change | | 9 | 9 | 0 |
    | 1 | 0 | 0 | | 10 | 9 | 4 |
    | 2 | 0 | 4 | | 11 | 9 | 9 |
    | 3 | 0 | 9 | | 12 | 9 | 14 |
    | 4 | 0 | 14 | | 13 | 14 | 0 |
    | 5 | 4 | 0 | | 14 | 14 | 4 |
    | 6 | 4 | 4 | | 15 | 14 | 9 |
    | 7 | 4 | 9 | | 16 | flatten | flatten |
    | 8 | 4 | 14 | | | | |

    These are the pairs of four levels but (14, 14), which quotes next to nothing: with no change
    and flatten that makes 17, as many as in the papers, which may pair them otherwise. An order placed where it already is keeps its place
    in the queue; elsewhere it joins behind. Flatten takes both orders back and closes the position
    by a market order, which walks the levels of the book.

    ## Rewards

    With the inventory ``q`` and mid ``m`` before a book step, ``Dm`` its change in it, sums over
    the book steps of a decision, and ``carry = sum q Dm``:

    - ``positional-pnl``: ``carry + sum over fills of side * (m' - price) - fees``, the mid ``m'``
      after the book step, ``side`` 1 for a purchase: the change of cash plus inventory at the mid.
      Its sum is the metric ``pnl``.
    - ``realized``: profit of the lots closed, first in first out, less all fees.
    - ``with-fills``: ``carry + realized``; a round trip's price moves count while it is open and
      again when it closes.
    - ``asymmetrical``: ``positional-pnl - 0.6 max(0, carry)``, which dampens speculative gains.
    - ``symmetrical``: ``positional-pnl - 0.6 carry``, which dampens gains and losses alike: where the
      mid is all but a martingale, that is mostly noise (Spooner et al. 2018).
    - ``differential-sharpe``: ``(B DA - A DB / 2) / (B - A^2)^(3/2)`` with ``R`` the positional
      profit, ``DA = R - A``, ``DB = R^2 - B``, then ``A += 0.01 DA``, ``B += 0.01 DB``; clipped to
      [-10, 10], and 0 while the variance ``B - A^2`` is.
    - ``trade-completion``: 1 if ``realized`` is at least 2 ticks, -1 if at most -1, else itself;
      these thresholds are this environment's own.

    ## Starting State

    A simulated book has run for 20 units of time; a tape is at its session's first row. No
    inventory, no orders, no cash, lags of 0.

    ## Episode End

    Terminated after ``steps`` decisions; never truncated. Open lots are marked at the mid.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where sessions come from.
    - ``reward``: one of the seven above.
    - ``window``: decisions that the observation looks back on, 1 to 200; 10 is faster than the 100
      of the papers.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the ledger that a solution consists of.

    ## Metrics

    - ``pnl``: cash plus inventory at the mid, after fees, in ticks times lots; higher is better.
    - ``realised``: profit of closed lots, first in first out, before fees. ``fees``: all paid.
    - ``inventory``: mean of the lots held after a decision, long or short.
      ``largest_inventory``: the most.
    - ``fills``: lots traded. ``trades``: lots closed. ``turnover``: sum of the prices of all fills.
    - ``feasible``: 1, as the limit is kept by force.

    ## References

    - Sadighian 2019, "Deep Reinforcement Learning in Cryptocurrency Market Making", arXiv
      1911.08647, and 2020, "Extending Deep Reinforcement Learning Frameworks in Cryptocurrency
      Market Making", arXiv 2004.06985.
    - Cont, Stoikov & Talreja 2010, "A stochastic model for order book dynamics", Operations
      Research 58(3).
    - Spooner et al. 2018, "Market making via reinforcement learning", AAMAS (asymmetric dampening).
    - Moody & Saffell 2001, "Learning to trade via direct reinforcement", IEEE Transactions on
      Neural Networks 12(4) (differential Sharpe ratio).

    ## Version History

    - v0: first release.
    """  # noqa: E501 - a row of a table is one line

    STATE: ClassVar[tuple[str, ...]] = (*state.FIELDS, "lags", "path", "ledger")

    touch: NDArray[np.int64]
    """Best bid and best ask of every row, in ticks: shape ``(num_envs, 2)``."""
    inventory: NDArray[np.int64]
    """Lots held in every row."""

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        reward: str = "positional-pnl",
        window: int = 10,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if reward not in REWARDS:
            raise unknown("reward", str(reward), REWARDS)
        if (
            isinstance(window, bool)
            or not isinstance(window, int)
            or not 1 <= window <= MOST_WINDOW
        ):
            raise InputError(
                f"window must be a whole number from 1 to {MOST_WINDOW}, not {window!r}"
            )
        self._kind = REWARDS[reward]
        kept = autoreset_mode is AutoresetMode.DISABLED
        self._room = _room(pool) if kept else (0, 0)
        self._tapes = state.Tapes()
        self.rows = state.rows(num_envs)
        self.states = state.states(num_envs)
        # Each field of the records is an array of the environment's own.
        for name in state.FIELDS:
            setattr(self, name, self.states[name])
        self.lags = np.zeros((num_envs, window, 2))
        self.path = np.zeros((num_envs, self._room[0], 4))
        self.ledger = np.zeros((num_envs, self._room[1], 4))
        width = kernels.FIXED + 2 * window
        self._set_spaces(
            gymnasium.spaces.Box(-1.0, 1.0, (width,), np.float32),
            gymnasium.spaces.Discrete(kernels.ACTIONS),
        )
        # Compile the kernels now: what is timed later should not pay for it.
        self._advance(np.zeros(num_envs, np.int64), np.zeros(num_envs, np.bool_))

    def _load(self, row: int, instance: Session, rng: np.random.Generator) -> None:
        if self._room[0] and any(
            needed > there for needed, there in zip(_needs(instance), self._room, strict=True)
        ):
            raise ValueError(f"{instance.name} is longer than any session of this batch")
        self.lags[row] = self.path[row] = self.ledger[row] = 0.0
        self.states[row] = np.zeros((), self.states.dtype)
        self.states["order"][row] = NONE
        self._parameters(row, instance)
        if instance.tape is not None:
            self.states["touch"][row] = instance.tape.prices[instance.begin, :, 0]
        else:
            self.states["key"][row] = mix(np.uint64(instance.seed))
            flow.begin(self.rows[row], self.states[row], self.ledger[row])
            self.states["flow"][row] = 0.0

    def _parameters(self, row: int, session: Session) -> None:
        """Write what an instance says into the arrays that kernels read."""
        rules, record = session.rules, self.rows[row]
        for name in ("steps", "repeats", "limit"):
            record[name] = getattr(rules, name)
        record["fees"] = rules.maker_fee, rules.taker_fee
        if session.tape is not None:
            record["tape"] = self._tapes.start(session.tape) + session.begin
            record["levels"] = session.tape.prices.shape[2]
        elif session.flow is not None:
            rates = session.flow
            record["tape"], record["levels"] = -1, LEVELS
            record["rates"] = (
                rates.market_orders, rates.cancellations, rates.bias, rates.flips, rules.interval,
            )  # fmt: skip
            record["ladder"] = rates.ladder

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state."""
        super().restore_state(state)
        for row, session in enumerate(self.instances):
            if session is not None:
                self._parameters(row, session)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        actions = np.asarray(actions, dtype=np.int64)
        if ((actions < 0) | (actions >= kernels.ACTIONS))[active].any():
            raise ValueError(f"actions must lie between 0 and {kernels.ACTIONS - 1}")
        rewards = np.zeros(self.num_envs)
        terminated = ~active
        kernels.advance(
            self.rows,
            self.states,
            self._tapes.arrays,
            self.lags,
            self.path,
            self.ledger,
            actions,
            active,
            self._kind,
            rewards,
            terminated,
        )
        return rewards, terminated, np.zeros(self.num_envs, np.bool_)

    def _observe(self) -> Array:
        width = kernels.FIXED + 2 * self.lags.shape[1]
        observations = np.empty((self.num_envs, width), np.float32)
        kernels.observe(self.rows, self.states, self._tapes.arrays, self.lags, observations)
        return observations

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics listed above."""
        s = self.states[row]
        return {
            "pnl": float(s["cash"] + s["inventory"] * s["touch"].mean()),
            "realised": float(s["realised"]),
            "fees": float(s["fees"]),
            "inventory": float(s["held"] / max(self._decisions(row), 1)),
            "largest_inventory": float(s["largest"]),
            "fills": float(s["fills"]),
            "trades": float(s["trades"]),
            "turnover": float(s["turnover"]),
            "feasible": 1.0,
        }

    def _decisions(self, row: int) -> int:
        return int(self.states["clock"][row]) // int(self.rows["repeats"][row])

    def solution(self, row: int) -> dict[str, Any]:
        """Return the marks at each decision and the ledger of fills.

        Keys: ``best_bid`` and ``best_ask`` before each decision and at the end; ``bid`` and
        ``ask``, one's own orders after each decision, None where there is none; and ``fills``, each
        with ``time`` in book steps (a market order comes at that of its decision), ``side`` 1 for a
        purchase and -1 for a sale, ``price``, ``size`` and ``maker``. Prices are in ticks.
        """
        steps = self._decisions(row)
        path = self.path[row]
        own = [[None if price == NONE else int(price) for price in path[:steps, 2 + side]]
               for side in (BID, ASK)]  # fmt: skip
        ledger = self.ledger[row, : self.states["fills"][row]].astype(np.int64).tolist()
        return {
            "best_bid": path[: steps + 1, BID].astype(np.int64).tolist(),
            "best_ask": path[: steps + 1, ASK].astype(np.int64).tolist(),
            "bid": own[BID],
            "ask": own[ASK],
            "fills": [
                {"time": time, "side": side, "price": price, "size": 1, "maker": bool(maker)}
                for time, side, price, maker in ledger
            ],
        }


def _needs(session: Session) -> tuple[int, int]:
    """Return the most marks and fills of a session."""
    # One order a side and decision; and each lot that a market order closes, an order opened.
    return session.rules.steps + 1, 4 * session.rules.steps


def _room(pool: Pool) -> tuple[int, int]:
    """Return the most marks and fills of any session of the pool."""
    sessions: list[Any] = [pool.largest()] if isinstance(pool, Generator) else list(pool)
    needs = [_needs(session) for session in sessions]
    return max(marks for marks, _ in needs), max(fills for _, fills in needs)
