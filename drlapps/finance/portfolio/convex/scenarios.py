"""Linear programs over past days as equally likely scenarios, in Pyomo and solved by HiGHS.

References:
    Rockafellar & Uryasev 2000, "Optimization of conditional value-at-risk", Journal of Risk 2(3);
    Konno & Yamazaki 1991, "Mean-absolute deviation portfolio optimization model and its
    applications to Tokyo stock market", Management Science 37(5);
    Feinstein & Thapa 1993, "A reformulation of a mean-absolute deviation portfolio optimization
    model", Management Science 39(12).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.errors import Failure
from drlapps.finance.portfolio.allocation import Matrix, Vector
from drlapps.finance.portfolio.convex.limits import Admissible
from drlapps.finance.portfolio.convex.programs import rounded
from drlapps.highs import persistent

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel


class ScenarioProgram:
    """The least conditional value at risk, or the least mean absolute deviation.

    With r_t the returns of day t, T days, w the weights and u_t the shortfall below a level v::

        min  Σ u_t / ((1 - α) T) - v     v free                for CVaR (Rockafellar-Uryasev)
        min  2 Σ u_t / T                 v = mean(r)'w         for the MAD (Feinstein-Thapa)
        s.t. u_t >= v - r_t'w,  u_t >= 0
             lower <= w <= upper,  Σ w = 1
             s >= held - w,  s >= 0,  Σ s <= sales

    (Deviations from a mean sum to zero, so the MAD is twice the mean shortfall below it.)

    The model is built once and its parameters are changed: to build it anew would take several
    times as long as to solve it. A day keeps its scenario for as long as it stays in the window.

    Args:
        shape: (days, assets): of the returns.
        alpha: level of the conditional value at risk; ``None`` for the mean absolute deviation.
    """

    def __init__(self, shape: tuple[int, ...], alpha: float | None) -> None:
        self.shape = shape
        self._returns = np.zeros(shape)
        self._model = _model(*shape, alpha=alpha)
        self._solver = persistent(
            self._model, primal_feasibility_tolerance=1e-9, dual_feasibility_tolerance=1e-9
        )

    def solve(self, returns: Matrix, first: int, admissible: Admissible) -> Vector:
        """Return the best admissible weights.

        Args:
            returns: shape (days, assets).
            first: number of the first day, counted from any fixed day.
            admissible: the portfolios to choose from.

        Raises:
            Failure: HiGHS did not prove an optimum.
        """
        from pyomo.contrib.appsi.base import TerminationCondition

        model = self._model
        self._set_returns(np.roll(returns, first, axis=0))
        for name in ("lower", "upper", "held"):
            _set(getattr(model, name), getattr(admissible, name))
        model.sales.value = admissible.sales
        results = self._solver.solve(model)
        if results.termination_condition is not TerminationCondition.optimal:
            raise Failure(f"HiGHS ended with {results.termination_condition.name}, not an optimum")
        primals = self._solver.get_primals(list(model.weight.values()))
        return rounded(np.array([primals[weight] for weight in model.weight.values()]))

    def _set_returns(self, returns: Matrix) -> None:
        """Change the scenarios that differ from those of the last time."""
        for day in np.flatnonzero((returns != self._returns).any(axis=1)):
            for asset, value in enumerate(returns[day].tolist()):
                self._model.returns[int(day), asset].value = value
        self._returns = returns
        _set(self._model.mean, returns.mean(axis=0))


def _set(parameters: Any, values: Vector) -> None:
    """Set an indexed parameter of the model."""
    for index, value in enumerate(values.tolist()):
        parameters[index].value = value


def _model(days: int, assets: int, *, alpha: float | None) -> ConcreteModel:
    """Return the program with all parameters zero."""
    from pyomo.environ import (
        ConcreteModel,
        Constraint,
        NonNegativeReals,
        Objective,
        Param,
        Var,
        quicksum,
    )

    every_day, every_asset = range(days), range(assets)
    model = ConcreteModel()
    model.returns = Param(every_day, every_asset, mutable=True, initialize=0.0)
    model.mean = Param(every_asset, mutable=True, initialize=0.0)
    model.lower = Param(every_asset, mutable=True, initialize=0.0)
    model.upper = Param(every_asset, mutable=True, initialize=1.0)
    model.held = Param(every_asset, mutable=True, initialize=0.0)
    model.sales = Param(mutable=True, initialize=1.0)

    model.weight = Var(every_asset, bounds=lambda m, i: (m.lower[i], m.upper[i]))
    model.sold = Var(every_asset, domain=NonNegativeReals)
    model.shortfall = Var(every_day, domain=NonNegativeReals)
    model.level = Var()

    model.invested = Constraint(expr=quicksum(model.weight.values()) == 1.0)
    model.sale = Constraint(every_asset, rule=lambda m, i: m.sold[i] + m.weight[i] >= m.held[i])
    model.all_sales = Constraint(expr=quicksum(model.sold.values()) <= model.sales)
    model.below = Constraint(
        every_day,
        rule=lambda m, t: (
            m.shortfall[t] + quicksum(m.returns[t, i] * m.weight[i] for i in every_asset) - m.level
            >= 0.0
        ),
    )
    total = quicksum(model.shortfall.values())
    if alpha is None:
        model.at_mean = Constraint(
            expr=quicksum(model.mean[i] * model.weight[i] for i in every_asset) == model.level
        )
        model.objective = Objective(expr=2.0 / days * total)
    else:
        model.objective = Objective(expr=total / ((1.0 - alpha) * days) - model.level)
    return model
