"""Job-shop files: what is read, what is refused and where, and round trips."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.scheduling.job_shop import files
from drlapps.scheduling.job_shop.shop import JobShop


@st.composite
def job_shops(draw: st.DrawFn, release: bool = True) -> JobShop:
    machine = st.integers(0, draw(st.integers(0, 5)))
    job = st.lists(st.tuples(machine, st.integers(0, 10**6)), min_size=1, max_size=6)
    jobs = draw(st.lists(job, min_size=1, max_size=6))
    delay, extras = st.integers(0, 100), {}
    numbers = st.lists(delay, min_size=len(jobs), max_size=len(jobs))
    if release:
        last = max(machine for row in jobs for machine, _ in row)
        window = st.tuples(st.integers(0, last), delay, st.integers(1, 100))
        windows = draw(st.lists(window, max_size=5))
        extras["closed"] = [(machine, start, start + length) for machine, start, length in windows]
        extras["due"] = draw(st.just([]) | numbers)
        extras["weights"] = draw(st.just([]) | numbers)
        extras["release"] = draw(numbers)
    shop = JobShop.from_jobs(
        draw(st.text(max_size=5)),
        jobs,
        **extras,
    )
    slack = st.none() | st.integers(0, 50)
    least = shop.elementary_bound
    lower, upper = draw(slack), draw(slack)
    return JobShop.from_jobs(
        shop.name,
        jobs,
        **extras,
        lower_bound=None if lower is None else least + lower,
        upper_bound=None if upper is None else least + (lower or 0) + upper,
    )


@given(job_shops(release=False))
def test_text_round_trip(shop: JobShop) -> None:
    text = files.to_text(shop)
    again = files.parse_text(text, name=shop.name)
    assert again.hash == shop.hash
    assert files.to_text(again) == text


@given(job_shops())
def test_json_round_trip(shop: JobShop) -> None:
    text = files.to_json(shop)
    again = files.parse_json(text, name="unused")
    assert again.hash == shop.hash
    assert (again.name, again.lower_bound, again.upper_bound) == (
        shop.name,
        shop.lower_bound,
        shop.upper_bound,
    )
    assert files.to_json(again) == text


def refusal(parse: Callable[..., JobShop], text: str) -> str | None:
    """Return why the text is refused, nothing if it is read; any other error is a defect."""
    try:
        parse(text, name="the file")
    except InputError as error:
        return str(error)
    return None


@given(st.text() | st.text("0123456789 -.#\nTimesMachines"))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    for parse in (files.parse_text, files.parse_json):
        message = refusal(parse, text)
        assert message is None or message.startswith("the file")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(files.KEYS), inner)
        ),
        max_leaves=20,
    )
)
def test_any_json_is_read_or_refused_in_a_sentence(document: object) -> None:
    message = refusal(files.parse_json, json.dumps(document))
    assert message is None or message.startswith("the file")


def test_standard_text_with_comments_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "plant.txt"
    path.write_bytes(b"\xef\xbb\xbf# a comment\r\n\r\n2 3 # jobs, machines\r\n"
                     b"2 1 0 3 1 6\r\n  1 8\t2 5 0 0\r\n")  # fmt: skip
    shop = files.read(path)
    assert shop.name == "plant"
    assert shop.machines.tolist() == [[2, 0, 1], [1, 2, 0]]
    assert shop.durations.tolist() == [[1, 3, 6], [8, 5, 0]]


def test_lines_of_free_length() -> None:
    shop = files.parse_text("2 3\n1 5 1 6 -1 -1\n2 4 0 1 2 2 0 3 -1 -1\n", name="free")
    assert shop.lengths.tolist() == [2, 4]
    assert shop.machines.tolist() == [[1, 1, 0, 0], [2, 0, 2, 0]]
    assert shop.durations.tolist() == [[5, 6, 0, 0], [4, 1, 2, 3]]


def test_taillards_format() -> None:
    text = """Nb of jobs, Nb of Machines, Time seed, Machine seed, Upper bound, Lower bound
         2          3  840612802  398197754       20       10
Times
  1  3  6
  8  5 10
Machines
  3  1  2
  2  3  1
