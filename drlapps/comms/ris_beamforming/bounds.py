"""Upper bounds of the sum rate, for any precoder and any phases.

If the users could cooperate, the downlink with channel H would be a point-to-point link of no more
than ``r = rank H`` streams. Their powers add up to P and their gains, the squared singular values
of H, to ``T = |H|^2``, so that their rate is at most (the best powers and gains are equal ones)

    max over r of r log2(1 + P T / (r^2 noise)).

T is a quadratic form ``psi^H R psi`` of the reflections and, as one that does not move, the direct
path, with ``R_nm = sum_k c_kn^* . c_km``; what bounds the form bounds the rate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drlapps.comms.ris_beamforming.block import Block, true_block
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.surface import Complex, Real

_ROUNDING = 1.0 + 1e-9
"""Factor by which gains are raised, more than what the eigenvalue may lack."""

_NORM = 60.0
"""Order of the norm of the eigenvalues that stands for the largest."""


def cooperative_bound(channel: Channel) -> float:
    """Return an upper bound of an instance's sum rate in bit/s/Hz, the mean over its blocks.

    No element reflects more than all, so that the gain is at most ``N lambda_max(R)``, or
    ``(N + 1) lambda_max`` with a direct path. Under ``paper_model`` reflections sum to less, and so
    does the bound.
    """
    return _mean(channel, lambda gram: len(gram) * float(np.linalg.eigvalsh(gram)[-1]))


def semidefinite_bound(channel: Channel, steps: int = 10) -> float:
    """Return a tighter bound than :func:`cooperative_bound`, in more time.

    By duality (Goemans & Williamson 1995), ``psi^H R psi <= sum(d) lambda_max(D^-1/2 R D^-1/2)``
    for every diagonal D > 0, which is the semidefinite relaxation at its minimum over D and the
    cooperative bound at ``D = I``. Whatever D the steps end at, the bound holds.

    Args:
        channel: the instance.
        steps: of L-BFGS towards the minimum.
    """
    return _mean(channel, lambda gram: _least_dual(gram, steps))


def _mean(channel: Channel, form: Callable[[Complex], float]) -> float:
    """Return the mean over blocks, given what bounds the form of a Gram matrix."""
    bounds = [_rate(true_block(channel, t), form) for t in range(len(channel.cascaded))]
    return float(np.mean(channel.shares * bounds))


def _rate(block: Block, form: Callable[[Complex], float]) -> float:
    """Return the bound of one block."""
    users, elements, antennas = block.cascaded.shape
    paths = np.swapaxes(block.cascaded, 0, 1).reshape(elements, -1)
    if block.has_direct:
        paths = np.concatenate([paths, block.direct.reshape(1, -1)])
    gram = paths.conj() @ paths.T
    gain = _paper_form(gram) if block.paper_model else form(gram)
    ratio = block.power * gain * _ROUNDING / block.noise
    streams = np.arange(1, min(users, antennas, len(paths)) + 1)
    return float(np.max(streams * np.log2(1.0 + ratio / streams**2)))


def _paper_form(gram: Complex) -> float:
    """Return the most of the form where real and imaginary parts each have a 1-norm of 1/sqrt(2).

    A convex function is largest at a corner, where one element has all of the real and one, maybe
    another, all of the imaginary part.
    """
    own = gram.diagonal().real
    return float(np.max(0.5 * (own[:, None] + own) + np.abs(gram.imag)))


def _least_dual(gram: Complex, steps: int) -> float:
    """Return the dual bound of the form at the best diagonal found."""
    from scipy.optimize import minimize

    def objective(logs: Real) -> tuple[float, Real]:
        values, vectors = np.linalg.eigh(_scaled(gram, np.exp(logs)))
        # At the minimum several eigenvalues are the largest: their norm is smooth there.
        powers = np.maximum(values / values[-1], 0.0) ** _NORM
        size = values[-1] * powers.sum() ** (1.0 / _NORM)
        shares = np.exp(logs) / np.exp(logs).sum()
        gradient = shares - np.abs(vectors) ** 2 @ (powers / powers.sum())
        return float(np.log(size * np.exp(logs).sum())), gradient

    none = np.zeros(len(gram))
    if not gram.any():
        return 0.0
    found = minimize(objective, none, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x
    return min(_dual(gram, np.exp(logs)) for logs in (none, found))


def _scaled(gram: Complex, diagonal: Real) -> Complex:
    return np.asarray(gram / np.sqrt(diagonal[:, None] * diagonal))


def _dual(gram: Complex, diagonal: Real) -> float:
    return float(diagonal.sum() * np.linalg.eigvalsh(_scaled(gram, diagonal))[-1])
