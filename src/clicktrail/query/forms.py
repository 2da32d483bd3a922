"""Bodies: JSON decoded, then checked against the field table. Every mistake is named at once, by JSON pointer."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from clicktrail.errors import InvalidBody, MalformedRequest, Mistake
from clicktrail.model import contacts
from clicktrail.query import kinds
from clicktrail.query.fields import CONTACT, MAX_TEXT, PROFILE, Field, Resource
from clicktrail.query.kinds import Kind

MAX_ITEMS = 100
"""Contacts or tags of one profile; far above any real one, and it bounds what a body can cost."""
Values = dict[str, Any]


def decode_json(body: bytes) -> Any:
    """Bytes -> a JSON value. Raises MalformedRequest for what is not JSON in UTF-8, or nested too deep."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise MalformedRequest("The body is nested too deep.") from None
    except UnicodeDecodeError:
        raise MalformedRequest("The body is not UTF-8.") from None
    except msgspec.DecodeError as error:
        raise MalformedRequest(f"The body is not JSON: {error}.") from None


def required_fields(resource: Resource, method: str) -> frozenset[str]:
    """The fields that a body must carry: all that matter for PUT, the few that have no default for POST."""
    return frozenset(
        field.name
        for field in resource.writable.values()
        if (field.needed and method in ("POST", "PUT")) or (field.required and method == "PUT")
    )


def parse_form(body: bytes, resource: Resource, method: str) -> Values:
    """A body -> field name -> stored value, for the fields that it carries. Raises MalformedRequest, InvalidBody."""
    return check_form(decode_json(body), resource.writable, required_fields(resource, method))


def check_form(data: Any, fields: Mapping[str, Field], required: Iterable[str], root: str = "") -> Values:
    """Decoded JSON -> values. Raises InvalidBody; `root` is the pointer of `data` in the body."""
    checker = _Checker()
    values = checker.check_object(data, fields, required, root)
    checker.finish()
    return values


class _Checker:
    """Walks one body and collects what is wrong with it."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def wrong(self, pointer: str, detail: str) -> None:
        self.mistakes.append(Mistake(detail, pointer=pointer))

    def finish(self) -> None:
        if self.mistakes:
            raise InvalidBody("The body is not valid.", tuple(self.mistakes))

    def check_object(self, data: Any, fields: Mapping[str, Field], required: Iterable[str], root: str) -> Values:
        if not isinstance(data, dict):
            self.wrong(root, "must be an object")
            return {}
        for name in data:
            if name not in fields:
                self.wrong(f"{root}/{_escape(name)}", f"is not a field; allowed: {', '.join(fields)}")
        for name in sorted(required):
            if name not in data:
                self.wrong(f"{root}/{name}", "is required")
        return {
            name: self.check_value(field, data[name], f"{root}/{name}")
            for name, field in fields.items()
            if name in data and not (data[name] in (None, "") and name in NULL_IS_DEFAULT)
        }

    def check_value(self, field: Field, value: Any, pointer: str) -> Any:
        if value is None:
            if not field.nullable:
                self.wrong(pointer, "must not be null")
            return None
        nested = _NESTED.get(field.kind)
        if nested is not None:
            return nested(self, value, pointer)
        try:
            checked = field.kind.check(value)
            if isinstance(value, str) and len(value) > field.max_length:
                raise ValueError(f"is longer than {field.max_length} characters")
        except ValueError as error:
            self.wrong(pointer, str(error))
            return None
        return checked

    def check_items(self, value: Any, pointer: str) -> list[Any]:
        if not isinstance(value, list):
            self.wrong(pointer, "must be an array")
            return []
        if len(value) > MAX_ITEMS:
            self.wrong(pointer, f"has more than {MAX_ITEMS} items")
            return []
        return value

    def check_tags(self, value: Any, pointer: str) -> list[str]:
        tags: list[str] = []
        for position, item in enumerate(self.check_items(value, pointer)):
            place = f"{pointer}/{position}"
            if not isinstance(item, str) or "\0" in item or not 1 <= len(item) <= MAX_TEXT:
                self.wrong(place, f"must be a string of 1 to {MAX_TEXT} characters without NUL")
            elif item in tags:
                self.wrong(place, "is given twice")
            else:
                tags.append(item)
        return tags

    def check_contacts(self, value: Any, pointer: str) -> list[Values]:
        found: list[Values] = []
        for position, item in enumerate(self.check_items(value, pointer)):
            place = f"{pointer}/{position}"
            contact = self.check_contact(item, place)
            if any(
                (other.get("key"), other.get("value")) == (contact.get("key"), contact.get("value")) for other in found
            ):
                self.wrong(place, "is given twice")
            found.append({"uuid": None} | contact)
        return found

    def check_client(self, value: Any, pointer: str) -> Values:
        return self.check_object(value, PROFILE.writable, (), pointer)

    def check_contact(self, item: Any, place: str) -> Values:
        before = len(self.mistakes)
        contact = self.check_object(item, CONTACT.writable, ("key", "value"), place)
        if len(self.mistakes) == before:
            for pointer, detail in contact_mistakes(contact):
                self.wrong(place + pointer, detail)
        return contact


NULL_IS_DEFAULT = frozenset({"time", "code"})
"""Fields of a body in which null or "" is as good as leaving them out: the server chooses, or nothing changes."""
_NESTED: Mapping[Kind, Callable[[_Checker, Any, str], Any]] = {
    kinds.TAGS: _Checker.check_tags,
    kinds.CONTACTS: _Checker.check_contacts,
    kinds.CLIENT: _Checker.check_client,
}


def contact_mistakes(contact: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(pointer, detail) of what is wrong with a contact whose texts are in order by themselves."""
    check = contacts.CHECKS.get(contact["key"])
    if check is None:
        return [("/key", f"must be one of {', '.join(contacts.CHECKS)}")]
    try:
        check(contact["value"])
    except ValueError as error:
        return [("/value", str(error))]
    return []


def _escape(name: str) -> str:
    """One token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
