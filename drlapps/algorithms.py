"""The closed table of algorithms, and the presets that make training runs of them.

An artefact names its algorithm by a key of :data:`ALGORITHMS`; nothing that a run directory
contains is ever imported, evaluated or unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from drlapps import hyperparameters
from drlapps.errors import InputError, unknown


@dataclass(frozen=True)
class Preset:
    """Everything that makes a training run but its seed; JSON-able.

    Attributes:
        algorithm: key of :data:`ALGORITHMS`.
        steps: environment steps of a run.
        n_envs: rows of the training batch.
        hyperparameters: of the SB3 class; see :mod:`drlapps.hyperparameters` for schedules and
            action noise.
        policy: import string of the network's SB3 policy class; empty for SB3's own.
        policy_kwargs: of the policy class; ``activation_fn`` by name.
        environment: parameters of the training environment, kept when the agent is evaluated.
        instances: parameters of the train pool.
        validate_every: steps between validations, which choose the checkpoint that is kept.
    """

    algorithm: str
    steps: int
    n_envs: int = 64
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    policy: str = ""
    policy_kwargs: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    instances: Mapping[str, Any] = field(default_factory=dict)
    validate_every: int = 0

    def recipe(self) -> dict[str, object]:
        """Return what a manifest keeps of the preset: all but the policy's import string."""
        names = [f.name for f in fields(self) if f.name != "policy"]
        return {name: hyperparameters.plain(getattr(self, name)) for name in names}

    def with_recipe(self, recipe: Mapping[str, Any]) -> Preset:
        """Return the preset of a manifest's recipe; only the policy's import string is its own.

        Raises:
            InputError: the recipe is not one of this preset's algorithm.
        """
        if set(recipe) != set(self.recipe()):
            wrong = ", ".join(sorted(set(recipe) ^ set(self.recipe())))
            raise InputError(f"the recipe has unknown or missing entries: {wrong}")
        if recipe["algorithm"] not in ALGORITHMS:
            raise unknown("algorithm", str(recipe["algorithm"]), ALGORITHMS)
        if recipe["algorithm"] != self.algorithm:
            raise InputError(f"the recipe is one of {recipe['algorithm']}, not {self.algorithm}")
        for name, value in self.recipe().items():
            if type(recipe[name]) is not type(value):
                raise InputError(f"the recipe's {name} is no {type(value).__name__}")
        return replace(self, **recipe)


@dataclass(frozen=True)
class Algorithm:
    """An algorithm of SB3, of sb3-contrib, or one made like them.

    Attributes:
        cls: import string of the class.
        actions: the action spaces it can handle, by class name.
        preset: settings that train well on a CPU where a task states none of its own.
        masks: whether it needs action masks.
        maskable: whether it keeps to action masks where an environment has them.
        samples: whether its policy can draw actions; else all its episodes are the same.
        resumes: whether a killed run continues where it was; else it starts over. The continued
            run ends with the very weights of an uninterrupted one.
        network: name of SB3's own policy class.
        policy_kwargs: what the algorithm itself adds to those of its policy class.
        scheduled: whether its policy class is built with a learning-rate schedule.
        guided: whether it learns from recorded episodes of the task's baselines, by a ``recorder``;
            its steps are the recorded decisions that it has learnt from.
        differentiates: whether it learns through the environment's differentiable model and is
            thus not model-free; its steps are decisions in that model.
    """

    cls: str
    actions: tuple[str, ...]
    preset: Preset
    masks: bool = False
    maskable: bool = False
    samples: bool = True
    resumes: bool = True
    network: str = "MlpPolicy"
    policy_kwargs: Mapping[str, object] = field(default_factory=dict)
    scheduled: bool = True
    guided: bool = False
    differentiates: bool = False


_ANY = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
_DISCRETE = ("Discrete",)
_CHOICES = ("Discrete", "MultiDiscrete", "MultiBinary")
_BOX = ("Box",)
# Large batches from many rows: small minibatches spend a CPU's time on overhead, not learning.
_PPO: dict[str, object] = {
    "n_steps": 64, "batch_size": 1024, "n_epochs": 8, "learning_rate": {"linear": [7e-4, 0.0]},
    "gamma": 0.99, "gae_lambda": 0.95, "ent_coef": 0.005,
}  # fmt: skip
_REPLAY: dict[str, object] = {
    "buffer_size": 200_000, "learning_starts": 2_000, "batch_size": 256, "learning_rate": 7e-4,
    "train_freq": 1, "gradient_steps": 4,
}  # fmt: skip
_VALUES: dict[str, object] = {
    **_REPLAY, "learning_starts": 1_000, "batch_size": 128,
    "learning_rate": {"linear": [2.3e-3, 0.0]}, "target_update_interval": 512,
    "exploration_fraction": 0.16, "exploration_final_eps": 0.04,
}  # fmt: skip
# A candidate is scored by the first episode of every row. From zero weights a network with a hidden
# layer would never move.
_ARS: dict[str, object] = {
    "n_eval_episodes": 4, "n_delta": 8, "n_top": 4, "learning_rate": 0.05, "delta_std": 0.1,
    "zero_policy": False,
}  # fmt: skip
_NOISE: dict[str, object] = {**_REPLAY, "action_noise": {"normal": 0.1}}


