"""What the differentiable models of all drives ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drlapps.errors import InputError


def check_differentiable(drives: Sequence[Any], steps: int) -> None:
    """Refuse drives that cannot be learnt through together.

    Args:
        drives: of either kind.
        steps: of every episode.

    Raises:
        InputError: one has another number of steps, or a dead time.
    """
    for one in drives:
        if one.steps != steps:
            raise InputError(f"{one.name} has not {steps} steps, as others have")
        if one.conditions.dead_time:
            raise InputError(f"{one.name}: a dead time is not differentiable")
