"""How the agents of current and speed control are trained."""

from drlapps.agents import Preset

# Through the differentiable model: declared, not model-free.
APG = Preset(
    algorithm="apg",
    steps=3_000_000,
    n_envs=128,
    hyperparameters={
        "learning_rate": {"linear": [8e-3, 0.0]},
        "gamma": 1.0,
        "n_steps": 25,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -2.0},
    # As long as it takes to reach a set-point and to stay there.
    instances={"steps": 150},
    validate_every=500_000,
)

PPO = Preset(
    algorithm="ppo",
    steps=4_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 32,
        "batch_size": 2048,
        "n_epochs": 6,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.95,
        "gae_lambda": 0.95,
        "ent_coef": 0.0,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -1.0},
    validate_every=500_000,
)

DDPG = Preset(
    algorithm="ddpg",
    steps=200_000,
    n_envs=32,
    hyperparameters={
        "buffer_size": 200_000,
        "learning_starts": 4_000,
        "batch_size": 256,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "train_freq": 1,
        "gradient_steps": 4,
        "gamma": 0.95,
        "action_noise": {"normal": 0.1},
    },
    policy_kwargs={"net_arch": [64, 64], "n_critics": 1},
    validate_every=20_000,
)

TD3 = Preset(
    algorithm="td3",
    steps=200_000,
    n_envs=32,
    hyperparameters=DDPG.hyperparameters,
    policy_kwargs={"net_arch": [64, 64]},
    validate_every=20_000,
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
        "gamma": 0.9,
        "target_update_interval": 512,
        "exploration_fraction": 0.2,
        "exploration_final_eps": 0.02,
    },
    policy_kwargs={"net_arch": [64, 64]},
    environment={"control_set": "finite"},
    validate_every=200_000,
)
