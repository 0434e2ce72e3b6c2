"""Control of drives and processes."""

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

TASKS = (FISHERY,)
