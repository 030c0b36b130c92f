"""The tokens of a corpus on disk: one memory-mapped array for each split, in the smallest unsigned type.

The folder holds `training.npy`, `validation.npy`, `test.npy` and, written last, `tokens.toml`, which readers trust. It
has a checksum of each array and of the tokenizer beside them, so that a damaged file is made again, never learned from.
"""

from __future__ import annotations

import io
import os
import tomllib
import zlib
from collections.abc import Generator, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data.splits import SPLITS, Split
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import in_words, write_toml

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 1
MANIFEST = "tokens.toml"
_LARGEST_MANIFEST = 1 << 16
_CHUNK = 1 << 22  # tokens counted together


@dataclass(frozen=True)
class SplitTokens:
    """The size of one split: its tokens, the UTF-8 bytes of its text, and those of characters without a token; and the
    CRC-32 of its tokens."""

    tokens: int
    bytes: int
    unknown_tokens: int
    unknown_bytes: int
    checksum: int


class TokenStore:
    """The opened folder. `tokenizer_checksum` is the CRC-32 of the tokenizer's file."""

    def __init__(
        self,
        folder: Path,
        vocabulary: int,
        corpus_hash: str,
        tokenizer_checksum: int,
        splits: Mapping[Split, SplitTokens],
    ) -> None:
        self.folder = folder
        self.vocabulary = vocabulary
        self.corpus_hash = corpus_hash
        self.tokenizer_checksum = tokenizer_checksum
        self.splits = dict(splits)
        self._open: dict[Split, NDArray[np.unsignedinteger[Any]]] = {}

    @classmethod
    def open(cls, folder: Path) -> TokenStore:
        """Open a folder of token arrays. Raises `UserError` when it is missing, damaged or of a newer version."""
        path = folder / MANIFEST
        try:
            if path.stat().st_size > _LARGEST_MANIFEST:
                raise _damaged(path)
            described = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError("There are no tokens in “{folder}”.", folder=folder) from None
        except OSError as error:
            raise in_words(error, path) from error
        except (ValueError, RecursionError) as error:
            raise _damaged(path) from error
        newer = described.get("format", 0)
        if isinstance(newer, int) and newer > FORMAT:
            raise UserError("“{folder}” was made by a newer version of the program. Update it.", folder=folder)
        return cls(folder, *_described(described, path))

    def split(self, name: Split) -> NDArray[np.unsignedinteger[Any]]:
        """The token ids (N,) of one split, read from the disk as they are used. Raises `UserError` when damaged."""
        if name not in self._open:
            self._open[name] = self._mapped(name)
        return self._open[name]

    def tokens(self, name: Split) -> int:
        """How many tokens a split has."""
        return self.splits[name].tokens

    def counts(self, name: Split) -> NDArray[np.int64]:
        """How often each token occurs in a split (V,). Raises `UserError` when damaged."""
        steps = self.count(name)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                counts: NDArray[np.int64] = end.value
                return counts

    def count(self, name: Split) -> Generator[int, None, NDArray[np.int64]]:
        """`counts` step by step: yields how many tokens were counted; can be left at any time."""
        import numpy as np

        path, kind, checksum, done = self.folder / f"{name}.npy", smallest_type(self.vocabulary), 0, 0
        head = _head(kind, self.tokens(name))
        counts = np.zeros(self.vocabulary, dtype=np.int64)
        try:
            with path.open("rb") as file:  # read, not mapped: what is mapped stays in memory
                if file.read(len(head)) != head:
                    raise _damaged(path)
                while chunk := file.read(_CHUNK * kind.itemsize):
                    checksum = zlib.crc32(chunk, checksum)
                    found = np.bincount(np.frombuffer(chunk, kind), minlength=self.vocabulary)
                    if len(found) > self.vocabulary:
                        raise _damaged(path)
                    counts += found
                    done += len(chunk) // kind.itemsize
                    yield done
        except OSError as error:
            raise in_words(error, path) from error
        except ValueError as error:  # it ends inside a token
            raise _damaged(path) from error
        if done != self.tokens(name) or checksum != self.splits[name].checksum:
            raise _damaged(path)
        return counts

    def bytes(self, name: Split) -> int:
        """The UTF-8 bytes of a split's text."""
        return self.splits[name].bytes

    def unknown_bytes(self, name: Split) -> int:
        """The UTF-8 bytes of characters in a split for which there is no token."""
        return self.splits[name].unknown_bytes

    def _mapped(self, name: Split) -> NDArray[np.unsignedinteger[Any]]:
        import numpy as np

        path = self.folder / f"{name}.npy"
        kind, length = smallest_type(self.vocabulary), self.tokens(name)
        head, checksum = _head(kind, length), 0
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if file.read(len(head)) != head or size != len(head) + length * kind.itemsize:
                    raise _damaged(path)
                while chunk := file.read(_CHUNK):  # read, not mapped: what is mapped stays in memory
                    checksum = zlib.crc32(chunk, checksum)
            tokens: Any = np.memmap(path, kind, mode="r", offset=len(head), shape=(length,))
        except OSError as error:
            raise in_words(error, path) from error
        except ValueError as error:  # it has become shorter meanwhile
            raise _damaged(path) from error
        if checksum != self.splits[name].checksum:
            raise _damaged(path)
        found: NDArray[np.unsignedinteger[Any]] = tokens
        return found


