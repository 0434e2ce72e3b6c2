"""Power flows of IEEE 33 per CPU second, and steps of the restoration environment.

The peer is pandapower's ``runpp``, with numba if that is installed, on its own copy of the same
feeder. Before every solve the switches of another configuration are set, for pandapower as its
users do, by ``in_service``; both then have all voltages and the losses. One solve at a time is a
call from Python for each, by :class:`drlapps.energy.grid.power_flow.Sweeper`. The environment takes
random admissible operations on randomly drawn feeders and outages.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace

import numpy as np

from benchmarks.measure import Play, Row, compare, optional

PEER = "pandapower runpp"
BARS = {PEER: 1000.0}
FLOWS = "power flow of IEEE 33"
BATCH, STEPS = 256, 64
OPEN = ((33, 34, 35, 36, 37), (7, 34, 35, 36, 37), (7, 9, 14, 36, 37), (7, 9, 14, 32, 37))
"""Open branches of the configurations: normal operation, the least losses, and between them."""


def run(repeats: int) -> list[Row]:
    peer = optional(runpp)
    if peer is None:
        print(
            'to measure pandapower too: pip install pandapower==3.5.6 "pandas<3"', file=sys.stderr
        )
    return [
        *measure(f"{FLOWS}, one at a time", "solves", single(), 80e3, repeats, {PEER: peer}),
        *measure(f"{FLOWS}, a batch of {BATCH}", "solves", batched(), 150e3, repeats, {PEER: peer}),
        *measure(f"restoration, a batch of {BATCH}", "steps", steps(), 30e3, repeats, {}),
    ]


def measure(
    case: str, unit: str, own: Play, least: float, repeats: int, peers: dict[str, Play | None]
) -> list[Row]:
    first, *others = compare(
        "power-flow", case, unit, {"drlapps": own} | peers, bars=BARS, seconds=1.0, repeats=repeats
    )
    return [replace(first, bar=least, met=(first.value or 0.0) >= least), *others]


def configurations() -> np.ndarray:
    closed = np.ones((len(OPEN), 37), np.bool_)
    for row, numbers in zip(closed, OPEN, strict=True):
        row[np.array(numbers) - 1] = False
    return closed


def single() -> Play:
    from drlapps.energy.grid.cases import load
    from drlapps.energy.grid.power_flow import Sweeper

    sweeper, closed = Sweeper(load("ieee33")), list(configurations())

    def play() -> int:
        for _ in range(500):
            for positions in closed:
                sweeper.solve(positions)
        return 500 * len(closed)

    return play


def batched() -> Play:
    from drlapps.energy.grid.cases import load
    from drlapps.energy.grid.power_flow import power_flows

    feeder, closed = load("ieee33"), np.tile(configurations(), (BATCH // len(OPEN), 1))

    def play() -> int:
        for _ in range(20):
            power_flows(feeder, closed)
        return 20 * BATCH

    return play


def runpp() -> Play:
    import pandapower
    from pandapower.networks import case33bw

    net, closed = case33bw(), list(configurations())

    def play() -> int:
        for positions in closed:
            net.line["in_service"] = positions
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pandapower.runpp(net)
        return len(closed)

    return play


def steps() -> Play:
    from drlapps.energy.restoration.environment import RestorationEnv
    from drlapps.energy.restoration.instances import train
    from drlapps.policy import Random

    env = RestorationEnv(BATCH, train())
    observations, _ = env.reset(seed=0)
    policy = Random()
    policy.reset(env, 0)

    def play() -> int:
        for _ in range(STEPS):
            env.step(policy.act(env, observations))
        return STEPS * BATCH

    return play
