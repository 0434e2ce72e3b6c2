"""Searches for the best settings of one laser, pulse by pulse, with the agent's own means.

A search says which settings it wants to know about; the stretcher moves there in as many steps as
the largest change asks for, firing a pulse at each. When there is just time enough to go back to
the best settings measured so far, it goes back: an episode ends with the best that the search
knows. All pulses count as evaluations.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from typing import Any, cast

import numpy as np

from drlapps.control.laser_pulse.baselines import way
from drlapps.control.laser_pulse.environment import LaserPulseEnv
from drlapps.control.laser_pulse.spectrum import Floats
from drlapps.errors import InputError
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

_THERE = 1e-6
"""Distance from settings at which one has arrived; actions are single-precision numbers."""

SCALES = np.array([1.0, 0.1, 0.1])
"""First moves along the settings, relative to each other: what the family leaves open is the GDD.

In equal moves along all three, every search fares far worse.
"""

_RANDOM_WALK = 0.25
"""Settings that a random start draws lie so far from the phase conjugate, in deviations."""

Asker = Generator[Floats, tuple[Floats, float], None]
"""Yields settings to go to, and is sent those at which a pulse was fired, with its share."""


class Search(Policy):
    """Asks for settings and is told their shares; one search a row.

    Args:
        starts: ``conjugate`` to begin where the laser is found, or ``random`` to go elsewhere.

    Raises:
        InputError: ``starts`` is neither.
    """

    def __init__(self, *, starts: str = "conjugate") -> None:
        if starts not in ("conjugate", "random"):
            raise InputError(f"starts must be conjugate or random, not {starts!r}")
        self.starts = starts

    @abstractmethod
    def search(self, start: Floats, share: float | None, rng: np.random.Generator) -> Asker:
        """Return the search from settings whose share is known if a pulse was fired there."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Begin a search a row."""
        batch = cast(LaserPulseEnv, env)
        self._best = batch.psi.copy()
        self._best_share = np.full(env.num_envs, -np.inf)
        self._searches: list[Asker] = []
        self._targets = batch.psi.copy()
        for row, laser in enumerate(env.instances):
            # Lasers have luck of their own: one for all would make means over lasers a lottery.
            rng = np.random.default_rng([seed, int(laser.hash[:16], 16)])
            start, share = batch.psi[row].copy(), float(batch.measured[row, 0])
            if self.starts == "random":
                start = np.clip(start + _RANDOM_WALK * rng.standard_normal(3), 0.0, 1.0)
            asker = self.search(start, share if self.starts == "conjugate" else None, rng)
            self._searches.append(asker)
            self._targets[row] = next(asker)

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Tell the searches of the pulses, and go where they want to, or back."""
        action: Array = self.plan(env, observations, 1)[0]
        return action

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Tell the searches of the pulses; return so many steps of the way to their points.

        Pulses that are fired before the next decision are not seen.
        """
        batch = cast(LaserPulseEnv, env)
        for row, (psi, share) in enumerate(zip(batch.psi, batch.measured[:, 0], strict=True)):
            if share > self._best_share[row]:
                self._best[row], self._best_share[row] = psi, share
            if batch.step_index[row]:
                self._targets[row] = self._searches[row].send((psi.copy(), float(share)))
        wanted = way(batch, self._targets, steps)
        after = batch.psi + batch.move_limit * wanted.sum(axis=0)
        back = np.abs(after - self._best).max(axis=1) / batch.move_limit
        too_far = np.ceil(back - _THERE) > batch.steps - batch.step_index - steps
        return np.where(too_far[:, None], way(batch, self._best, steps), wanted)


def fire(target: Floats) -> Generator[Floats, tuple[Floats, float], float]:
    """Ask for settings until a pulse was fired there, and return its share."""
    while True:
        psi, share = yield target
        if np.abs(psi - target).max() < _THERE:
            return share


