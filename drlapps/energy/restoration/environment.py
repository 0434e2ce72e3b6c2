"""Service restoration by switching, one operation at a time, batched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.energy.grid.feeder import BASE_KVA
from drlapps.energy.restoration import kernels
from drlapps.energy.restoration.features import FEATURES, LABELS, observe
from drlapps.energy.restoration.outage import TOLERANCE, Configuration, Outage
from drlapps.vector import Array, Generator, Pool, VectorEnvironment


class RestorationEnv(VectorEnvironment):
    """Restore a faulted feeder by naming, again and again, the switch to operate next.

    ## Description

    Branches of a distribution feeder are broken: protection has opened them and they stay locked.
    What lay behind them is in the dark until it is fed another way, through ties that are open in
    normal operation. Every load is to be served that can be, while the feeder stays radial, every
    voltage within limits and every current within its rating. Loads draw constant power, phases
    are balanced, and after each operation an AC power flow says what the feeder supplies.

    A switch is operated at most once in an episode. Which operations are *admissible*:

    - Close a switch between the energised part and a dead one: the dead part is *reconnected*.
    - Close a tie within the energised part: that *makes a loop*, which the very next operation must
      open at another branch (make before break). Until then the power flow counts as unchanged.
    - Open a switch within a dead part, where either half could then be reconnected by itself.
    - While a limit is violated, *shed* a load that has a breaker; where a load that is energised
      has none, open a switch and lose what is behind it.
    - *Finish*, unless a loop must be opened, or a limit is violated and something can be shed.

    ## Observation Space

    ``Box(-10, 10, (e + n + 1, 36), float32)``: a row for each action, the columns in the order of
    :data:`~drlapps.energy.restoration.features.FEATURES`; ``e`` branches and ``n`` buses of the
    largest feeder of the pool. Rows that a smaller feeder does not have are zero. With ``S`` the
    feeder's active load per unit of 1 MVA and ``s(x) = x / (1 + |x|)``; margins are voltages above
    the lower limit, in units of 0.02 per unit.

    | Column | Value |
    |---|---|
    | ``tail``, ``head`` | the ends of a branch, as position of the bus / 512; a bus twice |
    | ``is_branch``, ``is_bus`` | what the row is; neither for finishing |
    | ``admissible`` | 1 if the action is |
    | ``closed`` | 1 if the branch conducts |
    | ``operable`` | 1 if its switch can still be operated |
    | ``locked`` | 1 if it is open and cannot be closed |
    | ``resistance``, ``reactance`` | ``s(5 r S)``, ``s(5 x S)`` |
    | ``current`` | in the branch, per unit, / ``S``; at most 2 |
    | ``reconnects`` | 1 if an operable branch leads from the energised part into a dead one |
    | ``makes_loop`` | 1 if an open branch lies within the energised part |
    | ``pending`` | 1 if it is the tie whose loop must be opened |
    | ``loop`` | 1 if there is such a loop, in all rows |
    | ``end_difference`` | ``s(difference of voltage between the ends)``, in margins |
    | ``known`` | 1 if the next six are, see below |
    | ``load_after`` | increase of the weighted load that is connected and energised |
    | ``margin_after`` | ``s(lowest margin)`` |
    | ``loss_after`` | ``s(20 x`` increase of the losses ``/ S)`` |
    | ``potential_after`` | 5 x increase of the potential (see Rewards), at most 5 |
    | ``below_best`` | ``s(50 x`` how far it stays below the best``)`` |
    | ``is_best`` | 1 if it is the best |
    | ``energised``, ``connected`` | of a bus and of its load |
    | ``active_load``, ``reactive_load`` | ``5 p / S``, ``5 q / S`` |
    | ``worth`` | 5 x share of the weighted load |
    | ``margin`` | ``s(margin)`` of an energised bus |
    | ``path_resistance`` | ``s(5 S x`` resistance from the source``)`` |
    | ``relief`` | ``s(rise of the lowest voltage)`` if the load is shed, by LinDistFlow |
    | ``relief_per_worth`` | that rise per tenth of the weighted load, squashed |
    | ``dark_worth`` | share of the weighted load in the dark, in all rows |
    | ``load_served`` | the metric so far, in all rows |
    | ``worst_margin`` | ``s(lowest margin)``, in all rows |
    | ``budget`` | operations left / 10, at most 1, in all rows |

    The columns from ``load_after`` to ``is_best`` are what a rough AC power flow says of the state
    that operating a switch leads to; of a tie that makes a loop, of the state once that branch is
    opened which would carry the least current in the loop (Shirmohammadi and Hong 1989).

    ## Action Space

    ``Discrete(e + n + 1)``: action ``k < e`` operates the switch of branch ``k``, action ``e + i``
    sheds the load of bus ``i``, and the last one finishes. ``action_masks()`` returns the
    admissible ones, bool ``(num_envs, e + n + 1)``; in a row whose episode has ended it admits
    all. The mask advises: an inadmissible action finishes or, where a loop must be opened, opens
    its first branch that can be. So every sequence of actions leaves the feeder radial.

    ## Rewards

    The increase of the potential, minus 0.002 for each operated switch. The potential is the share
    of the weighted load that is connected and energised, minus twice the greatest excess over a
    voltage limit plus a tenth of that over a rating (together at most 0.1), minus 0.05 x the losses
    as a share of the load. Finishing with a limit violated costs 0.5 and the load that is supplied
    beyond limits: on the way to a good state limits may be violated, at its end not.

    ## Starting State

    Protection has opened the faulted branches; all loads are connected. The instance is drawn from
    the pool, or named by ``options={"instances": [...]}``. Nothing else is random.

    ## Episode End

    Terminated by finishing, which is all that is admissible once ``max_operations`` are done;
    never truncated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where instances come from; its largest one sets ``e`` and ``n``.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    All by AC power flow of the final state; a power flow without a solution is a voltage collapse
    and counts as all voltages zero.

    - ``load_served``: share of the weighted load that is connected, energised, at a voltage within
      limits and fed through no overloaded branch; higher is better.
    - ``voltage_violation``: greatest excess of an energised bus over a voltage limit, per unit.
    - ``overload``: greatest excess of a current over its rating, as a share of the rating.
    - ``switch_operations``: switches whose position differs from that after the fault.
    - ``shed_kw``: active load that breakers have disconnected, in kW.
    - ``loss_kw``: active power lost in branches, in kW.
    - ``min_voltage``: lowest voltage of an energised bus, per unit.
    - ``feasible``: 1 if no limit is violated.

    ## References

    - Baran & Wu 1989, "Network reconfiguration in distribution systems for loss reduction and load
      balancing", IEEE Transactions on Power Delivery 4(2), for the feeder and the power flow.
    - Shirmohammadi & Hong 1989, "Reconfiguration of electric distribution networks for resistive
      line losses reduction", IEEE Transactions on Power Delivery 4(2).
    - Zhao et al. 2024, "Exploring a physics-informed decision transformer for distribution system
      restoration", arXiv:2407.00808, for one switch an action.

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = kernels.State._fields

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        n, e = _capacity(pool)
        self._allocate(n, e)
        self._state = kernels.State(*(getattr(self, name) for name in self.STATE))
        self._room: kernels.Room = (np.zeros(n), np.zeros(n), np.zeros(n, np.int64))
        self._work = np.zeros((8, n))
        self._index = np.zeros((3, n), np.int64)
        self._positions = np.zeros(e, np.bool_)
        self._seen: Array = np.zeros((*self.mask.shape, len(FEATURES)), np.float32)
        # Observations are dear: only rows that have changed are described anew.
        self._stale = np.ones(num_envs, np.bool_)
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (e + n + 1, len(FEATURES)), np.float32),
            gymnasium.spaces.Discrete(e + n + 1),
        )
        self._compile()

    def _allocate(self, n: int, e: int) -> None:
        """Make the arrays of the state for so many buses and branches."""
        b = self.num_envs
        self.n_bus = np.zeros(b, np.int64)
        self.n_branch = np.zeros(b, np.int64)
        self.root = np.zeros(b, np.int64)
        self.limit = np.zeros(b, np.int64)
        self.pending = np.zeros(b, np.int64)
        self.operations = np.zeros(b, np.int64)
        self.supplied = np.zeros(b, np.int64)
        self.source_voltage = np.zeros(b)
        self.min_voltage = np.zeros(b)
        self.max_voltage = np.zeros(b)
        self.load_served = np.zeros(b)
        self.supply = np.zeros(b)
        self.excess = np.zeros(b)
        self.overload = np.zeros(b)
        self.loss = np.zeros(b)
        self.ended = np.zeros(b, np.bool_)
        self.tail = np.zeros((b, e), np.int64)
        self.head = np.zeros((b, e), np.int64)
        self.r = np.zeros((b, e))
        self.x = np.zeros((b, e))
        self.rating = np.zeros((b, e))
        self.operable = np.zeros((b, e), np.bool_)
        self.start = np.zeros((b, e), np.bool_)
        self.conducts = np.zeros((b, e), np.bool_)
        self.moved = np.zeros((b, e), np.bool_)
        self.order = np.zeros((b, n), np.int64)
        self.parent = np.zeros((b, n), np.int64)
        self.feeding = np.zeros((b, n), np.int64)
        self.depth = np.zeros((b, n), np.int64)
        self.p = np.zeros((b, n))
        self.q = np.zeros((b, n))
        self.worth = np.zeros((b, n))
        self.real = np.zeros((b, n))
        self.imaginary = np.zeros((b, n))
        self.current_real = np.zeros((b, n))
        self.current_imaginary = np.zeros((b, n))
        self.voltage = np.zeros((b, n))
        self.sheddable = np.zeros((b, n), np.bool_)
        self.connected = np.zeros((b, n), np.bool_)
        self.energised = np.zeros((b, n), np.bool_)
        self.first = np.zeros((b, n + 1), np.int64)
        self.neighbour = np.zeros((b, 2 * e), np.int64)
        self.through = np.zeros((b, 2 * e), np.int64)
        self.log = np.zeros((b, e + n), np.int64)
        self.served = np.zeros((b, e + n + 1))
        self.mask = np.zeros((b, e + n + 1), np.bool_)

    def _compile(self) -> None:
        """Compile the kernels now: what is timed later should not pay for it."""
        nobody = np.zeros(self.num_envs, np.bool_)
        self.ended[:] = True
        self._advance(np.zeros(self.num_envs, np.int64), nobody)
        self._observe()
        self.ended[:] = False

    def _load(self, row: int, instance: Outage, rng: np.random.Generator) -> None:
        a = instance.feeder.arrays
        n, e = len(a.p), len(a.tail)
        if n > self.p.shape[1] or e > self.r.shape[1]:
            raise ValueError(
                f"{instance.name} ({n} buses, {e} branches) is larger than this batch's pool"
            )
        self.n_bus[row], self.n_branch[row], self.root[row] = n, e, instance.feeder.root
        for name in ("tail", "head", "r", "x", "rating"):
            getattr(self, name)[row, :e] = getattr(a, name)
        self.first[row, : n + 1] = a.first
        self.neighbour[row, : 2 * e] = a.neighbour
        self.through[row, : 2 * e] = a.through
        self.p[row] = self.q[row] = self.worth[row] = 0.0
        self.p[row, :n], self.q[row, :n] = instance.p, instance.q
        self.worth[row, :n], self.sheddable[row, :n] = instance.worth, a.sheddable
        self.operable[row] = self.start[row] = self.conducts[row] = self.moved[row] = False
        self.operable[row, :e], self.start[row, :e] = instance.operable, instance.start
        self.conducts[row, :e] = instance.start
        self.connected[row] = True
        self.source_voltage[row] = instance.feeder.source_voltage
        self.min_voltage[row], self.max_voltage[row] = instance.min_voltage, instance.max_voltage
        limit = instance.max_operations
        self.limit[row] = e + n if limit is None else min(limit, e + n)
        self.pending[row] = -1
        self._stale[row] = True
        self.operations[row] = 0
        self.ended[row] = False
        self.energised[row] = False
        self.voltage[row] = 0.0
        kernels.start_row(self._state, row, self._room)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        rewards = np.zeros(self.num_envs)
        self._stale |= active
        kernels.advance(self._state, actions.astype(np.int64), active, self._room, rewards)
        return rewards, self.ended.copy(), np.zeros(self.num_envs, np.bool_)

    def _observe(self) -> Array:
        observe(self._state, self._stale, self._work, self._index, self._positions, self._seen)
        self._stale[:] = False
        return self._seen.copy()

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state."""
        super().restore_state(state)
        self._stale[:] = True

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the admissible actions, shape ``(num_envs, e + n + 1)``."""
        return self.mask.copy()

    def configuration(self, row: int) -> Configuration:
        """Return the row's positions."""
        n, e = self.n_bus[row], self.n_branch[row]
        return Configuration(self.conducts[row, :e].copy(), self.connected[row, :n].copy())

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics of the class's description."""
        energised = self.energised[row]
        shed = self.p[row, ~self.connected[row]].sum()
        excess, overload = float(self.excess[row]), float(self.overload[row])
        return {
            # Shares of buses sum to 1 up to rounding.
            "load_served": min(float(self.load_served[row]), 1.0),
            "voltage_violation": excess if excess > TOLERANCE else 0.0,
            "overload": overload if overload > TOLERANCE else 0.0,
            "switch_operations": float((self.conducts[row] != self.start[row]).sum()),
            "shed_kw": float(shed * BASE_KVA),
            "loss_kw": float(self.loss[row] * BASE_KVA),
            "min_voltage": float(self.voltage[row, energised].min()),
            "feasible": float(excess <= TOLERANCE and overload <= TOLERANCE),
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the operations and what they end in.

        ``operations``: ``[kind, name]`` of each, ``kind`` one of ``close``, ``open``, ``shed``;
        ``load_served``: before the first and after each; ``open_lines`` and ``shed``: names;
        ``voltage``: of each bus, 0 in the dark.
        """
        feeder, e = self.instances[row].feeder, self.r.shape[1]
        count = int(self.operations[row])
        names = [branch.name for branch in feeder.branches]
        buses = [bus.name for bus in feeder.buses]
        operations = []
        for action in self.log[row, :count]:
            if action >= e:
                operations.append(["shed", buses[action - e]])
            else:
                operations.append(["open" if self.start[row, action] else "close", names[action]])
        closed, connected = self.configuration(row)
        return {
            "operations": operations,
            "load_served": self.served[row, : count + 1].tolist(),
            "open_lines": [name for name, on in zip(names, closed, strict=True) if not on],
            "shed": [name for name, on in zip(buses, connected, strict=True) if not on],
            "voltage": self.voltage[row, : len(buses)].tolist(),
        }


def _capacity(pool: Pool) -> tuple[int, int]:
    """Return the most buses and branches of any instance of the pool.

    Raises:
        ValueError: there are more buses than observations have labels for.
    """
    outages: list[Any] = [pool.largest()] if isinstance(pool, Generator) else list(pool)
    n = max(len(outage.feeder.buses) for outage in outages)
    if n > 10 * LABELS:
        raise ValueError(f"feeders of more than {10 * LABELS:.0f} buses are too large, not {n}")
    return n, max(len(outage.feeder.branches) for outage in outages)
