"""Pictures of a design: the surface, received gains, users' rates, decisions, coherence blocks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from drlapps.comms.ris_beamforming.block import true_block
from drlapps.comms.ris_beamforming.bounds import semidefinite_bound
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.curves import comparison_figures
from drlapps.comms.ris_beamforming.surface import Complex, Real
from drlapps.look import FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

__all__ = ["COMPARED", "comparison_figures", "figures"]

COMPARED = ("gains",)
"""What a comparison shows of each policy."""

Rows: TypeAlias = list[dict[str, Any]]

_BLUE, _ORANGE = palette(2)
_SIDE, _HEIGHT = 340, 260
_FLOOR = -60.0
"""Gains are drawn down to this many dB below the noise: perfect nulls have no logarithm."""
_MOST_NUMBERED = 12  # streams up to which the cells of the heat map have room for a number


class _Received(NamedTuple):
    """What comes of one coherence block on the true channel.

    Attributes:
        reflection: of each element, (N,).
        gains: power of stream j at user k over the noise, (K, K).
        rates: of each user, bit/s/Hz, (K,).
    """

    reflection: Complex
    gains: Real
    rates: Real


def figures(
    channel: Channel, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures by name.

    ``surface``, ``gains`` and ``users`` always; ``decisions`` where there was more than one, and
    ``blocks`` where the channel has several. A bound is no design, and has ``bounds`` alone.

    Args:
        channel: the instance.
        solution: as the environment returns it.
        title: above the pictures.
    """
    received = [_received(channel, solution, t) for t in range(channel.setting.blocks)]
    if solution["relaxed"]:
        return {"bounds": bounds(channel, received, title)}
    drawn: dict[str, alt.TopLevelMixin] = {
        "surface": surface(channel, received[0].reflection, title),
        "gains": gains(received[0].gains, title),
        "users": users(channel, np.array([block.rates for block in received]), title),
    }
    if len(solution["trace"]) > 1:
        drawn["decisions"] = decisions(solution["trace"], received, title)
    if len(received) > 1:
        drawn["blocks"] = blocks(channel, received, title)
    return drawn


def _received(channel: Channel, solution: Mapping[str, Any], t: int) -> _Received:
    block, design = true_block(channel, t), solution["blocks"][t]
    phases = np.asarray(design["phases"])
    precoder = np.asarray(design["precoder"]["re"]) + 1j * np.asarray(design["precoder"]["im"])
    power = np.abs(block.matrix(phases) @ precoder) ** 2
    signal = np.diagonal(power)
    rates = np.log2(1.0 + signal / (power.sum(axis=1) - signal + block.noise))
    return _Received(block.reflection(phases), power / block.noise, rates)


def surface(channel: Channel, reflection: Complex, title: str) -> alt.HConcatChart:
    """Return the elements on their panel, beside their reflections in the complex plane.

    Colour is the phase, the area of a disc the amplitude.
    """
    import altair as alt

    columns = _columns(len(reflection))
    rows = [
        {
            "element": n + 1, "column": n % columns + 1, "row": n // columns + 1,
            "re": value.real, "im": value.imag, "amplitude": abs(value),
            "phase": math.degrees(np.angle(value)) % 360.0,
        }
        for n, value in enumerate(reflection.tolist())
    ]  # fmt: skip
    base = alt.Chart(data(rows)).encode(
        color=alt.Color(
            "phase:Q",
            scale=alt.Scale(scheme="rainbow", domain=[0.0, 360.0]),
            legend=alt.Legend(
                title="phase, degrees", values=[0, 90, 180, 270, 360], gradientLength=_SIDE
            ),
        ),
        tooltip=[
            "element:O",
            alt.Tooltip("phase:Q", format=".1f"),
            alt.Tooltip("amplitude:Q", format=".3f"),
        ],
    )
    largest = max(float(np.abs(reflection).max()), 1e-12)
    deep = len(reflection) // columns
    cell = _SIDE / max(columns, deep)
    discs = base.mark_circle(opacity=1.0).encode(
        x=_place("column", columns),
        y=_place("row", deep),
        size=alt.Size(
            "amplitude:Q",
            scale=alt.Scale(domain=[0.0, largest], range=[0.0, 0.64 * cell**2]),
            legend=None,
        ),
    )
    panel = discs.properties(
        width=round(cell * columns), height=round(cell * deep), title=_part("elements")
    )
    heading = alt.Title(title, subtitle=_law(channel, reflection))
    plane = _plane(base, largest).properties(
        width=_SIDE, height=_SIDE, title=_part("reflections, in the complex plane")
    )
    chart: alt.HConcatChart = alt.hconcat(panel, plane, spacing=60, center=True, title=heading)
    return chart.properties(background="white", padding=8, config=dress([], height=1).config)


