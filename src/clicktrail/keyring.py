"""The ring of keys that sign tokens (JWTs, HS256).

The keys are lines `key-id secret`, the newest first. The newest key signs, all keys verify. The embedded store uses a
file of mode 0600; nodes on PostgreSQL use a table. Anyone who can read the keys can create any token.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import jwt
import msgspec

from clicktrail.errors import Unavailable
from clicktrail.model.access import Scope
from clicktrail.model.clock import SYSTEM_CLOCK, Clock

KEY_FILE = "signing.key"
ISSUED_FILE = "tokens.ndjson"
ISSUER = "clicktrail"
_ALGORITHM = "HS256"
_AGAIN_S = 30.0
"""Seconds until keys that could not be read are tried again."""
_SECRET_BYTES = 32
_is_line = re.compile(r"[\w-]+ [A-Za-z0-9_-]{43,}\Z", re.ASCII).match
"""A key's id and its secret, of 32 bytes or more."""


class Issued(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The record of a token made on the command line. It never contains the token. Times are seconds."""

    token_id: str
    scope: Scope
    name: str
    key_id: str
    create_time: int
    expire_time: int | None = None
    partner_id: str | None = None


class Keys(Protocol):
    """Where the lines of the key ring are stored, with the records of issued tokens."""

    def stamp(self) -> int:
        """A number that changes with the lines."""

    def read(self, first: str) -> list[str]:
        """The lines. If there is none, `first` becomes the only line."""

    def replace(self, lines: Sequence[str]) -> None:
        """Replaces all lines."""

    def note(self, lines: Sequence[str]) -> None:
        """Appends records of issued tokens."""

    def noted(self) -> list[str]:
        """The records of issued tokens, the oldest first."""


class KeyRing:
    """The keys in `keys`. Reads them again when they change, so that a rotation needs no restart."""

    def __init__(self, keys: Keys, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self._source = keys
        self._stamp: int | None = None
        self._look_at = 0.0
        self._keys: dict[str, str] = {}
        self.reads = 0
        """How often keys were read: what was learned by earlier keys must be checked again."""
        self._again_at = 0.0

    def is_changed(self) -> bool:
        """Whether the keys were replaced since they were read. Checks at most once a second."""
        now = self.clock.passed_s()
        if now < self._look_at:
            return False
        self._look_at = now + 1
        return self._source.stamp() != self._stamp

    def sign(self, content: dict[str, Any]) -> str:
        """A JWT signed with the newest key."""
        self._load()
        key_id, secret = next(iter(self._keys.items()))
        return jwt.encode(content, secret, _ALGORITHM, headers={"kid": key_id})

    def verify(self, token: str) -> dict[str, Any]:
        """The content of a JWT that one of the keys signed and that has not expired. Raises jwt.InvalidTokenError."""
        self._load()
        secret = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if secret is None:
            raise jwt.InvalidTokenError("unknown key")
        options: Any = {"require": ["iss", "jti", "sub", "scope"], "verify_exp": False, "verify_iat": False}
        content: dict[str, Any] = jwt.decode(token, secret, [_ALGORITHM], issuer=ISSUER, options=options)
        now = self.clock.unix_s()  # the library uses only the system's clock
        if now >= int(content.get("exp", now + 1)):  # a future `iat` is a clock that stepped back, here or at a node
            raise jwt.InvalidTokenError("no longer valid")
        return content

    def rotate(self, keep: int) -> None:
        """Adds a new key in front and keeps `keep` older keys. Tokens stay valid until their key is dropped."""
        self._source.replace([_new_line(), *self._source.read(_new_line())[:keep]])
        self._again_at = 0.0
        self._load()

    def adopt(self, other: "KeyRing") -> None:
        """Takes over another ring's keys, so that their tokens stay valid."""
        if other._source != self._source:
            self._source.replace(other._source.read(_new_line()))
            known = set(self._source.noted())
            self._source.note([line for line in other._source.noted() if line not in known])

    def check(self) -> None:
        """Raises OSError or ValueError if the keys cannot be used."""
        self._load()

    def write_down(self, token: str, name: str) -> None:
        """Keeps a record of a token that this ring has signed."""
        content = jwt.decode(token, options={"verify_signature": False})  # it may have expired meanwhile
        issued = Issued(
            *(content["jti"], Scope(content["scope"]), name, jwt.get_unverified_header(token)["kid"], content["iat"]),
            *(content.get("exp"), content.get("partner")),
        )
        self._source.note([msgspec.json.encode(issued).decode()])

    def issued(self) -> list[tuple[Issued, bool]]:
        """The recorded tokens, the oldest first, and whether the key of each still exists."""
        self._load()
        found = []
        for line in self._source.noted():
            with contextlib.suppress(msgspec.DecodeError):  # a full disk can leave half a line
                issued = msgspec.json.decode(line, type=Issued)
                found.append((issued, issued.key_id in self._keys))
        return found

    def _load(self) -> None:
        stamp = self._source.stamp()
        if stamp != self._stamp or not self._keys:
            if self._keys and self.clock.passed_s() < self._again_at:
                return
            try:
                found = self._source.read(_new_line())
            except Unavailable:  # the database is down: the known keys stay valid
                if not self._keys:
                    raise
                self._again_at = self.clock.passed_s() + _AGAIN_S
                return
            self._keys = read_keys(found)
            self.reads += 1
            self._stamp = self._source.stamp()


def read_keys(lines: Sequence[str]) -> dict[str, str]:
    """Key id -> secret, the newest first. Raises ValueError that names the first invalid line."""
    filled = {number: " ".join(line.split()) for number, line in enumerate(lines, 1) if line.strip()}
    for number, line in filled.items():
        if not _is_line(line):
            raise ValueError(f"line {number} is not a complete key")
    if not filled:
        raise ValueError("it contains no key")
    return {line.split()[0]: line.split()[1] for line in filled.values()}


class KeyFile:
    """Keys as lines of the file at `path`, created on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stamp(self) -> int:
        """The time of the last change; 0 if the file does not exist yet."""
        return self._path.stat().st_mtime_ns if self._path.exists() else 0

    def read(self, first: str) -> list[str]:
        """The lines. If there is no file yet, `first` becomes the only line."""
        if not self._path.exists():
            _create(self._path, first)
        try:
            return self._path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            raise ValueError("it is not a text file") from None

    def note(self, lines: Sequence[str]) -> None:
        """Appends lines to a second file in the same directory."""
        if lines:
            _write(self._path.with_name(ISSUED_FILE), lines, os.O_APPEND)

    def noted(self) -> list[str]:
        """The lines of that second file."""
        path = self._path.with_name(ISSUED_FILE)
        return path.read_text("utf-8", "replace").splitlines() if path.exists() else []

    def replace(self, lines: Sequence[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_suffix(".new")
        _write(fresh, lines, os.O_TRUNC)
        fresh.replace(self._path)


def _create(path: Path, first: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    _write(draft, [first], os.O_EXCL)
    try:
        os.link(draft, path)  # fails if another process was first: then the other key is used
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _new_line() -> str:
    return f"{secrets.token_hex(4)} {secrets.token_urlsafe(_SECRET_BYTES)}"


def _write(path: Path, lines: Sequence[str], flags: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(descriptor)
