"""Finance: portfolios and market making."""

from drlapps.task import Baseline, Information, Metric, Task

_PORTFOLIO = "drlapps.finance.portfolio"
_ONLINE = f"{_PORTFOLIO}.online"
_CONVEX = f"{_PORTFOLIO}.convex.policies"
_LIMIT_ORDER_BOOK = "drlapps.finance.limit_order_book"
_BOOK_MAKERS = f"{_LIMIT_ORDER_BOOK}.baselines"
_MARKET_MAKING = "drlapps.finance.market_making"
_MAKERS = f"{_MARKET_MAKING}.baselines"


def _online(policy: str, summary: str, **options: object) -> Baseline:
    return Baseline(f"{_ONLINE}.{policy}", summary, options=options, compared=False)


def _convex(policy: str, summary: str, *, compared: bool = True, **options: object) -> Baseline:
    shared: dict[str, object] = {"rebalance": "monthly", "max_turnover": 1.0}
    if policy != "OneOverN":
        shared |= {"lookback": 252, "max_weight": 1.0}
    return Baseline(
        f"{_CONVEX}:{policy}", summary, options={**shared, **options}, compared=compared
    )


def _bound(policy: str, summary: str) -> Baseline:
    return Baseline(
        f"{_PORTFOLIO}.{policy}", summary, information=Information.CLAIRVOYANT, compared=False
    )


def _closed_form(name: str, summary: str) -> Baseline:
    return Baseline(f"{_MAKERS}:{name}", summary, information=Information.MODEL)


def _toolbox(method: str, sp500: str, msci: str, djia: str) -> dict[str, str]:
    return {
        "method": method,
        "terminal wealth on sp500 / msci / djia, no costs": f"{sp500} / {msci} / {djia}",
        "source": "OLPS toolbox, its own defaults (Li, Sahoo & Hoi 2016)",
    }


