"""How the crew-restoration agent is trained."""

from drlapps.agents import Preset

MASKABLE_PPO = Preset(
    algorithm="maskable-ppo",
    steps=400_000,
    n_envs=128,
    hyperparameters={
        "n_steps": 32,
        "batch_size": 1024,
        "n_epochs": 4,
        "learning_rate": {"linear": [2e-3, 0.0]},
        # The harm is a sum over the whole episode: nothing may be discounted away.
        "gamma": 1.0,
        "gae_lambda": 0.8,
        "ent_coef": 0.002,
    },
    policy="drlapps.energy.crew_restoration.network:CrewPolicy",
    policy_kwargs={"width": 48},
    validate_every=50_000,
)
