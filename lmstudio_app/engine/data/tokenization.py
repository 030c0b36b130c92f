"""A corpus cut into tokens in one way: the tokenizer learned from its training text, and the tokens of all splits.

It lies in `tokenizers/<kind>-<vocabulary>/` of the corpus folder and can be made again from the text at any time.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lmstudio_app.engine.data.building import occupied, scaffold
from lmstudio_app.engine.data.saved_tokenizers import saved_beside
from lmstudio_app.engine.data.splits import SPLITS, Split
from lmstudio_app.engine.data.text_pieces import text_pieces
from lmstudio_app.engine.data.token_store import SplitTokens, TokenStore, TokenWriter, write_manifest
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings
from lmstudio_app.engine.data.tokenizer_learning import learn_from
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.storage.atomic import in_words, replace_folder

TOKENIZER = "tokenizer.json"
_CHUNK = 1 << 20


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
        loaded = Tokenizer.load(path, foreign=self.settings.kind == "saved")
        if (
            _checksum(path) != self.store.tokenizer_checksum
            or loaded.vocabulary != self.store.vocabulary
            or self.settings.kind not in (loaded.kind, "saved")
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
        usable = store.corpus_hash == corpus_hash and found.tokenizer is not None and not _outdated(found)
        for name in SPLITS:
            store.split(name)
    except UserError:
        return None
    return found if usable else None


def _outdated(found: Tokenization) -> bool:
    """Was it made with a saved tokenizer in whose place there is another one now?"""
    if found.settings.kind != "saved":
        return False
    try:
        saved = saved_beside(found.folder.parents[1], found.settings.saved)
    except UserError:  # it has gone; the corpus keeps its own copy
        return False
    return _checksum(saved) != found.store.tokenizer_checksum


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
            if settings.kind == "saved":
                tokenizer = Tokenizer.load(saved_beside(folder.parents[1], settings.saved), foreign=True)
                tokenizer.save(temporary / TOKENIZER)
            else:
                tokenizer = yield from learn_from(settings, [texts["training"]], temporary / TOKENIZER)
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
    lengths, known, unknown, read = tokenizer.byte_lengths, 0, 0, [0]

    def pieces() -> Iterator[str]:
        for piece in text_pieces(text):
            read[0] += len(tokenizer.seen(piece).encode("utf-8"))
            yield piece

    exact = tokenizer.verbatim
    for part in writer.write(tokenizer.encode_pieces(text_pieces(text) if exact else pieces())):
        known += int(lengths[part].sum())
        unknown += int((part == tokenizer.unknown).sum()) if tokenizer.unknown is not None else 0
        yield known + unknown
    total = text.stat().st_size if exact else read[0]
    return SplitTokens(writer.tokens, total, unknown, max(0, total - known), writer.checksum)


def _checksum(path: Path) -> int:
    try:
        return zlib.crc32(path.read_bytes())
    except OSError as error:
        raise in_words(error, path) from error
