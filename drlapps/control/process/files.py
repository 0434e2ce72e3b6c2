"""Linear plants of one's own, from TOML files.

An example; what is not given has the value shown behind its comment::

    states = ["position (m)", "speed (m/s)"]
    inputs = ["force (N)"]
    A = [[1.0, 0.1], [0.0, 1.0]]
    B = [[0.0], [0.1]]
    Q = [1.0, 0.1]                  # diagonal, or a matrix
    R = [0.01]                      # the same
    lower = [-5.0, -2.0]            # limits of the states
    upper = [5.0, 2.0]
    input_lower = [-1.0]            # limits of the inputs
    input_upper = [1.0]
    initial = [[-4.0, 0.0], [4.0, 0.0]]      # least and largest first state; the limits
    references = [[-3.0, 0.0], [3.0, 0.0]]   # least and largest reference; zero
    steps = 100                     # of an episode; 100
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drlapps.control.process.plant import LinearPlant, Real
from drlapps.errors import InputError, unknown
from drlapps.files import read_toml

SUFFIX = ".toml"

_NEEDED = ("states", "inputs", "A", "B", "Q", "R", "lower", "upper", "input_lower", "input_upper")
_KNOWN = (*_NEEDED, "initial", "references", "steps")


def read(path: Path) -> LinearPlant:
    """Read a plant of one's own.

    Raises:
        InputError: one sentence that names the file, the place in it and what is wrong there.
    """
    if not path.exists():
        raise InputError(f"no such file: {path}")
    table = read_toml(path)
    try:
        return _plant(path.stem, table)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault


def _plant(name: str, table: Mapping[str, Any]) -> LinearPlant:
    for key in table:
        if key not in _KNOWN:
            raise unknown("entry", key, _KNOWN)
    for key in _NEEDED:
        if key not in table:
            raise InputError(f"there is no {key}")
    states, inputs = _names(table, "states"), _names(table, "inputs")
    n, m = len(states), len(inputs)
    lower, upper = _limits(table, "lower", "upper", n)
    input_lower, input_upper = _limits(table, "input_lower", "input_upper", m)
    q, r = _cost(table, "Q", n), _cost(table, "R", m)
    if np.linalg.eigvalsh(r).min() <= 0.0:
        raise InputError("R must be positive definite")
    steps = table.get("steps", 100)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise InputError(f"steps must be a whole number above 0, not {steps!r}")
    initial = _box(table, "initial", n, np.stack([lower, upper]))
    references = _box(table, "references", n, np.zeros((2, n)))
    half = 0.5 * (upper - lower)
    return LinearPlant(
        name=name, states=states, inputs=inputs, a=_numbers(table, "A", (n, n)),
        b=_numbers(table, "B", (n, m)), state_cost=q, input_cost=r, lower=lower, upper=upper,
        input_lower=input_lower, input_upper=input_upper, initial=initial, references=references,
        cuts=np.zeros((0, n + 1)), tracked=tuple(range(n)) if references.any() else (),
        steps=steps, scale=float(half @ q @ half) or 1.0,
    )  # fmt: skip


def _names(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = table[key]
    if not isinstance(names, list) or not names or not all(isinstance(x, str) for x in names):
        raise InputError(f"{key} must be a list of names")
    return tuple(names)


def _numbers(table: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> Real:
    """Return an array of a given shape."""
    try:
        found = np.array(table[key], dtype=np.float64)
    except (TypeError, ValueError) as fault:
        raise InputError(f"{key} must hold numbers only, in rows of one length") from fault
    if found.shape != shape or not np.isfinite(found).all():
        raise InputError(f"{key} must hold {' x '.join(map(str, shape))} finite numbers")
    return found


def _limits(table: Mapping[str, Any], low: str, high: str, size: int) -> tuple[Real, Real]:
    lower, upper = (_numbers(table, key, (size,)) for key in (low, high))
    if not (lower < upper).all():
        raise InputError(f"{low} must be below {high}")
    return lower, upper


def _box(table: Mapping[str, Any], key: str, size: int, otherwise: Real) -> Real:
    found = _numbers(table, key, (2, size)) if key in table else otherwise
    if not (found[0] <= found[1]).all():
        raise InputError(f"the first row of {key} must not be above the second")
    return found


def _cost(table: Mapping[str, Any], key: str, size: int) -> Real:
    """Return a positive semidefinite matrix, given whole or by its diagonal."""
    flat = np.ndim(table[key]) == 1
    found = np.diag(_numbers(table, key, (size,))) if flat else _numbers(table, key, (size, size))
    if not np.allclose(found, found.T) or np.linalg.eigvalsh(found).min() < 0.0:
        raise InputError(f"{key} must be symmetric and positive semidefinite")
    return found
