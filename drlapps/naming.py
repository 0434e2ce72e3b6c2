"""How instances are named on the command line: words, commas between them, numbered paths.

Where randomness makes many instances of one problem, its path ``K`` is called ``PROBLEM:K``, a
range of paths ``PROBLEM:A..B``, and ``PROBLEM`` alone is path 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from drlapps.errors import InputError
from drlapps.vector import Instance

MOST_PATHS = 100_000
"""Longest range of paths, so that a mistyped one cannot fill the memory."""

Path = TypeVar("Path", bound=Instance)

_RANGE = re.compile(r"(.+):(\d+)(?:\.\.(\d+))?")


def parts(words: Iterable[str]) -> list[str]:
    """Return the words, split at commas."""
    words = [words] if isinstance(words, str) else words
    return [part.strip() for word in words for part in word.split(",")]


def numbered(word: str) -> tuple[str, int, int | None]:
    """Return the name, first and last number of ``NAME:A..B``; no last one where none is given."""
    match = _RANGE.fullmatch(word)
    if match is None:
        return word, 0, None
    return match[1], int(match[2]), None if match[3] is None else int(match[3])


def problem(name: str) -> str:
    """Return the problem of which an instance is a numbered path; its own name if it is none."""
    of, _, last = numbered(name)
    return of if last is None else name


def span(word: str, first: int, last: int | None) -> range:
    """Return the numbers of the paths that a word names.

    Raises:
        InputError: they are none, or too many.
    """
    numbers = range(first, (first if last is None else last) + 1)
    if not 0 < len(numbers) <= MOST_PATHS:
        raise InputError(f"{word!r} is no range of at most {MOST_PATHS} paths")
    return numbers


def paths(
    words: Iterable[str], fixed: Iterable[Path], path: Callable[[str, int], Path]
) -> list[Path]:
    """Return the instances that the given words name, in their order.

    Args:
        words: names, ranges, or several of them with commas between.
        fixed: instances that are called by their own names; what is path 0 of its problem, by the
            problem's alone too.
        path: makes the numbered path of a problem.

    Raises:
        InputError: a range is empty or too long, or ``path`` refuses a problem.
    """
    known = {
        name: instance
        for instance in fixed
        for name in (instance.name, instance.name.removesuffix(":0"))
    }
    found: list[Path] = []
    for word in parts(words):
        if word in known:
            found.append(known[word])
        else:
            name, first, last = numbered(word)
            found += [path(name, number) for number in span(word, first, last)]
    return found
