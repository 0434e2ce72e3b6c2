"""A stirred tank reactor under PID, a scheduled regulator and nonlinear predictive control.

Controllers know the nominal reactor. Where the reaction is faster than they think, what they know
is wrong.
"""

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.cstr.instances import named
from drlapps.evaluate import evaluate

TASK = registry.get("control/cstr")


def contest(rate_scale: float) -> None:
    episodes = named(["published"], rate_scale=rate_scale)
    print(f"reaction {rate_scale:g} times as fast as believed")
    for name in ("pid", "lqr", "nmpc"):
        (result,) = evaluate(TASK, [contestant(TASK, name)], episodes)
        print(f"  {name:<4} {result.value:7.3f}  10^-3 (mol/L)^2")


if __name__ == "__main__":
    for scale in (1.0, 1.05):
        contest(scale)
