"""A task of one's own in one file: which orders to load onto a truck as they come in.

Twenty orders arrive one after the other, each with a weight and a profit; each must be taken or
declined at once, and the truck holds only so much. This file is all that the toolkit needs::

    drlapps show examples/own_task.py:TASK
    drlapps train examples/own_task.py:TASK --seeds 3 --out runs/truck
    drlapps compare examples/own_task.py:TASK --agents runs/truck

A string such as ``":Truck"`` means that name in this file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.agents import Preset
from drlapps.policy import Plan, Policy, Solver
from drlapps.task import Baseline, Information, Metric, Task
from drlapps.vector import Array, Pool, VectorEnvironment

CAPACITY, ORDERS, HEAVIEST, DEAREST = 100, 20, 30, 50


@dataclass(frozen=True, eq=False)
class Day:
    """One instance: the orders of a day, ``weights`` (kg) and ``profits`` (EUR), in order."""

    name: str
    weights: NDArray[np.int64]
    profits: NDArray[np.int64]

    @classmethod
    def draw(cls, name: str, rng: np.random.Generator) -> Day:
        """Draw a day at random."""
        draws = rng.integers(1, [[HEAVIEST + 1], [DEAREST + 1]], (2, ORDERS))
        return cls(name, *draws)

    @cached_property
    def hash(self) -> str:
        """Digest of the content, by which the toolkit keeps pools apart."""
        return hashlib.sha256(np.stack([self.weights, self.profits]).tobytes()).hexdigest()

    @cached_property
    def best(self) -> tuple[float, list[int]]:
        """The most profit that hindsight allows and what to do for it: the 0-1 knapsack."""
        value = np.zeros((ORDERS + 1, CAPACITY + 1), np.int64)
        for i in reversed(range(ORDERS)):
            weight, profit = self.weights[i], self.profits[i]
            value[i] = value[i + 1]
            value[i, weight:] = np.maximum(value[i, weight:], value[i + 1, :-weight] + profit)
        room, actions = CAPACITY, []
        for i in range(ORDERS):
            actions.append(int(value[i, room] > value[i + 1, room]))
            room -= self.weights[i] * actions[-1]
        return float(value[0, CAPACITY]), actions

    @property
    def reference(self) -> float:
        """What gaps are measured against."""
        return self.best[0]

    bound = reference


class Days:
    """The train pool: days without end."""

    def sample(self, rng: np.random.Generator) -> Day:
        """Draw a day."""
        return Day.draw("random day", rng)

    def largest(self) -> Day:
        """Return a day that no other exceeds in size; all are equal here."""
        return Day.draw("any day", np.random.default_rng(0))


def validation() -> tuple[Day, ...]:
    """Return the days on which the best checkpoint of a training run is chosen."""
    return tuple(Day.draw(f"validation-{i}", np.random.default_rng([1, i])) for i in range(50))


def test() -> tuple[Day, ...]:
    """Return the days on which policies are compared."""
    return tuple(Day.draw(f"day-{i}", np.random.default_rng([2, i])) for i in range(50))


class Truck(VectorEnvironment):
    """Take or decline orders.

    ## Description
    Each step shows one order; a taken order fills the truck by its weight and earns its profit.

    ## Observation Space
    ``Box(0, 1, (4,), float32)``: weight, profit, room and orders to come, as shares of the most.

    ## Action Space
    ``Discrete(2)``: 0 declines, 1 takes. An order that does not fit is declined whatever is said.

    ## Rewards
    The profit of a taken order, divided by the highest possible one.

    ## Starting State
    The truck is empty. The day is drawn from the pool; nothing else is random.

    ## Episode End
    Terminated after the last order.

    ## Arguments
    None of its own.

    ## Metrics
    ``profit`` in EUR; ``feasible``, 1 if the load is within the capacity, which it always is.

    ## References
    Kleywegt & Papastavrou 1998, "The dynamic and stochastic knapsack problem", Operations Research
    46(1).

    ## Version History
    v0: first version.
    """

    STATE: ClassVar[tuple[str, ...]] = ("weights", "profits", "time", "taken")

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        self.weights = np.zeros((num_envs, ORDERS), np.int64)
        self.profits = np.zeros((num_envs, ORDERS), np.int64)
        self.taken = np.zeros((num_envs, ORDERS), np.bool_)
        self.time = np.zeros(num_envs, np.int64)
        self._rows = np.arange(num_envs)
        self._set_spaces(
            gymnasium.spaces.Box(0.0, 1.0, (4,), np.float32), gymnasium.spaces.Discrete(2)
        )

    @property
    def room(self) -> NDArray[np.int64]:
        """Capacity left, kg, shape ``(num_envs,)``."""
        load: NDArray[np.int64] = (self.weights * self.taken).sum(axis=1)
        return CAPACITY - load

    def order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return weight and profit of each row's order; the last one again after the end."""
        now = np.minimum(self.time, ORDERS - 1)
        return self.weights[self._rows, now], self.profits[self._rows, now]

    def _load(self, row: int, instance: Day, rng: np.random.Generator) -> None:
        self.weights[row], self.profits[row] = instance.weights, instance.profits
        self.taken[row], self.time[row] = False, 0

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        weight, profit = self.order()
        take = active & (actions == 1) & (weight <= self.room)
        self.taken[self._rows[take], self.time[take]] = True
        self.time += active
        over = self.time == ORDERS
        return profit * take / DEAREST, over, np.zeros_like(over)

    def _observe(self) -> Array:
        weight, profit = self.order()
        columns = weight / HEAVIEST, profit / DEAREST, self.room / CAPACITY, 1 - self.time / ORDERS
        return np.stack(columns, axis=1).astype(np.float32)

    def metrics(self, row: int) -> dict[str, float]:
        """Return ``profit`` and ``feasible``."""
        profit = float(self.profits[row] @ self.taken[row])
        return {"profit": profit, "feasible": float(self.room[row] >= 0)}

    def solution(self, row: int) -> dict[str, Any]:
        """Return ``{"taken": [numbers of the orders]}``."""
        return {"taken": np.flatnonzero(self.taken[row]).tolist()}


