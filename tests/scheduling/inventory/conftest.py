"""An environment for the tests of what all inventory tasks share: its actions are orders."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.scheduling.inventory.environment import InventoryEnv


class OrdersEnv(InventoryEnv):
    """Any networks; an action is what to order on each arc."""

    def __init__(self, num_envs, pool, *, autoreset_mode=AutoresetMode.SAME_STEP):
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        self._set_spaces(
            gymnasium.spaces.Box(-np.inf, np.inf, self.on_hand.shape[1:], np.float32),
            gymnasium.spaces.Box(-np.inf, np.inf, self.owed.shape[1:], np.float64),
        )

    def _orders(self, actions):
        return np.array(actions, np.float64)

    def _observe(self):
        return self.on_hand.astype(np.float32)


def play(scenario, orders):
    """Return an environment whose one row has met the orders, (periods, arcs), and its costs."""
    env = OrdersEnv(1, [scenario], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [scenario]})
    rewards = [env.step(order[None])[1][0] for order in np.asarray(orders, np.float64)]
    return env, -np.array(rewards) * env.scale[0]


@pytest.fixture(scope="session", name="play")
def _play():
    return play


@pytest.fixture(scope="session", name="OrdersEnv")
def _orders_env():
    return OrdersEnv
