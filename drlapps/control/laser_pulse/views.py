"""Pictures of an episode: the pulse, its phase, the course of the search, the FROG trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drlapps.control.laser_pulse import frog, pulse
from drlapps.control.laser_pulse.curves import comparison_figures
from drlapps.control.laser_pulse.laser import SAFE_FWHM_PS, Laser, conjugate
from drlapps.control.laser_pulse.spectrum import POINTS, Floats, amplitudes, frequencies
from drlapps.look import ALARM, FAINT, INK, WIDTH, data, dress, paint, palette

if TYPE_CHECKING:
    import altair as alt

__all__ = ["COMPARED", "comparison_figures", "figures", "table"]

HEIGHT = 300
ALL_SOLUTIONS = True
"""The chart of a comparison shows how every laser fared, pulse by pulse."""

COMPARED = ("pulse", "course")
"""What comparisons show of each policy."""

Complexes = NDArray[np.complex128]
Rows = list[dict[str, Any]]

_LAST, _FIRST, _LIMIT = "last pulse", "first pulse", "transform limit"
_REACH_PS = 12.0
_WEAK = 0.02
"""Below this share of the largest amplitude a phase means nothing."""


def figures(
    instance: Laser, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures by name: ``pulse``, ``phase``, ``course``, ``trace``.

    Args:
        instance: the laser.
        solution: as the environment returns it.
        title: above the pictures.
    """
    rows = table(instance, solution)
    return {
        "pulse": temporal(instance, solution, rows, title),
        "phase": spectral(instance, solution, title),
        "course": course(instance, rows, title),
        "trace": trace(instance, solution, title),
    }


def table(instance: Laser, solution: Mapping[str, Any]) -> Rows:
    """Return a row a pulse: settings, B-integral, share and width."""
    psi, b = _episode(instance, solution)
    found = pulse.evaluate(psi, b, np.tile(np.array(instance.compressor), (len(psi), 1)))
    columns = {
        "gdd": psi[:, 0], "tod": psi[:, 1], "fod": psi[:, 2], "b_integral": b,
        "intensity_share": found.share, "fwhm_ps": found.fwhm_ps,
    }  # fmt: skip
    return [
        {"evaluation": k + 1, **{name: float(values[k]) for name, values in columns.items()}}
        for k in range(len(psi))
    ]


