"""How the agents of RIS-aided beamforming are trained."""

from dataclasses import replace

from drlapps.agents import Preset

_REFINEMENT: dict[str, object] = {"actions": "increments", "steps": 12}

_BELIEVED: dict[str, object] = {**_REFINEMENT, "reward": "believed"}
"""Errors of estimates come as noise on the last reward, which a critic cannot foresee."""

_SMALL: dict[str, object] = {"width": 32, "link_width": 16}
"""Of a width at which an update takes half the time that it takes by default."""

# What a decision gains shows at once: a short horizon takes little noise into the advantages. At
# first phases move by a random 0.4 radians; far less, and the first updates leap too far.
PPO = Preset(
    algorithm="ppo",
    steps=1_500_000,
    n_envs=256,
    hyperparameters={
        "n_steps": 12,
        "batch_size": 1024,
        "n_epochs": 4,
        "learning_rate": {"linear": [1.5e-3, 0.0]},
        "gamma": 0.9,
        "gae_lambda": 0.7,
        "ent_coef": 0.0,
    },
    policy="drlapps.comms.ris_beamforming.network:SurfacePolicy",
    policy_kwargs={**_SMALL, "log_std_init": -2.0},
    environment=_BELIEVED,
    instances={"family": "mixed"},
    validate_every=75_000,
)

SAC = Preset(
    algorithm="sac",
    steps=40_000,
    n_envs=32,
    hyperparameters={
        "buffer_size": 40_000,
        "learning_starts": 2_000,
        "batch_size": 256,
        "learning_rate": {"linear": [1.5e-3, 0.0]},
        "tau": 0.01,
        "train_freq": 1,
        "gradient_steps": 4,
        "gamma": 0.8,
        "ent_coef": 1e-4,
    },
    policy="drlapps.comms.ris_beamforming.network:SoftSurfacePolicy",
    policy_kwargs=_SMALL,
    environment=_BELIEVED,
    instances={"family": "mixed"},
    validate_every=4_000,
)

_JOINT: dict[str, object] = {"actions": "joint", "steps": 1, "start": "zero"}

# As published: 20 000 decisions on one channel in the units of that code, networks of 2 x 512, a
# batch of 16, as many updates as decisions. What a decision brings depends on nothing before, so
# that each may as well be an episode; the discount has no meaning then.
SAC_PAPER = Preset(
    algorithm="sac",
    steps=20_000,
    n_envs=1,
    hyperparameters={
        "buffer_size": 20_000,
        "learning_starts": 100,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "tau": 1e-3,
        "gamma": 1.0,
        "ent_coef": "auto_0.2",
    },
    policy_kwargs={"net_arch": [512, 512], "optimizer_kwargs": {"fused": True}},
    environment=_JOINT,
    instances={"pool_size": 1, "amplitude": "phase-dependent", "paper_model": True},
)

SAC_BETA_PAPER = replace(
    SAC_PAPER,
    policy="drlapps.comms.ris_beamforming.beta_exploration:BetaExplorationPolicy",
    policy_kwargs={**SAC_PAPER.policy_kwargs, "elements": 16, "decisions": SAC_PAPER.steps},
    instances={**SAC_PAPER.instances, "mismatch": True, "csi_error_variance": 0.01},
)

DDPG_PAPER = replace(
    SAC_PAPER,
    algorithm="ddpg",
    hyperparameters={
        "buffer_size": 20_000,
        "learning_starts": 100,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "tau": 1e-3,
        "gamma": 0.99,
        "action_noise": {"normal": 0.1},
    },
)

# Through the differentiable model (declared: not model-free). Truncated after four decisions,
# gradients carry further: what a phase gains shows at once.
APG = Preset(
    algorithm="apg",
    steps=1_600_000,
    n_envs=64,
    hyperparameters={"learning_rate": {"linear": [1e-3, 0.0]}, "n_steps": 4},
    policy="drlapps.comms.ris_beamforming.network:SurfacePolicy",
    policy_kwargs={**_SMALL, "log_std_init": -2.0},
    environment={**_REFINEMENT, "steps": 20},
    instances={"family": "mixed"},
    validate_every=80_000,
)

# Four decisions by a smaller network: less to gain, and a fifth of the time.
APG_FAST = replace(
    APG,
    steps=500_000,
    n_envs=128,
    policy_kwargs={"width": 16, "link_width": 8, "rounds": 1, "log_std_init": -2.0},
    environment={**_REFINEMENT, "steps": 4},
    validate_every=50_000,
)
