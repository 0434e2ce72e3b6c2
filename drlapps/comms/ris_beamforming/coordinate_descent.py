"""WMMSE and phase block-coordinate descent: precoder and phases by turns.

Weighted-MMSE receivers and weights turn the sum rate into a function that is quadratic in the
precoder and in the reflection of each element (Guo et al. 2020). An iteration updates receivers,
weights and precoder as :func:`.precoding.wmmse` does, then moves each element in turn to the best
reflection, the others held: in closed form where every phase reflects all, else the best of the
levels that the shifters have, or of a grid of phases where the amplitude depends on the phase.

No step lowers the sum rate, but with as many users as antennas and little noise each move of a
phase breaks the nulls of the precoder: steps shrink, and the method stalls far from an optimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming import coordinate_descent_kernels, precoding
from drlapps.comms.ris_beamforming.block import Block
from drlapps.comms.ris_beamforming.surface import Complex, Real

_GRID = 256
"""Phases tried where the amplitude depends on the phase."""


class Descent(NamedTuple):
    """What the descent found from each of S starts.

    Attributes:
        phases: (S, N).
        precoders: (S, M, K).
        rates: sum rates in the block as it is believed, its error counted as noise, (S,).
        log: those before each iteration and after the last, repeated to the end, (S, I + 1).
        iterations: that each start took, (S,).
    """

    phases: Real
    precoders: Complex
    rates: Real
    log: Real
    iterations: NDArray[np.int64]

    @property
    def best(self) -> int:
        """The start with the highest rate."""
        return int(self.rates.argmax())


def noise_with_error(block: Block, phases: Real) -> Real:
    """Return the noise at each user, (...), for phases (..., N), the block's error included.

    An error of variance e in each entry of the cascaded (and the direct) channel is unknown
    interference of power ``P e sum_n |phi_n|^2`` (``+ P e``), since the whole power P is sent.
    """
    paths = (np.abs(block.reflection(phases)) ** 2).sum(axis=-1) + bool(block.direct.any())
    return np.asarray(block.noise + block.power * block.error * paths)


def alternate(
    block: Block,
    starts: Real,
    *,
    iterations: int = 200,
    tolerance: float = 1e-5,
    sweeps: int = 1,
) -> Descent:
    """Return phases and precoders found from several starts.

    Under ``paper_model``, where one element's phase scales all reflections, the phases are those
    for elements that reflect the mean amplitude, and only the precoder is for the real thing.

    Args:
        block: the problem; if it has an error, the robust one, with :func:`noise_with_error`.
        starts: phases to begin with, (S, N); their precoders are :func:`.precoding.mmse`.
        iterations: the most.
        tolerance: relative gain of an iteration's sum rate at which a start stops.
        sweeps: times that an iteration visits each element.
    """
    work = _without_normalisation(block)
    phases = block.surface.quantised(np.array(starts, float))
    reflections = work.surface.reflection(phases)
    noise = noise_with_error(work, phases)
    precoders = precoding.mmse(work.matrix(phases), block.power, noise)
    levels = _levels(work)
    log = np.empty((len(phases), iterations + 1))
    fixed = block.noise + block.power * block.error * bool(block.direct.any())
    taken = coordinate_descent_kernels.alternate(
        np.ascontiguousarray(np.swapaxes(work.cascaded, 0, 1)),
        np.ascontiguousarray(work.direct),
        block.power,
        max(fixed, 1e-100),
        block.error,
        work.surface.reflection(levels),
        reflections,
        precoders,
        log,
        sweeps,
        tolerance,
    )
