"""Exact discretisation against the exponential, the differential equation, and physics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from drlapps.control.motors.discretisation import PLANT_COLUMNS, synchronous, zero_order_hold

# The default machine of gym-electric-motor: ohm, henry, henry, weber.
R, LD, LQ, PSI = 18e-3, 0.37e-3, 1.2e-3, 66e-3
TAU = 1e-4


def closed(r: float, ld: float, lq: float, psi: float, w: float) -> np.ndarray:
    out = np.empty((1, PLANT_COLUMNS))
    synchronous(*(np.array([x]) for x in (r, ld, lq, psi, w)), TAU, out)
    return out[0]


def matrices(
    r: float, ld: float, lq: float, psi: float, w: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a = np.array([[-r / ld, w * lq / ld], [-w * ld / lq, -r / lq]])
    return a, np.diag([1 / ld, 1 / lq]), np.array([0.0, -w * psi / lq])


@given(
    r=st.floats(1e-3, 5.0),
    ld=st.floats(1e-4, 1e-2),
    saliency=st.floats(0.5, 4.0),
    w=st.floats(-3000.0, 3000.0),
)
def test_the_closed_form_is_the_matrix_exponential(
    r: float, ld: float, saliency: float, w: float
) -> None:
    numbers = (r, ld, saliency * ld, PSI, w)
    f, g, h = zero_order_hold(*matrices(*numbers), TAU)
    found = closed(*numbers)
    assert found[0:4].reshape(2, 2) == pytest.approx(f, rel=1e-9, abs=1e-12)
    assert found[4:8].reshape(2, 2) == pytest.approx(g, rel=1e-7, abs=1e-10)
    assert found[8:10] == pytest.approx(h, rel=1e-7, abs=1e-8)
    assert found[10:12] == pytest.approx([np.cos(w * TAU), np.sin(w * TAU)])


@pytest.mark.parametrize("w", [0.0, 1e-9, 300.0, -900.0])
def test_a_held_voltage_gives_the_solution_of_the_differential_equation(w: float) -> None:
    a, b, c = matrices(R, LD, LQ, PSI, w)
    start, voltage = np.array([30.0, -70.0]), np.array([120.0, 40.0])
    exact = solve_ivp(
        lambda _, x: a @ x + b @ voltage + c, (0.0, TAU), start, rtol=1e-11, atol=1e-11
    ).y[:, -1]
    f, g, h = zero_order_hold(a, b, c, TAU)
    assert f @ start + g @ voltage + h == pytest.approx(exact, abs=1e-7)
    m = closed(R, LD, LQ, PSI, w)
    found = m[0:4].reshape(2, 2) @ start + m[4:8].reshape(2, 2) @ voltage + m[8:10]
    assert found == pytest.approx(exact, abs=1e-7)


def test_several_plants_at_once() -> None:
    speeds = (0.0, 200.0, 500.0)
    each = [matrices(R, LD, LQ, PSI, w) for w in speeds]
    stacked = [np.stack(parts) for parts in zip(*each, strict=True)]
    f, g, h = zero_order_hold(*stacked, TAU)
    assert (f.shape, g.shape, h.shape) == ((3, 2, 2), (3, 2, 2), (3, 2))
    one = zero_order_hold(*(part[1] for part in stacked), TAU)
    for many, single in zip((f, g, h), one, strict=True):
        assert many[1] == pytest.approx(single)


def test_the_machine_at_rest_is_a_resistor_and_a_coil() -> None:
    # i = u / R (1 - exp(-R t / L)), and the axes do not see each other.
    m = closed(R, LD, LQ, PSI, 0.0)
    assert m[4] == pytest.approx((1 - np.exp(-R * TAU / LD)) / R, rel=1e-9)
    assert m[[1, 2, 5, 6, 8, 9]] == pytest.approx(np.zeros(6))
