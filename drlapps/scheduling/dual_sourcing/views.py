"""Pictures of an episode: those of all inventory tasks, and what was ordered in which state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.look import INK, WIDTH, data, dress
from drlapps.scheduling.dual_sourcing.checker import states
from drlapps.scheduling.dual_sourcing.instances import DualSourcing
from drlapps.scheduling.dual_sourcing.problem import EXPEDITED, REGULAR
from drlapps.scheduling.inventory import views

if TYPE_CHECKING:
    import altair as alt

COMPARED = ("stock", "policy")
"""What a comparison shows of each policy."""

_SOURCES = {"regular order": REGULAR, "expedited order": EXPEDITED}
_MOST_LABELLED = 400  # cells with a number in them


def figures(
    instance: DualSourcing, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of an episode by name: ``policy`` and those of all inventory tasks.

    Args:
        instance: the scenario.
        solution: as the environment returns it.
        title: above the pictures.
    """
    drawn = {"policy": policy(instance, solution, title)}
    return drawn | views.figures(instance, solution, title)


def policy_table(instance: DualSourcing, solution: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each source and state met: how often, and the mean order there.

    Keys: ``source``, ``position``, ``later``, ``times``, ``order``.
    """
    orders = np.array(solution["orders"])
    position, later = states(instance, solution)
    seen = np.stack([position, later.sum(axis=1)], axis=1)
    met, place = np.unique(seen, axis=0, return_inverse=True)
    times = np.bincount(place.ravel())
    return [
        {
            "source": source,
            "position": float(level),
            "later": float(under_way),
            "times": int(count),
            "order": round(float(total / count), 3),
        }
        for source, column in _SOURCES.items()
        for (level, under_way), count, total in zip(
            met, times, np.bincount(place.ravel(), weights=orders[:, column]), strict=True
        )
    ]


def policy(instance: DualSourcing, solution: Mapping[str, Any], title: str) -> alt.TopLevelMixin:
    """Return the mean order from each source in every state met: a map of the policy."""
    import altair as alt

    rows = policy_table(instance, solution)
    highest = max(row["order"] for row in rows)
    base = alt.Chart().encode(
        x=alt.X(
            "position:O",
            title="net stock and what arrives in time",
            axis=alt.Axis(labelAngle=0, labelOverlap=True),
        ),
        y=alt.Y("later:O", title="later regular orders under way", sort="descending"),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "order:Q",
            scale=alt.Scale(scheme="blues", domain=[0.0, max(highest, 1.0)]),
            legend=alt.Legend(title="mean order"),
        ),
        tooltip=["position:O", "later:O", "order:Q", "times:Q"],
    )
    layers = [cells]
    if len(rows) <= _MOST_LABELLED:
        shade = alt.condition(f"datum.order > {0.6 * highest}", alt.value("white"), alt.value(INK))
        layers.append(
            base.mark_text(fontSize=10).encode(text=alt.Text("order:Q", format=".2~g"), color=shade)
        )
    met = len(rows) // len(_SOURCES)
    heading = alt.Title(title, subtitle=f"mean order in each of the {met} states met")
    panel = alt.layer(*layers, data=data(rows)).properties(width=WIDTH // 2 - 100, height=260)
    facet = alt.Facet(
        "source:N",
        title=None,
        sort=list(_SOURCES),
        header=alt.Header(labelColor=INK, labelFontSize=12, labelAnchor="start"),
    )
    dressed = dress([], height=260)
    return panel.facet(facet, columns=2, title=heading, spacing=24).properties(
        background="white", padding=8, config=dressed.config
    )
