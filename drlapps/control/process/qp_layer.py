"""A layer that solves a quadratic program with learnt matrices, by a fixed number of iterations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor, nn

_LEAST = 1e-2
"""Least eigenvalue of P."""


Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A :class:`QpLayer` with all products of its weights worked out, in NumPy.

    For the observation ``o``, with ``c = slopes o + constants`` and ``t = c`` at first, some
    iterations of ``t <- G |t| + min(t, 0) + c``, and then ``y = out |t| + direct o + shift``.
    """

    slopes: Floats
    constants: Floats
    g: Floats
    out: Floats
    direct: Floats
    shift: Floats
    iterations: int

    @classmethod
    def of(cls, layer: QpLayer, size: int, dtype: DTypeLike) -> Recurrence:
        """Return the first ``size`` entries of a layer's solution, as a recurrence."""
        weights = {k: v.detach().double().numpy() for k, v in layer.state_dict().items()}
        linear, offset = weights["linear.weight"], weights["offset.weight"]
        h, bias = weights["matrix"], weights["offset.bias"]
        inner = np.linalg.inv(layer.hessian().detach().double().numpy() + h.T @ h)
        back = inner @ h.T
        rest = np.eye(len(h)) - h @ back
        return cls(
            slopes=(rest @ offset - back.T @ linear).astype(dtype),
            constants=(rest @ bias).astype(dtype),
            g=(h @ back).astype(dtype),
            out=back[:size].astype(dtype),
            direct=-(back @ offset + inner @ linear)[:size].astype(dtype),
            shift=-(back @ bias)[:size].astype(dtype),
            iterations=layer.iterations,
        )

    def courses(self, observations: Floats) -> list[Floats]:
        """Return ``t`` before the first and after every iteration, (B, constraints) each."""
        c = observations @ self.slopes.T + self.constants
        found = [c]
        for _ in range(self.iterations):
            t = found[-1]
            found.append(np.abs(t) @ self.g + np.minimum(t, 0.0) + c)
        return found

    def __call__(self, observations: Floats) -> Floats:
        """Return the solution's first entries, (B, size)."""
        t = self.courses(observations)[-1]
        return np.asarray(np.abs(t) @ self.out.T + observations @ self.direct.T + self.shift)


class QpLayer(nn.Module):
    """Maps observations ``o`` to the near solution of a learnt quadratic program.

    ::

        minimise  1/2 y' P y + (W_q o)' y   subject to   H y + W_b o + b >= 0

    as the program of a linear MPC depends on state and reference; but P, H, W_q, W_b and b are
    weights. The program is solved by the alternating direction method of multipliers (ADMM) on the
    splitting ``z = H y + W_b o + b``. With step size 1, the slack ``z >= 0`` and the scaled
    multipliers ``w <= 0`` are the positive and the negative part of one vector ``t``, so that an
    iteration is ::

        t  <-  G |t| + min(t, 0) + c,    G = H (P + H' H)^-1 H'

    where ``c`` is affine in the observation: a recurrent network whose every weight is that of a
    program. Multiplication of constraints by numbers is what step sizes would do, and is learnt.

    Args:
        inputs: entries of an observation.
        variables: entries of y.
        constraints: rows of H.
        iterations: of ADMM.
    """

    def __init__(self, inputs: int, variables: int, constraints: int, iterations: int) -> None:
        super().__init__()
        self.variables, self.constraints, self.iterations = variables, constraints, iterations
        self.root = nn.Parameter(torch.eye(variables))
        self.matrix = nn.Parameter(torch.randn(constraints, variables) / math.sqrt(variables))
        self.linear = nn.Linear(inputs, variables, bias=False)
        self.offset = nn.Linear(inputs, constraints)
        nn.init.zeros_(self.offset.weight)
        nn.init.ones_(self.offset.bias)

    def hessian(self) -> Tensor:
        """Return P, symmetric and positive definite, (variables, variables)."""
        eye = torch.eye(self.variables, device=self.root.device, dtype=self.root.dtype)
        found: Tensor = self.root.T @ self.root + _LEAST * eye
        return found

    def program(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Return q (B, variables) and b (B, constraints) of the programs."""
        return self.linear(observations), self.offset(observations)

    def forward(self, observations: Tensor) -> Tensor:
        """Return y after the iterations, (B, variables)."""
        q, b = self.program(observations)
        h = self.matrix
        inner = torch.linalg.inv(self.hessian() + h.T @ h)
        back = inner @ h.T  # from constraints to variables
        g = h @ back
        c = b - b @ g - q @ back
        t = c
        for _ in range(self.iterations):
            t = torch.addmm(c + t.clamp(max=0.0), t.abs(), g)
        found: Tensor = (t.abs() - b) @ back.T - q @ inner
        return found
