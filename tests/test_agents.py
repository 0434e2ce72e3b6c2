"""The closed table: every algorithm is built, trained, stored, rebuilt and acts as it did."""

from __future__ import annotations

import ast
import builtins
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import drlapps
from drlapps import hyperparameters, registry
from drlapps.agents import (
    ALGORITHMS,
    Agent,
    Preset,
    build,
    build_policy,
    check_spaces,
    preset,
)
from drlapps.bridge import SB3Bridge
from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.files import load_tensors
from drlapps.train import Progress, RunSpec, load_agent, train
from drlapps.vector import VectorEnvironment
from drlapps.weights import weights_of, with_weights

TINY = Path(__file__).with_name("tiny.py")
tiny = registry.user_module(TINY)
CARTPOLE, PENDULUM, WALK, STEERED = (
    f"{TINY}:{name}" for name in ("CARTPOLE", "PENDULUM", "WALK", "STEERED")
)
JOB_SHOP = "scheduling/job-shop"
TASK_OF = {
    "ppo": CARTPOLE, "a2c": CARTPOLE, "trpo": CARTPOLE, "recurrent-ppo": CARTPOLE,
    "dqn": CARTPOLE, "qr-dqn": CARTPOLE, "ars": CARTPOLE, "maskable-ppo": JOB_SHOP,
    "sac": PENDULUM, "td3": PENDULUM, "ddpg": PENDULUM, "tqc": PENDULUM, "crossq": PENDULUM,
    "decision-transformer": JOB_SHOP, "apg": STEERED, "self-labelling": JOB_SHOP, "pomo": CARTPOLE,
}  # fmt: skip
# What makes a few hundred steps enough to learn something from; all else is the table's.
SHORT = {
    "ppo": {"batch_size": 32},
    "a2c": {},
    "trpo": {"batch_size": 32},
    "recurrent-ppo": {"batch_size": 32},
    "maskable-ppo": {"batch_size": 32, "n_steps": 16, "n_epochs": 1},
    "ars": {"n_delta": 2, "n_top": 1, "n_eval_episodes": 2},
    "decision-transformer": {"guides": ["mwkr"], "episodes": 3, "batch_size": 4},
    "apg": {},
    "self-labelling": {"group_size": 2},
    "pomo": {"group_size": 2, "batch_size": 32},
    "dqn": {"learning_starts": 100, "batch_size": 32},
    "qr-dqn": {"learning_starts": 100, "batch_size": 32},
    **{
        key: {"learning_starts": 250, "batch_size": 16}
        for key in ("sac", "td3", "ddpg", "tqc", "crossq")
    },
}


