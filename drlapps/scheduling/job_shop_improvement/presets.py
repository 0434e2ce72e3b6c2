"""How the improvement agent is trained."""

from dataclasses import replace

from drlapps.agents import Preset

MASKABLE_PPO = Preset(
    algorithm="maskable-ppo",
    steps=800_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 2048,
        "n_epochs": 3,
        "learning_rate": {"linear": [2e-3, 0.0]},
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "ent_coef": 0.005,
    },
    policy="drlapps.scheduling.job_shop_improvement.network:ImprovementPolicy",
    policy_kwargs={"width": 32},
    instances={"jobs": [15, 30], "machines": [15, 20]},
    validate_every=100_000,
)

# The graph network sees the operations too. A step of training costs it six times as much, so it
# learns from fewer steps on smaller shops.
GRAPH = replace(
    MASKABLE_PPO,
    steps=250_000,
    policy_kwargs={"width": 32, "graph_width": 16, "layers": 1},
    environment={"show_graph": True},
    instances={"jobs": [10, 15], "machines": [10, 10]},
    validate_every=125_000,
)
