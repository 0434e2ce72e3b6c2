"""Steps of the RIS environment per CPU second, with and without the sensed gradient.

No public package offers such an environment. The peer is the same refinement written for one
surface at a time with NumPy: what the controller senses after a decision, without observations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.measure import Play, Row, compare

BATCHES = (256, 1)
STEPS = 60
LEAST = 200e3
SCALAR = "NumPy, one at a time"


def run(repeats: int) -> list[Row]:
    rows = []
    for actions in ("increments", "joint"):
        contenders: dict[str, Play | None] = {
            f"drlapps, batch of {batch}": play(actions, batch) for batch in BATCHES
        }
        if actions == "increments":
            contenders[SCALAR] = scalar()
        found = compare(
            "ris-steps", f"4 antennas, 16 elements, 4 users; {actions}", "steps", contenders,
            bars={}, seconds=1.0, repeats=repeats,
        )  # fmt: skip
        rows += [replace(found[0], bar=LEAST, met=(found[0].value or 0.0) >= LEAST), *found[1:]]
    return rows


def play(actions: str, batch: int) -> Play:
    from drlapps.comms.ris_beamforming.environment import RisBeamformingEnv
    from drlapps.comms.ris_beamforming.instances import train

    env = RisBeamformingEnv(batch, train(), actions=actions)
    env.reset(seed=0)
    drawn = np.random.default_rng(0).uniform(-0.1, 0.1, (STEPS, *env.action_space.shape))

    def work() -> int:
        for wanted in drawn:
            env.step(wanted)
        return STEPS * batch

    return work


def scalar() -> Callable[[], int]:
    from drlapps.comms.ris_beamforming.instances import train

    channel = train().sample(np.random.default_rng(0))
    setting, cascaded = channel.setting, channel.cascaded[0]
    rho = setting.users * setting.noise_variance / setting.power
    rng = np.random.default_rng(0)

    def work() -> int:
        phases = rng.uniform(-np.pi, np.pi, setting.elements)
        for _ in range(STEPS):
            phases = phases + rng.uniform(-0.1, 0.1, setting.elements)
            phi = np.exp(1j * phases)
            h = np.einsum("n,knm->km", phi, cascaded)
            inverse = np.linalg.inv(h @ h.conj().T + rho * np.eye(setting.users))
            filters = h.conj().T @ inverse
            pull = np.einsum("ik,inm,mk->kn", inverse.conj(), cascaded, filters)
            gain = np.diagonal(inverse).real
            (2.0 / np.log(2.0) * phi * pull / gain[:, None]).sum(axis=0)
            -np.log2(rho * gain).sum()
        return STEPS

    return work
