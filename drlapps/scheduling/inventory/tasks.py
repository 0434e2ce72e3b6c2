"""The declarations of the inventory tasks."""

from drlapps.task import Baseline, Information, Metric, Task

_INVENTORY = "drlapps.scheduling.inventory"
_LOST_SALES = "drlapps.scheduling.lost_sales"
_DUAL_SOURCING = "drlapps.scheduling.dual_sourcing"
_SERIAL = "drlapps.scheduling.serial_inventory"
_NETWORK = "drlapps.scheduling.inventory_network"

_LONG_RUN = Metric(
    "expected_cost", unit="cost per period", minimize=True, reference="optimal long-run cost"
)


def _pools(folder: str) -> dict[str, str]:
    names = ("train", "validation", "test", "toy")
    return {name: f"{folder}.instances:{name}" for name in names}


def _model(policy: str, summary: str) -> Baseline:
    return Baseline(policy, summary, information=Information.MODEL)


def _published(method: str, instance: str, cost: str, source: str) -> dict[str, str]:
    return {"method": method, "instance": instance, "cost": cost, "source": source}


def _dual_sourcing_gaps(method: str, *gaps: str) -> dict[str, str]:
    """A row of figure 9 of Gijsbrechts et al. 2022: gaps by expedited cost and lead time."""
    columns = [f"gap of lr{lead}-ce{cost}, %" for cost in (105, 110) for lead in (2, 3, 4)]
    source = "Gijsbrechts et al. 2022, figure 9"
    return {"method": method, **dict(zip(columns, gaps, strict=True)), "source": source}


def _saving(method: str, case_1: str, case_2: str, source: str) -> dict[str, str]:
    return {"method": method, "van-roy-1": case_1, "van-roy-2": case_2, "source": source}


_ZIPKIN = "Zipkin 2008, table 3"
_BIJVANK = "Bijvank, Bhulai & Huh 2015, table 1"

LOST_SALES = Task(
    id="scheduling/lost-sales",
    env_id="drlapps/LostSales-v0",
    summary="Lost sales: order with a lead time for customers who leave when the shelf is empty",
    environment=f"{_LOST_SALES}.environment:LostSalesEnv",
    metric=_LONG_RUN,
    instances=f"{_LOST_SALES}.instances:named",
    pools=_pools(_LOST_SALES),
    baselines={
        "optimal": _model(f"{_LOST_SALES}.baselines:Optimal", "Exact dynamic program: the optimum"),
        "base-stock": _model(
            f"{_LOST_SALES}.baselines:BaseStock",
            "Best level to which the inventory position is lifted",
        ),
        "capped-base-stock": _model(
            f"{_LOST_SALES}.baselines:CappedBaseStock",
            "Best level and largest order (Xin): the best simple rule",
        ),
        "s-S": _model(
            f"{_LOST_SALES}.baselines:ReorderPoint",
            "Best (s, S): at s or below, lift the position to S",
        ),
        "constant-order": _model(
            f"{_LOST_SALES}.baselines:ConstantOrder", "Best order for all periods alike (Reiman)"
        ),
        "myopic": _model(
            f"{_LOST_SALES}.baselines:Myopic",
            "Best for the period in which the order arrives (Morton)",
        ),
        "myopic-2": _model(
            f"{_LOST_SALES}.baselines:Myopic2",
            "Best for the period in which the order arrives and the next (Zipkin)",
        ),
        "standard-vector": _model(
            f"{_LOST_SALES}.baselines:StandardVector",
            "Standard vector base-stock, an upper bound on the optimal orders",
        ),
        "fixed-non-stockout": _model(
            f"{_LOST_SALES}.baselines:FixedNonStockout",
            "Best fixed probability of no stockout when the order arrives (de Kok & Meijer)",
        ),
    },
    agents={
        "ppo": f"{_LOST_SALES}.presets:PPO",
        "dqn": f"{_LOST_SALES}.presets:DQN",
        "rbf-dqn": f"{_LOST_SALES}.presets:RBF_DQN",
    },
    pretrained="ppo",
    checker=f"{_LOST_SALES}.checker:check",
    views=f"{_LOST_SALES}.views",
    published=(
        _published("optimum", "poisson5-l4-p4", "4.73", _ZIPKIN),
        _published("myopic-2", "poisson5-l4-p4", "4.82", _ZIPKIN),
        _published("myopic", "poisson5-l4-p4", "5.06", _ZIPKIN),
        _published("standard vector base-stock", "poisson5-l4-p4", "5.83", _ZIPKIN),
        _published("optimum", "poisson5-l4-p19", "8.89", _ZIPKIN),
        _published("optimum", "geometric5-l4-p4", "10.61", _ZIPKIN),
        _published("optimum", "geometric5-l4-p19", "22.95", _ZIPKIN),
        _published("optimum", "poisson5-l2-p14-k5", "11.46", _BIJVANK),
        _published("(s, S)", "poisson5-l2-p14-k5", "11.62", _BIJVANK),
    ),
    references=(
        "Zipkin 2008, Old and new methods for lost-sales inventory systems, Operations Research "
        "56(5)",
        "Bijvank, Bhulai & Huh 2015, Parametric replenishment policies for inventory systems with "
        "lost sales and fixed order cost, European Journal of Operational Research 241(2)",
        "Xin 2021, Understanding the performance of capped base-stock policies in lost-sales "
        "inventory models, Operations Research 69(1)",
        "Gijsbrechts, Boute, Van Mieghem & Zhang 2022, Can deep reinforcement learning improve "
        "inventory management?, Manufacturing & Service Operations Management 24(3)",
        "de Kok & Meijer 2023, Fixed non-stockout-probability policies for the single-item "
        "lost-sales model, arXiv:2304.06936",
    ),
)

