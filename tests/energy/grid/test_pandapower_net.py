from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.grid.files import read
from drlapps.energy.grid.power_flow import power_flow
from drlapps.errors import InputError

Net = dict[str, list[dict[str, Any]]]


def village() -> Net:
    """A 20/10 kV transformer, two lines, a tie, a bus coupler, in pandapower's columns."""
    bus = {"name": None, "vn_kv": 10.0, "in_service": True}
    line = {
        "name": None, "from_bus": 1, "to_bus": 2, "length_km": 2.0, "r_ohm_per_km": 0.2,
        "x_ohm_per_km": 0.1, "c_nf_per_km": 9.0, "max_i_ka": 0.2, "df": 0.5, "parallel": 2,
        "in_service": True,
    }  # fmt: skip
    return {
        "bus": [
            bus | {"vn_kv": 20.0, "geo": '{"coordinates": [1.0, 2.0], "type": "Point"}'},
            bus, bus, bus, bus, bus | {"in_service": False},
        ],
        "load": [
            {"bus": 2, "p_mw": 0.1, "q_mvar": 0.05, "scaling": 2.0, "in_service": True},
            {"bus": 2, "p_mw": 0.3, "q_mvar": 0.0, "scaling": 1.0, "in_service": True},
            {"bus": 3, "p_mw": 9.0, "q_mvar": 0.0, "scaling": 1.0, "in_service": False},
        ],
        "ext_grid": [{"bus": 0, "vm_pu": 1.02, "va_degree": 0.0, "in_service": True}],
        "line": [
            line,
            line | {"to_bus": 3, "parallel": 1, "df": 1.0, "max_i_ka": None},
            line | {"from_bus": 2, "to_bus": 3, "in_service": False},
            line | {"to_bus": 5},
        ],
        "trafo": [{
            "name": None, "hv_bus": 0, "lv_bus": 1, "sn_mva": 10.0, "vn_hv_kv": 20.0,
            "vn_lv_kv": 10.0, "vk_percent": 5.0, "vkr_percent": 3.0, "pfe_kw": 9.0,
            "shift_degree": 150.0, "tap_pos": 0, "tap_neutral": 0, "parallel": 1,
            "in_service": True,
        }],
        "switch": [{"bus": 3, "element": 4, "et": "b", "closed": True, "z_ohm": 0.0}],
        "shunt": [{"bus": 1, "q_mvar": 1.0, "in_service": False}],
        "res_bus": [{"vm_pu": 1.0}],
    }  # fmt: skip


