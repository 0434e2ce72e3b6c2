"""Serial inventory pools and named problems.

=============  ===================================================================
pool           scenarios
=============  ===================================================================
``train``      endless paths of 128 random systems
``validation`` one path of each of 16 other random systems
``test``       4 paths of each system in :data:`TESTED`
``toy``        three systems of one or two stages, solved by hand
=============  ===================================================================

A scenario is named ``PROBLEM:K``, the problem's path ``K``; ``PROBLEM`` alone is path 0 and
``PROBLEM:A..B`` a range. A file ending in .toml or .json holds a problem of one's own, as
:mod:`.parameters` describes; single parameters of any problem can be set by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from drlapps import naming
from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.demand import (
    Constant,
    NegativeBinomial,
    Normal,
    Poisson,
    UniformInteger,
)
from drlapps.scheduling.inventory.files import SUFFIXES
from drlapps.scheduling.inventory.scenario import RandomPaths, Scenario, path_seed
from drlapps.scheduling.serial_inventory.beer_game import GAMES, TOLD, WEEKS
from drlapps.scheduling.serial_inventory.clark_scarf import solve
from drlapps.scheduling.serial_inventory.parameters import changed, changes, read_problem
from drlapps.scheduling.serial_inventory.problem import SerialProblem

__all__ = [
    "PROBLEMS", "SerialScenario", "named", "path", "test", "toy", "train",
    "validation",
]  # fmt: skip

PROBLEMS: Mapping[str, SerialProblem] = {
    # Snyder & Shen 2019, example 6.1 and problems 6.1, 6.2 and 6.16. Problem 6.2 has lead times of
    # half a unit of time, N(64, 8^2) or Poisson(64) demand in a unit, and costs per unit of time:
    # here a period is half a unit, and the rates stay per unit.
    "snyder-6.1": SerialProblem((1, 1, 2), (3.0, 2.0, 2.0), 37.12, Normal(5.0, 1.0)),
    "problem-6.1": SerialProblem((1, 1), (1.0, 1.0), 15.0, Normal(100.0, 15.0)),
    "problem-6.2a": SerialProblem(
        (1,) * 5, (2.0, 2.0, 1.0, 1.0, 1.0), 24.0, Normal(32.0, math.sqrt(32.0))
    ),
    "problem-6.2b": SerialProblem((1,) * 5, (2.0, 2.0, 1.0, 1.0, 1.0), 24.0, Poisson(32.0)),
    "problem-6.16": SerialProblem((8, 3), (5.0, 2.0), 24.0, Normal(20.0, 4.0)),
    # One warehouse and one retailer, the setting (not the numbers) of Cheng et al. 2024.
    "rbf-serial": SerialProblem((2, 2), (2.0, 1.0), 20.0, Poisson(5.0)),
}
"""The problems with a name, stage 1 first; the beer games have theirs in :mod:`.beer_game`."""

TESTED = (
    "snyder-6.1", "problem-6.1", "problem-6.2a", "problem-6.2b", "rbf-serial",
)  # fmt: skip
"""The problems of the test pool."""

MOST_STAGES = 5
"""Stages of the largest random system."""

PERIODS, WARM_UP = 1_000, 100
TEST_PATHS = 4
VALIDATION_PROBLEMS = 16
_VALIDATION_SEED = 61
_PROVEN = 1e-6
"""Relative error of the exact cost, from the grid of normal demand."""


@dataclass(frozen=True)
class SerialScenario(Scenario):
    """A serial system and one path of its demand.

    Attributes:
        problem: its numbers; ``None`` in the beer games.
        told: periods at the start in which each stage orders the mean of the first period.
    """

    problem: SerialProblem | None = None
    told: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether the optimum is known."""
        return self.problem is not None and self.problem.is_stationary

    @property
    def reference(self) -> float | None:
        """The optimal long-run cost per period, where Clark and Scarf's recursion gives it."""
        if self.problem is None or not self.problem.is_stationary:
            return None
        return solve(self.problem).cost

    @property
    def bound(self) -> float | None:
        """The reference, less the error of its computation where demand is not in whole units."""
        found = self.reference
        if found is None or self.network.integer:
            return found
        return found * (1.0 - _PROVEN)


