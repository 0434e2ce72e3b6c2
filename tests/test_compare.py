"""From results to verdicts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from drlapps import registry
from drlapps.compare import compare
from drlapps.errors import InputError
from drlapps.evaluate import Result
from drlapps.files import json_text

TASK = registry.get("scheduling/job-shop")
INSTANCES = 20


def result(policy: str, seed: int | None, instance: int, gap: float, **changes: Any) -> Result:
    value = 100.0 + gap
    found = Result(
        task=TASK.id,
        policy=policy,
        kind="baseline" if seed is None else "agent",
        information="observed",
        run_seed=seed,
        instance=f"i{instance:02d}",
        instance_hash=f"{instance:064x}",
        value=value,
        metrics={"makespan": value, "feasible": 1.0},
        feasible=True,
        status="heuristic",
        bound=None,
        reference=100.0,
        gap_percent=gap,
        plan_seconds=0.5,
        act_seconds=0.25,
    )
    return replace(found, **changes)


def agent(name: str, seeds: int, mean: float, noise: float = 0.3, **changes: Any) -> list[Result]:
    rng = np.random.default_rng([seeds, int(10 * mean)])
    return [
        result(name, s, i, mean + 0.2 * i + noise * float(rng.normal()), **changes)
        for s in range(seeds)
        for i in range(INSTANCES)
    ]


def baseline(name: str, mean: float, **changes: Any) -> list[Result]:
    rng = np.random.default_rng(int(10 * mean))
    return [
        result(name, None, i, mean + 0.2 * i + 0.3 * float(rng.normal()), **changes)
        for i in range(INSTANCES)
    ]


def verdicts(found: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(v["agent"], v["baseline"]): v["verdict"] for v in found["verdicts"]}


def test_clear_differences_are_told_and_none_is_not_invented() -> None:
    rivals = baseline("good", 2.0) + baseline("bad", 9.0) + baseline("par", 5.0)
    rows = agent("drl", 5, 5.0) + rivals
    found = compare(TASK, rows, pool="test", train_cpu_seconds={"drl": 60.0})
    assert verdicts(found) == {
        ("drl", "good"): "worse", ("drl", "bad"): "better", ("drl", "par"): "not separated",
    }  # fmt: skip
    by_name = {policy["name"]: policy for policy in found["policies"]}
    assert by_name["drl"]["train_cpu_seconds"] == 60.0
    assert by_name["drl"]["seeds"] == 5
    assert by_name["good"]["seeds"] is None
    assert by_name["good"]["seconds"] == {"plan": 0.5, "act": 0.25}
    for verdict in found["verdicts"]:
        low, high = verdict["interval"]
        assert low <= verdict["difference"] <= high
        assert verdict["p"] <= verdict["p_holm"] <= 1.0
    bad = next(v for v in found["verdicts"] if v["baseline"] == "bad")
    assert bad["difference"] == pytest.approx(-4.0, abs=0.3)
    assert bad["win_rate"] == 1.0
    assert json.loads(json_text(found)) == found


def test_holms_correction_covers_all_the_tests_together() -> None:
    rows = agent("drl", 4, 5.0)
    for k in range(6):
        rows += baseline(f"b{k}", 5.0 + k / 10)
    found = compare(TASK, rows)
    p = sorted(v["p"] for v in found["verdicts"])
    adjusted = sorted(v["p_holm"] for v in found["verdicts"])
    by_hand = np.maximum.accumulate([min(1.0, (6 - k) * value) for k, value in enumerate(p)])
    assert adjusted == pytest.approx(by_hand)


def test_below_three_runs_there_is_no_verdict_and_no_burden_on_others() -> None:
    lone, many, rival = agent("lone", 2, 1.0), agent("many", 5, 5.0), baseline("par", 5.1)
    both = compare(TASK, lone + many + rival)
    alone = compare(TASK, many + rival)
    assert verdicts(both)["lone", "par"] == "no verdict"
    p = {(v["agent"], v["baseline"]): v["p_holm"] for v in both["verdicts"]}
    assert p["lone", "par"] is None
    assert p["many", "par"] == alone["verdicts"][0]["p_holm"]


def test_an_infeasible_result_is_neither_dropped_nor_averaged() -> None:
    rows = agent("drl", 3, 5.0) + baseline("broken", 1.0)
    rows[-1] = replace(rows[-1], feasible=False, value=None, gap_percent=None, status="infeasible")
    found = compare(TASK, rows)
    broken = next(p for p in found["policies"] if p["name"] == "broken")
    assert broken["mean"] is None
    assert broken["gap_percent"] is None
    assert broken["feasible_rate"] == pytest.approx(1 - 1 / INSTANCES)
    assert broken["statuses"] == {"heuristic": INSTANCES - 1, "infeasible": 1}
    assert verdicts(found)["drl", "broken"] == "no verdict"


def test_clairvoyant_policies_are_bounds_not_opponents() -> None:
    rows = agent("drl", 3, 5.0) + baseline("oracle", 0.0, information="clairvoyant")
    found = compare(TASK, rows)
    assert found["verdicts"] == []
    assert [p["name"] for p in found["policies"] if p["bound"]] == ["oracle"]


def test_a_budget_rules_out_what_took_longer() -> None:
    slow = baseline("slow", 1.0, plan_seconds=9.0)
    found = compare(TASK, agent("drl", 3, 5.0) + slow, budget=2.0)
    policy = next(p for p in found["policies"] if p["name"] == "slow")
    assert policy["statuses"] == {"over budget": INSTANCES}
    assert policy["mean"] is None
    assert found["budget_seconds"] == 2.0


def test_a_margin_allows_equivalence() -> None:
    rows = agent("drl", 5, 5.0) + baseline("par", 5.0)
    assert verdicts(compare(TASK, rows, margin=1.0)) == {("drl", "par"): "equivalent"}
    assert verdicts(compare(TASK, rows)) == {("drl", "par"): "not separated"}


def test_without_references_the_metric_itself_is_compared() -> None:
    rows = agent("drl", 3, 5.0) + baseline("bad", 9.0)
    rows = [replace(row, reference=None, gap_percent=None) for row in rows]
    found = compare(TASK, rows)
    assert found["difference_unit"] == "time units"
    assert found["aggregates"] is None
    assert verdicts(found) == {("drl", "bad"): "better"}


def test_aggregates_match_the_formulas_they_are_named_after() -> None:
    first, second = agent("a", 4, 5.0), agent("b", 4, 6.0)
    found = compare(TASK, first + second + baseline("c", 7.0))["aggregates"]
    scores = np.array([row.gap_percent for row in first])
    assert found["iqm"]["a"]["value"] == pytest.approx(scipy_stats.trim_mean(scores, 0.25))
    low, high = found["iqm"]["a"]["interval"]
    assert low <= found["iqm"]["a"]["value"] <= high
    assert found["iqm"]["c"]["interval"] is None
    share = found["profiles"]["share"]["a"]
    assert share == sorted(share)
    assert share[-1] == 1.0
    [pair] = found["probability_of_improvement"]
    assert (pair["agent"], pair["over"]) == ("a", "b")
    assert pair["probability"] > 0.9


def on_paths(rows: list[Result], problems: int = 2) -> list[Result]:
    """Return the results as those on numbered paths of so many problems, in turn."""
    numbers = [int(row.instance.removeprefix("i")) for row in rows]
    return [
        replace(row, instance=f"p{number % problems}:{number // problems}")
        for row, number in zip(rows, numbers, strict=True)
    ]


def test_means_by_problem_are_those_of_its_instances() -> None:
    rows = on_paths(agent("drl", 3, 5.0) + baseline("rule", 7.0))
    found = compare(TASK, rows)["problems"]
    assert [(p["name"], p["instances"]) for p in found] == [("p0", 10), ("p1", 10)]
    for problem in found:
        for name, own in problem["policies"].items():
            gaps = [
                row.gap_percent
                for row in rows
                if row.policy == name and row.instance.startswith(f"{problem['name']}:")
            ]
            assert own["gap_percent"] == pytest.approx(np.mean(gaps))
            assert own["mean"] == pytest.approx(100.0 + np.mean(gaps))
            low, high = own["interval"]
            assert low < own["mean"] < high
    # One policy without runs: the t interval of its mean, as SciPy gives it.
    gaps = [row.value for row in rows if row.policy == "rule" and row.instance.startswith("p1:")]
    spread = scipy_stats.sem(gaps)
    by_scipy = scipy_stats.t.interval(0.95, len(gaps) - 1, np.mean(gaps), spread)
    assert found[1]["policies"]["rule"]["interval"] == pytest.approx(by_scipy)


def test_an_infeasible_result_costs_its_problem_the_mean_and_no_other() -> None:
    rows = on_paths(baseline("rule", 7.0))
    rows[0] = replace(rows[0], feasible=False, value=None, gap_percent=None)
    first, second = (problem["policies"]["rule"] for problem in compare(TASK, rows)["problems"])
    assert first == {"mean": None, "interval": None, "gap_percent": None}
    assert second["mean"] is not None


def test_without_references_problems_have_no_gaps() -> None:
    rows = [replace(row, reference=None) for row in on_paths(baseline("rule", 7.0))]
    own = compare(TASK, rows)["problems"][0]["policies"]["rule"]
    assert own["gap_percent"] is None
    assert own["mean"] is not None


def test_problems_are_told_apart_where_there_are_several_with_several_instances() -> None:
    rows = baseline("rule", 7.0)
    assert compare(TASK, rows)["problems"] == []
    assert compare(TASK, on_paths(rows, problems=1))["problems"] == []
    assert compare(TASK, on_paths(rows, problems=INSTANCES))["problems"] == []
    mixed = on_paths(rows, problems=INSTANCES - 1)
    counts = [problem["instances"] for problem in compare(TASK, mixed)["problems"]]
    assert counts == [2] + [1] * (INSTANCES - 2)


def test_everyone_must_be_scored_on_the_same_instances() -> None:
    with pytest.raises(InputError, match="exactly once"):
        compare(TASK, agent("drl", 3, 5.0) + baseline("short", 5.0)[:-1])


# --- repetitions and moments ---


def solver(name: str, mean: float, **changes: Any) -> list[Result]:
    """A baseline of three repetitions, each with a luck of its own."""
    return [replace(row, kind="baseline") for row in agent(name, 3, mean, **changes)]


def test_a_repeated_baseline_is_tested_with_the_luck_of_its_repetitions() -> None:
    mine, theirs = agent("drl", 4, 5.0), solver("solver", 5.2)
    found = compare(TASK, mine + theirs)
    (told,) = found["verdicts"]
    a, b = (np.array([row.gap_percent for row in rows]).reshape(-1, INSTANCES)
            for rows in (mine, theirs))  # fmt: skip
    assert told["difference"] == pytest.approx(a.mean() - b.mean())
    pairs = a[:, None] - b[None]
    assert told["win_rate"] == pytest.approx((pairs < 0).mean())
    alone = compare(TASK, mine + [replace(row, run_seed=None) for row in theirs[:INSTANCES]])
    assert told["df"] != alone["verdicts"][0]["df"]
    assert [policy["seeds"] for policy in found["policies"]] == [4, 3]
    assert [policy["seeds"] for policy in alone["policies"]] == [4, None]


def test_moments_tell_who_was_ahead_then() -> None:
    late = {"plan_seconds": 9.0, "incumbents": ((0.5, 140.0), (8.0, 101.0))}
    rows = agent("drl", 3, 10.0) + [replace(row, **late) for row in baseline("solver", 1.0)]
    found = compare(TASK, rows, moments=(4.0, 0.1, 4.0))
    assert verdicts(found) == {("drl", "solver"): "worse"}
    early, middle = found["moments"]
    assert (early["seconds"], middle["seconds"]) == (0.1, 4.0)
    assert verdicts(early) == {("drl", "solver"): "no verdict"}
    assert verdicts(middle) == {("drl", "solver"): "better"}
    stood = {policy["name"]: policy for policy in middle["policies"]}
    assert stood["solver"]["gap_percent"] == pytest.approx(40.0)
    assert stood["drl"]["gap_percent"] == found["policies"][0]["gap_percent"]
    assert [policy["feasible_rate"] for policy in early["policies"]] == [0.0, 0.0]


def test_after_the_end_nothing_changes() -> None:
    found = compare(TASK, agent("drl", 3, 10.0) + solver("solver", 1.0), moments=(60.0,))
    (end,) = found["moments"]
    assert end["policies"] == found["policies"]
    assert end["verdicts"] == found["verdicts"]
    assert compare(TASK, baseline("alone", 1.0))["moments"] == []
