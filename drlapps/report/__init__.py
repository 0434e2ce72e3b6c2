"""One result object -> terminal tables, Markdown, a page, pictures; nothing is computed here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from drlapps import files
from drlapps.errors import InputError
from drlapps.report import tables
from drlapps.report.saved import load
from drlapps.report.tables import Cell, Column, Grid, Json

if TYPE_CHECKING:
    import altair

__all__ = ["chart_file", "evaluation", "html", "load", "markdown", "solution", "terminal"]

Chart: TypeAlias = "altair.TopLevelMixin"

_STYLES = {"good": "green", "bad": "red", "unsure": "yellow", "same": "cyan", "faint": "dim"}
_SHORTEST = 16  # characters to which a column of words may be folded
_SUFFIXES = (".html", ".png", ".svg")


def terminal(comparison: Json, console: Console) -> None:
    """Print a comparison: what was compared, its tables, and a sentence for each agent."""
    for word, meaning in tables.subject(comparison):
        console.print(_line(word, meaning))
    for grid in tables.tables(comparison):
        _print(grid, console)
    console.print()
    for sentence in tables.sentences(comparison):
        console.print(_text(sentence))


def solution(row: Json, console: Console) -> None:
    """Print one result, the object of ``drlapps solve``."""
    for word, meaning in tables.solution(row):
        console.print(_line(word, meaning, "bad" if (word, meaning) == ("feasible", "no") else ""))


def evaluation(rows: Sequence[Json], console: Console) -> None:
    """Print a table of results, the list of ``drlapps evaluate``."""
    _print(tables.evaluation(rows), console)


def _line(word: str, meaning: str, tone: str = "") -> Text:
    return Text.assemble((f"{word:<15}", "bold"), _text(meaning, tone))


def _text(text: str, tone: str = "") -> Text:
    """Return text without the control characters by which a name could command a terminal."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return Text(clean, style=_STYLES.get(tone, ""))


def _print(grid: Grid, console: Console) -> None:
    """Print a table; where words cannot be folded enough it runs over, but nothing is cut."""
    table = Table(
        title=grid.title, caption=grid.note or None, title_justify="left", caption_justify="left",
        title_style="bold", box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim",
    )  # fmt: skip
    least = 0
    for column, cells in zip(grid.columns, zip(*grid.rows, strict=True), strict=False):
        longest = max(len(text) for text in [*column.header.split("\n"), *(c.text for c in cells)])
        if column.numeric:
            table.add_column(Text(column.header), justify="right", no_wrap=True, min_width=longest)
        else:
            longest = min(longest, _SHORTEST)
            table.add_column(Text(column.header), overflow="fold", min_width=longest)
        least += longest + 2
    for row in grid.rows:
        table.add_row(*(_text(cell.text, cell.tone) for cell in row))
    console.print()
    console.print(table, width=max(console.width, least), crop=False)


def markdown(comparison: Json) -> str:
    """Return a comparison as GitHub Markdown."""
    lines = [f"# drlapps: {_mark(comparison['task'])}", ""]
    lines += [f"{_mark(sentence)}\n" for sentence in tables.sentences(comparison)]
    lines += [f"- **{word}**: {_mark(meaning)}" for word, meaning in tables.subject(comparison)]
    for grid in tables.tables(comparison):
        lines += ["", f"## {grid.title}", "", *_markdown_table(grid), "", _mark(grid.note)]
    return "\n".join(lines) + "\n"


def _markdown_table(grid: Grid) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    header = line([_mark(column.header) for column in grid.columns])
    ruler = line(["---:" if column.numeric else "---" for column in grid.columns])
    rows = [line([_markdown_cell(*pair) for pair in zip(grid.columns, row, strict=True)])
            for row in grid.rows]  # fmt: skip
    return [header, ruler, *rows]


def _markdown_cell(column: Column, cell: Cell) -> str:
    text = cell.text if column.numeric and not cell.tone else _mark(cell.text)
    return f"**{text}**" if cell.tone in ("good", "bad") else text


def _mark(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|&~#])", r"\\\1", " ".join(text.split()))


def html(comparison: Json) -> str:
    """Return a comparison as one self-contained page: no file beside it, no network."""
    from drlapps.report import page

    return page.comparison(comparison)


def chart_file(chart: Chart, path: str | Path) -> None:
    """Write a chart as a self-contained page, a PNG or an SVG, by the suffix of the file.

    Raises:
        InputError: the suffix is another one, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{path}: a chart is written as {', '.join(_SUFFIXES[:-1])} or .svg")
    if suffix == ".html":
        from drlapps.report import page

        files.write_atomic(path, page.chart(chart, path.stem))
        return
    import vl_convert

    spec = chart.to_dict()
    if suffix == ".png":
        files.write_atomic(path, vl_convert.vegalite_to_png(spec, scale=2))
    else:
        files.write_atomic(path, vl_convert.vegalite_to_svg(spec))
