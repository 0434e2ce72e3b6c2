"""Declarations of the tasks about processes of chemical engineering."""

from drlapps.task import Baseline, Information, Metric, Task

_PROCESS = "drlapps.control.process"
_LINEAR = {
    "lqr": Baseline(
        f"{_PROCESS}.baselines:Lqr",
        "Linear-quadratic regulator around the best steady state within the limits",
        information=Information.MODEL,
    ),
    "mpc": Baseline(
        f"{_PROCESS}.mpc:Mpc",
        "Linear model predictive control by OSQP, 16 steps ahead unless told otherwise",
        information=Information.MODEL,
        options={"terminal": "riccati", "fallback": "soften", "margin": 1e-3, "tolerance": 1e-5},
    ),
}
"""What every linear plant is compared with."""

_TANK = "drlapps.control.quadruple_tank"

QUADRUPLE_TANK = Task(
    id="control/quadruple-tank",
    env_id="drlapps/QuadrupleTank-v0",
    summary="Quadruple tank: bring coupled tanks to wanted levels without overflow",
    environment=f"{_TANK}.environment:QuadrupleTankEnv",
    metric=Metric("cost_per_step", unit="cm^2", minimize=True),
    instances=f"{_TANK}.instances:named",
    pools={name: f"{_TANK}.instances:{name}" for name in ("train", "validation", "test", "toy")},
    baselines={
        **_LINEAR,
        "zero": Baseline(f"{_PROCESS}.baselines:Idle", "Pumps off", compared=False),
        "random": Baseline("drlapps.policy:Random", "Any voltages, evenly", compared=False),
    },
    agents={
        "qp": f"{_TANK}.presets:QP",
        "mlp": f"{_TANK}.presets:MLP",
        "qp-ppo": f"{_TANK}.presets:QP_PPO",
        "ppo": f"{_TANK}.presets:PPO",
    },
    pretrained="qp",
    checker=f"{_PROCESS}.checker:check",
    views=f"{_PROCESS}.views",
    references=(
        "Johansson 2000, The quadruple-tank process: a multivariable laboratory process with an "
        "adjustable zero, IEEE Transactions on Control Systems Technology 8(3)",
        "Lu et al. 2024, MPC-inspired reinforcement learning for verifiable model-free control, "
        "arXiv:2312.05332",
    ),
)

_MASS = "drlapps.control.double_integrator"

DOUBLE_INTEGRATOR = Task(
    id="control/double-integrator",
    env_id="drlapps/DoubleIntegrator-v0",
    summary="Double integrator: bring a mass to rest within limits of position, speed and force",
    environment=f"{_MASS}.environment:DoubleIntegratorEnv",
    metric=Metric("cost_per_step", unit="squared units", minimize=True),
    instances=f"{_MASS}.instances:named",
    pools={name: f"{_MASS}.instances:{name}" for name in ("train", "validation", "test", "toy")},
    baselines={
        **_LINEAR,
        "zero": Baseline(f"{_PROCESS}.baselines:Idle", "No force", compared=False),
        "random": Baseline("drlapps.policy:Random", "Any force, evenly", compared=False),
    },
    agents={
        "qp": f"{_MASS}.presets:QP",
        "ppo": f"{_MASS}.presets:PPO",
    },
    pretrained="qp",
    checker=f"{_PROCESS}.checker:check",
    views=f"{_PROCESS}.views",
    references=(
        "Lu et al. 2024, MPC-inspired reinforcement learning for verifiable model-free control, "
        "arXiv:2312.05332",
    ),
)

_CSTR = "drlapps.control.cstr"

CSTR = Task(
    id="control/cstr",
    env_id="drlapps/Cstr-v0",
    summary="Stirred tank reactor: make the concentration follow its setpoints",
    environment=f"{_CSTR}.environment:CstrEnv",
    metric=Metric("cost", unit="10^-3 (mol/L)^2", minimize=True),
    instances=f"{_CSTR}.instances:named",
    pools={name: f"{_CSTR}.instances:{name}" for name in ("train", "validation", "test", "toy")},
    baselines={
        "nmpc": Baseline(
            f"{_CSTR}.nmpc:Nmpc",
            "Nonlinear model predictive control by bounded Gauss-Newton steps, 5 steps ahead",
            information=Information.MODEL,
        ),
        "lqr": Baseline(
            f"{_CSTR}.baselines:Lqr",
            "Linear-quadratic regulator, linearised anew at every setpoint",
            information=Information.MODEL,
            options={"effort": 1e-3},
        ),
        "pid": Baseline(
            f"{_CSTR}.baselines:Pid",
            "PID from the jacket's rest at the setpoint, tuned on the validation pool",
            information=Information.MODEL,
            options={"gain": -175.0, "integral": -2.0, "derivative": -150.0},
        ),
        "random": Baseline(
            "drlapps.policy:Random", "Any temperature of the jacket, evenly", compared=False
        ),
    },
    agents={"apg": f"{_CSTR}.presets:APG", "ppo": f"{_CSTR}.presets:PPO"},
    pretrained="apg",
    checker=f"{_CSTR}.checker:check",
    views=f"{_CSTR}.views",
    published=(
        {
            "method": "PC-Gym oracle (do-mpc)",
            "value": "7.18",
            "unit": "10^-3 (mol/L)^2, episode published",
            "source": "pcgym 0.1.8 run with numpy 2.2",
        },
    ),
    references=(
        "Bloor et al. 2025, PC-Gym: benchmark environments for process control problems, Computers "
        "& Chemical Engineering 204",
    ),
)

PROCESSES = (QUADRUPLE_TANK, DOUBLE_INTEGRATOR, CSTR)
