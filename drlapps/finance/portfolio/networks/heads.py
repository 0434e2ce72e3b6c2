"""From embeddings to logits, values and the distribution of the logits."""

from __future__ import annotations

from typing import Self

import torch
from stable_baselines3.common.distributions import (
    DiagGaussianDistribution,
    SquashedDiagGaussianDistribution,
)
from torch import Tensor, nn
from torch.distributions import Normal

from drlapps.finance.portfolio.networks.encoder import Tokens, mean_of, peak_of


class Score(nn.Module):
    """One number for each row: the same weights for all assets, others for cash.

    Args:
        width: embedding size.
        base: columns of ``Tokens.base``, each added with a learned scale.
        base_scale: what these scales are at first.
        start: what the scores are at first, but for the base: all nearly the same.
    """

    def __init__(
        self, width: int, base: int = 0, base_scale: float = 0.0, start: float = 0.0
    ) -> None:
        super().__init__()
        self.asset, self.cash = nn.Linear(width, 1), nn.Linear(width, 1)
        self.scale = nn.Parameter(torch.full((base,), base_scale))
        for layer in (self.asset, self.cash):
            nn.init.orthogonal_(layer.weight, gain=0.01)
            nn.init.constant_(layer.bias, start)

    def forward(self, tokens: Tokens) -> Tensor:
        """Return (B, 1 + n), zero where a row is absent."""
        rows = tokens.embedding
        scores = torch.cat([self.cash(rows[:, :1]), self.asset(rows[:, 1:])], dim=1).squeeze(-1)
        return (scores + tokens.base @ self.scale).masked_fill(~tokens.present, 0.0)


class Heads(nn.Module):
    """Hands the rows to the actor and a summary of those present to the critic.

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.latent_dim_pi = self.latent_dim_vf = width
        self.critic = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU())

    def forward(self, tokens: Tokens) -> tuple[Tokens, Tensor]:
        """Return the actor's and the critic's latents."""
        return self.forward_actor(tokens), self.forward_critic(tokens)

    def forward_actor(self, tokens: Tokens) -> Tokens:
        """Return the rows as they are."""
        return tokens

    def forward_critic(self, tokens: Tokens) -> Tensor:
        """Return (B, width)."""
        seen = tokens.embedding, tokens.present
        latent: Tensor = self.critic(torch.cat([mean_of(*seen), peak_of(*seen)], dim=-1))
        return latent


class ActionValue(nn.Module):
    """The value of an action: of the target weights that its logits stand for.

    Args:
        width: embedding size.
        logit: the logit that an action of one stands for.
    """

    def __init__(self, width: int, logit: float) -> None:
        super().__init__()
        self.logit = logit
        self.asset, self.cash = nn.Linear(width + 2, width), nn.Linear(width + 2, width)
        self.value = nn.Sequential(nn.Linear(3 * width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, tokens: Tokens, actions: Tensor) -> Tensor:
        """Return (B, 1) from actions (B, 1 + n) between -1 and 1."""
        absent = ~tokens.present
        target = (self.logit * actions).masked_fill(absent, -torch.inf).softmax(dim=-1)
        # A softmax is blind to a common shift of its logits; so shall be the value.
        relative = actions - mean_of(actions.unsqueeze(-1), tokens.present)
        said = torch.stack([relative.masked_fill(absent, 0.0), target], dim=-1)
        rows = torch.cat([tokens.embedding, said], dim=-1)
        rows = torch.relu(torch.cat([self.cash(rows[:, :1]), self.asset(rows[:, 1:])], dim=1))
        held = (target.unsqueeze(1) @ rows).squeeze(1)
        seen = rows, tokens.present
        value: Tensor = self.value(torch.cat([held, mean_of(*seen), peak_of(*seen)], dim=-1))
        return value


class PresentGaussian(DiagGaussianDistribution):
    """A diagonal Gaussian over the rows present; the others are zero and count for nothing.

    Its head is a :class:`Score`, and one standard deviation serves all rows: neither depends on
    their number.

    Args:
        action_dim: rows.
        base: columns of ``Tokens.base``.
        base_scale: what their scales are at first.
    """

    def __init__(self, action_dim: int, base: int = 0, base_scale: float = 0.0) -> None:
        super().__init__(action_dim)
        self._base, self._base_scale = base, base_scale

    def proba_distribution_net(
        self, latent_dim: int, log_std_init: float = 0.0
    ) -> tuple[nn.Module, nn.Parameter]:
        """Return the network of the means and the logarithm of the one standard deviation."""
        score = Score(latent_dim, self._base, self._base_scale)
        return score, nn.Parameter(torch.full((1,), log_std_init))

    def over(self, means: Tensor, log_std: Tensor, present: Tensor) -> Self:
        """Set the distribution.

        Args:
            means: (B, rows).
            log_std: (1,) or (B, rows).
            present: (B, rows) bool.
        """
        self._present = present
        # Absent rows are standard normal, so that a divergence of two policies is blind to them.
        std = torch.where(present, log_std.exp(), 1.0)
        self.distribution = Normal(means.masked_fill(~present, 0.0), std)
        return self

    def log_prob(self, actions: Tensor) -> Tensor:
        """Return (B,)."""
        return self._sum(self.distribution.log_prob(actions))  # type: ignore[no-untyped-call]

    def entropy(self) -> Tensor:
        """Return (B,)."""
        return self._sum(self.distribution.entropy())  # type: ignore[no-untyped-call]

    def sample(self) -> Tensor:
        """Return (B, rows)."""
        return self.distribution.rsample().masked_fill(~self._present, 0.0)

    def _sum(self, values: Tensor) -> Tensor:
        return values.masked_fill(~self._present, 0.0).sum(dim=-1)


class PresentSquashedGaussian(  # type: ignore[misc] # its entropy has no closed form
    SquashedDiagGaussianDistribution, PresentGaussian
):
    """:class:`PresentGaussian` squashed by tanh, as SAC needs it.

    Args:
        action_dim: rows.
    """
