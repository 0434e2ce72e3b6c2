"""Pools of fisheries, and fisheries by name.

==================== =======================================================================
pool                 fisheries
==================== =======================================================================
``train``            :class:`RandomFisheries`: paths of a model without end, its rates changed
                     at random within the ranges one asks for
``validation``       256 paths of a model, ``model-3`` unless told otherwise
``test``             256 paths of ``model-3``
``model-1``          256 paths of ``model-1``; ``model-2`` and ``model-4`` likewise
``toy``              three fisheries without luck, of one to three years, solved by hand
==================== =======================================================================

A fishery is named ``MODEL:K``, path ``K`` of the luck of all its years; ``A..B`` in place of ``K``
is a range, and without ``K`` it is path 0. The models are ``model-1`` to ``model-4``; a file ending
in .toml holds one's own (see :mod:`.files`). Path ``K`` is the same luck in every model, and
whatever is changed about it.

Settings change the fishery and leave the belief of those who manage it: controllers that are tuned
to a model, or plan with one, go on with the unchanged one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drlapps import naming
from drlapps.control.fishery import files
from drlapps.control.fishery.stocks import MODELS, Changes, Species, StockModel
from drlapps.errors import InputError, unknown

TEST_PATHS = VALIDATION_PATHS = 256

_FIRST_VALIDATION = 1_000_000
"""Number of the first validation path: named ones lie far below."""

_SURVEY = 1
"""Marks the stream of the errors of observation."""

Range = float | Sequence[float]
"""A number, or the two ends between which one is drawn."""


@dataclass(frozen=True)
class Fishery:
    """A model, how the fishery differs from it, and the luck of its years.

    Attributes:
        name: of the fishery.
        belief: the model that its managers know.
        seed: of the luck.
        changes: how the fishery differs from the belief.
        reference: the best return there is, where it is known.
    """

    name: str
    belief: StockModel
    seed: int
    changes: Changes = Changes()
    reference: float | None = None

    @cached_property
    def model(self) -> StockModel:
        """The fishery as it is."""
        return self.changes.of(self.belief)

    @cached_property
    def luck(self) -> NDArray[np.float64]:
        """Standard normal numbers, (T, S)."""
        shape = self.model.years, len(self.model.species)
        return np.random.default_rng(self.seed).standard_normal(shape)

    @cached_property
    def survey(self) -> NDArray[np.float64]:
        """Observed stocks as a share of the true ones before each year and after the last."""
        shape, sigma = (self.model.years + 1, len(self.model.species)), self.changes
        if not (deviation := sigma.observation_noise):
            return np.ones(shape)
        errors = np.random.default_rng([self.seed, _SURVEY]).standard_normal(shape)
        return np.exp(deviation * errors - 0.5 * deviation**2)

    @property
    def bound(self) -> float | None:
        """The reference: where it is known, no policy passes it."""
        return self.reference

    @cached_property
    def hash(self) -> str:
        """Digest of all but the name."""
        content = [self.belief.hash, asdict(self.changes), self.seed]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True)
class RandomFisheries:
    """A pool without end.

    Attributes:
        belief: the model.
        low: the least changes.
        high: the largest changes; each is drawn between its ends, evenly.
    """

    belief: StockModel
    low: Changes
    high: Changes

    def sample(self, rng: np.random.Generator) -> Fishery:
        """Draw changes and luck."""
        ends = zip(vars(self.low).items(), vars(self.high).values(), strict=True)
        drawn = {
            name: low if low == high else _between(low, high, rng) for (name, low), high in ends
        }
        # Named paths have seeds of 63 bits, too: that two are equal is out of the question.
        return Fishery("random", self.belief, int(rng.integers(2**63)), Changes(**drawn))

    def largest(self) -> Fishery:
        """Return one of the fisheries, which all have the same size."""
        return Fishery("largest", self.belief, 0, self.high)


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high + 1))
    return float(rng.uniform(low, high))


def train(
    model: str = "model-3",
    growth_scale: Range = 1.0,
    capacity_scale: Range = 1.0,
    mortality_scale: Range = 1.0,
    predation_scale: Range = 1.0,
    conversion_scale: Range = 1.0,
    competition_scale: Range = 1.0,
    noise_scale: Range = 1.0,
    initial_scale: Range = 1.0,
    observation_noise: Range = 0.0,
    delay: Range = 0,
) -> RandomFisheries:
    """Return the pool to train on.

    Args:
        model: name of a published model, or a file with one's own.
        growth_scale: factor of all growth rates, or the two ends between which it is drawn anew
            for every episode, as for all that follow; see :class:`.stocks.Changes`.
        capacity_scale: of all capacities.
        mortality_scale: of all rates of natural death.
        predation_scale: of what predators eat at most.
        conversion_scale: of what predators grow by prey.
        competition_scale: of all rates of competition.
        noise_scale: of all deviations of the yearly luck.
        initial_scale: of all initial stocks.
        observation_noise: deviation of the logarithm of observed stocks.
        delay: years by which the observed stocks are old.

    Raises:
        InputError: there is no such model, or a range is impossible.
    """
    ranges = {name: value for name, value in locals().items() if name != "model"}
    low, high = {}, {}
    for name, value in ranges.items():
        ends = list(value) if isinstance(value, list | tuple) else [value, value]
        if len(ends) != 2:
            raise InputError(f"{name} must be a number or a range [low, high], not {value!r}")
        low[name], high[name] = ends
    pool = RandomFisheries(_belief(model), Changes(**low), Changes(**high))
    for name in ranges:
        if getattr(pool.low, name) > getattr(pool.high, name):
            raise InputError(f"{name}: the range {ranges[name]!r} has no numbers")
    return pool


def validation(model: str = "model-3") -> tuple[Fishery, ...]:
    """Return 256 paths of a model.

    Raises:
        InputError: there is no such model.
    """
    numbers = range(_FIRST_VALIDATION, _FIRST_VALIDATION + VALIDATION_PATHS)
    paths = [_path(model, number, Changes()) for number in numbers]
    return tuple(
        replace(one, name=f"validation-{model}:{number}") for number, one in enumerate(paths)
    )


def test() -> tuple[Fishery, ...]:
    """Return 256 paths of ``model-3``."""
    return _paths("model-3")


def model_1() -> tuple[Fishery, ...]:
    """Return 256 paths of ``model-1``."""
    return _paths("model-1")


def model_2() -> tuple[Fishery, ...]:
    """Return 256 paths of ``model-2``."""
    return _paths("model-2")


def model_4() -> tuple[Fishery, ...]:
    """Return 256 paths of ``model-4``."""
    return _paths("model-4")


def _paths(model: str) -> tuple[Fishery, ...]:
    return tuple(_path(model, number, Changes()) for number in range(TEST_PATHS))


def toy() -> tuple[Fishery, ...]:
    """Return three fisheries of one to three years whose best return one can work out.

    Two species that grow by the logistic law with ``r = K = 1`` and a third that nothing happens
    to; no luck, no interaction, and losing a species takes off more than all there is to catch.
    What escapes, ``s``, becomes ``2 s - s^2``. A species is lost unless that exceeds 0.05, so
    ``s > f = 1 - sqrt(0.95) = 0.025321``: what is best in the last year is to leave just more than
    ``f``. The best return is thus a supremum that no policy quite attains.

    **toy-last**: one year, stocks of 0.5 each: ``2 (0.5 - f) = 0.949359``.

    **toy-growth**: two years, stocks of 0.75. Of each, ``0.75 - s`` now and ``2 s - s^2 - f`` later
    is most at ``s = 0.5``, where growth is: 0.25 and ``0.75 - f``: ``2 (1 - f) = 1.949359``.

    **toy-yield**: three years, the same stocks. 0.25 twice, the maximum sustainable yield, and then
    ``0.75 - f``: ``2 (1.25 - f) = 2.449359``.
    """
    floor = 1.0 - np.sqrt(0.95)

    def fishery(name: str, stock: float, years: int) -> Fishery:
        x, y = (Species(one, stock, 1.0, 1.0, noise=0.0, price=1.0) for one in "XY")
        model = StockModel((x, y, Species("Z", 0.7, noise=0.0)), years=years)
        # Half of the last unit of growth is had in each year but the last.
        best = 2.0 * (stock + 0.25 * (years - 1) - floor)
        return Fishery(name, model, 0, reference=float(best))

    return (
        fishery("toy-last", 0.5, 1),
        fishery("toy-growth", 0.75, 2),
        fishery("toy-yield", 0.75, 3),
    )


def named(
    words: Iterable[str],
    growth_scale: float = 1.0,
    capacity_scale: float = 1.0,
    mortality_scale: float = 1.0,
    predation_scale: float = 1.0,
    conversion_scale: float = 1.0,
    competition_scale: float = 1.0,
    noise_scale: float = 1.0,
    initial_scale: float = 1.0,
    observation_noise: float = 0.0,
    delay: int = 0,
) -> list[Fishery]:
    """Return the fisheries that the given words name, in their order.

    The other arguments change them as in :class:`.stocks.Changes`.

    Raises:
        InputError: there is no such fishery, a number is impossible, or a file is malformed.
    """
    settings = {name: value for name, value in locals().items() if name != "words"}
    changes = Changes(**settings)
    fixed = [] if changes != Changes() else [*toy(), *validation()]
    return naming.paths(words, fixed, lambda model, number: _path(model, number, changes))


def _path(model: str, number: int, changes: Changes) -> Fishery:
    digest = hashlib.sha256(f"fishery:{number}".encode()).digest()
    name = Path(model).stem if model.endswith(files.SUFFIX) else model
    seed = int.from_bytes(digest[:8], "big") >> 1
    return Fishery(f"{name}:{number}", _belief(model), seed, changes)


def _belief(model: str) -> StockModel:
    if str(model).endswith(files.SUFFIX):
        return files.read(Path(model))
    return published(str(model))


@cache
def published(name: str) -> StockModel:
    """Return a published model.

    Raises:
        InputError: there is none of that name.
    """
    if name not in MODELS:
        raise unknown("fishery", name, MODELS)
    return MODELS[name]()
