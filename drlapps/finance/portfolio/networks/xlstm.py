"""The two cells of xLSTM (Beck et al. 2024, arXiv:2405.04517), read off after the last day.

Both have exponential input gates. A gate's exponential overflows, so the states are kept divided
by exp(m), where the stabiliser m follows the largest exponent met so far; the hidden state, a
quotient of two such states, does not depend on m (their eqs. 15-17), which is why no gradient needs
to pass through it. Forget gates are sigmoids, one of the paper's two choices.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from drlapps.errors import InputError

HEADS = 4
# Forget gates start nearly open: halves of what is remembered last from 14 to 280 days.
_FORGET_BIAS = (3.0, 6.0)


class SLSTM(nn.Module):
    """Scalar memory with a normaliser, eqs. 8-17; heads mix memories only within themselves.

    Args:
        inputs: features a day.
        width: size of the hidden state.
        heads: blocks of the recurrent matrices.

    Raises:
        InputError: the heads do not divide the width.
    """

    def __init__(self, inputs: int, width: int, heads: int = HEADS) -> None:
        super().__init__()
        size = _head_size(width, heads)
        self.project = nn.Linear(inputs, 4 * width, bias=False)
        # Gates in the order z, i, f, o. A parameter of its own: SB3 zeroes biases of linear layers.
        self.bias = nn.Parameter(torch.zeros(4, width))
        self.mix = nn.Parameter(torch.randn(4, heads, size, size) / math.sqrt(size))
        with torch.no_grad():
            self.bias[2] = torch.linspace(*_FORGET_BIAS, width)

    def forward(self, days: Tensor) -> Tensor:
        """Map (T, N, inputs) to the last hidden state (N, width)."""
        inputs = self.project(days) + self.bias.flatten()
        mix = torch.cat([torch.block_diag(*gate) for gate in self.mix], dim=1)  # type: ignore[no-untyped-call]
        c = n = h = torch.zeros_like(inputs[0, :, : len(mix)])
        m = torch.full_like(c, -torch.inf)
        for today in inputs:
            z, i, f, o = torch.addmm(today, h, mix).chunk(4, dim=-1)
            kept = functional.logsigmoid(f) + m
            m = torch.maximum(kept, i).detach()
            forget, admit = torch.exp(kept - m), torch.exp(i - m)
            c = forget * c + admit * torch.tanh(z)
            n = forget * n + admit
            h = torch.sigmoid(o) * c / n
        return h


class MLSTM(nn.Module):
    """Matrix memory, eqs. 19-27, in its parallel form.

    No memory is mixed over time, so the memory after day T is a sum over the days s of
    v_s k_s^T weighted with i_s f_{s+1} ... f_T: its answer to the last query is an attention of
    that query over the window, and no matrix is ever formed.

    Args:
        inputs: features a day.
        width: size of the hidden state.
        heads: independent memories of size (width / heads)^2.

    Raises:
        InputError: the heads do not divide the width.
    """

    def __init__(self, inputs: int, width: int, heads: int = HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.size = _head_size(width, heads)
        self.query = nn.Linear(inputs, width)
        self.key = nn.Linear(inputs, width)
        self.value = nn.Linear(inputs, width)
        self.output = nn.Linear(inputs, width)
        self.gates = nn.Linear(inputs, 2 * heads, bias=False)
        self.bias = nn.Parameter(torch.zeros(2, heads))
        with torch.no_grad():
            self.bias[1] = torch.linspace(*_FORGET_BIAS, heads)

    def forward(self, days: Tensor) -> Tensor:
        """Map (T, N, inputs) to the last hidden state (N, width)."""
        heads = (self.heads, self.size)
        query = self.query(days[-1]).view(-1, *heads)
        key = functional.linear(days, self.key.weight / math.sqrt(self.size), self.key.bias)
        value = self.value(days).view(*days.shape[:2], *heads)
        i, f = (self.gates(days) + self.bias.flatten()).chunk(2, dim=-1)
        log_forget = functional.logsigmoid(f[1:]).flip(0).cumsum(0).flip(0)
        exponent = i + functional.pad(log_forget, (0, 0, 0, 0, 0, 1))
        m = exponent.amax(dim=0).detach()
        agreement = (key.view(value.shape) * query).sum(dim=-1)
        weight = torch.exp(exponent - m) * agreement
        # Eq. 21 bounds the normaliser below by one; divided by exp(m) like everything else.
        normaliser = torch.maximum(weight.sum(dim=0).abs(), torch.exp(-m))
        read = (weight.unsqueeze(-1) * value).sum(dim=0) / normaliser.unsqueeze(-1)
        hidden: Tensor = torch.sigmoid(self.output(days[-1])) * read.flatten(1)
        return hidden


def _head_size(width: int, heads: int) -> int:
    if width % heads:
        raise InputError(f"{heads} heads do not divide a network of width {width}")
    return width // heads
