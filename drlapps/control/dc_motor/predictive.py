"""Model predictive control: over the converter's switching states, and by a quadratic program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.control.dc_motor.cascade import SLEW, Cascade, Sheet
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.kernels import LEGS
from drlapps.control.dc_motor.motor import (
    FIELD_INVERSE,
    FIELD_RESISTANCE,
    INERTIA,
    INVERSE,
    MAGNETS,
    MUTUAL,
    RESISTANCE,
    SELF,
    SPEED,
)
from drlapps.control.motors.observer import Observer, check_share
from drlapps.errors import InputError
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVELS = np.array([0.0, 1.0, -1.0])
"""Voltages of the switching states, as shares of the supply's."""

MOST_STATES = 4
"""Longest horizon over switching states, of which there are three voltages to the power of it."""


class FcsMpc(Cascade):
    """Finite-control-set MPC: the switching state after which the predicted current is nearest.

    All sequences of the three voltages over the horizon are tried (Rodriguez et al. 2007), with the
    delay compensated. The cost is the sum of the errors, plus a weight for each leg that switches,
    plus the worst error where the current would exceed its limit. Of the two states without
    voltage, it takes the one that switches less. Under speed control it is the inner loop of the
    cascade.

    Args:
        horizon: 1 to 4 decisions.
        switching_weight: cost of switching a leg, in shares of the current limit.
        observer: as for :class:`.cascade.Cascade`, likewise the rest.
        slowness: see there.
        set_point_weight: see there.
        margin: see there.

    Raises:
        InputError: there is no such horizon, or the weight is negative.

    References:
        Rodriguez, J., Pontt, J., Silva, C. A., Correa, P., Lezana, P., Cortes, P., & Ammann, U.
        (2007). Predictive current control of a voltage source inverter. IEEE Transactions on
        Industrial Electronics, 54(1), 495-503.
    """

    environment: Mapping[str, object] = {"control_set": "finite"}

    def __init__(
        self,
        horizon: int = 1,
        switching_weight: float = 0.0,
        observer: float = 0.01,
        slowness: float = 1.0,
        set_point_weight: float = 0.5,
        margin: float = 0.8,
    ) -> None:
        super().__init__(observer, slowness, set_point_weight, margin)
        if horizon not in range(1, MOST_STATES + 1):
            raise InputError(f"horizon must be 1 to {MOST_STATES}, not {horizon!r}")
        if not switching_weight >= 0.0:
            raise InputError(f"switching_weight must be at least 0, not {switching_weight!r}")
        self.horizon, self.switching_weight = horizon, switching_weight

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Read the data sheets."""
        super().reset(env, seed)
        self._states = np.full(env.num_envs, len(LEGS) - 1)

    def decide(self, env: DcMotorEnv, currents: Floats, wanted: Floats) -> tuple[Array, Floats]:
        """Try all sequences."""
        keeps, gain = self.sheet.answer(env.speed, self.time)
        drift = self.disturbance - gain * self.sheet.push(currents, env.speed)
        _enumerate(
            keeps, gain * self.sheet.supply, drift, currents[:, 0], wanted, self.sheet.limit,
            self.horizon, self.switching_weight, self._states,
        )  # fmt: skip
        legs = LEGS[self._states]
        return self._states.copy(), self.sheet.supply * (legs[:, 0] - legs[:, 1])


@numba.njit(cache=True)
def _enumerate(
    keeps: Floats,
    gain: Floats,
    drift: Floats,
    current: Floats,
    wanted: Floats,
    limit: Floats,
    horizon: int,
    weight: float,
    states: Ints,
) -> None:
    """Replace the last switching states, (B,), by the best next ones.

    The current goes from ``i`` to ``keeps i + gain level + drift``, all (B,).
    """
    sequences = len(LEVELS) ** horizon
    for row in range(len(states)):
        best, least = states[row], np.inf
        for number in range(sequences):
            i, rest, before, first, cost = current[row], number, states[row], -1, 0.0
            for _ in range(horizon):
                level, rest = rest % 3, rest // 3
                state = level
                if level == 0:
                    # Both legs up or both down: with one leg to switch, either takes one.
                    state = before if before in (0, 3) else 0
                if first < 0:
                    first = state
                moved = (LEGS[before, 0] != LEGS[state, 0]) + (LEGS[before, 1] != LEGS[state, 1])
                i = keeps[row] * i + gain[row] * LEVELS[level] + drift[row]
                cost += abs(wanted[row] - i) / limit[row] + weight * moved
                if abs(i) > limit[row]:
                    cost += 2.0
                before = state
            if cost < least:
                best, least = first, cost
        states[row] = best


class LinearMpc(Policy):
    """Linear MPC: voltages that minimise the squared errors over a horizon, within the limits.

    Before each decision the motor is linearised at its working point; of currents, which torque is
    the product or the square of, at no less than a tenth of the limit, where it has an answer to
    the voltage. The voltage is held over blocks of 1, 1, 2, 4, ... periods, so that a few variables
    reach as far as the rotor takes to answer. Voltages keep within the supply's and currents, at
    the ends of blocks, within the margin and a ramp of a tenth of the limit a period; the latter
    softly, for a motor that is not the one on the data sheet may be beyond it. Where the
    unconstrained optimum keeps all that, it is the answer; else OSQP solves the program (Stellato
    et al. 2020).

    An observer of disturbances adds to currents and speed what predictions have lately missed by:
    among it the torque of the load.

    Args:
        blocks: how many, under speed control; under current control, where the first decides, 4.
        smoothness: cost of the change of the voltage from block to block, against the error's.
        observer: share of a prediction's error that the estimated disturbances take over.
        margin: largest current as a share of the limit.

    Raises:
        InputError: a number is impossible.

    References:
        Stellato, B., Banjac, G., Goulart, P., Bemporad, A., & Boyd, S. (2020). OSQP: an operator
        splitting solver for quadratic programs. Mathematical Programming Computation, 12, 637-672.
    """

    environment: Mapping[str, object] = {"control_set": "continuous"}

    def __init__(
        self,
        blocks: int = 8,
        smoothness: float = 1e-5,
        observer: float = 0.1,
        margin: float = 0.8,
    ) -> None:
        if isinstance(blocks, bool) or not isinstance(blocks, int) or not 2 <= blocks <= 12:
            raise InputError(f"blocks must be a whole number from 2 to 12, not {blocks!r}")
        if not smoothness > 0.0:
            raise InputError(f"smoothness must be above 0, not {smoothness!r}")
        check_share("observer", observer)
        check_share("margin", margin)
        self.blocks, self.smoothness = blocks, smoothness
        self.observer, self.margin = observer, margin

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Read the data sheets."""
        env = cast(DcMotorEnv, env)
        if env.control_set != "continuous":
            raise InputError("mpc commands mean voltages: it needs control_set=continuous")
        controls = {one.control for one in env.instances}
        if len(controls) > 1:
            raise InputError("mpc controls either currents or speeds, not both at once")
        self._speed = SPEED in controls
        self.sheet, self.time = Sheet(env.instances), env.decision_time()
        self._scale = np.array([one.scale for one in env.instances])
        self._observer = Observer(self.observer, (env.num_envs, 3))
        self._sent = np.zeros(env.num_envs)
        self._programs: dict[tuple[int, int], _Program] = {}

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Solve the programs and give the first voltages."""
        return np.asarray(self.plan(env, observations, 1)[0])

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Return the actions of several periods, (steps, B, 1), the first as :meth:`act` does."""
        env = cast(DcMotorEnv, env)
        present = state = np.column_stack([env.measured, env.speed])
        self._observer.correct(present, env.step_index)
        model = self._linearise(env, present)
        for ahead in range(int(env.delay.max())):
            after = _after(model, state, env.ahead(ahead))
            state = np.where((env.delay > ahead)[:, None], after, state)
        count = self.blocks if self._speed else 4
        lengths = np.array([1, *(2**k for k in range(count - 1))])
        volts = self._solve(model, state, env.setpoint(), lengths)
        acting = np.where(env.delay > 0, env.ahead(0), volts[:, 0])
        self._observer.expect(_after(model, present, acting), env.step_index)
        blocks = np.minimum(
            np.searchsorted(np.cumsum(lengths), np.arange(steps), "right"), count - 1
        )
        self._sent = volts[:, blocks[-1]]
        return np.stack([env.actions_for(volts[:, block]) for block in blocks])

    def _linearise(self, env: DcMotorEnv, state: Floats) -> Floats:
        """Return what makes (currents, speed, voltage, 1) those of the next period, (B, 5, 5)."""
        sheet, p = self.sheet, self.sheet.plant
        armature, field, speed = state.T
        flux = sheet.flux(state[:, :2])
        rate = np.zeros((len(p), 5, 5))
        inverse = p[:, INVERSE]
        rate[:, 0, 0] = -(p[:, RESISTANCE] + p[:, SELF] * speed) * inverse
        rate[:, 0, 1] = -p[:, MUTUAL] * speed * inverse
        rate[:, 0, 2] = -flux * inverse
        rate[:, 0, 3] = inverse
        rate[:, 0, 4] = (flux - sheet.plant[:, MAGNETS]) * speed * inverse
        rate[:, 1, 1] = -p[:, FIELD_RESISTANCE] * p[:, FIELD_INVERSE]
        rate[:, 1, 3] = p[:, FIELD_INVERSE]
        if self._speed:
            least = 0.1 * sheet.limit
            low, weak = np.maximum(armature, least), np.maximum(field, least)
            torque = flux * armature
            by_armature = sheet.flux(np.column_stack([low, weak])) + p[:, SELF] * low
            by_field = p[:, MUTUAL] * np.where(p[:, MUTUAL] > 0.0, low, 0.0)
            rate[:, 2, 0] = by_armature / p[:, INERTIA]
            rate[:, 2, 1] = by_field / p[:, INERTIA]
            rest = torque - by_armature * armature - by_field * field
            rate[:, 2, 4] = rest / p[:, INERTIA]
        step = rate * self.time[:, None, None]
        # The series of the exponential: a period is short for every circuit.
        model, term = np.eye(5) + step, step
        for order in range(2, 7):
            term = term @ step / order
            model = model + term
        model[:, :3, 4] += self._observer.disturbance
        return np.asarray(model)

    def _solve(self, model: Floats, state: Floats, setpoint: Floats, lengths: Ints) -> Floats:
        """Return the best voltages of the blocks, (B, N)."""
        rows, count = len(state), len(lengths)
        supply, limit = self.sheet.supply, self.margin * self.sheet.limit
        # Currents and speed at the ends of blocks, as an affine function of the voltages.
        free, effect = state.copy(), np.zeros((rows, 3, count))
        frees, effects = np.empty((rows, count, 3)), np.empty((rows, count, 3, count))
        power, length = model, 1
        for block, wanted in enumerate(lengths):
            while length < wanted:
                power, length = power @ power, 2 * length
            f, g, h = power[:, :3, :3], power[:, :3, 3], power[:, :3, 4]
            free = np.einsum("bij,bj->bi", f, free) + h
            effect = f @ effect
            effect[:, :, block] += g
            frees[:, block], effects[:, block] = free, effect
        which = 2 if self._speed else 0
        weight = np.sqrt(lengths / lengths.sum())[:, None] / self._scale[:, None, None]
        toward = weight * effects[:, :, which] * supply[:, None, None]
        missing = weight[:, :, 0] * (setpoint[:, None] - frees[:, :, which])
        change = np.eye(count) - np.eye(count, k=-1)
        hessian = toward.swapaxes(1, 2) @ toward + self.smoothness * change.T @ change
        slope = np.einsum("bki,bk->bi", toward, missing)
        slope[:, 0] += self.smoothness * self._sent / supply
        best = np.linalg.solve(hessian, slope[:, :, None])[:, :, 0]
        current = frees[:, :, 0] + np.einsum("bki,bi->bk", effects[:, :, 0], best * supply[:, None])
        breaks = (np.abs(best) > 1.0).any(axis=1)
        low, high = self._room(state, np.cumsum(lengths))
        if self._speed:
            breaks |= ((current > high) | (current < low)).any(axis=1)
        for row in np.flatnonzero(breaks):
            key = int(row), count
            program = self._programs.setdefault(key, _Program(count, self._speed))
            bounds = effects[row, :, 0] * supply[row] / limit[row]
            least, most = ((one[row] - frees[row, :, 0]) / limit[row] for one in (low, high))
            best[row] = program.solve(hessian[row], slope[row], bounds, least, most)
        return np.asarray(np.clip(best, -1.0, 1.0) * supply[:, None])

    def _room(self, state: Floats, ends: Ints) -> tuple[Floats, Floats]:
        """Return least and largest currents at the ends of blocks, given in periods, (B, N)."""
        limit = self.sheet.limit[:, None]
        ramp = SLEW * limit * ends
        least = self.sheet.least(state, self.margin)[:, None]
        low = np.maximum(least, state[:, :1] - ramp)
        return low, np.minimum(self.margin * limit, state[:, :1] + ramp)


