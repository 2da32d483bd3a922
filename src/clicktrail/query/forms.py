"""Bodies: JSON is decoded, then checked against the field table. An error names every mistake, by JSON pointer."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from clicktrail.errors import InvalidBody, MalformedRequest, Mistake
from clicktrail.model import contacts
from clicktrail.model.reading import STRICT, Reading
from clicktrail.model.times import add_offset
from clicktrail.query import kinds
from clicktrail.query.fields import CONTACT, MAX_TEXT, PROFILE, Field, Resource
from clicktrail.query.kinds import Kind

MAX_ITEMS = 100
"""Maximum contacts or tags of one profile: far above any real number. It limits the cost of a body."""
Values = dict[str, Any]
"""Checked values by `Field.attribute`."""
Json = dict[str, Any]
"""Decoded JSON, not yet checked."""


class Form(NamedTuple):
    """A body: its values, and the read-only keys that it repeats."""

    values: Values
    shown: Json


def decode_json(body: bytes) -> Any:
    """Raises MalformedRequest if the body is not JSON in UTF-8, or nested too deep."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise MalformedRequest("The body is nested too deep.") from None
    except UnicodeDecodeError:
        raise MalformedRequest("The body is not UTF-8.") from None
    except msgspec.DecodeError as error:
        raise MalformedRequest(f"The body is not JSON: {error}.") from None


def required_fields(resource: Resource, method: str) -> frozenset[str]:
    """The fields that a body must have: for PUT all that matter, for POST only those without a default."""
    return frozenset(
        field.name
        for field in resource.writable.values()
        if (field.needed and method in ("POST", "PUT")) or (field.required and method == "PUT")
    )


def parse_form(body: bytes, resource: Resource, method: str, reading: Reading = STRICT) -> Form:
    """A body -> stored values, for the fields in the body. Raises MalformedRequest, InvalidBody."""
    data, required = decode_json(body), required_fields(resource, method)
    values = check_form(data, resource.writable, required, "", reading, resource.read_only)
    return Form(values, find_shown(data, resource))


def check_form(
    data: Any,
    fields: Mapping[str, Field],
    required: Iterable[str],
    root: str = "",
    reading: Reading = STRICT,
    shown: Collection[str] = (),
    found: Iterable[Mistake] = (),
) -> Values:
    """Decoded JSON -> values. Raises InvalidBody; `root` is the pointer of `data` in the body.

    Keys in `shown` are accepted as well; `find_shown` returns them. `found` are mistakes in the rest of the body.
    """
    checker = _Checker(reading)
    checker.mistakes += found
    values = checker.check_object(data, fields, required, root, shown)
    refuse(checker.mistakes)
    return values


def find_shown(data: Json, resource: Resource) -> Json:
    """The read-only keys of a body and of its contacts, whatever their values."""
    found = {name: value for name, value in data.items() if name in resource.read_only}
    if resource is PROFILE and "contacts" in data:
        found["contacts"] = [
            {name: value for name, value in item.items() if name in CONTACT.read_only}
            for item in as_list(data["contacts"]) or ()
        ]
    return found


def as_list(contacts_sent: Any) -> Any:
    """The contacts of a body as a list. A body may have a list, one contact, numbered contacts (PHP's lists), or values
    by key.
    """
    if not isinstance(contacts_sent, dict):
        return contacts_sent
    if contacts_sent and all(name.isdecimal() for name in contacts_sent):
        return list(contacts_sent.values())
    if contacts_sent and contacts_sent.keys() <= contacts.READERS.keys():
        return [{"key": key, "value": value} for key, value in contacts_sent.items()]
    return [contacts_sent] if contacts_sent else []


def _says_nothing(contact: Any) -> bool:
    """Whether it is a contact with an empty value, as forms send it."""
    return isinstance(contact, dict) and "value" in contact and contact["value"] in (None, "")


_MOST_NAMED = 100
"""Mistakes that are named. More would make the answer many times as long as the body, and stall the others."""


def refuse(mistakes: Sequence[Mistake]) -> None:
    """Raises InvalidBody if there are mistakes."""
    if len(mistakes) > _MOST_NAMED:
        detail = f"The body is not valid. It has {len(mistakes)} mistakes; here are {_MOST_NAMED} of them."
        raise InvalidBody(detail, tuple(mistakes[:_MOST_NAMED]))
    if mistakes:
        raise InvalidBody("The body is not valid.", tuple(mistakes))


