"""Pools of episodes with four tanks, and episodes by name.

=============  ================================================================================
pool           episodes
=============  ================================================================================
``train``      :class:`~drlapps.control.process.instances.RandomEpisodes`: without end, the plant
               changed at random within the ranges one asks for
``validation`` 200 paths
``test``       200 paths, ``tank:0..199``
``toy``        three episodes of one or two steps, solved by hand
=============  ================================================================================

An episode is named ``tank:K``, path ``K`` of initial levels, wanted levels and luck; ``A..B`` in
place of ``K`` is a range. A file ending in .toml holds a plant of one's own (see
:mod:`drlapps.control.process.files`). Settings change the true plant and leave the nominal one,
which is what controllers know.
"""

# ruff: noqa: PT028 - the test pool is no test
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np

from drlapps.control.process import pools
from drlapps.control.process.instances import Episode, RandomEpisodes, Range, endless
from drlapps.control.process.plant import Changes, LinearPlant

NAME = "tank"


@cache
def plant() -> LinearPlant:
    """Return the nominal plant of Lu et al. (2024)."""
    return LinearPlant(
        name=NAME,
        states=("level 1 (cm)", "level 2 (cm)", "level 3 (cm)", "level 4 (cm)"),
        inputs=("pump 1 (V)", "pump 2 (V)"),
        a=np.array(
            [
                [0.984, 0.0, 0.0422029, 0.0],
                [0.0, 0.98895, 0.0, 0.0326014],
                [0.0, 0.0, 0.957453, 0.0],
                [0.0, 0.0, 0.0, 0.967216],
            ]
        ),
        b=np.array(
            [[0.825822, 0.0101995], [0.00512673, 0.624648], [0.0, 0.468317], [0.307042, 0.0]]
        ),
        state_cost=np.eye(4),
        input_cost=0.1 * np.eye(2),
        lower=np.zeros(4),
        upper=np.full(4, 20.0),
        input_lower=np.zeros(2),
        input_upper=np.full(2, 8.0),
        initial=np.array([[0.0] * 4, [16.0] * 4]),
        references=np.array([[0.0] * 4, [20.0] * 4]),
        cuts=np.zeros((0, 5)),
        tracked=(0, 1, 2, 3),
        steps=100,
        scale=100.0,
    )


def train(
    model: str = NAME,
    a_scale: Range = 1.0,
    b_scale: Range = 1.0,
    model_error: Range = 0.0,
    noise: Range = 0.0,
    measurement_noise: Range = 0.0,
) -> RandomEpisodes:
    """Return the pool to train on.

    Args:
        model: the plant, or a file with one's own.
        a_scale: this and the others are numbers, or two between which one is drawn for every
            episode; see :class:`~drlapps.control.process.plant.Changes`.
        b_scale: see there.
        model_error: see there.
        noise: see there.
        measurement_noise: see there.

    Raises:
        InputError: there is no such plant, a range is none, or holds impossible numbers.
    """
    ranges = dict(locals())
    return endless(pools.modelled(ranges.pop("model"), plant()), ranges)


def validation(model: str = NAME) -> tuple[Episode, ...]:
    """Return 200 episodes to choose agents by, of the plant or of one's own from a file.

    Raises:
        InputError: there is no such plant.
    """
    return pools.validation(pools.modelled(model, plant()))


def test(
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
    return pools.test(plant(), Changes(**locals()))


def toy() -> tuple[Episode, ...]:
    """Return three episodes whose best cost one can work out.

    Tanks that keep nothing: ``x' = (u_1, u_2, 0, 0)``, one step. A pump with wanted level ``r``
    costs ``(u - r)^2 + 0.1 u^2``, least at ``u = r / 1.1``, which leaves ``r^2 / 11``.

    **toy-pumps**: ``r = (1.1, 2.2, 0, 0)``: ``0.11 + 0.44 = 0.55``.

    **toy-limit**: ``r = (11, 0, 0, 0)`` would need 10 V; with 8, ``(8 - 11)^2 + 6.4 = 15.4``.

    **toy-drain**: tanks that lose half, without pumps, from 8 everywhere, empty wanted, two steps:
    ``4 (4^2 + 2^2) = 80``, 40 a step.
    """
    keep, lose = np.zeros((4, 4)), 0.5 * np.eye(4)
    pumps, none = np.eye(4, 2), np.zeros((4, 2))
    return (
        pools.toy(_like("toy-pumps", keep, pumps, 1), [0.0] * 4, [1.1, 2.2, 0.0, 0.0], 0.55),
        pools.toy(_like("toy-limit", keep, pumps, 1), [0.0] * 4, [11.0, 0.0, 0.0, 0.0], 15.4),
        pools.toy(_like("toy-drain", lose, none, 2), [8.0] * 4, [0.0] * 4, 40.0),
    )


def _like(name: str, a: np.ndarray, b: np.ndarray, steps: int) -> LinearPlant:
    return replace(plant(), name=name, a=a, b=b, steps=steps)


def named(
    words: Iterable[str],
    a_scale: float = 1.0,
    b_scale: float = 1.0,
    model_error: float = 0.0,
    noise: float = 0.0,
    measurement_noise: float = 0.0,
) -> list[Episode]:
    """Return the episodes that the given words name, in their order.

    The other arguments change the plant as in :class:`~drlapps.control.process.plant.Changes`.

    Raises:
        InputError: there is no such episode, a number is impossible, or a file is malformed.
    """
    changes = Changes(a_scale, b_scale, model_error, noise, measurement_noise)
    return pools.named(words, plant(), toy(), changes)
