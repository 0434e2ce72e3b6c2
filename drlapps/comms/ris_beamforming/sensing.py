"""What a batch of controllers senses: believed rates, their gradients, observations."""

from __future__ import annotations

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
        self._rho, self._common = np.ones(num_envs), np.zeros((num_envs, 5))

    def load(self, row: int, block: Block) -> None:
        """Take up a block; phases stay as they are."""
        super().load(row, block)
        self.increments[row] = self.seen[row] = self._rates[row] = 0.0
        self.fresh[row] = True

    def move(self, rows: Array, increments: Real) -> None:
        """Change the phases of ``rows`` by ``increments`` (R, N), in units of pi."""
        self.increments[rows] = increments
        self.phases[rows] += np.pi * increments
        self.before[rows] = self.value[rows]
        self.fresh[rows] = False

    def sense(self, rows: Array, left: Real) -> None:
        """Write values and observations.

        Args:
            rows: shape (R,).
            left: share of their block's decisions that is left, shape (R,).
        """
        self.turn(rows, self.phases)
        noise, error = self.noise(rows)
        power, users = self.physics[rows, kernels.POWER], self.sizes[rows, 0]
        self._rho[rows] = users * noise / power
        kernels.invert(
            rows, self.matrix, self.sizes, self._rho, self._inverse, self._filters, self._rates
        )
        kernels.differentiate(
            rows, self.cascaded, self._inverse, self._filters, self.law, self.sizes, self._pull
        )
        value = self._rates[rows].sum(axis=1)
        before = np.where(self.fresh[rows], value, self.before[rows])
        self.value[rows], self.before[rows] = value, before
        self._common[rows] = np.stack(
            [
                np.log10(power / noise) / 6.0,
                left,
                np.log10(noise / (noise - error)) / 6.0,
                (value - before) / (2.0 * users),
                value / (20.0 * users),
            ],
            axis=1,
        )
        kernels.describe(
            rows, self._pull, self.law, self._rates, self.sizes, self.physics, self._common,
            self.increments, self.fresh, self.seen,
        )  # fmt: skip
