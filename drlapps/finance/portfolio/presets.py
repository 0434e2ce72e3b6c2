"""How the portfolio agents are trained."""

from collections.abc import Mapping

from drlapps.agents import Preset

_NETWORKS = "drlapps.finance.portfolio.networks"
_VOLATILITY = 5  # column of an observation: log of 252-day volatility over 2 %

_ENVIRONMENT: Mapping[str, object] = {
    "action": "logits",
    "every": 5,
    "window": 20,
    "reward": "mean-variance",
    "risk_aversion": 4.0,
    # No action moves the market: less its return, a reward says what the choice of weights did.
    "relative": True,
    "reward_scale": 100.0,
}
_NETWORK: Mapping[str, object] = {
    "window": 20,
    "cell": "mlp",
    # Width 64 learns the training years by heart.
    "width": 16,
    "layers": 2,
    "relation": "mean",
    # Logits of minus the log of volatility: the agent starts as inverse volatility.
    "base": [_VOLATILITY],
    "base_scale": -1.0,
}

PPO = Preset(
    algorithm="ppo",
    steps=1_500_000,
    n_envs=64,
    hyperparameters={
        "n_steps": 64,
        "batch_size": 1024,
        "n_epochs": 4,
        "learning_rate": {"linear": [1e-3, 0.0]},
        # What weights earn shows within two steps, and what trading costs at once; the rest is
        # noise to the advantage.
        "gamma": 0.5,
        "gae_lambda": 0.8,
        "ent_coef": 0.0,
    },
    policy=f"{_NETWORKS}:PortfolioPolicy",
    policy_kwargs={**_NETWORK, "log_std_init": -1.0},
    environment=_ENVIRONMENT,
    instances={"assets": [10, 30]},
    validate_every=50_000,
)
