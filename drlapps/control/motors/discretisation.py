"""Exact discretisation of linear plants whose input is held over a control period.

For ``x' = A x + B u + c`` with constant ``u``, ``x(tau) = F x(0) + G u + h`` where::

    F = exp(A tau),   G = int_0^tau exp(A s) ds B,   h = int_0^tau exp(A s) ds c

Both integrals are blocks of one larger matrix exponential (Van Loan 1978).

References:
    Van Loan, C. (1978). Computing integrals involving the matrix exponential. IEEE Transactions on
    Automatic Control, 23(3), 395-404.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

Floats = NDArray[np.float64]

PLANT_COLUMNS = 12
"""Numbers that :func:`synchronous` gives of a plant."""


def zero_order_hold(
    a: Floats, b: Floats, c: Floats, period: float
) -> tuple[Floats, Floats, Floats]:
    """Return ``F``, ``G`` and ``h`` of a plant, or of several at once.

    Args:
        a: state matrices, (..., N, N).
        b: input matrices, (..., N, M).
        c: constant inputs, (..., N).
        period: how long the input is held, in seconds.

    Returns:
        Arrays of the shapes of ``a``, ``b`` and ``c``.
    """
    states, inputs = b.shape[-2:]
    block = np.zeros((*a.shape[:-2], states + inputs + 1, states + inputs + 1))
    block[..., :states, :states] = a
    block[..., :states, states:-1] = b
    block[..., :states, -1] = c
    found = expm(block * period)
    return (
        found[..., :states, :states],
        found[..., :states, states:-1],
        found[..., :states, -1],
    )


@numba.njit(cache=True)
def synchronous(
    resistance: Floats,
    inductance_d: Floats,
    inductance_q: Floats,
    flux: Floats,
    speed: Floats,
    period: float,
    out: Floats,
) -> None:
    """Discretise permanent-magnet synchronous machines in rotor coordinates, in closed form.

    ``L_d i_d' = u_d - R i_d + w L_q i_q``, ``L_q i_q' = u_q - R i_q - w L_d i_d - w psi``. With the
    mean ``m`` of the diagonal of ``A`` and ``N = A - m I``, ``N^2 = e I``, so that ``exp(A tau) =
    exp(m tau) (C I + S N)``, where ``C`` and ``S`` are cosine and sine, circular or hyperbolic as
    ``e`` is negative or positive, of ``sqrt(|e|) tau``. The integral is ``A^-1 (F - I)``.

    Args:
        resistance: of the stator in ohm, positive, (P,).
        inductance_d: in henry, (P,).
        inductance_q: likewise.
        flux: of the magnets in weber, (P,).
        speed: electrical, in rad/s, (P,).
        period: of control, in seconds.
        out: gets ``F`` (4 numbers, by rows), ``G`` (4), ``h`` (2), and cosine and sine of the angle
            that the rotor turns in a period, (P, PLANT_COLUMNS).
    """
    for k in range(len(resistance)):
        r, ld, lq, w = resistance[k], inductance_d[k], inductance_q[k], speed[k]
        a11, a12, a21, a22 = -r / ld, w * lq / ld, -w * ld / lq, -r / lq
        mean, half = 0.5 * (a11 + a22), 0.5 * (a11 - a22)
        square = half * half + a12 * a21
        root = math.sqrt(abs(square))
        if root * period < 1e-9:
            even, odd = 1.0, period
        elif square > 0.0:
            even, odd = math.cosh(root * period), math.sinh(root * period) / root
        else:
            even, odd = math.cos(root * period), math.sin(root * period) / root
        decay = math.exp(mean * period)
        f11, f12 = decay * (even + half * odd), decay * odd * a12
        f21, f22 = decay * odd * a21, decay * (even - half * odd)
        determinant = a11 * a22 - a12 * a21
        g11 = (a22 * (f11 - 1.0) - a12 * f21) / determinant
        g12 = (a22 * f12 - a12 * (f22 - 1.0)) / determinant
        g21 = (a11 * f21 - a21 * (f11 - 1.0)) / determinant
        g22 = (a11 * (f22 - 1.0) - a21 * f12) / determinant
        push = -w * flux[k] / lq
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = f11, f12, f21, f22
        out[k, 4], out[k, 5], out[k, 6], out[k, 7] = g11 / ld, g12 / lq, g21 / ld, g22 / lq
        out[k, 8], out[k, 9] = g12 * push, g22 * push
        out[k, 10], out[k, 11] = math.cos(w * period), math.sin(w * period)
