"""FROG traces."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps.control.laser_pulse import frog, pulse
from drlapps.control.laser_pulse.spectrum import COMPRESSOR


def gaussian(width: float, chirp: float = 0.0, samples: int = 2000):
    t = (np.arange(samples) - samples // 2) * pulse.SAMPLE_PS
    return np.exp(-(1 + 1j * chirp) * (t / width) ** 2)[None]


def plain(field):
    """The definition, one delay after the other."""
    peak = int(np.abs(field).argmax())
    half = frog.SIZE // 2
    t = peak + 2 * (np.arange(frog.SIZE) - half)
    rows = []
    for delay in range(-half, half):
        gated = field[t % len(field)] * field[(t - 2 * delay) % len(field)]
        rows.append(np.abs(np.fft.fftshift(np.fft.fft(gated))) ** 2)
    found = np.array(rows)
    return found / found.max()


def test_the_trace_is_its_definition():
    rng = np.random.default_rng(0)
    fields = pulse.fields(
        rng.random((2, 3)), np.array([1.0, 3.0]), np.tile(np.array(COMPRESSOR), (2, 1))
    )
    found = frog.intensities(fields)
    assert found.shape == (2, frog.SIZE, frog.SIZE)
    for one, field in zip(found, fields, strict=True):
        assert one == pytest.approx(plain(field), abs=1e-12)


def test_a_trace_is_symmetric_in_delay_and_tells_phases_apart():
    field = gaussian(2.0)
    flat, chirped = frog.intensities(field)[0], frog.intensities(gaussian(2.0, 3.0))[0]
    middle = frog.SIZE // 2
    assert flat[middle, middle] == pytest.approx(1.0)
    assert flat[middle - 5] == pytest.approx(flat[middle + 5], abs=1e-9)
    # Of a Gaussian the trace is one, too: exp(-(tau / width)^2) in delay at the middle frequency.
    delays = (np.arange(frog.SIZE) - middle) * frog.DELAY_PS
    assert flat[:, middle] == pytest.approx(np.exp(-((delays / 2.0) ** 2)), abs=1e-6)
    # A chirp leaves the intensity as it is and broadens the spectrum.
    assert (chirped[middle] > 0.5).sum() > 2 * (flat[middle] > 0.5).sum()


def test_pictures_have_all_shades():
    rng = np.random.default_rng(1)
    fields = pulse.fields(rng.random((1, 3)), np.array([2.0]), np.array([COMPRESSOR]))
    picture = frog.images(fields)
    assert picture.dtype == np.uint8
    assert picture.shape == (1, 1, 64, 64)
    assert picture.max() == 255
    assert len(np.unique(picture)) > 50
    assert (picture > 0).mean() > 0.01
