"""Words of the command line become instances."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from drlapps import naming
from drlapps.errors import InputError, unknown


@dataclass(frozen=True)
class Path:
    name: str
    hash: str = ""
    reference: float | None = None
    bound: float | None = None


def path(problem: str, number: int) -> Path:
    if problem != "coin":
        raise unknown("problem", problem, ["coin"])
    return Path(f"{problem}:{number}")


TOYS = (Path("toy:3"), Path("coin"), Path("dice:0"))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["coin:2"], ["coin:2"]),
        (["coin:0..2"], ["coin:0", "coin:1", "coin:2"]),
        (["coin:0..0, coin:7", "coin:5"], ["coin:0", "coin:7", "coin:5"]),
        ("coin:1,coin:2", ["coin:1", "coin:2"]),
        # What stands by its own name goes before the numbers.
        (["toy:3", "coin"], ["toy:3", "coin"]),
        (["dice", "dice:0"], ["dice:0", "dice:0"]),
    ],
)
def test_words_name_instances_in_their_order(words: list[str] | str, found: list[str]) -> None:
    assert [instance.name for instance in naming.paths(words, TOYS, path)] == found


def test_a_problem_alone_is_its_first_path() -> None:
    assert naming.paths(["coin"], (), path) == [Path("coin:0")]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("coin:2", "coin"),
        ("ring:error-5:2", "ring:error-5"),
        ("ring:error-5", "ring:error-5"),
        ("coin", "coin"),
        # Days of a stretch of history are no path of it.
        ("coin:5400..5651", "coin:5400..5651"),
        ("coin:2011-01-01..2011-12-31", "coin:2011-01-01..2011-12-31"),
    ],
)
def test_numbered_paths_belong_to_a_problem(name: str, problem: str) -> None:
    assert naming.problem(name) == problem


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("coin:3..2", "is no range of at most 100000 paths"),
        ("coin:0..100000", "is no range of at most 100000 paths"),
        ("coins:1", "did you mean coin"),
        ("", "unknown problem"),
    ],
)
def test_wrong_words_are_explained(word: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        naming.paths([word], TOYS, path)
