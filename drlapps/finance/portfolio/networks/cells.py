"""What becomes of one asset's window of daily returns: (N, window) to (N, width)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from drlapps.errors import InputError, unknown
from drlapps.finance.portfolio.networks.xlstm import HEADS, MLSTM, SLSTM

_KERNEL = 3
_MAPS = 2
_DAYS = 4
# Windows that are unrolled together: so many that their states stay in a CPU's cache.
_CHUNK = 2048


class Convolution(nn.Module):
    """The evaluator of EIIE's CNN (Jiang, Xu and Liang 2017, arXiv:1706.10059, fig. 2).

    A convolution of two maps over three days, then one over all that is left of the window. Both
    are written as products, which a CPU does faster than convolutions of one channel. Over 90 days
    it sees what the agents of Montazeri et al. (2024, CNN-DRL for Scalable Actions in Finance) see.

    Args:
        window: days.
        width: feature maps of the second convolution.

    Raises:
        InputError: the window is shorter than the first convolution.
    """

    def __init__(self, window: int, width: int) -> None:
        super().__init__()
        if window < _KERNEL:
            raise InputError(f"the cell 'cnn' needs a window of {_KERNEL} days, not {window}")
        self.short = nn.Linear(_KERNEL, _MAPS)
        self.long = nn.Linear(_MAPS * (window - _KERNEL + 1), width)

    def forward(self, series: Tensor) -> Tensor:
        """Map (N, window) to (N, width)."""
        maps = torch.relu(self.short(series.unfold(1, _KERNEL, 1)))
        features: Tensor = self.long(maps.flatten(1))
        return features


class Recurrent(nn.Module):
    """A classical recurrent cell, unrolled over the window from a zero state.

    Args:
        cell: ``nn.GRU`` or ``nn.LSTM``.
        width: size of the hidden state.
    """

    def __init__(self, cell: type[nn.GRU] | type[nn.LSTM], width: int) -> None:
        super().__init__()
        self.cell = cell(1, width)

    def forward(self, series: Tensor) -> Tensor:
        """Map (N, window) to (N, width)."""
        return torch.cat([self._unroll(part) for part in torch.split(series, _CHUNK)])

    def _unroll(self, series: Tensor) -> Tensor:
        hidden: Tensor = self.cell(series.t().unsqueeze(-1))[0][-1]
        return hidden


class ExtendedLSTM(nn.Module):
    """An xLSTM cell, unrolled over the window, between the convolution and norm of its block.

    As in the blocks of the paper's appendix, the cell reads a causal convolution over four days,
    passed through SiLU, and each head's hidden state is normalised.

    Args:
        cell: :class:`~.xlstm.SLSTM` or :class:`~.xlstm.MLSTM`.
        width: size of the hidden state.
    """

    def __init__(self, cell: type[SLSTM] | type[MLSTM], width: int) -> None:
        super().__init__()
        self.causal = nn.Linear(_DAYS, width)
        self.cell = cell(width, width)
        self.norm = nn.GroupNorm(HEADS, width)

    def forward(self, series: Tensor) -> Tensor:
        """Map (N, window) to (N, width)."""
        return torch.cat([self._unroll(part) for part in torch.split(series, _CHUNK)])

    def _unroll(self, series: Tensor) -> Tensor:
        padded = functional.pad(series.t(), (0, 0, _DAYS - 1, 0))
        days = functional.silu(self.causal(padded.unfold(0, _DAYS, 1)))
        hidden: Tensor = self.norm(self.cell(days))
        return hidden


def _mlp(window: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(window, width), nn.ReLU(), nn.Linear(width, width))


CELLS: dict[str, Callable[[int, int], nn.Module]] = {
    "mlp": _mlp,
    "cnn": Convolution,
    "gru": lambda _, width: Recurrent(nn.GRU, width),
    "lstm": lambda _, width: Recurrent(nn.LSTM, width),
    "slstm": lambda _, width: ExtendedLSTM(SLSTM, width),
    "mlstm": lambda _, width: ExtendedLSTM(MLSTM, width),
}
"""Builders of the cells by name, from (window, width). No cell's state outlives its window."""


def build_cell(name: str, window: int, width: int) -> nn.Module:
    """Return an untrained cell.

    Args:
        name: key of :data:`CELLS`.
        window: days that it reads.
        width: features that it returns.

    Raises:
        InputError: there is no such cell, or it cannot have these sizes.
    """
    if name not in CELLS:
        raise unknown("cell", name, CELLS)
    return CELLS[name](window, width)
