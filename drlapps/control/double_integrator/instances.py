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

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from drlapps.control.process import pools
from drlapps.control.process.instances import Episode
from drlapps.control.process.plant import LinearPlant, Real

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


_POOLS = pools.Pools(plant, toy)
train, validation, test, named = _POOLS.train, _POOLS.validation, _POOLS.test, _POOLS.named
