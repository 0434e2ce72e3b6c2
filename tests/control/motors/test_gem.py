"""gym-electric-motor's environments as tasks, with a stand-in and, where there is one, for real."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from drlapps import registry
from drlapps.control.motors import gem
from drlapps.errors import InputError

MISSING = importlib.util.find_spec("gym_electric_motor") is None


class Fake(gymnasium.Env[Any, Any]):
    """As gym-electric-motor's: a pair of state and reference, and no end but a violation."""

    observation_space = spaces.Tuple(
        [spaces.Box(-1.0, 1.0, (3,), np.float64), spaces.Box(-0.6, 0.6, (2,), np.float64)]
    )
    action_space = spaces.Box(-1.0, 1.0, (3,), np.float64)

    def __init__(self, tau: float = 1e-4) -> None:
        self.tau = tau

    def observation(self) -> tuple[np.ndarray, np.ndarray]:
        return np.full(3, 0.5), np.array([0.1, 0.2])

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.observation(), {}

    def step(self, action: Any) -> Any:
        return self.observation(), -1e3 * self.tau, bool(np.abs(action).max() > 0.9), False, {}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "gym_electric_motor", ModuleType("gym_electric_motor"))
    gymnasium.register("Fake-CC-Motor-v0", entry_point=Fake)
    yield
    for name in ("Fake-CC-Motor-v0", "drlapps-gem/Fake-CC-Motor-v0"):
        gymnasium.registry.pop(name, None)


@pytest.mark.usefixtures("fake")
def test_observations_are_one_vector_and_episodes_end() -> None:
    env = gymnasium.make(gem.register("Fake-CC-Motor-v0", steps=4), disable_env_checker=True)
    observation, _ = env.reset(seed=0)
    assert observation == pytest.approx([0.5, 0.5, 0.5, 0.1, 0.2])
    ends = [env.step(np.zeros(3))[2:4] for _ in range(4)]
    assert ends == [(False, False)] * 3 + [(False, True)]
    env.reset()
    assert env.step(np.ones(3))[2]


@pytest.mark.usefixtures("fake")
def test_the_task_is_played_by_the_referee() -> None:
    task = gem.task("Fake-CC-Motor-v0", steps=5)
    pool = registry.pool(task, "validation")
    env = registry.make(task, 2, pool, training=False)
    env.reset(seed=0)
    assert env.single_observation_space.shape == (5,)
    for _ in range(5):
        env.step(np.zeros((2, 3)))
    assert env.metrics(1) == {"return": pytest.approx(-0.5), "length": 5.0, "feasible": 1.0}


@pytest.mark.usefixtures("fake")
def test_what_cannot_be_is_one_sentence() -> None:
    with pytest.raises(InputError, match="gym-electric-motor has no 'Cont-XY-v0'"):
        gem.make("Cont-XY-v0")
    with pytest.raises(InputError, match="steps must be a whole number above 0, not 0"):
        gem.task("Fake-CC-Motor-v0", steps=0)


@pytest.mark.skipif(not MISSING, reason="gym-electric-motor is installed")
def test_without_the_package_one_sentence_says_what_to_install() -> None:
    with pytest.raises(InputError, match="pip install 'drlapps"):
        gem.make("Cont-CC-PMSM-v0")


@pytest.mark.skipif(MISSING, reason="needs gym-electric-motor")
@pytest.mark.parametrize("env_id", ["Cont-CC-PMSM-v0", "Finite-CC-PMSM-v0", "Cont-CC-SeriesDc-v0"])
def test_its_own_environments_are_tasks(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task = gem.task(env_id, steps=20)
        env = registry.make(task, 1, registry.pool(task, "validation"), training=False)
        observations, _ = env.reset(seed=0)
        assert observations.shape == (1, *env.single_observation_space.shape)
        for _ in range(20):
            env.step(env.action_space.sample())
        metrics = env.metrics(0)
    assert metrics["return"] < 0.0
    assert 1 <= metrics["length"] <= 20
