"""drlapps.finance.splits: what must never stand beside what."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.finance.splits import (
    Split,
    combinatorial_purged,
    purged_k_fold,
    trading_days,
    walk_forward,
    yearly,
)


def test_walk_forward_by_hand() -> None:
    assert walk_forward(12, train=4, test=3, embargo=1) == [
        Split(slice(0, 4), slice(5, 8)),
        Split(slice(3, 7), slice(8, 11)),
        Split(slice(6, 10), slice(11, 12)),
    ]
    assert walk_forward(9, train=4, test=2, step=3, expanding=True) == [
        Split(slice(0, 4), slice(4, 6)),
        Split(slice(0, 7), slice(7, 9)),
    ]
    dates = pd.bdate_range("2020-01-01", periods=12)
    assert walk_forward(dates, train=4, test=3, embargo=1) == walk_forward(
        np.int64(12), train=4, test=3, embargo=1
    )


@given(
    st.integers(2, 200),
    st.integers(1, 50),
    st.integers(1, 30),
    st.integers(0, 20),
    st.booleans(),
)
def test_walk_forward_tests_each_day_once_and_never_looks_ahead(
    days: int, train: int, test: int, embargo: int, expanding: bool
) -> None:
    assume(train + embargo < days)
    splits = walk_forward(days, train=train, test=test, embargo=embargo, expanding=expanding)
    tested = [day for split in splits for day in range(days)[split.test]]
    assert tested == list(range(train + embargo, days))
    for split in splits:
        assert split.train.stop + embargo == split.test.start
        length = split.train.stop - split.train.start
        assert split.train.start == 0 if expanding else length == train


def test_yearly_windows_are_calendar_years() -> None:
    dates = pd.bdate_range("2015-06-01", "2019-03-29")
    splits = yearly(dates, train_years=2, embargo=20)
    assert len(splits) == 3
    for split, year in zip(splits, (2017, 2018, 2019), strict=True):
        assert set(dates[split.test].year) == {year}
        assert split.train.stop == split.test.start - 20
        assert set(dates[split.train].year) == {year - 2, year - 1}
    assert [split.test.stop for split in splits][-1] == len(dates)
    expanding = yearly(dates, 2018)
    assert [split.train.start for split in expanding] == [0, 0]
    assert dates[expanding[0].test.start].year == 2018


folds = st.tuples(st.integers(2, 7), st.integers(1, 6)).filter(lambda pair: pair[1] < pair[0])


@given(st.integers(30, 150), folds, st.integers(0, 3), st.integers(0, 3))
def test_no_training_day_is_near_a_test_day(
    days: int, shape: tuple[int, int], purge: int, embargo: int
) -> None:
    groups, test_groups = shape
    assume(days // groups > 2 * purge + embargo)
    split = combinatorial_purged(days, groups, test_groups, purge=purge, embargo=embargo)
    assert len(split.folds) == math.comb(groups, test_groups)
    for fold in split.folds:
        after_test = fold.train[:, None] - fold.test
        assert not np.any((after_test >= -purge) & (after_test <= purge + embargo))
        # Nothing is left out without need: every other day is trained on.
        near = [
            day
            for day in range(days)
            if np.any((day - fold.test >= -purge) & (day - fold.test <= purge + embargo))
        ]
        assert sorted([*near, *fold.train]) == list(range(days))


@given(st.integers(14, 100), folds)
def test_every_group_is_tested_once_on_each_path(days: int, shape: tuple[int, int]) -> None:
    groups, test_groups = shape
    split = combinatorial_purged(days, groups, test_groups)
    paths = test_groups * math.comb(groups, test_groups) // groups
    assert split.paths.shape == (paths, groups)
    for group, supplying in enumerate(split.paths.T):
        testing = [i for i, fold in enumerate(split.folds) if group in fold.groups]
        assert sorted(supplying) == testing
    # The fold of each day of a path, read off the assembled fold numbers.
    assembled = split.assemble([np.full(len(f.test), float(i)) for i, f in enumerate(split.folds)])
    assert assembled.shape == (paths, days)
    for path, row in zip(split.paths, assembled, strict=True):
        assert row.tolist() == np.repeat(path, np.diff(split.bounds)).tolist()
    # And every day gets the value that belongs to it.
    by_day = split.assemble([fold.test for fold in split.folds])
    assert np.array_equal(by_day, np.tile(np.arange(days), (paths, 1)))


def test_purged_k_fold_tests_each_day_once() -> None:
    tested = np.concatenate([fold.test for fold in purged_k_fold(23, 4, purge=1, embargo=2)])
    assert tested.tolist() == list(range(23))
    second = purged_k_fold(20, 4, purge=1, embargo=2)[1]
    assert second.test.tolist() == [5, 6, 7, 8, 9]
    assert second.train.tolist() == [0, 1, 2, 3, 13, 14, 15, 16, 17, 18, 19]


def test_the_published_example_has_five_paths() -> None:
    # Lopez de Prado (2018), section 12.3: six groups, two of them tested, make 15 splits, 5 paths.
    split = combinatorial_purged(600)
    assert (len(split.folds), len(split.paths)) == (15, 5)


def test_skfolio_makes_the_same_folds_and_paths() -> None:
    selection = pytest.importorskip("skfolio.model_selection")
    theirs = selection.CombinatorialPurgedCV(6, 2, purged_size=3, embargo_size=4)
    ours = combinatorial_purged(120, 6, 2, purge=3, embargo=4)
    for fold, (train, test) in zip(ours.folds, theirs.split(np.zeros((120, 1))), strict=True):
        assert fold.train.tolist() == train.tolist()
        assert fold.test.tolist() == np.concatenate(test).tolist()
    assert np.array_equal(ours.paths.T, theirs.recombined_paths)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: walk_forward(10, train=8, test=1, embargo=2), "10 days are too few"),
        (lambda: walk_forward(10, train=0, test=1), "training days: 0"),
        (lambda: walk_forward(10, train=2, test=1, step=0), "step: 0"),
        (lambda: combinatorial_purged(10, 4, 4), "leave none to train on"),
        (lambda: combinatorial_purged(3, 4, 1), "days: 3"),
        (lambda: combinatorial_purged(10, 2, 1, purge=5), "a purge of 5"),
        (lambda: combinatorial_purged(12, 3, 2).assemble([[0.0] * 8]), "1 series"),
        (lambda: combinatorial_purged(12, 3, 2).assemble([[0.0]] * 3), "fold 0 tests 8 days"),
        (lambda: yearly(["2020-01-02", "2020-01-03"]), "no test year from 2021"),
        (lambda: yearly(["2020-01-02", "2021-01-04"], embargo=1), "before the test year 2021"),
        (lambda: trading_days(["2020-01-02", "soon"]), "not dates"),
        (lambda: trading_days(["2020-01-02", "2020-01-02"]), "2020-01-02 follows 2020-01-02"),
        (lambda: trading_days([]), "at least one day"),
    ],
)
def test_bad_input_is_one_sentence(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
