"""How the serial-inventory agents are trained."""

from dataclasses import replace

from drlapps.agents import Preset
from drlapps.scheduling.inventory.presets import VALUES

# A decision is over when its goods have reached the customers: a few lead times.
_CREDIT: dict[str, object] = {"gamma": 0.97, "gae_lambda": 0.95, "ent_coef": 0.0}

PPO = Preset(
    algorithm="ppo",
    steps=6_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 50,
        "batch_size": 3200,
        "n_epochs": 5,
        "learning_rate": {"linear": [1e-3, 0.0]},
        **_CREDIT,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -2.0},
    environment={"actions": "order-up-to", "width": 5},
    validate_every=300_000,
)

_SERIAL = {"problem": "rbf-serial"}
_DISCRETE = {"actions": "discrete", "levels": 6}

DQN = Preset(
    algorithm="dqn",
    steps=200_000,
    n_envs=32,
    hyperparameters=VALUES,
    environment=_DISCRETE,
    instances=_SERIAL,
    validate_every=20_000,
)

RBF_DQN = replace(
    DQN,
    policy="drlapps.scheduling.inventory.radial_basis:RadialBasisPolicy",
    policy_kwargs={"units": 128},
)
