"""How a text begins, and how it is cut into tokens: what a person looks at before anything is trained on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lmstudio_app.engine.data.boilerplate import count_boilerplate
from lmstudio_app.engine.data.changes import Changes, compare
from lmstudio_app.engine.data.chinese import can_convert
from lmstudio_app.engine.data.cleaning import CleaningSettings, clean, small_parts, without_notices
from lmstudio_app.engine.data.corpus import PASTED
from lmstudio_app.engine.data.documents import whole_texts
from lmstudio_app.engine.data.duplicates import fingerprint
from lmstudio_app.engine.data.encoding import EncodingDoubtful, check_encoding, decoder, detect, misfit, without_mark
from lmstudio_app.engine.data.excerpt import excerpt
from lmstudio_app.engine.data.merging import Merging, play_merges
from lmstudio_app.engine.data.reader import ReadingSettings, TextSource, reader_of, whole_lines
from lmstudio_app.engine.data.roles import CorpusKind
from lmstudio_app.engine.data.source_file import open_source, unreadable
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.data.text_pieces import text_pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmstudio_app.engine.data.corpus import Corpus

CHARACTERS = 10_000
TOKENIZED_CHARACTERS = 3_000
TABLE_DOCUMENTS = 3
MOST_CLEANABLE_BYTES = 50_000_000
_HEAD_BYTES = 1 << 16
_WIDEST = 4  # bytes of a unit of UTF-32


@dataclass(frozen=True)
class Preview:
    """The beginning of a text; `whole` when there is no more of it. `encoding` is that of a file."""

    text: str
    whole: bool
    encoding: str = ""


@dataclass(frozen=True)
class TokenPreview:
    """A text cut into tokens: their ids (N,), what each adds to the text (N,), the bytes each stands for (N,); how many
    different tokens there are, and which of them stands for unknown characters; the merges that made them, to be played
    where its tokenizer merges."""

    tokens: tuple[int, ...]
    pieces: tuple[str, ...]
    spellings: tuple[bytes, ...]
    vocabulary: int
    unknown: int | None
    merging: Merging | None = None


@dataclass(frozen=True)
class TablePreview:
    """The first rows of a table and what becomes of them: its columns, their values, {role: column}, the kind of corpus
    that gives, and the texts of the first documents. `columns` are empty where a file is no table."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    mapping: Mapping[str, str]
    kind: CorpusKind
    texts: tuple[str, ...]


def preview(corpus: Corpus, source: int | None = None, characters: int = CHARACTERS) -> Preview:
    """How the text of `corpus` begins, or that of `corpus.sources[source]`, after cleaning. Raises `UserError`."""
    return Preview(*excerpt(corpus, source, characters))


def preview_original(corpus: Corpus, source: int | None = None, characters: int = CHARACTERS) -> Preview:
    """How the text of `corpus`, or of `corpus.sources[source]`, begins before cleaning, its documents set apart as they
    are in the corpus. Raises `UserError` when the file has gone."""
    if corpus.record.origin == "sample":
        return preview(corpus, None, characters)  # cleaning finds nothing in what a grammar writes
    if source is None or not corpus.sources:
        return _beginning([text_pieces(corpus.folder / PASTED)], characters)
    known = corpus.sources[source]
    text = TextSource(Path(known.path), known.encoding, corpus.settings.reading)
    return _beginning((document.pieces for document in reader_of(text).read(text)), characters)


def _beginning(texts: Iterable[Iterable[str]], characters: int) -> Preview:
    found = ""
    for pieces in texts:
        if found:
            found += "\n" * (2 - (found.endswith("\n") + found.endswith("\n\n")))
        for piece in pieces:
            found += piece
            if len(found) > characters:
                return Preview(found[:characters], whole=False)
    return Preview(found, whole=True)


def preview_changes(corpus: Corpus, source: int | None = None, characters: int = CHARACTERS) -> Changes:
    """What cleaning changed at the beginning of that text, as the corpus' own settings say. Raises `UserError`."""
    original = preview_original(corpus, source, characters)
    before = original.text if original.whole else original.text[: original.text.rfind("\n") + 1] or original.text
    settings = corpus.settings.cleaning
    parts = whole_lines([before])
    cleaned = "".join(
        clean(piece, settings)[0] for piece in (without_notices(parts, lambda _: None) if settings.gutenberg else parts)
    )
    return compare(before, cleaned)


def preview_tokens(corpus: Corpus, source: int | None = None, characters: int = TOKENIZED_CHARACTERS) -> TokenPreview:
    """The tokens of that beginning, cut as the corpus' own settings say. Raises `UserError`."""
    return preview_text_tokens(corpus, excerpt(corpus, source, characters)[0])


