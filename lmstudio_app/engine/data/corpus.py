"""A prepared corpus: one folder with the texts of its splits, what is known about them, and their tokens.

corpus.toml       format, origin, settings, statistics, hash, exact entropy; written last
sources.jsonl     the files it was read from
skipped.jsonl     the files that could not be read, each with the reason
documents.npy     where each document ends, in bytes of the whole text
order.npy         the place of each document in the order of reading, where that is another one or some are left out;
                  then how many were read, and how many line ends were put after the one that was read last
fields.jsonl      the values of each document's roles, where it is more than its text (roles.py)
bits.npy          −log2 p of each document, where known (bundled samples)
pasted.txt        pasted text as it came
text/             training.txt, validation.txt, test.txt: UTF-8; joined, they are the whole text
tokenizers/       one folder for each tokenization that was asked for
"""

from __future__ import annotations

import tomllib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import NonNegativeFloat, NonNegativeInt

from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.data.reader import ReadingSettings
from lmstudio_app.engine.data.roles import CorpusKind
from lmstudio_app.engine.data.splits import SPLITS, Split, SplitSettings
from lmstudio_app.engine.data.statistics import Statistics
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Settings, read
from lmstudio_app.engine.storage.atomic import in_words, write_toml
from lmstudio_app.engine.storage.json_lines import read_jsonl

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenization import Tokenization as Tokenization  # noqa: PLC0414  (others take it from here)
    from lmstudio_app.engine.events import Progress

FORMAT = 1
FILE = "corpus.toml"
SOURCES = "sources.jsonl"
SKIPPED = "skipped.jsonl"
DOCUMENTS = "documents.npy"
ORDER = "order.npy"
FIELDS = "fields.jsonl"
BITS = "bits.npy"
PASTED = "pasted.txt"
_LARGEST_FILE = 1 << 20

Origin = Literal["files", "pasted", "sample"]


class CorpusSettings(Settings):
    """How sources become a corpus."""

    reading: ReadingSettings = ReadingSettings()
    cleaning: CleaningSettings = CleaningSettings()
    split: SplitSettings = SplitSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()


@dataclass(frozen=True)
class Source:
    """A file that a corpus was read from: how sure its encoding was (1 when a person named it), its size, how many
    documents it gave, the title of the first, and the SHA-256 of its bytes. Of a table also what its columns were taken
    for, how many rows could not be used, and the lines of the first of them."""

    path: str
    title: str
    encoding: str
    confidence: float
    bytes: NonNegativeInt
    documents: NonNegativeInt
    sha256: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    bad_rows: NonNegativeInt = 0
    bad_lines: Sequence[NonNegativeInt] = ()


@dataclass(frozen=True)
class Skipped:
    """A file that was to be read with others and could not be: why, as a sentence `template` with `values`. Where only
    its encoding is in doubt, `options` are those to choose from, as (encoding, decoded excerpt)."""

    path: str
    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    options: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class CorpusRecord:
    """What `corpus.toml` says. `sample` names the bundled sample; `entropy_bits` is −log2 p of each split;
    `kind` is what every document is."""

    origin: Origin
    created: str
    data_hash: str
    settings: CorpusSettings
    statistics: Statistics
    sample: str = ""
    entropy_bits: Mapping[Split, NonNegativeFloat] = field(default_factory=dict)
    kind: CorpusKind = "plain"

    def write(self, folder: Path) -> None:
        """Write it into a corpus folder, which makes the folder a corpus. Raises `UserError`."""
        statistics = {key: value for key, value in asdict(self.statistics).items() if value is not None}
        described = asdict(self) | {"settings": self.settings.model_dump(), "statistics": statistics}
        write_toml(folder / FILE, {"format": FORMAT} | described)


