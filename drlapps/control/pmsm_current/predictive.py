"""Model predictive control: over the inverter's switching states, and by a quadratic program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.control.motors import inverter
from drlapps.control.motors.inverter import LEGS
from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
from drlapps.control.pmsm_current.model import ModelPolicy, turn
from drlapps.errors import InputError
from drlapps.vector import Array, VectorEnvironment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_STATES = 2
"""Longest horizon over switching states, of which there are eight to the power of it."""


class FcsMpc(ModelPolicy):
    """Finite-control-set MPC: the switching state after which the predicted currents are nearest.

    All sequences of switching states over the horizon are tried (Rodriguez et al. 2007), with the
    delay compensated. The cost is the error of the metric, plus a weight for each leg that
    switches, plus the worst error where the current would exceed its limit.

    Args:
        horizon: 1 or 2 periods.
        switching_weight: cost of switching a leg, in shares of the current limit.
        observer: as for :class:`.model.ModelPolicy`.

    Raises:
        InputError: there is no such horizon, or the weight is negative.

    References:
        Rodriguez, J., Pontt, J., Silva, C. A., Correa, P., Lezana, P., Cortes, P., & Ammann, U.
        (2007). Predictive current control of a voltage source inverter. IEEE Transactions on
        Industrial Electronics, 54(1), 495-503.
    """

    environment: Mapping[str, object] = {"control": "finite"}

    def __init__(
        self, horizon: int = 2, switching_weight: float = 0.0, observer: float = 0.05
    ) -> None:
        super().__init__(observer)
        if horizon not in range(1, MOST_STATES + 1):
            raise InputError(f"horizon must be 1 or {MOST_STATES}, not {horizon!r}")
        if not switching_weight >= 0.0:
            raise InputError(f"switching_weight must be at least 0, not {switching_weight!r}")
        self.horizon, self.switching_weight = horizon, switching_weight

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Read the data sheets."""
        if cast(PmsmCurrentEnv, env).control != "finite":
            raise InputError("fcs-mpc chooses switching states: it needs control=finite")
        super().reset(env, seed)
        self._states = np.zeros(env.num_envs, np.int64)

    def decide(
        self, env: PmsmCurrentEnv, plant: Floats, currents: Floats, phasor: Floats
    ) -> tuple[Array, Floats]:
        """Try all sequences."""
        sheet = self.sheet
        _enumerate(
            plant, currents, phasor, self.disturbance, env.setpoint(), sheet.link, sheet.limit,
            self.horizon, self.switching_weight, self._states,
        )  # fmt: skip
        legs = 0.5 * sheet.link[:, None] * LEGS[self._states]
        return self._states.copy(), inverter.to_rotor(legs, phasor)


@numba.njit(inline="always")
def _effect(number: int, cosine: float, sine: float, link: float) -> tuple[float, float]:
    """Return the voltage of a switching state in rotor coordinates."""
    a, b, c = LEGS[number, 0], LEGS[number, 1], LEGS[number, 2]
    alpha, beta = link * (2.0 * a - b - c) / 6.0, link * (b - c) * 0.28867513459481287
    return cosine * alpha + sine * beta, cosine * beta - sine * alpha


@numba.njit(inline="always")
def _switched(first: int, second: int) -> int:
    """Return how many legs differ."""
    count = 0
    for k in range(3):
        count += LEGS[first, k] != LEGS[second, k]
    return count


@numba.njit(inline="always")
def _cost(d: float, q: float, set_d: float, set_q: float, limit: float) -> float:
    """Return an error as a share of the limit, with 4 for what exceeds it."""
    over = 4.0 if d * d + q * q > limit * limit else 0.0
    return (abs(set_d - d) + abs(set_q - q)) / limit + over


