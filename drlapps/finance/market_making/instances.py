"""Market-making pools and named sessions.

=============  ==========================================================================
pool           sessions
=============  ==========================================================================
``train``      :class:`RandomSessions`: endless paths of 128 random markets
``validation`` 4 paths of each of 16 other random markets
``test``       20 paths of each of the markets in :data:`TESTED`
``toy``        three sessions of one or two steps, solved by hand
=============  ==========================================================================

A session is named ``MARKET:K``, the market's path ``K``; ``MARKET`` alone is path 0 and
``MARKET:A..B`` a range. ``MARKET-N`` is the market in ``N`` steps, as in ``cartea-jaimungal-2000``.
A file ending in .toml or .json holds the parameters of a market of one's own.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from drlapps import naming
from drlapps.errors import InputError, unknown
from drlapps.finance.market_making.market import LAWS, Market
from drlapps.finance.market_making.session import Session

__all__ = [
    "MARKETS", "Market", "RandomSessions", "Session", "named", "path", "test", "toy", "train",
    "validation",
]  # fmt: skip

MARKETS: Mapping[str, Market] = {
    # Cartea, Jaimungal & Penalva 2015, ch. 10, at the activity of Avellaneda & Stoikov.
    "cartea-jaimungal": Market(),
    # Avellaneda & Stoikov 2008, section 3.3: gamma = 0.1 is phi = 0.2. No limit bites at 60.
    "avellaneda-stoikov": Market(
        running_penalty=0.2, terminal_penalty=0.0, limit=60, fills="bernoulli"
    ),
    "thin": Market(intensity=30.0, running_penalty=0.1, terminal_penalty=0.05, limit=10),
    "risk-averse": Market(running_penalty=3.0, terminal_penalty=0.1, limit=15),
    "tight": Market(
        intensity=90.0, decay=100.0, volatility=0.03, running_penalty=0.002,
        terminal_penalty=0.001, limit=20, price=20.0,
    ),
    "unwind": Market(running_penalty=0.1, terminal_penalty=0.2, limit=20),
    "hawkes": Market(
        intensity=40.0, steps=500, fills="bernoulli", excitation=24.0, cross_excitation=12.0,
        reversion=60.0,
    ),
}  # fmt: skip
"""The markets with a name."""

STARTS: Mapping[str, int] = {"unwind": 15}
"""Inventory at the start, where it is not 0."""

TESTED = (
    "cartea-jaimungal", "avellaneda-stoikov", "thin", "risk-averse", "tight", "unwind",
)  # fmt: skip
"""The markets of the test pool: all whose optimum is known."""

WIDEST_START = 2.0
"""Training starts from inventories that tilt the quotes by up to so many ``1/kappa``."""

TEST_PATHS, VALIDATION_PATHS = 20, 4
VALIDATION_MARKETS = 16
_VALIDATION_SEED = 11
_FILES = (".toml", ".json")


def path(name: str, market: Market, number: int, inventory: int = 0) -> Session:
    """Return path ``number`` of a market; its seed is a hash of the name and the number."""
    word = f"{name}:{number}"
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return Session(word, market, seed, inventory)


@dataclass(frozen=True)
class RandomSessions:
    """A pool without end: paths of given markets, from any starting inventory.

    Attributes:
        markets: to draw from, each equally likely.
    """

    markets: tuple[Market, ...]

    def sample(self, rng: np.random.Generator) -> Session:
        """Draw a market, a seed and a starting inventory."""
        which, start = rng.random(2)
        place = int(which * len(self.markets))
        market, most = self.markets[place], self._widest[place]
        inventory = int(start * (2 * most + 1)) - most
        return Session("random", market, int(rng.integers(2**63)), inventory)

    @cached_property
    def _widest(self) -> tuple[int, ...]:
        """The largest starting inventory in each market."""
        return tuple(
            min(market.limit, int(WIDEST_START / max(market.tilt, 1e-9))) for market in self.markets
        )

    def largest(self) -> Session:
        """Return a session of the market with most steps."""
        return Session("largest", max(self.markets, key=lambda market: market.steps), 0)


def random_markets(count: int, seed: int, steps: int = 200) -> tuple[Market, ...]:
    """Draw markets that differ in what the optimal quotes depend on.

    In units of ``1/kappa``, that is: orders a side and step (0.1 to 1), the tilt of the quotes a
    unit of inventory (0.02 to 0.5), the terminal penalty (none, or 0.001 to 0.5), the limit (5 to
    60) and the law of the fills. All but the last two are log-uniform.

    Args:
        count: how many.
        seed: of the draws.
        steps: of each market, over a horizon of 1.
    """
    rng = np.random.default_rng([seed, 0x4D4D])
    return tuple(_random_market(rng, steps) for _ in range(count))


def _random_market(rng: np.random.Generator, steps: int) -> Market:
    decay = _log_uniform(rng, 0.5, 5.0)
    intensity = steps * _log_uniform(rng, 0.1, 1.0)
    tilt = _log_uniform(rng, 0.02, 0.5)
    return Market(
        intensity=intensity,
        decay=decay,
        volatility=_log_uniform(rng, 0.5, 3.0),
        steps=steps,
        limit=int(rng.integers(5, 61)),
        running_penalty=tilt**2 * intensity / (math.e * decay),
        terminal_penalty=rng.integers(2) * _log_uniform(rng, 0.001, 0.5) / decay,
        fills=LAWS[rng.integers(len(LAWS))],
    )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def train(
    market: str = "random", markets: int = 128, steps: int = 200, seed: int = 0
) -> RandomSessions:
    """Return the pool to train on.

    Args:
        market: ``random``, a named market, or a file.
        markets: how many random ones.
        steps: of the random ones.
        seed: of the random ones.

    Raises:
        InputError: there is no such market, or there are none.
    """
    if market != "random":
        return RandomSessions((_market(str(market)),))
    for option, number in {"markets": markets, "steps": steps}.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InputError(f"{option} must be a whole number above 0, not {number!r}")
    # Its own stream, so that no seed gives the markets that agents are validated on.
    return RandomSessions(random_markets(markets, seed + 1_000, steps))


@cache
def validation() -> tuple[Session, ...]:
    """Return 4 paths of each of 16 random markets."""
    return tuple(
        path(f"validation-{place:02d}", market, number)
        for place, market in enumerate(random_markets(VALIDATION_MARKETS, _VALIDATION_SEED), 1)
        for number in range(VALIDATION_PATHS)
    )


@cache
def test() -> tuple[Session, ...]:
    """Return 20 paths of each market in :data:`TESTED`."""
    return tuple(_path(name, number) for name in TESTED for number in range(1, TEST_PATHS + 1))


def toy() -> tuple[Session, ...]:
    """Return three sessions of one or two steps, whose optimum a reader can work out.

    All have ``lambda dt = 1`` and ``bernoulli`` fills, so that a distance ``x`` in units of
    ``1/kappa`` fills with probability ``e^-x``.

    **toy-spread**: one step, no penalty. Each side maximises ``x e^-x / kappa``: ``x = 1``. With
    ``kappa = 2`` the optimum is ``2 e^-1 / 2 = 0.367879``.

    **toy-exit**: one step, one unit held, which is the limit, and ``alpha = 1/2``, ``kappa = 1``.
    Only the ask is open: maximise ``e^-x (x + 1/2) - 1/2``; ``x = 1/2`` and the optimum is
    ``e^-0.5 - 0.5 = 0.106531``.

    **toy-limit**: two steps, ``Q = 1``, ``kappa = 1``, no penalty. In the last step a side is worth
    ``v = e^-1``: holding nothing is worth ``2 v``, holding a unit ``v``. So in the first step a
    fill on one side alone costs ``v``, one on both nothing. With fill probability ``p`` on each
    side, a side at distance ``x`` earns ``x - v + 2 v p`` a fill on top of what the other earns,
    which is most for ``x = 1 + v - 2 v p``. That is ``p = exp(-1 - v + 2 v p)``, or ``p = -W(-2 v
    exp(-1 - v)) / (2 v) = 0.322946`` with Lambert's ``W``. The optimum is ``2 p (x - v) + 2 v p^2
    + 2 v = 2 p (1 - v p) + 2 v = 1.304916``.
    """
    one = Market(
        intensity=1.0, decay=2.0, steps=1, limit=1, running_penalty=0.0, terminal_penalty=0.0,
        fills="bernoulli",
    )  # fmt: skip
    return (
        path("toy-spread", one, 0),
        path("toy-exit", replace(one, decay=1.0, terminal_penalty=0.5), 0, inventory=1),
        path("toy-limit", replace(one, decay=1.0, intensity=2.0, horizon=1.0, steps=2), 0),
    )


def named(words: Iterable[str]) -> list[Session]:
    """Return the sessions that the given words name, in their order.

    Raises:
        InputError: there is no such session, or its file is malformed.
    """
    return naming.paths(words, (*toy(), *validation()), _path)


def _path(name: str, number: int) -> Session:
    market = _market(name)
    base = name if name in MARKETS else name.rpartition("-")[0]
    return path(name, market, number, STARTS.get(base, 0))


@cache
def _market(name: str) -> Market:
    """Return the market of a name, of a name with a number of steps, or of a file."""
    if name in MARKETS:
        return MARKETS[name]
    base, _, steps = name.rpartition("-")
    if base in MARKETS and steps.isascii() and steps.isdecimal():
        return replace(MARKETS[base], steps=int(steps))
    if name.endswith(_FILES):
        return _read(Path(name))
    raise unknown("market", name, MARKETS)


def _read(file: Path) -> Market:
    """Return the market whose parameters a file holds."""
    try:
        text = file.read_text(encoding="utf-8")
        table = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{file} is no {file.suffix[1:].upper()}: {error}") from error
    if not isinstance(table, dict):
        raise InputError(f"{file} must hold a table of a market's parameters")
    known = [field.name for field in fields(Market)]
    for name in table:
        if name not in known:
            raise unknown(f"parameter in {file}", name, known)
    try:
        return Market(**table)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
