"""Dual-sourcing pools and named problems.

=============  ==========================================================================
pool           scenarios
=============  ==========================================================================
``train``      endless paths of 256 random problems
``validation`` 1 path of each of 24 other random problems
``test``       3 paths of 1000 periods of each problem in :data:`PUBLISHED`
``toy``        two problems solved by hand
=============  ==========================================================================

A problem is named ``LAW-lrL-ceC``, as in ``u04-lr3-ce105``: demand uniform on 0 .. 4, regular lead
time 3, expedited cost 105; the other numbers are those of :class:`.problem.Problem`, the setting of
Veeraraghavan and Scheller-Wolf and of Gijsbrechts et al. LAW is ``uLH`` (uniform on the digit L to
the number H), ``poissonM`` or ``geometricM`` with the mean M. More numbers may follow: ``-leL`` for
the expedited lead time, ``-crC`` for the regular cost, ``-hH`` for the holding cost and ``-bB`` for
the penalty. ``PROBLEM:K`` is the problem's path ``K``, ``PROBLEM`` alone path 0, ``PROBLEM:A..B`` a
range. A file ending in .toml or .json holds a problem of one's own, by the names of
:class:`.problem.Problem`, and if need be ``periods`` and ``warm_up``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from drlapps import naming
from drlapps.errors import InputError, unknown
from drlapps.scheduling.dual_sourcing.dynamic_programming import solve
from drlapps.scheduling.dual_sourcing.problem import Problem
from drlapps.scheduling.inventory.demand import (
    Demand,
    Geometric,
    NegativeBinomial,
    Poisson,
    UniformInteger,
    parse_demand,
)
from drlapps.scheduling.inventory.files import MOST_PERIODS, SUFFIXES, read_table
from drlapps.scheduling.inventory.scenario import RandomPaths, Scenario, path_seed

PUBLISHED = tuple(f"u04-lr{lead}-ce{cost}" for cost in (105, 110) for lead in (2, 3, 4))
"""The problems of Gijsbrechts et al. 2022, figure 9."""

PERIODS, WARM_UP = 1_000, 100
TEST_PATHS, VALIDATION_PROBLEMS = 3, 24

_VALIDATION_SEED = 11
_NAME = re.compile(r"([a-z]+[\d.]+)((?:-[a-z]+[\d.]+)+)")
_NUMBERS = {
    "lr": "regular_lead_time",
    "le": "expedited_lead_time",
    "ce": "expedited_cost",
    "cr": "regular_cost",
    "h": "holding",
    "b": "penalty",
}
_WHOLE = ("regular_lead_time", "expedited_lead_time", "regular_capacity")
_EPISODE = ("periods", "warm_up")


@dataclass(frozen=True)
class DualSourcing(Scenario):
    """A path of a dual-sourcing problem.

    Attributes:
        problem: whose network this is.
    """

    problem: Problem = field(default_factory=Problem)

    @cached_property
    def reference(self) -> float | None:
        """The optimal long-run cost per period; ``None`` if there are too many states."""
        solution = solve(self.problem)
        return None if solution is None else solution.cost

    @cached_property
    def bound(self) -> float | None:
        """The reference minus the solver's proven error."""
        solution = solve(self.problem)
        return None if solution is None else solution.bound


def path(
    name: str, problem: Problem, number: int, periods: int = PERIODS, warm_up: int = WARM_UP
) -> DualSourcing:
    """Return path ``number`` of a problem; its seed is a hash of the name and the number."""
    seed = path_seed(name, number)
    return DualSourcing(f"{name}:{number}", problem.network, seed, periods, warm_up, problem)


def random_problems(count: int, seed: int) -> tuple[Problem, ...]:
    """Draw problems that differ in all that the optimal orders depend on.

    The mean demand is 1 to 5 units, uniform, Poisson or negative binomial; the regular source is 1
    to 4 periods slower than the expedited one, which takes no or one period. In units of the
    holding cost the premium is 1/2 to 5 and the penalty 9 to 199, both log-uniform.

    Args:
        count: how many.
        seed: of the draws.
    """
    rng = np.random.default_rng([seed, 0xD5])
    return tuple(_random_problem(rng) for _ in range(count))


