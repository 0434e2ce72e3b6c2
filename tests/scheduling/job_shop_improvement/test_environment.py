"""The improvement process: schedules, ends of episodes, batches, errors."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import evaluate
from drlapps.scheduling.job_shop.checker import check, violations
from drlapps.scheduling.job_shop.instances import RandomJobShops, named, toy
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_improvement.environment import JobShopImprovementEnv
from drlapps.scheduling.job_shop_improvement.features import CANDIDATE, OPERATION

TASK = registry.get("scheduling/job-shop-improvement")
MIXED = RandomJobShops(jobs=(2, 8), machines=(2, 5), release=(0, 30))


def batch(shops: list[JobShop], seed: int = 0, **options: object) -> JobShopImprovementEnv:
    env = JobShopImprovementEnv(len(shops), shops, autoreset_mode=AutoresetMode.DISABLED, **options)  # type: ignore[arg-type]
    env.reset(seed=seed, options={"instances": shops})
    return env


def play(env: JobShopImprovementEnv, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Play random candidates to the end; return the sums of rewards and who terminated."""
    rng = np.random.default_rng(seed)
    returns, over = np.zeros(env.num_envs), np.zeros(env.num_envs, bool)
    while not over.all():
        draws = rng.integers(1 << 30, size=env.num_envs)
        _, rewards, terminated, truncated, _ = env.step(draws)
        returns += rewards
        over = terminated | truncated
    return returns, terminated


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["fdd-mwkr", "spt", "random"]))
def test_solutions_are_schedules_and_rewards_sum_to_the_gain(seed: int, start: str) -> None:
    drawn = [MIXED.sample(np.random.default_rng([seed, i])) for i in range(4)]
    env = batch(drawn, start=start, steps=30)
    returns, _ = play(env, seed)
    for row, shop in enumerate(drawn):
        metrics, solution = env.metrics(row), env.solution(row)
        assert violations(shop, solution) == []
        assert check(shop, solution) == {"makespan": metrics["makespan"], "feasible": 1.0}
        share = 1.0 - metrics["makespan"] / metrics["start_makespan"]
        assert returns[row] == pytest.approx(10.0 * share, abs=1e-5)
        assert 0 <= metrics["steps_to_best"] <= 30
        assert metrics["makespan"] >= shop.elementary_bound


def test_a_row_does_as_it_does_alone_though_the_shops_differ_in_size() -> None:
    drawn = [MIXED.sample(np.random.default_rng(i)) for i in range(6)]
    together = batch(drawn, seed=9, steps=25, show_graph=True)
    seen = [[] for _ in drawn]
    for step in range(25):
        together.step(np.full(6, step))
        for row in range(6):
            seen[row].append(int(together.selection.makespan[row]))
    for row, shop in enumerate(drawn):
        alone = batch([shop], seed=9 + row, steps=25)
        found = []
        for step in range(25):
            alone.step(np.full(1, step))
            found.append(int(alone.selection.makespan[0]))
        assert found == seen[row]
        assert alone.solution(0) == together.solution(row)


def test_episodes_are_cut_after_the_steps_and_end_at_an_optimum() -> None:
    env = batch(named(["ft06"]), steps=7)
    for step in range(1, 8):
        _, _, terminated, truncated, _ = env.step(np.zeros(1, int))
        assert not terminated[0]
        assert truncated[0] == (step == 7)
    # One machine: any order without idle time is optimal, and no swap is useful.
    single = JobShop.from_jobs("single", [[(0, 3)], [(0, 2)], [(0, 4)]])
    alone = batch([single])
    assert not alone.search.choices[0]
    assert alone.action_masks().all()
    assert alone.step(np.zeros(1, int))[2][0]
    assert alone.metrics(0)["makespan"] == 9.0


def test_the_first_training_episodes_end_at_different_steps() -> None:
    env = JobShopImprovementEnv(16, RandomJobShops(jobs=(6, 6), machines=(5, 5)), steps=50)
    env.reset(seed=1)
    first = env.search.limit.copy()
    assert len(set(first.tolist())) > 8
    assert 1 <= first.min() <= first.max() <= 50
    for _ in range(50):
        env.step(np.zeros(16, int))
    assert (env.search.limit[env._episodes > 1] == 50).all()


def test_the_graph_shows_the_selection() -> None:
    shop = named(["la01"])[0]
    env = batch([shop], show_graph=True)
    observed = env._observe()[0, env.search.candidates.shape[1] :]
    size, columns = shop.operations, {name: i for i, name in enumerate(OPERATION)}
    s = env.selection
    labels = np.rint(observed[:, columns["job"] : len(OPERATION)] * size).astype(int)
    assert np.array_equal(labels[:, 0], np.arange(size) // shop.durations.shape[1])
    assert np.array_equal(labels[:, 1], shop.machines.ravel())
    assert np.array_equal(np.maximum(labels[:, 2], -1), s.before[0])
    assert np.array_equal(np.maximum(labels[:, 3], -1), s.after[0])
    critical = s.heads[0] + shop.durations.ravel() + s.tails[0] == s.makespan[0]
    assert np.array_equal(observed[:, columns["critical"]] == 1.0, critical)
    assert np.allclose(observed[:, columns["head"]], s.heads[0] / s.makespan[0])
    first = [CANDIDATE.index(name) for name in ("first", "second")]
    pairs = np.rint(env._observe()[0, : env.search.choices[0], first].T * size).astype(int)
    assert np.array_equal(pairs, env.search.candidates[0, : env.search.choices[0], :2])


def test_few_candidates_are_those_of_lowest_estimate() -> None:
    shops = named(["ta01"])
    many, few = batch(shops, candidates=24), batch(shops, candidates=3)
    assert many.search.choices[0] > 3
    assert np.array_equal(few.search.candidates[0], many.search.candidates[0, :3])


@pytest.mark.parametrize(
    "options", [{"start": "best"}, {"steps": 0}, {"steps": 1.5}, {"candidates": 0}]
)
def test_impossible_settings_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        batch([toy()[0]], **options)


def test_the_rules_improve_on_the_start_in_equal_steps() -> None:
    shops, values = named(["la16", "la21"]), {}
    for name in TASK.baselines:
        results = evaluate(TASK, [contestant(TASK, name)], shops, settings={"steps": 150})
        values[name] = sum(result.value for result in results)
        assert all(result.feasible for result in results)
    start = sum(batch([shop]).metrics(0)["makespan"] for shop in shops)
    assert max(values.values()) < start
    assert values["tabu"] < values["random"]
    assert values["best-improvement"] < values["greedy"]


def test_improvement_rules_lengthen_only_when_they_are_stuck() -> None:
    env = batch(named(["la16"]), steps=120)
    for name in ("best-improvement", "first-improvement"):
        policy = contestant(TASK, name, {"kick": 2}).policies[None]
        observations, _ = env.reset(seed=0, options={"instances": env.instances})
        policy.reset(env, 0)
        longer = 0
        for _ in range(120):
            before = int(env.selection.makespan[0])
            kicked = policy._kicks[0] > 0  # type: ignore[attr-defined]
            observations, *_ = env.step(policy.act(env, observations))
            kicked |= policy._kicks[0] > 0  # type: ignore[attr-defined]
            if env.selection.makespan[0] >= before:
                longer += 1
                assert kicked
        assert longer > 0
