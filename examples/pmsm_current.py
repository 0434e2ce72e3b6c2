"""A synchronous machine: which controller makes its currents follow, and on which machine?

A drive is named by the signal of its set-points and a number. On the machine of the data sheet the
controllers that invert it are hard to beat; ``uncertain`` drives are not what their data sheets
say. With the extra ``drlapps[gem]`` gym-electric-motor's own environments are tasks, too::

    drlapps train examples/pmsm_current.py:GEM --agent ppo --steps 100000 --seeds 1 --out runs/gem
"""

from statistics import mean

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.motors import gem
from drlapps.control.pmsm_current.instances import named
from drlapps.errors import InputError
from drlapps.evaluate import evaluate

TASK = registry.get("control/pmsm-current")
METHODS = ("pi", "deadbeat", "mpc", "fcs-mpc")
GEM = gem.task("Cont-CC-PMSM-v0")


def contest(signal: str) -> None:
    drives = named([f"{signal}:0..1"], steps=400)
    who = [contestant(TASK, name) for name in METHODS]
    results = evaluate(TASK, who, drives)
    print(f"set-points: {signal}")
    for name in METHODS:
        own = [r for r in results if r.policy == name]
        error = mean(r.metrics["tracking_error"] for r in own)
        switched = mean(r.metrics["switching_khz"] for r in own)
        print(f"  {name:<9} error {100 * error:6.3f} % of the range, {switched:4.1f} kHz")


def peer() -> None:
    try:
        env = gem.make("Cont-CC-PMSM-v0")
    except InputError as missing:
        print(missing)
        return
    observation, _ = env.reset(seed=0)
    print(f"gym-electric-motor observes {len(observation)} numbers")


if __name__ == "__main__":
    for one in ("wiener", "uncertain"):
        contest(one)
    peer()