def _episode(instance: Laser, solution: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Return the settings of all pulses, (P, 3), and the B-integrals, (P,)."""
    psi = np.asarray(solution["psi"], np.float64)
    return psi, instance.course(int(solution["steps"]))[: len(psi)]


def _field(instance: Laser, psi: Floats, b_integral: float) -> Complexes:
    """Return the field in time, (2 POINTS,), its peak at ``POINTS``; the limit's peak is 1."""
    found = pulse.fields(psi[None], np.array([b_integral]), np.array([instance.compressor]))[0]
    centred = np.roll(found, POINTS - int(np.abs(found).argmax()))
    return np.asarray(centred * (2 * POINTS / amplitudes().sum()))


def temporal(
    instance: Laser, solution: Mapping[str, Any], rows: Rows, title: str
) -> alt.LayerChart:
    """Return the intensity over time of the last and first pulse and of the transform limit."""
    import altair as alt

    psi, b = _episode(instance, solution)
    limit = Laser("limit", 0.0)
    curves = {
        _LIMIT: _field(limit, np.array(conjugate()), 0.0),
        _FIRST: _field(instance, psi[0], b[0]),
        _LAST: _field(instance, psi[-1], b[-1]),
    }
    reach = round(_REACH_PS / pulse.SAMPLE_PS)
    shown = np.arange(-reach, reach + 1)
    points = [
        {
            "ps": float(n * pulse.SAMPLE_PS),
            "pulse": name,
            "share": float(abs(field[POINTS + n]) ** 2),
        }
        for name, field in curves.items()
        for n in shown
    ]
    names = [_LIMIT, _FIRST, _LAST]
    colours = [FAINT, palette(2)[1], palette(1)[0]]
    base = alt.Chart(data(points)).encode(
        x=alt.X("ps:Q", title="time from the peak, ps", axis=alt.Axis(tickCount=8)),
        y=alt.Y("share:Q", title="intensity, share of the transform limit's peak"),
        color=alt.Color(
            "pulse:N", scale=alt.Scale(domain=names, range=colours), sort=names, title=None
        ),
    )
    last = rows[-1]
    subtitle = (
        f"last pulse: {last['intensity_share']:.1%} of the transform limit, "
        f"{last['fwhm_ps']:.2f} ps at half maximum"
    )
    lines = base.mark_line(strokeWidth=2.2, interpolate="monotone")
    return dress([lines], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def spectral(instance: Laser, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return the phase that is left over the spectrum, delay taken off, first and last pulse."""
    import altair as alt

    psi, b = _episode(instance, solution)
    field = amplitudes()
    strong = field > _WEAK
    offset = (frequencies()[strong] - frequencies()[np.argmax(field)]) * 1e-12
    weights = field[strong] ** 2
    points: Rows = []
    left = 0.0
    for name, which in ((_FIRST, 0), (_LAST, -1)):
        found = np.fft.fftshift(
            np.fft.fft(np.roll(_field(instance, psi[which], b[which]), -POINTS))
        )
        middle = found[POINTS // 2 : POINTS // 2 + POINTS][strong]
        phase = np.unwrap(np.angle(middle))
        # A constant and a delay are no error of phase.
        phase -= np.polyval(np.polyfit(offset, phase, 1, w=np.sqrt(weights)), offset)
        left = float(np.sqrt((weights * phase**2).sum() / weights.sum()))
        points += [
            {"thz": float(f), "pulse": name, "phase": float(p)}
            for f, p in zip(offset[::8], phase[::8], strict=True)
        ]
    colours = alt.Scale(domain=[_FIRST, _LAST], range=[palette(2)[1], palette(1)[0]])
    x = alt.X("thz:Q", title="frequency from the spectrum's peak, THz")
    largest = max(abs(row["phase"]) for row in points)
    backdrop = [
        {"thz": float(f), "power": float(largest * a**2)}
        for f, a in zip(offset[::8], field[strong][::8], strict=True)
    ]
    area = alt.Chart(data(backdrop)).mark_area(color=FAINT, opacity=0.25).encode(x=x, y="power:Q")
    lines = (
        alt.Chart(data(points))
        .mark_line(strokeWidth=2.2)
        .encode(
            x=x,
            y=alt.Y("phase:Q", title="phase left, rad"),
            color=alt.Color("pulse:N", scale=colours, title=None),
        )
    )
    subtitle = f"last pulse: {left:.2f} rad on average (root mean square); shaded: the spectrum"
    return dress([area, lines], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def course(instance: Laser, rows: Rows, title: str) -> alt.LayerChart:
    """Return the share of the transform limit, pulse by pulse, with the best there is."""
    import altair as alt

    marked = [{**row, "unsafe": row["fwhm_ps"] >= SAFE_FWHM_PS} for row in rows]
    best = instance.reference
    base = alt.Chart(data(marked)).encode(
        x=alt.X("evaluation:Q", title="pulse", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y(
            "intensity_share:Q",
            title="share of the transform limit",
            scale=alt.Scale(domain=[0.0, 1.0]),
        ),
        tooltip=["evaluation:Q", "intensity_share:Q", "fwhm_ps:Q", "gdd:Q", "tod:Q", "fod:Q"],
    )
    rule = (
        alt.Chart(data([{"best": best}])).mark_rule(color=INK, strokeDash=[5, 4]).encode(y="best:Q")
    )
    points = base.mark_circle(size=55).encode(
        color=alt.Color(
            "unsafe:N",
            scale=alt.Scale(domain=[False, True], range=[palette(1)[0], ALARM]),
            legend=None,
        )
    )
    unsafe = sum(row["unsafe"] for row in marked)
    subtitle = (
        f"ends at {rows[-1]['intensity_share'] / best:.1%} of the best there is "
        f"({best:.3f}, dashed); "
        f"{unsafe} of {len(rows)} pulses are {SAFE_FWHM_PS:g} ps or longer (red)"
    )
    layers = [rule, base.mark_line(color=palette(1)[0], strokeWidth=1.6), points]
    return dress(layers, height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def trace(instance: Laser, solution: Mapping[str, Any], title: str) -> alt.FacetChart:
    """Return the FROG traces of the first and the last pulse."""
    import altair as alt

    psi, b = _episode(instance, solution)
    ends = [0, len(psi) - 1]
    compressors = np.tile(np.array(instance.compressor), (2, 1))
    found = frog.intensities(pulse.fields(psi[ends], b[ends], compressors))
    half = frog.SIZE // 2
    points = [
        {
            "pulse": name,
            "delay": round((i - half) * frog.DELAY_PS, 3),
            "delay2": round((i - half + 1) * frog.DELAY_PS, 3),
            "thz": round((j - half) * frog.SPACING_THZ, 4),
            "thz2": round((j - half + 1) * frog.SPACING_THZ, 4),
            "power": round(float(one[i, j]), 4),
        }
        for name, one in zip((_FIRST, _LAST), found, strict=True)
        for i in range(frog.SIZE)
        for j in range(frog.SIZE)
    ]
    cells = (
        alt.Chart()
        .mark_rect(strokeWidth=0)
        .encode(
            x=alt.X("delay:Q", title="delay, ps", scale=alt.Scale(nice=False)),
            x2="delay2:Q",
            y=alt.Y(
                "thz:Q",
                title="second harmonic, THz from its middle",
                scale=alt.Scale(nice=False),
            ),
            y2="thz2:Q",
            color=alt.Color(
                "power:Q", scale=alt.Scale(scheme="inferno", type="sqrt"), title="share of the peak"
            ),
        )
        .properties(width=(WIDTH - 240) // 2, height=(WIDTH - 240) // 2)
    )
    facet = alt.Facet("pulse:N", title=None, sort=[_FIRST, _LAST])
    return paint(alt.FacetChart(data=data(points), spec=cells, facet=facet, title=title))
