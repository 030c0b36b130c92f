"""Words that are declared outside the window (settings, families, errors, reports) in the language of the window.

Words that stand in a widget's own code use `self.tr(...)`; declared ones are looked up here, all in one context, as
whole sentences whose named placeholders are filled afterwards.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from lmstudio_app.engine.errors import UserError

CONTEXT = "Declared"


def declared(text: str, **values: object) -> str:
    """`text` in the language of the window, its `{names}` filled with `values` (numbers and names as they are)."""
    if not text:
        return ""
    translated = QCoreApplication.translate(CONTEXT, text)
    return translated.format(**values) if values else translated


def sentence(error: BaseException) -> str:
    """What went wrong, in one sentence of the window's language."""
    if not isinstance(error, UserError):
        return f"{type(error).__name__}: {error}"
    problems = getattr(error, "problems", ())
    if not problems:
        return declared(error.template, **error.values)
    first = problems[0]  # a SettingsError wraps the sentence of its first problem, which is translated whole
    told = declared(first.sentence, **first.values)
    return declared("{field}: {sentence}", field=first.field, sentence=told) if first.field else told


def model_words(family: str, outline: str) -> str:
    """A model in few words: "LSTM 2 × 192", "Transformer (GPT) 4 × 4 × 128"."""
    from lmstudio_app.engine.registry import every_family

    known = every_family().get(family)
    title = declared(known.title) if known is not None else family
    return outline if outline[:1].isupper() else f"{title} {outline}"  # a cell's name says more than its family's
