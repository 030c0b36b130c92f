"""The scripts of a folder in which a run can be trained elsewhere: by torchrun on one machine, or as a SLURM job."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

_TRAIN = """\
#!/bin/sh
# Trains the run {name} on this machine, or goes on with it: {processes} process(es), or as many as RANKS says.
set -eu
cd "$(dirname "$0")"
exec "${{TORCHRUN:-torchrun}}" --standalone --nproc-per-node "${{RANKS:-{processes}}}" \\
  -m lmstudio_app --workspace workspace resume {name}
"""

_SLURM = """\
#!/bin/bash
#SBATCH --job-name=lmstudio-app
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
{gpus}#SBATCH --output=slurm-%j.txt
# Submit it from this folder, which every machine must see: sbatch train.slurm. Submitted again, it goes on.
set -eu
cd "${{SLURM_SUBMIT_DIR:-$(dirname "$0")}}"
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun "${{TORCHRUN:-torchrun}}" --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node {processes} \\
  --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$first:29500" \\
  -m lmstudio_app --workspace workspace resume {name}
"""

_README = """\
The run {name}, ready to be trained elsewhere.

1. Copy this whole folder to the other machine or cluster. With several machines, put it where all of them see it.
2. Install LMStudio App {version} there (pip install . in its source), so that torchrun and lmstudio_app are found.
   The variable TORCHRUN may name the torchrun of an environment: TORCHRUN=/path/to/bin/torchrun
3. On one machine: sh train.sh          (RANKS=4 sh train.sh starts 4 processes)
   With SLURM:     sbatch train.slurm   (add the lines for partition, account and time that your cluster wants)

Every process computes a part of each batch; the batches are the same whatever their number. Should it be cut short,
start it again: it goes on from its last checkpoint. To watch it, open the folder “workspace” in LMStudio App on any
machine that sees it.

To bring the result back, copy the folder workspace/runs/{name} into the folder “runs” of your own workspace.
If a run of that name is there, rename the copy first.

run.toml holds the settings, to be read; those that are used lie beside the run in the workspace.
"""


@dataclass(frozen=True)
class Job:
    """How a run is to be trained: on how many machines, with how many GPUs each; 0 GPUs is one process on the CPU."""

    name: str
    nodes: int
    gpus_per_node: int
    version: str

    @property
    def processes(self) -> int:
        """On each machine."""
        return max(1, self.gpus_per_node)

    def files(self) -> dict[str, str]:
        """The scripts and the explanation, by file name."""
        gpus = f"#SBATCH --gpus-per-node={self.gpus_per_node}\n" if self.gpus_per_node else ""
        word = shlex.quote(self.name)
        return {
            "train.sh": _TRAIN.format(name=word, processes=self.processes),
            "train.slurm": _SLURM.format(name=word, processes=self.processes, nodes=self.nodes, gpus=gpus),
            "README.txt": _README.format(name=self.name, version=self.version),
        }
