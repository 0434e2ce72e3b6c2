"""A Q-network of radial basis functions, for the DQN of Stable-Baselines3.

Cheng et al. replace the multilayer perceptron of a deep Q-network by the classical network of three
layers: inputs, Gaussian units that each answer to states near a centre of their own, and a linear
output per action::

    Q(s, a) = b_a + sum_u w_au phi_u(s),    phi_u(s) = exp(-1/2 sum_i ((s_i - c_ui) / r_ui)^2)

Taken from the paper: the three layers, the Gaussian kernel, centres that begin on a lattice over
the states, and all else as in DQN (replay, target network, epsilon-greedy). Its appeal is that
there is one number to choose, how many units. A state's value is pieced together from those of
similar states, as in a table whose cells overlap.

Ours: a full grid has ``k^d`` points in ``d`` dimensions, so the lattice is one of rank 1, which
spreads any number of points evenly; centres ``c`` and radii ``r`` are then learnt along with the
weights; and by default the activations are divided by their sum, so that a state far from all
centres is valued like the nearest ones, not like nothing (Moody & Darken 1989).

References:
    Cheng, Luo, Fan, Zhang & Li 2024, "A deep Q-network based on radial basis functions for
    multi-echelon inventory management", Winter Simulation Conference 2023, arXiv:2401.15872;
    Moody & Darken 1989, "Fast learning in networks of locally-tuned processing units", Neural
    Computation 1(2);
    Mnih et al. 2015, "Human-level control through deep reinforcement learning", Nature 518.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import Tensor, nn


def lattice(points: int, dimensions: int) -> Tensor:
    """Return points of a rank-1 lattice in the unit cube, shape ``(points, dimensions)``.

    Richtmyer's: point ``k`` has the coordinates ``frac((k + 1/2) sqrt(p_i))``, ``p_i`` the primes.
    """
    primes: list[int] = []
    number = 2
    while len(primes) < dimensions:
        if all(number % prime for prime in primes):
            primes.append(number)
        number += 1
    steps = torch.tensor(primes, dtype=torch.float64).sqrt()
    places = torch.arange(points, dtype=torch.float64) + 0.5
    return torch.remainder(places[:, None] * steps, 1.0).float()


class RadialBasis(nn.Module):
    """The hidden layer: one Gaussian unit a centre.

    Args:
        inputs: size of a state.
        units: number of centres.
        span: the centres begin in the cube ``[-span, span]^inputs``.
        normalised: whether activations are divided by their sum.
    """

    def __init__(self, inputs: int, units: int, span: float, normalised: bool) -> None:
        super().__init__()
        self.normalised = normalised
        self.centres = nn.Parameter(span * (2.0 * lattice(units, inputs) - 1.0))
        # The root mean square distance of two points of the cube over that of their neighbours:
        # wide enough to overlap in any dimension, narrow enough to tell states apart.
        radius = span * math.sqrt(2.0 * inputs / 3.0) * units ** (-1.0 / inputs)
        self.log_radii = nn.Parameter(torch.full((units, inputs), math.log(radius)))

    def forward(self, states: Tensor) -> Tensor:
        """Map states (B, inputs) to activations (B, units)."""
        precision = torch.exp(-2.0 * self.log_radii)
        weighted = self.centres * precision
        # The square multiplied out: three products of matrices, no (B, units, inputs) array.
        squares = (
            states.square() @ precision.T
            - 2.0 * states @ weighted.T
            + (weighted * self.centres).sum(dim=1)
        )
        if self.normalised:
            return torch.softmax(-0.5 * squares, dim=1)
        return torch.exp(-0.5 * squares.clamp(min=0.0))


class RadialBasisPolicy(DQNPolicy):
    """The DQN policy whose Q-network and target network are radial basis networks.

    Args:
        observation_space: Box; states should be of order one.
        action_space: Discrete.
        lr_schedule: learning rate by progress left.
        units: number of centres.
        span: the centres begin in the cube ``[-span, span]^d``.
        normalised: whether activations are divided by their sum.
        optimizer_kwargs: of Adam.

    Raises:
        ValueError: there are no units, or the span is not positive.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Discrete,
        lr_schedule: Callable[[float], float],
        units: int = 256,
        span: float = 1.0,
        normalised: bool = True,
        optimizer_kwargs: dict[str, Any] | None = None,
    ) -> None:
        if units < 1 or not 0.0 < span < math.inf:
            raise ValueError(f"units and span must be positive, not {units} and {span}")
        # The base class builds the networks in its constructor.
        self.basis: dict[str, Any] = {"units": units, "span": span, "normalised": normalised}
        super().__init__(
            observation_space, action_space, lr_schedule, [], optimizer_kwargs=optimizer_kwargs
        )

    def make_q_net(self) -> QNetwork:
        """Return a Q-network of one radial basis layer and one linear layer."""
        network = super().make_q_net()
        hidden = RadialBasis(network.features_dim, **self.basis)
        output = nn.Linear(self.basis["units"], int(self.action_space.n))  # type: ignore[attr-defined]
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        network.q_net = nn.Sequential(hidden, output)
        return network.to(self.device)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        base = super()._get_constructor_parameters()
        names = ("observation_space", "action_space", "lr_schedule", "optimizer_kwargs")
        return {**{name: base[name] for name in names}, **self.basis}