PORTFOLIO = Task(
    id="finance/portfolio",
    env_id="drlapps/Portfolio-v0",
    summary="Portfolio trading: spread wealth over assets, day after day, when trading costs money",
    environment=f"{_PORTFOLIO}.environment:PortfolioEnv",
    metric=Metric("terminal_wealth", unit="times the start", minimize=False),
    instances=f"{_PORTFOLIO}.instances:named",
    pools={
        "train": f"{_PORTFOLIO}.instances:train",
        "validation": f"{_PORTFOLIO}.instances:validation",
        "test": f"{_PORTFOLIO}.instances:test",
        "toy": f"{_PORTFOLIO}.instances:toy",
    },
    baselines={
        "bah": _online("benchmarks:BuyAndHold", "Buy equal shares of wealth, then hold"),
        "ucrp": _online("benchmarks:ConstantRebalanced", "Rebalance to equal weights every day"),
        "bcrp": _bound(
            "online.benchmarks:BestConstantRebalanced",
            "The constant weights that turn out best, rebalanced every day",
        ),
        "best-stock": _bound("online.benchmarks:BestStock", "The asset that turns out best"),
        "eg": _online(
            "follow_the_winner:ExponentiatedGradient", "Exponentiated gradient (Helmbold et al.)"
        ),
        "ons": _online("follow_the_winner:OnlineNewtonStep", "Online Newton step (Agarwal et al.)"),
        "anticor": _online("anticor:Anticor", "Anti-correlation, windows up to 30 days"),
        "pamr": _online("mean_reversion:Pamr", "Passive-aggressive mean reversion", variant=0),
        "pamr-1": _online(
            "mean_reversion:Pamr", "Passive-aggressive mean reversion, linear slack", variant=1
        ),
        "pamr-2": _online(
            "mean_reversion:Pamr", "Passive-aggressive mean reversion, square slack", variant=2
        ),
        "cwmr-var": _online(
            "mean_reversion:Cwmr", "Confidence-weighted mean reversion, variance", variant="var"
        ),
        "cwmr-stdev": _online(
            "mean_reversion:Cwmr", "Confidence-weighted mean reversion, deviation", variant="stdev"
        ),
        "olmar-1": _online(
            "mean_reversion:Olmar", "Moving-average reversion, simple average", variant=1
        ),
        "olmar-2": _online(
            "mean_reversion:Olmar", "Moving-average reversion, exponential average", variant=2
        ),
        "rmr": _online("mean_reversion:Rmr", "Robust median reversion (Huang et al.)"),
        "one-over-n": _convex("OneOverN", "Equal weights, rebalanced monthly"),
        "min-variance": _convex("MinVariance", "Minimum variance"),
        "max-sharpe": _convex("MaxSharpe", "Maximum Sharpe ratio of the past year"),
        "mean-variance": _convex(
            "MeanVariance", "Mean less risk aversion times variance", compared=False
        ),
        "min-cvar": _convex(
            "MinCvar", "Minimum conditional value at risk, a linear program", compared=False
        ),
        "mad": _convex("Mad", "Minimum mean absolute deviation, a linear program", compared=False),
        "risk-parity": _convex("RiskParity", "Equal contributions to risk"),
        "hrp": _convex("Hrp", "Hierarchical risk parity (Lopez de Prado)"),
        "inverse-volatility": _convex(
            "InverseVolatility", "Weights inverse to volatility", compared=False
        ),
        "clairvoyant": _bound(
            "clairvoyant:Clairvoyant", "The best path of trades after costs, prices known"
        ),
    },
    agents={
        "ppo": f"{_PORTFOLIO}.presets:PPO",
        "a2c": f"{_PORTFOLIO}.presets:A2C",
        "sac": f"{_PORTFOLIO}.presets:SAC",
        "td3": f"{_PORTFOLIO}.presets:TD3",
        "recurrent-ppo": f"{_PORTFOLIO}.presets:RECURRENT_PPO",
        "ppo-xlstm": f"{_PORTFOLIO}.presets:PPO_XLSTM",
        "ppo-shares": f"{_PORTFOLIO}.presets:PPO_SHARES",
    },
    pretrained="ppo",
    checker=f"{_PORTFOLIO}.checker:check",
    views=f"{_PORTFOLIO}.views",
    published=(
        _toolbox("uniform buy and hold", "1.3416", "0.9064", "0.7644"),
        _toolbox("uniform constant rebalanced", "1.6487", "0.9268", "0.8127"),
        _toolbox("PAMR", "5.0949", "15.2320", "0.6800"),
        _toolbox("CWMR, variance", "5.9444", "17.2651", "0.6881"),
        _toolbox("OLMAR-1", "15.9435", "14.9353", "2.5372"),
        _toolbox("OLMAR-2", "9.5945", "22.5138", "1.1611"),
        _toolbox("best constant rebalanced, in hindsight", "4.0686", "1.5057", "1.2399"),
    ),
    backtest=f"{_PORTFOLIO}.backtest",
    data="drlapps.finance.market_data.commands",
    references=(
        "Markowitz 1952, Portfolio selection, Journal of Finance 7(1)",
        "Jiang, Xu & Liang 2017, A deep reinforcement learning framework for the financial "
        "portfolio management problem, arXiv:1706.10059",
        "Li, Sahoo & Hoi 2016, OLPS: a toolbox for on-line portfolio selection, JMLR 17(35)",
        "DeMiguel, Garlappi & Uppal 2009, Optimal versus naive diversification, Review of "
        "Financial Studies 22(5)",
    ),
)

