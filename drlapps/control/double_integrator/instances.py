"""Pools of episodes of the double integrator, and episodes by name.

=============  ================================================================================
pool           episodes
=============  ================================================================================
``train``      :class:`~drlapps.control.process.instances.RandomEpisodes`: without end, the plant
               changed at random within the ranges one asks for
``validation`` 200 paths
``test``       200 paths, ``mass:0..199``
``toy``        three episodes of one or two steps, solved by hand
=============  ================================================================================

An episode is named ``mass:K``, path ``K`` of initial states and luck; ``A..B`` in place of ``K`` is
a range. A file ending in .toml holds a plant of one's own (see
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
from drlapps.control.process.plant import Changes, LinearPlant, Real

NAME = "mass"

_START, _FORCE, _BRAKING = 4.9, 0.5, 12
"""Limit of what initial states lead to, largest force, and steps that braking takes at most."""


@cache
def plant() -> LinearPlant:
    """Return the nominal plant of Lu et al. (2024)."""
    return LinearPlant(
        name=NAME,
        states=("position", "speed"),
        inputs=("force",),
        a=np.array([[1.0, 1.0], [0.0, 1.0]]),
        b=np.array([[0.0], [1.0]]),
        state_cost=np.eye(2),
        input_cost=np.array([[100.0]]),
        lower=np.full(2, -5.0),
        upper=np.full(2, 5.0),
        input_lower=np.array([-_FORCE]),
        input_upper=np.array([_FORCE]),
        initial=np.array([[-_START] * 2, [_START] * 2]),
        references=np.zeros((2, 2)),
        cuts=stoppable(_START),
        tracked=(),
        steps=50,
        scale=10.0,
    )


def stoppable(limit: float) -> Real:
    """Return the half-spaces of all states from which braking keeps positions within a limit.

    Args:
        limit: of the position, on either side.

    Returns:
        Rows (F, g) of ``F x <= g``, (2 k, 3).
    """
    k = np.arange(1, _BRAKING + 1)
    room = limit + 0.5 * _FORCE * k * (k - 1)
    above = np.stack([np.ones_like(room), k, room], axis=1)
    return np.concatenate([above, above * [-1.0, -1.0, 1.0]])


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

    **toy-still**: one step from ``(1, 0)``: the position is 1 whatever the force, and none is best:
    ``1``.

    **toy-brake**: one step from ``(0, 1)``: ``1 + (1 + u)^2 + 100 u^2`` is least at ``u = -1/101``:
    ``1 + 100/101``.

    **toy-push**: two steps from ``(1, 0)``. With ``u`` first and ``w`` then, ``1 + 101 u^2 +
    (1 + u)^2 + (u + w)^2 + 100 w^2``; best is ``w = -u/101``, then ``u = -1 / (102 + 100/101)``,
    in all ``2 - 101/10402``, half of it a step.
    """
    return (
        pools.toy(replace(plant(), name="toy-still", steps=1), [1.0, 0.0], [0.0, 0.0], 1.0),
        pools.toy(
            replace(plant(), name="toy-brake", steps=1), [0.0, 1.0], [0.0, 0.0], 1.0 + 100.0 / 101.0
        ),
        pools.toy(
            replace(plant(), name="toy-push", steps=2), [1.0, 0.0], [0.0, 0.0],
            1.0 - 101.0 / 20804.0,
        ),
    )  # fmt: skip


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
