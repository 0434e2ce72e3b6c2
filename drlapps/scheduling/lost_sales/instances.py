"""Lost-sales pools and named problems.

=============  ==========================================================================
pool           instances
=============  ==========================================================================
``train``      endless paths of random problems, or of one problem
``validation`` 2 paths of each of 16 other random problems, small enough to be solved at once, or
               of the one problem trained on
``test``       2 paths of each of the 32 problems of Zipkin 2008 and of one of Bijvank 2015
``toy``        three problems solved by hand
=============  ==========================================================================

An instance is named ``PROBLEM:K``, the problem's path ``K``; ``PROBLEM`` alone is path 0 and
``PROBLEM:A..B`` a range. A problem is named ``LAW-lL-pP``, as in ``poisson5-l4-p19``: law of the
demand and its mean, lead time, penalty (the holding cost is 1); ``-kK`` adds a fixed cost. Laws are
``poisson5``, ``geometric5`` and ``negbin5v20`` (mean 5, variance 20). A file ending in .toml or
.json holds a problem of one's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from drlapps import naming
from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.demand import (
    Constant,
    Demand,
    Empirical,
    Geometric,
    NegativeBinomial,
    Poisson,
    parse_demand,
)
from drlapps.scheduling.inventory.files import SUFFIXES, read_table
from drlapps.scheduling.inventory.scenario import RandomPaths, Scenario, path_seed
from drlapps.scheduling.lost_sales.dynamic_programming import Solution, Space, solve
from drlapps.scheduling.lost_sales.problem import Problem

TESTED = (
    *(
        f"{law}5-l{lead_time}-p{penalty}"
        for law, lead_time, penalty in product(
            ("poisson", "geometric"), (1, 2, 3, 4), (4, 9, 19, 39)
        )
    ),
    "poisson5-l2-p14-k5",
)
"""The problems of the test pool: Zipkin 2008, and the one with fixed cost of Bijvank 2015."""

PERIODS, WARM_UP = 1_000, 50
TEST_PATHS, VALIDATION_PATHS = 2, 2
VALIDATION_PROBLEMS = 16
_VALIDATION_SEED, _VALIDATION_STATES = 11, 100_000
_OWN_PATHS = 1_000_000
_NUMBER = r"(\d+(?:\.\d+)?)"
_NAME = re.compile(
    rf"(poisson|geometric|negbin){_NUMBER}(?:v{_NUMBER})?-l(\d+)-p{_NUMBER}(?:-k{_NUMBER})?"
)


@dataclass(frozen=True)
class Shelf(Scenario):
    """One path of a problem.

    Attributes:
        problem: what makes it.
    """

    problem: Problem = field(kw_only=True)

    @property
    def solution(self) -> Solution | None:
        """The exact solution; ``None`` where the problem has too many states."""
        return solve(self.problem)

    @property
    def reference(self) -> float | None:
        """The optimal long-run cost per period."""
        return self.solution.cost if self.solution else None

    @property
    def bound(self) -> float | None:
        """What no policy's long-run cost can beat."""
        return self.solution.bound if self.solution else None


def path(
    name: str, problem: Problem, number: int, periods: int = PERIODS, warm_up: int = WARM_UP
) -> Shelf:
    """Return path ``number`` of a problem; its seed is a hash of the name and the number."""
    seed = path_seed(name, number)
    return Shelf(f"{name}:{number}", problem.network, seed, periods, warm_up, problem=problem)


def random_problems(count: int, seed: int, lead_time: int = 4) -> tuple[Problem, ...]:
    """Draw problems that differ in all that the optimal orders depend on.

    Lead times from 1 up, penalties of 2 to 60 times the holding cost (log-uniform), mean demands of
    2 to 10, and Poisson, geometric and negative binomial laws. Every other problem has a fixed
    cost, of a tenth to twice the holding cost of a mean demand.

    Args:
        count: how many.
        seed: of the draws.
        lead_time: the longest.
    """
    rng = np.random.default_rng([seed, 0x1057])
    return tuple(_random_problem(rng, lead_time) for _ in range(count))


def _random_problem(rng: np.random.Generator, lead_time: int) -> Problem:
    mean = _log_uniform(rng, 2.0, 10.0)
    laws: tuple[Demand, ...] = (
        Poisson(mean),
        Geometric(mean),
        NegativeBinomial(mean, mean * _log_uniform(rng, 1.1, 1.0 + mean)),
    )
    law = laws[int(rng.integers(len(laws)))]
    penalty = _log_uniform(rng, 2.0, 60.0)
    fixed = mean * _log_uniform(rng, 0.1, 2.0) if rng.random() < 0.5 else 0.0
    return Problem(int(rng.integers(1, lead_time + 1)), penalty, law, fixed=fixed)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def train(
    problem: str = "random",
    problems: int = 1_000,
    lead_time: int = 4,
    periods: int = 2_000,
    seed: int = 0,
) -> RandomPaths[Shelf]:
    """Return the pool to train on.

    Args:
        problem: ``random``, a named problem, or a file.
        problems: how many random ones.
        lead_time: the longest of the random ones.
        periods: of an episode.
        seed: of the random ones.

    Raises:
        InputError: there is no such problem, or a number is none.
    """
    counts = {"problems": problems, "lead_time": lead_time, "periods": periods}
    for option, number in counts.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InputError(f"{option} must be a whole number above 0, not {number!r}")
    if problem != "random":
        return _endless((_problem(str(problem)),), periods)
    # Its own stream, so that no seed gives the problems that agents are validated on.
    return _endless(random_problems(problems, seed + 1_000, lead_time), periods)


