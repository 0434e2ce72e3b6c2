"""Limit-order-book pools and named sessions.

=============  ==========================================================================
pool           sessions
=============  ==========================================================================
``train``      :class:`RandomSessions` of random order flows; or of one kind; or stretches of a
               recorded book of one's own (:class:`TapeSessions`)
``validation`` 120 sessions of other random order flows
``test``       20 sessions of each of the kinds in :data:`KINDS`
``toy``        three replayed books of two or three rows, solved by hand
=============  ==========================================================================

``calm:7`` is session 7 of a kind, ``busy:1..20`` a range, ``trending`` session 0. A file that ends
in .csv is a recorded book (:mod:`.replay`), whole or, as ``book.csv:A..B``, from row A to row B
(counted from 0). A .toml file holds the parameters of a :class:`.Flow` and the :class:`.Rules`;
with ``tape = "book.csv"`` it sets the rules of a recorded book. It too takes numbers and ranges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import numpy as np

from drlapps import naming
from drlapps.errors import InputError, unknown
from drlapps.files import read_toml
from drlapps.finance.limit_order_book import replay
from drlapps.finance.limit_order_book.session import Flow, Rules, Session, Tape

__all__ = [
    "KINDS", "Flow", "RandomSessions", "Rules", "Session", "TapeSessions", "named", "test", "toy",
    "train", "validation",
]  # fmt: skip

KINDS: Mapping[str, Flow] = {
    "calm": Flow(),
    "busy": Flow(limit_orders=3.0, market_orders=2.5, cancellations=0.9),
    "trending": Flow(market_orders=1.2, bias=0.3, flips=0.05),
}
"""Order flows with a name."""

TEST_SESSIONS = 20
VALIDATION_SESSIONS = 120
_VALIDATION_SEED = 23


def numbered(name: str, flow: Flow, number: int, rules: Rules | None = None) -> Session:
    """Return session ``number`` of an order flow; its seed is a hash of the name and the number."""
    word = f"{name}:{number}"
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return Session(word, rules or Rules(), flow, seed)


def random_flow(rng: np.random.Generator) -> Flow:
    """Draw an order flow: queues of 1 to 8 lots, 0.5 to 3 market orders; half of them trend."""
    cancellations = rng.uniform(0.4, 1.0)
    trends = bool(rng.integers(2))
    return Flow(
        limit_orders=rng.uniform(1.2, 3.5),
        decay=rng.uniform(0.3, 0.7),
        market_orders=rng.uniform(0.5, 3.0),
        cancellations=cancellations,
        bias=rng.uniform(0.1, 0.4) * trends,
        flips=rng.uniform(0.02, 0.2) * trends,
    )


@dataclass(frozen=True)
class RandomSessions:
    """A pool without end: simulated books.

    Attributes:
        rules: of trading.
        flow: the order flow; left out, a random one for each session.
    """

    rules: Rules
    flow: Flow | None = None

    def sample(self, rng: np.random.Generator) -> Session:
        """Draw an order flow, unless it is given, and a seed."""
        flow = random_flow(rng) if self.flow is None else self.flow
        return Session("random", self.rules, flow, int(rng.integers(2**63)))

    def largest(self) -> Session:
        """Return a session: all are of one size."""
        return Session("largest", self.rules, self.flow or Flow())


@dataclass(frozen=True)
class TapeSessions:
    """A pool without end: stretches of a recorded book, from any of its rows.

    Attributes:
        name: of the recording.
        rules: of trading.
        tape: the recording.
        begin: first row of what may be drawn.
        end: its last row.
    """

    name: str
    rules: Rules
    tape: Tape
    begin: int
    end: int

    def sample(self, rng: np.random.Generator) -> Session:
        """Draw the first row."""
        latest = self.end - self.rules.steps * self.rules.repeats
        begin = int(rng.integers(self.begin, latest + 1))
        return Session(f"{self.name}@{begin}", self.rules, tape=self.tape, begin=begin)

    def largest(self) -> Session:
        """Return a stretch: all are of one size."""
        return Session("largest", self.rules, tape=self.tape, begin=self.begin)


def train(
    book: str = "random", steps: int = 400, maker_fee: float = -0.25, taker_fee: float = 0.5
) -> RandomSessions | TapeSessions:
    """Return the pool to train on.

    Args:
        book: ``random``, a kind, or the .csv of a recorded book, whole or with a range of rows.
        steps: decisions of a session.
        maker_fee: ticks a lot.
        taker_fee: ticks a lot.

    Raises:
        InputError: there is no such book, or it is too short.
    """
    rules = Rules(steps=steps, maker_fee=maker_fee, taker_fee=taker_fee)
    if book in ("random", *KINDS):
        return RandomSessions(rules, KINDS.get(book))
    name, begin, last = naming.numbered(book)
    if not name.endswith(".csv"):
        raise unknown("book", book, ("random", *KINDS))
    tape = replay.read(name)
    end = len(tape) - 1 if last is None else last
    needed = begin + rules.steps * rules.repeats
    if not needed <= end < len(tape):
        raise InputError(
            f"{book} has {end - begin + 1} of {len(tape)} rows, and a session needs "
            f"{needed - begin + 1}"
        )
    return TapeSessions(name, rules, tape, begin, end)


@cache
def validation() -> tuple[Session, ...]:
    """Return 120 sessions of random order flows."""
    rng = np.random.default_rng(_VALIDATION_SEED)
    return tuple(
        numbered("validation", random_flow(rng), number)
        for number in range(1, VALIDATION_SESSIONS + 1)
    )


@cache
def test() -> tuple[Session, ...]:
    """Return 20 sessions of each kind."""
    return tuple(
        numbered(kind, flow, number)
        for kind, flow in KINDS.items()
        for number in range(1, TEST_SESSIONS + 1)
    )


@cache
def toy() -> tuple[Session, ...]:
    """Return three replayed books whose best profit a reader can work out.

    No fees; a decision is one row. Every level lists 1 lot but where said. A fill earns its
    distance from the last mid, so the best profit is at most what the fills that are possible at
    all are worth at the last mid.

    **toy-spread**: the book stands still at 100 / 102; 2 lots are sold at 100, then 2 bought
    at 102. One bid and one ask can fill, each behind the lot before it, 1 tick from the mid: 2.

    **toy-queue**: likewise, with 2 lots at every level, and twice 2 lots sold at 100, then twice 2
    bought at 102, over three rows. An order needs 3 lots to trade: one that keeps its place over
    two rows is filled, one that moves is not. Again 2.

    **toy-fall**: 2 lots are bought at 102, then the book falls from 100 / 102 to 96 / 98. A sale at
    102 is worth 5 at the last mid of 97. A bid at 100 is passed by the price and loses 3, so the
    best is to keep the bid at the deeper level, 95: 5. Buying back costs 98, which is worse than
    the mid.
    """
    still = [(100, 102)] * 3
    return (
        _toy("toy-spread", still, 1.0, [(0, 0), (2, 0), (0, 2)], 2.0),
        _toy("toy-queue", [*still, (100, 102)], 2.0, [(0, 0), (2, 0), (2, 2), (0, 2)], 2.0),
        _toy("toy-fall", [(100, 102), (100, 102), (96, 98)], 1.0, [(0, 0), (0, 2), (0, 0)], 5.0),
    )


def _toy(
    name: str,
    touches: list[tuple[int, int]],
    size: float,
    volumes: list[tuple[int, int]],
    bound: float,
) -> Session:
    """Return a session on a tape of two levels a side, the deeper one 5 ticks away."""
    prices = np.array([[[bid, bid - 5], [ask, ask + 5]] for bid, ask in touches], dtype=np.int64)
    tape = Tape(
        np.arange(len(touches), dtype=np.float64),
        prices,
        np.full(prices.shape, size),
        np.array(volumes, dtype=np.float64),
    )
    rules = Rules(steps=len(touches) - 1, repeats=1, maker_fee=0.0, taker_fee=0.0)
    return Session(name, rules, tape=tape, bound=bound)


def named(words: Iterable[str]) -> list[Session]:
    """Return the sessions that the given words name, in their order.

    Raises:
        InputError: there is no such session, or its file is malformed.
    """
    return [session for word in naming.parts(words) for session in _resolve(word)]


def _resolve(word: str) -> list[Session]:
    fixed = {session.name: session for session in (*toy(), *validation())}
    if word in fixed:
        return [fixed[word]]
    name, first, last = naming.numbered(word)
    if name.endswith(".csv"):
        return [_recorded(word, replay.read(name), Rules(), first, last)]
    rules, flow = Rules(), KINDS.get(name)
    if name.endswith(".toml"):
        rules, flow, tape = _read(Path(name))
        if tape is not None:
            return [_recorded(word, tape, rules, first, last)]
    if flow is None:
        raise unknown("book", name, KINDS)
    return [numbered(name, flow, number, rules) for number in naming.span(word, first, last)]


def _recorded(word: str, tape: Tape, rules: Rules, first: int, last: int | None) -> Session:
    """Return a session of as many decisions as rows of a tape allow."""
    end = len(tape) - 1 if last is None else last
    steps = (end - first) // rules.repeats
    if end >= len(tape) or steps < 1:
        raise InputError(
            f"{word} must be at least {rules.repeats + 1} rows of {len(tape)}, for one decision"
        )
    return Session(word, replace(rules, steps=steps), tape=tape, begin=first)


def _read(file: Path) -> tuple[Rules, Flow | None, Tape | None]:
    """Return what a parameter file holds."""
    table = read_toml(file)
    rules = [field.name for field in fields(Rules)]
    flow = [field.name for field in fields(Flow)]
    for name in table:
        if name not in (*rules, *flow, "tape"):
            raise unknown(f"parameter in {file}", name, (*rules, *flow, "tape"))
    try:
        chosen = Rules(**{name: table[name] for name in rules if name in table})
        rates = {name: table[name] for name in flow if name in table}
        if "tape" not in table:
            return chosen, Flow(**rates), None
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    if rates:
        raise InputError(f"{file}: a recorded book has no {next(iter(rates))}")
    return chosen, None, replay.read(file.parent / str(table["tape"]))
