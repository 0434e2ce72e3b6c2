"""Importing this module registers every task's environment with Gymnasium.

``gymnasium.make("drlapps.envs:drlapps/JobShop-v0")`` imports it on its own.
"""

from drlapps.registry import register_gymnasium

register_gymnasium()
