"""Token ids of a corpus on disk, one memory-mapped file a split, in the smallest unsigned type that holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.tokenizer import Tokenizer
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import in_words, write_json

Split = Literal["training", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
INDEX = "tokens.json"


class TokenStore:
    """The tokens of each split, opened without being read.

    The index says for each split how many tokens there are, how many bytes of text they stand for in all, and how many
    of these bytes are characters that the vocabulary lacks.
    """

    def __init__(self, folder: Path, index: Mapping[str, Any]) -> None:
        self._folder = folder
        self._type = np.dtype(index["type"])
        self._splits: Mapping[str, Mapping[str, int]] = index["splits"]

    @classmethod
    def write(cls, folder: Path, tokenizer: Tokenizer, texts: Mapping[Split, Iterable[str]]) -> TokenStore:
        """Encode the pieces of text of each split, one after the other, and open the result. The caller builds `folder`
        beside its place and renames it when all is there."""
        kind = np.min_scalar_type(tokenizer.vocabulary - 1)
        index: dict[str, Any] = {"type": kind.name, "splits": {}}
        for split in SPLITS:
            tokens = characters = unknown = size = 0
            with _file(folder, split).open("wb") as out:
                for text in texts[split]:
                    ids = tokenizer.encode(text)
                    out.write(ids.astype(kind).tobytes())
                    tokens += len(ids)
                    characters += len(text)
                    size += len(text.encode())
                    unknown += len(text.encode()) - int(tokenizer.byte_lengths[ids].sum())
            index["splits"][split] = {
                "tokens": tokens,
                "bytes": size,
                "unknown_bytes": unknown,
                "characters": characters,
            }
        write_json(folder / INDEX, index)
        return cls(folder, index)

    @classmethod
    def open(cls, folder: Path) -> TokenStore:
        """Open the store in `folder`. Raises `UserError` naming the file that is missing or damaged."""
        path = folder / INDEX
        try:
            index = json.loads(path.read_text(encoding="utf-8"))
            store = cls(folder, index)
            sound = all(
                _file(folder, split).stat().st_size == store.length(split) * store._type.itemsize for split in SPLITS
            )
            sound = sound and store._type.kind == "u"
        except OSError as error:
            raise in_words(error, path) from error
        except (ValueError, KeyError, TypeError, RecursionError):
            sound = False
        if not sound:
            raise UserError(
                "The tokens in “{folder}” are damaged. Delete this folder; they are made again.", folder=folder
            )
        return store

    def split(self, name: Split) -> NDArray[np.unsignedinteger[Any]]:
        """The tokens (N,) of a split, read from disk as they are used."""
        if not self.length(name):
            return np.empty(0, dtype=self._type)
        return np.memmap(_file(self._folder, name), dtype=self._type, mode="r")

    def length(self, name: Split) -> int:
        """How many tokens a split has."""
        return int(self._splits[name]["tokens"])

    def bytes(self, name: Split) -> int:
        """How many bytes of UTF-8 text a split has."""
        return int(self._splits[name]["bytes"])

    def unknown_bytes(self, name: Split) -> int:
        """How many of these bytes are characters that the vocabulary lacks."""
        return int(self._splits[name]["unknown_bytes"])


def _file(folder: Path, split: str) -> Path:
    return folder / f"{split}.tokens"
