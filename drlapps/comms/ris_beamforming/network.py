"""A policy network for surfaces: its weights fit any number of elements and of users.

Elements are a set, and so are users: the network treats all alike and hears of them by means only,
so that renumbering elements permutes its actions and renumbering users changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from stable_baselines3.sac.policies import Actor, SACPolicy
from torch import Tensor, nn

from drlapps.comms.ris_beamforming.kernels import ELEMENT_COLUMNS, USER_COLUMNS
from drlapps.row_policy import GaussianRowPolicy, refuse_sde


class Links(nn.Module):
    """What each element learns of its links to the users, (B, n, K, columns) to (B, n, width).

    A link hears its element and its user's mean over all elements (Hartford et al. 2018, "Deep
    models of interactions across sets").

    Args:
        width: embedding size.
        columns: of an element.
    """

    def __init__(self, width: int, columns: int) -> None:
        super().__init__()
        self.link = nn.Linear(USER_COLUMNS, width)
        self.element = nn.Linear(columns, width, bias=False)
        self.own = nn.Linear(width, width)
        self.user = nn.Linear(width, width, bias=False)

    def forward(self, elements: Tensor, links: Tensor, exists: Tensor) -> Tensor:
        """Return what the elements hear, pooled over their users."""
        used = links.abs().sum(dim=(1, 3), keepdim=True) > 0
        said = torch.relu(self.link(links) + self.element(elements).unsqueeze(2))
        user = _mean(said, exists.unsqueeze(2), dim=1)
        said = torch.relu(self.own(said) + self.user(user))
        return _mean(said, used.to(said.dtype), dim=2).squeeze(2)


class SurfaceEncoder(BaseFeaturesExtractor):
    """Embeds the elements; row 0 of the result summarises them, row ``1 + n`` is element n.

    Args:
        observation_space: Box (N, 15 + 5 K) of :class:`~.environment.RisBeamformingEnv`.
        width: embedding size of an element.
        link_width: embedding size of an element's link to a user.
        rounds: how often the elements hear of each other.
        columns: of an element.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        width: int = 64,
        link_width: int = 32,
        rounds: int = 2,
        columns: int = ELEMENT_COLUMNS,
    ) -> None:
        super().__init__(observation_space, features_dim=width)
        self.columns = columns
        self.links = Links(link_width, columns)
        self.embed = nn.Linear(columns + link_width, width)
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(rounds))
        self.heard = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(rounds))

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, N, columns + 5 K) to (B, 1 + N, width)."""
        elements = observations[..., : self.columns]
        links = observations[..., self.columns :]
        links = links.reshape(*links.shape[:2], -1, USER_COLUMNS)
        exists = observations[..., :1]
        rows = self.embed(torch.cat([elements, self.links(elements, links, exists)], dim=-1))
        for own, heard in zip(self.own, self.heard, strict=True):
            said = torch.relu(rows)
            rows = rows + own(said) + heard(_mean(said, exists, dim=1))
        return torch.cat([_mean(torch.relu(rows), exists, dim=1), rows], dim=1)


def _mean(values: Tensor, weight: Tensor, dim: int) -> Tensor:
    """Return the mean over what has weight 1, 0 where nothing has; ``dim`` is kept."""
    total = (values * weight).sum(dim=dim, keepdim=True)
    return total / weight.sum(dim=dim, keepdim=True).clamp(min=1.0)


class SurfacePolicy(GaussianRowPolicy):
    """Actor and critic on a :class:`SurfaceEncoder`, for PPO."""

    ENCODER: ClassVar[type[BaseFeaturesExtractor]] = SurfaceEncoder


class _Each(nn.Module):
    """A number for every element, (B, 1 + n, width) to (B, n)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = nn.Linear(width, 1)

    def forward(self, features: Tensor) -> Tensor:
        numbers: Tensor = self.out(torch.relu(features[:, 1:])).squeeze(-1)
        return numbers


class _SoftActor(Actor):
    """Mean and standard deviation of every element's squashed Gaussian."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.mu = _Each(self.features_dim)
        deviation = _Each(self.features_dim)
        nn.init.constant_(deviation.out.bias, self.log_std_init)
        self.log_std = deviation  # type: ignore[assignment]


class _SoftCritic(ContinuousCritic):
    """Judges actions as one more column of the elements; critics differ in their last layers."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        width, sizes = arguments["features_dim"], arguments["net_arch"]
        self.q_networks = [nn.Sequential(*create_mlp(width, 1, sizes)) for _ in self.q_networks]
        for index, network in enumerate(self.q_networks):
            self.add_module(f"qf{index}", network)

    def forward(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, ...]:
        elements, links = obs[..., :ELEMENT_COLUMNS], obs[..., ELEMENT_COLUMNS:]
        judged = torch.cat([elements, actions.unsqueeze(-1), links], dim=-1)
        summary = self.features_extractor(judged)[:, 0]
        return tuple(network(summary) for network in self.q_networks)


class SoftSurfacePolicy(SACPolicy):
    """Actor and critics on a :class:`SurfaceEncoder` each, for SAC.

    Args:
        observation_space: Box (N, 15 + 5 K).
        action_space: Box (N,).
        lr_schedule: learning rate by progress left.
        use_sde: refused; state-dependent noise has a matrix for a fixed number of actions.
        log_std_init: logarithm of the standard deviation before training, near enough.
        critic: sizes of the critics' own layers.
        encoder: keyword arguments of the encoders, such as ``width``.

    Raises:
        ValueError: ``use_sde`` is asked for.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        lr_schedule: Callable[[float], float],
        use_sde: bool = False,
        log_std_init: float = -2.0,
        critic: Sequence[int] = (64,),
        **encoder: Any,
    ) -> None:
        refuse_sde(use_sde)
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch={"pi": [], "qf": list(critic)},
            log_std_init=log_std_init,
            features_extractor_class=SurfaceEncoder,
            features_extractor_kwargs=encoder,
        )

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """Return an actor with a number for every element."""
        arguments = self._update_features_extractor(self.actor_kwargs, features_extractor)
        return _SoftActor(**arguments).to(self.device)

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> ContinuousCritic:
        """Return critics that see actions beside observations."""
        assert isinstance(self.observation_space, spaces.Box)
        extractor = features_extractor or SurfaceEncoder(
            self.observation_space, columns=ELEMENT_COLUMNS + 1, **self.features_extractor_kwargs
        )
        arguments = self._update_features_extractor(self.critic_kwargs, extractor)
        return _SoftCritic(**arguments).to(self.device)
