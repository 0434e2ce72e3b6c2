"""What the pictures of all drives have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt


def time_axis(rows: Sequence[Mapping[str, Any]]) -> alt.X:
    """Return the axis of the time, up to the end of an episode.

    Args:
        rows: of an episode's table, with ``ms``.
    """
    import altair as alt

    scale = alt.Scale(domain=[0.0, rows[-1]["ms"]], nice=False)
    return alt.X("ms:Q", title="milliseconds", scale=scale, axis=alt.Axis(tickCount=12))
