"""Pictures of schedules: one bar for each operation, where and when it is."""

from itertools import groupby, pairwise

import numpy as np
import pytest

from drlapps import report
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop.views import figures, gantt, table


def shop(jobs, machines, **bounds):
    rng = np.random.default_rng(jobs)
    durations = rng.integers(1, 100, (jobs, machines))
    routes = np.array([rng.permutation(machines) for _ in range(jobs)])
    return JobShop("made-up", durations, routes, **bounds)


def dispatched(instance):
    """Schedule job after job, each operation as early as its job and machine allow."""
    free = [0] * instance.n_machines
    starts = []
    for job, length in enumerate(instance.lengths):
        time, row = int(instance.release[job]), []
        for place in range(length):
            machine = instance.machines[job, place]
            row.append(max(time, free[machine]))
            time = free[machine] = row[-1] + int(instance.durations[job, place])
        starts.append(row)
    return {"start": starts}


def bars_of(chart):
    spec = chart.to_dict()
    data = spec["layer"][0]["data"]
    return data["values"] if "values" in data else spec["datasets"][data["name"]]


@pytest.mark.parametrize(("jobs", "machines"), [(2, 2), (6, 6), (21, 5), (100, 20)])
def test_bars_are_the_operations_and_share_no_machine(jobs, machines):
    instance = shop(jobs, machines)
    solution = dispatched(instance)
    bars = bars_of(gantt(instance, solution, "title"))
    assert {(bar["job"], bar["operation"]) for bar in bars} == set(np.ndindex(jobs, machines))
    assert len(bars) == instance.operations
    for bar in bars:
        job, operation = bar["job"], bar["operation"]
        assert bar["start"] == solution["start"][job][operation]
        assert bar["end"] - bar["start"] == bar["duration"] == instance.durations[job, operation]
        assert bar["machine"] == f"machine {instance.machines[job, operation]}"
    for _, row in groupby(bars, key=lambda bar: bar["machine"]):
        assert all(before["end"] <= after["start"] for before, after in pairwise(row))


def test_ragged_jobs_and_idle_machines_are_drawn():
    instance = JobShop.from_jobs("ragged", [[(0, 3), (4, 2)], [(4, 1)]], release=[0, 2])
    chart = gantt(instance, {"start": [[0, 3], [2]]}, "")
    assert len(bars_of(chart)) == 3
    domain = chart.to_dict()["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert domain == [f"machine {index}" for index in range(5)]
    assert table(instance, {"start": [[0, 3], [2]]}) == [
        {"machine": 0, "job": 0, "operation": 0, "start": 0, "end": 3, "duration": 3},
        {"machine": 4, "job": 1, "operation": 0, "start": 2, "end": 3, "duration": 1},
        {"machine": 4, "job": 0, "operation": 1, "start": 3, "end": 5, "duration": 2},
    ]


@pytest.mark.parametrize(("jobs", "legend"), [(20, True), (21, False)])
def test_many_jobs_have_distinct_colours_but_no_legend(jobs, legend):
    instance = shop(jobs, 3)
    spec = gantt(instance, dispatched(instance), "").to_dict()
    colour = spec["layer"][0]["encoding"]["color"]
    assert len(set(colour["scale"]["range"])) == jobs
    assert (colour["legend"] is not None) == legend


@pytest.mark.parametrize("best", [None, 4])
def test_lines_mark_the_makespan_and_the_best_known(best):
    instance = JobShop.from_jobs("two", [[(0, 3), (1, 1)]], upper_bound=best)
    spec = gantt(instance, {"start": [[0, 6]]}, "two jobs").to_dict()
    rules = [layer for layer in spec["layer"] if layer["mark"]["type"] == "rule"]
    times = [spec["datasets"][rule["data"]["name"]][0]["time"] for rule in rules]
    assert times == ([7] if best is None else [4, 7])
    assert spec["title"]["text"] == "two jobs"
    assert "makespan 7" in spec["title"]["subtitle"]
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 7]


def test_closed_windows_lie_behind_the_bars_and_due_dates_are_told():
    instance = JobShop.from_jobs(
        "two",
        [[(0, 3), (1, 1)], [(1, 2)]],
        due=[5, 1],
        weights=[4, 2],
        closed=[(0, 0, 2), (1, 5, 9), (1, 20, 30)],
    )
    spec = gantt(instance, {"start": [[2, 9], [0]]}, "").to_dict()
    bands, bars = (spec["datasets"][layer["data"]["name"]] for layer in spec["layer"][:2])
    assert bands == [
        {"machine": "machine 0", "start": 0, "end": 2},
        {"machine": "machine 1", "start": 5, "end": 9},
    ]
    assert {(bar["job"], bar["due"]) for bar in bars} == {(0, 5), (1, 1)}
    assert "due" in {field["field"] for field in spec["layer"][1]["encoding"]["tooltip"]}
    # Job 0 ends at 10, 5 late; job 1 at 2, 1 late.
    assert "total weighted tardiness 22, late jobs 2" in spec["title"]["subtitle"]


def test_the_largest_schedule_becomes_a_picture(tmp_path):
    instance = shop(100, 20)
    drawn = figures(instance, dispatched(instance), "100 jobs")
    assert list(drawn) == ["gantt"]
    report.chart_file(drawn["gantt"], tmp_path / "gantt.png")
    png = (tmp_path / "gantt.png").read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
    assert width > 1000
    assert height > 20 * 2 * 16