def _random_problem(rng: np.random.Generator) -> Problem:
    law: Demand
    kind, mean = rng.integers(3), rng.uniform(1.0, 5.0)
    if kind == 0:
        law = UniformInteger(0, max(2, round(2.0 * mean)))
    elif kind == 1:
        law = Poisson(mean)
    else:
        law = NegativeBinomial(mean, mean * rng.uniform(1.2, 2.0))
    fast = int(rng.integers(4) == 0)
    return Problem(
        demand=law,
        regular_lead_time=fast + int(rng.integers(1, 5)),
        expedited_lead_time=fast,
        expedited_cost=100.0 + 5.0 * _log_uniform(rng, 0.5, 5.0),
        penalty=5.0 * _log_uniform(rng, 9.0, 199.0),
    )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def train(
    problem: str = "random", problems: int = 256, periods: int = 200, seed: int = 0
) -> RandomPaths[DualSourcing]:
    """Return the pool to train on.

    Args:
        problem: ``random``, a named problem, or a file.
        problems: how many random ones.
        periods: of an episode.
        seed: of the random problems.

    Raises:
        InputError: there is no such problem, or there are none.
    """
    for option, number in {"problems": problems, "periods": periods}.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InputError(f"{option} must be a whole number above 0, not {number!r}")
    if problem != "random":
        return _endless((_problem(str(problem))[0],), periods)
    # Its own stream, so that no seed gives the problems that agents are validated on.
    return _endless(random_problems(problems, seed + 1_000), periods)


def _endless(problems: tuple[Problem, ...], periods: int) -> RandomPaths[DualSourcing]:
    scenarios = tuple(
        DualSourcing("path", problem.network, 0, periods, 0, problem) for problem in problems
    )
    return RandomPaths(scenarios, max(scenarios, key=lambda one: one.problem.regular_lead_time))


@cache
def validation(problem: str = "random") -> tuple[DualSourcing, ...]:
    """Return a path of each of 24 random problems, or 4 paths of a given one."""
    if problem != "random":
        chosen = _problem(str(problem))[0]
        return tuple(path(f"validation-{problem}", chosen, number, 500, 50) for number in range(4))
    drawn = random_problems(VALIDATION_PROBLEMS, _VALIDATION_SEED)
    return tuple(
        path(f"validation-{place:02d}", each, 0, 300, 50) for place, each in enumerate(drawn, 1)
    )


@cache
def test() -> tuple[DualSourcing, ...]:
    """Return 3 paths of each published problem."""
    return tuple(_path(name, number) for name in PUBLISHED for number in range(1, TEST_PATHS + 1))


def toy() -> tuple[DualSourcing, ...]:
    """Return two problems of a few periods, whose optimum a reader can work out.

    **toy-coin**: demand 0 or 1, each with probability 1/2; lead times 0 and 2; ``h = 1``, ``b =
    99``, premium 1/2, ``c_r = 10``. A unit must be on the shelf in every period, as its lack costs
    99/2. Expediting it when it is missing costs ``10 x 1/2`` for the units, ``1/2 x 1/2`` for the
    premium and ``1 x 1/2`` for the shelf: 5.75. A regular order is there two periods later, when
    the unit it was to replace may not have been sold: each saves at most the premium of 1/2, and
    one that comes too early, with probability 1/2 or more, lies for at least one period at cost 1.
    So the optimum is 5.75.

    **toy-certain**: demand is always 2, so all is ordered in advance from the regular source:
    ``2 c_r = 20``.
    """
    coin = Problem(
        UniformInteger(0, 1), 2, 0, regular_cost=10.0, expedited_cost=10.5, holding=1.0,
        penalty=99.0,
    )  # fmt: skip
    certain = Problem(
        UniformInteger(2, 2), 2, 0, regular_cost=10.0, expedited_cost=11.0, holding=1.0,
        penalty=99.0,
    )  # fmt: skip
    return path("toy-coin", coin, 0, 20, 0), path("toy-certain", certain, 0, 20, 4)


