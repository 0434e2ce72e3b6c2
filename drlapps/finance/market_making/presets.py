"""How the market-making agents are trained."""

from drlapps.agents import Preset

_NETWORK = {"net_arch": [64, 64], "log_std_init": -1.0}

PPO = Preset(
    algorithm="ppo",
    steps=3_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 100,
        "batch_size": 3200,
        "n_epochs": 5,
        "learning_rate": {"linear": [1e-3, 0.0]},
        # What a quote does is over once its inventory is worked off, well within 100 steps; what
        # comes later is noise to it.
        "gamma": 0.99,
        "gae_lambda": 0.7,
        "ent_coef": 0.0,
    },
    policy_kwargs=_NETWORK,
    validate_every=200_000,
)

A2C = Preset(
    algorithm="a2c",
    steps=3_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 20,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.99,
        "gae_lambda": 0.7,
        "ent_coef": 0.0,
    },
    policy_kwargs=_NETWORK,
    validate_every=200_000,
)