def env_of(task: str, rows: int, **settings: Any) -> VectorEnvironment:
    found = registry.get(task)
    return registry.make(found, rows, registry.pool(found, "train"), **settings)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Train an algorithm for a moment; return its SB3 model, its directory and its task."""

    def run(algorithm: str, task: str = "", **changes: Any) -> tuple[Any, Path, Any]:
        models: list[Any] = []
        finish = Progress.finish
        monkeypatch.setattr(
            Progress, "finish", lambda self, model: (models.append(model), finish(self, model))
        )
        chosen = {"n_envs": 2, "validate_every": 0, **SHORT[algorithm], **changes}
        name = task or TASK_OF[algorithm]
        settings = {"jobs": [4, 4], "machines": [3, 3]} if name == JOB_SHOP else {}
        directory = tmp_path / algorithm
        train(
            RunSpec(
                name, algorithm, 1, str(directory), steps=300, hyperparameters=chosen,
                settings=settings,
            )
        )  # fmt: skip
        return models[0], directory, registry.get(name)

    return run


def test_the_table_is_the_one_that_is_promised() -> None:
    promised = [
        "ppo",
        "a2c",
        "dqn",
        "sac",
        "td3",
        "ddpg",
        "tqc",
        "qr-dqn",
        "maskable-ppo",
        "recurrent-ppo",
        "trpo",
        "ars",
        "crossq",
        "decision-transformer",
        "apg",
        "self-labelling",
        "pomo",
    ]
    assert sorted(ALGORITHMS) == sorted(promised) == sorted(TASK_OF)
    for name, algorithm in ALGORITHMS.items():
        assert algorithm.preset.algorithm == name
        assert algorithm.preset.steps >= 20 * algorithm.preset.validate_every > 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_rebuilt_agent_acts_as_the_model_did(algorithm: str, trained: Any) -> None:
    model, directory, task = trained(algorithm)
    untrained = weights_of(build(model_preset(task, algorithm), fresh_bridge(task), 1).policy)
    stored, _ = load_tensors(directory / "weights.safetensors")
    assert stored.keys() == untrained.keys()
    assert any(not np.array_equal(stored[name], untrained[name]) for name in stored), "it learnt"
    # Each tensor stands in the file once, whatever its names in the network.
    tensors = [*model.policy.parameters(), *model.policy.buffers()]
    assert sum(array.size for array in stored.values()) == sum(t.numel() for t in tensors)

    agent, manifest = load_agent(directory, task)
    assert manifest["steps"] >= 300
    env = registry.make(task, 3, registry.pool(task, "train", **small(task)))
    observations, _ = env.reset(seed=5)
    agent.reset(env, seed=0)
    state, starts = None, np.ones(3, np.bool_)
    for _ in range(25):
        masks = {"action_masks": env.action_masks()} if hasattr(env, "action_masks") else {}
        expected, state = model.predict(observations, state, starts, deterministic=True, **masks)
        starts = np.zeros(3, np.bool_)
        actions = agent.act(env, observations)
        np.testing.assert_array_equal(actions, expected)
        observations, _, _, _, _ = env.step(actions)


def small(task: Any) -> dict[str, Any]:
    return {"jobs": [4, 4], "machines": [3, 3]} if task.id == JOB_SHOP else {}


def model_preset(task: Any, algorithm: str) -> Preset:
    found = preset(task, algorithm)
    return replace(found, hyperparameters={**found.hyperparameters, **SHORT[algorithm]})


def fresh_bridge(task: Any) -> SB3Bridge:
    return SB3Bridge(registry.make(task, 2, registry.pool(task, "train", **small(task))))


def test_the_task_of_an_agent_is_found_if_it_is_installed(trained: Any) -> None:
    _, directory, _ = trained("maskable-ppo")
    agent, manifest = load_agent(directory)
    assert (agent.algorithm, manifest["task"]) == (ALGORITHMS["maskable-ppo"], JOB_SHOP)


def test_a_shared_encoder_is_stored_under_one_of_its_names() -> None:
    """The job shop's actor and critic see the same encoder under three names."""
    task = registry.get(JOB_SHOP)
    env = env_of(JOB_SHOP, 1)
    policy = build_policy(
        preset(task, "maskable-ppo"), env.single_observation_space, env.single_action_space
    )
    names = policy.state_dict().keys()
    stored = weights_of(policy)
    assert len(stored) < len(names)
    changed = {name: array + 1 for name, array in stored.items()}
    with_weights(policy, changed)
    for name, tensor in policy.state_dict().items():
        if name in changed:
            np.testing.assert_array_equal(tensor.numpy(), changed[name])
    assert all(bool((t != 0).any()) for t in policy.state_dict().values()), "all names changed"


def test_state_dependent_exploration_survives(trained: Any) -> None:
    model, directory, task = trained("ppo", PENDULUM, use_sde=True)
    agent, _ = load_agent(directory, task)
    env = env_of(PENDULUM, 2)
    observations, _ = env.reset(seed=0)
    agent.reset(env, 0)
    expected, _ = model.predict(observations, deterministic=True)
    np.testing.assert_array_equal(agent.act(env, observations), expected)


# --- acting ---


def walker(rows: int = 6, **settings: Any) -> tuple[Agent, VectorEnvironment]:
    task = registry.get(WALK)
    instances = [tiny.Start(0.4, 12)] * rows
    env = registry.make(task, rows, instances, training=False, **settings)
    found = preset(task, "maskable-ppo" if settings.get("masked") else "ppo")
    policy = build_policy(found, env.single_observation_space, env.single_action_space)
    return Agent(found, weights_of(policy)), env


