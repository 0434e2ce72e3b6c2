"""Lasers by name, pools and files."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from drlapps.control.laser_pulse import files, optimum
from drlapps.control.laser_pulse.instances import B_INTEGRALS, GDDS, named, shift, test, train
from drlapps.control.laser_pulse.instances import validation as validation_pool
from drlapps.control.laser_pulse.laser import Laser
from drlapps.control.laser_pulse.spectrum import COMPRESSOR
from drlapps.errors import InputError

test.__test__ = False


def test_pools_hold_the_family():
    for pool, count in ((test(), 96), (validation_pool(), 64), (shift(), 48)):
        assert len(pool) == count
        assert all(B_INTEGRALS[0] <= one.b_integral <= B_INTEGRALS[1] for one in pool)
        assert all(GDDS[0] <= one.gdd <= GDDS[1] for one in pool)
        assert len({one.hash for one in pool}) == count
    assert {one.shift for one in shift()} == {"drift", "jump"}


def test_names_lead_to_the_lasers_of_the_pools():
    assert [one.hash for one in named(["family:0..95"])] == [one.hash for one in test()]
    assert tuple(named(["validation:0..63"])) == validation_pool()
    assert tuple(named(["drift:0..23", "jump:0..23"])) == shift()
    assert named(["l1"])[0].compressor == COMPRESSOR
    assert named(["drift:4"])[0].b_integral == named(["family:4"])[0].b_integral


def test_settings_change_the_laser():
    laser = named(["l1"], b_integral=2, gdd=2.5e-22, noise=0.01)[0]
    assert (laser.b_integral, laser.gdd, laser.noise) == (2, 2.5e-22, 0.01)
    scaled = named(["family:2"], b_scale=1.2, gdd_scale=0.99)[0]
    plain = named(["family:2"])[0]
    assert scaled.b_integral == pytest.approx(1.2 * plain.b_integral)
    assert scaled.gdd == pytest.approx(0.99 * plain.gdd)
    assert validation_pool(noise=0.05)[3].noise == 0.05
    assert named(["family:2"], start_spread=0.1)[0].start != plain.start
    assert named(["l1"], shift="jump", shift_to=3.0)[0].final_b == 3.0


def test_what_has_no_effect_does_not_change_the_hash():
    assert Laser("a", 2.0).hash == Laser("b", 2.0, seed=9, shift_to=3.0).hash
    assert Laser("a", 2.0, noise=0.1).hash != Laser("a", 2.0, noise=0.1, seed=9).hash


def test_kept_optima_are_those_that_the_search_finds():
    laser = test()[11]
    kept = optimum.best(laser.b_integral, laser.compressor)
    found = optimum.search(laser.b_integral, laser.compressor)
    assert kept.share == pytest.approx(found.share, abs=1e-7)
    assert laser.reference == kept.share
    assert all(0.7 < one.reference < 0.97 for one in (*test(), *validation_pool(), *shift()))


def test_training_draws_between_the_ends():
    pool = train(b_integral=[2.0, 2.5], gdd=2.6e-22, noise=[0.0, 0.1], shift="mixed")
    rng = np.random.default_rng(0)
    drawn = [pool.sample(rng) for _ in range(60)]
    assert all(2.0 <= one.b_integral <= 2.5 and one.gdd == 2.6e-22 for one in drawn)
    assert {one.shift for one in drawn} == {"none", "drift", "jump"}
    assert isinstance(pool.largest(), Laser)
    scaled = train(b_scale=1.2, gdd_scale=0.99).sample(np.random.default_rng(0))
    plain = train().sample(np.random.default_rng(0))
    assert scaled.b_integral == pytest.approx(1.2 * plain.b_integral)
    assert scaled.gdd == pytest.approx(0.99 * plain.gdd)


def test_files_hold_lasers_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('b_integral = 2.2\ngdd = 2.61e-22\nshift = "drift"\nshift_to = 2.8\n')
    laser = named([str(path)])[0]
    assert (laser.name, laser.b_integral, laser.gdd) == ("mine:0", 2.2, 2.61e-22)
    assert laser.course(2) == pytest.approx([2.2, 2.5, 2.8])


def test_the_complete_example_of_a_file_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(textwrap.dedent(files.__doc__.split("::")[1]))
    laser = named([f"{path}:3"])[0]
    expected = Laser(
        "mine:3", 2.2, 2.61e-22, -2.4e-36, 9.5e-50, noise=0.02, shift="drift", shift_to=2.8, seed=3
    )
    assert laser == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gdd = 2.6e-22", "b_integral"),
        ("b_integral = 99", "b_integral"),
        ("b_integral = 2\nbeta = 3", "beta"),
        ("b_integral = 2\nstart = [0.5]", "start"),
        ("b_integral = 2\nstart = 5", "start"),
        ('b_integral = 2\nshift = "drift"', "shift_to"),
    ],
)
def test_malformed_files_are_refused(tmp_path, text, told):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        named([str(path)])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: named(["l2"]),
        lambda: named(["l1"], b_integral=-1.0),
        lambda: named(["l1"], gdd=2.6),
        lambda: named(["l1"], shift="leap"),
        lambda: named(["l1"], b_scale="much"),
        lambda: train(b_integral=[3.0, 1.0]),
        lambda: train(gdd=[2.5e-22]),
        lambda: train(shift="leap"),
        lambda: train(start_spread=-1.0),
        lambda: train(b_scale=-1.0),
        lambda: train(noise="loud"),
    ],
)
def test_impossible_lasers_are_refused(wrong):
    with pytest.raises(InputError):
        wrong()
