"""Pools of the episodes of a linear plant, and episodes by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from drlapps import naming
from drlapps.control.process import files
from drlapps.control.process.instances import (
    Episode,
    RandomEpisodes,
    Range,
    endless,
    episode,
    numbered,
    seed_of,
)
from drlapps.control.process.plant import Changes, LinearPlant
from drlapps.errors import unknown

PATHS = 200
"""Episodes of the test and of the validation pool."""

_VALIDATION = "validation-"


class Pools:
    """The pools of a linear plant: what a task's ``instances`` module is made of.

    Args:
        plant: makes the nominal plant.
        toy: makes episodes whose best cost one can work out.
    """

    def __init__(
        self, plant: Callable[[], LinearPlant], toy: Callable[[], tuple[Episode, ...]]
    ) -> None:
        self._plant, self._toy = plant, toy

    def train(
        self,
        model: str = "",
        a_scale: Range = 1.0,
        b_scale: Range = 1.0,
        model_error: Range = 0.0,
        noise: Range = 0.0,
        measurement_noise: Range = 0.0,
    ) -> RandomEpisodes:
        """Return the pool to train on.

        Args:
            model: a file with a plant of one's own; the nominal plant if left out.
            a_scale: this and the others are numbers, or two between which one is drawn for every
                episode; see :class:`~drlapps.control.process.plant.Changes`.
            b_scale: see there.
            model_error: see there.
            noise: see there.
            measurement_noise: see there.

        Raises:
            InputError: there is no such plant, a range is none, or holds impossible numbers.
        """
        ranges = {
            "a_scale": a_scale, "b_scale": b_scale, "model_error": model_error, "noise": noise,
            "measurement_noise": measurement_noise,
        }  # fmt: skip
        return endless(self._modelled(model), ranges)

    def validation(self, model: str = "") -> tuple[Episode, ...]:
        """Return 200 episodes to choose agents by, of the plant or of one's own from a file.

        Raises:
            InputError: there is no such plant.
        """
        return numbered(self._modelled(model), range(PATHS), Changes(), _VALIDATION)

    def test(
        self,
        a_scale: float = 1.0,
        b_scale: float = 1.0,
        model_error: float = 0.0,
        noise: float = 0.0,
        measurement_noise: float = 0.0,
    ) -> tuple[Episode, ...]:
        """Return 200 episodes to judge by.

        The arguments change the plant as in :class:`~drlapps.control.process.plant.Changes`.

        Raises:
            InputError: a number is impossible.
        """
        changes = Changes(a_scale, b_scale, model_error, noise, measurement_noise)
        return numbered(self._plant(), range(PATHS), changes)

    def named(
        self,
        words: Iterable[str],
        a_scale: float = 1.0,
        b_scale: float = 1.0,
        model_error: float = 0.0,
        noise: float = 0.0,
        measurement_noise: float = 0.0,
    ) -> list[Episode]:
        """Return the episodes that the given words name, in their order.

        Where the other arguments change the plant, toys and validation episodes have no names.

        Args:
            words: names, ranges, or several of them with commas between.
            a_scale: this and the others as in :class:`~drlapps.control.process.plant.Changes`.
            b_scale: see there.
            model_error: see there.
            noise: see there.
            measurement_noise: see there.

        Raises:
            InputError: there is no such episode, a number is impossible, or a file is malformed.
        """
        changes = Changes(a_scale, b_scale, model_error, noise, measurement_noise)
        own = self._plant().name
        fixed = [] if changes != Changes() else [*self._toy(), *self.validation()]

        def path(name: str, number: int) -> Episode:
            if name != own and not name.endswith(files.SUFFIX):
                raise unknown("episode", name, [own, *(one.name for one in fixed)])
            known = self._modelled(name)
            return episode(known, seed_of("", number), changes, f"{known.name}:{number}")

        return naming.paths(words, fixed, path)

    def _modelled(self, model: str) -> LinearPlant:
        """Return the nominal plant, or one's own from a file."""
        plant = self._plant()
        if model.endswith(files.SUFFIX):
            return files.read(Path(model))
        if model not in ("", plant.name):
            raise unknown("model", model, [plant.name])
        return plant


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
