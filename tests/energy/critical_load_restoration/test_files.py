"""Outages of one's own, from TOML files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drlapps.energy.critical_load_restoration import instances
from drlapps.errors import InputError

ISLAND = """
feeder = "ieee33"
initial_kwh = 900
error = 0.1
weather = "weather.csv"
drop_penalty = 50

[turbine]
bus = "12"
p_kw = 500
fuel_kwh = 1500

[battery]
bus = "6"

[[plant]]
name = "pv"
bus = "18"
source = "solar"
p_kw = 300

[[load]]
name = "hospital"
bus = "25"
p_kw = 120
q_kvar = 50
"""


def write(folder: Path, text: str = ISLAND, weather: str = "solar,wind\n0,0.5\n0.25,1\n") -> str:
    (folder / "weather.csv").write_text(weather)
    (folder / "mine.toml").write_text(text)
    return str(folder / "mine.toml")


def test_a_file_describes_an_outage(tmp_path: Path) -> None:
    word = write(tmp_path)
    (outage,) = instances.named([word])
    grid = outage.microgrid
    assert outage.name == "mine:error-10:0"
    assert (outage.initial_kwh, outage.error, grid.drop_penalty) == (900.0, 0.1, 50.0)
    assert (grid.turbine.p_kw, grid.battery.p_kw, grid.feeder.source) == (500, 250.0, "6")
    assert [load.name for load in grid.loads] == ["hospital"]
    assert np.array_equal(outage.solar_kw, [0.0, 75.0])
    assert np.array_equal(outage.wind_kw, [0.0, 0.0])
    assert np.array_equal(outage.weather.clear, [0.0, 1.0])
    (other,) = instances.named([f"{word}:error-25:3"])
    assert (other.name, other.error) == ("mine:error-25:3", 0.25)
    assert other.truth_hash == outage.truth_hash


def test_what_a_file_leaves_open_is_drawn(tmp_path: Path) -> None:
    lines = [
        line for line in ISLAND.splitlines() if not line.startswith(("initial", "weather", "error"))
    ]
    text = "\n".join(lines).partition("[[load]]")[0]
    first, second = instances.named([write(tmp_path, text) + ":0..1"])
    assert first.steps == 72
    assert first.error == 0.0
    assert first.initial_kwh != second.initial_kwh
    assert not np.array_equal(first.weather.wind, second.weather.wind)
    assert len(first.microgrid.loads) == 32


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('feeder = "ieee33"', "", "there is no feeder"),
        ('feeder = "ieee33"', 'feeder = "nowhere.json"', "nowhere.json"),
        ("[turbine]", "[turbin]", "turbin"),
        ('bus = "12"', "bus = 12", "the turbine: bus must be a text, not 12"),
        ('bus = "12"', 'bus = "99"', "99"),
        ("p_kw = 300", "kw = 300", "plant pv"),
        ("p_kw = 300", "", "plant pv has no p_kw"),
        ("[[plant]]", "[plant]", r"write \[\[plant\]\] above each"),
        ("error = 0.1", 'error = "much"', "error must be a number"),
        ("error = 0.1", "error = 3", "error must be between 0 and 1"),
        ("initial_kwh = 900", "initial_kwh = 9000", "between 160 and 1250"),
        ("drop_penalty = 50", "step_minutes = 0", "step_minutes must be above 0"),
        ('"weather.csv"', '"none.csv"', "none.csv"),
        ("feeder =", "feeder", "no TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in ISLAND
    with pytest.raises(InputError, match=sentence) as caught:
        instances.named([write(tmp_path, ISLAND.replace(old, new, 1))])
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("weather", "sentence"),
    [
        ("solar\n0.5\n", "no column wind"),
        ("solar,wind\n0.5,2\n", "row 2: wind must be a number from 0 to 1, not '2'"),
        ("solar,wind\n0.5,\n", "row 2: wind"),
        ("solar,wind\n", "has 0 rows"),
        ("solar,wind,clear\n0.5,0,0.6\n0.5,0,0.4\n", "row 3 solar exceeds clear"),
    ],
)
def test_wrong_weather_is_named(tmp_path: Path, weather: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        instances.named([write(tmp_path, weather=weather)])