def _columns(elements: int) -> int:
    """Return the columns of the panel: as square a rectangle as the number of elements allows."""
    rows = max(n for n in range(1, math.isqrt(elements) + 1) if elements % n == 0)
    return elements // rows


def _part(words: str) -> alt.Title:
    import altair as alt

    return alt.Title(words, fontSize=12, fontWeight=600, offset=6)


def _place(field: str, count: int) -> Any:
    import altair as alt

    scale = alt.Scale(domain=[0.5, count + 0.5], nice=False, zero=False)
    channel = alt.X if field == "column" else alt.Y
    return channel(f"{field}:Q", scale=scale, axis=None)


def _plane(base: alt.Chart, largest: float) -> alt.LayerChart:
    """Return reflections in the complex plane, with the circle of the largest amplitude."""
    import altair as alt

    scale = alt.Scale(domain=[-1.15 * largest, 1.15 * largest], nice=False, zero=False)
    turn = np.linspace(0.0, 2.0 * math.pi, 121)
    points = [
        {"order": k, "re": largest * math.cos(a), "im": largest * math.sin(a)}
        for k, a in enumerate(turn.tolist())
    ]
    axes = {
        "x": alt.X("re:Q", scale=scale, title="real part"),
        "y": alt.Y("im:Q", scale=scale, title="imaginary part"),
    }
    circle = (
        alt.Chart(data(points))
        .mark_line(color=FAINT, strokeDash=[4, 3], strokeWidth=1.2)
        .encode(**axes, order="order:Q")
    )
    return alt.LayerChart(layer=[circle, base.mark_circle(size=70, opacity=0.9).encode(**axes)])


def _law(channel: Channel, reflection: Complex) -> str:
    """Return how the surface reflects, in words."""
    setting, size = channel.setting, np.abs(reflection)
    words = [f"{len(size)} elements"]
    if setting.paper_model:
        words.append(
            f"amplitudes {size.min():.3f} to {size.max():.3f} as the published code has them"
        )
    elif setting.amplitude == "ideal":
        words.append("every one reflects all")
    else:
        words.append(
            f"amplitudes {size.min():.2f} to {size.max():.2f} by the law with least amplitude "
            f"{setting.beta_min:g}"
        )
    if setting.bits:
        words.append(f"{2**setting.bits} phase levels")
    if setting.blocks > 1:
        words.append("first block")
    return "; ".join(words)


