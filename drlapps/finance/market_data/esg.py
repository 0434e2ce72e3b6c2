"""ESG scores: environmental, social and governance ratings of assets, scaled to [-1, 1].

No usable scores may be redistributed, so they come from the user's own file.
:func:`synthetic_scores` invents some for tests and demonstrations; results with them say nothing
about any company.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from drlapps.errors import InputError, unknown
from drlapps.files import read_rows
from drlapps.finance.market_data.prices import FloatArray

SCALE = (0.0, 100.0)
"""Worst and best score where the file states no scale."""

COLUMNS = ("asset", "score", "min", "max")


@cache
def scores(source: str, assets: tuple[str, ...]) -> FloatArray:
    """Return the scores of a file, read once, or invented ones where it is ``synthetic``.

    Raises:
        InputError: as :func:`read_scores` does.
    """
    return synthetic_scores(assets) if source == "synthetic" else read_scores(source, assets)


def read_scores(path: str | Path, assets: Sequence[str]) -> FloatArray:
    """Read scores from a CSV file with the columns ``asset`` and ``score``.

    The optional columns ``min`` and ``max`` state the worst and the best score of the scale, 0
    and 100 by default. A score becomes ``(score - midpoint) / half range``. Where low scores are
    good, as in ratings of risk, ``min`` is the greater of the two. Assets that are not asked for
    may be in the file.

    Args:
        path: the file.
        assets: the assets whose scores are wanted.

    Returns:
        The scores in the order of ``assets``, shape ``(assets,)``, in [-1, 1].

    Raises:
        InputError: if the file is malformed, names an asset twice or lacks one, or a score is
            not a number on its scale.
    """
    scores: dict[str, float] = {}
    for number, row in enumerate(read_rows(path), start=1):
        where = f"{path}, score {number}"
        cells = {name.strip().lower(): text.strip() for name, text in row.items()}
        for column in cells:
            if column not in COLUMNS:
                raise InputError(f"{path}: {unknown('column', column, COLUMNS)}")
        if "asset" not in cells or "score" not in cells:
            raise InputError(f"{path} needs the columns 'asset' and 'score'")
        if cells["asset"] in scores:
            raise InputError(f"{where}: the asset {cells['asset']} stands twice")
        scores[cells["asset"]] = _scaled(cells, where)
    for asset in assets:
        if asset not in scores:
            raise InputError(f"{path} has no score of the asset {asset}")
    return np.array([scores[asset] for asset in assets], dtype=np.float64)


def _scaled(cells: dict[str, str], where: str) -> float:
    score = _number(cells["score"], "score", where)
    worst, best = (
        _number(cells[end], end, where) if cells.get(end) else default
        for end, default in zip(("min", "max"), SCALE, strict=True)
    )
    if worst == best:
        raise InputError(f"{where}: min and max are both {worst:g}, which is no scale")
    value = (score - (worst + best) / 2) / ((best - worst) / 2)
    if not abs(value) <= 1:
        raise InputError(
            f"{where}: the score {score:g} of {cells['asset']} is not on the scale from "
            f"{worst:g} to {best:g}"
        )
    return value


def _number(text: str, column: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{where}: the {column} {text!r} is not a number")
    return value


def synthetic_scores(assets: Sequence[str], seed: int = 0) -> FloatArray:
    """Return invented scores: synthetic, for tests and demonstrations only.

    Args:
        assets: the assets that are to have one.
        seed: of the generator; equal seeds give equal scores.

    Returns:
        Independent uniform numbers in [-1, 1], shape ``(assets,)``.
    """
    return np.random.default_rng(seed).uniform(-1.0, 1.0, len(assets))
