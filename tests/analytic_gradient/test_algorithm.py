"""Analytic policy gradients: the gradient, what cuts it off, what is learnt, what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from torch import Tensor

from drlapps import registry
from drlapps.agents import ALGORITHMS, Agent, Preset, build, check_spaces
from drlapps.analytic_gradient.algorithm import AnalyticPolicyGradient, _Clip
from drlapps.analytic_gradient.model import detached
from drlapps.bridge import SB3Bridge
from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.vector import Array, VectorEnvironment
from drlapps.weights import weights_of

TINY = Path(__file__).parents[1] / "tiny.py"
tiny = registry.user_module(TINY)
HORIZON = 20
STEP, EFFORT = 0.2, 0.1
"""Length of a step of the double integrator, and what a unit of thrust costs, squared."""


class Motion(NamedTuple):
    """A batch of masses on a line: positions and speeds."""

    place: Tensor
    speed: Tensor


class Masses:
    """Double integrators that should come to rest at zero, on tensors."""

    horizon = HORIZON

    def load(self, instances: Sequence[Any], generator: np.random.Generator) -> Motion:
        return Motion(
            torch.tensor([start.position for start in instances]), torch.zeros(len(instances))
        )

    def observe(self, state: Motion) -> Tensor:
        return torch.stack([state.place, state.speed], dim=1)

    def step(self, state: Motion, actions: Tensor) -> tuple[Motion, Tensor]:
        speed = state.speed + STEP * actions[:, 0]
        place = state.place + STEP * speed
        cost = place**2 + EFFORT * actions[:, 0] ** 2
        return Motion(place, speed), -STEP * cost


class DoubleIntegrator(VectorEnvironment):
    """The same in NumPy."""

    STATE = ("place", "speed", "time", "cost")

    def __init__(
        self, num_envs: int, pool: Any, *, autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        self.place, self.speed, self.cost = np.zeros((3, num_envs))
        self.time = np.zeros(num_envs, np.int64)
        self._set_spaces(
            spaces.Box(-9.0, 9.0, (2,), np.float32), spaces.Box(-3.0, 3.0, (1,), np.float32)
        )

    def differentiable(self) -> Masses:
        return Masses()

    def _load(self, row: int, instance: Any, rng: np.random.Generator) -> None:
        self.place[row] = instance.position
        self.speed[row] = self.time[row] = self.cost[row] = 0

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        self.speed += active * STEP * actions[:, 0]
        self.place += active * STEP * self.speed
        cost = STEP * (self.place**2 + EFFORT * actions[:, 0] ** 2)
        self.cost += active * cost
        self.time += active
        return -cost, self.time >= HORIZON, np.zeros(self.num_envs, np.bool_)

    def _observe(self) -> Array:
        return np.stack([self.place, self.speed], axis=1).astype(np.float32)

    def metrics(self, row: int) -> dict[str, float]:
        return {"cost": float(self.cost[row]), "feasible": 1.0}

    def solution(self, row: int) -> dict[str, Any]:
        return {}


PRESET = Preset(
    "apg",
    steps=64 * HORIZON * 150,
    n_envs=64,
    hyperparameters={"learning_rate": {"linear": [3e-2, 0.0]}},
    policy_kwargs={"net_arch": [16], "log_std_init": -2.0},
)


def masses(rows: int = 64, **changes: Any) -> DoubleIntegrator:
    return DoubleIntegrator(rows, tiny.Starts(), **changes)


def made(seed: int = 0, rows: int = 8, **hyperparameters: Any) -> AnalyticPolicyGradient:
    chosen = replace(
        PRESET, hyperparameters={**PRESET.hyperparameters, **hyperparameters}, n_envs=rows
    )
    model: Any = build(chosen, SB3Bridge(masses(rows)), seed)
    return model


def gradient(model: AnalyticPolicyGradient) -> dict[str, Tensor]:
    """The gradient of the loss of the model's first update."""
    bridge: Any = model.env
    model.max_action_norm = model.max_grad_norm = 1e9
    model._update((Masses(), bridge))
    parameters = model.policy.named_parameters()
    return {name: p.grad.clone() for name, p in parameters if p.grad is not None}


# --- learning ---


