"""Text to tokens and back: one face for all kinds of tokenizer.

A tokenizer is kept as one `tokenizer.json` in the format of the library `tokenizers`, which gives the same ids for it.
Shapes: N tokens of a text, V vocabulary.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lmstudio_app.engine.data.surface import SPECIAL, Surface, special_tokens
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Problem, Settings, setting
from lmstudio_app.engine.storage.atomic import in_words, write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LARGEST_FILE = 64 << 20
MISSING_SHOWN = 20
"""How many characters that a vocabulary lacks are named."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNKNOWN = ("<unk>", "[UNK]")  # what stands for unknown characters and words
_MOST_SPECIAL = 100
_BYTES = 256


Kind = Literal["character", "byte", "word", "bpe", "wordpiece", "unigram", "saved"]


class TokenizerSettings(Settings):
    """How text is cut into tokens."""

    kind: Kind = setting(
        "bpe",
        title="Tokenizer",
        help="Characters and bytes are simple; words are long, and rare ones unknown; byte pairs (BPE), WordPiece and "
        "Unigram make frequent letter groups one token.",
        choices={
            "character": "Characters",
            "byte": "Bytes",
            "word": "Words",
            "bpe": "Byte pairs (BPE)",
            "wordpiece": "WordPiece",
            "unigram": "Unigram",
            "saved": "A saved tokenizer",
        },
    )
    vocabulary: int = setting(
        2048,
        title="Vocabulary",
        help="How many different tokens there are. With characters and words this is the most; rarer ones become "
        "unknown.",
        unit="tokens",
        minimum=256,
        maximum=65_536,
    )
    minimum_count: int = setting(
        2,
        title="Least count of a word",
        help="Words that occur less often become unknown (word tokenizers only).",
        minimum=1,
        maximum=1_000_000,
        advanced=True,
    )
    chinese_words: bool = setting(
        False,
        title="Chinese words",
        help="Chinese is cut into words, found by the package jieba, and not into characters; rare words are then "
        "spelled in shorter ones (word tokenizers only).",
        advanced=True,
    )
    lower_case: bool = setting(
        False,
        title="Lower case",
        help="Capital letters are read as small ones; scores then count the text as it is read.",
        advanced=True,
    )
    strip_accents: bool = setting(
        False,
        title="Without accents",
        help="Letters are read without their accents, é as e; scores then count the text as it is read.",
        advanced=True,
    )
    special_tokens: str = setting(
        "",
        title="Special tokens",
        help="Words in <…> or […] that are always one token, with commas between: <eos>, [SEP].",
        advanced=True,
    )
    saved: str = setting(
        "",
        title="Saved tokenizer",
        help="The name of a tokenizer of this workspace, for the kind “saved”.",
        advanced=True,
    )

    def conflicts(self) -> Iterator[Problem]:
        """Special tokens must be recognisable, and a saved tokenizer has a name."""
        for word in special_tokens(self.special_tokens):
            if not SPECIAL.fullmatch(word) or word in _UNKNOWN:
                sentence = "“{word}” cannot be a special token. Write it as in <eos> or [SEP]."
                yield Problem("special_tokens", sentence, {"word": word}, ("<eos>",))
        if len(special_tokens(self.special_tokens)) > _MOST_SPECIAL:
            yield Problem("special_tokens", "At most {most} special tokens.", {"most": _MOST_SPECIAL})
        least = _BYTES + len(special_tokens(self.special_tokens))
        if self.kind in ("bpe", "unigram") and self.vocabulary < least:
            sentence = "Must be at least {least}: a token for every byte, and the special ones."
            yield Problem("vocabulary", sentence, {"least": least}, (least,))
        if self.kind == "saved" and not self.saved:
            yield Problem("saved", "Name the saved tokenizer.", {})

    @property
    def surface(self) -> Surface:
        """What happens to a text before it is cut."""
        return Surface(self.lower_case, self.strip_accents, tuple(special_tokens(self.special_tokens)))

    @property
    def learned(self) -> int:
        """How many tokens are to be learned, beside the special ones."""
        return self.vocabulary - len(self.surface.special_tokens)

    @property
    def folder_name(self) -> str:
        """Under which a corpus keeps what this tokenizer made: "bpe-2048"; further choices add a number."""
        if self.kind == "saved":
            return f"saved-{zlib.crc32(self.saved.encode('utf-8')):08x}"
        kept = self.minimum_count if self.kind == "word" else 2
        further = [kept, self.lower_case, self.strip_accents, *special_tokens(self.special_tokens)]
        usual = further == [2, False, False]
        if self.kind == "word" and self.chinese_words:
            usual, further = False, [*further, "chinese words"]
        name = self.kind if self.kind == "byte" else f"{self.kind}-{self.vocabulary}"
        return name if usual else f"{name}-{zlib.crc32(json.dumps(further).encode('utf-8')):08x}"


