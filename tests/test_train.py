"""Runs: killed and continued, validated, skipped, refused, loaded and imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from drlapps import files, registry, settings, train
from drlapps.agents import ALGORITHMS, Agent
from drlapps.artifact import RunDirectory, verify
from drlapps.bridge import SB3Bridge
from drlapps.errors import InputError
from drlapps.files import load_tensors, read_json, read_rows, save_tensors, write_json
from drlapps.train import Progress, RunSpec, finished, import_zip, load_agent
from drlapps.vector import VectorEnvironment
from drlapps.weights import weights_of

TINY = Path(__file__).with_name("tiny.py")
tiny = registry.user_module(TINY)
WALK = f"{TINY}:WALK"
ON_POLICY = ("ppo", "a2c", "trpo", "maskable-ppo", "recurrent-ppo")
CONTINUOUS = ("sac", "td3", "ddpg", "tqc", "crossq", "apg")


def spec_of(agent: str, directory: Path, seed: int = 3, **changes: Any) -> RunSpec:
    """A run of a tiny agent that writes a checkpoint before every rollout."""
    env: dict[str, object] = {"continuous": True} if agent in CONTINUOUS else {}
    if ALGORITHMS[agent].masks or ALGORITHMS[agent].maskable:
        env = {"masked": True}
    made = RunSpec(WALK, agent, seed, str(directory), settings=env, checkpoint_seconds=0.0)
    return replace(made, **changes)


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: what a killed process wrote is there without."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


# --- killed and continued ---

MOMENTS: dict[str, tuple[Any, str]] = {
    "between two steps": (VectorEnvironment, "step"),
    "in an update": (torch.Tensor, "backward"),
    "while writing": (os, "fsync"),
    "in a validation": (Agent, "act"),
}


def counting(moment: str, patch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Call ``act`` with the number of the call before each call at that moment."""
    owner, name = MOMENTS[moment]
    original = getattr(owner, name)
    calls = [0]

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        act(calls[0])
        return original(*args, **kwargs)

    patch.setattr(owner, name, counted)


def killed(spec: RunSpec, moment: str, call: int) -> bool:
    """Train in a child process that SIGKILL ends at the given call; whether it came to that."""

    def kill(count: int) -> None:
        if count == call:
            os.kill(os.getpid(), signal.SIGKILL)

    with warnings.catch_warnings():
        # Newer Pythons advise against forking beside threads; those of torch are idle here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            with pytest.MonkeyPatch.context() as patch:
                counting(moment, patch, kill)
                train.train(spec)
                status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def outcome(directory: Path) -> tuple[bytes, Any, list[tuple[str, str]]]:
    """What must not depend on interruptions: weights, manifest and validation scores."""
    assert verify(directory) == []
    assert not RunDirectory(directory).checkpoint.exists()
    manifest = read_json(directory / "manifest.json")
    rows = read_rows(directory / "progress.csv")
    scores = [(row["steps"], row["validation"]) for row in rows if row["validation"]]
    kept = {key: manifest[key] for key in ("steps", "validation_score", "validation", "recipe")}
    return (directory / "weights.safetensors").read_bytes(), kept, scores


def steps_taken(spec: RunSpec) -> int:
    """Train in this process; how many steps of the batch it took, or updates if it takes none."""
    taken = [0]
    moment = "in an update" if ALGORITHMS[spec.agent].differentiates else "between two steps"
    with pytest.MonkeyPatch.context() as patch:
        counting(moment, patch, lambda count: taken.__setitem__(0, count))
        train.train(spec)
    return taken[0]


def check_killed_run(agent: str, tmp_path: Path, seed: int, rounds: int) -> None:
    """Kill a run again and again at random calls; it must end as if nothing had happened."""
    rng = np.random.default_rng([seed, *agent.encode()])
    validate = 0 if seed % 2 else 100
    changes = {"hyperparameters": {"validate_every": validate}, "seed": seed}
    whole = spec_of(agent, tmp_path / "whole", **changes)
    steps = steps_taken(whole)
    broken = spec_of(agent, tmp_path / "broken", **changes)
    deaths = 0
    # A run that is guided, or plays in a model, takes no steps in its batch.
    moments = list(MOMENTS)[ALGORITHMS[agent].guided or ALGORITHMS[agent].differentiates :]
    for round_ in range(rounds):
        moment = moments[round_ % len(moments)]
        deaths += killed(broken, moment, int(rng.integers(2, 14)))
    assert deaths >= 1
    rest = 0 if finished(broken) else steps_taken(broken)
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "whole")
    if ALGORITHMS[agent].resumes:
        assert rest < steps, "it went on where it was"
    else:
        assert rest in (0, steps), "it started over"