def path(
    name: str, problem: SerialProblem, number: int, periods: int = PERIODS, warm_up: int = WARM_UP
) -> SerialScenario:
    """Return path ``number`` of a problem; its seed is a hash of the name and the number."""
    seed = path_seed(name, number)
    return SerialScenario(f"{name}:{number}", problem.network, seed, periods, warm_up, problem)


def random_problems(count: int, seed: int) -> tuple[SerialProblem, ...]:
    """Draw systems that differ in all that the optimal levels depend on.

    2 to 5 stages with lead times of 1 to 3 periods; echelon rates that are 0.2 to 1 of the largest;
    a penalty of 2 to 15 times the local holding cost of stage 1, log-uniform; normal, Poisson or
    negative binomial demand of mean 5 to 50.

    Args:
        count: how many.
        seed: of the draws.
    """
    rng = np.random.default_rng([seed, 0x5E61])
    return tuple(_random_problem(rng) for _ in range(count))


def _random_problem(rng: np.random.Generator) -> SerialProblem:
    stages = int(rng.integers(2, MOST_STAGES + 1))
    lead_times = tuple(int(each) for each in rng.integers(1, 4, stages))
    holding = tuple(float(each) for each in rng.uniform(0.2, 1.0, stages))
    penalty = sum(holding) * math.exp(rng.uniform(math.log(2.0), math.log(15.0)))
    mean = math.exp(rng.uniform(math.log(5.0), math.log(50.0)))
    laws = (
        Normal(mean, mean * rng.uniform(0.1, 0.33)),
        Poisson(mean),
        NegativeBinomial(mean, mean * rng.uniform(1.2, 3.0)),
    )
    return SerialProblem(lead_times, holding, penalty, laws[int(rng.integers(len(laws)))])


def train(
    problem: str = "random",
    problems: int = 128,
    periods: int = 100,
    seed: int = 0,
    lead_times: object = None,
    holding: object = None,
    local_holding: object = None,
    penalty: object = None,
    demand: object = None,
    mean: object = None,
    sd: object = None,
    stages: object = None,
) -> RandomPaths[SerialScenario]:
    """Return the pool to train on.

    Args:
        problem: ``random``, a named problem, or a file.
        problems: how many random ones.
        periods: of each path.
        seed: of the random ones.
        lead_times: replaces those of the problem, as do the rest; see :mod:`.parameters`.
        holding: echelon holding cost rates.
        local_holding: local ones instead.
        penalty: per unit backordered.
        demand: a law's name or table.
        mean: of the demand.
        sd: of the demand.
        stages: how many.

    Raises:
        InputError: there is no such problem, or a parameter is impossible.
    """
    for option, number in {"problems": problems, "periods": periods}.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InputError(f"{option} must be a whole number above 0, not {number!r}")
    wanted = changes(lead_times, holding, local_holding, penalty, demand, mean, sd, stages)
    if problem == "random":
        if wanted:
            raise InputError(f"{next(iter(wanted))} can be set for one problem, not for random")
        # Its own stream, so that no seed gives the systems that agents are validated on.
        return _endless(random_problems(problems, seed + 1_000), periods)
    return _endless((changed(_problem(str(problem)), wanted),), periods)


def _endless(problems: tuple[SerialProblem, ...], periods: int) -> RandomPaths[SerialScenario]:
    stages = max(problem.stages for problem in problems)
    longest = max(max(problem.lead_times) for problem in problems)
    largest = SerialProblem((longest,) * stages, (1.0,) * stages, 1.0, Poisson(5.0))
    *scenarios, size = (
        SerialScenario("path", problem.network, 0, periods, 0, problem)
        for problem in (*problems, largest)
    )
    return RandomPaths(tuple(scenarios), size)


def validation(
    problem: str = "random",
    lead_times: object = None,
    holding: object = None,
    local_holding: object = None,
    penalty: object = None,
    demand: object = None,
    mean: object = None,
    sd: object = None,
    stages: object = None,
) -> tuple[SerialScenario, ...]:
    """Return a path of each of 16 random systems, or two of the problem that is trained on."""
    if problem == "random":
        return _random_validation()
    wanted = changes(lead_times, holding, local_holding, penalty, demand, mean, sd, stages)
    one = changed(_problem(str(problem)), wanted)
    return tuple(path(f"validation {problem}", one, number, 600) for number in range(2))


