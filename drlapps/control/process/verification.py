"""What can be proven of a learnt program as a controller, and what is only seen in samples.

For plants without references. Three checks, from the strongest to the weakest:

:func:`certify` proves that a set of states is positively invariant, so that no limit is broken from
any of its states, and that all of them converge to one equilibrium. The set is a level set of a
quadratic Lyapunov function ``V`` of the loop as it is linearised at the equilibrium. Near the
equilibrium the layer is exactly affine, and linear theory holds; elsewhere the set is covered by
boxes, on each of which ``V`` must decrease for all states by a Lipschitz bound of the layer. Where
a box cannot be decided, the level is lowered below it. Only rounding stands between the result and
a proof.

The bound rests on the layer's structure: an iteration is a Douglas-Rachford operator, which expands
no distance, so that after ``k`` iterations ``t`` moves at most ``k + 1`` times as far as ``c``.

:func:`invariance_violation` is the criterion that Lu et al. (2024) publish with their code: is
there a state in a polytope that the controller leads out of it? They search for one by a bilevel
program and a local solver, here it is searched for among samples; neither finding none is a proof.

:func:`follow` plays trajectories, and :func:`residual` says how far the fixed number of iterations
is from the solution of the program, for which the published theory holds.

References:
    Lions, P.-L., & Mercier, B. (1979). Splitting algorithms for the sum of two nonlinear operators.
    SIAM Journal on Numerical Analysis, 16(6), 964-979.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy.linalg import solve_discrete_lyapunov, sqrtm

from drlapps.control.process.plant import LinearPlant, Real
from drlapps.control.process.qp_layer import QpLayer, Recurrence
from drlapps.errors import InputError

_GRID, _DEPTH = 32, 10
"""Boxes a dimension at first, and how often one is halved."""

_CHUNK = 100_000


@dataclass(frozen=True)
class Certificate:
    """A set of states that is proven to be a region of attraction within all limits.

    Attributes:
        equilibrium: to which its states converge, (n,).
        shape: S, (n, n): the set is ``(x - equilibrium)' S (x - equilibrium) <= level``.
        level: 0 where nothing could be proven.
        radius: spectral radius of the loop near the equilibrium.
        affine_level: level up to which the loop is exactly affine.
        share: volume of the set over that of the box of the limits.
        boxes: how many were looked at.
    """

    equilibrium: Real
    shape: Real
    level: float
    radius: float
    affine_level: float
    share: float
    boxes: int


class Loop:
    """A plant in closed loop with a learnt program, in double precision.

    Args:
        layer: whose first variables are the actions.
        plant: without references.

    Raises:
        InputError: the plant has references.
    """

    def __init__(self, layer: QpLayer, plant: LinearPlant) -> None:
        if plant.tracked:
            raise InputError(f"{plant.name} has references: its loop has no one equilibrium")
        self.plant = plant
        self._middle = 0.5 * (plant.lower + plant.upper)
        self._half = 0.5 * (plant.upper - plant.lower)
        self._input_middle = 0.5 * (plant.input_lower + plant.input_upper)
        self._input_half = 0.5 * (plant.input_upper - plant.input_lower)
        self._recurrence = Recurrence.of(layer, len(plant.inputs), np.float64)
        # By states instead of observations.
        self._slopes = self._recurrence.slopes / self._half
        self._direct = self._recurrence.direct / self._half

    def inputs(self, states: Real) -> Real:
        """Return the inputs at the states (B, n), within their limits."""
        actions = self._recurrence((states - self._middle) / self._half)
        return np.asarray(self._input_middle + self._input_half * np.clip(actions, -1.0, 1.0))

    def after(self, states: Real) -> Real:
        """Return the states (B, n) a step later."""
        return np.asarray(states @ self.plant.a.T + self.inputs(states) @ self.plant.b.T)

    def lipschitz(self) -> float:
        """Return a bound of how far inputs move for a distance of states (both Euclidean)."""
        t = (self._recurrence.iterations + 1) * np.linalg.norm(self._slopes, 2)
        actions = np.linalg.norm(self._recurrence.out, 2) * t + np.linalg.norm(self._direct, 2)
        return float(np.max(self._input_half) * actions)

    def affine(self, state: Real) -> tuple[Real, float]:
        """Return the slope of the inputs at a state, (m, n), and within which distance it holds.

        The distance is 0 where inputs are at a limit or a kink is met.
        """
        seen = ((state - self._middle) / self._half)[None]
        actions, courses = self._recurrence(seen), self._recurrence.courses(seen)
        signs = [np.sign(t[0])[:, None] for t in courses]
        slopes, g = [self._slopes], self._recurrence.g
        for sign in signs[:-1]:
            last = slopes[-1]
            slopes.append(g @ (sign * last) + (sign < 0.0) * last + self._slopes)
        gain = self._recurrence.out @ (signs[-1] * slopes[-1]) + self._direct
        # How far signs of t stay what they are, and actions within their limits.
        rooms = [*(np.abs(t[0]) for t in courses), 1.0 - np.abs(actions[0])]
        steepness = [np.linalg.norm(slope, axis=1) for slope in (*slopes, gain)]
        pairs = zip(rooms, steepness, strict=True)
        distance = min(float((room / np.maximum(slope, 1e-12)).min()) for room, slope in pairs)
        return self._input_half[:, None] * gain, max(distance, 0.0)

    def equilibrium(self) -> Real:
        """Return the state near the origin that the loop leaves as it is.

        Raises:
            InputError: Newton's method finds none within the limits.
        """
        state = np.zeros(len(self._middle))
        for _ in range(50):
            gain, _ = self.affine(state)
            residual = self.after(state[None])[0] - state
            loop = self.plant.a + self.plant.b @ gain - np.eye(len(state))
            state = state - np.linalg.lstsq(loop, residual, rcond=None)[0]
            if np.abs(residual).max() < 1e-13:
                break
        inside = ((self.plant.lower < state) & (state < self.plant.upper)).all()
        if not inside or np.abs(self.after(state[None])[0] - state).max() > 1e-9:
            raise InputError("the loop has no equilibrium that Newton's method finds")
        return state


def certify(layer: QpLayer, plant: LinearPlant, boxes: int = 4_000_000) -> Certificate:
    """Prove a region of attraction within the limits; see the module.

    Args:
        layer: the controller.
        plant: without references; boxes are for two or three states.
        boxes: how many to look at, at most; more prove more.

    Raises:
        InputError: the plant has references, or the loop no equilibrium.
    """
    loop = Loop(layer, plant)
    rest = loop.equilibrium()
    gain, distance = loop.affine(rest)
    closed = plant.a + plant.b @ gain
    radius = float(np.abs(np.linalg.eigvals(closed)).max())
    n = len(rest)
    if radius >= 1.0 or distance == 0.0:
        return Certificate(rest, np.eye(n), 0.0, radius, 0.0, 0.0, 0)
    shape = solve_discrete_lyapunov(closed.T, np.eye(n))
    room = np.minimum(plant.upper - rest, rest - plant.lower)
    most = float((room**2 / np.diag(np.linalg.inv(shape))).min())
    affine = min(most, float(np.linalg.eigvalsh(shape)[0]) * distance**2)
    level, looked = _largest_level(loop, rest, shape, affine, most, boxes)
    ball = np.pi ** (n / 2) / math.gamma(n / 2 + 1)
    volume = ball * level ** (n / 2) / np.sqrt(np.linalg.det(shape))
    share = float(volume / np.prod(plant.upper - plant.lower))
    return Certificate(rest, shape, level, radius, affine, share, looked)


def _largest_level(
    loop: Loop, rest: Real, shape: Real, affine: float, most: float, boxes: int
) -> tuple[float, int]:
    """Return the largest level below which ``V`` is proven to decrease, and the boxes it took."""
    root = np.real(sqrtm(shape))
    n = len(rest)
    moved, pushed = root @ loop.plant.a, float(np.linalg.norm(root @ loop.plant.b, 2))
    span = float(np.linalg.norm(loop.plant.input_upper - loop.plant.input_lower))
    lipschitz = loop.lipschitz()
    reach = np.sqrt(most * np.diag(np.linalg.inv(shape)))
    corners = np.array(list(product((-1.0, 1.0), repeat=n)))
    half = reach / _GRID
    axes = [np.linspace(-r + h, r - h, _GRID) for r, h in zip(reach, half, strict=True)]
    centres = np.stack([axis.ravel() for axis in np.meshgrid(*axes)], axis=1)
    level, looked = np.sqrt(most), 0
    for depth in range(_DEPTH + 1):
        size = corners * half
        own = float(np.linalg.norm(size @ root.T, axis=1).max())
        carried = float(np.linalg.norm(size @ moved.T, axis=1).max())
        forced = pushed * min(lipschitz * float(np.linalg.norm(half)), span)
        open_, lowest = [], []
        for start in range(0, len(centres), _CHUNK):
            part = centres[start : start + _CHUNK]
            now = np.linalg.norm(part @ root.T, axis=1)
            near = now - own < level
            part, now = part[near], now[near]
            then = np.linalg.norm((loop.after(part + rest) - rest) @ root.T, axis=1)
            proven = (then + carried + forced < now - own) | (now + own <= np.sqrt(affine))
            open_.append(part[~proven])
            lowest.append(now[~proven] - own)
        looked += len(centres)
        centres, low = np.concatenate(open_), np.concatenate(lowest)
        if not len(centres):
            break
        last = depth == _DEPTH or looked + len(centres) * 2**n > boxes
        if last:
            level = max(float(low.min()), float(np.sqrt(affine)))
            break
        half = 0.5 * half
        centres = (centres[:, None] + corners * half).reshape(-1, n)
    return level**2, looked


def invariance_violation(
    layer: QpLayer, plant: LinearPlant, half_spaces: Real, samples: int = 100_000, seed: int = 0
) -> float:
    """Return by how much a step leads out of a polytope at most, among samples of its states.

    Args:
        layer: the controller.
        plant: without references.
        half_spaces: rows (F, g) of ``F x <= g``, to which the limits are added, (k, n + 1).
        samples: drawn evenly from the box of the limits; those outside the polytope are left out.
        seed: of the samples.

    Returns:
        The largest ``F x' - g``, each row scaled to length 1; not above 0 if no violation is found.
    """
    n = len(plant.states)
    box = np.concatenate([np.c_[np.eye(n), plant.upper], np.c_[-np.eye(n), -plant.lower]])
    rows = np.concatenate([half_spaces, box])
    rows = rows / np.linalg.norm(rows[:, :-1], axis=1, keepdims=True)
    states = np.random.default_rng(seed).uniform(plant.lower, plant.upper, (samples, n))
    states = states[(states @ rows[:, :-1].T <= rows[:, -1]).all(axis=1)]
    moved = Loop(layer, plant).after(states)
    return float((moved @ rows[:, :-1].T - rows[:, -1]).max())


@dataclass(frozen=True)
class Trajectories:
    """What trajectories showed.

    Attributes:
        violating: share of them that broke a limit.
        converged: share of them that ended within a thousandth of the range of the equilibrium.
        farthest: largest distance from it at the end, as a share of half of the range.
    """

    violating: float
    converged: float
    farthest: float


def follow(layer: QpLayer, plant: LinearPlant, starts: Real, steps: int = 200) -> Trajectories:
    """Play trajectories from states (B, n) without disturbances."""
    loop = Loop(layer, plant)
    states, beyond = starts, np.zeros(len(starts), np.bool_)
    slack = 1e-6 * (plant.upper - plant.lower)
    for _ in range(steps):
        states = loop.after(states)
        beyond |= ((states > plant.upper + slack) | (states < plant.lower - slack)).any(axis=1)
    half = 0.5 * (plant.upper - plant.lower)
    distance = np.abs((states - loop.equilibrium()) / half).max(axis=1)
    return Trajectories(
        float(beyond.mean()), float((distance < 1e-3).mean()), float(distance.max())
    )


def residual(layer: QpLayer, observations: Real, iterations: int = 10_000) -> float:
    """Return how far actions are from those of the solved programs at most.

    Args:
        layer: the controller.
        observations: shape (B, d).
        iterations: after which a program counts as solved.
    """
    seen = torch.as_tensor(observations, dtype=layer.root.dtype)
    used = layer.iterations
    with torch.no_grad():
        few = layer(seen)
        try:
            layer.iterations = iterations
            many = layer(seen)
        finally:
            layer.iterations = used
    return float((few - many).abs().max())