def _endless(problems: tuple[Problem, ...], periods: int) -> RandomPaths[Shelf]:
    # The largest: the problem of the most storage, with the longest lead time.
    widest = max(problems, key=lambda problem: problem.storage)
    lead_time = max(problem.lead_time for problem in problems)
    slowest = Problem(lead_time, widest.penalty, widest.demand, widest.holding)
    largest = slowest if slowest.storage >= widest.storage else widest
    *shelves, size = (
        Shelf("path", problem.network, 0, periods, problem=problem)
        for problem in (*problems, largest)
    )
    return RandomPaths(tuple(shelves), size)


@cache
def validation(problem: str = "random") -> tuple[Shelf, ...]:
    """Return 2 paths of each of 16 random problems, or 4 of the one problem trained on.

    Args:
        problem: ``random``, a named problem, or a file.
    """
    if problem != "random":
        return tuple(_path(str(problem), _OWN_PATHS + number) for number in range(4))
    drawn = random_problems(10 * VALIDATION_PROBLEMS, _VALIDATION_SEED)
    small = [one for one in drawn if Space(one.lead_time, one.storage).size <= _VALIDATION_STATES]
    return tuple(
        path(f"validation-{place:02d}", one, number)
        for place, one in enumerate(small[:VALIDATION_PROBLEMS], 1)
        for number in range(VALIDATION_PATHS)
    )


@cache
def test() -> tuple[Shelf, ...]:
    """Return 2 paths of each problem in :data:`TESTED`."""
    return tuple(_path(name, number) for name in TESTED for number in range(1, TEST_PATHS + 1))


def toy() -> tuple[Shelf, ...]:
    """Return three problems whose optimum a reader can work out; all have ``h = 1``.

    **toy-coin**: demand is 0 or 1, a coin's toss, ``L = 1``, ``p = 3``. A period that begins with
    one unit costs ``1/2`` on average, with none or two ``3/2``. Ordering one unit whenever nothing
    is left: from one unit, one or none follows, equally likely; from none, one. So one is on hand
    in two periods of three, at a cost of ``2/3 1/2 + 1/3 3/2 = 5/6``. More stock costs ``1/2 1/2 +
    1/2 3/2 = 1``, no order ``3/2``.

    **toy-shut**: the same with ``p = 1/2``. Never to order costs ``1/4``, a lost sale every other
    period; the policy above ``2/3 1/2 + 1/3 1/4 = 5/12``.

    **toy-lots**: a unit is asked for in every period, ``L = 1``, ``p = 10`` and an order costs
    ``K = 2``. Lots of ``n`` units cost ``2 / n + (n - 1) / 2``: 2, ``3/2``, ``5/3``, ... The
    optimum is ``3/2``.
    """
    coin = Empirical((0.0, 1.0))
    problems = {
        "toy-coin": Problem(1, 3.0, coin),
        "toy-shut": Problem(1, 0.5, coin),
        "toy-lots": Problem(1, 10.0, Constant(1.0), fixed=2.0),
    }
    return tuple(path(name, problem, 0, 60, 0) for name, problem in problems.items())


def named(words: Iterable[str]) -> list[Shelf]:
    """Return the paths that the given words name, in their order.

    Raises:
        InputError: there is no such problem, or its file is malformed.
    """
    return naming.paths(words, (*toy(), *validation()), _path)


def _path(name: str, number: int) -> Shelf:
    return path(name, _problem(name), number)


@cache
def _problem(name: str) -> Problem:
    """Return the problem that a name or a file describes."""
    if name.endswith(SUFFIXES):
        return _read(Path(name))
    match = _NAME.fullmatch(name)
    if match is None:
        raise unknown("problem", name, TESTED)
    kind, mean, variance, lead_time, penalty, fixed = match.groups()
    if (kind == "negbin") != (variance is not None):
        raise InputError(
            f"{name!r}: a variance, as in negbin5v20, belongs to negbin, and only there"
        )
    laws: Mapping[str, Demand] = {
        "poisson": Poisson(float(mean)),
        "geometric": Geometric(float(mean)),
    }
    law = NegativeBinomial(float(mean), float(variance)) if variance else laws[kind]
    return Problem(int(lead_time), float(penalty), law, fixed=float(fixed or 0))


_KEYS = ("lead_time", "penalty", "demand", "holding", "fixed")


def _read(file: Path) -> Problem:
    """Return the problem that a file holds."""
    table = read_table(file)
    for key in table:
        if key not in _KEYS:
            raise unknown(f"key in {file}", key, _KEYS)
    for key in _KEYS[:3]:
        if key not in table:
            raise InputError(f"{file} lacks {key}")
    demand = parse_demand(table.pop("demand"), str(file), file.parent)  # type: ignore[arg-type]
    try:
        return Problem(demand=demand, **table)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
