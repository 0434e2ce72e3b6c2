from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid.cases import load
from drlapps.energy.grid.feeder import BASE_KVA, Branch, Bus, Feeder
from drlapps.energy.grid.power_flow import Sweeper, power_flow, power_flows

TIES = (33, 34, 35, 36, 37)
OPTIMUM = (7, 9, 14, 32, 37)
"""Open branches of IEEE 33 in normal operation, and with the least losses."""

# pandapower 3.5.6, runpp by Newton-Raphson to 1e-12 MVA, on its own case33bw: losses in kW, and by
# bus the voltage's magnitude per unit and angle in degrees. In the third case all loads are 70 %,
# and bus 18 generates 900 kW + j 200 kvar, bus 33 600 kW - j 100 kvar.
PANDAPOWER = {
    "base": (
        202.6771264559452,
        {
            2: (0.9970322597292011, 0.014481414064959298),
            6: (0.9496581773956175, 0.13385326254989666),
            18: (0.9130904793610601, -0.495062734600067),
            22: (0.9915843768577369, -0.1030331328145132),
            25: (0.9693561124543635, -0.06735454545599305),
            33: (0.9165898221335279, 0.3804050663940665),
        },
    ),
    "optimum": (
        139.55134722105956,
        {
            2: (0.9970782022991768, 0.014459031726587898),
            6: (0.967316839918024, 0.24873322588769622),
            18: (0.9474940526707938, -1.018514663639632),
            22: (0.9701563785265209, -0.5153745944670848),
            25: (0.9734668150368305, -0.06482400783845439),
            33: (0.9471646856473597, -1.0224980573330495),
        },
    ),
    "generation": (
        58.12493599600198,
        {
            2: (0.9988775905810876, 0.0318280783572067),
            6: (0.987214327796337, 0.768664765616554),
            18: (1.0218903419876333, 2.242091731354904),
            22: (0.9950770257581437, -0.0499852851967771),
            25: (0.9847565498739883, 0.09353063156146713),
            33: (0.9798617808575744, 1.9852323702370285),
        },
    ),
}


def opened(feeder: Feeder, numbers: tuple[int, ...]) -> np.ndarray:
    closed = np.ones(len(feeder.branches), np.bool_)
    closed[np.array(numbers) - 1] = False
    return closed


