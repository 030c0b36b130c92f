"""Chinese: traditional and simplified characters, by the package opencc, and words, by the package jieba. Both are
extras."""

from __future__ import annotations

import importlib.util
import logging
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from operator import ne
from typing import Literal, cast

from lmstudio_app.engine.errors import UserError

HAN = "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Ideographs, as the inside of a class of a pattern: the script Han."""
_HAN = re.compile(f"[{HAN}]")
_INITIALISING = threading.Lock()


def is_han(text: str) -> bool:
    """Is the first character an ideograph?"""
    return _HAN.match(text) is not None


def can_convert() -> bool:
    """Whether `converted` works here."""
    return importlib.util.find_spec("opencc") is not None


def converted(text: str, to: Literal["simplified", "traditional"]) -> tuple[str, int]:
    """`text` with its Chinese characters in the other form, words looked at as wholes, and how many characters changed.

    Raises `UserError` where opencc is not installed.
    """
    if not _HAN.search(text):
        return text, 0
    try:
        found = _converter({"simplified": "t2s", "traditional": "s2t"}[to])(text)
    except UnicodeEncodeError:  # half a character, which is refused later
        return text, 0
    return found, abs(len(found) - len(text)) + sum(map(ne, text, found))


def check_words() -> None:
    """Raises `UserError` where jieba is not installed."""
    if importlib.util.find_spec("jieba") is None:
        raise _not_installed("jieba", "tokenizer.chinese_words")


def words(run: str) -> Iterator[str]:
    """The words of a run of ideographs, joined they are the run. Raises `UserError` where jieba is not installed."""
    return _segmenter()(run)


@cache
def _converter(form: str) -> Callable[[str], str]:
    try:
        import opencc
    except ImportError:
        raise _not_installed("opencc", "cleaning") from None
    return cast(Callable[[str], str], opencc.OpenCC(form).convert)


def _segmenter() -> Callable[[str], Iterator[str]]:
    with _INITIALISING:
        return _initialised()


@cache
def _initialised() -> Callable[[str], Iterator[str]]:
    """It reads its dictionary for a second, once. What it would keep of that between two starts is a pickle of sorts in
    a folder that everybody can write to, so it gets an empty one for itself, which is gone at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import jieba
        except ImportError:
            raise _not_installed("jieba", "tokenizer.chinese_words") from None
    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        segmenter.tmp_dir = folder
        segmenter.initialize()
    return cast(Callable[[str], Iterator[str]], segmenter.cut)


def _not_installed(package: str, field: str) -> UserError:
    return UserError(
        "This needs the package {package}, which is not installed. Install it by “{command}”, then try again.",
        field=field,
        package=package,
        command=f"{sys.executable} -m pip install {package}",
    )
