"""The laser as an environment."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.control.laser_pulse import frog, pulse
from drlapps.control.laser_pulse.baselines import (
    CompressorConjugation,
    Optimum,
    PhaseConjugation,
    way,
)
from drlapps.control.laser_pulse.checker import check
from drlapps.control.laser_pulse.environment import FEATURES, LaserPulseEnv
from drlapps.control.laser_pulse.instances import named, toy, train
from drlapps.control.laser_pulse.laser import Laser
from drlapps.errors import InputError
from drlapps.evaluate import rollout


def played(lasers, policy, **arguments):
    env = LaserPulseEnv(len(lasers), lasers, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    rollout(env, policy, lasers, 0)
    return env


def walk(lasers, actions, **arguments):
    env = LaserPulseEnv(len(lasers), lasers, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": lasers})
    seen = [env.step(np.asarray(action, np.float32)) for action in actions]
    return env, seen


def test_the_first_pulse_is_seen_and_steps_move_the_settings_within_their_bounds():
    laser = Laser("mine", 2.0, start=(0.95, 0.5, 0.0))
    env, _ = walk([laser], [])
    assert (
        env.share[0]
        == pulse.evaluate(
            np.array([laser.start]), np.array([2.0]), np.array([laser.compressor])
        ).share[0]
    )
    env.step(np.array([[1.0, -0.5, -1.0]], np.float32))
    assert env.psi[0] == pytest.approx([1.0, 0.45, 0.0])


def test_the_observation_is_what_its_table_says():
    laser = named(["family:3"])[0]
    env, seen = walk([laser], [[[1.0, 0.0, -1.0]], [[0.0, 0.5, 0.0]]], history=1)
    observed = seen[-1][0][0]
    assert observed.shape == (2 * FEATURES,)
    now, before = (
        pulse.evaluate(
            env.path[0, [step]], np.array([laser.b_integral]), np.array([laser.compressor])
        )
        for step in (2, 1)
    )
    present, past = observed.reshape(2, -1)
    assert present[:3] == pytest.approx(2 * env.path[0, 2] - 1, abs=1e-6)
    assert present[3] == pytest.approx(2 * now.share[0] - 1, abs=1e-6)
    assert present[4] == pytest.approx(np.log(now.fwhm_ps[0]), abs=1e-5)
    assert present[5] == pytest.approx(np.log(now.duration_ps[0]), abs=1e-5)
    assert present[6] == pytest.approx(now.skewness[0] / 2, abs=1e-5)
    assert past[:3] == pytest.approx([0.0, -0.5, 0.0], abs=1e-6)
    assert past[3] == pytest.approx(10 * (before.share[0] - now.share[0]), abs=1e-5)
    assert past[4] == pytest.approx(np.log(before.fwhm_ps[0] / now.fwhm_ps[0]), abs=1e-5)
    assert past[5] == pytest.approx(np.log(before.duration_ps[0] / now.duration_ps[0]), abs=1e-5)
    assert past[6] == pytest.approx(before.skewness[0] / 2, abs=1e-5)
    first, _ = walk([laser], [], history=1)
    assert not first._observe()[0, FEATURES:].any()


def test_rewards():
    laser = named(["family:5"])[0]
    actions = [[[0.3, 0.1, 0.0]], [[-0.4, 0.0, 1.0]]]
    env, plain = walk([laser], actions)
    _, gains = walk([laser], actions, reward="gain")
    _, published = walk([laser], actions, reward="asymptotic")
    shares, widths = [], []
    for step in range(3):
        found = pulse.evaluate(
            env.path[0, [step]], np.array([laser.b_integral]), np.array([laser.compressor])
        )
        shares.append(found.share[0])
        widths.append(found.fwhm_ps[0])
    for step in (1, 2):
        x = shares[step]
        assert plain[step - 1][1][0] == pytest.approx(x)
        assert gains[step - 1][1][0] == pytest.approx(10 * (x - shares[step - 1]))
        expected = min(0.1 / (1 - x) - 0.1, 7) + 0.04 - 0.1 * widths[step]
        assert published[step - 1][1][0] == pytest.approx(expected)


def test_unsafe_pulses_are_counted_and_may_end_the_episode():
    # 0.35 of the range is 22.5 ps^2 off: 41 ps at B = 2.
    laser = Laser("long", 2.0, start=(0.15, 0.5, 0.5))
    back = [[[1.0, 0.0, 0.0]]] * 2
    env, _ = walk([laser], back, steps=2)
    metrics = env.metrics(0)
    assert metrics["unsafe_steps"] == 3.0
    assert metrics["evaluations"] == 3.0
    _, stopped = walk([laser], back[:1], steps=2, stop_unsafe=True)
    _, rewards, terminated, truncated, _ = stopped[0]
    assert terminated[0]
    assert not truncated[0]
    assert rewards[0] < -0.5


def test_the_b_integral_moves_as_the_laser_says():
    drift = Laser("drift", 1.0, shift="drift", shift_to=3.0)
    jump = Laser("jump", 1.0, shift="jump", shift_to=3.0)
    assert drift.course(4) == pytest.approx([1.0, 1.5, 2.0, 2.5, 3.0])
    assert jump.course(4) == pytest.approx([1.0, 1.0, 1.0, 3.0, 3.0])
    env = played([drift, jump], PhaseConjugation(), steps=4)
    # The phase conjugate's shares at B = 1 and 3.
    assert env.metrics(0)["intensity_share"] == pytest.approx(0.387, abs=1e-3)
    assert env.metrics(1)["best_share"] == pytest.approx(0.904, abs=1e-3)
    for row, laser in enumerate((drift, jump)):
        assert check(laser, env.solution(row)) == pytest.approx(env.metrics(row), abs=1e-9)


def test_solutions_record_the_share_of_every_pulse():
    laser = named(["jump:1"])[0]
    env, seen = walk([laser], [[[0.3, 0.1, 0.0]], [[-0.4, 0.0, 1.0]]], steps=2)
    solution = env.solution(0)
    found = pulse.evaluate(
        np.array(solution["psi"]), laser.course(2), np.tile(np.array(laser.compressor), (3, 1))
    )
    assert solution["shares"] == pytest.approx(found.share)
    assert solution["shares"][1:] == [rewards[0] for _, rewards, *_ in seen]


def test_noise_is_measured_but_not_scored():
    quiet, noisy = named(["l1"])[0], named(["l1"], noise=0.1)[0]
    env = played([quiet, noisy], PhaseConjugation())
    assert env.metrics(0)["intensity_share"] == env.metrics(1)["intensity_share"]
    assert env.measured[0, 0] == env.share[0]
    assert env.measured[1, 0] != env.share[1]
    assert noisy.luck(500).std(axis=0) == pytest.approx([0.1] * 4, rel=0.2)


def test_images_are_traces_of_the_present_pulse():
    lasers = named(["family:1..2"])
    env, seen = walk(lasers, [[[0.5, 0.0, 0.0]] * 2], observation="image")
    observed = seen[0][0]
    assert env.observation_space.contains(observed)
    fields = pulse.fields(
        env.psi,
        np.array([one.b_integral for one in lasers]),
        np.array([one.compressor for one in lasers]),
    )
    assert np.array_equal(observed, frog.images(fields))


def test_naive_and_best_on_the_published_laser():
    lasers = [named(["l1"], b_integral=float(b))[0] for b in (0, 1, 2, 3)]
    naive = played(lasers, PhaseConjugation(), steps=1)
    shares = [naive.metrics(row)["intensity_share"] for row in range(4)]
    assert shares == pytest.approx([1.0, 0.904, 0.660, 0.387], abs=1e-3)
    best = played(lasers, Optimum(), steps=6)
    for row, laser in enumerate(lasers):
        found = best.metrics(row)["intensity_share"]
        assert found == pytest.approx(laser.reference, abs=1e-6)
        assert found >= shares[row] - 1e-9


def test_knowing_the_compressor_is_not_knowing_the_nonlinearity():
    lasers = named(["family:0..2"])
    known = played(lasers, CompressorConjugation(), steps=6)
    unknown = played(lasers, PhaseConjugation(), steps=6)
    for row, laser in enumerate(lasers):
        share = known.metrics(row)["intensity_share"]
        assert unknown.metrics(row)["intensity_share"] < share < laser.reference


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_the_way_to_settings_is_walked_alike_at_once_and_step_by_step(steps):
    lasers = [Laser("near", start=(0.52, 0.5, 0.5)), Laser("far", start=(0.15, 0.8, 0.99))]
    env, _ = walk(lasers, [], steps=8)
    planned = way(env, np.full((2, 3), 0.5), steps)
    assert planned.shape == (steps, 2, 3)
    policy = PhaseConjugation()
    policy.reset(env, 0)
    for actions in planned:
        assert policy.act(env, None) == pytest.approx(actions, abs=1e-4)
        env.step(actions.astype(np.float32))
    after = [0.5, 0.5, 0.5], [min(0.15 + 0.1 * steps, 0.5), max(0.8 - 0.1 * steps, 0.5),
                              max(0.99 - 0.1 * steps, 0.5)]  # fmt: skip
    assert env.psi == pytest.approx(np.array(after), abs=1e-5)


def test_toys_are_solved_by_hand():
    lasers = list(toy())
    env = played(lasers, Optimum(), steps=3)
    for row, laser in enumerate(lasers):
        assert laser.reference == pytest.approx(1.0, abs=1e-9)
        assert env.metrics(row)["intensity_share"] == pytest.approx(1.0, abs=1e-9)
    _, detuned = walk([lasers[2]], [[[-0.6, 0.5, -0.8]]], steps=1)
    assert detuned[0][1][0] == pytest.approx(1.0, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_the_checker_finds_what_the_environment_found(seed):
    rng = np.random.default_rng(seed)
    laser = train(shift="mixed", start_spread=0.1).sample(rng)
    env, _ = walk([laser], rng.uniform(-1, 1, (3, 1, 3)), steps=3)
    metrics = env.metrics(0)
    found = check(laser, env.solution(0))
    for name, value in metrics.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
    assert metrics["best_share"] >= metrics["intensity_share"]


def test_the_checker_refuses_what_cannot_be():
    laser = Laser("mine", start=(0.5, 0.5, 0.5))
    start = [0.5, 0.5, 0.5]
    for solution in (
        {},
        {"psi": [start], "steps": 0},
        {"psi": [[0.5, 0.5]], "steps": 2},
        {"psi": [start, [0.5, 1.5, 0.5]], "steps": 2},
        {"psi": [[0.4, 0.5, 0.5]], "steps": 2},
        {"psi": [start] * 4, "steps": 2},
        {"psi": [[float("nan"), 0.5, 0.5]], "steps": 2},
    ):
        assert check(laser, solution) == {"feasible": 0.0}


@pytest.mark.parametrize(
    "arguments",
    [
        {"steps": 0},
        {"history": 99},
        {"observation": "smell"},
        {"reward": "praise"},
        {"move_limit": 0.0},
    ],
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(InputError):
        LaserPulseEnv(1, train(), **arguments)
