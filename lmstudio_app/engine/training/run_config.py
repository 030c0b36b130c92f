"""All that is needed to repeat a run, and its file `run.toml`."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.registry import Family
from lmstudio_app.engine.settings import Problem, Settings, SettingsError, read
from lmstudio_app.engine.storage.atomic import in_words
from lmstudio_app.engine.storage.names import check_name
from lmstudio_app.engine.training import settings as training_settings
from lmstudio_app.engine.training.plan import Plan, plan
from lmstudio_app.engine.training.settings import CountingSettings, ExecutionSettings, TrainingSettings

FORMAT = 1
MOMENTS = {"adamw": 2, "adam": 2, "sgd": 1, "muon": 2, "lion": 1, "adafactor": 0}
"""How many numbers each optimizer remembers of each weight, at most."""


@dataclass(frozen=True)
class RunConfig:
    """The settings of one run. `corpus_hash` says which text it is, whatever the corpus is called; `tokenizer_hash` is
    the SHA-256 of the run's own `tokenizer.json`, empty before there is one."""

    name: str
    corpus: str
    family: str
    model: Settings
    training: TrainingSettings | CountingSettings
    tokenizer: TokenizerSettings
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    corpus_hash: str = ""
    tokenizer_hash: str = ""
    created: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S"))

    @property
    def described(self) -> Family:
        """The family, as the registry describes it."""
        return registry.family(self.family)

    @property
    def plan(self) -> Plan:
        """What happens at which step."""
        return plan(self.training, self.described.counting_steps(self.model))

    def training_bytes(self, vocabulary: int, at_once: int = 0) -> int:
        """Estimates the peak memory of a training: four bytes for each trainable number, for its gradient and for what
        the optimizer and an average remember of it; what is kept for the backward pass of `at_once` windows (0: as many
        as the settings say), and what working on it takes besides; and the gradients of all logits, twice. 0 for a
        family that counts."""
        training, family = self.training, self.described
        if not isinstance(training, TrainingSettings):
            return 0
        windows = at_once or min(self.execution.micro_batch or training.batch, training.batch)
        numbers = 2 + MOMENTS[training.optimizer] + (1 if training.weight_average else 0)
        kept = (1 + family.working_share) * family.activation_bytes(self.model, vocabulary, windows)
        logits = 2 * vocabulary * windows * int(cast(Any, self.model).context)
        return 4 * (numbers * family.parameters(self.model, vocabulary) + logits) + round(kept)

    def named(self, name: str) -> RunConfig:
        """The same under another name."""
        return replace(self, name=name)

    def to_mapping(self) -> dict[str, Any]:
        """The file's content, the name at its top."""
        return {
            "name": self.name,
            "format": FORMAT,
            "created": self.created,
            "corpus": self.corpus,
            "corpus_hash": self.corpus_hash,
            "tokenizer_hash": self.tokenizer_hash,
            "family": self.family,
            "tokenizer": self.tokenizer.model_dump(),
            "model": self.model.model_dump(),
            "training": self.training.model_dump(),
            "execution": self.execution.model_dump(),
        }


def check_whole(values: Mapping[str, Any]) -> None:
    """Raises `UserError` when `values`, read from the file of a run, are not all that was written into it.

    Single settings may be missing: a later version may have more of them.
    """
    names = [field.name for field in fields(RunConfig)] + ["format"]
    missing = [name for name in names if name not in values]
    execution = values.get("execution")
    if isinstance(execution, Mapping) and not {"device", "threads"} <= execution.keys():
        missing.append("execution")  # the last group, cut short
    if missing:
        raise UserError(
            "It has lost: {missing}. Restore the file from a copy.", field=missing[0], missing=", ".join(missing)
        )


def from_mapping(values: Mapping[str, Any]) -> RunConfig:
    """A config from plain values; settings that are left out have their defaults.

    Raises `SettingsError` with every wrong field, or `UserError` for a newer format or an unknown family.
    """
    if isinstance(found := values.get("format", FORMAT), int) and found > FORMAT:
        raise UserError(
            "It was made by a newer version of LMStudio App (format {found}, this one knows up to {known}). "
            "Update the app to open it.",
            field="format",
            found=found,
            known=FORMAT,
        )
    names = ("name", "corpus", "family", "corpus_hash", "tokenizer_hash", "created")
    texts = {name: values.get(name, "") for name in names}
    for name, text in texts.items():
        if not isinstance(text, str) or (not text and name in ("name", "corpus", "family")):
            raise SettingsError([Problem(name, "Must be text, not “{value}”.", {"value": text})])
    texts["created"] = texts["created"] or time.strftime("%Y-%m-%dT%H:%M:%S")
    check_name(texts["name"])
    family = registry.family(texts["family"])
    groups: dict[str, type[Settings]] = {
        "tokenizer": TokenizerSettings,
        "model": family.settings,
        "training": training_settings.training_settings(family.learning),
        "execution": ExecutionSettings,
    }
    given = {name: values.get(name, {}) for name in groups}
    if isinstance(given["execution"], Mapping):  # what a settled run notes beside the settings is no setting
        known = ExecutionSettings.model_fields
        given["execution"] = {name: value for name, value in given["execution"].items() if name in known}
    return RunConfig(**texts, **_checked(groups, given))


def _checked(groups: Mapping[str, type[Settings]], given: Mapping[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, group in groups.items():
        if not isinstance(given[name], Mapping):
            problems.append(Problem(name, "Must be a group of settings.", {}))
            continue
        try:
            checked[name] = read(group, given[name], name)
        except SettingsError as error:
            problems.extend(error.problems)
    if problems:
        raise SettingsError(problems)
    return checked


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file. Raises `UserError` naming it when it is missing, unreadable or no TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        raise UserError("“{path}” is not a TOML file: it is not text in UTF-8.", path=path) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError("“{path}” is not a TOML file: {reason}.", path=path, reason=str(error).rstrip(".")) from None
    except OSError as error:
        raise in_words(error, path) from error