def gains(received: Real, title: str) -> alt.LayerChart:
    """Return the power of each stream at each user over the noise, of the first block.

    The diagonal is signal, the rest interference; white is as strong as the noise.
    """
    import altair as alt

    users = len(received)
    decibel = np.maximum(10.0 * np.log10(np.maximum(received, 1e-300)), _FLOOR)
    rows = [
        {
            "user": k + 1, "stream": j + 1, "gain": float(decibel[k, j]),
            "words": _decibels(decibel[k, j]),
        }
        for k in range(users)
        for j in range(users)
    ]  # fmt: skip
    reach = max(30.0, float(np.abs(decibel).max()))
    base = alt.Chart(data(rows)).encode(
        x=alt.X("stream:O", title="stream", axis=alt.Axis(labelAngle=0, ticks=False, domain=False)),
        y=alt.Y("user:O", title="user", axis=alt.Axis(ticks=False, domain=False)),
        tooltip=["user:O", "stream:O", alt.Tooltip("gain:Q", title="dB over noise", format=".1f")],
    )
    cells = base.mark_rect(stroke="white").encode(
        color=alt.Color(
            "gain:Q",
            scale=alt.Scale(scheme="blueorange", domain=[-reach, reach], domainMid=0.0),
            legend=alt.Legend(title="dB over noise"),
        )
    )
    layers = [cells]
    if users <= _MOST_NUMBERED:
        dark = f"abs(datum.gain) > {0.6 * reach}"
        layers.append(
            base.mark_text(fontSize=12).encode(
                text="words:N", color=alt.condition(dark, alt.value("white"), alt.value(INK))
            )
        )
    off = ~np.eye(users, dtype=bool)
    worst = float(decibel[off].max()) if users > 1 else _FLOOR
    subtitle = (
        "received power over the noise: signal on the diagonal, weakest "
        f"{_decibels(np.diagonal(decibel).min())} dB"
    )
    if users > 1:
        subtitle += f"; interference elsewhere, strongest {_decibels(worst)} dB"
    step = alt.Step(max(10, min(38, round(_SIDE / users))))
    return dress(layers, height=step, title=alt.Title(title, subtitle=subtitle))


def _decibels(value: float) -> str:
    words = f"{value:.0f}".replace("-", "\N{MINUS SIGN}")
    return words if value > _FLOOR else f"< {words}"


def users(channel: Channel, rates: Real, title: str) -> alt.LayerChart:
    """Return the rate of each user; (T, K) rates are averaged over the blocks, net of pilots."""
    import altair as alt

    mean = (channel.shares[:, None] * rates).mean(axis=0)
    rows = [{"user": k + 1, "rate": rate} for k, rate in enumerate(mean.tolist())]
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("user:O", title="user", axis=alt.Axis(ticks=False)),
        tooltip=["user:O", alt.Tooltip("rate:Q", format=".3f")],
    )
    bars = base.mark_bar(color=_BLUE, height=alt.RelativeBandSize(0.7)).encode(
        x=alt.X("rate:Q", title="rate, bit/s/Hz", axis=alt.Axis(tickCount=10))
    )
    longer = f"datum.rate > {0.1 * float(mean.max())}"
    words = base.mark_text(align="left", dx=8).encode(
        x=alt.value(0),
        text=alt.Text("rate:Q", format=".2f"),
        color=alt.condition(longer, alt.value("white"), alt.value(INK)),
    )
    even = alt.Chart(data([{"rate": float(mean.mean())}])).mark_rule(
        color=_ORANGE, strokeDash=[5, 3], strokeWidth=1.6
    )
    fairness = float(mean.sum() ** 2 / (len(mean) * max(float((mean**2).sum()), 1e-300)))
    subtitle = f"{mean.sum():.2f} bit/s/Hz together, {mean.mean():.2f} each on average (dashed)"
    heading = alt.Title(title, subtitle=f"{subtitle}; Jain's fairness {fairness:.3f}")
    layers = [bars, even.encode(x="rate:Q")]
    if len(mean) <= _MOST_NUMBERED:
        layers.append(words)
    step = alt.Step(max(8, min(30, round(600 / len(mean)))))
    return dress(layers, height=step, title=heading)


