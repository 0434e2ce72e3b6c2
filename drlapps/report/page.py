"""A document, or a chart, as one self-contained page.

The chart library is written into the page, and a content security policy forbids the browser to
load anything or to run any other script, whatever the names and chart specifications contain.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from drlapps import files
from drlapps.report.document import Document, Grid, Section

if TYPE_CHECKING:
    import altair as alt

_EMBED = """
const specs = JSON.parse(document.getElementById("charts").textContent);
specs.forEach((spec, index) => {
  const place = document.getElementById("chart-" + index);
  const actions = {export: true, source: false, compiled: false, editor: false};
  vegaEmbed(place, spec, {renderer: "svg", ast: true, logLevel: 1, actions})
    .catch(error => { place.textContent = "This chart cannot be drawn: " + error.message; });
});
"""

_STYLE = """
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --ink: #1c2430;
  --faint: #5a6675; --line: #e1e5ea; --good: #2b8a3e; --bad: #c92a2a; --unsure: #a86a00;
  --same: #0b7285; --accent: #1f6fb4; }
@media (prefers-color-scheme: dark) { :root { --page: #14181e; --card: #1d232b; --ink: #e6eaf0;
  --faint: #9aa5b3; --line: #323a45; --good: #69c97c; --bad: #ff8787; --unsure: #f0b64a;
  --same: #4fc3d9; --accent: #74b4ea; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 16px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0 0 8px; }
p { margin: 6px 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 20px 24px; margin-top: 20px; }
.headline p { font-size: 17px; overflow-wrap: anywhere; }
.headline { border-left: 4px solid var(--accent); }
.note { color: var(--faint); font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 500; color: var(--faint); vertical-align: bottom; }
th, td { padding: 5px 18px 5px 0; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
td { overflow-wrap: anywhere; min-width: 8em; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; min-width: 0; }
th.n { white-space: normal; }
table.narrow { width: auto; }
.narrow th, .narrow td { padding-right: 40px; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.unsure { color: var(--unsure); font-weight: 600; }
.same { color: var(--same); font-weight: 600; }
.faint { color: var(--faint); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 24px; margin: 0; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; font-weight: 600; }
details[open] summary { margin-bottom: 10px; }
.chart { background: #fff; color: #1c2430; border-radius: 6px; overflow-x: auto; }
.chart .vega-embed { display: block; padding-right: 0; }
.chart svg.marks { display: block; max-width: 100%; height: auto; }
.chart summary { opacity: 0.35 !important; }
@media print { body { background: #fff; } main { max-width: none; padding: 0; }
  section { break-inside: avoid; border: 0; padding: 8px 0; } .long { break-inside: auto; }
  .chart summary { display: none; } }
"""


def document(found: Document) -> str:
    """Return the page of a document."""
    specs: list[Mapping[str, Any]] = []
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in found.sentences)
    parts = [
        f"<h1>{escape(found.title)}</h1>",
        f'<section class="headline">{said}</section>',
        _box("What was compared", _terms(found.subject)),
        *(_section(section, specs) for section in found.sections),
        _box("How to read it", _terms(found.reading, "note")) if found.reading else "",
    ]
    return _shell(found.title, "\n".join(parts), specs)


def charts(drawn: Iterable[alt.TopLevelMixin], title: str) -> str:
    """Return the page of charts and nothing else."""
    specs: list[Mapping[str, Any]] = []
    boxes = [f"<section>{_place(specs, chart.to_dict())}</section>" for chart in drawn]
    return _shell(title, "\n".join(boxes), specs)


def _box(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _terms(pairs: Sequence[tuple[str, str]], css: str = "") -> str:
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(said)}</dd>" for term, said in pairs)
    return f"<dl{_class(css)}>{terms}</dl>"


def _section(section: Section, specs: list[Mapping[str, Any]]) -> str:
    content = _place(specs, section.chart) if section.chart is not None else ""
    content += _table(section.grid) if section.grid else ""
    content += f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    if not section.folded:
        return _box(section.title, content)
    return (
        f'<section class="long"><details><summary>{escape(section.title)}</summary>{content}'
        "</details></section>"
    )


def _table(grid: Grid) -> str:
    header = "".join(
        f"<th{_class('n' if column.numeric else '')}>"
        f"{'<br>'.join(map(_jointed, column.header.splitlines()))}</th>"
        for column in grid.columns
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{_class('n' if column.numeric else '', cell.tone)}>{escape(cell.text)}</td>"
            for column, cell in zip(grid.columns, row, strict=True)
        )
        + "</tr>"
        for row in grid.rows
    )
    return (
        f'<div class="scroll"><table{_class("narrow" if len(grid.columns) <= 3 else "")}><thead>'
        f"<tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _jointed(header: str) -> str:
    """Return a header that a browser may break at the joints of a name, where room is short."""
    return re.sub(r"(?<=[-:/])(?=.)", "<wbr>", escape(header))


def _class(*names: str) -> str:
    """Return the attribute for those names that are not empty."""
    given = " ".join(filter(None, names))
    return f' class="{given}"' if given else ""


def _place(specs: list[Mapping[str, Any]], spec: Mapping[str, Any]) -> str:
    """File a chart specification and return the place where the page draws it."""
    specs.append(spec)
    return (
        f'<div class="chart" id="chart-{len(specs) - 1}"><noscript>Charts need JavaScript.'
        "</noscript></div>"
    )


@cache
def _script() -> str:
    """Return the chart library together with the few lines that draw the charts."""
    import vl_convert

    return str(vl_convert.javascript_bundle(_EMBED))


def _shell(title: str, body: str, specs: Sequence[Mapping[str, Any]]) -> str:
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    # Through the strict writer, so that what JSON has no form for becomes null; then compact.
    compact = json.dumps(json.loads(files.json_text(list(specs))), separators=(",", ":"))
    embedded = compact.replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
<script type="application/json" id="charts">{embedded}</script>
<script>{script}</script>
</body>
</html>
"""
