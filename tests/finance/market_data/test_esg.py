"""ESG scores from files, and invented ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.finance.market_data.esg import read_scores, synthetic_scores


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "esg.csv"
    path.write_text(text)
    return path


def test_scores_in_the_order_of_the_assets(tmp_path: Path) -> None:
    path = write(tmp_path, "Asset,Score\nA,0\nB,50\nC,100\nD,75\n")
    assert read_scores(path, ["D", "A", "C", "B"]).tolist() == [0.5, -1, 1, 0]


def test_stated_scales(tmp_path: Path) -> None:
    # C's is a rating of risk, where low is good; D states none.
    path = write(tmp_path, "asset,score,min,max\nA,2,1,5\nB,5,1,5\nC,10,40,0\nD,25,,\n")
    assert read_scores(path, "ABCD").tolist() == [-0.5, 1, 0.5, -0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("asset,score\nA,1\n", "esg.csv has no score of the asset B"),
        ("", "esg.csv has no score of the asset A"),
        ("asset,score\nA,good\nB,1\n", "score 1: the score 'good' is not a number"),
        ("asset,score\nA,1\nB,\n", "score 2: the score '' is not a number"),
        ("asset,score\nA,nan\nB,1\n", "score 1: the score 'nan' is not a number"),
        ("asset,score\nA,1\nA,2\n", "score 2: the asset A stands twice"),
        ("asset,score\nA,101\nB,1\n", "the score 101 of A is not on the scale from 0 to 100"),
        ("asset,score,min,max\nA,1,2,2\n", "min and max are both 2, which is no scale"),
        ("asset,score,max\nA,1,x\n", "the max 'x' is not a number"),
        ("asset,value\nA,1\n", "unknown column 'value'"),
        ("asset\nA\n", "needs the columns 'asset' and 'score'"),
    ],
)
def test_refusals(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_scores(write(tmp_path, text), ["A", "B"])


def test_synthetic_scores() -> None:
    scores = synthetic_scores([f"A{i}" for i in range(1000)], seed=3)
    assert scores.shape == (1000,)
    assert np.abs(scores).max() <= 1
    assert abs(scores.mean()) < 0.1
    assert synthetic_scores(["A", "B"]).tolist() == synthetic_scores(["C", "D"]).tolist()
    assert synthetic_scores(["A"], 1) != synthetic_scores(["A"], 2)
