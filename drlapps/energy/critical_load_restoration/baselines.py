"""Controllers that plan by the program of :mod:`.linear_program`, and its optimum in hindsight."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from drlapps.energy.critical_load_restoration.environment import CriticalLoadRestorationEnv
from drlapps.energy.critical_load_restoration.linear_program import (
    Dispatch,
    DispatchProgram,
    Floats,
    State,
)
from drlapps.energy.critical_load_restoration.rules import SetPointPolicy, margins
from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.energy.critical_load_restoration.voltages import VoltageModel
from drlapps.errors import InputError
from drlapps.policy import Report
from drlapps.vector import VectorEnvironment

_EQUAL = 1e-9
"""Difference between shares, or values of the metric, that is none."""

_ROUNDS = 4
"""Plans for which limits of the turbine are found before the last one is taken as it is."""


class LpMpc(SetPointPolicy):
    """Model predictive control: solves the program for what is forecast, does the first step.

    A kW that has to be given up costs more steps than there are in which to serve it, so what is
    restored should be what lasts even if the forecasts have been too high. That is one program;
    but to give up load already because *cautious* forecasts say it will not last would cost for
    certain what may never happen. A second program, with less cautious forecasts, says what to
    keep; it is solved only where the first wants a drop. The defaults did best in validation.

    Args:
        margin: standard deviations of their error by which forecasts are lowered for raising load.
        keep: the same for keeping it.
        every: steps between two plans; in between, the plan's set-points are followed.

    Raises:
        InputError: an option is out of range.
    """

    whole = False

    def __init__(self, *, margin: float = 2.0, keep: float = 0.5, every: int = 1) -> None:
        self.margin, self.keep = margins(margin, keep)
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise InputError(f"every must be a whole number above 0, not {every!r}")
        self.every = every

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Build the program of every row: rows share none, so that none hangs on another's path."""
        self._planners = [
            _Planner(scenario, whole=self.whole, even=self.every) for scenario in env.instances
        ]
        self._plans: list[Dispatch | None] = [None] * env.num_envs

    def decide(self, env: CriticalLoadRestorationEnv, row: int) -> tuple[Floats, float]:
        """Plan, or follow the last plan."""
        step = int(env.step_index[row])
        ahead = step % self.every
        plan = self._plans[row]
        if ahead == 0 or plan is None:
            plan = self._plans[row] = self._plan(env, row, step)
        return plan.shares[ahead], float(plan.turbine_kw[ahead])

    def _plan(self, env: CriticalLoadRestorationEnv, row: int, step: int) -> Dispatch:
        scenario, planner = env.instances[row], self._planners[row]
        served = env.served[row, : len(scenario.microgrid.loads)]
        state = State(served, float(env.charge_kwh[row]), float(env.fuel_kwh[row]))
        plan = planner.plan(state, *scenario.forecast(step, self.margin))
        if self.keep == self.margin or scenario.error == 0.0:
            return plan
        if (plan.shares >= served - _EQUAL).all():
            return plan
        hopeful = planner.plan(state, *scenario.forecast(step, self.keep))
        kept = np.maximum(plan.shares, np.minimum(hopeful.shares, served))
        return Dispatch(hopeful.objective, kept, hopeful.turbine_kw)


class MilpMpc(LpMpc):
    """The same for loads that are served as a whole or not at all.

    The first step's are binary variables, the later ones' shares are not: what will be served then
    is decided then.
    """

    whole = True


class Clairvoyant(SetPointPolicy):
    """The best in hindsight: carries out the program's plan for the true weather of all steps.

    Like the other controllers it keeps the voltage limits; where they bind, its bound, which is
    without, is not attained.
    """

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Solve the program of every row."""
        self._bounds = [clairvoyant_value(scenario) for scenario in env.instances]
        self._plans = [_hindsight(_Truth(one.truth_hash, True, one)) for one in env.instances]
        self._values = [
            _normalised(scenario, plan)
            for scenario, plan in zip(env.instances, self._plans, strict=True)
        ]

    def decide(self, env: CriticalLoadRestorationEnv, row: int) -> tuple[Floats, float]:
        """Follow the plan."""
        plan, step = self._plans[row], int(env.step_index[row])
        return plan.shares[step], float(plan.turbine_kw[step])

    def report(self, row: int) -> Report:
        """Return the proven bound, and whether the plan attains it."""
        bound, value = self._bounds[row], self._values[row]
        return Report("optimal" if value >= bound - _EQUAL else "feasible", bound=bound)


def clairvoyant_value(scenario: Scenario) -> float:
    """Return a bound on the metric ``restored`` that no policy passes: the optimum in hindsight.

    It is proven in :mod:`.linear_program`, and attained unless voltages bind.
    """
    return _normalised(scenario, _hindsight(_Truth(scenario.truth_hash, False, scenario)))


def _normalised(scenario: Scenario, plan: Dispatch) -> float:
    """Return the objective of a plan for a whole outage as the metric has it."""
    return plan.objective / (scenario.steps * scenario.microgrid.weighted_kw)


@dataclass(frozen=True)
class _Truth:
    """A scenario, equal to those that differ in the forecasts alone.

    Attributes:
        hash: of the rest.
        voltages: whether they are to keep their limits.
        scenario: itself.
    """

    hash: str
    voltages: bool
    scenario: Scenario = field(compare=False)


@lru_cache(maxsize=1024)
def _hindsight(truth: _Truth) -> Dispatch:
    """Return the best dispatch for the true weather."""
    scenario = truth.scenario
    planner = _Planner(scenario, voltages=truth.voltages)
    nothing = np.zeros(len(scenario.microgrid.loads))
    start = State(nothing, scenario.initial_kwh, scenario.microgrid.turbine.fuel_kwh)
    return planner.plan(start, scenario.solar_kw, scenario.wind_kw)


class _Planner:
    """The program of a scenario's island, with voltages that keep their limits.

    No load gets more than the share at which voltages hold whatever is generated; that cannot be
    too low. The turbine gets no more than keeps voltages from being too high while the loads of
    the last plan are served; the plan is made anew until it heeds that.

    Args:
        scenario: the outage.
        voltages: whether they are heeded.
        whole: as for :class:`.linear_program.DispatchProgram`.
        even: likewise.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        voltages: bool = True,
        whole: bool = False,
        even: int = 0,
    ) -> None:
        grid = scenario.microgrid
        self._voltages = VoltageModel(grid) if voltages else None
        most = np.ones(len(grid.loads))
        if self._voltages is not None:
            most = self._voltages.largest_shares()
        self._program = DispatchProgram(
            grid, scenario.steps, scenario.step_hours, most, whole=whole, even=even
        )

    def plan(self, state: State, solar_kw: Floats, wind_kw: Floats) -> Dispatch:
        """Find the best dispatch for the power of sun and wind in the steps to come, (T,) each."""
        plan = self._program.solve(state, solar_kw + wind_kw)
        if self._voltages is None:
            return plan
        most = np.full(len(solar_kw), np.inf)
        for _ in range(_ROUNDS):
            found = self._voltages.turbine_limits(plan.shares, solar_kw, wind_kw)
            if (plan.turbine_kw <= found + 1e-6).all():
                break
            most = np.minimum(most, found)
            plan = self._program.solve(state, solar_kw + wind_kw, most)
        return plan