def test_one_sample_is_greedy_and_several_are_drawn() -> None:
    agent, env = walker()
    observations, _ = env.reset(seed=0, options={"instances": env.pool})
    agent.reset(env, 3)
    assert len(set(agent.act(env, observations).tolist())) == 1
    agent.samples = 6
    agent.reset(env, 3)
    drawn = [agent.act(env, observations).tolist() for _ in range(4)]
    assert len(set(drawn[0])) > 1
    assert drawn[0] != drawn[1]
    agent.reset(env, 3)
    assert [agent.act(env, observations).tolist() for _ in range(4)] == drawn
    agent.reset(env, 4)
    assert [agent.act(env, observations).tolist() for _ in range(4)] != drawn


def test_sampling_leaves_everyone_elses_random_numbers_alone() -> None:
    agent, env = walker()
    agent.samples = 6
    torch.manual_seed(8)
    expected = torch.rand(3)
    torch.manual_seed(8)
    rollout(env, agent, env.pool, 0)
    torch.testing.assert_close(torch.rand(3), expected)


def test_masked_actions_are_never_taken() -> None:
    agent, env = walker(masked=True)
    agent.samples = 6
    start = [tiny.Start(1.4, 12)] * 6
    observations, _ = env.reset(seed=0, options={"instances": start})
    agent.reset(env, 0)
    drawn = np.stack([agent.act(env, observations) for _ in range(20)])
    assert set(np.unique(drawn)) == {0, 1}


def test_a_recurrent_agent_forgets_at_the_start_of_an_episode(trained: Any) -> None:
    _, directory, task = trained("recurrent-ppo")
    agent, _ = load_agent(directory, task)
    env = registry.make(task, 2, registry.pool(task, "validation")[:2], training=False)
    first, again = ([], [])
    for seen in (first, again):
        observations, _ = env.reset(seed=0, options={"instances": env.pool})
        agent.reset(env, 0)
        for _ in range(6):
            seen.append(agent.act(env, observations).tolist())
            observations, *_ = env.step(np.array(seen[-1]))
    assert first == again


# --- what cannot be ---


def test_an_algorithm_must_fit_the_action_space() -> None:
    with pytest.raises(InputError, match=r"sac cannot act in a Discrete .*these can: ppo, a2c"):
        check_spaces("sac", env_of(WALK, 1))
    with pytest.raises(InputError, match="dqn cannot act in a Box"):
        check_spaces("dqn", env_of(WALK, 1, continuous=True))
    with pytest.raises(InputError, match="maskable-ppo needs action masks"):
        check_spaces("maskable-ppo", env_of(WALK, 1))
    with pytest.raises(InputError, match="apg learns through a differentiable model"):
        check_spaces("apg", env_of(PENDULUM, 1))
    check_spaces("maskable-ppo", env_of(WALK, 1, masked=True))


def test_presets_come_from_the_task_first() -> None:
    task = registry.get(WALK)
    assert preset(task, "ppo") is tiny.PPO
    assert preset(registry.get(CARTPOLE), "ppo") is ALGORITHMS["ppo"].preset
    with pytest.raises(InputError, match=r"unknown agent 'pp0'; did you mean .*ppo"):
        preset(task, "pp0")


def test_a_tasks_preset_must_be_usable() -> None:
    task = registry.get(WALK)
    broken = replace(task, agents={"ppo": task.agents["ppo"].replace("PPO", "NO_TASK")})
    with pytest.raises(InputError, match="NO_TASK is no preset"):
        preset(broken, "ppo")


def test_a_file_may_name_its_own_network_and_a_wrong_algorithm_is_found(tmp_path: Path) -> None:
    text = TINY.read_text() + (
        "\nfrom dataclasses import replace\n"
        "OWN = replace(PPO, policy=':Network')\n"
        "WRONG = replace(PPO, algorithm='pppo')\n"
    )
    (tmp_path / "own.py").write_text(text)
    task = registry.get(f"{tmp_path / 'own.py'}:WALK")
    module = task.environment.partition(":")[0]
    own = replace(task, agents={"own": f"{module}:OWN", "wrong": f"{module}:WRONG"})
    assert preset(own, "own").policy == f"{module}:Network"
    with pytest.raises(InputError, match="unknown algorithm 'pppo'; did you mean ppo"):
        preset(own, "wrong")


