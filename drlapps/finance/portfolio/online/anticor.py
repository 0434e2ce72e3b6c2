"""Anticor: wealth moves from assets that led to assets that are expected to catch up."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numba import njit

from drlapps.errors import InputError
from drlapps.finance.portfolio.allocation import Matrix, Seen, Vector
from drlapps.finance.portfolio.online.learner import Memory, OnlineLearner
from drlapps.finance.portfolio.online.simplex import uniform


@dataclass
class ExpertsMemory(Memory):
    """What BAH(Anticor) remembers of its experts, of which each has a window of its own.

    Attributes:
        portfolios: the weights each decided on last, shape (experts, assets).
        wealth: share of all experts' wealth, shape (experts,).
    """

    portfolios: Matrix
    wealth: Vector


class Anticor(OnlineLearner[ExpertsMemory]):
    """BAH(Anticor): buys and holds the Anticor algorithms of all windows from 2 to ``window``.

    As in the toolbox, experts transfer the weights they decided on last, not the drifted ones, and
    pay no costs of their own. Windows reach back before the start of the episode.

    Assets whose prices took the same steps in another order grew equally, and the last bit of their
    logarithms would decide which has a claim. Relatives are rounded to ten decimals, finer than any
    price, so that the result does not hang on how prices are stored.

    Args:
        window: the longest window, in days.

    Reference:
        Borodin, El-Yaniv & Gogan 2004, "Can we learn to beat the best stock", Journal of
        Artificial Intelligence Research 21, figure 1 and section 4.
    """

    def __init__(self, window: int = 30) -> None:
        if window < 2:
            raise InputError(f"Anticor needs a window of at least 2, not {window}")
        self.window = window

    def start(self, assets: int) -> ExpertsMemory:
        """Return equally rich experts with uniform weights."""
        experts = self.window - 1
        first = uniform(assets)
        return ExpertsMemory(first, np.tile(first, (experts, 1)), uniform(experts))

    def update(self, seen: Seen, memory: ExpertsMemory) -> Vector:
        """Return the experts' new portfolios, averaged by their wealth."""
        memory.wealth *= memory.portfolios @ seen.relatives[-1]
        memory.wealth /= memory.wealth.sum()
        transfer(np.array(seen.relatives[-2 * self.window :], order="C"), memory.portfolios)
        averaged: Vector = memory.wealth @ memory.portfolios
        return averaged


@njit(cache=True)
def transfer(relatives: Matrix, portfolios: Matrix) -> None:
    """Let each expert with enough days behind it transfer weights, in place.

    Args:
        relatives: price relatives, oldest first, C-contiguous, shape (days, assets).
        portfolios: weights of the experts with windows 2, 3, ..., shape (experts, assets).
    """
    days, assets = relatives.shape
    logs = np.empty((days, assets))
    for t in range(days):
        for i in range(assets):
            logs[t, i] = log(round(relatives[t, i], 10))
    correlation = np.empty((assets, assets))
    for expert in range(len(portfolios)):
        window = expert + 2
        if days >= 2 * window:
            later = days - window
            growth = correlate(logs[later - window : later], logs[later:], correlation)
            trade(correlation, growth, portfolios[expert])


@njit(cache=True)
def correlate(first: Matrix, second: Matrix, correlation: Matrix) -> Vector:
    """Write the correlations of two windows; return the mean log relatives of the second.

    Args:
        first: log relatives of the earlier window, shape (window, assets).
        second: those of the later window, shape (window, assets).
        correlation: receives the correlation of asset i in the first window with asset j in the
            second, 0 where either does not move, shape (assets, assets).
    """
    window, assets = first.shape
    before, variance_before, _ = centre(first)
    after, variance_after, growth = centre(second)
    correlation[:] = 0.0
    for t in range(window):
        for i in range(assets):
            for j in range(assets):
                correlation[i, j] += before[t, i] * after[t, j]
    for i in range(assets):
        for j in range(assets):
            scale = variance_before[i] * variance_after[j]
            covariance = correlation[i, j] / (window - 1)
            correlation[i, j] = covariance / sqrt(scale) if scale != 0.0 else 0.0
    return growth


@njit(cache=True)
def centre(values: Matrix) -> tuple[Matrix, Vector, Vector]:
    """Return the deviations from the mean, the variance and the mean of each column."""
    count, columns = values.shape
    deviations, variance, mean = np.empty((count, columns)), np.zeros(columns), np.zeros(columns)
    for t in range(count):
        for i in range(columns):
            mean[i] += values[t, i]
    for i in range(columns):
        mean[i] /= count
    for t in range(count):
        for i in range(columns):
            deviations[t, i] = values[t, i] - mean[i]
            variance[i] += deviations[t, i] * deviations[t, i]
    for i in range(columns):
        variance[i] /= count - 1
    return deviations, variance, mean


@njit(cache=True)
def trade(correlation: Matrix, growth: Vector, portfolio: Vector) -> None:
    """Transfer weight from each asset to those that have a claim on it, in place.

    Asset j has a claim on asset i that grew no less than j, if i's first window correlates with
    j's second; the claim grows with the anti-correlation of each with itself. An asset may have a
    claim on itself, which keeps weight where it is.
    """
    assets = len(portfolio)
    moved = np.zeros(assets)
    claims = np.empty(assets)
    for i in range(assets):
        total = 0.0
        for j in range(assets):
            claims[j] = 0.0
            if growth[i] >= growth[j] and correlation[i, j] > 0.0:
                reversal = max(0.0, -correlation[i, i]) + max(0.0, -correlation[j, j])
                claims[j] = correlation[i, j] + reversal
                total += claims[j]
        if total > 0.0:
            for j in range(assets):
                moved[j] += portfolio[i] * claims[j] / total
        else:
            moved[i] += portfolio[i]
    portfolio[:] = moved
