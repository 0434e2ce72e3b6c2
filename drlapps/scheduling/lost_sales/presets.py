"""How the lost-sales agents are trained."""

from dataclasses import replace

from drlapps.agents import Preset
from drlapps.scheduling.inventory.presets import VALUES

# Rewards come with the order that earns them; what it leaves on the shelf is gone soon after.
_SHORT_SIGHTED = 0.9

PPO = Preset(
    algorithm="ppo",
    steps=3_000_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 2048,
        "n_epochs": 5,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": _SHORT_SIGHTED,
        "gae_lambda": 0.8,
        "ent_coef": 0.0,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -2.0},
    environment={"actions": "penalty", "reward": "expected"},
    validate_every=200_000,
)

_UNITS: dict[str, object] = {"actions": "discrete", "levels": 11, "reward": "expected"}
_ONE_PROBLEM = {"problem": "poisson5-l2-p4"}

DQN = Preset(
    algorithm="dqn",
    steps=300_000,
    n_envs=32,
    hyperparameters=VALUES,
    policy_kwargs={"net_arch": [64, 64]},
    environment=_UNITS,
    instances=_ONE_PROBLEM,
    validate_every=20_000,
)

RBF_DQN = replace(
    DQN,
    policy="drlapps.scheduling.inventory.radial_basis:RadialBasisPolicy",
    policy_kwargs={"units": 128},
)