def loads(feeder: Feeder, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    p = np.array([bus.p_kw for bus in feeder.buses]) * scale
    q = np.array([bus.q_kvar for bus in feeder.buses]) * scale
    return p, q


def generating(feeder: Feeder) -> tuple[np.ndarray, np.ndarray]:
    p, q = loads(feeder, 0.7)
    p[[17, 32]] -= 900.0, 600.0
    q[[17, 32]] -= 200.0, -100.0
    return p, q


@pytest.mark.parametrize("case", PANDAPOWER)
def test_pandapower_found_the_same_voltages_and_losses(case: str) -> None:
    feeder = load("ieee33")
    p, q = generating(feeder) if case == "generation" else loads(feeder)
    flow = power_flow(feeder, opened(feeder, OPTIMUM if case == "optimum" else TIES), p, q)
    loss, buses = PANDAPOWER[case]
    at = np.array(list(buses)) - 1
    magnitude, degrees = np.array(list(buses.values())).T
    assert flow.converged
    assert flow.loss_kw == pytest.approx(loss, abs=1e-6)
    np.testing.assert_allclose(
        flow.voltage[at], magnitude * np.exp(1j * np.radians(degrees)), rtol=0, atol=1e-8
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "numbers", [TIES, OPTIMUM, (6, 10, 13, 27, 32), (2, 9, 12, 16, 26), (33, 34, 35, 4, 15)]
)
def test_pandapower_finds_the_same_today(numbers: tuple[int, ...]) -> None:
    # Older ones write into arrays that pandas 3 protects.
    pandapower = pytest.importorskip("pandapower", minversion="3.2.2")
    feeder = load("ieee33")
    for case, (p, q) in {"loads": loads(feeder), "generation": generating(feeder)}.items():
        net = pandapower.create_empty_network(sn_mva=1.0)
        for _ in feeder.buses:
            pandapower.create_bus(net, feeder.kv)
        pandapower.create_ext_grid(net, 0)
        for bus in range(len(p)):
            pandapower.create_load(net, bus, p[bus] / 1e3, q[bus] / 1e3)
        for number, branch in enumerate(feeder.branches, 1):
            if number not in numbers:
                pandapower.create_line_from_parameters(
                    net, int(branch.from_bus) - 1, int(branch.to_bus) - 1, 1.0,
                    branch.r_ohm, branch.x_ohm, 0.0, 1.0,
                )  # fmt: skip
        pandapower.runpp(net, tolerance_mva=1e-11, init="flat")
        flow = power_flow(feeder, opened(feeder, numbers), p, q)
        served = flow.energised
        found = np.abs(flow.voltage)
        np.testing.assert_allclose(
            found[served], net.res_bus.vm_pu.to_numpy()[served], rtol=0, atol=1e-8, err_msg=case
        )
        assert flow.loss_kw == pytest.approx(net.res_line.pl_mw.sum() * 1e3, abs=1e-5)


@st.composite
def trees(draw: st.DrawFn) -> Feeder:
    """Feeders with random shapes, loads and generation; branches are declared either way."""
    n = draw(st.integers(2, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = [str(i) for i in rng.permutation(n)]
    branches = []
    for i in range(1, n):
        ends = [names[i], names[rng.integers(i)]]
        rng.shuffle(ends)
        branches.append(Branch(f"b{i}", *ends, rng.uniform(0.05, 1.0), rng.uniform(0.05, 1.0)))
    buses = tuple(Bus(str(i), rng.uniform(0, 60), rng.uniform(-20, 40)) for i in range(n))
    return Feeder("random", buses, tuple(branches), names[0], 12.66, rng.uniform(0.95, 1.05))


@settings(max_examples=40, deadline=None)
@given(trees())
def test_the_nodal_equations_say_the_same(feeder: Feeder) -> None:
    # The twin: the admittance matrix, solved for the voltages as currents repeat (implicit Z bus).
    n, root = len(feeder.buses), feeder.root
    ohm = feeder.kv**2 * 1e3 / BASE_KVA
    admittance = np.zeros((n, n), complex)
    for branch in feeder.branches:
        i, j = feeder.index[branch.from_bus], feeder.index[branch.to_bus]
        y = ohm / complex(branch.r_ohm, branch.x_ohm)
        admittance[[i, j], [i, j]] += y
        admittance[[i, j], [j, i]] -= y
    p, q = loads(feeder)
    p[-1] -= 80.0
    power = (p + 1j * q) / BASE_KVA
    rest = np.arange(n) != root
    voltage = np.full(n, feeder.source_voltage, complex)
    for _ in range(60):
        current = -np.conj(power / voltage)[rest] - admittance[rest, root] * feeder.source_voltage
        voltage[rest] = np.linalg.solve(admittance[np.ix_(rest, rest)], current)
    flow = power_flow(feeder, None, p, q)
    assert flow.converged
    assert (flow.loops, flow.islands) == (0, 0)
    np.testing.assert_allclose(flow.voltage, voltage, rtol=0, atol=1e-9)
    injected = voltage * np.conj(admittance @ voltage)
    assert flow.loss_kw == pytest.approx(injected.real.sum() * BASE_KVA, abs=1e-5)
    # Currents run from the branch's first end to its second, by Ohm's law.
    ampere = BASE_KVA / (np.sqrt(3) * feeder.kv)
    for branch, found in zip(feeder.branches, flow.current_a, strict=True):
        drop = voltage[feeder.index[branch.from_bus]] - voltage[feeder.index[branch.to_bus]]
        assert found == pytest.approx(
            drop * ohm / complex(branch.r_ohm, branch.x_ohm) * ampere, abs=1e-5
        )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=37, max_size=37))
def test_networkx_counts_the_same_islands_and_loops(closed: list[bool]) -> None:
    feeder = load("ieee33")
    graph = nx.Graph()
    graph.add_nodes_from(bus.name for bus in feeder.buses)
    graph.add_edges_from(
        (b.from_bus, b.to_bus) for b, on in zip(feeder.branches, closed, strict=True) if on
    )
    fed = graph.subgraph(nx.node_connected_component(graph, "1"))
    flow = power_flow(feeder, np.array(closed))
    assert {feeder.buses[i].name for i in np.flatnonzero(flow.energised)} == set(fed)
    assert flow.islands == nx.number_connected_components(graph) - 1
    assert flow.loops == fed.number_of_edges() - fed.number_of_nodes() + 1
    assert flow.converged == (flow.loops == 0)
    assert np.isnan(flow.voltage[flow.energised]).all() == (flow.loops > 0)
    assert (flow.voltage[~flow.energised] == 0).all()
    many = power_flows(feeder, np.array([closed, closed]))
    np.testing.assert_array_equal(many.energised[1], flow.energised)
    np.testing.assert_allclose(many.voltage[1], np.abs(flow.voltage), rtol=1e-14)
    np.testing.assert_allclose(many.loss_kw[1], flow.loss_kw, rtol=1e-12)
    assert (many.loops[1], many.converged[1]) == (flow.loops, flow.converged)


def line(r_ohm: float = 1.0, x_ohm: float = 0.0, p_kw: float = 1000.0) -> Feeder:
    """A line with one load, where one ohm is one per unit."""
    buses = (Bus("a"), Bus("b", p_kw))
    return Feeder("line", buses, (Branch("1", "a", "b", r_ohm, x_ohm),), "a", 1.0)


def test_two_buses_by_the_quadratic_formula() -> None:
    # v (1 - v) = r p: the upper solution.
    flow = power_flow(line(r_ohm=0.2))
    assert flow.voltage[1] == pytest.approx((1 + np.sqrt(1 - 4 * 0.2)) / 2, abs=1e-9)
    assert flow.loss_kw == pytest.approx(0.2 / abs(flow.voltage[1]) ** 2 * 1000, abs=1e-5)
    assert flow.min_voltage == pytest.approx(abs(flow.voltage[1]), abs=1e-12)


@pytest.mark.parametrize("r_ohm", [0.26, 0.5, 1.0, 2.0, 1e9])
def test_a_load_beyond_what_the_line_carries_has_no_solution(r_ohm: float) -> None:
    # r p > 1/4 leaves the quadratic without a root; r p = 1 makes the first sweep's voltage 0.
    flow = power_flow(line(r_ohm=r_ohm))
    assert not flow.converged
    assert np.isnan(flow.voltage).all()
    assert np.isnan(flow.current_a).all()
    assert np.isnan(flow.loss_kw)
    assert np.isnan(flow.min_voltage)
    many = power_flows(line(r_ohm=r_ohm), np.ones((1, 1), np.bool_))
    assert not many.converged[0]
    assert np.isnan(many.voltage).all()


def test_an_overloaded_feeder_says_so() -> None:
    feeder = load("ieee33")
    # Its loads can grow to about 3.4 times theirs before the voltage collapses.
    assert power_flow(feeder.scaled(3.0)).converged
    assert not power_flow(feeder.scaled(4.0)).converged


def test_a_branch_without_impedance_only_joins() -> None:
    feeder = load("ieee33")
    between = Branch("coupler", "1", "0", 0.0, 0.0)
    longer = replace(
        feeder, buses=(*feeder.buses, Bus("0")), branches=(*feeder.branches, between), source="0"
    )
    plain, joined = power_flow(feeder), power_flow(longer)
    np.testing.assert_allclose(joined.voltage[:-1], plain.voltage, rtol=0, atol=1e-12)
    assert joined.loss_kw == pytest.approx(plain.loss_kw, abs=1e-9)


def test_opening_a_branch_darkens_what_is_behind_it() -> None:
    feeder = load("ieee33")
    flow = power_flow(feeder, opened(feeder, (5, *TIES)))
    assert not flow.energised[5:18].any()
    assert not flow.energised[25:].any()
    assert flow.energised.sum() == 12
    assert (flow.current_a[[4, 5, 25]] == 0).all()
    # A loop in the dark conducts nothing and is no loop of the supply.
    dark = power_flow(feeder, opened(feeder, (5, 33, 34, 35, 37)))
    assert (dark.loops, dark.islands) == (0, 1)
    assert dark.converged


def test_losses_of_a_mesh_are_not_numbers() -> None:
    feeder = load("ieee33")
    flow = power_flow(feeder, np.ones(37, np.bool_))
    assert (flow.loops, flow.converged, flow.islands) == (5, False, 0)
    assert np.isnan(flow.loss_kw)


def test_generation_lifts_voltages() -> None:
    feeder = load("ieee33")
    p, q = loads(feeder)
    p[17] -= 1500.0
    lifted = np.abs(power_flow(feeder, None, p, q).voltage)
    assert (lifted[1:] > np.abs(power_flow(feeder).voltage)[1:]).all()


def test_a_sweeper_forgets_what_it_solved_before() -> None:
    feeder = load("ieee33")
    sweeper = Sweeper(feeder)
    plain = power_flow(feeder)
    for numbers, solved in ((TIES, True), (OPTIMUM[:-1], False), ((5, *TIES), True)):
        assert sweeper.solve(opened(feeder, numbers)) == solved
    assert not sweeper.solve(feeder.arrays.closed, feeder.arrays.p * 9.0, feeder.arrays.q * 9.0)
    assert np.isnan(sweeper.voltage).all()
    assert np.isnan(sweeper.loss_kw)
    assert sweeper.solve(feeder.arrays.closed)
    assert sweeper.supplied == 33
    np.testing.assert_allclose(sweeper.voltage, np.abs(plain.voltage), rtol=1e-14)
    assert sweeper.loss_kw == plain.loss_kw
    assert sweeper.min_voltage == sweeper.voltage.min()


def test_many_loads_at_once() -> None:
    feeder = load("ieee33")
    p, q = loads(feeder)
    scales = np.array([[0.5], [1.0], [4.0]])
    closed = np.repeat(feeder.arrays.closed[None], 3, axis=0)
    many = power_flows(feeder, closed, p * scales, q * scales)
    assert many.converged.tolist() == [True, True, False]
    assert many.loss_kw[0] == pytest.approx(power_flow(feeder.scaled(0.5)).loss_kw, rel=1e-12)
    # The literature's half load: 47.07 kW.
    assert many.loss_kw[0] == pytest.approx(47.07, abs=0.01)


def test_wrong_sizes_are_refused() -> None:
    feeder = load("ieee33")
    with pytest.raises(ValueError, match="closed has shape"):
        power_flow(feeder, np.ones(5, np.bool_))
    with pytest.raises(ValueError, match="p_kw has shape"):
        power_flow(feeder, None, np.ones(5))
    with pytest.raises(ValueError, match="closed has shape"):
        power_flows(feeder, np.ones(37, np.bool_))
