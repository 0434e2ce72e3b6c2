"""Lasers of one's own, from TOML files.

An example, with all there can be::

    b_integral = 2.2          # rad; the only entry that must be there
    gdd = 2.61e-22            # what the compressor takes away, s^2; that of l1 if left out
    tod = -2.4e-36            # s^3
    fod = 9.5e-50             # s^4
    start = [0.5, 0.5, 0.5]   # settings of the stretcher at the start; the phase conjugate of l1
    noise = 0.02              # of measurements, as a share of them; 0 if left out
    shift = "drift"           # or "jump"; the B-integral stays as it is if left out
    shift_to = 2.8            # where it ends
"""

from __future__ import annotations

from pathlib import Path

from drlapps.control.laser_pulse.laser import Laser, conjugate
from drlapps.errors import InputError, unknown
from drlapps.files import read_toml

SUFFIX = ".toml"

_ENTRIES = ("b_integral", "gdd", "tod", "fod", "start", "noise", "shift", "shift_to")


def read(path: Path, number: int = 0) -> Laser:
    """Read a laser.

    Args:
        path: the file.
        number: of the luck of its measurements.

    Raises:
        InputError: one sentence that names the file, the entry and what is wrong with it.
    """
    table = read_toml(path)
    try:
        for key in table:
            if key not in _ENTRIES:
                raise unknown("entry", key, _ENTRIES)
        if "b_integral" not in table:
            raise InputError("there is no b_integral")
        if table.get("shift", "none") != "none" and "shift_to" not in table:
            raise InputError("there is a shift, but no shift_to")
        start = table.pop("start", conjugate())
        if not isinstance(start, list | tuple):
            raise InputError(f"start must be a list of three settings, not {start!r}")
        return Laser(f"{path.stem}:{number}", **table, start=tuple(start), seed=number)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault
