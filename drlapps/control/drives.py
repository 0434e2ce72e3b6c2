"""Declarations of the tasks about electric drives."""

from drlapps.task import Baseline, Information, Metric, Task

_ZERO = "drlapps.control.motors.baselines:Zero"
_PMSM = "drlapps.control.pmsm_current"

PMSM_CURRENT = Task(
    id="control/pmsm-current",
    env_id="drlapps/PmsmCurrent-v0",
    summary="Synchronous machine: voltages that make its currents follow their set-points",
    environment=f"{_PMSM}.environment:PmsmCurrentEnv",
    metric=Metric("tracking_error", unit="share of the current's range", minimize=True),
    instances=f"{_PMSM}.instances:named",
    pools={
        "train": f"{_PMSM}.instances:train",
        "validation": f"{_PMSM}.instances:validation",
        "test": f"{_PMSM}.instances:test",
        "toy": f"{_PMSM}.instances:toy",
    },
    baselines={
        "pi": Baseline(
            f"{_PMSM}.baselines:PiControl",
            "PI controllers with decoupling and anti-windup, tuned by Kessler's optima",
            information=Information.MODEL,
        ),
        "deadbeat": Baseline(
            f"{_PMSM}.baselines:Deadbeat",
            "The voltage that reaches the set-points in one period, after the delay",
            information=Information.MODEL,
        ),
        "mpc": Baseline(
            f"{_PMSM}.predictive:LinearMpc",
            "Linear MPC with the inverter's hexagon as constraint, by OSQP",
            information=Information.MODEL,
        ),
        "fcs-mpc": Baseline(
            f"{_PMSM}.predictive:FcsMpc",
            "Finite-control-set MPC: the best sequence of switching states, no modulator",
            information=Information.MODEL,
        ),
        "random": Baseline("drlapps.policy:Random", "Any voltage, evenly", compared=False),
        "zero": Baseline(_ZERO, "No voltage", compared=False),
    },
    agents={
        "apg": f"{_PMSM}.presets:APG",
        "ppo": f"{_PMSM}.presets:PPO",
        "sac": f"{_PMSM}.presets:SAC",
        "td3": f"{_PMSM}.presets:TD3",
        "dqn": f"{_PMSM}.presets:DQN",
    },
    pretrained="apg",
    checker=f"{_PMSM}.checker:check",
    views=f"{_PMSM}.views",
    references=(
        "Balakrishna et al. 2021, gym-electric-motor (GEM): A Python toolbox for the simulation of "
        "electric drive systems, Journal of Open Source Software 6(58)",
        "Traue et al. 2022, Towards a reinforcement learning environment toolbox for intelligent "
        "electric motor control, IEEE Transactions on Neural Networks and Learning Systems 33(3), "
        "arXiv:1910.09434",
        "Rodriguez et al. 2007, Predictive current control of a voltage source inverter, IEEE "
        "Transactions on Industrial Electronics 54(1)",
    ),
)

_DC = "drlapps.control.dc_motor"

DC_MOTOR = Task(
    id="control/dc-motor",
    env_id="drlapps/DcMotor-v0",
    summary="DC motor, series, shunt or permanently excited: voltages for its current or speed",
    environment=f"{_DC}.environment:DcMotorEnv",
    metric=Metric("tracking_error", unit="share of the range", minimize=True),
    instances=f"{_DC}.instances:named",
    pools={
        "train": f"{_DC}.instances:train",
        "validation": f"{_DC}.instances:validation",
        "test": f"{_DC}.instances:test",
        "toy": f"{_DC}.instances:toy",
    },
    baselines={
        "pi": Baseline(
            f"{_DC}.baselines:PiControl",
            "PI controllers in cascade with feed-forward and anti-windup, tuned by Kessler",
            information=Information.MODEL,
        ),
        "deadbeat": Baseline(
            f"{_DC}.baselines:Deadbeat",
            "The voltage that reaches the wanted current in one period, after the delay",
            information=Information.MODEL,
        ),
        "mpc": Baseline(
            f"{_DC}.predictive:LinearMpc",
            "Linear MPC of the motor at its working point within its limits, by OSQP",
            information=Information.MODEL,
        ),
        "fcs-mpc": Baseline(
            f"{_DC}.predictive:FcsMpc",
            "Finite-control-set MPC: the best sequence of switching states, no modulator",
            information=Information.MODEL,
        ),
        "random": Baseline("drlapps.policy:Random", "Any voltage, evenly", compared=False),
        "zero": Baseline(_ZERO, "No voltage", compared=False),
    },
    agents={
        "apg": f"{_DC}.presets:APG",
        "ppo": f"{_DC}.presets:PPO",
        "ddpg": f"{_DC}.presets:DDPG",
        "td3": f"{_DC}.presets:TD3",
        "sac": f"{_DC}.presets:SAC",
        "dqn": f"{_DC}.presets:DQN",
    },
    pretrained="apg",
    checker=f"{_DC}.checker:check",
    views=f"{_DC}.views",
    references=(
        "Traue et al. 2022, Towards a reinforcement learning environment toolbox for intelligent "
        "electric motor control, IEEE Transactions on Neural Networks and Learning Systems 33(3), "
        "arXiv:1910.09434",
        "Balakrishna et al. 2021, gym-electric-motor (GEM): A Python toolbox for the simulation of "
        "electric drive systems, Journal of Open Source Software 6(58)",
    ),
)

DRIVES = (PMSM_CURRENT, DC_MOTOR)
