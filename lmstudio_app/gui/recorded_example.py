"""The finished example that travels with the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmstudio_app.engine.resources import resources_folder

if TYPE_CHECKING:
    from lmstudio_app.gui.widgets.example_plot import Example


def recorded_example() -> Example | None:
    """The example that travels with the program; None where there is none."""
    import json

    from lmstudio_app.gui.widgets.example_plot import Example

    for path in sorted((resources_folder() / "examples").glob("*.json")):
        try:
            return Example.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None
