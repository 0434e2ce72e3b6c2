"""What can be proven of a learnt program as a controller, and what is only seen in samples.

Three checks, from the strongest to the weakest:

:func:`certify` proves of which states all limits are kept for ever and one equilibrium is reached.
Near the equilibrium the loop is exactly affine, and linear theory gives an ellipsoid that nothing
leaves and in which all converges. Elsewhere the limits' box is cut into cells. A cell's states are
enclosed in a tube that is carried on step by step: the cell is *proven* once its tube lies in the
ellipsoid, having kept all limits until then; *refuted* if its tube lies beyond a limit as a whole;
else it is halved. Only rounding stands between the result and a proof.

:func:`invariance_violation` is the criterion that Lu et al. (2024) publish with their code: is
there a state in a polytope that the controller leads out of it? They search for one by a bilevel
program and a local solver, here it is searched for among samples; neither finding none is a proof.

:func:`follow` plays trajectories, and :func:`residual` says how far the fixed number of iterations
is from the solution of the program, for which the published theory holds.

How tubes are carried through a layer: ``|t|`` is enclosed by the line through its values at the
ends of the interval in which ``t`` lies (as Singh et al. 2018 enclose a rectifier), exact where its
sign is known; and an iteration is a Douglas-Rachford operator (Lions & Mercier 1979), which expands
no distance, so that what has been lost to such lines adds up but does not grow.

References:
    Lions, P.-L., & Mercier, B. (1979). Splitting algorithms for the sum of two nonlinear operators.
    SIAM Journal on Numerical Analysis, 16(6), 964-979.

    Singh, G., Gehr, T., Mirman, M., Püschel, M., & Vechev, M. (2018). Fast and effective robustness
    certification. Advances in Neural Information Processing Systems, 31.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov, sqrtm

from drlapps.control.process.closed_loop import Loop
from drlapps.control.process.plant import LinearPlant, Real
from drlapps.control.process.qp_layer import QpLayer

_CHUNK = 4096
"""Cells that are looked at together."""

_ROUNDING = 1e-9
"""Share of a range by which a tube may seem beyond a limit."""

_OPEN, _PROVEN, _REFUTED = 0, 1, 2


@dataclass(frozen=True)
class Certificate:
    """States that are proven to converge within all limits.

    Attributes:
        equilibrium: to which they converge, (n,).
        radius: spectral radius of the loop near the equilibrium.
        level: of the ellipsoid ``(x - equilibrium)' S (x - equilibrium) <= level`` in which the
            loop is affine; 0 where it does not converge.
        cells: centres and half sizes of the boxes that are proven, (k, 2, n).
        share: their volume over that of the box of the limits.
        refuted: share of the box from which limits are proven to be broken.
        looked: cells that were looked at.
    """

    equilibrium: Real
    radius: float
    level: float
    cells: Real
    share: float
    refuted: float
    looked: int

    def covers(self, states: Real) -> NDArray[np.bool_]:
        """Return which of the states (B, n) are in proven cells."""
        found = np.zeros(len(states), np.bool_)
        for half in np.unique(self.cells[:, 1], axis=0):
            centres = self.cells[(self.cells[:, 1] == half).all(axis=1), 0]
            # Cells of one size lie on a grid.
            origin = centres.min(axis=0) - half
            at = np.floor((centres - origin) / (2.0 * half)).astype(np.int64)
            proven = np.zeros(at.max(axis=0) + 1, np.bool_)
            proven[tuple(at.T)] = True
            place = np.floor((states - origin) / (2.0 * half)).astype(np.int64)
            known = ((place >= 0) & (place < proven.shape)).all(axis=1)
            found[known] |= proven[tuple(place[known].T)]
        return found


def certify(
    layer: QpLayer,
    plant: LinearPlant,
    reference: Real | None = None,
    *,
    steps: int = 100,
    grid: int = 32,
    boxes: int = 100_000,
) -> Certificate:
    """Prove convergence within the limits, cell by cell; see the module.

    Args:
        layer: the controller.
        plant: as it is believed to be.
        reference: of the states, (n,), where the plant has references.
        steps: in which the ellipsoid must be reached.
        grid: cells a dimension at first.
        boxes: cells to look at, at most; more prove more.

    Raises:
        InputError: there is no reference where one is needed, or the loop has no equilibrium.
    """
    loop = Loop(layer, plant, reference)
    rest = loop.equilibrium()
    gain, distance = loop.affine(rest)
    closed = plant.a + plant.b @ gain
    radius = float(np.abs(np.linalg.eigvals(closed)).max())
    n = len(rest)
    if radius >= 1.0 or distance == 0.0:
        return Certificate(rest, radius, 0.0, np.zeros((0, 2, n)), 0.0, 0.0, 0)
    shape = solve_discrete_lyapunov(closed.T, np.eye(n))
    room = np.minimum(plant.upper - rest, rest - plant.lower)
    within = float((room**2 / np.diag(np.linalg.inv(shape))).min())
    level = min(within, float(np.linalg.eigvalsh(shape)[0]) * distance**2)
    tubes = _Tubes(loop, rest, np.real(sqrtm(shape)), level, steps)
    half = 0.5 * (plant.upper - plant.lower) / grid
    axes = [
        np.linspace(low + h, high - h, grid)
        for low, high, h in zip(plant.lower, plant.upper, half, strict=True)
    ]
    centres = np.stack([axis.ravel() for axis in np.meshgrid(*axes)], axis=1)
    corners = np.array(list(product((-0.5, 0.5), repeat=n)))
    proven, shares, looked = [], np.zeros(3), 0
    while len(centres) and looked + len(centres) <= boxes:
        looked += len(centres)
        fate = tubes.fates(centres, half)
        volume = float(np.prod(2.0 * half) / np.prod(plant.upper - plant.lower))
        shares += volume * np.bincount(fate, minlength=3)
        kept = centres[fate == _PROVEN]
        proven.append(np.stack([kept, np.broadcast_to(half, kept.shape)], axis=1))
        centres = (centres[fate == _OPEN][:, None] + corners * half).reshape(-1, n)
        half = 0.5 * half
    cells = np.concatenate(proven) if proven else np.zeros((0, 2, n))
    return Certificate(
        rest, radius, level, cells, float(shares[_PROVEN]), float(shares[_REFUTED]), looked
    )


class _Tubes:
    """Carries sets ``centre + spread [-1, 1]^n + root^-1 ball(radius)`` through a loop.

    Args:
        loop: of plant and layer.
        rest: its equilibrium, (n,).
        root: of the Lyapunov function's matrix, (n, n).
        level: of the ellipsoid in which all is proven.
        steps: after which a cell is given up.
    """

    def __init__(self, loop: Loop, rest: Real, root: Real, level: float, steps: int) -> None:
        self._loop, self._rest, self._root, self._steps = loop, rest, root, steps
        self._inverse = np.asarray(np.linalg.inv(root), np.float64)
        self._goal = np.sqrt(level)
        self._push = float(np.linalg.norm(root @ loop.plant.b, 2))
        self._slack = _ROUNDING * (loop.plant.upper - loop.plant.lower)

    def fates(self, centres: Real, half: Real) -> NDArray[np.int64]:
        """Return what is known of cells with these centres (B, n) and half a size (n,)."""
        parts = [
            self._fates(centres[start : start + _CHUNK], half)
            for start in range(0, len(centres), _CHUNK)
        ]
        return np.concatenate(parts)

    def _fates(self, centre: Real, half: Real) -> NDArray[np.int64]:
        plant = self._loop.plant
        fate, left = np.zeros(len(centre), np.int64), np.arange(len(centre))
        spread, radius = np.tile(np.diag(half), (len(centre), 1, 1)), np.zeros(len(centre))
        for _ in range(self._steps):
            reach = np.abs(spread).sum(axis=2)
            reach += radius[:, None] * np.linalg.norm(self._inverse, axis=1)
            inside = centre + reach <= plant.upper + self._slack
            inside &= centre - reach >= plant.lower - self._slack
            lost = (centre - reach > plant.upper) | (centre + reach < plant.lower)
            away = np.linalg.norm((centre - self._rest) @ self._root.T, axis=1) + radius
            away += np.linalg.norm(self._root @ spread, axis=1).sum(axis=1)
            arrived = away <= self._goal
            fate[left[lost.any(axis=1)]] = _REFUTED
            fate[left[arrived]] = _PROVEN
            on = inside.all(axis=1) & ~arrived
            if not on.any():
                break
            left, centre, spread, radius = left[on], centre[on], spread[on], radius[on]
            centre, spread, radius = self._moved(centre, spread, radius)
        return fate

    def _moved(self, centre: Real, spread: Real, radius: Real) -> tuple[Real, Real, Real]:
        """Return the sets a step later."""
        plant = self._loop.plant
        inputs, gain, error = self._loop.enclosed(centre, spread, radius, self._inverse)
        closed = plant.a + plant.b @ gain
        stretch = np.linalg.norm(self._root @ closed @ self._inverse, ord=2, axis=(1, 2))
        return (
            centre @ plant.a.T + inputs @ plant.b.T,
            closed @ spread,
            stretch * radius + self._push * np.linalg.norm(error, axis=1),
        )


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
        violating: which of them broke a limit, (B,).
        distance: from the equilibrium at the end, as a share of half of the range, (B,).
    """

    violating: NDArray[np.bool_]
    distance: Real

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which ended within a thousandth of the range of the equilibrium, (B,)."""
        return np.asarray(self.distance < 1e-3)


def follow(
    layer: QpLayer,
    plant: LinearPlant,
    starts: Real,
    reference: Real | None = None,
    steps: int = 200,
) -> Trajectories:
    """Play trajectories from states (B, n) without disturbances."""
    loop = Loop(layer, plant, reference)
    states, beyond = starts, np.zeros(len(starts), np.bool_)
    slack = 1e-6 * (plant.upper - plant.lower)
    for _ in range(steps):
        states = loop.after(states)
        beyond |= ((states > plant.upper + slack) | (states < plant.lower - slack)).any(axis=1)
    half = 0.5 * (plant.upper - plant.lower)
    return Trajectories(beyond, np.abs((states - loop.equilibrium()) / half).max(axis=1))


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
