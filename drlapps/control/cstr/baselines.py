"""Controllers of the reactor that do not predict: PID and the scheduled regulator."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import numpy as np

from drlapps.control.cstr.reactor import Reactor
from drlapps.control.process.environment import ProcessEnv
from drlapps.control.process.plant import Real
from drlapps.errors import InputError
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment


class Pid(Policy):
    """PID control of the concentration from the jacket's rest at the setpoint.

    In velocity-free positional form, with the derivative of the measurement, not of the error, and
    without integrating while the jacket is at a limit. The gains are those with the least mean cost
    on the validation pool.

    Args:
        gain: K per mol/L of error.
        integral: of the error, K per mol/L and step.
        derivative: K per mol/L and step.
    """

    def __init__(
        self, gain: float = -175.0, integral: float = -2.0, derivative: float = -150.0
    ) -> None:
        self._gains = gain, integral, derivative

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Begin without a past."""
        process = cast(ProcessEnv, env)
        self._sum = np.zeros(env.num_envs)
        self._last = process.measured()[:, 0]

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions of every row."""
        process = cast(ProcessEnv, env)
        seen, wanted = process.measured()[:, 0], process.targets()[:, 0]
        p, i, d = self._gains
        rest = np.array(
            [
                _rest(cast(Reactor, one.belief), level)[1]
                for one, level in zip(env.instances, wanted.tolist(), strict=True)
            ]
        )
        error = wanted - seen
        jacket = rest + p * error + i * (self._sum + error) - d * (seen - self._last)
        low, high = (
            process.input_middle - process.input_half,
            process.input_middle + process.input_half,
        )
        inside = (jacket > low[:, 0]) & (jacket < high[:, 0])
        self._sum += np.where(inside, error, 0.0)
        self._last = seen
        return process.actions_for(jacket[:, None])


@lru_cache(maxsize=4096)
def _rest(reactor: Reactor, level: float) -> tuple[float, float]:
    return reactor.rest(level)


@lru_cache(maxsize=4096)
def _gain(reactor: Reactor, level: float, effort: float) -> Real:
    """Return the regulator's gain around the rest at a concentration, (1, 2)."""
    from scipy.linalg import solve_discrete_are

    a, b = reactor.linearised(level)
    r = np.array([[effort]])
    s = solve_discrete_are(a, b, reactor.state_cost, r)
    return np.linalg.solve(r + b.T @ s @ b, b.T @ s @ a)


class Lqr(Policy):
    """Linear-quadratic regulator, anew linearised around the rest at every setpoint.

    Args:
        effort: cost of a squared kelvin of the jacket off its rest; the task has none, but a
            regulator without would let the jacket swing from one limit to the other.

    Raises:
        InputError: the effort is not positive.
    """

    def __init__(self, effort: float = 1e-3) -> None:
        if not effort > 0.0:
            raise InputError(f"effort must be positive, not {effort!r}")
        self._effort = effort

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions of every row."""
        process = cast(ProcessEnv, env)
        inputs = np.empty((env.num_envs, 1))
        rows = zip(env.instances, process.measured(), process.targets()[:, 0].tolist(), strict=True)
        for row, (one, seen, level) in enumerate(rows):
            reactor = cast(Reactor, one.belief)
            temperature, jacket = _rest(reactor, level)
            away = seen - np.array([level, temperature])
            inputs[row] = jacket - _gain(reactor, level, self._effort) @ away
        return process.actions_for(inputs)
