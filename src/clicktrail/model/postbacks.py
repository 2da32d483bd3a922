"""Postbacks: what a partner's server receives about a click or a registration, and the uri that is called."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from clicktrail.model.click import Click
from clicktrail.model.times import SECOND, render_time
from clicktrail.model.uris import fold_name, read_parameters

PARAMETER = "query."
"""The prefix of macros for parameters of the click's uri: `{query.subid}`."""
_macro = re.compile(r"\{([^{}]*)\}")


class Event(StrEnum):
    """What a postback reports."""

    CLICK = "click"
    REGISTRATION = "registration"
    TEST = "test"
    """Nothing happened: the operator tests the address."""


class Message(msgspec.Struct, frozen=True):
    """The content of a postback. Without a click, only a code named the link. `rule` and `client_…` belong to
    registrations.
    """

    delivery_id: str
    event: Event
    time: int
    """When it happened, in microseconds."""
    click: Click | None = None
    link_id: str | None = None
    code: str | None = None
    attribution_id: str | None = None
    rule: str | None = None
    client_id: str | None = None
    client_uuid: str | None = None


Macro = Callable[[Message], str | None]


def _of_click(name: str) -> Macro:
    return lambda message: None if message.click is None else getattr(message.click, name)


_OWN: Mapping[str, Macro] = {
    "event": lambda message: message.event,
    "delivery_id": lambda message: message.delivery_id,
    "timestamp": lambda message: str(message.time // SECOND),
    "click_id": _of_click("click_id"),
    "link_id": lambda message: message.link_id,
    "banner_id": _of_click("banner_id"),
    "attribution_id": lambda message: message.attribution_id,
    "profile_id": lambda message: message.client_id,
}
"""Macros whose values this server makes. They are allowed in a path, because no visitor can change the target with
them.
"""
MACROS: Mapping[str, Macro] = {
    **_OWN,
    "time": lambda message: render_time(message.time),
    "click_time": lambda message: None if message.click is None else render_time(message.click.time),
    "code": lambda message: message.code,
    "profile_uuid": lambda message: message.client_uuid,
    "rule": lambda message: message.rule,
    **{
        name: _of_click(name)
        for name in (
            *("uuid", "visitor_id", "duplicate_of", "uri", "referrer", "country_code", "device"),
            *("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term"),
        )
    },
}
"""Macro -> its value. No macro gives an address, a user agent, or a client's name or contact."""


def sample(delivery_id: str, time: int, link_id: str | None, code: str | None) -> Message:
    """The content of a test: an invented click, on a link that may belong to the partner."""
    uri = "https://landing.example/?utm_source=test&utm_medium=test&utm_campaign=test&utm_content=test&utm_term=test"
    values: dict[str, Any] = dict.fromkeys(Click.__struct_fields__)
    values |= dict.fromkeys(("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term"), "test")
    values |= {"click_id": delivery_id, "time": time, "update_time": time, "uri": uri, "link_id": link_id}
    return Message(
        delivery_id=delivery_id, event=Event.TEST, time=time, click=Click(**values), link_id=link_id, code=code
    )


def check_template(text: str) -> None:
    """Raises ValueError if a uri is not https, has a macro in its host, or has braces that are not a macro."""
    unknown = [name for name in _macro.findall(text) if name not in MACROS and not name.startswith(PARAMETER)]
    if unknown or any(brace in _macro.sub("", text) for brace in "{}"):
        wrong = f"{{{unknown[0]}}}" if unknown else "a brace"
        raise ValueError(f"has {wrong}, which is not a macro; allowed: {', '.join(MACROS)}, {PARAMETER}NAME")
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("must be an absolute https URL")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("must not have a user, a password or a fragment")
    if _macro.search(parts.netloc) or any(name not in _OWN for name in _macro.findall(parts.path)):
        raise ValueError(f"may have any macro in its query, but in its path only {', '.join(_OWN)}")


def render_uri(template: str, message: Message) -> str:
    """The uri with every macro replaced by its percent-encoded value. Unknown values are empty."""
    parameters = read_parameters(message.click.uri) if message.click is not None else {}

    def value_of(match: re.Match[str]) -> str:
        macro = MACROS.get(match[1])
        value = macro(message) if macro else parameters.get(fold_name(match[1].removeprefix(PARAMETER)))
        return quote(value or "", safe="")

    return _macro.sub(value_of, template)


def render_body(message: Message) -> bytes:
    """The JSON of a POST: `type`, `timestamp` and `data`, as Standard Webhooks recommends."""
    data: dict[str, Any] = {_camel(name): value(message) for name, value in MACROS.items()}
    return msgspec.json.encode({"type": message.event, "timestamp": render_time(message.time), "data": data})


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
