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

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from drlapps.control.process import pools
from drlapps.control.process.instances import Episode
from drlapps.control.process.plant import LinearPlant

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


_POOLS = pools.Pools(plant, toy)
train, validation, test, named = _POOLS.train, _POOLS.validation, _POOLS.test, _POOLS.named
