"""How the portfolio agents are trained."""

from drlapps.agents import Preset

_NETWORKS = "drlapps.finance.portfolio.networks"

PPO = Preset(
    algorithm="ppo",
    steps=1_000_000,
    n_envs=64,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 1024,
        "n_epochs": 4,
        "learning_rate": {"linear": [5e-4, 0.0]},
        "gamma": 0.95,
        "gae_lambda": 0.9,
        "ent_coef": 0.0,
    },
    policy=f"{_NETWORKS}:PortfolioPolicy",
    policy_kwargs={
        "window": 20, "cell": "cnn", "width": 32, "layers": 2, "relation": "mean",
        # Logits of minus the log of volatility: the agent starts as inverse volatility.
        "base": [5], "base_scale": -1.0, "log_std_init": -1.0,
    },
    environment={
        "action": "logits", "every": 5, "window": 20, "reward": "mean-variance",
        "risk_aversion": 4.0, "relative": True, "reward_scale": 100.0,
    },
    instances={"assets": [10, 30]},
    validate_every=50_000,
)  # fmt: skip
