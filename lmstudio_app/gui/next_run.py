"""Keeps the form of the next run true to the session's draft: shows it, takes edits, checks them, estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Declaration, Problem, Settings, SettingsError, declarations, read
from lmstudio_app.gui.machine_trial import FIT, MachineTrial
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.config_form import Section
from lmstudio_app.gui.widgets.next_run_form import Choice, Estimate, NextRunForm

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.events import TrialDone
    from lmstudio_app.engine.registry import Family
    from lmstudio_app.engine.run import RunConfig

CHECK_MILLISECONDS = 60
GROUPS = ("model", "training", "execution")


class NextRun(QObject):
    """Ties a `NextRunForm` to a `Session`, one way round: an edit changes the draft, the draft is checked and shown."""

    def __init__(self, session: Session, form: NextRunForm) -> None:
        super().__init__(form)
        self._session = session
        self._form = form
        self._shown: tuple[str, str, str] | None = None
        self._base: dict[str, Any] = {}
        self._corpus_name = ""
        self.corpus: Corpus | None = None
        self.config: RunConfig | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(CHECK_MILLISECONDS)
        self._soon.timeout.connect(self.check)
        form.corpus_chosen.connect(session.choose_corpus)
        form.family_chosen.connect(session.choose_family)
        form.preset_chosen.connect(self._choose_preset)
        form.try_pressed.connect(self.try_steps)
        self.trial = MachineTrial(session, self)
        self.trial.changed.connect(self.show)
        form.style_chosen.connect(self._restyle)
        form.named.connect(lambda name: session.change_draft(name=name.strip()))
        form.changed.connect(self._edited)
        session.corpora_changed.connect(self._reopen)
        for changed in (session.draft_changed, session.workspace_changed):
            changed.connect(self.show)
        for changed in (session.devices_changed, session.job_changed, session.runs_changed):
            changed.connect(self._soon.start)
        self.show()

    # Showing the draft --------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show the draft in the form, and check it a moment later."""
        if not self._session.opened:
            return
        from lmstudio_app.engine.registry import families

        draft = self._session.draft
        self._open_corpus(draft.corpus)
        known = families()
        family = known[draft.family]
        form = self._form
        form.show_families(
            [Choice(f.name, declared(f.title), declared(f.summary)) for f in known.values()], family.name
        )
        form.show_presets(self._sizes(family), FIT if self.trial.fitted else draft.preset)
        styles = [Choice(s.name, declared(s.title), declared(s.summary)) for s in family.styles.values()]
        form.show_styles([Choice("", self.tr("Standard")), *styles] if styles else [], draft.style)
        names = self._session.workspace.corpora()
        form.show_corpora(
            [Choice(n, n, self._corpus_words() if n == draft.corpus else "") for n in names], draft.corpus
        )
        form.show_name(draft.name)
        self._show_settings(family)
        self._soon.start()

    def _show_settings(self, family: Family) -> None:
        draft = self._session.draft
        shown = (family.name, f"{draft.preset} {draft.style}", self.corpus.data_hash if self.corpus is not None else "")
        sections = self._sections(family)
        if shown != self._shown:
            self._base = self._base_values(family, sections)
        values = dict(self._base)
        for group in GROUPS:
            values |= {f"{group}.{name}": value for name, value in getattr(draft, group).items()}
        if self._shown is None or shown[0] != self._shown[0]:
            self._form.show_settings(sections, values)
        else:
            self._form.form.set_values(values)
        self._shown = shown

    def _sections(self, family: Family) -> list[Section]:
        from lmstudio_app.engine.training.settings import training_settings

        return [
            Section("", "model", declarations(family.settings)),
            Section(self.tr("Training"), "training", declarations(training_settings(family.learning))),
            Section(self.tr("Execution"), "execution", self._execution(family)),
        ]

    def _execution(self, family: Family) -> list[Declaration]:
        """Where to compute; a family that counts has no choice there."""
        from lmstudio_app.engine.training.settings import ExecutionSettings

        return declarations(ExecutionSettings) if family.learning == "gradient" else []

    def _base_values(self, family: Family, sections: Sequence[Section]) -> dict[str, Any]:
        """What the rows show where the draft says nothing: declared defaults, preset and style, the text's opening."""
        from lmstudio_app.engine.pipeline.draft import opening_words

        base = {d.path: d.default for section in sections for d in section.full()}
        draft = self._session.draft
        for group, values in family.chosen(draft.preset, draft.style).items():
            base |= {f"{group}.{name}": value for name, value in values.items()}
        if self.corpus is not None and "training.sample_prompt" in base:
            made = self.corpus.made_tokenization(self.corpus.settings.tokenizer)
            base["training.sample_prompt"] = opening_words(self.corpus, made.tokenizer if made is not None else None)
        return base

    def _preset_title(self, family: Family, name: str) -> str:
        titles = {"tiny": self.tr("Tiny"), "small": self.tr("Small"), "medium": self.tr("Medium")}
        titles["large"] = self.tr("Large")
        outline = family.outline(family.settings(**family.presets[name]))
        words = self.tr("{preset}: {outline}")
        return words.format(preset=titles.get(name, name), outline=outline)

    def _sizes(self, family: Family) -> list[Choice]:
        """The presets, and the size that is worked out for this machine where that means something."""
        presets = [Choice(name, self._preset_title(family, name)) for name in family.presets]
        if family.learning == "counting":
            return presets
        hint = self.tr("As large as half of the free memory and about ten minutes allow.")
        return [*presets, Choice(FIT, self.tr("Fit this machine"), hint)]

    def _choose_preset(self, preset: str) -> None:
        if preset != FIT:
            self._session.change_draft(preset=preset, model={})
            return
        self.trial.fit()
        self.show()  # a size that cannot be worked out now is not chosen

    def try_steps(self) -> None:
        """Take two steps with the settings as they are now, or let go of those that are under way."""
        if self.trial.busy:
            self.trial.stop()
            return
        self.check()
        if self.config is not None and not self._not_findable():
            self.trial.try_steps(self.config)

    def _restyle(self, style: str) -> None:
        """Take a style: what it sets goes before what was chosen for the same settings."""
        from lmstudio_app.engine.registry import family

        draft = self._session.draft
        styled = {name for known in family(draft.family).styles.values() for name in known.training}
        kept = {name: value for name, value in draft.training.items() if name not in styled}
        self._session.change_draft(style=style, model={}, training=kept)

    def _reopen(self) -> None:
        """Look at the corpus again: it may have another text or another tokenizer now."""
        self.corpus = None
        self.show()

    def _open_corpus(self, name: str) -> None:
        if name == self._corpus_name and self.corpus is not None:
            return
        self._corpus_name = name
        try:
            self.corpus = self._session.workspace.corpus(name) if name else None
        except UserError:
            self.corpus = None  # the check says it in a sentence, at the field

    def _corpus_words(self) -> str:
        if self.corpus is None:
            return ""
        statistics = self.corpus.statistics
        words = self.tr("{size}, {tokens} tokens of {vocabulary} kinds")
        return words.format(
            size=number_text.size(statistics.bytes),
            tokens=number_text.whole(sum(statistics.tokens.values())),
            vocabulary=number_text.whole(statistics.vocabulary),
        )

    # Taking edits -------------------------------------------------------------------------------------------------

    def _edited(self, values: Mapping[str, Any]) -> None:
        """Keep in the draft what differs from the preset and the declared defaults."""
        changes: dict[str, dict[str, Any]] = {path.partition(".")[0]: {} for path in values}
        for path, value in values.items():
            group, _, name = path.partition(".")
            base = self._base.get(path)
            if value != base or isinstance(value, bool) != isinstance(base, bool):
                changes[group][name] = value
        self._session.change_draft(**changes)

    # Checking -----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check the draft now, show what is wrong at its fields, and what the run will take."""
        self._soon.stop()
        if not self._session.opened:
            return
        problems = self._problems()
        mended, changes = (self.config, "") if self.config is not None else self._mended(problems)
        wrong = self._form.show_problems(problems)
        if self._corpus_name == "":
            self._form.set_ready(False, self.tr("Add a text first"))
        elif wrong:
            words = self.tr("Fix 1 field to train") if wrong == 1 else self.tr("Fix {count} fields to train")
            self._form.set_ready(False, words.format(count=wrong))
        else:
            self._form.set_ready(True, self.tr("Train next…") if self._session.busy else self.tr("Train"))
        reason = self._not_findable()
        self._form.set_findable(reason)
        if self.trial.busy:
            self._form.set_triable("", self.tr("Stop measuring"))
        else:
            self._form.set_triable(reason, self.tr("Try two steps"))
        if mended is not None:
            self._form.show_estimate(self._estimate(mended, changes))
            self._show_remarks(mended)

    def _not_findable(self) -> str:
        """Why no learning rate can be looked for, and no steps be tried now; empty when they can."""
        if self._corpus_name == "":
            return self.tr("Add a text first")
        if self._session.busy:
            return self.tr("A run is training. Try when it has ended.")
        if self._session.preparations.of(self._corpus_name) is not None:
            return self.tr("The text is being changed. Try when that is done.")
        return self.tr("Fix the fields that are wrong first") if self.config is None else ""

    def _problems(self) -> list[Problem]:
        """What is wrong with the draft; without a text at least the settings are checked."""
        self.config = None
        if self._corpus_name == "":
            return self._settings_problems()
        try:
            self.config = self._session.configuration()
            self._check_memory(self.config)
        except SettingsError as error:
            return list(error.problems)
        except UserError as error:
            return [Problem(error.field or "corpus", error.template, error.values, error.choices)]
        return []

    def _check_memory(self, config: RunConfig) -> None:
        from lmstudio_app.engine.pipeline import readiness

        device = self._session.chosen_device()
        if device is not None and self.corpus is not None:
            readiness.check_memory(config, self.corpus.statistics.vocabulary, device)

    def _mended(self, problems: Sequence[Problem]) -> tuple[RunConfig | None, str]:
        """The draft with the first value that works in each wrong field, and what was changed, in words."""
        from lmstudio_app.engine import pipeline

        rows = self._form.form.rows()
        if not self._corpus_name or not all(p.choices and p.field in rows for p in problems):
            return None, ""
        draft, values, words = self._session.draft, self._session.draft.values(), []
        for problem in problems:
            group, _, name = problem.field.partition(".")
            values.setdefault(group, {})[name] = problem.choices[0]
            title = declared(rows[problem.field].declaration.title)
            words.append(self.tr("{setting} {value}").format(setting=title.lower(), value=problem.choices[0]))
        try:
            config = pipeline.draft(
                self._session.workspace,
                corpus=draft.corpus,
                family=draft.family,
                preset=draft.preset,
                style=draft.style or None,
                values=values,
            )
        except UserError:
            return None, ""
        return config, self.tr("At {changes}.").format(changes=", ".join(words))

    def _settings_problems(self) -> list[Problem]:
        from lmstudio_app.engine.registry import family
        from lmstudio_app.engine.training.settings import ExecutionSettings, training_settings

        chosen = family(self._session.draft.family)
        groups: dict[str, type[Settings]] = {
            "model": chosen.settings, "training": training_settings(chosen.learning), "execution": ExecutionSettings
        }  # fmt: skip
        problems: list[Problem] = []
        values = self._form.form.values()
        for prefix, group in groups.items():
            given = {path.partition(".")[2]: v for path, v in values.items() if path.startswith(prefix + ".")}
            try:
                read(group, given, prefix)
            except SettingsError as error:
                problems += error.problems
        return problems

    # What it will take --------------------------------------------------------------------------------------------

    def _estimate(self, config: RunConfig, remark: str = "") -> Estimate:
        if self.trial.busy:
            remark = self.tr("Measuring…")
        elif (done := self.trial.found(config)) is not None:
            return self._measured(config, done)
        elif failure := self.trial.failure:
            remark = failure
        if self.corpus is None or config.described.learning == "counting":
            if remark:
                return Estimate(basis=remark)
            return Estimate(basis=self.tr("Counting takes seconds; how many numbers it keeps shows afterwards."))
        vocabulary = self.corpus.statistics.vocabulary
        count = config.described.parameters(config.model, vocabulary)
        memory = config.training_bytes(vocabulary)
        device = self._session.chosen_device()
        figure, unit = number_text.size(memory).rsplit(" ", 1)
        words = self.tr("/ {total}")
        share = 0.0
        if device is not None and device.memory_bytes:
            share = memory / device.memory_bytes
            total = number_text.size(device.memory_bytes)
            if total.endswith(" GB") and memory >= 1e8:
                figure, unit = f"{memory / 1e9:.2g}", words.format(total=total)
        time, basis = self._time(config)
        basis = f"{remark} {basis}".strip()
        return Estimate(number_text.parameters(count), (f"≈ {figure}", unit), time, share, basis)

    def _measured(self, config: RunConfig, done: TrialDone) -> Estimate:
        """What two steps have told."""
        assert self.corpus is not None
        counting = config.described.learning == "counting"
        count = ("–", "") if counting else number_text.parameters(
            config.described.parameters(config.model, self.corpus.statistics.vocabulary)
        )  # fmt: skip
        figure, unit = number_text.size(done.memory_bytes).rsplit(" ", 1)
        device = self._session.chosen_device()
        share = done.memory_bytes / device.memory_bytes if device is not None and device.memory_bytes else 0.0
        time, _, time_unit = number_text.duration(done.seconds).partition(" ")
        words = self.tr("Measured by two steps: {rate} tokens/s, {seconds} s a step.")
        if counting:
            words = self.tr("Measured on {percent} % of the text: {rate} tokens/s.")
        basis = words.format(
            rate=number_text.whole(done.tokens_per_second),
            seconds=f"{done.step_seconds:.2g}",
            percent=f"{100 * done.share:.3g}",
        )
        return Estimate(count, (figure, unit), (time, time_unit), share, f"{basis} {declared(done.sentence)}".strip())

    def _time(self, config: RunConfig) -> tuple[tuple[str, str], str]:
        """How long it will take, if a run of the same shape was timed here; never a guess."""
        device = self._session.chosen_device()
        for summary in self._session.runs:
            if summary.family != config.family or summary.step < 20 or summary.seconds <= 0 or summary.config is None:
                continue
            if _same_work(summary.config, config) and device is not None and device.kind == summary.device:
                seconds = summary.seconds / summary.step * config.plan.steps
                figure, _, unit = number_text.duration(seconds).partition(" ")
                basis = self.tr("Time at the pace of “{run}”, the same model on the same device.")
                return (f"≈ {figure}", unit), basis.format(run=summary.name)
        return ("–", ""), self.tr("Time shows after the first steps; memory is worked out from the shape.")

    def _show_remarks(self, config: RunConfig) -> None:
        """What a figure means for this text, beside the figure."""
        rows = self._form.form.rows()
        if self.corpus is None or "training.batch" not in rows or "model.context" not in rows:
            return
        statistics = self.corpus.statistics
        context, batch = getattr(config.model, "context", 1), getattr(config.training, "batch", 1)
        passes = config.plan.steps * batch * context / max(1, statistics.tokens["training"])
        words = self.tr("≈ {count} passes").format(count=f"{passes:.1f}" if passes < 10 else number_text.whole(passes))
        rows["training.steps"].set_unit(words)
        rows["training.batch"].set_unit(self.tr("texts of {count} tokens").format(count=number_text.whole(context)))
        size = number_text.whole(context * statistics.bytes_per_token)
        rows["model.context"].set_hint(
            self.tr("Tokens the model can see at once: ≈ {count} bytes of this text.").format(count=size)
        )


def _same_work(one: RunConfig, other: RunConfig) -> bool:
    """Whether a step of both is the same amount of work."""
    same = one.model == other.model and one.tokenizer == other.tokenizer and one.corpus == other.corpus
    return same and getattr(one.training, "batch", 0) == getattr(other.training, "batch", 0)
