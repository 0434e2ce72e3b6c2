"""How the inventory-network agents are trained."""

from collections.abc import Mapping
from dataclasses import replace

from drlapps.agents import Preset

# Most of what an order does is over when its goods have been sold; a long season of 12 periods
# still has to be seen coming.
PPO = Preset(
    algorithm="ppo",
    steps=5_000_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 60,
        "batch_size": 1920,
        "n_epochs": 6,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.98,
        "gae_lambda": 0.92,
        "ent_coef": 0.0,
    },
    # Half a standard deviation of each level: more would drown the demand that agents see.
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -1.7},
    environment={"actions": "order-up-to"},
    validate_every=250_000,
)

_VALUES: Mapping[str, object] = {
    "buffer_size": 100_000,
    "learning_starts": 2_000,
    "batch_size": 128,
    "learning_rate": {"linear": [1e-3, 0.0]},
    "train_freq": 1,
    "gradient_steps": 4,
    "target_update_interval": 512,
    "exploration_fraction": 0.2,
    "exploration_final_eps": 0.03,
    "gamma": 0.95,
}

DQN = Preset(
    algorithm="dqn",
    steps=150_000,
    n_envs=16,
    hyperparameters=_VALUES,
    policy_kwargs={"net_arch": [64, 64]},
    environment={"actions": "discrete"},
    instances={"problem": "van-roy-1"},
    validate_every=25_000,
)

RBF_DQN = replace(
    DQN,
    policy="drlapps.scheduling.inventory.radial_basis:RadialBasisPolicy",
    policy_kwargs={"units": 256},
)
