"""Minimum conditional value at risk and minimum mean absolute deviation: linear programs.

Both are stated in Pyomo and solved by HiGHS. The model is built once for a number of days and
assets; returns and limits are parameters that change from one rebalancing to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from drlapps.errors import Failure
from drlapps.finance.portfolio.allocation import Matrix, Vector
from drlapps.finance.portfolio.convex.limits import Admissible


class TailRisk:
    """A linear program over portfolios, warm from one rebalancing to the next.

    Args:
        alpha: level of the conditional value at risk (Rockafellar & Uryasev 2000, equation 17):
            minimise z + sum_t u_t / ((1 - alpha) T) with u_t >= -r_t'w - z, u_t >= 0. ``None``
            for the mean absolute deviation (Konno & Yamazaki 1991): minimise sum_t d_t / T with
            d_t >= |(r_t - mean r)'w|.
    """

    def __init__(self, alpha: float | None) -> None:
        self._alpha = alpha
        self._shape = (0, 0)
        self._model: Any = None
        self._solver: Any = None

    def weights(self, admissible: Admissible, returns: Matrix) -> Vector:
        """Return the weights of least risk on past returns of shape (days, assets).

        Raises:
            Failure: HiGHS found no optimum.
        """
        if returns.shape != self._shape:
            self._build(returns.shape)
        model = self._model
        shown = returns if self._alpha is not None else returns - returns.mean(axis=0)
        for (day, asset), value in np.ndenumerate(shown):
            model.returns[day, asset] = float(value)
        for asset in model.assets:
            model.weight[asset].setlb(float(admissible.lower[asset]))
            model.weight[asset].setub(float(admissible.upper[asset]))
            model.held[asset] = float(admissible.held[asset])
        model.sales_limit = min(float(admissible.sales), 1.0)
        found = self._solver.solve(model)
        if str(found.termination_condition).rpartition(".")[2] != "optimal":
            raise Failure(f"the risk program ended as {found.termination_condition}")
        weights = np.array([max(model.weight[asset].value, 0.0) for asset in model.assets])
        return np.asarray(weights / weights.sum())

    def _build(self, shape: tuple[int, ...]) -> None:
        import pyomo.environ as pyo
        from pyomo.contrib.appsi.solvers import Highs

        days, assets = shape
        model = pyo.ConcreteModel()
        model.days, model.assets = pyo.RangeSet(0, days - 1), pyo.RangeSet(0, assets - 1)
        model.returns = pyo.Param(model.days, model.assets, mutable=True, initialize=0.0)
        model.held = pyo.Param(model.assets, mutable=True, initialize=0.0)
        model.sales_limit = pyo.Param(mutable=True, initialize=1.0)
        model.weight = pyo.Var(model.assets, bounds=(0.0, 1.0))
        model.sale = pyo.Var(model.assets, bounds=(0.0, None))
        model.excess = pyo.Var(model.days, bounds=(0.0, None))
        model.invested = pyo.Constraint(expr=sum(model.weight.values()) == 1.0)
        model.sold = pyo.Constraint(
            model.assets, rule=lambda m, i: m.sale[i] >= m.held[i] - m.weight[i]
        )
        model.turnover = pyo.Constraint(expr=sum(model.sale.values()) <= model.sales_limit)

        def earned(m: Any, day: int) -> Any:
            return sum(m.returns[day, i] * m.weight[i] for i in m.assets)

        mean_excess = sum(model.excess.values()) / days
        if self._alpha is None:
            model.over = pyo.Constraint(model.days, rule=lambda m, t: m.excess[t] >= earned(m, t))
            model.under = pyo.Constraint(model.days, rule=lambda m, t: m.excess[t] >= -earned(m, t))
            model.risk = pyo.Objective(expr=mean_excess)
        else:
            model.threshold = pyo.Var()
            model.beyond = pyo.Constraint(
                model.days, rule=lambda m, t: m.excess[t] >= -earned(m, t) - m.threshold
            )
            model.risk = pyo.Objective(expr=model.threshold + mean_excess / (1.0 - self._alpha))
        self._model, self._shape = model, (days, assets)
        self._solver = Highs()
        self._solver.config.load_solution = True