def linear_quadratic_cost(position: float) -> float:
    """The optimum by the Riccati recursion, without limits on thrust."""
    a = np.array([[1.0, STEP], [0.0, 1.0]])
    b = np.array([[STEP**2], [STEP]])
    # The cost of a step is that of the place it leads to.
    q, r = STEP * np.diag([1.0, 0.0]), STEP * EFFORT
    value = np.zeros((2, 2))
    for _ in range(HORIZON):
        then = q + value
        gain = np.linalg.solve(r + b.T @ then @ b, b.T @ then @ a)
        value = a.T @ then @ (a - b @ gain)
    return float(value[0, 0] * position**2)


def test_it_comes_near_the_riccati_recursion_on_a_double_integrator() -> None:
    model = made(rows=64)
    model.learn(PRESET.steps)
    assert model.num_timesteps == PRESET.steps
    starts = [tiny.Start(p, HORIZON) for p in (-1.2, -0.4, 0.8, 1.1)]
    env = DoubleIntegrator(4, starts, autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Agent(PRESET, weights_of(model.policy)), starts, 0)
    optimum = sum(linear_quadratic_cost(start.position) for start in starts)
    cost = sum(env.metrics(row)["cost"] for row in range(4))
    assert optimum <= cost <= 1.05 * optimum
    still = sum(STEP * HORIZON * start.position**2 for start in starts)
    assert optimum < still / 2, "there is something to learn"


def test_the_model_is_the_environment() -> None:
    env, model = masses(5), Masses()
    rng = np.random.default_rng(0)
    observations, _ = env.reset(seed=0)
    state = model.load(env.instances, rng)
    for _ in range(HORIZON - 1):
        np.testing.assert_allclose(model.observe(state).numpy(), observations, atol=1e-5)
        actions = rng.uniform(-3.0, 3.0, (5, 1)).astype(np.float32)
        observations, rewards, *_ = env.step(actions)
        state, given = model.step(state, torch.from_numpy(actions))
        np.testing.assert_allclose(given.numpy(), rewards, atol=1e-4)


# --- the gradient ---


@pytest.mark.parametrize("gamma", [1.0, 0.8])
def test_the_gradient_is_that_of_the_discounted_return(gamma: float) -> None:
    model = made(gamma=gamma)
    found = gradient(model)
    again = made(gamma=gamma)
    rng = np.random.default_rng([0, 0xA96, 0])
    state = Masses().load([tiny.Starts().sample(rng) for _ in range(8)], rng)

    def loss() -> float:
        """Played out by hand, in double precision."""
        place, speed, total = state.place.double(), state.speed.double(), 0.0
        with torch.no_grad():
            for decision in range(HORIZON):
                seen = torch.stack([place, speed], dim=1)
                latent = again.policy.mlp_extractor.forward_actor(seen)
                act = again.policy.action_net(latent)[:, 0]
                speed = speed + STEP * act
                place = place + STEP * speed
                cost = STEP * (place**2 + EFFORT * act**2)
                total += gamma**decision * float(cost.mean())
        return total

    again.policy.double()
    for name in ("action_net.bias", "action_net.weight", "mlp_extractor.policy_net.0.weight"):
        parameter = dict(again.policy.named_parameters())[name]
        first = (0,) * parameter.dim()
        ends = []
        for change in (1e-5, -2e-5):
            with torch.no_grad():
                parameter[first] += change
            ends.append(loss())
        with torch.no_grad():
            parameter[first] += 1e-5
        slope = (ends[0] - ends[1]) / 2e-5
        assert float(found[name][first]) == pytest.approx(slope, rel=1e-3)


def test_truncation_cuts_the_past_off() -> None:
    whole, long, short = (
        gradient(made(n_steps=n_steps))["action_net.bias"] for n_steps in (None, HORIZON, 1)
    )
    torch.testing.assert_close(whole, long, rtol=0.0, atol=0.0)
    assert abs(float(short)) < abs(float(whole)) / 2


def test_a_state_without_its_past_is_the_same_state() -> None:
    place = torch.ones(2, requires_grad=True)
    state = (Motion(2.0 * place, place), place)
    cut = detached(state)
    assert type(cut[0]) is Motion
    assert not any(t.requires_grad for t in (*cut[0], cut[1]))
    torch.testing.assert_close(cut[0].place, state[0].place.detach())


