"""An independent check of a design, from nothing but its phases and precoders.

A solution holds, for each coherence block, the phases that the elements show and the precoder of
the base station. This module shares no code with the environment: amplitudes, noise and shares of
pilots are written down again, and received gains are added up user by user and stream by stream,
always on the true channels.

A *relaxed* solution claims the cooperative bound instead of the rate of a design. That bound is
recomputed from a singular value of the paths of all users side by side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.setting import Setting

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_SLACK = 1e-9
"""Share of the power that is no excess."""
_LEVEL = 1e-6
"""Distance from a level of a phase shifter, in levels, that is none."""


class _Design(NamedTuple):
    """Phases (N,) in radians and precoder (M, K) of a block."""

    phases: Floats
    precoder: Complexes


def check(channel: Channel, solution: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the metrics of a design.

    Args:
        channel: whose true arrays count.
        solution: under ``blocks`` an entry a coherence block, each with ``phases`` (N radians) and
            ``precoder`` (``re`` and ``im``, M lists of K numbers each); under ``relaxed`` whether
            the cooperative bound stands for the sum rate.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the design breaks a rule.
    """
    if violations(channel, solution):
        return {"feasible": 0.0}
    setting, designs = channel.setting, _read(channel, solution)
    rates = [_rates(channel, t, design) for t, design in enumerate(designs)]
    shares = [_share(setting, t) for t in range(setting.blocks)]
    if solution.get("relaxed"):
        totals = [_bound(channel, t) for t in range(setting.blocks)]
    else:
        totals = [math.fsum(block) for block in rates]
    return {
        "sum_rate": _mean([share * total for share, total in zip(shares, totals, strict=True)]),
        "min_user_rate": _mean([s * min(block) for s, block in zip(shares, rates, strict=True)]),
        "jain_fairness": _mean([_jain(block) for block in rates]),
        "power": max(_power(design) for design in designs) / _budget(setting),
        "feasible": 1.0,
    }