@pytest.mark.parametrize("agent", ALGORITHMS)
def test_a_killed_run_ends_with_the_same_bits(agent: str, tmp_path: Path) -> None:
    check_killed_run(agent, tmp_path, seed=2, rounds=4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
@pytest.mark.parametrize("agent", ALGORITHMS)
def test_killed_runs_end_with_the_same_bits(agent: str, seed: int, tmp_path: Path) -> None:
    check_killed_run(agent, tmp_path, seed=seed, rounds=12)


@pytest.mark.parametrize("agent", ["ppo", "sac"])
def test_noise_that_depends_on_the_state_is_continued_too(agent: str, tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "hyperparameters": {"use_sde": True, "sde_sample_freq": 3},
        "settings": {"continuous": True},
    }
    train.train(spec_of(agent, tmp_path / "whole", **changes))
    broken = spec_of(agent, tmp_path / "broken", **changes)
    assert killed(broken, "between two steps", 45)
    train.train(broken)
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_killed_at_any_write_ends_with_the_same_bits(tmp_path: Path) -> None:
    train.train(spec_of("ppo", tmp_path / "whole"))
    expected = outcome(tmp_path / "whole")
    for call in range(1, 10_000):
        directory = tmp_path / f"broken-{call}"
        spec = spec_of("ppo", directory)
        died = killed(spec, "while writing", call)
        train.train(spec)
        assert outcome(directory) == expected
        if not died:
            break
    assert call > 20


def test_a_run_killed_before_its_manifest_was_there_starts(tmp_path: Path) -> None:
    spec = spec_of("ppo", tmp_path / "run")
    assert killed(spec, "while writing", 1)
    assert [path.suffix for path in (tmp_path / "run").iterdir()] == [".tmp"]
    train.train(spec)
    assert verify(tmp_path / "run") == []


@pytest.mark.slow
def test_a_process_killed_from_outside_is_continued_by_another(tmp_path: Path) -> None:
    """No hooks: fresh interpreters, a kill whenever it happens to fall, again and again."""
    changes: dict[str, Any] = {"steps": 6_000, "hyperparameters": {"validate_every": 1_000}}
    train.train(spec_of("ppo", tmp_path / "whole", **changes))
    spec = spec_of("ppo", tmp_path / "broken", **changes)
    code = (
        "import json, sys\n"
        "from drlapps.train import RunSpec, train\n"
        "train(RunSpec(**json.loads(sys.argv[1])))\n"
    )
    rng = np.random.default_rng(0)
    checkpoint = RunDirectory(spec.directory).checkpoint
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", code, json.dumps(asdict(spec))])
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while child.poll() is None and (
            not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before
        ):
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0.0, 0.3)))
        child.kill()
        child.wait()
    train.train(spec)
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "whole")


def test_a_run_that_cannot_be_stored_half_way_starts_over(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "task": f"{TINY}:CARTPOLE",
        "steps": 200,
        "settings": {},
        "hyperparameters": {"n_envs": 2, "n_steps": 16, "batch_size": 16, "n_epochs": 1},
    }
    steps = steps_taken(spec_of("ppo", tmp_path / "whole", **changes))
    broken = spec_of("ppo", tmp_path / "broken", **changes)
    assert killed(broken, "between two steps", 60)
    assert not RunDirectory(broken.directory).checkpoint.exists()
    assert steps_taken(broken) == steps
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "whole")


def test_a_checkpoint_of_another_shape_is_one_sentence(tmp_path: Path) -> None:
    spec = spec_of("ppo", tmp_path / "run")
    assert killed(spec, "between two steps", 40)
    checkpoint = RunDirectory(spec.directory).checkpoint
    state = files.load_tree(checkpoint)
    del state["env"]["position"]
    files.save_tree(checkpoint, state)
    with pytest.raises(InputError, match=r"does not fit this run \(.*position\); remove it"):
        train.train(spec)
    checkpoint.write_bytes(b"rubbish")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        train.train(spec)


