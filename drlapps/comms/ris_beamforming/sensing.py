"""What a batch of controllers senses: believed rates, their gradients, observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from drlapps.comms.ris_beamforming import kernels
from drlapps.comms.ris_beamforming.block import Block
from drlapps.comms.ris_beamforming.link import Link
from drlapps.comms.ris_beamforming.surface import Real
from drlapps.vector import Array


class Sensor(Link):
    """The believed link, sensed decision by decision.

    Args:
        num_envs: rows.
        users: most K of any row.
        elements: most N.
        antennas: most M.

    Attributes:
        phases: in radians, shape (B, N).
        increments: by which the last decision changed them, in units of pi, shape (B, N).
        value: believed sum rate of the closed-form precoder, shape (B,).
        before: the same before the last decision.
        fresh: whether no decision was taken in this block yet, shape (B,).
        seen: observations, shape (B, N, 15 + 5 K).
    """

    STATE: ClassVar[tuple[str, ...]] = (
        *Link.STATE, "phases", "increments", "value", "before", "fresh", "seen",
    )  # fmt: skip

    def __init__(self, num_envs: int, users: int, elements: int, antennas: int) -> None:
        super().__init__(num_envs, users, elements, antennas)
        columns = kernels.ELEMENT_COLUMNS + kernels.USER_COLUMNS * users
        self.phases = np.zeros((num_envs, elements))
        self.increments = np.zeros((num_envs, elements))
        self.value, self.before = np.zeros(num_envs), np.zeros(num_envs)
        self.fresh = np.ones(num_envs, np.bool_)
        self.seen = np.zeros((num_envs, elements, columns), np.float32)
        self._inverse = np.zeros((num_envs, users, users), np.complex128)
        self._filters = np.zeros((num_envs, antennas, users), np.complex128)
        self._rates = np.zeros((num_envs, users))
        self._pull = np.zeros((num_envs, 2, users, elements))

    def load(self, rows: Array, blocks: Sequence[Block]) -> None:
        """Take up a block in each of ``rows``; phases stay as they are."""
        super().load(rows, blocks)
        self.increments[rows] = self.seen[rows] = self._rates[rows] = 0.0
        self.fresh[rows] = True

    def move(self, rows: Array, wanted: Real, *, absolute: bool = False) -> None:
        """Change the phases of ``rows``.

        Args:
            rows: which, shape (R,).
            wanted: increments in units of pi, from -1 to 1, shape (R, N).
            absolute: whether they are the phases themselves.
        """
        kernels.move(
            rows, wanted, absolute, self.sizes, self.phases, self.increments, self.value,
            self.before, self.fresh,
        )  # fmt: skip

    def sense(self, rows: Array, left: Real) -> None:
        """Write values and observations.

        Args:
            rows: shape (R,).
            left: share of their block's decisions that is left, shape (R,).
        """
        self.turn(rows, self.phases)
        kernels.invert(
            rows, self.matrix, self.sizes, self.physics, self.noise, self._inverse, self._filters,
            self._rates,
        )  # fmt: skip
        kernels.differentiate(
            rows, self.cascaded, self._inverse, self._filters, self.law, self.sizes, self._pull
        )
        kernels.describe(
            rows, left, self._pull, self.law, self._rates, self.noise, self.sizes, self.physics,
            self.increments, self.fresh, self.value, self.before, self.seen,
        )  # fmt: skip
