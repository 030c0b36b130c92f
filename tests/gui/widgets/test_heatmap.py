"""The heatmap and the grid of heads: exact cells, masking, keys, colours."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from lmstudio_app.gui.widgets import color_maps
from lmstudio_app.gui.widgets.head_grid import HeadGrid
from lmstudio_app.gui.widgets.heatmap import Heatmap
from tests.gui.widgets.conftest import hover, picture, wheel

TOKENS = ["To", "m", "orrow", ",", " and", "\n"]


def weights(count: int = 6, seed: int = 0) -> np.ndarray:
    values = np.tril(np.random.default_rng(seed).random((count, count))).astype(np.float32)
    return values / values.sum(1, keepdims=True)


@pytest.fixture
def heatmap(shown) -> Heatmap:
    made = shown(Heatmap(), 520, 480)
    made.set_weights(weights(), TOKENS)
    return made


def test_each_cell_has_exactly_the_colour_of_its_weight(heatmap, look):
    for mode in ("light", "dark"):
        look.set_mode(mode)
        image = picture(heatmap)
        table = color_maps.table(look.tokens.weights)
        for row in range(6):
            for column in range(row + 1):
                expected = int(table[round(float(heatmap.weights[row, column]) * 255)]) & 0xFFFFFF
                assert image.pixel(heatmap.box_of((row, column)).center().toPoint()) & 0xFFFFFF == expected


def test_masked_cells_are_hatched_and_cannot_be_marked(heatmap):
    centre = heatmap.box_of((1, 4)).center()
    assert heatmap.cell_at(centre) is None
    heatmap.set_weights(weights(), TOKENS, masked=False)
    assert heatmap.cell_at(centre) == (1, 4)


def test_arrows_move_the_marked_cell_inside_the_triangle(heatmap, qtbot):
    seen = []
    heatmap.cell_changed.connect(lambda *cell: seen.append(cell))
    heatmap.mark((2, 1))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Home):
        qtbot.keyClick(heatmap, key)
    assert seen == [(2, 1), (2, 2), (2, 2), (3, 2), (3, 1), (3, 3), (3, 0)]
    assert heatmap.text_at((4, 2)).startswith("from ·and, token 5, to orrow, token 3, 0.")
    assert heatmap.accessibleDescription() == heatmap.text_at((3, 0))
    qtbot.keyClick(heatmap, Qt.Key.Key_Escape)
    assert heatmap.cell is None


def test_the_mouse_marks_and_clicks_pin(heatmap, qtbot):
    hover(heatmap, heatmap.box_of((5, 2)).center().toPoint())
    assert heatmap.cell == (5, 2)
    qtbot.mouseClick(heatmap, Qt.MouseButton.LeftButton, pos=heatmap.box_of((4, 3)).center().toPoint())
    hover(heatmap, heatmap.rect().topLeft())
    assert heatmap.cell == (4, 3)


def test_a_zoom_turns_with_the_wheel_and_the_readout_stays_under_the_mouse(shown):
    heatmap = shown(Heatmap(), 520, 480)
    heatmap.set_weights(weights(60), ["x"] * 60)
    for _ in range(30):
        wheel(heatmap, 4)
    assert heatmap.visible_cells()[2] == pytest.approx(60 * 0.85)
    middle = QPointF(heatmap.rect().center())
    hover(heatmap, middle)
    for _ in range(8):
        wheel(heatmap, 120)
        assert heatmap.cell == heatmap.cell_at(middle)


def test_what_is_no_number_is_clear_and_breaks_nothing(heatmap):
    heatmap.set_scale_to_largest(True)
    heatmap.set_weights(np.full((6, 6), np.nan), TOKENS)
    assert heatmap.maximum == 1.0
    image, _ = heatmap.picture()
    assert image.pixelColor(0, 5).alpha() == 0


def test_the_largest_size_keeps_its_peaks(shown):
    heatmap = shown(Heatmap(), 420, 400)
    values = np.zeros((1024, 1024), dtype=np.float32)
    values[700, 300] = 1.0
    heatmap.set_weights(values, ["x"] * 1024)
    full = int(color_maps.table("CET-L17")[255]) & 0xFFFFFF
    image = picture(heatmap)
    around = heatmap.box_of((700, 300)).center().toPoint()
    near = [image.pixel(around.x() + dx, around.y() + dy) & 0xFFFFFF for dx in range(-2, 3) for dy in range(-2, 3)]
    assert full in near
    heatmap._zoom(0.01, heatmap.grid().center())
    assert heatmap.cell_size() > 20


def test_changing_tokens_forgets_the_mark_and_new_weights_keep_it(heatmap):
    heatmap.mark((3, 1))
    heatmap.set_weights(weights(seed=2), TOKENS)
    assert heatmap.cell == (3, 1)
    heatmap.set_weights(weights(3), ["a", "b", "c"])
    assert heatmap.cell is None
    heatmap.clear()
    assert not picture(heatmap).isNull()
    assert heatmap.accessibleDescription() == "Nothing yet."


def test_the_scale_can_end_at_the_largest_weight(heatmap):
    heatmap.set_scale_to_largest(True)
    assert heatmap.maximum == pytest.approx(float(heatmap.weights.max()))
    heatmap.set_scale_to_largest(False)
    assert heatmap.maximum == 1.0


def test_heads_are_chosen_by_mouse_and_arrows(shown, qtbot):
    grid = shown(HeadGrid(), 300, 320)
    grid.set_weights(np.stack([np.stack([weights(8, seed=h + 9 * layer) for h in range(4)]) for layer in range(3)]))
    seen = []
    grid.selected.connect(lambda *head: seen.append(head))
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.box_of(1, 2).center().toPoint())
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Home):
        qtbot.keyClick(grid, key)
    assert seen == [(1, 2), (1, 3), (2, 3), (2, 0)]
    assert grid.accessibleDescription() == "Layer 3, head 1"


def test_every_head_of_the_largest_grid_is_visible_and_cached(shown, look):
    grid = shown(HeadGrid(), 300, 320)
    grid.set_weights(np.tile(weights(16), (24, 24, 1, 1)))
    assert grid.rect().contains(grid.box_of(23, 23).toRect())
    picture(grid)
    assert len(grid._pictures) == 576
    look.set_mode("dark")
    assert not grid._pictures
