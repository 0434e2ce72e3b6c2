"""Pictures of an episode of the reactor: states with setpoints and limits, and the jacket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drlapps.control.cstr.checker import step_of
from drlapps.control.process import checker
from drlapps.control.process.curves import comparison_figures
from drlapps.control.process.instances import Episode
from drlapps.control.process.views import COMPARED, drawings

if TYPE_CHECKING:
    import altair as alt

__all__ = ["COMPARED", "comparison_figures", "figures"]


def figures(
    instance: Episode, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures by name: ``states`` and ``inputs``.

    Args:
        instance: the episode.
        solution: as the environment returns it.
        title: above the pictures.
    """
    inputs = solution["inputs"]
    states = checker.path(instance, inputs, step_of(instance))
    return drawings(instance, states, inputs, title)
