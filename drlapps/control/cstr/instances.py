"""Pools of episodes of the reactor, and episodes by name.

=============  ================================================================================
pool           episodes
=============  ================================================================================
``train``      :class:`RandomReactors`: without end, the reactor changed at random within the
               ranges one asks for
``validation`` 60 paths
``test``       60 episodes: ``published`` and ``cstr:0..58``
``toy``        two episodes without reaction, solved by hand
=============  ================================================================================

``published`` is the episode of PC-Gym: 0.85, 0.90 and 0.87 mol/L, from 0.8 mol/L and 330 K.
``cstr:K`` is path ``K`` of a start and three setpoints: concentration within 0.03 mol/L and
temperature within 3 K of these, setpoints from [0.84, 0.91] mol/L; ``A..B`` in place of ``K`` is a
range. Settings change the true reactor and leave the nominal one, which is what controllers know.
"""

# ruff: noqa: PT028 - the test pool is no test
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drlapps import naming
from drlapps.control.cstr.reactor import Changes, Reactor, nominal
from drlapps.control.process.instances import Episode, Range, between, ends, seed_of
from drlapps.errors import unknown

PATHS = 60
"""Episodes of the test and of the validation pool."""

SETPOINTS = (0.84, 0.91)
START, SPREAD = (0.8, 330.0), (0.03, 3.0)
PUBLISHED = (0.85, 0.90, 0.87)

_LABEL, _VALIDATION = "cstr", "validation-cstr"
_START = 3


def _episode(
    seed: int, changes: Changes, name: str, setpoints: Sequence[float] = (), spread: float = 1.0
) -> Episode:
    """Return an episode; what is not given is drawn by the seed."""
    belief = nominal()
    rng = np.random.default_rng([seed, _START])
    away, drawn = rng.uniform(-1.0, 1.0, 2), rng.uniform(*SETPOINTS, 3)
    initial = np.array(START) + spread * away * np.array(SPREAD)
    levels = np.array(setpoints) if len(setpoints) else drawn
    return Episode(
        name,
        belief,
        changes.of(belief),
        initial,
        _references(levels, belief.steps),
        seed,
        measurement_noise=changes.measurement_noise,
    )


def _references(levels: np.ndarray, steps: int) -> np.ndarray:
    """Return setpoints, each held as long, and the last one once more, (T + 1, 2)."""
    held = np.repeat(levels, steps // len(levels))
    concentration = np.append(held, held[-1])
    return np.stack([concentration, np.zeros_like(concentration)], axis=1)


@dataclass(frozen=True)
class RandomReactors:
    """A pool without end.

    Attributes:
        low: the least changes.
        high: the largest changes; each is drawn between its ends, evenly.
    """

    low: Changes
    high: Changes

    def sample(self, rng: np.random.Generator) -> Episode:
        """Draw changes, start and setpoints."""
        low, high = vars(self.low), vars(self.high)
        drawn = {k: between(low[k], high[k], rng) for k in low}
        return _episode(int(rng.integers(2**63)), Changes(**drawn), "random")

    def largest(self) -> Episode:
        """Return one of the episodes, which all have the same size."""
        return _episode(0, self.high, "largest")


def train(
    rate_scale: Range = 1.0,
    cooling_scale: Range = 1.0,
    feed_scale: Range = 1.0,
    feed_warmth: Range = 0.0,
    measurement_noise: Range = 0.0,
) -> RandomReactors:
    """Return the pool to train on.

    Each argument is a number, or two between which one is drawn for every episode; see
    :class:`.reactor.Changes`.

    Raises:
        InputError: a range is none, or holds impossible numbers.
    """
    low, high = ends(locals())
    return RandomReactors(Changes(**low), Changes(**high))


def validation() -> tuple[Episode, ...]:
    """Return 60 episodes to choose agents by."""
    return tuple(_path(number, Changes(), _VALIDATION) for number in range(PATHS))


def test(
    rate_scale: float = 1.0,
    cooling_scale: float = 1.0,
    feed_scale: float = 1.0,
    feed_warmth: float = 0.0,
    measurement_noise: float = 0.0,
) -> tuple[Episode, ...]:
    """Return the published episode and 59 others to judge by.

    The arguments change the reactor as in :class:`.reactor.Changes`.

    Raises:
        InputError: a number is impossible.
    """
    changes = Changes(**locals())
    paths = [_path(number, changes) for number in range(PATHS - 1)]
    return (_published(changes), *paths)


def _published(changes: Changes) -> Episode:
    return _episode(0, changes, "published", PUBLISHED, spread=0.0)


def _path(number: int, changes: Changes, label: str = _LABEL) -> Episode:
    return _episode(seed_of(label, number), changes, f"{label}:{number}")


def toy() -> tuple[Episode, ...]:
    """Return two episodes without reaction, in which the concentration stays that of the feed.

    **toy-off**: one step at 1 mol/L, setpoint 0.9: ``10^3 0.1^2 = 10`` whatever is done.

    **toy-far**: three steps, setpoints 0.9, 0.8 and 0.7, each seen a step before the next one
    counts, and the last one twice: ``10^3 (0.2^2 + 0.3^2 + 0.3^2) = 220``.
    """
    still = replace(nominal(), rate=0.0)
    return (
        _toy("toy-off", replace(still, steps=1), (0.9,), 10.0),
        _toy("toy-far", replace(still, steps=3), (0.9, 0.8, 0.7), 220.0),
    )


def _toy(name: str, reactor: Reactor, setpoints: Sequence[float], best: float) -> Episode:
    references = _references(np.array(setpoints), reactor.steps)
    start = np.array([1.0, 330.0])
    return Episode(name, nominal(), reactor, start, references, reference=best)


def named(
    words: Iterable[str],
    rate_scale: float = 1.0,
    cooling_scale: float = 1.0,
    feed_scale: float = 1.0,
    feed_warmth: float = 0.0,
    measurement_noise: float = 0.0,
) -> list[Episode]:
    """Return the episodes that the given words name, in their order.

    The other arguments change the reactor as in :class:`.reactor.Changes`.

    Raises:
        InputError: there is no such episode, or a number is impossible.
    """
    changes = Changes(rate_scale, cooling_scale, feed_scale, feed_warmth, measurement_noise)
    fixed = [_published(changes)]
    fixed += [] if changes != Changes() else [*toy(), *validation()]

    def path(name: str, number: int) -> Episode:
        if name != _LABEL:
            raise unknown("episode", name, [_LABEL, *(one.name for one in fixed)])
        return _path(number, changes)

    return naming.paths(words, fixed, path)
