"""Pools of shops with due dates, and what a word on the command line names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.scheduling.job_shop import benchmarks
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness import instances
from drlapps.scheduling.job_shop_tardiness.instances import named, singer_pinedo, toy, train
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop

# Total weighted tardiness at tightness 1.3 as the literature has it: Singer & Pinedo 1998 by branch
# and bound; Mati, Dauzère-Pérès & Lahlou 2011.
PRINTED = {
    "abz5": 1403, "abz6": 436, "la16": 1169, "la17": 899, "la18": 929, "la19": 948, "la20": 805,
    "la21-10x10": 463, "la22-10x10": 1064, "la23-10x10": 835, "la24-10x10": 835, "ft10": 1363,
    "orb01": 2568, "orb02": 1408, "orb03": 2111, "orb04": 1623, "orb05": 1593, "orb06": 1790,
    "orb07": 590, "orb08": 2429, "orb09": 1316, "orb10": 1679,
}  # fmt: skip


def test_the_test_pool_is_that_of_singer_and_pinedo() -> None:
    pool = singer_pinedo()
    assert [shop.name for shop in pool] == list(PRINTED)
    for shop in pool:
        assert shop.durations.shape == (10, 10)
        assert shop.weights.tolist() == [4, 4, 2, 2, 2, 2, 2, 2, 1, 1]
        work = shop.durations.sum(axis=1).tolist()
        assert shop.due.tolist() == [13 * time // 10 for time in work]
        assert shop.certain_tardiness == 0
        assert shop.bound <= shop.best_tardiness == PRINTED[shop.name]


def test_the_first_ten_jobs_of_lawrence_are_theirs() -> None:
    shop, whole = named(["la21-10x10"])[0], benchmarks.load("la21")
    assert np.array_equal(shop.durations, whole.durations[:10])
    assert np.array_equal(shop.machines, whole.machines[:10])


def test_the_validation_instances_have_the_stated_sizes_and_tightness() -> None:
    pool = instances.validation()
    assert len(pool) == len(instances.VALIDATION) == 48
    for shop, (jobs, machines, tightness) in zip(pool, instances.VALIDATION, strict=True):
        assert shop.durations.shape == (jobs, machines)
        ratio = shop.due / shop.durations.sum(axis=1)
        assert (ratio <= tightness).all()
        assert (ratio > tightness - 0.01).all()
        assert shop.reference is None


def test_training_shops_stay_within_their_ranges() -> None:
    pool = train(jobs=(2, 4), machines=3, tightness=(0.5, 1.5), release=(0, 9), shift=(100, 20))
    largest = pool.largest()
    for shop in pool.take(40):
        assert 2 <= shop.jobs <= 4
        assert shop.n_machines == 3
        ratio = (shop.due - shop.release) / shop.durations.sum(axis=1)
        assert ((ratio > 0.45) & (ratio <= 1.5)).all()
        assert 0 < len(shop.closed) <= len(largest.closed)
    assert train(tightness=1.4).shops.tightness == (1.4, 1.4)


def test_a_training_pool_needs_a_tightness() -> None:
    with pytest.raises(InputError, match="tightness"):
        train(tightness=())
    with pytest.raises(InputError, match="tightness"):
        train(tightness=(1.5, 1.2))


def test_words_name_test_toy_validation_and_published_instances() -> None:
    words = ["toy-wait", "ft10, la21-10x10", "LA16..la18", "tardiness-48"]
    names = ["toy-wait", "ft10", "la21-10x10", "la16", "la17", "la18", "tardiness-48"]
    found = named(words)
    assert [shop.name for shop in found] == names
    known = {shop.hash: shop for shop in (*singer_pinedo(), *toy(), *instances.validation())}
    assert [shop.reference for shop in found] == [known[shop.hash].reference for shop in found]


def test_a_tightness_or_a_shift_makes_another_instance() -> None:
    plain, loose, shut = (
        named(["ft10"], **options)[0] for options in ({}, {"tightness": 1.5}, {"shift": (480, 60)})
    )
    assert (loose.name, loose.reference) == ("ft10-f1.5", None)
    assert (loose.due > plain.due).all()
    assert shut.due.tolist() == plain.due.tolist()
    assert len(shut.closed) > 0
    assert shut.reference is None
    assert named(["toy-turn"], tightness=0.5)[0].certain_tardiness > toy()[1].best_tardiness
    assert named(["ft10"], tightness=1.3)[0].hash == plain.hash


def test_files_bring_their_due_dates_or_need_a_tightness(tmp_path: Path) -> None:
    shop = {"durations": [[3, 2], [4]], "machines": [[0, 1], [0]]}
    dated, bare = tmp_path / "dated.json", tmp_path / "bare.json"
    dated.write_text(json.dumps({**shop, "due": [4, 9], "weights": [2, 1]}))
    bare.write_text(json.dumps(shop))
    assert named([str(dated)])[0].due.tolist() == [4, 9]
    assert named([str(dated)])[0].certain_tardiness == 2
    assert named([str(dated)], tightness=2.0)[0].due.tolist() == [10, 8]
    assert named([str(bare)], tightness=2.0)[0].due.tolist() == [10, 8]
    with pytest.raises(InputError, match=r"bare has no due dates; give them, or --set tightness"):
        named([str(bare)])


def test_a_file_that_bears_a_published_name_is_still_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ft10.json"
    file.write_text(json.dumps({"durations": [[3]], "machines": [[0]]}))
    with pytest.raises(InputError, match="ft10 has no due dates"):
        named([str(file)])


def test_bounds_must_not_contradict_each_other() -> None:
    shop = JobShop.from_jobs("late", [[(0, 5)]], due=[3], weights=[4], upper_bound=5)
    found = DueDateShop.of(shop, best_tardiness=8)
    assert (found.reference, found.bound, found.upper_bound) == (8.0, 8.0, None)
    assert found.hash == shop.hash
    with pytest.raises(InputError, match="best tardiness 7 below its lower bound 8"):
        DueDateShop.of(shop, best_tardiness=7)
