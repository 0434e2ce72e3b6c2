from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.grid.files import read
from drlapps.errors import InputError

# Three buses at 10 kV and 10 MVA, so that 10 ohm are 1 per unit; bus 4 is isolated.
CASE = """function mpc = village
%VILLAGE  A comment with [ brackets ] and mpc.bus = nothing.
mpc.version = '2';
mpc.baseMVA = 10;   % MVA
mpc.bus = [  %% bus_i type Pd Qd ...
\t1\t3\t0\t0\t0\t0\t1\t1\t0\t10\t1\t1\t1;
\t2\t1\t0.12\t0.06\t0\t0\t1\t1\t0\t10\t1\t1.1\t0.9;
\t7,\t1,\t0.08,\t0.04,\t0,\t0,\t1,\t1,\t0,\t10,\t1,\t1.1,\t0.9
\t4\t4\t9\t9\t0\t0\t1\t1\t0\t10\t1\t1.1\t0.9;
];
mpc.gen = [ 1 0 0 10 -10 1.02 100 1 10 0 0 0 0 0 0 0 0 0 0 0 0; ];
mpc.branch = [
\t1\t2\t0.04\t0.02\t0\t5.196152422706632\t0\t0\t0\t0\t1\t-360\t360;
\t1\t7\t0.03\t0.01\t0\t0\t0\t0\t1\t0\t1 ... a row that goes on
\t-360\t360;
%\t7\t4\t0.03\t0.01\t0\t0\t0\t0\t1\t0\t1\t-360\t360;
\t2\t7\t0.05\t0.05\t0\t0\t0\t0\t0\t0\t0\t-360\t360;
];
mpc.gencost = [2 0 0 3 0 20 0];
mpc.bus_name = { 'one'; 'two'; 'three'; 'four' };
"""

VILLAGE = Feeder(
    "village",
    (Bus("1"), Bus("2", 120.0, 60.0), Bus("7", 80.0, 40.0)),
    (
        Branch("1", "1", "2", 0.4, 0.2, rating_a=300.0),
        Branch("2", "1", "7", 0.3, 0.1),
        Branch("3", "2", "7", 0.5, 0.5, closed=False),
    ),
    "1",
    10.0,
    1.02,
)

CONVERSION = """
%% convert branch impedances from Ohms to p.u.
[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD, GS, BS, BUS_AREA, VM, ...
    VA, BASE_KV, ZONE, VMAX, VMIN] = idx_bus;
[F_BUS, T_BUS, BR_R, BR_X] = idx_brch;
Vbase = mpc.bus(1, BASE_KV) * 1e3;      %% in Volts
Sbase = mpc.baseMVA * 1e6;              %% in VA
mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
"""


def parsed(folder: Path, text: str) -> Feeder:
    path = folder / "village.m"
    path.write_text(text)
    return read(path)


def close(a: Feeder, b: Feeder) -> bool:
    return a.name == b.name and all(
        x == pytest.approx(y) for x, y in zip(a.arrays, b.arrays, strict=True)
    )


def test_a_case_in_per_unit(tmp_path: Path) -> None:
    feeder = parsed(tmp_path, CASE)
    assert close(feeder, VILLAGE)
    assert [bus.name for bus in feeder.buses] == ["1", "2", "7"]
    assert (feeder.source, feeder.kv, feeder.source_voltage) == ("1", 10.0, 1.02)


def test_the_statements_that_convert_ohm_and_kilowatt(tmp_path: Path) -> None:
    text = CASE + CONVERSION
    for unit, own in (
        ("0.12\t0.06", "120\t60"), ("0.08,\t0.04", "80,\t40"), ("0.04\t0.02", "0.4\t0.2"),
        ("0.03\t0.01", "0.3\t0.1"), ("0.05\t0.05", "0.5\t0.5"),
    ):  # fmt: skip
        assert unit in text
        text = text.replace(unit, own)
    assert close(parsed(tmp_path, text), VILLAGE)


