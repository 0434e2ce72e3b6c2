"""CPU seconds of ``drlapps --help``, in a process of its own.

Beside it stand what the command line would cost if it imported Stable-Baselines3 at the top, and
what the interpreter costs that runs nothing.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

from benchmarks.measure import Row

BAR = 0.4
COMMANDS = {
    "drlapps --help": ("-m", "drlapps", "--help"),
    "import stable_baselines3": ("-c", "import stable_baselines3"),
    "bare Python": ("-c", "pass"),
}


def run(repeats: int) -> list[Row]:
    spent: dict[str, list[float]] = {who: [] for who in COMMANDS}
    for _ in range(repeats):
        for who, arguments in COMMANDS.items():
            spent[who].append(cpu_seconds(arguments))
    medians = {who: statistics.median(found) for who, found in spent.items()}
    own, *peers = COMMANDS
    case, unit = "start-up", "CPU s"
    rows = [Row("startup", case, own, medians[own], unit, None, BAR, medians[own] <= BAR)]
    for who in peers:
        rows.append(Row("startup", case, who, medians[who], unit, medians[who] / medians[own]))
    return rows


def cpu_seconds(arguments: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
