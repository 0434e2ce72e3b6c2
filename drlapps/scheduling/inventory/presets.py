"""What the presets of the inventory agents share."""

from collections.abc import Mapping

VALUES: Mapping[str, object] = {
    "learning_rate": {"linear": [1e-3, 0.0]},
    "buffer_size": 200_000,
    "learning_starts": 5_000,
    "batch_size": 256,
    "train_freq": 1,
    "gradient_steps": 8,
    "target_update_interval": 512,
    "exploration_fraction": 0.3,
    "exploration_final_eps": 0.05,
    "gamma": 0.9,
}
"""Hyper-parameters of agents that learn the values of actions on one small problem."""
