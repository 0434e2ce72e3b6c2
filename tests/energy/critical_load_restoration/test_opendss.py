"""The three-phase replay, checked with the published solution of the 13-node feeder."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.energy.critical_load_restoration.environment import CriticalLoadRestorationEnv
from drlapps.energy.critical_load_restoration.instances import named
from drlapps.energy.critical_load_restoration.opendss import Circuit, replay
from drlapps.energy.critical_load_restoration.rules import Greedy
from drlapps.energy.grid import ieee13
from drlapps.errors import InputError
from drlapps.evaluate import rollout

NONE = np.nan
# Kersting (1991) as revised in 2004: voltage of phases a, b, c, per unit.
PUBLISHED = {
    "632": (1.0210, 1.0420, 1.0174),
    "633": (1.0180, 1.0401, 1.0148),
    "634": (0.9940, 1.0218, 0.9960),
    "645": (NONE, 1.0329, 1.0155),
    "646": (NONE, 1.0311, 1.0134),
    "671": (0.9900, 1.0529, 0.9778),
    "680": (0.9900, 1.0529, 0.9777),
    "692": (0.9900, 1.0529, 0.9778),
    "675": (0.9835, 1.0553, 0.9758),
    "684": (0.9881, NONE, 0.9758),
    "611": (NONE, NONE, 0.9738),
    "652": (0.9825, NONE, NONE),
}
PUBLISHED_LOSS_KW = 111.063


@pytest.fixture
def package():
    pytest.importorskip("opendssdirect", reason="the extra drlapps[opendss]")


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opendssdirect", None)
    with pytest.raises(InputError, match=r"pip install 'drlapps\[opendss\]'"):
        Circuit(ieee13.loads())


@pytest.mark.usefixtures("package")
def test_the_circuit_has_the_published_voltages_and_losses():
    circuit = Circuit(ieee13.loads(), source_voltage=ieee13.REGULATED, capacitors=True)
    found = circuit.solve()
    for bus, phases in PUBLISHED.items():
        # What is left is the load along line 632-671, here at one point.
        np.testing.assert_allclose(found[bus], phases, atol=0.002, err_msg=bus)
    assert circuit.losses_kw() == pytest.approx(PUBLISHED_LOSS_KW, rel=0.01)


@pytest.mark.usefixtures("package")
def test_without_loads_and_generators_all_phases_stay_at_the_voltage_of_the_source():
    circuit = Circuit(ieee13.loads(), {"pv": "680"})
    for bus, phases in circuit.solve([(0.0, 0.0)] * 15).items():
        np.testing.assert_allclose(phases[~np.isnan(phases)], 1.0, atol=2e-4, err_msg=bus)


@pytest.mark.usefixtures("package")
def test_generation_lifts_the_voltage_where_it_is():
    circuit = Circuit(ieee13.loads(), {"pv": "680"})
    nothing = [(0.0, 0.0)] * 15
    flat = circuit.solve(nothing)["680"]
    # 300 kW over the 5000 ft of configuration 601 from node 650, 0.18597 ohm per mile:
    # 0.3 * 0.1761 / 4.16**2 = 0.00305 per unit, on the mean of phases that are not transposed.
    lifted = circuit.solve(nothing, {"pv": (300.0, 0.0)})["680"]
    assert np.mean(lifted - flat) == pytest.approx(0.00305, rel=0.03)


@pytest.mark.usefixtures("package")
def test_two_circuits_do_not_disturb_one_another():
    one, other = Circuit(ieee13.loads()), Circuit(ieee13.loads(), source_voltage=(1.05,) * 3)
    before = one.solve()["675"]
    other.solve([(0.0, 0.0)] * 15)
    np.testing.assert_allclose(one.solve()["675"], before, rtol=0.0, atol=1e-8)
    assert np.all(other.solve()["675"] > before)


def played(name: str):
    scenario = named([name])[0]
    env = CriticalLoadRestorationEnv(1, [scenario], autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Greedy(), [scenario], 0)
    return scenario, env.solution(0)


@pytest.mark.usefixtures("package")
def test_a_replay_stays_near_the_balanced_voltages_and_names_its_violations():
    scenario, solution = played("ieee13:error-15:3")
    found = replay(scenario, solution)
    assert found.voltage.shape == (72, 14, 3)
    assert np.isnan(found.voltage[0, found.nodes.index("611")]).tolist() == [True, True, False]
    # At 728 kW the island is a fifth of the feeder: phases differ, but by little.
    assert 0.001 < found.difference < 0.02
    assert found.difference < found.unbalance < 0.04
    assert found.violation.tolist() == [0.0] * 72
    tight = dataclasses.replace(found, min_voltage=0.999)
    assert tight.violation.max() == pytest.approx(0.999 - np.nanmin(found.voltage))


@pytest.mark.usefixtures("package")
def test_loads_of_unknown_phases_cannot_be_replayed():
    scenario, solution = played("random-1:error-0")
    with pytest.raises(
        InputError, match="phases of the loads of ieee13 only, not those of random-1"
    ):
        replay(scenario, solution)
