"""Control periods of the synchronous machine per CPU second, beside gym-electric-motor.

Both play the same machine, control set and kind of reference, with the same random voltages,
without noise, delay and protection, which gym-electric-motor has not or need not have. What drlapps
spends on new episodes is counted; in gym-electric-motor one goes on for ever.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from benchmarks.measure import Play, Row, compare, optional

BATCHES = (1024, 1)
STEPS = 250
EPISODE = 10_000
LEAST = 2e6
FASTER = 1000.0
PEER = "gym-electric-motor"


def run(repeats: int) -> list[Row]:
    contenders: dict[str, Play | None] = {
        f"drlapps, batch of {batch}": play(batch) for batch in BATCHES
    }
    contenders[PEER] = optional(peer)
    found = compare(
        "pmsm-steps", "Cont-CC-PMSM: voltages of three legs, walking references", "steps",
        contenders, bars={PEER: FASTER}, seconds=1.0, repeats=repeats,
    )  # fmt: skip
    own = replace(found[0], bar=LEAST, met=(found[0].value or 0.0) >= LEAST)
    return [own, *found[1:]]


def voltages() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, (STEPS, 3))


def play(batch: int) -> Play:
    from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
    from drlapps.control.pmsm_current.instances import train

    pool = train(
        signal="fast-wiener", steps=EPISODE, speed=100.0, resistance_scale=1.0,
        inductance_scale=1.0, flux_scale=1.0, noise=0.0, delay=0, protection=False,
    )  # fmt: skip
    env = PmsmCurrentEnv(batch, pool, control="abc")
    env.reset(seed=0)
    drawn = np.repeat(voltages()[:, None], batch, axis=1)

    def work() -> int:
        for wanted in drawn:
            env.step(wanted)
        return STEPS * batch

    return work


def peer() -> Play:
    import gym_electric_motor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = gym_electric_motor.make("Cont-CC-PMSM-v0", constraints=())
        env.reset(seed=0)
    drawn = voltages()

    def work() -> int:
        for wanted in drawn:
            env.step(wanted)
        return STEPS

    return work
