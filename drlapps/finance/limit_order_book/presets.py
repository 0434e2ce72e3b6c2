"""How the limit-order-book agents are trained."""

from drlapps.agents import Preset

_NETWORK: dict[str, object] = {"net_arch": [64, 64]}
_CREDIT: dict[str, object] = {"gamma": 0.9, "gae_lambda": 0.8, "ent_coef": 0.005}
# What the price does to the inventory is mostly noise; dampened, fills can be heard.
_ENVIRONMENT: dict[str, object] = {"reward": "symmetrical"}

PPO = Preset(
    algorithm="ppo",
    steps=3_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 100,
        "batch_size": 6400,
        "n_epochs": 5,
        "learning_rate": {"linear": [1e-3, 0.0]},
        **_CREDIT,
    },
    policy_kwargs=_NETWORK,
    environment=_ENVIRONMENT,
    validate_every=250_000,
)

A2C = Preset(
    algorithm="a2c",
    steps=2_000_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 8,
        "learning_rate": {"linear": [2e-3, 0.0]},
        "normalize_advantage": True,
        **_CREDIT,
    },
    policy_kwargs=_NETWORK,
    environment=_ENVIRONMENT,
    validate_every=250_000,
)
