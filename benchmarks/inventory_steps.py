"""Inventory environment steps per CPU second: a shelf with lost sales, and a network of ten nodes.

The peer is or-gym-inventory, whose environments are scalar: its serial system cut down to one
stage, with the lead time, demand and costs of our shelf (fed the same demand and orders, it charges
the same costs); and its network with lost sales, which has six nodes with stock and eleven orders
where ours has ten and thirteen. All draw new demand for every episode, and observe after every step
in their own form; the actions are drawn beforehand.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.measure import Play, Row, compare, optional
from drlapps.vector import VectorEnvironment

PEER = "or-gym-inventory"
BATCHES = (1024, 64, 1)
STEPS = 64
LEAST = {"lost sales, lead time 4": 5e6, "network of ten nodes": 300e3}
BARS = {PEER: 100.0}


def run(repeats: int) -> list[Row]:
    if optional(one_stage) is None:
        print(f"to measure {PEER} too: pip install or-gym-inventory==1.0.0", file=sys.stderr)
    cases = zip(LEAST, (lost_sales, ten_node), (one_stage, network), strict=True)
    rows = []
    for case, build, peer in cases:
        contenders = {
            f"drlapps, batch of {BATCHES[0]}": play(build(BATCHES[0])),
            PEER: optional(peer),
        }
        own, other = measure(case, contenders, repeats)
        rows += [replace(own, bar=LEAST[case], met=(own.value or 0.0) >= LEAST[case]), other]
        for batch in BATCHES[1:]:
            rows += measure(case, {f"drlapps, batch of {batch}": play(build(batch))}, repeats)
    return rows


def measure(case: str, contenders: dict[str, Play | None], repeats: int) -> list[Row]:
    return compare(
        "inventory-steps", case, "steps", contenders, bars=BARS, seconds=1.0, repeats=repeats
    )


def lost_sales(batch: int) -> VectorEnvironment:
    from drlapps.scheduling.lost_sales.environment import LostSalesEnv
    from drlapps.scheduling.lost_sales.instances import train

    return LostSalesEnv(batch, train(problem="poisson5-l4-p19"))


def ten_node(batch: int) -> VectorEnvironment:
    from drlapps.scheduling.inventory_network.environment import InventoryNetworkEnv
    from drlapps.scheduling.inventory_network.instances import train

    return InventoryNetworkEnv(batch, train(problem="ten-node"))


def play(env: VectorEnvironment) -> Play:
    """Return the work of moving an environment on, through as many episodes as it takes."""
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    shape = (STEPS, *env.action_space.shape)  # type: ignore[misc]
    # Low in [-1, 1], as a sensible order is far below the largest one.
    actions = rng.uniform(-1.0, -0.4, shape).astype(np.float32)

    def steps() -> int:
        for action in actions:
            env.step(action)
        return STEPS * env.num_envs

    return steps


def one_stage() -> Play:
    build = peer().InvManagementLostSalesEnv
    return scalar(
        lambda: build(
            periods=1000, I0=[5], p=0.0, r=[0.0, 0.0], k=[19.0, 0.0], h=[1.0], c=[100], L=[4],
            backlog=False, dist_param={"mu": 5}, alpha=1.0,
        ),
        most=11,
    )  # fmt: skip


def network() -> Play:
    build = peer().NetInvMgmtLostSalesEnv
    return scalar(lambda: build(backlog=False), most=21)


def peer() -> Any:
    # It greets whoever imports it.
    with contextlib.redirect_stderr(io.StringIO()):
        import or_gym_inventory
    return or_gym_inventory


def scalar(build: Callable[[], Any], most: int) -> Play:
    env = build()
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(most, size=(STEPS, *env.action_space.shape))

    def steps() -> int:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return STEPS

    return steps
