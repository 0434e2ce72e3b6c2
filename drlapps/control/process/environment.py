"""A process under constraints as a Markov decision process, batched.

What a controller reads of a :class:`ProcessEnv` ``env`` beside the observations; it must change
none of it. ``B`` rows, ``n`` states, ``m`` inputs:

* ``env.measured()``: the states as they are measured, (B, n).
* ``env.targets()``: the references of the states now, (B, n).
* ``env.instances[row].belief``: the process as controllers know it.
* ``env.actions_for(inputs (B, m))``: the actions that set these inputs.
* ``env.horizon``: steps that controllers should predict, if anyone said so.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.control.process import kernels
from drlapps.control.process.instances import Episode
from drlapps.control.process.plant import LinearPlant, Process, Real
from drlapps.errors import InputError
from drlapps.vector import Array, Pool, VectorEnvironment

if TYPE_CHECKING:
    from drlapps.control.process.differentiable import LinearModel

LIMIT = 10.0
"""Observations lie between minus and plus this."""

TOLERANCE = 1e-6
"""Excess over a limit, as a share of the range, that is rounding."""

PUBLISHED_PENALTY = 1e5
"""What Lu et al. add to the cost of an episode that leaves the limits."""


class ProcessEnv(VectorEnvironment):
    """The referee of all processes; subclasses load and move their own dynamics.

    Args:
        num_envs: number of rows.
        pool: where episodes come from.
        penalty: taken off the reward in every step after which a state is beyond its limits.
        stop_at_violation: whether that ends the episode.
        horizon: steps that predictive baselines look ahead; by default as many as each likes.
        delay: steps after which an input takes effect; until then the first one does. Controllers
            are not told.
        autoreset_mode: as in the base class.

    Raises:
        InputError: the penalty is negative, the horizon no positive whole number, or the delay no
            whole number from 0 on.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "state_cost", "input_cost", "lower", "upper", "middle", "half", "input_middle",
        "input_half", "scale", "duration", "references", "disturbances", "errors", "at", "path",
        "sent", "taken", "costs", "excess",
    )  # fmt: skip

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        penalty: float = 1.0,
        stop_at_violation: bool = False,
        horizon: int | None = None,
        delay: int = 0,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if not isinstance(penalty, int | float) or not penalty >= 0.0:
            raise InputError(f"penalty must be a number from 0 on, not {penalty!r}")
        if not isinstance(delay, int) or isinstance(delay, bool) or delay < 0:
            raise InputError(f"delay must be a whole number from 0 on, not {delay!r}")
        self.penalty, self.horizon = float(penalty), checked_horizon(horizon)
        self.delay = delay
        self.stop_at_violation = bool(stop_at_violation)
        largest: Sequence[Episode]
        largest = pool if isinstance(pool, Sequence) else [cast(Episode, pool.largest())]
        first = largest[0].belief
        self.tracked = first.tracked
        n, m, rows = len(first.states), len(first.inputs), num_envs
        steps = max(one.belief.steps for one in largest)
        self.state_cost, self.input_cost = np.zeros((rows, n, n)), np.zeros((rows, m, m))
        self.lower, self.upper = np.zeros((rows, n)), np.ones((rows, n))
        self.middle, self.half = np.zeros((rows, n)), np.ones((rows, n))
        self.input_middle, self.input_half = np.zeros((rows, m)), np.ones((rows, m))
        self.scale, self.duration = np.ones(rows), np.zeros(rows, np.int64)
        self.references = np.zeros((rows, steps + 1, n))
        self.disturbances = np.zeros((rows, steps, n))
        self.errors = np.zeros((rows, steps + 1, n))
        self.at = np.zeros(rows, np.int64)
        self.path = np.zeros((rows, steps + 1, n))
        self.sent, self.taken = np.zeros((rows, steps, m)), np.zeros((rows, steps, m))
        self.costs, self.excess = np.zeros((rows, steps)), np.zeros((rows, steps))
        self._rows = np.arange(rows)
        self._allocate(n, m)
        self._set_spaces(
            gymnasium.spaces.Box(-LIMIT, LIMIT, (n + len(self.tracked),), np.float32),
            gymnasium.spaces.Box(-1.0, 1.0, (m,), np.float32),
        )
        # Compile the kernels now: what is timed later should not pay for it.
        self._advance(np.zeros((rows, m)), np.zeros(rows, np.bool_))

    @abstractmethod
    def _allocate(self, n: int, m: int) -> None:
        """Make the arrays of the dynamics, for so many states and inputs."""

    @abstractmethod
    def _load_dynamics(self, row: int, truth: Process) -> None:
        """Put the true process into the row."""

    @abstractmethod
    def _next(self, inputs: Real, disturbances: Real, active: NDArray[np.bool_]) -> Real:
        """Return the states after a step, (B, n); those of inactive rows are ignored."""

    def _load(self, row: int, instance: Episode, rng: np.random.Generator) -> None:
        process = instance.truth
        sizes = len(process.states), len(process.inputs)
        if sizes != (self.path.shape[2], self.taken.shape[2]) or process.tracked != self.tracked:
            raise ValueError(f"{instance.name} has not the states and inputs of this batch")
        if (steps := process.steps) > self.taken.shape[1]:
            raise ValueError(f"{instance.name} is longer than any episode of this batch")
        self.state_cost[row], self.input_cost[row] = process.state_cost, process.input_cost
        self.lower[row], self.upper[row] = process.lower, process.upper
        self.middle[row] = 0.5 * (process.lower + process.upper)
        self.half[row] = 0.5 * (process.upper - process.lower)
        self.input_middle[row] = 0.5 * (process.input_lower + process.input_upper)
        self.input_half[row] = 0.5 * (process.input_upper - process.input_lower)
        self.scale[row], self.duration[row] = process.scale, steps
        self.references[row, : steps + 1] = instance.references
        self.disturbances[row, :steps] = instance.disturbances
        self.errors[row, : steps + 1] = instance.errors
        self.at[row] = 0
        self.path[row, 0] = instance.initial
        self.path[row, 1:] = self.sent[row] = self.taken[row] = 0.0
        self.costs[row] = self.excess[row] = 0.0
        self._load_dynamics(row, process)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        sent = self.inputs_of(actions)
        if np.isnan(sent[active]).any():
            raise ValueError("actions must be numbers, not NaN")
        at = np.minimum(self.at, self.taken.shape[1] - 1)
        rows, step = self._rows[active], at[active]
        self.sent[rows, step] = sent[active]
        inputs = self.sent[self._rows, np.maximum(at - self.delay, 0)]
        state = self._next(inputs, self.disturbances[self._rows, at], active)
        cost, excess = np.zeros(self.num_envs), np.zeros(self.num_envs)
        kernels.judge(
            self.state_cost,
            self.input_cost,
            self.lower,
            self.upper,
            state,
            self.references[self._rows, at + 1],
            inputs,
            active,
            cost,
            excess,
        )
        self.taken[rows, step], self.path[rows, step + 1] = inputs[active], state[active]
        self.costs[rows, step], self.excess[rows, step] = cost[active], excess[active]
        self.at += active
        beyond = excess > TOLERANCE
        terminated = beyond if self.stop_at_violation else np.zeros_like(beyond)
        rewards = -cost / self.scale - self.penalty * beyond
        return rewards, terminated, ~terminated & (self.at >= self.duration)

    def inputs_of(self, actions: Array) -> Real:
        """Return the inputs that actions set, (B, m)."""
        clipped = np.clip(actions.astype(np.float64), -1.0, 1.0)
        return np.asarray(self.input_middle + self.input_half * clipped)

    def actions_for(self, inputs: Real) -> Array:
        """Return the actions that set given inputs, cut at their limits.

        They are not rounded to the action space's single precision.

        Args:
            inputs: shape (B, m).
        """
        return np.asarray(np.clip((inputs - self.input_middle) / self.input_half, -1.0, 1.0))

    def measured(self) -> Real:
        """Return the states as they are measured, (B, n)."""
        return np.asarray(self.path[self._rows, self.at] + self.errors[self._rows, self.at])

    def targets(self) -> Real:
        """Return the references of the states now, (B, n)."""
        return np.asarray(self.references[self._rows, self.at])

    def _observe(self) -> Array:
        tracked = list(self.tracked)
        state = (self.measured() - self.middle) / self.half
        wanted = (self.targets() - self.middle) / self.half
        seen = np.concatenate([state, wanted[:, tracked]], axis=1)
        clipped: Array = np.clip(seen, -LIMIT, LIMIT).astype(np.float32)
        return clipped

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics of the row's episode."""
        steps = int(self.at[row])
        cost, excess = float(self.costs[row, :steps].sum()), self.excess[row, :steps]
        violated = float((excess > TOLERANCE).any())
        each = max(steps, 1)
        return {
            "cost_per_step": cost / each,
            "violating_episodes": violated,
            "violated_steps": float((excess > TOLERANCE).sum() / each),
            "largest_violation": float(excess.max(initial=0.0)),
            "penalised_cost": (cost + PUBLISHED_PENALTY * violated) / each,
            "cost": cost,
            "steps": float(steps),
            "feasible": 1.0,
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return ``inputs``, a list of the inputs that took effect in each step."""
        return {"inputs": self.taken[row, : self.at[row]].tolist()}


def checked_horizon(horizon: int | None) -> int | None:
    """Return a number of steps to look ahead, or that none was given.

    Raises:
        InputError: it is no positive whole number.
    """
    whole = isinstance(horizon, int) and not isinstance(horizon, bool)
    if horizon is not None and not (whole and horizon > 0):
        raise InputError(f"horizon must be a whole number above 0, not {horizon!r}")
    return horizon


class LinearEnv(ProcessEnv):
    """The referee of linear plants."""

    STATE: ClassVar[tuple[str, ...]] = (*ProcessEnv.STATE, "a", "b")

    def _allocate(self, n: int, m: int) -> None:
        self.a, self.b = np.zeros((self.num_envs, n, n)), np.zeros((self.num_envs, n, m))

    def _load_dynamics(self, row: int, truth: Process) -> None:
        assert isinstance(truth, LinearPlant)
        self.a[row], self.b[row] = truth.a, truth.b

    def _next(self, inputs: Real, disturbances: Real, active: NDArray[np.bool_]) -> Real:
        found = np.zeros(self.lower.shape)
        state = self.path[self._rows, self.at]
        kernels.transition(self.a, self.b, state, inputs, disturbances, active, found)
        return found

    def differentiable(self) -> LinearModel:
        """Return the same dynamics on tensors, to learn through (see :mod:`.differentiable`).

        Raises:
            InputError: an episode may end before its time, or inputs are delayed.
        """
        from drlapps.control.process.differentiable import LinearModel

        return LinearModel(self)
