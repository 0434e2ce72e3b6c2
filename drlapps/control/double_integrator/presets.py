"""How the agents of the double integrator are trained."""

from drlapps.agents import Preset

# Through the differentiable model: declared, not model-free.
QP = Preset(
    algorithm="apg",
    steps=800_000,
    n_envs=64,
    hyperparameters={"learning_rate": {"linear": [1e-2, 0.0]}},
    policy="drlapps.control.process.qp_policy:QpPolicy",
    policy_kwargs={"variables": 4, "constraints": 16},
    validate_every=50_000,
)

PPO = Preset(
    algorithm="ppo",
    steps=600_000,
    n_envs=64,
    hyperparameters={
        "n_steps": 50,
        "batch_size": 800,
        "n_epochs": 8,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.95,
        "gae_lambda": 0.95,
        "ent_coef": 0.0,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -1.5},
    validate_every=50_000,
)
