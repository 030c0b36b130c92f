"""Learning a tokenizer of a text file: of a large one by a process of its own, which can be stopped at once.

The library tells nothing while it learns and cannot be interrupted. The process reads the text by itself, writes the
tokenizer, and says on its standard output how many bytes it has read; it ends when this one does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from lmstudio_app.engine.data import child_process
from lmstudio_app.engine.data.chinese import check_words
from lmstudio_app.engine.data.text_pieces import even_parts, text_pieces
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.settings import read
from lmstudio_app.engine.storage.atomic import in_words

LEARNED_FROM = 16_000_000
"""Bytes of text that a tokenizer is learned from at most, taken evenly from all over the text; characters are counted
in all of it."""
QUICK = {
    "character": 1 << 20,
    "byte": 1 << 62,  # nothing is learned
    "word": 1 << 20,
    "bpe": 1 << 20,
    "wordpiece": 1 << 20,
    "unigram": 1 << 17,
}
"""Up to how many bytes each kind is learned in this process, within a second."""
_TICK_SECONDS = 0.1
_STAGE = "Learning the tokenizer"


def learn_from(settings: TokenizerSettings, texts: Sequence[Path], path: Path) -> Generator[Progress, None, Tokenizer]:
    """Learn a tokenizer of the text in `texts`, one file after another, and save it in `path`; yields progress.

    Closing the generator stops it at once. Raises `UserError`.
    """
    try:
        size = sum(text.stat().st_size for text in texts)
    except OSError as error:
        raise in_words(error, texts[0]) from error
    sampled = settings.kind not in ("character", "byte") and size > LEARNED_FROM
    total = LEARNED_FROM if sampled else size
    if settings.kind == "word" and settings.chinese_words:
        check_words()
    yield Progress(_STAGE, 0, total, "bytes")
    if size <= QUICK[settings.kind]:
        learn(settings, _pieces(texts, sampled)).save(path)
    else:
        yield from _by_a_process(settings, texts, path, sampled, total)
    return Tokenizer.load(path)


def _by_a_process(
    settings: TokenizerSettings, texts: Sequence[Path], path: Path, sampled: bool, total: int
) -> Generator[Progress, None, None]:
    program = f"from {__name__} import main; main()"
    arguments = [settings.model_dump_json(), json.dumps([str(text) for text in texts]), str(path), str(int(sampled))]
    process = subprocess.Popen(
        child_process.command(program, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_process.environment(),
    )
    said, complaints = [0], list[bytes]()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said[0] = int(line) if line.strip().isdigit() else said[0]

    def hear() -> None:
        assert process.stderr is not None
        complaints.extend(process.stderr)

    threads = [threading.Thread(target=target, daemon=True) for target in (listen, hear)]
    for thread in threads:
        thread.start()
    try:
        while process.poll() is None:
            try:
                process.wait(_TICK_SECONDS)
            except subprocess.TimeoutExpired:
                yield Progress(_STAGE, min(said[0], total), total, "bytes")
    finally:
        process.kill()
        process.wait()
        for thread in threads:
            thread.join()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    if process.returncode:
        raise _failure(complaints)


def _failure(complaints: Sequence[bytes]) -> UserError:
    """What the process said last, where that is a sentence of ours."""
    try:
        told = json.loads(complaints[-1])
        return UserError(told["template"], **told["values"])
    except (ValueError, LookupError, TypeError):
        return UserError(
            "The process that learns the tokenizer was ended from outside, or memory ran out. Nothing is lost: choose "
            "a smaller vocabulary or another tokenizer, and try again."
        )


def main() -> None:
    """`python -c … SETTINGS TEXTS PATH SAMPLED`."""
    child_process.end_with_parent()
    settings = read(TokenizerSettings, json.loads(sys.argv[1]))
    texts = [Path(text) for text in json.loads(sys.argv[2])]
    try:
        learn(settings, _counted(_pieces(texts, sampled=sys.argv[4] == "1"))).save(Path(sys.argv[3]))
    except UserError as error:
        values = {name: str(value) for name, value in error.values.items()}
        sys.stderr.write("\n" + json.dumps({"template": error.template, "values": values}) + "\n")
        sys.exit(1)


def _pieces(texts: Sequence[Path], sampled: bool) -> Iterator[str]:
    for text in texts:
        yield from even_parts(text, LEARNED_FROM // len(texts)) if sampled else text_pieces(text)


def _counted(pieces: Iterator[str]) -> Iterator[str]:
    done = 0
    for piece in pieces:
        done += len(piece.encode("utf-8"))
        print(done, flush=True)
        yield piece
