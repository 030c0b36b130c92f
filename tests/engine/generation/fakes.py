"""A model that follows a script and a tokenizer of bytes, both meeting what generation asks for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 256


class ByteTokenizer:
    """Every byte a token, and token 256 for what there is not: the character “☠”."""

    unknown: int | None = UNKNOWN

    def encode(self, text: str) -> NDArray[np.int64]:
        return np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64)

    def pieces(self, tokens: NDArray[np.int64]) -> list[str]:
        stream = self.stream()
        return [stream.push(token) for token in tokens.tolist()]

    def missing(self, text: str) -> list[str]:
        return ["☠"] if "☠" in text else []

    def stream(self) -> ByteStream:
        return ByteStream()


class ByteStream:
    def __init__(self) -> None:
        self._bytes = b""

    def push(self, token: int) -> str:
        self._bytes += bytes([token])
        try:
            text = self._bytes.decode()
        except UnicodeDecodeError:
            return ""
        self._bytes = b""
        return text


class Script:
    """Expects the bytes of `text`, one after another and round again, each with probability `certainty`."""

    vocabulary = 257

    def __init__(self, text: str, certainty: float = 0.9) -> None:
        self._tokens = ByteTokenizer().encode(text)
        self._certainty = certainty
        self.begun_with: list[int] = []

    @property
    def context(self) -> int | None:
        return None

    def begin(self, prompt: NDArray[np.int64]) -> Following:
        self.begun_with = prompt.tolist()
        return Following(self._distributions())

    def score(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.arange(len(tokens), dtype=np.float64)

    def weights(self) -> dict[str, NDArray[np.float64]]:
        return {}

    def load_weights(self, weights: object) -> None:
        raise NotImplementedError

    def _distributions(self) -> Iterator[NDArray[np.float32]]:
        while True:
            for token in self._tokens:
                chances = np.full(self.vocabulary, (1 - self._certainty) / (self.vocabulary - 1))
                chances[token] = self._certainty
                yield np.log(chances).astype(np.float32)


class Following:
    def __init__(self, distributions: Iterator[NDArray[np.float32]]) -> None:
        self._distributions = distributions
        self.logits = next(distributions)
        self.read: list[int] = []

    def advance(self, token: int) -> None:
        self.read.append(token)
        self.logits = next(self._distributions)
