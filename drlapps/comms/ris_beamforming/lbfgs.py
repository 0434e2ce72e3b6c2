"""Phases by L-BFGS on closed-form rates, for many starts and many blocks at once.

Three objectives, all in bit/s/Hz:

``zf``
    Zero forcing with equal powers: ``sum_k log2(1 + P / (K noise C_kk))``, ``C = (H H^H)^-1``.
    Needs at least as many antennas as users.
``mmse``
    The dual uplink with equal powers and receivers of minimum mean square error:
    ``sum_k -log2(rho A_kk)``, ``A = (H H^H + rho I)^-1``, ``rho = K noise / P``. By duality
    (Viswanath & Tse 2003) the downlink reaches the same rates with the same total power.
``rate``
    The same with the uplink's powers optimised as well. Its maximum is that of the sum rate over
    all linear precoders and phases.

All work with any amplitude law and with a direct path. Where the shifters have levels, phases are
rounded to them and then improved one element at a time until no single change helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming import lbfgs_kernels, rate_kernels
from drlapps.comms.ris_beamforming.block import Block
from drlapps.comms.ris_beamforming.surface import Complex, Real
from drlapps.errors import InputError, unknown

OBJECTIVES = ("zf", "mmse", "rate")

ITERATIONS = 1000
TOLERANCE = 1e-9
"""A climb ends after a step that gains less than this share of the rate."""


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where the climbs from S starts in each of B blocks ended.

    Attributes:
        phases: shape (B, S, N).
        values: of the objective in bit/s/Hz, shape (B, S); minus infinity where there is none.
        powers: of the users in the dual uplink as shares that add up to 1, shape (B, S, K).
        iterations: shape (B, S).
    """

    phases: Real
    values: Real
    powers: Real
    iterations: NDArray[np.integer[Any]]


def ascend(block: Block, starts: Real, objective: str = "mmse") -> tuple[Real, Real]:
    """Climb from phases (S, N) in one block.

    Returns:
        Phases (S, N) and the objective there (S,), in bit/s/Hz.

    Raises:
        InputError: there is no such objective, or it does not exist for these sizes.
    """
    found = ascend_blocks([block], starts[None], objective)
    return found.phases[0], found.values[0]


def ascend_blocks(
    blocks: Sequence[Block],
    starts: Real,
    objective: str = "mmse",
    *,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> Ascent:
    """Climb from several starts in each of several blocks of one size and surface.

    Args:
        blocks: B of them.
        starts: phases (B, S, N).
        objective: ``zf``, ``mmse`` or ``rate``.
        iterations: most of one climb.
        tolerance: a climb ends after a step that gains less than this share of the rate.

    Raises:
        InputError: there is no such objective, or it does not exist for these sizes.
    """
    real, imag, direct, rho, offset = _arrays(blocks, objective)
    users, elements = direct.shape[1], real.shape[1]
    surface = blocks[0].surface
    variables = np.zeros((*starts.shape[:2], elements + users * (objective == "rate")))
    variables[..., :elements] = starts
    values, counts = lbfgs_kernels.ascend(
        real, imag, direct, rho, offset, (surface.beta_min, surface.mu, surface.kappa),
        2**surface.bits if surface.bits else 0, blocks[0].paper_model,
        variables, iterations, tolerance,
    )  # fmt: skip
    return Ascent(
        np.ascontiguousarray(variables[..., :elements]),
        values,
        _shares(variables[..., elements:], users),
        counts,
    )


def downlink(h: Complex, shares: Real, power: float, noise: float) -> Complex:
    """Return the precoder (M, K) that gives the rates of the dual uplink.

    Its directions are the uplink's receivers; its powers, of the same sum, solve K linear equations
    that ask for the uplink's signal-to-interference ratios (Viswanath & Tse 2003).

    Args:
        h: channels, (K, M).
        shares: of the power that each user has in the uplink, (K,).
        power: total power.
        noise: at each user.
    """
    users = len(h)
    noise = max(noise, 1e-14 * power * float((np.abs(h) ** 2).sum()), 1e-250)
    uplink = np.sqrt(power / noise * shares)[:, None] * h
    inverse = np.linalg.inv(uplink @ uplink.conj().T + np.eye(users))
    error = np.diagonal(inverse).real
    heard = 1.0 - error > 1e-12
    directions = h.conj().T @ (np.sqrt(shares)[:, None] * inverse)
    directions /= np.where(heard, np.linalg.norm(directions, axis=0), 1.0)
    gains = np.abs(h @ directions) ** 2
    system = -gains
    ratios = np.where(heard, 1.0 / error - 1.0, 1.0)
    np.fill_diagonal(system, np.where(heard, np.diagonal(gains) / ratios, 1.0))
    system[:, ~heard] *= np.eye(users)[:, ~heard]
    powers = np.where(heard, np.linalg.solve(system, np.full(users, noise)), 0.0)
    total = powers.sum()
    return np.asarray(directions * np.sqrt(powers * (power / total if total > 0.0 else 0.0)))


def value_and_gradient(block: Block, phases: Real, objective: str = "mmse") -> tuple[float, Real]:
    """Return the objective in bit/s/Hz at phases (N,), unrounded, and its gradient (N,).

    For ``rate``, K logarithms of relative uplink powers may follow the phases: (N + K,).

    Raises:
        InputError: there is no such objective, or it does not exist for these sizes.
    """
    real, imag, direct, rho, offset = _arrays([block], objective)
    surface = block.surface
    problem = rate_kernels.Problem(
        real[0], imag[0], direct[0], rho[0], offset,
        surface.beta_min, surface.mu, surface.kappa, block.paper_model,
    )  # fmt: skip
    gradient = np.empty(len(phases))
    work = rate_kernels.workspace(real.shape[1], *direct.shape[1:])
    return rate_kernels.evaluate(problem, np.asarray(phases, np.float64), gradient, work), gradient


def _arrays(blocks: Sequence[Block], objective: str) -> tuple[Real, Real, Complex, Real, float]:
    """Return the real and imaginary parts (B, N, K M), direct paths, rho and the offset."""
    if objective not in OBJECTIVES:
        raise unknown("objective", objective, OBJECTIVES)
    # Whatever the layout of what is given, the kernels are compiled for one.
    cascaded = np.stack([block.cascaded for block in blocks])
    _, users, elements, antennas = cascaded.shape
    if objective == "zf" and users > antennas:
        raise InputError(f"{antennas} antennas cannot force zeros for {users} users; use mmse")
    cascaded = cascaded.swapaxes(1, 2).reshape(len(blocks), elements, users * antennas)
    direct = np.stack([block.direct for block in blocks])
    rho = np.array([users * block.noise / block.power for block in blocks])
    offset = 1.0 if objective == "zf" else 0.0
    return cascaded.real.copy("C"), cascaded.imag.copy("C"), direct.copy("C"), rho, offset


def _shares(logarithms: Real, users: int) -> Real:
    """Return powers of sum 1 from their logarithms, equal ones where there are none."""
    if not logarithms.shape[-1]:
        return np.full((*logarithms.shape[:-1], users), 1.0 / users)
    powers = np.exp(logarithms - logarithms.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
