"""The refinement of phases on tensors: what an agent can be trained through.

The arithmetic is that of :mod:`.kernels` and :mod:`.precoding`, in numbers of double precision, and
every step of it has a derivative: observations contain gradients of the rate, so that their own
derivatives are its curvature.

Rows may differ in size. Channels of elements, users and antennas that a row does not have are zero:
such a user's rate is ``-log2(rho / rho) = 0``, and it neither disturbs others nor gets power.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from torch import Tensor

from drlapps.comms.ris_beamforming.channel import Channel

_PER_LN2 = 2.0 / math.log(2.0)


class Link(NamedTuple):
    """A batch of blocks, true or believed.

    Attributes:
        cascaded: complex, shape (B, N, K M).
        direct: complex, shape (B, 1, K M).
        surface: ``beta_min``, ``mu``, ``kappa`` and the step of the shifters (0 is continuous), four
            numbers a row, each of shape (B, 1).
        power: shape (B,).
        noise: at each user, shape (B,).
        error: variance of each entry of the channels, shape (B,).
        has_direct: whether there is a direct path, shape (B,).
    """

    cascaded: Tensor
    direct: Tensor
    surface: Tensor
    power: Tensor
    noise: Tensor
    error: Tensor
    has_direct: Tensor


class State(NamedTuple):
    """A batch of refinements between two decisions.

    Attributes:
        believed: what the controllers know.
        true: what there is.
        elements: 1 where a row has an element, else 0, shape (B, N).
        users: 1 where it has a user, shape (B, K).
        phases: in radians, shape (B, N).
        left: decisions left, shape (B,).
        value: believed sum rate, shape (B,).
        rate: true sum rate, shape (B,).
        seen: observations, shape (B, N, 15 + 5 K).
    """

    believed: Link
    true: Link
    elements: Tensor
    users: Tensor
    phases: Tensor
    left: Tensor
    value: Tensor
    rate: Tensor
    seen: Tensor


class Refinement:
    """A :class:`~drlapps.analytic_gradient.model.DifferentiableModel` of phase increments.

    Args:
        shape: most users, elements and antennas of a row: (K, N, M).
        steps: decisions of a block.
        start: draws the phases with which a row starts.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        steps: int,
        start: Callable[[Channel, np.random.Generator], np.ndarray],
    ) -> None:
        self.shape, self.steps, self.start = shape, steps, start

    @property
    def horizon(self) -> int:
        """Decisions of an episode."""
        return self.steps
