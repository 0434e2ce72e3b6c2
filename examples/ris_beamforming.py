"""Four users behind a reflecting surface: closed forms, an optimiser and the trained agent.

Channel 7 of a setting is the same one at every power. Then channels of one's own, from a file with
the arrays ``bs_ris`` (elements x antennas), ``ris_user`` (elements x users) and ``direct`` (users x
antennas), each with an axis of channels in front.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import numpy as np

from drlapps import registry
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.instances import named
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate

TASK = registry.get("comms/ris-beamforming")
METHODS = ("mrt", "zf-random", "zf-lbfgs", "pretrained")


def contest(title: str, channels: Sequence[Channel]) -> None:
    results = evaluate(TASK, [contestant(TASK, name) for name in METHODS], channels)
    print(f"{title}: at most {mean(channel.bound for channel in channels):.1f} bit/s/Hz")
    for name in METHODS:
        own = [r for r in results if r.policy == name]
        rate = mean(r.value or 0.0 for r in own)
        milliseconds = 1e3 * mean(r.plan_seconds + r.act_seconds for r in own)
        print(f"  {name:<12} {rate:6.2f} bit/s/Hz in {milliseconds:7.3f} ms a channel")


def scattered(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2.0)


def own_channels(path: Path) -> None:
    """Write eight channels of 6 antennas, 24 elements and 3 users, whose direct path is weak."""
    rng = np.random.default_rng(0)
    np.savez(
        path,
        bs_ris=scattered(rng, 8, 24, 6),
        ris_user=scattered(rng, 8, 24, 3),
        direct=0.3 * scattered(rng, 8, 3, 6),
    )


if __name__ == "__main__":
    for power in (5, 30):
        contest(f"{power} dBm", named([f"4x16x4-{power}dbm-ideal:1..10"]))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "mine.npz"
        own_channels(file)
        practical = {"power_dbm": 10.0, "amplitude": "phase-dependent", "beta_min": 0.3}
        contest("channels from a file", named([str(file)], **practical))
