"""Follow-the-loser algorithms: they bet that prices return to where they were.

PAMR and CWMR expect tomorrow to undo today; OLMAR and RMR forecast the return to a moving average
or to a robust centre of recent prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from drlapps.errors import InputError, unknown
from drlapps.finance.portfolio.allocation import Matrix, Seen, Vector
from drlapps.finance.portfolio.online.learner import FirstOrderLearner, Memory, OnlineLearner
from drlapps.finance.portfolio.online.medians import l1_median
from drlapps.finance.portfolio.online.simplex import project, uniform


def _centred(relative: Vector) -> Vector:
    deviations: Vector = relative - relative.mean()
    return deviations


def _revert(weights: Vector, forecast: Vector, epsilon: float) -> Vector:
    """Return the nearest weights whose forecast return is at least ``epsilon``.

    Equation 2 of Li & Hoi 2012: b + lambda (x^ - mean x^), on the simplex.
    """
    direction = _centred(forecast)
    variance = float(direction @ direction)
    if variance == 0.0:
        return weights
    step = max(0.0, epsilon - float(forecast @ weights)) / variance
    return project(weights + step * direction)


class Pamr(FirstOrderLearner):
    """PAMR: passive while the last return was low, else aggressively out of the last winners.

    Args:
        variant: 0 plain, 1 with steps capped at ``aggressiveness``, 2 with steps damped by it.
        epsilon: the return above which reversion is expected.
        aggressiveness: C, of variants 1 and 2.

    Reference:
        Li, Zhao, Hoi & Gopalkrishnan 2012, "PAMR: Passive aggressive mean reversion strategy for
        portfolio selection", Machine Learning 87(2), propositions 1 to 3.
    """

    def __init__(
        self, variant: int = 0, epsilon: float = 0.5, aggressiveness: float = 500.0
    ) -> None:
        if variant not in (0, 1, 2):
            raise InputError(f"PAMR has variants 0, 1 and 2, not {variant}")
        if aggressiveness <= 0.0:
            raise InputError(f"PAMR's aggressiveness must be positive, and is {aggressiveness}")
        self.variant, self.epsilon, self.aggressiveness = variant, epsilon, aggressiveness

    def update(self, seen: Seen, memory: Memory) -> Vector:
        """Return b - tau (x - mean x), projected on the simplex."""
        direction = _centred(seen.relatives[-1])
        variance = float(direction @ direction)
        if variance == 0.0:
            return memory.weights
        if self.variant == 2:
            variance += 0.5 / self.aggressiveness
        step = max(0.0, seen.growth - self.epsilon) / variance
        if self.variant == 1:
            step = min(step, self.aggressiveness)
        return project(memory.weights - step * direction)


@dataclass
class GaussianMemory(Memory):
    """What CWMR remembers: its weights are the mean of a Gaussian.

    Attributes:
        covariance: how unsure it is of the weights, shape (assets, assets).
    """

    covariance: Matrix


class Cwmr(OnlineLearner[GaussianMemory]):
    """CWMR: the weights are Gaussian, and move least where they are surest.

    Args:
        variant: ``var`` or ``stdev``: by what the confidence constraint measures spread.
        phi: the normal quantile of the confidence that the return stays below ``epsilon``.
        epsilon: the return above which reversion is expected.

    Reference:
        Li, Hoi, Zhao & Gopalkrishnan 2013, "Confidence weighted mean reversion strategy for
        online portfolio selection", ACM TKDD 7(1), propositions 4.1 and 4.2.
    """

    def __init__(self, variant: str = "var", phi: float = 2.0, epsilon: float = 0.5) -> None:
        if variant not in ("var", "stdev"):
            raise unknown("CWMR variant", variant, ("var", "stdev"))
        if phi <= 0.0:
            raise InputError(f"CWMR's phi must be positive, and is {phi}")
        self.variant, self.phi, self.epsilon = variant, phi, epsilon

    def start(self, assets: int) -> GaussianMemory:
        """Return uniform weights with covariance I / assets^2."""
        return GaussianMemory(uniform(assets), np.eye(assets) / assets**2)

    def update(self, seen: Seen, memory: GaussianMemory) -> Vector:
        """Return the mean of the Gaussian nearest to the last that meets the constraint."""
        relative, covariance = seen.relatives[-1], memory.covariance
        ones = np.ones_like(relative)
        sigma_x, sigma_1 = covariance @ relative, covariance @ ones
        # x-bar, epsilon - M, V and V - x-bar W of the paper; the last must vanish on a flat day.
        centre = (ones @ sigma_x) / (ones @ sigma_1)
        excess = self.epsilon - relative @ memory.weights
        spread = relative @ sigma_x
        tilt = spread - centre * (relative @ sigma_1)
        multiplier = self._multiplier(excess, spread, tilt)
        weights = memory.weights - multiplier * (covariance @ (relative - centre))
        memory.covariance = self._shrunk(covariance, relative, multiplier, spread)
        return project(weights)

    def _multiplier(self, excess: float, spread: float, tilt: float) -> float:
        """Return the largest non-negative root of the constraint's quadratic, else 0.

        Args:
            excess: epsilon - M.
            spread: V, the variance of the return.
            tilt: V - x-bar W.
        """
        phi = self.phi
        if self.variant == "var":
            a = 2.0 * phi * spread * tilt
            b = 2.0 * phi * spread * excess + tilt
            c = excess - phi * spread
        else:
            shifted = tilt + phi**2 * spread / 2.0
            a = shifted**2 - phi**4 * spread**2 / 4.0
            b = 2.0 * excess * shifted
            c = excess**2 - phi**2 * spread
        if a == 0.0:
            return max(-c / b, 0.0) if b != 0.0 else 0.0
        discriminant = b * b - 4.0 * a * c
        if discriminant <= 0.0:
            return 0.0
        root = sqrt(discriminant)
        return max((-b + root) / (2.0 * a), (-b - root) / (2.0 * a), 0.0)

    def _shrunk(
        self, covariance: Matrix, relative: Vector, multiplier: float, spread: float
    ) -> Matrix:
        """Return (Sigma^-1 + k diag(x)^2)^-1, scaled so that its entries sum to 1 / assets."""
        factor = multiplier * self.phi
        if self.variant == "var":
            factor *= 2.0
        else:
            product = factor * spread
            root = (sqrt(product * product + 4.0 * spread) - product) / 2.0
            # Cancels to 0 where nothing is uncertain any more.
            factor = factor / root if root > 0.0 else 0.0
        precision = np.linalg.inv(covariance)
        precision[np.diag_indices_from(precision)] += factor * relative**2
        shrunk = np.linalg.inv(precision)
        if self.variant == "stdev":
            # The toolbox keeps the matrix from becoming singular so.
            shrunk[np.diag_indices_from(shrunk)] += np.finfo(np.float64).eps
        scaled: Matrix = shrunk / (shrunk.sum() * len(relative))
        return scaled


@dataclass
class AverageMemory(Memory):
    """What OLMAR remembers.

    Attributes:
        average: exponential moving average of prices over the last price, shape (assets,).
        days: days of the data that are in it.
    """

    average: Vector
    days: int = 0


class Olmar(OnlineLearner[AverageMemory]):
    """OLMAR: prices return to their moving average.

    The average takes in days before the episode, too. Without any, variant 1 keeps uniform weights
    for a second day, as the toolbox does.

    Args:
        variant: 1 for the simple average of ``window`` days, 2 for the exponential one.
        epsilon: the forecast return that is sought.
        window: days of the simple average; until there are as many, the last day is expected to
            repeat, as in the toolbox.
        alpha: weight of the last price in the exponential average.

    Reference:
        Li & Hoi 2012, "On-line portfolio selection with moving average reversion", ICML,
        algorithms 1 and 2; Li, Hoi, Sahoo & Liu 2015, "Moving average reversion strategy for
        on-line portfolio selection", Artificial Intelligence 222, for the exponential average.
    """

    def __init__(
        self, variant: int = 1, epsilon: float = 10.0, window: int = 5, alpha: float = 0.5
    ) -> None:
        if variant not in (1, 2):
            raise InputError(f"OLMAR has variants 1 and 2, not {variant}")
        if window < 1 or not 0.0 <= alpha <= 1.0:
            raise InputError(
                "OLMAR needs a window of at least 1 and alpha between 0 and 1; "
                f"they are {window} and {alpha}"
            )
        self.variant, self.epsilon, self.window, self.alpha = variant, epsilon, window, alpha

    def start(self, assets: int) -> AverageMemory:
        """Return uniform weights and the average of the first price alone."""
        return AverageMemory(uniform(assets), np.ones(assets))

    def update(self, seen: Seen, memory: AverageMemory) -> Vector:
        """Return the nearest weights that would earn ``epsilon`` if prices were at the average."""
        if self.variant == 2:
            forecast = self._exponential_average(seen.relatives, memory)
        elif len(seen.relatives) < 2:
            return memory.weights
        else:
            forecast = self._simple_average(seen.relatives)
        return _revert(memory.weights, forecast, self.epsilon)

    def _simple_average(self, relatives: Matrix) -> Vector:
        """Return the average of the last ``window`` prices over the last one."""
        if len(relatives) <= self.window:
            last: Vector = relatives[-1]
            return last
        since = np.cumprod(relatives[: -self.window : -1], axis=0)
        average: Vector = (1.0 + (1.0 / since).sum(axis=0)) / self.window
        return average

    def _exponential_average(self, relatives: Matrix, memory: AverageMemory) -> Vector:
        """Return alpha + (1 - alpha) times the last average over the last relative."""
        for relative in relatives[memory.days :]:
            memory.average = self.alpha + (1.0 - self.alpha) * memory.average / relative
        memory.days = len(relatives)
        return memory.average


@dataclass
class ClosesMemory(Memory):
    """What RMR remembers.

    Attributes:
        closes: the latest closes in units of the first one known, oldest first, shape
            (window, assets).
        days: days of the data that are in them.
    """

    closes: Matrix
    days: int = 1


class Rmr(OnlineLearner[ClosesMemory]):
    """RMR: prices return to the L1-median of their last days, which outliers hardly move.

    The median is of points in the space of all prices, so it depends on their units. These are
    the first closes known, as in the toolbox.

    Args:
        epsilon: the forecast return that is sought.
        window: days of the median; until there are as many, the last day is expected to repeat.

    Reference:
        Huang, Zhou, Li, Hoi & Zhou 2016, "Robust median reversion strategy for online portfolio
        selection", IEEE TKDE 28(9), algorithms 1 and 2.
    """

    def __init__(self, epsilon: float = 5.0, window: int = 5) -> None:
        if window < 1:
            raise InputError(f"RMR needs a window of at least 1, not {window}")
        self.epsilon, self.window = epsilon, window

    def start(self, assets: int) -> ClosesMemory:
        """Return uniform weights and the first close."""
        return ClosesMemory(uniform(assets), np.ones((self.window, assets)))

    def update(self, seen: Seen, memory: ClosesMemory) -> Vector:
        """Return the nearest weights that would earn ``epsilon`` if prices were at the median."""
        # The first relative leads to the first close, so it says nothing of later ones.
        for relative in seen.relatives[memory.days :]:
            memory.closes[:-1] = memory.closes[1:]
            memory.closes[-1] *= relative
        memory.days = len(seen.relatives)
        if len(seen.relatives) <= self.window:
            forecast: Vector = seen.relatives[-1]
        else:
            forecast = l1_median(memory.closes) / memory.closes[-1]
        return _revert(memory.weights, forecast, self.epsilon)