"""
    shop = files.parse_text(text, name="matrices")
    assert shop.machines.tolist() == [[2, 0, 1], [1, 2, 0]]
    assert shop.durations.tolist() == [[1, 3, 6], [8, 5, 10]]


def test_json_with_everything(tmp_path: Path) -> None:
    path = tmp_path / "plant.json"
    document: dict[str, object] = {
        "name": "north hall",
        "durations": [[3, 2], [4]],
        "machines": [[0, 1], [1]],
        "release": [0, 7],
        "lower_bound": 11,
        "upper_bound": 12,
    }
    path.write_text(json.dumps(document))
    shop = files.read(path)
    assert shop.name == "north hall"
    assert shop.lengths.tolist() == [2, 1]
    assert shop.release.tolist() == [0, 7]
    assert (shop.bound, shop.reference) == (11.0, 12.0)
    del document["name"]
    path.write_text(json.dumps(document | {"lower_bound": None}))
    assert files.read(path).name == "plant"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f contains no instance"),
        ("# only a comment\n\n", "f contains no instance"),
        ("2\n", "f, line 1: expected the numbers of jobs and machines, found 1"),
        ("2 2 2\n", "f, line 1: .* found 3"),
        ("0 2\n", "f, line 1: .* at least 1"),
        ("two 2\n", "f, line 1: 'two' is not a whole number"),
        ("2 2\n", "f, line 1: the file ends after 0 of 2 lines"),
        ("# c\n2 2\n0 1 1 2\n", "f, line 3: the file ends after 1 of 2 lines"),
        ("1 2\n0 1 1 2\n\n0 1 1 2\n", "f, line 4: unexpected data after the 1 lines"),
        ("1 2\n0 1 1\n", "f, line 2: job 0 has 3 numbers, expected 4"),
        ("1 2\n0 1 1 2 0 1\n", "f, line 2: job 0 has 6 numbers, expected 4"),
        ("1 2\n0 1 1 2.5\n", "f, line 2: '2.5' is not a whole number"),
        ("1 2\n0 1 1 1_0\n", "f, line 2: '1_0' is not a whole number"),
        ("1 2\n0 1 1 ٣\n", "f, line 2: .* is not a whole number"),
        (f"1 2\n0 1 1 {'9' * 5000}\n", r"f, line 2: '9+\.\.\. is not a whole number"),
        ("1 2\n0 1 1 -2\n", "f, line 2: operation 1 of job 0 has the negative duration -2"),
        ("1 2\n0 1 2 2\n", "f, line 2: operation 1 of job 0 is on machine 2, .* 0 to 1"),
        ("1 2\n0 1 -1 2\n", "f, line 2: operation 1 of job 0 is on machine -1"),
        ("1 2\n0 1 1 3000000000\n", "f: job-shop instance 'f' has durations beyond"),
        ("1 2\n-1 -1\n", "f, line 2: job 0 has 0 numbers before -1 -1"),
        ("1 2\n0 1 1 -1 -1\n", "f, line 2: job 0 has 3 numbers before -1 -1"),
        ("Times\n1 2\n", "f, line 1: expected the numbers of jobs and machines before"),
        ("1 2\nTimes\n1 2\n", "f, line 3: expected a matrix under the word 'Machines'"),
        ("1 2\nTimes\n1 2\nMachines\n", "f, line 4: the file ends after 0 of 1 lines"),
        ("2 2\nTimes\n1 2\nMachines\n1 2\n2 1\n", "f, line 3: the file ends after 1 of 2"),
        ("1 2\nTimes\n1 2 3\nMachines\n1 2\n", "f, line 3: job 0 has 3 numbers, expected 2"),
        ("1 2\nTimes\n1 2\nMachines\n0 1\n", "f, line 5: job 0 visits machine 0, .* 1 to 2"),
        ("1 2\nTimes\n1 -2\nMachines\n2 1\n", "f, line 3: job 0 has the negative duration -2"),
        ("\0\1\2 garbage", "f, line 1: .* is not a whole number"),
    ],
)
def test_malformed_text(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        files.parse_text(text, name="f")


GOOD: dict[str, object] = {"durations": [[1, 2]], "machines": [[0, 1]]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f, line 1, column 1: invalid JSON"),
        ('{"durations": [[1,\n 2,]]}', "f, line 2, column 4: invalid JSON"),
        ("[" * 100_000, "f is nested too deep"),
        ("9" * 5000, "f is nested too deep or has numbers too long"),
        ("[]", "f: expected an object"),
        ("{}", "f: the key 'durations' is missing"),
        (GOOD | {"duration": 1}, "f: unknown key 'duration'; did you mean durations"),
        (GOOD | {"name": 3}, "f: name is 3, not text"),
        (GOOD | {"durations": 3}, "f: durations is not a list"),
        (GOOD | {"durations": []}, "f: durations is not a list with one list for each job"),
        (GOOD | {"durations": [1, 2]}, r"f: durations\[0\] is 1, not a list"),
        (GOOD | {"durations": [[]]}, r"f: durations\[0\] is empty"),
        (GOOD | {"durations": [[1, 2.0]]}, r"f: durations\[0\]\[1\] is 2.0, not a whole number"),
        (GOOD | {"durations": [[1, True]]}, r"f: durations\[0\]\[1\] is True, not a whole"),
        (GOOD | {"durations": [[1, float("nan")]]}, r"f: durations\[0\]\[1\] is nan"),
        (GOOD | {"durations": [[1, -2]]}, r"f: durations\[0\]\[1\] is -2, not between 0 and"),
        (GOOD | {"durations": [[1, 2, 3]]}, "f: durations and machines differ"),
        (GOOD | {"machines": [[0, 1], [1, 0]]}, "f: durations and machines differ"),
        (GOOD | {"machines": [[0, 10**6]]}, "f: job-shop instance 'f' has machine 1000000"),
        (GOOD | {"release": [1, 2]}, "f: release has 2 numbers for 1 jobs"),
        (GOOD | {"release": 1}, "f: release is 1, not a list"),
        (GOOD | {"due": [1, 2]}, "f: due has 2 numbers for 1 jobs"),
        (GOOD | {"due": [-1]}, r"f: due\[0\] is -1, not between 0 and"),
        (GOOD | {"weights": [1.5]}, r"f: weights\[0\] is 1.5, not a whole number"),
        (GOOD | {"closed": [[0, 1, 2]]}, r"f: closed is \[\[0, 1, 2\]\], not an object"),
        (GOOD | {"closed": {"m": []}}, r"f: closed\['m'\] names no machine; they count from 0"),
        (GOOD | {"closed": {"0": 5}}, r"f: closed\['0'\] is 5, not a list of windows"),
        (GOOD | {"closed": {"0": [5]}}, r"f: closed\['0'\]\[0\] is 5, not a list"),
        (GOOD | {"closed": {"0": [[5]]}}, r"f: closed\['0'\]\[0\] has 1 numbers, not 2"),
        (GOOD | {"closed": {"0": [[5, "6"]]}}, r"f: closed\['0'\]\[0\]\[1\] is '6', not a whole"),
        (GOOD | {"closed": {"0": [[6, 5]]}}, "f: .* 'f' closes machine 0 from 6 to 5, which is no"),
        (GOOD | {"closed": {"7": [[5, 6]]}}, "f: .* closes machine 7, but its machines are 0 to 1"),
        (GOOD | {"upper_bound": "3"}, "f: upper_bound is '3', not a whole number"),
        (GOOD | {"upper_bound": 2}, "f: .* upper bound 2 below its lower bound 3"),
    ],
)
def test_malformed_json(text: str | dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        files.parse_json(text if isinstance(text, str) else json.dumps(text), name="f")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file '.*gone\.txt'"):
        files.read(tmp_path / "gone.txt")
    with pytest.raises(InputError, match="is a directory"):
        files.read(tmp_path)
    garbage = tmp_path / "garbage.txt"
    garbage.write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=r"garbage\.txt is not a text file"):
        files.read(garbage)
    with pytest.raises(InputError, match="cannot read"):
        files.read(f"{garbage}/inside")


def test_errors_name_the_file_and_the_line(tmp_path: Path) -> None:
    path = tmp_path / "plant.txt"
    path.write_text("1 1\nx 1\n")
    with pytest.raises(InputError, match=r"plant\.txt, line 2: 'x' is not a whole number"):
        files.read(path)


def test_text_has_no_place_for_extras() -> None:
    shop = JobShop("late", np.array([[1]]), np.array([[0]]), release=np.array([4]))
    with pytest.raises(InputError, match="late has release dates, which the text format lacks"):
        files.to_text(shop)
    shop = JobShop.from_jobs("shift", [[(0, 1)]], due=[3], weights=[2], closed=[(0, 1, 2)])
    sentence = "shift has due dates and weights and closed machines, which the text format lacks"
    with pytest.raises(InputError, match=sentence):
        files.to_text(shop)


def test_due_dates_weights_and_closed_windows_are_read() -> None:
    document = {
        "durations": [[1, 2], [3]],
        "machines": [[0, 1], [1]],
        "due": [8, 9],
        "weights": [4, 1],
        "closed": {"1": [[480, 1440], [1920, 2880]], "0": [[5, 7]]},
    }
    shop = files.parse_json(json.dumps(document), name="plant")
    assert shop.due.tolist() == [8, 9]
    assert shop.weights.tolist() == [4, 1]
    assert shop.closed.tolist() == [[0, 5, 7], [1, 480, 1440], [1, 1920, 2880]]
    assert '"closed": {"0": [[5, 7]], "1": [[480, 1440], [1920, 2880]]}' in files.to_json(shop)


def test_written_text_is_the_standard_format() -> None:
    classic = JobShop("a\nb", np.array([[3, 2], [2, 4]]), np.array([[0, 1], [1, 0]]))
    assert files.to_text(classic) == "# a b\n2 2\n0 3 1 2\n1 2 0 4\n"
    ragged = JobShop.from_jobs("c", [[(1, 3)], [(0, 1), (1, 2)]])
    assert files.to_text(ragged) == "# c\n2 2\n1 3 -1 -1\n0 1 1 2 -1 -1\n"
