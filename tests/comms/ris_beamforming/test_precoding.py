"""Precoders: what they promise, what they must survive, and what the reference measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.comms.ris_beamforming import precoding
from drlapps.comms.ris_beamforming.fading import draw
from drlapps.comms.ris_beamforming.setting import Setting
from drlapps.comms.ris_beamforming.surface import Surface

NOISE = 0.01
PRECODERS = {
    "mrt": lambda h, power, noise: precoding.mrt(h, power),
    "zf": lambda h, power, noise: precoding.zf(h, power),
    "zf_water_filling": precoding.zf_water_filling,
    "rzf": precoding.rzf,
    "mmse": precoding.mmse,
    "wmmse": lambda h, power, noise: precoding.wmmse(h, power, noise, precoding.mrt(h, power)),
    "polished": precoding.polished,
}

sizes = st.integers(1, 6)
powers = st.sampled_from([1e-6, 1e-2, 1.0, 1e3, 1e8])
seeds = st.integers(0, 2**31)
names = st.sampled_from(sorted(PRECODERS))


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return np.sqrt(0.5) * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))


def used(g: np.ndarray) -> np.ndarray:
    return np.asarray((np.abs(g) ** 2).sum(axis=(-2, -1)))


@given(seeds, sizes, sizes, powers, names)
@settings(deadline=None, max_examples=80)
def test_all_spend_the_power_and_none_minds_the_order_or_phases_of_users(
    seed: int, users: int, antennas: int, power: float, name: str
) -> None:
    rng = np.random.default_rng(seed)
    h = normal(rng, 3, users, antennas)
    precoder = PRECODERS[name]
    g = precoder(h, power, NOISE)
    assert used(g) == pytest.approx(np.full(3, power))
    rates = precoding.user_rates(h, g, NOISE)
    order = rng.permutation(users)
    turned = h[:, order] * np.exp(1j * rng.uniform(0, 6, (users, 1)))
    again = precoding.user_rates(turned, precoder(turned, power, NOISE), NOISE)
    # WMMSE of more users than antennas may stop in another of equally good places.
    assert again.sum(axis=-1) == pytest.approx(rates.sum(axis=-1), rel=1e-6)
    if name not in ("wmmse", "polished"):
        assert again == pytest.approx(rates[:, order], rel=1e-6, abs=1e-9)
    one = precoder(h[1], power, NOISE)
    assert precoding.sum_rate(h[1], one, NOISE) == pytest.approx(rates[1].sum(), rel=1e-9)


DEGENERATE = {
    "no channel": lambda h: 0.0 * h,
    "a user without a channel": lambda h: h * (np.arange(len(h[0])) > 0)[:, None],
    "equal users": lambda h: h[:, :1] + 0.0 * h,
    "rank one": lambda h: h[:, :, :1] * h[:, :1],
    "a weak user": lambda h: h * np.where(np.arange(len(h[0])) > 0, 1.0, 1e-9)[:, None],
    "weak": lambda h: 1e-12 * h,
    "strong": lambda h: 1e9 * h,
}


@pytest.mark.parametrize("kind", DEGENERATE)
@pytest.mark.parametrize("name", PRECODERS)
def test_what_is_degenerate_gives_no_nan(kind: str, name: str) -> None:
    rng = np.random.default_rng(1)
    for users, antennas in ((1, 1), (1, 4), (4, 1), (4, 4), (6, 3), (3, 6)):
        h = DEGENERATE[kind](normal(rng, 2, users, antennas))
        for power in (1e-12, 1.0, 1e12):
            for noise in (0.0, 1e-30, NOISE, 1e30):
                g = PRECODERS[name](h, power, noise)
                assert used(g) == pytest.approx(np.full(2, power))
                assert not np.isnan(precoding.user_rates(h, g, noise)).any()


def test_rates_without_noise() -> None:
    h = np.eye(2, dtype=complex)
    assert precoding.user_rates(h, h, 0.0).tolist() == [np.inf, np.inf]
    assert precoding.user_rates(0 * h, h, 0.0).tolist() == [0.0, 0.0]
    assert precoding.user_rates(h, np.ones((2, 2)), 0.0).tolist() == [1.0, 1.0]


@given(seeds, sizes, powers)
@settings(deadline=None, max_examples=50)
def test_zero_forcing_rates_are_the_closed_form(seed: int, users: int, power: float) -> None:
    h = normal(np.random.default_rng(seed), users, users + 1)
    cost = np.diagonal(np.linalg.inv(h @ h.conj().T)).real
    expected = np.log2(1.0 + power / (users * NOISE * cost))
    found = precoding.user_rates(h, precoding.zf(h, power), NOISE)
    assert found == pytest.approx(expected, rel=1e-8)


def test_zero_forcing_of_too_many_users_serves_some_without_interference() -> None:
    h = normal(np.random.default_rng(2), 6, 3)
    g = precoding.zf(h, 1.0)
    served = np.flatnonzero(np.abs(g).sum(axis=0))
    assert len(served) == 3
    t = h[served] @ g[:, served]
    assert t == pytest.approx(np.diag(np.diagonal(t)), abs=1e-12)
    assert np.argmax(np.linalg.norm(h, axis=1)) in served


def test_water_filling_meets_its_optimality_conditions() -> None:
    rng = np.random.default_rng(3)
    for power in (1e-3, 0.1, 10.0):
        h = normal(rng, 200, 4, 4)
        g = precoding.zf_water_filling(h, power, NOISE)
        t = np.abs(np.diagonal(h @ g, axis1=1, axis2=2)) ** 2
        p = (np.abs(g) ** 2).sum(axis=1)
        cost = np.diagonal(np.linalg.inv(h @ h.conj().swapaxes(1, 2)), axis1=1, axis2=2).real
        level = np.where(p > 0, p + NOISE * cost, np.inf).min(axis=1, keepdims=True)
        assert t == pytest.approx(p / cost, rel=1e-6)
        assert np.where(p > 0, p + NOISE * cost, level) == pytest.approx(
            np.broadcast_to(level, p.shape)
        )
        assert (NOISE * cost >= level * (1 - 1e-9))[p == 0].all()
        better = precoding.sum_rate(h, g, NOISE)
        assert (better >= precoding.sum_rate(h, precoding.zf(h, power), NOISE) - 1e-9).all()


@given(seeds, sizes, sizes, powers)
@settings(deadline=None, max_examples=60)
def test_mmse_gives_the_rates_of_the_uplink(
    seed: int, users: int, antennas: int, power: float
) -> None:
    h = normal(np.random.default_rng(seed), users, antennas)
    rho = users * NOISE / power
    vectors, values, _ = np.linalg.svd(h)
    squares = np.zeros(users)
    squares[: len(values)] = values**2
    # rho (H H^H + rho I)^-1, by which A_kk keeps its digits.
    expected = -np.log2((np.abs(vectors) ** 2) @ (rho / (squares + rho)))
    found = precoding.user_rates(h, precoding.mmse(h, power, NOISE), NOISE)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_mmse_tends_to_zero_forcing() -> None:
    h = normal(np.random.default_rng(4), 3, 5)
    g, limit = precoding.mmse(h, 1e8, NOISE), precoding.zf(h, 1e8)
    assert np.abs(g) == pytest.approx(np.abs(limit), rel=1e-5)


def plain_wmmse(h: np.ndarray, power: float, g: np.ndarray, iterations: int) -> np.ndarray:
    """The iterations as Shi et al. 2011 write them, with the noise scaled by the power used."""
    for _ in range(iterations):
        t = h @ g
        whole = (np.abs(t) ** 2).sum(axis=1) + NOISE * used(g) / power
        u = np.diagonal(t) / whole
        w = 1.0 / (1.0 - np.abs(np.diagonal(t)) ** 2 / whole)
        c = w * np.abs(u) ** 2
        system = (h.conj().T * c) @ h + NOISE / power * c.sum() * np.eye(len(g))
        g = np.linalg.solve(system, h.conj().T * (u * w))
    return g * np.sqrt(power / used(g))


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 5), (5, 3)])
def test_wmmse_agrees_with_plain_numpy(shape: tuple[int, int]) -> None:
    h = normal(np.random.default_rng(5), 4, *shape)
    for power in (0.01, 1.0, 100.0):
        start = precoding.mrt(h, power)
        found = precoding.wmmse(h, power, NOISE, start, iterations=20, tolerance=-1.0)
        for row in range(4):
            expected = plain_wmmse(h[row], power, start[row], 20)
            assert found[row] == pytest.approx(expected, rel=1e-6, abs=1e-8 * np.sqrt(power))


@given(seeds, sizes, sizes, powers)
@settings(deadline=None, max_examples=60)
def test_no_wmmse_iteration_lowers_the_rate(
    seed: int, users: int, antennas: int, power: float
) -> None:
    rng = np.random.default_rng(seed)
    h = normal(rng, users, antennas)
    g = normal(rng, 4, antennas, users)  # several starts for one channel
    rates = precoding.sum_rate(h, g * np.sqrt(power / used(g))[:, None, None], NOISE)
    for _ in range(8):
        g = precoding.wmmse(h, power, NOISE, g, iterations=1)
        before, rates = rates, precoding.sum_rate(h, g, NOISE)
        assert (rates >= before * (1 - 1e-9)).all()


def test_wmmse_ends_where_the_rate_is_stationary() -> None:
    rng = np.random.default_rng(6)
    h = normal(rng, 4, 4)
    g = precoding.wmmse(h, 1.0, NOISE, precoding.mmse(h, 1.0, NOISE), 100_000, 1e-15)
    at = precoding.sum_rate(h, g, NOISE)
    for _ in range(20):
        step = 1e-4 * normal(rng, 4, 4)
        both = [x / np.sqrt(used(x)) for x in (g + step, g - step)]
        ahead, behind = (float(precoding.sum_rate(h, x, NOISE)) for x in both)
        assert abs(ahead - behind) / 2e-4 < 1e-3
        assert max(ahead, behind) < at + 1e-9


def test_polished_is_better_than_what_it_starts_from() -> None:
    h = normal(np.random.default_rng(7), 50, 4, 4)
    for power in (1e-4, 0.1, 1e3):
        best = precoding.sum_rate(h, precoding.polished(h, power, NOISE), NOISE)
        for name in ("mmse", "zf_water_filling", "zf"):
            rates = precoding.sum_rate(h, PRECODERS[name](h, power, NOISE), NOISE)
            assert (best >= rates - 1e-9).all()


def test_the_noise_may_differ_from_row_to_row() -> None:
    h = normal(np.random.default_rng(8), 3, 4, 4)
    noise = np.array([0.01, 0.1, 1.0])
    for name, precoder in PRECODERS.items():
        together = precoding.sum_rate(h, precoder(h, 1.0, noise), noise)
        for row in range(3):
            alone = precoding.sum_rate(h[row], precoder(h[row], 1.0, noise[row]), noise[row])
            assert together[row] == pytest.approx(alone), name


# Random phases, (4, 16, 4): MRT, ZF, WMMSE in bit/s/Hz over 50 channels, standard error 0.8 (MRT
# 0.2); measured with other code and other channels.
TABLE = {
    (1.0, 5.0): (4.69, 36.68, 36.99),
    (1.0, 15.0): (4.70, 49.92, 49.18),
    (1.0, 30.0): (4.70, 69.85, 68.84),
    (0.6, 5.0): (4.81, 33.89, 34.78),
    (0.6, 30.0): (4.81, 66.92, 65.99),
    (0.3, 30.0): (4.69, 64.04, 62.85),
}


@pytest.mark.parametrize(("beta", "dbm"), TABLE)
def test_rates_at_random_phases_are_those_of_the_reference(beta: float, dbm: float) -> None:
    rng = np.random.default_rng(9)
    cascaded = np.stack([draw(Setting(), rng, "").cascaded[0] for _ in range(400)])
    phi = Surface(beta).reflection(rng.uniform(-np.pi, np.pi, (400, 16)))
    h = np.einsum("bn,bknm->bkm", phi, cascaded)
    power = 10 ** (dbm / 10)
    mrt = precoding.mrt(h, power)
    found = (mrt, precoding.zf(h, power), precoding.wmmse(h, power, NOISE, mrt, 200))
    for g, expected, error in zip(found, TABLE[beta, dbm], (0.2, 0.8, 0.8), strict=True):
        rates = precoding.sum_rate(h, g, NOISE)
        assert abs(rates.mean() - expected) < 3 * np.hypot(error, rates.std() / 20)
