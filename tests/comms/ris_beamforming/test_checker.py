"""The checker agrees with the environment and notices what is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.checker import check, violations
from drlapps.comms.ris_beamforming.environment import RisBeamformingEnv
from drlapps.comms.ris_beamforming.instances import named

LABELS = (
    "4x16x4-30dbm-ideal",
    "4x16x4-30dbm-beta0.6-mismatch",
    "2x5x3-10dbm-beta0.3-mu0.5-bits2-direct-csi0.01-blocks4-pilots2-symbols100",
    "4x8x2-5dbm-beta0.6-rician10-kappa2-pathloss-blocks3",
    "4x8x4-30dbm-beta0.6-paper",
)


def played(word: str, **arguments: Any) -> tuple[Channel, dict[str, float], dict[str, Any]]:
    (channel,) = named([word])
    env = RisBeamformingEnv(1, [channel], autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": [channel]})
    rng = np.random.default_rng(0)
    while not env._terminated.all():
        env.step(rng.uniform(-1.0, 1.0, env.action_space.shape))
    return channel, env.metrics(0), env.solution(0)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("actions", ["increments", "joint"])
def test_metrics_agree_with_the_environment(label: str, actions: str) -> None:
    for relaxed in (False, True):
        channel, metrics, solution = played(f"{label}:1", actions=actions, steps=2, relaxed=relaxed)
        found = check(channel, solution)
        assert found.keys() == metrics.keys()
        for name, value in found.items():
            assert metrics[name] == pytest.approx(value, rel=1e-9), name


def test_a_design_by_hand() -> None:
    # toy-two: one antenna, one user, channels 1 and 2j, power 1, noise 3. Opposed they leave 1:
    # log2(1 + 1/3); aligned they add up to 3: log2(1 + 9/3) = 2.
    (channel,) = named(["toy-two"])
    for phases, rate in (
        ([0.0, 0.5 * math.pi], math.log2(4.0 / 3.0)),
        ([0.0, -0.5 * math.pi], 2.0),
    ):
        block = {"phases": phases, "precoder": {"re": [[0.0]], "im": [[1.0]]}}
        found = check(channel, {"blocks": [block], "relaxed": False})
        assert found["sum_rate"] == found["min_user_rate"] == pytest.approx(rate, rel=1e-12)
        assert found["jain_fairness"] == pytest.approx(1.0)
        assert found["power"] == pytest.approx(1.0)


def test_one_user_who_has_all() -> None:
    # toy-apart: two links of gain 1 and noise 1/2 that do not meet; all power, 1, on the first.
    (channel,) = named(["toy-apart"])
    precoder = {"re": [[1.0, 0.0], [0.0, 0.0]], "im": [[0.0, 0.0], [0.0, 0.0]]}
    solution = {"blocks": [{"phases": [0.3, 2.0], "precoder": precoder}], "relaxed": False}
    found = check(channel, solution)
    assert found["sum_rate"] == pytest.approx(math.log2(3.0))
    assert found["min_user_rate"] == 0.0
    assert found["jain_fairness"] == pytest.approx(0.5)
    # Streams that both users hear: user 1 has gain 1/2 from either, of noise 1/2.
    half = math.sqrt(0.5)
    solution["blocks"][0]["precoder"]["re"] = [[half, half], [0.0, 0.0]]
    assert check(channel, solution)["sum_rate"] == pytest.approx(math.log2(1.0 + 0.5 / 1.0))


def test_the_cooperative_bound_by_hand() -> None:
    # Two orthogonal paths of strength 1 and two reflections: the gain is 2, the ratio of power to
    # noise 2. One stream: log2(1 + 4); two that share power and gain: 2 log2(1 + 1).
    channel, _, solution = played("toy-apart", steps=1, relaxed=True)
    assert check(channel, solution)["sum_rate"] == pytest.approx(math.log2(5.0))


def test_too_much_power_is_noticed() -> None:
    channel, _, solution = played(f"{LABELS[0]}:1", steps=1)
    for part in ("re", "im"):
        entries = np.array(solution["blocks"][0]["precoder"][part])
        solution["blocks"][0]["precoder"][part] = (1.0000001 * entries).tolist()
    assert violations(channel, solution) == ["block 0: the precoder exceeds the transmit power"]
    assert check(channel, solution) == {"feasible": 0.0}


def test_a_phase_between_levels_is_noticed() -> None:
    channel, _, solution = played(f"{LABELS[2]}:1", steps=1)
    solution["blocks"][2]["phases"][3] += 2.0 * math.pi  # The same level, once around.
    assert violations(channel, solution) == []
    solution["blocks"][2]["phases"][3] += 0.01
    assert violations(channel, solution) == ["block 2: element 3 shows a phase that is no level"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"blocks": []}, "1 entries under 'blocks'"),
        ({"blocks": None}, "1 entries under 'blocks'"),
        ({"phases": [0.0]}, "block 0 needs 16 finite numbers under 'phases'"),
        ({"phases": [math.nan] * 16}, "block 0 needs 16 finite numbers under 'phases'"),
        ({"precoder": {"re": [["x"]]}}, "block 0 needs 4 x 4 finite numbers under 'precoder.re'"),
        ({"precoder": None}, "block 0 needs 4 x 4 finite numbers under 'precoder.re'"),
    ],
)
def test_a_malformed_solution_is_noticed(change: dict[str, Any], sentence: str) -> None:
    channel, _, solution = played(f"{LABELS[0]}:1", steps=1)
    if "blocks" in change:
        solution |= change
    else:
        solution["blocks"][0] |= change
    (found,) = violations(channel, solution)
    assert sentence in found
    assert check(channel, solution) == {"feasible": 0.0}