def test_large_checkpoints_are_written_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that moves a second each look, and checkpoints that take two."""
    clock, saves = [0.0], []

    def tick() -> float:
        clock[0] += 1.0
        return clock[0]

    def save(self: Progress, model: Any) -> None:
        saves.append(clock[0])
        clock[0] += 1.0

    monkeypatch.setattr(train.time, "process_time", tick)
    monkeypatch.setattr(Progress, "save", save)
    train.train(spec_of("a2c", tmp_path / "run", checkpoint_seconds=10.0, steps=3_000))
    assert len(saves) >= 3
    assert saves[0] >= 10.0
    assert np.diff(saves).min() >= 2.0 / train.CHECKPOINT_SHARE


# --- validation ---


@pytest.fixture
def last_weights(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, np.ndarray]]:
    """The weights with which each run's training ended, whatever was chosen."""
    found: list[dict[str, np.ndarray]] = []
    finish = Progress.finish

    def noted(self: Progress, model: Any) -> None:
        found.append(weights_of(model.policy))
        finish(self, model)

    monkeypatch.setattr(Progress, "finish", noted)
    return found


@pytest.mark.parametrize("agent", [*ON_POLICY, "dqn", "sac", "ars"])
def test_validation_does_not_disturb_training(
    agent: str, tmp_path: Path, last_weights: list[dict[str, np.ndarray]]
) -> None:
    returns = []
    for every in (40, 0):
        spec = spec_of(agent, tmp_path / str(every), hyperparameters={"validate_every": every})
        train.train(spec)
        rows = read_rows(RunDirectory(spec.directory).progress)
        returns.append({row["steps"]: row["episode_return"] for row in rows})
    assert returns[0] == returns[1]
    assert len(set(returns[0].values())) > 1
    with_validation, without = last_weights
    for name, array in with_validation.items():
        np.testing.assert_array_equal(array, without[name])


def test_the_best_validated_weights_are_kept(
    tmp_path: Path, last_weights: list[dict[str, np.ndarray]]
) -> None:
    spec = spec_of("ppo", tmp_path / "run", hyperparameters={"validate_every": 32})
    manifest = train.train(spec)
    rows = read_rows(RunDirectory(spec.directory).progress)
    scores = [float(row["validation"]) for row in rows if row["validation"]]
    assert len(scores) >= 9
    assert manifest["validation_score"] == min(scores)
    assert manifest["validation"] == [start.hash for start in tiny.validation()]
    task = registry.get(WALK)
    agent, _ = load_agent(spec.directory, task)
    instances = list(tiny.validation())
    env = registry.make(task, len(instances), instances, training=False)
    assert train.validation_score(task, agent, env, instances)[1] == min(scores)


def test_feasible_solutions_come_before_good_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([(0.5, 1.0), (0.0, 9.0), (0.0, 9.0), (0.2, 0.1), (0.0, 9.5)])
    seen: list[dict[str, np.ndarray]] = []

    def scored(task: Any, agent: Agent, env: Any, instances: Any) -> tuple[float, float]:
        seen.append(dict(agent.weights))
        return next(scores)

    monkeypatch.setattr(train, "validation_score", scored)
    spec = spec_of("ppo", tmp_path / "run", hyperparameters={"validate_every": 64})
    assert train.train(spec)["validation_score"] == 9.0
    stored, _ = load_tensors(RunDirectory(spec.directory).weights)
    # Among equals the later: it has learnt longer.
    for name, array in stored.items():
        np.testing.assert_array_equal(array, seen[2][name])
    rows = read_rows(RunDirectory(spec.directory).progress)
    assert next(row["infeasible"] for row in rows if row["validation"]) == "0.5"


def test_without_a_validation_pool_the_last_weights_are_kept(
    tmp_path: Path, last_weights: list[dict[str, np.ndarray]]
) -> None:
    text = TINY.read_text().replace('"validation": ":validation", "test": ":test"', "")
    (tmp_path / "bare.py").write_text(text)
    spec = spec_of("ppo", tmp_path / "run", task=f"{tmp_path / 'bare.py'}:WALK")
    manifest = train.train(spec)
    assert manifest["validation_score"] is None
    assert manifest["validation"] == []
    stored, _ = load_tensors(RunDirectory(spec.directory).weights)
    for name, array in stored.items():
        np.testing.assert_array_equal(array, last_weights[0][name])


def test_training_never_touches_the_test_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("the test pool was opened")

    monkeypatch.setattr(tiny, "test", refuse)
    task = registry.get(WALK)
    with pytest.raises(AssertionError):
        registry.pool(task, "test")
    train.train(spec_of("ppo", tmp_path / "run"))
    load_agent(tmp_path / "run", task)


# --- run directories ---


