"""The refinement of phases on tensors: what an agent can be trained through.

The arithmetic is that of :mod:`.kernels` and :func:`.precoding.mmse`, in double precision, and all
of it has derivatives. As observations contain gradients of the rate, theirs are its curvature.

Rows may differ in size. Channels of elements, users and antennas that a row does not have are zero:
such a user's rate is ``-log2(rho / rho) = 0``, and it neither disturbs others nor gets power.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from drlapps.comms.ris_beamforming.block import Block, believed_block, true_block
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.kernels import ELEMENT_COLUMNS, USER_COLUMNS
from drlapps.comms.ris_beamforming.surface import Complex
from drlapps.errors import InputError

_TINY, _LIMIT = 1e-9, 10.0
_PER_LN2 = 2.0 / math.log(2.0)


class Link(NamedTuple):
    """One coherence block in each row, true or believed.

    Attributes:
        cascaded: complex, shape (B, N, K M).
        direct: complex, shape (B, 1, K M).
        exists: 1 where a row has an element, else 0, shape (B, N).
        users: how many a row has, shape (B,).
        surface: ``beta_min``, ``mu``, ``kappa`` and step of the shifters (0 is continuous), shape
            (4, B, 1).
        power: total transmit power, shape (B,).
        noise: at each user, shape (B,).
        error: variance of each entry of the channels about the true ones, shape (B,).
        has_direct: 1 where there is a direct path, else 0, shape (B,).
    """

    cascaded: Tensor
    direct: Tensor
    exists: Tensor
    users: Tensor
    surface: Tensor
    power: Tensor
    noise: Tensor
    error: Tensor
    has_direct: Tensor


class State(NamedTuple):
    """A batch of refinements between two decisions.

    Attributes:
        believed: what controllers know of each block.
        true: what there is in each block; nothing where that is the same.
        decision: how many were taken, of no shape.
        phases: in radians, shape (B, N).
        value: believed sum rate, shape (B,).
        seen: observations, shape (B, N, 15 + 5 K).
    """

    believed: tuple[Link, ...]
    true: tuple[Link, ...]
    decision: Tensor
    phases: Tensor
    value: Tensor
    seen: Tensor


class Refinement:
    """A :class:`~drlapps.analytic_gradient.model.DifferentiableModel` of phase increments.

    Args:
        users: most users of a row.
        elements: most elements.
        antennas: most antennas.
        blocks: coherence blocks of every row.
        steps: decisions in each of them.
        start: ``random`` or ``zero`` phases at first.
    """

    def __init__(
        self, users: int, elements: int, antennas: int, blocks: int, steps: int, start: str
    ) -> None:
        self.sizes = users, elements, antennas
        self.blocks, self.steps, self.start = blocks, steps, start

    @property
    def horizon(self) -> int:
        """Decisions of an episode."""
        return self.blocks * self.steps

    def load(self, instances: Sequence[Channel], generator: np.random.Generator) -> State:
        """Return the states before the first decision.

        Raises:
            InputError: a channel has another number of blocks or is in the units of :mod:`.paper`.
        """
        for channel in instances:
            if channel.setting.blocks != self.blocks:
                raise InputError(f"{channel.name} has not {self.blocks} blocks, as others have")
            if channel.setting.paper_model:
                raise InputError(f"{channel.name}: paper_model is not differentiable")
        known = all(channel.known for channel in instances)
        believed = self._links(instances, believed_block)
        phases = torch.zeros_like(believed[0].exists)
        if self.start == "random":
            drawn = generator.uniform(-np.pi, np.pi, phases.shape)
            phases = torch.from_numpy(drawn) * believed[0].exists
        value, seen = self._fresh(believed[0], phases)
        true = () if known else self._links(instances, true_block)
        return State(believed, true, torch.tensor(0), phases, value, seen)

    def _links(
        self, instances: Sequence[Channel], block_of: Callable[[Channel, int], Block]
    ) -> tuple[Link, ...]:
        return tuple(
            _link([block_of(channel, index) for channel in instances], *self.sizes)
            for index in range(self.blocks)
        )

    def _fresh(self, link: Link, phases: Tensor) -> tuple[Tensor, Tensor]:
        """Return value and observations at the start of a block."""
        return _sensed(link, phases, torch.zeros_like(phases), 1.0, None, self.sizes[0])

    def observe(self, state: State) -> Tensor:
        """Return the observations of :class:`.RisBeamformingEnv`, shape (B, N, 15 + 5 K)."""
        return state.seen

    def step(self, state: State, actions: Tensor) -> tuple[State, Tensor]:
        """Turn the phases by ``actions`` (B, N), in units of pi; rewards are the environment's."""
        index, decision = divmod(int(state.decision), self.steps)
        link, left = state.believed[index], 1.0 - (decision + 1) / self.steps
        increments = actions.double() * link.exists
        phases = state.phases + math.pi * increments
        before = _Before(state.value, state.seen)
        value, seen = _sensed(link, phases, increments, left, before, self.sizes[0])
        gained = value - state.value
        if not left:
            if state.true:
                gained = gained + _served(link, state.true[index], phases, self.sizes[0]) - value
            if index + 1 < self.blocks:
                value, seen = self._fresh(state.believed[index + 1], phases)
        following = state._replace(
            decision=state.decision + 1, phases=phases, value=value, seen=seen
        )
        return following, gained / link.users


