"""Names that people give to corpora and runs. A name IS a folder name, on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import in_words

LONGEST = 80
_LONGEST_BYTES = 200  # file systems allow 255 bytes; a number and a suffix must fit too
_FORBIDDEN = '<>:"/\\|?*'
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")})


def check_name(name: str, field: str = "name") -> str:
    """`name`, its letters composed (NFC), if it can be a folder on Linux, macOS and Windows; else `UserError` with one
    that can."""
    if not name.strip():
        raise UserError("The name is empty. Give it at least one letter.", field=field)
    choices = (tidy_name(name),)
    if len(name) > LONGEST or len(name.encode("utf-8", "replace")) > _LONGEST_BYTES:
        raise UserError(
            "The name is too long: at most {longest} characters (about 66 Chinese ones), not {length}.",
            field=field,
            choices=choices,
            longest=LONGEST,
            length=len(name),
        )
    for character in name:
        if character in _FORBIDDEN or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise UserError(
                "The name “{name}” contains {character}, which cannot be in a file name. “{tidy}” would work.",
                field=field,
                choices=choices,
                name=name,
                character=_shown(character),
                tidy=choices[0],
            )
    if name != name.strip() or name[0] == "." or name[-1] == ".":
        raise UserError(
            "The name “{name}” starts or ends with a dot or a space. “{tidy}” would work.",
            field=field,
            choices=choices,
            name=name,
            tidy=choices[0],
        )
    if name.partition(".")[0].strip().lower() in _RESERVED:
        raise UserError(
            "The name “{name}” is reserved on Windows. “{tidy}” would work.",
            field=field,
            choices=choices,
            name=name,
            tidy=choices[0],
        )
    return unicodedata.normalize("NFC", name)


def find_name(name: str, known: Iterable[str]) -> str | None:
    """`name` as it is spelled in `known`: "é" may be one character or two. None when it is not there."""
    wanted = unicodedata.normalize("NFC", name)
    return next((each for each in known if unicodedata.normalize("NFC", each) == wanted), None)


def tidy_name(text: str) -> str:
    """A valid name as close to `text` as can be (a file's stem, a title)."""
    name = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    name = "".join(" " if c in _FORBIDDEN or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in name)
    name = _cut(re.sub(r"\s+", " ", name).strip(" ."))
    if name.partition(".")[0].strip().lower() in _RESERVED:
        name = "_" + name
    return name or "untitled"


def free_name(folder: Path, name: str) -> str:
    """`name`, or `name 2`, `name 3` … when something in `folder` has it already, in whatever case. Raises `UserError`
    for a folder that cannot be read."""
    try:
        taken = {_folded(path.name) for path in folder.iterdir()}
    except FileNotFoundError:
        return name
    except OSError as error:
        raise in_words(error, folder) from error
    if _folded(name) not in taken:
        return name
    stem, number = name, 2
    if match := re.fullmatch(r"(.+) (\d{1,6})", name):
        stem, number = match[1], int(match[2]) + 1
    while _folded(f"{stem} {number}") in taken:
        number += 1
    numbered = f"{stem} {number}"
    return numbered if len(numbered) <= LONGEST else free_name(folder, f"{_cut(stem, LONGEST - 8)} 2")


def inside(folder: Path, name: str) -> Path:
    """The path of `name` directly in `folder`; `UserError` when it would lead elsewhere (`../`, absolute, a link)."""
    check_name(name)
    path = folder / name
    if path.is_symlink() or path.resolve().parent != folder.resolve():
        raise UserError("“{path}” leads out of its folder. Use a real folder there, not a link.", path=path)
    return path


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _cut(name: str, longest: int = LONGEST) -> str:
    name = name[:longest].encode("utf-8")[:_LONGEST_BYTES].decode("utf-8", "ignore")
    return name.strip(" .")


def _shown(character: str) -> str:
    return f"“{character}”" if character.isprintable() else f"the character U+{ord(character):04X}"
