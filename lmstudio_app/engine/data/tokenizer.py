"""Text into token ids and back: single characters, or byte-level pairs (Sennrich et al. 2016, Radford et al. 2019).

One `tokenizer.json` holds either kind; the library `tokenizers` loads it and gives the same ids. That library is
imported only to learn byte pairs and to encode with them. Shapes: N tokens, V vocabulary.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.byte_letters import BYTE_OF_LETTER, LETTERS
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Settings, setting
from lmstudio_app.engine.storage.atomic import in_words, write_text

TokenizerKind = Literal["character", "bpe"]
UNKNOWN = "<unk>"
CHUNK_CHARACTERS = 1 << 16
CODE_POINTS = 0x110000


class TokenizerSettings(Settings):
    """Which pieces a text is cut into."""

    kind: TokenizerKind = setting(
        "bpe",
        title="Tokenizer",
        choices={"character": "Character", "bpe": "BPE"},
        help="Character: each character is a token. BPE: frequent groups of letters become one token.",
    )
    vocabulary: int = setting(
        2048,
        title="Vocabulary",
        unit="tokens",
        minimum=256,
        maximum=65_536,
        help="The most different tokens there may be. Characters take as many as the text has, up to this.",
    )


class Tokenizer(ABC):
    """What a model reads and writes instead of text.

    `vocabulary` is V; `unknown` the id that stands for a character the vocabulary lacks, None where nothing can lack.
    `byte_lengths` (V,) are the UTF-8 bytes of text that each token stands for, 0 for the unknown one.
    """

    kind: ClassVar[TokenizerKind]
    vocabulary: int
    unknown: int | None
    byte_lengths: NDArray[np.int64]

    @classmethod
    @abstractmethod
    def from_json(cls, content: dict[str, Any]) -> Tokenizer:
        """From the content of `tokenizer.json`. Raises `ValueError` or `KeyError` when it is of another kind."""

    @abstractmethod
    def encode(self, text: str) -> NDArray[np.int64]:
        """The ids (N,) of `text`. Raises `UserError` for half a surrogate pair, which is no character."""

    @abstractmethod
    def bytes_of(self, token: int) -> bytes:
        """What one token stands for, in UTF-8; it may be part of a character. The unknown one gives U+FFFD."""

    @abstractmethod
    def missing(self, text: str) -> list[str]:
        """The characters of `text` that the vocabulary lacks, each once, in order of appearance."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The content of `tokenizer.json`, as the library `tokenizers` reads it."""

    def decode(self, tokens: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """The text of `tokens`; bytes that make no character become U+FFFD."""
        return b"".join(self.bytes_of(int(token)) for token in tokens).decode("utf-8", "replace")

    def pieces(self, tokens: Sequence[int] | NDArray[np.integer[Any]]) -> list[str]:
        """The text that each token adds; "" for one that ends inside a character. Joined they give `decode`."""
        stream = self.stream()
        pieces = [stream.push(int(token)) for token in tokens]
        if pieces:
            pieces[-1] += stream.rest()
        return pieces

    def stream(self) -> TextStream:
        """Turns tokens into text as they come."""
        return TextStream(self)

    def save(self, path: Path) -> None:
        """Write `tokenizer.json`."""
        write_text(path, json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n")

    @staticmethod
    def load(path: Path) -> Tokenizer:
        """Read a `tokenizer.json` of either kind. Raises `UserError` naming the file when it is missing or damaged."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            model = content["model"]
            kinds: dict[str, type[Tokenizer]] = {"WordLevel": CharacterTokenizer, "BPE": BytePairTokenizer}
            return kinds[model["type"]].from_json(content)
        except OSError as error:
            raise in_words(error, path) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UserError(
                "The tokenizer “{path}” is damaged, or of a kind that is not known here.", path=path
            ) from None


class TextStream:
    """Tokens in, whole characters out."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        import codecs

        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The text that becomes certain with `token`."""
        return self._decoder.decode(self._tokenizer.bytes_of(token))

    def rest(self) -> str:
        """What is left at the end: U+FFFD for a character that was never finished."""
        return self._decoder.decode(b"", final=True)


class CharacterTokenizer(Tokenizer):
    """One token a character, looked up in a table; id 0 stands for all that is not in the vocabulary."""

    kind = "character"

    def __init__(self, characters: Sequence[str]) -> None:
        """`characters` take the ids from 1 on. Raises `ValueError` when one repeats or is not a single character."""
        if len(set(characters)) != len(characters) or any(len(c) != 1 or _is_surrogate(c) for c in characters):
            raise ValueError("the vocabulary must be single, different characters")
        self._characters = tuple(characters)
        self._bytes = ("\N{REPLACEMENT CHARACTER}".encode(), *(c.encode() for c in characters))
        self.vocabulary = len(self._bytes)
        self.unknown = 0
        self.byte_lengths = np.array([0, *map(len, self._bytes[1:])], dtype=np.int64)
        self._ids = np.zeros(CODE_POINTS, dtype=np.int32)
        self._ids[[ord(c) for c in characters]] = np.arange(1, self.vocabulary)

    @classmethod
    def learned(cls, texts: Iterable[str], vocabulary: int) -> CharacterTokenizer:
        """The most frequent characters of `texts`, at most `vocabulary` ids in all; equal ones in code order."""
        counts = np.zeros(CODE_POINTS, dtype=np.int64)
        for text in texts:
            points, found = np.unique(_code_points(text), return_counts=True)
            counts[points] += found
        order = np.argsort(-counts, kind="stable")[: min(vocabulary - 1, int(np.count_nonzero(counts)))]
        return cls([chr(point) for point in sorted(order.tolist())])

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> CharacterTokenizer:
        """From the content of `tokenizer.json`. Raises `ValueError` or `KeyError` when it is not ours."""
        return cls(_in_order(content["model"]["vocab"], first=UNKNOWN)[1:])

    def encode(self, text: str) -> NDArray[np.int64]:
        """One table look-up a character."""
        return self._ids[_code_points(text)].astype(np.int64)

    def bytes_of(self, token: int) -> bytes:
        """The character's UTF-8."""
        return self._bytes[token]

    def missing(self, text: str) -> list[str]:
        """Characters without an id."""
        return [c for c in dict.fromkeys(text) if not self._ids[ord(c)]]

    def to_json(self) -> dict[str, Any]:
        """A word-level model over single characters."""
        vocabulary = {piece: number for number, piece in enumerate((UNKNOWN, *self._characters))}
        return _library_json(
            model={"type": "WordLevel", "vocab": vocabulary, "unk_token": UNKNOWN},
            pre_tokenizer={"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False},
            decoder={"type": "Fuse"},
        )


class BytePairTokenizer(Tokenizer):
    """Byte pairs merged by frequency, over all 256 bytes, so that no text lacks a token."""

    kind = "bpe"
    unknown = None

    def __init__(self, content: dict[str, Any]) -> None:
        """`content` is that of `tokenizer.json`. Raises `ValueError` or `KeyError` when it is no byte-level model."""
        pieces = _in_order(content["model"]["vocab"])
        self._content = content
        self._bytes = tuple(bytes(BYTE_OF_LETTER[letter] for letter in piece) for piece in pieces)
        if missing := {bytes([b]) for b in range(256)} - set(self._bytes):
            raise ValueError(f"{len(missing)} bytes have no token")
        self.vocabulary = len(pieces)
        self.byte_lengths = np.array([len(piece) for piece in self._bytes], dtype=np.int64)
        self._library: Any = None

    @classmethod
    def learned(cls, texts: Iterable[str], vocabulary: int) -> BytePairTokenizer:
        """Learn merges from `texts`; fewer than `vocabulary` tokens come out where the text has no more pairs."""
        from tokenizers import Tokenizer as LibraryTokenizer
        from tokenizers import decoders, models, pre_tokenizers, trainers

        library = LibraryTokenizer(models.BPE())
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        library.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=sorted(LETTERS), show_progress=False)
        library.train_from_iterator((chunk for text in texts for chunk in chunks(_checked(text))), trainer)
        return cls.from_json(json.loads(library.to_str()))

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> BytePairTokenizer:
        """From the content of `tokenizer.json`."""
        return cls(content)

    def encode(self, text: str) -> NDArray[np.int64]:
        """By the library, a chunk at a time, so that memory stays small beside the text."""
        library = self._loaded()
        parts = [np.array(library.encode(chunk).ids, dtype=np.int64) for chunk in chunks(_checked(text))]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def bytes_of(self, token: int) -> bytes:
        """The bytes that were merged into this token."""
        return self._bytes[token]

    def missing(self, text: str) -> list[str]:
        """Nothing: every byte has a token."""
        return []

    def to_json(self) -> dict[str, Any]:
        """As the library wrote it."""
        return self._content

    def _loaded(self) -> Any:
        if self._library is None:
            from tokenizers import Tokenizer as LibraryTokenizer

            try:
                self._library = LibraryTokenizer.from_str(json.dumps(self._content))
            except BaseException as error:  # the library's panic is no Exception
                if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
                    raise
                raise UserError("The tokenizer's file is damaged: the merges do not fit its vocabulary.") from None
        return self._library


def learn(settings: TokenizerSettings, texts: Iterable[str]) -> Tokenizer:
    """Learn a tokenizer from the training split, given in pieces of any length."""
    if settings.kind == "character":
        return CharacterTokenizer.learned(texts, settings.vocabulary)
    return BytePairTokenizer.learned(texts, settings.vocabulary)


def chunks(text: str, size: int = CHUNK_CHARACTERS) -> Iterator[str]:
    """Cut `text` at line ends into pieces of at least `size` characters that encode as the whole would.

    Byte-level BPE splits words by a pattern in which white space at the end of a text is taken together, so a cut is
    safe only between a single line end and a character that is no white space.
    """
    start = 0
    while len(text) - start > size:
        end = _safe_cut(text, start + size)
        if end < 0:
            break
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _safe_cut(text: str, place: int) -> int:
    while (line_end := text.find("\n", place)) >= 0:
        after = line_end + 1
        if after < len(text) and not text[after].isspace() and line_end and not text[line_end - 1].isspace():
            return after
        place = after
    return -1


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(_checked(text).encode("utf-32-le"), dtype=np.uint32)


def _checked(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            "Character {place} of the text is half of a surrogate pair (U+{code:04X}), not a character. Remove it.",
            place=error.start + 1,
            code=ord(text[error.start]),
        ) from None
    return text


def _is_surrogate(character: str) -> bool:
    return 0xD800 <= ord(character) <= 0xDFFF


def _in_order(vocabulary: dict[str, int], first: str | None = None) -> list[str]:
    """The pieces by id. Raises `ValueError` unless the ids are 0 … V − 1, each once, and `first` has id 0."""
    if Counter(vocabulary.values()) != Counter(range(len(vocabulary))):
        raise ValueError("ids must count from 0 without a gap")
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    if first is not None and pieces[0] != first:
        raise ValueError(f"id 0 must be {first}")
    return pieces


def _library_json(*, model: dict[str, Any], pre_tokenizer: dict[str, Any], decoder: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": None,
        "decoder": decoder,
        "model": model,
    }
