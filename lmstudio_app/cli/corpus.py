"""`corpus add`, `list`, `show`, `remove`, `export`: text in, a corpus that models can learn from out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place, nested, with_options
from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CorpusReady, DuplicatesFound, LeakageFound
from lmstudio_app.engine.settings import declarations, read
from lmstudio_app.engine.storage.names import check_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.data.profile import TextProfile
    from lmstudio_app.engine.events import Event

_SHOWN = 8
OPTION_NAMES = {
    "tokenizer.kind": "tokenizer",
    "tokenizer.vocabulary": "vocabulary",
    "tokenizer.saved": "saved",
    "tokenizer.minimum_count": "minimum-count",
    "tokenizer.chinese_words": "chinese-words",
    "tokenizer.special_tokens": "special-tokens",
    "reading.format": "format",
    "reading.mapping": "map",
    "reading.header": "header",
    "reading.bad_rows": "bad-rows",
}


def register(app: App, terminal: Terminal) -> None:
    """Add the commands to `app`."""
    corpus = App(name="corpus", help="Corpora: add text, list what is there, show, export or remove one.")
    app.command(corpus)
    _register_add(corpus, terminal)
    _register_list(corpus, terminal)
    _register_show(corpus, terminal)
    _register_remove_and_export(corpus, terminal)


def _register_add(corpus: App, terminal: Terminal) -> None:
    def add(
        *paths: Annotated[Place, Parameter(help="Text files and folders of them.")],
        name: Annotated[str | None, Parameter(help="What to call it; by default the first file's name.")] = None,
        encoding: Annotated[
            str | None, Parameter(help="Read the files in this encoding instead of the detected one.")
        ] = None,
        sample: Annotated[
            str | None, Parameter(help="Take a bundled corpus instead of files (stories, stories-chinese).")
        ] = None,
        clean: Annotated[
            str | None, Parameter(help="Switches of cleaning to turn on, as in trailing-spaces,unicode-nfc.")
        ] = None,
        split: Annotated[
            str | None, Parameter(help="The shares of training, validation and test, as in 0.9,0.05,0.05.")
        ] = None,
        seed: Annotated[
            str | None,
            Parameter(help="Shuffle the documents into the splits by this seed, labels shared out evenly."),
        ] = None,
        options: dict[str, Any],
    ) -> None:
        """Make a corpus of text files and folders; they are read in place and never changed."""
        from lmstudio_app.engine import pipeline

        if bool(paths) == (sample is not None):
            raise UserError("Name the text files to add, or a bundled corpus with --sample.", field="paths")
        if name is not None:
            check_name(name)
        drawn = {"split.shuffled": "yes", "split.seed": seed} if seed is not None else {}
        settings = read(CorpusSettings, nested(_cleaning(clean) | _split(split) | drawn | options))
        workspace = terminal.workspace(make=True)
        events = pipeline.prepare(
            workspace, paths=paths, sample=sample, name=name, settings=settings, encoding=encoding
        )
        ready = terminal.follow_preparation(events)
        assert isinstance(ready, CorpusReady)
        if not terminal.json:
            _show(terminal, workspace.corpus(ready.corpus))

    corpus.command(with_options(add, declarations(CorpusSettings), OPTION_NAMES))


def _register_list(corpus: App, terminal: Terminal) -> None:
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


def _register_show(corpus: App, terminal: Terminal) -> None:
    @corpus.command
    def show(
        name: str,
        *,
        duplicates: Annotated[
            bool, Parameter(negative="", help="Look for documents that come twice, or nearly.")
        ] = False,
        leakage: Annotated[
            bool, Parameter(negative="", help="Look for passages that validation or test share with the training text.")
        ] = False,
        profile: Annotated[
            bool, Parameter(negative="", help="Count frequent words and characters, lengths, labels and scripts.")
        ] = False,
        plot: Annotated[
            Literal["words", "lengths", "characters", "labels"] | None,
            Parameter(help="What to write to --out: words by rank, lengths of documents, characters, labels."),
        ] = None,
        out: Annotated[
            Place | None, Parameter(help="A file for --plot: .csv is a table, .png and .svg are pictures.")
        ] = None,
    ) -> None:
        """One corpus: its sources, statistics, splits and folder."""
        from lmstudio_app.engine import pipeline

        opened = terminal.workspace().corpus(name)
        checks = [pipeline.find_duplicates] * duplicates + [pipeline.find_leakage] * leakage
        if (plot is None) != (out is None):
            raise UserError("--plot and --out belong together: what to draw, and the file to write.", field="plot")
        if plot is not None and (duplicates or leakage or profile):
            raise UserError("--plot writes one file and shows nothing; leave out the other options.", field="plot")
        if plot is not None and out is not None:
            terminal.result_of(pipeline.save_profile(opened, plot, out))
            terminal.result({"corpus": opened.name, "plot": plot, "file": str(out.absolute())})
            return
        found = [terminal.follow_quietly(check(opened)) for check in checks]
        counted = terminal.result_of(pipeline.profile(opened)) if profile else None
        _show(terminal, opened, found, counted)


def _register_remove_and_export(corpus: App, terminal: Terminal) -> None:
    @corpus.command
    def remove(name: str) -> None:
        """Move a corpus to the workspace's bin. One that runs learn from stays."""
        workspace = terminal.workspace()
        binned = workspace.delete_corpus(name)
        terminal.result({"removed": name, "bin": str(workspace.folder / "bin" / "corpora" / binned)})

    @corpus.command
    def export(
        name: str,
        *,
        to: Annotated[
            Literal["jsonl", "txt", "parquet"], Parameter(help="A row for each document, or the text alone.")
        ] = "jsonl",
        out: Annotated[Place, Parameter(help="The file to write.")],
    ) -> None:
        """Write the cleaned text of a corpus to one file."""
        from lmstudio_app.engine import pipeline

        written = pipeline.save_corpus(terminal.workspace().corpus(name), out, to)
        terminal.result({"corpus": name, "file": str(out.absolute()), "bytes": written})


