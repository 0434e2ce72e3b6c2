"""Milliseconds a channel of the classical methods for surfaces, and what rates they reach.

Phase L-BFGS climbs from the same starts as its peer: scipy's L-BFGS-B, one start at a time, on the
same objective, once written in NumPy as one would, once with the compiled gradient. The trained
agents refine all channels at once, sensing and final precoder included. The baselines at last take
channel after channel, whole decisions: phases, precoder and action.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.measure import Row

BENCHMARK, UNIT, RATE = "ris-solvers", "ms a channel", "bit/s/Hz"
CHANNELS = 50
SIZES = (("4x16x4-30dbm-ideal", 8, 10.0), ("8x64x8-30dbm-ideal", 4, None))
"""Channels by label, starts for each, and the milliseconds that must do for them."""

Climb = Callable[[], float]
"""Climbs from all starts of all channels; returns the mean of the channels' best rates."""


def run(repeats: int) -> list[Row]:
    rows = []
    for label, starts, most in SIZES:
        rows += climbs(label, starts, most, repeats)
    rows += agents(SIZES[0][0], repeats)
    for label in ("4x16x4-30dbm-ideal", "4x16x4--20dbm-ideal", "4x16x4-30dbm-ideal-csi0.1"):
        rows += methods(label)
    return rows


def climbs(label: str, count: int, most: float | None, repeats: int) -> list[Row]:
    from drlapps.comms.ris_beamforming.block import believed_block
    from drlapps.comms.ris_beamforming.instances import named
    from drlapps.comms.ris_beamforming.lbfgs import ascend_blocks, value_and_gradient

    blocks = [believed_block(c, 0) for c in named([f"{label}:1..{CHANNELS}"])]
    elements = blocks[0].cascaded.shape[1]
    starts = np.random.default_rng(0).uniform(-np.pi, np.pi, (CHANNELS, count, elements))

    def batched() -> float:
        return float(ascend_blocks(blocks, starts, "zf").values.max(axis=1).mean())

    def compiled() -> float:
        return by_scipy(lambda block, phases: value_and_gradient(block, phases, "zf"))

    def plain() -> float:
        return by_scipy(zero_forcing)

    def by_scipy(objective: Callable) -> float:
        from scipy.optimize import minimize

        def loss(phases, block):
            value, gradient = objective(block, phases)
            return -value, -gradient

        best = [
            max(
                -minimize(loss, start, args=(block,), jac=True, method="L-BFGS-B").fun
                for start in own
            )
            for block, own in zip(blocks, starts, strict=True)
        ]
        return float(np.mean(best))

    case = f"zero forcing by L-BFGS, {label}, {count} starts"
    own, rate = measured(batched, repeats)
    met = None if most is None else own <= most
    rows = [Row(BENCHMARK, case, "drlapps, a batch", own, UNIT, None, most, met)]
    rates = [Row(BENCHMARK, f"{case}: rate", "drlapps, a batch", rate, RATE)]
    for who, work in (("scipy, NumPy", plain), ("scipy, compiled gradient", compiled)):
        peer, rate = measured(work, 1)
        rows.append(Row(BENCHMARK, case, who, peer, UNIT, peer / own))
        rates.append(Row(BENCHMARK, f"{case}: rate", who, rate, RATE))
    return rows + rates


def agents(label: str, repeats: int) -> list[Row]:
    """Return the milliseconds and the rate of the best validated run of each shipped agent."""
    from gymnasium.vector import AutoresetMode

    from drlapps import registry
    from drlapps.comms.ris_beamforming.instances import named
    from drlapps.contestants import best_validated, contestant, shipped
    from drlapps.threads import one_thread

    task = registry.get("comms/ris-beamforming")
    channels = named([f"{label}:1..{CHANNELS}"])
    cls = registry.environment_class(task)
    rows, rates = [], []
    for folder in sorted(shipped(task).parent.iterdir()):
        (policy,) = contestant(task, str(best_validated(folder))).policies.values()
        env = cls(CHANNELS, channels, autoreset_mode=AutoresetMode.DISABLED, **policy.environment)

        def refine(env=env, policy=policy) -> float:
            seen, _ = env.reset(seed=0, options={"instances": channels})
            policy.reset(env, 0)
            over = np.zeros(CHANNELS, np.bool_)
            while not over.all():
                seen, _, over, _, _ = env.step(policy.act(env, seen))
            return float(np.mean([env.metrics(row)["sum_rate"] for row in range(CHANNELS)]))

        with one_thread():
            own, rate = measured(refine, repeats)
        case = f"agents, {label}, {CHANNELS} channels at once"
        rows.append(Row(BENCHMARK, case, folder.name, own, UNIT))
        rates.append(Row(BENCHMARK, f"{case}: rate", folder.name, rate, RATE))
    return rows + rates


def measured(climb: Climb, repeats: int) -> tuple[float, float]:
    """Return the median CPU milliseconds a channel, and the rate."""
    rate, times = climb(), []
    for _ in range(repeats):
        started = time.process_time()
        climb()
        times.append((time.process_time() - started) / CHANNELS * 1e3)
    return statistics.median(times), rate


def zero_forcing(block, phases):
    """Return the zero-forcing rate with equal powers and its gradient, ideal elements, in NumPy."""
    phi = np.exp(1j * phases)
    h = block.direct + np.einsum("n,knm->km", phi, block.cascaded)
    inverse = np.linalg.inv(h @ h.conj().T)
    cost = np.diagonal(inverse).real
    rho = len(h) * block.noise / block.power
    weight = 1.0 / (cost * (rho * cost + 1.0))
    spread = (inverse * weight) @ inverse
    pull = np.einsum("knm,km->n", block.cascaded, spread.T @ h.conj())
    gradient = 2.0 / np.log(2.0) * (1j * phi * pull).real
    return float(np.log2(1.0 + 1.0 / (rho * cost)).sum()), gradient


def methods(label: str) -> list[Row]:
    """Return the median CPU milliseconds and the mean true rate of every baseline."""
    from drlapps import registry
    from drlapps.comms.ris_beamforming.instances import named
    from drlapps.contestants import contestant
    from drlapps.evaluate import rollout
    from drlapps.policy import Solver

    task = registry.get("comms/ris-beamforming")
    channels = named([f"{label}:1..{CHANNELS}"])
    rows, rates = [], []
    for name in task.baselines:
        (policy,) = contestant(task, name).policies.values()
        if not isinstance(policy, Solver):
            continue
        policy.solve(channels[0], 0)
        times, reached = [], []
        for channel in channels:
            started = time.process_time()
            policy.solve(channel, 0)
            times.append((time.process_time() - started) * 1e3)
            env = registry.make(task, 1, [channel], training=False, **policy.environment)
            rollout(env, policy, [channel], 0)
            reached.append(env.metrics(0)["sum_rate"])
        rows.append(Row(BENCHMARK, label, name, statistics.median(times), UNIT))
        rates.append(Row(BENCHMARK, f"{label}: rate", name, float(np.mean(reached)), RATE))
    return rows + rates