DUAL_SOURCING = Task(
    id="scheduling/dual-sourcing",
    env_id="drlapps/DualSourcing-v0",
    summary="Dual sourcing: order from a cheap slow source and a dear fast one",
    environment=f"{_DUAL_SOURCING}.environment:DualSourcingEnv",
    metric=_LONG_RUN,
    instances=f"{_DUAL_SOURCING}.instances:named",
    pools=_pools(_DUAL_SOURCING),
    baselines={
        "optimal": _model(
            f"{_DUAL_SOURCING}.baselines:Optimal", "Exact dynamic program on all orders under way"
        ),
        "capped-dual-index": _model(
            f"{_DUAL_SOURCING}.baselines:CappedDualIndex",
            "Two order-up-to levels and a cap on regular orders, all optimised",
        ),
        "dual-index": _model(
            f"{_DUAL_SOURCING}.baselines:DualIndex",
            "Two order-up-to levels, each with its own inventory position, optimised",
        ),
        "tailored-base-surge": _model(
            f"{_DUAL_SOURCING}.baselines:TailoredBaseSurge",
            "The best constant regular order; the rest is expedited",
        ),
        "single-index": _model(
            f"{_DUAL_SOURCING}.baselines:SingleIndex",
            "Two order-up-to levels of one inventory position, optimised",
        ),
        "expedite-only": _model(
            f"{_DUAL_SOURCING}.baselines:ExpediteOnly",
            "Newsvendor base stock of the expedited source",
        ),
        "regular-only": _model(
            f"{_DUAL_SOURCING}.baselines:RegularOnly", "Newsvendor base stock of the regular source"
        ),
    },
    agents={
        "ppo": f"{_DUAL_SOURCING}.presets:PPO",
        "dqn": f"{_DUAL_SOURCING}.presets:DQN",
    },
    pretrained="ppo",
    checker=f"{_DUAL_SOURCING}.checker:check",
    views=f"{_DUAL_SOURCING}.views",
    published=(
        _dual_sourcing_gaps("capped dual index", "0.00", "0.00", "0.00", "0.03", "0.06", "0.11"),
        _dual_sourcing_gaps("tailored base-surge", "0.06", "0.01", "0.00", "0.99", "0.71", "0.58"),
        _dual_sourcing_gaps("dual index", "0.11", "0.27", "0.36", "0.18", "0.36", "0.49"),
        _dual_sourcing_gaps("single index", "0.56", "0.98", "1.43", "1.03", "2.11", "2.44"),
        _dual_sourcing_gaps("A3C", "0.52", "0.82", "1.85", "0.80", "0.51", "1.33"),
    ),
    references=(
        "Veeraraghavan & Scheller-Wolf 2008, Now or later: a simple policy for effective dual "
        "sourcing in capacitated systems, Operations Research 56(4)",
        "Allon & Van Mieghem 2010, Global dual sourcing: tailored base-surge allocation to near- "
        "and offshore production, Management Science 56(1)",
        "Sun & Van Mieghem 2019, Robust dual sourcing inventory management, Manufacturing & "
        "Service Operations Management 21(4)",
        "Gijsbrechts et al. 2022, Can deep reinforcement learning improve inventory management?, "
        "Manufacturing & Service Operations Management 24(3)",
    ),
)

