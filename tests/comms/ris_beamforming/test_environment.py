from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.comms.ris_beamforming import precoding
from drlapps.comms.ris_beamforming.block import believed_block, true_block
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.environment import RisBeamformingEnv
from drlapps.comms.ris_beamforming.fading import draw
from drlapps.comms.ris_beamforming.setting import Setting
from drlapps.errors import InputError


def channels(*settings: Setting, count: int = 1, seed: int = 0) -> list[Channel]:
    return [
        draw(setting, np.random.default_rng([seed, number]), f"{setting.label}:{number}")
        for setting in settings
        for number in range(count)
    ]


def evaluation(pool: list[Channel], **parameters: object) -> tuple[RisBeamformingEnv, np.ndarray]:
    env = RisBeamformingEnv(len(pool), pool, autoreset_mode=AutoresetMode.DISABLED, **parameters)
    seen, _ = env.reset(seed=3, options={"instances": pool})
    return env, seen


def phases_of(env: RisBeamformingEnv, row: int, block: int = 0) -> np.ndarray:
    return np.array(env.solution(row)["blocks"][block]["phases"])


VARIOUS = (
    Setting(),
    Setting(antennas=6, elements=9, users=3, power_dbm=5.0, direct=True),
    Setting(antennas=2, elements=5, users=4, amplitude="phase-dependent", beta_min=0.3),
    Setting(csi_error_variance=0.01, amplitude="phase-dependent", mismatch=True, bits=3),
)


@pytest.mark.parametrize("precoder", ["mmse", "zf", "wmmse"])
def test_rates_are_those_of_the_true_channels(precoder: str) -> None:
    """Rows of different sizes side by side, each by the physics written out for itself."""
    pool = channels(*VARIOUS)
    env, _ = evaluation(pool, steps=2, precoder=precoder)
    rng = np.random.default_rng(0)
    for _ in range(2):
        env.step(rng.uniform(-1, 1, env.action_space.shape))
    for row, channel in enumerate(pool):
        truth, setting = true_block(channel, 0), channel.setting
        shown = env.solution(row)["blocks"][0]
        phases = np.array(shown["phases"])
        g = np.array(shown["precoder"]["re"]) + 1j * np.array(shown["precoder"]["im"])
        gains = np.abs(truth.matrix(phases) @ g) ** 2
        wanted = np.diagonal(gains)
        rates = np.log2(1.0 + wanted / (gains.sum(axis=1) - wanted + truth.noise))
        found = env.metrics(row)
        assert found["sum_rate"] == pytest.approx(rates.sum(), rel=1e-9)
        assert found["min_user_rate"] == pytest.approx(rates.min(), rel=1e-9)
        fairness = rates.sum() ** 2 / (setting.users * (rates**2).sum())
        assert found["jain_fairness"] == pytest.approx(fairness, rel=1e-9)
        assert np.linalg.norm(g) ** 2 == pytest.approx(setting.power, rel=1e-9)
        assert found["power"] == pytest.approx(1.0)
        assert found["feasible"] == 1.0
        if setting.bits:
            assert np.allclose(np.exp(1j * phases * 2**setting.bits), 1.0)


def test_more_users_than_antennas_get_an_iterated_precoder() -> None:
    pool = channels(Setting(antennas=2, elements=8, users=3, power_dbm=10.0))
    rates = []
    for precoder in ("auto", "wmmse", "mmse"):
        env, _ = evaluation(pool, steps=1, precoder=precoder)
        env.step(np.zeros((1, 8)))
        rates.append(env.metrics(0)["sum_rate"])
    assert rates[0] == rates[1] > rates[2]
    with pytest.raises(InputError, match="differentiable"):
        evaluation(pool)[0].differentiable()


def test_the_precoder_knows_only_the_estimates() -> None:
    channel = channels(Setting(csi_error_variance=0.05))[0]
    env, _ = evaluation([channel], steps=1)
    env.step(np.full((1, 16), 0.3))
    phases = phases_of(env, 0)
    believed = believed_block(channel, 0)
    noise = believed.noise + believed.power * believed.error * 16
    g = precoding.mmse(believed.matrix(phases), believed.power, noise)
    rate = precoding.sum_rate(true_block(channel, 0).matrix(phases), g, believed.noise)
    assert env.metrics(0)["sum_rate"] == pytest.approx(float(rate), rel=1e-9)


@pytest.mark.parametrize("setting", [VARIOUS[0], VARIOUS[3], replace(VARIOUS[0], blocks=3)])
def test_rewards_add_up_to_what_was_gained(setting: Setting) -> None:
    """A user's share of the last rate, less that of the phases at the start of each block."""
    pool = channels(setting)
    env, _ = evaluation(pool, steps=4)
    rng = np.random.default_rng(1)
    total, starts = 0.0, []
    over = False
    while not over:
        starts += [float(env.believed.value[0])] if env.decision[0] == 0 else []
        _, reward, terminated, _, _ = env.step(rng.uniform(-0.2, 0.2, (1, 16)))
        total += float(reward[0])
        over = bool(terminated[0])
    assert len(starts) == setting.blocks
    gained = env.kept_rates[0].sum() - sum(starts)
    assert total == pytest.approx(gained / setting.users, rel=1e-9)
    assert len(env.solution(0)["trace"]) == 4 * setting.blocks


