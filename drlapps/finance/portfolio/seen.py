"""What a policy knows when it decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """What a policy knows when it decides; nothing in it is later than the decision.

    Attributes:
        relatives: closing price of a day over that of the day before, oldest first, shape
            (days seen, assets); read-only. It holds the days before the episode's start too.
        weights: shares of wealth held now, cash first, shape (1 + assets,).
        growth: wealth after the latest day over wealth before it, net of costs; 1 at the start.
        day: days since the start of the episode; 0 at the first decision.
        date: date of the latest close seen; ``None`` where the data are undated.
    """

    relatives: Matrix
    weights: Vector
    growth: float
    day: int
    date: np.datetime64 | None
