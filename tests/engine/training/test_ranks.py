"""What several processes agree on: shares of a batch, chance, and who was lost. Without torchrun."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest
import torch

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.training import lines as module
from lmstudio_app.engine.training.gradient_learner import _reseed
from lmstudio_app.engine.training.lines import Line, Lines, RankLost
from lmstudio_app.engine.training.ranks import Place, check_shareable, launched


@pytest.fixture(autouse=True)
def numbers_for_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite looks no name up, and 127.0.0.1 is none."""

    def look_up(host: str, port: int, *_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "RANK": "1",
    "WORLD_SIZE": "3",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "host",
}


def test_only_torchrun_makes_ranks() -> None:
    assert launched(TORCHRUN) == Place(rank=1, ranks=3, local_rank=0, local_ranks=2, host="host")
    assert launched({"RANK": "1", "WORLD_SIZE": "3"}) is None
    assert launched(TORCHRUN | {"WORLD_SIZE": "1"}) is None


@pytest.mark.parametrize("windows", [3, 5, 12, 64])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_shares_of_a_batch_are_all_of_it(windows: int, ranks: int) -> None:
    shares = [np.arange(windows)[Place(rank, ranks, 0, 1, "").share(windows)] for rank in range(ranks)]
    assert np.concatenate(shares).tolist() == list(range(windows))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_what_cannot_be_shared_is_refused() -> None:
    with pytest.raises(UserError, match="A batch of 2 windows cannot be shared among 3 ranks"):
        check_shareable(3, batch=2, carries_state=False)
    with pytest.raises(UserError, match="carries its state"):
        check_shareable(2, batch=2, carries_state=True)


def test_every_rank_has_chances_of_its_own() -> None:
    def drawn(step: int, *rank: int) -> float:
        _reseed(7, step, torch.device("cpu"), *rank)
        return torch.rand(()).item()

    before = torch.get_rng_state()
    try:
        values = {(step, rank): drawn(step, rank) for step in (1, 2) for rank in (0, 1, 2)}
        assert len(set(values.values())) == 6
        assert values[1, 0] == drawn(1)  # alone, as ever
        assert values[2, 1] == drawn(2, 1)
    finally:
        torch.set_rng_state(before)


def connected(stuck: list[UserError]) -> tuple[Lines, dict[int, Line]]:
    lines, others = Lines(3, 10.0, stuck.append), {}

    def call() -> None:
        for rank in (1, 2):
            others[rank] = Line("127.0.0.1", lines.port, 5, rank=rank, ranks=3, stuck=stuck.append)

    caller = threading.Thread(target=call)
    caller.start()
    lines.accept(5)
    caller.join()
    return lines, others


def test_the_rank_that_leaves_without_a_word_is_named_and_no_other() -> None:
    lines, others = connected([])
    lines.say({"step": 3})
    assert [other.hear() for other in others.values()] == [{"step": 3}, {"step": 3}]
    others[2].cut()
    with pytest.raises(RankLost, match="Rank 2 of 3"):
        lines.check(5.0)
    others[1].leave()
    with pytest.raises(RankLost, match="Rank 2 of 3"):
        lines.close(whole=True)
    with pytest.raises(RankLost, match="Rank 0 of 3"):
        while "end" not in others[1].hear():
            pass
        others[1].hear()
    others[1].cut()


def test_ranks_that_say_goodbye_are_not_missed() -> None:
    lines, others = connected([])
    for other in others.values():
        other.leave()
    lines.close(whole=True)
    for other in others.values():
        other.cut()


def test_what_a_rank_failed_of_is_told() -> None:
    lines, others = connected([])
    others[1].leave("The disk is gone.")
    with pytest.raises(UserError, match=r"Rank 1: The disk is gone\."):
        lines.check(5.0)
    lines.close(whole=False)
    for other in others.values():
        other.cut()


def test_rank_0_that_waits_for_ever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAVE_SECONDS", 0.1)
    told = threading.Event()
    why: list[UserError] = []
    lines, others = connected(why)
    monkeypatch.setattr(lines, "_stuck", lambda failure: (why.append(failure), told.set()))
    others[1].cut()
    assert told.wait(5.0)
    assert "Rank 1 of 3" in str(why[0])
    lines.close(whole=False)
    others[2].cut()
