"""Objects over a socket, to a process of our own and back: eight bytes of length, then a pickle."""

from __future__ import annotations

import io
import pickle
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

__all__ = ["ChannelClosed", "ChannelTimeout", "receive", "send"]

_LENGTH = struct.Struct("<Q")
_PIECE = 1024 * 1024


class ChannelClosed(Exception):  # noqa: N818 - a fact about the other side
    """The other side is gone."""


class ChannelTimeout(Exception):  # noqa: N818 - as above
    """The other side did not say or take anything in time."""


def send(
    channel: socket.socket,
    message: object,
    deadline: float | None = None,
    pickler: type[pickle.Pickler] = pickle.Pickler,
) -> None:
    """Send one object.

    Args:
        channel: A stream socket.
        message: Whatever can be pickled.
        deadline: Of ``time.monotonic``; ``None``: wait as long as it takes.
        pickler: Makes the pickle.

    Raises:
        ChannelClosed, ChannelTimeout: It did not arrive.
        Exception: Whatever pickling raises; nothing was sent then.
    """
    pickled = io.BytesIO()
    pickler(pickled, pickle.HIGHEST_PROTOCOL).dump(message)
    with _until(channel, deadline):
        channel.sendall(_LENGTH.pack(pickled.tell()))
        channel.sendall(pickled.getbuffer())


def receive(channel: socket.socket, deadline: float | None = None) -> object:
    """The next object. Raises ChannelClosed, ChannelTimeout, or whatever unpickling raises."""
    with _until(channel, deadline):
        (size,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size, deadline))
        data = _exactly(channel, size, deadline)
    return pickle.loads(data)  # noqa: S301 - from our own process


def _exactly(channel: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray(size)
    left = memoryview(data)
    while left:
        channel.settimeout(_left(deadline))
        taken = channel.recv_into(left[:_PIECE])
        if not taken:
            raise ChannelClosed
        left = left[taken:]
    return data


@contextmanager
def _until(channel: socket.socket, deadline: float | None) -> Iterator[None]:
    try:
        channel.settimeout(_left(deadline))
        yield
    except TimeoutError as error:
        raise ChannelTimeout from error
    except OSError as error:
        raise ChannelClosed from error


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.001, deadline - time.monotonic())
