"""How charts show policies: their labels, order, colours and kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from drlapps.look import FAINT, palette
from drlapps.report.tables import Json, is_relative, label, ranked

if TYPE_CHECKING:
    import altair as alt

Row: TypeAlias = dict[str, Any]

SHAPES = {"agent": "diamond", "baseline": "circle", "bound": "cross"}
KINDS = {"agent": "#1f6fb4", "baseline": "#495057", "bound": FAINT}


@dataclass(frozen=True)
class Look:
    """What every chart calls the policies, best first, and the colours they keep.

    Attributes:
        labels: by the policy's name.
        colours: by the policy's label.
    """

    labels: dict[str, str]
    colours: dict[str, str]

    @classmethod
    def of(cls, comparison: Json) -> Look:
        """Return the look of a comparison's policies."""
        policies = ranked(comparison)
        # Agents take the first and strongest colours, whatever their rank.
        order = sorted(policies, key=lambda policy: bool(policy["kind"] != "agent"))
        shades = palette(len(order))
        return cls(
            {policy["name"]: label(policy) for policy in policies},
            {label(policy): shade for policy, shade in zip(order, shades, strict=True)},
        )

    def rows(self) -> alt.Y:
        """Return an axis with a row for each policy, best first."""
        import altair as alt

        scale = alt.Scale(domain=list(self.labels.values()))
        return alt.Y("policy:N", title=None, scale=scale, axis=alt.Axis(ticks=False, domain=False))

    def colour(self, rows: Sequence[Row], *, legend: bool = True) -> alt.Color:
        """Return the colours of the policies that the rows name."""
        import altair as alt

        present = {row["policy"] for row in rows}
        shown = [name for name in self.labels.values() if name in present]
        return alt.Color(
            "policy:N",
            scale=alt.Scale(domain=shown, range=[self.colours[name] for name in shown]),
            legend=alt.Legend(title=None) if legend else None,
        )


def kind_of(policy: Json) -> str:
    """Return which of ``KINDS`` a policy is."""
    return "bound" if policy["bound"] else "agent" if policy["kind"] == "agent" else "baseline"


def kinds_in(rows: Sequence[Row]) -> list[str]:
    """Return the kinds that the rows name, in the order of ``KINDS``."""
    present = {row["kind"] for row in rows}
    return [kind for kind in KINDS if kind in present]


def score_title(comparison: Json) -> str:
    """Return the title of an axis of scores: what they are, and which way is better."""
    metric = comparison["metric"]
    if is_relative(comparison):
        return f"gap to the {comparison['reference'] or 'reference'} (%), lower is better"
    unit = f"{metric['unit']}, " if metric["unit"] else ""
    return f"{metric['name']} ({unit}{'lower' if metric['minimize'] else 'higher'} is better)"


def picking() -> tuple[alt.Parameter, Any]:
    """Return a click on the legend, and the opacity that follows it."""
    import altair as alt

    picked = alt.selection_point(fields=["policy"], bind="legend", name="picked")
    return picked, alt.when(picked).then(alt.value(1.0)).otherwise(alt.value(0.12))


def thickness() -> alt.StrokeWidth:
    """Return the width of lines, by kind."""
    import altair as alt

    scale = alt.Scale(domain=list(KINDS), range=[3.2, 1.7, 1.7])
    return alt.StrokeWidth("kind:O", scale=scale, legend=None)
