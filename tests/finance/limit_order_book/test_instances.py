"""Order flows, rules, recordings, pools and names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.finance.limit_order_book import replay
from drlapps.finance.limit_order_book.instances import KINDS, named, toy, train, validation
from drlapps.finance.limit_order_book.instances import test as the_test_pool
from drlapps.finance.limit_order_book.session import Flow, Rules, Session


def lines(rows=40):
    """A recording of two levels in half cents, with a volume of 0.3 lots a row."""
    header = ",".join(replay.columns(2))
    body = [
        f"{row},{99.995 + 0.005 * (row % 3):.3f},99.98,1.5,2,100.01,100.02,1,4,0.3,{row % 2}"
        for row in range(rows)
    ]
    return [header, *body]


def written(tmp_path, text, name="book.csv"):
    file = tmp_path / name
    file.write_text("\n".join(text) + "\n")
    return file


def test_a_recording_is_read_in_ticks(tmp_path):
    tape = replay.read(written(tmp_path, lines()))
    assert len(tape) == 40
    assert tape.tick == pytest.approx(0.005)
    assert tape.prices[1].tolist() == [[20000, 19996], [20002, 20004]]
    assert tape.sizes[1].tolist() == [[1.5, 2.0], [1.0, 4.0]]
    assert tape.volumes[1].tolist() == [0.3, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        tape.prices[0] = 1


def broken(place, old, new):
    text = lines()
    assert old in text[place]
    text[place] = text[place].replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (lines()[:2], "needs a header and at least two snapshots"),
        (broken(0, "ask_size_2", "ask_sise_2"), "has no column 'ask_size_2'"),
        (broken(0, "time", "time,note"), "has an unknown column 'note'"),
        (broken(0, "time", "time,time"), "has a column twice"),
        (["time,bid_volume,ask_volume", "0,1,1", "1,1,1"], "1 to 20 levels a side, not 0"),
        (broken(3, ",99.98", ""), "line 4: 10 entries under 11 columns"),
        (broken(3, "1.5", "nan"), "line 4: bid_size_1 is no finite number: 'nan'"),
        (broken(3, "1.5", ""), "line 4: bid_size_1 is no finite number: ''"),
        (broken(3, "2,", "1,"), "line 4: time must be after that of the line before"),
        (broken(3, "99.98", "100.02"), "line 4: bid prices must fall from level to level"),
        (broken(3, "100.02", "100.00"), "line 4: ask prices must rise from level to level"),
        (broken(3, "100.01", "99.00"), "line 4: the best bid must be below the best ask"),
        (broken(3, "99.98", "-1"), "line 4: prices must be positive"),
        (broken(3, "1.5", "-1"), "line 4: sizes must not be negative"),
        (broken(3, "0.3", "-1"), "line 4: volumes must not be negative"),
    ],
)
def test_unsound_recordings_are_explained(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        replay.read(written(tmp_path, text))


def test_missing_and_binary_files_are_explained(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none.csv: No such file"):
        replay.read(tmp_path / "none.csv")
    file = tmp_path / "binary.csv"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no CSV"):
        replay.read(file)


def test_names_ranges_and_files(tmp_path):
    found = named(["calm:7", "busy:1..3,trending"])
    assert [s.name for s in found] == ["calm:7", "busy:1", "busy:2", "busy:3", "trending:0"]
    assert named("validation:3") == [validation()[2]]
    book = written(tmp_path, lines())
    whole, part = named([str(book), f"{book}:10..25"])
    assert (whole.rules.steps, whole.begin) == (7, 0)
    assert (part.rules.steps, part.begin) == (3, 10)
    rules = written(
        tmp_path, ['tape = "book.csv"', "maker_fee = -0.2", "repeats = 2"], "rules.toml"
    )
    mine = named(str(rules))[0]
    assert (mine.rules.steps, mine.rules.maker_fee) == (19, -0.2)
    assert mine.tape is whole.tape
    flow = written(tmp_path, ["market_orders = 2", "steps = 9"], "flow.toml")
    drawn = named(f"{flow}:1..2")
    assert [s.flow for s in drawn] == [Flow(market_orders=2.0)] * 2
    assert drawn[0].hash != drawn[1].hash


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("cal:1", "unknown book 'cal'; did you mean calm"),
        ("calm:5..2", "'calm:5..2' is no range"),
        ("calm:0..999999", "is no range of at most 100000 paths"),
        ("none.csv", "cannot read none.csv"),
        ("none.toml", "cannot read none.toml"),
    ],
)
def test_wrong_names_are_explained(word, sentence):
    with pytest.raises(InputError, match=sentence):
        named([word])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("steps = ", "is no TOML"),
        ("step = 3", "unknown parameter in .*; did you mean steps"),
        ("limit = 21", "limit must be a whole number from 1 to 20, not 21"),
        ("repeats = 1.5", "repeats must be a whole number from 1 to 1000, not 1.5"),
        ("interval = 0", "interval must be above 0, not 0"),
        ("taker_fee = 'much'", "taker_fee must be a finite number, not 'much'"),
        ("cancellations = 0", "cancellations must be above 0 to 1000, not 0"),
        ("market_orders = -1", "market_orders must be from 0 to 1000, not -1"),
        ("bias = 1.0", "bias must be below 1, not 1"),
        ("tape = 'book.csv'\nbias = 0.5", "a recorded book has no bias"),
    ],
)
def test_wrong_parameter_files_are_explained(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        named(str(written(tmp_path, [text], "mine.toml")))


def test_training_on_a_recording_keeps_to_its_rows(tmp_path):
    book = written(tmp_path, lines(200))
    pool = train(book=f"{book}:20..90", steps=10)
    drawn = [pool.sample(np.random.default_rng(seed)) for seed in range(200)]
    begins = {session.begin for session in drawn}
    assert min(begins) == 20
    assert max(begins) == 40
    assert pool.largest().rules.steps == 10
    with pytest.raises(InputError, match="has 71 of 200 rows, and a session needs 101"):
        train(book=f"{book}:20..90", steps=20)
    with pytest.raises(InputError, match="must be at least 6 rows of 200"):
        named(f"{book}:20..22")
    with pytest.raises(InputError, match="unknown book 'bussy'; did you mean busy"):
        train(book="bussy")
    assert train(book="busy").sample(np.random.default_rng(0)).flow == KINDS["busy"]


def test_content_makes_the_hash_and_the_name_does_not():
    session = named("calm:3")[0]
    assert replace(session, name="other").hash == session.hash
    others = [replace(session, seed=1), replace(session, flow=KINDS["busy"]),
              replace(session, rules=Rules(steps=7))]  # fmt: skip
    assert len({session.hash, *(other.hash for other in others)}) == 4
    with pytest.raises(AttributeError):
        session.seed = 3
    first, second, _ = toy()
    assert replace(first, name="again").hash == first.hash != second.hash


def test_pools_share_nothing():
    hashes = [s.hash for pool in (validation(), the_test_pool(), toy()) for s in pool]
    assert len(set(hashes)) == 120 + 60 + 3
    flows = {session.flow for session in validation()}
    assert len(flows) == 120
    assert not flows & set(KINDS.values())


def test_sessions_need_one_book_and_enough_of_it():
    with pytest.raises(InputError, match="either a flow or a tape"):
        Session("none", Rules())
    tape = toy()[0].tape
    with pytest.raises(InputError, match="needs 2001 rows of a tape of 3"):
        Session("long", Rules(), tape=tape)
