"""Actors and critics for PPO, A2C and TRPO, and for recurrent PPO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import torch
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn

from drlapps.errors import InputError
from drlapps.finance.portfolio.networks.encoder import Encoder, Network, Tokens
from drlapps.finance.portfolio.networks.heads import Heads, PresentGaussian


class _OverRows(ActorCriticPolicy):
    """Gives an actor-critic policy heads that act row by row."""

    features_extractor: Encoder
    action_dist: PresentGaussian
    base_scale: float

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = Heads(self.features_dim)  # type: ignore[assignment]

    def _build(self, lr_schedule: Callable[[float], float]) -> None:
        rows = self.action_space.shape
        assert rows is not None
        base = len(self.features_extractor.base)
        self.action_dist = PresentGaussian(rows[0], base, self.base_scale)
        super()._build(lr_schedule)

    def _get_action_dist_from_latent(self, latent_pi: Tokens) -> Distribution:  # type: ignore[override]
        means = self.action_net(latent_pi)
        return self.action_dist.over(means, self.log_std, latent_pi.present)


class PortfolioPolicy(_OverRows):
    """Actor and critic on an :class:`~.encoder.Encoder` of cash and assets.

    The actor's logits are Gaussian with one learned standard deviation for all rows. The critic
    pools the rows. At first all logits are nearly zero: the agent starts as 1/N.

    Args:
        observation_space: Box (1 + n, F).
        action_space: Box (1 + n,) of logits.
        lr_schedule: learning rate by progress left.
        use_sde: must be false: the noise of gSDE belongs to single assets.
        log_std_init: logarithm of the logits' standard deviation at first.
        base_scale: scale of the base columns at first.
        share_features_extractor: whether actor and critic share the encoder.
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
        log_std_init: float = 0.0,
        base_scale: float = 0.0,
        share_features_extractor: bool = True,
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
            log_std_init=log_std_init,
            features_extractor_class=Encoder,
            features_extractor_kwargs=dict(network),
            share_features_extractor=share_features_extractor,
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
        )


class RowLSTM(nn.Module):
    """One LSTM that carries a state for each row, shown to SB3 as one large LSTM.

    Args:
        lstm: of one row.
        rows: cash and assets.

    Attributes:
        num_layers: of the LSTM.
        input_size: features of all rows.
        hidden_size: hidden features of all rows.
    """

    def __init__(self, lstm: nn.LSTM, rows: int) -> None:
        super().__init__()
        self.lstm = lstm
        self.rows = rows
        self.num_layers = lstm.num_layers
        self.input_size = rows * lstm.input_size
        self.hidden_size = rows * lstm.hidden_size

    def forward(
        self, features: Tensor, states: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Advance all rows.

        Args:
            features: (T, B, rows * input).
            states: hidden and cell states, each (layers, B, rows * hidden).

        Returns:
            Hidden states of all steps (T, B, rows * hidden), and the last hidden and cell states.
        """
        days, batch, _ = features.shape
        hidden, cell = (state.reshape(self.num_layers, batch * self.rows, -1) for state in states)
        output, last = self.lstm(features.reshape(days, batch * self.rows, -1), (hidden, cell))
        hidden, cell = (state.reshape(self.num_layers, batch, -1) for state in last)
        return output.reshape(days, batch, -1), (hidden, cell)


class PortfolioRecurrentPolicy(_OverRows, RecurrentActorCriticPolicy):
    """:class:`PortfolioPolicy` with an LSTM for each row between encoder and heads.

    Its weights are shared by all rows, its states are carried from step to step. Actor and critic
    have one each. The encoder's ``cell`` still reads the window, from a fresh state every step.

    Args:
        observation_space: Box (1 + n, F).
        action_space: Box (1 + n,) of logits.
        lr_schedule: learning rate by progress left.
        use_sde: must be false.
        lstm_hidden_size: size of a row's hidden state.
        n_lstm_layers: stacked LSTMs.
        log_std_init: logarithm of the logits' standard deviation at first.
        base_scale: scale of the base columns at first.
        share_features_extractor: whether actor and critic share the encoder.
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
        lstm_hidden_size: int = 32,
        n_lstm_layers: int = 1,
        log_std_init: float = 0.0,
        base_scale: float = 0.0,
        share_features_extractor: bool = True,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        **network: Unpack[Network],
    ) -> None:
        refuse_sde(use_sde)
        self.base_scale = base_scale
        RecurrentActorCriticPolicy.__init__(
            self,
            observation_space,
            action_space,
            lr_schedule,
            log_std_init=log_std_init,
            features_extractor_class=Encoder,
            features_extractor_kwargs=dict(network),
            share_features_extractor=share_features_extractor,
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
            lstm_hidden_size=lstm_hidden_size,
            n_lstm_layers=n_lstm_layers,
        )
        rows = action_space.shape[0]
        # The wrapped parameters are the ones that the optimizer already has.
        self.lstm_actor = RowLSTM(self.lstm_actor, rows)  # type: ignore[assignment]
        self.lstm_critic = RowLSTM(self.lstm_critic, rows)  # type: ignore[assignment,arg-type]
        self.lstm_hidden_state_shape = (n_lstm_layers, 1, rows * lstm_hidden_size)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = Heads(self.lstm_output_dim)  # type: ignore[assignment]

    @staticmethod
    def _process_sequence(  # type: ignore[override]
        features: Tokens,
        lstm_states: tuple[Tensor, Tensor],
        episode_starts: Tensor,
        lstm: RowLSTM,
    ) -> tuple[Tokens, tuple[Tensor, Tensor]]:
        output, states = RecurrentActorCriticPolicy._process_sequence(
            features.embedding.flatten(1),
            lstm_states,
            episode_starts,
            lstm,  # type: ignore[arg-type]
        )
        embedding = output.view(len(output), lstm.rows, -1)
        return features._replace(embedding=embedding), states  # type: ignore[return-value]


def refuse_sde(use_sde: bool) -> None:
    """Refuse state-dependent exploration.

    Raises:
        InputError: it was asked for.
    """
    if use_sde:
        raise InputError("use_sde needs a policy of fixed size; portfolio policies have none")
