"""The setting of Saglam et al. 2022 in the units of their code: their agents and what WMMSE does.

    python -m benchmarks.ris_paper [--powers 5,30] [--seeds 3] [--steps 20000] [--picture FILE]

Each agent learns on one channel (4 antennas, 16 elements, 4 users, least amplitude 0.6), and what
is reported is, as in the paper, the mean of its last 1000 training rewards. Classical methods get
random phases on the same channels. The second column scores by the physics: the phases and the
precoder of those 1000 decisions with elements that reflect all that the amplitude law leaves, and
noise as stated; a classical method then knows that physics.

============================  =====================================================================
golden                        sees the true channel and amplitudes, learns from the true rate
mismatch                      imperfect estimates, surface believed ideal; learns from the rate that
                              it would have if all that were true
mismatch, measured            the same, but learns from the true rate, as users would report it
beta exploration              the same, with the explorer of :mod:`.beta_exploration`
============================  =====================================================================

The paper does not say what its mismatched agent is rewarded with; hence both.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from drlapps.bridge import SB3Bridge
from drlapps.comms.ris_beamforming import instances, precoding
from drlapps.comms.ris_beamforming.block import Block, true_block
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.presets import SAC_BETA_PAPER, SAC_PAPER
from drlapps.comms.ris_beamforming.setting import changed
from drlapps.comms.ris_beamforming.surface import Complex, Real
from drlapps.errors import InputError, unknown
from drlapps.threads import one_thread
from drlapps.vector import Array

if TYPE_CHECKING:
    import altair as alt

    from drlapps.agents import Preset

LAST = 1000
DRAWS = 100
"""Random phases of a classical method on each channel."""
IMPERFECT = {"mismatch": True, "csi_error_variance": 0.01}
PUBLISHED = {
    ("golden", 5.0): 4.50, ("golden", 10.0): 5.99, ("golden", 15.0): 7.34, ("golden", 20.0): 7.77,
    ("golden", 25.0): 8.08, ("golden", 30.0): 8.18, ("mismatch", 30.0): 7.43,
    ("beta exploration", 30.0): 7.91,
}  # fmt: skip


@dataclass(frozen=True)
class Arm:
    """An agent of the paper.

    Attributes:
        preset: how it learns.
        settings: what its channel differs in from the preset's.
        dreams: whether it is rewarded by what it believes.
    """

    preset: Preset
    settings: dict[str, object]
    dreams: bool = False


ARMS = {
    "golden": Arm(SAC_PAPER, {}),
    "mismatch": Arm(SAC_PAPER, IMPERFECT, dreams=True),
    "mismatch, measured": Arm(SAC_PAPER, IMPERFECT),
    "beta exploration": Arm(SAC_BETA_PAPER, {}),
}


@dataclass(frozen=True)
class Course:
    """What one contender got, decision by decision, in both units.

    Attributes:
        who: its name.
        power_dbm: of the channel.
        paper: sum rates in the units of the paper's code.
        physics: sum rates in bit/s/Hz.
    """

    who: str
    power_dbm: float
    paper: Real
    physics: Real


class Ledger(SB3Bridge):
    """A training batch of one that keeps the actions."""

    actions: list[Array]

    def step_async(self, actions: Array) -> None:
        """Keep the actions, too."""
        self.__dict__.setdefault("actions", []).append(actions[0].copy())
        super().step_async(actions)


def channel(number: int, preset: Preset, settings: dict[str, object]) -> Channel:
    """Return a channel of a preset's train pool, the same at each power and each belief."""
    given = {**preset.instances, **settings, "pool_size": number}
    pool = instances.train(**given)
    assert isinstance(pool, tuple)
    return pool[number - 1]


def believed(truth: Channel) -> Channel:
    """Return the channel that would be if what policies believe were true."""
    setting = changed(
        truth.setting, {"amplitude": "ideal", "mismatch": False, "csi_error_variance": 0.0}
    )
    cascaded, direct = truth.cascaded_estimate, truth.direct_estimate
    return Channel(truth.name, setting, cascaded, direct, cascaded, direct)


def physical(truth: Channel) -> Channel:
    """Return the channel without the normalisation and noise of the paper's code."""
    return replace(truth, setting=changed(truth.setting, {"paper_model": False}))


def rates(block: Block, actions: Real) -> Real:
    """Return the sum rates of joint actions (T, 2 M K + 2 N)."""
    users, elements, antennas = block.cascaded.shape
    entries = users * antennas
    parts = np.split(actions, np.cumsum([entries, entries, elements]), axis=1)
    precoders = (parts[0] + 1j * parts[1]).reshape(-1, antennas, users)
    used = (np.abs(precoders) ** 2).sum(axis=(1, 2), keepdims=True)
    matrices = block.matrix(np.arctan2(parts[3], parts[2]))
    return precoding.sum_rate(matrices, precoders * np.sqrt(block.power / used), block.noise)