def violations(channel: Channel, solution: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each rule that a design breaks; none if it is feasible.

    The rules: every block has finite phases and a finite precoder; phases are levels of the
    shifters, where these have levels; the transmit power is within its budget.
    """
    if fault := _malformed(channel, solution):
        return [fault]
    setting, broken = channel.setting, []
    for t, design in enumerate(_read(channel, solution)):
        if setting.bits:
            levels = design.phases * 2**setting.bits / math.tau
            off = np.flatnonzero(np.abs(levels - np.rint(levels)) > _LEVEL)
            if off.size:
                broken.append(f"block {t}: element {off[0]} shows a phase that is no level")
        if _power(design) > _budget(setting) * (1.0 + _SLACK):
            broken.append(f"block {t}: the precoder exceeds the transmit power")
    return broken


def _malformed(channel: Channel, solution: Mapping[str, Any]) -> str:
    """Return what is wrong with the solution's form, if anything."""
    setting = channel.setting
    blocks = solution.get("blocks")
    if not isinstance(blocks, list) or len(blocks) != setting.blocks:
        return f"the solution needs {setting.blocks} entries under 'blocks'"
    square = (setting.antennas, setting.users)
    for t, block in enumerate(blocks):
        precoder = block.get("precoder") or {}
        for name, values, shape in (
            ("phases", block.get("phases"), (setting.elements,)),
            ("precoder.re", precoder.get("re"), square),
            ("precoder.im", precoder.get("im"), square),
        ):
            try:
                array = np.asarray(values, np.float64)
            except (TypeError, ValueError):
                array = np.empty(0)
            if array.shape != shape or not np.isfinite(array).all():
                size = " x ".join(map(str, shape))
                return f"block {t} needs {size} finite numbers under {name!r}"
    return ""


def _read(channel: Channel, solution: Mapping[str, Any]) -> list[_Design]:
    return [
        _Design(
            np.asarray(block["phases"], np.float64),
            np.asarray(block["precoder"]["re"]) + 1j * np.asarray(block["precoder"]["im"]),
        )
        for block in solution["blocks"]
    ]


def _budget(setting: Setting) -> float:
    """Return the power that the precoder may use, from dBm."""
    return math.exp(math.log(10.0) * setting.power_dbm / 10.0)


def _power(design: _Design) -> float:
    return math.fsum((np.abs(design.precoder) ** 2).ravel())


def _share(setting: Setting, t: int) -> float:
    """Return the share of block ``t`` that carries data: none of its pilots does."""
    if not setting.coherence_symbols or t % setting.pilot_period:
        return 1.0
    pilots = setting.users * (setting.elements + (1 if setting.direct else 0))
    return (setting.coherence_symbols - pilots) / setting.coherence_symbols


def _rates(channel: Channel, t: int, design: _Design) -> list[float]:
    """Return the rate of each user in block ``t``, in bit/s/Hz."""
    setting, noise = channel.setting, _noise(channel.setting)
    reflected = _reflected(setting, design.phases)
    rates = []
    for k in range(setting.users):
        # Row k of the channel: what comes directly, and by way of each element.
        row = channel.direct[t, k] + (reflected[:, None] * channel.cascaded[t, k]).sum(axis=0)
        gains = [abs(complex((row * stream).sum())) ** 2 for stream in design.precoder.T]
        signal = gains.pop(k)
        rates.append(math.log2(1.0 + signal / (math.fsum(gains) + noise)))
    return rates


def _noise(setting: Setting) -> float:
    """Return the noise at each user; Saglam et al. have it once for every other user."""
    return setting.noise_variance * (setting.users - 1 if setting.paper_model else 1)


def _reflected(setting: Setting, phases: Floats) -> Complexes:
    """Return amplitude times exp(j phase) of each element, (N,)."""
    least = setting.beta_min if setting.amplitude == "phase-dependent" else 1.0
    amplitudes = []
    for phase in phases:
        # The code of Saglam et al. exchanges the arguments of the arctangent.
        seen = math.pi / 2.0 - phase if setting.paper_model else phase
        lift = (1.0 + math.sin(seen - setting.mu)) / 2.0
        amplitudes.append(least + (1.0 - least) * math.pow(lift, setting.kappa))
    parts = [[math.cos(phase) for phase in phases], [math.sin(phase) for phase in phases]]
    if setting.paper_model:
        # It divides both parts by what all elements have of them together.
        totals = [math.sqrt(2.0) * math.fsum(map(abs, part)) for part in parts]
        parts = [[x / (t or 1.0) for x in part] for part, t in zip(parts, totals, strict=True)]
    return np.array(amplitudes) * (np.array(parts[0]) + 1j * np.array(parts[1]))


def _jain(rates: list[float]) -> float:
    squares = math.fsum(rate**2 for rate in rates)
    return math.fsum(rates) ** 2 / (len(rates) * squares) if squares else 1.0


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _bound(channel: Channel, t: int) -> float:
    """Return the cooperative bound of block ``t``.

    Whatever gain all users' channels have together, were it split evenly between r streams, which
    share the power and do not disturb each other, no receiver that all users form could do better.
    """
    setting = channel.setting
    paths = [channel.cascaded[t, :, n].ravel() for n in range(setting.elements)]
    if setting.direct:
        paths.append(channel.direct[t].ravel())
    table = np.array(paths)
    if setting.paper_model:
        gain = _corner(table)
    else:
        # Reflections and the direct path are a vector whose squared norm is at most its length.
        gain = len(table) * float(np.linalg.svd(table, compute_uv=False)[0]) ** 2
    ratio = _budget(setting) * gain / _noise(setting)
    streams = range(1, min(setting.users, setting.antennas, len(table)) + 1)
    return max(r * math.log2(1.0 + ratio / r**2) for r in streams)


def _corner(paths: Complexes) -> float:
    """Return the largest gain of reflections by the normalisation of Saglam et al.

    The gain is convex, hence largest where one element has the whole real part, 1 / sqrt(2), and
    one the whole imaginary part of all reflections.
    """
    return max(
        0.5 * float((np.abs(one + sign * paths) ** 2).sum(axis=1).max())
        for one in paths
        for sign in (1j, -1j)
    )
