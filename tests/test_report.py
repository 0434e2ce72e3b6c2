"""Reports: everything found is shown, in every medium, and nothing else runs or is loaded."""

import base64
import hashlib
import io
import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from drlapps import files, look, report
from drlapps.compare import compare
from drlapps.errors import InputError
from drlapps.evaluate import Result
from drlapps.report import charts, courses, formats, learning, moments, page, tables
from drlapps.task import Information, Metric, Task

INSTANCES = [f"i{number}" for number in range(8)]
ALL = ("learner", "novice", "solver", "rule", "twin", "fragile", "oracle")
HOSTILE = "<script>alert('x')</script>|[a](http://evil.example/)\x1b[31m"


def task(*, minimize=True):
    return Task(
        id="toys/sorting", env_id="", summary="", environment="", pools={},
        metric=Metric("cost", "euros", minimize, "best known cost" if minimize else ""),
    )  # fmt: skip


def comparison(
    *, seeds=4, relative=True, minimize=True, names=(), instances=8, doomed=(), budget=None,
    called=INSTANCES, moments=(),
):  # fmt: skip
    """Compare two agents, a solver, a rule, a failing method and a bound on made-up costs.

    The reference is 100, so that a cost of 110 is a gap of 10 percent.
    """
    rng = np.random.default_rng(7)
    difficulty = rng.normal(0, 1, instances)
    renamed = dict(names)
    rows = []

    def add(name, kind, information, seed, index, gap, **more):
        feasible = more.pop("feasible", True) and name not in doomed
        value = 100 + gap + difficulty[index] if feasible else None
        rows.append(
            Result(
                task="toys/sorting", policy=renamed.get(name, name), kind=kind,
                information=str(information), run_seed=seed, instance=called[index],
                instance_hash=str(index), value=value, metrics={}, feasible=feasible,
                status=more.pop("status", "heuristic") if feasible else "time-out", bound=None,
                reference=100.0 if relative else None,
                gap_percent=value - 100 if relative and feasible else None,
                plan_seconds=more.pop("plan", 0.002), act_seconds=0.0005,
                incumbents=tuple((s, value + v) for s, v in more.pop("log", ((0.0025, 0.0),)))
                if feasible else (),
            )
        )  # fmt: skip

    for index in range(instances):
        for seed in range(seeds):
            add("learner", "agent", Information.OBSERVED, seed, index, 10 + rng.normal(0, 0.5))
            add("novice", "agent", Information.OBSERVED, seed, index, 30 + rng.normal(0, 0.5))
        log = ((0.5, 8.0), (1.0 + index, 4.0), (9.0, 0.0))
        add("solver", "baseline", Information.MODEL, None, index, 4, status="optimal", plan=9.0,
            log=log)  # fmt: skip
        add("rule", "baseline", Information.OBSERVED, None, index, 20 + rng.normal(0, 0.5))
        add("twin", "baseline", Information.OBSERVED, None, index, 10 + rng.normal(0, 0.5))
        add("fragile", "baseline", Information.MODEL, None, index, 5, feasible=index > 0)
        add("oracle", "baseline", Information.CLAIRVOYANT, None, index, 3)
    costs = {"learner": 5400.0, "novice": 90.0}
    found = compare(
        task(minimize=minimize), rows, pool="test", train_cpu_seconds=costs, budget=budget,
        moments=moments,
    )  # fmt: skip
    return json.loads(files.json_text(found))


@pytest.fixture(scope="module")
def whole():
    return comparison()


@pytest.fixture(scope="module")
def problems():
    """Compare on four paths of one problem, the first of which is too much for one method."""
    return comparison(called=[f"{'hills' if i < 4 else 'plains'}:{i % 4}" for i in range(8)])


def printed(found, width=100, **options):
    console = Console(file=io.StringIO(), width=width, **options)
    report.terminal(found, console)
    return console.file.getvalue()


