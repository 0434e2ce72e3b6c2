"""What every registered task must keep, whatever its domain."""

from __future__ import annotations

import inspect
import math
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check

import drlapps.envs  # noqa: F401 - registers the environments
from drlapps import registry
from drlapps.agents import ALGORITHMS, preset
from drlapps.contestants import contestant, run_directories, shipped
from drlapps.evaluate import RefereeError, evaluate
from drlapps.task import Information, Task
from drlapps.vector import Instance, ScalarView, VectorEnvironment

TASKS = [pytest.param(task, id=task.id) for task in registry.tasks().values()]
BASELINES = [
    pytest.param(task, name, id=f"{task.id}:{name}")
    for task in registry.tasks().values()
    for name in task.baselines
]
SECTIONS = (
    "Description",
    "Observation Space",
    "Action Space",
    "Rewards",
    "Starting State",
    "Episode End",
    "Arguments",
    "Metrics",
    "References",
    "Version History",
)
STEPS = 60


def batch(task: Task, rows: int, *, training: bool = True) -> VectorEnvironment:
    return registry.make(task, rows, registry.pool(task, "train"), training=training)


def admissible(env: VectorEnvironment, seed: int) -> np.ndarray:
    """Random admissible actions that depend on (seed, row) only, not on the batch size."""
    rows = []
    masks = env.action_masks() if hasattr(env, "action_masks") else [None] * env.num_envs
    for row, mask in enumerate(masks):
        rng = np.random.default_rng([seed, row])
        if mask is None:
            env.single_action_space.seed(int(rng.integers(2**31)))
            rows.append(env.single_action_space.sample())
        else:
            rows.append(int(rng.choice(np.flatnonzero(mask))))
    return np.asarray(rows)


@pytest.mark.parametrize("task", TASKS)
def test_gymnasium_and_sb3_accept_the_environment(task: Task) -> None:
    from stable_baselines3.common.env_checker import check_env as sb3_check

    env = gymnasium.make(task.env_id)
    assert isinstance(env.unwrapped, ScalarView)
    with warnings.catch_warnings():
        # Both checkers advise on style (symmetric actions, image-like shapes) by warnings.
        warnings.simplefilter("ignore")
        gymnasium_check(env.unwrapped, skip_render_check=True)
        sb3_check(env.unwrapped)
    vector = gymnasium.make_vec(task.env_id, num_envs=3)
    observations, _ = vector.reset(seed=1)
    assert vector.observation_space.contains(observations)


@pytest.mark.parametrize("task", TASKS)
def test_equal_seeds_give_equal_bits_whatever_the_batch_size(task: Task) -> None:
    big, small = batch(task, 5), batch(task, 1)
    for row in (0, 3):
        seen, _ = big.reset(seed=7)
        alone, _ = small.reset(seed=7 + row)
        assert np.array_equal(seen[row], alone[0])
        for step in range(STEPS):
            actions = admissible(big, step)
            seen, rewards, terminated, truncated, _ = big.step(actions)
            alone, reward, ended, cut, _ = small.step(actions[row : row + 1])
            assert np.array_equal(seen[row], alone[0])
            assert rewards[row] == reward[0]
            assert (terminated[row], truncated[row]) == (ended[0], cut[0])


