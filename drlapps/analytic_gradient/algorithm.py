"""The training by analytic policy gradients, as a Stable-Baselines3 algorithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import Tensor

from drlapps.analytic_gradient.model import DifferentiableModel, detached, model_of
from drlapps.bridge import SB3Bridge
from drlapps.errors import InputError
from drlapps.gradient_algorithm import GradientAlgorithm

Work = tuple[DifferentiableModel[Any], SB3Bridge]

_STREAM = 0xA96


class AnalyticPolicyGradient(GradientAlgorithm[Work]):
    """Ascends the exact gradient of the discounted return of whole episodes.

    An update plays one episode in each row of the environment's differentiable model, on instances
    drawn from the train pool, with the likeliest actions of the policy.

    Args:
        policy: class of the network, or ``"MlpPolicy"``; an actor-critic, whose critic is left
            alone, so that other algorithms can go on with its weights.
        env: the training batch, of which only pool, spaces, number of rows and differentiable
            model matter.
        learning_rate: by progress left.
        gamma: discount of the rewards.
        n_steps: decisions through which gradients flow back; by default the whole episode.
        noise: standard deviation of the normal noise on actions, in their own units.
        max_action_norm: to which the derivatives of an episode's return by each of its decisions
            are clipped, in units of reward: episodes whose gradients explode do not drown others.
        max_grad_norm: to which the gradient of the weights is clipped.
        policy_kwargs: of the network.
        tensorboard_log: directory of events.
        verbose: of SB3's own messages.
        seed: of everything random.
        device: of the network; the model has its own.
        _init_setup_model: whether to build the network at once.

    Raises:
        ValueError: a number is out of range.
    """

    policy: ActorCriticPolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"MlpPolicy": ActorCriticPolicy}

    def __init__(
        self,
        policy: str | type[BasePolicy],
        env: Any,
        learning_rate: float | Callable[[float], float] = 1e-3,
        gamma: float = 1.0,
        n_steps: int | None = None,
        noise: float = 0.0,
        max_action_norm: float = 1.0,
        max_grad_norm: float = 1.0,
        policy_kwargs: dict[str, Any] | None = None,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ) -> None:
        super().__init__(
            policy,
            env,
            learning_rate,
            policy_kwargs=policy_kwargs,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            seed=seed,
            device=device,
            support_multi_env=True,
            supported_action_spaces=(spaces.Box,),
        )
        if not 0.0 < gamma <= 1.0:
            raise ValueError(f"gamma must be positive and at most 1, not {gamma}")
        if noise < 0.0:
            raise ValueError(f"noise must not be negative, not {noise}")
        for name, norm in (("action", max_action_norm), ("grad", max_grad_norm)):
            if not norm > 0.0:
                raise ValueError(f"max_{name}_norm must be positive, not {norm}")
        self.gamma, self.n_steps = gamma, n_steps
        self.noise = noise
        self.max_action_norm, self.max_grad_norm = max_action_norm, max_grad_norm
        if _init_setup_model:
            self._setup_model()

    def _prepare(self, callback: BaseCallback) -> Work:
        bridge = self.env
        if not isinstance(bridge, SB3Bridge):
            raise InputError("analytic policy gradients need one of the toolkit's environments")
        return model_of(bridge.batch), bridge

    def _update(self, work: Work) -> tuple[int, Mapping[str, float]]:
        model, bridge = work
        # The draws hang on nothing but the update's number: a resumed run repeats them.
        rng = np.random.default_rng([self.seed or 0, _STREAM, self._n_updates])
        instances = [bridge.batch.draw(rng) for _ in range(self.n_envs)]
        self.policy.set_training_mode(True)
        rewards = self._play(model, model.load(instances, rng))
        discounts = self.gamma ** torch.arange(len(rewards), dtype=rewards.dtype)
        loss = -(discounts.to(rewards.device) @ rewards).mean()
        self.policy.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        if norm.isfinite():  # One that overflowed says nothing.
            self.policy.optimizer.step()
        returns = rewards.detach().sum(dim=0)  # undiscounted
        bridge.latest_returns.extend(returns.tolist())
        records = {"return": float(returns.mean()), "gradient_norm": float(norm)}
        return self.n_envs * model.horizon, records

    def _play(self, model: DifferentiableModel[Any], state: Any) -> Tensor:
        """Return the rewards of an episode in each row, shape (decisions, rows)."""
        rewards = []
        for decision in range(model.horizon):
            if self.n_steps and decision and decision % self.n_steps == 0:
                state = detached(state)
            state, reward = model.step(state, self._act(model.observe(state)))
            rewards.append(reward)
        return torch.stack(rewards)

    def _act(self, observations: Tensor) -> Tensor:
        """Return the likeliest actions, with noise, inside the action space."""
        seen = observations.to(self.device, torch.float32)
        actions = self.policy.get_distribution(seen).mode().to(observations.device)
        if self.noise:
            actions = actions + self.noise * torch.randn_like(actions)
        space: Any = self.action_space
        low, high = (torch.from_numpy(b).to(actions.device) for b in (space.low, space.high))
        # The loss is a mean over the rows.
        most = self.max_action_norm / len(actions)
        clipped: Tensor = _Clip.apply(actions, low, high, most)  # type: ignore[no-untyped-call]
        return clipped


class _Clip(torch.autograd.Function):
    """Clips actions to a box and, on the way back, the gradients of each row to a norm.

    Actions outside of the box can still be drawn back into it by their gradients.
    """

    @staticmethod
    def forward(ctx: Any, actions: Tensor, low: Tensor, high: Tensor, most: float) -> Tensor:
        ctx.save_for_backward(actions > high, actions < low)
        ctx.most = most
        return actions.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        above, below = ctx.saved_tensors
        # A descent step goes against the gradient: a negative one leads further up.
        leaving = (above & (gradient < 0)) | (below & (gradient > 0))
        gradient = gradient.masked_fill(leaving, 0.0)
        norms = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        scale = ctx.most / norms.clamp(min=ctx.most)
        return gradient * scale.view(-1, *[1] * (gradient.dim() - 1)), None, None, None
