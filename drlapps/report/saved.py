"""Reading a saved comparison: it is whole, or one sentence says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from drlapps import files
from drlapps.errors import InputError

Shape: TypeAlias = Any
"""What a JSON value must look like: a type; a mapping of shapes (under ``EACH``, that of all its
values); a list with the shape of all elements, or with one shape for each; or ``Maybe``."""

EACH = "*"


class Maybe(NamedTuple):
    """A shape, or null."""

    shape: Shape


_NUMBER = Maybe(float)
_INTERVAL = Maybe([_NUMBER, _NUMBER])
_SECONDS = {"plan": _NUMBER, "act": _NUMBER}
_POLICY = {
    "name": str, "kind": str, "information": str, "bound": bool, "seeds": Maybe(int),
    "mean": _NUMBER, "interval": _INTERVAL, "gap_percent": _NUMBER, "gap_interval": _INTERVAL,
    "worst_decile": _NUMBER, "feasible_rate": float, "statuses": {EACH: int}, "seconds": _SECONDS,
    "train_cpu_seconds": _NUMBER,
}  # fmt: skip
_VERDICT = {
    "agent": str, "baseline": str, "difference": _NUMBER, "interval": _INTERVAL,
    "p_holm": _NUMBER, "win_rate": _NUMBER, "verdict": str,
}  # fmt: skip
_RESULT = {
    "policy": str, "instance": str, "metric": {"value": _NUMBER}, "feasible": bool, "status": str,
    "reference": _NUMBER, "gap_percent": _NUMBER, "seconds": _SECONDS,
    "incumbents": [[float, float]],
}  # fmt: skip
_AGGREGATES = {
    "iqm": {EACH: {"value": _NUMBER, "interval": _INTERVAL}},
    "profiles": {"tau": [float], "share": {EACH: [float]}},
    "probability_of_improvement": [
        {"agent": str, "over": str, "probability": _NUMBER, "interval": _INTERVAL}
    ],
}
_COMPARISON = {
    "task": str, "pool": str, "instances": [str],
    "metric": {"name": str, "unit": str, "minimize": bool}, "reference": Maybe(str),
    "difference_unit": str, "budget_seconds": _NUMBER, "policies": [_POLICY],
    "verdicts": [_VERDICT], "aggregates": Maybe(_AGGREGATES), "results": [_RESULT],
}  # fmt: skip
_PROBLEM = {
    "name": str, "instances": int,
    "policies": {EACH: {"mean": _NUMBER, "interval": _INTERVAL, "gap_percent": _NUMBER}},
}  # fmt: skip
_MOMENT = {"seconds": float, "policies": [_POLICY], "verdicts": [_VERDICT]}
_FIGURE = {"title": str, "spec": {}}


def load(path: str | Path) -> dict[str, Any]:
    """Read the comparison that ``drlapps compare --json`` wrote.

    Raises:
        InputError: the file is missing, not JSON or no comparison; names what is missing in it.
    """
    comparison = files.read_json(path)
    try:
        _check(comparison, _COMPARISON, "")
        # Comparisons saved by earlier versions lack these.
        _check(comparison.get("problems", []), [_PROBLEM], "problems")
        _check(comparison.get("moments", []), [_MOMENT], "moments")
        _check(comparison.get("figures", []), [_FIGURE], "figures")
        _check_names(comparison)
    except _Mismatch as error:
        raise InputError(f"{path} is not a comparison saved by drlapps: {error}") from None
    return dict(comparison)


class _Mismatch(Exception):
    """The sentence that says what is not as it must be."""


def _check(value: object, shape: Shape, where: str) -> None:
    """Raise unless a JSON value has a shape."""
    if isinstance(shape, Maybe):
        if value is not None:
            _check(value, shape.shape, where)
    elif isinstance(shape, dict):
        _expect(isinstance(value, dict), where, "an object")
        assert isinstance(value, dict)
        inner = {key: shape[EACH] for key in value} if EACH in shape else shape
        prefix = f"{where}." if where else ""
        for key, part in inner.items():
            if key not in value:
                raise _Mismatch(f"{prefix}{key} is missing")
            _check(value[key], part, f"{prefix}{key}")
    elif isinstance(shape, list):
        fixed = len(shape) > 1
        kind = f"a list of {len(shape)}" if fixed else "a list"
        _expect(isinstance(value, list) and (not fixed or len(value) == len(shape)), where, kind)
        assert isinstance(value, list)
        for index, element in enumerate(value):
            _check(element, shape[index if fixed else 0], f"{where}[{index}]")
    else:
        types = (int, float) if shape is float else shape
        right = isinstance(value, types) and (shape is bool or not isinstance(value, bool))
        names = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
        _expect(right, where, names[shape])


def _expect(right: bool, where: str, kind: str) -> None:
    if not right:
        raise _Mismatch(f"{where or 'its content'} is not {kind}")


def _check_names(comparison: Mapping[str, Any]) -> None:
    """Raise unless all parts speak of the same policies and instances."""
    policies = {policy["name"] for policy in comparison["policies"]}
    instances = set(comparison["instances"])
    if not policies or not instances:
        raise _Mismatch("it has no policies or no instances")
    aggregates = comparison["aggregates"] or {"iqm": {}, "profiles": {"share": {}}}
    used = [verdict[side] for verdict in comparison["verdicts"] for side in ("agent", "baseline")]
    used += [result["policy"] for result in comparison["results"]]
    used += [*aggregates["iqm"], *aggregates["profiles"]["share"]]
    for moment in comparison.get("moments", []):
        if {policy["name"] for policy in moment["policies"]} != policies:
            raise _Mismatch(
                f"after {moment['seconds']:g} s there are other policies than at the end"
            )
        pairs = [(v["agent"], v["baseline"]) for v in moment["verdicts"]]
        if pairs != [(v["agent"], v["baseline"]) for v in comparison["verdicts"]]:
            raise _Mismatch(
                f"after {moment['seconds']:g} s there are other verdicts than at the end"
            )
    for problem in comparison.get("problems", []):
        used += problem["policies"]
        if missing := policies - set(problem["policies"]):
            raise _Mismatch(f"problem {problem['name']!r} lacks the policy {min(missing)!r}")
    if strange := set(used) - policies:
        raise _Mismatch(f"policies has no {min(strange)!r}, which other parts name")
    if strange := {result["instance"] for result in comparison["results"]} - instances:
        raise _Mismatch(f"instances has no {min(strange)!r}, which results name")
