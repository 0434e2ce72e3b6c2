"""How the agents of current control are trained."""

from drlapps.agents import Preset

PPO = Preset(
    algorithm="ppo",
    steps=12_000_000,
    n_envs=512,
    hyperparameters={
        "n_steps": 32,
        "batch_size": 4096,
        "n_epochs": 6,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.9,
        "gae_lambda": 0.95,
        "ent_coef": 0.0,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -1.5},
    validate_every=1_000_000,
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
        "gradient_steps": 4,
        "gamma": 0.9,
        "ent_coef": 0.0005,
    },
    policy_kwargs={"net_arch": [64, 64]},
    validate_every=20_000,
)

TD3 = Preset(
    algorithm="td3",
    steps=200_000,
    n_envs=32,
    hyperparameters={
        "buffer_size": 200_000,
        "learning_starts": 4_000,
        "batch_size": 256,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "train_freq": 1,
        "gradient_steps": 4,
        "gamma": 0.9,
        "action_noise": {"normal": 0.1},
    },
    policy_kwargs={"net_arch": [64, 64]},
    validate_every=20_000,
)

DQN = Preset(
    algorithm="dqn",
    steps=1_000_000,
    n_envs=64,
    hyperparameters={
        "buffer_size": 200_000,
        "learning_starts": 5_000,
        "batch_size": 256,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "train_freq": 1,
        "gradient_steps": 4,
        "gamma": 0.8,
        "target_update_interval": 512,
        "exploration_fraction": 0.2,
        "exploration_final_eps": 0.02,
    },
    policy_kwargs={"net_arch": [64, 64]},
    environment={"control": "finite"},
    validate_every=100_000,
)

APG = Preset(
    algorithm="apg",
    steps=10_000_000,
    n_envs=64,
    hyperparameters={
        "learning_rate": {"linear": [3e-3, 0.0]},
        "gamma": 1.0,
        "n_steps": 25,
    },
    policy="drlapps.control.motors.network:BesidePolicy",
    policy_kwargs={"log_std_init": -2.0},
    # Short episodes teach nothing of how errors add up.
    instances={"steps": 200},
    validate_every=1_000_000,
)
