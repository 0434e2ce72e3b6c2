"""The environment: its accounts, its masks, its lookahead."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.energy.crew_restoration.checker import check
from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.environment import CrewRestorationEnv
from drlapps.energy.crew_restoration.features import COLUMN, FEATURES
from drlapps.energy.crew_restoration.list_scheduling import harms, referee

Draw = Callable[..., Damage]
Count = Callable[..., float]
KINDS = [
    {"travel": travel, "switching": switching}
    for travel in (False, True)
    for switching in (False, True)
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_harm_is_what_lookahead_and_checker_say(
    draw: Draw, kind: dict[str, bool], seed: int
) -> None:
    damage = draw(seed, lines=7, crews=1 + seed % 3, **kind)
    order = np.random.default_rng(seed).permutation(7)
    env = referee(damage)
    foreseen = env.outcomes(0, order[None])[0]
    returns = 0.0
    for place, line in enumerate(order):
        left = order[place:]
        assert env.outcomes(0, np.pad(left, (0, place))[None])[0] == pytest.approx(foreseen)
        seen = env._observe()[0, line]
        rollout = seen[COLUMN["rollout_over_estimate"]]
        assert abs(rollout) < 1
        returns += float(env.step(np.array([line]))[1][0])
    metrics = env.metrics(0)
    assert metrics["harm"] == pytest.approx(foreseen)
    assert metrics["feasible"] == 1.0
    assert check(damage, env.solution(0)) == pytest.approx(metrics)
    start = referee(damage)
    gained = 100.0 * (start.estimate[0] - metrics["harm"]) / start.scale[0]
    assert returns == pytest.approx(gained, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS[::2])
def test_without_switching_it_is_the_sum_over_paths(
    draw: Draw, harm: Count, kind: dict[str, bool]
) -> None:
    damage = draw(4, lines=8, crews=3, **kind)
    order = np.random.default_rng(0).permutation(8)
    assert harms(damage, order[None])[0] == pytest.approx(harm(damage, order))


def test_switching_does_no_harm(draw: Draw) -> None:
    from dataclasses import replace

    rng = np.random.default_rng(1)
    for seed in range(10):
        damage = draw(seed, lines=7, switching=True)
        orders = np.array([rng.permutation(7) for _ in range(5)])
        without = harms(replace(damage, switching=False), orders)
        assert (harms(damage, orders) <= without + 1e-9).all()


def test_rollouts_are_the_outcomes_of_going_there_first(draw: Draw) -> None:
    damage = draw(2, lines=6, crews=2, travel=True)
    env = referee(damage)
    env.step(np.array([3]))
    seen = env._observe()[0]
    waiting = [line for line in range(6) if line != 3]
    horn = sorted(waiting, key=lambda line: seen[line, COLUMN["place"]])
    lists = [[line, *(other for other in horn if other != line), 0] for line in waiting]
    found = env.outcomes(0, np.array(lists))
    excess = 100.0 * (found - found.min()) / env.scale[0]
    assert seen[waiting, COLUMN["rollout_over_best"]] == pytest.approx(
        excess / (1 + excess), abs=1e-5
    )
    # What lines would energise at once, the repair under way being done.
    lit = np.array([0.0] * 7)
    for line in waiting:
        done = {3, line}
        lit[line] = sum(
            damage.blocks.weight[b] for b in range(1, 7) if path(damage, b) <= done
        ) - sum(damage.blocks.weight[b] for b in range(1, 7) if path(damage, b) <= {3})
    total = damage.blocks.weight[1:].sum()
    assert seen[waiting, COLUMN["gain"]] == pytest.approx(lit[waiting] / total, abs=1e-6)


def path(damage: Damage, block: int) -> set[int]:
    """The lines between a block and the source."""
    found = set()
    while block:
        found.add(block - 1)
        block = int(damage.blocks.upper[block - 1])
    return found


def test_any_sequence_of_actions_repairs_everything(draw: Draw) -> None:
    pool = [draw(0, lines=4), draw(1, lines=6, switching=True)]
    env = CrewRestorationEnv(2, pool, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": pool})
    assert env.action_masks().sum(axis=1).tolist() == [4, 6]
    for step in range(6):
        masks = env.action_masks()
        assert masks[1].sum() == 6 - step
        observations, _, terminated, _, _ = env.step(np.array([5, 0]))
        assert np.abs(observations).max() <= 1.0
        assert terminated.tolist() == [step >= 3, step == 5]
    assert env.action_masks().all()
    assert all(env.metrics(row)["feasible"] for row in range(2))


def test_crews_are_sent_as_they_come_free(draw: Draw) -> None:
    damage = draw(3, lines=7, crews=3, travel=True)
    env = referee(damage)
    for line in range(7):
        assert env.now[0] == pytest.approx(env.free[0, :3].min())
        env.step(np.array([line]))
    repairs = env.solution(0)["repairs"]
    assert [repair["crew"] for repair in repairs[:3]] == [1, 2, 3]
    assert env.metrics(0)["makespan_h"] == max(repair["end"] for repair in repairs)


def test_a_restored_state_forgets_what_it_knew_of_other_feeders(draw: Draw) -> None:
    pool = [draw(seed, lines=6, switching=True) for seed in range(3)]
    env = CrewRestorationEnv(1, pool)
    env.reset(seed=1)
    for _ in range(3):
        env.step(env.action_masks().argmax(axis=1))
    state = env.export_state()
    ahead = [env.step(env.action_masks().argmax(axis=1))[:2] for _ in range(12)]
    env.restore_state(state)
    for seen, reward in ahead:
        again = env.step(env.action_masks().argmax(axis=1))
        assert np.array_equal(seen, again[0])
        assert np.array_equal(reward, again[1])


def test_larger_instances_than_the_pool_are_refused(draw: Draw) -> None:
    env = CrewRestorationEnv(1, [draw(0, lines=3)])
    for larger in (draw(1, lines=5), draw(1, lines=3, crews=4), draw(1, lines=3, switching=True)):
        with pytest.raises(ValueError, match="larger than this batch's pool"):
            env.reset(seed=0, options={"instances": [larger]})


def test_the_manual_explains_every_column_in_order() -> None:
    manual = CrewRestorationEnv.__doc__ or ""
    assert tuple(re.findall(r"^ *\| ``(\w+)`` \|", manual, re.MULTILINE)) == FEATURES
    assert f"(d, {len(FEATURES)})" in manual
