"""Linear model predictive control by OSQP."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from scipy import sparse

from drlapps.control.process.baselines import Lqr
from drlapps.control.process.environment import ProcessEnv, checked_horizon
from drlapps.control.process.plant import LinearPlant, Real
from drlapps.control.process.targets import Target, regulator
from drlapps.errors import unknown
from drlapps.vector import Array, VectorEnvironment

HORIZON = 16
"""Steps to look ahead where no one says otherwise."""

TERMINALS = ("riccati", "stage")
FALLBACKS = ("soften", "zero")

_WEIGHT = 1e4
"""Cost of a unit beyond a limit of a state in softened programs, far above any multiplier."""

_SOLVED = (1, 2)
"""OSQP's status of what is solved, exactly or nearly."""


class Prediction:
    """The quadratic program of one plant: N steps ahead, with states and inputs as variables.

    Minimises the stage costs of ``x_1 .. x_{N-1}`` and ``u_0 .. u_{N-1}``, and the terminal cost of
    ``x_N``, subject to the dynamics and all limits.

    Args:
        plant: as controllers know it.
        steps: N.
        terminal: ``riccati``, what the future costs an unconstrained regulator; or ``stage``.
        soft: whether states may leave their limits at a high cost.
        margin: by which limits of states are drawn in, as a share of their range.
        tolerance: of OSQP, absolute and relative.
    """

    def __init__(
        self, plant: LinearPlant, steps: int, terminal: str, soft: bool, margin: float,
        tolerance: float,
    ) -> None:  # fmt: skip
        import osqp  # type: ignore[import-untyped, unused-ignore]

        n, m = plant.b.shape
        self._plant, self._steps, self._terminal = plant, steps, terminal
        q, r = 2.0 * plant.state_cost, 2.0 * plant.input_cost
        self._last = 2.0 * regulator(plant).value if terminal == "riccati" else q
        states, inputs = steps * n, steps * m
        self._states, self._inputs = slice(0, states), slice(states, states + inputs)
        slack = states if soft else 0
        hessian = [sparse.kron(sparse.eye(steps - 1), q), self._last]
        hessian += [sparse.kron(sparse.eye(steps), r), _WEIGHT * sparse.eye(slack)]
        shift = sparse.eye(states) - sparse.kron(sparse.eye(steps, k=-1), plant.a)
        move = [shift, -sparse.kron(sparse.eye(steps), plant.b), sparse.csc_matrix((states, slack))]
        rows = [sparse.hstack(move), sparse.eye(states + inputs + slack)]
        inward = margin * (plant.upper - plant.lower)
        lower, upper = np.tile(plant.lower + inward, steps), np.tile(plant.upper - inward, steps)
        low, high = np.tile(plant.input_lower, steps), np.tile(plant.input_upper, steps)
        zeros, free = np.zeros(states), np.full(states, np.inf)
        least = [zeros, lower, low]
        most = [zeros, upper, high]
        if soft:
            # States alone are free: with their slack they are above, without it below a limit.
            one, none = sparse.eye(states), sparse.csc_matrix((states, inputs))
            rows += [sparse.hstack([one, none, sign * one]) for sign in (1.0, -1.0)]
            least = [zeros, -free, low, zeros, lower, -free]
            most = [zeros, free, high, free, free, upper]
        self._least, self._most = np.concatenate(least), np.concatenate(most)
        self._linear = np.zeros(states + inputs + slack)
        self._linear[states + inputs :] = _WEIGHT
        self._solver: Any = osqp.OSQP()
        self._solver.setup(
            sparse.block_diag(hessian, format="csc"), self._linear,
            sparse.vstack(rows, format="csc"), self._least, self._most, verbose=False,
            eps_abs=tolerance, eps_rel=tolerance, max_iter=20_000 if soft else 4_000,
        )  # fmt: skip

    def aim(self, reference: Real, target: Target) -> None:
        """Set the reference (n,) of all steps, and the target that belongs to it."""
        linear = self._linear[self._states].reshape(self._steps, -1)
        linear[:-1] = -2.0 * self._plant.state_cost @ reference
        if self._terminal == "riccati":
            linear[-1] = target.price - self._last @ target.state
        else:
            linear[-1] = -self._last @ reference
        self._solver.update(q=self._linear)

    def solve(self, state: Real) -> Real | None:
        """Return the inputs of all steps, (N, m), from a state (n,); nothing where there are none.

        The solver goes on from its last solution.
        """
        n = len(state)
        # The first step starts from the state, which is no variable.
        self._least[:n] = self._most[:n] = self._plant.a @ state
        self._solver.update(l=self._least, u=self._most)
        found = self._solver.solve(raise_error=False)
        if found.info.status_val not in _SOLVED:
            return None
        return np.array(found.x[self._inputs]).reshape(self._steps, -1)