def _after(model: Floats, state: Floats, volts: Floats) -> Floats:
    """Return currents and speed after a period, (B, 3)."""
    return np.asarray(
        np.einsum("bij,bj->bi", model[:, :3, :3], state)
        + model[:, :3, 3] * volts[:, None]
        + model[:, :3, 4]
    )


class _Program:
    """A drive's quadratic program, in shares of the supply's voltage, with a slack of the current.

    Args:
        count: blocks of the horizon.
        limited: whether currents are constrained.
    """

    SLACK_COST = 10.0
    """Of a current beyond its margin by the margin: far above that of any error."""

    def __init__(self, count: int, limited: bool) -> None:
        self._count, self._limited = count, limited
        self._solver: Any = None

    def solve(
        self, hessian: Floats, slope: Floats, bounds: Floats, low: Floats, high: Floats
    ) -> Floats:
        """Return the voltages, (N,).

        Args:
            hessian: of the cost, (N, N).
            slope: minus its gradient at no voltage, (N,).
            bounds: effect of the voltages on the current at the ends of blocks, (N, N).
            low: least of that effect, (N,).
            high: largest.
        """
        from scipy import sparse

        count = self._count
        cost = np.zeros((count + 1, count + 1))
        cost[:count, :count], cost[count, count] = hessian, self.SLACK_COST
        rows = [np.eye(count, count + 1)]
        lower, upper = [-np.ones(count)], [np.ones(count)]
        if self._limited:
            ones, far = np.ones((count, 1)), np.full(count, np.inf)
            rows += [np.hstack([bounds, -ones]), np.hstack([bounds, ones])]
            lower += [-far, low]
            upper += [high, far]
        matrix = np.vstack(rows)
        values = np.append(-slope, 0.0), np.concatenate(lower), np.concatenate(upper)
        if self._solver is None:
            import osqp  # type: ignore[import-untyped, unused-ignore]

            dense = np.ones_like(matrix)
            self._solver = osqp.OSQP()
            self._solver.setup(
                sparse.csc_matrix(np.triu(np.ones_like(cost))), values[0],
                sparse.csc_matrix(dense), values[1], values[2],
                verbose=False, eps_abs=1e-5, eps_rel=1e-5, max_iter=1000,
            )  # fmt: skip
        upper_cost = cost.T[np.tril_indices(count + 1)]
        self._solver.update(
            Px=upper_cost, Ax=matrix.T.ravel(), q=values[0], l=values[1], u=values[2]
        )
        found = self._solver.solve(raise_error=False)
        return np.asarray(found.x[:count])
