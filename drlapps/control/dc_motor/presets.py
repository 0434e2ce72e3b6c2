"""How the agents of current and speed control are trained."""

from dataclasses import replace

from drlapps.agents import Preset
from drlapps.control.motors import presets as motors

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

DDPG = replace(
    motors.deterministic("ddpg", gamma=0.95), policy_kwargs={"net_arch": [64, 64], "n_critics": 1}
)

TD3 = motors.deterministic("td3", gamma=0.95)

SAC = motors.SAC

DQN = motors.dqn(gamma=0.9, environment={"control_set": "finite"})