def check(instance: Day, solution: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the metrics from nothing but the solution."""
    load = sum(int(instance.weights[i]) for i in solution["taken"])
    profit = sum(int(instance.profits[i]) for i in solution["taken"])
    return {"profit": float(profit), "feasible": float(load <= CAPACITY)}


class Worthwhile(Policy):
    """Takes what earns enough.

    Args:
        least: EUR per kg from which on an order is taken; 0 takes whatever fits.
    """

    def __init__(self, least: float = 0.0) -> None:
        self.least = least

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return 1 where the order earns enough."""
        weight, profit = observations[:, 0] * HEAVIEST, observations[:, 1] * DEAREST
        return (profit >= self.least * weight).astype(np.int64)


class Expecting(Policy):
    """Takes what earns more than its room is expected to: exact, but for not knowing the day.

    With ``V_t(r)`` the most profit to be expected from order ``t`` on with room ``r``,
    ``V_t(r) = E max(V_t+1(r), profit + V_t+1(r - weight))``.
    """

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Compute what each kg of room is worth before each order, shape (order, weight, room)."""
        profits = np.arange(1, DEAREST + 1)
        worth = np.zeros(CAPACITY + 1)
        self.price = np.full((ORDERS, HEAVIEST + 1, CAPACITY + 1), np.inf)
        for t in reversed(range(ORDERS)):
            for weight in range(1, HEAVIEST + 1):
                self.price[t, weight, weight:] = worth[weight:] - worth[:-weight]
            margins = profits - self.price[t, 1:, :, None]
            worth = worth + np.maximum(margins, 0.0).mean(axis=(0, 2))

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return 1 where the profit covers the price of the room."""
        truck = cast(Truck, env)
        weight, profit = truck.order()
        price = self.price[np.minimum(truck.time, ORDERS - 1), weight, truck.room]
        return (profit >= price).astype(np.int64)


class Hindsight(Solver):
    """Knows the whole day beforehand."""

    def solve(self, instance: Day, seed: int) -> Plan:
        """Return the best plan."""
        value, actions = instance.best
        return Plan(status="optimal", bound=value, actions=np.array(actions))


PPO = Preset(
    "ppo",
    steps=200_000,
    n_envs=64,
    hyperparameters={"n_steps": 40, "batch_size": 512, "n_epochs": 8, "learning_rate": 1e-3},
    validate_every=20_000,
)

TASK = Task(
    id="logistics/truck",
    env_id="logistics/Truck-v0",
    summary="Truck: take or decline orders as they come",
    environment=":Truck",
    metric=Metric("profit", unit="EUR", minimize=False, reference="best profit in hindsight"),
    pools={"train": ":Days", "validation": ":validation", "test": ":test"},
    baselines={
        "first-come": Baseline(":Worthwhile", "Takes whatever fits"),
        "worthwhile": Baseline(
            ":Worthwhile", "Takes what earns at least 1.5 EUR per kg", options={"least": 1.5}
        ),
        "expecting": Baseline(
            ":Expecting",
            "Takes what earns more than its room is expected to, by dynamic programming",
            information=Information.MODEL,
        ),
        "hindsight": Baseline(
            ":Hindsight", "The 0-1 knapsack", information=Information.CLAIRVOYANT
        ),
    },
    agents={"ppo": ":PPO"},
    checker=":check",
    references=('Kleywegt & Papastavrou 1998, "The dynamic and stochastic knapsack problem"',),
)


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    from drlapps.cli import app

    with TemporaryDirectory() as runs:
        task = f"{__file__}:TASK"
        for line in (
            f"train {task} --seeds 3 --steps 30000 --out {runs} --executor serial --quiet",
            f"compare {task} --agents {runs} --quiet",
        ):
            app(line.split(), standalone_mode=False)
