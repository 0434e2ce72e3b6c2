"""Tiny tasks for the tests, in the form of a user's own file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.agents import Preset
from drlapps.errors import InputError
from drlapps.policy import Policy
from drlapps.task import Baseline, Metric, Task
from drlapps.vector import Array, VectorEnvironment

LONGEST = 12
EDGE = 3.0


@dataclass(frozen=True)
class Start:
    """Where a walk starts and when its time is up."""

    position: float
    horizon: int
    reference: ClassVar[float | None] = None
    bound: ClassVar[float | None] = 0.0

    @property
    def name(self) -> str:
        return f"from {self.position:g}"

    @property
    def hash(self) -> str:
        return f"{self.position!r}/{self.horizon}"


@dataclass(frozen=True)
class Starts:
    """Random starts."""

    spread: float = 2.0

    def sample(self, rng: np.random.Generator) -> Start:
        horizon = int(rng.integers(4, LONGEST + 1))
        return Start(float(rng.uniform(-self.spread, self.spread)), horizon)

    def largest(self) -> Start:
        return Start(self.spread, LONGEST)


class Walk(VectorEnvironment):
    """Keep a noisy walk near zero; it ends early at the edge.

    With ``masked`` it may not step outwards beyond 1.
    """

    STATE: ClassVar[tuple[str, ...]] = ("position", "time", "horizon", "noise", "cost")

    def __init__(
        self,
        num_envs: int,
        pool: Any,
        *,
        continuous: bool = False,
        step: float = 0.5,
        masked: bool = False,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if not step > 0:
            raise ValueError(f"step must be positive, not {step}")
        self.continuous, self.stride = continuous, step
        self.position = np.zeros(num_envs)
        self.time = np.zeros(num_envs, np.int64)
        self.horizon = np.zeros(num_envs, np.int64)
        self.noise = np.zeros((num_envs, LONGEST))
        self.cost = np.zeros(num_envs)
        if masked:
            self.action_masks = self._masks
        box = gymnasium.spaces.Box
        self._set_spaces(
            box(-2 * EDGE, 2 * EDGE, (2,), np.float32),
            box(-1.0, 1.0, (1,), np.float32) if continuous else gymnasium.spaces.Discrete(3),
        )

    def _load(self, row: int, instance: Start, rng: np.random.Generator) -> None:
        self.position[row], self.horizon[row] = instance.position, instance.horizon
        self.time[row] = self.cost[row] = 0
        self.noise[row] = rng.normal(0.0, 0.2, LONGEST)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        direction = actions[:, 0].astype(float) if self.continuous else actions - 1.0
        rows = np.arange(self.num_envs)
        noise = self.noise[rows, np.minimum(self.time, LONGEST - 1)]
        moved = self.position + self.stride * direction + noise
        self.position = np.where(active, moved, self.position)
        self.time += active
        self.cost += np.where(active, self.position**2, 0.0)
        terminated = np.abs(self.position) >= EDGE
        return -(self.position**2), terminated, self.time >= self.horizon

    def _observe(self) -> Array:
        left = (self.horizon - self.time) / LONGEST
        return np.stack([self.position, left], axis=1).astype(np.float32)

    def _masks(self) -> NDArray[np.bool_]:
        masks = np.ones((self.num_envs, 3), np.bool_)
        masks[self.position < -1.0, 0] = False
        masks[self.position > 1.0, 2] = False
        return masks

    def differentiable(self) -> SmoothWalk:
        if not self.continuous:
            raise InputError("only a continuous walk is differentiable")
        return SmoothWalk(self.stride)

    def metrics(self, row: int) -> dict[str, float]:
        away = abs(self.position[row]) >= EDGE
        return {"cost": float(self.cost[row]), "feasible": float(not away)}

    def solution(self, row: int) -> dict[str, Any]:
        return {"position": float(self.position[row])}


class Steered(Walk):
    """A walk with continuous steps."""

    def __init__(
        self, num_envs: int, pool: Any, *, autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP
    ) -> None:
        super().__init__(num_envs, pool, continuous=True, autoreset_mode=autoreset_mode)


class WalkState(NamedTuple):
    """Position, steps taken, time limit, noise, whether still walking; all of them tensors."""

    position: Any
    time: Any
    horizon: Any
    noise: Any
    walking: Any


class SmoothWalk:
    """The continuous walk on tensors."""

    horizon = LONGEST

    def __init__(self, stride: float) -> None:
        self.stride = stride

    def load(self, instances: Sequence[Start], generator: np.random.Generator) -> WalkState:
        import torch

        rows = len(instances)
        return WalkState(
            torch.tensor([start.position for start in instances]),
            torch.zeros(rows),
            torch.tensor([float(start.horizon) for start in instances]),
            torch.from_numpy(generator.normal(0.0, 0.2, (rows, LONGEST)).astype(np.float32)),
            torch.ones(rows),
        )

    def observe(self, state: WalkState) -> Any:
        import torch

        return torch.stack([state.position, (state.horizon - state.time) / LONGEST], dim=1)

    def step(self, state: WalkState, actions: Any) -> tuple[WalkState, Any]:
        noise = state.noise[:, int(state.time.max())]
        moved = state.position + state.walking * (self.stride * actions[:, 0] + noise)
        time = state.time + state.walking
        inside = (moved.abs() < EDGE) & (time < state.horizon)
        following = WalkState(
            moved, time, state.horizon, state.noise, state.walking * inside.float()
        )
        return following, -state.walking * moved**2


class Homing(Policy):
    """Steps towards zero, unless told not to."""

    def __init__(self, lazy: bool = False) -> None:
        self.lazy = lazy

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        if self.lazy:
            return np.ones(env.num_envs, np.int64)
        return 1 - np.sign(observations[:, 0]).astype(np.int64)


class Demanding(Policy):
    """Cannot be made without an argument."""

    def __init__(self, wish: str) -> None:
        self.wish = wish

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        raise NotImplementedError


def train(spread: float = 2.0) -> Starts:
    return Starts(spread)


def validation() -> tuple[Start, ...]:
    return tuple(Start(p, LONGEST) for p in (-1.6, -0.8, 0.1, 0.9, 1.7))


def test() -> tuple[Start, ...]:
    return tuple(Start(p, LONGEST) for p in (-1.5, 0.5, 1.5))


def _small(algorithm: str, n_steps: int = 0, **hyperparameters: object) -> Preset:
    """Return a preset that trains for a moment."""
    rollout = {"n_steps": n_steps} if n_steps else {}
    return Preset(
        algorithm,
        steps=320,
        n_envs=4,
        hyperparameters={**rollout, **hyperparameters},
        policy_kwargs={"net_arch": [8]},
        validate_every=100,
    )


_REPLAY = {
    "buffer_size": 200,
    "learning_starts": 40,
    "batch_size": 16,
    "train_freq": 8,
    "gradient_steps": 2,
}

PPO = _small("ppo", 8, batch_size=16, n_epochs=2, learning_rate={"linear": [1e-2, 0.0]})
A2C = _small("a2c", 8, learning_rate={"linear": [1e-2, 0.0]})
TRPO = _small("trpo", 16, batch_size=16)
MASKABLE_PPO = _small("maskable-ppo", 8, batch_size=16, n_epochs=2)
RECURRENT_PPO = Preset(
    "recurrent-ppo",
    steps=320,
    n_envs=4,
    hyperparameters={"n_steps": 8, "batch_size": 16, "n_epochs": 2},
    policy_kwargs={"lstm_hidden_size": 4, "net_arch": [8]},
    validate_every=100,
)
DQN = _small("dqn", **_REPLAY, target_update_interval=40)
QR_DQN = _small("qr-dqn", **_REPLAY, target_update_interval=40)
SAC = _small("sac", **_REPLAY)
TD3 = _small("td3", **_REPLAY, action_noise={"normal": 0.1})
DDPG = _small("ddpg", **_REPLAY, action_noise={"normal": 0.1})
TQC = _small("tqc", **_REPLAY)
CROSSQ = _small("crossq", **_REPLAY)
ARS = _small("ars", n_delta=2, n_top=1, n_eval_episodes=4)
APG = replace(_small("apg", 8, learning_rate=1e-2, noise=0.1), n_envs=2)
DECISION_TRANSFORMER = Preset(
    "decision-transformer",
    steps=320,
    n_envs=4,
    hyperparameters={"guides": ["homing"], "episodes": 6, "batch_size": 4},
    policy_kwargs={"width": 8, "context": 4},
    validate_every=100,
)
SELF_LABELLING = _small("self-labelling", group_size=2, batch_size=8, learning_rate=1e-2)
POMO = _small("pomo", group_size=2, batch_size=8, n_epochs=2, learning_rate=1e-2)

AGENTS = {
    "ppo": ":PPO",
    "a2c": ":A2C",
    "trpo": ":TRPO",
    "maskable-ppo": ":MASKABLE_PPO",
    "recurrent-ppo": ":RECURRENT_PPO",
    "dqn": ":DQN",
    "qr-dqn": ":QR_DQN",
    "sac": ":SAC",
    "td3": ":TD3",
    "ddpg": ":DDPG",
    "tqc": ":TQC",
    "crossq": ":CROSSQ",
    "ars": ":ARS",
    "apg": ":APG",
    "decision-transformer": ":DECISION_TRANSFORMER",
    "self-labelling": ":SELF_LABELLING",
    "pomo": ":POMO",
}

WALK = Task(
    id="walk",
    env_id="tests/Walk-v0",
    summary="Keep a noisy walk near zero",
    environment=":Walk",
    metric=Metric("cost", unit="", minimize=True),
    pools={"train": ":train", "validation": ":validation", "test": ":test"},
    baselines={"homing": Baseline(":Homing", "Towards zero")},
    agents=AGENTS,
)

STEERED = replace(WALK, id="tests/steered", env_id="tests/Steered-v0", environment=":Steered")

CARTPOLE = Task(
    id="tests/cartpole",
    env_id="CartPole-v1",
    summary="Keep a pole upright",
    environment="gymnasium:CartPole-v1",
    metric=Metric("return", unit="", minimize=False),
    pools={
        "train": "drlapps.foreign:train",
        "validation": "drlapps.foreign:validation",
        "test": "drlapps.foreign:test",
    },
)

PENDULUM = Task(
    id="tests/pendulum",
    env_id="Pendulum-v1",
    summary="Swing a pendulum up",
    environment="gymnasium:Pendulum-v1",
    metric=Metric("return", unit="", minimize=False),
    pools={
        "train": "drlapps.foreign:train",
        "validation": "drlapps.foreign:validation",
        "test": "drlapps.foreign:test",
    },
)

NO_TASK = "a string"