def test_several_reference_buses_are_one_source(tmp_path: Path) -> None:
    text = CASE.replace("\t7,\t1,", "\t7,\t3,").replace("\t1\t7\t0.03", "\t2\t4\t0.03")
    text = text.replace("mpc.gen = [", "mpc.gen = [ 7 0 0 0 0 1.02 1 1;")
    feeder = parsed(tmp_path, text)
    assert feeder.branches[-1] == Branch("busbar 1-7", "1", "7", 0.0, 0.0, switchable=False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (CASE, "", r"village\.m: mpc\.bus is missing"),
        ("mpc.baseMVA = 10;", "", r"mpc\.baseMVA must be above 0"),
        ("mpc.baseMVA = 10", "mpc.baseMVA = ten", r"line 4, mpc\.baseMVA: 'ten' is no number"),
        ("0.12\t0.06", "0.12\tx", r"mpc\.bus, row 2: 'x' is no number"),
        ("0.12\t0.06", "NaN\t0.06", r"mpc\.bus, row 2: 'NaN' is no number"),
        ("0.12\t0.06", "-0.12\t0.06", r"bus 2: p_kw must be a number at least 0, not -120"),
        ("0.12\t0.06\t0\t0", "0.12\t0.06\t0\t1", r"mpc\.bus: bus 2 has a shunt, which is not"),
        ("\t1\t3\t0", "\t1\t1\t0", r"mpc\.bus has no reference bus \(type 3\)"),
        (
            "32\t0\t0\t0\t0",
            "32\t0\t0\t.98\t0",
            r"row 1: a transformer off its nominal .* \(0\.98\)",
        ),
        ("\t1\t2\t0.04", "\t1\t5\t0.04", r"unknown bus at branch 1 of village '5'"),
        ("0.04\t0.02", "-0.04\t0.02", r"branch 1: r_ohm must be a number at least 0"),
        ("0\t0\t0\t0\t0\t0\t0\t-360", "0\t0\t0\t0\t0\t0\t1\t-360", r"branch 3 closes a loop"),
        (
            "0\t10\t1\t1\t1;",
            "0\t0\t1\t1\t1;",
            r"mpc\.bus: the nominal voltage must be above 0, not 0",
        ),
        ("mpc.gen = [ 1", "mpc.gen = [ 2", r"mpc\.gen: the generator at bus 2, which is no ref"),
        ("1.02 100 1 ", "1.02 100 0 ", r"mpc\.gen: .* must hold one voltage, not none"),
        ("mpc.gencost", "pf = 0.85;\nmpc.gencost", r"line \d+: cannot evaluate 'pf = 0\.85'"),
        ("mpc.gencost", "mpc.bus(2, 3) = 4;\nmpc.gencost", r"cannot evaluate 'mpc\.bus\(2, 3\)"),
        ("mpc.gencost = [2 0 0 3 0 20 0];", "mpc.gencost = [2", r"line \d+: a bracket is never cl"),
        ("mpc.bus = [", "mpc.bus = loadbus; x = [", r"line 5: mpc\.bus must be a matrix"),
        ("\t1\t1\t0\t10\t1\t1\t1;", ";", r"mpc\.bus, row 1: there are 6 columns, not 13"),
    ],
)
def test_broken_cases(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in CASE
    with pytest.raises(InputError, match=said) as caught:
        parsed(tmp_path, CASE.replace(old, new, 1))
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_cases_never_end_in_another_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = CASE + CONVERSION
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    middle = data.draw(st.text("0123456789.-;[]{}=%\n\t ein/", max_size=6))
    folder = tmp_path_factory.mktemp("damaged")
    try:
        assert isinstance(parsed(folder, text[:start] + middle + text[end:]), Feeder)
    except InputError as error:
        said = str(error)
        assert said.startswith(str(folder)), said
    shutil.rmtree(folder)


def test_a_missing_case(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file: .*none\.m"):
        read(tmp_path / "none.m")
