"""Three ways to excite a motor, one task: current control, then the speed of a motor of one's own.

The same from the shell, with the motor in a file ``mine.toml``::

    drlapps compare control/dc-motor --set motor=shunt --set control=speed
    drlapps evaluate control/dc-motor --policy pi,deadbeat --instances mine.toml:0..9
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.instances import named
from drlapps.control.dc_motor.motor import KINDS
from drlapps.evaluate import evaluate

TASK = registry.get("control/dc-motor")
MINE = """
signal = "steps"
control = "speed"

[motor]
kind = "permanently-excited"
voltage = 48
magnet_flux = 0.12
armature_inductance = 60e-6

[load]
viscous = 0.02

[conditions]
load_torque = 2.0
resistance_scale = 1.3      # the windings are warm: the controllers do not know
"""


def contest(title: str, methods: Sequence[str], drives: Sequence[Drive]) -> None:
    results = evaluate(TASK, [contestant(TASK, name) for name in methods], drives)
    print(title)
    for name in methods:
        own = [result for result in results if result.policy == name]
        error = mean(result.metrics["tracking_error"] for result in own)
        switching = mean(result.metrics["switching_khz"] for result in own)
        print(f"  {name:<9} error {error:7.3%} of the range, legs switch at {switching:4.1f} kHz")


if __name__ == "__main__":
    for kind in KINDS:
        drives = named(["wiener:0..3", "steps:0..3"], motor=kind, steps=300)
        contest(f"current of a {kind} motor", ("pi", "deadbeat", "fcs-mpc"), drives)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "mine.toml"
        file.write_text(MINE)
        contest("speed of my motor", ("pi", "deadbeat", "mpc"), named([f"{file}:0..2"], steps=900))
