"""The reactor: constants, steady states, how it may differ from what controllers know."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from drlapps.control.process.plant import Process, Real
from drlapps.errors import InputError

STEP = 26.0 / 60.0
"""Length of a step, min."""
SUBSTEPS = 5
"""Runge-Kutta steps in a step."""
HOTTEST = 380.0
"""Temperature, K, above which the reaction gets no faster: far beyond the limits, a guard for the
integration of a reactor that runs away."""
CONSTANTS = ("exchange", "heating", "cooling", "rate", "activation", "feed", "warmth", "interval")
"""Columns of :attr:`Reactor.constants`."""


@dataclass(frozen=True, eq=False)
class Reactor(Process):
    """A stirred tank with a first-order exothermic reaction and a jacket.

    Attributes:
        exchange: q / V, 1/min.
        heating: -dH / (rho C_p), K L/mol.
        cooling: U A / (V rho C_p), 1/min.
        rate: k_0, 1/min.
        activation: E, the activation energy over the gas constant, K.
        feed: C_Af, mol/L.
        warmth: T_f, K.
        interval: length of a step, min.
    """

    exchange: float = 1.0
    heating: float = 5e4 / (1000.0 * 0.239)
    cooling: float = 5e4 / (100.0 * 1000.0 * 0.239)
    rate: float = 7.2e10
    activation: float = 8750.0
    feed: float = 1.0
    warmth: float = 350.0
    interval: float = STEP

    @property
    def constants(self) -> Real:
        """The constants of the model in the order of :data:`CONSTANTS`."""
        return np.array([getattr(self, name) for name in CONSTANTS])

    def slope(self, state: NDArray[np.float64], jacket: float) -> Real:
        """Return the time derivatives of concentration and temperature, per min."""
        concentration, temperature = state
        made = self.rate * math.exp(-self.activation / min(temperature, HOTTEST)) * concentration
        return np.array(
            [
                self.exchange * (self.feed - concentration) - made,
                self.exchange * (self.warmth - temperature)
                + self.heating * made
                + self.cooling * (jacket - temperature),
            ]
        )

    def after(self, state: NDArray[np.float64], jacket: float, substeps: int = SUBSTEPS) -> Real:
        """Return the state a step later."""
        h = self.interval / substeps
        for _ in range(substeps):
            a = self.slope(state, jacket)
            b = self.slope(state + 0.5 * h * a, jacket)
            c = self.slope(state + 0.5 * h * b, jacket)
            d = self.slope(state + h * c, jacket)
            state = state + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
        return state

    def rest(self, concentration: float) -> tuple[float, float]:
        """Return the temperature and the jacket's at which a concentration stays, in K.

        Raises:
            InputError: at no temperature it does.
        """
        made = self.exchange * (self.feed - concentration)
        if not 0.0 < made < self.rate * concentration:
            raise InputError(f"no temperature holds a concentration of {concentration:g} mol/L")
        temperature = self.activation / math.log(self.rate * concentration / made)
        warmed = self.exchange * (self.warmth - temperature) + self.heating * made
        return temperature, temperature - warmed / self.cooling

    def linearised(self, concentration: float) -> tuple[Real, Real]:
        """Return A (2, 2) and B (2, 1) of a step around the rest at a concentration."""
        temperature, jacket = self.rest(concentration)
        state, size = np.array([concentration, temperature]), np.array([1e-5, 1e-2])
        columns = [
            (self.after(state + move, jacket) - self.after(state - move, jacket))
            / (2.0 * move.max())
            for move in np.diag(size)
        ]
        moved = (self.after(state, jacket + 0.01) - self.after(state, jacket - 0.01)) / 0.02
        return np.stack(columns, axis=1), moved[:, None]


@cache
def nominal() -> Reactor:
    """Return the reactor of PC-Gym."""
    return Reactor(
        name="cstr",
        states=("concentration (mol/L)", "temperature (K)"),
        inputs=("jacket (K)",),
        state_cost=np.diag([1e3, 0.0]),
        input_cost=np.zeros((1, 1)),
        lower=np.array([0.7, 300.0]),
        upper=np.array([1.0, 350.0]),
        input_lower=np.array([295.0]),
        input_upper=np.array([302.0]),
        tracked=(0,),
        steps=60,
        scale=0.1,
    )


@dataclass(frozen=True)
class Changes:
    """How a true reactor and what is measured of it differ from what controllers know.

    Attributes:
        rate_scale: factor of the reaction's rate k_0.
        cooling_scale: factor of the heat transfer U A.
        feed_scale: factor of the feed's concentration C_Af.
        feed_warmth: what is added to the feed's temperature T_f, K.
        measurement_noise: standard deviation of the errors of measurement, as a share of half of
            the range between the limits of a state.

    Raises:
        InputError: a factor is not positive, or a deviation negative.
    """

    rate_scale: float = 1.0
    cooling_scale: float = 1.0
    feed_scale: float = 1.0
    feed_warmth: float = 0.0
    measurement_noise: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value):
                raise InputError(f"{name} must be a number, not {value!r}")
            if name.endswith("scale") and value <= 0.0:
                raise InputError(f"{name} must be positive, not {value!r}")
        if self.measurement_noise < 0.0:
            raise InputError(f"measurement_noise must not be negative: {self.measurement_noise!r}")

    def of(self, reactor: Reactor) -> Reactor:
        """Return the true reactor, of which the given one is what controllers know."""
        return replace(
            reactor,
            rate=self.rate_scale * reactor.rate,
            cooling=self.cooling_scale * reactor.cooling,
            feed=self.feed_scale * reactor.feed,
            warmth=self.feed_warmth + reactor.warmth,
        )
