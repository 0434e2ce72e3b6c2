"""Exploration in the space of the amplitudes (beta), as an option of SAC.

A surface whose amplitudes depend on its phases looks ideal to an agent that does not know the law.
Saglam et al. 2022 let a second network, the explorer, perturb what SAC draws, so that the agent
meets amplitudes that its own policy would not show it.

From the paper: that the explorer is a network of its own beside SAC, that its perturbation has the
strength lambda, that lambda falls linearly from 0.3 to 0 over the run, and that it follows the
authors' directed exploration (Saglam & Kozat 2022, "Deep Intrinsically Motivated Exploration in
Continuous Control"), which seeks the errors of the value function.

Ours is the rest. An element's amplitude is a function of its phase alone, so the explorer turns
phases: one number an element, and the precoder is left alone. It climbs the disagreement of SAC's
two critics, which tells of their error without any target; a step is taken at each draw, as long as
the gradient's direction only, so that it neither depends on the scale of values nor has a state
that a checkpoint would have to hold. No exploration touches the greedy policy.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn

from drlapps.errors import InputError


class BetaExplorationPolicy(SACPolicy):
    """SAC's networks and an explorer of the amplitudes.

    Args:
        observation_space: of the environment.
        action_space: joint actions; the last ``2 N`` are the real, then the imaginary parts of the
            reflections.
        lr_schedule: of SAC.
        elements: N.
        strength: lambda at first; the most that a phase is turned, in units of pi.
        decisions: how many draws it takes lambda to reach 0.
        explorer_rate: length of the explorer's steps.
        **kwargs: of SAC's own policy class.

    Raises:
        InputError: the actions are too few for so many elements.
    """

    spent: Tensor

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Box,
        lr_schedule: Schedule,
        *,
        elements: int,
        strength: float = 0.3,
        decisions: int = 20_000,
        explorer_rate: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)
        if action_space.shape[0] <= 2 * elements:
            raise InputError(
                f"beta exploration needs joint actions; {action_space.shape[0]} entries hold no "
                f"precoder beside {elements} elements"
            )
        self.elements, self.strength = elements, strength
        self.decisions, self.explorer_rate = decisions, explorer_rate
        layers = create_mlp(
            self.actor.features_dim, elements, self.actor.net_arch, self.activation_fn,
            squash_output=True,
        )  # fmt: skip
        self.explorer = nn.Sequential(*layers)
        self.register_buffer("spent", torch.zeros((), dtype=torch.int64))

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = ("elements", "strength", "decisions", "explorer_rate")
        return {
            **super()._get_constructor_parameters(),
            **{name: getattr(self, name) for name in own},
        }

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        actions = super()._predict(observation, deterministic)
        left = 1.0 - self.spent.item() / self.decisions
        if deterministic or left <= 0.0:
            return actions
        self.spent += len(actions)
        return self._explored(observation, actions.detach(), self.strength * left)

    def _explored(self, observation: PyTorchObs, actions: Tensor, strength: float) -> Tensor:
        """Return the perturbed actions, and take a step towards more disagreement."""
        features = self.actor.extract_features(observation, self.actor.features_extractor).detach()
        parameters = list(self.explorer.parameters())
        with torch.enable_grad():
            angles = torch.pi * strength * self.explorer(features)
            turned = self._turned(actions, angles)
            values = torch.stack(self.critic(observation, turned))
            disagreement = values.var(dim=0, correction=0).mean()
            uphill = torch.autograd.grad(disagreement, parameters)
        length = torch.linalg.vector_norm(torch.cat([part.flatten() for part in uphill]))
        if length > 0.0:
            with torch.no_grad():
                for parameter, part in zip(parameters, uphill, strict=True):
                    parameter.add_(part, alpha=self.explorer_rate / length.item())
        return turned.detach()

    def _turned(self, actions: Tensor, angles: Tensor) -> Tensor:
        """Return the actions with the phases of the elements turned by ``angles`` (B, N)."""
        precoder, reflections = actions[:, : -2 * self.elements], actions[:, -2 * self.elements :]
        real, imaginary = reflections[:, : self.elements], reflections[:, self.elements :]
        cosine, sine = angles.cos(), angles.sin()
        real, imaginary = real * cosine - imaginary * sine, real * sine + imaginary * cosine
        # Only their angle counts; this keeps it, and the action within its box.
        largest = torch.maximum(real.abs(), imaginary.abs()).clamp(min=1.0)
        return torch.cat([precoder, real / largest, imaginary / largest], dim=1)
