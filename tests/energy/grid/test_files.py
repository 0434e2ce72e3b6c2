from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid.cases import DATA, critical, load, names
from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.grid.files import read, write
from drlapps.errors import InputError

BUSES = """bus,p_kw,q_kvar,source_kv,weight
sub,0,0,12.66,
north,120,60,,3
south,80,40,,
"""
BRANCHES = """branch,from_bus,to_bus,r_ohm,x_ohm,normally_open
1,sub,north,0.4,0.2,
2,sub,south,0.3,0.1,
3,north,south,0.5,0.5,1
"""


def pair(folder: Path, buses: str = BUSES, branches: str = BRANCHES) -> Path:
    (folder / "buses.csv").write_text(buses)
    (folder / "branches.csv").write_text(branches)
    return folder


def test_two_tables_make_a_feeder(tmp_path: Path) -> None:
    feeder = read(pair(tmp_path))
    assert feeder == Feeder(
        tmp_path.name,
        (Bus("sub"), Bus("north", 120.0, 60.0, 3.0), Bus("south", 80.0, 40.0)),
        (
            Branch("1", "sub", "north", 0.4, 0.2),
            Branch("2", "sub", "south", 0.3, 0.1),
            Branch("3", "north", "south", 0.5, 0.5, closed=False),
        ),
        "sub",
        12.66,
    )
    assert read(tmp_path / "buses.csv") == read(tmp_path / "branches.csv") == feeder


def test_several_feeders_share_a_folder(tmp_path: Path) -> None:
    (tmp_path / "town-buses.csv").write_text(BUSES)
    (tmp_path / "town-branches.csv").write_text(BRANCHES)
    assert read(tmp_path / "town-branches.csv").name == "town"
    with pytest.raises(InputError, match=r"no such file: .*/buses\.csv"):
        read(tmp_path)


FULL = Feeder(
    "all columns",
    (
        Bus("a", x=0.0, y=1.5),
        Bus("b", 10.0, -5.0, 4.5, sheddable=False, x=2.0, y=-1.0),
        Bus("c", 0.1, 1 / 3),
    ),
    (
        Branch("one", "a", "b", 0.1, 0.2, rating_a=150.0),
        Branch("two", "b", "c", 0.0, 1e-9, switchable=False),
        Branch("three, the tie", "c", "a", 3.0, 2.0, closed=False),
    ),
    "a",
    20.0,
    1.03,
)


@pytest.mark.parametrize("name", [*names(), "full", "critical"])
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_what_is_written_reads_back(name: str, suffix: str, tmp_path: Path) -> None:
    feeder = {"full": FULL, "critical": critical(load("ieee33"))}.get(name) or load(name)
    path = tmp_path / f"{name}{suffix}"
    write(feeder, path)
    again = read(path)
    assert replace(again, name=feeder.name) == feeder
    assert again.hash == feeder.hash


def test_the_cases_are_in_the_form_that_is_read_and_written(tmp_path: Path) -> None:
    write(load("zhang118"), tmp_path / "zhang118")
    assert read(DATA / "ieee69") == load("ieee69")
    for table in ("buses.csv", "branches.csv"):
        lines = (tmp_path / "zhang118" / table).read_text().splitlines()
        assert len(lines) == len((DATA / "zhang118" / table).read_text().splitlines())


