"""An independent check of a session in a limit order book, from its marks, quotes and fills.

It shares no code with the environment. Money, lots and inventory are worked out again from the
ledger of fills. On a replayed book, where the whole future is on record, every order's wait is
followed along the tape, so that a fill that did not have to happen, or one left out, is noticed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drlapps.finance.limit_order_book.session import Session, Tape

_SIDES = ("bid", "ask")


@dataclass(frozen=True)
class Fill:
    """A fill of one lot: ``side`` is 1 for a purchase and -1 for a sale."""

    time: int
    side: int
    price: int
    maker: bool


def check(instance: Session, solution: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the metrics of a session.

    Args:
        instance: the session.
        solution: as the environment returns it.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if a rule is broken.
    """
    if violations(instance, solution):
        return {"feasible": 0.0}
    rules, fills = instance.rules, _fills(solution)
    assert fills is not None
    open_lots: deque[int] = deque()
    direction, closed = 0, 0
    realised, cash, held, most = 0.0, 0.0, 0.0, 0
    following = deque(fills)
    for step in range(rules.steps):
        # A market order at the end of the last book step belongs to the next decision.
        while following and _decision(instance, following[0]) == step:
            fill = following.popleft()
            cash -= fill.side * fill.price
            if open_lots and direction != fill.side:
                realised += direction * (fill.price - open_lots.popleft())
                closed += 1
            else:
                direction = fill.side
                open_lots.append(fill.price)
            most = max(most, len(open_lots))
        held += len(open_lots)
    fees = sum(rules.maker_fee if fill.maker else rules.taker_fee for fill in fills)
    last = (solution["best_bid"][-1] + solution["best_ask"][-1]) / 2
    return {
        "pnl": cash + direction * len(open_lots) * last - fees,
        "realised": realised,
        "fees": float(fees),
        "inventory": held / rules.steps,
        "largest_inventory": float(most),
        "fills": float(len(fills)),
        "trades": float(closed),
        "turnover": math.fsum(fill.price for fill in fills),
        "feasible": 1.0,
    }


def violations(instance: Session, solution: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each rule that a session breaks; none if it is feasible.

    The rules: marks and quotes are complete; best bids are below best asks; fills are of one lot,
    in the order of time; what filled as a maker was quoted at that price, once; a market order
    closes lots at prices no better than the best; the limit holds. On a tape, marks are the tape's
    and orders fill when, and only when, their wait is over.
    """
    steps = instance.rules.steps
    for name, length in {"best_bid": steps + 1, "best_ask": steps + 1, "bid": steps,
                         "ask": steps}.items():  # fmt: skip
        column, optional = solution.get(name), not name.startswith("best")
        if not _whole(column, optional) or len(column) != length:  # type: ignore[arg-type]
            return [f"the solution needs {length} whole numbers under {name!r}"]
    fills = _fills(solution)
    if fills is None:
        return ["a fill needs time, side 1 or -1, price, size 1 and whether it was a maker's"]
    marks = zip(solution["best_bid"], solution["best_ask"], strict=True)
    found = [f"the best bid is not below the best ask at {n}" for n, (b, a) in enumerate(marks)
             if b >= a]  # fmt: skip
    found += _ledger(instance, solution, fills)
    if instance.tape is not None and not found:
        found += _tape(instance, instance.tape, solution, fills)
    return found


def _whole(column: object, optional: bool) -> bool:
    return isinstance(column, list | tuple) and all(
        (optional and entry is None) or (isinstance(entry, int) and not isinstance(entry, bool))
        for entry in column
    )


def _fills(solution: Mapping[str, Any]) -> list[Fill] | None:
    """Return the fills of a solution, None if one is not sound."""
    found = []
    entries = solution.get("fills")
    for entry in entries if isinstance(entries, list | tuple) else [None]:
        if not isinstance(entry, Mapping):
            return None
        numbers = [entry.get(name) for name in ("time", "side", "price", "size")]
        if not _whole(numbers, False) or not isinstance(entry.get("maker"), bool):
            return None
        if entry["side"] not in (1, -1) or entry["size"] != 1:
            return None
        found.append(Fill(entry["time"], entry["side"], entry["price"], entry["maker"]))
    return found


def _decision(instance: Session, fill: Fill) -> int:
    """Return the decision that a fill follows from."""
    return (fill.time - fill.maker) // instance.rules.repeats


def _ledger(instance: Session, solution: Mapping[str, Any], fills: Sequence[Fill]) -> list[str]:
    """Return what is wrong with the fills, whatever the book did."""
    found, held, used = [], 0, set()
    past = 0
    for number, fill in enumerate(fills):
        step, what = _decision(instance, fill), f"fill {number}"
        if not 0 <= step < instance.rules.steps or fill.time < past:
            found.append(f"{what} is out of time")
            continue
        past = fill.time
        if fill.maker:
            side = _SIDES[fill.side < 0]
            if solution[side][step] != fill.price or (step, side) in used:
                found.append(f"{what} has no {side} at {fill.price} to fill")
            used.add((step, side))
        else:
            best = solution["best_ask" if fill.side > 0 else "best_bid"][step]
            if fill.time % instance.rules.repeats or fill.side * (fill.price - best) < 0:
                found.append(f"{what} is no market order at a decision's prices")
            if fill.side * held >= 0:
                found.append(f"{what} closes nothing")
        held += fill.side
        if abs(held) > instance.rules.limit:
            found.append(f"{what} leads to {held} lots, beyond the limit")
    return found


def _tape(
    instance: Session, tape: Tape, solution: Mapping[str, Any], fills: Sequence[Fill]
) -> list[str]:
    """Follow every order along the tape."""
    rules, found = instance.rules, []
    made = {(fill.time, fill.side): fill.price for fill in fills if fill.maker}
    for side, name in enumerate(_SIDES):
        better = 1 if side == 0 else -1
        price: int | None = None
        ahead = 0.0
        for time in range(rules.steps * rules.repeats):
            row = instance.begin + time
            step, late = divmod(time, rules.repeats)
            touch = int(tape.prices[row, side, 0])
            if not late:
                if solution[f"best_{name}"][step] != touch:
                    return [f"the best {name} at {step} is not the tape's"]
                wanted = solution[name][step]
                if wanted is not None and wanted != price:
                    ahead = _rests(tape, row, side, wanted)
                    if wanted not in tape.prices[row, side]:
                        found.append(f"the {name} at {step} is at no level of the tape")
                price = wanted
            if price is None:
                if (time + 1, better) in made:
                    found.append(f"the {name} fills at {time + 1} without an order")
                continue
            due = False
            if better * (price - touch) >= 0:
                ahead -= float(tape.volumes[row + 1, side])
                due = ahead <= 1e-9 - 1.0
            due |= better * (price - int(tape.prices[row + 1, 1 - side, 0])) >= 0
            if due != (made.get((time + 1, better)) == price):
                found.append(f"the {name} at {price} fills at {time + 1}: {due} by the tape")
            if due:
                price = None
            else:
                ahead = min(ahead, _rests(tape, row + 1, side, price))
    end = instance.begin + rules.steps * rules.repeats
    for side, name in enumerate(_SIDES):
        if solution[f"best_{name}"][-1] != tape.prices[end, side, 0]:
            found.append(f"the best {name} at the end is not the tape's")
    return found


def _rests(tape: Tape, row: int, side: int, price: int) -> float:
    """Return the lots that rest at a price, none where it is not listed."""
    levels = zip(tape.prices[row, side], tape.sizes[row, side], strict=True)
    return next((float(size) for listed, size in levels if listed == price), 0.0)
