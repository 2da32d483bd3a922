"""What a policy keeps of a uri or a referrer (ADR 45)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

FULL, ORIGIN, LISTED = "full", "origin", "listed"
_REMEMBERED = 4096
_SHORT = 64
"""Only shorter names are remembered."""
_begins = re.compile(r"[?#;]").search
_names = re.compile(r"[?&#;]([^?&#;=]*)=").findall
_pairs = re.compile(r"([?&#;])([^?&#;]*)").findall
_origin = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://(?:[^/?#\\]*@)?([^/?#\\]*))?").match
_no_letters = re.compile(r"[\W_]+")
_neither_letters = re.compile(r"[^\w*]+|_+")


@dataclass(frozen=True, kw_only=True)
class UriRule:
    """What is kept: everything (`full`), scheme and host (`origin`), or the uri with the parameters in `listed`.

    Parameters whose names match `dropped` are never kept, except those in `own`: the names of the codes of links.
    """

    form: str = FULL
    listed: frozenset[str] = frozenset()
    """In lower case."""
    dropped: tuple[str, ...] = ()
    """`*` matches any text."""
    own: frozenset[str] = frozenset()
    """In lower case."""

    def keep(self, uri: str) -> str:
        """What is kept of a uri; the same object if that is everything."""
        if self.form == ORIGIN:
            return origin_of(uri)
        if self.form == LISTED:
            return self._without(uri.partition("#")[0])
        if "?" not in uri and "#" not in uri and ";" not in uri:
            return uri
        names = _names(uri)
        if self._known.issuperset(names):
            return uri
        if any(map(self._is_unwanted, names)):
            return self._without(uri)
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update(name for name in names if len(name) < _SHORT)
        return uri

    @cached_property
    def _known(self) -> set[str]:
        """Names of parameters that are not left out, as they stand in uris."""
        return set()

    @cached_property
    def _find_dropped(self) -> Callable[[str], object]:
        return re.compile("|".join(map(_pattern_of, self.dropped)) or r"(?!)").fullmatch

    def _is_unwanted(self, name: str) -> bool:
        """Whether the parameter of a name, as written in a uri, is left out."""
        plain = unquote(name.replace("+", " ")).lower()
        if self.form == LISTED and plain not in self.listed:
            return True
        return plain not in self.own and self._find_dropped(_no_letters.sub("", plain)) is not None

    def _without(self, uri: str) -> str:
        """The uri without the unwanted parameters of its query and its fragment."""
        begins = _begins(uri)
        if begins is None:
            return uri
        found, opening = [uri[: begins.start()]], ""
        for mark, pair in _pairs(uri, begins.start()):
            name, sign, _ = pair.partition("=")
            if (sign or self.form == LISTED) and self._is_unwanted(name):
                opening = mark if mark in "?#" else opening
                continue
            found.append((mark if mark in "?#" else opening or mark) + pair)
            opening = ""
        return "".join(found)


def origin_of(uri: str) -> str:
    """Scheme and host of a uri, with the path `/`. Empty if it has no scheme."""
    found = _origin(uri)
    if found is None:
        return ""
    origin = f"{found[1]}:/" if found[2] is None else f"{found[1]}://{found[2]}/"
    return origin.lower()


def could_be(sent: str | None, stored: str | None, rule: UriRule) -> bool:
    """Whether a stored uri is what a policy kept of a sent one: the current policy, or one that kept more or less."""
    if sent == stored:
        return True
    if not sent or not stored:
        return not stored and not (sent and rule.keep(sent))
    return rule.keep(sent) in (stored, rule.keep(stored)) or stored == origin_of(sent)


def _pattern_of(name: str) -> str:
    """A name with `*` as an expression over names that have letters and digits alone."""
    return ".*".join(map(re.escape, _neither_letters.sub("", name.lower()).split("*")))