def named(words: Iterable[str]) -> list[DualSourcing]:
    """Return the scenarios that the given words name, in their order.

    Raises:
        InputError: there is no such scenario, or its file is malformed.
    """
    return naming.paths(words, (*toy(), *validation()), _path)


def _path(name: str, number: int) -> DualSourcing:
    problem, periods, warm_up = _problem(name)
    return path(name, problem, number, periods, warm_up)


@cache
def _problem(name: str) -> tuple[Problem, int, int]:
    """Return a named problem or that of a file, with its periods and its warm-up."""
    if name.endswith(SUFFIXES):
        return _read(Path(name))
    match = _NAME.fullmatch(name)
    if match is None:
        raise unknown("problem", name, PUBLISHED)
    law, rest = match.groups()
    numbers: dict[str, Any] = {}
    for key, text in re.findall(r"-([a-z]+)([\d.]+)", rest):
        if key not in _NUMBERS or _NUMBERS[key] in numbers:
            raise unknown(f"number in {name}", key, _NUMBERS)
        numbers[_NUMBERS[key]] = _number(text, name, whole=_NUMBERS[key] in _WHOLE)
    try:
        return Problem(_law(law, name), **numbers), PERIODS, WARM_UP
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _number(text: str, where: str, *, whole: bool) -> float:
    try:
        return int(text) if whole else float(text)
    except ValueError as error:
        raise InputError(f"{where}: {text!r} is no {'whole ' if whole else ''}number") from error


def _law(word: str, where: str) -> Demand:
    """Return the demand that the first word of a problem's name says."""
    if match := re.fullmatch(r"u(\d)(\d+)", word):
        return UniformInteger(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"(poisson|geometric)([\d.]+)", word):
        return {"poisson": Poisson, "geometric": Geometric}[match[1]](
            _number(match[2], where, whole=False)
        )
    raise unknown(f"demand in {where}", word, ("u04", "poisson5", "geometric5"))


def _read(file: Path) -> tuple[Problem, int, int]:
    """Return the problem whose parameters a file holds, with its periods and its warm-up."""
    table = read_table(file)
    known = [one.name for one in fields(Problem)]
    for key in table:
        if key not in (*known, *_EPISODE):
            raise unknown(f"parameter in {file}", key, (*known, *_EPISODE))
    try:
        given: dict[str, Any] = {key: table[key] for key in known if key in table}
        _check_types(given)
        if "demand" in given:
            given["demand"] = parse_demand(given["demand"], "demand", file.parent)
        return Problem(**given), *_episode(table)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _check_types(given: dict[str, Any]) -> None:
    """Refuse what is no number where the problem takes one for granted."""
    for name, value in given.items():
        kind = int if name in _WHOLE else float
        if name == "demand":
            if not isinstance(value, dict):
                raise InputError(f"demand must be a table, not {value!r}")
        elif isinstance(value, bool) or not isinstance(value, int | kind):
            raise InputError(f"{name} must be a {'whole ' * (kind is int)}number, not {value!r}")


def _episode(table: Mapping[str, Any]) -> tuple[int, int]:
    """Return the checked periods and warm-up of a file."""
    periods, warm_up = table.get("periods", PERIODS), table.get("warm_up", WARM_UP)
    for name, value in (("periods", periods), ("warm_up", warm_up)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_PERIODS:
            raise InputError(f"{name} must be a whole number up to {MOST_PERIODS}, not {value!r}")
    if warm_up >= periods:
        raise InputError("warm_up must be less than periods")
    return periods, warm_up
