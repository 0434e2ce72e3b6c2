"""How the agents of critical load restoration are trained."""

from drlapps.agents import Preset

_ENVIRONMENT: dict[str, object] = {"actions": "priority", "reward": "hindsight"}

# What is raised by chance stays raised: noise that is drawn anew in every step would raise more and
# more. State-dependent noise is drawn once a rollout, which is an episode.
PPO = Preset(
    algorithm="ppo",
    steps=1_500_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 72,
        "batch_size": 4608,
        "n_epochs": 8,
        "learning_rate": {"linear": [2e-3, 0.0]},
        "gamma": 1.0,
        "gae_lambda": 0.9,
        "ent_coef": 0.0,
        "use_sde": True,
    },
    policy_kwargs={"net_arch": [64, 64], "log_std_init": -3.0},
    environment=_ENVIRONMENT,
    validate_every=75_000,
)

SAC = Preset(
    algorithm="sac",
    steps=150_000,
    n_envs=16,
    hyperparameters={
        "buffer_size": 150_000,
        "learning_starts": 4_000,
        "batch_size": 256,
        "learning_rate": {"linear": [1e-3, 0.0]},
        "train_freq": 1,
        "gradient_steps": 4,
        "gamma": 0.99,
        "ent_coef": 0.001,
    },
    policy_kwargs={"net_arch": [64, 64]},
    environment=_ENVIRONMENT,
    validate_every=15_000,
)
