"""The views of a text in the preview: before cleaning, what that changes, after it; and the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Declaration, declarations
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.text_reading import TextReading
from lmstudio_app.gui.translation import sentence
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.preview_card import PreviewCard
from lmstudio_app.gui.widgets.text_preview import ShownLine

if TYPE_CHECKING:
    from lmstudio_app.engine.data.changes import Changes
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.pipeline.preview import Preview, TablePreview

TEXT_CHARACTERS = 240
"""Of a document that a mapping gives, so much is shown."""


class ShownViews(QObject):
    """Reads and shows the view that a person chose in a `PreviewCard`.

    Signals: `read_otherwise(dict)` settings of reading that shall be others, the columns among them.
    """

    read_otherwise = Signal(object)

    def __init__(self, session: Session, card: PreviewCard) -> None:
        super().__init__(card)
        self._card = card
        self._corpus: Corpus | None = None
        self._source: int | None = None
        self._table: TablePreview | None = None
        self._reading = TextReading(session, self)
        self._reading.arrived.connect(self._arrived)
        self._reading.failed.connect(session.failed)
        card.view_chosen.connect(self._choose)
        card.columns.edited.connect(self._edit)
        card.columns.applied.connect(self._apply)
        card.reading.edited.connect(self._check_reading)
        card.reading.applied.connect(self._apply_reading)

    @property
    def chosen(self) -> str:
        """The view that a person chose."""
        return self._card.view.value

    def clear(self) -> None:
        """There is no text."""
        self._reading.stop()
        self._corpus = self._table = None

    def show_corpus(self, corpus: Corpus, source: int | None) -> None:
        """Another text, or file of it, is shown."""
        self._reading.stop()
        if self._corpus is None or (self._corpus.name, self._source) != (corpus.name, source):
            self._table = None  # what is still shown of another one must not be applied to this
            self._card.columns.show_table((), (), {}, ())
        self._corpus, self._source = corpus, source

    def show_changes(self, changes: Changes) -> None:
        """Show what cleaning changed."""
        folded = self.tr("{count} unchanged lines")
        lines = [
            ShownLine("note", line.number, folded.format(count=number_text.whole(line.folded)))
            if line.kind == "folded"
            else ShownLine(line.kind, line.number, line.text, line.marks)
            for line in changes.lines
        ]
        words = self.tr("{percent} changed").format(percent=number_text.percent(changes.share))
        if not any(line.kind in ("added", "removed") for line in changes.lines):
            words = self.tr("cleaning changes nothing here")
        self._card.show_changes(lines, words)

    def show_table(self, table: TablePreview) -> None:
        """Show the columns of a table and what they are taken for."""
        self._table = table
        self._card.columns.show_table(table.columns, table.rows, table.mapping, role_words())
        self._card.show_columns()
        self._show_kind(table.mapping)

    def show_trouble(self, error: UserError) -> None:
        """Say why a view is not to be had."""
        self._card.show_empty(self.tr("The file cannot be read again"), sentence(error))

    def _choose(self, view: str) -> None:
        if self._corpus is not None:
            self._reading.read_view(self._corpus, self._source, view)

    def _arrived(self, kind: str, value: Any) -> None:
        shows: dict[str, Callable[[Any], None]] = {
            "text": self._show_text,
            "changes": self.show_changes,
            "table": self.show_table,
            "reading": self.show_reading,
            "trouble": self.show_trouble,
        }
        shows[kind](value)

    def _show_text(self, preview: Preview) -> None:
        self._card.show_text(preview.text, whole=preview.whole)

    # Columns ------------------------------------------------------------------------------------------------------

    def _edit(self, mapping: Mapping[str, str]) -> None:
        """Say at once whether the choices fit together, and what they give."""
        from lmstudio_app.engine.data.roles import kind_of

        try:
            if not mapping:
                raise UserError("No column is used. Choose at least one for the text.")
            kind_of(mapping)
        except UserError as error:
            self._card.columns.show_problem(sentence(error))
        else:
            self._show_kind(mapping)

    def _show_kind(self, mapping: Mapping[str, str]) -> None:
        from lmstudio_app.engine.data.roles import kind_of, text_of

        if self._table is None or not mapping:
            return
        kind = kind_of(mapping)
        row = self._table.rows[0] if self._table.rows else {}
        values = {role: row.get(column, "") for role, column in mapping.items()}
        text = text_of(kind, values)
        begun = text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…"
        label = f"\n→ {values['label']}" if kind == "labelled" else ""
        self._card.columns.show_kind(kind_words(kind), begun + label)

    def _apply(self) -> None:
        from lmstudio_app.engine.data.roles import written_mapping

        self.read_otherwise.emit({"mapping": written_mapping(self._card.columns.mapping())})

    # Reading ------------------------------------------------------------------------------------------------------

    def show_reading(self, left_out: Mapping[str, int]) -> None:
        """Show how the files are taken apart, and how many documents that leaves out."""
        words = {
            "short_documents": self.tr("Shorter documents left out: {count}."),
            "other_scripts": self.tr("Documents in other scripts left out: {count}."),
        }
        said = [words[name].format(count=number_text.whole(left_out[name])) for name in words if left_out.get(name)]
        self._card.reading.show_left_out(" ".join(said))
        self._card.show_reading()

    def _check_reading(self) -> dict[str, Any] | None:
        """What is typed, checked; None, and a sentence at the field, when it is wrong."""
        from lmstudio_app.engine.data.reader import ReadingSettings
        from lmstudio_app.engine.settings import SettingsError, read

        form, corpus = self._card.reading, self._corpus
        try:
            chosen = read(ReadingSettings, form.values())
        except SettingsError as error:
            form.show_problems(error.problems, changed=False)
            return None
        values = chosen.model_dump(exclude={"mapping"})
        changed = corpus is not None and values != corpus.settings.reading.model_dump(exclude={"mapping"})
        form.show_problems([], changed=changed)
        return values if changed else None

    def _apply_reading(self) -> None:
        if (values := self._check_reading()) is not None:
            self.read_otherwise.emit(values)


def reading_declarations() -> list[Declaration]:
    """The settings of reading for a form: formats are a choice; columns have a view of their own."""
    from lmstudio_app.engine import registry
    from lmstudio_app.engine.data.reader import ReadingSettings

    found = {one.name: one for one in declarations(ReadingSettings) if one.name != "mapping"}
    formats = tuple((name, reader.title) for name, reader in registry.readers().items())
    found["format"] = replace(found["format"], kind="choice", choices=(("", "Find out"), *formats))
    return list(found.values())


def role_words() -> list[tuple[str, str]]:
    """What a column can be for."""
    words = {
        "text": QCoreApplication.translate("Columns", "text"),
        "label": QCoreApplication.translate("Columns", "label"),
        "source": QCoreApplication.translate("Columns", "source text"),
        "target": QCoreApplication.translate("Columns", "target text"),
        "question": QCoreApplication.translate("Columns", "question"),
        "context": QCoreApplication.translate("Columns", "context"),
        "answer": QCoreApplication.translate("Columns", "answer"),
        "instruction": QCoreApplication.translate("Columns", "instruction"),
        "input": QCoreApplication.translate("Columns", "input"),
        "output": QCoreApplication.translate("Columns", "output"),
        "tokens": QCoreApplication.translate("Columns", "words"),
        "tags": QCoreApplication.translate("Columns", "tags of the words"),
    }
    return list(words.items())


def kind_words(kind: str) -> str:
    """What a corpus of that kind holds."""
    words = {
        "plain": QCoreApplication.translate("Columns", "Each row is a text"),
        "labelled": QCoreApplication.translate("Columns", "Each row is a text with a label"),
        "paired": QCoreApplication.translate("Columns", "Each row is a pair of texts"),
        "question_answering": QCoreApplication.translate("Columns", "Each row is a question with its answer"),
        "instruction": QCoreApplication.translate("Columns", "Each row is an instruction with its output"),
        "tagged": QCoreApplication.translate("Columns", "Each row is words with their tags"),
    }
    return words[kind]
