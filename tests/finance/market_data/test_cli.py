"""``drlapps data`` from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drlapps.cli import app
from drlapps.errors import Failure, InputError

runner = CliRunner()


def run(*words: str) -> Result:
    return runner.invoke(app, list(words), catch_exceptions=False, standalone_mode=False)


def test_the_embedded_sets_are_listed() -> None:
    found = json.loads(run("data", "list", "--json").stdout)
    assert {row["name"] for row in found} >= {"djia", "msci", "sp500-20"}
    assert "sp500-20" in run("data", "list").stdout


def test_a_file_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("date,A,B\n2020-01-02,1.0,2.0\n2020-01-03,,2.1\n2020-01-03,1.1,-2.0\n")
    outcome = runner.invoke(app, ["data", "check", str(path), "--json"])
    assert outcome.exit_code == 1
    found = json.loads(outcome.stdout)
    kinds = {(finding["kind"], finding["asset"]) for finding in found["findings"]}
    assert ("missing", "A") in kinds
    assert ("non-positive", "B") in kinds
    assert any(kind == "duplicate-date" for kind, _ in kinds)
    assert "mend them first" in runner.invoke(app, ["data", "check", str(path)]).stdout
    assert runner.invoke(app, ["data", "check", "sp500-20"]).exit_code == 0


def test_offline_only_what_was_fetched_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRLAPPS_CACHE", str(tmp_path))
    words = ("data", "fetch", "NOPE", "--start", "2020-01-01", "--offline", "--quiet")
    with pytest.raises((InputError, Failure), match="NOPE"):
        run(*words, "--out", str(tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(InputError, match=r"must end in \.csv"):
        run(*words, "--out", str(tmp_path / "out.txt"))
    with pytest.raises(InputError, match="dja"):
        run("data", "check", "dja")
