"""Pools of outages, and outages by name.

=============  ==========================================================================
pool           scenarios
=============  ==========================================================================
``train``      :class:`RandomScenarios`: endless outages of ``ieee13``, or of random islands
``validation`` 192 outages of ``ieee13``, in turn at forecast errors of 5, 15 and 25 %
``test``       16 outages of ``ieee13``, the same at forecast errors of 0, 5, 10, 15, 20, 25 %
``toy``        three outages of one to three steps, solved by hand
=============  ==========================================================================

A scenario is named ``MICROGRID:error-PERCENT:K``, the island's outage ``K`` with forecasts that err
by so much, as in ``ieee13:error-15:3``; ``A..B`` in place of ``K`` is a range, and without ``K`` it
is outage 0. Outage ``K`` has the same weather and battery, and the same luck of the forecasts, at
every error. The islands are ``ieee13``, ``ieee33`` and ``random-N``, the ``N``-th random one; a
file ending in .toml holds an outage of one's own (see :mod:`.files`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from drlapps import naming
from drlapps.energy.critical_load_restoration import files, profiles
from drlapps.energy.critical_load_restoration.microgrids import (
    NAMES,
    microgrid,
    random_microgrid,
)
from drlapps.energy.critical_load_restoration.profiles import SEASONS, Profiles
from drlapps.energy.critical_load_restoration.resources import (
    Battery,
    Load,
    Microgrid,
    Plant,
    Turbine,
)
from drlapps.energy.critical_load_restoration.scenario import STEP_HOURS, STEPS, Scenario
from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.errors import InputError, unknown

TEST_ERRORS, VALIDATION_ERRORS = (0, 5, 10, 15, 20, 25), (5, 15, 25)
"""Errors of the forecasts in percent."""

TEST_OUTAGES, VALIDATION_OUTAGES = 16, 192

RANDOM_ISLANDS = 64
"""Islands in the training family ``random``."""

_ERROR = re.compile(r"(.+):error-(\d{1,3}(?:\.\d+)?)")
_RANDOM = re.compile(r"random-(\d+)")


def draw(island: Microgrid, rng: np.random.Generator, error: float, name: str) -> Scenario:
    """Draw an outage: season, day, hour, clouds, wind and the battery's charge.

    Args:
        island: where.
        rng: source of randomness.
        error: of the forecasts, as a share.
        name: of the scenario.
    """
    season = tuple(SEASONS)[int(rng.integers(len(SEASONS)))]
    charge = island.battery.draw(rng)
    weather = profiles.draw(rng, STEPS, STEP_HOURS, season)
    return Scenario(name, island, weather, charge, error)


@dataclass(frozen=True)
class RandomScenarios:
    """A pool without end: outages of given islands.

    Attributes:
        islands: to draw from, each equally likely.
        largest_error: forecasts err by up to so much, as a share.
    """

    islands: tuple[Microgrid, ...]
    largest_error: float = 0.25

    def sample(self, rng: np.random.Generator) -> Scenario:
        """Draw an island, an error of the forecasts and an outage."""
        island = self.islands[int(rng.integers(len(self.islands)))]
        return draw(island, rng, self.largest_error * rng.random(), "random")

    def largest(self) -> Scenario:
        """Return an outage of the island with most loads."""
        return self._largest

    @cached_property
    def _largest(self) -> Scenario:
        island = max(self.islands, key=lambda island: len(island.loads))
        return draw(island, np.random.default_rng(0), 0.0, "largest")


def train(
    microgrid: str = "ieee13", largest_error: float = 0.25, islands: int = RANDOM_ISLANDS
) -> RandomScenarios:
    """Return the pool to train on.

    Args:
        microgrid: name of an island, or ``random`` for many.
        largest_error: forecasts err by up to so much, as a share.
        islands: how many random ones.

    Raises:
        InputError: there is no such island, or a number is impossible.
    """
    if isinstance(islands, bool) or not isinstance(islands, int) or islands < 1:
        raise InputError(f"islands must be a whole number above 0, not {islands!r}")
    if not 0.0 <= largest_error <= 1.0:
        raise InputError(f"largest_error must be between 0 and 1, not {largest_error!r}")
    if microgrid != "random":
        return RandomScenarios((_island(str(microgrid)),), largest_error)
    # Their own stream, so that none is a random island with a name.
    rng = np.random.default_rng([0, 0x151A])
    found = tuple(random_microgrid(rng) for _ in range(islands))
    return RandomScenarios(found, largest_error)


@cache
def validation() -> tuple[Scenario, ...]:
    """Return 192 outages of ``ieee13``, in turn at three errors of the forecasts."""
    drawn = ((number, VALIDATION_ERRORS[number % 3]) for number in range(VALIDATION_OUTAGES))
    return tuple(
        replace(
            _outage("ieee13", 100_000 + number, percent),
            name=f"validation:error-{percent}:{number}",
        )
        for number, percent in drawn
    )


@cache
def test() -> tuple[Scenario, ...]:
    """Return 16 outages of ``ieee13`` at each of six errors of the forecasts."""
    return tuple(
        _outage("ieee13", number, percent)
        for percent in TEST_ERRORS
        for number in range(1, TEST_OUTAGES + 1)
    )


def toy() -> tuple[Scenario, ...]:
    """Return three outages of one to three steps, an hour each, whose optimum one can work out.

    Two loads of 100 kW at one bus, of weights 1 and 0.5; the turbine gives at most 100 kW, the
    battery 60 kW out of 40 kWh above its least, without losses. The drop penalty is 100 steps.

    **toy-power**: one step, plenty of fuel, no sun: 100 kW of the turbine and 40 of the battery,
    whose 40 kWh are less than its power would give. The heavy load is served, and 40 kW of the
    light one: ``(100 + 20) / 150 = 0.8``.

    **toy-fuel**: two steps, 100 kWh of fuel, no sun. Of the 140 kWh in all, 70 kW in each step
    would be lasting; so would any split that does not shrink: the load that is served first is
    the heavy one, of which 140 kWh can be served in any case: ``140 / 300 = 0.466667``.

    **toy-sun**: three steps; 60 kWh of fuel and 40 in the battery, and the sun gives 0, 100, 200
    kW. The battery has room for 10 kWh. A level ``a`` in the first step binds the later ones. Step
    2: the sun alone serves the heavy load; step 3: it serves both, all that can be. So the 100 kWh
    are for steps 1 and 2: the heavy load all through takes 100 in step 1 and none is left for the
    light one in step 2: 100, 100, 100 + 50 of 450, or 350. One kW less in step 1 loses 1 and wins
    half in step 2, so that is the optimum: ``350 / 450 = 0.777778``. But the battery's 40 kWh and
    the fuel's 60 are both needed in step 1: 40 of the battery, 60 of the turbine.
    """
    feeder = Feeder("toy", (Bus("1"), Bus("2")), (Branch("1", "1", "2", 0.01, 0.01),), "1", 4.16)
    island = Microgrid(
        "toy",
        feeder,
        (Load("heavy", "2", 100.0, 20.0), Load("light", "2", 100.0, 20.0, 0.5)),
        (Plant("pv", "2", "solar", 200.0),),
        Turbine("1", 100.0, 1000.0),
        Battery("1", 60.0, 10.0, 60.0, 50.0, 0.0, 1.0, 1.0),
    )

    def outage(name: str, fuel: float, sun: list[float]) -> Scenario:
        still = np.zeros(len(sun))
        weather = Profiles(np.array(sun), still, still, still, np.array(sun))
        grid = replace(island, name=name, turbine=Turbine("1", 100.0, fuel))
        return Scenario(name, grid, weather, 50.0, step_hours=1.0)

    return (
        outage("toy-power", 1000.0, [0.0]),
        outage("toy-fuel", 100.0, [0.0, 0.0]),
        outage("toy-sun", 60.0, [0.0, 0.5, 1.0]),
    )


def named(words: Iterable[str]) -> list[Scenario]:
    """Return the scenarios that the given words name, in their order.

    Raises:
        InputError: there is no such scenario, or its file is malformed.
    """
    return naming.paths(words, (*toy(), *validation()), _path)


def _path(name: str, number: int) -> Scenario:
    match = _ERROR.fullmatch(name)
    if match is None and not name.endswith(files.SUFFIX):
        raise InputError(
            f"{name!r} names no outage: write MICROGRID:error-PERCENT:K, as in ieee13:error-15:3"
        )
    island, percent = (name, None) if match is None else (match[1], float(match[2]))
    return _outage(island, number, percent)


def _outage(island: str, number: int, percent: float | None) -> Scenario:
    """Return an island's outage; its seed is a hash of its name and number."""
    stem = Path(island).stem if island.endswith(files.SUFFIX) else island
    digest = hashlib.sha256(f"{stem}:{number}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    error = None if percent is None else percent / 100.0
    if island.endswith(files.SUFFIX):
        found = files.read(Path(island), rng, error)
        return replace(found, name=f"{stem}:error-{100 * found.error:g}:{number}")
    return draw(_island(island), rng, error or 0.0, f"{island}:error-{percent:g}:{number}")


@cache
def _island(name: str) -> Microgrid:
    if name in NAMES:
        return microgrid(name)
    if match := _RANDOM.fullmatch(name):
        return random_microgrid(np.random.default_rng([1, 0x151A, int(match[1])]), name)
    raise unknown("microgrid", name, (*NAMES, "random-1"))