def _link(blocks: Sequence[Block], users: int, elements: int, antennas: int) -> Link:
    """Return a batch of blocks, filled up with zeros to the given sizes."""
    cascaded: Complex = np.zeros((len(blocks), elements, users, antennas), np.complex128)
    direct: Complex = np.zeros((len(blocks), users, antennas), np.complex128)
    exists = np.zeros((len(blocks), elements))
    numbers = []
    for row, block in enumerate(blocks):
        k, n, m = block.cascaded.shape
        cascaded[row, :n, :k, :m] = block.cascaded.transpose(1, 0, 2)
        direct[row, :k, :m] = block.direct
        exists[row, :n] = 1.0
        law = block.surface
        numbers.append(
            (k, block.power, block.noise, block.error, block.has_direct,
             law.beta_min, law.mu, law.kappa, law.step)
        )  # fmt: skip
    columns = torch.tensor(numbers, dtype=torch.float64).T
    count, power, noise, error, has_direct = columns[:5]
    return Link(
        torch.from_numpy(cascaded).flatten(2),
        torch.from_numpy(direct).flatten(1).unsqueeze(1),
        torch.from_numpy(exists),
        count,
        columns[5:].unsqueeze(2),
        power,
        noise,
        error,
        has_direct,
    )


class _Reflection(NamedTuple):
    """Phases as shown, amplitude and its derivative, reflection: each (B, N)."""

    shown: Tensor
    amplitude: Tensor
    slope: Tensor
    phi: Tensor


def _reflection(link: Link, phases: Tensor) -> _Reflection:
    """Return what the elements reflect; shifters of finite resolution pass gradients on."""
    least, mu, kappa, step = link.surface
    levels = torch.where(step > 0.0, step, 1.0)
    rounded = torch.where(step > 0.0, torch.round(phases / levels) * levels, phases)
    shown = phases + (rounded - phases).detach()
    # Powers of zero have no derivative.
    lift = (0.5 * (torch.sin(shown - mu) + 1.0)).clamp(min=1e-12)
    amplitude = (1.0 - least) * lift**kappa + least
    slope = (1.0 - least) * kappa * lift ** (kappa - 1.0) * 0.5 * torch.cos(shown - mu)
    return _Reflection(shown, amplitude, slope, torch.polar(amplitude, shown) * link.exists)


def _matrix(link: Link, phi: Tensor, users: int) -> Tensor:
    """Return H, shape (B, K, M)."""
    flat = link.direct + phi.unsqueeze(1) @ link.cascaded
    return flat.reshape(len(phi), users, -1)


def _noise(link: Link, phi: Tensor) -> Tensor:
    """Return the noise to reckon with: that of the users, and what the estimates err, (B,)."""
    gain = _squares(phi).sum(dim=1) + link.has_direct
    return link.noise + link.power * link.error * gain


def _inverse(matrix: Tensor, rho: Tensor) -> Tensor:
    """Return A = (H H^H + rho I)^-1, shape (B, K, K)."""
    identity = torch.eye(matrix.shape[1], dtype=matrix.dtype)
    inverse: Tensor = torch.linalg.inv(matrix @ matrix.mH + rho[:, None, None] * identity)
    return inverse


class _Before(NamedTuple):
    """What a controller saw before its last decision: sum rates (B,) and observations."""

    value: Tensor
    seen: Tensor


