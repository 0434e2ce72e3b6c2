"""Small functions for the kernels of drives, compiled into where they are called."""

from __future__ import annotations

import numba


@numba.njit(inline="always")
def sign(value: float) -> float:
    """Return 1, -1 or 0."""
    return 1.0 if value > 0.0 else (-1.0 if value < 0.0 else 0.0)


@numba.njit(inline="always")
def cut(value: float, limit: float) -> float:
    """Return the value, or the limit of its sign where it is beyond."""
    return min(max(value, -limit), limit)
