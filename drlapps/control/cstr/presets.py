"""How the agents of the reactor are trained."""

from drlapps.agents import Preset

PPO = Preset(
    algorithm="ppo",
    steps=1_500_000,
    n_envs=64,
    hyperparameters={
        "n_steps": 60,
        "batch_size": 960,
        "n_epochs": 8,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.9,
        "gae_lambda": 0.9,
        "ent_coef": 0.0,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -1.0},
    validate_every=100_000,
)

# Through the differentiable model: declared, not model-free.
APG = Preset(
    algorithm="apg",
    steps=1_500_000,
    n_envs=64,
    hyperparameters={"learning_rate": {"linear": [3e-3, 0.0]}, "max_action_norm": 100.0},
    policy_kwargs={"net_arch": [64, 64]},
    validate_every=100_000,
)
