"""What a task is: small frozen dataclasses of strings and numbers.

Nothing here imports the code that the strings name, so that declaring and listing
tasks costs nothing. :mod:`drlapps.registry` resolves the strings when they are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Information(StrEnum):
    """What a policy may see."""

    OBSERVED = "observed"
    """What the agent sees."""
    MODEL = "model"
    """Also the model's parameters or forecast."""
    CLAIRVOYANT = "clairvoyant"
    """Also the future: a bound, never a fair opponent."""


@dataclass(frozen=True)
class Metric:
    """The number by which policies are judged.

    Attributes:
        name: key of the metric in the environment's episode metrics.
        unit: unit of measure, for people.
        minimize: whether lower is better.
        reference: what gaps are measured against, for people; empty where no reference exists.
    """

    name: str
    unit: str
    minimize: bool
    reference: str = ""

    def gap_percent(self, value: float, reference: float | None) -> float | None:
        """Return how far ``value`` falls short of ``reference``, in percent of it.

        Positive means worse than the reference, whichever way the metric points.
        ``None`` without a usable reference.
        """
        if not reference:
            return None
        excess = value - reference if self.minimize else reference - value
        return 100.0 * excess / abs(reference)


@dataclass(frozen=True)
class Baseline:
    """A classical policy of a task.

    Attributes:
        policy: import string of the policy class.
        summary: one sentence: the method and how it builds its solution.
        information: what it may see.
        options: keyword arguments that make it this baseline, with their defaults.
        samples: how many randomised episodes it plays per instance, keeping the best.
        compared: whether ``compare`` takes it when no baselines are named.
    """

    policy: str
    summary: str
    information: Information = Information.OBSERVED
    options: Mapping[str, object] = field(default_factory=dict)
    samples: int = 1
    compared: bool = True


@dataclass(frozen=True)
class Task:
    """One application problem, declared once.

    Attributes:
        id: ``domain/name``.
        env_id: Gymnasium identifier of the environment.
        summary: one sentence for lists.
        environment: import string of the :class:`drlapps.vector.VectorEnvironment` subclass, or
            ``gymnasium:ID`` for an environment of another package.
        metric: the number by which policies are judged.
        instances: import string of ``named(names) -> list[Instance]``, which resolves instance
            names, ranges and file paths.
        pools: name (``train``, ``validation``, ``test``, ``toy``) to import string of the pool.
        baselines: name to baseline.
        agents: name to import string of the preset.
        pretrained: agent whose trained runs ship in the task folder's ``agents/``, if any.
        checker: import string of ``check(instance, solution) -> metrics``.
        views: module whose ``figures(instance, solution, title)`` draws a solution; if it has a
            tuple ``COMPARED``, comparisons show the figures of those names only. If it has
            ``comparison_figures(instances, comparison)``, comparisons begin with its charts, by
            name, of the JSON object of ``drlapps compare`` on the instances played; a name such
            as ``rate-by-power`` becomes the title.
        backtest: module whose ``run`` answers ``drlapps backtest``, if history can be replayed.
        data: module whose functions answer ``drlapps data``, if there is any to fetch or check.
        published: rows of published results (``method``, ``value``, ``unit``, ``source``), for
            people to compare with.
        references: the papers.
    """

    id: str
    env_id: str
    summary: str
    environment: str
    metric: Metric
    pools: Mapping[str, str]
    instances: str = ""
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)
    pretrained: str = ""
    checker: str = ""
    views: str = ""
    backtest: str = ""
    data: str = ""
    published: tuple[Mapping[str, str], ...] = ()
    references: tuple[str, ...] = ()
