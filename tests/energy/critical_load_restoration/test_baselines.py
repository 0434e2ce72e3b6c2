"""Controllers, rules and the optimum in hindsight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.critical_load_restoration import profiles
from drlapps.energy.critical_load_restoration.baselines import (
    Clairvoyant,
    LpMpc,
    MilpMpc,
    clairvoyant_value,
)
from drlapps.energy.critical_load_restoration.checker import check, violations
from drlapps.energy.critical_load_restoration.environment import CriticalLoadRestorationEnv
from drlapps.energy.critical_load_restoration.instances import named, toy
from drlapps.energy.critical_load_restoration.rules import Greedy, RuleBased, lasting
from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.errors import InputError
from drlapps.evaluate import rollout


def play(policy, *scenarios):
    env = CriticalLoadRestorationEnv(
        len(scenarios), list(scenarios), autoreset_mode=AutoresetMode.DISABLED
    )
    rollout(env, policy, list(scenarios), 0)
    return env


def restored(policy, *scenarios):
    env = play(policy, *scenarios)
    return [env.metrics(row)["restored"] for row in range(len(scenarios))]


def short(number: int, error: float, steps: int = 18, island: str = "ieee13") -> Scenario:
    """An outage of 18 steps of 20 minutes, quick to plan for."""
    drawn = named([f"{island}:error-0:{number}"])[0]
    rng = np.random.default_rng(number)
    season = tuple(profiles.SEASONS)[number % 4]
    weather = profiles.draw(rng, steps, 1.0 / 3.0, season)
    return replace(drawn, weather=weather, error=error, step_hours=1.0 / 3.0)


def test_the_optimum_in_hindsight_is_what_the_toys_say():
    # Worked out by hand in drlapps.energy.critical_load_restoration.instances.toy.
    worked_out = {"toy-power": 0.8, "toy-fuel": 140 / 300, "toy-sun": 350 / 450}
    for scenario in toy():
        assert clairvoyant_value(scenario) == pytest.approx(worked_out[scenario.name], abs=1e-9)
        assert restored(Clairvoyant(), scenario)[0] == pytest.approx(worked_out[scenario.name])


def test_a_load_that_would_not_last_stays_in_the_dark():
    # 100 kWh of fuel and 40 of the battery for two hours: 70 kW all through, or less and then more;
    # greedy serves 140 kW (100 + 20 of 300), and then nothing: 100 steps for (100 + 20) are lost.
    scenario = toy()[1]
    assert restored(LpMpc(), scenario)[0] == pytest.approx(140 / 300)
    assert restored(Greedy(), scenario)[0] == pytest.approx((120 - 100 * 120) / 300)
    assert restored(RuleBased(), scenario)[0] == pytest.approx(140 / 300, abs=1e-3)


def test_loads_as_a_whole_fill_what_there_is_as_best_they_can():
    # 140 kW in the one step: the heavy load alone, 100 of 150.
    assert restored(MilpMpc(), toy()[0])[0] == pytest.approx(100 / 150)


@pytest.mark.parametrize("policy", [Greedy(), RuleBased(), LpMpc(), LpMpc(every=3), MilpMpc()])
def test_no_policy_passes_the_optimum_in_hindsight_or_breaks_a_rule(policy):
    scenarios = [short(number, 0.2) for number in range(2)]
    env = play(policy, *scenarios)
    for row, scenario in enumerate(scenarios):
        metrics, solution = env.metrics(row), env.solution(row)
        assert metrics["restored"] <= clairvoyant_value(scenario) + 1e-7
        assert violations(scenario, solution) == []
        assert check(scenario, solution) == pytest.approx(metrics, abs=1e-7)


@given(st.integers(0, 10_000), st.sampled_from(["ieee13", "random-3", "random-12"]))
@settings(max_examples=6, deadline=None)
def test_with_perfect_forecasts_planning_anew_finds_the_optimum_in_hindsight(number, island):
    scenario = short(number, 0.0, steps=8, island=island)
    planned, best = restored(LpMpc(), scenario)[0], restored(Clairvoyant(), scenario)[0]
    assert planned == pytest.approx(best, abs=2e-6)
    assert best <= clairvoyant_value(scenario) + 1e-9


def test_where_voltages_do_not_bind_the_optimum_in_hindsight_is_attained():
    scenarios = [short(number, 0.15) for number in range(6)]
    attained = restored(Clairvoyant(), *scenarios)
    assert attained == pytest.approx([clairvoyant_value(one) for one in scenarios], abs=1e-9)


def test_the_optimum_in_hindsight_does_not_hang_on_the_forecasts():
    scenario = short(1, 0.0)
    assert clairvoyant_value(scenario) == clairvoyant_value(replace(scenario, error=0.25))


def test_voltages_that_would_bind_are_kept():
    # Island 12 cannot serve everything at 0.95 per unit, least of all with the battery alone.
    scenario = short(0, 0.0, island="random-12")
    for policy in (Clairvoyant(), LpMpc()):
        assert play(policy, scenario).metrics(0)["feasible"] == 1
    assert restored(Clairvoyant(), scenario)[0] < clairvoyant_value(scenario)


def test_a_turbine_that_would_lift_voltages_too_much_is_held_back():
    scenario = short(1, 0.0, island="ieee33")
    assert play(Clairvoyant(), scenario).metrics(0)["feasible"] == 1


def test_cautious_forecasts_leave_more_energy_unused():
    scenarios = [short(number, 0.25) for number in range(2)]
    bold = play(LpMpc(margin=0.0, keep=0.0), *scenarios)
    shy = play(LpMpc(margin=4.0), *scenarios)
    for row in range(2):
        assert shy.metrics(row)["drops"] <= bold.metrics(row)["drops"] + 1e-9
        served = [env.metrics(row)["weighted_energy_served"] for env in (shy, bold)]
        assert served[0] <= served[1] + 1e-9


def test_a_row_does_not_hang_on_its_neighbours():
    scenarios = [short(number, 0.2) for number in range(2)]
    together = restored(LpMpc(), *scenarios)
    assert together == [restored(LpMpc(), one)[0] for one in scenarios]


def test_what_lasts_is_what_the_energy_gives():
    # 100 kWh of fuel and 40 above the battery's least over two hours, no sun: 70 kW; over one hour
    # 100 kW of the turbine and 40 of the battery.
    grid = toy()[1].microgrid
    assert lasting(grid, np.zeros(2), 1.0, 50.0, 100.0) == pytest.approx(70.0, abs=0.1)
    assert lasting(grid, np.zeros(1), 1.0, 50.0, 100.0) == pytest.approx(140.0, abs=0.1)
    assert lasting(grid, np.full(1, 500.0), 1.0, 50.0, 0.0) == grid.load_kw


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: LpMpc(margin=1.0, keep=2.0), r"keep \(2\) must not exceed margin \(1\)"),
        (lambda: RuleBased(margin=float("nan")), "margin must be a number between"),
        (lambda: LpMpc(every=0), "every must be a whole number above 0, not 0"),
    ],
)
def test_options_out_of_range_are_refused(build, said):
    with pytest.raises(InputError, match=said):
        build()
