"""The layer that solves a learnt program, its policy, and what is proven of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import osqp
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from drlapps.control.double_integrator import instances as mass
from drlapps.control.double_integrator.environment import DoubleIntegratorEnv
from drlapps.control.process import verification
from drlapps.control.process.closed_loop import Loop
from drlapps.control.process.differentiable import LinearModel
from drlapps.control.process.qp_layer import QpLayer
from drlapps.control.process.qp_policy import QpPolicy, actor_parameters
from drlapps.control.quadruple_tank import instances as tank
from drlapps.control.quadruple_tank.environment import QuadrupleTankEnv
from drlapps.errors import InputError


def layer(inputs: int = 3, variables: int = 4, constraints: int = 9, seed: int = 0) -> QpLayer:
    torch.manual_seed(seed)
    made = QpLayer(inputs, variables, constraints, 10)
    with torch.no_grad():
        made.offset.weight.normal_(std=0.3)
    return made.double()


def test_many_iterations_solve_the_program() -> None:
    made = layer()
    made.iterations = 5000
    seen = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found, (q, b) = made(seen).numpy(), (part.numpy() for part in made.program(seen))
        hessian, rows = made.hessian().numpy(), made.matrix.numpy()
    for y, linear, offset in zip(found, q, b, strict=True):
        solver = osqp.OSQP()
        solver.setup(sparse.csc_matrix(hessian), linear, sparse.csc_matrix(rows), -offset,
                     np.full(len(offset), np.inf), verbose=False, eps_abs=1e-9, eps_rel=1e-9,
                     max_iter=100_000)  # fmt: skip
        assert y == pytest.approx(solver.solve(raise_error=True).x, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_inputs_are_as_enclosed(seed: int) -> None:
    loop = Loop(layer(2, 3, 6, seed % 7), mass.plant())
    rng = np.random.default_rng(seed)
    centre, spread = rng.uniform(-5.0, 5.0, (4, 2)), rng.normal(size=(4, 2, 2))
    spread *= 10.0 ** rng.uniform(-3.0, 0.0)
    radius, inverse = rng.uniform(0.0, 0.5, 4), rng.normal(size=(2, 2))
    inputs, gain, error = loop.enclosed(centre, spread, radius, inverse)
    for _ in range(50):
        ball = rng.normal(size=(4, 2))
        ball *= (radius * rng.uniform(0.0, 1.0, 4) / np.linalg.norm(ball, axis=1))[:, None]
        moved = (spread @ rng.uniform(-1.0, 1.0, (4, 2, 1)))[:, :, 0] + ball @ inverse.T
        linear = inputs + (gain @ moved[:, :, None])[:, :, 0]
        assert (np.abs(loop.inputs(centre + moved) - linear) <= error + 1e-9).all()


def test_the_loop_in_double_precision_is_the_layer() -> None:
    made = layer(2, 3, 6)
    loop = Loop(made, mass.plant())
    states = np.random.default_rng(0).uniform(-5.0, 5.0, (40, 2))
    with torch.no_grad():
        actions = made(torch.as_tensor(states / 5.0)).numpy()[:, :1].clip(-1.0, 1.0)
    assert loop.inputs(states) == pytest.approx(0.5 * actions)
    gain, distance = loop.affine(states[0])
    near = states[0] + 0.9 * distance * np.array([[0.6, 0.8], [-1.0, 0.0]])
    moved = loop.inputs(near) - loop.inputs(states[:1])
    assert moved == pytest.approx((near - states[0]) @ gain.T, abs=1e-12)


def regulated() -> QpLayer:
    """A layer without active constraints that is the regulator of the double integrator."""
    from drlapps.control.process.targets import regulator

    made = QpLayer(2, 1, 2, 10).double()
    gain = regulator(mass.plant()).gain
    with torch.no_grad():
        made.matrix.copy_(torch.tensor([[1e-3], [-1e-3]]))
        # y = -P^-1 q; actions are halves of inputs' limits and observations fifths of states.
        made.linear.weight.copy_(1.01 * torch.as_tensor(gain) * 5.0 / 0.5)
    return made


def test_all_that_a_regulator_keeps_is_proven_and_nothing_else() -> None:
    plant = mass.plant()
    found = verification.certify(regulated(), plant, boxes=8_000)
    assert found.equilibrium == pytest.approx(np.zeros(2), abs=1e-9)
    assert 0.7 < found.radius < 1.0
    assert found.share + found.refuted > 0.9
    assert found.share == pytest.approx(found.cells[:, 1].prod(axis=1).sum() * 4.0 / 100.0)
    # What is proven holds in samples.
    states = np.random.default_rng(0).uniform(-5.0, 5.0, (2000, 2))
    covered = found.covers(states)
    assert covered.mean() == pytest.approx(found.share, abs=0.04)
    played = verification.follow(regulated(), plant, states[covered])
    assert not played.violating.any()
    assert played.converged.all()
    # And what was left out is little.
    kept = verification.follow(regulated(), plant, states)
    assert (~kept.violating & ~covered).mean() < 0.02
    assert verification.residual(regulated(), states / 5.0) == pytest.approx(0.0, abs=1e-5)


def test_a_loop_with_a_reference_is_proven_to_come_to_rest_near_it() -> None:
    # Half of what is missing in each step, from wherever it is.
    plant = replace(
        mass.plant(), a=np.eye(2), b=np.eye(2), inputs=("one", "other"), tracked=(0, 1),
        input_lower=np.full(2, -5.0), input_upper=np.full(2, 5.0),
    )  # fmt: skip
    made = QpLayer(4, 2, 2, 10).double()
    with torch.no_grad():
        made.matrix.copy_(1e-3 * torch.eye(2))
        made.linear.weight.copy_(0.5 * 1.01 * torch.cat([torch.eye(2), -torch.eye(2)], dim=1))
    wanted = np.array([2.0, -1.0])
    found = verification.certify(made, plant, wanted, grid=8)
    assert found.equilibrium == pytest.approx(wanted)
    assert found.radius == pytest.approx(0.5)
    assert found.share == pytest.approx(1.0)


def test_what_leads_away_is_not_certified() -> None:
    made = regulated()
    with torch.no_grad():
        made.linear.weight.neg_()
    found = verification.certify(made, mass.plant(), boxes=10_000)
    assert found.level == found.share == 0.0
    assert found.radius > 1.0
    assert verification.invariance_violation(made, mass.plant(), mass.plant().cuts, 2000) > 0.1
    assert verification.follow(made, mass.plant(), np.array([[1.0, 0.5]])).violating.all()


def test_plants_with_references_have_no_one_equilibrium() -> None:
    with pytest.raises(InputError, match="references"):
        verification.certify(layer(8, 4, 8), tank.plant())


def test_the_policy_acts_by_its_layer() -> None:
    box, actions = spaces.Box(-10, 10, (8,)), spaces.Box(-1, 1, (2,))
    policy = QpPolicy(box, actions, lambda _: 1e-3, variables=4, constraints=12)
    seen = torch.randn(5, 8)
    expected = policy.layer(seen)[:, :2]
    assert torch.allclose(policy.get_distribution(seen).mode(), expected)
    acted, _ = policy.predict(seen.numpy(), deterministic=True)
    assert acted == pytest.approx(expected.detach().numpy().clip(-1.0, 1.0), abs=1e-5)
    with torch.no_grad():
        policy.layer.offset.bias.mul_(0.5)
    again, _ = policy.predict(seen.numpy(), deterministic=True)
    assert again != pytest.approx(acted, abs=1e-5)
    # The root of P, then H, W_q, W_b and b.
    assert actor_parameters(policy) == 16 + 48 + 32 + 96 + 12
    with pytest.raises(ValueError, match="hold no 2 actions"):
        QpPolicy(box, actions, lambda _: 1e-3, variables=1)


def test_the_differentiable_model_is_the_environment() -> None:
    episodes = tank.named(["tank:0..2"], noise=0.1, measurement_noise=0.02, b_scale=0.5)
    env = QuadrupleTankEnv(3, episodes, penalty=0.0)
    seen, _ = env.reset(seed=0, options={"instances": episodes})
    model = env.differentiable()
    assert isinstance(model, LinearModel)
    state = model.load(episodes, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for _ in range(model.horizon - 1):
        assert model.observe(state).numpy() == pytest.approx(seen, abs=1e-4)
        actions = rng.uniform(-1.0, -0.8, (3, 2)).astype(np.float32)
        state, reward = model.step(state, torch.as_tensor(actions))
        seen, rewards, *_ = env.step(actions)
        assert reward.numpy() == pytest.approx(rewards, rel=1e-4)


def test_the_differentiable_model_has_a_slope_beyond_limits() -> None:
    env = DoubleIntegratorEnv(1, mass.toy()[:1], penalty=2.0)
    model = env.differentiable()
    (toy,) = mass.toy()[:1]
    state = model.load([toy], np.random.default_rng(0))
    state = state._replace(state=torch.tensor([[5.0, 1.0]]))
    _, reward = model.step(state, torch.zeros(1, 1))
    # Position 6, beyond 5 by a tenth of the range.
    assert reward.item() == pytest.approx(-(36.0 + 1.0) / 10.0 - 20.0 * 2.0 * 0.1, rel=1e-5)
    for wrong in ({"stop_at_violation": True}, {"delay": 1}):
        with pytest.raises(InputError, match="stop_at_violation=false and delay=0"):
            DoubleIntegratorEnv(1, mass.toy(), **wrong).differentiable()  # type: ignore[arg-type]
