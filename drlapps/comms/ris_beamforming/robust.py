"""What a controller should reckon with that knows how uncertain its knowledge is.

An estimate that errs by a variance ``e`` in entries of mean power ``p``, held for blocks over
which channels keep the correlation ``r``, is best read as ``r p / (p + e)`` times itself, off the
truth by a variance ``p - r^2 p^2 / (p + e)`` (linear minimum mean square error). A surface that may
be other than it seems is best read as the mean one.

What is unknown of a user's channel turns what is sent to the others into interference that no
precoder avoids: more, the more users are served. So fewer may be better than all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drlapps.comms.ris_beamforming.block import Block, believed_block
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.setting import Setting
from drlapps.comms.ris_beamforming.surface import Complex, Real, Surface

LEAST_AMPLITUDES = (0.2, 0.8)
"""Between these, evenly, lies beta_min of a surface that only seems ideal.

Abeywickrama et al. 2020 simulate 0.2, 0.5 and 0.8.
"""

_SCENARIOS = 32
"""Draws over which rates are averaged."""


@dataclass(frozen=True, eq=False)
class Belief:
    """What can be said of a block: conditional means, and variances about them.

    Attributes:
        mean: block with the mean channels and the mean surface.
        unknown: variance of each entry of users' cascaded channels, (K,).
        missed: the same of direct channels.
        least: beta_min of the surface lies evenly between these; ``None`` if it is known.
    """

    mean: Block
    unknown: Real
    missed: Real
    least: tuple[float, float] | None

    @property
    def certain(self) -> bool:
        """Whether nothing is unknown."""
        return self.least is None and not self.unknown.any() and not self.missed.any()

    def among(self, users: list[int]) -> Block:
        """Return the block of some users whose best solution is robust.

        Each channel is scaled so that the one noise of the block stands for noise and uncertainty
        together, at phases that are spread evenly and powers that are equal.
        """
        block = self.mean
        elements = block.cascaded.shape[1]
        even = _even(elements)
        off = self.unknown * (np.abs(block.reflection(even)) ** 2).sum() + self.missed
        if self.least is not None:
            low, high = (replace(block, surface=_law(block.surface, b)) for b in self.least)
            gap = np.abs(high.reflection(even) - low.reflection(even)) ** 2
            off = off + (gap @ (np.abs(block.cascaded) ** 2).mean(axis=2).T) / 12.0
        others = block.power * (1.0 - 1.0 / len(users))
        scale = 1.0 / np.sqrt(1.0 + others * off[users] / block.noise)
        return replace(
            block,
            cascaded=scale[:, None, None] * block.cascaded[users],
            direct=scale[:, None] * block.direct[users],
        )

    def scenarios(self, rng: np.random.Generator) -> list[Block]:
        """Draw what the block may truly be; the one mean block where all is certain."""
        if self.certain:
            return [self.mean]
        return [self._drawn(rng, (number + 0.5) / _SCENARIOS) for number in range(_SCENARIOS)]

    def _drawn(self, rng: np.random.Generator, quantile: float) -> Block:
        block = self.mean
        surface = block.surface
        if self.least is not None:
            low, high = self.least
            surface = _law(surface, low + quantile * (high - low))
        cascaded = block.cascaded + np.sqrt(self.unknown)[:, None, None] * _noise(
            rng, block.cascaded.shape
        )
        direct = block.direct + np.sqrt(self.missed)[:, None] * _noise(rng, block.direct.shape)
        return replace(block, cascaded=cascaded, direct=direct, surface=surface)


def belief(channel: Channel, index: int) -> Belief:
    """Return what can be said of a block by who knows the statistics of what it was told."""
    block, setting = believed_block(channel, index), channel.setting
    hops, one = _correlations(setting, index % setting.pilot_period)
    cascaded, unknown = _conditional(block.cascaded, block.error, hops)
    direct, missed = block.direct, np.zeros(len(block.direct))
    if block.has_direct:
        direct, missed = _conditional(direct, block.error, one)
    least = LEAST_AMPLITUDES if setting.mismatch else None
    surface = block.surface if least is None else _law(block.surface, float(np.mean(least)))
    mean = replace(block, cascaded=cascaded, direct=direct, surface=surface, error=0.0)
    return Belief(mean, unknown, missed, least)


def taken_at_its_word(channel: Channel, index: int) -> Belief:
    """Return the belief of who takes what it was told for the truth."""
    block = replace(believed_block(channel, index), error=0.0)
    nothing = np.zeros(len(block.direct))
    return Belief(block, nothing, nothing, None)


def _law(surface: Surface, least: float) -> Surface:
    return replace(surface, beta_min=least)


def _even(count: int) -> Real:
    return np.asarray(2.0 * np.pi * np.arange(count) / count)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Complex:
    """Draw CN(0, 1)."""
    numbers = rng.standard_normal((2, *shape))
    return np.asarray(np.sqrt(0.5) * (numbers[0] + 1j * numbers[1]))


def _correlations(setting: Setting, age: int) -> tuple[float, float]:
    """Return the correlation of true channels with those ``age`` blocks before: two hops, one."""
    kept = setting.correlation**age
    factor = setting.rician_factor if setting.fading == "rician" else 0.0
    hop = (factor + kept) / (factor + 1.0)
    return hop**2, kept


def _conditional(estimate: Complex, error: float, held: float) -> tuple[Complex, Real]:
    """Return each user's conditional mean and its variance per entry, the latter (K,).

    Users differ in power; theirs is that of their estimates, less the error's.
    """
    seen = (np.abs(estimate) ** 2).reshape(len(estimate), -1).mean(axis=1)
    power = np.maximum(seen - error, 0.0)
    trust = np.divide(power, power + error, out=np.ones_like(power), where=power + error > 0.0)
    shape = (-1, *[1] * (estimate.ndim - 1))
    return estimate * (held * trust).reshape(shape), power * (1.0 - held**2 * trust)