def decisions(trace: list[float], received: list[_Received], title: str) -> alt.LayerChart:
    """Return the rate that was believed after each decision, and what it truly was in the end."""
    import altair as alt

    each = len(trace) // len(received)
    shown = "believed after each decision", "true, after the last decision of a block"
    rows = [
        {"decision": k + 1, "rate": rate, "kind": shown[0], "block": k // each}
        for k, rate in enumerate(trace)
    ]
    rows += [
        {"decision": (t + 1) * each, "rate": float(block.rates.sum()), "kind": shown[1], "block": t}
        for t, block in enumerate(received)
    ]
    x = alt.X(
        "decision:Q", title="decision", axis=alt.Axis(tickMinStep=1, format="d"),
        scale=alt.Scale(domain=[0.5, len(trace) + 0.5], nice=False),
    )  # fmt: skip
    y = alt.Y("rate:Q", title="sum rate, bit/s/Hz", scale=alt.Scale(zero=False))
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=shown, range=[_BLUE, _ORANGE]),
        legend=alt.Legend(title=None, orient="top", labelLimit=0),
    )
    base = alt.Chart(data(rows)).encode(x=x, y=y, color=colour)
    guess = base.transform_filter(f"datum.kind === '{shown[0]}'")
    lines = guess.mark_line(strokeWidth=2.0).encode(detail="block:N")
    dots = guess.mark_circle(size=40, opacity=1.0)
    truth = base.transform_filter(f"datum.kind === '{shown[1]}'").mark_point(
        shape="diamond", size=110, filled=True, opacity=1.0
    )
    subtitle = f"from {trace[0]:.2f} after the first to {trace[each - 1]:.2f} bit/s/Hz"
    subtitle += " in the first block" if len(received) > 1 else f" after decision {each}"
    return dress([lines, dots, truth], height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def blocks(channel: Channel, received: list[_Received], title: str) -> alt.LayerChart:
    """Return the sum rate of each coherence block, net of the symbols that pilots take."""
    import altair as alt

    period = channel.setting.pilot_period
    kinds = "estimated in this block", "estimate is older"
    rows = [
        {
            "block": t + 1, "rate": float(channel.shares[t] * block.rates.sum()),
            "kind": kinds[t % period > 0],
        }
        for t, block in enumerate(received)
    ]  # fmt: skip
    base = alt.Chart(data(rows)).encode(
        x=alt.X(
            "block:Q", title="coherence block", axis=alt.Axis(tickMinStep=1, format="d"),
            scale=alt.Scale(domain=[0.5, len(received) + 0.5], nice=False),
        ),
        y=alt.Y("rate:Q", title="sum rate, bit/s/Hz", scale=alt.Scale(zero=False)),
    )  # fmt: skip
    present = kinds[: 1 + (period > 1)]
    points = base.mark_circle(size=70, opacity=1.0).encode(
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=present, range=[_BLUE, _ORANGE][: len(present)]),
            legend=alt.Legend(title=None, orient="top", labelLimit=0) if period > 1 else None,
        )
    )
    lines = base.mark_line(color=FAINT, strokeWidth=1.4)
    subtitle = f"{np.mean([row['rate'] for row in rows]):.2f} bit/s/Hz on average"
    if channel.shares.min() < 1.0:
        subtitle += f"; pilots take {1.0 - channel.shares.min():.1%} of a block that has them"
    return dress([lines, points], height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def bounds(channel: Channel, received: list[_Received], title: str) -> alt.LayerChart:
    """Return upper bounds of the sum rate beside the rate of the design that stands for them."""
    import altair as alt

    reached = channel.shares * [block.rates.sum() for block in received]
    rates = {
        "cooperative bound": channel.bound,
        "semidefinite bound": semidefinite_bound(channel),
        "random phases, zero forcing": float(np.mean(reached)),
    }
    rows = [{"what": what, "rate": rate} for what, rate in rates.items()]
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("what:N", sort=list(rates), title=None, axis=alt.Axis(ticks=False)),
        x=alt.X("rate:Q", title="sum rate, bit/s/Hz"),
    )
    bars = base.mark_bar(height=alt.RelativeBandSize(0.7)).encode(
        color=alt.condition("indexof(datum.what, 'bound') > 0", alt.value(FAINT), alt.value(_BLUE))
    )
    words = base.mark_text(align="left", dx=6, color=INK).encode(
        text=alt.Text("rate:Q", format=".2f")
    )
    heading = alt.Title(title, subtitle="no precoder and no phases exceed a bound")
    return dress([bars, words], height=alt.Step(30), title=heading)
