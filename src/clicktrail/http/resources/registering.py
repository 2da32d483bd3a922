"""PUT and PATCH of a click: separates new facts about the client from keys of the click that are only repeated."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from clicktrail.errors import Mistake
from clicktrail.http.endpoint.call import Call
from clicktrail.http.endpoint.render import Json, render_record, render_shown
from clicktrail.http.endpoint.sentback import COMPARED, find_others, refuse_others
from clicktrail.model.access import READERS, SYSTEM
from clicktrail.query.fields import CLICK, PROFILE, Record
from clicktrail.query.forms import Values, check_form, decode_json, escape, find_shown, refuse, required_fields
from clicktrail.store.objects.profiles import NAMES, find_client
from clicktrail.store.reads import clicks as reads_clicks
from clicktrail.store.reads.clicks import Shown

CLIENT_FIELDS = {
    name: PROFILE.writable[name] for name in ("firstName", "lastName", "middleName", "enabled", "uuid", "contacts")
}
"""The fields of the reference's body. A profile that is sent back has more fields; they are accepted too."""
_CLICK_KEYS = frozenset({*(field.name for field in CLICK.shown), *CLICK.expansions})
_OF_A_CLICK_ALONE = _CLICK_KEYS - PROFILE.read_only - PROFILE.writable.keys() - {"profile"}


class Parts(NamedTuple):
    """A body in parts: the client's values, their pointer in the body, and the keys of the click.

    `mistakes` are keys that are neither the client's nor the click's.
    """

    client: Any
    root: str
    click: Values
    mistakes: tuple[Mistake, ...] = ()


async def read_registration(call: Call) -> Values | None:
    """The values of the client; None if the body has none, for example a Click that is sent back.

    Read-only keys of the click and of the client must equal the stored values. Raises MalformedRequest, InvalidBody,
    NotFound.
    """
    parts = split_body(decode_json(call.body), call.reading.is_strict)
    may_read = call.viewer.scope in READERS
    shown = await _show(call) if parts.click and may_read else None
    mistakes = list(parts.mistakes)
    if shown is not None:
        stored = shown
        mistakes += find_others(parts.click, lambda language: _document(call, stored, language), call.language)
        if not parts.root:
            parts = _without_the_clicks_own(parts, _document(call, shown, call.language))
    says_nothing = parts.client in ((None, "", {}) if parts.root else ({},))
    if says_nothing and (parts.click or call.scope["method"] == "PATCH"):
        refuse(mistakes)
        return None
    required = required_fields(PROFILE, call.scope["method"]) & CLIENT_FIELDS.keys()
    required -= frozenset() if parts.root else parts.click.keys()
    rest: dict[str, Any] = {"reading": call.reading, "shown": PROFILE.read_only, "found": mistakes}
    values = check_form(parts.client, PROFILE.writable, required, parts.root, **rest)
    sent = find_shown(parts.client, PROFILE)
    names_nobody = call.scope["method"] == "PATCH" and not _names_client(values)
    is_nameless = call.scope["method"] == "PUT" and not any(values.get(name) for name in NAMES)
    if sent or is_nameless or names_nobody:
        shown = shown or await _show(call)
        client = await _find_client(call, shown, values)
        if is_nameless and (client is None or client.name):
            refuse([Mistake(f"must have one of {', '.join(PROFILE.keys[name] for name in NAMES)}", pointer=parts.root)])
        if client is not None and may_read:
            refuse_others(sent, lambda language: render_record(PROFILE, client, language), call.language, parts.root)
        if names_nobody and (not values or client is None):  # it would create a client without any facts
            return None
    return values


def _names_client(values: Mapping[str, Any]) -> bool:
    """Whether any value identifies this client. A flag, an empty list and a blank text do not."""
    return any(
        bool(value.strip() if isinstance(value, str) else value) for name, value in values.items() if name != "enabled"
    )


def split_body(data: Any, is_strict: bool = True) -> Parts:
    """Accepts `{"profile": {…}}`, or the same fields at the top level. Both may include the keys of a whole Click.

    At the top level, `uuid` and `contacts` could belong to the click or to its client. Here they stay with the client.
    """
    if not isinstance(data, dict):
        return Parts(data, "", {})
    if "profile" in data:
        detail = "is not allowed next to `profile`; put the client's fields into it, and a Click's keys next to it"
        others = [name for name in data if name not in _CLICK_KEYS] if is_strict else []
        click = {name: data[name] for name in data.keys() & _CLICK_KEYS - {"profile"}}
        mistakes = tuple(Mistake(detail, pointer=f"/{escape(name)}") for name in others)
        return Parts(data["profile"], "/profile", click, mistakes)
    if not data.keys() & _OF_A_CLICK_ALONE:
        return Parts(data, "", {})
    click = {name: data[name] for name in data.keys() & _CLICK_KEYS - CLIENT_FIELDS.keys()}
    return Parts({name: value for name, value in data.items() if name not in click}, "", click)


def _without_the_clicks_own(parts: Parts, document: Json) -> Parts:
    """Removes `uuid` and `contacts` from the client's values if they equal the click's own."""
    own = {
        name: parts.client[name]
        for name in ("uuid", "contacts")
        if name in parts.client and (not parts.client[name] or _as_text(parts.client[name]) == document[name])
    }
    rest = {name: value for name, value in parts.client.items() if name not in own}
    return Parts(rest, "", parts.click | own)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) else value


async def _show(call: Call) -> Shown:
    return await call.store.run(reads_clicks.show_click, SYSTEM, call.path[CLICK.id_field.name], COMPARED)


def _document(call: Call, shown: Shown, language: str) -> Json:
    return render_shown(shown, call.store.catalogue, language)


async def _find_client(call: Call, shown: Shown, values: Mapping[str, Any]) -> Record | None:
    """The client that the registration will change; None if it will create a new one."""
    own: Record | None = shown.parts["profile"]
    if own is None and values.get("uuid"):
        return await call.store.run(find_client, call.viewer.name_space, values["uuid"])
    return own