def learn(who: str, power_dbm: float, number: int, steps: int, hidden: int) -> Course:
    """Train an agent with layers of ``hidden`` units on a channel and return what it got."""
    from drlapps.agents import build
    from drlapps.comms.ris_beamforming.environment import RisBeamformingEnv

    arm = ARMS[who]
    truth = channel(number, arm.preset, {"power_dbm": power_dbm, **arm.settings})
    pool = [believed(truth) if arm.dreams else truth]
    batch = Ledger(RisBeamformingEnv(1, pool, **arm.preset.environment))
    network = {**arm.preset.policy_kwargs, "net_arch": [hidden, hidden]}
    if "decisions" in network:
        network["decisions"] = steps
    model = build(replace(arm.preset, policy_kwargs=network), batch, seed=number)
    model.learn(steps)
    actions = np.array(batch.actions, np.float64)
    scored = (rates(true_block(scene, 0), actions) for scene in (truth, physical(truth)))
    return Course(who, power_dbm, *scored)


def classical(power_dbm: float, number: int) -> list[Course]:
    """Return what closed forms and WMMSE reach at random phases on a channel."""
    truth = channel(number, SAC_PAPER, {"power_dbm": power_dbm})
    found: dict[str, list[Real]] = {}
    for scene in (truth, physical(truth)):
        block = true_block(scene, 0)
        rng = np.random.default_rng(number)
        phases = rng.uniform(-np.pi, np.pi, (DRAWS, block.cascaded.shape[1]))
        matrices = block.matrix(phases)
        for who, precoders in _precoders(matrices, block).items():
            rate = precoding.sum_rate(matrices, precoders, block.noise)
            found.setdefault(who, []).append(rate)
    return [Course(who, power_dbm, *scored) for who, scored in found.items()]


def _precoders(matrices: Complex, block: Block) -> dict[str, Complex]:
    return {
        "MRT": precoding.mrt(matrices, block.power),
        "ZF": precoding.zf_water_filling(matrices, block.power, block.noise),
        "WMMSE": precoding.polished(matrices, block.power, block.noise),
    }


def table(courses: list[Course]) -> Table:
    """Return means over the channels, with standard errors where there are several."""
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    found.add_column("dBm", justify="right")
    found.add_column("who")
    for column in ("paper's units", "published", "physics"):
        found.add_column(column, justify="right", no_wrap=True)
    for power_dbm, who in dict.fromkeys((course.power_dbm, course.who) for course in courses):
        own = [c for c in courses if (c.power_dbm, c.who) == (power_dbm, who)]
        published = PUBLISHED.get((who, power_dbm))
        found.add_row(
            f"{power_dbm:g}",
            who,
            _mean([float(course.paper[-LAST:].mean()) for course in own]),
            "" if published is None else f"{published:.2f}",
            _mean([float(course.physics[-LAST:].mean()) for course in own]),
        )
    return found


def _mean(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2f}"


def picture(courses: list[Course], power_dbm: float) -> alt.LayerChart:
    """Return the courses of training at a power, and WMMSE as a line, in the paper's units."""
    import altair as alt

    from drlapps.look import data, dress, palette

    rows = []
    for who in dict.fromkeys(c.who for c in courses if c.power_dbm == power_dbm):
        own = [c.paper for c in courses if (c.power_dbm, c.who) == (power_dbm, who)]
        if who in ARMS:
            whole = len(own[0]) // 100 * 100
            means = np.mean(own, axis=0)[:whole].reshape(-1, 100).mean(axis=1)
            rows += [
                {"who": who, "step": 100 * (at + 1), "rate": mean} for at, mean in enumerate(means)
            ]
        else:
            ends = (0, max(len(c.paper) for c in courses))
            rows += [{"who": who, "step": at, "rate": float(np.mean(own))} for at in ends]
    names = list(dict.fromkeys(row["who"] for row in rows))
    lines = (
        alt.Chart(data(rows))
        .mark_line()
        .encode(
            x=alt.X("step:Q", title="training decisions"),
            y=alt.Y("rate:Q", title="sum rate in the paper's units"),
            color=alt.Color(
                "who:N", title=None, scale=alt.Scale(domain=names, range=palette(len(names)))
            ),
        )
    )
    return dress([lines], height=320, title=f"{power_dbm:g} dBm")


def main(
    powers: Annotated[str, typer.Option(help="in dBm")] = "5,30",
    seeds: Annotated[int, typer.Option(min=1, help="channels, one a run")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="decisions of a run")] = SAC_PAPER.steps,
    hidden: Annotated[
        int, typer.Option(min=1, help="units: 512 in the code, 256 in its README")
    ] = 512,
    arms: Annotated[str, typer.Option(help=f"some of: {'; '.join(ARMS)}")] = "; ".join(ARMS),
    picture_file: Annotated[
        Path | None, typer.Option("--picture", help="HTML file for the courses at the last power")
    ] = None,
) -> None:
    """Train the paper's agents in its own units, beside classical methods."""
    chosen = [who.strip() for who in arms.split(";")]
    if wrong := [who for who in chosen if who not in ARMS]:
        raise unknown("arm", wrong[0], ARMS)
    try:
        values = [float(power) for power in powers.split(",")]
    except ValueError as error:
        raise InputError(f"powers must be numbers with commas between, not {powers!r}") from error
    courses: list[Course] = []
    with one_thread():
        for power_dbm in values:
            for number in range(1, seeds + 1):
                for who in chosen:
                    course = learn(who, power_dbm, number, steps, hidden)
                    courses.append(course)
                    reached = f"{course.paper[-LAST:].mean():.2f}"
                    print(f"{power_dbm:g} dBm, {number}, {who}: {reached}", file=sys.stderr)
                courses += classical(power_dbm, number)
    Console().print(table(courses))
    if picture_file is not None:
        picture(courses, values[-1]).save(str(picture_file))


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(2)
