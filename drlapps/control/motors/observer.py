"""An observer of disturbances: control without offset of a drive that is not its data sheet's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Observer:
    """Estimates what a model's predictions miss by, smoothed.

    Args:
        share: of a prediction's error that the estimate takes over in each decision; 0 for none.
        shape: of what is predicted, rows first.

    Attributes:
        disturbance: the estimate, to be added to predictions.
    """

    def __init__(self, share: float, shape: tuple[int, ...]) -> None:
        self._share = share
        self.disturbance = np.zeros(shape)
        self._expected, self._due = np.zeros(shape), np.full(shape[0], -1)

    def correct(self, measured: Floats, at: Ints) -> None:
        """Compare what is measured before the decisions ``at``, (B,), with what was expected.

        Where decisions have been skipped in between, nothing was.
        """
        met = (at == self._due).reshape(-1, *[1] * (measured.ndim - 1))
        missed = np.where(met, measured - self._expected, 0.0)
        self.disturbance = self.disturbance + self._share * missed

    def expect(self, values: Floats, at: Ints) -> None:
        """Note what will be measured one decision after those ``at``, (B,)."""
        self._expected, self._due = values, at + 1


def check_share(name: str, share: float) -> None:
    """Refuse what is no share.

    Raises:
        InputError: it is below 0 or above 1.
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f"{name} must be a number from 0 to 1, not {share!r}")
