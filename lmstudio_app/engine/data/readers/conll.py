"""Sentences in columns, a word on each line (CoNLL-2003, CoNLL-U): one sentence is one tagged document."""

from __future__ import annotations

from collections.abc import Iterator

from lmstudio_app.engine.data.reader import BadRow, Document, TextSource, lines
from lmstudio_app.engine.data.table import Row, documents
from lmstudio_app.engine.registry import Reader, register_reader

_LONGEST_LINE = 1 << 20
_UNIVERSAL = 10  # columns of CoNLL-U: ID FORM LEMMA UPOS …


def read(source: TextSource) -> Iterator[Document]:
    """The words of each sentence and their tags: in CoNLL-U the universal parts of speech, else the last column."""
    return documents(source, _sentences(source))


def _sentences(source: TextSource) -> Iterator[Row | BadRow]:
    words: list[tuple[str, str]] = []
    first, wrong = 0, None
    for number, whole in enumerate(lines(source.pieces(), _LONGEST_LINE), 1):
        line = whole.rstrip("\r\n")
        if not line.strip() or line.startswith("-DOCSTART-"):
            if words or wrong:
                yield wrong or _row(first, words)
            words, wrong = [], None
            continue
        if line.startswith("#") and not words and "\t" not in line:
            continue
        found = _word(line)
        if found is None:
            wrong = wrong or BadRow(number, "it has a word without a tag")
        elif found != ("", ""):
            first = first if words else number
            words.append(found)
    if words or wrong:
        yield wrong or _row(first, words)


def _word(line: str) -> tuple[str, str] | None:
    """A word and its tag; both empty for what only repeats other words (ranges in CoNLL-U), None for a broken line."""
    cells = line.split("\t") if "\t" in line else line.split()
    if len(cells) == _UNIVERSAL and "\t" in line:
        if not cells[0].isdigit():
            return "", ""
        word, tag = cells[1], cells[3]
    elif len(cells) >= 2:
        word, tag = cells[0], cells[-1]
    else:
        return None
    word, tag = "\u00a0".join(word.split()), "\u00a0".join(tag.split())
    return (word, tag) if word and tag else None


def _row(line: int, words: list[tuple[str, str]]) -> Row:
    return Row(line, {"tokens": " ".join(word for word, _ in words), "tags": " ".join(tag for _, tag in words)})


READER = register_reader(Reader("conll", "Words in columns", (".conll", ".conllu"), read))
