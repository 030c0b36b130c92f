"""The settings of a run that is there, as a person reads and as a filter finds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets.setting_text import written

if TYPE_CHECKING:
    from lmstudio_app.engine.run import RunConfig
    from lmstudio_app.engine.settings import Declaration


def setting_words(mapping: Mapping[str, Any]) -> str:
    """All settings of a run in words that a filter can find: "model.layers=4 layers 4"."""
    found = []
    for group in ("tokenizer", "model", "training", "execution"):
        for name, value in dict(mapping.get(group, {})).items():
            found.append(f"{group}.{name}={value} {name.replace('_', ' ')} {value}")
    return " ".join(found)


def _value_words(setting: Declaration, value: Any) -> str:
    chosen = dict(setting.choices).get(value) if setting.kind == "choice" else None
    if chosen is not None:
        return declared(chosen)
    if isinstance(value, bool):
        yes, no = QCoreApplication.translate("RunSettings", "yes"), QCoreApplication.translate("RunSettings", "no")
        return yes if value else no
    return written(setting, value) or "–"


def setting_groups(config: RunConfig) -> list[tuple[str, list[tuple[str, str]]]]:
    """The settings as a person reads them: for each group its title, and (title, value with unit) rows."""
    from lmstudio_app.engine.settings import declarations

    titles = {
        "model": QCoreApplication.translate("RunSettings", "Model"),
        "training": QCoreApplication.translate("RunSettings", "Training"),
        "tokenizer": QCoreApplication.translate("RunSettings", "Tokenizer"),
        "execution": QCoreApplication.translate("RunSettings", "Execution"),
    }
    groups = []
    for group, title in titles.items():
        settings = getattr(config, group)
        rows = []
        for setting in declarations(type(settings)):
            value = getattr(settings, setting.name)
            words = _value_words(setting, value)
            rows.append((declared(setting.title), f"{words} {declared(setting.unit)}".rstrip()))
        groups.append((title, rows))
    return groups
