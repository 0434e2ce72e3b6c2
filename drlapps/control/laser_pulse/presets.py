"""How the agents of laser pulse compression are trained."""

from drlapps.agents import Preset

PPO = Preset(
    algorithm="ppo",
    steps=1_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 20,
        "batch_size": 1024,
        "n_epochs": 10,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.9,
        "gae_lambda": 0.9,
        "ent_coef": 0.0,
    },
    policy_kwargs={"net_arch": [128, 128], "log_std_init": -1.5},
    validate_every=100_000,
)

SAC = Preset(
    algorithm="sac",
    steps=200_000,
    n_envs=32,
    hyperparameters={
        "buffer_size": 200_000,
        "learning_starts": 4_000,
        "batch_size": 256,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "train_freq": 1,
        "gradient_steps": 8,
        "gamma": 0.9,
        "ent_coef": 0.003,
    },
    policy_kwargs={"net_arch": [128, 128]},
    validate_every=20_000,
)
