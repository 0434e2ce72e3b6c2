"""The statistics of a comparison: tests on crossed designs and their verdicts.

Agents are scored by several training runs (seeds), every one of them on the same instances, so
scores form a *crossed* table of seeds x instances whose cells share the luck of their row and
of their column. Treating the cells as independent, or averaging one of the two sources away,
rejects true null hypotheses several times as often as announced; :func:`crossed_t` does not. It
answers whether a difference would hold for a *new training run* on *new instances*.

Tests work in the metric's own direction and unit; :func:`verdict` is told whether lower is
better. Aggregates of several agents over several tasks are in :mod:`drlapps.aggregates`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from drlapps.errors import InputError

FloatArray: TypeAlias = NDArray[np.float64]

MIN_SEEDS = 3
"""Training runs below which no verdict is given."""
MIN_INSTANCES = 2
"""Instances below which no verdict is given: one draw says nothing about another."""

_ROUNDING = 1e-12  # share of a metric below which a difference is rounding, not a result
_NO_SPREAD = 1e-9  # spread of differences, relative to them, below which they are identical


class Verdict(StrEnum):
    """What the data say about an agent beside a baseline."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SEPARATED = "not separated"
    EQUIVALENT = "equivalent"
    NO_VERDICT = "no verdict"


@dataclass(frozen=True)
class TTest:
    """A t test of a mean difference against zero.

    Where the data cannot tell (one run on one instance) all but the estimate are NaN.

    Attributes:
        estimate: the mean difference, in the metric's unit.
        standard_error: its standard error; zero where all differences are identical.
        df: degrees of freedom, fractional for crossed designs.
        p_value: two-sided.
        interval: lower and upper end of the confidence interval.
        instances: instances the mean was taken over.
        seeds: training runs it was taken over (of the smaller side); ``None`` if both policies
            are deterministic.
    """

    estimate: float
    standard_error: float
    df: float
    p_value: float
    interval: tuple[float, float]
    instances: int
    seeds: int | None


