"""Text in, a corpus out: read, clean, split, count, cut into tokens. `redo` does it again with other settings."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lmstudio_app.engine.data.building import occupied, publish, scaffold
from lmstudio_app.engine.data.corpus import SKIPPED, SOURCES, Corpus, CorpusRecord, CorpusSettings, Skipped, Source
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CorpusReady, Counted, Event, SourceSkipped
from lmstudio_app.engine.storage.names import check_name, tidy_name

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus_writer import CorpusWriter
    from lmstudio_app.engine.data.origins import TextOrigin
    from lmstudio_app.engine.data.reader import ReadingSettings
    from lmstudio_app.engine.data.tokenization import Tokenization
    from lmstudio_app.engine.workspace import Workspace


def prepare(
    workspace: Workspace,
    *,
    paths: Sequence[Path | str] = (),
    text: str | None = None,
    sample: str | None = None,
    name: str | None = None,
    settings: CorpusSettings | None = None,
    encoding: str | None = None,
    encodings: Mapping[Path | str, str] | None = None,
) -> Iterator[Event]:
    """Make a corpus of files and folders, of pasted text, or of a bundled sample: exactly one of the three.

    `encodings` names the encoding of files by path, `encoding` that of all others; where neither does it is detected.
    Yields `Progress`, for files that cannot be read while others can `SourceSkipped`, and `Counted` before the text is
    cut into tokens; ends with `CorpusReady`.
    A name that exists gets a number. Closing the generator, or an error, leaves nothing behind. Raises `UserError`.
    """
    given = [bool(paths), text is not None, sample is not None]
    if sum(given) != 1:
        raise UserError("Name text files, or give text, or name a bundled sample; one of them.", field="paths")
    files = [Path(path).expanduser() for path in paths]
    settings = settings or CorpusSettings()
    origin = _origin(files, text, sample, _by_path(encoding, encodings), settings.reading)
    wanted = check_name(name) if name else tidy_name(_usual_name(files, sample))
    place = workspace.corpus_folder(wanted).parent
    with scaffold(place) as temporary:
        with occupied(temporary):
            yield from _make(temporary, origin, settings)
        folder = publish(temporary, place, wanted)
    yield CorpusReady(folder.name, str(folder))


def redo(
    corpus: Corpus, settings: CorpusSettings | None = None, encodings: Mapping[Path | str, str] | None = None
) -> Iterator[Event]:
    """Make `corpus` anew with other settings, or its files read in other encodings; it keeps its name.

    An encoding for a file that was skipped adds that file.

    Only what has to be done again is done; the sources are read again when their encoding or the cleaning changes. The
    folder is the old one or the new one, never half. Raises `UserError`, also when a source has changed or is gone
    since: then the corpus keeps what it has.
    """
    from lmstudio_app.engine.data.origins import SameText
    from lmstudio_app.engine.storage.atomic import replace_folder

    settings = settings or corpus.settings
    before = corpus.settings
    if not encodings and settings.model_copy(update={"tokenizer": before.tokenizer}) == before:
        record = replace(corpus.record, settings=settings)
        yield from _tokenize(corpus.folder, record)
    else:
        again = bool(encodings) or (settings.reading, settings.cleaning) != (before.reading, before.cleaning)
        again = again or before.split.repair  # what was left out is not in the text any more
        origin = _origin_again(corpus, _by_path(None, encodings), settings.reading) if again else SameText(corpus)
        with scaffold(corpus.folder.parent) as temporary:
            with occupied(temporary):
                yield from _make(temporary, origin, settings)
            replace_folder(temporary, corpus.folder)
    yield CorpusReady(corpus.name, str(corpus.folder))


def _make(folder: Path, origin: TextOrigin, settings: CorpusSettings) -> Generator[Event, None, None]:
    """Fill `folder` with a corpus."""
    from datetime import UTC, datetime

    from lmstudio_app.engine.data.corpus_writer import CorpusWriter
    from lmstudio_app.engine.storage.atomic import join_lines, write_bytes

    with CorpusWriter(folder, settings.cleaning, settings.reading, separate=origin.separate) as writer:
        sources, skipped = yield from _filled(origin, writer)
        written = yield from writer.finish(settings.split)
    for name, rows in ((SOURCES, sources), (SKIPPED, skipped)):
        if rows:
            write_bytes(folder / name, join_lines(vars(row) for row in rows))
    found = written.statistics
    yield Counted(
        found.documents,
        found.characters,
        found.bytes,
        found.different_words,
        found.different_characters,
        found.character_entropy,
    )
    record = CorpusRecord(
        origin=origin.kind,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data_hash=written.data_hash,
        settings=settings,
        statistics=written.statistics,
        sample=origin.sample,
        entropy_bits=written.entropy_bits,
        kind=written.kind,
    )
    yield from _tokenize(folder, record)


def _filled(
    origin: TextOrigin, writer: CorpusWriter
) -> Generator[Event, None, tuple[Sequence[Source], Sequence[Skipped]]]:
    """Fill the writer; returns what was read and what was skipped."""
    skipped: list[Skipped] = []
    filling = origin.fill(writer)
    while True:
        try:
            event = next(filling)
        except StopIteration as end:
            return end.value, skipped
        if isinstance(event, SourceSkipped):
            path = str(Path(event.path).absolute())
            skipped.append(Skipped(path, event.template, dict(event.values), event.options))
        yield event


def _tokenize(folder: Path, record: CorpusRecord) -> Generator[Event, None, None]:
    """Cut into tokens as the record says, count the baselines, and write the record, which makes it a corpus."""
    from lmstudio_app.engine.study.baselines import count_baselines

    tokenization = yield from Corpus(folder, record).tokenize()
    yield from count_baselines(tokenization)
    _with_tokens(record, tokenization).write(folder)


def _with_tokens(record: CorpusRecord, tokenization: Tokenization) -> CorpusRecord:
    splits = {}
    for name in SPLITS:
        size = tokenization.store.splits[name]
        splits[name] = replace(
            record.statistics.splits[name],
            tokens=size.tokens,
            unknown_tokens=size.unknown_tokens,
            unknown_bytes=size.unknown_bytes,
        )
    vocabulary = tokenization.store.vocabulary
    return replace(record, statistics=replace(record.statistics, splits=splits, vocabulary=vocabulary))


def _origin(
    files: Sequence[Path],
    text: str | None,
    sample: str | None,
    encodings: Mapping[Path | None, str],
    reading: ReadingSettings,
) -> TextOrigin:
    from lmstudio_app.engine.data.origins import Bundled, Files, Pasted

    if text is not None:
        return Pasted(text)
    return Bundled(sample) if sample is not None else Files(files, encodings, reading)


def _origin_again(corpus: Corpus, encodings: Mapping[Path | None, str], reading: ReadingSettings) -> TextOrigin:
    from lmstudio_app.engine.data.corpus import PASTED
    from lmstudio_app.engine.data.origins import Bundled, Pasted, SameFiles
    from lmstudio_app.engine.data.text_pieces import text_pieces

    if corpus.record.origin == "pasted":
        return Pasted("".join(text_pieces(corpus.folder / PASTED)))
    if corpus.record.origin == "sample":
        return Bundled(corpus.record.sample)
    return SameFiles(corpus, encodings, reading)


def _by_path(encoding: str | None, encodings: Mapping[Path | str, str] | None) -> dict[Path | None, str]:
    """Encodings by absolute path, that of all other files under None."""
    named: dict[Path | None, str] = {
        Path(path).expanduser().absolute(): value for path, value in (encodings or {}).items()
    }
    return named | ({None: encoding} if encoding else {})


def _usual_name(files: Sequence[Path], sample: str | None) -> str:
    if sample is not None:
        from lmstudio_app.engine.data.samples import sample as described

        return described(sample).title
    if not files:
        return "Pasted text"
    path = files[0].absolute()
    return path.name if os.path.isdir(path) else path.stem  # noqa: PTH112  (a path too long is no error yet)
