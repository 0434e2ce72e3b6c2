"""WMMSE and phase block-coordinate descent: precoder and phases by turns.

Weighted-MMSE receivers and weights turn the sum rate into a function that is quadratic in the
precoder and in the reflection of each element (Guo et al. 2020). An iteration updates receivers,
weights and precoder as :func:`.precoding.wmmse` does, then moves each element in turn to the best
reflection, the others held: in closed form where every phase reflects all, else the best of the
levels that the shifters have, or by a grid refined by parabolas where the amplitude depends on the
phase.

No step lowers the sum rate, but with as many users as antennas and little noise each move of a
phase breaks the nulls of the precoder: steps shrink, and the method stalls far from an optimum.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming import coordinate_descent_kernels as kernels
from drlapps.comms.ris_beamforming import precoding
from drlapps.comms.ris_beamforming.block import Block
from drlapps.comms.ris_beamforming.surface import Complex, Real, Surface

_LEAST_NOISE = 1e-100


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
    paths = (np.abs(block.reflection(phases)) ** 2).sum(axis=-1) + block.has_direct
    return np.asarray(block.noise + block.power * block.error * paths)


def alternate(
    block: Block,
    starts: Real,
    *,
    precoders: Complex | None = None,
    iterations: int = 200,
    tolerance: float = 1e-5,
    sweeps: int = 3,
) -> Descent:
    """Return phases and precoders found from several starts.

    The descent ends with :func:`.precoding.polished` at the phases found, if that is better.

    Under ``paper_model``, where the phase of one element scales the reflections of all, the phases
    are moved as if all elements reflected alike; only rates and final precoders are by the model.

    Args:
        block: the problem; if it has an error, the robust one, by :func:`noise_with_error`.
        starts: phases to begin with, (S, N).
        precoders: to begin with, (S, M, K); by default :func:`.precoding.mmse`.
        iterations: the most.
        tolerance: relative gain of an iteration's sum rate at which a start stops.
        sweeps: times that an iteration visits each element.
    """
    work = _separable(block)
    phases = np.array(work.surface.quantised(starts), float)
    if precoders is None:
        noise = noise_with_error(work, phases)
        precoders = precoding.mmse(work.matrix(phases), work.power, noise)
    precoders = np.array(precoders, complex, order="C")
    angles = _angles(work.surface)
    log = np.empty((len(phases), iterations + 1))
    # Copies: a kernel is compiled anew for arrays that are read-only.
    taken = kernels.alternate(
        np.array(np.swapaxes(work.cascaded, 0, 1), order="C"),
        np.array(work.direct),
        work.power,
        max(work.noise + work.power * work.error * work.has_direct, _LEAST_NOISE),
        work.error,
        _law(work.surface),
        angles,
        work.surface.reflection(angles),
        phases,
        work.surface.reflection(phases),
        precoders,
        log,
        sweeps,
        tolerance,
    )
    precoders, rates = _finished(block, phases, precoders)
    return Descent(phases, precoders, rates, log, taken)


def _finished(block: Block, phases: Real, precoders: Complex) -> tuple[Complex, Real]:
    """Return the best final precoders and their rates."""
    h, noise = block.matrix(phases), noise_with_error(block, phases)
    found = np.stack(
        [
            precoding.wmmse(h, block.power, noise, precoders),
            precoding.polished(h, block.power, noise),
        ]
    )
    rates = precoding.sum_rate(h, found, noise)
    better = rates[1] > rates[0]
    return np.where(better[:, None, None], found[1], found[0]), rates.max(axis=0)


def _separable(block: Block) -> Block:
    """Return the block without a normalisation that couples the elements."""
    if not block.paper_model:
        return block
    # What it comes to where phases are spread evenly: the mean of |cos| is 2 / pi.
    scale = np.pi / (2.0 * np.sqrt(2.0) * block.cascaded.shape[1])
    return replace(block, cascaded=scale * block.cascaded, paper_model=False)


def _angles(surface: Surface) -> Real:
    """Return the phases to try for an element; none if its best phase is known."""
    if surface.bits:
        return np.arange(2**surface.bits) * surface.step
    return np.zeros(0) if surface.ideal else np.arange(-np.pi, np.pi, kernels.STEP)


def _law(surface: Surface) -> Real:
    """Return the law by which phases between those are tried too; empty if there are none."""
    if surface.bits or surface.ideal:
        return np.zeros(0)
    return np.array([surface.beta_min, surface.mu, surface.kappa])
