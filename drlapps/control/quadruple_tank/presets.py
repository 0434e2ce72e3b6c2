"""How the agents of the four tanks are trained."""

from dataclasses import replace

from drlapps.agents import Preset

_QP_POLICY = "drlapps.control.process.qp_policy:QpPolicy"
_STRICT: dict[str, object] = {"penalty": 5.0}

PPO = Preset(
    algorithm="ppo",
    steps=5_000_000,
    n_envs=64,
    hyperparameters={
        "n_steps": 50,
        "batch_size": 800,
        "n_epochs": 8,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "gamma": 0.97,
        "gae_lambda": 0.95,
        "ent_coef": 0.0,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -1.5},
    environment=_STRICT,
    validate_every=250_000,
)

QP_PPO = replace(PPO, policy=_QP_POLICY, policy_kwargs={"log_std_init": -1.5})

# Through the differentiable model: declared, not model-free. Violations are rare and their slopes
# steep, so that clipping them like others would leave them in.
QP = Preset(
    algorithm="apg",
    steps=4_000_000,
    n_envs=64,
    hyperparameters={
        "learning_rate": {"linear": [1e-2, 0.0]},
        "n_steps": 50,
        "max_action_norm": 100.0,
    },
    policy=_QP_POLICY,
    environment=_STRICT,
    validate_every=100_000,
)

MLP = replace(QP, policy="", policy_kwargs={"net_arch": [64, 64]})
