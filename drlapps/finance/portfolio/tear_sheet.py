"""The tear sheet of a backtest: the object of ``drlapps backtest`` as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from drlapps.finance import metrics
from drlapps.finance.portfolio import tear_sheet_tables as tables
from drlapps.finance.portfolio import views
from drlapps.finance.portfolio.tear_sheet_tables import MEASURES, Json, number, percent, written
from drlapps.finance.portfolio.views import Curve, Days, Floats
from drlapps.look import palette
from drlapps.report.document import Document, Section
from drlapps.report.formats import NOTHING, estimate, is_number, p_value
from drlapps.stats import Verdict
from drlapps.task import Information

Tracks: TypeAlias = Mapping[str, Floats]
"""Wealth of each policy: shape (runs, days)."""

BENCHMARKS = {"one-over-n": "1/N", "risk-parity": "risk parity"}
"""Baselines that an agent must beat to be worth its training, and what people call them."""

_SURE = 0.95  # deflated Sharpe ratio from which a result counts as more than luck
_MOST_NAMES = 40  # assets named in the subject
_PHRASES = {
    Verdict.BETTER: "better than",
    Verdict.WORSE: "worse than",
    Verdict.EQUIVALENT: "equivalent to",
    Verdict.NOT_SEPARATED: "not separated from",
    Verdict.NO_VERDICT: "without a verdict against",
}

_OPTIONAL: Json = {
    "intervals": {}, "years": {}, "regimes": {}, "cost_sweep": [], "decay": None, "by_run": [],
    "train_cpu_seconds": None,
}  # fmt: skip
"""What a policy may lack: undated data have no calendar years, a baseline no decay."""

_THIN = "Thick: mean wealth over an agent's runs, thin: the runs. "

_HEDGES = {
    Verdict.NOT_SEPARATED: "a difference that these data do not separate from chance",
    Verdict.EQUIVALENT: "a difference within the margin that counts as none",
    Verdict.NO_VERDICT: "and there is no verdict on the difference",
}

_READING = (
    ("Interval", "Brackets hold 95 % confidence intervals. They come from resampling blocks of "
     "days, as days close to each other are alike."),
    ("Difference", "Agent minus baseline on the same days. A higher Sharpe ratio, CAGR or "
     "(negative) drawdown is better, a lower CVaR. p (Holm) is adjusted for the number of tests."),
    ("Verdict", "Better and worse mean that the adjusted p-value is at most 0.05. Not separated "
     "means that these data cannot tell: it is no proof of equality. "
     "An agent is called behind a baseline when its Sharpe ratio is lower, whatever the verdict."),
    ("Runs", "An agent is trained several times, from different seeds. Its numbers are means over "
     "these runs, and so are its lines; thin lines are single runs."),
    *((measure.name, measure.meaning) for measure in MEASURES.values()),
    ("Trials", "Configurations that were tried before this one was reported, with the variance of "
     "their daily Sharpe ratios: the more trials, the better the best of them looks by chance."),
    ("Regimes", "Stretches of the market that are told apart afterwards; no policy knew them."),
    ("Decay", "What is left of the Sharpe ratio on the validation days that the agent was chosen "
     "by. A large loss means that the choice fitted chance."),
    ("Information", "Clairvoyant policies see the future: they bound what is possible and compete "
     "with nobody."),
)  # fmt: skip


def document(found: Json, *, pictures: bool = True) -> Document:
    """Return the tear sheet of a backtest.

    Args:
        found: the object of ``drlapps backtest``.
        pictures: whether to draw charts; a terminal and Markdown show none.
    """
    policies = _ranked(found)
    colours = _colours(policies)
    sections = [
        tables.performance(policies),
        tables.significance(policies),
        tables.differences(found["differences"]),
        *(_pictures(found["series"], policies, colours) if pictures else []),
        tables.years(policies),
        tables.regimes(policies),
        tables.costs(policies, _cost_chart(policies, colours) if pictures else None),
        tables.decay(policies),
        tables.effort(policies),
        tables.every_metric(policies),
        tables.every_run(policies),
    ]
    return Document(
        title=f"drlapps: backtest on {found['data']['name']}",
        sentences=tuple(_sentences(found, policies)),
        subject=tuple(_subject(found)),
        sections=tuple(part for part in sections if part.chart or (part.grid and part.grid.rows)),
        reading=_READING,
    )


def _ranked(found: Json) -> list[Json]:
    """Return the policies by Sharpe ratio, those without one and the clairvoyant last."""

    def order(policy: Json) -> tuple[bool, bool, float]:
        sharpe = policy["metrics"].get("sharpe")
        clairvoyant = policy["information"] == Information.CLAIRVOYANT
        return clairvoyant, not is_number(sharpe), -sharpe if is_number(sharpe) else 0.0

    present = ({k: v for k, v in entry.items() if v is not None} for entry in found["policies"])
    return sorted(({**_OPTIONAL, **entry} for entry in present), key=order)


def _agents(policies: Sequence[Json]) -> list[Json]:
    return [policy for policy in policies if policy["kind"] == "agent"]


def _colours(policies: Sequence[Json]) -> dict[str, str]:
    """Return the colour of each policy; agents take the first and strongest ones."""
    order = sorted(policies, key=lambda policy: bool(policy["kind"] != "agent"))
    shades = dict(zip((p["name"] for p in order), palette(len(order)), strict=True))
    return {policy["name"]: shades[policy["name"]] for policy in policies}


def _sentences(found: Json, policies: Sequence[Json]) -> Iterator[str]:
    agents = _agents(policies)
    if not agents:
        best = f", the best of {len(policies)} policies" if len(policies) > 1 else ""
        yield f"No agent took part; {_achieved(policies[0])}{best}."
    for agent in agents:
        against = {
            entry["baseline"]: entry
            for entry in found["differences"]
            if entry["agent"] == agent["name"] and entry["metric"] == "sharpe"
        }
        yield from _verdicts(agent, against)
        yield from _confessions(agent, against, policies)
        deflated, count = agent["metrics"].get("dsr"), found["trials"]["count"]
        if is_number(deflated) and count > 1:
            luck = (
                "more than the best of so many would show by luck"
                if deflated >= _SURE
                else "the best of so many may look as good by luck"
            )
            yield (
                f"After {count} trials, the deflated Sharpe ratio of {agent['name']} is "
                f"{deflated:.3f}: {luck}."
            )


def _achieved(policy: Json) -> str:
    runs = len(policy["run_seeds"])
    counted = f" ({runs} {'run' if runs == 1 else 'runs'})" if policy["kind"] == "agent" else ""
    who = f"{policy['name']}{counted}"
    if not is_number(policy["metrics"].get("sharpe")):
        return f"{who} has no Sharpe ratio"
    said = f"{who} has Sharpe {written(policy, 'sharpe')}"
    if is_number(policy["metrics"].get("cagr")):
        said += f" and a CAGR of {percent(policy['metrics']['cagr'])} %"
    return said


def _verdicts(agent: Json, against: Mapping[str, Json]) -> Iterator[str]:
    """Yield what the tests on Sharpe ratios say, the foremost benchmark first."""
    first = next((name for name in BENCHMARKS if name in against), None)
    said = _achieved(agent)
    if first is not None:
        entry = against[first]
        difference = estimate(entry["difference"], entry["interval"], number)
        p = p_value(entry["p_holm"])
        p = f"p {p[0]} {p[1:]}" if p.startswith("<") else f"p = {p}"
        said += (
            f"; it is {_PHRASES[entry['verdict']]} {first} (difference {difference}, adjusted {p})"
        )
    yield f"{said}."
    others: dict[str, list[str]] = {}
    for name, entry in against.items():
        if name != first:
            others.setdefault(entry["verdict"], []).append(name)
    parts = [
        f"{phrase} {', '.join(others[verdict])}"
        for verdict, phrase in _PHRASES.items()
        if verdict in others
    ]
    if parts:
        yield f"{agent['name']} is {'; '.join(parts)}."


def _confessions(
    agent: Json, against: Mapping[str, Json], policies: Sequence[Json]
) -> Iterator[str]:
    """Yield a sentence for each benchmark that the agent does not beat."""
    named = {policy["name"]: policy for policy in policies}
    for name, title in BENCHMARKS.items():
        if name not in named:
            continue
        entry = against.get(name, {"difference": None, "verdict": Verdict.NO_VERDICT})
        own, other = (policy["metrics"].get("sharpe") for policy in (agent, named[name]))
        whole = is_number(own) and is_number(other)
        behind = own < other if whole else (entry["difference"] or 0.0) < 0.0
        ratios = f": its Sharpe ratio is {number(own)} against {number(other)}" if whole else ""
        if entry["verdict"] == Verdict.WORSE:
            yield f"The agent {agent['name']} loses to {title} ({name}){ratios}."
        elif behind and entry["verdict"] != Verdict.BETTER:
            yield (
                f"The agent {agent['name']} is behind {title} ({name}){ratios}, "
                f"{_HEDGES[entry['verdict']]}."
            )


def _subject(found: Json) -> list[tuple[str, str]]:
    about, trials = found["data"], found["trials"]
    span = f"from {about['start']} to {about['end']}" if about["start"] else "without dates"
    assets = list(about["assets"])
    more = [f"and {len(assets) - _MOST_NAMES} more"] if len(assets) > _MOST_NAMES else []
    settings = ", ".join(
        f"{name} = {value}" for name, value in found["settings"].items() if value is not None
    )
    variance = trials["variance"]
    spread = (
        f", variance of their daily Sharpe ratios {variance:.3g}" if is_number(variance) else ""
    )
    pairs = [
        ("task", found["task"]),
        ("data", f"{about['name']}, {about['days']} days {span}"),
        (f"{len(assets)} {'asset' if len(assets) == 1 else 'assets'}",
         ", ".join([*assets[:_MOST_NAMES], *more])),
        ("source", about["source"] or NOTHING),
        ("licence", about["licence"] or NOTHING),
        *(("caution", caution) for caution in about["cautions"]),
        ("settings", settings or NOTHING),
        ("trials", f"{trials['count']}{spread}"),
        ("seed", str(found["seed"])),
    ]  # fmt: skip
    return [(word, meaning) for word, meaning in pairs if meaning != NOTHING]


def _cost_chart(
    policies: Sequence[Json], colours: Mapping[str, str]
) -> Mapping[str, object] | None:
    """Return the chart of Sharpe ratios against costs, if there are two to compare."""
    sweeps = {
        policy["name"]: [
            (entry["cost_bps"], entry["sharpe"])
            for entry in policy["cost_sweep"]
            if is_number(entry["sharpe"])
        ]
        for policy in policies
    }
    drawn = {name: sweep for name, sweep in sweeps.items() if len(sweep) > 1}
    return views.against_cost(drawn, colours).to_dict() if drawn else None


def _pictures(
    series: Json, policies: Sequence[Json], colours: Mapping[str, str]
) -> Iterator[Section]:
    """Yield the charts over time."""
    days = series["dates"]
    tracks = {
        policy["name"]: np.atleast_2d(np.array(series["wealth"][policy["name"]], np.float64))
        for policy in policies
        if series["wealth"].get(policy["name"])
    }
    if len(days) < 2 or not tracks:
        return
    agents = [policy["name"] for policy in _agents(policies) if policy["name"] in tracks]
    shown = {name: colours[name] for name in tracks}
    returns = {name: views.returns(wealth) for name, wealth in tracks.items()}

    runs = _runs(tracks, agents)
    yield Section(
        "Wealth",
        chart=views.equity(days, [*runs, *_means(tracks, agents)], shown).to_dict(),
        note=f"Net of costs. {_THIN if runs else ''}A click on a name picks it out.",
    )
    below = {name: metrics.drawdowns(each) for name, each in returns.items()}
    yield Section(
        "Drawdown",
        chart=views.drawdown(days, _means(below, agents), shown).to_dict(),
        note="How far wealth is below its last peak; agents: mean over the runs.",
    )
    yield from _weights(series["weights"], policies)
    yield from _months(days, returns, (agents or list(tracks))[0])
    if len(days) > metrics.YEAR:
        # The first return belongs to the start, and may be none.
        ratios = {name: metrics.rolling_sharpe(each[:, 1:]) for name, each in returns.items()}
        yield Section(
            "Rolling Sharpe ratio",
            chart=views.rolling(days[1:], _means(ratios, agents), shown).to_dict(),
            note="Of the latest 252 days; agents: mean over the runs.",
        )


def _runs(tracks: Tracks, agents: Sequence[str]) -> list[Curve]:
    """Return the single runs of the agents that have several."""
    return [
        Curve(name, run, width=0.8) for name in agents if len(tracks[name]) > 1
        for run in tracks[name]
    ]  # fmt: skip


def _means(tracks: Tracks, agents: Sequence[str]) -> list[Curve]:
    """Return the means over the runs, agents in front."""
    with np.errstate(invalid="ignore"):
        means = {name: runs.mean(axis=0) for name, runs in tracks.items()}
    order = sorted(means, key=lambda name: name in agents)
    return [Curve(name, means[name], width=2.6 if name in agents else 1.5) for name in order]


def _weights(weights: Json, policies: Sequence[Json]) -> Iterator[Section]:
    """Yield the weights over time of the best agent and of the best baseline."""
    names = [policy["name"] for policy in _agents(policies)][:1]
    names += [policy["name"] for policy in policies if policy["kind"] != "agent"]
    for name in [name for name in names if name in weights][:2]:
        held = weights[name]
        shares = np.array(held["values"], np.float64)
        yield Section(
            f"Weights of {name}",
            chart=views.stack(held["dates"], held["assets"], shares).to_dict(),
            note="Shares of wealth at the close. A click on a name picks it out.",
        )


def _months(days: Days, returns: Tracks, name: str) -> Iterator[Section]:
    """Yield the monthly returns of a policy, if the days have dates."""
    if not isinstance(days[0], str):
        return
    found = [metrics.monthly_returns(days, run) for run in returns[name]]
    table = np.mean([table for _, table in found], axis=0)
    runs = ", mean over its runs" if len(found) > 1 else ""
    yield Section(
        f"Monthly returns of {name}",
        chart=views.months(found[0][0].tolist(), table).to_dict(),
        note=f"In %{runs}.",
    )
