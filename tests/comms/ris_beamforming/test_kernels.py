from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.comms.ris_beamforming import kernels, precoding
from drlapps.comms.ris_beamforming.block import Block, believed_block
from drlapps.comms.ris_beamforming.fading import draw
from drlapps.comms.ris_beamforming.link import Link
from drlapps.comms.ris_beamforming.sensing import Sensor
from drlapps.comms.ris_beamforming.setting import Setting

SETTINGS = (
    Setting(),
    Setting(amplitude="phase-dependent", beta_min=0.3, mu=0.4, kappa=1.7),
    Setting(antennas=6, elements=5, users=3, direct=True, power_dbm=5.0),
    Setting(antennas=2, elements=7, users=4, power_dbm=10.0, csi_error_variance=0.05),
    Setting(elements=12, bits=2, fading="rician"),
)


def sensor(setting: Setting, seed: int = 0, rows: int = 1, room: int = 0) -> tuple[Sensor, Block]:
    """A sensor whose first row has random channels and phases; arrays larger by ``room``."""
    rng = np.random.default_rng(seed)
    block = believed_block(draw(setting, rng, "drawn"), 0)
    found = Sensor(rows, setting.users + room, setting.elements + room, setting.antennas + room)
    found.load(np.arange(1), [block])
    found.phases[0, : setting.elements] = rng.uniform(-np.pi, np.pi, setting.elements)
    return found, block


def noise_to_reckon_with(block: Block, phases: np.ndarray) -> float:
    gain = (np.abs(block.reflection(phases)) ** 2).sum() + block.has_direct
    return float(block.noise + block.power * block.error * gain)


def objective(block: Block, phases: np.ndarray, noise: float | None = None) -> np.ndarray:
    """The users' rates by dense linear algebra: the twin of ``reflect, respond, invert``."""
    h = block.matrix(phases)
    noise = noise_to_reckon_with(block, phases) if noise is None else noise
    rho = len(h) * noise / block.power
    inverse = np.linalg.inv(h @ h.conj().T + rho * np.eye(len(h)))
    return np.asarray(-np.log2(rho * np.diagonal(inverse).real))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.label)
@pytest.mark.parametrize("room", [0, 2])
def test_believed_rates_agree_with_dense_linear_algebra(setting: Setting, room: int) -> None:
    found, block = sensor(setting, room=room)
    found.sense(np.arange(1), np.ones(1))
    phases = found.phases[0, : setting.elements]
    assert found.value[0] == pytest.approx(objective(block, phases).sum(), rel=1e-10)
    assert np.allclose(
        found.matrix[0, : setting.users, : setting.antennas], block.matrix(phases), atol=1e-12
    )
    noise = noise_to_reckon_with(block, phases)
    precoder = precoding.mmse(block.matrix(phases), block.power, noise)
    reached = precoding.sum_rate(block.matrix(phases), precoder, noise)
    assert found.value[0] == pytest.approx(float(reached), rel=1e-9)


@pytest.mark.parametrize("setting", [s for s in SETTINGS if not s.bits], ids=lambda s: s.label)
def test_the_sensed_pull_is_the_derivative_of_the_rates(setting: Setting) -> None:
    found, block = sensor(setting)
    found.sense(np.arange(1), np.ones(1))
    phases = found.phases[0].copy()
    # The part of the noise that stands for the estimates' error is held fixed.
    noise = noise_to_reckon_with(block, phases)
    step = 1e-6
    for n in range(setting.elements):
        nudge = step * (np.arange(setting.elements) == n)
        numeric = (
            objective(block, phases + nudge, noise) - objective(block, phases - nudge, noise)
        ) / (2.0 * step)
        beta, slope = found.law[0, :2, n]
        pull = found._pull[0, 0, :, n] + 1j * found._pull[0, 1, :, n]
        assert np.allclose(((1j * beta + slope) * pull).real, numeric, atol=1e-4, rtol=1e-4)


def test_paper_model_is_sensed_as_it_is_scored() -> None:
    setting = Setting(paper_model=True, amplitude="phase-dependent")
    found, block = sensor(setting)
    found.sense(np.arange(1), np.ones(1))
    assert found.value[0] == pytest.approx(objective(block, found.phases[0]).sum(), rel=1e-10)


@given(seed=st.integers(0, 2**31), angle=st.floats(-3.0, 3.0))
@settings(max_examples=25, deadline=None)
def test_observations_do_not_hang_on_names_or_on_the_phase_of_all_elements(
    seed: int, angle: float
) -> None:
    """Without direct path and amplitude law a common rotation changes nothing that is sensed."""
    setting = Setting(antennas=4, elements=6, users=3)
    found, block = sensor(setting, seed)
    found.sense(np.arange(1), np.ones(1))
    rng = np.random.default_rng(seed)
    elements, users = rng.permutation(6), rng.permutation(3)
    other = Sensor(1, 3, 6, 4)
    renamed = block.cascaded[users][:, elements]
    again = Block(renamed, block.direct, block.power, block.noise, block.surface)
    other.load(np.arange(1), [again])
    other.phases[0] = found.phases[0, elements] + angle
    other.sense(np.arange(1), np.ones(1))
    first = kernels.ELEMENT_COLUMNS
    expected = found.seen[0, elements]
    assert np.allclose(other.seen[0, :, :first], expected[:, :first], atol=2e-4)
    per_user = expected[:, first:].reshape(6, 3, kernels.USER_COLUMNS)[:, users]
    assert np.allclose(other.seen[0, :, first:].reshape(6, 3, -1), per_user, atol=2e-4)


def test_rows_are_sensed_alone() -> None:
    """Rows that are not named stay as they are, and neighbours do not matter."""
    found, block = sensor(Setting(), rows=3)
    found.sense(np.arange(1), np.ones(1))
    alone = found.seen[0].copy()
    found.load(np.arange(1, 3), [block, block])
    found.phases[1] = found.phases[0]
    before = found.seen[2].copy()
    found.sense(np.array([1]), np.ones(1))
    assert np.array_equal(found.seen[1], alone)
    assert np.array_equal(found.seen[2], before)


def test_what_was_sensed_before_a_decision_stays_in_the_observation() -> None:
    found, _ = sensor(Setting())
    rows = np.arange(1)
    found.sense(rows, np.ones(1))
    first = found.seen[0].copy()
    assert not first[:, 6].any()
    found.move(rows, np.full((1, 16), 0.1))
    found.sense(rows, np.full(1, 0.5))
    second = found.seen[0]
    assert np.allclose(second[:, 4], 0.1)
    assert np.array_equal(second[:, 6], first[:, 5])
    assert np.array_equal(second[:, 8], first[:, 7])
    at = kernels.ELEMENT_COLUMNS
    assert np.array_equal(second[:, at + 2 : at + 4], first[:, at : at + 2])
    assert second[0, 11] == 0.5
    assert second[0, 13] == pytest.approx((found.value[0] - found.before[0]) / 8.0, abs=1e-6)


def test_shifters_show_their_levels() -> None:
    found, _ = sensor(Setting(bits=1))
    found.sense(np.arange(1), np.ones(1))
    assert np.allclose(np.exp(2j * found.shown[0]), 1.0)
    link = Link(1, 4, 16, 4)
    assert link.matrices(np.arange(1)).shape == (1, 1, 1)
