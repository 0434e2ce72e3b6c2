"""Pictures of designs and of comparisons."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps import report
from drlapps.comms.ris_beamforming import curves
from drlapps.comms.ris_beamforming.environment import RisBeamformingEnv
from drlapps.comms.ris_beamforming.instances import named
from drlapps.comms.ris_beamforming.views import COMPARED, comparison_figures, figures
from drlapps.compare import compare
from drlapps.evaluate import Result
from drlapps.task import Metric, Task

TASK = Task(
    id="comms/ris-beamforming",
    env_id="drlapps/RisBeamforming-v0",
    summary="",
    environment="",
    metric=Metric("sum_rate", unit="bit/s/Hz", minimize=False),
    pools={},
)
POLICIES = {"pretrained": 80.0, "zf-lbfgs": 81.0, "mrt": 5.0, "upper-bound": 90.0}


def played(word: str, **arguments: Any) -> tuple[Any, dict[str, float], dict[str, Any]]:
    (channel,) = named([word])
    env = RisBeamformingEnv(1, [channel], autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": [channel]})
    rng = np.random.default_rng(0)
    while not env._terminated.all():
        env.step(rng.uniform(-1.0, 1.0, env.action_space.shape))
    return channel, env.metrics(0), env.solution(0)


def compared(labels: list[str], channels: int = 3) -> tuple[list[Any], dict[str, Any]]:
    """A comparison of made-up rates on real channels."""
    instances = named([f"{label}:1..{channels}" for label in labels])
    rows = []
    for place, channel in enumerate(instances):
        for policy, rate in POLICIES.items():
            agent = policy == "pretrained"
            for seed in range(3) if agent else (None,):
                value = rate + channel.setting.power_dbm + place % channels + 0.1 * (seed or 0)
                information = "clairvoyant" if policy == "upper-bound" else "observed"
                rows.append(
                    Result(
                        TASK.id, policy, "agent" if agent else "baseline", information, seed,
                        channel.name, channel.hash, value, {}, True, "heuristic", None, None,
                        None, 0.001, 0.001 * rate,
                    )
                )  # fmt: skip
    return instances, compare(TASK, rows)


def rows_of(chart: Any) -> list[dict[str, Any]]:
    """All rows of all layers, wherever Altair has put them."""
    found: list[dict[str, Any]] = []

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            found.extend(part.get("data", {}).get("values", ()))
            for key, value in part.items():
                if key != "datasets":
                    walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    content = chart.to_dict()
    walk(content)
    for values in content.get("datasets", {}).values():
        found.extend(values)
    return found


def test_figures_become_pictures(tmp_path: Any) -> None:
    channel, metrics, solution = played(
        "2x6x2-10dbm-beta0.3-bits2-csi0.01-blocks3-pilots2-symbols100:1", steps=2
    )
    drawn = figures(channel, solution, "a design")
    assert list(drawn) == ["surface", "gains", "users", "decisions", "blocks"]
    assert set(COMPARED) <= drawn.keys()
    for name, chart in drawn.items():
        assert chart.to_dict()["title"]["text"] == "a design", name
    for name in ("surface", "decisions"):
        report.chart_file(drawn[name], tmp_path / f"{name}.svg")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()[:200]
    net = f"{metrics['sum_rate']:.2f} bit/s/Hz"
    assert net in drawn["users"].to_dict()["title"]["subtitle"]
    assert f"{net} on average; pilots take 12.0%" in drawn["blocks"].to_dict()["title"]["subtitle"]
    assert "4 phase levels" in drawn["surface"].to_dict()["title"]["subtitle"]


def test_a_design_of_one_decision_and_one_user_has_three_pictures(tmp_path: Any) -> None:
    channel, _, solution = played("1x5x1-30dbm-ideal:1", actions="joint", steps=1)
    drawn = figures(channel, solution, "a design")
    assert list(drawn) == ["surface", "gains", "users"]
    report.chart_file(drawn["gains"], tmp_path / "gains.svg")


def test_the_panel_shows_every_element_with_its_phase() -> None:
    channel, _, solution = played("2x12x2-10dbm-beta0.3:1", steps=1)
    rows = [r for r in rows_of(figures(channel, solution, "")["surface"]) if "element" in r]
    cells = {(row["row"], row["column"]) for row in rows}
    assert cells == {(i, j) for i in (1, 2, 3) for j in (1, 2, 3, 4)}
    for row, phase in zip(rows, solution["blocks"][0]["phases"], strict=True):
        turned = math.radians(row["phase"]) - phase
        assert math.cos(turned) == pytest.approx(1.0)
        # Abeywickrama et al. 2020, eq. 5, with mu = 0 and kappa = 1.5.
        law = 0.7 * ((math.sin(phase) + 1.0) / 2.0) ** 1.5 + 0.3
        assert row["amplitude"] == pytest.approx(law)


def test_gains_are_over_the_noise() -> None:
    # toy-apart: gain 1 and noise 1/2; a power of 1/2 received is as strong as the noise.
    (channel,) = named(["toy-apart"])
    half = math.sqrt(0.5)
    precoder = {"re": [[half, 0.0], [0.0, half]], "im": [[0.0, 0.0], [0.0, 0.0]]}
    block = {"phases": [1.0, 2.0], "precoder": precoder}
    solution = {"relaxed": False, "trace": [], "blocks": [block]}
    rows = rows_of(figures(channel, solution, "")["gains"])
    found = {(row["user"], row["stream"]): row["gain"] for row in rows}
    assert found == pytest.approx(
        {(1, 1): 0.0, (2, 2): 0.0, (1, 2): -60.0, (2, 1): -60.0}, abs=1e-9
    )


def test_a_bound_is_drawn_as_one() -> None:
    channel, metrics, solution = played("4x16x4-30dbm-ideal:1", steps=1, relaxed=True)
    drawn = figures(channel, solution, "")
    assert list(drawn) == ["bounds"]
    rates = {row["what"]: row["rate"] for row in rows_of(drawn["bounds"])}
    assert rates["cooperative bound"] == metrics["sum_rate"] >= rates["semidefinite bound"]


def test_comparisons_are_drawn_by_what_differs(tmp_path: Any) -> None:
    alone = comparison_figures(*compared(["2x4x2-10dbm-ideal"]))
    assert list(alone) == ["rate-by-time"]
    labels = [
        f"2x{n}x2-{p}dbm-{law}" for n in (4, 8) for p in (0, 10) for law in ("ideal", "beta0.6")
    ]
    drawn = comparison_figures(*compared(labels))
    assert list(drawn) == ["rate-by-power", "rate-by-elements", "rate-by-condition", "rate-by-time"]
    for name in ("rate-by-power", "rate-by-condition", "rate-by-time"):
        report.chart_file(drawn[name], tmp_path / f"{name}.svg")
    panels = {
        name: list(dict.fromkeys(row["panel"] for row in rows_of(chart)))
        for name, chart in drawn.items()
    }
    assert panels["rate-by-power"] == [
        "2x4x2 ideal",
        "2x4x2 beta0.6",
        "2x8x2 ideal",
        "2x8x2 beta0.6",
    ]
    assert panels["rate-by-elements"] == [
        "0dbm ideal",
        "0dbm beta0.6",
        "10dbm ideal",
        "10dbm beta0.6",
    ]
    assert "2x8x2, 10 dBm" in panels["rate-by-condition"]
    assert panels["rate-by-time"] == ["2x4x2", "2x8x2"]
    subtitle = drawn["rate-by-condition"].to_dict()["title"]["text"]
    assert subtitle.endswith("far below, not drawn: mrt")


def test_points_are_means_with_their_intervals() -> None:
    rows = rows_of(
        comparison_figures(*compared(["2x4x2-0dbm-ideal", "2x4x2-10dbm-ideal"]))["rate-by-power"]
    )
    found = {(row["policy"], row["x"]): row for row in rows}
    optimiser = found["zf-lbfgs", 10.0]
    assert optimiser["mean"] == pytest.approx(92.0)
    # Three channels at 91, 92, 93: 4.302653 standard errors of 1 / sqrt(3) (t, 2 degrees).
    assert optimiser["high"] - 92.0 == pytest.approx(4.302653 / math.sqrt(3.0), rel=1e-6)
    assert found["pretrained", 0.0]["mean"] == pytest.approx(81.1)
    assert found["pretrained", 0.0]["milliseconds"] == pytest.approx(81.0)
    assert {policy for policy, _ in found} == {*POLICIES, "upper-bound (bound)"} - {"upper-bound"}


def test_a_policy_that_failed_has_no_point() -> None:
    instances, comparison = compared(["2x4x2-0dbm-ideal", "2x4x2-10dbm-ideal"])
    row = next(r for r in comparison["results"] if r["policy"] == "zf-lbfgs")
    row["feasible"], row["metric"]["value"] = False, None
    rows = rows_of(comparison_figures(instances, comparison)["rate-by-power"])
    assert [r["x"] for r in rows if r["policy"] == "zf-lbfgs"] == [10.0]


def test_names_keep_clear_of_points_and_each_other() -> None:
    rng = np.random.default_rng(3)
    size, across, up = (900, 320), (-2.0, 3.0), (0.0, 100.0)
    rows = [
        {"policy": f"policy-{n}", "milliseconds": 10.0 ** rng.uniform(-1.5, 2.5), "mean": mean}
        for n, mean in enumerate(rng.uniform(10.0, 90.0, 8))
    ]
    placed = curves.names(rows, across, up, size)
    spots = [(math.log10(r["at_x"]) * size[0] / 5.0, r["at_y"] * 3.2) for r in placed]
    dots = [(math.log10(r["milliseconds"]) * size[0] / 5.0, r["mean"] * 3.2) for r in placed]
    for i, (x, y) in enumerate(spots):
        for j, (u, v) in enumerate(spots):
            assert i == j or abs(x - u) >= 2 * 25 or abs(y - v) >= 12
        assert all(abs(x - u) >= 25 or abs(y - v) >= 7 for u, v in dots)
