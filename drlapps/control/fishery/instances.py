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
to a model, or plan with one, go on with the unchanged one. Every pool but ``toy`` and all names
take the settings of :class:`.stocks.Changes`, each a number or, for a family of fisheries, the two
ends ``[low, high]`` between which every path has its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property, wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from drlapps import naming
from drlapps.control.fishery import files
from drlapps.control.fishery.stocks import MODELS, Changes, Species, StockModel
from drlapps.errors import InputError, unknown

TEST_PATHS = VALIDATION_PATHS = 256

_FIRST_VALIDATION = 1_000_000
"""Number of the first validation path: named ones lie far below."""

_SURVEY, _FAMILY = 1, 2
"""Mark the streams of the errors of observation and of the changes within a family."""

AS_BELIEVED = Changes()
"""None at all."""

Made = TypeVar("Made")


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
    changes: Changes = AS_BELIEVED
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
class Family:
    """Changes from which a fishery has its own.

    Attributes:
        low: the least.
        high: the largest.
    """

    low: Changes = AS_BELIEVED
    high: Changes = AS_BELIEVED

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Family:
        """Return the family that numbers and ranges ``[low, high]`` describe.

        Raises:
            InputError: a range has no numbers, or there is no such change.
        """
        low, high = {}, {}
        for name, value in settings.items():
            ends = list(value) if isinstance(value, list | tuple) else [value, value]
            if len(ends) != 2:
                raise InputError(f"{name} must be a number or a range [low, high], not {value!r}")
            low[name], high[name] = ends
        family = cls(Changes(**low), Changes(**high))
        for name, value in settings.items():
            if low[name] > high[name]:
                raise InputError(f"{name}: the range {value!r} has no numbers")
        return family

    def draw(self, rng: np.random.Generator) -> Changes:
        """Draw every change between its ends, evenly."""
        drawn = vars(self.low).copy()
        for name, high in vars(self.high).items():
            if (low := drawn[name]) != high:
                whole = name == "delay"
                drawn[name] = float(
                    rng.integers(int(low), int(high) + 1) if whole else rng.uniform(low, high)
                )
        return Changes(**drawn)


@dataclass(frozen=True)
class RandomFisheries:
    """A pool without end.

    Attributes:
        belief: the model.
        family: of the changes.
    """

    belief: StockModel
    family: Family

    def sample(self, rng: np.random.Generator) -> Fishery:
        """Draw changes and luck."""
        changes = self.family.draw(rng)
        # Named paths have seeds of 63 bits, too: that two are equal is out of the question.
        return Fishery("random", self.belief, int(rng.integers(2**63)), changes)

    def largest(self) -> Fishery:
        """Return one of the fisheries, which all have the same size."""
        return Fishery("largest", self.belief, 0, self.family.high)


def _with_changes(function: Callable[..., Made]) -> Callable[..., Made]:
    """Let a function of a ``family`` take the fields of :class:`.stocks.Changes` in its place."""
    own = signature(function)
    names = vars(AS_BELIEVED)

    @wraps(function)
    def called(*given: Any, **settings: Any) -> Made:
        changes = {name: settings.pop(name) for name in names if name in settings}
        return function(*given, family=Family.of(changes), **settings)

    kept = [one for one in own.parameters.values() if one.name != "family"]
    added = [Parameter(name, Parameter.KEYWORD_ONLY, default=names[name]) for name in names]
    called.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    return called


@_with_changes
def train(model: str = "model-3", *, family: Family) -> RandomFisheries:
    """Return the pool to train on: a published model, or a file with one's own.

    Raises:
        InputError: there is no such model, or a range is impossible.
    """
    return RandomFisheries(_belief(model), family)


@_with_changes
def validation(model: str = "model-3", *, family: Family) -> tuple[Fishery, ...]:
    """Return 256 paths of a model.

    Raises:
        InputError: there is no such model, or a range is impossible.
    """
    numbers = range(_FIRST_VALIDATION, _FIRST_VALIDATION + VALIDATION_PATHS)
    return tuple(
        replace(_path(model, number, family), name=f"validation-{model}:{number - numbers.start}")
        for number in numbers
    )


@_with_changes
def test(*, family: Family) -> tuple[Fishery, ...]:
    """Return 256 paths of ``model-3``."""
    return _paths("model-3", family)


@_with_changes
def model_1(*, family: Family) -> tuple[Fishery, ...]:
    """Return 256 paths of ``model-1``."""
    return _paths("model-1", family)


@_with_changes
def model_2(*, family: Family) -> tuple[Fishery, ...]:
    """Return 256 paths of ``model-2``."""
    return _paths("model-2", family)


@_with_changes
def model_4(*, family: Family) -> tuple[Fishery, ...]:
    """Return 256 paths of ``model-4``."""
    return _paths("model-4", family)


def _paths(model: str, family: Family) -> tuple[Fishery, ...]:
    return tuple(_path(model, number, family) for number in range(TEST_PATHS))


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


@_with_changes
def named(words: Iterable[str], *, family: Family) -> list[Fishery]:
    """Return the fisheries that the given words name, in their order.

    Raises:
        InputError: there is no such fishery, a number is impossible, or a file is malformed.
    """
    fixed = [*toy(), *validation()] if family == Family() else []
    return naming.paths(words, fixed, lambda model, number: _path(model, number, family))


def _path(model: str, number: int, family: Family) -> Fishery:
    digest = hashlib.sha256(f"fishery:{number}".encode()).digest()
    name = Path(model).stem if model.endswith(files.SUFFIX) else model
    seed = int.from_bytes(digest[:8], "big") >> 1
    changes = family.draw(np.random.default_rng([seed, _FAMILY]))
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
