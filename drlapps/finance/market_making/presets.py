"""How the market-making agents are trained."""

from drlapps.agents import Preset

_NETWORK: dict[str, object] = {"net_arch": [64, 64], "log_std_init": -1.0}
# What a quote does is over once its inventory is worked off, well within 100 steps; what comes
# later is noise to it.
_CREDIT: dict[str, object] = {"gamma": 0.99, "gae_lambda": 0.7, "ent_coef": 0.0}

PPO = Preset(
    algorithm="ppo",
    steps=3_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 100,
        "batch_size": 3200,
        "n_epochs": 5,
        "learning_rate": {"linear": [1e-3, 0.0]},
        **_CREDIT,
    },
    policy_kwargs=_NETWORK,
    validate_every=200_000,
)

A2C = Preset(
    algorithm="a2c",
    steps=6_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 5,
        "learning_rate": {"linear": [2e-3, 0.0]},
        "normalize_advantage": True,
        **_CREDIT,
    },
    policy_kwargs=_NETWORK,
    validate_every=400_000,
)