def _cleaning(switches: str | None) -> dict[str, str]:
    """`trailing-spaces,unicode-nfc` as options."""
    names = [name.strip().replace("-", "_") for name in (switches or "").split(",") if name.strip()]
    known = list(CleaningSettings.model_fields)
    for name in names:
        if name not in known:
            raise UserError(
                "--clean: there is no switch “{name}”. There are: {known}.",
                field="clean",
                choices=known,
                name=name.replace("_", "-"),
                known=", ".join(switch.replace("_", "-") for switch in known),
            )
    return {f"cleaning.{name}": "yes" for name in names}


def _split(shares: str | None) -> dict[str, str]:
    """`0.9,0.05,0.05` as options."""
    if shares is None:
        return {}
    try:
        training, validation, test = (float(share) for share in shares.split(","))
        fits = abs(training + validation + test - 1) < 1e-6
    except ValueError:
        fits = False
    if not fits:
        raise UserError(
            "--split: “{shares}” is not three shares that make 1. Write them as in 0.9,0.05,0.05.",
            field="split",
            choices=("0.9,0.05,0.05",),
            shares=shares,
        )
    return {"split.training": str(training), "split.validation": str(validation)}


def _show(
    terminal: Terminal, corpus: Corpus, found: Sequence[Event | None] = (), counted: TextProfile | None = None
) -> None:
    values = _described(corpus)
    for event in found:
        if not isinstance(event, DuplicatesFound | LeakageFound):
            continue
        name = "duplicates" if isinstance(event, DuplicatesFound) else "leakage"
        facts = {key: value for key, value in event.to_json().items() if key != "event"}
        values[name] = facts if terminal.json else _found_words(event)
    if counted is not None:
        values |= {"profile": asdict(counted)} if terminal.json else _profile_words(counted)
    if not terminal.json:
        values["sources"] = "; ".join(map(_in_words, values["sources"]))
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
        "kind": corpus.kind,
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
                "mapping": dict(s.mapping),
                "bad_rows": s.bad_rows,
                "bad_lines": list(s.bad_lines),
            }
            for s in corpus.sources
        ],
    }


def _found_words(event: DuplicatesFound | LeakageFound) -> str:
    lines = []
    if isinstance(event, DuplicatesFound):
        lines.append(
            f"{event.repeated:,} documents repeat another, {event.similar_groups:,} groups are nearly the same"
        )
        lines += [f"equal: {_numbers(group)}" for group in event.equal[:_SHOWN]]
        lines += [f"similar: {_numbers(group)}" for group in event.similar[:_SHOWN]]
    elif isinstance(event, LeakageFound):
        lines.append(f"{event.passages:,} passages are in the training text too ({event.shared:,} characters)")
        begun = [(split, start, " ".join(text.split())[:60]) for split, start, text in event.listed[:_SHOWN]]
        lines += [f"{split} at {start:,}: {text}" for split, start, text in begun]
    if event.by_design and len(lines) > 1:
        lines.insert(1, "a generated text repeats itself by design")
    return "; ".join(lines)


def _profile_words(counted: TextProfile) -> dict[str, str]:
    """What a profile says in a few lines."""
    lengths, part = counted.lengths, "" if counted.whole else f" (counted in {counted.counted_bytes:,} bytes)"
    words = {
        "words": f"{counted.word_count:,}, {counted.different_words:,} different{part}",
        "frequent words": ", ".join(f"{word} {count:,}" for word, count in counted.words[:12]),
        "frequent characters": ", ".join(f"{_quoted(one)} {count:,}" for one, count in counted.characters[:12]),
        "entropy": f"{counted.unigram_entropy:.3f} bits a character, {counted.bigram_entropy:.3f} after the one before",
        "lengths": f"{lengths.count:,} {lengths.unit}s, median {lengths.median:,.0f} bytes, up to {lengths.longest:,}",
        "scripts": ", ".join(f"{script} {share:.1%}" for script, share in list(counted.scripts.items())[:6]),
    }
    if counted.labels:
        shown = ", ".join(f"{label} {count:,}" for label, count in counted.labels[:12])
        words["labels"] = f"{shown} (balance {counted.label_balance:.2f})"
    return words


def _quoted(character: str) -> str:
    return {" ": "space", "\n": "line end", "\t": "tab"}.get(character, character)


def _numbers(group: Sequence[int]) -> str:
    shown = ", ".join(str(number + 1) for number in group[:_SHOWN])
    return f"documents {shown}" + (" …" if len(group) > _SHOWN else "")


def _in_words(source: dict[str, Any]) -> str:
    facts = [source["encoding"], *(f"{role} from {column}" for role, column in source["mapping"].items())]
    if source["bad_rows"]:
        facts.append(f"rows left out: {source['bad_rows']:,}")
    return f"{source['path']} ({', '.join(facts)})"


def _cell(value: Any) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