def test_weights_of_another_network_are_refused() -> None:
    _agent, env = walker()
    policy = build_policy(tiny.PPO, env.single_observation_space, env.single_action_space)
    weights = weights_of(policy)
    name = next(iter(weights))
    for changed in (
        {**weights, name: weights[name][:1]},
        {**weights, name: weights[name].astype(np.float64)},
        {**weights, "surplus": weights[name]},
        {k: v for k, v in weights.items() if k != name},
    ):
        with pytest.raises(InputError, match="do not fit this environment"):
            with_weights(policy, changed)
    with pytest.raises(InputError, match="not finite"):
        with_weights(policy, {**weights, name: weights[name] * np.nan})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gama": 0.9}, "unknown hyper-parameter of PPO 'gama'; did you mean gamma"),
        ({"seed": 3}, "unknown hyper-parameter of PPO 'seed'"),
        ({"n_epochs": 1.5}, "1.5 is no possible n_epochs"),
        ({"n_epochs": 0}, "0 is no possible n_epochs"),
        ({"gamma": "high"}, "'high' is no possible gamma"),
        ({"gamma": float("nan")}, "nan is no possible gamma"),
        ({"gamma": {"linear": [1.0, 0.9]}}, "is no possible gamma"),
        ({"gamma": None}, "None is no possible gamma"),
        ({"learning_rate": {"linear": [1.0]}}, "is no possible learning_rate"),
        ({"learning_rate": {"linear": [1.0, 0.0], "more": 1}}, "is no possible learning_rate"),
        ({"learning_rate": {"cosine": [1.0, 0.0]}}, "is no possible learning_rate"),
        ({"learning_rate": [1, 2]}, "is no possible learning_rate"),
        ({"learning_rate": -1.0}, "ppo: Invalid learning rate"),
        ({"normalize_advantage": 1}, "1 is no possible normalize_advantage"),
        ({"rollout_buffer_class": "os.system"}, "is no possible rollout_buffer_class"),
    ],
)
def test_impossible_hyperparameters_are_one_sentence(
    given: dict[str, object], message: str
) -> None:
    chosen = replace(tiny.PPO, hyperparameters={**tiny.PPO.hyperparameters, **given})
    with pytest.raises(InputError, match=message):
        build(chosen, SB3Bridge(env_of(WALK, 2)), 0)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"net_arc": [8]}, "ppo: .*net_arc"),
        ({"net_arch": ["wide"]}, "ppo: "),
        ({"activation_fn": "os.system"}, "unknown activation 'os.system'"),
        ({"features_extractor_class": "os:system"}, "ppo: "),
    ],
)
def test_impossible_networks_are_one_sentence(kwargs: dict[str, object], message: str) -> None:
    chosen = replace(tiny.PPO, policy_kwargs=kwargs)
    env = env_of(WALK, 2)
    with pytest.raises(InputError, match=message):
        build(chosen, SB3Bridge(env), 0)
    with pytest.raises(InputError, match=message):
        build_policy(chosen, env.single_observation_space, env.single_action_space)


def test_activations_are_named() -> None:
    env = env_of(WALK, 1)
    chosen = replace(tiny.PPO, policy_kwargs={"net_arch": [4], "activation_fn": "silu"})
    policy = build_policy(chosen, env.single_observation_space, env.single_action_space)
    assert any(isinstance(module, torch.nn.SiLU) for module in policy.modules())


def test_schedules_noise_and_pairs_are_made_from_plain_values() -> None:
    from sb3_contrib import TQC
    from stable_baselines3.common.noise import NormalActionNoise

    made = hyperparameters.resolve(
        TQC,
        {
            "learning_rate": {"linear": [1e-3, 1e-4]}, "action_noise": {"normal": 0.2},
            "train_freq": [2, "step"], "ent_coef": "auto", "gamma": 1,
        },
        (3,),
    )  # fmt: skip
    rate = made["learning_rate"]
    assert [rate(1.0), rate(0.5), rate(0.0)] == pytest.approx([1e-3, 5.5e-4, 1e-4])
    assert isinstance(made["action_noise"], NormalActionNoise)
    assert made["action_noise"]().shape == (3,)
    assert made["train_freq"] == (2, "step")
    assert (made["ent_coef"], made["gamma"]) == ("auto", 1)


