"""How the portfolio agents are trained."""

from collections.abc import Mapping
from dataclasses import replace

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
    # Wider networks did no better on the validation years.
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

_VALUES: Mapping[str, object] = {
    "buffer_size": 100_000, "learning_starts": 2_000, "batch_size": 256, "learning_rate": 5e-4,
    "train_freq": 1, "gradient_steps": 4, "gamma": 0.5,
}  # fmt: skip

A2C = replace(
    PPO,
    algorithm="a2c",
    hyperparameters={
        "n_steps": 16, "learning_rate": {"linear": [1e-3, 0.0]}, "gamma": 0.5, "gae_lambda": 0.8,
        "ent_coef": 0.0, "normalize_advantage": True, "use_rms_prop": False,
    },
)  # fmt: skip

SAC = replace(
    PPO,
    algorithm="sac",
    steps=100_000,
    n_envs=16,
    # An entropy coefficient that adapts starts at 1, far above what any portfolio earns.
    hyperparameters={**_VALUES, "ent_coef": 0.001},
    policy=f"{_NETWORKS}:PortfolioSACPolicy",
    policy_kwargs={**_NETWORK},
    validate_every=10_000,
)

TD3 = replace(
    SAC,
    algorithm="td3",
    hyperparameters={**_VALUES, "action_noise": {"normal": 0.1}},
    policy=f"{_NETWORKS}:PortfolioTD3Policy",
)

RECURRENT_PPO = replace(
    PPO,
    algorithm="recurrent-ppo",
    steps=500_000,
    policy=f"{_NETWORKS}:PortfolioRecurrentPolicy",
    policy_kwargs={**_NETWORK, "log_std_init": -1.0, "lstm_hidden_size": 16},
)

PPO_XLSTM = replace(PPO, steps=500_000, policy_kwargs={**PPO.policy_kwargs, "cell": "mlstm"})
"""PPO whose actor and critic read the window by an mLSTM (Sarlakifar et al. 2025)."""

PPO_SHARES = replace(
    PPO,
    steps=500_000,
    # A share bought today pays for months: what orders are worth shows late.
    hyperparameters={**PPO.hyperparameters, "gamma": 0.99, "gae_lambda": 0.95},
    policy_kwargs={
        "window": 90, "cell": "cnn", "width": 16, "layers": 2, "relation": "mean",
        "log_std_init": -1.0,
    },
    environment={
        **_ENVIRONMENT, "action": "shares", "max_shares": 1000, "capital": 1e6, "every": 1,
        "window": 90,
    },
    # Prices in dollars: of the classic sets, which start at 1, a thousand shares are nothing.
    instances={"data": "sp500-20", "until": "2017-12-29", "assets": [10, 20]},
)  # fmt: skip
"""PPO that reads ninety days by a convolution and trades up to 1000 shares of each asset a day
(Montazeri et al. 2024, CNN-DRL for scalable actions in finance)."""
