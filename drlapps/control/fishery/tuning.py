"""The search for the best parameters of harvest rules.

Those for the published models ship in ``data/tuned.json``, and are found anew by ::

    python -m drlapps.control.fishery.tuning

For all other models they are found, on fewer paths, when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps.control.fishery import kernels
from drlapps.control.fishery.stocks import MODELS, StockModel
from drlapps.files import read_json, write_json

RULES = {
    "constant-mortality": kernels.MORTALITY,
    "constant-escapement": kernels.ESCAPEMENT,
    "harvest-rule": kernels.LOGISTIC,
}

SHIPPED = Path(__file__).parent / "data" / "tuned.json"

PATHS, EVALUATIONS = 1024, 1000
"""Paths and evaluations of a search on the fly."""

_SHIPPED_PATHS, _SHIPPED_EVALUATIONS = 2048, 1500
_STREAM, _DRAWN, _POPULATION = 0xF15, 64, 16

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tuned:
    """The best parameters found.

    Attributes:
        parameters: a row a fished species, as for :func:`.kernels.play`.
        mean_return: over the paths of the search.
    """

    parameters: Floats
    mean_return: float


@cache
def tuned(model: StockModel, rule: str) -> Tuned:
    """Return the best known parameters of a rule for a model: those shipped, or a search's."""
    found = _shipped().get(model.hash, {}).get(rule)
    if found is not None:
        return Tuned(np.array(found["parameters"]), found["mean_return"])
    return search(model, rule)


@cache
def _shipped() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the shipped parameters by the model's hash and the rule."""
    if not SHIPPED.exists():
        return {}
    return {entry["hash"]: entry["rules"] for entry in read_json(SHIPPED)["models"].values()}


@cache
def search(
    model: StockModel, rule: str, paths: int = PATHS, evaluations: int = EVALUATIONS
) -> Tuned:
    """Search the best parameters of a rule, on paths that no pool has.

    A constant rule starts from the best of random parameters, the logistic one from the best
    constant mortality, which it equals where all weights are 0. CMA-ES (Hansen & Ostermeier 2001)
    goes on from there: at first on an eighth of the paths, on which parameters fit the luck too
    well, then for a quarter of the evaluations and in small steps on all.

    Args:
        model: the fishery.
        rule: one of :data:`RULES`.
        paths: on which parameters are compared, the same for all.
        evaluations: of parameters, at most, before the last quarter; of a constant rule a quarter
            of them.
    """
    rng = np.random.default_rng(_STREAM)
    luck = rng.standard_normal((paths, model.years, len(model.species)))
    limits = np.array([model.threshold, model.penalty])
    kind, fished = RULES[rule], len(model.harvested)
    scale = model.initial[model.harvested, None]

    def of(vector: Floats) -> Floats:
        if kind == kernels.LOGISTIC:
            return vector
        return np.asarray(scale * np.exp(vector) if kind else 1.0 / (1.0 + np.exp(-vector)))

    def earned(vector: Floats, paths: int) -> float:
        returns = kernels.play(
            model.coefficients, limits, model.initial, model.harvested, luck[:paths], kind,
            of(vector),
        )  # fmt: skip
        return float(returns.mean())

    few = max(paths // 8, 1)
    if kind == kernels.LOGISTIC:
        constant = search(model, "constant-mortality", paths, evaluations).parameters
        start = np.zeros((fished, 1 + len(model.species)))
        start[:, :1] = np.log(constant / (1.0 - constant))
    else:
        evaluations //= 4
        drawn = rng.uniform(-4.0, 2.0, (_DRAWN, fished, 1))
        start = max(drawn, key=lambda vector: earned(vector, few))
    start = _climb(lambda vector: earned(vector, few), start, evaluations, 0.5)
    start = _climb(lambda vector: earned(vector, paths), start, evaluations // 4, 0.1)
    return Tuned(of(start), earned(start, paths))


def _climb(
    earned: Callable[[Floats], float], start: Floats, evaluations: int, sigma: float
) -> Floats:
    """Return the best vector that CMA-ES meets from ``start`` on, itself included."""
    from cmaes import CMA

    best, most = start, earned(start)
    # CMA-ES needs two dimensions: a rule of one parameter gets one without effect.
    mean = np.append(start.ravel(), 0.0) if start.size == 1 else start.ravel()
    optimizer = CMA(mean, sigma, seed=_STREAM, population_size=_POPULATION)
    for _ in range(evaluations // _POPULATION):
        told = []
        for asked in [optimizer.ask() for _ in range(_POPULATION)]:
            vector = asked[: start.size].reshape(start.shape)
            value = earned(vector)
            told.append((asked, -value))
            if value > most:
                best, most = vector, value
        optimizer.tell(told)
        if optimizer.should_stop():
            break
    return best


def main() -> None:
    """Search the parameters for the published models, and write the file that ships."""
    models = {}
    for name, make in MODELS.items():
        model = make()
        rules = {}
        for rule in RULES:
            found = search(model, rule, _SHIPPED_PATHS, _SHIPPED_EVALUATIONS)
            rules[rule] = {
                "parameters": np.round(found.parameters, 6),
                "mean_return": round(found.mean_return, 4),
            }
            print(f"{name} {rule}: {found.mean_return:.3f} {found.parameters.tolist()}", flush=True)
        models[name] = {"hash": model.hash, "rules": rules}
    command = "python -m drlapps.control.fishery.tuning"
    write_json(SHIPPED, {"command": command, "paths": _SHIPPED_PATHS, "models": models})


if __name__ == "__main__":
    main()
