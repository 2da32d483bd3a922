"""Objects that callers send back as they received them. Read-only keys are accepted if they equal the stored values.

A different value is refused, so that no caller believes that it was changed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from clicktrail.errors import InvalidBody, Mistake
from clicktrail.http.endpoint.call import Call
from clicktrail.http.endpoint.render import Json, render_record
from clicktrail.model.access import READERS
from clicktrail.model.times import parse_time
from clicktrail.query.fields import CONTACT, Record, Resource
from clicktrail.query.forms import Form
from clicktrail.store.reads import records

_DETAIL = "is read-only and differs from the stored value; omit it, or send the value that a GET shows"
_UNSTEADY = frozenset({"metrics", "staying"})
"""Keys that change although the object was not updated."""
COMPARED = frozenset({"contacts", "link", "origin", "profile", "visitor"})
"""The expansions of a click that are compared, for tokens that may read them."""
_ENGLISH = "en"
Reader = Callable[..., Record]


async def refuse_changed(call: Call, resource: Resource, form: Form, read: Reader, *place: str) -> None:
    """If the body has read-only keys, reads the object and compares them. Raises InvalidBody, NotFound."""
    if form.shown:
        record = await call.store.run(read, call.viewer, *place)
        refuse_differing(call, resource, form, record)


async def refuse_changed_item(call: Call, resource: Resource, form: Form) -> None:
    """The same for an object whose id is in the path."""

    def read(session: Any, viewer: Any, object_id: str) -> Record:
        return records.get_record(session, viewer, resource, object_id)

    await refuse_changed(call, resource, form, read, call.path[resource.id_field.name])


def refuse_differing(call: Call, resource: Resource, form: Form, record: Record) -> None:
    """Compares read-only keys with a record. Raises InvalidBody."""
    refuse_others(
        form.shown, lambda language: render_record(resource, record, language, resource.groups), call.language
    )


def refuse_others(sent: Json, render: Callable[[str], Json], language: str, root: str = "") -> None:
    """Compares read-only keys with the object as shown in a language, or in English. Raises InvalidBody."""
    mistakes = find_others(sent, render, language, root)
    if mistakes:
        raise InvalidBody("The body is not valid.", tuple(mistakes))


def find_others(sent: Json, render: Callable[[str], Json], language: str, root: str = "") -> list[Mistake]:
    """The read-only keys that differ from the object as shown in a language, and in English."""
    mistakes = find_differing(sent, msgspec.to_builtins(render(language)), root)
    if mistakes and language != _ENGLISH:
        mistakes = find_differing(sent, msgspec.to_builtins(render(_ENGLISH)), root)
    return mistakes


def leave_out_hidden(call: Call, sent: Json) -> Json:
    """The keys of a click that may be compared. Leaves out what the token may not read, because an answer would reveal
    it.
    """
    return sent if call.viewer.scope in READERS else {name: sent[name] for name in sent.keys() - COMPARED}


def find_differing(sent: Mapping[str, Any], shown: Mapping[str, Any], root: str) -> list[Mistake]:
    """The keys of `sent` that differ from `shown`, at any depth."""
    found: list[Mistake] = []
    for name, value in sent.items():
        pointer = f"{root}/{name}"
        if name in _UNSTEADY:
            continue
        if name == "contacts" and isinstance(value, list):
            found += _find_differing_contacts(value, shown.get(name) or [], pointer)
        elif isinstance(value, dict) and isinstance(shown.get(name), dict):
            found += find_differing(value, shown[name], pointer)
        elif not _is_same(name, value, shown):
            found.append(Mistake(_DETAIL, pointer=pointer))
    return found


def _find_differing_contacts(sent: list[Any], shown: list[Json], root: str) -> list[Mistake]:
    """Contacts are matched by id; a contact without id is not compared."""
    by_id = {contact[CONTACT.id_field.name]: contact for contact in shown}
    found: list[Mistake] = []
    for place, contact in enumerate(sent):
        contact_id = contact.get(CONTACT.id_field.name) if isinstance(contact, dict) else None
        if not contact_id:
            continue
        stored = by_id.get(str(contact_id).lower())
        if stored is None:
            found.append(Mistake("is not a contact of this profile", pointer=f"{root}/{place}/{CONTACT.id_field.name}"))
        else:
            found += find_differing(contact, stored, f"{root}/{place}")
    return found


def _is_same(name: str, value: Any, shown: Mapping[str, Any]) -> bool:
    """Whether a read-only value equals the stored one. An empty value never differs. Times and numbers may have another
    spelling.

    An earlier `updateTime` of the object does not count as a difference: a repeated request has it, because its first
    attempt changed the object.
    """
    stored = shown.get(name)
    if value in (None, "") or value == stored:
        return True
    if isinstance(value, str) and isinstance(stored, str):
        if name == "updateTime":
            return _moment(shown.get("createTime")) <= _moment(value) <= _moment(stored)
        return value.lower() == stored.lower() if name.endswith("Id") else _moment(value) == _moment(stored) >= 0
    try:
        return isinstance(value, str | int | float) and float(value) == float(str(stored))
    except ValueError:
        return False


def _moment(text: Any) -> int:
    """A time in microseconds; -1 if `text` is not a time."""
    try:
        return parse_time(text) if isinstance(text, str) else -1
    except ValueError:
        return -1
