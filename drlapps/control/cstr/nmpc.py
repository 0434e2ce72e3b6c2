"""Nonlinear model predictive control of the reactor, by bounded Gauss-Newton steps."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.optimize import lsq_linear

from drlapps.control.cstr import kernels
from drlapps.control.cstr.reactor import SUBSTEPS, Reactor
from drlapps.control.process.environment import ProcessEnv, checked_horizon
from drlapps.control.process.plant import Real
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

HORIZON = 5
"""Steps to look ahead where no one says otherwise; more change nothing."""

_ITERATIONS, _HALVINGS = 12, 6
_CLOSE = 1e-7
"""Change of the jacket, K, below which inputs are optimal."""
_PERTURBATION = 1e-2
"""Of the jacket, K, for derivatives by central differences."""


class Nmpc(Policy):
    """Predicts ``horizon`` steps by the nominal reactor, and sets the first of the best inputs.

    Minimises the sum of squared errors of the concentrations after each step by the present
    setpoint, as PC-Gym's oracle does, subject to the limits of the jacket. Single shooting; a step
    is the solution of the linearised least-squares problem within the limits, halved until it is an
    improvement. It starts from the last solution, shifted.

    Args:
        horizon: steps to look ahead; by default the environment's parameter, or else 5.

    Raises:
        InputError: the horizon is no positive whole number.
    """

    def __init__(self, horizon: int | None = None) -> None:
        self._horizon = checked_horizon(horizon)

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Start from the middle of the jacket's range."""
        process = cast(ProcessEnv, env)
        self._steps = self._horizon or process.horizon or HORIZON
        self._inputs = np.tile(process.input_middle, (1, self._steps))

    def _solve(self, env: VectorEnvironment) -> None:
        """Bring the inputs of all steps in all rows, (B, N), to the optimum."""
        process = cast(ProcessEnv, env)
        measured, wanted = process.measured(), process.targets()[:, 0]
        for row, one in enumerate(env.instances):
            course = _Course(cast(Reactor, one.belief), measured[row], float(wanted[row]))
            self._inputs[row] = course.best(self._inputs[row])

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the first of the best inputs of every row, as actions."""
        self._solve(env)
        actions = cast(ProcessEnv, env).actions_for(self._inputs[:, :1])
        self._inputs = np.concatenate([self._inputs[:, 1:], self._inputs[:, -1:]], axis=1)
        return actions

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Return the next actions (steps, B, 1); after the horizon the last one is held."""
        self._solve(env)
        columns = np.minimum(np.arange(steps), self._steps - 1)
        process = cast(ProcessEnv, env)
        planned = np.stack([process.actions_for(self._inputs[:, [c]]) for c in columns])
        # The next solution begins where this plan ends.
        ahead = np.minimum(np.arange(self._steps) + steps, self._steps - 1)
        self._inputs = self._inputs[:, ahead]
        return planned


class _Course:
    """The least-squares problem of one reactor in one state.

    Args:
        reactor: as controllers know it.
        state: concentration and temperature.
        setpoint: of the concentration.
    """

    def __init__(self, reactor: Reactor, state: Real, setpoint: float) -> None:
        self._constants, self._state, self._setpoint = reactor.constants, state, setpoint
        self._low, self._high = float(reactor.input_lower[0]), float(reactor.input_upper[0])

    def best(self, inputs: Real) -> Real:
        """Return the best inputs (N,) near given ones."""
        error = self._errors(inputs[None])[0]
        for _ in range(_ITERATIONS):
            room = self._low - inputs - _CLOSE, self._high - inputs + _CLOSE
            move = lsq_linear(self._slopes(inputs), -error, room, method="bvls").x
            inputs, error, moved = self._improved(inputs, error, move)
            if moved < _CLOSE:
                break
        return inputs

    def _improved(self, inputs: Real, error: Real, move: Real) -> tuple[Real, Real, float]:
        """Return inputs that are no worse, their errors, and how far they moved."""
        for half in range(_HALVINGS):
            tried = np.clip(inputs + move / 2.0**half, self._low, self._high)
            found = self._errors(tried[None])[0]
            if found @ found < error @ error:
                return tried, found, float(np.abs(tried - inputs).max())
        return inputs, error, 0.0

    def _errors(self, courses: Real) -> Real:
        """Return the errors of the concentrations of several courses, (K, N)."""
        found = np.empty(courses.shape)
        kernels.predict(self._constants, self._state, courses, SUBSTEPS, found)
        return found - self._setpoint

    def _slopes(self, inputs: Real) -> Real:
        """Return the derivatives of the errors by the inputs, (N, N)."""
        shift = _PERTURBATION * np.eye(len(inputs))
        found = self._errors(np.concatenate([inputs + shift, inputs - shift]))
        up, down = np.split(found, 2)
        return np.asarray((up - down).T / (2.0 * _PERTURBATION))
