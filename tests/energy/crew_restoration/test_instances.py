"""Pools, names and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drlapps.energy.crew_restoration import instances
from drlapps.energy.crew_restoration.horn import Horn
from drlapps.energy.crew_restoration.instances import TESTED, named, train
from drlapps.energy.crew_restoration.scenarios import KM_PER_HOUR, OHM_PER_KM, Site
from drlapps.energy.grid import cases
from drlapps.errors import InputError


def test_names_say_what_is_drawn() -> None:
    plain, moving, both = named(["ieee33:crews-2:7", "zhang118:crews-4-lines-9-travel:1..2"])
    assert (len(plain.lines), plain.crews, plain.travels, plain.switching) == (8, 2, False, False)
    assert (len(both.lines), both.crews, both.travels, both.switching) == (9, 4, True, False)
    assert moving.name == "zhang118:crews-4-lines-9-travel:1"
    assert moving.lines != both.lines
    assert all(hours in range(1, 9) for hours in plain.hours)
    assert {bus.weight for bus in plain.feeder.buses} == {1.0, 10.0}
    assert named(["ieee33:crews-2"])[0].hash == named(["ieee33:crews-2:0"])[0].hash
    assert named(["ieee69:crews-1-switching"])[0].switching


def test_settings_change_named_instances() -> None:
    damage = named(["ieee33:crews-2-switching:7"], crews=5, min_voltage=0.85)[0]
    assert (damage.crews, damage.min_voltage) == (5, 0.85)
    assert damage.best_known is None
    assert named(["ieee33:crews-2:7"], crews=2)[0].best_known is not None
    # With one crew the optimum is Horn's.
    alone = named(["ieee33:crews-2:7"], crews=1)[0]
    assert alone.best_known == alone.lower_bound == Horn().solve(alone, 0).bound


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("ieee33", "names no damage; say FEEDER:crews-M"),
        ("ieee33:crew-2:1", "names no damage"),
        ("ieee34:crews-2:1", "unknown feeder 'ieee34'; did you mean ieee33"),
        ("ieee33:crews-2-lines-33:1", "ieee33 has 32 lines to be damaged"),
        ("ieee33:crews-0:1", "crews must be a whole number above 0"),
        ("zhang118:crews-2-switching:1", "has 0.869 pu in normal operation"),
    ],
)
def test_names_that_are_none_are_refused(word: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        named([word])


def test_the_pools_are_on_record() -> None:
    for damage in (*instances.test(), *instances.validation()):
        assert damage.best_known is not None
        assert damage.lower_bound is not None
        assert 0 <= damage.lower_bound <= damage.best_known
    assert len(instances.test()) == 8 * len(TESTED)
    # Without travel and switching the optimum is known, but for two damages of zhang118.
    plain = [d for d in instances.test() if not d.travels and not d.switching]
    gaps = [(d.best_known or 0.0) / (d.lower_bound or 1.0) - 1.0 for d in plain]
    assert max(gaps) < 0.01
    assert sum(gap < 1e-6 for gap in gaps) >= 30
    assert all(d.crews > 1 for d in instances.test())
    assert all(toy.best_known for toy in instances.toy())


def test_training_follows_its_settings() -> None:
    pool = train(lines=[5, 7], crews=3, travel=1.0, switching=0.0, feeders=4)
    rng = np.random.default_rng(0)
    drawn = [pool.sample(rng) for _ in range(20)]
    assert {len(d.lines) for d in drawn} == {5, 6, 7}
    assert {d.crews for d in drawn} == {3}
    assert all(d.travels and not d.switching for d in drawn)
    largest = pool.largest()
    assert len(largest.lines) == 7
    assert len(largest.feeder.buses) >= max(len(d.feeder.buses) for d in drawn)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"travel": 1.5}, "travel is a probability"),
        ({"feeders": 0}, "feeders must be"),
        ({"lines": [5, 4]}, "no range of numbers"),
        ({"crews": "two"}, "crews needs one whole number or two"),
    ],
)
def test_impossible_settings_are_named(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        train(**settings)  # type: ignore[arg-type]


def test_ways_lead_along_the_branches() -> None:
    """IEEE 33, lines 1 and 2 in a row from the source: half the first, half the second beyond."""
    feeder = cases.load("ieee33")
    km = [branch.x_ohm / OHM_PER_KM for branch in feeder.branches]
    travel = np.array(Site(feeder).travel_times(np.array([0, 1])))
    expected = np.array([km[0] / 2, km[0] + km[1] / 2, km[0] / 2 + km[1] / 2]) / KM_PER_HOUR
    assert [travel[0, 1], travel[0, 2], travel[1, 2]] == pytest.approx(expected, abs=0.005)
    every = np.array(Site(feeder).travel_times(np.arange(32)))
    assert np.array_equal(every, every.T)
    # No detour is shorter, but for rounding.
    assert (every[:, None, :] <= every[:, :, None] + every[None, :, :] + 0.02).all()


TOML = """
feeder = "ieee33"
crews = 3
switching = true
min_voltage = 0.91
travel = [[0, 0.5, 1], [0.5, 0, 0.7], [1, 0.7, 0]]
[damage]
"7" = 4.5
"12" = 2
"""


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "storm.toml"
    path.write_text(TOML)
    damage = named([str(path)])[0]
    assert (damage.name, damage.crews, damage.switching) == ("storm", 3, True)
    assert damage.line_names == ["7", "12"]
    assert damage.hours == (4.5, 2.0)
    assert damage.travel[1] == (0.5, 0.0, 0.7)
    (tmp_path / "list.csv").write_text("branch,hours\n7,4.5\n12,2\n")
    lean = "\n".join(TOML.splitlines()[:6]) + '\ndamage = "list.csv"\n'
    path.write_text(lean)
    assert named([str(path)])[0].hash == damage.hash


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ieee33", "ieee32", "unknown feeder 'ieee32'"),
        ('"ieee33"', "3", "feeder must be the name of a feeder or a path"),
        ("crews = 3", "crew = 3", "unknown key of .* 'crew'; did you mean crews"),
        ("crews = 3", "crews = 2.5", "crews must be a whole number"),
        ("crews = 3", "crews =", "is no TOML"),
        ("true", '"yes"', "switching must be true or false, not 'yes'"),
        ("0.91", '"low"', "min_voltage must be a number, not 'low'"),
        ('"12" = 2', '"99" = 2', "unknown branch of ieee33 in"),
        ('"12" = 2', '"12" = "long"', "branch 12 must be a number, not 'long'"),
        ("[1, 0.7, 0]", "1", "travel must be a list of rows"),
        ('[damage]\n"7" = 4.5\n"12" = 2', "", "damage must be a table of hours by branch"),
        (
            '[damage]\n"7" = 4.5\n"12" = 2',
            'damage = "bad.csv"',
            "needs the columns branch and hours",
        ),
        ('[damage]\n"7" = 4.5\n"12" = 2', 'damage = "twice.csv"', "names branch 7 twice"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "bad.csv").write_text("line,hours\n7,2\n")
    (tmp_path / "twice.csv").write_text("branch,hours\n7,2\n7,3\n")
    path = tmp_path / "storm.toml"
    assert old in TOML
    path.write_text(TOML.replace(old, new))
    with pytest.raises(InputError, match=words):
        named([str(path)])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        named([str(tmp_path / "none.toml")])