@numba.njit(cache=True)
def _enumerate(
    plant: Floats,
    currents: Floats,
    phasor: Floats,
    disturbance: Floats,
    setpoints: Floats,
    link: Floats,
    limit: Floats,
    horizon: int,
    weight: float,
    states: Ints,
) -> None:
    """Replace the last switching states by the best next ones; arrays as in :class:`FcsMpc`."""
    for row in range(len(states)):
        cosine, sine = phasor[row, 0], phasor[row, 1]
        later_c = cosine * plant[row, 10] - sine * plant[row, 11]
        later_s = sine * plant[row, 10] + cosine * plant[row, 11]
        set_d, set_q, most = setpoints[row, 0], setpoints[row, 1], limit[row]
        f11, f12, f21, f22 = plant[row, 0], plant[row, 1], plant[row, 2], plant[row, 3]
        g11, g12, g21, g22 = plant[row, 4], plant[row, 5], plant[row, 6], plant[row, 7]
        h1, h2 = plant[row, 8] + disturbance[row, 0], plant[row, 9] + disturbance[row, 1]
        free_d = f11 * currents[row, 0] + f12 * currents[row, 1] + h1
        free_q = f21 * currents[row, 0] + f22 * currents[row, 1] + h2
        best, least = 0, np.inf
        for first in range(8):
            u_d, u_q = _effect(first, cosine, sine, link[row])
            d, q = free_d + g11 * u_d + g12 * u_q, free_q + g21 * u_d + g22 * u_q
            cost = _cost(d, q, set_d, set_q, most) + weight * _switched(states[row], first)
            if horizon == 2 and cost < least:
                after, rest_d = np.inf, f11 * d + f12 * q + h1
                rest_q = f21 * d + f22 * q + h2
                for second in range(8):
                    u_d, u_q = _effect(second, later_c, later_s, link[row])
                    end_d = rest_d + g11 * u_d + g12 * u_q
                    end_q = rest_q + g21 * u_d + g22 * u_q
                    then = _cost(end_d, end_q, set_d, set_q, most)
                    after = min(after, then + weight * _switched(first, second))
                cost += after
            if cost < least:
                best, least = first, cost
        states[row] = best


class LinearMpc(ModelPolicy):
    """Linear MPC: voltages within the hexagon that minimise the squared errors over a horizon.

    The quadratic program has two variables a period and, for the three line voltages, three
    two-sided constraints, which turn with the rotor. Where its unconstrained optimum keeps them,
    that is the answer; else OSQP solves it (Stellato et al. 2020), started from its last solution.

    Args:
        horizon: in periods.
        observer: as for :class:`.model.ModelPolicy`.

    Raises:
        InputError: the horizon is not a whole number above 0.

    References:
        Stellato, B., Banjac, G., Goulart, P., Bemporad, A., & Boyd, S. (2020). OSQP: an operator
        splitting solver for quadratic programs. Mathematical Programming Computation, 12, 637-672.
    """

    def __init__(self, horizon: int = 4, observer: float = 0.05) -> None:
        super().__init__(observer)
        if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 1:
            raise InputError(f"horizon must be a whole number above 0, not {horizon!r}")
        self.horizon = horizon

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Read the data sheets."""
        super().reset(env, seed)
        self._steps = self.horizon
        self._programs: dict[tuple[int, int], _Program] = {}
        self._condensed: tuple[Floats, Floats, Floats] = (np.empty(0),) * 3
        self._built = (np.empty(0), 0)

    def decide(
        self, env: PmsmCurrentEnv, plant: Floats, currents: Floats, phasor: Floats
    ) -> tuple[Array, Floats]:
        """Solve the programs and give the first voltages."""
        voltages = self._solve(env, plant, currents, phasor)
        self._sequence = voltages
        return env.actions_for(voltages[:, 0]), voltages[:, 0]

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Return the actions of several periods, (steps, B, 2), the first as :meth:`act` gives it.

        The horizon is as long as the plan at least. Under ``control="abc"``, where legs turn
        against the rotor, the later ones are those of the first angle.
        """
        self._steps = max(self.horizon, steps)
        self.act(env, observations)
        self._steps = self.horizon
        env = cast(PmsmCurrentEnv, env)
        return np.stack([env.actions_for(self._sequence[:, k]) for k in range(steps)])

    def _solve(
        self, env: PmsmCurrentEnv, plant: Floats, currents: Floats, phasor: Floats
    ) -> Floats:
        """Return the best voltages, (B, N, 2)."""
        sheet, count = self.sheet, self._steps
        free, effect, gain = self._condense(plant, count)
        aim = env.setpoint()[:, None] - np.einsum("bnij,bj->bni", free, currents)
        pushes = plant[:, 8:10] + self.disturbance
        aim -= np.einsum("bnij,bj->bni", np.cumsum(_with_identity(free), axis=1), pushes)
        aim = aim.reshape(len(plant), -1)
        wanted = np.einsum("bij,bj->bi", gain, aim).reshape(len(plant), count, 2)
        phasors = [phasor]
        for _ in range(count - 1):
            phasors.append(turn(plant, phasors[-1]))
        turned = np.stack(phasors, axis=1)
        widest = np.ptp(inverter.to_phases(wanted, turned), axis=-1).max(axis=1)
        for row in np.flatnonzero(widest > sheet.link * (1.0 + 1e-9)):
            key = int(row), count
            if key not in self._programs:
                self._programs[key] = _Program(count)
            program = self._programs[key]
            solved = program.solve(effect[row], aim[row], turned[row], float(sheet.link[row]))
            wanted[row] = inverter.within_hexagon(
                solved, turned[row], np.full(count, sheet.link[row])
            )
        return np.asarray(wanted)

    def _condense(self, plant: Floats, count: int) -> tuple[Floats, Floats, Floats]:
        """Return how currents and voltages act on the currents to come, and its inverse.

        Returns:
            Powers of ``F`` from the first on, (B, N, 2, 2); the effect of all voltages, lower
            triangular by blocks, (B, 2N, 2N); and the inverse of that.
        """
        built, length = self._built
        if length == count and np.array_equal(built, plant):
            return self._condensed
        f, g = plant[:, 0:4].reshape(-1, 2, 2), plant[:, 4:8].reshape(-1, 2, 2)
        powers = [f]
        for _ in range(count - 1):
            powers.append(powers[-1] @ f)
        free = np.stack(powers, axis=1)
        answers = _with_identity(free) @ g[:, None]
        effect = np.zeros((len(plant), 2 * count, 2 * count))
        for after in range(count):
            for at in range(after + 1):
                rows, columns = slice(2 * after, 2 * after + 2), slice(2 * at, 2 * at + 2)
                effect[:, rows, columns] = answers[:, after - at]
        self._built = (plant.copy(), count)
        self._condensed = (free, effect, np.asarray(np.linalg.inv(effect), np.float64))
        return self._condensed


