"""From words to policies: baselines, agents by their runs, samples, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drlapps import registry
from drlapps.agents import Agent
from drlapps.contestants import best_validated, contestant, repeated, run_directories
from drlapps.errors import InputError
from drlapps.evaluate import evaluate
from drlapps.files import read_json, write_json
from drlapps.task import Information
from drlapps.train import RunSpec, train

TINY = Path(__file__).with_name("tiny.py")
tiny = registry.user_module(TINY)
WALK = f"{TINY}:WALK"
JOB_SHOP = "scheduling/job-shop"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of one agent, in one directory."""
    home = tmp_path_factory.mktemp("runs")
    for seed in (10, 2, 1):
        train(RunSpec(WALK, "ppo", seed, str(home / f"seed-{seed}"), steps=64))
    return home


@pytest.fixture
def runs(home: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return shutil.copytree(home, tmp_path / "runs")


def change(run: Path, **fields: Any) -> None:
    write_json(run / "manifest.json", {**read_json(run / "manifest.json"), **fields})


# --- baselines ---


def test_a_repeated_baseline_draws_anew_each_time() -> None:
    task = registry.get(JOB_SHOP)
    shops = registry.instances(task, ["la01"])
    once = contestant(task, "random")
    found = repeated(once, 4)
    assert list(found.policies) == [0, 1, 2, 3]
    values = [row.value for row in evaluate(task, [found], shops, seed=5)]
    assert len(set(values)) > 1
    again = [evaluate(task, [once], shops, seed=5 + draw)[0].value for draw in range(4)]
    assert values == again
    assert repeated(once, 1) is once


@pytest.mark.parametrize("times", [-1, 0, 2])
def test_too_few_repetitions_say_nothing(times: int) -> None:
    with pytest.raises(InputError, match="--repeats takes 1 or at least 3"):
        repeated(contestant(registry.get(JOB_SHOP), "random"), times)


def test_an_agent_has_its_runs_to_repeat_it() -> None:
    found = contestant(registry.get(JOB_SHOP), "pretrained")
    assert repeated(found, 5) is found


def test_a_baseline_takes_the_options_it_has() -> None:
    task = registry.get(JOB_SHOP)
    found = contestant(task, "cp-sat", {"time_limit": 0.5, "colour": "red"})
    assert (found.name, found.kind, found.information) == ("cp-sat", "baseline", Information.MODEL)
    (policy,) = found.policies.values()
    assert policy.time_limit == 0.5
    assert found.barred == frozenset()
    assert list(contestant(task, "spt", {"time_limit": 0.5}).policies) == [None]


def test_a_baseline_that_samples_has_its_number_of_samples() -> None:
    task = registry.get(JOB_SHOP)
    assert contestant(task, "random-mor").policies[None].samples == 128
    found = contestant(task, "random-mor@7")
    assert found.name == "random-mor@7"
    assert found.policies[None].samples == 7


@pytest.mark.parametrize("word", ["spt@", "spt@0", "spt@-3", "spt@1.5", "spt@many", "spt@²"])
def test_what_follows_the_at_is_a_positive_number(word: str) -> None:
    with pytest.raises(InputError, match="must be a positive number of samples"):
        contestant(registry.get(JOB_SHOP), word)


def test_what_always_does_the_same_is_not_sampled(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cp-sat is a solver: it has one plan"):
        contestant(registry.get(JOB_SHOP), "cp-sat@4")
    train(RunSpec(WALK, "dqn", 0, str(tmp_path / "run"), steps=8))
    with pytest.raises(InputError, match="always takes the same action"):
        contestant(registry.get(WALK), f"{tmp_path / 'run'}@4")


@pytest.mark.parametrize("word", ["sptt", "nobody", "runs/that/are/not/there", "random-more@3"])
def test_unknown_names_are_refused(word: str) -> None:
    with pytest.raises(InputError, match="unknown policy of scheduling/job-shop"):
        contestant(registry.get(JOB_SHOP), word)


def test_a_wrong_name_gets_a_suggestion_and_an_agent_an_explanation() -> None:
    with pytest.raises(InputError, match=r"'sptt'; did you mean .*spt"):
        contestant(registry.get(JOB_SHOP), "sptt")
    with pytest.raises(InputError, match="'ppo' is an agent to train: drlapps train user/walk"):
        contestant(registry.get(WALK), "ppo")
    with pytest.raises(InputError, match="user/walk ships no pretrained agent"):
        contestant(registry.get(WALK), "pretrained")


# --- policies of a user's own ---


def test_a_policy_of_ones_own_competes() -> None:
    task = registry.get(WALK)
    found = contestant(task, f"{TINY}:Homing@2")
    assert isinstance(found.policies[None], tiny.Homing)
    assert (found.kind, found.information) == ("baseline", Information.OBSERVED)
    (result,) = evaluate(task, [contestant(task, f"{TINY}:Homing")], tiny.test()[:1])
    lazy = replace(found, policies={None: tiny.Homing(lazy=True)})
    (other,) = evaluate(task, [lazy], tiny.test()[:1])
    assert result.value is not None
    assert other.value is not None
    assert result.value < other.value


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Homming", "unknown Policy class in .* did you mean Homing"),
        ("Walk", "unknown Policy class"),
        ("Demanding", "Demanding: .*missing 1 required positional argument: 'wish'"),
    ],
)
def test_a_policy_of_ones_own_must_be_one(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        contestant(registry.get(WALK), f"{TINY}:{name}")


# --- agents ---


def test_a_run_directory_is_an_agent_of_one_seed(home: Path) -> None:
    found = contestant(registry.get(WALK), str(home / "seed-2"))
    assert found.kind == "agent"
    assert list(found.policies) == [2]
    assert isinstance(found.policies[2], Agent)
    assert found.train_cpu_seconds > 0
    assert found.barred == {start.hash for start in tiny.validation()}


def test_a_directory_of_runs_is_an_agent_of_several_seeds(home: Path) -> None:
    found = contestant(registry.get(WALK), str(home))
    assert list(found.policies) == [1, 2, 10]
    costs = [read_json(run / "manifest.json")["train_cpu_seconds"] for run in run_directories(home)]
    assert found.train_cpu_seconds == pytest.approx(sum(costs) / 3)
    results = evaluate(registry.get(WALK), [found], tiny.test())
    assert len(results) == 9
    assert {result.run_seed for result in results} == {1, 2, 10}


def test_the_best_of_several_samples(home: Path) -> None:
    task = registry.get(WALK)
    found = contestant(task, f"{home}@16")
    assert found.name == f"{home}@16"
    assert {policy.samples for policy in found.policies.values()} == {16}
    greedy = evaluate(task, [contestant(task, str(home))], tiny.test())
    best = evaluate(task, [found], tiny.test())
    assert sum(r.value for r in best) < sum(r.value for r in greedy)


def test_a_path_may_contain_an_at(home: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(home / "seed-1", tmp_path / "mine@home")
    task = registry.get(WALK)
    assert contestant(task, str(copy)).policies[1].samples == 1
    assert contestant(task, f"{copy}@3").policies[1].samples == 3


def test_an_agent_is_not_scored_on_what_chose_it(home: Path) -> None:
    task = registry.get(WALK)
    agent = contestant(task, str(home))
    for instances in (tiny.validation(), (*tiny.test(), tiny.validation()[2])):
        with pytest.raises(InputError, match="was trained or validated on from"):
            evaluate(task, [agent], instances)
    # A baseline saw nothing, and may.
    assert len(evaluate(task, [contestant(task, "homing")], tiny.validation())) == 5


def test_an_agent_is_not_scored_on_a_fixed_pool_it_trained_on(tmp_path: Path) -> None:
    (tmp_path / "fixed.py").write_text(
        TINY.read_text().replace('"train": ":train"', '"train": ":test"')
    )
    name = f"{tmp_path / 'fixed.py'}:WALK"
    train(RunSpec(name, "ppo", 0, str(tmp_path / "run"), steps=32))
    task = registry.get(name)
    with pytest.raises(InputError, match="was trained or validated on"):
        evaluate(task, [contestant(task, str(tmp_path / "run"))], tiny.test()[:1])


def test_an_agent_of_another_task_is_refused(home: Path) -> None:
    with pytest.raises(InputError, match="trained for user/walk, not for scheduling/job-shop"):
        contestant(registry.get(JOB_SHOP), str(home))


def test_a_run_counts_once(runs: Path) -> None:
    shutil.copytree(runs / "seed-1", runs / "seed-3")
    with pytest.raises(InputError, match="holds two runs of seed 1"):
        contestant(registry.get(WALK), str(runs))


def test_the_runs_of_an_agent_are_alike(runs: Path) -> None:
    shutil.rmtree(runs / "seed-10")
    train(RunSpec(WALK, "ppo", 10, str(runs / "seed-10"), steps=96))
    with pytest.raises(InputError, match="runs of different agents or settings"):
        contestant(registry.get(WALK), str(runs))


def test_an_unfinished_or_changed_run_is_refused(runs: Path) -> None:
    task = registry.get(WALK)
    (runs / "seed-2" / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(InputError, match=r"'weights.safetensors' was changed"):
        contestant(task, str(runs))
    change(runs / "seed-1", status="running")
    with pytest.raises(InputError, match="not complete"):
        contestant(task, str(runs / "seed-1"))


@pytest.mark.parametrize(
    "fields", [{"seed": None}, {"seed": "one"}, {"train_cpu_seconds": None}, {"validation": 3}]
)
def test_a_manifest_without_what_a_contest_needs_is_refused(
    runs: Path, fields: dict[str, Any]
) -> None:
    change(runs / "seed-1", **fields)
    with pytest.raises(InputError, match="the manifest lacks a usable"):
        contestant(registry.get(WALK), str(runs / "seed-1"))


def test_a_directory_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run directory and holds none"):
        contestant(registry.get(WALK), str(tmp_path))


def test_the_run_to_use_is_the_best_validated(runs: Path) -> None:
    for seed, score in ((1, 5.0), (2, None), (10, -3.0)):
        change(runs / f"seed-{seed}", validation_score=score)
    assert best_validated(runs).name == "seed-10"
    change(runs / "seed-10", validation_score=None)
    assert best_validated(runs).name == "seed-1"
