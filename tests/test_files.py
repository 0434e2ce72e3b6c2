"""Atomic writes, strict formats, and exact pickle-free storage of arrays."""

from __future__ import annotations

import json
import math
import os
import pickle
import struct
import subprocess
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from drlapps.errors import InputError
from drlapps.files import (
    flatten,
    json_text,
    load_tensors,
    load_tree,
    read_json,
    read_rows,
    save_tensors,
    save_tree,
    unflatten,
    write_atomic,
    write_json,
    write_rows,
)

# --- atomic writes ---


def test_text_and_bytes_arrive_and_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "größer\n")
    assert path.read_bytes() == "größer\n".encode()
    write_atomic(str(path), b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failure_before_the_rename_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, step: str
) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(InputError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    if isinstance(error, OSError):
        assert str(caught.value) == f"cannot write {path}: No space left on device"


def test_an_impossible_target_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*missing.*: No such file or directory"):
        write_atomic(tmp_path / "missing" / "file", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_atomic(tmp_path / "folder", "x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_new_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_atomic(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_systems_that_cannot_sync_a_directory_still_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_DIRECTORY")
    write_atomic(tmp_path / "file", "x")
    assert (tmp_path / "file").read_text() == "x"


WRITER = """
import sys
import numpy as np
from drlapps.files import save_tree, write_json
number = 0
while True:
    number += 1
    write_json(sys.argv[1], [number] * 20_000)
    save_tree(sys.argv[2], {"number": number, "values": np.full(50_000, number)})
"""


def test_a_killed_writer_never_leaves_a_torn_file(tmp_path: Path) -> None:
    text, tree = tmp_path / "text.json", tmp_path / "tree.safetensors"
    delays = np.random.default_rng(0).uniform(0.02, 0.1, size=4)
    for delay in delays:
        for path in (text, tree):
            path.unlink(missing_ok=True)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(text), str(tree)])
        try:
            while not tree.exists() and writer.poll() is None:
                time.sleep(0.002)
            time.sleep(delay)
        finally:
            writer.kill()
            writer.wait()
        numbers = read_json(text)
        assert len(numbers) == 20_000
        assert set(numbers) == {numbers[0]}
        state = load_tree(tree)
        assert state["values"].shape == (50_000,)
        assert (state["values"] == state["number"]).all()


# --- JSON ---


def test_json_holds_numpy_values_and_stays_strict(tmp_path: Path) -> None:
    value = {
        "array": np.array([[1, 2], [3, 4]], dtype=np.uint8),
        "scalar": np.float32(0.5),
        "flag": np.bool_(True),
        "missing": [math.nan, math.inf, np.float64("-inf"), np.array([np.nan, 1.0])],
        "path": Path("a") / "b",
        "tuple": (1, None, "Ω"),
        1: "integer key",
    }
    write_json(tmp_path / "value.json", value)

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    text = (tmp_path / "value.json").read_text(encoding="utf-8")
    assert "Ω" in text
    assert json.loads(text, parse_constant=refuse) == read_json(tmp_path / "value.json")
    assert read_json(tmp_path / "value.json") == {
        "array": [[1, 2], [3, 4]],
        "scalar": 0.5,
        "flag": True,
        "missing": [None, None, None, [None, 1.0]],
        "path": str(Path("a") / "b"),
        "tuple": [1, None, "Ω"],
        "1": "integer key",
    }


