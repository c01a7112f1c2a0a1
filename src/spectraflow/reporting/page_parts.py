"""What all pages of the report share: their frame, drawings as files and inline, accounting as blocks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from matplotlib.figure import Figure

from spectraflow import __version__
from spectraflow.errors import InputError
from spectraflow.files import read_json, write_text
from spectraflow.provenance import git_commit
from spectraflow.reporting import sections, theme
from spectraflow.reporting.experiments import flatten
from spectraflow.reporting.labels import plain
from spectraflow.reporting.runs import Run

MAIN_PAGE = "index.html"
GROUPS_PAGE = "functional_groups.html"
MATCHING_PAGE = "matching.html"
MOLECULENET_PAGE = "moleculenet.html"
PAGES = {
    MAIN_PAGE: "Alignment and retrieval",
    GROUPS_PAGE: "Functional groups",
    MATCHING_PAGE: "Matching",
    MOLECULENET_PAGE: "Properties",
}
"""Titles of the pages of the report, as they name each other."""

Drawing = tuple[str, str]
"""A figure's SVG and what it shows in words."""

_REPEAT = {
    "demo": "make run",
    "published": "snakemake --configfile workflow/config/paper.yaml",
}


def environment() -> Environment:
    """Return the templates of this package, with data escaped and unknown names refused."""
    found = Environment(
        loader=PackageLoader("spectraflow.reporting", "."),
        autoescape=select_autoescape(["html", "html.j2"], default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["plain"] = plain
    return found


def frame(data: str, other_pages: Sequence[str]) -> dict[str, Any]:
    """Return what the frame of a page shows; `other_pages`: files of PAGES that it links to (InputError for others)."""
    if unknown := [name for name in other_pages if name not in PAGES]:
        raise InputError(f"{unknown[0]}: not a page of the report; its pages are {', '.join(PAGES)}")
    return {
        "data": data,
        "version": __version__,
        "commit": git_commit(),
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "repeat": _REPEAT.get(data, _REPEAT["published"]),
        "pages": [(name, PAGES[name]) for name in other_pages],
        "css": Markup(Path(__file__).with_name("page.css").read_text(encoding="utf-8")),
    }


def inline(svg: str, words: str) -> Markup:
    """Return a drawing for the page itself."""
    return Markup(theme.for_page(svg, words))


def drawn(figures: Mapping[str, tuple[Figure | None, str]]) -> dict[str, Drawing]:
    """Return the figures that there are as drawings, by file name."""
    return {
        name: (theme.figure_svg(figure, name), words) for name, (figure, words) in figures.items() if figure is not None
    }


def write_figures(folder: Path, drawings: Mapping[str, Drawing]) -> None:
    """Write each drawing as `<name>.svg`."""
    for name, (svg, _) in drawings.items():
        write_text(folder / f"{name}.svg", theme.for_file(svg))


def run_settings(run: Run) -> list[tuple[str, str]]:
    """Return everything a run's settings.json says, by dotted key."""
    info = {key: value for key, value in run.info.items() if key not in ("settings", "label", "run_id")}
    return [(key, plain(value)) for key, value in {**flatten(info), **flatten(run.settings)}.items()]


def json_blocks(paths: Sequence[Path], title: Callable[[Path], str]) -> list[sections.Block]:
    """Return JSON objects as blocks under their titles; raises InputError for anything else."""
    return [block for path in map(Path, paths) for block in _blocks(path, title(path))]


def by_folder(path: Path) -> str:
    """Return the name of a file's folder: that of a table's source or data set."""
    return path.parent.name


def by_file(path: Path) -> str:
    """Return a file's name without its ending."""
    return path.name.removesuffix(".json")


def by_both(path: Path) -> str:
    """Return the name of a split's data set and of the split."""
    return f"{path.parent.name}, {path.name.removesuffix('.audit.json')}"


def _blocks(path: Path, title: str) -> list[sections.Block]:
    try:
        value = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(value, Mapping):
        raise InputError(f"{path}: a JSON object was expected, found {type(value).__name__}")
    return sections.blocks(value, title)
