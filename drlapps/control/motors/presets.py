"""What the agents of all drives have in common in their training."""

from dataclasses import replace

from drlapps.agents import Preset

_REPLAY: dict[str, object] = {
    "buffer_size": 200_000,
    "learning_starts": 4_000,
    "batch_size": 256,
    "learning_rate": {"linear": [1e-3, 0.0]},
    "train_freq": 1,
    "gradient_steps": 4,
}

SAC = Preset(
    algorithm="sac",
    steps=200_000,
    n_envs=32,
    hyperparameters={**_REPLAY, "gamma": 0.9, "ent_coef": 0.0005},
    policy_kwargs={"net_arch": [64, 64]},
    validate_every=20_000,
)


def deterministic(algorithm: str, gamma: float) -> Preset:
    """Return how TD3 or DDPG learns.

    Args:
        algorithm: its name.
        gamma: discount.
    """
    hyperparameters = {**_REPLAY, "gamma": gamma, "action_noise": {"normal": 0.1}}
    return replace(SAC, algorithm=algorithm, hyperparameters=hyperparameters)


def dqn(gamma: float, environment: dict[str, object]) -> Preset:
    """Return how DQN learns to choose switching states.

    Args:
        gamma: discount.
        environment: what makes the actions switching states.
    """
    return Preset(
        algorithm="dqn",
        steps=1_000_000,
        n_envs=64,
        hyperparameters={
            **_REPLAY,
            "learning_starts": 5_000,
            "gamma": gamma,
            "target_update_interval": 512,
            "exploration_fraction": 0.2,
            "exploration_final_eps": 0.02,
        },
        policy_kwargs={"net_arch": [64, 64]},
        environment=environment,
        validate_every=100_000,
    )