# What is done to one of the tables, and what is said of it.
BROKEN = [
    (BUSES, "north,120", "north,lots", r"buses\.csv, row 2: p_kw must be a number, not 'lots'"),
    (BUSES, "north,120", "north,nan", r"buses\.csv, row 2: p_kw must be a number, not 'nan'"),
    (BUSES, "north,120", "north,-120", r"bus north: p_kw must be a number at least 0, not -120"),
    (BUSES, "p_kw", "p_kv", r"unknown column in .*buses\.csv 'p_kv'; did you mean p_kw"),
    (BUSES, "bus,", "buss,", r"unknown column in .*buses\.csv 'buss'; did you mean bus"),
    (BUSES, "north,", "south,", r"there are 2 buses named 'south'"),
    (BUSES, "north,", ",", r"buses\.csv, row 2: bus is empty"),
    (BUSES, ",12.66", ",", r"source_kv, the nominal voltage.* but no bus has one"),
    (BUSES, "60,,3", "60,11,3", r"source_kv, the nominal voltage.* but 2 buses have one"),
    (BUSES, "12.66", "-12.66", r"kv must be a number above 0, not -12\.66"),
    (BUSES, "south,80,40,,", "south,80,40,", r"buses\.csv, line 4: 4 cells where the header has 5"),
    (BUSES, "south,80,40,,", "south,80,40,,\nisland,1,1,,", r"bus island cannot be reached"),
    (BRANCHES, "sub,south", "sub,sooth", r"unknown bus at branch 2 of .*'sooth'; did you mean s"),
    (BRANCHES, "0.3,0.1", "-0.3,0.1", r"branch 2: r_ohm must be a number at least 0, not -0\.3"),
    (BRANCHES, "0.3,0.1", "0.3,", r"branches\.csv, row 2: x_ohm is empty"),
    (BRANCHES, "0.5,1\n", "0.5,\n", r"branch 3 closes a loop; in normal operation the feeder must"),
    (BRANCHES, "0.5,1\n", "0.5,maybe\n", r"row 3: normally_open must be 1 or 0, not 'maybe'"),
    (BRANCHES, "2,sub", "1,sub", r"there are 2 branches named '1'"),
    (BRANCHES, "2,sub,south", "2,sub,sub", r"branch 2 leads from bus sub to itself"),
    (BRANCHES, "branch,", "name,", r"unknown column in .*branches\.csv 'name'"),
    (BRANCHES, BRANCHES, "", r"branches\.csv: there are no rows"),
    (BRANCHES, BRANCHES, "branch,from_bus,to_bus,r_ohm\n1,sub,north,1\n",
     r"branches\.csv, row 1: the column x_ohm is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "old", "new", "said"), BROKEN)
def test_broken_tables(table: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in table
    broken = table.replace(old, new, 1)
    folder = pair(tmp_path, *((broken, BRANCHES) if table is BUSES else (BUSES, broken)))
    with pytest.raises(InputError, match=said) as caught:
        read(folder)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_source_voltage_belongs_to_the_source(tmp_path: Path) -> None:
    buses = "bus,source_kv,source_voltage\na,10,1.02\nb,,\n"
    lines = "branch,from_bus,to_bus,r_ohm,x_ohm\n1,a,b,1,1\n"
    assert read(pair(tmp_path, buses, lines)).source_voltage == 1.02
    with pytest.raises(InputError, match="bus b has a source_voltage but no source_kv"):
        read(pair(tmp_path, buses.replace("b,,", "b,,1.0"), lines))


JSON = {
    "name": "mine",
    "buses": [{"bus": 1, "source_kv": 10}, {"bus": 2, "p_kw": 50, "sheddable": False, "x": None}],
    "branches": [{"branch": "1-2", "from_bus": 1, "to_bus": 2, "r_ohm": 1, "x_ohm": 0}],
}


def test_json_holds_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "feeder.json"
    path.write_text(json.dumps(JSON))
    feeder = read(path)
    assert (feeder.name, feeder.source, feeder.kv) == ("mine", "1", 10.0)
    assert feeder.buses[1] == Bus("2", 50.0, sheddable=False)
    path.write_text(json.dumps({k: v for k, v in JSON.items() if k != "name"}))
    assert read(path).name == "feeder"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"feeder\.json is not valid JSON"),
        ("[]", r"feeder\.json must hold an object with buses and branches"),
        ("{}", r"feeder\.json: buses must be a list of objects"),
        ('{"busses": []}', r"unknown key in .*feeder\.json 'busses'; did you mean buses"),
        (json.dumps(JSON | {"branches": [3]}), r"branches must be a list of objects"),
        (json.dumps(JSON | {"name": 3}), r"name must be a text, not 3"),
        (json.dumps(JSON).replace("50", "true"), r"buses, row 2: p_kw must be a number, not True"),
        (json.dumps(JSON).replace("50", "NaN"), r"buses, row 2: p_kw must be a number, not nan"),
        (json.dumps(JSON).replace('"1-2"', "[]"), r"branches, row 1: branch must be a text, not"),
    ],
)
def test_broken_json(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "feeder.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read(tmp_path / "nothing")
    (tmp_path / "feeder.xlsx").write_text("")
    with pytest.raises(InputError, match=r"must be a folder or end in \.csv, \.json or \.m"):
        read(tmp_path / "feeder.xlsx")
    with pytest.raises(InputError, match=r"must end in buses\.csv or branches\.csv"):
        read(tmp_path / "lines.csv")
    with pytest.raises(InputError, match=r"must be a folder or end in \.json"):
        write(FULL, tmp_path / "feeder.xlsx")
    with pytest.raises(InputError, match="cannot write"):
        write(FULL, tmp_path / "feeder.xlsx" / "deeper")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_tables_never_end_in_another_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    for table in ("buses.csv", "branches.csv"):
        text = (DATA / "ieee33" / table).read_text()
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        middle = data.draw(st.text(max_size=6))
        (folder / table).write_text(text[:start] + middle + text[end:], encoding="utf-8")
    try:
        assert isinstance(read(folder), Feeder)
    except InputError as error:
        assert str(folder) in str(error)  # noqa: PT017
    shutil.rmtree(folder)
