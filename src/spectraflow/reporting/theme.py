"""The look of figures: one palette for files and for the page, where it follows the reader's colour scheme."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

INK, SOFT, GRID = "#1b1d21", "#6b7280", "#d9dce2"
# Okabe and Ito's colours, told apart with every common kind of colour blindness.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
OTHER_COLOUR = "#9aa1ab"
RIGHT, WRONG = SERIES[0], SERIES[1]
_VARIABLES = {
    INK: "currentColor",
    SOFT: "var(--soft)",
    GRID: "var(--line)",
    OTHER_COLOUR: "var(--soft)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, start=1)},
}
_RC: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.7,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw with the report's fonts and colours inside the block."""
    with rc_context(_RC):
        yield


def figure_svg(figure: Figure, name: str) -> str:
    """Return a figure as an SVG element with a transparent background; the same figure gives the same text.

    `name` goes before every id of the element, so that several fit on one page.
    """
    with rc_context({**_RC, "svg.hashsalt": name}):
        buffer = StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    svg = text[text.index("<svg") :].strip()
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)


def for_file(svg: str) -> str:
    """Return an SVG element as a stand-alone file on white."""
    start = svg.index(">", svg.index("<svg")) + 1
    white = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg[:start]}{white}{svg[start:]}\n'


def for_page(svg: str, label: str) -> str:
    """Return an SVG element for the page: its colours become the page's, `label` is read aloud for it."""
    for colour, variable in _VARIABLES.items():
        svg = re.sub(re.escape(colour), variable, svg, flags=re.IGNORECASE)
    quoted = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace("<svg", f'<svg role="img" aria-label="{quoted}"', 1)