def test_names_stay_lists() -> None:
    from drlapps.decision_transformer.algorithm import DecisionTransformer

    for names in ([], ["mwkr"], ["mwkr", "spt"], ["a", "b", "c"], None):
        made = hyperparameters.resolve(DecisionTransformer, {"guides": names}, ())
        assert made == {"guides": names}


# --- recipes ---


def test_a_recipe_goes_through_json_and_leaves_the_network_class_out() -> None:
    import json

    for algorithm in ALGORITHMS.values():
        recipe = algorithm.preset.recipe()
        assert "policy" not in recipe
        assert json.loads(json.dumps(recipe)) == recipe
        again = algorithm.preset.with_recipe(recipe)
        assert again.recipe() == recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithm": "os:system"}, "unknown algorithm 'os:system'"),
        ({"algorithm": "a2c"}, "is one of a2c, not ppo"),
        ({"policy": "os:system"}, "unknown or missing entries: policy"),
        ({"steps": "many"}, "steps is no int"),
        ({"policy_kwargs": []}, "policy_kwargs is no dict"),
    ],
)
def test_a_foreign_recipe_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny.PPO.with_recipe({**tiny.PPO.recipe(), **changes})


# --- safety ---

_FORBIDDEN = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "yaml"}


def test_no_module_unpickles_or_evaluates() -> None:
    """Only ``import-sb3``, behind an explicit word of trust, hands a file to SB3's own loader."""
    root = Path(drlapps.__file__).parent
    loads = []
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not {name.split(".")[0] for name in names} & _FORBIDDEN, file
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "compile", "torch.load", "joblib.load"), file
                pickles = [ast.unparse(k.value) for k in node.keywords if k.arg == "allow_pickle"]
                assert set(pickles) <= {"False"}, file
                if called.endswith(".load") and called.startswith("registry.load("):
                    loads.append(file.name)
    assert loads == ["train.py"]


def test_loading_an_agent_unpickles_nothing(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, directory, task = trained("ppo")

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("something was unpickled or evaluated")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"),
                         (torch, "load"), (builtins, "eval")):  # fmt: skip
        monkeypatch.setattr(module, name, refuse)
    agent, _ = load_agent(directory, task)
    env = registry.make(task, 1, registry.pool(task, "test")[:1], training=False)
    rollout(env, agent, env.pool, 0)
    assert env.metrics(0)["length"] > 0


# --- learning ---


def test_the_ppo_preset_learns_to_balance_a_pole(tmp_path: Path) -> None:
    spec = RunSpec(
        CARTPOLE, "ppo", 0, str(tmp_path / "run"), steps=120_000,
        hyperparameters={"validate_every": 10_000},
    )  # fmt: skip
    train(spec)
    task = registry.get(CARTPOLE)
    agent, _ = load_agent(spec.directory, task)
    instances = list(registry.pool(task, "test"))
    env = registry.make(task, len(instances), instances, training=False)
    rollout(env, agent, instances, 0)
    returns = [env.metrics(row)["return"] for row in range(len(instances))]
    assert np.mean(returns) >= 475.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "task", "steps", "least"),
    [
        ("trpo", "CARTPOLE", 150_000, 475.0),
        ("ars", "CARTPOLE", 400_000, 475.0),
        ("sac", "PENDULUM", 15_000, -250.0),
    ],
)
def test_other_presets_learn_too(
    algorithm: str, task: str, steps: int, least: float, tmp_path: Path
) -> None:
    spec = RunSpec(
        f"{TINY}:{task}", algorithm, 0, str(tmp_path / "run"), steps=steps,
        hyperparameters={"validate_every": steps // 10},
    )  # fmt: skip
    assert -train(spec)["validation_score"] >= least
