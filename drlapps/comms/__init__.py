"""Communications."""

from drlapps.task import Baseline, Information, Metric, Task

_RIS = "drlapps.comms.ris_beamforming"


def _method(name: str, summary: str, *, compared: bool = True, **options: object) -> Baseline:
    return Baseline(f"{_RIS}.baselines:{name}", summary, options=options, compared=compared)


def _curve(power: int, value: str, who: str) -> dict[str, str]:
    return {
        "method": f"{who}, {power} dBm, 16 elements, beta_min 0.6 (paper_model, training reward)",
        "value": value,
        "unit": "bit/s/Hz in the units of its code",
        "source": "Saglam, Gurgunoglu & Kozat 2022, released curves, last 1000 steps",
    }


RIS_BEAMFORMING = Task(
    id="comms/ris-beamforming",
    env_id="drlapps/RisBeamforming-v0",
    summary="Reconfigurable surface: precoder and phases for the highest downlink sum rate",
    environment=f"{_RIS}.environment:RisBeamformingEnv",
    metric=Metric("sum_rate", unit="bit/s/Hz", minimize=False, reference="best known sum rate"),
    instances=f"{_RIS}.instances:named",
    pools={name: f"{_RIS}.instances:{name}" for name in ("train", "validation", "test", "toy")},
    baselines={
        "mrt": _method("Mrt", "Maximum ratio transmission, random phases"),
        "zf-random": _method("ZfRandom", "Zero forcing with water filling, random phases"),
        "wmmse-random": _method(
            "WmmseRandom", "Weighted MMSE from zero forcing and MMSE precoding, random phases"
        ),
        "wmmse-bcd": _method(
            "WmmseBcd",
            "Weighted MMSE and block-coordinate descent over phases by turns, from 8 starts",
            restarts=8,
        ),
        "zf-lbfgs": _method(
            "ZfLbfgs",
            "L-BFGS over phases on the zero-forcing rate from 8 starts, then the precoder polished",
            restarts=8,
        ),
        "mmse-lbfgs": _method(
            "MmseLbfgs",
            "The same on the rate of MMSE precoding, which exists for any number of users",
            compared=False,
            restarts=8,
        ),
        "rate-lbfgs": _method(
            "RateLbfgs",
            "The same on the highest rate of any linear precoder: phases and dual powers at once",
            compared=False,
            restarts=8,
        ),
        "classical-best": _method(
            "ClassicalBest",
            "The best, by believed rate, of descent and the three kinds of L-BFGS",
            restarts=8,
        ),
        "zf-lbfgs-robust": _method(
            "ZfLbfgs",
            "zf-lbfgs that knows how estimates and hardware err, and serves fewer users if better",
            compared=False,
            restarts=8,
            robust=True,
        ),
        "wmmse-bcd-robust": _method(
            "WmmseBcd",
            "wmmse-bcd that knows how estimates and hardware err, and serves fewer users if better",
            compared=False,
            restarts=8,
            robust=True,
        ),
        "classical-best-robust": _method(
            "ClassicalBest",
            "classical-best that knows how estimates and hardware err",
            restarts=8,
            robust=True,
        ),
        "upper-bound": Baseline(
            f"{_RIS}.baselines:UpperBound",
            "Cooperative bound: one user with the antennas of all, every element reflecting all",
            information=Information.CLAIRVOYANT,
        ),
        "random": Baseline(f"{_RIS}.baselines:Random", "Any precoder of full power, any phases"),
    },
    agents={
        "ppo": f"{_RIS}.presets:PPO",
        "apg": f"{_RIS}.presets:APG",
        "apg-fast": f"{_RIS}.presets:APG_FAST",
        "sac": f"{_RIS}.presets:SAC",
        "sac-paper": f"{_RIS}.presets:SAC_PAPER",
        "sac-beta-paper": f"{_RIS}.presets:SAC_BETA_PAPER",
        "ddpg-paper": f"{_RIS}.presets:DDPG_PAPER",
    },
    pretrained="apg",
    checker=f"{_RIS}.checker:check",
    views=f"{_RIS}.views",
    published=(
        _curve(5, "4.50", "SAC that knows the amplitude law"),
        _curve(30, "8.18", "SAC that knows the amplitude law"),
        _curve(30, "7.43", "SAC that believes the surface ideal"),
        _curve(30, "7.91", "SAC that believes the surface ideal, beta-space exploration"),
    ),
    references=(
        "Huang, Mo & Yuen 2020, Reconfigurable intelligent surface assisted multiuser MISO systems "
        "exploiting deep reinforcement learning, IEEE Journal on Selected Areas in Communications "
        "38(8)",
        "Saglam, Gurgunoglu & Kozat 2022, Deep reinforcement learning based joint downlink "
        "beamforming and RIS configuration in RIS-aided MU-MISO systems under hardware impairments "
        "and imperfect CSI, arXiv:2211.09702",
        "Guo, Liang, Chen & Larsson 2020, Weighted sum-rate maximization for reconfigurable "
        "intelligent surface aided wireless networks, IEEE Transactions on Wireless Communications "
        "19(5)",
        "Shi, Razaviyayn, Luo & He 2011, An iteratively weighted MMSE approach to distributed "
        "sum-utility maximization for a MIMO interfering broadcast channel, IEEE Transactions on "
        "Signal Processing 59(9)",
        "Abeywickrama, Zhang, Wu & Yuen 2020, Intelligent reflecting surface: practical phase "
        "shift model and beamforming optimization, IEEE Transactions on Communications 68(9)",
        "Wu & Zhang 2019, Intelligent reflecting surface enhanced wireless network via joint "
        "active and passive beamforming, IEEE Transactions on Wireless Communications 18(11)",
        "Viswanath & Tse 2003, Sum capacity of the vector Gaussian broadcast channel and "
        "uplink-downlink duality, IEEE Transactions on Information Theory 49(8)",
    ),
)

TASKS = (RIS_BEAMFORMING,)
