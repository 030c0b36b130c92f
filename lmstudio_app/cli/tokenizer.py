"""`tokenizer train`, `import`, `list`, `show`, `compare`, `remove`: how text is cut into tokens."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place, nested, with_options
from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import TokenizerMeasured, TokenizerReady
from lmstudio_app.engine.settings import declarations, read
from lmstudio_app.engine.storage.names import check_name

if TYPE_CHECKING:
    from lmstudio_app.engine.pipeline.compare_tokenizers import ShownToken

OPTION_NAMES = {
    f"tokenizer.{name}": name.replace("_", "-") for name in TokenizerSettings.model_fields if name != "saved"
}


def register(app: App, terminal: Terminal) -> None:
    """Add the commands to `app`."""
    tokenizer = App(name="tokenizer", help="Tokenizers: learn one from a corpus, import one, look at it, compare.")
    app.command(tokenizer)
    _register_train_and_import(tokenizer, terminal)
    _register_list_and_remove(tokenizer, terminal)
    _register_show(tokenizer, terminal)
    _register_compare(tokenizer, terminal)


def _register_train_and_import(tokenizer: App, terminal: Terminal) -> None:
    def train(
        corpus: Annotated[str, Parameter(help="The corpus from whose training text it is learned.")],
        *,
        name: Annotated[str | None, Parameter(help="What to call it; by default the corpus and the kind.")] = None,
        options: dict[str, Any],
    ) -> None:
        """Learn a tokenizer and save it in the workspace; a corpus is cut with it by --tokenizer saved --saved NAME."""
        from lmstudio_app.engine import pipeline

        if name is not None:
            check_name(name)
        settings = read(TokenizerSettings, nested(options).get("tokenizer", {}))
        workspace = terminal.workspace()
        events = pipeline.train_tokenizer(workspace, workspace.corpus(corpus), settings, name)
        _tell(terminal, terminal.follow_preparation(events))

    declared = [one for one in declarations(TokenizerSettings, "tokenizer") if one.path in OPTION_NAMES]
    tokenizer.command(with_options(train, declared, OPTION_NAMES))

    @tokenizer.command(name="import")
    def import_(
        file: Annotated[Place, Parameter(help="A tokenizer.json of another program.")],
        *,
        name: Annotated[str | None, Parameter(help="What to call it; by default its folder or file.")] = None,
    ) -> None:
        """Take over a byte-level BPE tokenizer from elsewhere (GPT-2, Llama 3, Qwen, …)."""
        from lmstudio_app.engine import pipeline

        events = pipeline.import_tokenizer(terminal.workspace(make=True), file, name)
        _tell(terminal, terminal.follow_preparation(events))


def _register_list_and_remove(tokenizer: App, terminal: Terminal) -> None:
    @tokenizer.command(name="list")
    def list_tokenizers() -> None:
        """All saved tokenizers of the workspace."""
        from lmstudio_app.engine.data.saved_tokenizers import saved_record

        workspace = terminal.workspace()
        described, damaged = [], []
        for name in workspace.tokenizers():
            try:
                described.append({"name": name} | asdict(saved_record(workspace.folder, name)))
            except UserError as error:  # the others are listed all the same
                damaged.append({"name": name, "reason": str(error)})
                terminal.note(str(error))
        if terminal.json:
            terminal.result({"tokenizers": described, "damaged": damaged})
            return
        rows = [[d["name"], d["kind"], f"{d['vocabulary']:,}", d["corpus"] or d["file"]] for d in described]
        empty = f"None yet. Learn one with: {terminal.command('tokenizer', 'train', 'CORPUS')}"
        terminal.table(["name", "kind", "vocabulary", "from"], rows, empty)

    @tokenizer.command
    def remove(name: str) -> None:
        """Move a saved tokenizer to the workspace's bin. Corpora that were cut with it keep their own copy."""
        workspace = terminal.workspace()
        binned = workspace.delete_tokenizer(name)
        terminal.result({"removed": name, "bin": str(workspace.folder / "bin" / "tokenizers" / binned)})