def test_the_manifest_says_how_the_run_was_made(tmp_path: Path) -> None:
    spec = spec_of("maskable-ppo", tmp_path / "run", hyperparameters={"gamma": 0.9})
    manifest = train.train(spec)
    assert manifest == read_json(tmp_path / "run" / "manifest.json")
    assert manifest["status"] == "complete"
    assert (manifest["task"], manifest["agent"], manifest["seed"]) == (
        "user/walk", "maskable-ppo", 3,
    )  # fmt: skip
    assert manifest["train"] == "generated"
    assert manifest["steps"] == 320
    assert manifest["train_cpu_seconds"] > 0
    assert manifest["recipe"]["hyperparameters"]["gamma"] == 0.9
    assert manifest["recipe"]["environment"] == {"masked": True}
    assert set(manifest["files"]) == {"weights.safetensors", "progress.csv"}
    assert {"python", "packages", "git_commit"} <= manifest.keys()


def test_the_hashes_of_a_fixed_train_pool_are_kept(tmp_path: Path) -> None:
    text = TINY.read_text().replace('"train": ":train"', '"train": ":test"')
    (tmp_path / "fixed.py").write_text(text)
    spec = spec_of("ppo", tmp_path / "run", task=f"{tmp_path / 'fixed.py'}:WALK")
    assert train.train(spec)["train"] == sorted(start.hash for start in tiny.test())


def test_a_finished_run_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of("ppo", tmp_path / "run")
    assert finished(spec) is None
    manifest = train.train(spec)
    monkeypatch.setattr(train, "_train", lambda spec: pytest.fail("it trained again"))
    assert train.train(spec) == finished(spec) == manifest
    # How often checkpoints are written does not make another run of it, nor do tuples.
    assert finished(replace(spec, checkpoint_seconds=60.0)) == manifest


def test_tuples_and_lists_are_the_same_run(tmp_path: Path) -> None:
    network = {"policy_kwargs": {"net_arch": [4, 4]}}
    train.train(spec_of("ppo", tmp_path / "run", hyperparameters=network))
    again = {"policy_kwargs": {"net_arch": (4, 4)}}
    assert finished(spec_of("ppo", tmp_path / "run", hyperparameters=again)) is not None


