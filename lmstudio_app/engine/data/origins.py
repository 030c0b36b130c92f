"""Where the text of a corpus comes from: files, pasted text, a bundled sample, or a corpus that is there already.

Each fills a `CorpusWriter` step by step, yielding events, and returns the sources to remember.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from lmstudio_app.engine.data.corpus import PASTED, Corpus, Origin, Source
from lmstudio_app.engine.data.corpus_writer import CorpusWriter
from lmstudio_app.engine.data.encoding import check_encoding
from lmstudio_app.engine.data.reader import ReadingSettings, expand
from lmstudio_app.engine.data.roles import KINDS, CorpusKind, text_of
from lmstudio_app.engine.data.source_file import state_of
from lmstudio_app.engine.data.sources import Skipping, examine_files, read_files
from lmstudio_app.engine.data.text_pieces import text_pieces
from lmstudio_app.engine.data.tokenizer import refuse_surrogates
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, Progress, SourceSkipped
from lmstudio_app.engine.storage.atomic import write_text

if TYPE_CHECKING:
    from lmstudio_app.engine.data.samples import Generated

_DOCUMENTS_AT_ONCE = 200

Filling = Generator[Event, None, list[Source]]


class TextOrigin(Protocol):
    """Something that text comes from."""

    @property
    def kind(self) -> Origin:
        """What `corpus.toml` calls it."""

    @property
    def sample(self) -> str:
        """The bundled sample's name, if it is one."""

    @property
    def separate(self) -> bool:
        """Whether its documents are to be set apart by blank lines."""

    def fill(self, writer: CorpusWriter) -> Filling:
        """Write all documents. Raises `UserError`."""


@dataclass(frozen=True)
class Files:
    """Files and folders of them; `encodings` are what a person knows better than detection, for all files where the
    key is None."""

    paths: Sequence[Path]
    encodings: Mapping[Path | None, str]
    reading: ReadingSettings
    kind: Origin = "files"
    sample: str = ""
    separate: bool = True

    def fill(self, writer: CorpusWriter) -> Filling:
        """Find the files, find their encodings, read them. What cannot be read is skipped while something can."""
        for encoding in self.encodings.values():
            check_encoding(encoding)
        files, errors = expand(self.paths)
        if not files and not errors:
            raise UserError("There are no files to read in “{path}”. Choose another folder.", path=self.paths[0])
        skipping = Skipping(errors, many=len(files) + len(errors) > 1)
        yield from skipping.report()
        found = yield from examine_files(files, self.encodings, skipping)
        return (yield from read_files(found, writer, skipping, self.reading))


@dataclass(frozen=True)
class Pasted:
    """Text that a person typed or pasted; kept as it came, so that cleaning can be changed later."""

    text: str
    kind: Origin = "pasted"
    sample: str = ""
    separate: bool = False

    def fill(self, writer: CorpusWriter) -> Filling:
        """One document."""
        refuse_surrogates(self.text)
        write_text(writer.folder / PASTED, self.text)
        kept = False
        writing = writer.write(text_pieces(writer.folder / PASTED))
        while True:
            try:
                next(writing)
                yield Progress("Reading", 0, 0, "bytes")
            except StopIteration as end:
                kept = end.value
                break
        if not kept:
            raise UserError("There is no text in what was pasted. Paste some text.")
        return []


@dataclass(frozen=True)
class Bundled:
    """A bundled sample, of which the exact probability is known as long as cleaning changes nothing."""

    sample: str
    kind: Origin = "sample"
    separate: bool = False

    def fill(self, writer: CorpusWriter) -> Filling:
        """Its documents, as the grammar writes them."""
        from lmstudio_app.engine.data import samples

        described = samples.sample(self.sample)
        yield Progress("Writing the sample", 0, 0, "bytes")
        generated = samples.generate(described)
        as_written = True
        for number, (text, bits) in enumerate(zip(generated.documents, generated.bits, strict=True)):
            as_written = writer.write_known(*_typed(generated, text), bits) and as_written
            if number % _DOCUMENTS_AT_ONCE == 0:
                yield Progress("Writing the sample", number, len(generated.documents), "documents")
        if not as_written:
            writer.forget_bits()
        return []


