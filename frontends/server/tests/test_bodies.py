"""A body on its way from the network to its taker: whole, in order, never far ahead, never waited for without end."""

from __future__ import annotations

import anyio
import pytest
from attrs import define, field
from starlette.exceptions import HTTPException
from xnat_import_server.bodies import SenderGoneError, pour

from xnat_import_core.errors import LimitExceededError

MIB = 1 << 20


@define
class Network:
    """Sends pieces at once; then says nothing, or that the sender has gone."""

    pieces: list[bytes]
    ends: str = "whole"
    sent: int = 0

    async def receive(self):
        await anyio.lowlevel.checkpoint()
        if self.sent == len(self.pieces):
            if self.ends == "gone":
                return {"type": "http.disconnect"}
            await anyio.sleep_forever()
        self.sent += 1
        more = self.sent < len(self.pieces) or self.ends != "whole"
        return {"type": "http.request", "body": self.pieces[self.sent - 1], "more_body": more}


@define
class Taker:
    """Keeps what it takes, and how many pieces had been sent by then."""

    network: Network
    slow: float = 0.0
    fault: Exception | None = None
    taken: list[bytes] = field(factory=list)
    ahead: list[int] = field(factory=list)

    async def take(self, batch):
        if batch:
            await anyio.sleep(self.slow)
            if self.fault:
                raise self.fault
        self.taken += batch
        self.ahead.append(self.network.sent - len(self.taken))


def pour_all(taker, timeout=30.0):
    anyio.run(pour, taker.network.receive, timeout, taker.take)


@pytest.mark.parametrize("size", [1, 777, 65536, 3 * MIB])
def test_every_piece_arrives_once_and_in_order(size):
    pieces = [bytes([number]) * size for number in range(200 if size < MIB else 4)]
    taker = Taker(Network(pieces))
    pour_all(taker)
    assert taker.taken == pieces


def test_an_empty_body_is_a_body():
    taker = Taker(Network([b""]))
    pour_all(taker)
    assert b"".join(taker.taken) == b""


def test_one_batch_comes_in_while_another_is_taken_and_no_more():
    taker = Taker(Network([bytes(MIB // 2)] * 12), slow=0.05)
    pour_all(taker)
    assert len(taker.taken) == 12
    assert max(taker.ahead) == 2


def test_tiny_pieces_do_not_pile_up():
    taker = Taker(Network([b"x"] * 1000), slow=0.001)
    pour_all(taker)
    assert max(taker.ahead) <= 64


def test_a_slow_taker_is_not_a_silent_sender():
    taker = Taker(Network([bytes(MIB)] * 2), slow=1.1)
    pour_all(taker, timeout=1.0)
    assert len(taker.taken) == 2


def test_a_sender_that_says_nothing_is_408():
    with pytest.raises(HTTPException, match=r"No byte came for 0\.05 seconds") as caught:
        pour_all(Taker(Network([b"PK"], ends="silent")), timeout=0.05)
    assert caught.value.status_code == 408


def test_a_sender_that_has_gone_is_said_to_have():
    with pytest.raises(SenderGoneError):
        pour_all(Taker(Network([b"PK"], ends="gone")))


def test_what_the_taker_refuses_comes_out_as_it_is_and_ends_the_reception():
    fault = LimitExceededError("too large")
    taker = Taker(Network([bytes(MIB)] * 50, ends="silent"), fault=fault)
    with pytest.raises(LimitExceededError) as caught:
        pour_all(taker)
    assert caught.value is fault
    assert taker.network.sent <= 3