def test_the_directory_of_another_run_is_refused(tmp_path: Path) -> None:
    spec = spec_of("ppo", tmp_path / "run")
    train.train(spec)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    for change in ({"seed": 4}, {"steps": 99}, {"hyperparameters": {"gamma": 0.5}}):
        with pytest.raises(InputError, match=f"holds another run \\(its {next(iter(change))} d"):
            train.train(replace(spec, **change))
    with pytest.raises(InputError, match="agent, settings differ"):
        train.train(spec_of("sac", tmp_path / "run"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_directory_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        train.train(spec_of("ppo", tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"agent": "ppu"}, "unknown agent 'ppu'; did you mean"),
        ({"agent": "sac"}, "sac cannot act in a Discrete"),
        ({"agent": "maskable-ppo"}, "needs action masks"),
        ({"settings": {"stepp": 1.0}}, "unknown parameter of user/walk 'stepp'; did you mean step"),
        ({"settings": {"step": -1.0}}, "user/walk: step must be positive"),
        ({"settings": {"step": "wide"}}, "user/walk: .*not supported between"),
        ({"hyperparameters": {"gama": 0.9}}, "unknown hyper-parameter of PPO 'gama'"),
        ({"hyperparameters": {"n_envs": 0}}, "n_envs must be a whole number from 1 on, not 0"),
        ({"hyperparameters": {"n_envs": "4"}}, "n_envs must be a whole number"),
        ({"hyperparameters": {"policy_kwargs": 4}}, "policy_kwargs must be a table, not 4"),
        ({"steps": 0}, "steps must be a whole number from 1 on, not 0"),
        ({"task": f"{TINY}:WALKS"}, "unknown task in .*'WALKS'; did you mean WALK"),
    ],
)
def test_an_impossible_run_leaves_nothing_behind(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train.train(replace(spec_of("ppo", tmp_path / "run"), **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_network_too_small_for_the_validation_pool_is_refused_at_once(tmp_path: Path) -> None:
    spec = RunSpec(
        "scheduling/job-shop", "a2c", 0, str(tmp_path / "run"),
        settings={"jobs": [3, 3], "machines": [3, 3]}, hyperparameters={"n_envs": 1},
    )  # fmt: skip
    with pytest.raises(InputError, match="acts only on the size it was trained for"):
        train.train(spec)
    assert list(tmp_path.iterdir()) == []


def test_a_run_can_begin_with_the_weights_of_another(tmp_path: Path) -> None:
    """Analytic policy gradients first, then an algorithm that needs no model."""
    first = spec_of("apg", tmp_path / "first")
    train.train(first)
    begun, _ = load_tensors(RunDirectory(first.directory).weights)
    second = spec_of(
        "ppo", tmp_path / "second", start=first.directory, settings={"continuous": True},
        hyperparameters={"learning_rate": 0.0},
    )  # fmt: skip
    train.train(second)
    kept, _ = load_tensors(RunDirectory(second.directory).weights)
    assert kept.keys() == begun.keys()
    for name, array in begun.items():
        np.testing.assert_array_equal(kept[name], array)
    learning = replace(second, directory=str(tmp_path / "third"), hyperparameters={})
    train.train(learning)
    broken = replace(second, directory=str(tmp_path / "fourth"), hyperparameters={})
    assert killed(broken, "between two steps", 45)
    train.train(broken)
    assert outcome(tmp_path / "third") == outcome(tmp_path / "fourth")
    assert f"--start {first.directory}" in learning.command()


def test_weights_to_begin_with_must_be_of_the_task_and_fit(tmp_path: Path) -> None:
    train.train(spec_of("ppo", tmp_path / "first", steps=64))
    for changes, message in (
        ({"start": str(tmp_path / "nothing")}, "nothing"),
        ({"start": str(tmp_path / "first"), "settings": {"continuous": True}}, "do not fit"),
    ):
        with pytest.raises(InputError, match=message):
            train.train(replace(spec_of("ppo", tmp_path / "run"), **changes))
    assert not (tmp_path / "run").exists()


def test_changes_to_the_preset_reach_it(tmp_path: Path) -> None:
    changes = {"n_envs": 2, "validate_every": 7, "gamma": 0.5,
               "policy_kwargs": {"activation_fn": "relu"}}  # fmt: skip
    spec = spec_of("ppo", tmp_path, hyperparameters=changes, steps=11, settings={"step": 0.1})
    chosen = spec.preset()
    assert (chosen.steps, chosen.n_envs, chosen.validate_every) == (11, 2, 7)
    assert chosen.hyperparameters == {**tiny.PPO.hyperparameters, "gamma": 0.5}
    assert chosen.policy_kwargs == {"net_arch": [8], "activation_fn": "relu"}
    assert chosen.environment == {"step": 0.1}


def test_the_command_of_a_run_says_it_all(tmp_path: Path) -> None:
    import shlex

    given = {"learning_rate": {"linear": [0.1, 0.0]}, "n_steps": 8, "normalize_advantage": True}
    spec = spec_of("ppo", tmp_path, hyperparameters=given, settings={"step": 0.25}, steps=10)
    words = shlex.split(spec.command())
    assert words[:3] == ["drlapps", "train", WALK]
    values = [words[i + 1] for i, word in enumerate(words) if word == "--hyper"]
    assert settings.parse(values) == given
    values = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert settings.parse(values) == {"step": 0.25}
    assert words[words.index("--first-seed") + 1] == "3"


def test_training_uses_one_thread_and_gives_the_others_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = torch.get_num_threads(), []

    def fail(spec: RunSpec) -> None:
        seen.append(torch.get_num_threads())
        raise KeyError

    monkeypatch.setattr(train, "_train", fail)
    try:
        torch.set_num_threads(2)
        with pytest.raises(KeyError):
            train.train(spec_of("ppo", tmp_path / "run"))
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


# --- loading ---


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    directory = tmp_path_factory.mktemp("done") / "run"
    train.train(spec_of("ppo", directory))
    return directory


@pytest.fixture
def run(done: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to be tampered with."""
    import shutil

    return shutil.copytree(done, tmp_path / "copy")


def test_tampered_weights_are_refused(run: Path) -> None:
    weights, _ = load_tensors(run / "weights.safetensors")
    save_tensors(run / "weights.safetensors", {name: -array for name, array in weights.items()})
    with pytest.raises(InputError, match=r"'weights.safetensors' was changed"):
        load_agent(run, registry.get(WALK))


def test_an_unfinished_run_is_refused(run: Path) -> None:
    manifest = read_json(run / "manifest.json")
    write_json(run / "manifest.json", {**manifest, "status": "running"})
    with pytest.raises(InputError, match="not complete"):
        load_agent(run, registry.get(WALK))


def test_an_agent_of_another_task_is_refused(run: Path) -> None:
    with pytest.raises(InputError, match="was trained for user/walk, not for tests/cartpole"):
        load_agent(run, registry.get(f"{TINY}:CARTPOLE"))
    with pytest.raises(InputError, match="user/walk, which is no installed task"):
        load_agent(run)
    with pytest.raises(InputError, match="not a run directory"):
        load_agent(run.parent, registry.get(WALK))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": {"algorithm": "os:system"}}, "unknown or missing entries"),
        ({"agent": "os:system"}, "unknown agent 'os:system'"),
        ({"agent": ["ppo"]}, "names no task, agent and recipe"),
        ({"recipe": None}, "names no task, agent and recipe"),
        ({"agent": "a2c"}, "the recipe is one of ppo, not a2c"),
    ],
)
def test_a_manifest_cannot_name_code(run: Path, changes: dict[str, Any], message: str) -> None:
    manifest = read_json(run / "manifest.json")
    write_json(run / "manifest.json", {**manifest, **changes})
    with pytest.raises(InputError, match=message):
        load_agent(run, registry.get(WALK))


@pytest.mark.parametrize("entry", ["algorithm", "policy"])
def test_an_import_string_in_a_recipe_is_refused_and_not_imported(
    run: Path, entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil_module.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    manifest = read_json(run / "manifest.json")
    manifest["recipe"][entry] = "evil_module:PPO"
    write_json(run / "manifest.json", manifest)
    with pytest.raises(InputError, match="unknown"):
        load_agent(run, registry.get(WALK))
    assert "evil_module" not in sys.modules


def test_a_file_that_a_manifest_names_is_never_imported(run: Path) -> None:
    evil = run.parent / "evil.py"
    evil.write_text("raise SystemExit('it was imported')")
    manifest = read_json(run / "manifest.json")
    manifest["spec"]["task"] = manifest["task"] = f"{evil}:WALK"
    write_json(run / "manifest.json", manifest)
    with pytest.raises(InputError, match="no installed task"):
        load_agent(run)
    with pytest.raises(InputError, match=r"only imported when you name it; continue it with: drl"):
        RunSpec.of(run)


def test_the_spec_of_a_run_comes_back(tmp_path: Path) -> None:
    spec = RunSpec("scheduling/job-shop", "maskable-ppo", 5, str(tmp_path), steps=7)
    run = RunDirectory.create(tmp_path)
    run.write_manifest(spec=asdict(spec))
    assert RunSpec.of(tmp_path) == spec
    for broken in ({}, {"spec": {"task": "x"}}, {"spec": {**asdict(spec), "task": 4}}):
        write_json(run.manifest_path, broken)
        with pytest.raises(InputError, match="no usable run spec"):
            RunSpec.of(tmp_path)


# --- zips of SB3 ---


def test_a_trusted_zip_becomes_a_run(tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    bridge = SB3Bridge(tiny.Walk(2, tiny.Starts()))
    model = PPO("MlpPolicy", bridge, n_steps=8, batch_size=8, policy_kwargs={"net_arch": [8]},
                seed=6, device="cpu")  # fmt: skip
    model.learn(32)
    model.save(tmp_path / "model.zip")
    manifest = import_zip(WALK, "ppo", tmp_path / "model.zip", str(tmp_path / "run"))
    assert (manifest["steps"], manifest["seed"], manifest["train"]) == (32, 6, "imported")
    task = registry.get(WALK)
    agent, _ = load_agent(tmp_path / "run", task)
    env = registry.make(task, 4, tiny.Starts())
    observations, _ = env.reset(seed=0)
    agent.reset(env, 0)
    expected, _ = model.predict(observations, deterministic=True)
    np.testing.assert_array_equal(agent.act(env, observations), expected)


def test_a_zip_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    (tmp_path / "rubbish.zip").write_bytes(b"no zip")
    model = PPO("MlpPolicy", SB3Bridge(tiny.Walk(2, tiny.Starts())), n_steps=8, batch_size=8,
                device="cpu")  # fmt: skip
    model.save(tmp_path / "wide.zip")
    for file, message in (
        ("missing.zip", "no such file"),
        ("rubbish.zip", "is no ppo zip"),
        ("wide.zip", "do not fit"),
    ):
        with pytest.raises(InputError, match=message):
            import_zip(WALK, "ppo", tmp_path / file, str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
