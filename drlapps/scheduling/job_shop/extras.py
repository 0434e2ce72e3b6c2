"""Due dates and shifts for any job shop.

References:
    Singer, M., Pinedo, M. (1998). A computational study of branch and bound techniques for
    minimizing the total weighted tardiness in job shops. IIE Transactions, 30(2), 109-118.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from drlapps.errors import InputError
from drlapps.scheduling.job_shop.shop import JobShop

LOOSEST = 1000.0
"""Highest tightness: due dates beyond it say nothing."""

MOST_WINDOWS = 200_000
"""Most closed windows of a shop, so that a mistyped shift cannot fill the memory."""


def with_due_dates(shop: JobShop, tightness: float) -> JobShop:
    """Return the shop with the due dates, by total work, and the weights of Singer & Pinedo.

    A job is due at its release plus its processing time times the tightness, rounded down. The
    first fifth of the jobs has weight 4, the last fifth weight 1, all others weight 2. What is
    known of the makespan holds on.

    Args:
        shop: the shop; due dates and weights of its own are lost.
        tightness: not negative; 1.3 is tight, 1.6 loose.

    Raises:
        InputError: the tightness is out of range.
    """
    if not 0.0 <= tightness <= LOOSEST:
        raise InputError(f"tightness must lie between 0 and {LOOSEST:g}, not {tightness}")
    # As it is written: in binary 1.15 * 100 is less than 115.
    factor = Fraction(str(tightness))
    work = shop.durations.sum(axis=1, dtype=np.int64).tolist()
    due = shop.release + np.array([factor * time // 1 for time in work], np.int64)
    fifth = 5 * np.arange(shop.jobs) // shop.jobs
    return replace(
        shop,
        name=f"{shop.name}-f{tightness:g}",
        due=due,
        weights=np.select([fifth < 1, fifth < 4], [4, 2], 1),
    )


def with_shifts(shop: JobShop, opened: int, closed: int) -> JobShop:
    """Return the shop with all machines open for a while, then closed, again and again.

    The first shift begins at 0. There are as many as any schedule without needless idle time could
    need: where nothing is at work although something waits, that is too long for the rest of the
    shift and starts with the next, so two shifts together see more work than one could hold. A
    lower bound on the makespan holds on, the makespan of a schedule does not.

    Args:
        shop: the shop; windows of its own stay.
        opened: length of a shift in time units.
        closed: time until the next.

    Raises:
        InputError: a number is not positive, an operation is longer than a shift, or the shop
            would need more than :data:`MOST_WINDOWS` windows.
    """
    if opened < 1 or closed < 1:
        raise InputError(
            f"shift needs two positive numbers, open and closed, not {opened} and {closed}"
        )
    longest = int(shop.durations.max())
    if longest > opened:
        raise InputError(
            f"a shift of {opened} is too short for {shop.name}, where an operation takes {longest}"
        )
    period = opened + closed
    work = int(shop.durations.sum(dtype=np.int64))
    count = (shop.latest_end - work) // period + 2 * -(-work // opened) + 2
    if count * shop.n_machines > MOST_WINDOWS:
        raise InputError(
            f"a shift of {opened} and {closed} closes the machines of {shop.name} "
            f"{count * shop.n_machines:,} times, more than {MOST_WINDOWS:,}"
        )
    starts = opened + period * np.arange(count)
    windows = np.column_stack([starts, starts + closed])
    machines = np.arange(shop.n_machines)
    rows = np.column_stack([machines.repeat(count), np.tile(windows, (len(machines), 1))])
    return replace(
        shop,
        name=f"{shop.name}-shift{opened}+{closed}",
        closed=np.concatenate([shop.closed, rows]),
        upper_bound=None,
    )
