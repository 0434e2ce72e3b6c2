"""The figures of the IEEE 13-node test feeder, and the balanced feeder made of them."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps.energy.grid import ieee13
from drlapps.energy.grid.power_flow import power_flow

# Voltages of phases a, b, c in the published solution: Kersting (1991), as revised in 2004 by the
# IEEE PES Distribution Test Feeder Working Group.
PUBLISHED = {
    "632": (1.0210, 1.0420, 1.0174),
    "633": (1.0180, 1.0401, 1.0148),
    "634": (0.9940, 1.0218, 0.9960),
    "671": (0.9900, 1.0529, 0.9778),
    "675": (0.9835, 1.0553, 0.9758),
    "680": (0.9900, 1.0529, 0.9777),
    "692": (0.9900, 1.0529, 0.9778),
}


def test_the_loads_are_those_of_the_published_summary():
    # Total input of the published solution: loads of 3466 kW and 2102 kvar, capacitors 700 kvar.
    loads = ieee13.loads()
    assert len(loads) == len({load.name for load in loads}) == 15
    assert sum(load.p_kw for load in loads) == 3466
    assert sum(load.q_kvar for load in loads) == 2102
    assert sum(ieee13.CAPACITORS.values()) == 700


def test_every_line_has_a_configuration_and_ends_at_a_node():
    assert {line.code for line in ieee13.lines()} == set(ieee13.codes())
    for line in ieee13.lines():
        assert {line.from_bus, line.to_bus} <= set(ieee13.POSITIONS)
    for code in ieee13.codes().values():
        assert code.z.shape == code.b.shape == (len(code.phases),) * 2
        np.testing.assert_array_equal(code.z, code.z.T)
        assert np.all(np.linalg.eigvalsh(code.z.real) > 0)
    feet = {(line.from_bus, line.to_bus): line.feet for line in ieee13.lines()}
    assert feet["632", "670"] + feet["670", "671"] == 2000


def test_a_transposed_line_has_the_impedances_of_its_sequences():
    # Positive sequence of configuration 601 by hand: (0.3465 + 0.3375 + 0.3414) / 3
    # - (0.1560 + 0.1580 + 0.1535) / 3 = 0.1859667 ohm per mile; 1.0335 - 0.4367333 for X.
    line = ieee13.balanced().branches[0]
    assert line.name == "650-632"
    assert line.r_ohm == pytest.approx(0.1859667 * 2000 / 5280, rel=1e-6)
    assert line.x_ohm == pytest.approx(0.5967667 * 2000 / 5280, rel=1e-6)


def test_a_line_of_one_phase_has_the_losses_of_its_one_phase():
    # 128 kW at unity power factor on phase a of 684-652, 2401.8 V: 53.29 A in 800 ft of
    # 1.3425 ohm per mile lose 577.7 W.
    feeder = ieee13.balanced()
    branch = feeder.branches[feeder.branch_index["684-652"]]
    balanced = (128.0 / (np.sqrt(3.0) * 4.16)) ** 2 * branch.r_ohm * 3.0
    one_phase = (128.0 / (4.16 / np.sqrt(3.0))) ** 2 * 1.3425 * 800 / 5280
    assert balanced == pytest.approx(one_phase, rel=1e-9)
    assert one_phase == pytest.approx(577.7, rel=1e-3)


def test_balanced_voltages_lie_near_the_mean_of_the_published_phases():
    feeder = ieee13.balanced(source_voltage=float(np.mean(ieee13.REGULATED)))
    flow = power_flow(feeder)
    assert flow.converged
    for bus, phases in PUBLISHED.items():
        assert abs(flow.voltage[feeder.index[bus]]) == pytest.approx(np.mean(phases), abs=0.0015)


def test_only_what_is_served_is_a_load():
    served = [load for load in ieee13.loads() if load.bus == "634"]
    feeder = ieee13.balanced(served, capacitors=False)
    assert feeder.load_kw == 400
    assert sum(bus.q_kvar for bus in feeder.buses) == 290