def saved(path: Path, net: Net) -> Path:
    """Write a net as ``pandapower.to_json`` does."""
    content: dict[str, Any] = {"version": "3.1.2", "name": "village", "f_hz": 50.0}
    for name, rows in net.items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        table = {
            "columns": columns,
            "index": list(range(len(rows))),
            "data": [[row.get(column) for column in columns] for row in rows],
        }
        content[name] = {
            "_module": "pandas.core.frame", "_class": "DataFrame",
            "_object": json.dumps(table), "orient": "split", "dtype": {},
        }  # fmt: skip
    whole = {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": content}
    path.write_text(json.dumps(whole))
    return path


def test_all_is_referred_to_the_sources_voltage(tmp_path: Path) -> None:
    feeder = read(saved(tmp_path / "village.json", village()))
    assert feeder.buses == (
        Bus("0", x=1.0, y=2.0), Bus("1"), Bus("2", 500.0, 100.0), Bus("3"), Bus("4"),
    )  # fmt: skip
    assert (feeder.name, feeder.source, feeder.kv, feeder.source_voltage) == (
        "village", "0", 20.0, 1.02,
    )  # fmt: skip
    # Twice the voltage: four times the ohms, half the amperes. 10 MVA at 20 kV: 40 ohm.
    assert feeder.branches == (
        Branch("line 0", "1", "2", 0.8, 0.4, switchable=False, rating_a=100.0),
        Branch("line 1", "1", "3", 1.6, 0.8, switchable=False),
        Branch("line 2", "2", "3", 0.8, 0.4, closed=False, switchable=False, rating_a=100.0),
        Branch(
            "trafo 0", "0", "1", pytest.approx(1.2), pytest.approx(1.6), switchable=False,
            rating_a=pytest.approx(10_000 / (np.sqrt(3) * 20)),
        ),
        Branch("switch 0", "3", "4", 0.0, 0.0),
    )  # fmt: skip


def test_switches_say_what_can_be_operated_and_is_open(tmp_path: Path) -> None:
    net = village()
    net["line"][2]["in_service"] = True
    net["switch"] += [
        {"bus": 2, "element": 2, "et": "l", "closed": False},
        {"bus": 1, "element": 0, "et": "l", "closed": True},
    ]
    branches = read(saved(tmp_path / "village.json", net)).branches
    assert [branch.switchable for branch in branches] == [True, False, True, False, True]
    assert [branch.closed for branch in branches] == [True, True, False, True, True]

    net["switch"], net["line"][2]["in_service"] = [], False
    net["bus"][4] = net["bus"][4] | {"in_service": False}
    assert all(b.switchable for b in read(saved(tmp_path / "village.json", net)).branches)


def test_names_are_kept_where_all_differ(tmp_path: Path) -> None:
    net = village()
    net["line"] = [line | {"name": "same"} for line in net["line"]]
    net["bus"] = [dict(bus, name=f"place {i}") for i, bus in enumerate(net["bus"])]
    feeder = read(saved(tmp_path / "village.json", net))
    assert feeder.source == "place 0"
    assert feeder.branches[0].name == "line 0"


def test_several_external_grids_are_one_source(tmp_path: Path) -> None:
    net = village()
    net["line"] = net["line"][1:]
    net["bus"][2] = net["bus"][2] | {"vn_kv": 20.0}
    net["ext_grid"].append(net["ext_grid"][0] | {"bus": 2})
    feeder = read(saved(tmp_path / "village.json", net))
    assert feeder.branches[-1] == Branch("busbar 0-2", "0", "2", 0.0, 0.0, switchable=False)
    assert abs(power_flow(feeder).voltage[2]) == pytest.approx(1.02)
    net["ext_grid"][1]["vm_pu"] = 1.0
    with pytest.raises(InputError, match="the ext_grids differ in their voltages"):
        read(saved(tmp_path / "village.json", net))


@pytest.mark.parametrize(
    ("table", "row", "cells", "said"),
    [
        ("shunt", 0, {"in_service": True}, r"shunt 0: elements of this kind are not modelled"),
        ("load", 0, {"bus": 77}, r"load 0: there is no bus 77"),
        ("load", 1, {"p_mw": None}, r"load 1: p_mw must be a number, not None"),
        ("load", 1, {"p_mw": "much"}, r"load 1: p_mw must be a number, not 'much'"),
        ("load", 0, {"p_mw": -1.0}, r"bus 2: p_kw must be a number at least 0, not -1700"),
        ("load", 0, {"const_z_percent": 40.0}, r"load 0: loads of constant impedance or current"),
        ("ext_grid", 0, {"in_service": False}, r"the net has no ext_grid in service"),
        ("line", 0, {"to_bus": None}, r"line 0: to_bus must be a whole number, not None"),
        ("line", 0, {"r_ohm_per_km": -1.0}, r"branch line 0: r_ohm must be a number at least 0"),
        ("line", 0, {"parallel": 0}, r"line 0: parallel must be a number above 0, not 0"),
        ("line", 2, {"in_service": True}, r"branch line 2 closes a loop"),
        ("line", 0, {"in_service": "so"}, r"line 0: in_service must be true or false, not 'so'"),
        ("bus", 1, {"vn_kv": 0.0}, r"bus 1: vn_kv must be a number above 0, not 0\.0"),
        ("trafo", 0, {"tap_pos": 2}, r"trafo 0: a transformer off its nominal ratio"),
        ("trafo", 0, {"vn_lv_kv": 10.5}, r"trafo 0: a transformer off its nominal ratio"),
        ("trafo", 0, {"vkr_percent": 6.0}, r"trafo 0: vkr_percent exceeds vk_percent"),
        ("switch", 0, {"et": "t3"}, r"switch 0: only switches at lines and two-winding"),
        ("switch", 0, {"closed": False, "element": 1}, r"bus 4 cannot be reached"),
    ],
)  # fmt: skip
def test_broken_nets(
    table: str, row: int, cells: dict[str, Any], said: str, tmp_path: Path
) -> None:
    net = village()
    net[table][row] = net[table][row] | cells
    path = saved(tmp_path / "village.json", net)
    with pytest.raises(InputError, match=said) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


def test_tables_of_an_old_form_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "village.json", village())
    path.write_text(path.read_text().replace(r"\"data\"", r"\"rows\""))
    with pytest.raises(InputError, match="is no net that pandapower 2 or later saved"):
        read(path)


CELLS = [None, True, -1, 0, 3, 1e9, float("nan"), "text", "", [], {"a": 1}]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_damaged_nets_never_end_in_another_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    net = village()
    for _ in range(data.draw(st.integers(1, 3))):
        rows = net[data.draw(st.sampled_from(sorted(net)))]
        at = data.draw(st.integers(0, len(rows) - 1))
        column = data.draw(st.sampled_from(sorted(rows[at])))
        rows[at] = rows[at] | {column: data.draw(st.sampled_from(CELLS))}
    folder = tmp_path_factory.mktemp("damaged")
    try:
        assert isinstance(read(saved(folder / "village.json", net)), Feeder)
    except InputError as error:
        assert str(folder) in str(error)  # noqa: PT017
    shutil.rmtree(folder)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", ["case33bw", "create_cigre_network_mv", "create_kerber_landnetz_freileitung_1"]
)
def test_pandapower_agrees_on_its_own_nets(name: str, tmp_path: Path) -> None:
    # Older ones write into arrays that pandas 3 protects.
    pandapower = pytest.importorskip("pandapower", minversion="3.2.2")
    from pandapower import networks

    net = getattr(networks, name)()
    pandapower.to_json(net, str(tmp_path / "net.json"))
    flow = power_flow(read(tmp_path / "net.json"))
    # What a feeder leaves out.
    net.line["c_nf_per_km"] = 0.0
    net.trafo[["pfe_kw", "i0_percent"]] = 0.0
    pandapower.runpp(net, tolerance_mva=1e-10, trafo_model="t")
    expected = net.res_bus.vm_pu.to_numpy()
    np.testing.assert_allclose(np.abs(flow.voltage), expected, rtol=0, atol=1e-8)
