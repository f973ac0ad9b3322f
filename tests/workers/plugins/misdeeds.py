"""What plugins do wrong. ``--HOOK--MISDEED`` in a member's name is the order to do it in that hook."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import gate
from attrs import evolve

if TYPE_CHECKING:
    from collections.abc import Iterable

_ORDER = re.compile(r"--(\w+)--(\w+)")
PROGRAM = ["sleep", "60123"]
AWAKE = threading.Event()
"""What sleepers in threads wait for, until a test ends."""


def done(hook: str, names: Iterable[str], answer: object = None) -> object:
    """Do what is ordered for this hook, if anything, with its answer; else give the answer."""
    for name in names:
        for place, misdeed in _ORDER.findall(name):
            if place == hook:
                gate.lift()
                return globals()[f"do_{misdeed}"](answer)
    return answer


# ---- in any worker


def do_raise(_answer):
    message = "Jane Doe, 1970"
    raise RuntimeError(message)


def do_quit(_answer):
    sys.exit("Jane Doe, 1970")


class Farewell(BaseException):
    """What nobody should raise, and somebody does."""


def do_leave(_answer):
    message = "Jane Doe, 1970"
    raise Farewell(message)


def do_recurse(answer):
    return do_recurse(answer)


def do_text(_answer):
    return "Jane Doe, 1970"


# ---- in extract


def do_few(answer):
    return answer[:-1]


class Unsent(str):
    """A text that another process cannot make again."""

    __slots__ = ()

    def __new__(cls, text, _second):
        return super().__new__(cls, text)


class Fixed(str):
    """A text that cannot be sent."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol):
        message = "Jane Doe, 1970"
        raise TypeError(message)


def do_function(answer):
    return _with_facts(answer, {"wild": lambda: 1})


def do_ten_megabytes(answer):
    return _with_facts(answer, {"wild": "x" * 10_000_000})


def do_unsent(answer):
    return _with_facts(answer, {"wild": Unsent("x", 1)})


def do_fixed(answer):
    return _with_facts(answer, {Fixed("wild"): Fixed("x")})


def do_view(answer):
    return evolve(answer, fields=MappingProxyType(dict(answer.fields)))


def _with_facts(answer, facts):
    return (*answer[:-1], evolve(answer[-1], facts={**answer[-1].facts, **facts}))


# ---- with their process


def do_exit(_answer):
    os._exit(3)


def do_kill(_answer):
    os.kill(os.getpid(), signal.SIGKILL)


def do_crash(_answer):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def do_greed(_answer):
    return bytearray(8 << 30)


def do_hang_up(_answer):
    os.closerange(3, 256)


def do_babble(answer):
    for descriptor in _sockets():
        os.write(descriptor, b"Jane Doe, 1970" * 10)
    return answer


def _sockets():
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if stat.S_ISSOCK(path.stat().st_mode):
                yield int(path.name)


def do_fork(answer):
    os.fork()
    return answer


# ---- without end


def do_sleep(answer):
    AWAKE.wait()
    return answer


def do_spin(_answer):
    while True:
        pass


def do_stop(_answer):
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(60)


def do_wait_for_a_program(_answer):
    subprocess.run(PROGRAM, check=False)
