"""The bundled corpora that can be written, one for each grammar in `resources/samples/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lmstudio_app.engine.data.samples.checks import check_endings, check_names, check_variables
from lmstudio_app.engine.data.samples.drawing import write_documents
from lmstudio_app.engine.data.samples.grammar import Grammar, GrammarError
from lmstudio_app.engine.data.samples.notation import read_grammar, read_header
from lmstudio_app.engine.data.samples.unambiguity import check_unambiguous
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.resources import resources_folder

_SUFFIX = ".grammar"


@dataclass(frozen=True)
class Sample:
    """A bundled corpus, described without writing it. `language` is a BCP 47 tag ("en", "zh-Hans"; "zxx" for what is no
    language); `kind` is what its documents are ("plain", "labelled", "paired", …)."""

    name: str
    title: str
    summary: str
    language: str
    approximate_bytes: int
    kind: str = "plain"


@dataclass(frozen=True)
class Generated:
    """The documents of a corpus, each with the closing blank line that sets it off, and the exact −log2 p of each.

    In a corpus of a `kind` a document has a line for each of its `roles`, in their order.
    """

    documents: list[str]
    bits: list[float]
    kind: str = "plain"
    roles: tuple[str, ...] = ()


def samples() -> list[Sample]:
    """All bundled corpora, in the order of their headers. Reads only the top of each grammar file."""
    listed = []
    for path in _folder().glob(f"*{_SUFFIX}"):
        header = _header(path)
        listed.append(
            (
                int(header["place"]),
                Sample(
                    path.stem,
                    header["title"],
                    header["summary"],
                    header["language"],
                    int(header["bytes"]),
                    header.get("kind", "plain"),
                ),
            )
        )
    return [sample for _, sample in sorted(listed, key=lambda pair: (pair[0], pair[1].name))]


def sample(name: str) -> Sample:
    """The bundled corpus called `name`. Raises `UserError` naming those that exist."""
    known = {sample.name: sample for sample in samples()}
    if name not in known:
        raise UserError(
            "There is no bundled corpus “{name}”. Bundled: {known}.",
            field="sample",
            choices=tuple(known),
            name=name,
            known=", ".join(known),
        )
    return known[name]


def load_grammar(path: Path) -> Grammar:
    """The grammar in a file, checked: it says what it means, and each of its texts has one derivation.

    Raises `GrammarError` with the line at fault.
    """
    text = path.read_text(encoding="utf-8")
    borrowed = read_header(text.splitlines()).get("rules", "")
    if borrowed:
        grammar = read_grammar(text, path.name, path.with_name(borrowed + _SUFFIX).read_text(encoding="utf-8"))
    else:
        grammar = read_grammar(text, path.name)
    check_names(grammar)
    check_endings(grammar)
    check_variables(grammar)
    check_unambiguous(grammar)
    return grammar


def generate(sample: Sample) -> Generated:
    """Write the corpus of `sample`: always the same letters, in a few seconds."""
    path = _folder() / f"{sample.name}{_SUFFIX}"
    header = _header(path)
    written = islice(write_documents(load_grammar(path), int(header["seed"])), int(header["documents"]))
    documents, bits = zip(*written, strict=True)
    roles = tuple(role.strip() for role in header.get("roles", "").split(",") if role.strip())
    return Generated(list(documents), list(bits), header.get("kind", "plain"), roles)


def _folder() -> Path:
    return resources_folder() / "samples"


def _header(path: Path) -> Mapping[str, str]:
    with path.open(encoding="utf-8") as lines:
        header = read_header(lines)
    for key in ("title", "summary", "language"):
        if not header.get(key):
            raise GrammarError("{file}, line {line}: the header lacks “{key}:”.", file=path.name, line=1, key=key)
    for key in ("place", "documents", "bytes", "seed"):
        if not header.get(key, "").isdecimal():
            raise GrammarError(
                "{file}, line {line}: the header needs “{key}:” with a whole number.", file=path.name, line=1, key=key
            )
    return header
