"""The market-making instance: a market's parameters, and one path of its randomness."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from drlapps.errors import InputError, unknown

FillLaw = Literal["poisson", "bernoulli"]
LAWS: tuple[FillLaw, ...] = ("poisson", "bernoulli")
LARGEST = {"steps": 1_000_000, "limit": 1_000}
"""Highest numbers of steps and of units, so that a mistyped one cannot fill the memory."""
MOST_ARRIVALS: dict[FillLaw, float] = {"poisson": 100.0, "bernoulli": 1.0}
"""Highest mean number of market orders a side and step, by law of the fills."""


@dataclass(frozen=True)
class Market:
    """What a market maker faces; equal parameters are equal markets.

    With a positive ``excitation`` the arrivals are a Hawkes process with exponential kernel: each
    market order raises the intensity of its own side by ``excitation`` and that of the other by
    ``cross_excitation``, and both revert to ``intensity`` at the rate ``reversion``.

    Attributes:
        intensity: ``lambda``, market orders a side and unit of time; the base rate of a Hawkes
            process.
        decay: ``kappa``, how fast fills get rarer with the distance from the mid, per unit price.
        volatility: ``sigma`` of the mid-price, in price per square root of time.
        horizon: ``T``, in units of time.
        steps: ``N``, number of decisions.
        limit: ``Q``, the largest inventory, long or short, in units.
        running_penalty: ``phi``, price per squared unit and unit of time.
        terminal_penalty: ``alpha``, price per squared unit left at the end.
        fills: law of the fills in one step, ``poisson`` or ``bernoulli``.
        price: the first mid-price.
        excitation: jump of a side's intensity at its own market orders.
        cross_excitation: jump at those of the other side.
        reversion: rate at which intensities return to the base.

    Raises:
        InputError: a parameter is impossible, or the Hawkes process would explode.
    """

    intensity: float = 140.0
    decay: float = 1.5
    volatility: float = 2.0
    horizon: float = 1.0
    steps: int = 200
    limit: int = 30
    running_penalty: float = 0.5
    terminal_penalty: float = 0.01
    fills: FillLaw = "poisson"
    price: float = 100.0
    excitation: float = 0.0
    cross_excitation: float = 0.0
    reversion: float = 1.0

    def __post_init__(self) -> None:
        """Check the parameters and make whole those that are written as whole numbers."""
        for field in fields(self):
            if field.name != "fills":
                object.__setattr__(self, field.name, self._number(field.name))
        if self.fills not in LAWS:
            raise unknown("law of fills", str(self.fills), LAWS)
        if self.excitation + self.cross_excitation >= self.reversion:
            raise InputError("a Hawkes process needs excitation + cross_excitation < reversion")
        if self.is_hawkes and self.fills != "bernoulli":
            raise InputError("Hawkes arrivals need fills='bernoulli': they come one at a time")
        most = MOST_ARRIVALS[self.fills]
        if self.mean_arrivals > most:
            raise InputError(
                f"{self.mean_arrivals:g} market orders a side and step are more than {most:g}, "
                f"the most with fills={self.fills!r}; raise steps"
            )

    def _number(self, name: str) -> float:
        value = getattr(self, name)
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not numeric or not math.isfinite(value):
            raise InputError(f"a market's {name} must be a finite number, not {value!r}")
        if name in LARGEST:
            if value != int(value) or not 1 <= value <= LARGEST[name]:
                raise InputError(
                    f"a market's {name} must be a whole number from 1 to {LARGEST[name]}, "
                    f"not {value!r}"
                )
            return int(value)
        positive = name in {"intensity", "decay", "volatility", "horizon", "reversion"}
        if value < 0 or (positive and value == 0):
            least = "positive" if positive else "not negative"
            raise InputError(f"a market's {name} must be {least}, not {value!r}")
        return float(value)

    @property
    def dt(self) -> float:
        """Length of a step."""
        return self.horizon / self.steps

    @property
    def is_hawkes(self) -> bool:
        """Whether arrivals excite each other."""
        return self.excitation + self.cross_excitation > 0

    @property
    def mean_intensity(self) -> float:
        """Stationary mean of a side's intensity."""
        return self.intensity / (1.0 - (self.excitation + self.cross_excitation) / self.reversion)

    @property
    def mean_arrivals(self) -> float:
        """Mean number of market orders a side and step."""
        return self.mean_intensity * self.dt

    @property
    def risk_aversion(self) -> float:
        """``gamma`` of Avellaneda and Stoikov: ``2 phi / sigma^2``."""
        return 2.0 * self.running_penalty / self.volatility**2

    @property
    def tilt(self) -> float:
        """By how many ``1/kappa`` a unit of inventory shifts the quotes far from the end.

        ``sqrt(e phi kappa / lambda)``: the asymptotic slope for a risk-neutral objective with
        running penalty (Guéant et al. 2013, with ``gamma`` to 0 at constant ``phi``).
        """
        return math.sqrt(math.e * self.running_penalty * self.decay / self.mean_intensity)

    @property
    def relaxation(self) -> float:
        """Rate at which the value function forgets the end of the horizon.

        ``2 sqrt(phi kappa lambda / e)``, from the Riccati equation of its quadratic part.
        """
        return 2.0 * math.sqrt(self.running_penalty * self.decay * self.mean_intensity / math.e)
