"""How the restoration agents are trained."""

from dataclasses import replace

from drlapps.agents import Preset

MASKABLE_PPO = Preset(
    algorithm="maskable-ppo",
    steps=500_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 32,
        "batch_size": 1024,
        "n_epochs": 3,
        "learning_rate": {"linear": [1.5e-3, 0.0]},
        # The rewards of an episode sum to what it has achieved.
        "gamma": 1.0,
        "gae_lambda": 0.95,
        # Good plans differ by thousandths of the load: a larger bonus would drown that.
        "ent_coef": 3e-4,
    },
    policy="drlapps.energy.restoration.network:FeederPolicy",
    policy_kwargs={"width": 32, "layers": 2},
    validate_every=50_000,
)

# A2C is PPO with one epoch of one batch (Huang et al. 2022, arXiv:2205.09123); so it has masks.
MASKED_A2C = replace(
    MASKABLE_PPO,
    hyperparameters={
        "n_steps": 8,
        "batch_size": 1024,
        "n_epochs": 1,
        "normalize_advantage": False,
        "learning_rate": {"linear": [1.5e-3, 0.0]},
        "gamma": 1.0,
        "gae_lambda": 1.0,
        "ent_coef": 3e-4,
    },
)

DECISION_TRANSFORMER = Preset(
    algorithm="decision-transformer",
    steps=200_000,
    n_envs=128,
    hyperparameters={
        # The program knows best; the rule shows what falls short of it, and saves it at its limit.
        "guides": ["milp", "greedy"],
        "time_limit": 5.0,
        "episodes": 1000,
        "replays": 1,
        "noise": 0.15,
        "batch_size": 64,
        "learning_rate": {"linear": [1e-3, 0.0]},
    },
    policy="drlapps.energy.restoration.transformer:RestorationTransformer",
    policy_kwargs={"width": 48, "layers": 2, "context": 12},
    # Heavier loads than those of validation: more outages in which something must be shed.
    instances={"loading": [0.8, 1.3]},
    validate_every=10_000,
)
