"""Pictures of a comparison: rate against power, elements, conditions and computing time."""

from __future__ import annotations

import json
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
_PANEL = (WIDTH - 330) // 2, 230
"""Width and height of one of several panels."""
_SIDES = ((1, 0), (-1, 0), (0, 16), (0, -16), (1, 14), (1, -14), (-1, 14), (-1, -14))
"""Where a name may stand: in widths to the right of its point, in pixels above it."""


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
    """What every picture calls the policies, best first, their colours, and what some are."""

    labels: dict[str, str]
    colours: dict[str, str]
    bounds: frozenset[str]
    agents: frozenset[str]


def comparison_figures(
    instances: Sequence[Channel], comparison: Comparison
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a comparison by name, leaving out those without data.

    * ``rate-by-power``: sum rate against transmit power, where several were played;
    * ``rate-by-elements``: against the number of elements, likewise;
    * ``rate-by-condition``: by amplitude law, channel knowledge and whatever else differs;
    * ``rate-by-time``: against milliseconds per channel.

    Args:
        instances: the channels that were played.
        comparison: the object of ``drlapps compare``.
    """
    settings = {channel.name: channel.setting for channel in instances}
    look = _look(comparison)
    found = _means(comparison, look, lambda name: settings[name])
    sizes = _means(comparison, look, lambda name: _size(settings[name]))
    drawn = {
        "rate-by-power": _curves(
            found, look, lambda s: s.power_dbm, lambda s: replace(s, power_dbm=0.0), _powerless,
            "transmit power, dBm",
        ),
        "rate-by-elements": _curves(
            found, look, lambda s: s.elements, lambda s: replace(s, elements=1), _elementless,
            "elements of the surface",
        ),
        "rate-by-condition": _conditions(found, look),
        "rate-by-time": _time(sizes, look),
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
    agents = frozenset(labels[p["name"]] for p in policies if p["kind"] == "agent")
    return _Look(labels, {label: colours[label] for label in labels.values()}, bounds, agents)


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
            low, high = (mean, mean) if math.isnan(low) else (low, high)
            found.setdefault(key, []).append(
                _Mean(policy, mean, low, high, 1e3 * seconds / len(rows))
            )
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
    axis = alt.Axis(values=ticks, labelOverlap=True)
    x = alt.X("x:Q", title=title, axis=axis, scale=alt.Scale(zero=False, padding=12))
    y = alt.Y("mean:Q", title="sum rate, bit/s/Hz", scale=alt.Scale(zero=False))
    base = alt.Chart().encode(x=x, color=_colour(look, rows), tooltip=_tooltip())
    band = alt.Y("low:Q", scale=alt.Scale(zero=False), title="sum rate, bit/s/Hz")
    dash = alt.condition(_among(look.bounds), alt.value([5, 4]), alt.value([1, 0]))
    # Agents last, so that they are seen where they are level with a classical method.
    agents, others = (base.transform_filter(f"{no}({_among(look.agents)})") for no in ("", "!"))
    layers = [
        base.mark_area(opacity=0.16).encode(y=band, y2="high:Q"),
        others.mark_line(strokeWidth=2.0).encode(y=y, strokeDash=dash),
        others.mark_circle(size=42, opacity=1.0).encode(y=y),
        agents.mark_line(strokeWidth=2.0).encode(y=y),
        agents.mark_point(shape="diamond", size=110, filled=True, opacity=1.0).encode(y=y),
    ]
    heading = _heading("means with 95 % confidence bands")
    return _panels(layers, rows, list(named.values()), heading)


def _heading(*words: str) -> alt.Title:
    import altair as alt

    return alt.Title("; ".join(words), fontSize=12, fontWeight="normal", color="#5a6675")


def _panels(
    layers: Sequence[alt.Chart],
    rows: Rows,
    names: Sequence[str],
    heading: alt.Title,
    height: alt.Step | None = None,
) -> alt.TopLevelMixin:
    """Return layers over rows, one panel for each of the names under ``panel``."""
    import altair as alt

    if len(names) == 1:
        single = dress(layers, height=height or _HEIGHT, title=heading)
        single.data = data(rows)
        return single
    panel = alt.layer(*layers, data=data(rows)).properties(
        width=_PANEL[0], height=height or _PANEL[1]
    )
    header = alt.Header(
        labelColor=INK, labelFontSize=12, labelFontWeight="bold", labelAnchor="start"
    )
    facet = alt.Facet("panel:N", title=None, sort=list(names), header=header)
    chart: alt.FacetChart = panel.facet(facet, columns=2, title=heading, spacing=28)
    chart = chart.resolve_axis(x="independent")
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
    every = [setting for group in groups.values() for setting in group]
    named = _named(every, lambda setting: _powerless(setting)[1:])
    rows = [
        {"panel": f"{size}, {power:g} dBm", "condition": named[setting], **mean.row}
        for (size, power), group in groups.items()
        for setting, means in group.items()
        for mean in means
    ]
    rows, far = _near(rows)
    shown = [label for label in look.colours if any(row["policy"] == label for row in rows)]
    y = alt.Y(
        "condition:N", sort=list(dict.fromkeys(named.values())), title=None,
        axis=alt.Axis(ticks=False), scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1),
    )  # fmt: skip
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
    names = list(dict.fromkeys(row["panel"] for row in rows))
    heading = _heading("means with 95 % confidence intervals", *far)
    height = alt.Step(max(5.0, 13.0 - len(shown) / 2.0))
    return _panels(layers, rows, names, heading, height)


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
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    across, up = (
        _ends([math.log10(row["milliseconds"]) for row in rows], 0.3),
        _ends([row["mean"] for row in rows], 1.0),
    )
    size = _PANEL if len(panels) > 1 else (WIDTH - 70, _HEIGHT)
    labelled = [
        label
        for panel in panels
        for label in names([row for row in rows if row["panel"] == panel], across, up, size)
    ]
    decades = [10.0**k for k in range(math.ceil(across[0]), math.floor(across[1]) + 1)]
    x = alt.X(
        "milliseconds:Q", title="milliseconds per channel, to plan and to act",
        scale=alt.Scale(type="log", domain=[10.0**end for end in across], nice=False),
        axis=alt.Axis(format="~g", values=decades),
    )  # fmt: skip
    y = alt.Y("mean:Q", title="sum rate, bit/s/Hz", scale=alt.Scale(domain=up, nice=False))
    base = alt.Chart().encode(x=x, y=y, color=_colour(look, rows, legend=False))
    layers = [
        base.mark_circle(size=90, opacity=1.0).encode(tooltip=_tooltip()),
        base.mark_text(fontSize=12).encode(x="at_x:Q", y="at_y:Q", text="policy:N"),
    ]
    heading = _heading("means over the channels of a size", *far)
    return _panels(layers, labelled, panels, heading)


def _ends(values: Sequence[float], least: float) -> tuple[float, float]:
    """Return the ends of an axis with room around the values."""
    room = max(0.15 * (max(values) - min(values)), least)
    return min(values) - room, max(values) + room


def names(
    rows: Rows, across: tuple[float, float], up: tuple[float, float], size: tuple[int, int]
) -> Rows:
    """Return the rows of a panel with the middle of each policy's name, clear of all others.

    Args:
        rows: with ``policy``, ``milliseconds`` and ``mean``.
        across: ends of the horizontal axis, decimal logarithms of milliseconds.
        up: ends of the vertical axis.
        size: width and height of the panel in pixels.
    """
    scale = size[0] / (across[1] - across[0]), size[1] / (up[1] - up[0])
    spots = [
        ((math.log10(row["milliseconds"]) - across[0]) * scale[0], (row["mean"] - up[0]) * scale[1])
        for row in rows
    ]
    taken = [(x, y, 7.0, 7.0) for x, y in spots]
    placed = []
    for row, (x, y) in zip(rows, spots, strict=True):
        wide = 3.6 * len(row["policy"])
        tries = [
            (x + dx * (wide + 9.0), y + dy, wide, 7.0)
            for dx, dy in _SIDES
        ]  # fmt: skip
        free = [t for t in tries if _inside(t, size) and not any(_touch(t, o) for o in taken)]
        spot = (free or tries)[0]
        taken.append(spot)
        at_x, at_y = spot[0] / scale[0] + across[0], spot[1] / scale[1] + up[0]
        placed.append({**row, "at_x": 10.0**at_x, "at_y": at_y})
    return placed


def _inside(box: tuple[float, ...], size: tuple[int, int]) -> bool:
    return all(box[i + 2] <= box[i] <= size[i] - box[i + 2] for i in (0, 1))


def _touch(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Tell whether two boxes (middle x, middle y, half width, half height) overlap."""
    return all(abs(one[i] - other[i]) < one[i + 2] + other[i + 2] for i in (0, 1))


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


def _among(labels: frozenset[str]) -> str:
    """Return a test whether a row is of one of some policies."""
    return f"indexof({json.dumps(sorted(labels))}, datum.policy) >= 0"


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
        legend=alt.Legend(title=None, symbolOpacity=1.0) if legend else None,
    )