def _register_show(tokenizer: App, terminal: Terminal) -> None:
    @tokenizer.command
    def show(
        name: Annotated[str, Parameter(help="A saved tokenizer.")],
        *,
        text: Annotated[str | None, Parameter(help="A text to cut into tokens.")] = None,
        search: Annotated[str | None, Parameter(help="Show the tokens that have these letters in them.")] = None,
    ) -> None:
        """One saved tokenizer: what it is, how it cuts a text, which tokens it has."""
        from lmstudio_app.engine import pipeline
        from lmstudio_app.engine.data.saved_tokenizers import saved_record

        workspace = terminal.workspace()
        opened = workspace.tokenizer(name)
        values: dict[str, Any] = {"name": name} | asdict(saved_record(workspace.folder, name))
        values["settings"] = {key: value for key, value in values["settings"].items() if value not in ("", False)}
        shown = pipeline.show_tokens(opened, text) if text is not None else []
        found = pipeline.search_vocabulary(opened, search) if search is not None else []
        if terminal.json:
            tokens = [_described(one) for one in shown]
            terminal.result(values | {"tokens": tokens, "found": [_found(opened, token) for token in found]})
            return
        if not values["settings"]:
            del values["settings"]
        if search is not None:
            values["tokens found"] = len(found)
        terminal.result({key: value for key, value in values.items() if value != ""})
        if text is not None:
            rows = [[f"{one.token:,}", _visible(one.spelling), _hex(one.spelling), _merge(one)] for one in shown]
            terminal.table(["id", "token", "bytes", "made at merge"], rows, "There are no tokens in it.")
        for token in found[:_MOST_FOUND]:
            terminal.note(f"{token:>8,}  {_visible(opened.spelling(token))}")


def _register_compare(tokenizer: App, terminal: Terminal) -> None:
    @tokenizer.command
    def compare(
        corpus: str,
        *tokenizers: Annotated[str, Parameter(help="Saved tokenizers, or kinds as in character, byte, bpe-4096.")],
    ) -> None:
        """What several tokenizers make of one corpus, side by side."""
        from lmstudio_app.engine import pipeline

        if not tokenizers:
            raise UserError("Name tokenizers to compare, as in bpe-4096 or a saved one.", field="tokenizers")
        workspace = terminal.workspace()
        opened = workspace.corpus(corpus)
        chosen = [(words, pipeline.chosen_tokenizer(workspace, words)) for words in tokenizers]
        measured = []
        for event in terminal.followed(pipeline.compare_tokenizers(opened, chosen)):
            if isinstance(event, TokenizerMeasured):
                measured.append(event)
        if terminal.json:
            return
        rows = [
            [one.name, f"{one.vocabulary:,}", f"{one.tokens:,}", f"{one.bytes_per_token:.2f}",
             f"{one.tokens_per_word:.2f}", f"{one.unknown_share:.2%}", f"{one.used / one.vocabulary:.1%}"]
            for one in measured
        ]  # fmt: skip
        columns = ["tokenizer", "vocabulary", "tokens", "bytes per token", "tokens per word", "unknown", "used"]
        terminal.table(columns, rows, "")


_MOST_FOUND = 200


def _tell(terminal: Terminal, ready: object) -> None:
    assert isinstance(ready, TokenizerReady)
    if not terminal.json:
        terminal.result({key: value for key, value in ready.to_json().items() if key != "event"})


def _described(one: ShownToken) -> dict[str, Any]:
    return {"id": one.token, "text": one.piece, "bytes": one.spelling.hex(), "merge": one.merge}


def _found(tokenizer: Tokenizer, token: int) -> dict[str, Any]:
    spelling = tokenizer.spelling(token)
    return {"id": token, "text": spelling.decode("utf-8", "replace"), "bytes": spelling.hex()}


def _visible(spelling: bytes) -> str:
    text = spelling.decode("utf-8", "replace")
    return text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥").replace("\r", "␍")


def _hex(spelling: bytes) -> str:
    return spelling.hex(" ").upper()


def _merge(one: ShownToken) -> str:
    return "–" if not one.merge else f"{one.merge:,}"