def test_json_survives_undecodable_file_names(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"file": "caf\udce9"})
    assert read_json(tmp_path / "x.json") == {"file": "caf\udce9"}


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, b"bytes", {(1, 2): 3}])
def test_json_refuses_what_it_has_no_form_for(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", value)
    assert list(tmp_path.iterdir()) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_json_reads_back_what_it_wrote(value: object) -> None:
    def finite(node: object) -> object:
        if isinstance(node, list):
            return [finite(item) for item in node]
        if isinstance(node, dict):
            return {key: finite(item) for key, item in node.items()}
        return None if isinstance(node, float) and math.isinf(node) else node

    assert json.loads(json_text(value)) == finite(value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n "b": }', "not valid JSON: Expecting value at line 2, column 7"),
        (b"", "not valid JSON: Expecting value at line 1, column 1"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[" * 100_000, "not usable JSON"),
        (b"1" * 5000, "not usable JSON"),
    ],
)
def test_bad_json_is_one_sentence_with_the_place(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file: .*none"):
        read_json(tmp_path / "none")
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        read_json(tmp_path)


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "windows.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "windows.json") == [1]


# --- CSV ---


def test_rows_keep_order_digits_and_awkward_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows: list[dict[str, object]] = [
        {"policy": 'a,"b"\nc', "value": 0.1 + 0.2, "seed": 1},
        {"policy": "", "value": np.float64(1 / 3), "status": None},
    ]
    write_rows(path, rows)
    assert path.read_text().startswith("policy,value,seed,status\n")
    back = read_rows(path)
    assert [list(row) for row in back] == [["policy", "value", "seed", "status"]] * 2
    assert back[0]["policy"] == 'a,"b"\nc'
    assert float(back[0]["value"]) == 0.1 + 0.2
    assert float(back[1]["value"]) == 1 / 3
    assert (back[0]["status"], back[1]["seed"], back[1]["status"]) == ("", "", "")


def test_no_rows_read_back_as_no_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", [])
    assert read_rows(tmp_path / "rows.csv") == []


CELLS = st.text(st.characters(codec="utf-8"))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
@settings(max_examples=50)
def test_any_text_survives_csv(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    rows = [{"first": first, "second": second} for first, second in cells]
    write_rows(path, rows)
    assert read_rows(path) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3\n", "line 3: 1 cells where the header has 2"),
        ("a,b\n1,2,3\n", "line 2: 3 cells"),
        ('a,b\n"1"x,2\n', "line 2: "),
        ('a,b\n"1,2\n', "unexpected end of data"),
    ],
)
def test_malformed_csv_names_the_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_rows(path)


# --- tensors ---

TYPES = ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8")
ARRAYS = st.sampled_from(TYPES).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)


def same(first: Any, second: Any) -> bool:
    """Whether two trees are equal in type, order and every bit."""
    if type(first) is not type(second):
        return False
    if isinstance(first, np.ndarray | np.generic):
        equal = first.dtype == second.dtype and first.shape == second.shape
        return bool(equal and first.tobytes() == second.tobytes())
    if isinstance(first, dict):
        pairs = zip(first.items(), second.items(), strict=False)
        return len(first) == len(second) and all(
            same(key, other) and same(value, another) for (key, value), (other, another) in pairs
        )
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, float):
        return struct.pack("d", first) == struct.pack("d", second)
    return bool(first == second)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), ARRAYS, max_size=4))
def test_tensors_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    save_tensors(path, tensors, {"key": "Ω\n"})
    back, metadata = load_tensors(path)
    assert metadata == {"key": "Ω\n"}
    assert same(dict(sorted(back.items())), dict(sorted(tensors.items())))


def test_odd_layouts_are_stored_by_value(tmp_path: Path) -> None:
    grid = np.arange(24.0).reshape(4, 6)
    tensors = {
        "transposed": grid.T,
        "strided": grid[::2, ::-3],
        "broadcast": np.broadcast_to(np.float32(3), (2, 2)),
        "big_endian": np.arange(3, dtype=">i4"),
        "special": np.array([0.0, -0.0, np.nan, np.inf, 5e-324]),
        "large": np.array([2**64 - 1], dtype=np.uint64),
    }
    save_tensors(tmp_path / "t", tensors)
    back, metadata = load_tensors(tmp_path / "t")
    assert metadata == {}
    for name, array in tensors.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].flags.writeable
    assert np.signbit(back["special"][1])


