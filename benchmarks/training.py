"""MaskablePPO frames per CPU second on ta01: the batched bridge against SB3's usual route.

Network and thread count are the same everywhere: SB3's MlpPolicy, one thread. The bridge and the
first peer also learn alike: 8192 frames an update, minibatches of 2048, 4 epochs, discount 1, GAE
0.98, entropy 0.01, learning rate 7e-4; only the environment differs, a batch of 64 behind the
bridge or ``make_vec_env`` (DummyVecEnv, Monitor) of 8 scalar ones. The second peer is what one
gets by leaving everything at SB3's defaults: 16384 frames, minibatches of 64, 10 epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import Play, Row, compare

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

ROWS, COPIES, ROLLOUT, UPDATES = 64, 8, 8192, 3
LARGE = {
    "batch_size": 2048, "n_epochs": 4, "learning_rate": 7e-4, "gamma": 1.0, "gae_lambda": 0.98,
    "ent_coef": 0.01,
}  # fmt: skip
BARS = {f"DummyVecEnv x {COPIES}, same hyper-parameters": 5.0}


def run(repeats: int) -> list[Row]:
    import torch

    torch.set_num_threads(1)
    contenders = {
        f"drlapps bridge, batch of {ROWS}": learner(bridge(), n_steps=ROLLOUT // ROWS, **LARGE),
        f"DummyVecEnv x {COPIES}, same hyper-parameters": learner(
            dummy(), n_steps=ROLLOUT // COPIES, **LARGE
        ),
        f"DummyVecEnv x {COPIES}, SB3's defaults": learner(dummy()),
    }
    case = "MaskablePPO, MlpPolicy, 15x15 (ta01)"
    return compare("training", case, "frames", contenders, bars=BARS, seconds=1.0, repeats=repeats)


def bridge() -> VecEnv:
    from drlapps.bridge import SB3Bridge
    from drlapps.scheduling.job_shop.environment import JobShopEnv
    from drlapps.scheduling.job_shop.instances import named

    return SB3Bridge(JobShopEnv(ROWS, named(["ta01"])))


def dummy() -> VecEnv:
    from gymnasium.vector import AutoresetMode
    from stable_baselines3.common.env_util import make_vec_env

    from drlapps.scheduling.job_shop.environment import JobShopEnv
    from drlapps.scheduling.job_shop.instances import named
    from drlapps.vector import ScalarView

    def scalar() -> ScalarView:
        batch = JobShopEnv(1, named(["ta01"]), autoreset_mode=AutoresetMode.DISABLED)
        return ScalarView(batch)

    return make_vec_env(scalar, n_envs=COPIES)


def learner(env: VecEnv, **hyperparameters: object) -> Play:
    from sb3_contrib import MaskablePPO

    model = MaskablePPO("MlpPolicy", env, seed=0, device="cpu", **hyperparameters)

    def play() -> int:
        model.learn(UPDATES * ROLLOUT)
        return int(model.num_timesteps)

    return play
