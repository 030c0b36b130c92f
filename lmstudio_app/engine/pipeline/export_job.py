"""A run → a folder in which it can be trained elsewhere: its settings, its corpus, and scripts that start it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import lmstudio_app
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.exchange.job import Job
from lmstudio_app.engine.run import SETTINGS, Run, RunConfig
from lmstudio_app.engine.storage import atomic
from lmstudio_app.engine.training import ranks
from lmstudio_app.engine.training.settings import ExecutionSettings, TrainingSettings
from lmstudio_app.engine.workspace import Workspace


def export_job(run: Run, folder: Path, *, nodes: int = 1, gpus_per_node: int = 1) -> Path:
    """Write `folder` with a fresh run of the settings of `run`, for `nodes` machines with `gpus_per_node` each (0: one
    process on the CPU). Returns the folder. Raises `UserError` when it exists, or for what cannot be shared so.
    """
    for field, number, least in (("nodes", nodes, 1), ("gpus-per-node", gpus_per_node, 0)):
        if number < least:
            raise UserError("--{field}: must be at least {least}.", field=field, least=least)
    if atomic.present(folder):
        raise UserError("“{path}” exists already. Choose a folder that does not exist yet.", field="out", path=folder)
    if not atomic.present(run.corpus_folder):
        raise UserError(
            "The corpus “{corpus}” of the run “{run}” is not in the workspace.", corpus=run.config.corpus, run=run.name
        )
    if hasattr(run.config.model, "members"):
        raise UserError("A blend needs the runs it is made of; export those, and blend them there.", field="run")
    job = Job(run.name, nodes, gpus_per_node, lmstudio_app.__version__)
    config = _elsewhere(run, nodes * job.processes)
    with atomic.building(folder.absolute()) as new:
        try:
            _fill(new, run, config, job)
        except OSError as error:
            raise atomic.in_words(error, folder) from error
    return folder


def _fill(new: Path, run: Run, config: RunConfig, job: Job) -> None:
    (new / "workspace").mkdir()
    workspace = Workspace.open(new / "workspace", make=True)
    for source in (run.corpus_folder, run.folder.parent.parent / "tokenizers"):
        if source == run.corpus_folder or config.tokenizer.kind == "saved":
            shutil.copytree(source, workspace.folder / source.relative_to(run.folder.parent.parent), dirs_exist_ok=True)
    made = workspace.new_run(config)
    shutil.copyfile(made.folder / SETTINGS, new / SETTINGS)
    for name, text in job.files().items():
        atomic.write_text(new / name, text)
        if name.startswith("train."):
            (new / name).chmod(0o755)


def _elsewhere(run: Run, processes: int) -> RunConfig:
    """The settings, with what depends on this machine left open. A budget that was timed here stays what it came to."""
    config, training = run.config, run.config.training
    if isinstance(training, TrainingSettings):
        if processes > 1:
            carries = bool(getattr(config.model, "carry_state", False))
            ranks.check_shareable(processes, batch=training.batch, carries_state=carries)
        if training.budget == "minutes" and run.execution is None:
            raise UserError(
                "A budget in minutes says nothing about another machine. Give it in steps, epochs or tokens.",
                field="training.budget",
            )
        if run.execution is not None:
            training = training.model_copy(update={"budget": "steps"})
    kept = config.execution
    execution = ExecutionSettings(micro_batch=kept.micro_batch, when_full=kept.when_full)
    return replace(config, training=training, execution=execution, tokenizer_hash="")
