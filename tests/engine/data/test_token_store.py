"""The token store: smallest type, memory-mapped, and nothing damaged is trusted."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.engine.data import token_store
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.data.token_store import (
    MANIFEST,
    SplitTokens,
    TokenStore,
    TokenWriter,
    smallest_type,
    write_manifest,
)
from lmstudio_app.engine.errors import UserError

TOKENS = {"training": [0, 1, 255, 7], "validation": [3, 3], "test": [9]}


def write_store(folder: Path, vocabulary: int = 256) -> TokenStore:
    splits = {}
    for name in SPLITS:
        writer = TokenWriter(folder / f"{name}.npy", vocabulary)
        tokens = np.array(TOKENS[name], dtype=np.int64)
        assert [part.tolist() for part in writer.write([tokens[:1], tokens[1:]])] == [
            tokens[:1].tolist(),
            tokens[1:].tolist(),
        ]
        splits[name] = SplitTokens(writer.tokens, 10 * writer.tokens, 1, 4, writer.checksum)
    write_manifest(folder, vocabulary, "hash", 7, splits)
    return TokenStore.open(folder)


def test_tokens_are_counted_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "_CHUNK", 1)
    counts = write_store(tmp_path).counts("validation")
    assert (len(counts), counts[3], counts.sum()) == (256, 2, 2)


def test_tokens_come_back_from_the_disk(tmp_path: Path) -> None:
    store = write_store(tmp_path)
    for name in SPLITS:
        tokens = store.split(name)
        assert isinstance(tokens, np.memmap)
        assert tokens.dtype == np.uint8
        assert tokens.tolist() == TOKENS[name]
        assert not tokens.flags.writeable
        assert store.tokens(name) == len(TOKENS[name])
        assert store.bytes(name) == 10 * len(TOKENS[name])
        assert store.unknown_bytes(name) == 4
    assert store.vocabulary == 256
    assert store.corpus_hash == "hash"
    assert np.load(tmp_path / "training.npy").tolist() == TOKENS["training"]


@pytest.mark.parametrize(("vocabulary", "size"), [(2, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)])
def test_the_type_is_the_smallest_that_fits(vocabulary: int, size: int) -> None:
    assert smallest_type(vocabulary).itemsize == size
    assert np.iinfo(smallest_type(vocabulary)).max >= vocabulary - 1


def test_many_parts_make_one_array(tmp_path: Path) -> None:
    writer = TokenWriter(tmp_path / "tokens.npy", 1000)
    for _ in writer.write(np.full(1000, number, dtype=np.int64) for number in range(300)):
        pass
    tokens = np.load(tmp_path / "tokens.npy")
    assert tokens.shape == (300_000,)
    assert tokens.dtype == np.uint16
    assert tokens[::1000].tolist() == list(range(300))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vocabulary = 256", "vocabulary = 0"), ("vocabulary = 256", "vocabulary = true"), ("vocabulary = 256", ""),
        ("corpus_hash", "hash"), ("tokens = 4", "tokens = 0"), ("tokens = 4", "tokens = -1"), ("tokens = 4", "x = 4"),
        ("[test]", "[other]"), ("format", "= ="), ("tokens = 4", 'tokens = "4"'), ("tokens = 4", "tokens = 4.0"),
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_refused(old: str, new: str, tmp_path: Path) -> None:
    write_store(tmp_path)
    path = tmp_path / MANIFEST
    assert old in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match="are damaged"):
        TokenStore.open(tmp_path)


def test_damaged_arrays_are_refused(tmp_path: Path) -> None:
    write_store(tmp_path, 300)
    path = tmp_path / "training.npy"
    raw = path.read_bytes()
    wrong = {
        "another shape": _array(np.zeros(5, dtype=np.uint16)),
        "another type": _array(np.zeros(4, dtype=np.int64)),
        "ids beyond the vocabulary": _array(np.full(4, 300, dtype=np.uint16)),
        "objects": _array(np.array([None] * 4)),
        "cut off": raw[:-3],
        "nothing": b"",
        "noise": random.Random(1).randbytes(200),
    }
    for name, content in wrong.items():
        path.write_bytes(content)
        with pytest.raises(UserError, match="are damaged"):
            TokenStore.open(tmp_path).split("training")
        assert name
    path.unlink()
    with pytest.raises(UserError):
        TokenStore.open(tmp_path).split("training")


def _array(values: np.ndarray) -> bytes:
    import io

    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def test_a_missing_or_newer_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There are no tokens"):
        TokenStore.open(tmp_path)
    write_store(tmp_path)
    path = tmp_path / MANIFEST
    path.write_text(path.read_text(encoding="utf-8").replace("format = 1", "format = 2"), encoding="utf-8")
    with pytest.raises(UserError, match="newer version"):
        TokenStore.open(tmp_path)
