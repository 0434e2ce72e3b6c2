"""The arrays of a batch of downlinks: channels, surfaces and the matrices that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
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
        phi: real and imaginary part of what the elements reflect, shape (B, 2, N).
        noise: what a controller has to reckon with, shape (B,).
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
        self.noise = np.ones(num_envs)

    def load(self, rows: Array, blocks: Sequence[Block]) -> None:
        """Take up a block in each of ``rows`` (R,)."""
        self.sizes[rows] = [block.cascaded.shape for block in blocks]
        self.physics[rows] = [block.physics for block in blocks]
        self.phi[rows] = self.direct[rows] = 0.0
        for group in groups(self.sizes[rows]):
            own = rows[group]
            users, elements, antennas = self.sizes[own[0]]
            room = np.s_[own, :, :users, :antennas, :elements]
            cascaded = np.stack([blocks[at].cascaded for at in group]).swapaxes(2, 3)
            self.cascaded[room] = np.stack([cascaded.real, cascaded.imag], axis=1)
            direct = np.stack([blocks[at].direct for at in group])
            self.direct[room[:-1]] = np.stack([direct.real, direct.imag], axis=1)

    def turn(self, rows: Array, phases: Real) -> None:
        """Let the surfaces of ``rows`` reflect with ``phases`` (B, N)."""
        kernels.reflect(
            rows, phases, self.sizes, self.physics, self.shown, self.phi, self.law, self.noise
        )
        kernels.respond(rows, self.cascaded, self.direct, self.phi, self.sizes, self.matrix)

    def matrices(self, rows: Array) -> Complex:
        """Return H (R, K, M) of rows of equal sizes, as last turned."""
        users, _, antennas = self.sizes[rows[0]]
        return self.matrix[rows, :users, :antennas]


def groups(sizes: Array) -> list[Array]:
    """Return the positions of rows of equal sizes (R, 3)."""
    if len(sizes) and (sizes == sizes[0]).all():
        return [np.arange(len(sizes))]
    return [np.flatnonzero((sizes == size).all(axis=1)) for size in np.unique(sizes, axis=0)]
