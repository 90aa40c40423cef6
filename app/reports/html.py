"""A report as one HTML file that opens anywhere without a network: charts, texts and their script are inside.

Everything that comes from prompts, models and names is escaped, and the page's own policy forbids it to fetch anything.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from functools import cache
from importlib.resources import files

import plotly
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.reports.ladder_report import plain_mark
from app.reports.report import Chart, Report
from app.views.charts import ACCENTS, BASELINES, LINE, TEXT

# The theme's own colours, as .streamlit/config.toml has them for a light page.
COLOURS = dict(
    zip(
        (*ACCENTS, *BASELINES, TEXT, LINE),
        ("#0b62b0", "#de6116", "#29a667", "#7a17e6", "#564716", "#c276a6", "#0f363f", "#5d6875", "#87929e", "#101820",
         "#4a5563"),
        strict=True,
    )
)  # fmt: skip
PLACEHOLDER = re.compile("|".join(map(re.escape, COLOURS)))
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def to_html(report: Report) -> str:
    charts = [chart for section in report.sections for chart in section.charts]
    return _environment().get_template("report.html.j2").render(
        report=report,
        manifest=json.dumps(report.manifest, indent=2, ensure_ascii=False),
        figures=[embedded(figure_json(chart)) for chart in charts],
        plotly=_plotly() if charts else "",
        mark=plain_mark,
    )  # fmt: skip


def figure_json(chart: Chart) -> str:
    """The figure with this page's colours in place of the studio's placeholders."""
    figure = chart.figure.to_plotly_json()
    for axis in ("xaxis", "yaxis"):
        figure["layout"].setdefault(axis, {})["automargin"] = True
    figure["layout"] |= {"template": {}, "font": {"family": FONT, "color": COLOURS[TEXT], "size": 13}}
    return PLACEHOLDER.sub(lambda found: COLOURS[found.group()], json.dumps(figure, default=_plain))


def embedded(document: str) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element."""
    return document.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def _plain(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else list(value)  # type: ignore[call-overload]


@cache
def _plotly() -> str:
    """The installed plotly's script, gzip in base64: the browser unpacks it, and the file stays under 3 MB."""
    script = files(plotly).joinpath("package_data", "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(script, 9, mtime=0)).decode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("app.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
