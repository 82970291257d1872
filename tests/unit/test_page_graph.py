"""Where the boxes and lines of a picture stand."""

from services.pages.graph import Edge, Node, placed


def test_a_column_with_fewer_boxes_stands_in_the_middle() -> None:
    left, above, below = Node("a", "buyer", "A"), Node("b", "supplier", "B"), Node("c", "fees", "C")
    made = placed([[left], [above, below]], [Edge("a", "b", "9", 9), Edge("a", "c", "3", 3)])
    assert [(node["x"], node["y"]) for node in made["nodes"]] == [(0, 30), (280, 0), (280, 60)]
    assert (made["width"], made["height"]) == (456, 106)
    assert [(e["x1"], e["y1"], e["x2"], e["y2"]) for e in made["edges"]] == [
        (176, 53, 280, 23),
        (176, 53, 280, 83),
    ]
    assert [edge["thick"] for edge in made["edges"]] == [9, 3]


def test_a_line_to_what_is_not_shown_is_left_out() -> None:
    made = placed([[Node("a", "buyer", "A")], []], [Edge("a", "gone")])
    assert made["edges"] == []
    assert (made["width"], made["height"]) == (176, 46)