class _Checker:
    """Walks one body and collects its mistakes."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.mistakes: list[Mistake] = []

    def wrong(self, pointer: str, detail: str) -> None:
        self.mistakes.append(Mistake(detail, pointer=pointer))

    def check_object(
        self, data: Any, fields: Mapping[str, Field], required: Iterable[str], root: str, shown: Collection[str] = ()
    ) -> Values:
        if not isinstance(data, dict):
            self.wrong(root, "must be an object")
            return {}
        strange = [name for name in data if name not in fields and name not in shown] if self.reading.is_strict else []
        detail = f"is not a field; allowed: {', '.join(fields)}" if strange else ""
        for name in strange[:_MOST_NAMED]:
            self.wrong(f"{root}/{escape(name)}", detail)
        if len(strange) > _MOST_NAMED:
            self.wrong(root, f"has {len(strange) - _MOST_NAMED} more keys that are not fields")
        for name in sorted(required):
            if name not in data:
                self.wrong(f"{root}/{name}", "is required")
        return {
            field.attribute: self.check_value(field, data[name], f"{root}/{name}")
            for name, field in fields.items()
            if name in data and not (data[name] in (None, "") and name in NULL_IS_DEFAULT)
        }

    def check_value(self, field: Field, value: Any, pointer: str) -> Any:
        if value is None or (value == "" and field.nullable and field.kind is not kinds.INTEGER):
            if not field.nullable and field.default != "":
                self.wrong(pointer, "must not be null")
            return None if field.nullable else field.default
        nested = _NESTED.get(field.kind)
        if nested is not None:
            return nested(self, value, pointer)
        value = _plain(field, value, self.reading)
        try:
            checked = field.kind.check(value)
            if field.kind.refuse_future is not None:
                field.kind.refuse_future(checked, self.reading.clock)
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
        for position, item in enumerate(self.check_items(as_list(value), pointer)):
            if _says_nothing(item):
                continue
            contact = self.check_contact(item, pointer if isinstance(value, dict) else f"{pointer}/{position}")
            if not any(
                (other.get("key"), other.get("value")) == (contact.get("key"), contact.get("value")) for other in found
            ):
                found.append({"uuid": None} | contact)
        return found

    def check_client(self, value: Any, pointer: str) -> Values:
        return self.check_object(value, PROFILE.writable, (), pointer, PROFILE.read_only)

    def check_contact(self, item: Any, place: str) -> Values:
        contact = self.check_object(item, CONTACT.writable, ("key", "value"), place, CONTACT.read_only)
        if contact.get("key") is not None and contact.get("value") is not None:
            try:
                contact = read_contact(contact, self.reading, place)
            except InvalidBody as error:
                self.mistakes += error.mistakes
            contact_id = item.get(CONTACT.id_field.name)
            if isinstance(contact_id, str):  # may be the id of one of the profile's contacts
                contact[CONTACT.id_field.attribute] = contact_id.lower()
        return contact


NULL_IS_DEFAULT = frozenset({"time", "code", "enabled", "contacts", "tags", "clickId"})
"""Fields of a body in which null and "" mean the same as omission: the server chooses, or nothing changes."""
_NESTED: Mapping[Kind, Callable[[_Checker, Any, str], Any]] = {
    kinds.TAGS: _Checker.check_tags,
    kinds.CONTACTS: _Checker.check_contacts,
    kinds.CLIENT: _Checker.check_client,
}


def read_contact(contact: Mapping[str, Any], reading: Reading, root: str = "") -> Values:
    """A contact whose texts are valid by themselves -> the same contact with its stored value. Raises InvalidBody."""
    key = contact["key"].lower()
    read = contacts.READERS.get(key)
    try:
        if read is not None:
            return {**contact, "key": key, "value": read(contact["value"].strip(), reading.phone_region)}
        mistake = Mistake(f"must be one of {', '.join(contacts.READERS)}", pointer=f"{root}/key")
    except ValueError as error:
        mistake = Mistake(str(error), pointer=f"{root}/value")
    raise InvalidBody("The body is not valid.", (mistake,))


def _plain(field: Field, value: Any, reading: Reading) -> Any:
    """A number as text, a long text cut, or a time with its offset, if the field allows that; else unchanged."""
    if field.takes_number and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return value
    if field.is_cut:
        return value[: field.max_length]
    if field.kind in (kinds.TIME, kinds.CLICK_TIME) and reading.naive_zone is not None:
        return add_offset(value, reading.naive_zone)
    return value


def escape(name: str) -> str:
    """One token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
