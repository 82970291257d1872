"""Where the boxes and lines of a picture stand: columns from left to right, as an inline SVG."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

BOX: Final = (176, 46)
GAP: Final = (104, 14)
THICK_MAX: Final = 9


class Node(NamedTuple):
    """`code` is said in words above `label`; `href` is a page behind the language."""

    key: str
    code: str
    label: str
    href: str = ""


class Edge(NamedTuple):
    """`weight` is its part of the greatest, for how thick it is drawn."""

    begin: str
    end: str
    label: str = ""
    weight: int = 0


def placed(columns: Sequence[Sequence[Node]], edges: Iterable[Edge]) -> dict[str, Any]:
    """Return the size of the picture and the places in it, in pixels. Empty columns take none."""
    full = [column for column in columns if column]
    width, height = (BOX[axis] + GAP[axis] for axis in (0, 1))
    rows = max(map(len, full), default=0)
    nodes = {
        node.key: {
            **node._asdict(),
            "x": at * width,
            "y": (2 * row + rows - len(column)) * height // 2,
        }
        for at, column in enumerate(full)
        for row, node in enumerate(column)
    }
    lines = [edge for edge in edges if edge.begin in nodes and edge.end in nodes]
    most = max((edge.weight for edge in lines), default=0)
    return {
        "width": max(0, len(full) * width - GAP[0]),
        "height": max(0, rows * height - GAP[1]),
        "box": BOX,
        "nodes": list(nodes.values()),
        "edges": [
            {
                "x1": nodes[edge.begin]["x"] + BOX[0],
                "y1": nodes[edge.begin]["y"] + BOX[1] // 2,
                "x2": nodes[edge.end]["x"],
                "y2": nodes[edge.end]["y"] + BOX[1] // 2,
                "label": edge.label,
                "thick": 1 + (THICK_MAX - 1) * edge.weight // most if most else 1,
            }
            for edge in lines
        ],
    }
