"""Phase L-BFGS against dense linear algebra, finite differences, scipy and closed forms."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from drlapps.comms.ris_beamforming import paper, precoding
from drlapps.comms.ris_beamforming.block import Block, believed_block
from drlapps.comms.ris_beamforming.fading import draw
from drlapps.comms.ris_beamforming.lbfgs import (
    OBJECTIVES,
    ascend,
    ascend_blocks,
    downlink,
    value_and_gradient,
)
from drlapps.comms.ris_beamforming.setting import Setting, parse
from drlapps.errors import InputError

LABELS = (
    "4x16x4-30dbm-ideal",
    "4x16x4-5dbm-beta0.3-direct",
    "6x5x3-10dbm-beta0.6-mu0.7-kappa0.4",
    "2x7x4-0dbm-beta0.2-kappa2",
    "1x3x1--10dbm-ideal-direct",
    "3x6x3-5dbm-ideal-paper",
)


def block(setting: Setting | str, seed: int = 0) -> Block:
    setting = parse(setting) if isinstance(setting, str) else setting
    return believed_block(draw(setting, np.random.default_rng(seed), "drawn"), 0)


def angles(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).uniform(-np.pi, np.pi, shape)


def exists(block: Block, objective: str) -> bool:
    return objective != "zf" or len(block.direct) <= block.direct.shape[1]


def twin(block: Block, variables: np.ndarray, objective: str) -> float:
    """The objective by dense linear algebra."""
    users, elements, _ = block.cascaded.shape
    phases, logarithms = np.split(variables, [elements])
    h = block.matrix(phases)
    if len(logarithms):
        powers = np.exp(logarithms)
        h = np.sqrt(users * powers / powers.sum())[:, None] * h
    rho = users * block.noise / block.power
    gram = h @ h.conj().T
    if objective == "zf":
        return float(np.log2(1.0 + 1.0 / (rho * np.diagonal(np.linalg.inv(gram)).real)).sum())
    inverse = np.linalg.inv(gram + rho * np.eye(users))
    return float(-np.log2(rho * np.diagonal(inverse).real).sum())


def by_scipy(block: Block, start: np.ndarray, objective: str) -> float:
    def loss(phases: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_gradient(block, phases, objective)
        return -value, -gradient

    return float(-minimize(loss, start, jac=True, method="L-BFGS-B").fun)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("label", LABELS)
def test_value_and_gradient_agree_with_linear_algebra_and_differences(label, objective):
    drawn = block(label)
    users, elements, _ = drawn.cascaded.shape
    if not exists(drawn, objective):
        pytest.skip("no zero forcing for more users than antennas")
    variables = angles(1, elements + users * (objective == "rate"))
    value, gradient = value_and_gradient(drawn, variables, objective)
    assert value == pytest.approx(twin(drawn, variables, objective), rel=1e-9)
    steps = 1e-6 * np.eye(len(variables))
    differences = [
        (twin(drawn, variables + step, objective) - twin(drawn, variables - step, objective)) / 2e-6
        for step in steps
    ]
    assert gradient == pytest.approx(differences, abs=3e-6 * max(1.0, np.abs(gradient).max()))


def test_the_law_of_the_papers_code_is_differentiated_too():
    drawn = block("3x6x3-5dbm-beta0.3-paper")
    phases = angles(2, 6)

    def rate(phases: np.ndarray) -> float:
        ideal = replace(drawn, paper_model=False)
        reflected = paper.reflection(drawn.surface, phases)
        h = np.einsum("n,knm->km", reflected, ideal.cascaded)
        rho = 3 * drawn.noise / drawn.power
        inverse = np.linalg.inv(h @ h.conj().T + rho * np.eye(3))
        return float(-np.log2(rho * np.diagonal(inverse).real).sum())

    value, gradient = value_and_gradient(drawn, phases, "mmse")
    assert value == pytest.approx(rate(phases))
    steps = 1e-6 * np.eye(6)
    differences = [(rate(phases + step) - rate(phases - step)) / 2e-6 for step in steps]
    assert gradient == pytest.approx(differences, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(LABELS[:5]), st.sampled_from(OBJECTIVES))
def test_climbs_end_no_lower_than_they_start_and_where_no_slope_is_left(seed, label, objective):
    drawn = block(label, seed)
    if not exists(drawn, objective):
        return
    starts = angles(seed, 2, drawn.cascaded.shape[1])
    found = ascend_blocks([drawn], starts[None], objective)
    users = len(drawn.direct)
    for phases, powers, value, start in zip(
        found.phases[0], found.powers[0], found.values[0], starts, strict=True
    ):
        chosen = [phases, np.log(np.maximum(powers, 1e-300))] if objective == "rate" else [phases]
        end, gradient = value_and_gradient(drawn, np.concatenate(chosen), objective)
        assert value == pytest.approx(end, rel=1e-9)
        assert value >= value_and_gradient(drawn, start, objective)[0] - 1e-9
        assert np.abs(gradient).max() < 0.05
        assert powers.sum() == pytest.approx(1.0)
        assert len(powers) == users


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(LABELS), st.sampled_from(OBJECTIVES[:2]))
def test_the_order_of_elements_users_and_antennas_does_not_matter(seed, label, objective):
    drawn = block(label, seed)
    if not exists(drawn, objective):
        return
    rng = np.random.default_rng(seed)
    k, n, m = (rng.permutation(size) for size in drawn.cascaded.shape)
    mixed = replace(drawn, cascaded=drawn.cascaded[k][:, n][:, :, m], direct=drawn.direct[k][:, m])
    phases = angles(seed, len(n))
    value, gradient = value_and_gradient(drawn, phases, objective)
    shuffled, slopes = value_and_gradient(mixed, phases[n], objective)
    assert shuffled == pytest.approx(value, rel=1e-7)
    assert slopes == pytest.approx(gradient[n], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_batch_finds_to_the_bit_what_its_members_find_alone(objective):
    blocks = [block("4x16x4-30dbm-beta0.6", seed) for seed in range(3)]
    starts = angles(3, 3, 2, 16)
    together = ascend_blocks(blocks, starts, objective)
    for index, drawn in enumerate(blocks):
        phases, values = ascend(drawn, starts[index], objective)
        assert np.array_equal(phases, together.phases[index])
        assert np.array_equal(values, together.values[index])


@pytest.mark.parametrize("objective", ["zf", "mmse"])
@pytest.mark.parametrize("label", ["4x16x4-30dbm-ideal", "4x16x4-5dbm-beta0.3"])
def test_the_rate_is_that_of_scipys_optimiser(label, objective):
    # Climbs from one start may end on different hills, so the means of many are compared.
    blocks = [block(label, seed) for seed in range(12)]
    starts = angles(4, 12, 2, 16)
    own = ascend_blocks(blocks, starts, objective).values
    peer = [
        [by_scipy(drawn, start, objective) for start in row]
        for drawn, row in zip(blocks, starts, strict=True)
    ]
    assert np.mean(own) == pytest.approx(np.mean(peer), abs=0.15)
    assert np.max(own, axis=1).mean() == pytest.approx(np.max(peer, axis=1).mean(), abs=0.15)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_for_one_antenna_and_one_user_all_paths_are_aligned(objective):
    drawn = block("1x9x1-0dbm-ideal-direct", 5)
    _, values = ascend(drawn, angles(5, 1, 9), objective)
    gain = (np.abs(drawn.cascaded).sum() + np.abs(drawn.direct).sum()) ** 2
    assert values[0] == pytest.approx(np.log2(1.0 + drawn.power * gain / drawn.noise))


def test_without_a_surface_that_bends_the_law_reflections_have_modulus_one():
    drawn = block("4x16x4-30dbm-ideal")
    phases, _ = ascend(drawn, angles(6, 1, 16))
    assert np.abs(drawn.reflection(phases)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("label", ["4x16x4--20dbm-ideal", "2x7x4-10dbm-beta0.3", LABELS[0]])
def test_the_downlink_reaches_the_dual_uplinks_rate(label):
    drawn = block(label, 7)
    starts = angles(7, 1, 4, drawn.cascaded.shape[1])
    for objective in ("mmse", "rate"):
        found = ascend_blocks([drawn], starts, objective)
        best = found.values[0].argmax()
        h = drawn.matrix(found.phases[0, best])
        precoder = downlink(h, found.powers[0, best], drawn.power, drawn.noise)
        assert np.linalg.norm(precoder) ** 2 == pytest.approx(drawn.power)
        rate = precoding.sum_rate(h, precoder, drawn.noise)
        assert rate == pytest.approx(found.values[0, best], rel=1e-6)


def test_optimised_uplink_powers_gain_where_noise_is_loud():
    blocks = [block("4x16x4--30dbm-ideal", seed) for seed in range(10)]
    starts = angles(8, 10, 4, 16)
    equal, best = (ascend_blocks(blocks, starts, name).values.max(1) for name in OBJECTIVES[1:])
    assert best.mean() > equal.mean() + 0.3


def test_a_user_whom_nothing_reaches_gets_nothing():
    h = np.array([[1.0, 1.0j], [0.0, 0.0]])
    precoder = downlink(h, np.array([0.5, 0.5]), 2.0, 0.1)
    assert np.linalg.norm(precoder) ** 2 == pytest.approx(2.0)
    assert not precoder[:, 1].any()


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@pytest.mark.parametrize("objective", ["zf", "mmse"])
def test_no_other_level_of_a_single_element_helps(bits, objective):
    drawn = block(replace(parse("3x6x3-10dbm-beta0.6"), bits=bits), bits)
    phases, values = ascend(drawn, angles(9, 2, 6), objective)
    step = drawn.surface.step
    assert phases / step == pytest.approx(np.round(phases / step), abs=1e-9)
    for found, value in zip(phases, values, strict=True):
        assert value == pytest.approx(twin(drawn, found, objective))
        for element, level in product(range(6), range(2**bits)):
            other = found.copy()
            other[element] = level * step
            assert twin(drawn, other, objective) <= value + 1e-6


def test_the_best_levels_of_a_small_surface_are_found():
    for seed in range(5):
        drawn = block(replace(parse("2x5x2-10dbm-ideal"), bits=1), seed)
        best = max(
            twin(drawn, np.pi * np.array(levels), "mmse") for levels in product((0, 1), repeat=5)
        )
        assert ascend(drawn, angles(seed, 16, 5))[1].max() == pytest.approx(best)


def test_impossible_objectives_are_refused():
    drawn = block("2x4x3-10dbm-ideal")
    with pytest.raises(InputError, match="mmse"):
        ascend(drawn, np.zeros((1, 4)), "mmsee")
    with pytest.raises(InputError, match="2 antennas cannot force zeros for 3 users"):
        ascend(drawn, np.zeros((1, 4)), "zf")


def test_users_whom_no_phases_tell_apart_have_no_zero_forcing_rate():
    drawn = block("2x4x2-10dbm-ideal")
    same = replace(drawn, cascaded=np.repeat(drawn.cascaded[:1], 2, axis=0))
    assert ascend(same, angles(10, 1, 4), "zf")[1] == -np.inf
    assert np.isfinite(ascend(same, angles(10, 1, 4), "mmse")[1])
