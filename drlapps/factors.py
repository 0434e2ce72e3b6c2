"""What a sweep changes: parameters and their values, from the words of the command line."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drlapps import registry
from drlapps.errors import InputError, unknown
from drlapps.settings import parse
from drlapps.task import Task

EVERY = "decision_every"
"""What the steps from one decision to the next are called, among the parameters."""

COUNT, MOST_VALUES = 5, 200
"""How many values a range has, unless it says so, and how many there may be."""

_RANGE = re.compile(r"([^,/]+?)\.\.([^,/]+?)(?::(\d+))?")


@dataclass(frozen=True)
class Factor:
    """What is swept: a parameter, or the steps from one decision to the next.

    Attributes:
        parameter: its name.
        of: whose it is: ``policies``, ``environment`` or ``instances``.
        values: those it takes one after the other.
    """

    parameter: str
    of: str
    values: tuple[Any, ...]


def frequencies(words: Sequence[str]) -> Factor | None:
    """Return the factor of decision frequencies that words such as ``1,2,4`` name, if any do.

    Raises:
        InputError: one is no positive whole number, or comes twice.
    """
    values = [value for word in words for value in _values("every", word)]
    for value in values:
        if type(value) is not int or value < 1:
            raise InputError(f"--every takes whole numbers of steps from 1 on, not {value!r}")
    return _factor(EVERY, "policies", values) if values else None


def perturbations(task: Task, words: Sequence[str]) -> list[Factor]:
    """Return the factors that ``NAME=A..B``, ``NAME=A..B:COUNT`` or ``NAME=V,V,...`` name.

    Raises:
        InputError: a word has another form, the task has no such parameter, or it comes twice.
    """
    known = registry.parameters(task) if words else {}
    found: dict[str, Factor] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not text.strip():
            raise InputError(f"{word!r} is not of the form NAME=A..B, NAME=A..B:COUNT or NAME=V,V")
        if name not in known:
            raise unknown(f"parameter of {task.id}", name, known)
        if name in found:
            raise InputError(f"{name!r} is perturbed twice; name all its values at once")
        default = known[name].default
        whole = isinstance(default, int) and not isinstance(default, bool)
        values = _range(name, text, whole) or _values(name, text)
        found[name] = _factor(name, known[name].of, values)
    return list(found.values())


def _factor(name: str, of: str, values: Sequence[object]) -> Factor:
    if any(value in values[:place] for place, value in enumerate(values)):
        raise InputError(f"{name!r} takes a value twice")
    if len(values) > MOST_VALUES:
        raise InputError(f"{name!r} takes {len(values)} values; {MOST_VALUES} are the most")
    return Factor(name, of, tuple(values))


def _range(name: str, text: str, whole: bool) -> list[object]:
    """Return the evenly spaced values of ``A..B`` or ``A..B:COUNT``; none of other text.

    Args:
        name: of the parameter.
        text: the range.
        whole: whether the parameter takes whole numbers only.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return []
    first, last = _number(name, match[1]), _number(name, match[2])
    count = COUNT if match[3] is None else int(match[3])
    if not 2 <= count <= MOST_VALUES:
        raise InputError(f"{name}={text}: a range has 2 to {MOST_VALUES} values, not {count}")
    # Ten digits, so that 0.1 + 0.2 is called 0.3.
    spaced = [float(f"{value:.10g}") for value in np.linspace(first, last, count)]
    if isinstance(first, float) or isinstance(last, float):
        return list(spaced)
    if whole:
        return list(dict.fromkeys(round(value) for value in spaced))
    return [int(value) if value.is_integer() else value for value in spaced]


def _number(name: str, text: str) -> int | float:
    value = parse([f"{name}={text}"])[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name}: a range goes from a number to a number, not {text.strip()!r}")
    return value


def _values(name: str, text: str) -> list[object]:
    """Return the values between commas; a value may itself be a list in brackets."""
    values = parse([f"{name}=[{text}]"])[name]
    if isinstance(values, list):
        return values
    return [parse([f"{name}={word.strip()}"])[name] for word in text.split(",") if word.strip()]
