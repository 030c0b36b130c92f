"""Training on several processes at once, as torchrun starts them: each rank computes its share of every batch.

Rank 0 runs the one training loop, decides and writes everything; the others do as it says over a line (`lines.py`):
take a step, hear a validation, end. The gradients are added up between backward and update, one sum for each flat
group of the optimizer, so that all ranks make the same update.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine import devices
from lmstudio_app.engine.data.batches import Batch, Batches
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Likelihood, Model, State
from lmstudio_app.engine.training.lines import LEAVE_SECONDS, Line, Lines, RankLost

if TYPE_CHECKING:
    from torch import Tensor

    from lmstudio_app.engine.devices import Device
    from lmstudio_app.engine.training.gradient_learner import GradientLearner

MEETING_SECONDS = 300.0
"""How long the ranks wait for each other at the start, and in a step."""

READ_EVERY = 1000
"""Steps after which the others throw their measurements away."""


@dataclass(frozen=True)
class Place:
    """Which of `ranks` processes this is, which of `local_ranks` on its machine, and where rank 0's machine is."""

    rank: int
    ranks: int
    local_rank: int
    local_ranks: int
    host: str

    def share(self, windows: int) -> slice:
        """Which of a batch's `windows` are this rank's; sizes differ by at most one."""
        return slice(windows * self.rank // self.ranks, windows * (self.rank + 1) // self.ranks)

    def device(self, device: Device) -> Device:
        """The GPU of this rank, where `device` is a GPU."""
        if device.kind != "cuda":
            return device
        known = {each.name: each for each in devices.available_devices()}
        name = f"cuda:{self.local_rank}"
        if name not in known:
            raise UserError(
                "There is no GPU for rank {rank}: this machine has {count}. Start one process for each GPU.",
                rank=self.rank,
                count=len(known) - 1,
            )
        return known[name]


def launched(environment: Mapping[str, str] = os.environ) -> Place | None:
    """The place of this process among those that torchrun has started; None where it works alone."""
    if "TORCHELASTIC_RUN_ID" not in environment or int(environment.get("WORLD_SIZE", "1")) < 2:
        return None
    rank, ranks, local, locals_ = (
        int(environment[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    return Place(rank, ranks, local, locals_, environment["MASTER_ADDR"])


def check_shareable(ranks: int, *, batch: int, carries_state: bool) -> None:
    """Raises `UserError` for a training that cannot be shared among `ranks` processes."""
    if batch < ranks:
        raise UserError(
            "A batch of {batch} windows cannot be shared among {ranks} ranks. Start at most {batch}, or choose a "
            "larger batch.",
            field="training.batch",
            batch=batch,
            ranks=ranks,
        )
    if carries_state:
        raise UserError(
            "A model that carries its state from step to step trains in one process only. Start it without torchrun, "
            "or turn the setting off.",
            field="model.carry_state",
        )


def threads_beside(threads: int, place: Place) -> int:
    """At most this rank's part of the machine's cores."""
    return max(1, min(threads, devices.cores() // place.local_ranks))


class Sum:
    """Makes the gradients and losses of all shares those of the whole batch. Goes into `GradientLearner.shares`."""

    def __init__(self, place: Place, batch: int) -> None:
        share = place.share(batch)
        self.rank, self._weight = place.rank, (share.stop - share.start) / batch

    def combine(self, loss: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """The mean loss over the whole batch; its `gradients` take the place of those of the share."""
        import torch.distributed as dist

        total: Tensor = loss * self._weight
        pending = []
        for part in (*(gradient.mul_(self._weight) for gradient in gradients), total):
            pending.append(dist.all_reduce(part, async_op=True))
        for work in pending:
            work.wait()
        return total


class Leading:
    """Meets `Learner` on rank 0: what all ranks must do together is told to the others first."""

    def __init__(self, learner: GradientLearner, lines: Lines, place: Place) -> None:
        self._learner, self._lines, self._place = learner, lines, place

    @property
    def model(self) -> Model:
        """The live model."""
        return self._learner.model

    @property
    def micro_batch(self) -> int:
        """Windows that rank 0 computes at once."""
        return self._learner.micro_batch

    def step(self, number: int, batch: Batch) -> None:
        """One update of all ranks. Raises `RankLost`."""
        self._lines.say({"step": number})
        with explained(self._lines):
            self._learner.step(number, _part(batch, self._place))

    def measured(self) -> list[dict[str, Any]]:
        """Rows of the whole batches."""
        return self._learner.measured()

    def check(self, batch: Batch) -> Likelihood:
        """Score a validation batch, on rank 0 alone."""
        return self._learner.check(batch)

    def validated(self, loss: float) -> None:
        """Hear the loss of a validation, on all ranks."""
        self._lines.say({"validated": loss})
        self._learner.validated(loss)

    def state(self) -> State:
        """The state, which is the same on all ranks."""
        return self._learner.state()

    def load(self, state: State) -> None:
        """Refused: the others have gone on from the state at the start."""
        raise RuntimeError("a learner of several ranks is loaded before they begin")

    def snapshot(self) -> Model:
        """A copy of the model."""
        return self._learner.snapshot()


@contextmanager
def explained(lines: Lines) -> Iterator[None]:
    """Where common work breaks, raises what is known of the rank that was lost in place of torch's words."""
    try:
        yield
    except RuntimeError:
        lines.check(LEAVE_SECONDS / 2)
        raise


def follow(learner: GradientLearner, batches: Batches, line: Line, place: Place) -> None:
    """Do as rank 0 says, until it says that it is over."""
    while True:
        message = line.hear()
        if "step" in message:
            number = int(message["step"])
            learner.step(number, _part(batches.at(number), place))
            if number % READ_EVERY == 0:
                learner.measured()
        elif "validated" in message:
            learner.validated(float(message["validated"]))
        elif "end" in message:
            return


def same_weights(learner: GradientLearner, place: Place, batch: int) -> None:
    """Let the learner of each rank add up with the others, from the weights of rank 0."""
    import torch
    import torch.distributed as dist

    learner.shares = Sum(place, batch)
    with torch.no_grad():
        for part in learner.model.parameters():  # type: ignore[attr-defined]
            whole = part.data.contiguous()
            dist.broadcast(whole, 0)
            part.data.copy_(whole)


@contextmanager
def leading(place: Place, stuck: Callable[[UserError], None]) -> Iterator[Lines]:
    """Meet the others, as rank 0; at the end of the block they are let go. `stuck` as for `Lines`."""
    import torch.distributed as dist

    _meet()
    lines = Lines(place.ranks, MEETING_SECONDS, stuck)
    whole = False
    try:
        word = secrets.randbits(52)
        _shared_numbers(lines.port, word)
        lines.accept(word)
        yield lines
        whole = True
    finally:
        lines.close(whole=whole)
        dist.destroy_process_group()


@contextmanager
def following(place: Place, stuck: Callable[[UserError], None]) -> Iterator[Line]:
    """Meet the others, as one that follows rank 0, and say goodbye at the end of the block. `stuck` as for `Lines`.

    Raises `RankLost` when rank 0 was lost. What else goes wrong here is told to rank 0, but for a failure in common
    work, of which another rank may be the cause: rank 0 finds out.
    """
    import torch.distributed as dist

    _meet()
    line = Line(place.host, *_shared_numbers(0, 0), rank=place.rank, ranks=place.ranks, stuck=stuck)
    try:
        yield line
    except RankLost:
        raise
    except Exception as error:
        if isinstance(error, RuntimeError) and _of_a_peer(error):
            line.leave()
            while "end" not in line.hear():  # raises when rank 0 is the one that was lost
                pass
        else:
            line.leave(str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}")
            raise
    else:
        line.leave()
    finally:
        line.cut()
        dist.destroy_process_group()


def _meet() -> None:
    import torch
    import torch.distributed as dist

    kinds = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    dist.init_process_group(kinds, timeout=timedelta(seconds=MEETING_SECONDS))


def _shared_numbers(port: int, word: int) -> tuple[int, int]:
    """Rank 0's numbers, on all ranks."""
    import torch
    import torch.distributed as dist

    numbers = torch.tensor([port, word], dtype=torch.int64)
    dist.broadcast(numbers, 0)
    return int(numbers[0]), int(numbers[1])


def _of_a_peer(error: RuntimeError) -> bool:
    """Whether torch says that a rank it works with is gone."""
    text = str(error).lower()
    return any(words in text for words in ("gloo", "nccl", "connection", "peer", "timed out"))


def _part(batch: Batch, place: Place) -> Batch:
    share = place.share(len(batch.inputs))
    return Batch(batch.inputs[share], batch.targets[share])
