"""Sweeps: what is changed, what is drawn, what it comes to and how it is shown."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from drlapps import commands, files, registry, report
from drlapps.errors import InputError
from drlapps.evaluate import Contestant, Result
from drlapps.factors import Factor, frequencies, perturbations
from drlapps.policy import Random
from drlapps.progress import Bar
from drlapps.report import sweeps
from drlapps.robustness import sweep
from drlapps.sweep import family, robustness
from drlapps.task import Information, Metric

TINY = f"{Path(__file__).with_name('tiny.py')}:"
WALK = registry.get(f"{TINY}WALK")
HOMING = f"{TINY}Homing"
SERIAL = registry.get("scheduling/serial-inventory")


def swept(name: str = f"{TINY}WALK", **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "policies": ["homing"], "instances": [], "pool": "test", "draws": None, "every": [],
        "perturb": [], "settings": {}, "options": {}, "seed": 0, **changes,
    }  # fmt: skip
    return json.loads(files.json_text(robustness(name, bar=Bar(quiet=True), **given)))


def means(rows: list[dict[str, Any]]) -> float:
    return float(np.mean([row["metric"]["value"] for row in rows]))


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("step=0.5..1.5:3", (0.5, 1.0, 1.5)),
        ("step=0..1", (0, 0.25, 0.5, 0.75, 1)),
        ("step=1..0.1:4", (1.0, 0.7, 0.4, 0.1)),
        ("step=-1..1:3", (-1, 0, 1)),
        ("step = 0.5", (0.5,)),
        ("step=1,2.5,1e3", (1, 2.5, 1000.0)),
        ("masked=true,false", (True, False)),
        ("masked=a, b", ("a", "b")),
        ("masked=[1, 2],[3]", ([1, 2], [3])),
        ("masked=../a,../b", ("../a", "../b")),
    ],
)
def test_the_values_of_a_parameter(word: str, values: tuple[object, ...]) -> None:
    [factor] = perturbations(WALK, [word])
    assert factor.values == values
    assert [type(value) for value in factor.values] == [type(value) for value in values]
    assert factor.of == "environment"


def test_a_parameter_of_whole_numbers_gets_whole_numbers() -> None:
    [factor] = perturbations(SERIAL, ["periods=10..40"])
    assert factor == Factor("periods", "instances", (10, 18, 25, 32, 40))
    [few] = perturbations(SERIAL, ["periods=1..3"])
    assert few.values == (1, 2, 3)


@given(ends=st.sets(st.integers(-1000, 1000), min_size=2, max_size=2), count=st.integers(2, 20))
def test_a_range_is_even_and_keeps_its_ends(ends: set[int], count: int) -> None:
    first, last = (end / 8 for end in ends)
    [factor] = perturbations(WALK, [f"step={first}..{last}:{count}"])
    assert (factor.values[0], factor.values[-1]) == (first, last)
    assert factor.values == pytest.approx(np.linspace(first, last, count))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stpe=1,2"], "did you mean step"),
        (["step"], "'step' is not of the form NAME=A..B"),
        (["step="], "not of the form"),
        (["step=1,2", "step=3,4"], "perturbed twice"),
        (["step=1,1"], "takes a value twice"),
        (["step=1..1"], "takes a value twice"),
        (["step=1..2:1"], "2 to 200 values, not 1"),
        (["step=1..2:201"], "not 201"),
        (["step=a..b"], "from a number to a number, not 'a'"),
        (["step=0..inf"], "not 'inf'"),
    ],
)
def test_impossible_perturbations_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        perturbations(WALK, words)


def test_frequencies_are_positive_whole_numbers() -> None:
    assert frequencies([]) is None
    assert frequencies(["1,2", "8"]) == Factor("decision_every", "policies", (1, 2, 8))
    for wrong in ("0", "1.5", "a", "true"):
        with pytest.raises(InputError, match="whole numbers of steps"):
            frequencies([wrong])
    with pytest.raises(InputError, match="twice"):
        frequencies(["2,2"])


def test_every_value_is_scored_as_if_it_were_set_by_hand() -> None:
    found = swept(perturb=["step=0.25,0.75"], every=["1,3"], settings={"masked": False})
    assert [(one["parameter"], one["values"]) for one in found["sweeps"]] == [
        ("step", [0.25, 0.75])
    ]
    rows = found["results"]
    # The undisturbed scene is that of deciding at every step, and is played once.
    assert [(row["decision_every"], row["perturbed"]) for row in rows[::3]] == [
        (1, {}), (3, {}), (1, {"step": 0.25}), (1, {"step": 0.75}),
    ]  # fmt: skip
    for place, value in enumerate((0.25, 0.75)):
        alone = commands.evaluate(
            f"{TINY}WALK", policies=["homing"], instances=[], pool="test", options={},
            settings={"step": value}, seed=0, bar=Bar(quiet=True),
        )  # fmt: skip
        own = [row for row in rows if row["perturbed"] == {"step": value}]
        assert [row["metric"] for row in own] == [row["metric"] for row in alone]
        assert [row["instance"] for row in own] == found["instances"]
        assert found["sweeps"][0]["policies"]["homing"][place]["mean"] == means(alone)
    assert found["policies"][0]["mean"] == means(rows[:3])
    assert all(row["solution"] is None for row in rows)


def test_the_frequency_averaged_score_is_the_mean_over_the_intervals() -> None:
    frequency = swept(every=["1,2,4"])["frequency"]
    rows = swept(every=["1,2,4"])["results"]
    by_interval = [means([r for r in rows if r["decision_every"] == k]) for k in (1, 2, 4)]
    points = frequency["policies"]["homing"]
    assert [point["mean"] for point in points] == by_interval
    average = frequency["average"]["homing"]
    assert average["mean"] == pytest.approx(np.mean(by_interval))
    low, high = average["interval"]
    assert low < average["mean"] < high
    # Whoever sees less of a noisy walk keeps it less well.
    assert by_interval[0] < by_interval[2]


def test_what_a_curve_comes_to() -> None:
    metric = Metric("yield", unit="kg", minimize=False)
    policies = {seed: Random() for seed in (0, 1)}
    learner = Contestant("learner", "agent", Information.OBSERVED, policies)
    # Yields at two values, of two runs on three instances each.
    tables = [[[1.0, 2.0, 6.0], [3.0, 2.0, 4.0]], [[5.0, 5.0, 5.0], [5.0, 7.0, 3.0]]]
    played = [
        [result(run, f"i{i}", row[i]) for run, row in enumerate(table) for i in range(3)]
        for table in tables
    ]
    found = sweep(Factor("water", "instances", (0, 9)), [learner], played, played[0], metric)
    assert [point["mean"] for point in found["policies"]["learner"]] == [3.0, 5.0]
    # Over the runs: 2, 2, 5 and then 5, 6, 4.
    assert [point["worst"] for point in found["policies"]["learner"]] == [2.0, 4.0]
    assert [point["change"] for point in found["policies"]["learner"]] == [0.0, 2.0]
    assert found["worst_case"]["learner"]["value"] == 0
    assert found["worst_case"]["learner"]["mean"] == 3.0
    assert found["average"]["learner"]["mean"] == 4.0
    # A tenth of six scores is less than one: the worst of all.
    assert found["cvar"]["learner"] == 2.0
    dry = [*played[1][:-1], result(1, "i2", None)]
    broken = sweep(Factor("water", "instances", (0, 9)), [learner], [played[0], dry], dry, metric)
    assert broken["policies"]["learner"][1]["mean"] is None
    assert broken["policies"]["learner"][0]["change"] is None
    assert broken["policies"]["learner"][1]["feasible_rate"] == pytest.approx(5 / 6)
    assert broken["average"]["learner"]["mean"] is None
    assert broken["cvar"]["learner"] is None
    case = broken["worst_case"]["learner"]
    assert (case["value"], case["mean"]) == (9, None)


def result(seed: int, instance: str, value: float | None) -> Result:
    return Result(
        task="farm", policy="learner", kind="agent", information="observed", run_seed=seed,
        instance=instance, instance_hash=instance, value=value, metrics={},
        feasible=value is not None, status="heuristic", bound=None, reference=None,
        gap_percent=None, plan_seconds=0.0, act_seconds=0.0,
    )  # fmt: skip


def test_a_family_is_drawn_anew_and_never_in_training() -> None:
    drawn = [start.hash for start in family(WALK, 30, 0, {})]
    assert drawn[:10] == [start.hash for start in family(WALK, 10, 0, {})]
    assert len(set(drawn) | {start.hash for start in family(WALK, 30, 1, {})}) == 60
    env = registry.make(WALK, 40, registry.pool(WALK, "train"))
    trained = set()
    for _ in range(40):
        env.reset(seed=0 if not trained else None)
        trained |= {start.hash for start in env.instances}
    assert len(trained) > 1000
    assert not trained & set(drawn)
    # The same draws from a narrower family.
    wide, narrow = family(WALK, 5, 0, {}), family(WALK, 5, 0, {"spread": 1.0})
    assert [w.position / 2 for w in wide] == pytest.approx([n.position for n in narrow])


def test_a_sweep_over_the_family() -> None:
    found = swept(draws=4, perturb=["spread=0.5,1.5"], policies=["homing", HOMING])
    assert found["pool"] == "family"
    assert found["instances"] == [f"family:{k}" for k in (1, 2, 3, 4)]
    assert [row["instance"] for row in found["results"][:8]] == found["instances"] * 2
    assert [policy["name"] for policy in found["policies"]] == ["homing", HOMING]
    near, far = found["sweeps"][0]["policies"]["homing"]
    assert near["mean"] < far["mean"]
    assert found["sweeps"][0]["of"] == "instances"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"draws": 2, "instances": ["a"]}, "--instances can name none"),
        ({"draws": 2, "settings": {"stpe": 1}}, "did you mean step"),
        ({"perturb": ["spread=1,2"]}, "spread shapes generated instances"),
        ({"perturb": ["step=0.5,0"]}, "step must be positive, not 0"),
        ({"pool": "train"}, "evaluate --family N"),
        ({"every": ["2"], "settings": {"masked": True}}, "no action can be held"),
    ],
)
def test_impossible_sweeps_are_refused_before_anything_is_played(
    changes: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drlapps.sweep.evaluate", lambda *_, **__: pytest.fail("played"))
    with pytest.raises(InputError, match=said):
        swept(**changes)


def test_a_fixed_train_pool_is_no_family() -> None:
    with pytest.raises(InputError, match="fixed set"):
        swept("comms/ris-beamforming", policies=["mrt"], draws=2, settings={"pool_size": 3})


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """Return a sweep of two policies, one of which leaves the walk where steps are wide."""
    return swept(
        policies=["homing", HOMING], options={"lazy": True}, every=["1,2,4"],
        perturb=["step=0.25,0.5,8", "continuous=false"],
    )  # fmt: skip


def test_infeasible_results_leave_no_mean(shown: dict[str, Any]) -> None:
    points = shown["sweeps"][0]["policies"][HOMING]
    assert [point["feasible_rate"] == 1 for point in points] == [True, True, False]
    assert points[2]["mean"] is None
    assert shown["sweeps"][0]["worst_case"][HOMING]["value"] == 8
    assert shown["sweeps"][0]["average"]["homing"]["mean"] is not None


def test_a_sweep_is_shown_in_every_medium(shown: dict[str, Any]) -> None:
    console = Console(file=io.StringIO(), width=130)
    report.terminal_document(sweeps.document(shown, pictures=False), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("frequency-", "worst", "CVaR", "1, 2, 4 steps", "infeasible", "0.25, 0.5, 8"):
        assert part in text
    found = sweeps.document(shown)
    assert sum(section.chart is not None for section in found.sections) == 3
    assert len(found.sentences) == 3
    assert "best average cost: homing (" in found.sentences[1]
    assert "frequency-averaged cost" in report.markdown_document(found)


def test_curves_have_a_band_a_line_and_the_scale_of_their_values(shown: dict[str, Any]) -> None:
    charts = [section.chart for section in sweeps.document(shown).sections if section.chart]
    band, line, _, failed = charts[1]["layer"]
    assert (band["mark"]["type"], line["mark"]["type"]) == ("area", "line")
    assert failed["encoding"]["text"]["field"] == "words"
    axes = [chart["layer"][0]["encoding"]["x"] for chart in charts]
    assert [axis["scale"]["type"] for axis in axes[:1]] == ["log"]
    assert axes[2]["type"] == "nominal"
    [drawn] = charts[1]["datasets"].values()
    rows = [row for row in drawn if row["policy"] == HOMING]
    assert [row["value"] for row in rows] == [0.25, 0.5, 8]
    assert rows[2]["mean"] is None
    assert rows[1]["low"] < rows[1]["mean"] < rows[1]["high"]


def test_where_nobody_is_feasible_nobody_is_best() -> None:
    [sentence] = sweeps.document(swept(perturb=["step=8,9"])).sentences
    assert sentence.count("nobody, for none is feasible throughout") == 2


def test_a_family_alone_is_a_table_and_a_sentence() -> None:
    found = sweeps.document(swept(draws=3))
    assert [section.title for section in found.sections] == ["Policies, best first"]
    [sentence] = found.sentences
    assert sentence.startswith("Best mean cost: homing (")


def test_gaps_stand_beside_the_metric_where_there_are_references() -> None:
    found = swept("scheduling/job-shop", policies=["spt", "mwkr"], instances=["ft06", "la01"],
                  perturb=["delay=0,0.5"])  # fmt: skip
    [along] = found["sweeps"]
    for policy in found["policies"]:
        gaps = [point["gap_percent"] for point in along["policies"][policy["name"]]]
        assert along["average"][policy["name"]]["gap_percent"] == pytest.approx(np.mean(gaps))
    columns = [column.header for section in sweeps.document(found).sections if section.grid
               for column in section.grid.columns]  # fmt: skip
    assert "mean\ngap %" in columns
    assert "average\ngap %" in columns
