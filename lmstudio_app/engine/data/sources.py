"""Examining and reading the files of a corpus; what cannot be read is skipped and told, while something else can."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lmstudio_app.engine.data.corpus import Source
from lmstudio_app.engine.data.corpus_writer import CorpusWriter
from lmstudio_app.engine.data.encoding import EncodingDoubtful, check_encoding, examine
from lmstudio_app.engine.data.reader import ReadingSettings, TextSource, reader_of
from lmstudio_app.engine.data.source_file import Unreadable, is_taken_out, open_source, state_of
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, Progress, RowsSkipped, SourceSkipped


class Skipping:
    """Collects what could not be read, and says so as long as there are other files."""

    def __init__(self, errors: Sequence[UserError], *, many: bool) -> None:
        self._errors = list(errors)
        self._many = many

    def report(self) -> Generator[Event, None, None]:
        """Tell the errors there were at the start."""
        for error in self._errors:
            if self._many:
                yield _skipped(str(error.values.get("path", "")), error)

    def skip(self, path: Path, error: UserError) -> Generator[Event, None, None]:
        """Tell one more; raises it where there is no other file."""
        self._errors.append(error)
        if not self._many:
            raise error
        yield _skipped(str(path), error)

    def nothing_left(self) -> UserError:
        """The error when no file is left."""
        if len(self._errors) == 1:
            return self._errors[0]
        return UserError(
            "None of the {number} files can be read. The first: {reason}",
            number=len(self._errors),
            reason=self._errors[0],
        )


def _skipped(path: str, error: UserError) -> SourceSkipped:
    values = {key: value if isinstance(value, (int, float)) else str(value) for key, value in error.values.items()}
    options = error.options if isinstance(error, EncodingDoubtful) else ()
    return SourceSkipped(path, str(error), error.template, values, options)


def examine_files(
    files: Sequence[Path], encodings: Mapping[Path | None, str], skipping: Skipping
) -> Generator[Event, None, list[Source]]:
    """The encoding of each file, as sources whose documents are not counted yet."""
    named = {path.resolve() if path else None: check_encoding(encoding) for path, encoding in encodings.items()}
    found: list[Source] = []
    sizes = {path: _size(path) for path in files}
    done, total = 0, sum(sizes.values())
    for path in files:
        encoding, confidence = named.get(path.resolve(), named.get(None, "")), 1.0
        try:
            if encoding and is_taken_out(path):
                encoding = "utf-8"
            if not encoding:
                steps = examine(path)
                while not encoding:
                    try:
                        yield Progress("Finding the encoding", done + min(next(steps), sizes[path]), total, "bytes")
                    except StopIteration as end:
                        encoding, confidence = end.value.encoding, end.value.confidence
            open_source(path).close()
            found.append(Source(str(path.absolute()), "", encoding, confidence, sizes[path], 0, ""))
        except UserError as error:
            yield from skipping.skip(path, error)
        done += sizes[path]
    if not found:
        raise skipping.nothing_left()
    return found


def read_files(
    found: Sequence[Source], writer: CorpusWriter, skipping: Skipping, reading: ReadingSettings
) -> Generator[Event, None, list[Source]]:
    """Read the files into the writer; one that fails half way leaves nothing in it."""
    sources: list[Source] = []
    done, total = 0, sum(source.bytes for source in found)
    for known in found:
        mark = writer.mark()
        source = TextSource(Path(known.path), known.encoding, reading)
        try:
            title = yield from _read_one(source, writer, done, total)
            sources.append(
                replace(
                    known,
                    title=title,
                    bytes=_size(source.path),
                    documents=writer.documents - mark.ends,
                    sha256=source.sha256,
                    mapping=dict(source.mapping),
                    bad_rows=source.bad_rows,
                    bad_lines=tuple(row.line for row in source.bad),
                )
            )
            if source.bad:
                yield _rows_skipped(source)
        except Unreadable as error:
            writer.go_back(mark)
            yield from skipping.skip(Path(known.path), error)
        done += known.bytes
    if not sources:
        raise skipping.nothing_left()
    return sources


def _read_one(source: TextSource, writer: CorpusWriter, done: int, total: int) -> Generator[Event, None, str]:
    """Write the documents of one file; returns the title of the first."""
    title, before, left_out = "", writer.documents, 0
    for document in reader_of(source).read(source):
        writing = writer.write(document.pieces, document.kind, document.fields)
        while True:
            try:
                next(writing)
            except StopIteration as end:
                title = title or (document.title if end.value else "")
                left_out += not end.value and writer.left_out
                break
            yield Progress("Reading", min(done + source.position, total), total, "bytes")
    if writer.documents == before and source.bad:
        raise Unreadable(
            "None of the {number} rows of “{path}” can be used. The first, on line {line}: {reason}. Check the format "
            "and the columns.",
            number=source.bad_rows,
            path=source.path,
            line=source.bad[0].line,
            reason=source.bad[0].reason,
        )
    if writer.documents == before and not left_out:
        raise Unreadable("“{path}” holds no text, only white space. Choose another file.", path=source.path)
    return title


def _rows_skipped(source: TextSource) -> RowsSkipped:
    first = source.bad[0]
    lines = tuple(row.line for row in source.bad)
    return RowsSkipped(str(source.path), source.bad_rows, lines, first.reason, first.template, dict(first.values))


def _size(path: Path) -> int:
    try:
        return state_of(path)[0]
    except OSError:
        return 0