class TextStream:
    """Tokens one after another to text, only whole characters: bytes of a character wait until it is complete."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self._tokens = tokens
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The text that becomes complete with `token`; may be empty. Impossible bytes show as U+FFFD."""
        return self._decoder.decode(self._tokens[token])

    def flush(self) -> str:
        """What is left: U+FFFD if a character was never completed."""
        return self._decoder.decode(b"", final=True)


class Tokenizer(ABC):
    """Cuts text into tokens with ids from 0 to `vocabulary` − 1."""

    kind: str
    unknown: int | None = None
    """The token for characters that the vocabulary lacks; None where every text can be written."""

    def __init__(self, tokens: Sequence[bytes], surface: Surface = Surface()) -> None:  # noqa: B008  (frozen)
        """`tokens` are the UTF-8 bytes that each id stands for; those of the unknown token only show it. The special
        tokens of `surface` come behind them."""
        self.surface = surface
        self._tokens = [*tokens, *(word.encode("utf-8") for word in surface.special_tokens)]

    @property
    def vocabulary(self) -> int:
        """How many tokens there are (V)."""
        return len(self._tokens)

    @property
    def byte_lengths(self) -> NDArray[np.int64]:
        """Bytes of text that each token stands for (V,); 0 for the unknown one."""
        import numpy as np

        lengths = np.array([len(token) for token in self._tokens], dtype=np.int64)
        if self.unknown is not None:
            lengths[self.unknown] = 0
        return lengths

    def encode(self, text: str) -> NDArray[np.int64]:
        """The tokens of `text` (N,). Raises `UserError` when it holds half a character (a lone surrogate)."""
        import numpy as np

        parts = list(self.encode_pieces([text]))
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    @abstractmethod
    def encode_pieces(self, pieces: Iterable[str]) -> Iterator[NDArray[np.int64]]:
        """The tokens of a text that comes in pieces, in parts: together the same as `encode` of the whole."""

    @abstractmethod
    def offsets(self, text: str) -> NDArray[np.int64]:
        """Where each token of `text` starts and ends, in characters (N, 2); tokens inside one character share it."""

    @abstractmethod
    def missing(self, text: str) -> list[str]:
        """The characters, or words, of `text` that the vocabulary lacks, each once. Raises `UserError` when it holds
        half a character."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The tokenizer in the format of the library `tokenizers`."""

    def spelling(self, token: int) -> bytes:
        """The UTF-8 bytes that `token` stands for; of the unknown one those that show it."""
        return self._tokens[token]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of `tokens` (N,); the unknown one and impossible bytes show as U+FFFD."""
        plain = getattr(tokens, "tolist", lambda: tokens)()
        return b"".join([self._tokens[token] for token in plain]).decode("utf-8", "replace")

    def seen(self, text: str) -> str:
        """`text` as it is read, which is what scores count: the same, but where letters are made plainer."""
        return self.surface.seen(text)

    @property
    def verbatim(self) -> bool:
        """Whether every text is read as it is: `seen` changes nothing."""
        return self.surface.changes_nothing

    def stream(self) -> TextStream:
        """A fresh stream from tokens to text."""
        return TextStream(self._tokens)

    def pieces(self, tokens: Iterable[int]) -> list[str]:
        """What each token adds to the text; joined, they are `decode(tokens)`. A character of several tokens belongs to
        its last one."""
        stream = self.stream()
        texts = [stream.push(token) for token in tokens]
        if texts:
            texts[-1] += stream.flush()
        return texts

    def save(self, path: Path) -> None:
        """Write `tokenizer.json`. Raises `UserError`."""
        write_text(path, json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n")

    @staticmethod
    def load(path: Path, *, foreign: bool = False) -> Tokenizer:
        """Read a `tokenizer.json` that `save` wrote; where it may be `foreign`, also one of another program. Raises
        `UserError` when it is missing, damaged or of another make.

        Every part is checked before the library sees it, which would otherwise give up the whole process on some.
        """
        try:
            found = path.stat()
        except OSError as error:
            raise _unreadable(path, error) from None
        return _loaded(path, foreign, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=4)
def _loaded(path: Path, foreign: bool, *state: int) -> Tokenizer:
    """The tokenizer in a file of that `state`. The last few are kept, since one never changes and a large one takes a
    tenth of a second to read; who must know whether the file is sound looks at its bytes besides."""
    described = _read(path)
    try:
        return _from_json(described, path, foreign)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(
            "The tokenizer “{path}” is damaged or was not made by this program. Restore it from a copy.", path=path
        ) from error


def _from_json(described: dict[str, Any], path: Path, foreign: bool) -> Tokenizer:
    """What a file describes: one of our kinds, by its model and what stands before that, or one from elsewhere."""
    from lmstudio_app.engine.data.tokenizers import (
        bpe,
        byte,
        character,
        chinese_word,
        imported,
        unigram,
        word,
        wordpiece,
    )

    kinds: dict[str, tuple[Callable[[Mapping[str, Any]], Tokenizer], ...]] = {
        "WordLevel": (character.from_json, word.from_json),
        "BPE": (bpe.from_json, byte.from_json),
        "WordPiece": (wordpiece.from_json,),
        "Unigram": (unigram.from_json, chinese_word.from_json),
    }
    for from_json in kinds.get(described["model"]["type"], ()):
        try:
            return from_json(described)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            continue
    if not foreign:
        raise ValueError("another make of tokenizer")
    return imported.from_json(described, path)


def refuse_surrogates(text: str) -> None:
    """Raises `UserError` when `text` holds half a character, which no text file can."""
    if found := _SURROGATE.search(text):
        raise UserError(
            "The text holds half a character (U+{code}) at place {place}. Remove it.",
            code=f"{ord(found[0]):04X}",
            place=found.start(),
        )


def refuse_foreign(tokens: NDArray[np.int64], vocabulary: int) -> None:
    """Raises `UserError` when `tokens` (N,) are not all of a vocabulary of that size."""
    if len(tokens) and not 0 <= int(tokens.min()) <= int(tokens.max()) < vocabulary:
        raise UserError(
            "The text has tokens outside this model's vocabulary of {vocabulary}: it was made with another tokenizer. "
            "Use the tokenizer of the run.",
            vocabulary=vocabulary,
        )


def listed(characters: Sequence[str]) -> str:
    """Characters that a vocabulary lacks, as a sentence shows them: each in quotes, the first `MISSING_SHOWN`."""
    shown = " ".join(f"“{character}”" for character in characters[:MISSING_SHOWN])
    return shown if len(characters) <= MISSING_SHOWN else shown + " …"


def learn(settings: TokenizerSettings, pieces: Iterable[str]) -> Tokenizer:
    """The tokenizer that `settings` describe, learned from a text in pieces. The same text gives the same tokenizer."""
    from lmstudio_app.engine.data.tokenizers import bpe, byte, character, chinese_word, unigram, word, wordpiece

    makers: dict[str, Callable[[Iterable[str], TokenizerSettings], Tokenizer]] = {
        "character": character.learn,
        "byte": byte.learn,
        "word": chinese_word.learn if settings.chinese_words else word.learn,
        "bpe": bpe.learn,
        "wordpiece": wordpiece.learn,
        "unigram": unigram.learn,
    }
    return makers[settings.kind](pieces, settings)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError("too large for a tokenizer of ours")
        described = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise UserError("The tokenizer “{path}” is damaged. Restore it from a copy.", path=path) from error
    return described if isinstance(described, dict) else {}


def _unreadable(path: Path, error: OSError) -> UserError:
    if isinstance(error, FileNotFoundError):
        return UserError("The tokenizer “{path}” is missing. Restore it from a copy.", path=path)
    return in_words(error, path)