def _preset(algorithm: str, steps: int, n_envs: int, **hyperparameters: object) -> Preset:
    return Preset(algorithm, steps, n_envs, hyperparameters, validate_every=max(steps // 20, 1))


ALGORITHMS: dict[str, Algorithm] = {
    "ppo": Algorithm("stable_baselines3:PPO", _ANY, _preset("ppo", 1_000_000, 64, **_PPO)),
    "a2c": Algorithm(
        "stable_baselines3:A2C",
        _ANY,
        _preset("a2c", 1_000_000, 64, n_steps=8, learning_rate={"linear": [1e-3, 0.0]}),
    ),
    "trpo": Algorithm(
        "sb3_contrib:TRPO", _ANY, _preset("trpo", 1_000_000, 64, n_steps=64, batch_size=1024)
    ),
    "maskable-ppo": Algorithm(
        "sb3_contrib:MaskablePPO",
        _CHOICES,
        _preset("maskable-ppo", 1_000_000, 64, **_PPO),
        masks=True,
    ),
    "recurrent-ppo": Algorithm(
        "sb3_contrib:RecurrentPPO",
        _ANY,
        replace(
            _preset("recurrent-ppo", 500_000, 64, **{**_PPO, "n_epochs": 4}),
            policy_kwargs={"lstm_hidden_size": 64},
        ),
        network="MlpLstmPolicy",
    ),
    "dqn": Algorithm(
        "stable_baselines3:DQN", _DISCRETE, _preset("dqn", 300_000, 16, **_VALUES), samples=False
    ),
    "qr-dqn": Algorithm(
        "sb3_contrib:QRDQN",
        _DISCRETE,
        # The cost grows with the square of the quantiles; the paper's 200 are for a GPU.
        replace(_preset("qr-dqn", 300_000, 16, **_VALUES), policy_kwargs={"n_quantiles": 32}),
        samples=False,
    ),
    "sac": Algorithm("stable_baselines3:SAC", _BOX, _preset("sac", 100_000, 16, **_REPLAY)),
    "td3": Algorithm(
        "stable_baselines3:TD3", _BOX, _preset("td3", 100_000, 16, **_NOISE), samples=False
    ),
    "ddpg": Algorithm(
        "stable_baselines3:DDPG",
        _BOX,
        _preset("ddpg", 100_000, 16, **_NOISE),
        samples=False,
        policy_kwargs={"n_critics": 1},
    ),
    "tqc": Algorithm("sb3_contrib:TQC", _BOX, _preset("tqc", 100_000, 16, **_REPLAY)),
    "crossq": Algorithm(
        "sb3_contrib:CrossQ",
        _BOX,
        # The paper's critics of width 1024 are for a GPU.
        replace(
            _preset("crossq", 100_000, 16, **_REPLAY),
            policy_kwargs={"net_arch": {"pi": [256, 256], "qf": [256, 256]}},
        ),
    ),
    "ars": Algorithm(
        "sb3_contrib:ARS",
        ("Box", "Discrete"),
        replace(_preset("ars", 2_000_000, 4, **_ARS), policy_kwargs={"net_arch": [16]}),
        samples=False,
        # It draws its candidates before it says that a rollout starts, and hides them.
        resumes=False,
        scheduled=False,
    ),
    "apg": Algorithm(
        "drlapps.analytic_gradient.algorithm:AnalyticPolicyGradient",
        _BOX,
        # It learns no spread of the actions; what there is serves those who sample, or go on with
        # its weights by another algorithm.
        replace(
            _preset("apg", 1_000_000, 64, learning_rate={"linear": [1e-3, 0.0]}),
            policy_kwargs={"log_std_init": -2.0},
        ),
        differentiates=True,
    ),
    "decision-transformer": Algorithm(
        "drlapps.decision_transformer.algorithm:DecisionTransformer",
        _DISCRETE,
        _preset("decision-transformer", 1_000_000, 64, learning_rate={"linear": [1e-3, 0.0]}),
        masks=True,
        # What it has recorded would have to be stored, too.
        resumes=False,
        guided=True,
    ),
    "self-labelling": Algorithm(
        "drlapps.group_rollouts.self_labelling:SelfLabelling",
        _CHOICES,
        _preset("self-labelling", 2_000_000, 128, learning_rate={"linear": [1e-3, 0.0]}),
        maskable=True,
    ),
    "pomo": Algorithm(
        "drlapps.group_rollouts.pomo:Pomo",
        _CHOICES,
        _preset("pomo", 2_000_000, 128, learning_rate={"linear": [1e-3, 0.0]}),
        maskable=True,
    ),
}
