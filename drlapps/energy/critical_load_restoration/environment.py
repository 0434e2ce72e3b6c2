"""Critical load restoration as a Markov decision process, batched.

What a policy reads of a :class:`CriticalLoadRestorationEnv` ``env`` beside the observations; it
must change none of it. ``B`` rows; powers in kW, energies in kWh:

* ``env.instances[row]``: the :class:`.scenario.Scenario`: ``.microgrid`` (loads sorted by weight,
  heaviest first), ``.steps``, ``.step_hours``, ``.error``, and ``.forecast(t) -> (solar, wind)``
  from step ``t`` to the end, whose first entry is the truth of the present; ``.forecast(t, m)``
  lowers the others by ``m`` standard deviations of their error. ``.solar_kw`` and ``.wind_kw`` are
  the truth of all steps: for the clairvoyant alone.
* ``env.step_index`` (B,): the step to come; ``env.served`` (B, L): shares served in the last step;
  ``env.charge_kwh``, ``env.fuel_kwh`` (B,): energy in the battery (``min_kwh`` of which stay there)
  and in the tank.
* ``env.actions_for(shares (B, L), turbine_kw (B,))``: the actions that want these set-points, when
  the environment takes ``actions="setpoints"``, as it does unless told otherwise. ``L`` is the
  number of loads of the largest island; entries beyond an island's own are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration import kernels, lookahead
from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.energy.critical_load_restoration.tables import Tables
from drlapps.errors import unknown
from drlapps.vector import Array, Pool, VectorEnvironment

ACTIONS = ("setpoints", "priority")
REWARDS = ("plain", "hindsight")

VOLTAGE_TOLERANCE = 1e-6
"""Violation of the voltage limits, per unit, that is none."""


class CriticalLoadRestorationEnv(VectorEnvironment):
    """Serve the loads of an island that matter most, for as long as its energy has to last.

    ## Description

    The problem of Zhang et al. (2023), with constant loads and a balanced feeder; see
    :mod:`drlapps.energy.critical_load_restoration` for the formulas. In a step:

    1. The present power of sun and wind is known, that of later steps forecast. The policy says
       what share of each load it wants to serve and what the turbine shall give; sun and wind give
       what they can, the battery whatever is left over or missing.
    2. What cannot be is put right. If the battery cannot give what is missing, the turbine gives
       more than it was told; if that is not enough, load is left in the dark: what was to be
       restored in this step first, then what was on before, each time the lightest weight first. If
       the battery cannot take what is too much, the turbine gives less; then sun and wind are
       curtailed, in proportion.
    3. Battery and fuel change; the voltages follow from an AC power flow of the balanced feeder
       with the battery's bus as slack. Sun and wind run at unity power factor; turbine and battery
       share the reactive load in proportion to their power. In training (``SAME_STEP``) the
       linearised flow (LinDistFlow) stands for the AC one.

    ## Observation Space

    ``Box(-10, 10, (45,), float32)``; powers and levels are shares of the whole load, and ``left``
    is the time to go:

    | Index | Value |
    |---|---|
    | 0 | ``left`` as a share of the horizon |
    | 1 | load served in the last step |
    | 2 | weight of the lightest load that was served |
    | 3 | weighted energy served so far, as a share of all there will have been |
    | 4, 5 | fuel; energy that the battery can deliver; each spread over ``left``, at most 3 |
    | 6 | share of the fuel in the two |
    | 7, 8 | room in the battery as a share of the battery; spread over ``left``, at most 3 |
    | 9, 10 | power of turbine and battery, at most 3 |
    | 11 | 4 times the error of the forecasts |
    | 12, 13 | present power of sun and wind, at most 3 |
    | 14 | the drop penalty in hundreds of steps, at most 3 |
    | 15-19 | load that would last: forecasts raised, as they are, lowered by 1, 2, 3 deviations |
    | 20 | 5 times what is served above the second of these, in [-3, 3] |
    | 21-32 | forecast of the sun in twelve twelfths of the horizon ahead, at most 3 |
    | 33-44 | the same of the wind |

    Forecasts are raised and lowered by standard deviations of their error, at every lead time at
    once. That a constant load lasts is found by serving it, step by step, turbine and battery in
    proportion to their energy.

    With ``actions = "setpoints"`` the shares of the single loads in the last step follow.

    ## Action Space

    ``Box(-1, 1, (L + 1,), float32)`` for at most ``L`` loads, the heaviest weight first: the share
    of each to be served, from -1 (none) to 1 (all); then the turbine's power, from -1 (off) to 1
    (its capacity). What lies beyond an island's own loads is ignored.

    With ``actions = "priority"`` it is ``Box(-1, 1, (2,), float32)``, whatever the island. Loads
    are served in the order of their weights, and turbine and battery give power in proportion to
    the energy that is left in them. The action says which level of the observation decides:

    | Index | Meaning | at -1 | at 0 | at 1 |
    |---|---|---|---|---|
    | 0 | load is restored up to this level | 19 | 18 | 17 |
    | 1 | load is shed down to this level, but never below the former | 17 | 16 | 15 |

    In between, the level lies in between.

    ## Rewards

    Ten times the step's part of the metric, minus 1000 times the largest violation of a voltage
    limit, per unit, over the number of steps.

    With ``reward = "hindsight"`` they are shaped by a potential (Ng, Harada & Russell 1999): the
    gain in what is still to be had, were the *true* weather known, is added. Summed over an episode
    that takes away a number that no action can change, what was to be had at the start, and with it
    most of the luck; and a load restored that will not last is punished when it is restored. The
    agent does not see the potential, only its rewards in training do.

    ## Starting State

    All loads in the dark, the tank full, the battery as the scenario says.

    ## Episode End

    Terminated after ``T`` steps, 72 in all pools but ``toy``; never truncated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where scenarios come from.
    - ``actions``: ``setpoints`` or ``priority``.
    - ``reward``: ``plain`` or ``hindsight``.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of and solves the AC power flow.

    ## Metrics

    - ``restored``: weighted energy served, less the drop penalty, as a share of the weighted
      energy of all loads; higher is better. The optimum in hindsight is its bound.
    - ``weighted_energy_served``: the same without the penalty.
    - ``drops``: weighted load that was given up, in kW times weight, as a share of all of it.
    - ``voltage_violation``: largest excess over a limit, at any bus and step, per unit; 1 where the
      power flow has no solution.
    - ``fuel_left``: share of the fuel that is left.
    - ``charge_left``: the same of the battery's usable energy.
    - ``curtailed``: energy of sun and wind that was not used, in kWh.
    - ``loss_kwh``: lost in the lines according to the AC power flow; reported only.
    - ``feasible``: 1 where the voltages kept their limits. All else is kept by force.

    ## References

    - Zhang et al. 2023, "Curriculum-based reinforcement learning for distribution system critical
      load restoration", IEEE Transactions on Power Systems 38(5).
    - Baran & Wu 1989, "Network reconfiguration in distribution systems for loss reduction and load
      balancing", IEEE Transactions on Power Delivery 4(2).
    - Ng, Harada & Russell 1999, "Policy invariance under reward transformations", ICML.

    ## Version History

    - v0: first release.
    """

    # The numbers of the islands depend on the batch's history; they follow from the instances.
    STATE: ClassVar[tuple[str, ...]] = tuple(
        name for name in kernels.State._fields if name != "microgrid"
    )

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        actions: str = "setpoints",
        reward: str = "plain",
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if actions not in ACTIONS:
            raise unknown("actions", str(actions), ACTIONS)
        if reward not in REWARDS:
            raise unknown("reward", str(reward), REWARDS)
        self.actions, self.reward = actions, reward
        largest: Sequence[Scenario]
        largest = pool if isinstance(pool, Sequence) else [cast(Scenario, pool.largest())]
        loads = max(len(one.microgrid.loads) for one in largest)
        steps = max(one.steps for one in largest)
        kept = steps if autoreset_mode is AutoresetMode.DISABLED else 0
        self._tables = Tables(loads)
        self._tables.number(largest[0].microgrid)
        self.microgrid = np.zeros(num_envs, np.int64)
        self.steps = np.ones(num_envs, np.int64)
        self.step_hours = np.ones(num_envs)
        self.error = np.zeros(num_envs)
        self.memory = np.zeros(num_envs)
        self.weather = np.zeros((num_envs, steps, 5))
        self.step_index = np.zeros(num_envs, np.int64)
        self.served = np.zeros((num_envs, loads))
        self.charge_kwh = np.zeros(num_envs)
        self.fuel_kwh = np.zeros(num_envs)
        self.weighted_kwh = np.zeros(num_envs)
        self.dropped_kw = np.zeros(num_envs)
        self.curtailed_kwh = np.zeros(num_envs)
        self.violation = np.zeros(num_envs)
        self.loss_kwh = np.zeros(num_envs)
        self.levels = np.zeros((num_envs, kernels.LEVELS + 1))
        self.assessed = np.full(num_envs, -1)
        self.path = np.zeros((num_envs, kept, 4 + loads))
        self._state = kernels.State(*(getattr(self, name) for name in kernels.State._fields))
        self._shares, self._turbine = np.zeros((num_envs, loads)), np.zeros(num_envs)
        setpoints = actions == "setpoints"
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (kernels.FEATURES + setpoints * loads,), np.float32),
            gymnasium.spaces.Box(-1.0, 1.0, (loads + 1 if setpoints else 2,), np.float32),
        )
        # Compile the kernels now: what is timed later should not pay for it.
        self._observe()
        self._advance(np.zeros(self.action_space.shape or ()), np.zeros(num_envs, np.bool_))

    def _load(self, row: int, instance: Scenario, rng: np.random.Generator) -> None:
        steps = instance.steps
        if steps > self.weather.shape[1]:
            raise ValueError(f"{instance.name} has more steps than any scenario of this batch")
        self.microgrid[row] = self._tables.number(instance.microgrid)
        self.steps[row] = steps
        self.step_hours[row] = instance.step_hours
        self.error[row] = instance.error
        self.memory[row] = instance.memory
        weather = self.weather[row]
        weather[:steps, 0] = instance.weather.solar
        weather[:steps, 1] = instance.weather.wind
        weather[:steps, 2] = instance.weather.solar_error
        weather[:steps, 3] = instance.weather.wind_error
        weather[:steps, 4] = instance.weather.clear
        weather[steps:] = 0.0
        self.charge_kwh[row] = instance.initial_kwh
        self.fuel_kwh[row] = instance.microgrid.turbine.fuel_kwh
        self.step_index[row] = 0
        self.assessed[row] = -1
        self.levels[row] = 0.0
        self.weighted_kwh[row] = self.dropped_kw[row] = self.curtailed_kwh[row] = 0.0
        self.violation[row] = self.loss_kwh[row] = 0.0
        self.served[row] = 0.0
        self.path[row] = 0.0

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state."""
        super().restore_state(state)
        for row, scenario in enumerate(self.instances):
            if scenario is not None:
                self.microgrid[row] = self._tables.number(scenario.microgrid)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        wanted = actions.astype(np.float64)
        if np.isnan(wanted[active]).any():
            raise ValueError("actions must be numbers, not NaN")
        if self.actions == "setpoints":
            self._shares[:] = 0.5 + 0.5 * wanted[:, :-1]
            self._turbine[:] = 0.5 + 0.5 * wanted[:, -1]
        else:
            lookahead.by_priority(
                self._tables.parameters, self._state, wanted, self._shares, self._turbine
            )
        rewards = np.zeros(self.num_envs)
        terminated = ~active
        before = self._prospects()
        kernels.advance(
            self._tables.parameters,
            self._state,
            self._shares,
            self._turbine,
            active,
            rewards,
            terminated,
        )
        self._assess()
        rewards += (self._prospects() - before) * kernels.REWARD_SCALE / self.steps
        return rewards, terminated, np.zeros(self.num_envs, np.bool_)

    def _assess(self) -> None:
        lookahead.assess(self._tables.parameters, self._state, self.reward == "hindsight")

    def _prospects(self) -> NDArray[np.float64]:
        """Return the potential by which rewards are shaped, in steps of serving everything."""
        values = np.zeros(self.num_envs)
        if self.reward == "hindsight":
            lookahead.hindsight(self._tables.parameters, self._state, values)
        return values

    def actions_for(self, shares: NDArray[np.float64], turbine_kw: NDArray[np.float64]) -> Array:
        """Return the actions that want given set-points, under ``actions="setpoints"``.

        They are not rounded to the action space's single precision.

        Args:
            shares: of each load to be served, (B, L).
            turbine_kw: power of the turbine, (B,).
        """
        most = self._tables.parameters.turbine_kw[self.microgrid]
        turbine = np.divide(turbine_kw, most, out=np.zeros(self.num_envs), where=most > 0)
        return np.asarray(2.0 * np.concatenate([shares, turbine[:, None]], axis=1) - 1.0)

    def _observe(self) -> Array:
        self._assess()
        features = np.empty((self.num_envs, kernels.FEATURES), np.float32)
        lookahead.observe(self._tables.parameters, self._state, features)
        if self.actions == "priority":
            return features
        return np.concatenate([features, self.served.astype(np.float32)], axis=1)

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics listed above."""
        scenario = self.instances[row]
        grid = scenario.microgrid
        battery, fuel = grid.battery, grid.turbine.fuel_kwh
        served = float(self.weighted_kwh[row] / (grid.weighted_kw * scenario.steps))
        served /= scenario.step_hours
        drops = float(self.dropped_kw[row] / grid.weighted_kw)
        violation = float(self.violation[row])
        usable = battery.max_kwh - battery.min_kwh
        return {
            "restored": served - grid.drop_penalty * drops / scenario.steps,
            "weighted_energy_served": served,
            "drops": drops,
            "voltage_violation": violation,
            "fuel_left": float(self.fuel_kwh[row]) / fuel if fuel else 0.0,
            "charge_left": float(self.charge_kwh[row] - battery.min_kwh) / usable
            if usable
            else 0.0,
            "curtailed": float(self.curtailed_kwh[row]),
            "loss_kwh": float(self.loss_kwh[row]),
            "feasible": float(violation <= VOLTAGE_TOLERANCE),
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the path: a number a step under each key, for ``served`` one a load.

        Keys: ``served`` (shares, loads as in the microgrid), ``turbine_kw``, ``battery_kw``
        (negative when charging), ``solar_kw`` and ``wind_kw`` (what was used).
        """
        scenario = self.instances[row]
        path = self.path[row, : self.step_index[row]]
        turbine, battery, solar, wind = path[:, :4].T.tolist()
        return {
            "served": path[:, 4 : 4 + len(scenario.microgrid.loads)].tolist(),
            "turbine_kw": turbine,
            "battery_kw": battery,
            "solar_kw": solar,
            "wind_kw": wind,
        }
