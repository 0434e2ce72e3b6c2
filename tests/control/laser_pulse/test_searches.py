"""The searches, on one laser and within their means."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.laser_pulse.environment import LaserPulseEnv
from drlapps.control.laser_pulse.instances import named
from drlapps.control.laser_pulse.searches import Bayesian, CmaEs, NelderMead
from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.frequency import Held

POLICIES = [NelderMead(), NelderMead(starts="random"), CmaEs(), Bayesian()]


def played(lasers, policy, steps):
    env = LaserPulseEnv(len(lasers), lasers, steps=steps, autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, policy, lasers, 0)
    return env


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: f"{type(p).__name__}-{p.starts}")
def test_a_search_ends_at_the_best_pulse_it_has_fired(policy):
    lasers = named(["family:0..1"])
    env = played(lasers, policy, 12)
    for row in range(len(lasers)):
        metrics = env.metrics(row)
        assert metrics["intensity_share"] == pytest.approx(metrics["best_share"], rel=1e-3)
        moves = np.abs(np.diff(env.path[row], axis=0))
        assert moves.max() <= 0.1 + 1e-9


def test_the_simplex_climbs_from_the_conjugate_to_the_optimum():
    # 0.870 at B = 2 is what a plain Nelder-Mead search reaches from there in 90 evaluations.
    env = played(named(["l1"]), NelderMead(), 120)
    assert env.metrics(0)["intensity_share"] == pytest.approx(0.870, abs=0.01)


def test_a_search_that_decides_seldom_replays_its_way_and_comes_back_in_time():
    lasers = named(["family:0..1"])
    env = played(lasers, Held(NelderMead(), 3), 20)
    for row in range(2):
        # Pulses between decisions are not seen, and may have been better.
        decided = env.shares[row, [*range(0, 20, 3), 20]]
        assert env.share[row] == pytest.approx(decided.max(), rel=1e-5)


def test_rows_search_alone():
    lasers = named(["family:0..2"])
    together = played(lasers, CmaEs(), 10)
    again = played(lasers, CmaEs(), 10)
    assert np.array_equal(together.path, again.path)
    alone = played(lasers[1:2], CmaEs(), 10)
    assert np.array_equal(together.path[1], alone.path[0])
    moves = together.path[:, 1] - together.path[:, 0]
    assert not np.allclose(moves[0], moves[1])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: NelderMead(side=0.0),
        lambda: NelderMead(starts="nowhere"),
        lambda: CmaEs(sigma=2.0),
        lambda: CmaEs(population=2),
        lambda: Bayesian(startup=0),
    ],
)
def test_impossible_options_are_refused(wrong):
    with pytest.raises(InputError):
        wrong()
