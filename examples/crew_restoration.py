"""A storm has damaged seven lines, two crews can repair them: which line next?

Damage of one's own is a feeder, the branches that are broken, and the hours that each repair takes.
"""

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.grid import cases
from drlapps.evaluate import evaluate

TASK = registry.get("energy/crew-restoration")
METHODS = ("shortest-repair", "rho-factor", "conversion", "time-indexed", "pretrained")

FEEDER = cases.critical(cases.load("ieee33"))
HOURS = {"3": 2.0, "6": 3.5, "9": 1.0, "14": 4.0, "20": 1.5, "24": 3.0, "30": 2.5}


def dispatch(crews: int, switching: bool) -> None:
    storm = Damage(
        name=f"{crews} crews{', ties may be closed' if switching else ''}",
        feeder=FEEDER,
        lines=tuple(FEEDER.branch_index[name] for name in HOURS),
        hours=tuple(HOURS.values()),
        crews=crews,
        switching=switching,
    )
    who = [contestant(TASK, name, {"time_limit": 10}) for name in METHODS]
    print(storm.name)
    for result in evaluate(TASK, who, [storm]):
        if result.run_seed in (None, 0):
            print(f"  {result.policy:<16} {result.value:9.0f} weighted kWh ({result.status})")


if __name__ == "__main__":
    dispatch(2, switching=False)
    dispatch(3, switching=True)
