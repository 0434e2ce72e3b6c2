"""How the job-shop agent is trained."""

from dataclasses import replace

from drlapps.agents import Preset

MASKABLE_PPO = Preset(
    algorithm="maskable-ppo",
    steps=4_000_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 128,
        "batch_size": 2048,
        "n_epochs": 4,
        "learning_rate": {"linear": [2e-3, 0.0]},
        # The makespan is a sum over the whole episode: nothing may be discounted away.
        "gamma": 1.0,
        "gae_lambda": 0.98,
        "ent_coef": 0.01,
    },
    policy="drlapps.scheduling.job_shop.network:JobShopPolicy",
    policy_kwargs={"width": 48, "layers": 2},
    # Active schedules contain an optimum, non-delay ones may not. Forced moves teach nothing:
    # skipping them halves the steps of an episode.
    environment={"delay": 1.0, "skip_forced": True},
    # One number of jobs fills the batch without padding; the number of machines varies the
    # congestion, which is what large instances differ by.
    instances={"jobs": [15, 15], "machines": [4, 20]},
    validate_every=250_000,
)

# The two below are settings to go on with from trained weights (--start), as they were measured.
# Most decisions only serve to find the best of a group and cost no gradient: it takes many of them.
SELF_LABELLING = replace(
    MASKABLE_PPO,
    algorithm="self-labelling",
    steps=6_000_000,
    n_envs=256,
    hyperparameters={
        "group_size": 32,
        "batch_size": 256,
        "n_epochs": 2,
        "learning_rate": {"linear": [3e-4, 0.0]},
    },
    validate_every=500_000,
)

POMO = replace(
    MASKABLE_PPO,
    algorithm="pomo",
    steps=1_900_000,
    hyperparameters={
        "group_size": 16,
        "batch_size": 2048,
        "n_epochs": 2,
        "learning_rate": {"linear": [3e-4, 0.0]},
    },
    validate_every=200_000,
)
