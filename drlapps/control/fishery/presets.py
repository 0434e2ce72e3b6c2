"""How the agents of the fishery are trained."""

from dataclasses import replace

from drlapps.agents import Preset

# The cut-off after 200 years is no end: what follows is estimated by the critic. A standard
# deviation of 0.22 explores around a quarter of the stock, which is what an action of 0 catches.
PPO = Preset(
    algorithm="ppo",
    steps=2_000_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 50,
        "batch_size": 3200,
        "n_epochs": 8,
        "learning_rate": {"linear": [7e-4, 0.0]},
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "ent_coef": 0.0,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -1.5},
    validate_every=100_000,
)

_REPLAY: dict[str, object] = {
    "buffer_size": 100_000,
    "learning_starts": 4_000,
    "batch_size": 256,
    "learning_rate": {"linear": [1e-3, 0.0]},
    "train_freq": 1,
    "gradient_steps": 2,
    "gamma": 0.98,
}

SAC = Preset(
    algorithm="sac",
    steps=100_000,
    n_envs=16,
    hyperparameters={**_REPLAY, "ent_coef": 0.005},
    policy_kwargs={"net_arch": [64, 64]},
    validate_every=10_000,
)

TD3 = replace(SAC, algorithm="td3", hyperparameters={**_REPLAY, "action_noise": {"normal": 0.1}})