def test_equal_tensors_give_equal_bytes_in_every_process(tmp_path: Path) -> None:
    metadata = {str(number): "x" * number for number in range(10)}
    save_tensors(tmp_path / "first", {"b": np.ones(3), "a": np.zeros(2, "i4")}, metadata)
    metadata = dict(reversed(metadata.items()))
    save_tensors(tmp_path / "second", {"a": np.zeros(2, "i4"), "b": np.ones(3)}, metadata)
    content = (tmp_path / "first").read_bytes()
    assert content == (tmp_path / "second").read_bytes()
    header = content[8 : 8 + int.from_bytes(content[:8], "little")].decode()
    assert header.index('"2":') < header.index('"3":') < header.index('"a":') < header.index('"b":')


@pytest.mark.parametrize("kind", ["O", "U3", "M8[s]", "c16", "S2", "i4,f4"])
def test_types_without_a_form_are_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(TypeError, match="tensor 'x'"):
        save_tensors(tmp_path / "t", {"x": np.zeros(2, dtype=kind)})
    with pytest.raises(ValueError, match="__metadata__"):
        save_tensors(tmp_path / "t", {"__metadata__": np.zeros(2)})
    assert list(tmp_path.iterdir()) == []


class Bomb:
    """Unpickling it would write a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


def safetensors_bytes(header: object, data: bytes = b"", size: int | None = None) -> bytes:
    """Return a hand-made file, well-formed or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def entry(shape: list[int], end: int, kind: str = "F32", start: int = 0) -> dict[str, object]:
    """Return one tensor's header entry."""
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


MALICIOUS = {
    "empty": b"",
    "short": b"abc",
    "pickle": pickle.dumps(Bomb()),
    "zip": b"PK\x03\x04" + b"\0" * 64,
    "enormous header": safetensors_bytes({}, size=2**63),
    "no JSON": safetensors_bytes(b"{x"),
    "list header": safetensors_bytes([]),
    "deep header": safetensors_bytes(b"[" * 100_000),
    "negative shape": safetensors_bytes({"a": entry([-1], 4)}, b"1234"),
    "data outside": safetensors_bytes({"a": entry([2], 8)}, b"1234"),
    "backward offsets": safetensors_bytes({"a": entry([1], 0, start=4)}, b"1234"),
    "overlap": safetensors_bytes({"a": entry([1], 4), "b": entry([1], 4)}, b"1234"),
    "overflow": safetensors_bytes({"a": entry([2**62, 2**62], 0)}),
    "empty but huge": safetensors_bytes({"a": entry([0, 2**62], 0)}),
    "many dimensions": safetensors_bytes({"a": entry([1] * 100, 4)}, b"1234"),
    "wrong size": safetensors_bytes({"a": entry([3], 4)}, b"1234"),
    "unknown type": safetensors_bytes({"a": entry([1], 4, "PYOBJ")}, b"1234"),
    "bfloat16": safetensors_bytes({"a": entry([2], 4, "BF16")}, b"1234"),
    "float8": safetensors_bytes({"a": entry([4], 4, "F8_E4M3")}, b"1234"),
    "trailing data": safetensors_bytes({"a": entry([1], 4)}, b"1234!"),
    "number in metadata": safetensors_bytes({"__metadata__": {"tree": 3}}),
}


@pytest.mark.parametrize("content", MALICIOUS.values(), ids=MALICIOUS.keys())
def test_hostile_tensor_files_are_one_sentence_and_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil"
    path.write_bytes(content)
    with pytest.raises(InputError, match="evil is not a readable safetensors file"):
        load_tensors(path)
    assert [found.name for found in tmp_path.iterdir()] == ["evil"]


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    save_tensors(path, {"a": np.arange(5), "b": np.ones(2)}, {"note": "x"})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(InputError):
            load_tensors(path)


def test_missing_tensor_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_tensors(tmp_path / "none")
    with pytest.raises(InputError, match="not a readable"):
        load_tensors(tmp_path)


