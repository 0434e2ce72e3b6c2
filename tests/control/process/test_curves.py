"""The picture of a comparison."""

from __future__ import annotations

from drlapps.control.process.curves import comparison_figures


def row(policy: str, cost: float, violating: float, kind: str = "baseline") -> dict[str, object]:
    return {
        "policy": policy,
        "kind": kind,
        "metric": {"value": cost},
        "metrics": {"steps": 100.0, "violating_episodes": violating},
        "seconds": {"act": 0.02},
    }


def test_costs_and_violations_stand_over_the_time_of_a_decision() -> None:
    results = [row("mpc", 2.0, 0.0), row("mpc", 4.0, 1.0), row("qp", 3.0, 0.0, "agent")]
    results += [row("random", 90.0, 1.0)]
    comparison = {"metric": {"name": "cost_per_step", "unit": "cm^2"}, "results": results}
    (chart,) = comparison_figures([], comparison).values()
    drawn = chart.to_dict()
    assert "far off: random" in drawn["title"]["subtitle"]
    values = drawn["datasets"][drawn["data"]["name"]]
    table = {(one["policy"], one["of"]): one for one in values}
    assert table["mpc", "cost per step, cm^2"]["value"] == 3.0
    assert table["mpc", "violating episodes, %"]["value"] == 50.0
    assert table["qp", "violating episodes, %"]["time"] == 200.0
    assert ("random", "violating episodes, %") not in table
