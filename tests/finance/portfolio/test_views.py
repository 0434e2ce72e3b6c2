"""Pictures and tear sheets of portfolios: they say plainly what the numbers say."""

import io
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import vl_convert
from rich.console import Console

from drlapps import files, report
from drlapps.finance import metrics
from drlapps.finance.market_data.prices import Prices
from drlapps.finance.portfolio import views
from drlapps.finance.portfolio.instances import Window
from drlapps.finance.portfolio.market import Market
from drlapps.finance.portfolio.tear_sheet import document
from drlapps.finance.portfolio.tear_sheet_tables import amount, number

ASSETS = [f"S{index}" for index in range(24)]
BASELINES = {
    "one-over-n": 6.2e-4, "risk-parity": 5.8e-4, "bah": 6.0e-4, "min-variance": 4.0e-4,
    "max-sharpe": 5.0e-4,
}  # fmt: skip


def window(days=300, assets=3, *, dated=True):
    rng = np.random.default_rng(days)
    close = np.exp(np.cumsum(rng.normal(0, 0.01, (days, assets)), axis=0))
    dates = np.busday_offset("2019-01-02", np.arange(days)) if dated else None
    prices = Prices("made-up", tuple(ASSETS[:assets]), close, dates)
    return Window("made-up", Market(prices), tuple(range(assets)), 0, days - 1)


def ledger(instance, *, fill="next-close", assets=None):
    """Return the ledger of a made-up portfolio that wanders about the simplex."""
    rng = np.random.default_rng(1)
    entries = instance.end - instance.begin + 1 + (fill == "next-open")
    growth = 1 + rng.normal(5e-4, 0.01, entries - 1)
    raw = np.exp(np.cumsum(rng.normal(0, 0.1, (entries, len(instance.columns) + 1)), axis=0))
    raw /= raw.sum(axis=1, keepdims=True)
    raw[0, 1:] = 0
    return {
        "wealth": [1.0, *np.cumprod(growth).tolist()],
        "weights": raw[:, 1:].tolist(),
        "rules": {"fill": fill},
    }


def summarised(runs):
    """Return the metrics of runs of returns: their means, and those of each."""
    each = []
    for run in runs:
        found = metrics.summary(run) | {"terminal_wealth": float(np.prod(1 + run))}
        each.append(found | {"turnover": 1.5, "costs": 0.021, "psr": 0.991, "dsr": 0.412})
    return {name: float(np.mean([found[name] for found in each])) for name in each[0]}, each


def policy(name, kind, runs, dates):
    mean, each = summarised(runs)
    blocks = np.array_split(np.arange(runs.shape[1]), 3)
    years = {}
    if dates is not None:
        calendar = np.array([day[:4] for day in dates])
        for year in dict.fromkeys(calendar.tolist()):
            days = runs[:, calendar == year]
            years[year] = {
                "total_return": float(metrics.total_return(days).mean()),
                "sharpe": float(metrics.sharpe(days).mean()),
            }
    return {
        "name": name, "kind": kind, "information": "observed",
        "run_seeds": list(range(len(runs))) if kind == "agent" else [None], "metrics": mean,
        "intervals": {"sharpe": [mean["sharpe"] - 0.5, mean["sharpe"] + 0.5],
                      "cagr": [mean["cagr"] - 0.08, mean["cagr"] + 0.08],
                      "max_drawdown": [mean["max_drawdown"] - 0.1, mean["max_drawdown"] + 0.1]},
        "by_run": [{"run_seed": seed if kind == "agent" else None, "metrics": found}
                   for seed, found in enumerate(each)],
        "seconds": {"plan": 0.4, "act": 0.0002},
        "train_cpu_seconds": 1800.0 if kind == "agent" else None, "years": years,
        "regimes": {
            label: {"days": len(days), "cagr": float(metrics.cagr(runs[0, days])),
                    "sharpe": float(metrics.sharpe(runs[0, days])),
                    "max_drawdown": float(metrics.max_drawdown(runs[0, days]))}
            for label, days in zip(("bull", "bear", "calm"), blocks, strict=True)
        },
        "cost_sweep": [
            {"cost_bps": cost, "cagr": mean["cagr"] - cost * 1e-4,
             "sharpe": mean["sharpe"] - cost * (4e-3 if kind == "agent" else 5e-4)}
            for cost in (0.0, 5.0, 10.0, 25.0, 50.0)
        ],
        "decay": {"validation_sharpe": 1.31, "test_sharpe": mean["sharpe"]}
        if kind == "agent" else None,
    }  # fmt: skip


