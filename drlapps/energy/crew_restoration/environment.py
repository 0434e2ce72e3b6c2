"""Sending repair crews as a Markov decision process, batched."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.energy.crew_restoration import dynamics
from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.features import FEATURES, observe
from drlapps.energy.crew_restoration.kernels import REPAIRED, WAITING
from drlapps.vector import Array, Generator, Pool, VectorEnvironment

_ENTRIES = 4096
"""Sets of repaired lines whose dark load a row remembers."""
_LEAST_SCALE = 0.2
"""Least scale of an instance, as a share of the harm of Horn's list schedule without ties."""


class CrewRestorationEnv(VectorEnvironment):
    """Send the crew that is free first to a damaged line, again and again.

    ## Description

    A radial feeder with ``d`` damaged lines falls into ``d + 1`` blocks of buses; block ``b`` has
    the weighted load ``w_b`` (kW times importance), and only that of the source is energised.
    ``m`` equal crews start at a base. A crew travels to a line, repairs it in its ``p_l`` hours and
    is free again; it never waits and never interrupts a repair. When all crews are under way, time
    passes until one is free; of several that are free at once the first one is sent.

    A block is energised when all damaged lines on its way from the source are repaired; lines may
    be repaired in any order. Where the instance allows *switching*, ties feed dark blocks another
    way meanwhile: at the start and after each repair the positions of all switches follow from the
    set of repaired lines by the rule of :mod:`~drlapps.energy.crew_restoration.switching`, under
    the limits of an AC power flow. Switching takes no time and is no decision.

    ## Observation Space

    ``Box(-10, 10, (d, 26), float32)``: a row for each damaged line of the largest instance of the
    pool, its columns in the order of
    :data:`~drlapps.energy.crew_restoration.features.FEATURES`. Rows of repaired lines, and of
    lines that a smaller instance does not have, are zero.

    ``u`` is the mean time to repair a line of the instance, ``W`` the weighted load that the damage
    has cut off, ``now`` the time at which the crew is free, ``s(x) = x / (1 + |x|)``. A line is
    *waiting*, under repair, or repaired. The *rollout* of a waiting line is the harm that results
    when the crew goes there and all other lines follow by Horn's sequence or, if ties may be closed
    and that does less harm, by falling ``gain_rate``, then ``need`` per hour; ``H`` is that of
    Horn's sequence from the start, with ties or, if it is more, a fifth of that without. In rates
    and ρ-factors the way of the free crew counts as part of the time.

    | Column | Value |
    |---|---|
    | ``unrepaired`` | 1 |
    | ``waiting`` | 1 if a crew can be sent there, 0 if one is there |
    | ``head`` | 1 if no line between it and the source waits |
    | ``hours`` | ``s(p_l / u)`` |
    | ``hours_left`` | ``s(hours left of the repair under way / u)`` |
    | ``travel`` | ``s(way of the free crew / u)`` |
    | ``nearest_other`` | ``s(way to the nearest other waiting line / u)`` |
    | ``own_load`` | dark load of the block below it ``/ W`` |
    | ``subtree_load`` | dark load of all blocks below it ``/ W`` |
    | ``subtree_hours`` | hours of the waiting lines from it on downwards / those of all |
    | ``hours_above`` | ``s(hours of the waiting lines between it and the source / u)`` |
    | ``wait_above`` | ``s(time until those under repair there are done / u)`` |
    | ``gain`` | load that it would energise, all repairs under way being done, ``/ W`` |
    | ``gain_rate`` | gain per hour / the best of any waiting line |
    | ``need`` | load that would stay dark if all lines but this were repaired ``/ W`` |
    | ``rho`` | ρ-factor: most dark load per hour of a subtree that begins there / the best |
    | ``place`` | in Horn's sequence of the waiting lines, 0 first, to 1 |
    | ``rollout_over_best`` | ``s(100 (rollout - the least of any waiting line) / H)`` |
    | ``rollout_over_estimate`` | ``s(100 (rollout - harm of Horn's sequence) / H)`` |
    | ``next_crew_gap`` | ``s(time until the next crew is free / u)`` |
    | ``mean_crew_gap`` | ``s(time until the others are, on average / u)`` |
    | ``lines_left`` | share of the lines that wait |
    | ``lines_per_crew`` | ``s(waiting lines / m - 1)`` |
    | ``hours_per_crew`` | ``s(their hours / (m u) - 1)`` |
    | ``dark`` | dark load ``/ W`` |
    | ``switching`` | 1 if ties may be closed |

    Columns from ``travel`` to ``nearest_other`` and from ``gain`` to ``rollout_over_estimate`` are
    0 for a line under repair.

    ## Action Space

    ``Discrete(d)``: the line to which the free crew is sent. ``action_masks()`` returns the waiting
    lines, bool ``(num_envs, d)``; in a row whose episode has ended it admits all. The action of a
    line that does not wait falls through to the next that does (after the last comes line 0), so
    that every sequence of actions repairs everything.

    ## Rewards

    Percent by which the decision changes the estimate of the final harm: ``100 (before - after) /
    H``, where the estimate is the harm of going on by Horn's sequence, at the end the harm itself.
    Mostly the rewards of an episode sum to the percentage by which Horn's list schedule is beaten.
    They are for training; results are reported as harm.

    ## Starting State

    All damaged lines wait, all crews are at the base, and the source's block is energised, with
    what ties can feed. The instance is drawn from the pool, or named by ``options={"instances":
    [...]}``. Nothing else is random.

    ## Episode End

    Terminated when a crew has been sent to the last line, after ``d`` steps; the repairs under way
    are then completed. Never truncated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where instances come from; its largest one sets ``d``.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``harm``: weighted energy not served until all is repaired, in weighted kWh; lower is better.
    - ``mean_outage_h``: the same per weighted load that the damage cut off, in hours.
    - ``makespan_h``: when the last line is repaired, in hours.
    - ``switch_operations``: closings and openings of ties.
    - ``feasible``: 1, as every complete schedule is.

    ## References

    - Tan et al. 2019, "Scheduling post-disaster repairs in electricity distribution networks", IEEE
      Transactions on Power Systems 34(4), arXiv:1702.08382.
    - Horn 1972, "Single-machine job sequencing with treelike precedence ordering and linear delay
      penalties", SIAM Journal on Applied Mathematics 23(2).
    - Bertsekas, Tsitsiklis & Wu 1997, "Rollout algorithms for combinatorial optimization", Journal
      of Heuristics 3, for the lookahead of the observation.

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = (*dynamics.State._fields, *dynamics.Circuit._fields)

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        b, (d, k, m, n, e) = num_envs, _capacity(pool)
        self.lines = np.ones(b, np.int64)
        self.ties = np.zeros(b, np.int64)
        self.crews = np.ones(b, np.int64)
        self.hours = np.ones((b, d))
        self.travel = np.zeros((b, d + 1, d + 1))
        self.upper = np.zeros((b, d), np.int64)
        self.weight = np.zeros((b, d + 1))
        self.tie_ends = np.zeros((b, k, 2), np.int64)
        self.scale = np.ones(b)
        self.status = np.full((b, d), WAITING)
        self.begin = np.zeros((b, d))
        self.end = np.zeros((b, d))
        self.crew = np.zeros((b, d), np.int64)
        self.free = np.zeros((b, m))
        self.site = np.zeros((b, m), np.int64)
        self.lit = np.zeros((b, d + 1), np.bool_)
        self.now = np.zeros(b)
        self.harm = np.zeros(b)
        self.estimate = np.zeros(b)
        self.left = np.zeros(b, np.int64)
        self.events = np.zeros(b, np.int64)
        self.event_time = np.zeros((b, d + 1))
        self.conducts = np.zeros((b, d + 1, d + k), np.bool_)
        self.branch = np.zeros((b, d + k), np.int64)
        self.min_voltage = np.zeros(b)
        self.root = np.zeros(b, np.int64)
        self.source_voltage = np.ones(b)
        self.first = np.zeros((b, n + 1), np.int64)
        self.neighbour = np.zeros((b, 2 * e), np.int64)
        self.through = np.zeros((b, 2 * e), np.int64)
        self.r = np.zeros((b, e))
        self.x = np.zeros((b, e))
        self.rating = np.zeros((b, e))
        self.p = np.zeros((b, n))
        self.q = np.zeros((b, n))
        self.intact = np.zeros((b, e), np.bool_)
        entries = _ENTRIES if k else 1
        self._memory = dynamics.Memory(
            np.zeros((b, entries), np.uint64), np.zeros((b, entries), np.float64)
        )
        arrays = {name: getattr(self, name) for name in self.STATE}
        self._state = dynamics.State(*(arrays[name] for name in dynamics.State._fields))
        self._circuit = dynamics.Circuit(*(arrays[name] for name in dynamics.Circuit._fields))
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (d, len(FEATURES)), np.float32),
            gymnasium.spaces.Discrete(d),
        )

        # Compile the kernels now: what is timed later should not pay for it.
        self._advance(np.zeros(b, np.int64), np.zeros(b, np.bool_))
        self._observe()

    def _load(self, row: int, instance: Damage, rng: np.random.Generator) -> None:
        blocks, a = instance.blocks, instance.feeder.arrays
        d, k = len(instance.lines), len(blocks.ties)
        n, e = (len(a.p), len(a.tail)) if instance.switching else (0, 0)
        room = [array.shape[1] for array in (self.hours, self.tie_ends, self.free, self.p, self.r)]
        if any(size > most for size, most in zip((d, k, instance.crews, n, e), room, strict=True)):
            raise ValueError(f"{instance.name} is larger than this batch's pool")
        for name in self.STATE:
            getattr(self, name)[row] = 0
        self.lines[row], self.crews[row] = d, instance.crews
        self.hours[row, :d] = instance.hours
        self.travel[row, : d + 1, : d + 1] = instance.travel_hours
        self.upper[row, :d] = blocks.upper
        self.weight[row, : d + 1] = blocks.weight
        self.tie_ends[row, :k] = blocks.tie_ends
        self.left[row] = d
        if instance.switching:
            self._load_circuit(row, instance)
        # Ties that no limit keeps open may leave nothing dark.
        least = max(_LEAST_SCALE * self._estimate(row), 1e-9)
        self.ties[row] = k
        self._memory.key[row] = 0
        dynamics.start(self._state, self._circuit, row)
        self.estimate[row] = self._estimate(row)
        self.scale[row] = max(self.estimate[row], least)

    def _estimate(self, row: int) -> float:
        return dynamics.estimate(self._state, self._circuit, self._memory, row)

    def _load_circuit(self, row: int, instance: Damage) -> None:
        feeder, a = instance.feeder, instance.feeder.arrays
        n, e = len(a.p), len(a.tail)
        lines, ties = np.array(instance.lines), instance.blocks.ties
        self.branch[row, : len(lines) + len(ties)] = np.concatenate([lines, ties])
        self.min_voltage[row] = instance.min_voltage
        self.root[row], self.source_voltage[row] = feeder.root, feeder.source_voltage
        self.first[row] = len(a.neighbour)  # padding has no neighbours
        self.first[row, : n + 1] = a.first
        self.neighbour[row, : 2 * e], self.through[row, : 2 * e] = a.neighbour, a.through
        self.r[row, :e], self.x[row, :e], self.rating[row, :e] = a.r, a.x, a.rating
        self.p[row, :n], self.q[row, :n] = a.p, a.q
        self.intact[row, :e] = a.closed
        self.intact[row, lines] = False

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        rewards = np.zeros(self.num_envs)
        terminated = ~active
        dynamics.advance(
            self._state, self._circuit, self._memory, np.asarray(actions, np.int64), active,
            rewards, terminated,
        )  # fmt: skip
        return rewards.astype(np.float32), terminated, np.zeros(self.num_envs, np.bool_)

    def _observe(self) -> Array:
        observations = np.empty((*self.hours.shape, len(FEATURES)), np.float32)
        observe(self._state, self._circuit, self._memory, observations)
        return observations

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which lines wait for a crew, shape ``(num_envs, d)``."""
        exists = np.arange(self.hours.shape[1]) < self.lines[:, None]
        masks: NDArray[np.bool_] = (self.status == WAITING) & exists
        # An ended row admits anything: it ignores its action, and a policy must be able to act.
        masks[self.left == 0] = True
        return masks

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state; what was remembered of other feeders is forgotten."""
        super().restore_state(state)
        self._memory.key[:] = 0

    def outcomes(self, row: int, orders: Array) -> NDArray[np.float64]:
        """Return the harm at the end of going on, in one row, by each of several lists of lines.

        Args:
            row: whose state is the start; it does not change.
            orders: the waiting lines in the order in which free crews are sent, (i, d).
        """
        found = np.empty(len(orders))
        dynamics.outcomes(
            self._state, self._circuit, self._memory, row, np.full(len(orders), -1),
            np.ascontiguousarray(orders, np.int64), found,
        )  # fmt: skip
        return found

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics that the class describes."""
        d, k = self.lines[row], self.ties[row]
        cut_off = self.weight[row, 1:].sum()
        ties = np.zeros((self.events[row] + 1, k), np.int64)
        ties[1:] = self.conducts[row, : self.events[row], d : d + k]
        return {
            "harm": float(self.harm[row]),
            "mean_outage_h": float(self.harm[row] / cut_off) if cut_off > 0 else 0.0,
            "makespan_h": float(self.end[row, :d].max()),
            "switch_operations": float(np.abs(np.diff(ties, axis=0)).sum()),
            "feasible": float((self.status[row, :d] == REPAIRED).all()),
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return who repairs what and when, and which branches conduct when.

        ``{"repairs": [{"line", "crew", "start", "end"}, ...], "positions": [{"time", "closed",
        "opened"}, ...]}``: lines by name in the order in which crews were sent, crews from 1, times
        in hours; branches by name that change their position at a time.
        """
        instance: Damage = self.instances[row]
        d = int(self.lines[row])
        names = [*instance.line_names]
        names += [instance.feeder.branches[tie].name for tie in instance.blocks.ties]
        repairs = [
            {
                "line": names[line],
                "crew": int(self.crew[row, line]) + 1,
                "start": float(self.begin[row, line]),
                "end": float(self.end[row, line]),
            }
            for line in np.argsort(self.begin[row, :d], kind="stable")
        ]
        closed = np.zeros((self.events[row] + 1, len(names)), np.bool_)
        closed[1:] = self.conducts[row, : self.events[row], : len(names)]
        positions = [
            {
                "time": float(time),
                "closed": [names[edge] for edge in np.flatnonzero(after & ~before)],
                "opened": [names[edge] for edge in np.flatnonzero(before & ~after)],
            }
            for time, (before, after) in zip(
                self.event_time[row, : self.events[row]], pairwise(closed), strict=True
            )
        ]
        return {"repairs": repairs, "positions": positions}


def _capacity(pool: Pool) -> tuple[int, int, int, int, int]:
    """Return the most damaged lines, ties, crews, buses and branches of any instance of the pool.

    Feeders without switching need no power flow, so their size does not count.
    """
    found: list[Any] = [pool.largest()] if isinstance(pool, Generator) else list(pool)
    circuits = [damage.feeder for damage in found if damage.switching]
    return (
        max(len(damage.lines) for damage in found),
        max(len(damage.blocks.ties) for damage in found),
        max(damage.crews for damage in found),
        max((len(feeder.buses) for feeder in circuits), default=0),
        max((len(feeder.branches) for feeder in circuits), default=0),
    )
