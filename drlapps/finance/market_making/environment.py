"""Market making as a Markov decision process, batched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown
from drlapps.finance.market_making import kernels
from drlapps.finance.market_making.session import Session
from drlapps.finance.market_making.tables import MarketTables
from drlapps.vector import Array, Generator, Pool, VectorEnvironment

TICK = 0.25
"""Distance between two levels of the discrete actions, in units of ``1/kappa``."""

_REWARDS = ("expected", "realised")


class MarketMakingEnv(VectorEnvironment):
    """Quote a bid and an ask around a random mid-price, step by step, within inventory limits.

    ## Description

    The dealer's problem of Avellaneda and Stoikov in discrete time, with the objective of Cartea
    and Jaimungal; see :mod:`drlapps.finance.market_making` for the formulas. In a step of length
    ``dt`` from mid-price ``S`` with inventory ``q``:

    1. The policy sets half-spreads ``delta_b`` and ``delta_a``, each in ``[0, 10/kappa]``. At
       ``q = Q`` no bid is quoted, at ``q = -Q`` no ask.
    2. Each quote fills, for one unit, with its own probability: ``1 - exp(-m e^(-kappa delta))``
       (``poisson``) or ``min(m, 1) e^(-kappa delta)`` (``bernoulli``), ``m = lambda dt``. Both may
       fill. A purchase costs ``S - delta_b``, a sale brings ``S + delta_a``.
    3. The inventory after the fills is held over the step: it is charged ``phi q^2 dt``, and ``S``
       moves by ``sigma sqrt(dt)`` times a normal draw.
    4. With Hawkes arrivals, excess intensities decay by ``e^(-beta dt)`` and rise with the orders
       that came; the rise is what is left, on average, of a jump somewhere within the step, so that
       the stationary mean is exactly that of the process in continuous time.

    What is left at the end is charged ``alpha q^2`` and marked at the mid.

    ## Observation Space

    ``Box(-10, 10, (11,), float32)``; ``s(x) = x / (1 + x)``, ``left`` is the time to go:

    | Index | Value |
    |---|---|
    | 0 | ``q / Q`` |
    | 1 | ``left / T`` |
    | 2 | ``w q`` in [-10, 10], ``w = sqrt(e phi kappa / lambda)``: the tilt far from the end |
    | 3 | ``tanh(r left)``, ``r = 2 sqrt(phi kappa lambda / e)``: how far the end is |
    | 4 | ``2 alpha kappa q`` in [-10, 10]: what one unit more would cost at the end |
    | 5 | ``s(lambda_b dt)``, intensity of the orders that hit the bid |
    | 6 | ``s(lambda_a dt)``, of those that hit the ask |
    | 7 | ``s(w)`` |
    | 8 | ``s(alpha kappa)`` |
    | 9 | ``s(r dt)`` |
    | 10 | 1 if fills are ``poisson``, 0 if ``bernoulli`` |

    All are free of units: one agent can serve markets of any price and pace. The mid-price is left
    out, as its past says nothing of its future. ``lambda`` in ``w`` and ``r`` is the mean.

    ## Action Space

    ``Box(-1, 9, (2,), float32)``: ``kappa delta - 1`` of bid and ask. At 0 a quote is ``1/kappa``
    from the mid, the best for one who minds no inventory; at -1 it is at the mid.

    With ``ticks = n`` it is ``Discrete(n * n)``: action ``i n + j`` is the bid ``i / (4 kappa)``
    and the ask ``j / (4 kappa)`` from the mid.

    ## Rewards

    ``kappa`` times the expected increase of the objective, given state and action, minus what the
    two sides could earn in the step if inventory did not matter. The price, a martingale, and the
    luck of the fills drop out; the subtracted part no action can change. With ``reward =
    "realised"`` the increase that happened, price moves included, minus the same.

    ## Starting State

    Time 0, no cash, the session's inventory (0 in all fixed pools but ``unwind``), intensities at
    their base (of a Hawkes process: at their stationary mean). A session drawn from the train pool
    starts at a random inventory, up to what tilts the quotes by ``2/kappa``.

    ## Episode End

    Terminated after ``N`` steps; never truncated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where sessions come from.
    - ``reward``: ``expected`` or ``realised``.
    - ``ticks``: 0 for continuous half-spreads, else the number of levels a side.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of.

    ## Metrics

    Money is in units of the price.

    - ``value``: the policy's value estimated on this path, with the exact martingale control
      variate; higher is better, and never above the optimum.
    - ``objective``: what was realised: ``pnl`` minus penalties.
    - ``pnl``: change of cash plus inventory at the mid.
    - ``spread``: mean quoted spread over the steps in which both sides were open.
    - ``inventory``: units left at the end. ``largest_inventory``: the most, long or short.
    - ``fills``: number of trades.
    - ``feasible``: 1, as the limits are kept by force.

    ## References

    - Avellaneda & Stoikov 2008, "High-frequency trading in a limit order book", Quantitative
      Finance 8(3).
    - Cartea, Jaimungal & Penalva 2015, "Algorithmic and High-Frequency Trading", ch. 10.
    - Hawkes 1971, "Spectra of some self-exciting and mutually exciting point processes",
      Biometrika 58(1).

    ## Version History

    - v0: first release.
    """

    # The numbers of the markets depend on the batch's history; they follow from the instances.
    STATE: ClassVar[tuple[str, ...]] = tuple(
        name for name in kernels.State._fields if name != "market"
    )

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        reward: str = "expected",
        ticks: int = 0,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if reward not in _REWARDS:
            raise unknown("reward", str(reward), _REWARDS)
        if isinstance(ticks, bool) or not isinstance(ticks, int) or not 0 <= ticks <= 41:
            raise InputError(f"ticks must be a whole number from 0 to 41, not {ticks!r}")
        self.reward = reward
        self.ticks = ticks
        self._tables = MarketTables()
        longest = _longest(pool) if autoreset_mode is AutoresetMode.DISABLED else 0
        self.market = np.zeros(num_envs, np.int64)
        self.key = np.zeros(num_envs, np.uint64)
        self.step_index = np.zeros(num_envs, np.int64)
        self.inventory = np.zeros(num_envs, np.int64)
        self.mid = np.zeros(num_envs)
        self.cash = np.zeros(num_envs)
        self.intensity = np.zeros((num_envs, 2))
        self.penalties = np.zeros(num_envs)
        self.value = np.zeros(num_envs)
        self.quoted = np.zeros(num_envs)
        self.two_sided = np.zeros(num_envs, np.int64)
        self.fills = np.zeros(num_envs, np.int64)
        self.largest = np.zeros(num_envs, np.int64)
        self.path = np.zeros((num_envs, longest, 7))
        self._state = kernels.State(*(getattr(self, name) for name in kernels.State._fields))
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (kernels.FEATURES,), np.float32),
            gymnasium.spaces.Discrete(ticks * ticks)
            if ticks
            else gymnasium.spaces.Box(-1.0, kernels.FARTHEST - 1.0, (2,), np.float32),
        )
        # Compile the kernel now: what is timed later should not pay for it.
        self._advance(self.action_space.sample(), np.zeros(num_envs, np.bool_))

    def _load(self, row: int, instance: Session, rng: np.random.Generator) -> None:
        market = instance.market
        if 0 < self.path.shape[1] < market.steps:
            raise ValueError(f"{instance.name} has more steps than any session of this batch")
        self.market[row] = number = self._tables.number(market)
        start = self._tables.parameters.table[number] + market.limit + instance.inventory
        self.value[row] = self._tables.values[start]
        self.key[row] = kernels.mix(np.uint64(instance.seed))
        self.inventory[row] = instance.inventory
        self.largest[row] = abs(instance.inventory)
        self.mid[row] = market.price
        self.intensity[row] = market.mean_intensity
        self.step_index[row] = self.fills[row] = self.two_sided[row] = 0
        self.cash[row] = self.penalties[row] = self.quoted[row] = 0.0
        self.path[row] = 0.0

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state."""
        super().restore_state(state)
        for row, session in enumerate(self.instances):
            if session is not None:
                self.market[row] = self._tables.number(session.market)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        distances = self._distances(actions)
        if np.isnan(distances[active]).any():
            raise ValueError("quotes must be numbers, not NaN")
        rewards = np.zeros(self.num_envs)
        terminated = ~active
        kernels.advance(
            self._tables.parameters,
            self._state,
            distances,
            active,
            self._tables.values,
            self.reward == "expected",
            rewards,
            terminated,
        )
        return rewards, terminated, np.zeros(self.num_envs, np.bool_)

    def _distances(self, actions: Array) -> NDArray[np.float64]:
        """Return the half-spreads that actions mean, in units of ``1/kappa``."""
        if self.ticks:
            return TICK * np.stack(np.divmod(actions, self.ticks), axis=1).astype(np.float64)
        return 1.0 + actions.astype(np.float64)

    def actions_for(self, half_spreads: NDArray[np.float64]) -> Array:
        """Return the actions whose half-spreads come closest to those wanted.

        Args:
            half_spreads: of bid and ask in price, shape ``(num_envs, 2)``.
        """
        distances = half_spreads * self._tables.parameters.decay[self.market, None]
        if self.ticks:
            levels = np.clip(np.rint(distances / TICK), 0, self.ticks - 1).astype(np.int64)
            return np.asarray(levels[:, 0] * self.ticks + levels[:, 1])
        return np.asarray(np.clip(distances, 0.0, kernels.FARTHEST) - 1.0)

    def _observe(self) -> Array:
        observations = np.empty((self.num_envs, kernels.FEATURES), np.float32)
        kernels.observe(self._tables.parameters, self._state, observations)
        return observations

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics listed above."""
        session, units = self.instances[row], int(self.inventory[row])
        worth = self.cash[row] + units * self.mid[row]
        pnl = float(worth - session.inventory * session.market.price)
        penalties = self.penalties[row] + session.market.terminal_penalty * units**2
        return {
            "value": float(self.value[row]),
            "objective": pnl - float(penalties),
            "pnl": pnl,
            "spread": float(self.quoted[row] / max(self.two_sided[row], 1)),
            "inventory": float(units),
            "largest_inventory": float(self.largest[row]),
            "fills": float(self.fills[row]),
            "feasible": 1.0,
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the path: a number a step under each key, and the mid-price before it all.

        Keys: ``bid`` and ``ask`` (half-spreads in price), ``hit_bid`` and ``hit_ask`` (whether a
        market order came), ``bought`` and ``sold`` (whether it filled), ``mid`` (one number more).
        """
        path = self.path[row, : self.step_index[row]]
        bid, ask, hit_bid, hit_ask, bought, sold, mid = path.T.tolist()
        flags = {"hit_bid": hit_bid, "hit_ask": hit_ask, "bought": bought, "sold": sold}
        return {
            "bid": bid,
            "ask": ask,
            **{name: [int(flag) for flag in column] for name, column in flags.items()},
            "mid": [self.instances[row].market.price, *mid],
        }


def _longest(pool: Pool) -> int:
    """Return the most steps of any session of the pool."""
    sessions: list[Any] = [pool.largest()] if isinstance(pool, Generator) else list(pool)
    return int(max(session.market.steps for session in sessions))
