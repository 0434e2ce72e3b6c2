"""A comparison as a document: what :mod:`drlapps.report` shows of ``drlapps compare``."""

from __future__ import annotations

from drlapps.report import charts, moments, tables
from drlapps.report.document import Cell, Column, Document, Grid, Section
from drlapps.report.formats import NOTHING, formatter
from drlapps.report.tables import Json

_READING = (
    ("Interval", "All intervals hold 95 % confidence. Those of an agent cover the luck of training "
     "(seeds) and the luck of the draw (instances): another training run on other instances of the "
     "same kind would be expected to agree with them."),
    ("Difference", "Every policy played the same instances, so differences are taken instance by "
     "instance. The test is the t test for crossed seeds and instances, with Satterthwaite's "
     "degrees of freedom; treating runs on the same instance as independent would promise too "
     "much."),
    ("p (Holm)", "The p-values are adjusted by Holm's method for the number of tests in the "
     "table, so that the chance of any false verdict in it is at most 5 %."),
    ("Verdict", "Better and worse mean that the adjusted p-value is at most 0.05. Not separated "
     "means that these data cannot tell: it is no proof of equality. Equivalent means "
     "that the difference is smaller than the margin asked for. Below three training runs "
     "no verdict is given: chance alone may explain so few."),
    ("Wins", "Share of runs and instances on which the agent is ahead; a tie counts one half."),
    ("Worst 10 %", "Mean score of the tenth of the instances on which the policy does worst."),
    ("Feasible", "Share of results that keep every constraint. A policy with an infeasible "
     "result has no mean and takes part in no test, for a mean over the rest would flatter it."),
    ("Information", "What a policy may see. Observed: what the agent sees. Model: also the "
     "parameters of the problem. Clairvoyant: also the future, so that it is a bound and no "
     "opponent."),
    ("Cost", "Planning happens once an instance, acting at each decision; both are the wall time "
     "a user would wait. Training is paid once, in CPU time of one run. Compare quality only "
     "together with what it costs."),
)  # fmt: skip


def document(found: Json, *, pictures: bool = True) -> Document:
    """Return the document of a comparison.

    Args:
        found: the object of ``drlapps compare``.
        pictures: whether to draw charts; a terminal and Markdown show none.
    """
    drawn = [*charts.comparison_charts(found), *_figures(found)] if pictures else []
    return Document(
        title=f"drlapps: {found['task']}",
        sentences=tuple(tables.sentences(found)),
        subject=tuple(tables.subject(found)),
        sections=(
            *tables.tables(found), *moments.sections(found), *drawn, _every_result(found),
        ),
        reading=_READING,
    )  # fmt: skip


def _figures(found: Json) -> list[Section]:
    """Return the charts that came with the comparison."""
    return [Section(figure["title"], chart=figure["spec"]) for figure in found.get("figures", [])]


def _every_result(found: Json) -> Section:
    """Return the values of all policies on all instances, folded away."""
    names = [policy["name"] for policy in tables.ranked(found)]
    cells: dict[tuple[str, str], list[Json]] = {}
    for result in found["results"]:
        cells.setdefault((result["instance"], result["policy"]), []).append(result)
    form = formatter((result["metric"]["value"], None) for result in found["results"])

    def cell(instance: str, name: str) -> Cell:
        results = cells.get((instance, name), [])
        values = [
            form(result["metric"]["value"]) if result["feasible"] else result["status"] or NOTHING
            for result in results
        ]
        return Cell(", ".join(values), "" if all(r["feasible"] for r in results) else "bad")

    columns = (Column("instance", False), *(Column(name) for name in names))
    rows = tuple(
        (Cell(instance), *(cell(instance, name) for name in names))
        for instance in found["instances"]
    )
    metric = found["metric"]["name"]
    title = f"Every result: {metric} by instance, one value for each training run"
    return Section(title, Grid(columns, rows), folded=True)
