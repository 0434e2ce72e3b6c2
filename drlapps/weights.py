"""The tensors of a network as plain arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from drlapps.errors import InputError
from drlapps.vector import Array

if TYPE_CHECKING:
    from stable_baselines3.common.policies import BasePolicy
    from torch import Size, Tensor


def weights_of(policy: BasePolicy) -> dict[str, Array]:
    """Return the network's parameters and buffers as arrays."""
    state = _unique(policy)
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}


def _unique(policy: BasePolicy) -> dict[str, Tensor]:
    """Return the state once: actor and critic may share modules under several names."""
    seen: set[tuple[int, Size]] = set()
    state = {}
    for name, tensor in policy.state_dict().items():
        if (key := (tensor.data_ptr(), tensor.shape)) not in seen:
            seen.add(key)
            state[name] = tensor
    return state


def with_weights(policy: BasePolicy, weights: Mapping[str, Array]) -> BasePolicy:
    """Put the weights into the network and return it.

    Raises:
        InputError: they belong to another network, or are not finite.
    """
    import torch

    own = _unique(policy)
    given = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
    for name in sorted({*own, *given}):
        if not (name in own and name in given and _alike(own[name], given[name])):
            raise InputError(
                f"the agent's weights do not fit this environment: {name!r} differs; "
                "an agent with a fixed-size network acts only on the size it was trained for"
            )
        if not bool(given[name].isfinite().all()):
            raise InputError(f"the agent's weights are not finite: {name!r}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(given[name])
    policy.set_training_mode(False)
    return policy


def _alike(a: Tensor, b: Tensor) -> bool:
    return (a.shape, a.dtype) == (b.shape, b.dtype)