class TokenWriter:
    """Writes the tokens of one split to an array file as they come; their number is filled in at the end.

    `tokens` counts what was written, `checksum` is its CRC-32.
    """

    def __init__(self, path: Path, vocabulary: int) -> None:
        self._path = path
        self._type = smallest_type(vocabulary)
        self.tokens = 0
        self.checksum = 0

    def write(self, parts: Iterable[NDArray[np.int64]]) -> Iterable[NDArray[np.int64]]:
        """Write `parts` one after another, handing each on. Raises `UserError` (a full disk)."""
        import numpy as np

        try:
            with self._path.open("wb") as file:
                file.write(_head(self._type, 0))
                for part in parts:
                    raw = part.astype(self._type).tobytes()
                    self.tokens += len(part)
                    self.checksum = zlib.crc32(raw, self.checksum)
                    file.write(raw)
                    yield part
                file.seek(0)
                file.write(_head(self._type, self.tokens))  # numpy leaves room in the head for a longer number
        except OSError as error:
            raise in_words(error, self._path, self.tokens * np.dtype(self._type).itemsize) from error


def _head(kind: np.dtype[Any], length: int) -> bytes:
    """What an array file of numpy begins with; compared, never parsed, since a damaged one may read as anything."""
    from numpy.lib import format as array_format

    head = io.BytesIO()
    description = array_format.dtype_to_descr(kind)
    array_format.write_array_header_1_0(head, {"descr": description, "fortran_order": False, "shape": (length,)})
    return head.getvalue()


def write_manifest(
    folder: Path, vocabulary: int, corpus_hash: str, tokenizer_checksum: int, splits: Mapping[Split, SplitTokens]
) -> None:
    """Write what makes a folder of arrays a token store; `corpus_hash` says of which text."""
    head = {
        "format": FORMAT,
        "vocabulary": vocabulary,
        "corpus_hash": corpus_hash,
        "tokenizer_checksum": tokenizer_checksum,
    }
    write_toml(folder / MANIFEST, head | {name: asdict(splits[name]) for name in SPLITS})


def smallest_type(vocabulary: int) -> np.dtype[Any]:
    """The smallest unsigned type for ids below `vocabulary`, little-endian."""
    import numpy as np

    return np.dtype("u1" if vocabulary <= 1 << 8 else "<u2" if vocabulary <= 1 << 16 else "<u4")


def _described(described: Mapping[str, Any], path: Path) -> tuple[int, str, int, dict[Split, SplitTokens]]:
    try:
        vocabulary, corpus_hash = described["vocabulary"], described["corpus_hash"]
        checksum = described["tokenizer_checksum"]
        splits = {name: SplitTokens(**described[name]) for name in SPLITS}
    except (KeyError, TypeError) as error:
        raise _damaged(path) from error
    numbers = [vocabulary, checksum, *(value for split in splits.values() for value in asdict(split).values())]
    if not all(type(number) is int and number >= 0 for number in numbers) or not isinstance(corpus_hash, str):
        raise _damaged(path)
    if vocabulary < 1 or any(split.tokens < 1 for split in splits.values()):
        raise _damaged(path)
    return vocabulary, corpus_hash, checksum, splits


def _damaged(path: Path) -> UserError:
    return UserError("The tokens in “{path}” are damaged. Prepare the corpus again.", path=path)