class Mpc(Lqr):
    """Predicts ``horizon`` steps by the nominal plant, and sets the first of the best inputs.

    At its best, as it is unless told otherwise, the terminal cost is what the future costs an
    unconstrained regulator; limits of states are drawn in by a thousandth of their range, so that
    rounding breaks none; and where they cannot be kept they are softened. With ``terminal=stage``,
    ``fallback=zero`` and ``margin=0`` it is the one that papers compare with.

    Args:
        horizon: steps to look ahead; by default the environment's parameter, or else 16.
        terminal: ``riccati`` or ``stage``, the cost of the last state.
        fallback: what to do where no inputs keep the limits: ``soften`` them or set ``zero``.
        margin: by which limits of states are drawn in, as a share of their range.
        tolerance: of OSQP, absolute and relative.

    Raises:
        InputError: an option is impossible.
    """

    def __init__(
        self,
        horizon: int | None = None,
        terminal: str = "riccati",
        fallback: str = "soften",
        margin: float = 1e-3,
        tolerance: float = 1e-5,
    ) -> None:
        if terminal not in TERMINALS:
            raise unknown("terminal", str(terminal), TERMINALS)
        if fallback not in FALLBACKS:
            raise unknown("fallback", str(fallback), FALLBACKS)
        self._horizon, self._softens = checked_horizon(horizon), fallback == "soften"
        self._settings = {"terminal": terminal, "margin": margin, "tolerance": tolerance}

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Set up the programs of every row."""
        super().reset(env, seed)
        self._steps = self._horizon or cast(ProcessEnv, env).horizon or HORIZON
        self._rows = list(range(env.num_envs))
        self._references = cast(ProcessEnv, env).targets()
        self._hard = [self._program(env, row, soft=False) for row in self._rows]
        self._soft: dict[int, Prediction] = {}

    def _program(self, env: VectorEnvironment, row: int, *, soft: bool) -> Prediction:
        plant = cast(LinearPlant, env.instances[row].belief)
        program = Prediction(plant, self._steps, soft=soft, **self._settings)  # type: ignore[arg-type]
        program.aim(self._references[row], self._targets[row])
        return program

    def _solve(self, env: ProcessEnv, row: int, state: Real) -> Real:
        """Return the inputs of all steps in a row, (N, m)."""
        found = self._hard[row].solve(state)
        if found is None and self._softens:
            if row not in self._soft:
                self._soft[row] = self._program(env, row, soft=True)
            found = self._soft[row].solve(state)
        return np.zeros((self._steps, self._b.shape[2])) if found is None else found

    def _solutions(self, env: ProcessEnv) -> Real:
        """Return the inputs of all steps in all rows, (B, N, m)."""
        measured = env.measured()
        return np.stack([self._solve(env, row, measured[row]) for row in self._rows])

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the first of the best inputs of every row, as actions."""
        process = cast(ProcessEnv, env)
        return process.actions_for(self._solutions(process)[:, 0])

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Return the next actions (steps, B, m): after the horizon, those of the regulator."""
        process = cast(ProcessEnv, env)
        inputs = np.clip(self._solutions(process).swapaxes(0, 1), self._lower, self._upper)[:steps]
        state = process.measured()[:, :, None]
        for one in inputs:
            state = self._a @ state + self._b @ one[:, :, None]
        inputs = np.concatenate([inputs, self.follow(state[:, :, 0], steps - len(inputs))])
        return np.stack([process.actions_for(one) for one in inputs])
