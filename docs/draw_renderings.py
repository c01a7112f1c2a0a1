"""Draw what image networks see of five molecules: `python docs/draw_renderings.py docs/images/renderings.png`.

The pictures are those whose checksums the tests hold.
"""

import runpy
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spectraflow.methods.matchnet.settings import NUCLEI, Nucleus, RenderingSettings
from spectraflow.spectra.rendering import columns_of_lines, image_of_columns

FIXTURES = Path(__file__).parents[1] / "tests" / "unit" / "spectra" / "rendered_molecules.py"
TICKS: dict[Nucleus, range] = {"1H": range(12, -3, -2), "13C": range(200, -1, -50)}
SIDE, GAP, DPI = 512, 48, 100
"""Pixels of a side of a picture and between two, and of an inch."""
STYLES = (RenderingSettings(), RenderingSettings(style="fill"))


def picture(lines: list[tuple[float, int]], nucleus: Nucleus, settings: RenderingSettings) -> np.ndarray:
    """Return the picture of one line list."""
    ppm, area = zip(*lines, strict=True)
    columns = columns_of_lines(ppm, area, nucleus, settings)
    return image_of_columns(columns.high, columns.low, settings)


def show(axes: Axes, image: np.ndarray, nucleus: Nucleus, settings: RenderingSettings) -> None:
    """Put one picture on its axes, with ppm below that the networks do not see."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    left, right = settings.proton_window if nucleus == "1H" else settings.carbon_window
    places = [(left - ppm) / (left - right) * settings.columns - 0.5 for ppm in TICKS[nucleus]]
    axes.set_xticks(places, [str(ppm) for ppm in TICKS[nucleus]], fontsize=9, color="#4a6785")
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("#8a94a0")


def draw(molecules: dict[str, dict[Nucleus, list[tuple[float, int]]]], out: Path) -> None:
    """Write a row a molecule: 1H and 13C as trace, then as fill; a pixel of a rendering is a square of two pixels."""
    kinds = [(nucleus, settings) for settings in STYLES for nucleus in NUCLEI]
    width, height = len(kinds) * (SIDE + GAP) + GAP, len(molecules) * (SIDE + GAP) + GAP
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    for row, (name, lists) in enumerate(molecules.items()):
        for column, (nucleus, settings) in enumerate(kinds):
            left, bottom = GAP + column * (SIDE + GAP), height - (row + 1) * (SIDE + GAP)
            axes = figure.add_axes((left / width, bottom / height, SIDE / width, SIDE / height))
            show(axes, picture(lists[nucleus], nucleus, settings), nucleus, settings)
            if row == 0:
                axes.set_title(f"{nucleus}, {settings.style}", fontsize=14)
            if column == 0:
                axes.set_ylabel(name, fontsize=14)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Software": None})


if __name__ == "__main__":
    draw(runpy.run_path(str(FIXTURES))["MOLECULES"], Path(sys.argv[1]))
