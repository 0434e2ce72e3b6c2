"""Hyper-parameters as JSON-able values: checked against an SB3 class, then made its arguments.

Besides plain values there are ``{"linear": [a, b]}``, a schedule that goes from a at first to b at
last, ``{"normal": sigma}``, Gaussian action noise, and lists of names.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, get_args, get_origin

import numpy as np

from drlapps.errors import InputError, unknown

# Set by the toolkit itself, or at odds with its checkpoints.
_RESERVED = frozenset(
    (
        "policy", "env", "seed", "device", "policy_kwargs", "verbose", "tensorboard_log",
        "_init_setup_model", "optimize_memory_usage", "recorder",
    )
)  # fmt: skip
_COUNTS = frozenset(
    (
        "n_steps", "batch_size", "n_epochs", "buffer_size", "train_freq", "n_delta", "n_top",
        "n_eval_episodes", "target_update_interval", "policy_delay", "episodes", "group_size",
        "memory",
    )
)  # fmt: skip


def resolve(
    cls: type, given: Mapping[str, object], action_shape: tuple[int, ...]
) -> dict[str, Any]:
    """Return the keyword arguments of an SB3 class.

    Args:
        cls: the algorithm.
        given: JSON-able values by name.
        action_shape: shape of one action, for action noise.

    Raises:
        InputError: a name is unknown, or a value is of the wrong type or impossible.
    """
    parameters = inspect.signature(cls, eval_str=True).parameters
    known = parameters.keys() - _RESERVED
    resolved = {}
    for name, value in given.items():
        if name not in known:
            raise unknown(f"hyper-parameter of {cls.__name__}", name, known)
        annotation = parameters[name].annotation
        kinds = get_args(annotation) or (annotation,)
        if not _fits(value, kinds) or (name in _COUNTS and isinstance(value, int) and value < 1):
            raise InputError(f"{value!r} is no possible {name} of {cls.__name__}")
        resolved[name] = _resolved(value, action_shape)
    return resolved


def _fits(value: object, kinds: tuple[Any, ...]) -> bool:
    """Whether a JSON-able value stands for one of the types."""
    match value:
        case None:
            return NoneType in kinds
        case bool():
            return bool in kinds
        case int():
            return int in kinds or float in kinds
        case float():
            return float in kinds and math.isfinite(value)
        case str():
            return str in kinds
        case [int(), str()]:
            return any(get_origin(kind) is tuple for kind in kinds)
        case [*entries] if all(isinstance(entry, str) for entry in entries):
            return list[str] in kinds
        case {"linear": [int() | float(), int() | float()], **rest} if not rest:
            return any(Callable in (kind, get_origin(kind)) for kind in kinds)
        case {"normal": int() | float() as sigma, **rest} if not rest:
            return sigma > 0 and any(getattr(k, "__name__", "") == "ActionNoise" for k in kinds)
    return False


def _resolved(value: object, action_shape: tuple[int, ...]) -> object:
    match value:
        case {"linear": [first, last]}:
            return _linear(first, last)
        case {"normal": sigma}:
            from stable_baselines3.common.noise import NormalActionNoise

            return NormalActionNoise(np.zeros(action_shape), np.full(action_shape, sigma))
        case [int() as frequency, unit]:
            return frequency, unit
    return value


def _linear(first: float, last: float) -> Callable[[float], float]:
    """Return the schedule of the progress left, which is 1 at first and 0 at last."""
    return lambda left: last + (first - last) * left


def plain(value: Any) -> Any:
    """Return mappings and sequences as the dicts and lists that JSON gives back."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    return value
