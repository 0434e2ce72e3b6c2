"""Control of drives and processes."""

from drlapps.control.drives import DRIVES
from drlapps.control.processes import PROCESSES
from drlapps.task import Baseline, Information, Metric, Task

_FISHERY = "drlapps.control.fishery"


def _harvest(name: str, summary: str, **options: object) -> Baseline:
    return Baseline(f"{_FISHERY}.baselines:{name}", summary, Information.MODEL, options=options)


FISHERY = Task(
    id="control/fishery",
    env_id="drlapps/Fishery-v0",
    summary="Fishery: catch several species for 200 years without losing any",
    environment=f"{_FISHERY}.environment:FisheryEnv",
    metric=Metric("mean_return", unit="value of catches", minimize=False),
    instances=f"{_FISHERY}.instances:named",
    pools={
        **{name: f"{_FISHERY}.instances:{name}" for name in ("train", "validation", "test")},
        **{f"model-{number}": f"{_FISHERY}.instances:model_{number}" for number in (1, 2, 4)},
        "toy": f"{_FISHERY}.instances:toy",
    },
    baselines={
        "harvest-rule": _harvest(
            "HarvestRule",
            "Share caught: a logistic function of all stocks, tuned to the model by CMA-ES",
        ),
        "constant-mortality": _harvest(
            "ConstantMortality", "The same share of a species every year, tuned to the model"
        ),
        "constant-escapement": _harvest(
            "ConstantEscapement",
            "What a stock has above a level, the same every year, tuned to the model",
        ),
        "dynamic-programming": _harvest(
            "DynamicProgramming",
            "Exact for one species; for two or three on a coarse grid, no optimum; knows the year",
            points=0,
        ),
        "random": Baseline("drlapps.policy:Random", "Any action, equally likely"),
        "no-harvest": Baseline(f"{_FISHERY}.baselines:NoHarvest", "Nothing"),
    },
    agents={
        "ppo": f"{_FISHERY}.presets:PPO",
        "sac": f"{_FISHERY}.presets:SAC",
        "td3": f"{_FISHERY}.presets:TD3",
    },
    pretrained="ppo",
    checker=f"{_FISHERY}.checker:check",
    views=f"{_FISHERY}.views",
    published=tuple(
        {
            "method": f"{method}, {model}",
            "value": value,
            "unit": "mean return",
            "source": "Montealegre-Mora et al. 2023",
        }
        for method, model, value in (
            ("constant mortality", "model-3", "62.30"),
            ("constant escapement", "model-3", "48.36"),
            ("PPO", "model-3", "66.83"),
            ("PPO smoothed by a Gaussian process", "model-3", "68.75"),
            ("constant mortality", "model-4", "44.5"),
            ("constant escapement", "model-4", "36.8"),
            ("PPO", "model-4", "48.8"),
            ("PPO smoothed by a Gaussian process", "model-4", "49.4"),
        )
    ),
    references=(
        "Montealegre-Mora, Lapeyrolerie, Chapman, Keller & Boettiger 2023, Pretty darn good "
        "control: when are approximate solutions better than approximate models, Bulletin of "
        "Mathematical Biology 85, arXiv:2308.13654",
        "May 1977, Thresholds and breakpoints in ecosystems with a multiplicity of stable states, "
        "Nature 269",
        "Reed 1979, Optimal escapement levels in stochastic and deterministic harvesting models, "
        "Journal of Environmental Economics and Management 6(4)",
        "Hansen & Ostermeier 2001, Completely derandomized self-adaptation in evolution "
        "strategies, Evolutionary Computation 9(2)",
    ),
)

_LASER = "drlapps.control.laser_pulse"

LASER_PULSE = Task(
    id="control/laser-pulse",
    env_id="drlapps/LaserPulse-v0",
    summary="Laser pulse compression: set a stretcher so that pulses are as high as can be",
    environment=f"{_LASER}.environment:LaserPulseEnv",
    metric=Metric(
        "intensity_share",
        unit="share of the transform limit",
        minimize=False,
        reference="best known settings of the laser",
    ),
    instances=f"{_LASER}.instances:named",
    pools={
        name: f"{_LASER}.instances:{name}"
        for name in ("train", "validation", "test", "shift", "toy")
    },
    baselines={
        "phase-conjugation": Baseline(
            f"{_LASER}.baselines:PhaseConjugation",
            "Undoes the published compressor, and nothing else",
        ),
        "compressor-conjugation": Baseline(
            f"{_LASER}.baselines:CompressorConjugation",
            "Undoes the compressor that is really there, blind to the nonlinearity",
            information=Information.MODEL,
        ),
        "nelder-mead": Baseline(
            f"{_LASER}.searches:NelderMead",
            "Downhill simplex on the measured share, pulse by pulse, from the phase conjugate",
        ),
        "cma-es": Baseline(
            f"{_LASER}.searches:CmaEs",
            "Covariance matrix adaptation on the measured share, pulse by pulse",
        ),
        "bayesian": Baseline(
            f"{_LASER}.searches:Bayesian",
            "Bayesian optimisation by a Gaussian process (Optuna), pulse by pulse",
        ),
        "optimum": Baseline(
            f"{_LASER}.baselines:Optimum",
            "Goes to the best settings there are, knowing the laser and its future",
            information=Information.CLAIRVOYANT,
        ),
    },
    agents={
        "ppo": f"{_LASER}.presets:PPO",
        "sac": f"{_LASER}.presets:SAC",
    },
    pretrained="ppo",
    checker=f"{_LASER}.checker:check",
    views=f"{_LASER}.views",
    published=(
        {
            "method": "SAC agent at B = 2, pulse width",
            "value": "1.6",
            "unit": "ps",
            "source": "Capuano et al. 2023, abstract",
        },
    ),
    references=(
        "Capuano, Peceli, Tiboni, Camoriano & Rus 2023, TempoRL: laser pulse temporal shape "
        "optimization with deep reinforcement learning, arXiv:2304.12187",
        "Trebino et al. 1997, Measuring ultrashort laser pulses in the time-frequency domain using "
        "frequency-resolved optical gating, Review of Scientific Instruments 68(9)",
    ),
)

TASKS = (*DRIVES, FISHERY, LASER_PULSE, *PROCESSES)
