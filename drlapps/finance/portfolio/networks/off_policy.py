"""Actors and critics for SAC, and for TD3 and DDPG."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.sac import policies as sac
from stable_baselines3.td3 import policies as td3
from torch import Tensor, nn

from drlapps.finance.portfolio.networks.encoder import Encoder, Network, Tokens
from drlapps.finance.portfolio.networks.heads import ActionValue, PresentSquashedGaussian, Score
from drlapps.finance.portfolio.networks.on_policy import refuse_sde


class StochasticActor(sac.Actor):
    """Tanh-squashed Gaussian scores; each row has a mean and a standard deviation of its own.

    Args:
        base_scale: scale of the base columns at first.
        **kwargs: of SB3's actor.
    """

    action_dist: PresentSquashedGaussian  # type: ignore[assignment]

    def __init__(self, base_scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        encoder: Encoder = kwargs["features_extractor"]
        rows = self.action_space.shape[0]
        self.action_dist = PresentSquashedGaussian(rows)
        self.mu = Score(encoder.features_dim, len(encoder.base), base_scale)
        self.log_std = Score(  # type: ignore[assignment]
            encoder.features_dim, len(encoder.base), start=self.log_std_init
        )

    def forward(self, obs: Tensor, deterministic: bool = False) -> Tensor:  # type: ignore[override]
        """Return actions (B, 1 + n) between -1 and 1."""
        return self._distribution(obs).get_actions(deterministic=deterministic)

    def action_log_prob(self, obs: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return sampled actions (B, 1 + n) and their log-probabilities (B,)."""
        distribution = self._distribution(obs)
        actions = distribution.get_actions()
        return actions, distribution.log_prob(actions, distribution.gaussian_actions)

    def _distribution(self, obs: Tensor) -> PresentSquashedGaussian:
        tokens: Tokens = self.extract_features(obs, self.features_extractor)  # type: ignore[assignment]
        log_std = self.log_std(tokens).clamp(sac.LOG_STD_MIN, sac.LOG_STD_MAX)  # type: ignore[operator]
        return self.action_dist.over(self.mu(tokens), log_std, tokens.present)


class DeterministicActor(td3.Actor):
    """Tanh-squashed scores.

    Args:
        base_scale: scale of the base columns at first.
        **kwargs: of SB3's actor.
    """

    def __init__(self, base_scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        encoder: Encoder = kwargs["features_extractor"]
        score = Score(encoder.features_dim, len(encoder.base), base_scale)
        self.mu = nn.Sequential(score, nn.Tanh())


class SetCritic(ContinuousCritic):
    """Values of (observation, action) pairs, each an :class:`~.heads.ActionValue`.

    Args:
        n_critics: how many values.
        **kwargs: of SB3's critic.
    """

    def __init__(self, n_critics: int, **kwargs: Any) -> None:
        super().__init__(**kwargs, n_critics=0)
        self.n_critics = n_critics
        space: spaces.Box = kwargs["action_space"]
        logit = float(space.high.max() - space.low.min()) / 2
        self.q_networks = [ActionValue(kwargs["features_dim"], logit) for _ in range(n_critics)]
        for index, network in enumerate(self.q_networks):
            self.add_module(f"qf{index}", network)

    def forward(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, ...]:
        """Return the values, each (B, 1)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.share_features_extractor):
            tokens = self.extract_features(obs, self.features_extractor)
        return tuple(network(tokens, actions) for network in self.q_networks)

    def q1_forward(self, obs: Tensor, actions: Tensor) -> Tensor:
        """Return the first value (B, 1)."""
        with torch.no_grad():
            tokens = self.extract_features(obs, self.features_extractor)
        value: Tensor = self.q_networks[0](tokens, actions)
        return value


class PortfolioSACPolicy(sac.SACPolicy):
    """Stochastic actor and critics over the set of assets.

    Args:
        observation_space: Box (1 + n, F).
        action_space: Box (1 + n,) of logits, bounded.
        lr_schedule: learning rate by progress left.
        use_sde: must be false.
        log_std_init: logarithm of the standard deviation at first, before the tanh; the default
            has about the entropy that SAC aims at.
        base_scale: scale of the base columns at first.
        n_critics: how many.
        share_features_extractor: whether the critics use the actor's encoder.
        optimizer_class: of the optimizer.
        optimizer_kwargs: of the optimizer.
        **network: of the encoder; see :class:`~.encoder.Network`.

    Raises:
        InputError: a setting is unknown or does not fit the observation.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        lr_schedule: Callable[[float], float],
        *,
        use_sde: bool = False,
        log_std_init: float = -2.5,
        base_scale: float = 0.0,
        n_critics: int = 2,
        share_features_extractor: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **network: Unpack[Network],
    ) -> None:
        refuse_sde(use_sde)
        self.base_scale = base_scale
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            log_std_init=log_std_init,
            features_extractor_class=Encoder,
            features_extractor_kwargs=dict(network),
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
            n_critics=n_critics,
            share_features_extractor=share_features_extractor,
        )

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> sac.Actor:
        """Return an untrained actor."""
        kwargs = self._update_features_extractor(self.actor_kwargs, features_extractor)
        return StochasticActor(self.base_scale, **kwargs).to(self.device)

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> ContinuousCritic:
        """Return untrained critics."""
        kwargs = self._update_features_extractor(self.critic_kwargs, features_extractor)
        return SetCritic(**kwargs).to(self.device)


class PortfolioTD3Policy(td3.TD3Policy):
    """Deterministic actor and critics over the set of assets.

    Args:
        observation_space: Box (1 + n, F).
        action_space: Box (1 + n,) of logits, bounded.
        lr_schedule: learning rate by progress left.
        base_scale: scale of the base columns at first.
        n_critics: how many; DDPG has one.
        share_features_extractor: whether the critics use the actor's encoder.
        optimizer_class: of the optimizer.
        optimizer_kwargs: of the optimizer.
        **network: of the encoder; see :class:`~.encoder.Network`.

    Raises:
        InputError: a setting is unknown or does not fit the observation.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        lr_schedule: Callable[[float], float],
        *,
        base_scale: float = 0.0,
        n_critics: int = 2,
        share_features_extractor: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **network: Unpack[Network],
    ) -> None:
        self.base_scale = base_scale
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            features_extractor_class=Encoder,
            features_extractor_kwargs=dict(network),
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
            n_critics=n_critics,
            share_features_extractor=share_features_extractor,
        )

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> td3.Actor:
        """Return an untrained actor."""
        kwargs = self._update_features_extractor(self.actor_kwargs, features_extractor)
        return DeterministicActor(self.base_scale, **kwargs).to(self.device)

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> ContinuousCritic:
        """Return untrained critics."""
        kwargs = self._update_features_extractor(self.critic_kwargs, features_extractor)
        return SetCritic(**kwargs).to(self.device)