# --- trees ---

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats().filter(lambda x: not math.isnan(x))
    | st.just(math.nan)
    | st.text()
)
NUMPY_SCALARS = ARRAYS.filter(lambda array: array.size > 0).map(lambda array: array.flat[0])
KEYS = st.integers() | st.text() | st.booleans() | st.none() | st.tuples(st.integers(), st.text())
TREES = st.recursive(
    SCALARS | ARRAYS | NUMPY_SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=15,
)


@given(TREES)
def test_trees_come_back_exactly(tree: object) -> None:
    arrays, structure = flatten(tree)
    assert same(unflatten(arrays, json.loads(json.dumps(structure, allow_nan=False))), tree)


@given(TREES)
@settings(max_examples=50)
def test_trees_survive_the_disk(tmp_path_factory: pytest.TempPathFactory, tree: object) -> None:
    path = tmp_path_factory.getbasetemp() / "tree.safetensors"
    save_tree(path, tree)
    assert same(load_tree(path), tree)


def test_an_optimizer_and_a_generator_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    tree = {
        "optimizer": OrderedDict(
            state={0: {"step": np.float32(3), "exp_avg": rng.normal(size=(2, 3))}, 1: {}},
            param_groups=[{"lr": 3e-4, "betas": (0.9, 0.999), "fused": None, "params": [0, 1]}],
        ),
        "generator": rng.bit_generator.state,
        "best": -math.inf,
    }
    save_tree(tmp_path / "checkpoint.safetensors", tree)
    back = load_tree(tmp_path / "checkpoint.safetensors")
    other = np.random.default_rng(0)
    other.bit_generator.state = back["generator"]
    np.testing.assert_array_equal(other.normal(size=5), rng.normal(size=5))
    assert back["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.999)
    assert list(back["optimizer"]["state"]) == [0, 1]
    assert back["best"] == -math.inf


def test_paths_that_read_alike_do_not_collide() -> None:
    tree = {"a/b": np.zeros(1), "a": {"b": np.ones(1)}, 0: np.full(1, 2), "0": np.full(1, 3)}
    arrays, structure = flatten(tree)
    assert list(arrays) == ["/a/b", "/a/b~2", "/0", "/0~2"]
    assert same(unflatten(arrays, structure), tree)


class Narrow(np.ndarray[Any, Any]):
    """An array class of its own."""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [0, {1, 2}]}, r"a set \(at /a/1\)"),
        (b"bytes", r"a bytes \(at /\)"),
        ([np.zeros(3).view(Narrow)], r"a Narrow \(at /0\)"),
        ((Path("x"),), "PosixPath|WindowsPath"),
        (1j, "complex"),
    ],
)
def test_what_a_tree_cannot_hold_is_named(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        flatten(value)


@pytest.mark.parametrize(
    "structure",
    [
        {"array": "nowhere"},
        {"array": 3},
        {"scalar": "vector"},
        {"float": "1.0"},
        {"tuple": 3},
        {"dict": {"a": 1}},
        {"dict": [[1, 2, 3]]},
        {"dict": ["ab"]},
        {"dict": [[[], 1]]},
        {"call": "os.system"},
        {},
        [{"tuple": [{"object": "x"}]}],
    ],
)
def test_malformed_structures_are_refused(structure: object) -> None:
    with pytest.raises(InputError, match="malformed tree"):
        unflatten({"vector": np.zeros(2)}, structure)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "tensors but no tree"),
        ({"tree": "{"}, "no readable tree"),
        ({"tree": '{"array": "x"}'}, "malformed tree"),
        ({"tree": "[" * 100_000}, "no readable tree"),
    ],
)
def test_tensor_files_without_a_tree_are_refused(
    tmp_path: Path, metadata: dict[str, str], message: str
) -> None:
    save_tensors(tmp_path / "t", {}, metadata)
    with pytest.raises(InputError, match=message):
        load_tree(tmp_path / "t")


def test_importing_stays_light() -> None:
    probe = (
        "import sys, drlapps.artifact, drlapps.execute;"
        "print({'torch', 'joblib', 'safetensors', 'pandas', 'gymnasium'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
