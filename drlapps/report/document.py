"""What a report says, whatever shows it: sentences, a subject, tables, charts, reading notes.

Those who found something out build a :class:`Document`; :mod:`drlapps.report` prints it on a
terminal and writes it as Markdown or as a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Column(NamedTuple):
    """A column: its header of one or two lines, and whether it holds numbers."""

    header: str
    numeric: bool = True


class Cell(NamedTuple):
    """A cell: its text and its tone (``good``, ``bad``, ``unsure``, ``same``, ``faint``)."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        columns: its columns.
        rows: its rows, a cell for each column.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Section:
    """A part of a document: a table, a chart, or a chart with its table.

    Attributes:
        title: what it shows.
        grid: its table.
        chart: its chart, a Vega-Lite specification with the data inside; only a page draws it.
        note: how to read it, in a sentence or two.
        folded: whether it is detail for the curious: a page folds it away, other media leave it
            out.
    """

    title: str
    grid: Grid | None = None
    chart: Mapping[str, Any] | None = None
    note: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title: its heading.
        sentences: what was found, in plain words.
        subject: what was looked at, as pairs of a word and its meaning here.
        sections: tables and charts, in the order in which to read them.
        reading: how to read them, as pairs of a term and its explanation; only a page has room
            for it.
    """

    title: str
    sentences: tuple[str, ...]
    subject: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    reading: tuple[tuple[str, str], ...] = ()

    @property
    def tables(self) -> list[tuple[Section, Grid]]:
        """The sections with a table that no medium leaves out, each with its table."""
        return [(part, part.grid) for part in self.sections if part.grid and not part.folded]