def differences(agent: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Return agent - baseline with what is only rounding set to zero.

    Two policies that act alike may still differ in the last digits of their metrics, which no
    test and no win rate may take for a result.

    Args:
        agent: metric, shape (seeds, instances).
        baseline: metric of the deterministic baseline, shape (instances,).

    Raises:
        InputError: if one is not finite or empty, or the instances differ in number.
    """
    table = checked_table(agent, "the agent's scores", ("seeds", "instances"))
    vector = checked_table(baseline, "the baseline's scores", ("instances",))
    same_columns(table, vector, "instances")
    gap = table - vector
    gap[np.abs(gap) <= _ROUNDING * max(np.abs(table).max(), np.abs(vector).max())] = 0.0
    return gap


def paired_t(differences: ArrayLike, *, confidence: float = 0.95) -> TTest:
    """Return the paired t test over instances, for two deterministic policies.

    Args:
        differences: metric of the one policy minus that of the other, shape (instances,).
        confidence: level of the interval.

    Raises:
        InputError: if the differences are not a finite, non-empty vector.
    """
    vector = checked_table(differences, "the differences", ("instances",))
    return _test_mean(vector, [], np.abs(vector).max(), None, confidence)


def crossed_t(differences: ArrayLike, *, confidence: float = 0.95) -> TTest:
    """Return the crossed t test of an agent against a deterministic baseline.

    For D[s, i] = mean + seed_s + instance_i + residual_si with S seeds and I instances, let
    A = I var(row means), B = S var(column means) and E the interaction mean square. Then
    (A + B - E) / (S I) estimates the variance of the mean without bias. The standard error
    takes V = max(A + B - E, A, B, E) in place of A + B - E, since no variance component is
    negative, and Satterthwaite's (1946) degrees of freedom are

        V^2 / (A^2 / (S - 1) + B^2 / (I - 1) + E^2 / ((S - 1) (I - 1))).

    Under Gaussian effects a nominal 5 % test rejects a true null hypothesis 4 to 6 % of the time;
    up to 7 % with three seeds, and less often where neither seeds nor instances matter.

    With one seed the test is over the instances, with one instance over the seeds: such a result
    describes that one run or instance, and :func:`verdict` refuses it.

    Identical differences have no spread to scale a t statistic by. What is left is the exact sign
    test: p = 2^(1 - n) for n instances that all differ by the same amount.

    Args:
        differences: metric of the agent minus that of the baseline, shape (seeds, instances).
        confidence: level of the interval.

    Raises:
        InputError: if the differences are not a finite, non-empty table.
    """
    table = checked_table(differences, "the differences", ("seeds", "instances"))
    scale = np.abs(table).max()
    return _test_mean(table.mean(axis=0), [table], scale, table.shape[0], confidence)


def two_sample_crossed_t(a: ArrayLike, b: ArrayLike, *, confidence: float = 0.95) -> TTest:
    """Return the crossed t test of two agents with seeds of their own on common instances.

    Each side has its own seed effects and residuals; what an instance does to the two sides is
    correlated, and only its effect w_i on their difference matters:

        var(mean a - mean b) = var(seed_a) / S_a + var(seed_b) / S_b + var(w) / I
                               + var(residual_a) / (S_a I) + var(residual_b) / (S_b I).

    With A_k and E_k the seed and interaction mean squares of side k, and C the variance over the
    instances of the difference of the column means, the expectations are

        A_k = var(residual_k) + I var(seed_k),      E_k = var(residual_k),
        C   = var(w) + var(residual_a) / S_a + var(residual_b) / S_b,

    so (A_a / S_a + A_b / S_b + C - E_a / S_a - E_b / S_b) / I is unbiased. The five mean squares
    are independent under normality, which gives Satterthwaite's degrees of freedom as in
    :func:`crossed_t`. If b does not vary with its seed this *is* ``crossed_t(a - b)``.

    Args:
        a: metric of the one agent, shape (its seeds, instances).
        b: metric of the other agent, shape (its seeds, instances).
        confidence: level of the interval of mean a - mean b.

    Raises:
        InputError: if a table is not finite or empty, or the instances differ in number.
    """
    first = checked_table(a, "the first agent's scores", ("seeds", "instances"))
    second = checked_table(b, "the second agent's scores", ("seeds", "instances"))
    same_columns(first, second, "instances")
    gap = first.mean(axis=0) - second.mean(axis=0)
    scale = max(np.abs(first).max(), np.abs(second).max())
    return _test_mean(gap, [first, second], scale, min(len(first), len(second)), confidence)


def mean_interval(matrix: ArrayLike, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a policy's own mean metric over seeds x instances.

    Crossed with two or more seeds and instances, over the one that there are several of
    otherwise, and NaN for a single number.

    Args:
        matrix: metric, shape (seeds, instances); one row for a deterministic policy.
        confidence: level of the interval.

    Raises:
        InputError: if the matrix is not a finite, non-empty table.
    """
    return crossed_t(matrix, confidence=confidence).interval


def holm(p_values: ArrayLike) -> FloatArray:
    """Return Holm's (1979) adjusted p-values, which hold the family-wise error rate.

    A NaN stands for a comparison that could not be tested: it stays NaN and does not count.

    Args:
        p_values: shape (comparisons,).

    Raises:
        InputError: if a p-value lies outside [0, 1].
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or np.any((p < 0) | (p > 1)):
        raise InputError("p-values must be a list of numbers between 0 and 1")
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted = np.full_like(p, np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def tost(test: TTest, margin: float) -> float:
    """Return the p-value of the two one-sided tests (Schuirmann 1987) for equivalence.

    Small values speak for a true difference strictly within (-margin, margin).

    Args:
        test: the test of the difference.
        margin: smallest difference that matters, in the metric's unit.

    Raises:
        InputError: if the margin is not a positive number.
    """
    if not (math.isfinite(margin) and margin > 0):
        raise InputError(f"the equivalence margin must be a positive number, not {margin}")
    if test.standard_error == 0:  # every difference is inside, or every one is not: a sign test
        return float(2.0 ** -(test.df + 1)) if abs(test.estimate) < margin else 1.0
    return float(stdtr(test.df, (abs(test.estimate) - margin) / test.standard_error))


def verdict(
    test: TTest,
    *,
    minimize: bool,
    p_value: float | None = None,
    p_equivalence: float | None = None,
    alpha: float = 0.05,
) -> Verdict:
    """Return what a test of (agent minus baseline) says about the agent.

    Below ``MIN_SEEDS`` training runs or ``MIN_INSTANCES`` instances there is no verdict. Given a
    margin (see :func:`tost`), equivalence goes first: a difference shown to be smaller than any
    that matters makes the agent neither better nor worse, however significant it is.

    Args:
        test: the test of the difference.
        minimize: whether lower metrics are better.
        p_value: the test's p-value adjusted for its family; its own if left out.
        p_equivalence: p-value of :func:`tost`, adjusted likewise; left out, equivalence is no
            possible verdict.
        alpha: level of the tests.
    """
    p = test.p_value if p_value is None else p_value
    few_seeds = test.seeds is not None and test.seeds < MIN_SEEDS
    if few_seeds or test.instances < MIN_INSTANCES or math.isnan(p):
        return Verdict.NO_VERDICT
    if p_equivalence is not None and p_equivalence <= alpha:
        return Verdict.EQUIVALENT
    if p > alpha:
        return Verdict.NOT_SEPARATED
    return Verdict.BETTER if (test.estimate < 0) == minimize else Verdict.WORSE


def checked_table(values: ArrayLike, what: str, axes: tuple[str, ...]) -> FloatArray:
    """Return the values as a finite, non-empty array with the named axes.

    Raises:
        InputError: if they are not that; `what` is the subject of its sentence.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != len(axes) or array.size == 0:
        raise InputError(f"{what} must have the shape ({', '.join(axes)}), not {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{what} hold a NaN or an infinite value")
    return array


def same_columns(a: FloatArray, b: FloatArray, what: str) -> None:
    """Check that two tables have as many columns.

    Raises:
        InputError: if they do not; `what` names the columns.
    """
    if a.shape[-1] != b.shape[-1]:
        raise InputError(f"the two sides have {a.shape[-1]} and {b.shape[-1]} {what}")


def _test_mean(
    gap: FloatArray,
    sides: Sequence[FloatArray],
    scale: float,
    seeds: int | None,
    confidence: float,
) -> TTest:
    """Test the mean of the differences per instance; `sides` are the tables with seeds."""
    if not 0 < confidence < 1:
        raise InputError(f"the confidence must lie in (0, 1), not {confidence}")
    estimate, instances = float(gap.mean()), len(gap)
    variance, df = _variance_of_mean(gap, sides)
    if math.isnan(variance):
        return TTest(estimate, math.nan, math.nan, math.nan, (math.nan, math.nan), instances, seeds)
    if math.sqrt(variance) <= _NO_SPREAD * scale:
        estimate = estimate if abs(estimate) > _ROUNDING * scale else 0.0
        return _sign_test(estimate, instances, seeds, confidence)
    error = math.sqrt(variance)
    p_value = float(2 * stdtr(df, -abs(estimate) / error))
    half = float(stdtrit(df, (1 + confidence) / 2)) * error
    return TTest(estimate, error, df, p_value, (estimate - half, estimate + half), instances, seeds)


def _variance_of_mean(gap: FloatArray, sides: Sequence[FloatArray]) -> tuple[float, float]:
    """Return the variance of the mean and its Satterthwaite degrees of freedom."""
    instances = len(gap)
    # Mean squares, each with its degrees of freedom.
    instance = [(float(gap.var(ddof=1)), instances - 1)] if instances > 1 else []
    seed: list[tuple[float, int]] = []
    residual: list[tuple[float, int]] = []
    for table in sides:
        seeds = len(table)
        if seeds == 1:
            continue
        rows = table.mean(axis=1, keepdims=True)
        seed.append((instances * float(rows.var(ddof=1)) / seeds, seeds - 1))
        if instances > 1:
            freedom = (seeds - 1) * (instances - 1)
            interaction = table - rows - table.mean(axis=0) + table.mean()
            residual.append((float((interaction**2).sum()) / freedom / seeds, freedom))
    terms = instance + seed + residual
    if not terms:
        return math.nan, math.nan
    i, s, r = (sum(square for square, _ in part) for part in (instance, seed, residual))
    # The floor r keeps the error from vanishing where row and column means agree by chance.
    total = max(i + s - r, i, s, r)
    if total == 0:
        return 0.0, math.nan
    df = 1 / sum((square / total) ** 2 / freedom for square, freedom in terms)
    return total / instances, df


def _sign_test(estimate: float, instances: int, seeds: int | None, confidence: float) -> TTest:
    """Return the exact sign test of identical differences; the interval may be the whole line."""
    units = instances if instances > 1 or seeds is None else seeds
    p_value = 2.0 ** (1 - units)
    enough = p_value <= 1 - confidence
    interval = (estimate, estimate) if enough else (-math.inf, math.inf)
    p_value = p_value if estimate != 0 else 1.0
    return TTest(estimate, 0.0, float(units - 1), p_value, interval, instances, seeds)