@cache
def _random_validation() -> tuple[SerialScenario, ...]:
    return tuple(
        path(f"validation-{place:02d}", problem, 0, 300)
        for place, problem in enumerate(random_problems(VALIDATION_PROBLEMS, _VALIDATION_SEED), 1)
    )


@cache
def test() -> tuple[SerialScenario, ...]:
    """Return 4 paths of each problem in :data:`TESTED`."""
    return tuple(
        path(name, PROBLEMS[name], number) for name in TESTED for number in range(1, TEST_PATHS + 1)
    )


@cache
def toy() -> tuple[SerialScenario, ...]:
    """Return three systems whose optimum a reader can work out.

    **toy-newsvendor**: one stage, ``L = 1``, ``h = 1``, ``p = 2``, demand 0, 1, 2 or 3, equally
    likely. The critical ratio is 2/3, so ``S = 2``: that leaves 2 or 1 units over for demands of 0
    and 1 and one short for 3, ``(2 + 1) / 4 + 2 / 4 = 1.25``.

    **toy-clockwork**: two stages, ``L = 1, 1``, ``h = 1, 1``, ``p = 10``, demand always 2. Units
    for exactly one period are at each stage: ``S = 2, 4``. At the end of a period stage 1 is empty,
    and 2 units at stage 2 cost 1 each: 2.

    **toy-coin**: two stages, ``L = 1, 1``, ``h = 1, 1``, ``p = 2``, demand 0 or 1, equally likely.
    ``C_1(y) = y - 1/2 + 4 E(D - y)^+`` is 4.5, 1.5, 0.5 at -1, 0, 1: ``S_1 = 1``. ``C_2(y) = y -
    1/2 + E C_1(min(1, y - D))`` is ``-0.5 + 3 = 2.5`` at 0, ``0.5 + 1 = 1.5`` at 1 and ``1.5 + 0.5
    = 2`` at 2: ``S_2 = 1``, cost 1.5. The warehouse does best to hold no spare unit.
    """
    coin = SerialProblem((1, 1), (1.0, 1.0), 2.0, UniformInteger(0, 1))
    clockwork = SerialProblem((1, 1), (1.0, 1.0), 10.0, Constant(2.0))
    problems = {
        "toy-newsvendor": SerialProblem((1,), (1.0,), 2.0, UniformInteger(0, 3)),
        "toy-clockwork": clockwork,
        "toy-coin": coin,
    }
    return tuple(path(name, problem, 0, 60, 10) for name, problem in problems.items())


def named(
    words: Iterable[str],
    *,
    lead_times: object = None,
    holding: object = None,
    local_holding: object = None,
    penalty: object = None,
    demand: object = None,
    mean: object = None,
    sd: object = None,
    stages: object = None,
) -> list[SerialScenario]:
    """Return the scenarios that the given words name, in their order.

    Args:
        words: names.
        lead_times: replaces those of the problems, as do the rest; see :mod:`.parameters`.
        holding: echelon holding cost rates.
        local_holding: local ones instead.
        penalty: per unit backordered.
        demand: a law's name or table.
        mean: of the demand.
        sd: of the demand.
        stages: how many.

    Raises:
        InputError: there is no such scenario, its file is malformed, or a parameter is impossible.
    """
    wanted = changes(lead_times, holding, local_holding, penalty, demand, mean, sd, stages)
    fixed = () if wanted else (*toy(), *_random_validation())
    return naming.paths(words, fixed, lambda name, number: _path(name, number, wanted))


def _path(name: str, number: int, wanted: Mapping[str, object]) -> SerialScenario:
    if name not in GAMES:
        return path(name, changed(_problem(name), wanted), number)
    if wanted:
        raise InputError(f"{next(iter(wanted))} cannot be set for the beer game")
    return _game(name, number)


def _game(name: str, number: int) -> SerialScenario:
    network, seed = GAMES[name], path_seed(name, number)
    return SerialScenario(f"{name}:{number}", network, seed, WEEKS, told=TOLD)


@cache
def _problem(name: str) -> SerialProblem:
    """Return the problem of a name or a file."""
    if name in PROBLEMS:
        return PROBLEMS[name]
    if name.endswith(SUFFIXES):
        return read_problem(Path(name))
    for scenario in toy():
        if name == scenario.name.removesuffix(":0") and scenario.problem is not None:
            return scenario.problem
    raise unknown("serial problem", name, [*PROBLEMS, *GAMES])
