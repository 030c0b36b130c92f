"""What a person chose for a run, checked and completed: nothing is made yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.corpus import Corpus
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.run import RunConfig
from lmstudio_app.engine.storage.names import check_name, tidy_name
from lmstudio_app.engine.training.run_config import from_mapping, read_toml
from lmstudio_app.engine.workspace import Workspace

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import Tokenizer

PROMPT_CHARACTERS = 32
GROUPS = ("tokenizer", "model", "training", "execution")


def draft(
    workspace: Workspace,
    *,
    corpus: str,
    family: str = "gpt",
    preset: str | None = None,
    style: str | None = None,
    name: str | None = None,
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunConfig:
    """The settings of a new run on the corpus `corpus`.

    `values` hold what was chosen by group ("model", "training", "tokenizer", "execution"); the rest comes from
    preset and style of the family, the corpus' own tokenizer, its opening words as the prompt of samples, and the
    declared defaults. Without a name it gets a number. Raises `SettingsError` with every wrong field, or `UserError`.

    Where the corpus is in these tokens already, the settings are checked beside them too.
    """
    described = _trainable(family)
    opened = workspace.corpus(corpus)
    chosen: Mapping[str, Mapping[str, Any]] = described.chosen(preset, style)
    given = {group: {**chosen.get(group, {}), **(values or {}).get(group, {})} for group in GROUPS}
    config = from_mapping(
        {
            "name": check_name(name) if name else next_run_name(workspace),
            "corpus": opened.name,
            "corpus_hash": opened.data_hash,
            "family": family,
            **given,
            "tokenizer": opened.settings.tokenizer.model_dump() | given["tokenizer"],
        }
    )
    made = opened.made_tokenization(config.tokenizer)
    if "sample_prompt" not in given["training"]:
        prompt = opening_words(opened, made.tokenizer if made is not None else None)
        config = replace(config, training=config.training.model_copy(update={"sample_prompt": prompt}))
    if made is not None:
        readiness.check_tokens(config, made)
    return config


def draft_from_file(
    path: Path,
    workspace: Workspace,
    *,
    corpus: str | None = None,
    name: str | None = None,
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunConfig:
    """The settings of the run file at `path`, for a new run; what is given here goes before what the file says.

    Raises `SettingsError` or `UserError` naming the file or the field.
    """
    stored = read_toml(path)
    wanted = corpus or stored.get("corpus")
    if not isinstance(wanted, str) or not wanted:
        raise UserError("“{path}” does not name a corpus. Name one.", field="corpus", path=path)
    left_out = ("created", "tokenizer_hash", *GROUPS)
    merged: dict[str, Any] = {key: value for key, value in stored.items() if key not in left_out}
    for group in GROUPS:
        table = stored.get(group, {})
        chosen = (values or {}).get(group, {})
        merged[group] = {**table, **chosen} if isinstance(table, Mapping) else table
    opened = workspace.corpus(wanted)
    if "tokenizer" not in stored:
        merged["tokenizer"] = opened.settings.tokenizer.model_dump() | merged["tokenizer"]
    merged |= {"corpus": opened.name, "corpus_hash": opened.data_hash}
    merged["name"] = name or merged.get("name") or tidy_name(path.stem)
    _trainable(str(merged.get("family", "")))
    config = from_mapping(merged)
    if (made := opened.made_tokenization(config.tokenizer)) is not None:
        readiness.check_tokens(config, made)
    return config


def _trainable(family: str) -> registry.Family:
    """The family, which a text can train. Raises `UserError`."""
    described = registry.family(family)
    if described.composed:
        raise UserError(
            "A {family} is made of finished runs, not trained on a text. Name them to the command “blend”, or pick "
            "them in Runs.",
            field="family",
            family=described.title.lower(),
        )
    return described


def next_run_name(workspace: Workspace) -> str:
    """ "run 001", or the number after the highest there is."""
    found = [re.fullmatch(r"run (\d{1,9})", name, re.IGNORECASE) for name in workspace.run_names()]
    return f"run {max((int(match[1]) for match in found if match), default=0) + 1:03d}"


def opening_words(corpus: Corpus, tokenizer: Tokenizer | None, characters: int = PROMPT_CHARACTERS) -> str:
    """A prompt in the corpus' own manner: its first line, or the first words of one with more `characters`; it ends
    before a character that `tokenizer` lacks."""
    line = next((line for line in corpus.preview(2000).splitlines() if line.strip()), "")
    head = line[:characters]
    words = line + "\n" if len(line) <= characters else head[: head.rfind(" ") + 1] or head
    missing = tokenizer.missing(words) if tokenizer is not None else []
    return words[: min(map(words.index, missing), default=len(words))]
