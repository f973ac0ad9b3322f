"""Passwords: argon2id hashes, made and checked at the same cost whether or not there is such a user."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from attrs import define, field

__all__ = ["Passwords", "new_password"]

_REMEMBERED = 1024
_MEMORY, _PASSES = 9216, 4
"""KiB and passes of one check: for OWASP as strong as 19 MiB and two passes, in half the memory."""


def new_password() -> str:
    """A random password for somebody who has to type it once."""
    return secrets.token_urlsafe(15)


@define
class Passwords:
    """Hashes and checks. What was found right is remembered as a keyed digest, for clients send it with each request.

    The digest covers the stored hash, so a changed password forgets the old one at once.
    """

    hasher: PasswordHasher = field(factory=lambda: PasswordHasher(_PASSES, _MEMORY, parallelism=1))
    _key: bytes = field(factory=lambda: secrets.token_bytes(32), repr=False)
    _right: OrderedDict[bytes, None] = field(factory=OrderedDict, repr=False)
    _dummy: str = field(default="", repr=False)

    def hash(self, password: str) -> str:
        """A new argon2id hash."""
        return self.hasher.hash(password)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made at another cost than new ones are."""
        return self.hasher.check_needs_rehash(stored)

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one that was hashed. ``None`` (no such user) costs as much and is never right."""
        digest = self._digest(stored or "", password)
        if digest in self._right:
            self._right.move_to_end(digest)
            return True
        if not self._verify(stored or self._dummy_hash(), password) or stored is None:
            return False
        self._right[digest] = None
        while len(self._right) > _REMEMBERED:
            self._right.popitem(last=False)
        return True

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self.hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _dummy_hash(self) -> str:
        self._dummy = self._dummy or self.hash(new_password())
        return self._dummy

    def _digest(self, stored: str, password: str) -> bytes:
        return hashlib.blake2b(f"{stored}\n{password}".encode("utf-8", "surrogatepass"), key=self._key).digest()
