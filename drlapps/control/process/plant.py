"""Processes: names, limits and costs of all, matrices of linear ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Process:
    """What the referee must know of a process but its dynamics.

    Attributes:
        name: of the process.
        states: their names, with units.
        inputs: their names, with units.
        state_cost: Q, (n, n).
        input_cost: R, (m, m).
        lower: least admissible states, (n,).
        upper: largest admissible states, (n,).
        input_lower: least inputs, (m,).
        input_upper: largest inputs, (m,).
        tracked: indices of the states that have references; none where all are to be zero.
        steps: of an episode.
        scale: cost of a typical step, by which rewards are divided.
    """

    name: str
    states: tuple[str, ...]
    inputs: tuple[str, ...]
    state_cost: Real
    input_cost: Real
    lower: Real
    upper: Real
    input_lower: Real
    input_upper: Real
    tracked: tuple[int, ...]
    steps: int
    scale: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def digest(self) -> str:
        """Digest of all attributes."""
        found = hashlib.sha256()
        for field in fields(self):
            value = getattr(self, field.name)
            found.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
        return found.hexdigest()


@dataclass(frozen=True, eq=False)
class LinearPlant(Process):
    """A linear plant ``x' = A x + B u``, and where its episodes begin.

    Attributes:
        a: A, (n, n).
        b: B, (n, m).
        initial: least and largest initial states, (2, n).
        references: least and largest references, (2, n).
        cuts: rows (F, g) of half-spaces ``F x <= g`` that initial states lie in, (k, n + 1).
    """

    a: Real
    b: Real
    initial: Real
    references: Real
    cuts: Real

    def changed(self, changes: Changes, seed: int) -> LinearPlant:
        """Return the true plant, of which this one is what controllers know."""
        if changes.exact:
            return self
        errors = np.random.default_rng([seed, _MODEL]).standard_normal((2, *self.a.shape))
        error_a, error_b = changes.model_error * errors
        return replace(
            self,
            a=changes.a_scale * self.a + error_a,
            b=changes.b_scale * self.b + error_b[:, : self.b.shape[1]],
        )


_MODEL = 0xA8
"""Marks the stream of the errors of a model."""


@dataclass(frozen=True)
class Changes:
    """How a true plant and what is measured of it differ from what controllers know.

    Attributes:
        a_scale: factor of A.
        b_scale: factor of B.
        model_error: standard deviation of an error of every entry of A and B.
        noise: standard deviation of the disturbance of every state in every step.
        measurement_noise: standard deviation of the error of every measured state, as a share of
            half of the range between its limits.

    Raises:
        InputError: a deviation is negative, or a number is none.
    """

    a_scale: float = 1.0
    b_scale: float = 1.0
    model_error: float = 0.0
    noise: float = 0.0
    measurement_noise: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not np.isfinite(value):
                raise InputError(f"{name} must be a number, not {value!r}")
            if value < 0.0:
                raise InputError(f"{name} must not be negative, not {value!r}")

    @property
    def exact(self) -> bool:
        """Whether the plant is as controllers know it."""
        return (self.a_scale, self.b_scale, self.model_error) == (1.0, 1.0, 0.0)
