"""Episodes of a process, and pools of those of a linear plant.

Path ``K`` of a plant always has the same initial state, the same reference and the same luck,
whatever is changed about the plant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drlapps.control.process.plant import Changes, LinearPlant, Process, Real
from drlapps.errors import InputError

_DISTURBANCE, _ERROR, _START = 1, 2, 3
"""Streams of an episode's seed."""

_TRIES = 10_000

Range = float | Sequence[float]
"""A number, or the two ends between which one is drawn."""


@dataclass(frozen=True, eq=False)
class Episode:
    """A process with a start, references and the luck of all steps.

    Attributes:
        name: of the episode.
        belief: the process as controllers know it.
        truth: the process as it is.
        initial: first state, (n,).
        references: of the states before each step and after the last, (T + 1, n).
        seed: of disturbances and errors of measurement.
        noise: standard deviation of the disturbance of every state in every step.
        measurement_noise: standard deviation of what is measured amiss, as a share of half of the
            range between the limits of a state.
        reference: the best value of the task's metric, where it is known.
    """

    name: str
    belief: Process
    truth: Process
    initial: Real
    references: Real
    seed: int = 0
    noise: float = 0.0
    measurement_noise: float = 0.0
    reference: float | None = None

    @cached_property
    def disturbances(self) -> Real:
        """What is added to the state in each step, (T, n)."""
        return self.noise * self._normal(_DISTURBANCE)[1:]

    @cached_property
    def errors(self) -> Real:
        """What is measured beside the state before each step and after the last, (T + 1, n)."""
        half = 0.5 * (self.truth.upper - self.truth.lower)
        return self.measurement_noise * half * self._normal(_ERROR)

    def _normal(self, stream: int) -> Real:
        rng = np.random.default_rng([self.seed, stream])
        return rng.standard_normal(self.references.shape)

    @property
    def bound(self) -> float | None:
        """The reference: where it is known, no policy passes it."""
        return self.reference

    @cached_property
    def hash(self) -> str:
        """Digest of all but the name."""
        numbers = repr((self.noise, self.measurement_noise, self.seed))
        found = hashlib.sha256((self.belief.digest + self.truth.digest + numbers).encode())
        found.update(self.initial.tobytes() + self.references.tobytes())
        return found.hexdigest()


def seed_of(label: str, number: int) -> int:
    """Return the seed of a numbered path of any process."""
    digest = hashlib.sha256(f"{label}:{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def episode(plant: LinearPlant, seed: int, changes: Changes, name: str) -> Episode:
    """Return an episode from an initial state and with a reference drawn by the seed.

    Raises:
        InputError: no initial state lies within the plant's cuts.
    """
    rng = np.random.default_rng([seed, _START])
    initial, reference = _start(plant, rng), rng.uniform(plant.references[0], plant.references[1])
    return Episode(
        name,
        plant,
        plant.changed(changes, seed),
        initial,
        np.tile(reference, (plant.steps + 1, 1)),
        seed,
        changes.noise,
        changes.measurement_noise,
    )


def _start(plant: LinearPlant, rng: np.random.Generator) -> Real:
    for _ in range(_TRIES):
        found: Real = rng.uniform(plant.initial[0], plant.initial[1])
        if (plant.cuts[:, :-1] @ found <= plant.cuts[:, -1]).all():
            return found
    raise InputError(f"{plant.name}: no initial state lies within the cuts")


@dataclass(frozen=True)
class RandomEpisodes:
    """A pool without end.

    Attributes:
        plant: as controllers know it.
        low: the least changes.
        high: the largest changes; each is drawn between its ends, evenly.
    """

    plant: LinearPlant
    low: Changes
    high: Changes

    def sample(self, rng: np.random.Generator) -> Episode:
        """Draw changes, a start and luck."""
        low, high = vars(self.low), vars(self.high)
        drawn = {k: between(low[k], high[k], rng) for k in low}
        return episode(self.plant, int(rng.integers(2**63)), Changes(**drawn), "random")

    def largest(self) -> Episode:
        """Return one of the episodes, which all have the same size."""
        return episode(self.plant, 0, self.high, "largest")


def between(low: float, high: float, rng: np.random.Generator) -> float:
    """Return a number between two ends; it takes no luck where they are the same."""
    return low if low == high else float(rng.uniform(low, high))


def ends(ranges: Mapping[str, Range]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the lower and upper ends of numbers and ranges, by name.

    Raises:
        InputError: one is neither a number nor two in order.
    """
    low, high = {}, {}
    for name, given in ranges.items():
        pair = list(given) if isinstance(given, Sequence) else [given, given]
        numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in pair)
        if isinstance(given, str) or len(pair) != 2 or not numbers or pair[0] > pair[1]:
            raise InputError(f"{name} must be a number or two in order, not {given!r}")
        low[name], high[name] = pair
    return low, high


def endless(plant: LinearPlant, ranges: Mapping[str, Range]) -> RandomEpisodes:
    """Return the pool without end of a plant whose changes lie in ranges.

    Raises:
        InputError: a range is none, or holds impossible numbers.
    """
    low, high = ends(ranges)
    return RandomEpisodes(plant, Changes(**low), Changes(**high))


def numbered(
    plant: LinearPlant, numbers: Iterable[int], changes: Changes, prefix: str = ""
) -> tuple[Episode, ...]:
    """Return the paths of a plant with the given numbers.

    Args:
        plant: as controllers know it.
        numbers: which.
        changes: how the true one differs.
        prefix: of names and seeds; other prefixes are other paths.
    """
    return tuple(
        episode(plant, seed_of(prefix, number), changes, f"{prefix}{plant.name}:{number}")
        for number in numbers
    )
