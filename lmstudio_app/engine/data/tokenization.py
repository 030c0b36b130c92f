"""A corpus cut into tokens in one way: the tokenizer learned from its training text, and the tokens of all splits.

It lies in `tokenizers/<kind>-<vocabulary>/` of the corpus folder and can be made again from the text at any time.
"""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lmstudio_app.engine.data.building import occupied, scaffold
from lmstudio_app.engine.data.reader import whole_lines
from lmstudio_app.engine.data.splits import SPLITS, Split
from lmstudio_app.engine.data.token_store import SplitTokens, TokenStore, TokenWriter, write_manifest
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.storage.atomic import in_words, replace_folder

TOKENIZER = "tokenizer.json"
LEARNED_FROM = 16_000_000
"""Bytes of text that a BPE tokenizer is learned from at most, taken evenly from all over the training split."""
_CHUNK = 1 << 20
_TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Tokenization:
    """An opened tokenization. `folder` holds it; other modules may keep what they derive from it there."""

    folder: Path
    settings: TokenizerSettings
    store: TokenStore = field(compare=False)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, loaded when it is first asked for. Raises `UserError`."""
        path = self.folder / TOKENIZER
        loaded = Tokenizer.load(path)
        if (
            _checksum(path) != self.store.tokenizer_checksum
            or loaded.vocabulary != self.store.vocabulary
            or loaded.kind != self.settings.kind
        ):
            raise UserError(
                "The tokenizer in “{folder}” does not fit its tokens. Prepare the corpus again.", folder=self.folder
            )
        return loaded


def open_tokenization(folder: Path, settings: TokenizerSettings, corpus_hash: str) -> Tokenization | None:
    """The tokenization in `folder`, or None when there is none of that text that can be used."""
    try:
        store = TokenStore.open(folder)
        found = Tokenization(folder, settings, store)
        usable = store.corpus_hash == corpus_hash and found.tokenizer is not None
        for name in SPLITS:
            store.split(name)
    except UserError:
        return None
    return found if usable else None


def make_tokenization(
    folder: Path, settings: TokenizerSettings, texts: Mapping[Split, Path], corpus_hash: str
) -> Generator[Progress, None, Tokenization]:
    """Learn a tokenizer and encode the splits into `folder`, which is there whole or not at all; yields progress.

    Where another process made the same meanwhile, that is taken. Raises `UserError`, also where the text is no longer
    that of `corpus_hash`. Closing the generator leaves nothing behind.
    """
    with scaffold(folder.parent) as temporary:
        with occupied(temporary):
            if text_hash(texts) != corpus_hash:
                raise UserError(
                    "The text of the corpus “{corpus}” is damaged: it is not what was added. Restore its folder from a "
                    "copy, or add its text again.",
                    corpus=folder.parent.parent.name,
                )
            tokenizer = yield from _learn(settings, texts["training"])
            tokenizer.save(temporary / TOKENIZER)
            splits = yield from _encode_splits(tokenizer, texts, temporary)
            checksum = _checksum(temporary / TOKENIZER)
            write_manifest(temporary, tokenizer.vocabulary, corpus_hash, checksum, splits)
        if (theirs := open_tokenization(folder, settings, corpus_hash)) is not None:
            return theirs  # it may be read already, and Windows lets nobody replace what is
        try:
            replace_folder(temporary, folder)
        except UserError:
            if (theirs := open_tokenization(folder, settings, corpus_hash)) is not None:
                return theirs
            raise
    return Tokenization(folder, settings, TokenStore.open(folder))


def text_hash(texts: Mapping[Split, Path]) -> str:
    """The SHA-256 of a corpus' text: for each split a line with its name and its bytes, then the bytes."""
    digest = hashlib.sha256()
    for name in SPLITS:
        try:
            with texts[name].open("rb") as file:
                digest.update(f"{name} {os.fstat(file.fileno()).st_size}\n".encode())
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise in_words(error, texts[name]) from error
    return digest.hexdigest()


def text_pieces(path: Path) -> Iterator[str]:
    """A split's text in pieces that end after line ends. Raises `UserError`."""
    return whole_lines(_chunks(path))


def _chunks(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise in_words(error, path) from error
    except UnicodeDecodeError as error:
        raise UserError("The text in “{path}” is damaged. Add its sources as a new corpus.", path=path) from error


def _encode_splits(
    tokenizer: Tokenizer, texts: Mapping[Split, Path], folder: Path
) -> Generator[Progress, None, dict[Split, SplitTokens]]:
    splits: dict[Split, SplitTokens] = {}
    total = sum(path.stat().st_size for path in texts.values())
    for name in SPLITS:
        encoding = _encode(tokenizer, texts[name], folder / f"{name}.npy")
        done = sum(split.bytes for split in splits.values())
        while name not in splits:
            try:
                yield Progress("Cutting into tokens", done + next(encoding), total, "bytes")
            except StopIteration as end:
                splits[name] = end.value
    return splits


def _encode(tokenizer: Tokenizer, text: Path, array: Path) -> Generator[int, None, SplitTokens]:
    """Encode a split into an array file; yields how many bytes of text are done, about."""
    writer = TokenWriter(array, tokenizer.vocabulary)
    lengths, known, unknown = tokenizer.byte_lengths, 0, 0
    for part in writer.write(tokenizer.encode_pieces(text_pieces(text))):
        known += int(lengths[part].sum())
        unknown += int((part == tokenizer.unknown).sum()) if tokenizer.unknown is not None else 0
        yield known + unknown
    total = text.stat().st_size
    return SplitTokens(writer.tokens, total, unknown, total - known, writer.checksum)


def _checksum(path: Path) -> int:
    try:
        return zlib.crc32(path.read_bytes())
    except OSError as error:
        raise in_words(error, path) from error


def _learn(settings: TokenizerSettings, text: Path) -> Generator[Progress, None, Tokenizer]:
    """Learn in a thread of its own, so that the job can be watched, and left while the library is busy."""
    total = text.stat().st_size
    pieces = text_pieces(text)
    if settings.kind == "bpe" and total > LEARNED_FROM:
        pieces, total = _even_parts(text, total), LEARNED_FROM
    abandoned, fed, outcome = threading.Event(), [0], list[Tokenizer | BaseException]()

    def feed() -> Iterator[str]:
        for piece in pieces:
            if abandoned.is_set():
                raise InterruptedError
            fed[0] += len(piece.encode("utf-8"))
            yield piece

    def work() -> None:
        try:
            outcome.append(learn(settings, feed()))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=work, name="learning a tokenizer", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_TICK_SECONDS)
            yield Progress("Learning the tokenizer", min(fed[0], total), total, "bytes")
    finally:
        abandoned.set()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _even_parts(text: Path, size: int) -> Iterator[str]:
    """Whole lines from places spread evenly over a large text, `LEARNED_FROM` bytes together."""
    parts = LEARNED_FROM // _CHUNK
    with text.open("rb") as file:
        for number in range(parts):
            start = (size - _CHUNK) * number // (parts - 1)
            file.seek(start)
            raw = file.read(_CHUNK)
            raw = raw[raw.find(b"\n") + 1 :] if start else raw
            yield raw[: raw.rfind(b"\n") + 1 or None].decode("utf-8", "ignore")  # a character may be cut in two
