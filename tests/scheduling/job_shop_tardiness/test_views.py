"""What the pictures of a schedule with due dates say."""

from __future__ import annotations

from drlapps.scheduling.job_shop_tardiness.instances import toy
from drlapps.scheduling.job_shop_tardiness.views import figures, lateness

SINGLE = toy()[0]
STARTS = {"start": [[5], [0], [2]]}
"""The optimum of toy-single: job 1, then 2, then 0."""


def test_lateness_lists_the_jobs_by_due_date() -> None:
    rows = lateness(SINGLE, STARTS)
    assert [
        (row["job"], row["end"], row["due"], row["tardiness"], row["cost"]) for row in rows
    ] == [
        (1, 2, 3, 0, 0),
        (0, 9, 4, 5, 5),
        (2, 5, 6, 0, 0),
    ]


def test_the_figures_name_what_the_schedule_costs() -> None:
    drawn = figures(SINGLE, STARTS, "three jobs")
    assert list(drawn) == ["gantt", "due-dates"]
    chart = drawn["due-dates"].to_dict()
    assert chart["title"]["subtitle"] == "total weighted tardiness 5, 1 of 3 jobs late"
    drawn["gantt"].to_dict()
