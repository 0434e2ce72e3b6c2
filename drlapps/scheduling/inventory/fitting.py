"""Demand laws from recorded demand.

The fits are by maximum likelihood. ``auto`` picks the law of the least Bayesian information
criterion, ``k log n - 2 log L`` for ``k`` free parameters and ``n`` values (Schwarz 1978), so that
a richer law has to earn its parameters. Seasonal demand has a multiplicative index: each phase of
the cycle its own mean, all phases the same dispersion.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, log_ndtr, ndtr, xlogy

from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.law import Demand, number, numbers
from drlapps.scheduling.inventory.parametric import (
    NegativeBinomial,
    Normal,
    Poisson,
    RoundedNormal,
)
from drlapps.scheduling.inventory.probabilities import Floats
from drlapps.scheduling.inventory.tabulated import Constant, Cyclic, Empirical

LAWS = ("empirical", "poisson", "negative-binomial", "normal", "seasonal")
"""The laws that can be fitted."""

LONGEST_SEASON = 60
"""The longest season that is looked for; a longer one has to be given."""

_LARGEST_SIZE = 1e6
"""A negative binomial law of such a size makes no difference to Poisson."""

_MOST_SPREAD = 0.5
"""The largest coefficient of variation of a normal law: a draw in 44 is negative."""


@dataclass(frozen=True)
class Fit:
    """A fitted law.

    Attributes:
        law: the law.
        log_likelihood: of the values, in nats.
        parameters: how many were free.
        count: how many values there were.
    """

    law: Demand
    log_likelihood: float
    parameters: int
    count: int

    @property
    def bic(self) -> float:
        """The Bayesian information criterion: less is better."""
        return self.parameters * math.log(self.count) - 2.0 * self.log_likelihood


def fit(values: npt.ArrayLike, law: str = "auto", season: int | None = None) -> Demand:
    """Return the law that recorded demand follows.

    Args:
        values: demand of successive periods, the oldest first, shape ``(periods,)``.
        law: one of :data:`LAWS`, or ``auto``. Of values in whole units, the normal law is rounded.
        season: length of the seasonal cycle in periods; ``None`` looks for one.

    Raises:
        InputError: there are too few values, a value is no demand, or the law does not fit.
    """
    record = _checked(values)
    if season is not None:
        _check_season(record, season)
    if law == "auto":
        return min(_candidates(record, season), key=_bic).law
    if law not in LAWS:
        raise unknown("law to fit", law, ["auto", *LAWS])
    if law == "seasonal":
        return _seasonal(record, season).law
    return _SIMPLE[law](record).law


def _candidates(record: Floats, season: int | None) -> list[Fit]:
    """Return every law that fits at all.

    Likelihoods of whole units and of fractions are not comparable. So fractions compete as normal
    and seasonal laws only, and are empirical if none of these fits.
    """
    laws = tuple(_SIMPLE.values()) if _whole(record) else (_normal,)
    found = _fitting([*laws, lambda values: _seasonal(values, season)], record)
    return found or [_empirical(record)]


def _fitting(laws: Iterable[Callable[[Floats], Fit]], record: Floats) -> list[Fit]:
    """Return the fits of those laws that fit."""
    found = []
    for law in laws:
        with suppress(InputError):
            found.append(law(record))
    return found


def _seasonal(record: Floats, season: int | None) -> Fit:
    """Fit seasonal demand; if no season is given, the one that beats demand without one by most."""
    if season is not None:
        return _phased(record, season)
    longest = min(LONGEST_SEASON, len(record) // 3)
    lengths = [partial(_phased, season=length) for length in range(1, longest + 1)]
    best = min(_fitting(lengths, record), key=_bic, default=None)
    if best is None or not isinstance(best.law, Cyclic):
        raise InputError(f"no season found in {len(record)} values; say how long it is")
    return best


def _phased(record: Floats, season: int) -> Fit:
    """Fit demand with a mean for each phase of a cycle of known length."""
    if not _whole(record):
        return _normal_phases(record, season)
    laws = (partial(_poisson, season=season), partial(_negative_binomial, season=season))
    return min(_fitting(laws, record), key=_bic)


def _empirical(record: Floats) -> Fit:
    values, counts = np.unique(record, return_counts=True)
    law = Empirical(tuple(values.tolist()), tuple((counts / len(record)).tolist()))
    likelihood = float(xlogy(counts, counts / len(record)).sum())
    return Fit(law, likelihood, len(values) - 1, len(record))


def _poisson(record: Floats, season: int = 1) -> Fit:
    _check_whole(record, "Poisson")
    means, counts = _means(record, season)
    likelihood = (counts * (xlogy(means, means) - means)).sum() - gammaln(record + 1.0).sum()
    laws = [Poisson(mean) for mean in means.tolist()]
    return Fit(_cycle(laws), float(likelihood), season, len(record))


def _negative_binomial(record: Floats, season: int = 1) -> Fit:
    """Fit phase means and one size ``r``; the variance of a phase is ``mean + mean**2 / r``."""
    from scipy.optimize import minimize_scalar

    _check_whole(record, "negative binomial")
    means, counts = _means(record, season)
    values, repeats = np.unique(record, return_counts=True)

    def loss(log_size: float) -> float:
        size = math.exp(log_size)
        ways = gammaln(values + size) - gammaln(size) - gammaln(values + 1.0)
        ratio = np.log1p(means / size)
        sums = xlogy(means, means / size) - (means + size) * ratio
        return -float(repeats @ ways + counts @ sums)

    largest = math.log(_LARGEST_SIZE)
    best = minimize_scalar(loss, bounds=(-largest, largest), method="bounded")
    if not means.any() or best.x > largest - 1.0:
        raise InputError("demand varies no more than Poisson demand, so no negative binomial fits")
    size = math.exp(best.x)
    laws = [
        NegativeBinomial(mean, mean + mean**2 / size) if mean else Constant(0.0)
        for mean in means.tolist()
    ]
    return Fit(_cycle(laws), -float(best.fun), season + 1, len(record))


def _normal(record: Floats) -> Fit:
    return _rounded_normal(record) if _whole(record) else _normal_phases(record, 1)


def _normal_phases(record: Floats, season: int) -> Fit:
    """Fit phase means and one coefficient of variation."""
    means, _ = _means(record, season)
    expected = means[np.arange(len(record)) % season]
    sold = expected > 0.0
    spread = math.sqrt(np.mean((record[sold] / expected[sold] - 1.0) ** 2)) if sold.any() else 0.0
    if not 0.0 < spread <= _MOST_SPREAD:
        raise InputError(
            f"demand varies too {'much' if spread else 'little'} for a normal law; fit the "
            "empirical one"
        )
    laws = [Normal(mean, spread * mean) if mean else Constant(0.0) for mean in means.tolist()]
    scale = np.log(spread * expected[sold]) + 0.5 * math.log(2.0 * math.pi) + 0.5
    return Fit(_cycle(laws), -float(scale.sum()), season + 1, len(record))


def _rounded_normal(record: Floats) -> Fit:
    """Fit ``max(0, round(N(location, sd)))``."""
    from scipy.optimize import minimize

    values, repeats = np.unique(record, return_counts=True)
    if len(values) == 1:
        raise InputError("demand never varies, so no normal law fits")

    def loss(parameters: Floats) -> float:
        location, sd = parameters[0], math.exp(parameters[1])
        # By symmetry all in the lower tail, where differences keep their digits.
        nearest = np.abs(values - location)
        inside = ndtr((0.5 - nearest) / sd) - ndtr((-0.5 - nearest) / sd)
        logs = np.log(np.maximum(inside, 1e-300))
        return -float(repeats @ np.where(values > 0.0, logs, log_ndtr((0.5 - location) / sd)))

    start = [record.mean(), math.log(record.std())]
    best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-8})
    law = RoundedNormal(float(best.x[0]), math.exp(best.x[1]))
    return Fit(law, -float(best.fun), 2, len(record))


_SIMPLE: Mapping[str, Callable[[Floats], Fit]] = {
    "empirical": _empirical,
    "poisson": _poisson,
    "negative-binomial": _negative_binomial,
    "normal": _normal,
}


def _bic(candidate: Fit) -> float:
    return candidate.bic


def _means(record: Floats, season: int) -> tuple[Floats, Floats]:
    """Return mean and number of the values of each phase."""
    phases = np.arange(len(record)) % season
    counts = np.bincount(phases).astype(np.float64)
    return np.bincount(phases, record) / counts, counts


def _cycle(laws: Sequence[Demand]) -> Demand:
    return Cyclic(tuple(laws)) if len(laws) > 1 else laws[0]


def _checked(values: npt.ArrayLike) -> Floats:
    record = np.asarray(values, dtype=np.float64)
    if record.ndim != 1 or len(record) < 2:
        raise InputError("a demand law needs two values at least, one for each period")
    return np.array(numbers("values", record.tolist()))


def _check_season(record: Floats, season: int) -> None:
    if not 2 <= season <= len(record) // 2:
        raise InputError(
            f"a season of {season} periods does not fit {len(record)} values; it takes 2 periods "
            "at least and 2 cycles of values"
        )


def _check_whole(record: Floats, law: str) -> None:
    if not _whole(record):
        raise InputError(f"demand is not in whole units, so no {law} law fits")


def _whole(record: Floats) -> bool:
    return bool(np.all(record == np.rint(record)))


def read_demand(path: Path, column: str) -> Floats:
    """Return recorded demand from a column of a CSV file with a header, one row a period.

    Raises:
        InputError: the file or the column is missing, or a cell holds no demand; the sentence says
            in which line.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if column not in header:
                raise unknown(f"column in {path}", column, header)
            place = header.index(column)
            values = [
                _cell(row[place] if place < len(row) else "", f"{path}, line {reader.line_num}")
                for row in reader
                if row
            ]
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no CSV file: {error}") from error
    if not values:
        raise InputError(f"{path} has no row below its header")
    return np.array(values)


def _cell(text: str, where: str) -> float:
    """Return the demand in a cell."""
    try:
        return number("a value", float(text))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    except ValueError as error:
        wrong = f"{text.strip()!r} is no number" if text.strip() else "a value of demand is missing"
        raise InputError(f"{where}: {wrong}") from error
