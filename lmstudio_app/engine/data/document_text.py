"""Takes the text out of a document (PDF, DOCX, EPUB): run as a process of its own, with little memory and time.

Such files come from anywhere, and what reads them has been made to loop, to swell and to crash. The process reads the
document from its standard input and writes UTF-8 to its standard output, as `child_process.take_out` says.
"""

from __future__ import annotations

import io
import posixpath
import sys
from collections.abc import Callable, Iterator

from lmstudio_app.engine.data import child_process
from lmstudio_app.engine.data.child_process import Refused

_MEMORY = 2 << 30  # bytes of address space
_MOST_TEXT = 256 << 20  # bytes
_MOST_MEMBER = 64 << 20  # bytes of one part of an EPUB


def main() -> None:
    """`python -c … KIND SECONDS`."""
    kind, seconds = sys.argv[1], int(sys.argv[2])
    readers: dict[str, Callable[[bytes], Iterator[str]]] = {"pdf": pdf_text, "docx": docx_text, "epub": epub_text}
    child_process.take_out(lambda: _encoded(readers[kind](sys.stdin.buffer.read())), _MEMORY, seconds)


def pdf_text(raw: bytes) -> Iterator[str]:
    """The text of each page, pages set apart by a blank line. Raises `Refused` for a password."""
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(io.BytesIO(raw))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise Refused("is locked with a password. Save it without one, then add it again.")
    for page in reader.pages:
        text = page.extract_text().strip()
        if text:
            yield text + "\n\n"


def docx_text(raw: bytes) -> Iterator[str]:
    """Paragraphs, a line each, and the rows of tables with tabs between their cells."""
    import docx
    from docx.table import Table

    for block in docx.Document(io.BytesIO(raw)).iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                yield "\t".join(cell.text.replace("\n", " ") for cell in row.cells) + "\n"
        else:
            yield block.text + "\n"


def epub_text(raw: bytes) -> Iterator[str]:
    """The chapters in the order in which they are read, set apart by a blank line. Raises `Refused` for a lock."""
    import zipfile
    from urllib.parse import unquote
    from xml.etree import ElementTree

    from lmstudio_app.engine.data.page_text import text_of_page

    with zipfile.ZipFile(io.BytesIO(raw)) as book:

        def part(name: str) -> bytes:
            with book.open(name) as file:
                found = file.read(_MOST_MEMBER + 1)
            if len(found) > _MOST_MEMBER:
                raise MemoryError
            return found

        container = ElementTree.fromstring(part("META-INF/container.xml"))
        package_path = next(each.attrib["full-path"] for each in container.iter() if each.tag.endswith("}rootfile"))
        package = ElementTree.fromstring(part(package_path))
        items = {each.attrib["id"]: each.attrib["href"] for each in package.iter() if each.tag.endswith("}item")}
        spine = [each.attrib["idref"] for each in package.iter() if each.tag.endswith("}itemref")]
        names = set(book.namelist())
        for place in spine:
            name = posixpath.normpath(posixpath.join(posixpath.dirname(package_path), unquote(items.get(place, ""))))
            if name not in names:
                continue
            try:
                text = text_of_page([part(name).decode("utf-8")])[1]
            except UnicodeDecodeError:
                raise Refused("is locked, or its chapters are damaged. Add a copy without protection.") from None
            if text:
                yield text + "\n"


def _encoded(parts: Iterator[str]) -> Iterator[bytes]:
    written, seen = 0, False
    for part in parts:
        raw = part.encode("utf-8", "replace")
        written += len(raw)
        if written > _MOST_TEXT:
            raise MemoryError
        yield raw
        seen = seen or bool(part.strip())
    if not seen:
        raise Refused("holds no text. If it shows pictures of pages, have their text recognised first.")
