"""Pools of the episodes of a linear plant, and episodes by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from drlapps import naming
from drlapps.control.process import files
from drlapps.control.process.instances import Episode, episode, numbered, seed_of
from drlapps.control.process.plant import Changes, LinearPlant
from drlapps.errors import unknown

PATHS = 200
"""Episodes of the test and of the validation pool."""

_VALIDATION = "validation-"


def modelled(model: str, plant: LinearPlant) -> LinearPlant:
    """Return the plant of a name: the given one, or one's own from a file.

    Raises:
        InputError: there is no such plant, or its file is malformed.
    """
    if model.endswith(files.SUFFIX):
        return files.read(Path(model))
    if model != plant.name:
        raise unknown("model", model, [plant.name])
    return plant


def test(plant: LinearPlant, changes: Changes) -> tuple[Episode, ...]:
    """Return the first paths of a plant."""
    return numbered(plant, range(PATHS), changes)


def validation(plant: LinearPlant) -> tuple[Episode, ...]:
    """Return paths that are no one's but the validation pool's."""
    return numbered(plant, range(PATHS), Changes(), _VALIDATION)


def toy(
    plant: LinearPlant, initial: Sequence[float], reference: Sequence[float], best: float
) -> Episode:
    """Return an episode without luck.

    Args:
        plant: whose name it has.
        initial: first state.
        reference: of all states.
        best: cost of a step that cannot be undercut.
    """
    references = np.tile(np.array(reference), (plant.steps + 1, 1))
    return Episode(plant.name, plant, plant, np.array(initial), references, reference=best)


def named(
    words: Iterable[str], plant: LinearPlant, toys: Iterable[Episode], changes: Changes
) -> list[Episode]:
    """Return the episodes that words name, in their order.

    Args:
        words: names, ranges, or several of them with commas between.
        plant: whose paths are numbered.
        toys: episodes with names of their own.
        changes: how true plants differ; toys and the validation pool are as they are.

    Raises:
        InputError: there is no such episode, or a file is malformed.
    """
    fixed = [] if changes != Changes() else [*toys, *validation(plant)]

    def path(name: str, number: int) -> Episode:
        if name != plant.name and not name.endswith(files.SUFFIX):
            raise unknown("episode", name, [plant.name, *(one.name for one in fixed)])
        known = modelled(name, plant)
        return episode(known, seed_of("", number), changes, f"{known.name}:{number}")

    return naming.paths(words, fixed, path)
