"""The whole story, one verb per file. Window and terminal start every job here; nothing heavy is imported until then.

    prepare         text files, pasted text or a bundled sample → a corpus       redo: the same with other settings
    preview         a corpus → how a text in it begins                            preview_tokens: and is cut into tokens
    preview_file    a file that is no corpus yet → how it begins                  count_tokens: how often each occurs
    preview_original a corpus → how its text begins before cleaning               preview_changes: what cleaning changed
    preview_table   a table → its columns and what they are taken for             preview_text_tokens: a typed text
    list_tokens     a corpus → all tokens of its vocabulary
    count_cleanable how often cleaning that is off would find something
    find_duplicates a corpus → documents that come twice                          find_leakage: what its splits share
    profile         a corpus → its frequent words, lengths, labels, scripts       save_profile: one as a picture
    save_corpus     a corpus → one file for other programs
    train_tokenizer a corpus → a saved tokenizer                                  import_tokenizer: a file → the same
    compare_tokenizers a corpus → what several make of it                         chosen_tokenizer: words → one of them
    show_tokens     a tokenizer and a text → its tokens
    search_vocabulary a tokenizer and letters → the tokens that have them
    draft           choices of a person → the checked settings of a run          draft_from_file: from a run.toml
    find_learning_rate settings of a run → the learning rate that suits it        save_learning_rates: a picture of it
    preflight       settings of a run → its pace, memory and end, by two steps    fit_machine: the size that suits here
    train           a run → a trained model, fresh or from where it stopped
    export_job      a run → a folder in which it trains elsewhere
    follow_ranks    the part of a process that torchrun has started beside the first
    blend           finished runs → a run of all of them, whose shares `train` fits      shares: what they came to
    generate        a run and a prompt → text, token by token
    expect          a run and a text → what it expects next, before and after a sampler
    inspect         a run and a text → what every attention head looks at
    save_attention  what heads look at → a picture or numbers                     check_attention_format: by file ending
    transitions     a run → what follows what in a model of counts                save_transitions: in a file
    yardsticks      a corpus → what a loss on it is compared with                 yardsticks_of: the same for a run
    save_loss       a run → its loss as a picture or table
    evaluate        a run and a text → loss, perplexity, bits per byte
    check           what this machine has
    bench           how quick it imports, trains and writes
    ladder          a text → what every kind of model learns of it in the same time
    demonstrate     the whole way on a bundled sample

A long verb gives back a generator of events (`engine/events.py`): iterate it and the job runs, close it and it ends.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmstudio_app.engine.pipeline.bench import bench
    from lmstudio_app.engine.pipeline.blend import blend, shares
    from lmstudio_app.engine.pipeline.check import check
    from lmstudio_app.engine.pipeline.check_corpus import find_duplicates, find_leakage
    from lmstudio_app.engine.pipeline.compare_tokenizers import (
        chosen_tokenizer,
        compare_tokenizers,
        search_vocabulary,
        show_tokens,
    )
    from lmstudio_app.engine.pipeline.corpus_export import save_corpus
    from lmstudio_app.engine.pipeline.demonstrate import demonstrate
    from lmstudio_app.engine.pipeline.distributed import follow_ranks
    from lmstudio_app.engine.pipeline.draft import draft, draft_from_file
    from lmstudio_app.engine.pipeline.evaluate import evaluate
    from lmstudio_app.engine.pipeline.expect import expect
    from lmstudio_app.engine.pipeline.export import (
        check_attention_format,
        check_transitions_format,
        save_attention,
        save_transitions,
    )
    from lmstudio_app.engine.pipeline.export_job import export_job
    from lmstudio_app.engine.pipeline.find_learning_rate import (
        check_rates_format,
        find_learning_rate,
        save_learning_rates,
    )
    from lmstudio_app.engine.pipeline.fit_machine import fit_machine
    from lmstudio_app.engine.pipeline.generate import generate
    from lmstudio_app.engine.pipeline.inspect import inspect
    from lmstudio_app.engine.pipeline.ladder import ladder
    from lmstudio_app.engine.pipeline.loss import save_loss, yardsticks, yardsticks_of
    from lmstudio_app.engine.pipeline.preflight import preflight
    from lmstudio_app.engine.pipeline.prepare import prepare, redo
    from lmstudio_app.engine.pipeline.preview import (
        count_cleanable,
        count_tokens,
        list_tokens,
        preview,
        preview_changes,
        preview_file,
        preview_original,
        preview_table,
        preview_text_tokens,
        preview_tokens,
    )
    from lmstudio_app.engine.pipeline.profile import profile, save_profile
    from lmstudio_app.engine.pipeline.save_tokenizer import import_tokenizer, train_tokenizer
    from lmstudio_app.engine.pipeline.train import train
    from lmstudio_app.engine.pipeline.transitions import transitions

__all__ = [
    "bench",
    "blend",
    "check",
    "check_attention_format",
    "check_rates_format",
    "check_transitions_format",
    "chosen_tokenizer",
    "compare_tokenizers",
    "count_cleanable",
    "count_tokens",
    "demonstrate",
    "draft",
    "draft_from_file",
    "evaluate",
    "expect",
    "export_job",
    "find_duplicates",
    "find_leakage",
    "find_learning_rate",
    "fit_machine",
    "follow_ranks",
    "generate",
    "import_tokenizer",
    "inspect",
    "ladder",
    "list_tokens",
    "preflight",
    "prepare",
    "preview",
    "preview_changes",
    "preview_file",
    "preview_original",
    "preview_table",
    "preview_text_tokens",
    "preview_tokens",
    "profile",
    "redo",
    "save_attention",
    "save_corpus",
    "save_learning_rates",
    "save_loss",
    "save_profile",
    "save_transitions",
    "search_vocabulary",
    "shares",
    "show_tokens",
    "train",
    "train_tokenizer",
    "transitions",
    "yardsticks",
    "yardsticks_of",
]

_FILES = {
    "check_attention_format": "export",
    "check_rates_format": "find_learning_rate",
    "check_transitions_format": "export",
    "chosen_tokenizer": "compare_tokenizers",
    "count_cleanable": "preview",
    "count_tokens": "preview",
    "draft_from_file": "draft",
    "find_duplicates": "check_corpus",
    "find_leakage": "check_corpus",
    "follow_ranks": "distributed",
    "import_tokenizer": "save_tokenizer",
    "preview_changes": "preview",
    "preview_file": "preview",
    "preview_original": "preview",
    "preview_table": "preview",
    "preview_text_tokens": "preview",
    "list_tokens": "preview",
    "preview_tokens": "preview",
    "redo": "prepare",
    "save_attention": "export",
    "save_corpus": "corpus_export",
    "save_learning_rates": "find_learning_rate",
    "save_loss": "loss",
    "save_profile": "profile",
    "save_transitions": "export",
    "search_vocabulary": "compare_tokenizers",
    "shares": "blend",
    "show_tokens": "compare_tokenizers",
    "train_tokenizer": "save_tokenizer",
    "yardsticks": "loss",
    "yardsticks_of": "loss",
}


def __getattr__(verb: str) -> Any:
    if verb not in __all__:
        raise AttributeError(f"the pipeline has no verb {verb!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FILES.get(verb, verb)}"), verb)


class _Story(ModuleType):
    """A module whose verbs are functions: Python would put the file `train.py` in the place of the verb `train`."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Story
