"""Networks from files: what is read, and what errors say."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from pathlib import Path

import pytest

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Cyclic, NegativeBinomial, Poisson, Trace
from drlapps.scheduling.inventory.files import read_network, read_table
from drlapps.scheduling.inventory.fitting import LAWS
from drlapps.scheduling.inventory.network import Arc, Node, network

TOML = """
name = "coast"
periods = 400
warm_up = 50
backlog = true
allocation = "balanced"

[[node]]
name = "north"
initial = 12
holding = 2.0
penalty = 9
lost_sales = true
demand = {law = "negative-binomial", mean = 5, variance = 9}

[[node]]
name = "south"
holding = 2.0
penalty = 19.0
demand = {law = "csv", file = "south.csv", column = "units", fit = "replay"}

[[node]]
name = "depot"
holding = 1.0
storage = 300

[[arc]]
node = "depot"
lead_time = 3
fixed = 40
initial = [9, 9]

[[arc]]
supplier = "depot"
node = "north"

[[arc]]
supplier = "depot"
node = "south"
lead_time = 2
capacity = inf
"""

SMALL = """
[[node]]
name = "shop"
demand = {law = "poisson", mean = 5}
[[arc]]
node = "shop"
"""


def _write(folder, text, name="mine.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_network_is_read_with_all_its_parts(tmp_path):
    _write(tmp_path, "units\n4\n7\n", "south.csv")
    built, episode = read_network(_write(tmp_path, TOML))
    north = Node(
        "north", initial=12, holding=2.0, penalty=9, lost_sales=True,
        demand=NegativeBinomial(5, 9),
    )  # fmt: skip
    south = Node("south", holding=2.0, penalty=19.0, demand=Trace((4, 7)))
    depot = Node("depot", holding=1.0, storage=300)
    arcs = [
        Arc("", "depot", lead_time=3, fixed=40, initial=(9, 9)),
        Arc("depot", "north"),
        Arc("depot", "south", lead_time=2, capacity=math.inf),
    ]
    expected = network([north, south, depot], arcs, backlog=True, allocation="balanced")
    assert built == expected
    assert episode == {"name": "coast", "periods": 400, "warm_up": 50}


def test_json_says_the_same(tmp_path):
    table = {
        "node": [{"name": "shop", "demand": {"law": "poisson", "mean": 5}}],
        "arc": [{"node": "shop"}],
    }
    from_json, episode = read_network(_write(tmp_path, json.dumps(table), "mine.json"))
    assert from_json == read_network(_write(tmp_path, SMALL))[0]
    assert episode == {}


def test_seasonal_demand_may_be_written_in_lines(tmp_path):
    text = SMALL.replace('{law = "poisson", mean = 5}', '{law = "cyclic", laws = [\n'
                         '{law = "poisson", mean = 2},\n{law = "poisson", mean = 9}]}')  # fmt: skip
    built, _ = read_network(_write(tmp_path, text))
    assert built.nodes[0].demand == Cyclic((Poisson(2), Poisson(9)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "shop"', 'nam = "shop"', "unknown key of node 1 'nam'; did you mean name"),
        ('name = "shop"', "", "node 1 needs 'name'"),
        ('name = "shop"', "name = 3", "node 3: name must be a text, not 3"),
        ('name = "shop"', 'name = "shop"\nholdng = 1', "of node 'shop' 'holdng'; .* holding"),
        ('name = "shop"', 'name = "shop"\nholding = "1"', "node 'shop': holding must be a number"),
        ('name = "shop"', 'name = "shop"\nholding = -1', "node 'shop': holding must be a number"),
        ('name = "shop"', 'name = "shop"\nlost_sales = 1', "lost_sales must be true or false"),
        ('"poisson"', '"poison"', "node 'shop': unknown law of demand 'poison'"),
        ('node = "shop"', 'node = "shp"', "unknown node in arc outside -> shp 'shp'; .* shop"),
        ('node = "shop"', 'from = "shop"', "unknown key of arc 1 'from'"),
        ('node = "shop"', "", "arc 1 needs 'node'"),
        ('node = "shop"', 'node = "shop"\nsupplier = 1', "arc 1 -> shop: supplier must be a text"),
        ('node = "shop"', 'node = "shop"\nlead_time = 1.5', "lead_time must be a whole number"),
        ('node = "shop"', 'node = "shop"\ninitial = 3', "initial must be a list of numbers, not 3"),
        ('node = "shop"', 'node = "shop"\ninitial = ["a"]', "initial must be numbers"),
        ("[[arc]]", "[[arcs]]", "unknown key of a network 'arcs'; did you mean arc"),
        ("[[arc]]", "[arc]", r"arc must be a list of tables: write \[\[arc\]\] above each"),
        ("\n[[node]]", "seed = 3\n[[node]]", "unknown key of a network 'seed'"),
        ("\n[[node]]", "name = 3\n[[node]]", "name must be a text, not 3"),
        ("\n[[node]]", "periods = 0\n[[node]]", "periods must be a whole number from 1"),
        ("\n[[node]]", "periods = 1.5\n[[node]]", "periods must be a whole number from 1"),
        ("\n[[node]]", "warm_up = 5\n[[node]]", "warm_up must be less than periods"),
        ("\n[[node]]", "discount = 2\n[[node]]", "discount must lie in"),
        ("\n[[node]]", 'allocation = "fair"\n[[node]]', "unknown allocation 'fair'"),
        ("\n[[node]]", "integer = 1\n[[node]]", "integer must be true or false"),
    ],
)
def test_errors_name_the_file_and_the_place(tmp_path, old, new, message):
    path = _write(tmp_path, SMALL.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_network(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_bad_csv_is_traced_to_its_line_and_node(tmp_path):
    _write(tmp_path, "units\n4\nmany\n", "south.csv")
    with pytest.raises(InputError, match=r"node 'south': .*south.csv, line 3: 'many' is no number"):
        read_network(_write(tmp_path, TOML))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.yaml", "", "must end in .toml or .json"),
        ("mine.toml", "a = ", "is no TOML: "),
        ("mine.json", "{", "is no JSON: "),
        ("mine.json", "[" * 100_000, "is no JSON: "),
        ("mine.json", "[]", "must hold a table, not a list"),
    ],
)
def test_files_without_a_table_are_refused(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read_table(_write(tmp_path, text, name))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no such file: .*gone.toml"):
        read_table(tmp_path / "gone.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(InputError, match=r"cannot read .*folder.toml"):
        read_table(tmp_path / "folder.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b'name = "\xe9"')
    with pytest.raises(InputError, match="is no TOML"):
        read_table(path)


def test_the_example_of_the_manual_is_read(tmp_path):
    manual = (Path(__file__).parents[3] / "docs" / "inventory.md").read_text(encoding="utf-8")
    toml, recorded = (
        re.search(rf"^```{kind}\n(.*?)^```", manual, re.MULTILINE | re.DOTALL)[1]
        for kind in ("toml", "csv")
    )
    _write(tmp_path, recorded + "2024-01-03,5\n" * 20, "south.csv")
    built, episode = read_network(_write(tmp_path, toml))
    assert [node.name for node in built.nodes] == ["depot", "north", "south"]
    assert episode["name"] == "coast"
    for field in (*fields(Node), *fields(Arc)):
        assert f"`{field.name}`" in manual
    for law in ("poisson", "cyclic", "csv", *LAWS):
        assert f"`{law}`" in manual
