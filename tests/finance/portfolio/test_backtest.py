"""History replayed: the numbers of a tear sheet, and what a backtest refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from drlapps import registry
from drlapps.agents import Agent, preset
from drlapps.cli import app
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import Contestant
from drlapps.finance import metrics
from drlapps.finance.market_data.files import write
from drlapps.finance.market_data.prices import Prices
from drlapps.finance.portfolio import backtest, instances
from drlapps.finance.portfolio.retraining import cross_validation
from drlapps.policy import Policy
from drlapps.spec import RunSpec
from drlapps.task import Information
from drlapps.train import train
from drlapps.vector import Array, VectorEnvironment

TASK = registry.get("finance/portfolio")
PLAIN = {
    "terminal_wealth", "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar",
    "max_drawdown", "cvar_95", "turnover", "costs", "psr", "dsr",
}  # fmt: skip


def prices(path: Path, assets: int = 3, days: int = 600) -> Prices:
    rng = np.random.default_rng(assets)
    close = 30.0 * np.exp(np.cumsum(rng.normal(3e-4, 0.012, (days, assets)), axis=0))
    dates = np.busday_offset("2018-01-02", np.arange(days), roll="forward")
    table = Prices(path.stem, tuple("ABCDEFGH"[:assets]), close, dates)
    write(table, path)
    return table


@pytest.fixture
def three(tmp_path: Path) -> str:
    prices(tmp_path / "three.csv")
    return str(tmp_path / "three.csv")


class Fixed(Policy):
    """Keeps a share in each asset and, as an agent, has seeds that differ a little."""

    def __init__(self, tilt: float) -> None:
        self.tilt = tilt

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        n = env.single_action_space.shape[0]  # type: ignore[index]
        weights = np.full((env.num_envs, n), 1.0)
        weights[:, 1] += self.tilt
        weights[:, 0] = 0.0
        return weights


def agent(name: str = "fixed", runs: int = 3) -> Contestant:
    policies: dict[int | None, Policy] = {seed: Fixed(0.05 * seed) for seed in range(runs)}
    return Contestant(name, "agent", Information.OBSERVED, policies, train_cpu_seconds=1.0)


def test_one_column_gives_the_metrics_of_the_index(tmp_path: Path) -> None:
    table = prices(tmp_path / "index.csv", assets=1)
    outcome = CliRunner().invoke(
        app,
        ["backtest", "--data", str(tmp_path / "index.csv"), "-p", "bah", "--cost-bps", "0",
         "--json", "--no-html", "--quiet"],
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    (policy,) = found["policies"]
    returns = table.close[1:, 0] / table.close[:-1, 0] - 1.0
    for name, value in metrics.summary(returns).items():
        assert policy["metrics"][name] == pytest.approx(value, rel=1e-9), name
    assert policy["metrics"].keys() >= PLAIN
    assert policy["metrics"]["turnover"] == pytest.approx(252 / 599)
    assert found["data"]["days"] == 599
    assert found["differences"] == []


def test_agents_are_tested_against_each_fair_baseline(three: str) -> None:
    who = [agent(), *(contestant(TASK, name) for name in ("bah", "ucrp", "best-stock"))]
    found = backtest.run(TASK, who, data=three, start="2019-01-01", settings={"cost_bps": 5.0})
    pairs = {(row["agent"], row["baseline"]) for row in found["differences"]}
    assert pairs == {("fixed", "bah"), ("fixed", "ucrp")}
    rows = [row for row in found["differences"] if row["metric"] == "sharpe"]
    assert all(row["interval"][0] <= row["difference"] <= row["interval"][1] for row in rows)
    assert all(row["p_holm"] >= row["p_value"] for row in rows)
    fixed = found["policies"][0]
    runs = [run["metrics"]["sharpe"] for run in fixed["by_run"]]
    assert fixed["metrics"]["sharpe"] == pytest.approx(np.mean(runs))
    low, high = fixed["intervals"]["sharpe"]
    assert low < fixed["metrics"]["sharpe"] < high
    assert found["trials"]["count"] == 5
    assert list(fixed["years"]) == ["2019", "2020"]
    assert len(found["series"]["wealth"]["fixed"]) == 3
    held = found["policies"][1]
    growth = np.prod([1.0 + year["total_return"] for year in held["years"].values()])
    assert growth == pytest.approx(held["metrics"]["terminal_wealth"])


def test_higher_costs_leave_less_and_the_middle_is_the_run_itself(three: str) -> None:
    who = [contestant(TASK, "ucrp")]
    found = backtest.run(TASK, who, data=three, settings={"cost_bps": 20.0})["policies"][0]
    sweep = found["cost_sweep"]
    assert [row["cost_bps"] for row in sweep] == [0.0, 10.0, 20.0, 40.0, 100.0]
    assert np.all(np.diff([row["cagr"] for row in sweep]) < 0.0)
    assert sweep[2]["sharpe"] == pytest.approx(found["metrics"]["sharpe"], rel=1e-9)


def test_trials_are_remembered(three: str, tmp_path: Path) -> None:
    log = str(tmp_path / "trials.csv")
    counts = [
        backtest.run(TASK, [contestant(TASK, name)], data=three, trials=log)["trials"]["count"]
        for name in ("bah", "ucrp", "ucrp")
    ]
    assert counts == [1, 2, 2]


def test_an_agent_that_knows_the_days_is_refused(three: str) -> None:
    class Trained(Fixed):
        instances: dict[str, Any]

    policy = Trained(0.0)
    policy.instances = {"data": f"classic;{three}", "until": "2019-06-03"}
    knowing = Contestant("knowing", "agent", Information.OBSERVED, {0: policy})
    with pytest.raises(InputError, match=r"was trained on .* until 2019-06-03"):
        backtest.run(TASK, [knowing], data=three, start="2019-01-01")
    found = backtest.run(TASK, [knowing], data=three, start="2019-06-05")
    assert found["policies"][0]["name"] == "knowing"
    assert "instances" in vars(Agent(preset(TASK, "ppo"), {}))


def test_bad_requests_are_one_sentence(three: str) -> None:
    runner = CliRunner()
    for words, said in (
        (["--data", "nowhere.csv", "-p", "bah"], "nowhere.csv"),
        (["--data", three, "-p", "bah", "--start", "2025-01-01"], "2018-01-02"),
        (["--data", three, "-p", "bah", "--start", "2020-04-01"], "fewer than"),
        (["scheduling/job-shop", "-p", "bah"], "finance/portfolio"),
        (["--data", three, "-p", "bahh"], "bah"),
    ):
        with pytest.raises(InputError, match=said):
            runner.invoke(
                app,
                ["backtest", *words, "--no-html"],
                catch_exceptions=False,
                standalone_mode=False,
            )


def schedule(tmp_path: Path, days: int, **how: Any) -> tuple[list[RunSpec], Any]:
    prices(tmp_path / "long.csv", assets=4, days=days)
    return backtest.retrained(
        TASK, data=str(tmp_path / "long.csv"), end=None, agent="ppo", steps=4096, settings={},
        out=str(tmp_path / "runs"), **{"years": None, "groups": None, **how},
    )  # fmt: skip


@pytest.mark.slow
def test_walk_forward_trains_on_earlier_days_only(tmp_path: Path) -> None:
    specs, relay = schedule(tmp_path, 1600, start="2022-01-01", years=1, seeds=range(3))
    assert len(specs) == 9
    assert [spec.settings["until"][:4] for spec in specs[::3]] == ["2021", "2022", "2023"]  # type: ignore[index]
    for spec in specs:
        train(spec)
    who = relay()
    assert sorted(who.policies) == [0, 1, 2]
    found = backtest.run(TASK, [who], data=str(tmp_path / "long.csv"), start="2022-01-01")
    assert found["policies"][0]["name"] == "walk-forward ppo"


def test_cross_validation_never_learns_from_what_it_is_tested_on(tmp_path: Path) -> None:
    specs, _ = schedule(tmp_path, 4000, start="2020-01-01", groups=5, seeds=[0])
    assert len(specs) == 10  # pairs of five parts
    table = instances.market(str(tmp_path / "long.csv")).prices
    for spec in specs:
        pool = registry.pool(TASK, "train", **registry.split_settings(TASK, spec.settings)[1])
        spans = [table.between(*span.split("..")) for span in spec.settings["without"].split(";")]  # type: ignore[attr-defined]
        assert len(spans) == 2
        learnt = [rows[1:] for rows in pool.ranges if rows[0].prices.hash == table.hash]
        assert learnt
        for begin, end in learnt:
            for first, last in spans:
                assert end < first or begin > last + instances.LOOK_BACK


def test_each_day_of_a_way_is_traded_by_an_agent_that_has_not_learnt_from_it(
    tmp_path: Path,
) -> None:
    prices(tmp_path / "long.csv", assets=2, days=3000)
    window = backtest.window_of(str(tmp_path / "long.csv"), "2019-01-01", None)
    plan = cross_validation(window, str(tmp_path / "long.csv"), 4)
    assert len(plan.paths) == 3
    for legs in plan.paths:
        assert [row for row, _ in legs] == sorted(row for row, _ in legs)
        for part, (_, name) in enumerate(legs, start=1):
            assert str(part) in name.removeprefix("without-").split("-")
    # Each agent acts once on each of the two parts it is tested on.
    assert len({(part, name) for legs in plan.paths for part, (_, name) in enumerate(legs)}) == 12
