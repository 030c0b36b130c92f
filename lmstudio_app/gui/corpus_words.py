"""Corpora as a person reads about them: sizes, encodings, tokenizers and progress in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale, Qt

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.library_list import LibraryItem
from lmstudio_app.gui.widgets.source_card import Fact
from lmstudio_app.gui.widgets.split_bar import Part
from lmstudio_app.gui.widgets.statistics_card import Figure

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus, Skipped, Source
    from lmstudio_app.engine.data.statistics import Statistics
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings
    from lmstudio_app.engine.events import Counted, Progress

SPLIT_COLORS = {"training": 0, "validation": 1, "test": 7}
"""Training and validation have the colours of their curves."""


class Described(NamedTuple):
    """A corpus in the library: its icon, what is said about it, and whether that is bad news."""

    icon: str
    words: str
    tone: str = "text3"


def described(corpus: Corpus) -> Described:
    """What the library says about a corpus. Raises `UserError`."""
    size = number_text.size(corpus.statistics.bytes)
    kind = tokenizer_words(corpus.settings.tokenizer.kind, corpus.statistics.vocabulary)
    if corpus.entropy_bits is not None:
        bits = sum(corpus.entropy_bits.values()) / max(1, corpus.statistics.bytes)
        words = QCoreApplication.translate("Corpus", "Entropy known: {bits} bits/byte")
        return Described("dice", words.format(bits=f"{bits:.3f}"))
    sources = corpus.sources
    if not sources:
        icon = "paste" if corpus.record.origin == "pasted" else "dice"
        return Described(icon, " · ".join((size, kind)))
    names = {short_encoding(source.encoding) for source in sources}
    if len(names) > 1:
        encoding = QCoreApplication.translate("Corpus", "{count} encodings").format(count=len(names))
    else:
        encoding = next(iter(names))
    if len(sources) == 1:
        return Described("file", " · ".join((size, encoding, *_what(corpus), kind)))
    count = QCoreApplication.translate("Corpus", "{count} files").format(count=number_text.whole(len(sources)))
    return Described("folder", " · ".join((count, size, encoding, *_what(corpus), kind)))


def _what(corpus: Corpus) -> list[str]:
    """What the documents of a typed corpus are; nothing for plain texts."""
    words = {
        "labelled": QCoreApplication.translate("Corpus", "with labels"),
        "paired": QCoreApplication.translate("Corpus", "pairs"),
        "question_answering": QCoreApplication.translate("Corpus", "questions and answers"),
        "instruction": QCoreApplication.translate("Corpus", "instructions"),
        "tagged": QCoreApplication.translate("Corpus", "tagged words"),
    }
    return [words[corpus.kind]] if corpus.kind in words else []


def trouble(error: UserError) -> Described:
    """What the library says about a corpus that cannot be opened."""
    return Described("warning", sentence(error), "err")


def tokenizer_words(kind: str, vocabulary: int) -> str:
    """A tokenizer in few words: "BPE 2,048"."""
    words = {
        "bpe": QCoreApplication.translate("Corpus", "BPE {vocabulary}"),
        "byte": QCoreApplication.translate("Corpus", "bytes"),
        "character": QCoreApplication.translate("Corpus", "{vocabulary} characters"),
        "imported": QCoreApplication.translate("Corpus", "imported tokenizer, {vocabulary}"),
        "saved": QCoreApplication.translate("Corpus", "saved tokenizer, {vocabulary}"),
        "unigram": QCoreApplication.translate("Corpus", "Unigram {vocabulary}"),
        "word": QCoreApplication.translate("Corpus", "{vocabulary} words"),
        "wordpiece": QCoreApplication.translate("Corpus", "WordPiece {vocabulary}"),
    }
    return words[kind].format(vocabulary=number_text.whole(vocabulary))


def tokenizer_title(tokenizer: TokenizerSettings) -> str:
    """A tokenizer as it was asked for: how many tokens were really learned does not matter."""
    words = {
        "byte": QCoreApplication.translate("Corpus", "bytes"),
        "character": QCoreApplication.translate("Corpus", "characters"),
        "saved": QCoreApplication.translate("Corpus", "tokenizer “{name}”").format(name=tokenizer.saved),
        "word": QCoreApplication.translate("Corpus", "words"),
    }
    return words.get(tokenizer.kind) or tokenizer_words(tokenizer.kind, tokenizer.vocabulary)


def encoding_title(encoding: str) -> str:
    """An encoding as a list of them names it."""
    from lmstudio_app.engine.data.encoding import KNOWN

    name, _, repair = encoding.partition("+")
    words = declared(KNOWN[name]) if name in KNOWN else name
    repaired = {
        "replace": QCoreApplication.translate("Corpus", "{title}, damaged places shown as �"),
        "cp1252": QCoreApplication.translate("Corpus", "{title}, stray bytes read as Windows-1252"),
    }
    return repaired[repair].format(title=words) if repair in repaired else words


def short_encoding(encoding: str) -> str:
    """An encoding where there is little room: its technical name, which is the same in every language."""
    from lmstudio_app.engine.data.encoding import KNOWN

    name, _, repair = encoding.partition("+")
    words = KNOWN.get(name, name).partition(" (")[0].partition(" with ")[0].partition(",")[0]
    return f"{words} (�)" if repair == "replace" else f"{words} (+)" if repair else words


def encodings(also: str = "") -> list[tuple[str, str, str]]:
    """All encodings that a person can choose: (name, words, words for little room); with `also` if it is none of the
    usual ones."""
    from lmstudio_app.engine.data.encoding import KNOWN

    names = [*([also] if also and also not in KNOWN else []), *KNOWN]
    return [(name, encoding_title(name), short_encoding(name)) for name in names]


def sureness(source: Source) -> str:
    """How sure an encoding is."""
    if source.confidence < 1 or source.encoding.startswith("utf"):
        words = QCoreApplication.translate("Corpus", "{percent} % sure")
        return words.format(percent=round(100 * source.confidence))
    return QCoreApplication.translate("Corpus", "chosen")


def source_item(key: str, source: Source) -> LibraryItem:
    """A file in the list of files."""
    words = QCoreApplication.translate("Corpus", "{size} · {encoding}, {percent} %")
    said = words.format(
        size=number_text.size(source.bytes),
        encoding=short_encoding(source.encoding),
        percent=round(100 * source.confidence),
    )
    if not source.bad_rows:
        return LibraryItem(key, Path(source.path).name, said)
    words = QCoreApplication.translate("Corpus", "{said} · rows left out: {rows}")
    said = words.format(said=said, rows=number_text.whole(source.bad_rows))
    return LibraryItem(key, Path(source.path).name, said, "warning", "warn")


def skipped_item(key: str, skipped: Skipped) -> LibraryItem:
    """A file that was left out, in the list of files."""
    name = Path(skipped.path).name
    if skipped.options:
        return LibraryItem(
            key, name, QCoreApplication.translate("Corpus", "Skipped: which encoding?"), "warning", "warn"
        )
    words = QCoreApplication.translate("Corpus", "Skipped: {reason}").format(reason=skipped_reason(skipped))
    return LibraryItem(key, name, words, "warning", "warn")


def skipped_reason(skipped: Skipped) -> str:
    """Why a file was left out, with its name in the place of its path."""
    values = dict(skipped.values)
    if "path" in values:
        values["path"] = Path(str(values["path"])).name
    return declared(skipped.template, **values)


def progress_words(progress: Progress) -> str:
    """How far a preparation is."""
    percent = round(100 * min(1.0, progress.done / progress.total)) if progress.total else 0
    if not progress.stage:
        return QCoreApplication.translate("Corpus", "Starting")
    if not progress.total:
        return declared(progress.stage)
    if progress.stage == "Reading":
        return QCoreApplication.translate("Corpus", "{percent} % read").format(percent=percent)
    words = QCoreApplication.translate("Corpus", "{stage}, {percent} %")
    return words.format(stage=declared(progress.stage), percent=percent)


def figures(statistics: Statistics, wanted: int) -> dict[str, Figure]:
    """The key figures of a corpus; `wanted` is the vocabulary that was asked for."""
    tokens = sum(statistics.tokens.values())
    unknown = sum(split.unknown_tokens for split in statistics.splits.values())
    remark = ""
    if unknown:
        words = QCoreApplication.translate("Corpus", "{count} of them stand for characters that have no token.")
        remark = words.format(count=number_text.whole(unknown))
    few = ""
    if statistics.vocabulary < wanted:
        few = QCoreApplication.translate("Corpus", "The text has no more than these.")
    return counted_figures(statistics) | {
        "tokens": Figure(number_text.whole(tokens), "", remark),
        "vocabulary": Figure(number_text.whole(statistics.vocabulary), "", few),
        "bytes_per_token": Figure(f"{statistics.bytes_per_token:.2f}"),
    }


def counted_figures(counted: Statistics | Counted) -> dict[str, Figure]:
    """The figures that are known before a text is cut into tokens."""
    size, _, unit = number_text.size(counted.bytes).rpartition(" ")
    words = counted.different_words
    many = QCoreApplication.translate("Corpus", "There are more than that.")
    return {
        "documents": Figure(number_text.whole(counted.documents)),
        "characters": Figure(number_text.whole(counted.characters)),
        "size": Figure(size, unit),
        "words": Figure(number_text.whole(words)) if words is not None else Figure("1,000,000+", "", many),
        "letters": Figure(
            number_text.whole(counted.different_characters), QCoreApplication.translate("Corpus", "characters")
        ),
        "entropy": Figure(f"{abs(counted.character_entropy):.2f}", QCoreApplication.translate("Corpus", "bits")),
    }


def figure_names() -> list[tuple[str, str]]:
    """The key figures in the order in which they stand."""
    return [
        ("documents", QCoreApplication.translate("Corpus", "Documents")),
        ("characters", QCoreApplication.translate("Corpus", "Characters")),
        ("tokens", QCoreApplication.translate("Corpus", "Tokens")),
        ("size", QCoreApplication.translate("Corpus", "Size in UTF-8")),
        ("vocabulary", QCoreApplication.translate("Corpus", "Vocabulary")),
        ("bytes_per_token", QCoreApplication.translate("Corpus", "Bytes per token")),
        ("words", QCoreApplication.translate("Corpus", "Different words")),
        ("letters", QCoreApplication.translate("Corpus", "Alphabet")),
        ("entropy", QCoreApplication.translate("Corpus", "Character entropy")),
    ]


def source_facts(corpus: Corpus, place: int | None) -> list[Fact]:
    """Where a corpus comes from, or its file number `place`."""
    facts = []
    if place is not None:
        source = corpus.sources[place]
        facts.append(Fact(QCoreApplication.translate("Corpus", "File"), source.path, place=True))
        facts.append(Fact(QCoreApplication.translate("Corpus", "On disk"), number_text.size(source.bytes)))
        facts += _table_facts(source)
    exact = corpus.entropy_bits_per_byte
    if exact is not None:
        remark = QCoreApplication.translate("Corpus", "Bits per byte, exactly: no model can do better.")
        names = split_names()
        words = " · ".join(f"{names[name]} {bits:.3f}" for name, bits in exact.items())
        facts.append(Fact(QCoreApplication.translate("Corpus", "Entropy"), words, remark))
    made = QDateTime.fromString(corpus.record.created, Qt.DateFormat.ISODate).toLocalTime()
    when = QLocale().toString(made, QLocale.FormatType.ShortFormat)
    remark = QCoreApplication.translate(
        "Corpus", "SHA-256 of the three splits. A run notes it, to know its text again."
    )
    return [
        *facts,
        Fact(QCoreApplication.translate("Corpus", "Prepared"), when),
        Fact(QCoreApplication.translate("Corpus", "Fingerprint"), corpus.data_hash[:16], remark),
    ]


def skipped_facts(skipped: Skipped) -> list[Fact]:
    """Which file was left out, and why."""
    return [
        Fact(QCoreApplication.translate("Corpus", "File"), skipped.path, place=True),
        Fact(QCoreApplication.translate("Corpus", "Left out"), skipped_reason(skipped)),
    ]


def _table_facts(source: Source) -> list[Fact]:
    """What the columns of a table were taken for, and the rows that were left out; nothing for other files."""
    facts = []
    if source.mapping:
        remark = QCoreApplication.translate("Corpus", "What each column was taken for: role = column.")
        words = ", ".join(role if role == column else f"{role} = {column}" for role, column in source.mapping.items())
        facts.append(Fact(QCoreApplication.translate("Corpus", "Columns"), words, remark))
    if source.bad_rows:
        remark = QCoreApplication.translate("Corpus", "Rows that could not be used. The first of them are named.")
        lines = ", ".join(map(str, source.bad_lines)) + (" …" if source.bad_rows > len(source.bad_lines) else "")
        words = QCoreApplication.translate("Corpus", "{rows}, on line {lines}")
        said = words.format(rows=number_text.whole(source.bad_rows), lines=lines)
        facts.append(Fact(QCoreApplication.translate("Corpus", "Rows left out"), said, remark))
    return facts


def request_facts(request: Mapping[str, Any]) -> list[Fact]:
    """Where a text comes from that is not ready yet."""
    file = QCoreApplication.translate("Corpus", "File")
    folder = QCoreApplication.translate("Corpus", "Folder")
    return [Fact(folder if Path(path).is_dir() else file, str(path), place=True) for path in request.get("paths") or ()]


def origin(corpus: Corpus) -> str:
    """Where a corpus comes from, in a word or two."""
    words = {
        "files": "",
        "pasted": QCoreApplication.translate("Corpus", "pasted text"),
        "sample": QCoreApplication.translate("Corpus", "written by a grammar"),
    }
    return words[corpus.record.origin]


def split_names() -> dict[str, str]:
    """The three splits in words."""
    return {
        "training": QCoreApplication.translate("Corpus", "Training"),
        "validation": QCoreApplication.translate("Corpus", "Validation"),
        "test": QCoreApplication.translate("Corpus", "Test"),
    }


def split_parts(shares: Mapping[str, float]) -> list[Part]:
    """The parts of the bar of splits."""
    return [Part(words, shares.get(name, 0.0), SPLIT_COLORS[name]) for name, words in split_names().items()]


def split_counts(statistics: Statistics) -> list[str]:
    """The sizes of the splits in words: the first with its unit."""
    names, tokens = split_names(), statistics.tokens
    first = QCoreApplication.translate("Corpus", "{count} tokens").format(count=number_text.whole(tokens["training"]))
    return [first, *(f"{names[name]} {number_text.whole(tokens[name])}" for name in ("validation", "test"))]


def request_title(request: Mapping[str, Any]) -> str:
    """What a text that is not ready yet is called."""
    if request.get("name"):
        return str(request["name"])
    if request.get("sample"):
        from lmstudio_app.engine.data.samples import samples

        return next((declared(one.title) for one in samples() if one.name == request["sample"]), request["sample"])
    paths = request.get("paths") or [""]
    path = Path(paths[0])
    return path.name if path.is_dir() else path.stem
