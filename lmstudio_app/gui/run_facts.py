"""What a run will be, told in plain words and numbers that are worked out from its settings and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from lmstudio_app.gui.translation import declared, model_words
from lmstudio_app.gui.widgets import number_text

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.data.splits import SplitSettings
    from lmstudio_app.engine.registry import Family
    from lmstudio_app.engine.run import RunConfig
    from lmstudio_app.gui.draft import Draft


class RunFacts(QObject):
    """Words for a drafted run, in the language of the window."""

    def usual(self, draft: Draft, corpus: Corpus | None) -> list[tuple[str, str]]:
        """What is known without a text, or without settings that suit it: the declared defaults."""
        from lmstudio_app.engine.data.corpus import CorpusSettings
        from lmstudio_app.engine.registry import family
        from lmstudio_app.engine.settings import SettingsError, read
        from lmstudio_app.engine.training.plan import plan
        from lmstudio_app.engine.training.settings import training_settings

        usual = corpus.settings if corpus is not None else CorpusSettings()
        tokenizer = usual.tokenizer
        known = family(draft.family)
        preset = known.chosen(draft.preset, draft.style)["model"]
        try:
            model = read(known.settings, {**preset, **draft.model})
        except SettingsError:  # the form says what is wrong with them
            model = known.settings(**preset)
        steps = plan(training_settings(known.learning)(), known.counting_steps(model)).steps
        return [
            self._text_words(corpus) if corpus is not None else (self.tr("none chosen yet"), ""),
            self._tokenizer_words(tokenizer.kind, tokenizer.vocabulary),
            (model_words(draft.family, known.outline(model)), declared(known.summary)),
            (self._split_words(usual.split), ""),
            (self._stop_words(known, steps), ""),
        ]

    def of_run(self, corpus: Corpus, config: RunConfig) -> list[tuple[str, str]]:
        """Text, tokenizer, model, split and stops of a run, each as (words, what they mean)."""
        known = config.described
        model = model_words(config.family, known.outline(config.model))
        return [
            self._text_words(corpus),
            self._tokenizer_words(config.tokenizer.kind, corpus.statistics.vocabulary),
            (model, declared(known.summary)),
            (self._split_words(corpus.settings.split), ""),
            (self._stop_words(known, config.plan.steps), ""),
        ]

    def _tokenizer_words(self, kind: str, vocabulary: int) -> tuple[str, str]:
        kinds = {
            "bpe": (self.tr("BPE, {vocabulary} tokens"), self.tr("frequent letter groups become one token")),
            "byte": (self.tr("Bytes, {vocabulary} tokens"), self.tr("every byte of a character is one token")),
            "character": (self.tr("Characters, {vocabulary} tokens"), self.tr("every character is one token")),
            "saved": (self.tr("Saved tokenizer, {vocabulary} tokens"), self.tr("learned or imported before")),
            "unigram": (self.tr("Unigram, {vocabulary} tokens"), self.tr("the most probable way to cut a word")),
            "word": (self.tr("Words, {vocabulary} tokens"), self.tr("every word is one token; rare ones are unknown")),
            "wordpiece": (self.tr("WordPiece, {vocabulary} tokens"), self.tr("words in the longest pieces that fit")),
        }
        words, meaning = kinds[kind]
        return words.format(vocabulary=number_text.whole(vocabulary)), meaning

    def _split_words(self, split: SplitSettings) -> str:
        words = self.tr("{training} % training, {validation} % validation, {test} % test")
        shares = (split.training, split.validation, 1 - split.training - split.validation)
        named = zip(("training", "validation", "test"), shares, strict=True)
        return words.format(**{name: f"{100 * share:.3g}" for name, share in named})

    def _stop_words(self, known: Family, steps: int) -> str:
        if known.learning == "counting":
            return self.tr("after {steps} passes, one for each length of n-gram").format(steps=steps)
        return self.tr("after {steps} steps").format(steps=number_text.whole(steps))

    def _text_words(self, corpus: Corpus) -> tuple[str, str]:
        statistics, whole = corpus.statistics, number_text.whole
        text = self.tr("{name}, {size}").format(name=corpus.name, size=number_text.size(statistics.bytes))
        one = self.tr("1 document, {characters} characters")
        many = self.tr("{documents} documents, {characters} characters")
        counts = (one if statistics.documents == 1 else many).format(
            documents=whole(statistics.documents), characters=whole(statistics.characters)
        )
        return text, counts

    def figures(self, corpus: Corpus, config: RunConfig) -> list[tuple[str, str]]:
        """Parameters, memory and how often the text is read, each as (number, unit)."""
        known, vocabulary = config.described, corpus.statistics.vocabulary
        if config.described.learning == "counting":
            return [
                ("–", self.tr("after counting")),
                ("–", self.tr("after counting")),
                (str(config.plan.steps), self.tr("times")),
            ]
        parameters = known.parameters(config.model, vocabulary)
        number, unit = number_text.parameters(parameters)
        batch = getattr(config.training, "batch", 1)
        memory = config.training_bytes(vocabulary)
        passes = config.plan.steps * batch * getattr(config.model, "context", 1) / corpus.statistics.tokens["training"]
        return [
            (number, unit or self.tr("numbers learnt")),
            (f"≈ {number_text.size(memory)}", self.tr("while it trains")),
            (f"{passes:.1f}" if passes < 100 else number_text.whole(passes), self.tr("times")),
        ]
