"""The command line, run as people run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from drlapps.cli import main

SOLVE_KEYS = {
    "task", "policy", "kind", "information", "run_seed", "instance", "instance_hash", "metric",
    "metrics", "feasible", "status", "bound", "reference", "gap_percent", "seconds", "incumbents",
    "details", "solution",
}  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["drlapps", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_help_lists_the_commands_and_each_begins_with_an_example(run: Any) -> None:
    code, out, _ = run("--help")
    assert code == 0
    commands = ["list", "show", "train", "evaluate", "solve", "compare", "report", "verify"]
    for command in commands:
        assert f"\n  {command}" in out
        code, text, _ = run(command, "--help")
        assert code == 0
        assert f"Example: drlapps {command}" in text


def test_help_imports_nothing_heavy() -> None:
    heavy = ("numpy", "pandas", "torch", "gymnasium", "numba", "scipy", "altair", "ortools")
    program = (
        "import sys; sys.argv = ['drlapps', '--help']\n"
        "from drlapps.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


def test_list_and_show_describe_the_job_shop(run: Any) -> None:
    code, out, _ = run("list", "--domain", "scheduling", "--json")
    assert code == 0
    assert "scheduling/job-shop" in [row["task"] for row in json.loads(out)]
    code, out, _ = run("show", "scheduling/job-shop", "--json")
    shown = json.loads(out)
    assert shown["pools"]["test"] == 80
    assert shown["pools"]["train"] == "generated"
    assert shown["parameters"]["delay"] == {"default": 0.0, "of": "environment"}
    assert shown["baselines"]["cp-sat"]["information"] == "model"
    code, out, _ = run("show", "job-shop")
    assert code == 0
    for name in shown["baselines"]:
        assert name in out


def test_solve_prints_the_public_object(run: Any) -> None:
    code, out, err = run(
        "solve", "scheduling/job-shop", "--baseline", "cp-sat", "--instance", "ft06",
        "--time-limit", "20", "--json", "--quiet",
    )  # fmt: skip
    assert (code, err) == (0, "")
    row = json.loads(out)
    assert set(row) == SOLVE_KEYS
    assert row["metric"] == {
        "name": "makespan", "value": 55.0, "unit": "time units", "minimize": True,
    }  # fmt: skip
    assert row["status"] == "optimal"
    assert row["bound"] == 55.0
    assert row["gap_percent"] == 0.0
    assert row["incumbents"][-1][1] == 55.0
    assert len(row["solution"]["start"]) == 6


def test_solve_a_users_file_save_and_draw_the_solution(run: Any, tmp_path: Path) -> None:
    shop = tmp_path / "mine.txt"
    shop.write_text("2 2\n0 3 1 2\n1 2 0 4\n")
    saved, drawn = tmp_path / "s.json", tmp_path / "s.png"
    code, out, _ = run(
        "solve", "job-shop", "--baseline", "mwkr", "--instance", str(shop),
        "--save-solution", str(saved), "--plot", str(drawn),
    )  # fmt: skip
    assert code == 0
    # Machine 0 needs 3 + 4 and can start at 0; job 2 needs 2 + 4: no schedule ends before 7.
    assert "7 time units" in out
    solution = json.loads(saved.read_text())
    assert solution["metric"]["value"] == 7.0
    assert solution["solution"]["start"] == [[0, 3], [0, 3]]
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_parameters_of_a_task_are_options_and_the_trained_agent_solves(run: Any) -> None:
    words = ("solve", "energy/restoration", "--instance", "ieee33", "--json")
    code, out, _ = run(*words, "--outage", "8", "--min-voltage=0.9")
    assert code == 0
    row = json.loads(out)
    assert (row["instance"], row["policy"]) == ("ieee33:outage-8", "pretrained")
    assert row["metrics"]["load_served"] == 1.0
    _, same, _ = run(*words, "--set", "outage=8", "-b", "pretrained:maskable-ppo")
    assert json.loads(same)["solution"] == row["solution"]


def test_parameters_of_a_task_reach_the_pool_that_takes_them(run: Any) -> None:
    words = ("evaluate", "dual-sourcing", "-p", "regular-only", "--json")
    code, out, _ = run(*words, "--pool", "validation", "--problem", "u04-lr2-ce105")
    assert code == 0
    problems = {row["instance"].rpartition(":")[0] for row in json.loads(out)}
    assert problems == {"validation-u04-lr2-ce105"}
    code, _, err = run(*words, "--problem", "u04-lr2-ce105")
    assert code == 2
    assert "problem shapes generated instances; it cannot change given ones" in err


def test_a_comparison_begins_with_what_the_task_draws_of_it(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import altair as alt

    from drlapps.scheduling.job_shop import views

    seen: list[Any] = []

    def drawn(instances: list[Any], comparison: dict[str, Any]) -> dict[str, alt.Chart]:
        seen.append(([instance.name for instance in instances], {*comparison}))
        values = [{"name": p["name"], "mean": p["mean"]} for p in comparison["policies"]]
        chart = alt.Chart(alt.InlineData(values=values)).mark_bar().encode(x="mean:Q", y="name:N")
        return {"makespan-by-rule": chart}

    words = ("compare", "job-shop", "-a", "random", "-b", "spt", "-i", "ft06,la01", "--json")
    plain = json.loads(run(*words)[1])
    monkeypatch.setattr(views, "comparison_figures", drawn, raising=False)
    found = json.loads(run(*words)[1])
    first, *others = found["figures"]
    assert first["title"] == "Makespan by rule"
    [rows] = first["spec"]["datasets"].values()
    assert [row["name"] for row in rows] == ["random", "spt"]
    assert others == plain["figures"]
    assert seen == [(["ft06", "la01"], plain.keys() - {"figures"})]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--isntance", "ta01"), "unknown option '--isntance'; did you mean --instance?"),
        (("--delay",), "--delay needs a value"),
        (("ta01",), "'ta01' is one argument too many"),
        (("-b", "pretrained:ppo"), "unknown agent that ships with scheduling/job-shop 'ppo'"),
    ],
)
def test_what_is_no_option_is_refused(run: Any, words: tuple[str, ...], message: str) -> None:
    code, out, err = run("solve", "scheduling/job-shop", *words)
    assert (code, out) == (2, "")
    assert message in err


def test_evaluate_gives_a_row_for_each_policy_and_instance(run: Any) -> None:
    code, out, _ = run(
        "evaluate", "scheduling/job-shop", "-p", "spt", "-p", "random-mor@4",
        "--instances", "ft06,la01..la03", "--json",
    )  # fmt: skip
    assert code == 0
    rows = json.loads(out)
    assert [(r["policy"], r["instance"]) for r in rows] == [
        (p, i) for p in ("spt", "random-mor@4") for i in ("ft06", "la01", "la02", "la03")
    ]
    assert all(set(row) == SOLVE_KEYS and row["feasible"] for row in rows)
    code, again, _ = run(
        "evaluate", "scheduling/job-shop", "-p", "spt", "-p", "random-mor@4",
        "--instances", "ft06,la01..la03", "--json",
    )  # fmt: skip
    assert [r["metric"] for r in json.loads(again)] == [r["metric"] for r in rows]


def test_a_sweep_gives_one_object_and_its_report(run: Any, tmp_path: Path) -> None:
    saved, page, text = tmp_path / "s.json", tmp_path / "s.html", tmp_path / "s.md"
    tiny = Path(__file__).with_name("tiny.py")
    words = (
        "evaluate", f"{tiny}:WALK", "-p", "homing", "-p", f"{tiny}:Homing", "--every", "1,2",
        "--perturb", "step=0.25..0.75:3",
    )  # fmt: skip
    code, out, _ = run(
        *words, "--json", "--save", str(saved), "--html", str(page), "--markdown", str(text)
    )
    assert code == 0
    found = json.loads(out)
    assert json.loads(saved.read_text()) == found
    assert found["frequency"]["values"] == [1, 2]
    assert [sweep["parameter"] for sweep in found["sweeps"]] == ["step"]
    assert all(set(row) == SOLVE_KEYS | {"decision_every", "perturbed"} for row in found["results"])
    for shown in (page, text):
        assert "best frequency-averaged" in shown.read_text()
    code, out, _ = run(*words, "--quiet")
    assert code == 0
    for name in ("homing", "CVaR", "frequency-", "0.25"):
        assert name in out
    code, out, _ = run("evaluate", "job-shop", "-p", "spt", "--family", "3", "--json")
    assert code == 0
    assert json.loads(out)["instances"] == ["family:1", "family:2", "family:3"]


def test_the_way_from_training_to_a_verdict(run: Any, tmp_path: Path) -> None:
    home = tmp_path / "runs"
    words = (
        "train", "scheduling/job-shop", "--steps", "600", "--seeds", "3", "--out", str(home),
        "--set", "jobs=[4, 5]", "--set", "machines=3", "--hyper", "n_steps=2",
        "--hyper", "batch_size=64", "--executor", "serial", "--json", "--quiet",
    )  # fmt: skip
    code, out, _ = run(*words)
    assert code == 0
    assert [row["seed"] for row in json.loads(out)] == [0, 1, 2]
    before = {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()}
    assert run(*words)[0] == 0
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()} == before

    code, out, _ = run("verify", str(home))
    assert code == 0
    saved, page, text = tmp_path / "c.json", tmp_path / "c.html", tmp_path / "c.md"
    code, out, _ = run(
        "compare", "scheduling/job-shop", "--agents", str(home), "--baselines", "spt,mor",
        "--instances", "la01..la05", "--save", str(saved), "--html", str(page),
        "--markdown", str(text), "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert found["instances"] == ["la01", "la02", "la03", "la04", "la05"]
    assert {p["name"] for p in found["policies"]} == {str(home), "spt", "mor"}
    assert {v["verdict"] for v in found["verdicts"]} <= {"better", "worse", "not separated"}
    for policy in found["policies"]:
        low, high = policy["interval"]
        assert low <= policy["mean"] <= high
    assert json.loads(saved.read_text()) == found
    assert "spt" in page.read_text()
    assert "spt" in text.read_text()
    code, out, _ = run("report", str(saved))
    assert code == 0
    assert "spt" in out

    weights = home / "seed-1" / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    code, out, _ = run("verify", str(home))
    assert code == 1
    assert "weights.safetensors" in out
    code, _, err = run("compare", "job-shop", "--agents", str(home), "-i", "la01,la02")
    assert code == 2
    assert "weights.safetensors" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "scheduling/job-shp"], "did you mean scheduling/job-shop"),
        (["list", "--domain", "finanze"], "finanze"),
        (["solve", "job-shop", "-b", "cpsat"], "did you mean cp-sat"),
        (["solve", "job-shop", "-b", "spt", "-i", "ta81"], "ta81"),
        (["solve", "job-shop", "-b", "spt", "-i", "ta01..ta02"], "2 instances"),
        (["solve", "job-shop", "-b", "spt", "-i", "missing.txt"], "missing.txt"),
        (["solve", "job-shop", "-b", "spt", "--plot", "x.gif"], "x.gif must end in"),
        (["solve", "job-shop", "-b", "spt", "--plot", "nowhere/x.png"], "no directory nowhere"),
        (["solve", "job-shop", "-b", "spt", "--set", "delay=7"], "delay must lie between"),
        (["solve", "job-shop", "-b", "spt", "--set", "dely=1"], "did you mean delay"),
        (["solve", "job-shop", "-b", "spt", "--set", "delay"], "KEY=VALUE"),
        (["evaluate", "job-shop", "-p", "spt", "--pool", "train"], "train pool"),
        (["evaluate", "job-shop", "-p", "spt", "--pool", "tset"], "did you mean test"),
        (["evaluate", "job-shop", "-p", "spt", "-i", "ta01,ta01"], "named twice"),
        (["evaluate", "job-shop", "-p", "spt@0", "-i", "ta01"], "positive number"),
        (["evaluate", "job-shop", "-p", "spt", "--html", "x.html"], "add --every, --perturb or"),
        (["evaluate", "job-shop", "-p", "spt", "--perturb", "dely=0..1"], "did you mean delay"),
        (["evaluate", "job-shop", "-p", "spt", "--every", "0"], "whole numbers of steps"),
        (["evaluate", "job-shop", "-p", "spt", "--every", "2"], "no action can be held"),
        (["train", "job-shop", "--agent", "pppo"], "did you mean ppo"),
        (["train", "job-shop", "--agent", "sac", "--executor", "serial"], "Discrete"),
        (["train", "job-shop", "--executor", "cluster"], "cluster"),
        (["train"], "train takes a task"),
        (["verify", "nowhere"], "nowhere"),
        (["report", "nowhere.json"], "nowhere.json"),
        (["import-sb3", "job-shop", "a.zip", "--agent", "ppo", "--out", "r"], "--trust"),
        (["--config", "nowhere.toml", "list"], "nowhere.toml"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert code == 2
    assert out == ""
    lines = [line for line in err.splitlines() if line.startswith("drlapps: ")]
    assert len(lines) == 1
    assert said in lines[0]
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_file_is_named_with_its_line(run: Any, tmp_path: Path) -> None:
    shop = tmp_path / "bad.txt"
    shop.write_text("2 2\n0 3 1 2\n1 two 0 4\n")
    code, _, err = run("solve", "job-shop", "-b", "spt", "-i", str(shop))
    assert code == 2
    assert "bad.txt" in err
    assert "line 3" in err


def test_a_toml_file_sets_options_and_flags_win(run: Any, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[solve]\nbaseline = "spt"\ninstance = "ft06"\nseed = 3\n')
    code, out, _ = run("--config", str(config), "solve", "job-shop", "--json")
    assert code == 0
    assert json.loads(out)["policy"] == "spt"
    code, out, _ = run("--config", str(config), "solve", "job-shop", "-b", "mor", "--json")
    assert json.loads(out)["policy"] == "mor"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sovle]\nseed = 1\n", "did you mean solve"),
        ("[solve]\nsede = 1\n", "did you mean seed"),
        ("solve = 3\n", "table of options"),
        ("[solve\n", "no TOML"),
    ],
)
def test_a_toml_file_with_a_mistake_is_refused(
    run: Any, tmp_path: Path, text: str, said: str
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(text)
    code, _, err = run("--config", str(config), "solve", "job-shop", "-b", "spt")
    assert code == 2
    assert said in err
    assert "c.toml" in err


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "drlapps", "solve", "scheduling/job-shop", "--baseline", "cp-sat",
        "--instance", "ta71", "--time-limit", "120",
    ]  # fmt: skip
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=os.environ
    )
    time.sleep(8)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"Traceback" not in err