def _typed(generated: Generated, text: str) -> tuple[str, CorpusKind, Mapping[str, str]]:
    """The text of a generated document, its kind, and the values of its roles, which its derivation says."""
    if generated.kind not in KINDS or generated.kind == "plain":
        return text, "plain", {}
    kind = cast(CorpusKind, generated.kind)
    values = dict(zip(generated.roles, text.removesuffix("\n\n").split("\n"), strict=True))
    return text_of(kind, values) + "\n\n", kind, values


@dataclass(frozen=True)
class SameFiles:
    """The files that a corpus was read from, if they still are what they were."""

    corpus: Corpus
    encodings: Mapping[Path | None, str]
    reading: ReadingSettings
    kind: Origin = "files"
    sample: str = ""
    separate: bool = True

    def fill(self, writer: CorpusWriter) -> Filling:
        """Read them again, in other encodings where `encodings` says so."""
        asked = {str(path): check_encoding(encoding) for path, encoding in self.encodings.items()}
        left_out = {skipped.path for skipped in self.corpus.skipped}
        known = {source.path for source in self.corpus.sources} | left_out
        for path in asked:
            if path not in known and path != str(None):
                raise UserError("“{path}” is not one of the files of “{corpus}”.", path=path, corpus=self.corpus.name)
        found = [
            self._found(source, asked.get(source.path, asked.get(str(None), ""))) for source in self.corpus.sources
        ]
        found += [Source(path, "", encoding, 1.0, 0, 0, "") for path, encoding in asked.items() if path in left_out]
        yield from _skipped_again(self.corpus, asked)
        sources = yield from read_files(found, writer, Skipping([], many=False), self.reading)
        for before, after in zip(self.corpus.sources, sources, strict=False):  # behind them stands what is new
            if before.sha256 != after.sha256:
                raise self._changed(before)
        return sources

    def _found(self, source: Source, encoding: str) -> Source:
        path = Path(source.path)
        try:
            size, _ = state_of(path)
        except OSError:
            raise UserError(
                "“{path}” is not there any more, so “{corpus}” keeps the text it has. Put the file back, or add the "
                "text as a new corpus.",
                path=path,
                corpus=self.corpus.name,
            ) from None
        if size != source.bytes:
            raise self._changed(source)
        return replace(source, encoding=encoding, confidence=1.0) if encoding else source

    def _changed(self, source: Source) -> UserError:
        return UserError(
            "“{path}” has changed since it was added, so “{corpus}” keeps the text it has. Add the file again as a new "
            "corpus.",
            path=source.path,
            corpus=self.corpus.name,
        )


def _skipped_again(corpus: Corpus, read_now: Collection[str] = ()) -> Iterator[Event]:
    """Tell again what was skipped when `corpus` was made, but for what is read now."""
    for skipped in corpus.skipped:
        if skipped.path not in read_now:
            reason = skipped.template.format(**skipped.values)
            options = tuple((encoding, excerpt) for encoding, excerpt in skipped.options)
            yield SourceSkipped(skipped.path, reason, skipped.template, skipped.values, options)


@dataclass(frozen=True)
class SameText:
    """The cleaned text that a corpus has."""

    corpus: Corpus
    separate: bool = False

    @property
    def kind(self) -> Origin:
        """As it was."""
        return self.corpus.record.origin

    @property
    def sample(self) -> str:
        """As it was."""
        return self.corpus.record.sample

    def fill(self, writer: CorpusWriter) -> Filling:
        """Copy it, documents and all."""
        yield from _skipped_again(self.corpus)
        for done in writer.copy(self.corpus):
            yield Progress("Reading", done, self.corpus.statistics.bytes, "bytes")
        pasted = self.corpus.folder / PASTED
        if self.kind == "pasted":
            write_text(writer.folder / PASTED, "".join(text_pieces(pasted)))
        return list(self.corpus.sources)
