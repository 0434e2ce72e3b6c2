"""The reactor on tensors, to learn through."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from drlapps.control.cstr.reactor import HOTTEST, SUBSTEPS, Reactor
from drlapps.control.process.differentiable import ProcessModel, stack
from drlapps.control.process.plant import Process


class ReactorModel(ProcessModel):
    """A reactor to learn through, integrated as the environment's."""

    def _dynamics(self, truths: Sequence[Process]) -> tuple[Tensor, ...]:
        constants = [truth.constants for truth in truths if isinstance(truth, Reactor)]
        return stack(constants).unbind(1)

    def _next(self, dynamics: tuple[Tensor, ...], state: Tensor, inputs: Tensor) -> Tensor:
        exchange, heating, cooling, rate, activation, feed, warmth, interval = dynamics
        jacket = inputs[:, 0]

        def slope(state: Tensor) -> Tensor:
            concentration, temperature = state.unbind(1)
            made = rate * torch.exp(-activation / temperature.clamp(max=HOTTEST)) * concentration
            warmed = exchange * (warmth - temperature) + cooling * (jacket - temperature)
            return torch.stack(
                [exchange * (feed - concentration) - made, warmed + heating * made], dim=1
            )

        h = (interval / SUBSTEPS).unsqueeze(1)
        for _ in range(SUBSTEPS):
            first = slope(state)
            second = slope(state + 0.5 * h * first)
            third = slope(state + 0.5 * h * second)
            fourth = slope(state + h * third)
            state = state + h / 6.0 * (first + 2.0 * (second + third) + fourth)
        return state
