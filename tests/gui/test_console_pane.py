"""The Console pane on a real workspace: prompting, stopping, the sampler, and that it shows what the engine wrote."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.events import GenerationEnded, PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.model import State
from lmstudio_app.engine.training import checkpoint
from lmstudio_app.gui import theme
from lmstudio_app.gui.panes.console import ConsolePane
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.widgets import token_painting
from lmstudio_app.gui.widgets.number_text import percent
from lmstudio_app.gui.widgets.token_text import label
from tests.gui.trained_runs import MODELS, make_corpus, make_run, make_workspace, model_at, shared_workspace
from tests.gui.widgets.conftest import picture

PROMPT = "The old fox"


@pytest.fixture
def folder() -> Path:
    """To be read, not written."""
    return shared_workspace()


@pytest.fixture
def open_session(qapp, qtbot) -> Iterator[Callable[[Path], Session]]:
    made: list[Session] = []

    def open_in(folder: Path) -> Session:
        session = Session()
        session.open_workspace(folder)
        made.append(session)
        qtbot.waitUntil(lambda: len(session.runs) == len(session.workspace.runs()))
        return session

    yield open_in
    for session in made:
        session.close()
        session.deleteLater()


@pytest.fixture
def open_pane(qtbot) -> Callable[[Session], ConsolePane]:
    def make(session: Session) -> ConsolePane:
        pane = ConsolePane(session)
        qtbot.addWidget(pane)
        pane.resize(1200, 760)
        with qtbot.waitExposed(pane):
            pane.show()
        return pane

    return make


@pytest.fixture
def pane(folder, open_session, open_pane, qtbot) -> ConsolePane:
    """On the run “reader”, with `PROMPT` read."""
    session = open_session(folder)
    session.open_run("reader")
    made = open_pane(session)
    type_prompt(made, PROMPT, qtbot)
    return made


def type_prompt(pane: ConsolePane, text: str, qtbot) -> None:
    pane.prompt.field.set_text(text)
    qtbot.waitUntil(lambda: pane._read.text == text)


def draw(pane: ConsolePane, **values: object) -> None:
    """Change the sampler as a person does."""
    for name, value in values.items():
        row = pane.sampler.form.row(name)
        row.set_value(value)
        row.edited.emit()


def write(pane: ConsolePane, qtbot) -> list[TokenWritten]:
    pane.prompt.generate.click()
    assert pane.writing
    qtbot.waitUntil(lambda: not pane.writing, timeout=20_000)
    assert pane.text is not None
    return pane.text.tokens


def test_without_a_run_it_offers_to_train_one(tmp_path, open_session, open_pane, qtbot):
    pane = open_pane(open_session(tmp_path))
    assert pane._stack.currentWidget() is pane.empty
    with qtbot.waitSignal(pane.go) as gone:
        pane.regions()[0].click()
    assert gone.args == ["train"]


@pytest.mark.parametrize("name", ["reader", "listener", "counter"])
def test_it_opens_with_the_newest_run_and_a_prompt_from_its_corpus(folder, open_session, open_pane, qtbot, name):
    session = open_session(folder)
    pane = open_pane(session)
    assert pane.crumbs() == ["reader", "best, step 10"]
    session.open_run(name)
    assert pane.crumbs()[0] == name
    qtbot.waitUntil(lambda: pane._next.known)
    assert pane.prompt.field.text() == "The old fox went to the river, "
    assert pane.prompt.field.remark() == "31 tokens"
    assert pane.written.strip.texts == list("The old fox went to the river, ")
    assert pane.prompt.generate.isEnabled()


def test_a_run_without_a_checkpoint_says_so(folder, open_session, open_pane, qtbot):
    session = open_session(folder)
    session.open_run("waiter")
    pane = open_pane(session)
    assert pane.prompt.generate.text() == "No saved model yet"
    assert not pane.prompt.generate.isEnabled()
    session.open_run("reader")
    assert pane.prompt.generate.text() == "Generate"


def test_it_shows_what_the_engine_wrote(pane, qtbot):
    draw(pane, temperature=0.7, top_k=5, top_p=0.9, seed=3, length=40)
    tokens = write(pane, qtbot)
    settings = SamplingSettings(temperature=0.7, top_k=5, top_p=0.9, seed=3, length=40)
    run = pane.session.workspace.run("reader")
    events = list(pipeline.generate(run, PROMPT, settings, device="cpu"))
    assert [token.token for token in tokens] == [event.token for event in events if isinstance(event, TokenWritten)]
    end, read = events[-1], events[0]
    assert isinstance(end, GenerationEnded)
    assert isinstance(read, PromptRead)
    strip, card = pane.written.strip, pane.written
    assert strip.text() == PROMPT + end.text
    assert strip.prompt_tokens == len(read.tokens)
    bits = [-math.log2(token.probability) for token in tokens]
    assert list(card.bars.bits) == pytest.approx(bits, rel=1e-4)
    figures = card.figures()
    assert figures["tokens"] == "40"
    assert float(figures["bits/byte"]) == pytest.approx(sum(bits) / len(end.text.encode()), abs=0.006)
    assert card.ending() == "length reached"
    card.copy.click()
    assert QGuiApplication.clipboard().text() == PROMPT + end.text


def test_again_takes_a_new_seed(pane, qtbot):
    draw(pane, length=30)
    first = [token.token for token in write(pane, qtbot)]
    assert [token.token for token in write(pane, qtbot)] == first
    pane.prompt.again.click()
    qtbot.waitUntil(lambda: not pane.writing)
    assert pane.settings.seed != 1
    assert [token.token for token in pane.text.tokens] != first


def test_stopping_at_any_token(pane, qtbot):
    draw(pane, length=50_000)
    pane.prompt.generate.click()
    qtbot.waitUntil(lambda: pane.text is not None and len(pane.text.tokens) > 5)
    assert not pane.prompt.generate.isEnabled()
    assert pane.written.strip.writing
    assert pane.chances.words() == "What the newest token was drawn from."
    pane.prompt.stop.click()
    qtbot.waitUntil(lambda: not pane.writing)
    assert 5 < len(pane.text.tokens) < 50_000
    assert pane.written.ending() == "stopped"
    assert pane.prompt.generate.isEnabled()
    pane.prompt.field.setFocus()
    qtbot.keyClick(pane.prompt.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert pane.writing
    qtbot.keyClick(pane.prompt.field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not pane.writing)


def test_the_stop_text_ends_it(pane, qtbot):
    draw(pane, length=60, temperature=1.0)
    everything = "".join(token.text for token in write(pane, qtbot))
    stop = everything[10:12]
    draw(pane, stop=stop)
    write(pane, qtbot)
    assert pane.written.ending() == "the stop text came up"
    assert "".join(token.text for token in pane.text.tokens) == everything[: everything.index(stop)]


def test_characters_that_the_vocabulary_lacks_are_named_before_anything_is_written(pane, qtbot):
    type_prompt(pane, "The 龍 and the ☃", qtbot)
    assert "lacks “龍” “☃”" in pane.prompt.error()
    assert pane.prompt.field.property("invalid")
    assert pane.prompt.generate.text() == "Fix the prompt"
    pane.primary_action()
    assert not pane.writing
    type_prompt(pane, PROMPT, qtbot)
    assert pane.prompt.error() == ""
    pane.prompt.field.set_text("☃")  # asked for before it was read: the engine refuses it
    pane.generate()
    qtbot.waitUntil(lambda: not pane.writing)
    qtbot.waitUntil(lambda: "“☃”" in pane.prompt.error())


def test_a_setting_out_of_range_is_told_at_its_field(pane):
    row = pane.sampler.form.row("temperature")
    row.editor.setText("9")
    row.editor.textEdited.emit("9")
    assert row.error_text().startswith("Must be between 0 and 5")
    assert pane.prompt.generate.text() == "Fix 1 field to generate"
    assert pane.settings.temperature == 0.8
    row._error.linkActivated.emit("0")
    assert pane.settings.temperature == 5.0
    assert pane.prompt.generate.isEnabled()


def test_sliders_and_fields_say_the_same(pane):
    for name, place, value in (("temperature", 100, 1.25), ("top_k", 200, 0), ("top_k", 0, 1), ("top_p", 100, 0.5)):
        row = pane.sampler.form.row(name)
        row.slider.setValue(place)
        assert getattr(pane.settings, name) == pytest.approx(value, abs=0.02)
        assert row.value() == pytest.approx(value, abs=0.02)
        row.set_value(value)
        assert row.slider.value() == pytest.approx(place, abs=1)
    draw(pane, top_k=0)
    assert pane.sampler.form.row("top_k").slider.value() == 200


def test_the_chances_follow_the_text_and_the_sampler(pane, qtbot):
    draw(pane, length=20)
    tokens = write(pane, qtbot)
    end = len(PROMPT) + 20
    qtbot.waitUntil(lambda: pane._next.known and "Entropy" in pane.chances.words())
    ids = [token.token for token in tokens]
    run = pane.session.workspace.run("reader")
    prompt = tuple(run.tokenizer().encode(PROMPT).tolist())

    def expected(place: int, settings: SamplingSettings):
        return pipeline.expect(run, prompt, ids[:place], device="cpu").shaped(settings)

    draw(pane, top_k=3, temperature=1.0)
    found = expected(20, pane.settings)
    assert pane.chances.legend().startswith(f"kept, 3, cut, {found.cut}")
    bars = pane.chances.list.bars
    assert [bar.label for bar in bars[:3]] == [label(row[1]) for row in found.rows[:3]]
    assert [bar.share for bar in bars[:3]] == pytest.approx([row[3] for row in found.rows[:3]], abs=1e-5)
    assert [bar.mark for bar in bars[:3]] == pytest.approx([row[2] for row in found.rows[:3]], abs=1e-5)
    assert [bar.cut for bar in bars] == [False] * 3 + [True] * (len(bars) - 3)
    assert pane.chances.list.cut_words == "top-k cuts here"
    draw(pane, top_k=0, top_p=0.3)
    assert pane.chances.list.cut_words == "top-p cuts here"
    draw(pane, temperature=0)
    assert sum(not bar.cut for bar in pane.chances.list.bars) == 1

    draw(pane, temperature=1.0, top_p=1)
    pane.written.strip.go_to(len(PROMPT) + 7)
    qtbot.waitUntil(lambda: any(bar.strong for bar in pane.chances.list.bars))
    strong = next(bar for bar in pane.chances.list.bars if bar.strong)
    assert strong.mark == pytest.approx(tokens[7].probability, abs=1e-5)
    assert pane.written.bars.current == 7
    pane.written.bars.chosen.emit(3)
    assert pane.written.strip.current == len(PROMPT) + 3
    pane.written.strip.go_to(-1)
    qtbot.waitUntil(lambda: not any(bar.strong for bar in pane.chances.list.bars))
    assert end == len(pane.written.strip.texts)


def test_a_token_opens_its_details(pane, qtbot):
    draw(pane, length=200, temperature=5.0)
    tokens = write(pane, qtbot)
    strip = pane.written.strip
    rare = next(n for n, token in enumerate(tokens) if all(token.probability < row[1] for row in token.alternatives))
    for number in (0, rare):
        strip.go_to(len(PROMPT) + number)
        qtbot.keyClick(strip, Qt.Key.Key_Return)
        token, details = tokens[number], pane.details
        assert details.isVisible()
        assert details.title() == f"Token {len(PROMPT) + number + 1}"
        assert percent(token.probability) in details.facts()
        strong = [bar for bar in details.list.bars if bar.strong]
        assert [bar.share for bar in strong] == [token.probability]
        place = len(PROMPT) + number
        place_after = next(row.after for row in pane.text.alternatives(place) if row.mine)
        run = pane.session.workspace.run("reader")
        prompt = pane.text.read.tokens
        shaped = pipeline.expect(run, prompt, [t.token for t in tokens[:number]], device="cpu").shaped(
            pane.settings, (token.token, token.text)
        )
        real = next(row[3] for row in shaped.rows if row[0] == token.token)
        assert place_after == pytest.approx(real, rel=1e-3)
        qtbot.keyClick(details.list, Qt.Key.Key_Escape)
        assert not details.isVisible()
    pane.written.token_opened.emit(2)
    assert "prompt" in pane.details._words.text()
    assert not pane.details.list.bars
    pane.details.hide()


def test_tints_and_text_size(pane, qtbot):
    draw(pane, length=30)
    write(pane, qtbot)
    strip = pane.written.strip
    tinted = picture(strip)
    pane.prompt.tints._segments["none"].click()
    assert picture(strip) != tinted
    assert not pane.prompt.legend._parts[0].isVisible()
    pane.prompt.tints._segments["surprise"].click()
    size = strip.text_font().pixelSize()
    place, global_place = QPointF(40, 40), strip.viewport().mapToGlobal(QPointF(40, 40))
    control = Qt.KeyboardModifier.ControlModifier
    wheel = QWheelEvent(place, global_place, QPointF().toPoint(), QPointF(0, 120).toPoint(),
                        Qt.MouseButton.NoButton, control, Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
    QApplication.sendEvent(strip.viewport(), wheel)
    assert strip.text_font().pixelSize() > size


def test_prompting_while_the_run_trains(tmp_path, open_session, open_pane, qtbot):
    session = open_session(tmp_path)
    make_corpus(session.workspace)
    session.choose_corpus("tale")
    training = {"steps": 100_000, "batch": 2, "validate_every": 100_000, "sample_every": 0, "checkpoint_every": 0}
    session.change_draft(family="gpt", preset="tiny", model=MODELS["gpt"], training=training)
    name = session.start_training()
    pane = open_pane(session)
    assert pane.source.version == "now"
    assert pane.written.state() == f"prompting while “{name}” trains"
    draw(pane, length=2000)
    pane.prompt.generate.click()
    qtbot.waitUntil(lambda: pane.text is not None and len(pane.text.tokens) > 3, timeout=20_000)
    qtbot.waitUntil(lambda: session.job.step > 3, timeout=20_000)
    session.stop()
    qtbot.waitUntil(lambda: not session.busy and pane.source.version == "best", timeout=20_000)
    assert pane.writing or len(pane.text.tokens) == 2000  # the copy goes on by itself
    pane.stop()
    qtbot.waitUntil(lambda: not pane.writing)
    assert pane.written.state() == ""
    write_on = len(pane.text.tokens)
    assert write_on > 3


def test_a_new_run_under_the_name_of_a_deleted_one_is_read_from_its_own_weights(
    tmp_path, open_session, open_pane, qtbot
):
    workspace = make_workspace(tmp_path)
    session = open_session(tmp_path)
    session.open_run("reader")
    pane = open_pane(session)
    type_prompt(pane, PROMPT, qtbot)
    draw(pane, length=20, temperature=0)
    old = [token.token for token in write(pane, qtbot)]
    session.delete_run("reader")
    run = make_run(workspace, "reader", "gpt", day=5, steps=(20,))
    checkpoint.save(
        run.folder / "checkpoints",
        State(model_at(run, run.tokenizer().vocabulary, 77).weights()),
        checkpoint.Progress(step=10, validation_loss=1.0, validation_bits_per_byte=1.0),
    )
    session.list_runs()
    qtbot.waitUntil(lambda: any(one.created.startswith("2025-01-05") for one in session.runs))
    session.open_run("reader")
    assert pane.crumbs() == ["reader", "best, step 10"]
    qtbot.waitUntil(lambda: pane._read.text == PROMPT)
    new = [token.token for token in write(pane, qtbot)]
    settings = SamplingSettings(length=20, temperature=0)
    written = pipeline.generate(run, PROMPT, settings, lambda: False, run.model("best"))
    assert new == [event.token for event in written if isinstance(event, TokenWritten)] != old


def test_the_model_is_loaded_again_for_another_device(pane, qtbot):
    qtbot.waitUntil(lambda: pane._next.known)
    first = pane.source._kept
    pane.session.preferred_device = "cpu"
    pane._next.forget()
    pane._next.ask()
    qtbot.waitUntil(lambda: pane._next.known)
    assert pane.source._kept[0] != first[0]
    pane.source._find = lambda: None
    pane.source._refresh()
    assert pane.source._kept is None


def test_another_run_is_not_asked_about_tokens_that_it_did_not_write(pane, qtbot):
    draw(pane, length=10)
    tokens = write(pane, qtbot)
    qtbot.waitUntil(lambda: pane._next.known)
    pane.source.choose("listener")
    assert pane.chances.list.bars == []
    assert pane.chances.words().startswith("“reader” wrote this text.")
    qtbot.waitUntil(lambda: pane._read.text == PROMPT)
    pane.written.strip.go_to(len(PROMPT) + 3)
    assert not pane._next.known and not pane._next._asking.busy
    assert pane.text.tokens == tokens  # the text stays
    pane.source.choose("reader")
    qtbot.waitUntil(lambda: pane._next.known)


def test_a_stop_while_the_model_is_loaded_leaves_the_prompt_ready(pane, qtbot):
    qtbot.waitUntil(lambda: pane._next.known)
    pane.source._kept = None
    with pane.source._loading:
        pane.generate()
        assert pane.written.ending() == "Loading the model"
        pane.stop()
    qtbot.waitUntil(lambda: not pane.writing)
    assert pane.text is None
    assert pane.written.ending() == "Generate goes on from here"


def test_a_damaged_checkpoint_is_told_and_nothing_is_lost(tmp_path, open_session, open_pane, qtbot):
    workspace = make_workspace(tmp_path)
    run = make_run(workspace, "broken", "gpt", day=9, steps=(5,))
    session = open_session(tmp_path)
    session.open_run("broken")
    pane = open_pane(session)
    qtbot.waitUntil(lambda: pane._next.known)
    (run.folder / "checkpoints" / "step-000000005" / "model.safetensors").write_bytes(b"nothing")
    pane.source._kept = None
    type_prompt(pane, PROMPT, qtbot)
    pane.prompt.generate.click()
    qtbot.waitUntil(lambda: not pane.writing)
    qtbot.waitUntil(lambda: "damaged" in pane.written.banner.words())
    assert pane.prompt.field.text() == PROMPT
    pane.source.choose("reader")
    qtbot.waitUntil(pane.prompt.generate.isEnabled)
    write(pane, qtbot)
    assert pane.written.banner.words() == ""


def test_both_themes_and_names(pane, qtbot):
    draw(pane, length=10)
    write(pane, qtbot)
    light = picture(pane.written.bars)
    theme.current().set_mode("dark")
    assert picture(pane.written.bars) != light
    theme.current().set_mode("light")
    for widget in pane.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisibleTo(pane):
            assert widget.accessibleName(), type(widget).__name__


def test_it_closes_while_it_writes(folder, open_session, qtbot):
    session = open_session(folder)
    pane = ConsolePane(session)
    qtbot.waitUntil(lambda: pane._next.known)
    draw(pane, length=50_000)
    pane.generate()
    qtbot.waitUntil(lambda: pane.text is not None)
    pane.deleteLater()
    qtbot.waitUntil(lambda: not session.jobs._started)


def test_nothing_starts_once_the_session_is_closed(folder, open_session, open_pane, qtbot):
    session = open_session(folder)
    pane = open_pane(session)
    qtbot.waitUntil(lambda: pane._next.known)
    session.close()
    pane.prompt.field.set_text(PROMPT)
    qtbot.wait(400)
    assert pane._read.text != PROMPT


def test_a_blend_shows_which_run_gave_each_token(tmp_path, open_session, open_pane, qtbot) -> None:
    workspace = make_workspace(tmp_path / "blended")
    blend = pipeline.blend(workspace, ["listener", "reader"], name="both")
    list(pipeline.train(blend))
    session = open_session(tmp_path / "blended")
    session.open_run("both")
    pane = open_pane(session)
    type_prompt(pane, PROMPT, qtbot)
    assert pane.prompt.tints._segments["parts"].isHidden()
    write(pane, qtbot)
    assert not pane.prompt.tints._segments["parts"].isHidden()
    qtbot.mouseClick(pane.prompt.tints._segments["parts"], Qt.MouseButton.LeftButton)
    assert pane.written.strip.tint == "parts"
    assert pane.prompt.parts.isVisible()
    assert pane.prompt.parts.accessibleName() == "Colours: listener, reader"
    text = pane.text
    assert text is not None
    place = text.prompt_tokens + 1
    shares = dict(text.parts(place))
    assert list(shares) == ["listener", "reader"]
    assert sum(shares.values()) == pytest.approx(1)
    assert text.parts(0) == []
    most = max(shares, key=lambda name: shares[name])
    painted = token_painting.background(pane.written.strip, place)
    strength = (shares[most] - 0.5) / 0.5
    assert painted == token_painting.part_color(list(shares).index(most), strength)
    pane._show_details(place)
    assert f"{percent(shares['listener'])} of its chance came from “listener”" in pane.details.words()
    pane.source.choose("reader")
    write(pane, qtbot)
    assert pane.prompt.tints._segments["parts"].isHidden()
    assert pane.written.strip.tint == "surprise"
    assert not pane.prompt.parts.isVisible()