def test_clipped_actions_can_be_drawn_back() -> None:
    values = torch.tensor([[-2.0, -2.0, 0.5, 2.0, 2.0]], requires_grad=True)
    one = torch.ones(5)
    clipped = _Clip.apply(values, -one, one, 9.0)  # type: ignore[no-untyped-call]
    assert clipped.tolist() == [[-1.0, -1.0, 0.5, 1.0, 1.0]]
    # A step against the gradient: the first would go further out, so would the last.
    clipped.backward(torch.tensor([[1.0, -1.0, 3.0, 1.0, -1.0]]))
    assert values.grad is not None
    assert values.grad.tolist() == [[0.0, -1.0, 3.0, 1.0, 0.0]]


def test_an_exploding_row_is_clipped_and_the_others_are_not() -> None:
    values = torch.zeros(2, 2, 2, requires_grad=True)
    one = torch.ones(2)
    clipped = _Clip.apply(values, -one, one, 5.0)  # type: ignore[no-untyped-call]
    clipped.backward(torch.tensor([[[1.0, -2.0], [0.0, 2.0]], [[0.0, 3e9], [-4e9, 0.0]]]))
    assert values.grad is not None
    assert values.grad.tolist() == [[[1.0, -2.0], [0.0, 2.0]], [[0.0, 3.0], [-4.0, 0.0]]]


def test_noise_changes_what_is_played_and_its_critic_is_left_alone() -> None:
    plain, noisy = made(), made(noise=0.5)
    before = weights_of(plain.policy)
    for model in (plain, noisy):
        model.learn(8 * HORIZON)
    after, other = weights_of(plain.policy), weights_of(noisy.policy)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {name for name in before if "policy_net" in name or "action_net" in name}
    assert any(not np.array_equal(after[name], other[name]) for name in after)


# --- runs ---


def test_equal_seeds_give_equal_weights_and_progress_is_reported() -> None:
    learnt = [made(seed) for seed in (3, 3, 4)]
    for model in learnt:
        model.learn(100 * HORIZON)
        assert model.num_timesteps == 104 * HORIZON, "whole batches of 8"
        bridge: Any = model.env
        assert len(bridge.latest_returns) == 100
    first, again, other = (weights_of(model.policy) for model in learnt)
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    assert any(not np.array_equal(array, other[name]) for name, array in first.items())


def test_an_sb3_zip_of_it_acts_alike(tmp_path: Path) -> None:
    model = made()
    model.learn(8 * HORIZON)
    model.save(tmp_path / "model.zip")
    again = AnalyticPolicyGradient.load(tmp_path / "model.zip", device="cpu")
    observations = masses(5).reset(seed=0)[0]
    np.testing.assert_array_equal(
        again.predict(observations, deterministic=True)[0],
        model.predict(observations, deterministic=True)[0],
    )


def test_other_algorithms_can_go_on_with_its_weights() -> None:
    model = made()
    ppo = build(replace(PRESET, algorithm="ppo", hyperparameters={}), SB3Bridge(masses(2)), 0)
    assert weights_of(ppo.policy).keys() == weights_of(model.policy).keys()


# --- what cannot be ---


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gamma": 0.0}, "gamma must be positive and at most 1, not 0.0"),
        ({"gamma": 1.5}, "gamma must be positive and at most 1, not 1.5"),
        ({"n_steps": 0}, "0 is no possible n_steps"),
        ({"noise": -0.1}, "noise must not be negative, not -0.1"),
        ({"max_grad_norm": 0.0}, "max_grad_norm must be positive, not 0.0"),
        ({"max_action_norm": -1.0}, "max_action_norm must be positive, not -1.0"),
        ({"n_epochs": 2}, "unknown hyper-parameter of AnalyticPolicyGradient 'n_epochs'"),
    ],
)
def test_impossible_hyperparameters_are_one_sentence(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(**given)


def test_an_environment_must_be_differentiable() -> None:
    check_spaces("apg", tiny.Walk(1, tiny.Starts(), continuous=True))
    with pytest.raises(InputError, match="apg cannot act in a Discrete action space"):
        check_spaces("apg", tiny.Walk(1, tiny.Starts()))
    env = tiny.Walk(1, tiny.Starts(), continuous=True)
    env.continuous = False
    with pytest.raises(InputError, match="only a continuous walk is differentiable"):
        check_spaces("apg", env)


def test_the_table_says_that_it_is_not_model_free() -> None:
    assert [key for key, entry in ALGORITHMS.items() if entry.differentiates] == ["apg"]
