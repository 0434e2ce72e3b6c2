"""How the dual-sourcing agents are trained."""

from drlapps.agents import Preset

# What an order does is over once the stock that it brings is sold, within some 20 periods.
PPO = Preset(
    algorithm="ppo",
    steps=4_000_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 2048,
        "n_epochs": 4,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.95,
        "gae_lambda": 0.8,
        "ent_coef": 0.003,
    },
    policy_kwargs={"net_arch": [64, 64]},
    environment={"actions": "levels"},
    validate_every=300_000,
)

# Of 117 pairs of orders most are senseless: many steps at random show which.
DQN = Preset(
    algorithm="dqn",
    steps=300_000,
    n_envs=16,
    hyperparameters={
        "buffer_size": 200_000,
        "learning_starts": 5_000,
        "batch_size": 256,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "train_freq": 1,
        "gradient_steps": 4,
        "target_update_interval": 512,
        "exploration_fraction": 0.3,
        "exploration_final_eps": 0.05,
        "gamma": 0.95,
    },
    policy_kwargs={"net_arch": [64, 64]},
    environment={"actions": "pairs"},
    validate_every=20_000,
)
