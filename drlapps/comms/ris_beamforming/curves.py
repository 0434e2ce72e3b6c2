"""Pictures of a comparison: rate against power, elements, conditions and computing time."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.setting import Setting
from drlapps.look import FAINT, INK, WIDTH, data, dress, palette
from drlapps.report.tables import ranked
from drlapps.stats import mean_interval

if TYPE_CHECKING:
    import altair as alt

Comparison: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = list[dict[str, Any]]

_HEIGHT = 320
_FAR = 0.6
"""Policies below this share of the best are named, not drawn, where they would flatten the rest."""
_GAP = 0.055  # least distance of two names, as a share of the height of their panel


class _Mean(NamedTuple):
    """What a policy reaches over the instances of a group, with a 95 % confidence interval."""

    policy: str
    mean: float
    low: float
    high: float
    milliseconds: float

    @property
    def row(self) -> dict[str, Any]:
        """As a row of a chart's data."""
        return self._asdict()


class _Look(NamedTuple):
    """What every picture calls the policies, best first, their colours, and which are bounds."""

    labels: dict[str, str]
    colours: dict[str, str]
    bounds: frozenset[str]


def comparison_figures(
    instances: Sequence[Channel], comparison: Comparison
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a comparison by name, leaving out those without data.

    * ``power``: sum rate against transmit power, where several were played;
    * ``elements``: against the number of elements, likewise;
    * ``conditions``: by amplitude law, channel knowledge and whatever else differs;
    * ``time``: against milliseconds per channel.

    Args:
        instances: the channels that were played.
        comparison: the object of ``drlapps compare``.
    """
    settings = {channel.name: channel.setting for channel in instances}
    look = _look(comparison)
    found = _means(comparison, look, lambda name: settings[name])
    sizes = _means(comparison, look, lambda name: _size(settings[name]))
    drawn = {
        "power": _curves(
            found, look, lambda s: s.power_dbm, lambda s: replace(s, power_dbm=0.0), _powerless,
            "transmit power, dBm",
        ),
        "elements": _curves(
            found, look, lambda s: s.elements, lambda s: replace(s, elements=1), _elementless,
            "elements of the surface",
        ),
        "conditions": _conditions(found, look),
        "time": _time(sizes, look),
    }  # fmt: skip
    return {name: chart for name, chart in drawn.items() if chart is not None}


def _look(comparison: Comparison) -> _Look:
    policies = ranked(comparison)
    labels = {p["name"]: f"{p['name']} (bound)" if p["bound"] else p["name"] for p in policies}
    # Agents take the first and strongest colours, bounds none.
    order = sorted(policies, key=lambda policy: bool(policy["kind"] != "agent"))
    shades = iter(palette(sum(not policy["bound"] for policy in order)))
    colours = {labels[p["name"]]: FAINT if p["bound"] else next(shades) for p in order}
    bounds = frozenset(labels[p["name"]] for p in policies if p["bound"])
    return _Look(labels, {label: colours[label] for label in labels.values()}, bounds)


def _means(
    comparison: Comparison, look: _Look, group: Callable[[str], Any]
) -> dict[Any, list[_Mean]]:
    """Return the means of each group of instances; a policy that failed in one has none there."""
    cells: dict[tuple[Hashable, str], dict[Any, list[Mapping[str, Any]]]] = {}
    for row in comparison["results"]:
        cell = cells.setdefault((group(row["instance"]), look.labels[row["policy"]]), {})
        cell.setdefault(row["run_seed"], []).append(row)
    found: dict[Any, list[_Mean]] = {}
    for (key, policy), runs in cells.items():
        rows = [row for run in runs.values() for row in run]
        if all(row["feasible"] for row in rows):
            values = [[row["metric"]["value"] for row in run] for run in runs.values()]
            mean = math.fsum(map(math.fsum, values)) / len(rows)
            low, high = mean_interval(values)
            seconds = math.fsum(row["seconds"]["plan"] + row["seconds"]["act"] for row in rows)
            ends = (mean if math.isnan(end) else end for end in (low, high))
            found.setdefault(key, []).append(_Mean(policy, mean, *ends, 1e3 * seconds / len(rows)))
    return found


def _size(setting: Setting) -> str:
    return setting.label.split("-")[0]


def _powerless(setting: Setting) -> list[str]:
    """Return the words of a label without the power."""
    words = setting.label.split("-")
    return [words[0], *(word for word in words[1:] if not word.endswith("dbm"))]


def _elementless(setting: Setting) -> list[str]:
    """Return the words of a label without the number of elements."""
    return [f"{setting.antennas}xNx{setting.users}", *setting.label.split("-")[1:]]


def _named(settings: Sequence[Setting], words: Callable[[Setting], list[str]]) -> dict[Any, str]:
    """Return what tells settings apart, in the words of their labels.

    Words that all have in common are left out, but for the first that is left to say something.
    """
    split = {setting: words(setting) for setting in settings}
    common = set.intersection(*map(set, split.values()))
    named = {}
    for setting, own in split.items():
        rest = [word for word in own if word not in common]
        law = [word for word in own if word == "ideal" or word.startswith("beta")]
        named[setting] = " ".join(rest or law)
    return named


def _curves(
    found: Mapping[Setting, list[_Mean]],
    look: _Look,
    value: Callable[[Setting], float],
    other: Callable[[Setting], Setting],
    words: Callable[[Setting], list[str]],
    title: str,
) -> alt.TopLevelMixin | None:
    """Return a panel of sum rate against a number for all settings that differ by it alone."""
    import altair as alt

    groups: dict[Setting, dict[float, list[_Mean]]] = {}
    for setting, means in found.items():
        groups.setdefault(other(setting), {})[value(setting)] = means
    groups = {setting: group for setting, group in groups.items() if len(group) > 1}
    if not groups:
        return None
    named = _named(list(groups), words)
    rows = [
        {"panel": named[setting], "x": x, **mean.row}
        for setting, group in groups.items()
        for x, means in group.items()
        for mean in means
    ]
    ticks = sorted({row["x"] for row in rows})
    axis = alt.Axis(values=ticks, format="~g", labelOverlap=True)
    x = alt.X("x:Q", title=title, axis=axis, scale=alt.Scale(zero=False, padding=12))
    y = alt.Y("mean:Q", title="sum rate, bit/s/Hz", scale=alt.Scale(zero=False))
    base = alt.Chart().encode(x=x, color=_colour(look, rows), tooltip=_tooltip())
    band = alt.Y("low:Q", scale=alt.Scale(zero=False), title="sum rate, bit/s/Hz")
    dash = alt.condition(_is_bound(look), alt.value([5, 4]), alt.value([1, 0]))
    layers = [
        base.mark_area(opacity=0.16).encode(y=band, y2="high:Q"),
        base.mark_line(strokeWidth=2.0).encode(y=y, strokeDash=dash),
        base.mark_circle(size=42, opacity=1.0).encode(y=y),
    ]
    heading = alt.Title("Sum rate against " + title.split(",")[0].removesuffix(" of the surface"),
                        subtitle="means with 95 % confidence bands")  # fmt: skip
    return _panels(layers, rows, list(named.values()), heading)


def _panels(
    layers: Sequence[alt.Chart], rows: Rows, names: Sequence[str], heading: alt.Title
) -> alt.TopLevelMixin:
    """Return layers over rows, one panel for each of the names under ``panel``."""
    import altair as alt

    if len(names) == 1:
        return dress(layers, height=_HEIGHT, title=heading).properties(data=data(rows))
    panel = alt.layer(*layers, data=data(rows)).properties(width=(WIDTH - 330) // 2, height=230)
    header = alt.Header(
        labelColor=INK, labelFontSize=12, labelFontWeight="bold", labelAnchor="start"
    )
    facet = alt.Facet("panel:N", title=None, sort=list(names), header=header)
    chart: alt.FacetChart = panel.facet(facet, columns=2, title=heading, spacing=28)
    return chart.properties(background="white", padding=8, config=dress([], height=1).config)


def _conditions(found: Mapping[Setting, list[_Mean]], look: _Look) -> alt.TopLevelMixin | None:
    """Return dots of sum rate by amplitude law, channel knowledge and whatever else differs."""
    import altair as alt

    groups: dict[tuple[str, float], dict[Setting, list[_Mean]]] = {}
    for setting, means in found.items():
        groups.setdefault((_size(setting), setting.power_dbm), {})[setting] = means
    groups = {key: group for key, group in groups.items() if len(group) > 1}
    if not groups:
        return None
    every = list(dict.fromkeys(s for group in groups.values() for s in group))
    named = _named(every, lambda setting: _powerless(setting)[1:])
    order = sorted(set(named.values()), key=lambda name: (name.count(" "), name))
    rows = [
        {"panel": f"{size}, {power:g} dBm", "condition": named[setting], **mean.row}
        for (size, power), group in groups.items()
        for setting, means in group.items()
        for mean in means
    ]
    rows, far = _near(rows)
    shown = [label for label in look.colours if any(row["policy"] == label for row in rows)]
    y = alt.Y("condition:N", sort=order, title=None, axis=alt.Axis(ticks=False, grid=True))
    offset = alt.YOffset("policy:N", sort=shown)
    scale = alt.Scale(zero=False)
    base = alt.Chart().encode(
        y=y, yOffset=offset, color=_colour(look, rows), tooltip=["condition:N", *_tooltip()]
    )
    x = alt.X("mean:Q", title="sum rate, bit/s/Hz", scale=scale)
    layers = [
        base.mark_rule(strokeWidth=1.8).encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
        base.mark_circle(size=60, opacity=1.0).encode(x=x),
    ]
    note = "; ".join(["means with 95 % confidence intervals", *far])
    names = list(dict.fromkeys(row["panel"] for row in rows))
    heading = alt.Title("Sum rate by condition", subtitle=note)
    chart = _panels(layers, rows, names, heading)
    height = alt.Step(max(5.0, 13.0 - len(shown) / 2.0))
    if len(names) == 1:
        return chart.properties(height=height)
    chart.spec.height = height
    return chart


def _time(found: Mapping[str, list[_Mean]], look: _Look) -> alt.TopLevelMixin | None:
    """Return sum rate against milliseconds per channel, a panel for each size."""
    import altair as alt

    rows = [
        {"panel": size, **mean.row, "milliseconds": max(mean.milliseconds, 1e-3)}
        for size, means in found.items()
        for mean in means
        if mean.policy not in look.bounds
    ]
    rows, far = _near(rows)
    if not rows:
        return None
    spread(rows)
    labels = dict.fromkeys(row["policy"] for row in rows)
    x = alt.X(
        "milliseconds:Q", title="milliseconds per channel, to plan and to act",
        scale=alt.Scale(type="log", nice=True, padding=40), axis=alt.Axis(format="~g", tickCount=6),
    )  # fmt: skip
    scale = alt.Scale(zero=False, padding=14)
    y = alt.Y("mean:Q", title="sum rate, bit/s/Hz", scale=scale)
    colour = _colour(look, rows, legend=False)
    base = alt.Chart().encode(x=x, color=colour, tooltip=_tooltip())
    layers = [
        base.mark_rule(strokeWidth=1.6, opacity=0.55).encode(y=alt.Y("low:Q", scale=scale),
                                                             y2="high:Q"),
        base.mark_circle(size=80, opacity=1.0).encode(y=y),
        base.mark_text(align="left", baseline="middle", dx=9, fontSize=12).encode(
            y=alt.Y("at:Q", scale=scale), text="policy:N"
        ),
    ]  # fmt: skip
    note = "; ".join([f"means over all conditions played, of {len(labels)} policies", *far])
    heading = alt.Title("Sum rate against computing time", subtitle=note)
    return _panels(layers, rows, list(found), heading)


def _near(rows: Rows) -> tuple[Rows, list[str]]:
    """Return the rows of policies that are near the best somewhere, and words about the others."""
    tops: dict[str, float] = {}
    best: dict[str, float] = {}
    for row in rows:
        tops[row["panel"]] = max(tops.get(row["panel"], 0.0), row["mean"])
    for row in rows:
        share = row["mean"] / tops[row["panel"]] if tops[row["panel"]] else 1.0
        best[row["policy"]] = max(best.get(row["policy"], 0.0), share)
    far = [policy for policy, share in best.items() if share < _FAR]
    words = [f"far below, not drawn: {', '.join(far)}"] if far else []
    return [row for row in rows if row["policy"] not in far], words


def spread(rows: Rows) -> None:
    """Give each row a height ``at`` for its name, so that names in a panel keep their distance."""
    for panel in {row["panel"] for row in rows}:
        own = sorted((row for row in rows if row["panel"] == panel), key=lambda row: row["mean"])
        span = max(row["high"] for row in own) - min(row["low"] for row in own)
        least = _GAP * (span or 1.0)
        for index, row in enumerate(own):
            row["at"] = max([row["mean"], *(o["at"] + least for o in own[index - 1 : index])])


def _is_bound(look: _Look) -> str:
    return " || ".join(f"datum.policy === {label!r}" for label in look.bounds) or "false"


def _tooltip() -> list[Any]:
    import altair as alt

    numbers = ("mean", "low", "high", "milliseconds")
    return ["policy:N", *(alt.Tooltip(f"{key}:Q", format=",.4~g") for key in numbers)]


def _colour(look: _Look, rows: Rows, *, legend: bool = True) -> alt.Color:
    import altair as alt

    present = {row["policy"] for row in rows}
    shown = [label for label in look.colours if label in present]
    return alt.Color(
        "policy:N",
        scale=alt.Scale(domain=shown, range=[look.colours[label] for label in shown]),
        legend=alt.Legend(title=None) if legend else None,
    )