def backtest(*, agents=("pretrained",), days=3270, runs=5, dated=True, verdict="not separated",
             assets=20, baselines=tuple(BASELINES), drift=5.6e-4):  # fmt: skip
    """Return a backtest as ``drlapps backtest`` does, of made-up returns."""
    rng = np.random.default_rng(3)
    market = rng.normal(0, 0.0105, days)
    market[days // 3 : days // 3 + 40] -= 0.006
    calendar = np.busday_offset("2010-01-04", np.arange(days)).astype(str).tolist()
    dates = calendar if dated else list(range(days))
    traded = {name: BASELINES[name] + 0.9 * market + rng.normal(0, 0.003, (1, days))
              for name in baselines}  # fmt: skip
    traded |= {name: drift + market + rng.normal(0, 0.004, (runs, days)) for name in agents}
    policies = [
        policy(name, "agent" if name in agents else "baseline", each, dates if dated else None)
        for name, each in traded.items()
    ]
    named = {entry["name"]: entry["metrics"] for entry in policies}
    differences = []
    for agent in agents:
        for baseline in baselines:
            for metric in ("sharpe", "cagr", "max_drawdown", "cvar_95"):
                gap = named[agent][metric] - named[baseline][metric]
                differences.append({
                    "agent": agent, "baseline": baseline, "metric": metric, "difference": gap,
                    "interval": [gap - 0.15, gap + 0.2], "p_value": 0.21, "p_holm": 0.8,
                    "verdict": verdict,
                })  # fmt: skip
    held = ["cash", *ASSETS[:assets]]
    weights = {}
    for name in dict.fromkeys([*agents[:1], *baselines[:2]]):
        raw = np.exp(np.cumsum(rng.normal(0, 0.03, (days, len(held))), axis=0))
        raw = raw[:: max(days // 400, 1)]
        values = raw / raw.sum(axis=1, keepdims=True)
        weights[name] = {"dates": dates[:: max(days // 400, 1)], "assets": held,
                         "values": values.tolist()}  # fmt: skip
    found = {
        "task": "finance/portfolio",
        "data": {
            "name": "sp500-20" if dated else "djia", "assets": held[1:], "days": days,
            "start": dates[0] if dated else None, "end": dates[-1] if dated else None,
            "source": "made up by a test", "licence": "none needed",
            "cautions": ["Only companies that survived to 2022 are included."],
        },
        "settings": {"cost_bps": 10.0, "fill": "next-close", "data": None}, "seed": 7,
        "policies": policies, "differences": differences,
        "trials": {"count": 12, "variance": 0.0123},
        "series": {
            "dates": dates,
            "wealth": {name: np.cumprod(1 + each, axis=1).tolist()
                       for name, each in traded.items()},
            "weights": weights,
        },
    }  # fmt: skip
    return json.loads(files.json_text(found))


@pytest.fixture(scope="module")
def whole():
    return backtest()


@pytest.fixture(scope="module")
def sheet(whole):
    return document(whole)


def section(sheet, title):
    return next(part for part in sheet.sections if part.title.startswith(title))


def row(sheet, title, *names):
    """Return the texts of the row of a table that begins with these names."""
    rows = [[cell.text for cell in cells] for cells in section(sheet, title).grid.rows]
    return next(cells for cells in rows if tuple(cells[: len(names)]) == names)


def rows_of(spec, index=-1):
    """Return the data of a layer of a chart."""
    source = spec["layer"][index].get("data", spec.get("data"))
    return source["values"] if "values" in source else spec["datasets"][source["name"]]


def drawable(spec):
    return ElementTree.fromstring(vl_convert.vegalite_to_svg(spec)).tag.endswith("svg")


# Pictures of a solution


@pytest.mark.parametrize("fill", ["next-close", "next-open"])
def test_wealth_and_drawdown_follow_the_ledger_day_by_day(fill):
    instance = window()
    solution = ledger(instance, fill=fill)
    drawn = views.figures(instance, solution, "title")
    assert list(drawn) == ["wealth", "drawdown", "weights"]
    line = rows_of(drawn["wealth"].to_dict())[0]
    assert line["value"] == pytest.approx(solution["wealth"], rel=1e-4)
    # Orders filled at an open start the path on the morning of the first close.
    morning = [instance.dates()[0]] if fill == "next-open" else []
    assert line["day"] == morning + instance.dates()
    path = np.array(solution["wealth"])
    below = rows_of(drawn["drawdown"].to_dict())[0]["value"]
    assert below == pytest.approx(path / np.maximum.accumulate(path) - 1, abs=1e-4)
    assert f"{path[-1]:,.4g}" in drawn["wealth"].to_dict()["title"]["subtitle"]


def test_undated_windows_are_drawn_against_day_numbers():
    instance = window(dated=False)
    drawn = views.figures(instance, ledger(instance), "")
    for chart in drawn.values():
        spec = chart.to_dict()
        assert rows_of(spec)[0]["day"][-1] == 299
        assert spec["layer"][-1]["encoding"]["x"]["type"] == "quantitative"
        assert drawable(spec)


@pytest.mark.parametrize("assets", [1, 20, 24])
def test_weights_add_up_with_cash_and_the_others(assets):
    instance = window(1000, assets)
    chart = views.figures(instance, ledger(instance), "")["weights"].to_dict()
    rows = rows_of(chart)
    names = [each["asset"] for each in rows]
    assert names[0] == "cash"
    assert len(names) == min(assets, 20) + 1 + (assets > 20)
    assert (names[-1] == "others") == (assets > 20)
    stacked = np.array([each["weight"] for each in rows])
    assert stacked.shape[1] <= 400
    assert stacked.sum(axis=0) == pytest.approx(1.0, abs=2e-3)
    means = stacked[1 : min(assets, 20) + 1].mean(axis=1)
    assert (np.diff(means) <= 2e-3).all()
    assert rows[0]["day"][-1] == instance.dates()[-1]
    assert drawable(chart)


def test_a_portfolio_that_lost_everything_is_drawn_to_its_end():
    instance = window(5, 1)
    solution = {
        "wealth": [1.0, 0.5, 0.0], "weights": [[0.0], [2.0], [float("nan")]],
        "rules": {"fill": "next-close"},
    }  # fmt: skip
    drawn = views.figures(instance, solution, "")
    assert rows_of(drawn["drawdown"].to_dict())[0]["value"] == [0.0, -0.5, -1.0]
    assert rows_of(drawn["wealth"].to_dict())[0]["value"] == [1.0, 0.5, None]
    assert all(drawable(chart.to_dict()) for chart in drawn.values())


def test_long_and_short_weights_are_drawn_beyond_their_sum():
    instance = window(30, 2)
    solution = ledger(instance)
    solution["weights"] = [[0.0, 0.0]] + [[1.2, -0.6]] * 29
    spec = views.figures(instance, solution, "")["weights"].to_dict()
    assert "domain" not in spec["layer"][0]["encoding"]["y"].get("scale", {})
    assert {each["asset"]: each["weight"][0] for each in rows_of(spec)} == {
        "cash": 0.4, "S0": 1.2, "S1": -0.6,
    }  # fmt: skip


def test_returns_start_from_one_and_end_in_ruin():
    assert views.returns([1.1, 0.55, 0.0, 0.0]).tolist() == pytest.approx([0.1, -0.5, -1, -1])
    assert views.returns([[2.0], [0.5]]).tolist() == [[1.0], [-0.5]]


# Sentences


def sharpe(found, name):
    return next(p["metrics"]["sharpe"] for p in found["policies"] if p["name"] == name)


def test_an_agent_below_the_benchmarks_is_called_behind(whole, sheet):
    own, equal, parity = (sharpe(whole, n) for n in ("pretrained", "one-over-n", "risk-parity"))
    assert own < min(equal, parity)
    gap = own - equal
    assert sheet.sentences[0] == (
        f"pretrained (5 runs) has Sharpe {own:.2f} [{own - 0.5:.2f}, {own + 0.5:.2f}] and a CAGR "
        f"of {100 * whole['policies'][-1]['metrics']['cagr']:.1f} %; it is not separated from "
        f"one-over-n (difference {gap:.2f} [{number(gap - 0.15)}, {gap + 0.2:.2f}], adjusted "
        "p = 0.800)."
    )
    for title, name, other in (("1/N", "one-over-n", equal),
                               ("risk parity", "risk-parity", parity)):  # fmt: skip
        assert (
            f"The agent pretrained is behind {title} ({name}): its Sharpe ratio is {own:.2f} "
            f"against {other:.2f}, a difference that these data do not separate from chance."
        ) in sheet.sentences
    assert not any("loses" in sentence for sentence in sheet.sentences)


def test_a_verdict_of_worse_is_called_a_loss():
    said = document(backtest(days=600, verdict="worse"), pictures=False).sentences
    assert sum("The agent pretrained loses to 1/N (one-over-n)" in each for each in said) == 1
    assert sum("loses to risk parity (risk-parity)" in each for each in said) == 1
    assert "it is worse than one-over-n" in said[0]
    assert not any("behind" in sentence for sentence in said)


@pytest.mark.parametrize("verdict", ["better", "not separated", "no verdict", "equivalent"])
def test_an_agent_ahead_neither_loses_nor_is_behind(verdict):
    found = backtest(days=600, verdict=verdict, drift=3e-3)
    said = " ".join(document(found, pictures=False).sentences)
    assert "loses" not in said
    assert "behind" not in said
    assert {"no verdict": "without a verdict"}.get(verdict, verdict) in said


@pytest.mark.parametrize(
    ("verdict", "hedge"),
    [("no verdict", "there is no verdict"), ("equivalent", "within the margin")],
)
def test_why_being_behind_is_no_loss(verdict, hedge):
    said = document(backtest(days=600, verdict=verdict, drift=-1e-3), pictures=False).sentences
    assert sum("is behind" in each and hedge in each for each in said) == 2


def test_baselines_that_were_not_tested_for_are_still_compared_by_their_numbers():
    found = backtest(days=600, drift=-1e-3) | {"differences": []}
    said = document(found, pictures=False).sentences
    assert sum("is behind 1/N (one-over-n)" in each for each in said) == 1


def test_the_deflated_sharpe_ratio_counts_the_trials(whole, sheet):
    assert "After 12 trials, the deflated Sharpe ratio of pretrained is 0.412" in " ".join(
        sheet.sentences
    )
    single = document(whole | {"trials": {"count": 1, "variance": None}}, pictures=False)
    assert not any("deflated" in sentence for sentence in single.sentences)
    assert dict(single.subject)["trials"] == "1"


def test_without_an_agent_the_best_policy_is_named():
    found = backtest(agents=(), days=600)
    best = max(found["policies"], key=lambda each: each["metrics"]["sharpe"])
    (sentence,) = document(found, pictures=False).sentences
    assert sentence.startswith(f"No agent took part; {best['name']} has Sharpe ")
    assert sentence.endswith("the best of 5 policies.")


# Tables and subject


def test_cautions_and_sources_are_always_told(whole, sheet):
    assert ("caution", whole["data"]["cautions"][0]) in sheet.subject
    assert dict(sheet.subject)["settings"] == "cost_bps = 10.0, fill = next-close"
    console = Console(file=io.StringIO(), width=100)
    report.terminal_document(sheet, console)
    for shown in (console.file.getvalue(), report.markdown_document(sheet)):
        assert whole["data"]["cautions"][0] in shown


def test_many_assets_are_counted_and_some_are_named(whole):
    about = whole["data"] | {"assets": [f"A{index}" for index in range(60)]}
    subject = dict(document(whole | {"data": about}, pictures=False).subject)
    assert subject["60 assets"].endswith("A39, and 20 more")


def test_the_numbers_of_the_tables_are_those_of_the_object(whole, sheet):
    entry = next(p for p in whole["policies"] if p["name"] == "pretrained")
    found, (low, high) = entry["metrics"], entry["intervals"]["max_drawdown"]
    assert row(sheet, "Performance", "pretrained")[1:] == [
        "5", f"{found['terminal_wealth']:.2f}",
        f"{100 * found['cagr']:.1f} [{100 * found['cagr'] - 8:.1f}, {100 * found['cagr'] + 8:.1f}]",
        f"{found['sharpe']:.2f} [{found['sharpe'] - 0.5:.2f}, {found['sharpe'] + 0.5:.2f}]",
        f"{found['sortino']:.2f}",
        f"{100 * found['max_drawdown']:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        f"{found['calmar']:.2f}",
    ]  # fmt: skip
    assert row(sheet, "Risk", "pretrained")[-4:] == ["1.50", "2.1", "0.991", "0.412"]
    year = entry["years"]["2014"]
    place = [column.header for column in section(sheet, "Calendar").grid.columns]
    assert row(sheet, "Calendar", "2014")[place.index("pretrained")] == (
        f"{100 * year['total_return']:.1f} ({number(year['sharpe'])})"
    )
    bear = entry["regimes"]["bear"]
    assert row(sheet, "Market", "bear", "pretrained")[2:] == [
        "1,090", f"{100 * bear['cagr']:.1f}", f"{bear['sharpe']:.2f}",
        f"{100 * bear['max_drawdown']:.1f}",
    ]  # fmt: skip
    sweep = entry["cost_sweep"][-1]
    assert row(sheet, "Sensitivity", "pretrained")[-1] == (
        f"{100 * sweep['cagr']:.1f} ({sweep['sharpe']:.2f})"
    )
    assert row(sheet, "Decay", "pretrained")[1:] == [
        "1.31", f"{found['sharpe']:.2f}", f"{found['sharpe'] - 1.31:.2f}",
    ]  # fmt: skip
    assert row(sheet, "Information", "pretrained")[-1] == "30 min"
    assert row(sheet, "Information", "bah")[-1] == "–"
    assert len(section(sheet, "Every training run").grid.rows) == 5


def test_verdicts_have_their_tones():
    sheet = document(backtest(days=600, verdict="worse"), pictures=False)
    cells = section(sheet, "Differences").grid.rows[0]
    assert (cells[-1].text, cells[-1].tone) == ("worse", "bad")
    assert len(section(sheet, "Differences").grid.rows) == 4 * len(BASELINES)


def test_policies_stand_by_sharpe_ratio_and_the_clairvoyant_last(whole):
    found = json.loads(json.dumps(whole))
    found["policies"][0]["information"] = "clairvoyant"
    found["policies"][1]["metrics"]["sharpe"] = None
    names = [cells[0].text for cells in
             section(document(found, pictures=False), "Performance").grid.rows]  # fmt: skip
    assert names[-2:] == [found["policies"][1]["name"], found["policies"][0]["name"]]
    ratios = [sharpe(found, name) for name in names[:-2]]
    assert ratios == sorted(ratios, reverse=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (0.00094, "0.00094"), (1234.5, "1,234.50"), (1.23e16, "1.2e+16"),
     (0.25, "0.25")],
)  # fmt: skip
def test_small_and_huge_wealth_keeps_its_digits(value, text):
    assert amount(value) == text


@pytest.mark.parametrize(
    ("low", "high", "levels"),
    [
        (0.79, 1.31, [0.8, 1.0, 1.2]),
        (1.0, 1.0, [1.0]),
        (0.9, 9.0, [1, 2, 5]),
        (0.03, 25.0, [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]),
    ],
)
def test_a_logarithmic_axis_is_labelled_along_all_its_length(low, high, levels):
    curve = views.Curve("a", np.array([low, np.nan, high]))
    axis = views.equity([0, 1, 2], [curve]).to_dict()["layer"][-1]["encoding"]["y"]["axis"]
    assert axis["values"] == pytest.approx(levels)


# Charts and page


def test_the_sheet_has_every_section_in_order(sheet):
    assert [part.title for part in sheet.sections] == [
        "Performance", "Risk, trading and significance", "Differences", "Wealth", "Drawdown",
        "Weights of pretrained", "Weights of one-over-n", "Monthly returns of pretrained",
        "Rolling Sharpe ratio", "Calendar years", "Market regimes", "Sensitivity to costs",
        "Decay", "Information and cost", "Every metric, in plain numbers", "Every training run",
    ]  # fmt: skip
    assert [part.title for part in sheet.sections if part.folded] == [
        "Every metric, in plain numbers", "Every training run",
    ]  # fmt: skip


def test_wealth_shows_thin_runs_under_thick_means(whole, sheet):
    lines = rows_of(section(sheet, "Wealth").chart)
    assert [line["policy"] for line in lines if line["width"] < 1] == ["pretrained"] * 5
    assert lines[-1]["policy"] == "pretrained"
    assert lines[-1]["width"] == max(line["width"] for line in lines)
    runs = whole["series"]["wealth"]["pretrained"]
    assert lines[-1]["value"][-1] == pytest.approx(np.mean([run[-1] for run in runs]), rel=1e-4)
    assert len(lines[0]["day"]) <= 700
    assert lines[0]["day"][-1] == whole["data"]["end"]


def test_monthly_returns_are_means_over_the_runs(whole, sheet):
    cells = rows_of(section(sheet, "Monthly").chart)
    assert len(cells) == 12 * 12 + 7  # twelve years, and January to July
    # Wealth at the last days of January and February 2011, by position in the dates.
    days = np.array(whole["series"]["dates"], "datetime64[M]")
    ends = [np.flatnonzero(days == np.datetime64(month))[-1] for month in ("2011-01", "2011-02")]
    runs = np.array(whole["series"]["wealth"]["pretrained"])[:, ends]
    february = next(c["value"] for c in cells if (c["year"], c["month"]) == (2011, "Feb"))
    assert february == pytest.approx((runs[:, 1] / runs[:, 0] - 1).mean())


def test_the_page_is_small_and_its_charts_can_be_drawn(sheet):
    page = report.html_document(sheet)
    assert len(page) < 3e6
    assert "The agent pretrained is behind 1/N (one-over-n)" in page
    drawn = [part.chart for part in sheet.sections if part.chart]
    assert page.count('class="chart"') == len(drawn) == 7
    assert all(drawable(chart) for chart in drawn)


@pytest.mark.parametrize(
    "options",
    [
        {"agents": (), "baselines": ("bah",), "days": 300},
        {"agents": (), "baselines": ("bah",), "days": 40, "assets": 1, "dated": False},
        {"agents": ("a", "b"), "runs": 1, "days": 300, "dated": False, "assets": 1},
        {"baselines": (), "days": 100},
    ],
)
def test_any_backtest_becomes_a_page(options):
    found = backtest(**options)
    sheet = document(found)
    titles = {part.title for part in sheet.sections}
    assert any(title.startswith("Monthly") for title in titles) == options.get("dated", True)
    assert ("Rolling Sharpe ratio" in titles) == (options["days"] > 252)
    assert ("Differences" in titles) == bool(options.get("agents", True) and
                                             options.get("baselines", True))  # fmt: skip
    assert all(part.chart or part.grid.rows for part in sheet.sections)
    assert all(drawable(part.chart) for part in sheet.sections if part.chart)
    assert report.html_document(sheet)


def test_missing_numbers_become_dashes(whole):
    def emptied(value):
        if isinstance(value, dict):
            return {key: emptied(each) for key, each in value.items()}
        if isinstance(value, list):
            return [emptied(each) for each in value]
        return None if isinstance(value, float) else value

    found = emptied({**whole, "series": {"dates": [], "wealth": {}, "weights": {}}})
    for entry in found["policies"]:
        entry["years"] = entry["regimes"] = entry["cost_sweep"] = entry["intervals"] = None
    sheet = document(found)
    assert sheet.sentences[0].startswith("pretrained (5 runs) has no Sharpe ratio")
    assert row(sheet, "Performance", "bah")[1:] == ["–"] * 7
    assert not any(part.chart for part in sheet.sections)
    assert report.html_document(sheet)
    assert report.markdown_document(sheet)
