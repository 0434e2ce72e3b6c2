"""A laser one does not know, twenty pulses to set its stretcher: who makes the highest one?

``phase-conjugation`` trusts the data sheet of the compressor, the simplex method asks the laser
itself, and the clairvoyant ``optimum`` shows what there was to be had.
"""

from statistics import mean

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.laser_pulse.instances import named
from drlapps.evaluate import evaluate

TASK = registry.get("control/laser-pulse")
METHODS = ("phase-conjugation", "nelder-mead", "cma-es", "optimum")


def published() -> None:
    print("the published laser, its compressor undone exactly")
    for b_integral in (0.0, 1.0, 2.0, 3.0):
        lasers = named(["l1"], b_integral=b_integral)
        (result,) = evaluate(TASK, [contestant(TASK, "phase-conjugation")], lasers)
        share, width = result.metrics["intensity_share"], result.metrics["fwhm_ps"]
        print(f"  B = {b_integral:g}: {share:6.1%} of the transform limit, {width:.2f} ps")


def unknown() -> None:
    lasers = named(["family:0..1"])
    results = evaluate(TASK, [contestant(TASK, name) for name in METHODS], lasers)
    print("lasers of which neither B nor the compressor is known, 20 steps")
    for name in METHODS:
        own = [r for r in results if r.policy == name]
        shares = mean(r.metrics["intensity_share"] / r.reference for r in own)
        unsafe = mean(r.metrics["unsafe_steps"] for r in own)
        print(f"  {name:<18} {shares:6.1%} of the best, {unsafe:.1f} pulses above 20 ps")


if __name__ == "__main__":
    published()
    unknown()
