"""Tables become typed documents: columns are found, bad rows are told, good ones come through as they are."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.reader import Document, ReadingSettings, TextSource, reader_of
from lmstudio_app.engine.data.roles import KINDS, ROLES, guess, kind_of, parse_mapping
from lmstudio_app.engine.data.source_file import Unreadable
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.workspace import Workspace


def read(path: Path, **settings: str) -> tuple[list[Document], TextSource]:
    source = TextSource(path, "utf-8", ReadingSettings.model_validate(settings))
    return list(reader_of(source).read(source)), source


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


# Columns --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "kind", "mapping"),
    [
        (["id", "Review", "Stars"], "labelled", {"text": "Review", "label": "Stars"}),
        (["source", "target"], "paired", {"source": "source", "target": "target"}),
        (["translation.en", "translation.zh"], "paired", {"source": "translation.en", "target": "translation.zh"}),
        (["question", "answers.text", "answers.answer_start"], "question_answering",
         {"question": "question", "answer": "answers.text"}),
        (["prompt", "completion"], "instruction", {"instruction": "prompt", "output": "completion"}),
        (["tokens", "ner_tags", "id"], "tagged", {"tokens": "tokens", "tags": "ner_tags"}),
        (["评论", "情感"], "labelled", {"text": "评论", "label": "情感"}),
        (["text"], "plain", {"text": "text"}),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names(columns: list[str], kind: str, mapping: dict[str, str]) -> None:
    found = guess(columns, [])
    assert found == mapping
    assert kind_of(found) == kind


def test_columns_without_telling_names_are_known_by_what_is_in_them() -> None:
    rows = [{"a": str(n), "b": f"this is sentence number {n}", "c": "yes" if n % 3 else "no"} for n in range(60)]
    assert guess(["a", "b", "c"], rows) == {"text": "b", "label": "c"}
    assert guess(["a", "b", "c"], rows[:10]) == {"text": "b"}  # too few to believe it


def test_every_kind_is_reached_by_its_own_roles() -> None:
    for kind, roles in KINDS.items():
        assert kind_of(dict.fromkeys(roles.needed, "x")) == kind
        assert kind_of(dict.fromkeys(roles.all, "x")) == kind
        assert set(roles.all) <= set(ROLES)


@pytest.mark.parametrize("text", ["text", "text=", "=body", "words=body", "text=a,question=b", "label=a"])
def test_a_mapping_that_says_nothing_sensible_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"ROLE=COLUMN|do not belong together"):
        parse_mapping(text)
    with pytest.raises(ValueError):
        ReadingSettings(mapping=text)


def test_a_mapping_is_taken_as_it_is_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,body,n\nno,Yes one.,1\nno,Yes two.,2\n")
    documents, source = read(path, mapping="text=body, label=n")
    assert [document.text for document in documents] == ["Yes one.", "Yes two."]
    assert [document.fields["label"] for document in documents] == ["1", "2"]
    assert source.mapping == {"text": "body", "label": "n"}
    with pytest.raises(UserError, match=r"no column “boody” for text\. The columns are: text, body, n"):
        read(path, mapping="text=boody")


# CSV ------------------------------------------------------------------------------------------------------------

_CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=20), st.sampled_from(",;\t|"))
def test_what_the_library_writes_comes_back_byte_exact(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *rows])
    path = written(tmp_path_factory.mktemp("t") / ("a.tsv" if delimiter == "\t" else "a.csv"), file.getvalue())
    documents, source = read(path)
    good = [row for row in rows if row[0].strip() and row[1].strip()]
    assert [(document.fields["text"], document.fields["label"]) for document in documents] == good
    assert source.bad_rows == len(rows) - len(good)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = "".join(f"Well, one; {n}.{delimiter}good\n" for n in range(9)).replace("Well, one; ", "Well one ")
    documents, _ = read(written(tmp_path / "a.csv", f"text{delimiter}label\n{rows}"))
    assert documents[8].fields == {"text": "Well one 8.", "label": "good"}


def test_prose_with_spaces_and_one_column_is_one_column(tmp_path: Path) -> None:
    documents, _ = read(written(tmp_path / "a.csv", "text\nOne plain sentence\nAnother sentence\n"))
    assert [document.text for document in documents] == ["One plain sentence", "Another sentence"]


def test_a_table_without_names_keeps_its_first_row(tmp_path: Path) -> None:
    text = "1,A good film.\n0,A bad film.\n"
    assert [d.text for d in read(written(tmp_path / "a.csv", text))[0]] == ["A good film.", "A bad film."]
    assert [d.text for d in read(tmp_path / "a.csv", header="yes")[0]] == ["A bad film."]
    names = written(tmp_path / "b.csv", "Anna,Lyon\nBert,Gent\n")
    assert [d.text for d in read(names, mapping="text=column 1")[0]] == ["Anna", "Bert"]  # in doubt nothing is lost
    assert len(read(written(tmp_path / "c.csv", "root:x:0:0\nbin:x:1:1\n"))[0]) == 2
    for table in ("titel,inhalt\nEins,Hier steht viel mehr als im Namen.\n", "jahr,wer\n1999,Anna\n2001,Bert\n"):
        assert "column 1" not in read(written(tmp_path / "d.csv", table))[1].mapping.values()
    assert [d.text for d in read(names, header="no", mapping="text=column 1")[0]] == ["Anna", "Bert"]


def test_one_row_in_a_hundred_is_broken_and_costs_itself_alone(tmp_path: Path) -> None:
    random_ = random.Random(3)
    broken = ['x,"left open', 'x,"a" b', "x", "x,1,2,3", ',"', '"x,1']
    rows, bad, expected = ["text,label"], [], []
    for number in range(5000):
        if number % 100 == 50:
            bad.append(len(rows) + 1)
            rows.append(random_.choice(broken))
        else:
            expected.append(f'Row {number}, "quoted" and {chr(0x4E00 + number)} 12" wide')
            quoted = expected[-1].replace('"', '""')
            rows.append(f'"{quoted}",{number % 2}')
    documents, source = read(written(tmp_path / "a.csv", "\r\n".join(rows) + "\r\n"))
    assert [document.text for document in documents] == expected
    assert source.bad_rows == len(bad) == 50
    assert [row.line for row in source.bad] == bad[:20]
    assert all(row.reason for row in source.bad)
    with pytest.raises(Unreadable, match=f"Line {bad[0]} of “.*a.csv” cannot be used: .*Mend it, or let such rows"):
        read(tmp_path / "a.csv", bad_rows="stop")


def test_cells_beyond_the_limit_of_the_library_and_over_many_lines(tmp_path: Path) -> None:
    long = "word " * 60_000
    verse = "\n".join(f"line {n}" for n in range(3000))
    documents, source = read(written(tmp_path / "a.csv", f'text,label\n{long},1\n"{verse}",2\nlast,3\n'))
    assert [document.text for document in documents] == [long, verse, "last"]
    assert not source.bad_rows


def test_a_quotation_mark_left_open_in_a_long_table_costs_one_row(tmp_path: Path) -> None:
    rows = "".join(f"Row {number} of a table.,{number % 2}\n" for number in range(150_000))
    documents, source = read(written(tmp_path / "a.csv", f'text,label\n"open,1\n{rows}'))
    assert len(documents) == 150_000
    assert [row.line for row in source.bad] == [2]


def test_names_that_come_twice_or_are_empty_are_told_apart(tmp_path: Path) -> None:
    documents, _ = read(written(tmp_path / "a.csv", "text,text,\nA one.,B.,C.\n"), mapping="text=text (2)")
    assert documents[0].text == "B."


# JSON -----------------------------------------------------------------------------------------------------------


def test_broken_lines_of_json_lines_are_counted_and_the_rest_is_exact(tmp_path: Path) -> None:
    broken = ['{"text": "cut', "[1, 2]", "7", '{"text": NaN}', '{"text": "\\ud800"}', "[" * 100_000, '{"other": "x"}']
    rows, bad, expected = [], [], []
    for number in range(700):
        if number % 100 == 7:
            rows.append(broken[number // 100])
            bad.append(len(rows))
        else:
            expected.append(f" Zeile {number}\t“ü” \U0001f600\u2028 ")
            rows.append(json.dumps({"text": expected[-1], "id": number}, ensure_ascii=bool(number % 2)))
    documents, source = read(written(tmp_path / "a.jsonl", "\n".join(rows)))
    assert [document.text for document in documents] == expected
    assert [row.line for row in source.bad] == bad
    assert all("JSON" in row.reason or "neither" in row.reason or row.reason for row in source.bad)


def test_numbers_are_spelled_as_in_the_file(tmp_path: Path) -> None:
    digits = "9" * 5000
    path = written(
        tmp_path / "a.jsonl", f'{{"text": "Big one.", "label": {digits}}}\n{{"text": "b c", "label": 1.50}}\n'
    )
    documents, _ = read(path)
    assert [document.fields["label"] for document in documents] == [digits, "1.50"]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("frame", ["list", "object", "lines"])
def test_json_in_every_usual_shape(tmp_path: Path, indent: int | None, frame: str) -> None:
    rows = [{"question": f"Who {n}?", "answer": {"text": [f"Ann {n}"]}} for n in range(3000)]
    text = {
        "list": lambda: json.dumps(rows, indent=indent),
        "object": lambda: json.dumps({"version": 2, "data": rows}, indent=indent),
        "lines": lambda: "\n".join(json.dumps(row, indent=indent) for row in rows),
    }[frame]()
    documents, source = read(written(tmp_path / "a.json", text))
    assert [document.fields["answer"] for document in documents] == [f"Ann {n}" for n in range(3000)]
    assert {document.kind for document in documents} == {"question_answering"}
    assert documents[7].text == "Who 7?\nAnn 7"
    assert source.bytes_read == len(text)


def test_json_of_texts_alone(tmp_path: Path) -> None:
    documents, _ = read(written(tmp_path / "a.json", ' ["one tale", "two, tales" ,\n"three"] '))
    assert [document.text for document in documents] == ["one tale", "two, tales", "three"]


@pytest.mark.parametrize(
    ("text", "line"), [('[{"text": "a"},\n{"text": }, {"text": "b"}]' + " " * 99, 2), ('[{"text": "a"}\n', 2), ("[", 1)]
)
def test_broken_json_says_from_which_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(Unreadable, match=f"a.json” is no JSON from line {line} on"):
        read(written(tmp_path / "a.json", text))


def test_json_nested_beyond_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="nested too deeply"):
        read(written(tmp_path / "a.json", "[" * 200_000 + "]" * 200_000))


@pytest.mark.parametrize("text", ["{}\n{}\n", "[{}, {}]"])
def test_rows_without_columns_cannot_be_used(tmp_path: Path, text: str) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    path = written(tmp_path / "a.json", text)
    with pytest.raises(UserError, match=r"None of the 2 rows of “.*a.json” can be used"):
        list(pipeline.prepare(workspace, paths=[path], name="none"))
    documents, source = read(written(tmp_path / "b.jsonl", '{}\n{"text": "a"}\n{}\n'))
    assert [document.text for document in documents] == ["a"]
    assert [(row.line, row.reason) for row in source.bad] == [(1, "it has no columns"), (3, "it has no columns")]


# Words in columns -----------------------------------------------------------------------------------------------


def test_words_in_columns_are_tagged_sentences(tmp_path: Path) -> None:
    text = (
        "# sent_id = 1\n1\tDogs\tdog\tNOUN\tNNS\t_\t2\tnsubj\t_\t_\n2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n"
        "2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_\n\n-DOCSTART- -X- O\n\n"
        "EU NNP B-ORG\nrejects VBZ O\r\n\nalone\nx O\n\n# O\n"
    )
    documents, source = read(written(tmp_path / "a.conllu", text))
    fields = [dict(document.fields) for document in documents]
    assert fields == [
        {"tokens": "Dogs do", "tags": "NOUN AUX"},
        {"tokens": "EU rejects", "tags": "B-ORG O"},
    ]
    assert [(row.line, row.reason) for row in source.bad] == [(11, "it has a word without a tag")]


def test_a_sentence_with_more_words_than_tags_is_a_bad_row(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"tokens": ["a", "b"], "tags": ["X"]}\n{"tokens": ["a"], "tags": ["X"]}\n')
    documents, source = read(path)
    assert [document.text for document in documents] == ["a"]
    assert source.bad[0].reason == "it does not have a tag for every token"


# Pages and subtitles --------------------------------------------------------------------------------------------


def test_a_page_gives_the_text_that_is_seen(tmp_path: Path) -> None:
    page = (
        "<!doctype html><html><head><title> Two\n words &amp; more</title><style>p { x }</style></head><body>"
        "<h1>Head</h1><p>One <b>b</b>old\n  word &eacute;&#x4e00;.<br>Next</p><script>var x = '<p>no</p>';</script>"
        "<pre>a\n  b</pre><ul><li>x<li>y</ul><!-- no --><p hidden>shown</body></html>"
    )
    (document,) = read(written(tmp_path / "a.html", page))[0]
    assert document.title == "Two words & more"
    assert document.text == "Head\n\nOne bold word é一.\nNext\n\na\n  b\n\nx\ny\n\nshown\n"


def test_a_page_whose_head_is_never_closed_still_has_its_body(tmp_path: Path) -> None:
    (document,) = read(written(tmp_path / "a.htm", "<html><head><title>T</title><body><p>Text.</p>"))[0]
    assert document.text == "Text.\n"


def test_subtitles_give_what_is_said(tmp_path: Path) -> None:
    text = (
        "WEBVTT - a film\n\nNOTE never shown\nnor this\n\nintro\n00:01.000 --> 00:02.000 align:start\n"
        "<v Ann>Hello</v> <i>there</i>,\r\nfriend &amp; <00:00:01.500>you.\n\n2\n01:00:03,000 --> 01:00:04,500\n"
        "{\\an8}2 < 3, is it?"
    )
    (document,) = read(written(tmp_path / "a.vtt", text))[0]
    assert document.text == "Hello there, friend & you.\n2 < 3, is it?\n"