def test_phases_carry_over_from_block_to_block() -> None:
    env, _ = evaluation(channels(Setting(blocks=3, pilot_period=2)), steps=1)
    env.step(np.full((1, 16), 0.25))
    first = phases_of(env, 0, 0)
    env.step(np.zeros((1, 16)))
    assert np.allclose(phases_of(env, 0, 1), first)


def test_pilots_take_their_share() -> None:
    setting = Setting(blocks=2, pilot_period=2, coherence_symbols=128)
    channel = channels(setting)[0]
    env, _ = evaluation([channel], steps=1)
    for _ in range(2):
        env.step(np.zeros((1, 16)))
    rates = env.kept_rates[0].sum(axis=1)
    assert env.metrics(0)["sum_rate"] == pytest.approx((0.5 * rates[0] + rates[1]) / 2)


def test_phases_and_joint_actions_say_the_same_as_increments() -> None:
    channel = channels(Setting())[0]
    target = np.random.default_rng(2).uniform(-1, 1, (1, 16))
    by_phases, _ = evaluation([channel], actions="phases", steps=1)
    by_phases.step(target)
    g = np.array(by_phases.kept_precoders[0, 0])
    joint, _ = evaluation([channel], actions="joint", steps=1)
    reflected = np.exp(1j * np.pi * target[0])
    action = np.concatenate([g.real.ravel(), g.imag.ravel(), reflected.real, reflected.imag])
    joint.step(action[None] / np.abs(action).max())
    by_increments, _ = evaluation([channel], steps=1, start="zero")
    by_increments.step(target)
    rates = [env.metrics(0)["sum_rate"] for env in (by_phases, joint, by_increments)]
    assert rates == pytest.approx([rates[0]] * 3, rel=1e-9)


def test_a_precoder_of_zeros_is_taken_for_an_even_one() -> None:
    pool = channels(Setting())
    rates = []
    for entry in (0.0, 0.5):
        env, _ = evaluation(pool, actions="joint", steps=1)
        env.step(np.concatenate([np.full(16, entry), np.zeros(16), np.ones(32)])[None])
        rates.append(env.metrics(0))
    assert rates[0] == rates[1]
    assert rates[0]["power"] == pytest.approx(1.0)


@pytest.mark.parametrize("setting", [VARIOUS[0], VARIOUS[3]])
def test_believed_rewards_leave_out_what_nobody_can_foresee(setting: Setting) -> None:
    pool = channels(setting)
    totals = []
    for reward in ("believed", "true"):
        env, _ = evaluation(pool, steps=1, reward=reward)
        start = float(env.believed.value[0])
        _, rewards, *_ = env.step(np.full((1, 16), 0.1))
        totals.append(float(rewards[0]) * setting.users + start)
    assert totals[0] == pytest.approx(float(env.believed.value[0]))
    assert totals[1] == pytest.approx(env.metrics(0)["sum_rate"])
    assert (totals[0] == pytest.approx(totals[1])) == pool[0].known


def test_following_the_sensed_gradient_raises_the_rate() -> None:
    """The observation holds what steepest ascent needs."""
    pool = channels(Setting(), count=16)
    env, seen = evaluation(pool, steps=40)
    start = env.believed.value.copy()
    for _ in range(40):
        seen, *_ = env.step(0.02 * seen[:, :, 5])
    gained = np.array([env.metrics(row)["sum_rate"] for row in range(16)]) - start
    assert gained.min() > 0.0
    assert gained.mean() > 5.0


def test_the_relaxed_score_is_the_bound() -> None:
    channel = channels(Setting())[0]
    env, _ = evaluation([channel], steps=1, relaxed=True)
    env.step(np.zeros((1, 16)))
    assert env.metrics(0)["sum_rate"] == channel.bound


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"actions": "phase"}, "did you mean"),
        ({"precoder": "nulling"}, "unknown precoder"),
        ({"start": "one"}, "unknown start"),
        ({"reward": "mean"}, "unknown reward"),
        ({"steps": 0}, "steps must be a whole number above 0"),
        ({"steps": True}, "steps must be a whole number above 0"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        RisBeamformingEnv(1, channels(Setting()), **parameters)


def test_actions_must_be_numbers_and_channels_must_fit() -> None:
    env, _ = evaluation(channels(Setting()))
    with pytest.raises(ValueError, match="NaN"):
        env.step(np.full((1, 16), np.nan))
    with pytest.raises(ValueError, match="larger than any"):
        env.reset(options={"instances": channels(Setting(elements=17))})