@pytest.mark.parametrize("task", TASKS)
def test_a_restored_state_continues_bit_for_bit(task: Task) -> None:
    env, other = batch(task, 4), batch(task, 4)
    env.reset(seed=3)
    for step in range(STEPS // 2):
        env.step(admissible(env, step))
    state = env.export_state()
    # Checkpoints are safetensors, which know no complex numbers or objects.
    assert {value.dtype.kind for value in state.values()} <= set("biuf")
    other.restore_state(state)
    assert [i.hash for i in env.instances] == [i.hash for i in other.instances]
    for step in range(STEPS):
        actions = admissible(env, step)
        assert np.array_equal(actions, admissible(other, step))
        ours, theirs = env.step(actions), other.step(actions)
        for mine, yours in zip(ours[:4], theirs[:4], strict=True):
            assert np.array_equal(mine, yours)


@pytest.mark.parametrize("task", TASKS)
def test_masks_admit_an_action_and_observations_are_of_order_one(task: Task) -> None:
    env = batch(task, 8)
    observations, _ = env.reset(seed=11)
    for step in range(STEPS):
        if hasattr(env, "action_masks"):
            masks = env.action_masks()
            assert masks.shape == (8, env.single_action_space.n)
            assert masks.any(axis=1).all()
        observations, rewards, *_ = env.step(admissible(env, step))
        assert env.observation_space.contains(observations)
        assert np.isfinite(rewards).all()
        assert np.abs(observations).max() <= 10.0


@pytest.mark.parametrize("task", TASKS)
def test_pools_are_disjoint_immutable_and_reproducible(task: Task) -> None:
    finite = {name: list(registry.pool(task, name)) for name in task.pools if name != "train"}
    assert {"validation", "test", "toy"} <= finite.keys()
    hashes = {name: {i.hash for i in pool} for name, pool in finite.items()}
    for name, pool in finite.items():
        assert pool, f"{name} is empty"
        assert all(isinstance(instance, Instance) for instance in pool)
        assert len(hashes[name]) == len(pool), f"{name} holds an instance twice"
        assert hashes[name] == {i.hash for i in registry.pool(task, name)}
        for other in finite:
            assert other == name or not hashes[name] & hashes[other]
    train = registry.pool(task, "train")
    drawn = {train.sample(np.random.default_rng(seed)).hash for seed in range(50)}
    assert len(drawn) > 40
    assert not drawn & set().union(*hashes.values())
    instance = finite["test"][0]
    with pytest.raises((AttributeError, TypeError)):
        instance.name = "other"


@pytest.mark.parametrize(("task", "name"), BASELINES)
def test_baselines_are_feasible_and_never_beat_a_proven_bound(task: Task, name: str) -> None:
    toys = list(registry.pool(task, "toy"))
    for result in evaluate(task, [contestant(task, name, {"time_limit": 5.0})], toys):
        assert result.feasible, f"{name} fails on {result.instance}"
        assert result.value is not None
        assert result.status in {"heuristic", "feasible", "optimal", "timeout"}
        bounds = [b for b in (result.bound, result.reference) if b is not None]
        # A toy's reference is its optimum, worked out by hand.
        clairvoyant = result.information == Information.CLAIRVOYANT
        for bound in bounds if not clairvoyant else ():
            excess = result.value - bound if task.metric.minimize else bound - result.value
            assert excess >= -1e-9
        if result.status == "optimal":
            assert result.value == pytest.approx(result.reference)
        assert math.isfinite(result.plan_seconds + result.act_seconds)


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_notices_a_wrong_metric(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(task.baselines))
    toy = list(registry.pool(task, "toy"))[:1]
    cls = registry.environment_class(task)
    honest = cls.metrics

    def flattering(self: VectorEnvironment, row: int) -> dict[str, float]:
        found = honest(self, row)
        return {**found, task.metric.name: found[task.metric.name] * 0.9}

    monkeypatch.setattr(cls, "metrics", flattering)
    with pytest.raises(RefereeError, match=task.metric.name):
        evaluate(task, [contestant(task, name)], toy)


@pytest.mark.parametrize("task", TASKS)
def test_toy_instances_have_a_known_optimum(task: Task) -> None:
    for toy in registry.pool(task, "toy"):
        assert toy.reference is not None
        assert toy.bound is not None
        excess = toy.reference - toy.bound if task.metric.minimize else toy.bound - toy.reference
        assert excess >= 0


@pytest.mark.parametrize("task", TASKS)
def test_the_environment_explains_itself(task: Task) -> None:
    text = inspect.getdoc(registry.environment_class(task)) or ""
    positions = [text.find(f"## {section}") for section in SECTIONS]
    assert -1 not in positions, SECTIONS[positions.index(-1)]
    assert positions == sorted(positions)
    assert task.summary
    assert task.references


@pytest.mark.parametrize("task", TASKS)
def test_every_string_of_the_declaration_resolves(task: Task) -> None:
    for baseline in task.baselines.values():
        assert registry.load(baseline.policy)
        assert baseline.summary
    for agent in task.agents:
        chosen = preset(task, agent)
        assert chosen.algorithm in ALGORITHMS
        known = registry.parameters(task)
        assert {*chosen.environment, *chosen.instances} <= known.keys()
    for string in (task.checker, task.instances, f"{task.views}:figures"):
        assert callable(registry.load(string))


@pytest.mark.parametrize("task", TASKS)
def test_shipped_agents_are_sealed_and_were_made_by_a_stated_recipe(task: Task) -> None:
    if not task.pretrained:
        pytest.skip("ships no agent")
    from drlapps.artifact import RunDirectory, verify

    runs = run_directories(shipped(task))
    assert len(runs) >= 3, "a verdict needs at least three training runs"
    for run in runs:
        assert verify(run) == []
        manifest = RunDirectory(run).manifest
        assert manifest["command"].startswith(f"drlapps train {task.id}")
        assert manifest["recipe"] == preset(task, task.pretrained).recipe()
    agent = contestant(task, "pretrained")
    assert len(agent.policies) == len(runs)
    toys = list(registry.pool(task, "toy"))
    assert all(result.feasible for result in evaluate(task, [agent], toys))