SERIAL_INVENTORY = Task(
    id="scheduling/serial-inventory",
    env_id="drlapps/SerialInventory-v0",
    summary="Serial inventory: order at each stage of a supply chain whose customers wait",
    environment=f"{_SERIAL}.environment:SerialInventoryEnv",
    metric=_LONG_RUN,
    instances=f"{_SERIAL}.instances:named",
    pools=_pools(_SERIAL),
    baselines={
        "clark-scarf": _model(
            f"{_SERIAL}.baselines:ClarkScarf",
            "Exact echelon base-stock levels by Clark and Scarf's recursion: the optimum",
        ),
        "shang-song": _model(
            f"{_SERIAL}.baselines:ShangSong",
            "Echelon base-stock levels half-way between two newsvendor bounds",
        ),
        "base-stock": _model(
            f"{_SERIAL}.baselines:BaseStock",
            "Echelon base-stock levels optimised by simulation with common random numbers",
        ),
        "local-base-stock": _model(
            f"{_SERIAL}.baselines:LocalBaseStock",
            "Installation base-stock levels equivalent to the echelon ones",
        ),
        "sterman": Baseline(
            f"{_SERIAL}.sterman:Sterman",
            "Anchor and adjust, as people play the beer game, with Sterman's benchmark parameters",
            options={"theta": 0.0, "alpha": 1.0, "beta": 1.0, "desired": None},
        ),
        "random": Baseline("drlapps.policy:Random", "Any orders, equally likely", compared=False),
    },
    agents={
        "ppo": f"{_SERIAL}.presets:PPO",
        "rbf-dqn": f"{_SERIAL}.presets:RBF_DQN",
        "dqn": f"{_SERIAL}.presets:DQN",
    },
    pretrained="ppo",
    checker=f"{_SERIAL}.checker:check",
    views=f"{_INVENTORY}.views",
    references=(
        "Clark & Scarf 1960, Optimal policies for a multi-echelon inventory problem, Management "
        "Science 6(4)",
        "Shang & Song 2003, Newsvendor bounds and heuristic for optimal policies in serial supply "
        "chains, Management Science 49(5)",
        "Sterman 1989, Modeling managerial behavior: misperceptions of feedback in a dynamic "
        "decision making experiment, Management Science 35(3)",
        "Snyder & Shen 2019, Fundamentals of Supply Chain Theory, 2nd edition, Wiley",
        "Cheng, Luo, Fan, Zhang & Li 2024, A deep Q-network based on radial basis functions for "
        "multi-echelon inventory management, Winter Simulation Conference 2023",
    ),
)

INVENTORY_NETWORK = Task(
    id="scheduling/inventory-network",
    env_id="drlapps/InventoryNetwork-v0",
    summary="Inventory in a supply network of any shape: order on every arc for customers far away",
    environment=f"{_NETWORK}.environment:InventoryNetworkEnv",
    metric=Metric("cost", unit="cost per period", minimize=True),
    instances=f"{_NETWORK}.instances:named",
    pools=_pools(_NETWORK),
    baselines={
        "echelon-base-stock": _model(
            f"{_NETWORK}.baselines:EchelonBaseStock",
            "Echelon order-up-to levels, optimised by simulation (CMA-ES)",
        ),
        "base-stock": _model(
            f"{_NETWORK}.baselines:BaseStock",
            "Installation order-up-to levels, optimised by simulation (CMA-ES)",
        ),
        "s-S": _model(
            f"{_NETWORK}.baselines:ReorderPoint",
            "Echelon (s, S) policy, optimised by simulation (CMA-ES)",
        ),
        "newsvendor": _model(
            f"{_NETWORK}.baselines:Newsvendor",
            "Echelon levels at quantiles of the demand over their cover, closed form",
        ),
        "constant": _model(
            f"{_NETWORK}.baselines:Steady",
            "Orders the mean demand on every arc, whatever the stock",
        ),
        "rolling-horizon-lp": _model(
            f"{_NETWORK}.linear_programs:RollingHorizonLP",
            "Linear program on the demand forecast, solved again every period (HiGHS)",
        ),
        "stochastic-lp": _model(
            f"{_NETWORK}.linear_programs:StochasticLP",
            "Two-stage stochastic linear program on sampled demand, every period (HiGHS)",
        ),
        "clairvoyant-lp": Baseline(
            f"{_NETWORK}.linear_programs:PerfectInformationLP",
            "Linear program that knows all demand: a bound no policy can beat",
            information=Information.CLAIRVOYANT,
        ),
        "random": Baseline(
            "drlapps.policy:Random", "Any admissible orders, equally likely", compared=False
        ),
    },
    agents={
        "ppo": f"{_NETWORK}.presets:PPO",
        "dqn": f"{_NETWORK}.presets:DQN",
        "rbf-dqn": f"{_NETWORK}.presets:RBF_DQN",
    },
    pretrained="ppo",
    checker=f"{_INVENTORY}.checker:check",
    views=f"{_INVENTORY}.views",
    published=(
        _saving("constant base-stock, cost a period", "1302", "1449", "Van Roy et al. 1997"),
        _saving("neuro-dynamic programming, cost a period", "1179", "1318", "Van Roy et al. 1997"),
        _saving("A3C against base-stock", "-8.95 %", "-12.09 %", "Gijsbrechts et al. 2022"),
    ),
    references=(
        "Clark & Scarf 1960, Optimal policies for a multi-echelon inventory problem, Management "
        "Science 6(4)",
        "Van Roy, Bertsekas, Lee & Tsitsiklis 1997, A neuro-dynamic programming approach to "
        "retailer inventory management, IEEE Conference on Decision and Control",
        "Hubbs et al. 2020, OR-Gym: a reinforcement learning library for operations research "
        "problems, arXiv:2008.06319",
        "Gijsbrechts, Boute, Van Mieghem & Zhang 2022, Can deep reinforcement learning improve "
        "inventory management?, Manufacturing & Service Operations Management 24(3)",
        "Cheng, Luo, Fan, Zhang & Li 2024, A deep Q-network based on radial basis functions for "
        "multi-echelon inventory management, arXiv:2401.15872",
    ),
)
