"""`corpus add`, `corpus list`, `corpus show`: text in, a corpus that models can learn from out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place, nested, with_options
from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CorpusReady
from lmstudio_app.engine.settings import declarations, read
from lmstudio_app.engine.storage.names import check_name

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus

OPTION_NAMES = {"tokenizer.kind": "tokenizer", "tokenizer.vocabulary": "vocabulary"}


def register(app: App, terminal: Terminal) -> None:
    """Add the commands to `app`."""
    corpus = App(name="corpus", help="Corpora: add text, list what is there, show one.")
    app.command(corpus)

    def add(
        *paths: Annotated[Place, Parameter(help="Text files and folders of them.")],
        name: Annotated[str | None, Parameter(help="What to call it; by default the first file's name.")] = None,
        encoding: Annotated[
            str | None, Parameter(help="Read the files in this encoding instead of the detected one.")
        ] = None,
        sample: Annotated[
            str | None, Parameter(help="Take a bundled corpus instead of files (stories, stories-chinese).")
        ] = None,
        options: dict[str, Any],
    ) -> None:
        """Make a corpus of text files and folders; they are read in place and never changed."""
        from lmstudio_app.engine import pipeline

        if bool(paths) == (sample is not None):
            raise UserError("Name the text files to add, or a bundled corpus with --sample.", field="paths")
        if name is not None:
            check_name(name)
        settings = read(CorpusSettings, nested(options))
        workspace = terminal.workspace(make=True)
        events = pipeline.prepare(
            workspace, paths=paths, sample=sample, name=name, settings=settings, encoding=encoding
        )
        ready = terminal.follow_preparation(events)
        assert isinstance(ready, CorpusReady)
        if not terminal.json:
            _show(terminal, workspace.corpus(ready.corpus))

    corpus.command(with_options(add, declarations(CorpusSettings), OPTION_NAMES))

    @corpus.command(name="list")
    def list_corpora() -> None:
        """All corpora of the workspace."""
        workspace = terminal.workspace()
        described, damaged = [], []
        for name in workspace.corpora():
            try:
                described.append(_described(workspace.corpus(name)))
            except UserError as error:  # the others are listed all the same
                damaged.append({"name": name, "reason": str(error)})
                terminal.note(str(error))
        if terminal.json:
            terminal.result({"corpora": described, "damaged": damaged})
            return
        columns = ("name", "documents", "characters", "tokens", "bytes_per_token", "tokenizer")
        terminal.table(
            [column.replace("_", " ") for column in columns],
            [[_cell(values[column]) for column in columns] for values in described],
            f"No corpora yet. Add text with: {terminal.command('corpus', 'add', 'FILE')}",
        )

    @corpus.command
    def show(name: str) -> None:
        """One corpus: its sources, statistics, splits and folder."""
        _show(terminal, terminal.workspace().corpus(name))


def _show(terminal: Terminal, corpus: Corpus) -> None:
    values = _described(corpus)
    if not terminal.json:
        values["sources"] = "; ".join(f"{source['path']} ({source['encoding']})" for source in values["sources"])
        for name in ("tokens_by_split", "entropy_bits_per_byte"):
            if values[name]:
                values[name] = ", ".join(f"{split} {_cell(value)}" for split, value in values[name].items())
        values = {key: value for key, value in values.items() if value is not None}
    terminal.result(values)


def _described(corpus: Corpus) -> dict[str, Any]:
    statistics = corpus.statistics
    tokenizer = corpus.settings.tokenizer
    return {
        "name": corpus.name,
        "folder": str(corpus.folder),
        "documents": statistics.documents,
        "characters": statistics.characters,
        "bytes": statistics.bytes,
        "tokens": sum(statistics.tokens.values()),
        "bytes_per_token": statistics.bytes_per_token,
        "tokens_by_split": dict(statistics.tokens),
        "tokenizer": tokenizer.kind,
        "vocabulary": statistics.vocabulary,
        "entropy_bits_per_byte": dict(corpus.entropy_bits_per_byte) if corpus.entropy_bits_per_byte else None,
        "sources": [
            {
                "path": str(s.path),
                "encoding": s.encoding,
                "confidence": s.confidence,
                "bytes": s.bytes,
                "documents": s.documents,
            }
            for s in corpus.sources
        ],
    }


def _cell(value: Any) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