class Corpus:
    """An opened corpus."""

    def __init__(self, folder: Path, record: CorpusRecord) -> None:
        self.folder = folder
        self.record = record

    @classmethod
    def open(cls, folder: Path) -> Corpus:
        """Open the corpus in `folder`; reads a page of numbers, no text.

        Raises `UserError` when it is missing, damaged, foreign or of a newer version.
        """
        corpus = cls(folder, _read_record(folder))
        for name in SPLITS:
            path = corpus.text_path(name)
            try:
                size = path.stat().st_size
            except OSError as error:
                raise in_words(error, path) from error
            if size != corpus.statistics.splits[name].bytes:
                raise damaged(folder)
        return corpus

    @property
    def name(self) -> str:
        """Its name: that of the folder."""
        return self.folder.name

    @property
    def settings(self) -> CorpusSettings:
        """How it was made."""
        return self.record.settings

    @property
    def statistics(self) -> Statistics:
        """What is in it, in numbers."""
        return self.record.statistics

    @property
    def kind(self) -> CorpusKind:
        """What its documents are: plain texts, or texts with labels, pairs, questions and answers, …"""
        return self.record.kind

    @property
    def data_hash(self) -> str:
        """SHA-256 of the three texts, in hexadecimal: equal exactly when what models learn from is equal."""
        return self.record.data_hash

    @cached_property
    def sources(self) -> Sequence[Source]:
        """The files it was read from; none for pasted text and samples. Raises `UserError`."""
        rows: Sequence[Source] = self._rows(SOURCES, Source)
        return rows

    @cached_property
    def skipped(self) -> Sequence[Skipped]:
        """The files that could not be read with the others. Raises `UserError`."""
        rows: Sequence[Skipped] = self._rows(SKIPPED, Skipped)
        try:
            for row in rows:
                row.template.format(**row.values)
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise damaged(self.folder) from error
        return rows

    def _rows(self, name: str, kind: type[Any]) -> Any:
        from pydantic import ValidationError

        try:
            return _adapter(list[kind]).validate_python(list(read_jsonl(self.folder / name)))  # type: ignore[valid-type]
        except ValidationError as error:
            raise damaged(self.folder) from error

    @property
    def entropy_bits(self) -> Mapping[Split, float] | None:
        """−log2 p of each split, exactly, where the text was generated; else None."""
        return self.record.entropy_bits or None

    @property
    def entropy_bits_per_byte(self) -> Mapping[Split, float] | None:
        """The fewest bits per byte that any model can reach on each split, where the text was generated; else None."""
        sizes = self.statistics.splits
        return {name: bits / sizes[name].bytes for name, bits in self.record.entropy_bits.items()} or None

    def text_path(self, split: Split) -> Path:
        """The UTF-8 file with the text of a split."""
        return self.folder / "text" / f"{split}.txt"

    def text(self, split: Split) -> str:
        """The whole text of a split. Raises `UserError`."""
        from lmstudio_app.engine.data.text_pieces import text_pieces

        return "".join(text_pieces(self.text_path(split)))

    def preview(self, characters: int = 20_000) -> str:
        """The first `characters` of the training text. Raises `UserError`."""
        try:
            with self.text_path("training").open("rb") as file:
                return file.read(4 * characters).decode("utf-8", "ignore")[:characters]  # the last one may be cut
        except OSError as error:
            raise in_words(error, self.text_path("training")) from error

    def tokenization(self, settings: TokenizerSettings | None = None) -> Tokenization:
        """The corpus cut into tokens (None: as its own settings say), made now if it never was. Raises `UserError`."""
        steps = self.tokenize(settings)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: Tokenization = end.value
                return result

    def made_tokenization(self, settings: TokenizerSettings) -> Tokenization | None:
        """The corpus cut into tokens, if it was so before. Raises `UserError`."""
        from lmstudio_app.engine.data.tokenization import open_tokenization

        return open_tokenization(self._tokens_folder(settings), settings, self.data_hash)

    def _tokens_folder(self, settings: TokenizerSettings) -> Path:
        return self.folder / "tokenizers" / settings.folder_name

    def tokenize(self, settings: TokenizerSettings | None = None) -> Generator[Progress, None, Tokenization]:
        """`tokenization` step by step: yields progress, returns the tokenization; can be closed at any time."""
        from lmstudio_app.engine.data.tokenization import make_tokenization

        wanted = settings or self.settings.tokenizer
        if (found := self.made_tokenization(wanted)) is not None:
            return found
        folder = self._tokens_folder(wanted)
        texts = {name: self.text_path(name) for name in SPLITS}
        return (yield from make_tokenization(folder, wanted, texts, self.data_hash))


def damaged(folder: Path) -> UserError:
    """The error for a folder that is not as a corpus should be."""
    return UserError(
        "The corpus “{name}” is damaged. Restore its folder from a copy, or add its text again.", name=folder.name
    )


def _read_record(folder: Path) -> CorpusRecord:
    path = folder / FILE
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise damaged(folder)
        described = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("“{folder}” is not a corpus: it has no {file}.", folder=folder, file=FILE) from None
    except OSError as error:
        raise in_words(error, path) from error
    except (ValueError, RecursionError) as error:
        raise damaged(folder) from error
    number = described.pop("format", None)
    if isinstance(number, int) and number > FORMAT:
        raise UserError("The corpus “{name}” was made by a newer version of the program. Update it.", name=folder.name)
    return _checked(described, folder)


def _checked(described: dict[str, Any], folder: Path) -> CorpusRecord:
    from pydantic import ValidationError

    try:
        described["settings"] = read(CorpusSettings, described["settings"])
        record: CorpusRecord = _adapter(CorpusRecord).validate_python(described)
    except (KeyError, TypeError, ValidationError, UserError) as error:
        raise damaged(folder) from error
    if set(record.statistics.splits) != set(SPLITS) or set(record.entropy_bits) not in (set(), set(SPLITS)):
        raise damaged(folder)
    return record


@cache
def _adapter(kind: Any) -> Any:
    """Checks plain values against a type."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
