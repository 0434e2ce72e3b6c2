"""How the restoration agents are trained."""

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
