"""The dispatch of an island as a linear program.

With the power ``R_t`` of sun and wind known, and the loads put together by their weights ``z_j`` to
``P_j`` kW, of which ``s_jt`` are served::

    maximise   sum_t ( v_t - D d_t )
    v_t      = sum_j z_j s_jt,   0 <= s_jt <= P_j                  value of what is served
    d_t     >= v_t-1 - v_t,   d_t >= 0                             value of what is given up
    sum_j s_jt <= R_t + g_t + b_t - c_t                            the rest is curtailed
    E_t+1    = E_t - dt ( b_t / eta_d - eta_c c_t ),   E_min <= E_t <= E_max
    dt sum_t g_t <= fuel

**It loses nothing** by forgetting which loads are served. For any shares ``x_it`` the drops of
single loads add up to at least that of their value, ``sum_i max(0, a_i) >= max(0, sum_i a_i)``, so
that shares give a solution of the program that is no worse. Conversely, serving the loads in the
order of their weights up to the value ``v_t`` takes the least power of all ways to get that value,
and since shares then rise or fall together, their drops add up to that of the value. Nor does it
matter that charging and discharging at once is not ruled out: it only burns energy, as curtailment
does.

So the optimum is that of the task, voltages left out. They can only lower it: for known ``R_t`` it
is a bound that no policy passes, and one that is attained where voltages do not bind.

References:
    Zhang, X., et al. (2023). Curriculum-based reinforcement learning for distribution system
    critical load restoration. IEEE Transactions on Power Systems, 38(5), 4418-4431: their MPC.
    Huangfu, Q., & Hall, J. A. J. (2018). Parallelizing the dual revised simplex method.
    Mathematical Programming Computation, 10(1), 119-142: HiGHS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration.resources import Microgrid
from drlapps.errors import Failure
from drlapps.highs import persistent

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

Floats = NDArray[np.float64]

_OPTIONS = {"mip_rel_gap": 1e-3}

_TILT = 1e-2
"""Weighted kW that a kW of unevenness costs: far less than the lightest load is worth."""


@dataclass(frozen=True)
class State:
    """Where an island is when it decides.

    Attributes:
        served: shares of the loads that were served in the last step, (L,).
        charge_kwh: energy in the battery.
        fuel_kwh: energy in the tank.
    """

    served: Floats
    charge_kwh: float
    fuel_kwh: float


@dataclass(frozen=True)
class Dispatch:
    """A solution of the program.

    Attributes:
        objective: weighted kW, added up over the steps.
        shares: of each load to be served in each step, (T, L).
        turbine_kw: (T,).
    """

    objective: float
    shares: Floats
    turbine_kw: Floats


class DispatchProgram:
    """The program of one island: built once, then its state and the weather change.

    There are always ``steps`` steps. Where fewer are left, the sun is made to shine on all loads
    after the end: that adds a constant to the objective and asks nothing of battery and tank.

    Args:
        microgrid: the island.
        steps: their number ``T``.
        step_hours: length of each.
        most: largest share of each load, (L,).
        whole: whether a load is served in the first step as a whole or not at all.
        even: number of first steps in which, of equal plans, that one is chosen which draws on
            turbine and battery in proportion to the energy that is left in each: so both stay
            powerful for as long as possible, if things turn out otherwise.
    """

    def __init__(
        self,
        microgrid: Microgrid,
        steps: int,
        step_hours: float,
        most: Floats,
        *,
        whole: bool = False,
        even: int = 0,
    ) -> None:
        self.microgrid, self.steps = microgrid, steps
        self._kw = np.array([load.p_kw for load in microgrid.loads]) * most
        self._full_kw = np.array([load.p_kw for load in microgrid.loads])
        self._weight = np.array([load.weight for load in microgrid.loads])
        self._whole = whole
        self.model = self._build(step_hours, even)
        self._solver = persistent(self.model, **_OPTIONS)

    def solve(
        self, state: State, renewable_kw: Floats, turbine_most: Floats | None = None
    ) -> Dispatch:
        """Find the best dispatch.

        Args:
            state: where the island is.
            renewable_kw: power of sun and wind in each step to come, of which there may be fewer
                than ``steps``.
            turbine_most: greatest power of the turbine in each, in kW; its capacity by default.

        Raises:
            Failure: HiGHS did not prove an optimum.
        """
        from pyomo.contrib.appsi.base import TerminationCondition

        model = self.model
        self._set_state(state)
        self._set_powers(renewable_kw, turbine_most)
        results = self._solver.solve(model)
        if results.termination_condition is not TerminationCondition.optimal:
            # From its last basis HiGHS may come to no end; from none it does.
            self._solver = persistent(model, **_OPTIONS)
            results = self._solver.solve(model)
        if results.termination_condition is not TerminationCondition.optimal:
            raise Failure(f"HiGHS ended with {results.termination_condition.name}, not an optimum")
        return self._read(float(results.best_feasible_objective), len(renewable_kw))

    def _set_state(self, state: State) -> None:
        model, battery = self.model, self.microgrid.battery
        charge = min(max(state.charge_kwh, battery.min_kwh), battery.max_kwh)
        stored = (charge - battery.min_kwh) * battery.discharge_efficiency
        model.charge.value, model.fuel.value = charge, state.fuel_kwh
        model.part_of_turbine.value = state.fuel_kwh / max(state.fuel_kwh + stored, 1e-9)
        before = self._full_kw * self._weight * state.served
        model.before.value = float(before.sum())
        for i, parameter in model.on.items():
            parameter.value = float(before[i])

    def _set_powers(self, renewable_kw: Floats, turbine_most: Floats | None) -> None:
        model, after = self.model, self.steps - len(renewable_kw)
        sunny = np.append(renewable_kw, np.full(after, self._kw.sum()))
        for k, power in enumerate(sunny.tolist()):
            model.renewable[k].value = power
        capacity = self.microgrid.turbine.p_kw
        limits = np.full(self.steps, capacity)
        if turbine_most is not None:
            limits[: len(turbine_most)] = np.minimum(turbine_most, capacity)
        for k, power in enumerate(limits.tolist()):
            model.turbine_most[k].value = power

    def _read(self, objective: float, left: int) -> Dispatch:
        model = self.model
        found = self._solver.get_primals()
        values = np.array([found[model.value[k]] for k in range(left)])
        turbine = np.array([found[model.turbine[k]] for k in range(left)])
        shares = self.in_order(values)
        if self._whole:
            # What is served later is decided later; until then, it stays as it is.
            shares[:] = np.round([found[u] for u in model.serve.values()])
        return Dispatch(objective, shares, np.maximum(turbine, 0.0))

    def in_order(self, values: Floats) -> Floats:
        """Return the shares that have given values, in weighted kW, heavy loads first, (T, L)."""
        worth = self._kw * self._weight
        above = np.concatenate([[0.0], np.cumsum(worth)[:-1]])
        part = np.divide(
            values[:, None] - above, worth, out=np.zeros((len(values), len(worth))), where=worth > 0
        )
        part = np.clip(part, 0.0, 1.0)
        # What the solver leaves open by its tolerance is not to be a drop.
        part[part > 1.0 - 1e-9] = 1.0
        return np.asarray(part * self._kw / self._full_kw)

    def _build(self, dt: float, even: int) -> ConcreteModel:
        import pyomo.environ as pyo

        grid, battery = self.microgrid, self.microgrid.battery
        m = pyo.ConcreteModel()
        m.steps = pyo.RangeSet(0, self.steps - 1)
        m.renewable = pyo.Param(m.steps, mutable=True, initialize=0.0)
        m.turbine_most = pyo.Param(m.steps, mutable=True, initialize=grid.turbine.p_kw)
        m.charge = pyo.Param(mutable=True, initialize=battery.min_kwh)
        m.fuel = pyo.Param(mutable=True, initialize=0.0)
        m.before = pyo.Param(mutable=True, initialize=0.0)
        m.value = pyo.Var(m.steps, bounds=(0.0, None))
        m.drop = pyo.Var(m.steps, bounds=(0.0, None))
        m.turbine = pyo.Var(m.steps, bounds=(0.0, grid.turbine.p_kw))
        m.discharging = pyo.Var(m.steps, bounds=(0.0, battery.p_kw))
        m.charging = pyo.Var(m.steps, bounds=(0.0, battery.p_kw))
        # At the end of each step.
        m.energy = pyo.Var(m.steps, bounds=(battery.min_kwh, battery.max_kwh))
        self._serve(m)
        self._serve_whole(m)
        self._store(m, dt)
        self._draw_evenly(m, even)
        m.best = pyo.Objective(
            sense=pyo.maximize,
            expr=sum(m.value[k] - grid.drop_penalty * m.drop[k] for k in m.steps)
            - _TILT * sum(m.uneven[k] for k in m.first),
        )
        return m

    def _serve(self, m: ConcreteModel) -> None:
        """Say what serving costs in power and is worth, heavy loads first, and what drops."""
        import pyomo.environ as pyo

        weights = np.unique(self._weight)[::-1].tolist()
        sizes = [float(self._kw[self._weight == weight].sum()) for weight in weights]
        m.segments = pyo.RangeSet(0, len(weights) - 1)
        m.part = pyo.Var(m.steps, m.segments, bounds=lambda m, k, j: (0.0, sizes[j]))
        m.worth = pyo.Constraint(
            m.steps,
            rule=lambda m, k: m.value[k] == sum(w * m.part[k, j] for j, w in enumerate(weights)),
        )
        m.given_up = pyo.Constraint(
            m.steps,
            rule=lambda m, k: m.drop[k] >= (m.value[k - 1] if k else m.before) - m.value[k],
        )
        m.balance = pyo.Constraint(
            m.steps,
            rule=lambda m, k: (
                sum(m.part[k, j] for j in m.segments)
                <= m.renewable[k] + m.turbine[k] + m.discharging[k] - m.charging[k]
            ),
        )

    def _store(self, m: ConcreteModel, dt: float) -> None:
        """Keep the books of battery and tank."""
        import pyomo.environ as pyo

        battery = self.microgrid.battery
        m.storage = pyo.Constraint(
            m.steps,
            rule=lambda m, k: (
                m.energy[k]
                == (m.energy[k - 1] if k else m.charge)
                - dt / battery.discharge_efficiency * m.discharging[k]
                + dt * battery.charge_efficiency * m.charging[k]
            ),
        )
        m.limit = pyo.Constraint(m.steps, rule=lambda m, k: m.turbine[k] <= m.turbine_most[k])
        m.burnt = pyo.Constraint(expr=dt * sum(m.turbine[k] for k in m.steps) <= m.fuel)

    def _draw_evenly(self, m: ConcreteModel, even: int) -> None:
        """Measure how far first steps are from drawing on turbine and battery in proportion."""
        import pyomo.environ as pyo

        m.first = pyo.RangeSet(0, min(even, self.steps) - 1)
        m.part_of_turbine = pyo.Param(mutable=True, initialize=0.5)
        m.uneven = pyo.Var(m.first, bounds=(0.0, None))

        def excess(m: ConcreteModel, k: int) -> pyo.Expression:
            need = m.turbine[k] + m.discharging[k] - m.charging[k]
            return m.turbine[k] - m.part_of_turbine * need

        m.too_much = pyo.Constraint(m.first, rule=lambda m, k: m.uneven[k] >= excess(m, k))
        m.too_little = pyo.Constraint(m.first, rule=lambda m, k: m.uneven[k] >= -excess(m, k))

    def _serve_whole(self, m: ConcreteModel) -> None:
        """Let the first step serve loads as a whole, if so wanted."""
        import pyomo.environ as pyo

        count = len(self._kw) if self._whole else 0
        m.loads = pyo.RangeSet(0, count - 1)
        m.on = pyo.Param(m.loads, mutable=True, initialize=0.0)
        m.serve = pyo.Var(m.loads, domain=pyo.Binary)
        if not count:
            return
        for i in m.loads:
            if self._kw[i] < self._full_kw[i]:
                m.serve[i].fix(0)
        worth = (self._full_kw * self._weight).tolist()
        kw = self._full_kw.tolist()
        m.whole_value = pyo.Constraint(
            expr=m.value[0] == sum(worth[i] * m.serve[i] for i in m.loads)
        )
        m.whole_power = pyo.Constraint(
            expr=sum(m.part[0, j] for j in m.segments) == sum(kw[i] * m.serve[i] for i in m.loads)
        )
        m.whole_drop = pyo.Constraint(
            expr=m.drop[0] >= sum(m.on[i] * (1 - m.serve[i]) for i in m.loads)
        )
