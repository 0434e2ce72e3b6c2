"""One coherence block: what there is, or what policies believe that there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drlapps.comms.ris_beamforming import paper
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.surface import Complex, Real, Surface


@dataclass(frozen=True, eq=False)
class Block:
    """The problem of one coherence block.

    Attributes:
        cascaded: shape (K, N, M).
        direct: shape (K, M).
        power: total transmit power.
        noise: at each user.
        surface: how the elements reflect.
        error: variance of each entry of ``cascaded`` (and ``direct``) about the true one.
        has_direct: whether there is a path that does not touch the surface.
        paper_model: whether reflections are normalised as in the code of Saglam et al.
    """

    cascaded: Complex
    direct: Complex
    power: float
    noise: float
    surface: Surface
    error: float = 0.0
    has_direct: bool = False
    paper_model: bool = False

    @property
    def physics(self) -> tuple[float, ...]:
        """What :data:`.kernels.BETA_MIN` and its neighbours name."""
        surface = self.surface
        return (
            surface.beta_min, surface.mu, surface.kappa, surface.step, self.power, self.noise,
            self.error, self.has_direct, self.paper_model,
        )  # fmt: skip

    def reflection(self, phases: Real) -> Complex:
        """Return phi of phases (..., N)."""
        if self.paper_model:
            return paper.reflection(self.surface, phases)
        return self.surface.reflection(phases)

    def matrix(self, phases: Real) -> Complex:
        """Return H, shape (..., K, M), for phases (..., N)."""
        return np.asarray(
            self.direct + np.einsum("...n,knm->...km", self.reflection(phases), self.cascaded)
        )


def true_block(channel: Channel, index: int) -> Block:
    """Return what there is in a block."""
    return _block(channel, channel.cascaded[index], channel.direct[index], channel.setting.surface)


def believed_block(channel: Channel, index: int) -> Block:
    """Return what policies believe that there is in a block."""
    return _block(
        channel,
        channel.cascaded_estimate[index],
        channel.direct_estimate[index],
        channel.setting.believed_surface,
        channel.setting.csi_error_variance,
    )


def _block(
    channel: Channel, cascaded: Complex, direct: Complex, surface: Surface, error: float = 0.0
) -> Block:
    setting = channel.setting
    noise = setting.noise_variance
    if setting.paper_model:
        noise, surface = paper.noise(noise, setting.users), paper.swapped(surface)
    return Block(
        cascaded, direct, setting.power, noise, surface, error, setting.direct, setting.paper_model
    )
