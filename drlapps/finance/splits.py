"""Which days to train on and which to test on.

A financial series is ordered in time and depends on its past, so a random split leaks. Walk-forward
windows train before they test, as a user would. Combinatorial purged cross-validation (Lopez de
Prado 2018, chapter 12) tests on every day and gives several backtest paths, at the price of
training after the test as well; it purges the training days that overlap with a test window
and embargoes those that follow it (chapter 7).

Days are counted by position. With observations of a ``window`` of past days, take a purge or an
embargo of at least ``window``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drlapps.errors import InputError

Dates: TypeAlias = NDArray[np.datetime64]
FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """A training window and the test window after it, as slices of the days."""

    train: slice
    test: slice


@dataclass(frozen=True, eq=False)
class Fold:
    """Training and test days of one fold of a cross-validation.

    Attributes:
        train: positions of the training days, increasing.
        test: positions of the test days, increasing: those of the test groups, one after another.
        groups: the test groups, increasing.
    """

    train: IntArray
    test: IntArray
    groups: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CombinatorialFolds:
    """The folds of a combinatorial cross-validation and the backtest paths through them.

    Attributes:
        folds: one for each choice of test groups, in lexicographic order.
        bounds: first day of each group and the number of days, shape (groups + 1,).
        paths: the fold that tests each group on each path, shape (paths, groups). Of N groups
            with k tested at a time there are C(N - 1, k - 1) paths, and each pair of a fold and
            one of its test groups lies on exactly one.
    """

    folds: tuple[Fold, ...]
    bounds: IntArray
    paths: IntArray

    def assemble(self, values: Sequence[ArrayLike]) -> FloatArray:
        """Join what the folds gave for their test days, such as returns, to whole paths.

        Args:
            values: for each fold, one number a test day, in the order of ``fold.test``.

        Returns:
            One number a day on every path, shape (paths, days).

        Raises:
            InputError: if there are not as many values as folds and test days.
        """
        by_day = np.full((len(self.folds), self.bounds[-1]), np.nan)
        if len(values) != len(self.folds):
            raise InputError(f"{len(values)} series of test days for {len(self.folds)} folds")
        for number, (fold, series) in enumerate(zip(self.folds, values, strict=True)):
            row = np.asarray(series, dtype=np.float64)
            if row.shape != fold.test.shape:
                days = len(fold.test)
                raise InputError(f"fold {number} tests {days} days, its values are {row.shape}")
            by_day[number, fold.test] = row
        fold_of_day = np.repeat(self.paths, np.diff(self.bounds), axis=1)
        return by_day[fold_of_day, np.arange(self.bounds[-1])]


def walk_forward(
    days: int | ArrayLike,
    *,
    train: int,
    test: int,
    embargo: int = 0,
    step: int | None = None,
    expanding: bool = False,
) -> list[Split]:
    """Return windows that move forward in time: train, leave the embargo out, test.

    The last test window ends with the data and may be shorter than the others.

    Args:
        days: number of days, or the days themselves in increasing order.
        train: training days; of the first window, if `expanding`.
        test: test days of a window.
        embargo: days left out between training and test.
        step: days from one test window to the next; by default `test`, so that every day after
            the first training window is tested once.
        expanding: train on all days since the first instead of the last `train` ones.

    Raises:
        InputError: if a number is out of range or the days do not suffice for one window.
    """
    total = int(days) if isinstance(days, int | np.integer) else len(trading_days(days))
    step = test if step is None else step
    for name, value, least in (
        ("training days", train, 1),
        ("test days", test, 1),
        ("embargo", embargo, 0),
        ("step", step, 1),
    ):
        _at_least(name, value, least)
    first = train + embargo
    if first >= total:
        raise InputError(
            f"{total} days are too few to train on {train}, leave out {embargo} and test on one"
        )
    splits = []
    for start in range(first, total, step):
        begin = 0 if expanding else start - first
        splits.append(Split(slice(begin, start - embargo), slice(start, min(start + test, total))))
        if start + test >= total:
            break
    return splits


def yearly(
    dates: ArrayLike,
    first_year: int | None = None,
    *,
    train_years: int | None = None,
    embargo: int = 0,
) -> list[Split]:
    """Return one split for each calendar year, which is tested on and trained for before.

    Args:
        dates: the days in increasing order, shape (n,).
        first_year: first year to test on; by default the first with `train_years` years before
            it, counting the one that the data begin in.
        train_years: calendar years to train on; by default all since the first day.
        embargo: last trading days before the test year that are left out of the training.

    Raises:
        InputError: if no year can be tested, or one has no day to train on.
    """
    _at_least("embargo", embargo, 0)
    _at_least("training years", 1 if train_years is None else train_years, 1)
    years = trading_days(dates).astype("datetime64[Y]").astype(np.int64) + 1970
    first = int(years[0]) + (train_years or 1) if first_year is None else first_year
    splits = []
    for year in np.unique(years[years >= first]):
        start, stop = (int(edge) for edge in np.searchsorted(years, [year, year + 1]))
        oldest = years[0] if train_years is None else year - train_years
        train = slice(int(np.searchsorted(years, oldest)), start - embargo)
        if train.stop <= train.start:
            raise InputError(f"there is no day to train on before the test year {year}")
        splits.append(Split(train, slice(start, stop)))
    if not splits:
        raise InputError(f"the days end in {years[-1]}: there is no test year from {first} on")
    return splits


def purged_k_fold(n: int, folds: int = 5, *, purge: int = 0, embargo: int = 0) -> list[Fold]:
    """Return the folds of purged k-fold cross-validation (Lopez de Prado 2018, chapter 7).

    Args:
        n: number of days.
        folds: number of test windows, which differ in length by one day at most.
        purge: training days left out on either side of a test window.
        embargo: training days left out after a test window, on top of the purge.

    Raises:
        InputError: if a number is out of range or a fold is left without a training day.
    """
    return list(combinatorial_purged(n, folds, 1, purge=purge, embargo=embargo).folds)


def combinatorial_purged(
    n: int, groups: int = 6, test_groups: int = 2, *, purge: int = 0, embargo: int = 0
) -> CombinatorialFolds:
    """Return combinatorial purged cross-validation (Lopez de Prado 2018, chapter 12).

    The days are cut into groups, which differ in length by one day at most. Each choice of the
    test groups makes a fold.

    Args:
        n: number of days.
        groups: number of groups.
        test_groups: groups that a fold tests on.
        purge: training days left out on either side of a test group.
        embargo: training days left out after a test group, on top of the purge.

    Raises:
        InputError: if a number is out of range or a fold is left without a training day.
    """
    _at_least("groups", groups, 2)
    _at_least("days", n, groups)
    _at_least("test groups", test_groups, 1)
    _at_least("purge", purge, 0)
    _at_least("embargo", embargo, 0)
    if test_groups >= groups:
        raise InputError(f"{test_groups} test groups of {groups} leave none to train on")
    bounds = np.arange(groups + 1, dtype=np.int64) * n // groups
    chosen = list(itertools.combinations(range(groups), test_groups))
    folds = tuple(_fold(bounds, tested, purge, embargo) for tested in chosen)
    # The p-th fold that tests a group supplies it to path p.
    paths = [[i for i, tested in enumerate(chosen) if group in tested] for group in range(groups)]
    return CombinatorialFolds(folds, bounds, np.array(paths, dtype=np.int64).T)


def trading_days(dates: ArrayLike) -> Dates:
    """Return dates as numpy days.

    Args:
        dates: anything that numpy reads as datetime64, shape (n,).

    Raises:
        InputError: if they are not a non-empty list of dates that increases from day to day.
    """
    try:
        days = np.asarray(dates, dtype="datetime64[D]")
    except ValueError as error:
        raise InputError(f"these are not dates: {error}") from error
    if days.ndim != 1 or len(days) == 0 or np.isnat(days).any():
        raise InputError("the dates must be a list of at least one day, without gaps")
    unordered = np.flatnonzero(days[1:] <= days[:-1])
    if len(unordered):
        before, after = days[unordered[0] : unordered[0] + 2]
        raise InputError(f"the dates must increase from day to day, but {after} follows {before}")
    return days


def _fold(bounds: IntArray, tested: tuple[int, ...], purge: int, embargo: int) -> Fold:
    free = np.ones(bounds[-1], dtype=bool)
    for group in tested:
        free[max(bounds[group] - purge, 0) : bounds[group + 1] + purge + embargo] = False
    train = np.flatnonzero(free)
    if len(train) == 0:
        raise InputError(
            f"a purge of {purge} and an embargo of {embargo} days leave no day to train on beside "
            f"the test groups {', '.join(map(str, tested))} of {len(bounds) - 1}"
        )
    test = np.concatenate([np.arange(bounds[group], bounds[group + 1]) for group in tested])
    return Fold(train, test, tested)


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"{name}: {value} is less than {least}")
