from __future__ import annotations

import numpy as np
import pytest

from drlapps.energy.grid.cases import critical, load, names
from drlapps.energy.grid.feeder import Feeder
from drlapps.energy.grid.power_flow import power_flow
from drlapps.errors import InputError

# Losses in kW and lowest voltages of normal operation as published with the data, in as many
# digits, then buses, branches and ties.
BASE = {
    "ieee33": ("202.677", "0.91309", 33, 37, 5),
    "ieee69": ("224.992", "0.90919", 69, 73, 5),
    "zhang118": ("1298.09", "0.8688", 118, 132, 15),
    "136": ("320.36", "0.93065", 136, 156, 21),
}

MANTOVANI = (
    7, 35, 51, 90, 96, 106, 118, 126, 135, 137, 138, 141, 142, 144, 145, 146, 147, 148, 150, 151,
    155,
)  # fmt: skip

# Open branches and losses in kW of configurations known from the reconfiguration literature: the
# optimum of the first (and its 2 successors) and the best ones that are known of the others.
KNOWN = [
    ("ieee33", (7, 9, 14, 32, 37), 139.551, 0.93782),
    ("ieee33", (7, 9, 14, 28, 32), 139.978, 0.94128),
    ("ieee33", (7, 10, 14, 32, 37), 140.279, 0.93782),
    (
        "zhang118",
        (23, 26, 34, 39, 42, 51, 58, 71, 74, 95, 97, 109, 122, 129, 130),
        869.73,
        0.9323,
    ),
    ("136", MANTOVANI, 280.19, 0.9589),
]


def digits(text: str) -> float:
    """Half a unit of a number's last digit."""
    return 0.501 * 10.0 ** -len(text.partition(".")[2])


@pytest.mark.parametrize("name", BASE)
def test_published_losses_and_voltages(name: str) -> None:
    feeder = load(name)
    loss, voltage, buses, branches, ties = BASE[name]
    flow = power_flow(feeder)
    assert flow.loss_kw == pytest.approx(float(loss), abs=digits(loss))
    assert flow.min_voltage == pytest.approx(float(voltage), abs=digits(voltage))
    assert (len(feeder.buses), len(feeder.branches)) == (buses, branches)
    closed = [branch.closed for branch in feeder.branches]
    assert closed == [True] * (branches - ties) + [False] * ties
    assert [branch.name for branch in feeder.branches] == [str(k + 1) for k in range(branches)]
    assert feeder.name == name


def spanning_trees(feeder: Feeder) -> int:
    """Kirchhoff's matrix tree theorem, in exact arithmetic (Bareiss)."""
    n = len(feeder.buses)
    laplacian = [[0] * n for _ in range(n)]
    for branch in feeder.branches:
        i, j = feeder.index[branch.from_bus], feeder.index[branch.to_bus]
        for a, b in ((i, j), (j, i)):
            laplacian[a][a] += 1
            laplacian[a][b] -= 1
    m = [row[1:] for row in laplacian[1:]]
    last = 1
    for k in range(n - 2):
        for i in range(k + 1, n - 1):
            for j in range(k + 1, n - 1):
                m[i][j] = (m[i][j] * m[k][k] - m[i][k] * m[k][j]) // last
        last = m[k][k]
    return m[-1][-1]


@pytest.mark.parametrize(("name", "count"), [("ieee33", 50_751), ("ieee69", 407_924)])
def test_radial_configurations_are_as_many_as_published(name: str, count: int) -> None:
    assert spanning_trees(load(name)) == count


@pytest.mark.parametrize(("name", "open_", "loss", "voltage"), KNOWN)
def test_known_configurations(
    name: str, open_: tuple[int, ...], loss: float, voltage: float
) -> None:
    feeder = load(name)
    closed = np.ones(len(feeder.branches), np.bool_)
    closed[np.array(open_) - 1] = False
    flow = power_flow(feeder, closed)
    assert flow.energised.all()
    assert flow.loss_kw == pytest.approx(loss, abs=0.005)
    assert flow.min_voltage == pytest.approx(voltage, abs=5e-5)


def test_branch_7_is_not_the_variant_of_later_papers() -> None:
    assert load("ieee33").branches[6].r_ohm == 0.7114


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("33", "ieee33"), ("IEEE33", "ieee33"), ("IEEE-33", "ieee33"), ("case33bw", "ieee33"),
        ("ieee 69", "ieee69"), ("case118zh", "zhang118"), ("136ma", "136"),
    ],
)  # fmt: skip
def test_other_names(alias: str, name: str) -> None:
    assert load(alias) is load(name)


def test_unknown_names_get_a_suggestion() -> None:
    assert names() == ("ieee33", "ieee69", "zhang118", "136")
    with pytest.raises(InputError, match=r"unknown feeder 'ieee34'; did you mean ieee33"):
        load("ieee34")


def test_critical_loads_are_drawn_by_seed() -> None:
    feeder = load("ieee33")
    first, again, other = critical(feeder), critical(feeder), critical(feeder, seed=1)
    assert first == again
    assert first != other
    weights = np.array([bus.weight for bus in first.buses])
    assert (weights > 1).sum() == 8
    assert set(weights) <= set(range(1, 11))
    assert weights[0] == 1
    assert power_flow(first).loss_kw == power_flow(feeder).loss_kw
    assert critical(feeder, share=0.0) == feeder
    with pytest.raises(InputError, match="share of critical loads"):
        critical(feeder, share=1.5)
