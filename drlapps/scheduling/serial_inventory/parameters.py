"""The parameters of a serial problem, as files and ``--set`` give them.

================== =================================================================================
parameter          value
================== =================================================================================
``lead_times``     periods, stage 1 (with the customers) first: a list, ``"1,1,2"``, or one number
                   for every stage
``holding``        echelon holding cost rates, likewise
``local_holding``  local ones instead: of a unit at each stage
``penalty``        per unit backordered at the end of a period
``demand``         a table such as ``{law = "poisson", mean = 5}``, or the law's name alone
``mean``, ``sd``   of the demand, where that is a name or already known
``stages``         how many, where no list says so
================== =================================================================================

A file, TOML or JSON, needs ``lead_times``, a holding cost, ``penalty`` and ``demand``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.demand import (
    Constant,
    Demand,
    Geometric,
    NegativeBinomial,
    Normal,
    Poisson,
    RoundedNormal,
    parse_demand,
)
from drlapps.scheduling.inventory.files import read_table
from drlapps.scheduling.serial_inventory.problem import SerialProblem, echelon_rates

NAMES = (
    "lead_times", "holding", "local_holding", "penalty", "demand", "mean", "sd", "stages",
)  # fmt: skip

_LAWS: Mapping[type[Demand], str] = {
    Normal: "normal",
    RoundedNormal: "rounded-normal",
    Poisson: "poisson",
    Geometric: "geometric",
    NegativeBinomial: "negative-binomial",
    Constant: "constant",
}
"""The laws that a mean and a standard deviation make."""


def changes(*values: object) -> dict[str, object]:
    """Return the parameters that are not ``None`` by name, from values in the order of the names.

    Raises:
        InputError: holding costs are given twice.
    """
    found = {name: value for name, value in zip(NAMES, values, strict=True) if value is not None}
    if "holding" in found and "local_holding" in found:
        raise InputError("give echelon rates as holding or local ones as local_holding, not both")
    return found


def read_problem(file: Path) -> SerialProblem:
    """Return the problem in a file.

    Raises:
        InputError: the file is missing, malformed, or holds no serial problem.
    """
    table = read_table(file)
    for name in table:
        if name not in NAMES:
            raise unknown(f"parameter in {file}", name, NAMES)
    wanted = changes(*(table.get(name) for name in NAMES))
    try:
        return changed(None, wanted, file.parent)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def changed(
    base: SerialProblem | None, wanted: Mapping[str, object], folder: Path = Path()
) -> SerialProblem:
    """Return a problem with some of its parameters replaced.

    Args:
        base: the problem; ``None`` where all parameters must be given.
        wanted: the new values.
        folder: where the paths of CSV files of demand start.

    Raises:
        InputError: a parameter is missing or impossible.
    """
    if not wanted and base is not None:
        return base
    lists: dict[str, list[float]] = {}
    for name in ("lead_times", "holding", "local_holding"):
        if name in wanted:
            lists[name] = _numbers(name, wanted[name])
    if base is not None:
        lists.setdefault("lead_times", [*base.lead_times])
        if "local_holding" not in lists:
            lists.setdefault("holding", [*base.holding])
    elif "lead_times" not in lists or len(lists) < 2:
        raise InputError("a serial problem needs lead_times and holding or local_holding")
    spread = _spread(lists, wanted.get("stages"))
    rates = spread["holding"] if "holding" in spread else echelon_rates(spread["local_holding"])
    penalty = wanted.get("penalty", base.penalty if base else None)
    if penalty is None:
        raise InputError("a serial problem needs a penalty")
    demand = _demand(base.demand if base else None, wanted, folder)
    lead_times = tuple(int(each) if each == int(each) else each for each in spread["lead_times"])
    return SerialProblem(lead_times, tuple(rates), penalty, demand)  # type: ignore[arg-type]


def _numbers(name: str, value: object) -> list[float]:
    """Return one number, a list of them, or words between commas, as a list."""
    split = value.split(",") if isinstance(value, str) else value
    values: list[Any] = list(split) if isinstance(split, list | tuple) else [split]
    try:
        found = [float(each) for each in values if not isinstance(each, bool)]
    except (TypeError, ValueError):
        found = []
    if not found or len(found) != len(values) or not all(map(math.isfinite, found)):
        raise InputError(f"{name} must be numbers such as 1,1,2, not {value!r}")
    return found


def _spread(lists: Mapping[str, list[float]], stages: object) -> dict[str, list[float]]:
    """Return lists that all have one entry a stage; one entry alone is that of every stage."""
    if stages is not None and (isinstance(stages, bool) or not isinstance(stages, int)):
        raise InputError(f"stages must be a whole number, not {stages!r}")
    count = stages if stages is not None else max(map(len, lists.values()))
    for name, values in lists.items():
        if len(values) not in (1, count):
            raise InputError(
                f"{name} has {len(values)} entries for {count} stages; give one for each stage"
            )
    return {name: values * (count if len(values) == 1 else 1) for name, values in lists.items()}


def _demand(base: Demand | None, wanted: Mapping[str, object], folder: Path) -> Demand:
    """Return the demand of a table, or of a law's name with a mean and a standard deviation."""
    given = wanted.get("demand")
    if isinstance(given, Mapping):
        for name in ("mean", "sd"):
            if name in wanted:
                raise InputError(f"{name} belongs into the table of the demand")
        return parse_demand(given, "demand", folder)
    if given is None and base is None:
        raise InputError("a serial problem needs a demand such as {law = 'poisson', mean = 5}")
    if given is None and not {"mean", "sd"} & wanted.keys():
        assert base is not None
        return base
    law = str(given) if base is None or given is not None else _LAWS.get(type(base), "")
    if law not in _LAWS.values():
        raise unknown("law of demand (others need a table)", law, _LAWS.values())
    mean = wanted.get("mean", base.mean if base else None)
    sd = wanted.get("sd", math.sqrt(base.variance) if base else None)
    table: dict[str, object] = {"law": law}
    table |= {"value": mean} if law == "constant" else {"mean": mean}
    if law in ("normal", "rounded-normal"):
        table["sd"] = sd
    elif law == "negative-binomial":
        table["variance"] = sd**2 if isinstance(sd, int | float) else sd
    elif "sd" in wanted:
        raise InputError(f"sd cannot be set for {law} demand, which follows from its mean")
    for name in ("mean", "value", "sd", "variance"):
        if name in table and table[name] is None:
            raise InputError(f"{law} demand needs {'sd' if name == 'variance' else name}")
    return parse_demand(table, "demand", folder)
