"""The instance: its blocks, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.grid import cases
from drlapps.errors import InputError

IEEE33 = cases.load("ieee33")


def lines(*names: int) -> tuple[int, ...]:
    return tuple(name - 1 for name in names)


def test_blocks_of_the_33_bus_feeder() -> None:
    """Branch 5 feeds bus 6 and all beyond; branch 28, below it, bus 29; branch 20 bus 21."""
    damage = Damage("d", IEEE33, lines(5, 28, 20), (1.0, 2.0, 3.0), switching=True)
    blocks = damage.blocks
    assert blocks.upper.tolist() == [0, 1, 0]
    # Loads in kW: buses 6-18 and 26-28; 29-33; 21-22 (Baran & Wu 1989).
    trunk = 60 + 200 + 200 + 60 + 60 + 45 + 60 + 60 + 120 + 60 + 60 + 60 + 90 + 60 + 60 + 60
    assert blocks.weight[1:] == pytest.approx([trunk, 120 + 200 + 150 + 210 + 60, 180])
    assert blocks.weight.sum() == pytest.approx(3715)
    # Ties 33 to 37 join 8-21, 9-15, 12-22, 18-33 and 25-29; the second stays within a block.
    assert (blocks.ties + 1).tolist() == [33, 35, 36, 37]
    assert blocks.tie_ends.tolist() == [[1, 3], [1, 3], [1, 2], [0, 2]]
    assert len(replace(damage, switching=False).blocks.ties) == 0


def test_the_hash_is_that_of_the_problem() -> None:
    damage = Damage("d", IEEE33, lines(5, 28), (1.0, 2.0))
    assert damage.hash == replace(damage, name="e", best_known=3.0).hash
    # Without switching no voltage matters.
    assert damage.hash == replace(damage, min_voltage=0.8).hash
    others = [
        replace(damage, hours=(1.0, 3.0)),
        replace(damage, crews=2),
        replace(damage, switching=True),
        replace(damage, travel=((0, 1, 1), (1, 0, 1), (1, 1, 0))),
    ]
    assert len({damage.hash, *(other.hash for other in others)}) == 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lines": ()}, "no line is damaged"),
        ({"lines": lines(5, 99)}, "no branch 99"),
        ({"lines": lines(5, 33)}, "branch 33 of ieee33 is open in normal operation"),
        ({"lines": lines(5, 5)}, "named twice"),
        ({"hours": (1.0,)}, "2 damaged lines have 1 repair times"),
        ({"hours": (1.0, 0.0)}, "line 28 must take more than 0 hours, not 0.0"),
        ({"hours": (1.0, float("nan"))}, "not nan"),
        ({"crews": 0}, "crews must be a whole number above 0, not 0"),
        ({"travel": ((0.0, 1.0), (1.0, 0.0))}, "travel needs 3 rows of 3 times"),
        ({"travel": ((0, 1, 1), (1, 2, 1), (1, 1, 0))}, "row 2 of travel"),
        ({"switching": True, "min_voltage": 0.95}, "has 0.913 pu in normal operation"),
        ({"switching": True, "min_voltage": 1.2}, "must lie between 0 and the source's 1.0"),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(Damage("d", IEEE33, lines(5, 28), (1.0, 2.0)), **changes)
