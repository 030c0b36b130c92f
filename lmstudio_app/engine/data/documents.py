"""The documents of a corpus one after another, with the values of their roles, as they were split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lmstudio_app.engine.data.corpus import DOCUMENTS, FIELDS, Corpus, damaged
from lmstudio_app.engine.data.corpus_writer import load_numbers
from lmstudio_app.engine.data.splits import SPLITS, Split
from lmstudio_app.engine.storage.atomic import in_words
from lmstudio_app.engine.storage.json_lines import read_jsonl


@dataclass(frozen=True)
class Example:
    """A document of a corpus, or the part of one that a split got: its text without the blank line behind it, and, in
    a typed corpus, the values of its roles. A document that was cut in two has these in its first part; the others are
    `continued`."""

    split: Split
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)
    continued: bool = False


def examples(corpus: Corpus) -> Iterator[Example]:
    """Every document of `corpus`, one in memory at a time. Raises `UserError` where its files are damaged."""
    ends = [int(end) for end in load_numbers(corpus, DOCUMENTS, "q")]
    fields = read_jsonl(corpus.folder / FIELDS) if corpus.kind != "plain" else None
    number, place, begun = 0, 0, False
    for split in SPLITS:
        path, stop = corpus.text_path(split), place + corpus.statistics.splits[split].bytes
        try:
            with path.open("rb") as file:
                while place < stop:
                    if number == len(ends):
                        raise damaged(corpus.folder)
                    part = min(ends[number], stop) - place
                    text = file.read(part).decode("utf-8").rstrip("\n")
                    values = {} if begun or fields is None else next(fields, None)
                    if values is None:
                        raise damaged(corpus.folder)
                    yield Example(split, text, values, begun)
                    place += part
                    begun = place < ends[number]
                    number += not begun
        except OSError as error:
            raise in_words(error, path) from error
        except UnicodeDecodeError as error:
            raise damaged(corpus.folder) from error


def whole_texts(corpus: Corpus) -> Iterator[str]:
    """The text of every document, also of one that was cut between splits. Raises `UserError`."""
    text: str | None = None
    for example in examples(corpus):
        if example.continued:
            text = (text or "") + example.text
            continue
        if text is not None:
            yield text
        text = example.text
    if text is not None:
        yield text
