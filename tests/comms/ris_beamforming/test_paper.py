"""The units of the code of Saglam et al.: its scaling, its noise, and what closed forms get there.

The numbers come from a measurement in that code's own model, without any of this package: 100
channels, 16 elements, 4 antennas, 4 users, least amplitude 0.6, random actions.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drlapps.comms.ris_beamforming import paper, precoding
from drlapps.comms.ris_beamforming.block import true_block
from drlapps.comms.ris_beamforming.fading import draw
from drlapps.comms.ris_beamforming.setting import Setting
from drlapps.comms.ris_beamforming.surface import Complex, Surface

PHASES = arrays(np.float64, (3, 5), elements=st.floats(-7.0, 7.0, allow_subnormal=False))
MEASURED = {
    ("mrt", 5.0): 3.85, ("zf", 5.0): 3.68, ("wmmse", 5.0): 7.20,
    ("mrt", 30.0): 4.58, ("zf", 30.0): 29.6, ("wmmse", 30.0): 30.6,
}  # fmt: skip
CHANNELS = 100


def precoder(method: str, matrices: Complex, power: float, noise: float) -> Complex:
    if method == "mrt":
        return precoding.mrt(matrices, power)
    if method == "zf":
        return precoding.zf_water_filling(matrices, power, noise)
    return precoding.polished(matrices, power, noise)


@pytest.mark.parametrize(("elements", "modulus"), [(16, 0.068), (64, 0.017)])
def test_random_actions_reflect_as_little_as_measured(elements: int, modulus: float) -> None:
    rng = np.random.default_rng(0)
    parts = rng.uniform(-1.0, 1.0, (2, 4000, elements))
    reflected = np.abs(paper.normalised(parts[0] + 1j * parts[1]))
    assert reflected.mean() == pytest.approx(modulus, abs=0.0005)


@given(PHASES)
def test_both_parts_share_one_budget(phases: np.ndarray) -> None:
    scaled = paper.normalised(np.exp(1j * phases))
    for part in (scaled.real, scaled.imag):
        budget = np.abs(part).sum(axis=-1)
        assert ((np.abs(budget - math.sqrt(0.5)) < 1e-12) | (budget == 0.0)).all()


def test_a_part_that_all_elements_lack_stays_zero() -> None:
    assert (paper.normalised(np.ones((2, 3), complex)).imag == 0.0).all()


@given(PHASES, st.floats(-2.0, 2.0), st.floats(0.0, 1.0))
def test_the_law_reads_the_arctangent_with_swapped_arguments(
    phases: np.ndarray, mu: float, beta_min: float
) -> None:
    surface = Surface(beta_min, mu)
    swapped = np.arctan2(np.cos(phases), np.sin(phases))
    np.testing.assert_allclose(
        paper.swapped(surface).amplitude(phases), surface.amplitude(swapped), atol=1e-9
    )


@given(PHASES)
def test_the_law_comes_after_the_scaling(phases: np.ndarray) -> None:
    surface = Surface(0.6)
    reflected = paper.reflection(surface, phases)
    scaled = paper.normalised(np.exp(1j * phases))
    np.testing.assert_allclose(np.abs(reflected), surface.amplitude(phases) * np.abs(scaled))


def test_noise_counts_the_other_users() -> None:
    assert [paper.noise(0.01, users) for users in (1, 2, 4)] == pytest.approx([0.0, 0.01, 0.03])


@pytest.mark.parametrize("power_dbm", [5.0, 30.0])
def test_closed_forms_and_wmmse_get_what_was_measured(power_dbm: float) -> None:
    setting = Setting(power_dbm=power_dbm, amplitude="phase-dependent", paper_model=True)
    rng = np.random.default_rng(1)
    blocks = [true_block(draw(setting, rng, "random"), 0) for _ in range(400)]
    phases = rng.uniform(-np.pi, np.pi, (len(blocks), setting.elements))
    matrices = np.stack([b.matrix(p) for b, p in zip(blocks, phases, strict=True)])
    noise = blocks[0].noise
    for method in ("mrt", "zf", "wmmse"):
        g = precoder(method, matrices, setting.power, noise)
        rates = precoding.sum_rate(matrices, g, noise)
        error = rates.std() * math.sqrt(1.0 / len(rates) + 1.0 / CHANNELS)
        assert abs(rates.mean() - MEASURED[method, power_dbm]) < 3.0 * error, method