def _with_identity(powers: Floats) -> Floats:
    """Return the powers from the zeroth on, one less at the end."""
    identity = np.broadcast_to(np.eye(2), (len(powers), 1, 2, 2))
    return np.concatenate([identity, powers[:, :-1]], axis=1)


class _Program:
    """A drive's quadratic program, in shares of the link voltage.

    Args:
        count: periods of the horizon.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._solver: Any = None
        self._effect: Floats | None = None

    def solve(self, effect: Floats, aim: Floats, phasors: Floats, link: float) -> Floats:
        """Return the voltages, (N, 2), that keep the hexagon and come nearest to ``aim``.

        Args:
            effect: of all voltages on all currents, (2N, 2N).
            aim: what they should do to the currents, (2N,).
            phasors: of the rotor's angle in every period, (N, 2).
            link: voltage.
        """
        unit = float(np.abs(effect).max())
        scaled = effect / unit
        cost = -scaled.T @ (aim / (unit * link))
        lines = np.concatenate([_lines(one).T.ravel() for one in phasors])
        if self._solver is None or self._effect is None or (self._effect != effect).any():
            self._setup(scaled, cost, lines)
            self._effect = effect.copy()
        else:
            self._solver.update(q=cost, Ax=lines)
        found = self._solver.solve(raise_error=False)
        return np.asarray(link * found.x.reshape(self._count, 2))

    def _setup(self, effect: Floats, cost: Floats, lines: Floats) -> None:
        import osqp
        from scipy import sparse

        count = self._count
        rows = 3 * np.repeat(np.arange(count), 6) + np.tile([0, 1, 2], 2 * count)
        starts = 3 * np.arange(2 * count + 1)
        constraints = sparse.csc_matrix((lines, rows, starts), shape=(3 * count, 2 * count))
        self._solver = osqp.OSQP()
        self._solver.setup(
            sparse.csc_matrix(np.triu(effect.T @ effect)), cost, constraints,
            -np.ones(3 * count), np.ones(3 * count),
            verbose=False, eps_abs=1e-6, eps_rel=1e-6, max_iter=2000,
        )  # fmt: skip


def _lines(phasor: Floats) -> Floats:
    """Return the matrix that makes line voltages of those in rotor coordinates, (3, 2)."""
    phases = inverter.to_phases(np.eye(2), phasor[None]).T
    return np.asarray(phases - np.roll(phases, -1, axis=0))