def _sensed(
    link: Link,
    phases: Tensor,
    increments: Tensor,
    left: float,
    before: _Before | None,
    users: int,
) -> tuple[Tensor, Tensor]:
    """Return believed sum rates (B,) and observations (B, N, 15 + 5 K).

    Args:
        link: what is believed.
        phases: shape (B, N).
        increments: of the last decision, in units of pi, shape (B, N).
        left: share of the block's decisions that is left.
        before: what was seen before it, if there was one in this block.
        users: K.
    """
    surface = _reflection(link, phases)
    matrix, noise = _matrix(link, surface.phi, users), _noise(link, surface.phi)
    rho = link.users * noise / link.power
    inverse = _inverse(matrix, rho)
    rates = -torch.log2(rho[:, None] * inverse.diagonal(dim1=1, dim2=2).real)
    value = rates.sum(dim=1)
    if before is None:
        shape = len(phases), phases.shape[1], ELEMENT_COLUMNS + USER_COLUMNS * users
        before = _Before(value, phases.new_zeros(shape))

    pull = _pull(link, surface.shown, matrix, inverse)
    gradient = surface.slope * pull.real.sum(dim=2) - surface.amplitude * pull.imag.sum(dim=2)
    steep = _root_mean_square(gradient**2, link)
    strength = _root_mean_square(_squares(pull).sum(dim=2) / link.users[:, None], link)
    least, mu = link.surface[:2]
    columns = [
        link.exists,
        surface.amplitude,
        (1.0 - least) * torch.sin(surface.shown - mu),
        (1.0 - least) * torch.cos(surface.shown - mu),
        increments,
        gradient / steep,
        before.seen[:, :, 5],
        torch.log10(steep) / 3.0,
        before.seen[:, :, 7],
        torch.log10(strength) / 3.0,
        torch.log10(link.power / noise)[:, None] / 6.0,
        torch.full_like(strength, left),
        torch.log10(noise / link.noise)[:, None] / 6.0,
        (value - before.value)[:, None] / (2.0 * link.users[:, None]),
        value[:, None] / (20.0 * link.users[:, None]),
    ]
    own = torch.stack([column.expand_as(phases) for column in columns], dim=2)
    links = _user_columns(link, pull / strength.unsqueeze(2), rates, before.seen)
    seen = torch.cat([own, links.flatten(2)], dim=2).clamp(-_LIMIT, _LIMIT)
    return value, seen * link.exists.unsqueeze(2)


def _pull(link: Link, shown: Tensor, matrix: Tensor, inverse: Tensor) -> Tensor:
    """Return q_kn = (2 / ln 2) exp(j theta_n) a_k^H C_n H^H a_k / A_kk, shape (B, N, K)."""
    heard = inverse.diagonal(dim1=1, dim2=2).real
    weights = inverse.mH.unsqueeze(3) * (matrix.mH @ inverse).mT.unsqueeze(2)
    weights = _PER_LN2 * weights / heard[:, :, None, None]
    turn = torch.polar(torch.ones_like(shown), shown).unsqueeze(2)
    return turn * (link.cascaded @ weights.flatten(2).mT)


def _user_columns(link: Link, pull: Tensor, rates: Tensor, before: Tensor) -> Tensor:
    """Return what elements see of each user, shape (B, N, K, 5).

    Args:
        link: what is believed.
        pull: scaled, shape (B, N, K).
        rates: shape (B, K).
        before: observations before the last decision.
    """
    users = rates.shape[1]
    last = before[:, :, ELEMENT_COLUMNS:].reshape(*pull.shape, USER_COLUMNS)
    mean = rates.sum(dim=1, keepdim=True) / link.users[:, None]
    present = torch.arange(users) < link.users[:, None]
    above = torch.where(present, rates - mean, 0.0).unsqueeze(1) / 5.0
    columns = [pull.real, pull.imag, last[..., 0], last[..., 1], above.expand_as(pull.real)]
    return torch.stack(columns, dim=3)


def _served(believed: Link, true: Link, phases: Tensor, users: int) -> Tensor:
    """Return the true sum rate of the precoder that follows from what is believed, shape (B,)."""
    phi = _reflection(believed, phases).phi
    precoder = _mmse(_matrix(believed, phi, users), _noise(believed, phi), believed)
    received = _squares(_matrix(true, _reflection(true, phases).phi, users) @ precoder)
    wanted = received.diagonal(dim1=1, dim2=2)
    rest = received.sum(dim=2) - wanted + true.noise[:, None]
    return torch.log2(1.0 + wanted / rest).sum(dim=1)


def _mmse(matrix: Tensor, noise: Tensor, link: Link) -> Tensor:
    """Return the precoder of :func:`.precoding.mmse` at full power, shape (B, M, K)."""
    rho = link.users * noise / link.power
    inverse = _inverse(matrix, rho)
    heard = (matrix @ matrix.mH @ inverse).diagonal(dim1=1, dim2=2).real
    heard = torch.where(heard > 0.0, heard, 1.0)
    missed = _squares(inverse) * rho[:, None, None] / heard.unsqueeze(1)
    own = torch.diag_embed(missed.diagonal(dim1=1, dim2=2))
    system = torch.diag_embed(inverse.diagonal(dim1=1, dim2=2).real) - (missed - own)
    powers = torch.linalg.solve(system, torch.ones_like(heard)).clamp(min=1e-30) / heard
    unscaled = matrix.mH @ inverse * torch.sqrt(powers).unsqueeze(1)
    used = _squares(unscaled).sum(dim=(1, 2))
    return unscaled * torch.sqrt(link.power / used)[:, None, None]


def _root_mean_square(squares: Tensor, link: Link) -> Tensor:
    """Return the root of the mean over a row's elements, shape (B, 1); roots of 0 have no slope."""
    mean = squares.sum(dim=1) / link.exists.sum(dim=1)
    return torch.sqrt(mean.clamp(min=1e-30)).unsqueeze(1) + _TINY


def _squares(values: Tensor) -> Tensor:
    """Return squared moduli."""
    return values.real**2 + values.imag**2
