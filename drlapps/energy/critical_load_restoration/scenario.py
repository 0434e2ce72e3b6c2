"""An instance of the task: an island, the weather of its six hours, and how forecasts of it err."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration import profiles
from drlapps.energy.critical_load_restoration.profiles import Profiles
from drlapps.energy.critical_load_restoration.resources import Microgrid
from drlapps.errors import InputError

Floats = NDArray[np.float64]

STEPS, STEP_HOURS = 72, 1.0 / 12.0


@dataclass(frozen=True, eq=False)
class Scenario:
    """One outage.

    Attributes:
        name: what reports call it.
        microgrid: the island.
        weather: shares of capacity and noise of the forecasts, (T,) each.
        initial_kwh: energy in the battery at the outage.
        error: standard deviation of the forecasts' error at long lead, in shares of capacity.
        step_hours: length of a step.

    Raises:
        InputError: the profiles differ in length, a share is not between 0 and 1, or a number is
            impossible.
    """

    name: str
    microgrid: Microgrid
    weather: Profiles
    initial_kwh: float
    error: float = 0.0
    step_hours: float = STEP_HOURS

    def __post_init__(self) -> None:
        """Check; make the profiles immutable."""
        columns = (
            self.weather.solar, self.weather.wind, self.weather.solar_error,
            self.weather.wind_error, self.weather.clear,
        )  # fmt: skip
        for column in columns:
            column.setflags(write=False)
            if column.shape != (self.steps,) or not np.isfinite(column).all() or not self.steps:
                raise InputError(f"{self.name}: profiles must be as many finite numbers each")
        for source in ("solar", "wind", "clear"):
            share = getattr(self.weather, source)
            if share.min() < 0.0 or share.max() > 1.0:
                raise InputError(f"{self.name}: {source} must be between 0 and 1 of the capacity")
        battery = self.microgrid.battery
        if not battery.min_kwh <= self.initial_kwh <= battery.max_kwh:
            raise InputError(
                f"{self.name}: the battery must start between {battery.min_kwh:g} and "
                f"{battery.max_kwh:g} kWh, not at {self.initial_kwh}"
            )
        if not 0.0 <= self.error <= 1.0:
            raise InputError(f"{self.name}: error must be between 0 and 1, not {self.error}")
        if not 0.0 < self.step_hours < math.inf:
            raise InputError(f"{self.name}: step_hours must be above 0, not {self.step_hours}")

    @property
    def steps(self) -> int:
        """Number of steps, ``T``."""
        return len(self.weather.solar)

    @property
    def solar_kw(self) -> Floats:
        """Power of the sun in each step, in kW, (T,): the truth."""
        return self.microgrid.capacity("solar") * self.weather.solar

    @property
    def wind_kw(self) -> Floats:
        """Power of the wind in each step, in kW, (T,): the truth."""
        return self.microgrid.capacity("wind") * self.weather.wind

    @property
    def memory(self) -> float:
        """What is left of a forecast's deviation after a step, ``phi``."""
        return profiles.memory(self.step_hours, profiles.ERROR_HOURS)

    def forecast(self, step: int, margin: float = 0.0) -> tuple[Floats, Floats]:
        """Return what is known at a step of sun and wind from that step on, in kW, (T - step,).

        The first entry of each is the truth, the others are forecasts.

        Args:
            step: the present.
            margin: standard deviations of their error by which forecasts are lowered.
        """
        weather, ahead = self.weather, slice(step, None)
        fade = self.memory ** np.arange(self.steps - step)
        doubt = margin * self.error * np.sqrt(1.0 - fade**2)

        def seen(share: Floats, noise: Floats, most: Floats) -> Floats:
            missed = self.error * (noise - fade * noise[0])
            forecast = np.clip(share - most * missed, 0.0, most)
            # The present is the truth to the last bit.
            forecast[0] = share[0]
            return np.asarray(np.clip(forecast - most * doubt, 0.0, most))

        sun = seen(weather.solar[ahead], weather.solar_error[ahead], weather.clear[ahead])
        wind = seen(weather.wind[ahead], weather.wind_error[ahead], np.ones(len(fade)))
        grid = self.microgrid
        return grid.capacity("solar") * sun, grid.capacity("wind") * wind

    @cached_property
    def truth_hash(self) -> str:
        """Digest of what an omniscient planner needs: all but the forecasts."""
        digest = hashlib.sha256(self.microgrid.hash.encode())
        digest.update(np.array([self.initial_kwh, self.step_hours]).tobytes())
        digest.update(self.weather.solar.tobytes() + self.weather.wind.tobytes())
        return digest.hexdigest()

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what makes the problem (not of its name), in hexadecimal."""
        digest = hashlib.sha256(b"critical-load-restoration" + self.truth_hash.encode())
        digest.update(np.array([self.error]).tobytes())
        digest.update(self.weather.solar_error.tobytes() + self.weather.wind_error.tobytes())
        digest.update(self.weather.clear.tobytes())
        return digest.hexdigest()

    @cached_property
    def bound(self) -> float | None:
        """The best value of all, were the weather known: that of a linear program."""
        from drlapps.energy.critical_load_restoration.baselines import clairvoyant_value

        return float(clairvoyant_value(self))

    @property
    def reference(self) -> float | None:
        """The same: it can be attained, in hindsight."""
        return self.bound
