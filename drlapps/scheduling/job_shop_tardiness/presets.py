"""How the agent for due dates is trained."""

from drlapps.agents import Preset

MASKABLE_PPO = Preset(
    algorithm="maskable-ppo",
    steps=2_000_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 128,
        "batch_size": 2048,
        "n_epochs": 4,
        "learning_rate": {"linear": [2e-3, 0.0]},
        # The tardiness is a sum over the whole episode: nothing may be discounted away.
        "gamma": 1.0,
        "gae_lambda": 0.98,
        "ent_coef": 0.01,
    },
    policy="drlapps.scheduling.job_shop.network:JobShopPolicy",
    policy_kwargs={"width": 48, "layers": 2},
    # As for the makespan: active schedules contain an optimum, and forced moves teach nothing.
    environment={"delay": 1.0, "skip_forced": True},
    # One number of jobs fills the batch without padding; that of machines varies the congestion.
    instances={"jobs": [10, 10], "machines": [6, 14]},
    validate_every=250_000,
)
