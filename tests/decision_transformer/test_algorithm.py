"""Training: what is learnt from guides, refused settings, and a run from end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from drlapps import registry
from drlapps.agents import Agent, build, preset
from drlapps.artifact import verify
from drlapps.bridge import SB3Bridge
from drlapps.cli import app
from drlapps.errors import InputError
from drlapps.files import load_tensors, read_rows
from drlapps.task import Baseline
from drlapps.train import RunSpec, train
from drlapps.vector import VectorEnvironment
from drlapps.weights import weights_of

TINY = Path(__file__).parents[1] / "tiny.py"
tiny = registry.user_module(TINY)
WALK = f"{TINY}:WALK"
NAME = "decision-transformer"


def walk(rows: int, **settings: Any) -> VectorEnvironment:
    return registry.make(registry.get(WALK), rows, tiny.Starts(), masked=True, **settings)


def trained(task: Any, steps: int, **hyperparameters: Any) -> Agent:
    chosen = replace(
        preset(task, NAME),
        policy_kwargs={"width": 16, "context": 4},
        hyperparameters={"batch_size": 32, "learning_rate": 3e-3, **hyperparameters},
        environment={"masked": True},
    )
    model = build(chosen, SB3Bridge(walk(16)), 5, task=task)
    model.learn(steps)
    return Agent(chosen, weights_of(model.policy))


def played(agent: Agent, rows: int = 100) -> tuple[Any, Any]:
    """Positions seen before each step that counts, and the actions there."""
    env = walk(rows, training=False)
    observations, _ = env.reset(seed=1000)
    agent.reset(env, 0)
    seen, taken, active = [], [], np.ones(rows, np.bool_)
    while active.any():
        actions = agent.act(env, observations)
        seen.append(observations[active, 0])
        taken.append(actions[active])
        observations, _, terminated, truncated, _ = env.step(actions)
        active = ~(terminated | truncated)
    return np.concatenate(seen), np.concatenate(taken)


def test_a_rule_is_cloned() -> None:
    agent = trained(registry.get(WALK), 40_000, guides=["homing"], episodes=100)
    seen, taken = played(agent)
    agreed = taken == 1 - np.sign(seen)
    assert len(seen) > 500
    assert agreed.mean() > 0.95


def test_what_is_asked_for_decides_between_guides() -> None:
    """One guide homes, one stands still: asked for the best, home; asked for the worst, stand."""
    task = registry.get(WALK)
    lazy = replace(task.baselines["homing"], options={"lazy": True})
    task = replace(task, baselines={**task.baselines, "lazy": lazy})
    shares = []
    for shortfall in (0.0, -40.0):
        agent = trained(task, 40_000, episodes=100, replays=0, shortfall=shortfall)
        seen, taken = played(agent)
        far = np.abs(seen) > 0.5
        shares.append((taken == 1 - np.sign(seen))[far].mean())
    assert shares[0] > 0.9
    assert shares[1] < 0.2


def test_equal_seeds_give_equal_weights() -> None:
    first, again, other = (
        weights_of(learnt(seed).policy) for seed in (3, 3, 4)
    )  # fmt: skip
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    assert any(not np.array_equal(array, other[name]) for name, array in first.items())


def learnt(seed: int) -> Any:
    task = registry.get(WALK)
    chosen = replace(preset(task, NAME), environment={"masked": True})
    return build(chosen, SB3Bridge(walk(4)), seed, task=task).learn(200)


def test_steps_are_decisions_and_end_with_the_rate() -> None:
    model = learnt(0)
    assert 200 <= model.num_timesteps < 200 + 4 * 4
    assert model._n_updates >= 200 / (4 * 4)


def test_an_sb3_zip_of_it_acts_alike(tmp_path: Path) -> None:
    model = learnt(0)
    model.save(tmp_path / "model.zip")
    again = type(model).load(tmp_path / "model.zip", device="cpu")
    env = walk(5)
    observations, _ = env.reset(seed=0)
    masks = env.action_masks()  # type: ignore[attr-defined]
    (actions, memory), (same, remembered) = (
        one.predict(observations, action_masks=masks, deterministic=True) for one in (model, again)
    )
    for one, other in zip((actions, *memory), (same, *remembered), strict=True):
        np.testing.assert_array_equal(one, other)
    again.set_env(SB3Bridge(walk(4)))
    with pytest.raises(InputError, match="has no recorder"):
        again.learn(10)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"guides": ["homin"]}, "unknown guide .* 'homin'; did you mean homing"),
        ({"guides": "homing"}, "'homing' is no possible guides"),
        ({"guides": ["homing", 3]}, r"\['homing', 3\] is no possible guides"),
        ({"episodes": 0}, "0 is no possible episodes"),
        ({"batch_size": 0}, "0 is no possible batch_size"),
        ({"replays": -1}, "replays must be a whole number from 0 on, not -1"),
        ({"noise": 1.5}, "noise must lie between 0 and 1, not 1.5"),
        ({"max_grad_norm": 0.0}, "max_grad_norm must be positive, not 0.0"),
        ({"gamma": 0.9}, "unknown hyper-parameter of DecisionTransformer 'gamma'"),
        ({"recorder": None}, "unknown hyper-parameter of DecisionTransformer 'recorder'"),
    ],
)
def test_impossible_hyperparameters_are_one_sentence(given: Any, message: str) -> None:
    task = registry.get(WALK)
    chosen = replace(preset(task, NAME), hyperparameters=given)
    with pytest.raises(InputError, match=message):
        build(chosen, SB3Bridge(walk(2)), 0, task=task)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"heads": 5}, f"{NAME}: a width of 64 cannot be divided among 5 heads"),
        ({"contexts": 5}, f"{NAME}: .*contexts"),
        ({"dropout": 2.0}, f"{NAME}: dropout"),
    ],
)
def test_impossible_networks_are_one_sentence(kwargs: Any, message: str) -> None:
    chosen = replace(preset(registry.get(WALK), NAME), policy_kwargs=kwargs)
    with pytest.raises(InputError, match=message):
        build(chosen, SB3Bridge(walk(2)), 0, task=registry.get(WALK))


def test_infeasible_episodes_are_learnt_from_only_if_wanted() -> None:
    """Standing still near the edge, with steps of no use, every walk ends beyond it."""
    task = registry.get(WALK)
    task = replace(task, baselines={"lazy": Baseline(task.baselines["homing"].policy, "",
                                                     options={"lazy": True})})  # fmt: skip
    chosen = preset(task, NAME)
    bridge = SB3Bridge(walk(4))
    bridge.batch.pool = (tiny.Start(3.5, 5),)
    for infeasible in (True, False):
        given = {"episodes": 3, "batch_size": 2, "guides": ["lazy"], "infeasible": infeasible}
        changed = replace(chosen, hyperparameters=given, environment={"masked": True, "step": 0.01})
        model = build(changed, bridge, 0, task=task)
        if infeasible:
            model.learn(10)
        else:
            with pytest.raises(InputError, match="nothing to learn from: no episode of lazy is"):
                model.learn(10)


def test_progress_is_written_and_the_best_weights_are_kept(tmp_path: Path) -> None:
    manifest = train(
        RunSpec(WALK, NAME, 1, str(tmp_path / "run"), settings={"masked": True}, steps=600)
    )
    rows = read_rows(tmp_path / "run" / "progress.csv")
    scores = [float(row["validation"]) for row in rows if row["validation"]]
    assert len(scores) >= 5
    assert manifest["validation_score"] == min(scores)
    assert manifest["recipe"]["hyperparameters"]["guides"] == ["homing"]
    weights, _ = load_tensors(tmp_path / "run" / "weights.safetensors")
    assert weights["shortfall"].tolist() == [0.0]
    assert weights["scale"] != 1.0


def test_from_training_to_evaluation_by_the_command_line(tmp_path: Path) -> None:
    def call(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output
        return result.stdout

    runs = tmp_path / "runs"
    call(
        "train", WALK, "--agent", NAME, "--seeds", "1", "--steps", "200", "--out", str(runs),
        "--set", "masked=true", "--hyper", 'guides=["homing"]', "--hyper", "episodes=5",
    )  # fmt: skip
    assert verify(runs / "seed-0") == []
    call("verify", str(runs / "seed-0"))
    found = json.loads(call("evaluate", WALK, "--policy", str(runs), "--pool", "test", "--json"))
    assert len(found) == len(tiny.test())
    assert {row["run_seed"] for row in found} == {0}
