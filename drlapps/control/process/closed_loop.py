"""A linear plant in closed loop with a learnt program, in double precision."""

from __future__ import annotations

import numpy as np

from drlapps.control.process.plant import LinearPlant, Real
from drlapps.control.process.qp_layer import QpLayer, Recurrence
from drlapps.errors import InputError

_PATIENCE = 5000
"""Steps after which a loop that has an equilibrium should be near it."""


class Loop:
    """A plant in closed loop with a learnt program.

    Args:
        layer: whose first variables are the actions.
        plant: as controllers know it.
        reference: of the states, (n,), where the plant has references.

    Raises:
        InputError: the plant has references, and there is none.
    """

    def __init__(self, layer: QpLayer, plant: LinearPlant, reference: Real | None = None) -> None:
        if plant.tracked and reference is None:
            raise InputError(f"{plant.name} has references: say which one is to be followed")
        self.plant = plant
        self._middle = 0.5 * (plant.lower + plant.upper)
        self._half = 0.5 * (plant.upper - plant.lower)
        self._input_middle = 0.5 * (plant.input_lower + plant.input_upper)
        self._input_half = 0.5 * (plant.input_upper - plant.input_lower)
        wanted = self._middle if reference is None else reference
        self._wanted = ((wanted - self._middle) / self._half)[list(plant.tracked)]
        self._recurrence = Recurrence.of(layer, len(plant.inputs), np.float64)
        # By states instead of observations.
        n = len(plant.states)
        self._slopes = self._recurrence.slopes[:, :n] / self._half
        self._direct = self._recurrence.direct[:, :n] / self._half

    def _observed(self, states: Real) -> Real:
        seen = (states - self._middle) / self._half
        wanted = np.broadcast_to(self._wanted, (len(states), len(self._wanted)))
        return np.concatenate([seen, wanted], axis=1)

    def inputs(self, states: Real) -> Real:
        """Return the inputs at the states (B, n), within their limits."""
        actions = self._recurrence(self._observed(states))
        return np.asarray(self._input_middle + self._input_half * np.clip(actions, -1.0, 1.0))

    def after(self, states: Real) -> Real:
        """Return the states (B, n) a step later."""
        return np.asarray(states @ self.plant.a.T + self.inputs(states) @ self.plant.b.T)

    def affine(self, state: Real) -> tuple[Real, float]:
        """Return the slope of the inputs at a state, (m, n), and within which distance it holds.

        The distance is 0 on a kink.
        """
        seen = self._observed(state[None])
        actions, courses = self._recurrence(seen)[0], self._recurrence.courses(seen)
        signs = [np.sign(t[0])[:, None] for t in courses]
        slopes, g = [self._slopes], self._recurrence.g
        for sign in signs[:-1]:
            last = slopes[-1]
            slopes.append(g @ (sign * last) + (sign < 0.0) * last + self._slopes)
        gain = self._recurrence.out @ (signs[-1] * slopes[-1]) + self._direct
        # How far signs of t stay what they are, and actions on their side of their limits.
        rooms = [*(np.abs(t[0]) for t in courses), np.abs(1.0 - np.abs(actions))]
        steepness = [np.linalg.norm(slope, axis=1) for slope in (*slopes, gain)]
        pairs = zip(rooms, steepness, strict=True)
        distance = min(float((room / np.maximum(slope, 1e-12)).min()) for room, slope in pairs)
        free = (np.abs(actions) < 1.0)[:, None]
        return self._input_half[:, None] * np.where(free, gain, 0.0), distance

    def enclosed(
        self, centre: Real, spread: Real, radius: Real, inverse: Real
    ) -> tuple[Real, Real, Real]:
        """Enclose the inputs on sets ``centre + spread [-1, 1]^n + inverse ball(radius)``.

        Args:
            centre: shape (B, n).
            spread: shape (B, n, n).
            radius: shape (B,).
            inverse: shape (n, n).

        Returns:
            Inputs u (B, m), slopes K (B, m, n) and errors e (B, m): on a set, inputs at ``x`` are
            within ``e`` of ``u + K (x - centre)``.
        """
        map_, constants = self._recurrence, self._observed(centre)
        c = constants @ map_.slopes.T + map_.constants
        t, slope = c, np.broadcast_to(self._slopes, (len(centre), *self._slopes.shape))
        # An iteration is M |t| + t / 2 + c with a matrix M that halves distances at least.
        m, lost = map_.g - 0.5 * np.eye(len(map_.g)), np.zeros(len(centre))

        def width(slope: Real) -> Real:
            linear = np.abs(slope @ spread).sum(axis=2)
            return np.asarray(linear + radius[:, None] * np.linalg.norm(slope @ inverse, axis=2))

        for _ in range(map_.iterations):
            tilt, lift = _absolute(t, width(slope))
            lost = lost + 0.5 * np.linalg.norm(lift, axis=1)
            t = (tilt * t + lift) @ m.T + 0.5 * t + c
            slope = m @ (tilt[:, :, None] * slope) + 0.5 * slope + self._slopes
        tilt, lift = _absolute(t, width(slope))
        actions = (tilt * t + lift) @ map_.out.T + constants @ map_.direct.T + map_.shift
        gain = map_.out @ (tilt[:, :, None] * slope) + self._direct
        error = lift @ np.abs(map_.out).T + lost[:, None] * np.linalg.norm(map_.out, axis=1)
        # clip(a) is half of |a + 1| - |a - 1|.
        up, raised = _absolute(actions + 1.0, width(gain))
        down, lowered = _absolute(actions - 1.0, width(gain))
        clipped = 0.5 * (up * (actions + 1.0) + raised - down * (actions - 1.0) - lowered)
        error += 0.5 * (raised + lowered)
        return (
            self._input_middle + self._input_half * clipped,
            (self._input_half * 0.5 * (up - down))[:, :, None] * gain,
            self._input_half * error,
        )

    def equilibrium(self) -> Real:
        """Return a state that the loop leaves as it is.

        Newton's method starts in the middle of the limits, or else where the loop has come to.

        Raises:
            InputError: none is found within the limits.
        """
        state = self._middle
        for patience in (0, _PATIENCE):
            for _ in range(patience):
                state = self.after(state[None])[0]
            found = self._newton(state)
            if found is not None:
                return found
        raise InputError("the loop has no equilibrium within the limits that is found")

    def _newton(self, state: Real) -> Real | None:
        for _ in range(50):
            gain, _ = self.affine(state)
            residual = self.after(state[None])[0] - state
            loop = self.plant.a + self.plant.b @ gain - np.eye(len(state))
            state = state - np.linalg.lstsq(loop, residual, rcond=None)[0]
            if np.abs(residual).max() < 1e-13:
                break
        slack = 1e-9 * self._half
        inside = (self.plant.lower - slack <= state) & (state <= self.plant.upper + slack)
        return (
            state
            if inside.all() and np.abs(self.after(state[None])[0] - state).max() < 1e-9
            else None
        )


def _absolute(t: Real, width: Real) -> tuple[Real, Real]:
    """Return s and d such that on ``t +- width`` ``|t|`` is within d of ``s t + d``."""
    known = np.abs(t) >= width
    wide = np.where(known, 1.0, width)
    slope = np.where(known, np.sign(t), t / wide)
    return slope, np.where(known, 0.0, (width**2 - t**2) / (2.0 * wide))
