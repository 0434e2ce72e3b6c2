"""One document -> terminal tables, Markdown, a page; nothing is computed here.

What drlapps finds becomes a :class:`~drlapps.report.document.Document`, which the functions that
end in ``_document`` show; the others do so for a comparison and for single results.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from drlapps import files
from drlapps.errors import InputError
from drlapps.report import comparison as comparisons
from drlapps.report import tables
from drlapps.report.document import Cell, Column, Document, Grid
from drlapps.report.saved import load
from drlapps.report.tables import Json

if TYPE_CHECKING:
    import altair

__all__ = [
    "chart_file", "evaluation", "html", "html_document", "load", "markdown", "markdown_document",
    "solution", "terminal", "terminal_document",
]  # fmt: skip

Chart: TypeAlias = "altair.TopLevelMixin"

_STYLES = {"good": "green", "bad": "red", "unsure": "yellow", "same": "cyan", "faint": "dim"}
_SHORTEST = 18  # characters to which a column of words may be folded
_GAP = 2  # characters between columns
_SUFFIXES = (".html", ".png", ".svg")


def terminal(comparison: Json, console: Console) -> None:
    """Print a comparison: what was compared, its tables, and a sentence for each agent."""
    terminal_document(comparisons.document(comparison, pictures=False), console)


def terminal_document(document: Document, console: Console) -> None:
    """Print a document: its subject, its tables, and what was found."""
    _pairs(document.subject, console)
    for section, grid in document.tables:
        _print(grid, console, title=section.title, note=section.note)
    console.print()
    for sentence in document.sentences:
        console.print(_text(sentence))


def solution(row: Json, console: Console) -> None:
    """Print one result, the object of ``drlapps solve``."""
    _pairs(tables.solution(row), console)


def evaluation(rows: Sequence[Json], console: Console) -> None:
    """Print a table of results, the list of ``drlapps evaluate``."""
    _print(tables.evaluation(rows), console, title="Results")


def _pairs(pairs: Sequence[tuple[str, str]], console: Console) -> None:
    """Print words and their meanings in two columns."""
    width = max([14, *(len(word) for word, _ in pairs)]) + 2
    for word, meaning in pairs:
        tone = "bad" if (word, meaning) == ("feasible", "no") else ""
        console.print(Text.assemble((f"{word:<{width}}", "bold"), _text(meaning, tone)))


def _text(text: str, tone: str = "") -> Text:
    """Return text without the control characters by which a name could command a terminal."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return Text(clean, style=_STYLES.get(tone, ""))


def _print(grid: Grid, console: Console, *, title: str, note: str = "") -> None:
    """Print a table; where it cannot be folded enough it runs over, but nothing is cut."""
    table = Table(
        title=title, caption=note or None, title_justify="left", caption_justify="left",
        title_style="bold", box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim",
    )  # fmt: skip
    headers = [column.header.split("\n") for column in grid.columns]
    widths = _widths(grid, headers)
    for length in range(max(map(len, chain(*headers))), 0, -1):
        if sum(widths) <= console.width:
            break
        headers = [_broken(column.header, length) for column in grid.columns]
        widths = _widths(grid, headers)
    for column, header, width in zip(grid.columns, headers, widths, strict=True):
        head = Text("\n").join(map(_text, header))
        if column.numeric:
            table.add_column(head, justify="right", no_wrap=True, min_width=width - _GAP)
        else:
            table.add_column(head, overflow="fold", min_width=width - _GAP)
    for row in grid.rows:
        table.add_row(*(_text(cell.text, cell.tone) for cell in row))
    if sum(widths) > console.width:
        table.width = sum(widths)
    console.print()
    console.print(table, crop=False)


def _widths(grid: Grid, headers: Sequence[Sequence[str]]) -> list[int]:
    """Return the least width of each column: its longest line, and the gap behind it."""
    cells = zip(*grid.rows, strict=True) if grid.rows else [()] * len(headers)
    longest = [
        max(map(len, (*header, *(cell.text for cell in own))))
        for header, own in zip(headers, cells, strict=True)
    ]
    return [
        _GAP + (length if column.numeric else min(length, _SHORTEST))
        for column, length in zip(grid.columns, longest, strict=True)
    ]


def _broken(header: str, length: int) -> list[str]:
    """Return a header in lines of that length, as far as its words have joints to break at."""
    lines = []
    for line in header.split("\n"):
        lines.append("")
        for part in re.split(r"(?<=[-:/ ])", line):
            if lines[-1] and len((lines[-1] + part).rstrip()) > length:
                lines.append("")
            lines[-1] += part
    return [line.rstrip() for line in lines]


def markdown(comparison: Json) -> str:
    """Return a comparison as GitHub Markdown."""
    return markdown_document(comparisons.document(comparison, pictures=False))


def markdown_document(document: Document) -> str:
    """Return a document as GitHub Markdown: what was found, its subject, its tables."""
    lines = [f"# {_mark(document.title)}", ""]
    lines += [f"{_mark(sentence)}\n" for sentence in document.sentences]
    lines += [f"- **{word}**: {_mark(meaning)}" for word, meaning in document.subject]
    for section, grid in document.tables:
        lines += ["", f"## {section.title}", "", *_markdown_table(grid), "", _mark(section.note)]
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
    return html_document(comparisons.document(comparison))


def html_document(document: Document) -> str:
    """Return a document as one self-contained page: no file beside it, no network."""
    from drlapps.report import page

    return page.document(document)


def chart_file(chart: Chart, path: str | Path, *more: Chart) -> None:
    """Write a chart as a self-contained page, a PNG or an SVG, by the suffix of the file.

    Args:
        chart: the chart.
        path: where to.
        more: charts that a page shows below it; a picture has room for one.

    Raises:
        InputError: the suffix is another one, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{path}: a chart is written as {', '.join(_SUFFIXES[:-1])} or .svg")
    if suffix == ".html":
        from drlapps.report import page

        files.write_atomic(path, page.charts((chart, *more), path.stem))
        return
    import vl_convert

    spec = chart.to_dict()
    if suffix == ".png":
        files.write_atomic(path, vl_convert.vegalite_to_png(spec, scale=2))
    else:
        files.write_atomic(path, vl_convert.vegalite_to_svg(spec))