def table(found, title):
    return next(each for each in tables.tables(found) if each.title.startswith(title))


def texts(section):
    return [[cell.text for cell in row] for row in section.grid.rows]


class Page(HTMLParser):
    """Collects the tags, the attributes and the scripts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.text = [], [], [], ""
        self.open = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.open = dict(attributes) if tag == "script" else None
        if tag == "script":
            self.scripts.append([dict(attributes), ""])

    def handle_endtag(self, tag):
        if tag == "script":
            self.open = None

    def handle_data(self, data):
        if self.open is not None:
            self.scripts[-1][1] += data
        else:
            self.text += data

    @property
    def specs(self):
        return json.loads(next(s for a, s in self.scripts if a.get("id") == "charts"))


def rows_of(chart):
    """Return the rows of data of each layer of a chart."""
    spec = chart.to_dict()
    top = spec.get("data")
    found = []
    for layer in spec["layer"]:
        data = layer.get("data", top)
        found.append(data["values"] if "values" in data else spec["datasets"][data["name"]])
    return found


# Tables and sentences


def test_policies_stand_from_best_to_worst_with_the_failed_last_and_bounds_apart(whole):
    names = [row[0] for row in texts(table(whole, "Policies"))]
    assert names == ["solver", "learner", "twin", "rule", "novice", "fragile"]
    assert [row[0] for row in texts(table(whole, "Bounds"))] == ["oracle"]
    assert [row[0] for row in texts(table(whole, "Information"))][-1] == "oracle"


def test_higher_is_better_turns_the_order_and_the_words():
    found = comparison(relative=False, minimize=False)
    names = [row[0] for row in texts(table(found, "Policies"))]
    assert names[0] == "novice"
    assert names[-1] == "fragile"
    assert "positive is better" in table(found, "Verdicts").note
    assert "higher is better" in dict(tables.subject(found))["metric"]
    assert "gap" not in dict(tables.subject(found))


def test_infeasible_policies_show_no_mean_but_their_share_and_status(whole):
    row = next(row for row in texts(table(whole, "Policies")) if row[0] == "fragile")
    assert row[2:] == ["infeasible", "–", "–", "87.5 %"]
    cost = next(row for row in texts(table(whole, "Information")) if row[0] == "fragile")
    assert cost[2] == "time-out 1, heuristic 7"


def test_a_sentence_for_each_agent_sums_its_verdicts_up(whole):
    assert tables.sentences(whole) == [
        "learner is better than rule; worse than solver; not separated from twin; no verdict "
        "against fragile (fragile has infeasible results).",
        "novice is worse than solver, rule, twin; no verdict against fragile (fragile has "
        "infeasible results).",
    ]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"seeds": 1}, "it has 1 training run, and chance alone may explain fewer than 3"),
        ({"seeds": 2}, "it has 2 training runs, and chance alone may explain fewer than 3"),
        ({"instances": 1}, "a verdict needs at least 2 instances"),
        ({"doomed": ("learner",)}, "learner has infeasible results"),
    ],
)
def test_why_there_is_no_verdict(options, why):
    found = comparison(**options)
    assert tables.sentences(found)[0] == f"No verdict on learner: {why}."


def test_a_budget_may_leave_policies_behind():
    assert tables.sentences(comparison(budget=1.0))[0] == (
        "learner is better than rule; not separated from twin; no verdict against solver, fragile "
        "(solver, fragile have results over budget or infeasible)."
    )


def test_without_agents_the_best_policy_is_named():
    found = comparison(seeds=0)
    assert tables.sentences(found) == [
        "Without an agent beside a baseline there is no verdict; the best mean gap is solver's."
    ]
    assert all(not each.title.startswith("Verdicts") for each in tables.tables(found))


def test_equivalence_has_its_words(whole):
    verdict = {**whole["verdicts"][0], "verdict": "equivalent", "baseline": "twin"}
    said = tables.sentences({**whole, "verdicts": [verdict]})
    assert said == ["learner is equivalent to twin."]


def test_interquartile_means_of_few_runs_have_no_interval():
    def estimates(seeds):
        rows = texts(table(comparison(seeds=seeds), "Interquartile"))
        return {name: "[" in text for name, text in rows}

    assert estimates(4)["learner"]
    assert not estimates(4)["rule"]
    assert not estimates(2)["learner"]


def test_the_tables_of_one_result_and_of_many(whole):
    console = Console(file=io.StringIO(), width=100)
    row = whole["results"][0]
    report.solution(row, console)
    report.evaluation(whole["results"], console)
    shown = console.file.getvalue()
    assert f"{row['metric']['value']:.3f}"[:5] in shown
    assert "best known" not in shown
    assert shown.count("infeasible") == 1
    assert shown.count("\n") > len(whole["results"])


def test_problems_are_columns_unless_they_are_more_than_the_policies(problems, whole):
    by_problem = table(problems, "By problem")
    assert [column.header for column in by_problem.grid.columns] == ["policy", "hills", "plains"]
    order = ["solver", "learner", "twin", "rule", "novice", "fragile", "oracle (bound)"]
    assert [row[0] for row in texts(by_problem)] == order
    assert "(4); the lowest of the contest" in by_problem.note
    many = {**problems, "problems": problems["problems"] * 4}
    grid = table(many, "By problem").grid
    assert [column.header for column in grid.columns] == ["problem", *order]
    assert [row[0].text for row in grid.rows] == ["hills", "plains"] * 4
    assert grid.rows[1][1:] == tuple(row[2] for row in by_problem.grid.rows)
    assert not [each for each in tables.tables(whole) if each.title == "By problem"]


def test_the_best_of_the_contest_on_each_problem_stands_out(problems):
    cells = {row[0].text: row[1:] for row in table(problems, "By problem").grid.rows}
    # Fragile fails on one of the hills and has a gap of 5 on the plains; the oracle's 3 is none
    # to compete with.
    tones = {name: [cell.tone for cell in row] for name, row in cells.items()}
    assert tones.pop("oracle (bound)") == ["faint", "faint"]
    assert tones.pop("solver") == ["good", "good"]
    assert tones.pop("fragile") == ["bad", ""]
    assert all(row == ["", ""] for row in tones.values())
    assert cells["fragile"][0].text == "infeasible"
    own = problems["problems"][1]["policies"]["rule"]["mean"]
    assert float(cells["rule"][1].text) == pytest.approx(own, abs=0.05)
    # Whoever shows the same number stands out too.
    [first, second] = problems["problems"]
    twins = {**second["policies"], "twin": second["policies"]["solver"]}
    same = {**problems, "problems": [first, {**second, "policies": twins}]}
    tones = {row[0].text: row[2].tone for row in table(same, "By problem").grid.rows}
    assert [name for name, tone in tones.items() if tone == "good"] == ["solver", "twin"]


def test_the_highest_stands_out_where_higher_is_better(problems):
    turned = {**problems, "metric": {**problems["metric"], "minimize": False}}
    by_problem = table(turned, "By problem")
    best = [row[0].text for row in by_problem.grid.rows if row[1].tone == "good"]
    assert best == ["novice"]
    assert "the highest of the contest" in by_problem.note


def test_problems_of_different_sizes_say_so():
    found = comparison(called=[*(f"hills:{i}" for i in range(7)), "plain"])
    assert "(1 to 7)" in table(found, "By problem").note


# Numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "–"), (0, "0 s"), (4e-7, "0.4 µs"), (4e-4, "400 µs"),
        (0.0016, "1.6 ms"), (0.01 - 1e-12, "10 ms"), (9.5, "9.5 s"), (59, "59 s"), (90, "1.5 min"),
        (5400, "1.5 h"), (1e6, "278 h"),
    ],
)  # fmt: skip
def test_seconds_come_in_the_unit_that_fits(value, text):
    assert formats.seconds(value) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(1, "100 %"), (0.9999, "99.9 %"), (0.29, "29 %"), (0, "0 %")]
)
def test_only_all_is_a_hundred_percent(rate, text):
    assert formats.percent(rate) == text


@pytest.mark.parametrize(
    ("estimates", "written"),
    [
        ([(1183.52, (-6.4, 2373.4)), (1072.9, (-3.9, 2150.2))], ["1,184", "1,073"]),
        ([(0.67, (0.43, 0.90)), (41.9, (40.7, 43.2))], ["0.67", "41.90"]),
        ([(55.0, None), (1234.0, None)], ["55", "1,234"]),
        ([(1.2e-7, (1.0e-7, 1.4e-7))], ["1.2e-07"]),
        ([(-0.001, (-5.0, 5.0))], ["0.0"]),
        ([(None, None), (math.nan, (math.nan, None))], ["–", "–"]),
    ],
)
def test_numbers_of_a_column_share_the_decimals_that_their_intervals_support(estimates, written):
    form = formats.formatter(estimates)
    assert [form(value) for value, _ in estimates] == written


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(), st.floats())
def test_any_numbers_can_be_written(value, low, high):
    form = formats.formatter([(value, (low, high))])
    assert formats.estimate(value, (low, high), form)


# Terminal


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_the_terminal_shows_every_policy_and_number_at_any_width(whole, width):
    shown = printed(whole, width)
    assert "…" not in shown
    first_words = [line.split(maxsplit=1)[0] for line in shown.splitlines() if line.strip()]
    by_policy = [s for s in tables.tables(whole) if s.grid.columns[0].header == "policy"]
    assert first_words.count("policy") == len(by_policy)
    named = [cells[0] for section in by_policy for cells in texts(section)]
    assert first_words.count("solver") == named.count("solver")
    for section in tables.tables(whole):
        for row in section.grid.rows:
            for column, cell in zip(section.grid.columns, row, strict=True):
                assert not column.numeric or cell.text in shown


def test_a_long_name_is_folded_and_not_cut():
    name = "runs/" + "x" * 150 + "/end"
    shown = printed(comparison(names={"rule": name}), 80)
    assert "…" not in shown
    assert shown.replace("\n", "").count("x") >= 2 * 150


def test_headers_are_broken_at_their_joints_no_further_than_need_be():
    names = [f"hills:steep-{'very-' * 4}{letter}" for letter in "abcd"]
    found = comparison(called=[f"{names[i % 4]}:{i}" for i in range(8)])
    wide, narrow = printed(found, 200), printed(found, 70)
    assert all(f"  {name}" in wide for name in names)
    assert all(name not in narrow for name in names)
    start = narrow.index("By problem")
    assert all(len(line) <= 70 for line in narrow[start:].splitlines()[:8])
    # Nothing of them is lost.
    head = narrow[start : narrow.index("policy", start) + 70]
    assert head.count("very-") == 4 * 4
    assert narrow.count("hills:") == 4


def test_colours_follow_the_verdict_and_the_wish_for_none(whole):
    colourful = printed(whole, force_terminal=True, color_system="standard")
    assert "\x1b[32mbetter" in colourful
    assert "\x1b[31mworse" in colourful
    assert "\x1b[33mnot separated" in colourful
    assert "\x1b[3" not in printed(whole, force_terminal=True, no_color=True).replace("\x1b[3m", "")


def test_a_name_commands_no_terminal():
    assert "\x1b" not in printed(comparison(names={"rule": HOSTILE}))
    called = [f"{HOSTILE if i < 4 else 'plains'}:{i}" for i in range(8)]
    shown = printed(comparison(called=called))
    assert "By problem" in shown
    assert "\x1b" not in shown


# Markdown


def test_markdown_tables_are_rectangular_and_complete(whole):
    text = report.markdown(whole)
    for section in tables.tables(whole):
        assert f"## {section.title}\n" in text
        for row in section.grid.rows:
            assert all(cell.text in text for cell in row)
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == len(tables.tables(whole))
    for block in blocks:
        assert len({line.count("|") for line in block}) == 1


def test_markdown_shows_hostile_names_as_they_are():
    text = report.markdown(comparison(names={"rule": HOSTILE}))
    assert "<script" not in text.replace("\\<script", "")
    assert "](http" not in text.replace("\\](http", "")


# Page


def test_the_page_holds_every_policy_number_and_verdict(whole):
    shown = Page(report.html(whole)).text
    assert "drlapps: toys/sorting" in shown
    for section in tables.tables(whole):
        for row in section.grid.rows:
            assert all(cell.text in shown for cell in row)
    for sentence in tables.sentences(whole):
        assert sentence in shown


def test_the_page_loads_nothing_and_runs_only_its_own_script(whole):
    parsed = Page(report.html(whole))
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(parsed.tags)
    assert not {"src", "href", "action", "onload", "onclick"} & {
        key for key, _ in parsed.attributes
    }
    assert not any("http:" in value or "https:" in value for _, value in parsed.attributes if value)
    executable = [text for attributes, text in parsed.scripts if "type" not in attributes]
    assert len(executable) == 1
    digest = base64.b64encode(hashlib.sha256(executable[0].encode()).digest()).decode()
    policy = next(value for key, value in parsed.attributes if value and "default-src" in value)
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}';" in policy


def test_the_page_has_a_place_for_each_chart_and_figure(whole):
    figures = [{"title": "A figure", "spec": {"mark": "point", "data": {"values": []}}}]
    parsed = Page(report.html({**whole, "figures": figures}))
    assert len(parsed.specs) == 5
    assert parsed.specs[-1] == figures[0]["spec"]
    places = [value for key, value in parsed.attributes if key == "id" and "chart-" in value]
    assert places == [f"chart-{index}" for index in range(5)]
    assert "A figure" in parsed.text


def test_the_page_escapes_what_others_wrote():
    found = comparison(names={"rule": HOSTILE})
    found["figures"] = [{"title": HOSTILE, "spec": {"title": HOSTILE, "x": math.nan}}]
    found["task"] = HOSTILE
    text = report.html(found)
    assert "<script>alert" not in text
    parsed = Page(text)
    assert len(parsed.scripts) == 2
    assert "http://evil.example/" in parsed.text
    assert parsed.specs[-1] == {"title": HOSTILE, "x": None}


def test_every_result_is_listed_with_the_status_of_the_infeasible(whole):
    shown = report.html(whole).split("Every result", 1)[1].split("</section>")[0]
    assert shown.count("time-out") == 1
    value = next(r["metric"]["value"] for r in whole["results"] if r["policy"] == "learner")
    assert f"{value:.2f}"[:5] in shown


# Charts


def test_the_forest_has_a_row_for_each_policy_and_names_the_infeasible(whole):
    rows = {row["policy"]: row for row in rows_of(charts.forest(whole))[0]}
    assert set(rows) == {
        "solver", "learner", "twin", "rule", "novice", "fragile", "oracle (bound)",
    }  # fmt: skip
    policy = next(policy for policy in whole["policies"] if policy["name"] == "rule")
    row = rows["rule"]
    assert [row["low"], row["high"]] == policy["gap_interval"]
    assert row["mean"] == policy["gap_percent"]
    assert rows["fragile"]["failed"] == "infeasible"
    assert rows["oracle (bound)"]["kind"] == "bound"


def test_cells_average_runs_and_leave_the_infeasible_empty(whole):
    rows = rows_of(charts.by_instance(whole))[0]
    cells = {(row["policy"], row["instance"]): row["score"] for row in rows}
    assert len(cells) == 7 * len(INSTANCES)
    gaps = [
        result["gap_percent"]
        for result in whole["results"]
        if (result["policy"], result["instance"]) == ("learner", "i3")
    ]
    assert len(gaps) == 4
    assert cells["learner", "i3"] == pytest.approx(np.mean(gaps))
    assert cells["fragile", "i0"] is None
    assert cells["fragile", "i1"] is not None


def test_each_problem_has_a_panel_of_means(problems, whole):
    chart = charts.by_problem(problems).to_dict()
    [rows] = chart["datasets"].values()
    assert len(rows) == 2 * 7
    assert chart["facet"]["sort"] == ["hills", "plains"]
    found = {(row["problem"], row["policy"]): row for row in rows}
    own = problems["problems"][0]["policies"]["learner"]
    row = found["hills", "learner"]
    assert [row["mean"], row["low"], row["high"]] == [own["mean"], *own["interval"]]
    assert found["hills", "fragile"]["failed"] == "infeasible"
    assert found["plains", "fragile"]["failed"] == ""
    titles = [section.title for section in charts.comparison_charts(problems)]
    assert "By problem, with 95 % confidence interval" in titles
    # No chart without problems, nor for more of them than anybody would look through.
    assert charts.by_problem(whole) is None
    assert charts.by_problem({**problems, "problems": problems["problems"] * 20}) is None


def test_profiles_hold_the_curves_of_the_comparison(whole):
    rows = rows_of(charts.profiles(whole))[0]
    curve = [row["share"] for row in rows if row["policy"] == "rule"]
    assert curve == whole["aggregates"]["profiles"]["share"]["rule"]
    assert "fragile" not in {row["policy"] for row in rows}


def test_quality_against_time_draws_solvers_as_lines_and_others_as_points(whole):
    lines, points = rows_of(charts.anytime(whole))
    assert {row["policy"] for row in lines} == {"solver"}
    assert {row["policy"] for row in points} == {
        "learner", "novice", "rule", "twin", "oracle (bound)",
    }  # fmt: skip
    final = next(p["gap_percent"] for p in whole["policies"] if p["name"] == "solver")
    # All have an incumbent after 0.5 s, 8 above the final; each improves by 4 at its own second.
    assert [row["seconds"] for row in lines[:3]] == [0.5, 1.0, 2.0]
    assert [row["score"] - final for row in lines[:3]] == pytest.approx([8.0, 7.5, 7.0])
    assert lines[-1]["score"] == pytest.approx(final)
    learner = next(row for row in points if row["policy"] == "learner")
    assert learner["seconds"] == pytest.approx(0.0025)


def test_mean_steps_start_when_every_result_has_an_incumbent():
    events = [(1.0, 0, 10.0), (2.0, 1, 20.0), (3.0, 0, 12.0), (4.0, 1, 14.0), (5.0, 0, 10.0)]
    assert courses.mean_steps(events, 2, lower=True) == [(2.0, 15.0), (4.0, 12.0), (5.0, 12.0)]
    assert courses.mean_steps(events, 2, lower=False) == [(2.0, 15.0), (3.0, 16.0), (5.0, 16.0)]


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.integers(0, 2), st.floats(-1e6, 1e6)), min_size=1
    ),
    st.booleans(),
)  # fmt: skip
def test_mean_steps_never_get_worse(events, lower):
    events += [(101.0, index, 0.0) for index in range(3)]
    steps = courses.mean_steps(events, 3, lower)
    moments, means = zip(*steps, strict=True)
    assert list(moments) == sorted(moments)
    gains = -np.diff(means) if lower else np.diff(means)
    assert (gains >= -1e-6).all()


def test_long_courses_keep_their_ends():
    events = [(1.0 + number, 0, -float(number)) for number in range(5000)]
    steps = courses.mean_steps(events, 1, lower=True)
    assert len(steps) <= 402
    assert (steps[0], steps[-1]) == ((1.0, 0.0), (5000.0, -4999.0))


@pytest.mark.parametrize(
    "options",
    [{}, {"relative": False}, {"relative": False, "minimize": False}, {"instances": 1},
     {"called": ["a:0", "a:1", "b", "c", "d", "e", "f", "g"]},
     {"called": ["a:0", "a:1", "b:0", "b:1", "b:2", "b:3", "b:4", "b:5"], "doomed": ALL},
     {"doomed": ALL}],
)  # fmt: skip
def test_all_charts_can_be_drawn(options):
    import vl_convert

    found = comparison(**options)
    for section in charts.comparison_charts(found):
        picture = ElementTree.fromstring(vl_convert.vegalite_to_svg(section.chart))
        assert picture.tag.endswith("svg")


def test_palettes_have_distinct_colours():
    for count in (1, 10, 11, 100):
        assert len(set(look.palette(count))) == count
    assert look.ink_on("#ffffff") != look.ink_on("#000000")


def test_the_learning_curve_marks_the_chosen_checkpoint():
    rows = [
        {"steps": "0", "cpu_seconds": "0.5", "episode_return": "", "validation": "30.5"},
        {"steps": "100", "cpu_seconds": "2", "episode_return": "1", "validation": ""},
        {"steps": "200", "cpu_seconds": "90", "episode_return": "1", "validation": "20.5"},
        {"steps": "300", "cpu_seconds": "120", "episode_return": "1", "validation": "25"},
    ]
    chart = learning.convergence(rows, "Run 0")
    points = rows_of(chart)[0]
    assert [point["steps"] for point in points] == [0, 200, 300]
    assert [point["validation"] for point in points] == [30.5, 20.5, 25]
    assert points[1]["cpu"] == "1.5 min"
    assert chart.to_dict()["layer"][1]["transform"] == [{"filter": "datum.steps === 200.0"}]
    with pytest.raises(InputError, match="no validation score"):
        learning.convergence(rows[1:2])


def test_chart_files_by_suffix(whole, tmp_path):
    chart = charts.forest(whole)
    for suffix in (".png", ".svg", ".html", ".PNG"):
        report.chart_file(chart, tmp_path / f"chart{suffix}")
    png = (tmp_path / "chart.png").read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) > 5000
    assert ElementTree.parse(tmp_path / "chart.svg").getroot().tag.endswith("svg")
    assert len(Page((tmp_path / "chart.html").read_text()).specs) == 1
    # A page has room for more than one.
    report.chart_file(chart, tmp_path / "chart.html", chart, chart)
    assert len(Page((tmp_path / "chart.html").read_text()).specs) == 3
    with pytest.raises(InputError, match=r"chart\.pdf"):
        report.chart_file(chart, tmp_path / "chart.pdf")
    with pytest.raises(InputError, match=r"no/such/chart\.png"):
        report.chart_file(chart, tmp_path / "no/such/chart.png")
    assert len(list(tmp_path.iterdir())) == 4


# Saved comparisons


def test_a_saved_comparison_comes_back(whole, tmp_path):
    path = tmp_path / "found.json"
    files.write_json(path, whole)
    assert report.load(path) == whole


def test_a_comparison_saved_before_there_were_problems_is_read(whole, tmp_path):
    old = {key: value for key, value in whole.items() if key != "problems"}
    files.write_json(tmp_path / "old.json", old)
    assert report.load(tmp_path / "old.json") == old
    assert report.markdown(old) == report.markdown(whole)
    assert Page(report.html(old)).specs == Page(report.html(whole)).specs


def test_problems_that_do_not_fit_the_policies_are_refused(problems, tmp_path):
    path = tmp_path / "found.json"
    files.write_json(path, problems)
    assert report.load(path) == problems
    first = problems["problems"][0]
    few = {name: own for name, own in first["policies"].items() if name != "twin"}
    more = {**first["policies"], "other": first["policies"]["twin"]}
    for policies, said in ((few, "'hills' lacks the policy 'twin'"), (more, "no 'other'")):
        files.write_json(path, {**problems, "problems": [{**first, "policies": policies}]})
        with pytest.raises(InputError, match=said):
            report.load(path)
    files.write_json(path, {**problems, "problems": [{**first, "instances": "four"}]})
    with pytest.raises(InputError, match=r"problems\[0\].instances is not a whole number"):
        report.load(path)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("verdicts",), None, "verdicts is missing"),
        (("policies", 1, "mean"), None, "policies[1].mean is missing"),
        (("metric", "minimize"), None, "metric.minimize is missing"),
        (("metric", "minimize"), "yes", "metric.minimize is not true or false"),
        (("policies",), {}, "policies is not a list"),
        (("policies",), [], "it has no policies or no instances"),
        (("policies", 0, "seeds"), True, "policies[0].seeds is not a whole number"),
        (("policies", 0, "interval"), [1.0], "policies[0].interval is not a list of 2"),
        (("policies", 0, "name"), "other", "policies has no"),
        (("results", 0, "instance"), "other", "instances has no 'other'"),
        (
            ("results", 0, "incumbents"),
            [["soon", 1]],
            "results[0].incumbents[0][0] is not a number",
        ),
        (("aggregates", "iqm"), 3, "aggregates.iqm is not an object"),
        (("figures",), [{"title": "a", "spec": 1}], "figures[0].spec is not an object"),
    ],
)
def test_what_is_no_comparison_is_refused_by_name(whole, tmp_path, path, value, said):
    broken = json.loads(json.dumps(whole))
    *way, last = path
    place = broken
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    target = tmp_path / "broken.json"
    files.write_json(target, broken)
    with pytest.raises(InputError) as caught:
        report.load(target)
    assert said in str(caught.value)
    assert "broken.json" in str(caught.value)


def test_moments_have_their_tables_and_survive_a_file(tmp_path):
    found = comparison(moments=(1.5, 60.0))
    text = printed(found, width=160)
    means, told_then = moments.sections(found)
    heads = [column.header for column in means.grid.columns]
    assert heads == ["policy", formats.seconds(1.5), formats.seconds(60.0), "end"]
    at = {row[0]: row[1:] for row in texts(means)}
    # After 1.5 s the solver stands at 4 over its end on the first instance and 8 on the others.
    early, later, end = map(float, at["solver"])
    assert early - end == pytest.approx((4 + 7 * 8) / 8)
    assert later == end
    assert at["fragile"] == ["–", "–", "–"]
    assert at["learner"][0] == at["learner"][2]
    told = {tuple(row[:2]): row[2:] for row in texts(told_then)}
    assert told["learner", "solver"][0].endswith("better")
    assert told["learner", "solver"][2].endswith("worse")
    assert told["learner", "fragile"] == ["no verdict"] * 3
    assert means.title in text
    assert told_then.title in text
    files.write_json(tmp_path / "saved.json", found)
    assert report.load(tmp_path / "saved.json") == found
    assert moments.sections(comparison()) == []


def test_moments_of_other_policies_are_refused(tmp_path):
    found = comparison(moments=(1.5,))
    del found["moments"][0]["policies"][0]
    files.write_json(tmp_path / "saved.json", found)
    with pytest.raises(InputError, match=r"after 1\.5 s there are other policies than at the end"):
        report.load(tmp_path / "saved.json")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "text.json").write_text("hello")
    with pytest.raises(InputError, match="its content is not an object"):
        report.load(tmp_path / "list.json")
    with pytest.raises(InputError, match="not valid JSON"):
        report.load(tmp_path / "text.json")
    with pytest.raises(InputError, match="no such file"):
        report.load(tmp_path / "nothing.json")


def test_reports_import_no_chart_library_before_they_need_it():
    code = (
        "import sys, drlapps.report, drlapps.report.page, drlapps.report.learning; "
        "assert not {'altair', 'vl_convert', 'torch', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_script_of_the_page_can_stand_in_a_page():
    script = page._script()
    assert "</script" not in script.lower()
    assert "<!--" not in script
