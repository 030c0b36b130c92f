"""Encodings: found right in real text, or offered to choose from; never a silent U+FFFD."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lmstudio_app.engine.data.encoding import (
    KNOWN,
    EncodingDoubtful,
    check_encoding,
    decode,
    detect,
    examine,
    examined,
    misfit,
)
from lmstudio_app.engine.errors import UserError
from tests.engine.data import writings

WITHOUT_TYPOGRAPHY = str.maketrans({"«": '"', "»": '"', "—": "-", "’": "'", "“": '"', "”": '"', "…": "."})

# Encoding in which the text is written, text, and the name under which it must be found.
RIGHT = [
    ("utf-8", writings.CHINESE, "utf-8"),
    ("utf-8", writings.ENGLISH, "utf-8"),
    ("utf-8-sig", writings.RUSSIAN, "utf-8-sig"),
    ("utf-16", writings.FRENCH, "utf-16"),
    ("utf-16-le", writings.ENGLISH, "utf-16-le"),
    ("utf-16-be", writings.ENGLISH, "utf-16-be"),
    ("utf-16-le", writings.CHINESE, "utf-16-le"),
    ("utf-16-be", writings.JAPANESE, "utf-16-be"),
    ("utf-16-le", writings.RUSSIAN, "utf-16-le"),
    ("utf-32-le", writings.GERMAN, "utf-32-le"),
    ("gb18030", writings.CHINESE, "gb18030"),
    ("gb18030", writings.TRADITIONAL_CHINESE, "gb18030"),
    ("gb2312", writings.CHINESE, "gb18030"),
    ("big5", writings.TRADITIONAL_CHINESE, "big5"),
    ("shift_jis", writings.JAPANESE, "shift_jis"),
    ("euc_jp", writings.JAPANESE, "euc_jp"),
    ("iso2022_jp", writings.JAPANESE, "iso2022_jp"),
    ("cp949", writings.KOREAN, "cp949"),
    ("cp1251", writings.RUSSIAN, "cp1251"),
    ("cp1251", writings.RUSSIAN.upper(), "cp1251"),
    ("cp1251", writings.UKRAINIAN, "cp1251"),
    ("koi8_r", writings.RUSSIAN.translate(WITHOUT_TYPOGRAPHY), "koi8_r"),
    ("koi8_r", writings.RUSSIAN.translate(WITHOUT_TYPOGRAPHY).upper(), "koi8_r"),
    ("cp1252", writings.FRENCH, "cp1252"),
    ("cp1252", writings.ENGLISH + "“It’s late,” she said.\n", "cp1252"),
    ("latin-1", writings.GERMAN, "latin-1"),
    ("latin-1", writings.SPANISH, "latin-1"),
    ("cp1250", writings.POLISH, "cp1250"),
    ("cp1250", writings.CZECH, "cp1250"),
    ("iso8859_2", writings.CZECH, "iso8859_2"),
]


@pytest.mark.parametrize(("written", "text", "found"), RIGHT)
@pytest.mark.parametrize("times", [1, 12])
def test_an_encoding_is_found_and_decodes_right(written: str, text: str, found: str, times: int) -> None:
    raw = (text * times).encode(written)
    detected = detect(raw)
    assert detected.encoding == found
    assert 0.5 < detected.confidence <= 1
    assert decode(raw, detected.encoding) == text * times


@pytest.mark.parametrize(
    ("sentence", "encodings"),
    [
        ("床前明月光，疑是地上霜。举头望明月，低头思故乡。\n", ["gb18030", "utf-16-le", "utf-16-be"]),
        ("你好世界", ["gb18030", "utf-16-le"]),  # whose UTF-16 is valid UTF-8 by chance
        ("床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。\n", ["big5"]),
        ("吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n", ["shift_jis", "euc_jp"]),
        ("コンピュータープログラム\n", ["shift_jis", "euc_jp"]),
        ("Съешь же ещё этих мягких французских булок, да выпей чаю.\n", ["cp1251", "koi8_r"]),
        ("The price is £20 – that’s €25.\n", ["cp1252"]),
        ("Größe, Übermut, Straße, süß, Äpfel, Öl\n", ["cp1252", "latin-1"]),
        ("El niño comió piñas mañana. ¿Qué? ¡Sí!\n", ["cp1252", "latin-1"]),
        ("Året är långt, blåbär och smörgås på ängen. Æbler og øl.\n", ["latin-1"]),
        ("Perché no? Città, più, è così, però, università.\n", ["latin-1"]),
    ],
)
def test_a_sentence_over_and_over_is_enough(sentence: str, encodings: list[str]) -> None:
    for encoding in encodings:
        raw = (sentence * 20).encode(encoding)
        assert decode(raw, detect(raw).encoding) == sentence * 20


@pytest.mark.parametrize("written", ["gb18030", "big5", "euc_jp", "shift_jis", "utf-16-le"])
def test_a_text_in_one_long_line_is_found_too(written: str) -> None:
    texts = {"gb18030": writings.CHINESE, "utf-16-le": writings.CHINESE, "big5": writings.TRADITIONAL_CHINESE}
    text = texts.get(written, writings.JAPANESE).replace("\n", "") * 20
    assert decode(text.encode(written), detect(text.encode(written)).encoding) == text


def test_what_differs_only_far_into_a_large_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(
        (writings.ENGLISH * 6000 + "She paid for the café’s coffee.\n" + writings.ENGLISH * 3000).encode("cp1252")
    )
    assert path.stat().st_size > 3_000_000
    steps = examine(path)
    looked_at = []
    with pytest.raises(StopIteration) as end:
        while True:
            looked_at.append(next(steps))
    assert end.value.value.encoding == "cp1252"
    assert max(looked_at) == path.stat().st_size


def test_nul_characters_stay_in_the_text() -> None:
    for text, written in [(writings.FRENCH, "utf-8"), (writings.RUSSIAN, "cp1251"), (writings.CHINESE, "utf-16-le")]:
        with_nul = text[:200] + "\0\0" + text[200:]
        raw = with_nul.encode(written)
        assert decode(raw, detect(raw).encoding) == with_nul


def test_ascii_is_utf_8_with_certainty() -> None:
    assert detect(b"plain text\n").confidence == 1
    assert detect(b"plain text\n").encoding == "utf-8"


DOUBTFUL = {
    "one stray byte in UTF-8": (writings.FRENCH * 3).encode() + b"\xff" + writings.FRENCH.encode(),
    "a lone surrogate in UTF-8": writings.CHINESE.encode() + b"\xed\xa0\xbd" + writings.CHINESE.encode(),
    "a lone surrogate in UTF-16 with mark": b"\xff\xfe"
    + (writings.CHINESE + "\ud83d" + writings.CHINESE).encode("utf-16-le", "surrogatepass"),
    "a lone surrogate in UTF-16": (writings.CHINESE + "\ud83d" + writings.CHINESE).encode("utf-16-le", "surrogatepass"),
    "UTF-8 cut in a character": writings.CHINESE.encode()[:-3],
    "GB18030 cut in a character": writings.CHINESE.encode("gb18030")[:-2],
    "UTF-8, then Windows-1252": writings.FRENCH.encode() + writings.FRENCH.encode("cp1252"),
    "Windows-1252, then a little UTF-8": writings.FRENCH.encode("cp1252") * 20 + writings.FRENCH[:200].encode(),
    "Windows-1251, then UTF-8": writings.RUSSIAN.encode("cp1251") + writings.RUSSIAN.encode(),
    "Windows-1251, then KOI8-R": (t := writings.RUSSIAN.translate(WITHOUT_TYPOGRAPHY)).encode("cp1251")
    + t.encode("koi8_r"),
    "GB18030, then UTF-8": writings.CHINESE.encode("gb18030") + writings.CHINESE.encode(),
    "GB18030, then Big5": writings.CHINESE.encode("gb18030") + writings.TRADITIONAL_CHINESE.encode("big5"),
    "Shift-JIS, then EUC-JP": writings.JAPANESE.encode("shift_jis") + writings.JAPANESE.encode("euc_jp"),
    "a single word": "café".encode("cp1252"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_mixtures_and_damage_are_offered_to_choose_from(case: str) -> None:
    raw = DOUBTFUL[case]
    with pytest.raises(EncodingDoubtful) as caught:
        detect(raw, "letter.txt")
    error = caught.value
    assert len(error.options) >= 2
    assert len({excerpt for _, excerpt in error.options}) == len(error.options)
    assert "letter.txt" in str(error)
    assert error.choices == tuple(encoding for encoding, _ in error.options)
    for encoding, excerpt in error.options:
        assert excerpt
        assert decode(raw, encoding), "what is offered can be taken"


def test_the_first_reading_of_a_damaged_text_is_the_right_one() -> None:
    first = {case: _options(DOUBTFUL[case])[0] for case in DOUBTFUL}
    assert first["a lone surrogate in UTF-16"] == "utf-16-le+replace"
    assert first["GB18030 cut in a character"] == "gb18030+replace"
    assert first["UTF-8, then Windows-1252"] == "utf-8+cp1252"
    mixture = DOUBTFUL["UTF-8, then Windows-1252"]
    assert decode(mixture, "utf-8+cp1252") == writings.FRENCH * 2
    assert "utf-8+replace" in _options(DOUBTFUL["a lone surrogate in UTF-8"])


def _options(raw: bytes) -> list[str]:
    with pytest.raises(EncodingDoubtful) as caught:
        detect(raw)
    return [encoding for encoding, _ in caught.value.options]


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
SAFETENSORS = (60).to_bytes(8, "little") + b'{"weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}' + bytes(16)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (PNG, "a PNG picture"),
        (SAFETENSORS, "a safetensors model"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), "a program"),
        (b"%PDF-1.7\n" + bytes(range(256)), "a PDF document"),
        (b"PK\x03\x04" + bytes(26) + b"word/document.xml", "a Word document"),
        (b"\x1f\x8b\x08" + bytes(30), "a gzip archive"),
        (random.Random(1).randbytes(5000), "not text"),
        (random.Random(2).randbytes(300_000), "not text"),
        (bytes(1000), "not text"),
        (bytes(100_000) + b"end", "not text"),
    ],
)
def test_what_is_no_text_is_told_in_one_sentence(raw: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        detect(raw, "thing.txt")
    assert "thing.txt" in str(caught.value)
    assert not isinstance(caught.value, EncodingDoubtful)


def test_an_empty_text_is_told() -> None:
    with pytest.raises(UserError, match="is empty"):
        detect(b"", "empty.txt")


def test_random_bytes_never_pass_silently() -> None:
    """Whatever comes out decodes every byte, or is an error that a person can act on."""
    chance = random.Random(5)
    for _ in range(60):
        raw = chance.randbytes(chance.randrange(1, 400))
        try:
            found = detect(raw)
        except UserError:
            continue
        assert "\ufffd" not in decode(raw, found.encoding)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("UTF8", "utf-8"), ("GBK", "gb18030"), ("Latin1", "latin-1"), ("ISO-8859-1", "latin-1"),
     ("Windows-1251", "cp1251"), ("SJIS", "shift_jis"), ("KOI8-R", "koi8_r"),
     ("utf-8+REPLACE", "utf-8+replace"), ("cp037", "cp037")],
)  # fmt: skip
def test_an_encoding_goes_by_many_names(name: str, kept: str) -> None:
    assert check_encoding(name) == kept


@pytest.mark.parametrize(
    "name", ["utf-9", "cp12511", "base64", "rot13", "idna", "undefined", "utf-8+guess", "", "x\0y"]
)
def test_an_unknown_encoding_gets_close_names(name: str) -> None:
    with pytest.raises(UserError, match="There is no encoding") as caught:
        check_encoding(name)
    assert caught.value.field == "encoding"
    assert caught.value.choices
    for choice in caught.value.choices:
        check_encoding(str(choice))


def test_a_wrong_encoding_is_told_with_the_place() -> None:
    with pytest.raises(UserError, match="is not utf-8: the byte at place 3"):
        decode("café".encode("cp1252"), "utf-8")


def test_every_known_encoding_can_be_checked_and_has_a_title() -> None:
    assert [check_encoding(name) for name in KNOWN] == list(KNOWN)


def test_a_file_is_examined_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(writings.RUSSIAN.encode("koi8_u", "replace"))
    before = path.stat()
    assert examined(path).encoding in ("koi8_r", "koi8_u")
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (before.st_mtime_ns, before.st_size)
    with pytest.raises(UserError, match="is not there"):
        examined(tmp_path / "missing.txt")
    with pytest.raises(UserError, match="is a folder"):
        examined(tmp_path)


@pytest.mark.parametrize("text", ["Hello world. " * 300 + "é", "春天的花开了，我们去看看。" * 200])
def test_a_text_that_ends_within_a_character_is_offered_as_utf_8(text: str) -> None:
    with pytest.raises(EncodingDoubtful) as doubtful:
        detect(text.encode()[:-1])
    assert doubtful.value.options[0][0] == "utf-8+replace"
    assert decode(text.encode()[:-1], "utf-8+replace") == text[:-1] + "\ufffd"


def test_a_lenient_reading_is_offered_once() -> None:
    assert "“utf-16+replace”" in str(misfit("a.txt", "utf-16+replace", 3))
