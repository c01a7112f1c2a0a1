"""Draw the workflow's rule graph as SVG: `python docs/draw_rulegraph.py docs/images/rulegraph.svg`."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import networkx as nx
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]
NODE = re.compile(r'(\d+)\[label = "([^"]+)"')
EDGE = re.compile(r"(\d+) -> (\d+)")


def read_rulegraph() -> nx.DiGraph:
    """Return the rules of the default run as a graph; an edge leads from a rule to one that uses its files."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "--forceall"]
    dot = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = dict(NODE.findall(dot))
    graph = nx.DiGraph()
    graph.add_nodes_from(name for name in names.values() if name != "all")
    edges = ((names[a], names[b]) for a, b in EDGE.findall(dot))
    graph.add_edges_from(edge for edge in edges if "all" not in edge)
    return nx.transitive_reduction(graph)


def place(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """Return positions: each rule one column before the first that needs it, rows by the height of its sources."""
    positions: dict[str, tuple[float, float]] = {}
    columns = reversed(list(nx.topological_generations(graph.reverse())))
    for column, generation in enumerate(columns):

        def height(rule: str) -> float:
            sources = [positions[name][1] for name in graph.predecessors(rule)]
            return sum(sources) / len(sources) if sources else 0.0

        ordered = sorted(generation, key=lambda rule: (-height(rule), rule))
        for row, rule in enumerate(ordered):
            positions[rule] = (float(column), (len(ordered) - 1) / 2 - row + 0.25 * (column % 2))
    return positions


def draw(graph: nx.DiGraph, out: Path) -> None:
    """Write the graph as SVG, the same bytes for the same graph."""
    mpl.rcParams.update({"svg.hashsalt": "spectraflow", "svg.fonttype": "none", "font.family": "sans-serif"})
    positions = place(graph)
    figure = Figure(figsize=(15, 3.6))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.axis("off")
    for source, target in graph.edges:
        axes.annotate(
            "",
            xy=positions[target],
            xytext=positions[source],
            arrowprops={"arrowstyle": "->", "color": "#8a94a0", "shrinkA": 24, "shrinkB": 30},
        )
    for rule, (x, y) in positions.items():
        box = {"boxstyle": "round,pad=0.45", "facecolor": "#eef3f8", "edgecolor": "#4a6785"}
        axes.text(x, y, rule.replace("_", "\n"), ha="center", va="center", fontsize=9, bbox=box)
    xs, ys = zip(*positions.values(), strict=True)
    axes.set_xlim(min(xs) - 0.5, max(xs) + 0.5)
    axes.set_ylim(min(ys) - 0.6, max(ys) + 0.6)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    draw(read_rulegraph(), Path(sys.argv[1]))
