"""The best settings of a laser that one knows: the reference of gaps.

For a known laser the peak intensity is a smooth function of three settings with one high ridge near
the phase conjugate. It is scanned there, Nelder-Mead searches climb from the best points, and a
last one from where the best of them stopped. That is no proof, but no other start has led higher.

The optima of the fixed pools stand in ``data/optima.json``; ``python -m
drlapps.control.laser_pulse.optimum`` finds them anew.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drlapps.control.laser_pulse.pulse import evaluate
from drlapps.control.laser_pulse.spectrum import COMPRESSOR, Floats, dispersion, setting
from drlapps.files import read_json, write_atomic

FILE = Path(__file__).parent / "data" / "optima.json"

_OPTIONS = {"xatol": 1e-6, "fatol": 1e-9, "maxfev": 200}
_SIDES = (0.02, 0.005, 0.25)
"""Size of the first simplex along the settings; the intensity hardly depends on the last."""


class Optimum(NamedTuple):
    """Settings and the share of the transform limit that they give."""

    psi: tuple[float, float, float]
    share: float


def best(b_integral: float, compressor: tuple[float, float, float]) -> Optimum:
    """Return the best settings, from the file if they are kept there.

    Args:
        b_integral: the B-integral.
        compressor: GDD, TOD and FOD that the compressor takes away, in SI units.
    """
    kept = _kept().get(_key(b_integral, compressor))
    return kept if kept is not None else search(b_integral, compressor)


@lru_cache(maxsize=4096)
def search(b_integral: float, compressor: tuple[float, float, float]) -> Optimum:
    """Return the best settings that the searches find."""
    from scipy.optimize import minimize

    def shares(psi: Floats) -> Floats:
        rows = len(psi)
        inside = np.clip(psi, 0.0, 1.0)
        return evaluate(
            inside, np.full(rows, b_integral), np.tile(np.array(compressor), (rows, 1))
        ).share

    def climb(start: Floats) -> tuple[float, Floats]:
        result = minimize(
            lambda psi: -float(shares(psi[None])[0]),
            start,
            method="Nelder-Mead",
            options={"initial_simplex": _simplex(start), **_OPTIONS},
        )
        return -float(result.fun), np.clip(result.x, 0.0, 1.0)

    conjugate = setting(np.array(compressor))
    if b_integral == 0.0 and np.allclose(dispersion(conjugate), compressor, rtol=1e-12, atol=0.0):
        # Nothing but the sum of both phases counts, and it is zero.
        gdd, tod, fod = conjugate.tolist()
        return Optimum((gdd, tod, fod), 1.0)
    layers = _around(conjugate)
    starts = [layer[np.argmax(shares(layer))] for layer in layers]
    _, top = max((climb(start) for start in starts), key=lambda found: found[0])
    share, top = climb(top)
    gdd, tod, fod = top.tolist()
    return Optimum((gdd, tod, fod), share)


def _around(conjugate: Floats) -> list[Floats]:
    """Return the settings to scan: nonlinearity asks for more GDD and less TOD.

    The fourth order, on which little depends, is that of the conjugate, the least, and the most.
    """
    near = list(
        itertools.product(np.linspace(-0.01, 0.06, 10), np.linspace(-0.02, 0.01, 6), (0.0,))
    )
    layers = []
    for fod in (conjugate[2], 0.0, 1.0):
        layer = np.clip(conjugate + np.array(near), 0.0, 1.0)
        layer[:, 2] = fod
        layers.append(layer)
    return layers


def _simplex(point: Floats) -> Floats:
    """Return a simplex that points inwards from the bounds."""
    corners = np.tile(point, (4, 1))
    for axis, side in enumerate(_SIDES):
        corners[axis + 1, axis] += side if point[axis] < 0.5 else -side
    return corners


@cache
def _kept() -> dict[str, Optimum]:
    if not FILE.exists():
        return {}
    entries = read_json(FILE)
    return {key: Optimum((row[0], row[1], row[2]), row[3]) for key, row in entries.items()}


def _key(b_integral: float, compressor: tuple[float, float, float]) -> str:
    return " ".join(map(repr, (float(b_integral), *map(float, compressor))))


def keep(lasers: Iterable[tuple[float, tuple[float, float, float]]]) -> None:
    """Write the optima of lasers, given as B-integral and compressor, to the file."""
    found = {_key(*laser): search(*laser) for laser in lasers}
    rows = {key: [*optimum.psi, optimum.share] for key, optimum in found.items()}
    lines = ",\n".join(f'"{key}": {json.dumps(row)}' for key, row in rows.items())
    write_atomic(FILE, f"{{\n{lines}\n}}\n")


def main() -> None:
    """Find the optima of the fixed pools anew."""
    from drlapps.control.laser_pulse import instances

    published = [(b, COMPRESSOR) for b in (1.0, 2.0, 3.0)]
    pools = (instances.validation(), instances.test(), instances.shift())
    keep([*published, *((one.final_b, one.compressor) for pool in pools for one in pool)])


if __name__ == "__main__":
    main()
