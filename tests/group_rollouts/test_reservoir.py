"""A reservoir: what it keeps of a stream."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drlapps.group_rollouts.reservoir import Reservoir


@given(st.integers(1, 30), st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_a_reservoir_keeps_different_rows_and_their_columns_together(
    capacity: int, counts: list[int]
) -> None:
    reservoir = Reservoir(capacity, np.random.default_rng(0))
    shown = 0
    for count in counts:
        numbers = np.arange(shown, shown + count)
        reservoir.add(number=numbers, square=numbers[:, None] ** 2)
        shown += count
    kept = reservoir.columns()
    assert reservoir.seen == shown
    assert len(set(kept["number"].tolist())) == len(kept["number"]) == min(capacity, shown)
    assert set(kept["number"].tolist()) <= set(range(shown))
    np.testing.assert_array_equal(kept["square"][:, 0], kept["number"] ** 2)


def test_a_reservoir_prefers_no_row() -> None:
    trials, shown, capacity = 2_000, 20, 5
    rng = np.random.default_rng(1)
    counts = np.zeros(shown)
    for _ in range(trials):
        reservoir = Reservoir(capacity, rng)
        for first in range(0, shown, 4):
            reservoir.add(number=np.arange(first, first + 4))
        counts[reservoir.columns()["number"]] += 1
    expected = trials * capacity / shown
    deviation = np.sqrt(expected * (1 - capacity / shown))
    assert np.abs(counts - expected).max() < 4 * deviation
