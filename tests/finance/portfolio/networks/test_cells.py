"""Cells against the equations of their papers, written out day by day and asset by asset."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from drlapps.errors import InputError
from drlapps.finance.portfolio.networks.cells import (
    _CHUNK,
    CELLS,
    Convolution,
    ExtendedLSTM,
    build_cell,
)
from drlapps.finance.portfolio.networks.xlstm import MLSTM, SLSTM

Array = NDArray[np.longdouble]
DAYS, INPUTS, WIDTH, HEADS, SIZE = 9, 3, 8, 2, 4


def wide(tensor: Tensor) -> Array:
    """Extended precision: its exponentials reach 10^4932, so that nothing need be stabilised."""
    return tensor.detach().numpy().astype(np.longdouble)


def sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def literal_slstm(cell: SLSTM, days: Tensor) -> Array:
    """Beck et al. (2024), eqs. 8-14, one sequence (T, inputs) at a time, never stabilised."""
    w = wide(cell.project.weight).reshape(4, WIDTH, INPUTS)
    b, mix = wide(cell.bias), wide(cell.mix)
    r = np.zeros((4, WIDTH, WIDTH), np.longdouble)
    for gate in range(4):
        for head in range(HEADS):
            block = slice(head * SIZE, (head + 1) * SIZE)
            r[gate, block, block] = mix[gate, head].T
    c = n = h = np.zeros(WIDTH, np.longdouble)
    for x in wide(days):
        z, i, f, o = (w[gate] @ x + r[gate] @ h + b[gate] for gate in range(4))
        c = sigmoid(f) * c + np.exp(i) * np.tanh(z)
        n = sigmoid(f) * n + np.exp(i)
        h = sigmoid(o) * c / n
    return h


def literal_mlstm(cell: MLSTM, days: Tensor) -> Array:
    """Eqs. 19-27 in their recurrent form: a matrix memory for each head, never stabilised."""
    linear = {
        name: (wide(layer.weight), wide(layer.bias))
        for name, layer in cell.named_children()
        if name != "gates" and isinstance(layer, nn.Linear)
    }
    gates = wide(cell.gates.weight).reshape(2, HEADS, INPUTS)
    bias = wide(cell.bias)
    hidden = np.zeros(WIDTH, np.longdouble)
    for head in range(HEADS):
        rows = slice(head * SIZE, (head + 1) * SIZE)
        parts = {name: (w[rows], b[rows]) for name, (w, b) in linear.items()}
        memory, n = np.zeros((SIZE, SIZE), np.longdouble), np.zeros(SIZE, np.longdouble)
        for x in wide(days):
            q = parts["query"][0] @ x + parts["query"][1]
            k = parts["key"][0] @ x / np.sqrt(np.longdouble(SIZE)) + parts["key"][1]
            v = parts["value"][0] @ x + parts["value"][1]
            i = np.exp(gates[0, head] @ x + bias[0, head])
            f = sigmoid(gates[1, head] @ x + bias[1, head])
            memory = f * memory + i * np.outer(v, k)
            n = f * n + i * k
            o = sigmoid(parts["output"][0] @ x + parts["output"][1])
            hidden[rows] = o * (memory @ q) / max(abs(n @ q), np.longdouble(1))
    return hidden


LITERAL = {SLSTM: literal_slstm, MLSTM: literal_mlstm}


def random_cell(kind: type[SLSTM] | type[MLSTM], seed: int) -> SLSTM | MLSTM:
    torch.manual_seed(seed)
    cell = kind(INPUTS, WIDTH, HEADS).double()
    for parameter in cell.parameters():
        parameter.data = torch.randn_like(parameter)
    return cell


@pytest.mark.parametrize("kind", [SLSTM, MLSTM])
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    # Of the input gates: from nothing admitted to far beyond what exp can hold.
    shift=st.sampled_from([-2000.0, -30.0, 0.0, 30.0, 2000.0]),
)
def test_xlstm_follows_the_paper_whatever_the_gates(
    kind: type[SLSTM] | type[MLSTM], seed: int, shift: float
) -> None:
    cell = random_cell(kind, seed)
    gate = 1 if kind is SLSTM else 0
    cell.bias.data[gate] += shift
    days = torch.randn(DAYS, 3, INPUTS, dtype=torch.float64)
    found = cell(days).detach().numpy()
    expected = np.stack([LITERAL[kind](cell, days[:, row]) for row in range(3)])  # type: ignore[operator]
    np.testing.assert_allclose(found, expected.astype(np.float64), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", [SLSTM, MLSTM])
def test_gradients_need_not_pass_through_the_stabiliser(kind: type[SLSTM] | type[MLSTM]) -> None:
    cell = random_cell(kind, 5)
    days = torch.randn(4, 2, INPUTS, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(cell, (days,))


@pytest.mark.parametrize("kind", [SLSTM, MLSTM])
def test_xlstm_stays_finite_in_single_precision(kind: type[SLSTM] | type[MLSTM]) -> None:
    cell = random_cell(kind, 3).float()
    days = 1e4 * torch.randn(60, 5, INPUTS)
    days.requires_grad_()
    hidden = cell(days)
    hidden.sum().backward()
    assert hidden.isfinite().all()
    assert days.grad is not None
    assert days.grad.isfinite().all()


def test_slstm_ignores_a_common_shift_of_its_input_gates() -> None:
    """Memory and normaliser grow by the same factor."""
    cell = random_cell(SLSTM, 11)
    days = torch.randn(DAYS, 4, INPUTS, dtype=torch.float64)
    before = cell(days)
    cell.bias.data[1] += 5000.0
    torch.testing.assert_close(cell(days), before, rtol=0, atol=1e-10)


def test_eiie_is_the_two_convolutions_of_its_paper_over_each_asset_alone() -> None:
    """Jiang et al. (2017), fig. 2: kernels of 1 x 3 and 1 x (window - 2) over assets x days."""
    torch.manual_seed(0)
    assets, window, width = 7, 20, 8
    cell = Convolution(window, width).double()
    series = torch.randn(assets, window, dtype=torch.float64)
    maps = len(cell.short.weight)
    image = functional.conv2d(
        series[None, None], cell.short.weight.view(maps, 1, 1, 3), cell.short.bias
    )
    long = cell.long.weight.view(width, window - 2, maps).transpose(1, 2).unsqueeze(2)
    paper = functional.conv2d(torch.relu(image), long, cell.long.bias)[0, :, :, 0].t()
    torch.testing.assert_close(cell(series), paper, rtol=0, atol=1e-12)
    alone = torch.cat([cell(series[asset : asset + 1]) for asset in range(assets)])
    torch.testing.assert_close(cell(series), alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_classical_cells_end_in_the_state_after_the_last_day(name: str) -> None:
    torch.manual_seed(1)
    cell = build_cell(name, 6, 8).double()
    series = torch.randn(3, 6, dtype=torch.float64)
    state = None
    for day in range(6):
        _, state = cell.cell(series[None, :, day : day + 1], state)
    last = state if isinstance(state, Tensor) else state[0]  # type: ignore[index]
    torch.testing.assert_close(cell(series), last[0])


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_reads_windows_one_by_one(name: str) -> None:
    """A row's features do not depend on the rows beside it, nor on how many there are."""
    torch.manual_seed(2)
    cell = build_cell(name, 10, 16).double()
    series = torch.randn(_CHUNK + 3, 10, dtype=torch.float64)
    found = cell(series)
    assert found.shape == (_CHUNK + 3, 16)
    torch.testing.assert_close(found[-5:], cell(series[-5:]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("day", [0, 9])
def test_every_cell_sees_the_first_and_the_last_day(name: str, day: int) -> None:
    torch.manual_seed(3)
    cell = build_cell(name, 10, 16).double()
    series = torch.randn(4, 10, dtype=torch.float64, requires_grad=True)
    (cell(series) * torch.randn(4, 16)).sum().backward()
    assert series.grad is not None
    assert series.grad[:, day].abs().max() > 1e-6


def test_xlstm_remembers_a_month_at_first() -> None:
    """Forget gates start nearly open, also where SB3 has initialised all linear layers."""
    for name in ("slstm", "mlstm"):
        cell = build_cell(name, 10, 16)
        assert isinstance(cell, ExtendedLSTM)
        assert isinstance(cell.cell, SLSTM | MLSTM)
        forget = cell.cell.bias[2 if name == "slstm" else 1]
        half_life = math.log(0.5) / torch.log(torch.sigmoid(forget))
        assert 14 < half_life.min() < half_life.max() < 281


def test_bad_cells_are_refused() -> None:
    with pytest.raises(InputError, match="unknown cell 'slstn'; did you mean slstm"):
        build_cell("slstn", 10, 8)
    with pytest.raises(InputError, match="needs a window of 3 days, not 2"):
        build_cell("cnn", 2, 8)
    with pytest.raises(InputError, match="4 heads do not divide a network of width 10"):
        build_cell("mlstm", 5, 10)
