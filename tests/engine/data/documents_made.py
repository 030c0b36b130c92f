"""Documents made for tests: PDF, DOCX and EPUB with given text, as small as they can be."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence


def pdf(pages: Sequence[str], password: str = "") -> bytes:
    """A PDF whose pages show a line of ASCII each."""
    objects = ["<</Type/Catalog/Pages 2 0 R>>"]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects.append(f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>")
    objects.append("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for number, text in enumerate(pages):
        content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents {5 + 2 * number}"
            " 0 R>>"
        )
        objects.append(f"<</Length {len(content)}>>\nstream\n{content}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{len(out)}\n"
    )
    out += (trailer + "%%EOF\n").encode()
    if not password:
        return out
    from pypdf import PdfWriter

    writer = PdfWriter(io.BytesIO(out))
    writer.encrypt(password, algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def docx(paragraphs: Sequence[str], table: Sequence[Sequence[str]] = ()) -> bytes:
    """A DOCX as the library writes it."""
    import docx as library

    document = library.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if table:
        made = document.add_table(len(table), len(table[0]))
        for i, row in enumerate(table):
            for j, cell in enumerate(row):
                made.cell(i, j).text = cell
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def epub(chapters: Sequence[str]) -> bytes:
    """An EPUB whose chapters are in the spine in reverse order of their names."""
    written = io.BytesIO()
    names = [f"chapter {len(chapters) - number}.xhtml" for number in range(len(chapters))]
    items = "".join(f'<item id="c{n}" href="text/{name.replace(" ", "%20")}"/>' for n, name in enumerate(names))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(names)))
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path='
            '"OPS/book.opf"/></rootfiles></container>',
        )
        book.writestr(
            "OPS/book.opf",
            f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest><spine>{spine}</spine></package>',
        )
        for name, text in sorted(zip(names, chapters, strict=True)):
            book.writestr(f"OPS/text/{name}", f"<html><head><title>x</title></head><body><p>{text}</p></body></html>")
    return written.getvalue()
