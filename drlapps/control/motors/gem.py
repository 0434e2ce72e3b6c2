"""gym-electric-motor's own environments as tasks: the extra ``gem``.

Sixty motors, control sets and tasks, from ``Cont-CC-PMSM-v0`` to ``Finite-SC-SeriesDc-v0``. They
show a pair (state, reference), which no algorithm takes; here it is one vector. They go on for ever
unless a limit is broken; here an episode is cut off after some steps. A file of one's own makes
tasks of them::

    from drlapps.control.motors import gem

    SERIES = gem.task("Cont-CC-SeriesDc-v0", steps=2000)

and ``drlapps train FILE.py:SERIES --agent ppo`` trains on it.

References:
    Balakrishna, P., Book, G., Kirchgaessner, W., Schenke, M., Traue, A., & Wallscheid, O. (2021).
    gym-electric-motor (GEM): A Python toolbox for the simulation of electric drive systems. Journal
    of Open Source Software, 6(58), 2498.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import gymnasium
from gymnasium.wrappers import FlattenObservation

from drlapps.errors import InputError
from drlapps.task import Metric, Task

NAMESPACE = "drlapps-gem"

_PACKAGE = "gym_electric_motor"


def task(env_id: str, steps: int = 1000) -> Task:
    """Return one of gym-electric-motor's environments as a task.

    Its metric is the sum of rewards; an instance is the seed of an episode.

    Args:
        env_id: as gym-electric-motor calls it.
        steps: after which an episode is cut off.

    Raises:
        InputError: ``steps`` is not a whole number above 0.
    """
    registered = register(env_id, steps)
    pools = {name: f"drlapps.foreign:{name}" for name in ("train", "validation", "test")}
    return Task(
        id=f"gem/{env_id.lower()}",
        env_id=registered,
        summary=f"gym-electric-motor's {env_id}",
        environment=f"gymnasium:{registered}",
        metric=Metric("return", unit="", minimize=False),
        pools=pools,
        references=("Balakrishna et al. 2021, gym-electric-motor (GEM), JOSS 6(58)",),
    )


def register(env_id: str, steps: int = 1000) -> str:
    """Register one of gym-electric-motor's environments, flat and with an end.

    The package itself is needed only when the environment is made.

    Args:
        env_id: as gym-electric-motor calls it.
        steps: after which an episode is cut off.

    Returns:
        The name for ``gymnasium.make``.

    Raises:
        InputError: ``steps`` is not a whole number above 0.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise InputError(f"steps must be a whole number above 0, not {steps!r}")
    name = f"{NAMESPACE}/{env_id}"
    gymnasium.registry.pop(name, None)
    gymnasium.register(name, entry_point=partial(make, env_id), max_episode_steps=steps)
    return name


def make(env_id: str, **settings: Any) -> gymnasium.Env[Any, Any]:
    """Return one of gym-electric-motor's environments with its observations in one vector.

    Args:
        env_id: as gym-electric-motor calls it.
        settings: of the environment.

    Raises:
        InputError: the package is not installed, or has no such environment.
    """
    try:
        importlib.import_module(_PACKAGE)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{env_id} needs gym-electric-motor; install it with: pip install 'drlapps[gem]'"
        ) from error
    try:
        env = gymnasium.make(env_id, disable_env_checker=True, **settings)
    except gymnasium.error.Error as error:
        raise InputError(f"gym-electric-motor has no {env_id!r}: {error}") from error
    return FlattenObservation(env.unwrapped)