class NelderMead(Search):
    """The downhill simplex method (Nelder & Mead 1965), here uphill, from the first settings.

    Points beyond the bounds are moved to them. Where the simplex has shrunk to nothing, a new one
    is begun at its best point.

    Args:
        side: of the first simplex along the GDD, as a share of its range.
        starts: as for :class:`Search`.

    Raises:
        InputError: an option is impossible.
    """

    def __init__(self, *, side: float = 0.1, starts: str = "conjugate") -> None:
        super().__init__(starts=starts)
        self.side = _share("side", side)

    def search(self, start: Floats, share: float | None, rng: np.random.Generator) -> Asker:
        """Yield the points of the simplex method."""
        value = share if share is not None else (yield from fire(start))
        point, sides = start, self.side * SCALES
        while True:
            point, value = yield from self._simplex(point, value, sides)
            sides = 0.5 * sides

    def _simplex(
        self, start: Floats, share: float, sides: Floats
    ) -> Generator[Floats, tuple[Floats, float], tuple[Floats, float]]:
        """Move one simplex until it has shrunk; return its best point and the share there."""
        points, values = [start], [share]
        for axis, side in enumerate(sides):
            corner = start.copy()
            corner[axis] += side if corner[axis] + side <= 1.0 else -side
            points.append(corner)
            values.append((yield from fire(corner)))
        while max(np.abs(point - points[0]).max() for point in points) > 1e-4:
            order = np.argsort(values)[::-1]
            points, values = [points[i] for i in order], [values[i] for i in order]
            centre = np.mean(points[:-1], axis=0)
            reflected = np.clip(2.0 * centre - points[-1], 0.0, 1.0)
            value = yield from fire(reflected)
            if value > values[0]:
                expanded = np.clip(centre + 2.0 * (reflected - centre), 0.0, 1.0)
                farther = yield from fire(expanded)
                better = farther > value
                points[-1], values[-1] = (expanded, farther) if better else (reflected, value)
            elif value > values[-2]:
                points[-1], values[-1] = reflected, value
            else:
                outside = value > values[-1]
                corner = 0.5 * (centre + (reflected if outside else points[-1]))
                contracted = yield from fire(corner)
                if contracted > max(value, values[-1]):
                    points[-1], values[-1] = corner, contracted
                else:
                    for i in range(1, len(points)):
                        points[i] = 0.5 * (points[0] + points[i])
                        values[i] = yield from fire(points[i])
        best = int(np.argmax(values))
        return points[best], values[best]


class CmaEs(Search):
    """Covariance matrix adaptation evolution strategy (Hansen 2016), as in package ``cmaes``.

    Args:
        sigma: first standard deviation of the GDD, as a share of its range.
        population: points a generation.
        starts: as for :class:`Search`.

    Raises:
        InputError: an option is impossible.
    """

    def __init__(
        self, *, sigma: float = 0.1, population: int = 5, starts: str = "conjugate"
    ) -> None:
        super().__init__(starts=starts)
        self.sigma = _share("sigma", sigma)
        if isinstance(population, bool) or not isinstance(population, int) or population < 4:
            raise InputError(f"population must be a whole number above 3, not {population!r}")
        self.population = population

    def search(self, start: Floats, share: float | None, rng: np.random.Generator) -> Asker:
        """Yield the points of one generation after the other."""
        from cmaes import CMA

        strategy = CMA(
            mean=start,
            sigma=self.sigma,
            cov=np.diag(SCALES**2),
            bounds=np.tile([0.0, 1.0], (3, 1)),
            seed=int(rng.integers(2**31)),
            population_size=self.population,
        )
        while True:
            told = []
            for _ in range(self.population):
                point = strategy.ask()
                told.append((point, -(yield from fire(point))))
            strategy.tell(told)


class Bayesian(Search):
    """Bayesian optimisation by a Gaussian process: Optuna's sampler, which maximises log EI.

    All pulses are data, those on the way from one point to the next, too.

    Args:
        startup: random points before the process decides.
        width: the process decides within so much of the first GDD, to either side, as a share of
            its range.
        starts: as for :class:`Search`.

    Raises:
        InputError: an option is impossible.
    """

    def __init__(self, *, startup: int = 2, width: float = 0.35, starts: str = "conjugate") -> None:
        super().__init__(starts=starts)
        if isinstance(startup, bool) or not isinstance(startup, int) or startup < 1:
            raise InputError(f"startup must be a whole number above 0, not {startup!r}")
        self.startup, self.width = startup, _share("width", width)

    def search(self, start: Floats, share: float | None, rng: np.random.Generator) -> Asker:
        """Yield the points that promise most."""
        study, box = self._study(rng), self._box(start)
        if share is not None:
            self._add(study, box, start, share)
        while True:
            trial = study.ask(box)
            target = np.array([trial.params[name] for name in box])
            while True:
                psi, found = yield target
                if np.abs(psi - target).max() < _THERE:
                    study.tell(trial, found)
                    break
                self._add(study, box, psi, found)

    def _box(self, start: Floats) -> dict[str, Any]:
        from optuna.distributions import FloatDistribution

        ends = np.clip(start + self.width * np.outer([-1.0, 1.0], SCALES), 0.0, 1.0).T.tolist()
        return {
            name: FloatDistribution(low, high)
            for name, (low, high) in zip(("gdd", "tod", "fod"), ends, strict=True)
        }

    def _study(self, rng: np.random.Generator) -> Any:
        import warnings

        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.GPSampler(
                seed=int(rng.integers(2**31)), n_startup_trials=self.startup
            )
        return optuna.create_study(direction="maximize", sampler=sampler)

    def _add(self, study: Any, box: dict[str, Any], psi: Floats, share: float) -> None:
        from optuna.trial import create_trial

        params = dict(zip(box, psi.tolist(), strict=True))
        if all(d.low <= params[name] <= d.high for name, d in box.items()):
            study.add_trial(create_trial(params=params, distributions=box, value=share))


def _share(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value <= 1.0:
        raise InputError(f"{name} must be a number above 0, at most 1, not {value!r}")
    return float(value)
