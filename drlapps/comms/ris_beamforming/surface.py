"""How an element of the surface reflects: its phase, its amplitude, its resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Surface:
    """The reflection law of the elements.

    With phase-dependent amplitude (Abeywickrama et al. 2020, eq. 5)

        beta(theta) = (1 - beta_min) ((sin(theta - mu) + 1) / 2) ** kappa + beta_min.

    Attributes:
        beta_min: least amplitude; 1 is the ideal surface.
        mu: horizontal shift in radians.
        kappa: steepness.
        bits: resolution of the phases; 0 is continuous.
    """

    beta_min: float = 1.0
    mu: float = 0.0
    kappa: float = 1.5
    bits: int = 0

    @property
    def ideal(self) -> bool:
        """Whether every element reflects all."""
        return self.beta_min == 1.0

    @property
    def step(self) -> float:
        """Distance of the phases that the shifters can show, in radians; 0 where any can be."""
        return 2.0 * np.pi / 2**self.bits if self.bits else 0.0

    def amplitude(self, phases: Real) -> Real:
        """Return beta of each phase (radians), any shape."""
        lift = 0.5 * (np.sin(phases - self.mu) + 1.0)
        return np.asarray((1.0 - self.beta_min) * lift**self.kappa + self.beta_min)

    def quantised(self, phases: Real) -> Real:
        """Return the phases that the shifters can show, nearest to the given ones."""
        if not self.bits:
            return phases
        return np.asarray(np.round(phases / self.step) * self.step)

    def reflection(self, phases: Real) -> Complex:
        """Return phi = beta(theta) exp(j theta) of what the shifters show."""
        shown = self.quantised(phases)
        return np.asarray(self.amplitude(shown) * np.exp(1j * shown))