MARKET_MAKING = Task(
    id="finance/market-making",
    env_id="drlapps/MarketMaking-v0",
    summary="Market making: quote bid and ask to earn the spread and not be left with inventory",
    environment=f"{_MARKET_MAKING}.environment:MarketMakingEnv",
    metric=Metric(
        "value", unit="price units", minimize=False, reference="exact dynamic-programming value"
    ),
    instances=f"{_MARKET_MAKING}.instances:named",
    pools={
        "train": f"{_MARKET_MAKING}.instances:train",
        "validation": f"{_MARKET_MAKING}.instances:validation",
        "test": f"{_MARKET_MAKING}.instances:test",
        "toy": f"{_MARKET_MAKING}.instances:toy",
    },
    baselines={
        "optimal": Baseline(
            f"{_MAKERS}:Optimal",
            "Exact dynamic program of the market in discrete time: the optimum, but for Hawkes "
            "arrivals",
            information=Information.MODEL,
        ),
        "cartea-jaimungal": _closed_form(
            "CarteaJaimungal", "Optimal quotes in continuous time by a matrix exponential"
        ),
        "avellaneda-stoikov": _closed_form(
            "AvellanedaStoikov", "Reservation price and spread of Avellaneda and Stoikov"
        ),
        "gueant-lehalle-fernandez-tapia": _closed_form(
            "GueantLehalleFernandezTapia", "Asymptotic quotes, linear in the inventory"
        ),
        "symmetric": _closed_form(
            "Symmetric", "Spread of Avellaneda and Stoikov around the mid, whatever the inventory"
        ),
        "myopic": _closed_form("Myopic", "1/kappa from the mid on either side, always"),
        "random": Baseline("drlapps.policy:Random", "Any admissible quotes, equally likely"),
    },
    agents={
        "ppo": f"{_MARKET_MAKING}.presets:PPO",
        "a2c": f"{_MARKET_MAKING}.presets:A2C",
    },
    pretrained="ppo",
    checker=f"{_MARKET_MAKING}.checker:check",
    views=f"{_MARKET_MAKING}.views",
    references=(
        "Avellaneda & Stoikov 2008, High-frequency trading in a limit order book, Quantitative "
        "Finance 8(3)",
        "Guéant, Lehalle & Fernandez-Tapia 2013, Dealing with the inventory risk, Mathematics and "
        "Financial Economics 7(4)",
        "Cartea, Jaimungal & Penalva 2015, Algorithmic and High-Frequency Trading, Cambridge "
        "University Press",
        "Spooner et al. 2018, Market making via reinforcement learning, AAMAS",
    ),
)

LIMIT_ORDER_BOOK = Task(
    id="finance/limit-order-book",
    env_id="drlapps/LimitOrderBook-v0",
    summary="Limit order book: place orders that queue at levels of a simulated or recorded book",
    environment=f"{_LIMIT_ORDER_BOOK}.environment:LimitOrderBookEnv",
    metric=Metric("pnl", unit="ticks x lots", minimize=False),
    instances=f"{_LIMIT_ORDER_BOOK}.instances:named",
    pools={
        "train": f"{_LIMIT_ORDER_BOOK}.instances:train",
        "validation": f"{_LIMIT_ORDER_BOOK}.instances:validation",
        "test": f"{_LIMIT_ORDER_BOOK}.instances:test",
        "toy": f"{_LIMIT_ORDER_BOOK}.instances:toy",
    },
    baselines={
        "symmetric-0": Baseline(
            f"{_BOOK_MAKERS}:Symmetric",
            "Bid and ask at the best prices, one side at the position limit",
            options={"level": 0},
        ),
        "symmetric-4": Baseline(
            f"{_BOOK_MAKERS}:Symmetric",
            "Bid and ask four levels behind the best prices",
            options={"level": 4},
        ),
        "inventory-skewed": Baseline(
            f"{_BOOK_MAKERS}:InventorySkewed",
            "At the best price to reduce the inventory, further back the more it would add",
        ),
        "avellaneda-stoikov": Baseline(
            f"{_BOOK_MAKERS}:AvellanedaStoikov",
            "Quotes of Avellaneda and Stoikov at the nearest levels, volatility from the book",
        ),
        "hold": Baseline(f"{_BOOK_MAKERS}:Hold", "No order, ever"),
        "random": Baseline("drlapps.policy:Random", "Any of the 17 actions, equally likely"),
    },
    agents={
        "ppo": f"{_LIMIT_ORDER_BOOK}.presets:PPO",
        "a2c": f"{_LIMIT_ORDER_BOOK}.presets:A2C",
    },
    checker=f"{_LIMIT_ORDER_BOOK}.checker:check",
    views=f"{_LIMIT_ORDER_BOOK}.views",
    references=(
        "Sadighian 2019, Deep Reinforcement Learning in Cryptocurrency Market Making, arXiv "
        "1911.08647",
        "Sadighian 2020, Extending Deep Reinforcement Learning Frameworks in Cryptocurrency Market "
        "Making, arXiv 2004.06985",
        "Cont, Stoikov & Talreja 2010, A stochastic model for order book dynamics, Operations "
        "Research 58(3)",
        "Spooner et al. 2018, Market making via reinforcement learning, AAMAS",
    ),
)

TASKS = (PORTFOLIO, MARKET_MAKING, LIMIT_ORDER_BOOK)