def preview_text_tokens(corpus: Corpus, text: str) -> TokenPreview:
    """The tokens of `text`, cut so. Raises `UserError`, also when it holds half a character."""
    tokenizer = corpus.tokenization().tokenizer
    tokens = tokenizer.encode(text).tolist()
    spellings = tuple(tokenizer.spelling(token) for token in tokens)
    pieces, merging = tuple(tokenizer.pieces(tokens)), play_merges(tokenizer, text)
    return TokenPreview(tuple(tokens), pieces, spellings, tokenizer.vocabulary, tokenizer.unknown, merging)


def list_tokens(corpus: Corpus) -> list[tuple[int, bytes, int]]:
    """Every token of the corpus' own tokenizer: its id, the bytes it stands for, how often it occurs in the training
    text. Raises `UserError`."""
    tokenization = corpus.tokenization()
    counts = tokenization.store.counts("training").tolist()
    return [(token, tokenization.tokenizer.spelling(token), count) for token, count in enumerate(counts)]


def count_tokens(corpus: Corpus) -> NDArray[np.int64]:
    """How often each token occurs in the training text (V,). Raises `UserError`."""
    return corpus.tokenization().store.counts("training")


def count_cleanable(corpus: Corpus) -> dict[str, int]:
    """How often each switch of cleaning that is off would find something in the text, by name; nothing for texts above
    `MOST_CLEANABLE_BYTES`, which would take long. Raises `UserError`."""
    if corpus.statistics.bytes > MOST_CLEANABLE_BYTES:
        return {}
    chosen = corpus.settings.cleaning.model_dump()
    none = dict.fromkeys(chosen, False)
    unseen = {"boilerplate", "similar_documents"}  # for which all documents are compared
    if not can_convert():
        unseen |= {"simplified", "traditional"}
    switches = {
        name: CleaningSettings(**none | {name: True}) for name, on in chosen.items() if not on and name not in unseen
    }
    found = dict.fromkeys(switches, 0)
    for split in SPLITS:
        for piece in small_parts(text_pieces(corpus.text_path(split))):
            for name, switch in switches.items():
                found[name] += clean(piece, switch)[1][name]
    if corpus.record.origin == "sample":
        return found
    if "repeated_documents" in found:
        prints = [fingerprint(text) for text in whole_texts(corpus)]
        found["repeated_documents"] = len(prints) - len(set(prints))
    if not chosen["boilerplate"] and corpus.kind == "plain":
        found["boilerplate"] = count_boilerplate(whole_texts(corpus))
    return found


def preview_table(path: Path, encoding: str, reading: ReadingSettings | None = None) -> TablePreview:
    """How a table begins and how `reading` takes its columns. Raises `UserError`, also for a mapping that does not
    fit."""
    text = TextSource(path, encoding, reading)
    documents = list(islice(reader_of(text).read(text), TABLE_DOCUMENTS))
    kind: CorpusKind = documents[0].kind if documents else "plain"
    texts = tuple(document.text for document in documents) if text.columns else ()
    return TablePreview(text.columns, text.first_rows, dict(text.mapping), kind, texts)


def preview_file(path: Path, encoding: str | None = None, characters: int = CHARACTERS) -> Preview:
    """How a file begins, read as `encoding` or as its first lines suggest; whether the rest fits shows when it is read.

    Raises `UserError` when it cannot be read, is no text, or does not fit.
    """
    try:
        with open_source(path) as file:
            head = file.read(_HEAD_BYTES)
            whole = not file.read(1)
    except OSError as error:
        raise unreadable(path, error) from None
    head = head if whole else _at_a_line_end(head)
    chosen = check_encoding(encoding) if encoding else _likely(head, path)
    try:
        text = without_mark(decoder(chosen).decode(head, final=whole), chosen)
    except UnicodeError as error:  # no UnicodeDecodeError where UTF-16 or UTF-32 lacks its mark
        raise misfit(str(path), chosen, getattr(error, "start", 0)) from None
    return Preview(text[:characters], whole and len(text) <= characters, chosen)


def _likely(head: bytes, path: Path) -> str:
    try:
        return detect(head, str(path)).encoding
    except EncodingDoubtful as error:
        return error.options[0][0]


def _at_a_line_end(head: bytes) -> bytes:
    """The part of a head that ends where a line does, so that no character is cut; of UTF-16 and UTF-32 whole units."""
    if b"\0" in head:
        return head[: len(head) // _WIDEST * _WIDEST]
    return head[: head.rfind(b"\n") + 1] or head
