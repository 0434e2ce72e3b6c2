"""How the agents of current control are trained."""

from drlapps.agents import Preset
from drlapps.control.motors import presets as motors

SAC = motors.SAC

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

TD3 = motors.deterministic("td3", gamma=0.9)

DQN = motors.dqn(gamma=0.8, environment={"control": "finite"})

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
