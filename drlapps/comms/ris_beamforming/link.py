"""The arrays of a batch of downlinks: channels, surfaces and the matrices that follow from them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drlapps.comms.ris_beamforming import kernels
from drlapps.comms.ris_beamforming.block import Block
from drlapps.comms.ris_beamforming.surface import Complex, Real
from drlapps.vector import Array


class Link:
    """Channels of a batch, one block a row, and what they make of phases.

    Args:
        num_envs: rows.
        users: most K of any row.
        elements: most N.
        antennas: most M.

    Attributes:
        cascaded: real and imaginary part, shape (B, 2, K, M, N).
        direct: likewise, shape (B, 2, K, M).
        sizes: K, N, M of each row, shape (B, 3).
        physics: see :data:`.kernels.BETA_MIN` and its neighbours, shape (B, 9).
        shown: phases as the shifters show them, shape (B, N).
    """

    STATE: ClassVar[tuple[str, ...]] = ("cascaded", "direct", "sizes", "physics", "shown", "phi")

    def __init__(self, num_envs: int, users: int, elements: int, antennas: int) -> None:
        self.cascaded = np.zeros((num_envs, 2, users, antennas, elements))
        self.direct = np.zeros((num_envs, 2, users, antennas))
        self.sizes = np.ones((num_envs, 3), np.int64)
        self.physics = np.ones((num_envs, kernels.PHYSICS))
        self.shown = np.zeros((num_envs, elements))
        self.phi = np.zeros((num_envs, 2, elements))
        self.law = np.zeros((num_envs, 4, elements))
        self.matrix = np.zeros((num_envs, users, antennas), np.complex128)

    def load(self, row: int, block: Block) -> None:
        """Take up a block."""
        users, elements, antennas = block.cascaded.shape
        self.sizes[row] = users, elements, antennas
        cascaded = block.cascaded.transpose(0, 2, 1)
        room = self.cascaded[row, :, :users, :antennas, :elements]
        room[0], room[1] = cascaded.real, cascaded.imag
        self.direct[row] = 0.0
        if block.has_direct:
            room = self.direct[row, :, :users, :antennas]
            room[0], room[1] = block.direct.real, block.direct.imag
        surface = block.surface
        self.physics[row] = (
            surface.beta_min, surface.mu, surface.kappa, surface.step, block.power, block.noise,
            block.error, block.has_direct, block.paper_model,
        )  # fmt: skip
        self.phi[row] = 0.0

    def turn(self, rows: Array, phases: Real) -> None:
        """Let the surfaces of all ``rows`` reflect with ``phases`` (B, N)."""
        kernels.reflect(rows, phases, self.sizes, self.physics, self.shown, self.phi, self.law)
        kernels.respond(rows, self.cascaded, self.direct, self.phi, self.sizes, self.matrix)

    def noise(self, rows: Array) -> tuple[Real, Real]:
        """Return the noise to reckon with (R,), and that part of it which stands for the error.

        What the estimates of the channels err acts like noise in proportion to the power.
        """
        physics = self.physics[rows]
        gain = (self.phi[rows] ** 2).sum(axis=(1, 2)) + physics[:, kernels.DIRECT]
        error = physics[:, kernels.POWER] * physics[:, kernels.ERROR] * gain
        return physics[:, kernels.NOISE] + error, error

    def matrices(self, rows: Array) -> Complex:
        """Return H (R, K, M) of rows of equal sizes, as last turned."""
        users, _, antennas = self.sizes[rows[0]]
        return self.matrix[rows, :users, :antennas]
