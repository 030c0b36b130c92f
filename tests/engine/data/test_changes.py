"""What cleaning changed: few lines for few changes, however long the text, and letters counted one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine.data.changes import Changes, compare

LINES = [f"Line {number} has words of its own." for number in range(400)]
REFRAIN = [f"la {number % 7}" for number in range(400)]


def shown(changes: Changes, kind: str) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in changes.lines if line.kind == kind]


def test_two_changes_far_apart_are_two_lines() -> None:
    for lines in (LINES, REFRAIN, ["always the same"] * 400):
        old = list(lines)
        old[10] += "  "
        old[390] = "“" + old[390]
        changes = compare("\n".join(old), "\n".join(lines))
        assert [number for number, _ in shown(changes, "removed")] == [11, 391]
        assert [number for number, _ in shown(changes, "added")] == [11, 391]
        assert changes.share == 3 / len("\n".join(old))


def test_a_line_left_out_of_a_text_that_repeats_itself() -> None:
    changes = compare("\n\n" + "\n".join([*REFRAIN[:200], "“" + REFRAIN[200], *REFRAIN[201:]]), "\n".join(REFRAIN))
    assert len(shown(changes, "removed")) == 3
    assert len(shown(changes, "added")) == 1


def test_other_line_ends_are_one_letter_of_each_line() -> None:
    old, new = "\r\n".join(LINES) + "\r\n", "\n".join(LINES) + "\n"
    changes = compare(old, new)
    assert [line.kind for line in changes.lines] == ["removed", "added"] * 400
    assert changes.lines[0].marks == ((len(LINES[0]), len(LINES[0]) + 1),)
    assert changes.lines[1].marks == ()
    assert changes.share == 400 / len(old)
    assert compare("\r".join(LINES), "\n".join(LINES)).share == 399 / len("\r".join(LINES))
    assert compare("\r\n".join(["x", *REFRAIN]), "\n".join(REFRAIN)).share < 0.2


def test_only_a_last_line_feed_is_no_change_of_a_line() -> None:
    assert [line.kind for line in compare("a\nb", "a\nb\n").lines] == ["folded"]


@given(st.text("ab \n\r", max_size=60), st.text("ab \n\r", max_size=60))
def test_both_texts_are_told(before: str, after: str) -> None:
    changes = compare(before, after)
    folded = [line.folded for line in changes.lines if line.kind == "folded"]
    same = [line for line in changes.lines if line.kind == "same"]
    for kind, text in (("removed", before), ("added", after)):
        lines = text.removesuffix("\n").split("\n") if text else []
        told = [line for line in changes.lines if line.kind == kind]
        assert len(told) + len(same) + sum(folded) == len(lines)
        assert all(lines[line.number - 1] == line.text for line in told)
        for line in told:
            assert all(0 <= first < last <= len(line.text) for first, last in line.marks)
