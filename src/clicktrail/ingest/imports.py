"""Reads objects of another server and clicks of files: each row becomes an object to store, or mistakes."""

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any
from urllib.parse import quote

import msgspec

from clicktrail.errors import InvalidBody, MalformedRequest, Mistake
from clicktrail.ingest.hits import FIELDS, REQUIRED, Body, read_body
from clicktrail.ingest.pieces import ReadClick, ReadRow, Rules
from clicktrail.ingest.recorder import MadeClick, Recorder
from clicktrail.model.click import Hit
from clicktrail.model.clock import Clock
from clicktrail.model.contacts import READERS
from clicktrail.model.countries import BY_ALPHA2, BY_NUMERIC
from clicktrail.model.ids import created_s, foreign_digits, is_id, sane_second
from clicktrail.model.reading import Reading
from clicktrail.model.times import MAX_AHEAD_S, SECOND, add_offset, parse_time
from clicktrail.model.uris import fold_name, read_parameters
from clicktrail.query.fields import BANNER, CLICK, CONTACT, MAX_TEXT, PROFILE, Record, Resource
from clicktrail.query.forms import check_form, decode_json, required_fields
from clicktrail.query.imports import BY_NAME, FACETS, POINTERS, ImportedClick, ImportedObject, recognise
from clicktrail.query.kinds import read_number

Parsed = ImportedClick | ImportedObject | tuple[Mistake, ...]
OldId = str | int | None
_POINTERS = ("profile_id", "link_id", "banner_id")
"""Columns of a click."""
_NOTHING = (None, None, None)
_NO_POINTERS: Mapping[str, str] = {}
_NO_FINDINGS: Mapping[str, Any] = {}
_TEXTS = ("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term")
MOST_CONTACTS = 1_000
"""Contacts of one imported profile: ten times what a body may have. More would stall recording."""


class _Form(Body, forbid_unknown_fields=False, rename="camel"):
    """A click from another server or a file."""

    click_id: OldId = None  # type: ignore[assignment] # checked below: it need not be an id of ours
    profile_id: OldId = None
    link_id: OldId = None
    banner_id: OldId = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_medium: str | None = None
    utm_source: str | None = None
    utm_term: str | None = None
    latitude: str | float | None = None
    longitude: str | float | None = None
    country_code: str | None = None
    create_time: str | None = None
    update_time: str | None = None
    code: str | None = None


_findings_of = attrgetter(*_TEXTS, "country_code", "latitude", "longitude", "update_time")
_NONE = (None,) * (len(_TEXTS) + 4)
_decode = msgspec.json.Decoder(_Form).decode


def parse_imports(bodies: Sequence[bytes], recorder: Recorder, reading: Reading) -> list[Parsed]:
    """Each row -> the object to store, or all its mistakes."""
    rows = recorder.read_all("imports", bodies, read_import, reading)
    return [
        ImportedClick(row.row.hit, row.click, row.row.pointers, row.code) if isinstance(row, MadeClick) else row
        for row in rows
    ]


def read_import(body: bytes, rules: Rules) -> ReadRow:
    """One row of an import."""
    try:
        if b"\\u0000" not in body and b'"clickId"' in body:
            return _click_of(_decode(body), None, rules)
    except (ValueError, RecursionError):  # read again slowly, to report all mistakes at once
        pass
    try:
        data = decode_json(body)
        if not isinstance(data, dict):
            return (Mistake("must be an object", pointer=""),)
        kind = recognise(data) or CLICK.name
        if kind == CLICK.name:
            return _read_click(data, rules)
        return _read_object(BY_NAME[kind], data, rules.reading)
    except InvalidBody as error:
        return error.mistakes
    except MalformedRequest as error:
        return (Mistake(error.detail, pointer=""),)
    except ValueError as error:  # raised in this module: a pointer and the mistake
        pointer, _, detail = str(error).partition(" ")
        return (Mistake(detail, pointer=pointer),)


def adopt_id(resource: Resource, old: str, create_times: tuple[int | None, ...], clock: Clock) -> str:
    """The new id of an object: the old id if it is an ObjectId, else an id derived from it, always the same.

    Raises ValueError for an id in the future, because new ids must be later than all stored ones.
    """
    lowered = old.lower()
    if not is_id(lowered):
        second = sane_second((None if us is None else us // SECOND for us in create_times), clock.unix_s())
        return f"{second:08x}{foreign_digits(resource.name, old)}"
    if created_s(lowered) > clock.unix_s() + MAX_AHEAD_S:
        raise ValueError(f"/{resource.id_field.name} is more than {MAX_AHEAD_S} seconds in the future")
    return lowered


def _read_click(data: Mapping[str, Any], rules: Rules) -> ReadClick | tuple[Mistake, ...]:
    """Reads a click that failed the fast path."""
    plain = {name: value for name, value in data.items() if name in FIELDS and name != "clickId"}
    values = check_form({name: value for name, value in plain.items() if value is not None}, FIELDS, REQUIRED)
    try:
        form = msgspec.convert({**data, **dict.fromkeys(plain), "ip": "", "uri": ""}, _Form)
    except msgspec.ValidationError as error:
        detail, _, place = str(error).rpartition(" - at `$.")
        return (Mistake(detail, pointer=f"/{place.rstrip('`')}"),)
    return _click_of(form, Hit(**values), rules)


def _click_of(form: _Form, hit: Hit | None, rules: Rules) -> ReadClick:
    """Raises ValueError: a pointer and the mistake."""
    reading = rules.reading
    if hit is None and isinstance(form.click_id, str) and is_id(form.click_id) and form.code is None:
        hit = read_body(form, adopt_id(CLICK, form.click_id, (), reading.clock), reading)
    else:
        hit = _with_old_id(hit or read_body(form, None, reading), form, rules)
    old_ids = (form.profile_id, form.link_id, form.banner_id)
    pointers = _NO_POINTERS if old_ids == _NOTHING else _read_pointers(old_ids)
    found = _NO_FINDINGS if _findings_of(form) == _NONE else _read_findings(form, reading)
    return ReadClick(hit, found, pointers)


def _with_old_id(hit: Hit, form: _Form, rules: Rules) -> Hit:
    """The hit with its new id. An old id that was not an ObjectId becomes the uuid."""
    old = _text_of("clickId", form.click_id)
    created = _time("createTime", form.create_time, rules.reading)
    changes: dict[str, Any] = {
        "click_id": rules.new_id() if old is None else adopt_id(CLICK, old, (created, hit.time), rules.reading.clock)
    }
    if old is not None and hit.uuid is None and old.lower() != changes["click_id"]:
        changes["uuid"] = old
    if form.code:
        changes["uri"] = add_code(hit.uri, rules.facts.parameters.code, form.code)
    return msgspec.structs.replace(hit, **changes)


def _read_pointers(old_ids: Sequence[OldId]) -> dict[str, str]:
    """Column -> old id. Raises ValueError."""
    texts = {column: _text_of(CLICK.keys[column], old) for column, old in zip(_POINTERS, old_ids, strict=True)}
    return {column: text for column, text in texts.items() if text is not None}


def _read_findings(form: _Form, reading: Reading) -> Mapping[str, Any]:
    """The other server's results by attribute, such as the country. Raises ValueError."""
    updated = _time("updateTime", form.update_time, reading)
    found: dict[str, Any] = {name: text.replace("\0", "") for name in _TEXTS if (text := getattr(form, name))}
    if form.country_code and form.country_code.upper() in BY_ALPHA2:
        found["country_code"] = form.country_code.upper()
    for name in ("latitude", "longitude"):
        value = getattr(form, name)
        if value not in (None, ""):
            try:
                found[name] = read_number(str(value))
            except ValueError as error:
                raise ValueError(f"/{name} {error}") from None
    if updated is not None:
        found["update_time"] = updated // SECOND * SECOND
    return found


def add_code(uri: str, parameter: str, code: str) -> str:
    """Adds the code of a link to the uri, unless the uri has one."""
    if read_parameters(uri).get(fold_name(parameter)):
        return uri
    rest, mark, fragment = uri.partition("#")
    joint = "&" if "?" in rest else "?"
    return f"{rest}{joint}{quote(parameter, safe='')}={quote(code, safe='')}{mark}{fragment}"


def _text_of(key: str, value: OldId) -> str | None:
    """An old id as text. Raises ValueError."""
    if value is None or value == "":
        return None
    text = str(value)
    if "\0" in text or len(text) > MAX_TEXT:
        raise ValueError(f"/{key} is not an id of at most {MAX_TEXT} characters")
    return text


def _time(name: str, value: Any, reading: Reading) -> int | None:
    if value in (None, ""):
        return None
    try:
        return parse_time(value if reading.naive_zone is None else add_offset(value, reading.naive_zone))
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"/{name} {error}") from None


def _read_object(resource: Resource, data: Mapping[str, Any], reading: Reading) -> ImportedObject:
    """Reads any object except a click."""
    key = resource.id_field.name
    old = _text_of(key, data.get(key))
    if old is None:
        raise ValueError(f"/{key} is required")
    created, updated = (_time(name, data.get(name), reading) for name in ("createTime", "updateTime"))
    object_id = adopt_id(resource, old, (created, updated), reading.clock)
    keys = {field.column: name for name, field in resource.writable.items() if field.column in POINTERS}
    pointers = {column: text for column, name in keys.items() if (text := _text_of(name, data.get(name)))}
    taken, notes = _plain_values(resource, data, {"contacts", *keys.values()})
    values = check_form(taken, resource.writable, required_fields(resource, "POST") - {*keys.values()})
    if resource is PROFILE:
        values["contacts"], more = _contacts_of(data.get("contacts"), object_id, reading)
        notes += more
    if values.get("uuid") is None and old.lower() != object_id and "uuid" in resource.writable:
        values["uuid"] = old
    named = {facet.id_field.column: data.get(f"{facet.name}Name") for facet in FACETS if resource is BANNER}
    names = {name: str(text).replace("\0", "")[:MAX_TEXT] for name, text in named.items() if text}
    made = (created_s(object_id) * SECOND,)
    there = [(POINTERS[column], pointers[column]) for column in names if column in pointers]
    facet_ids = {facet_id: adopt_id(facet, facet_id, made, reading.clock) for facet, facet_id in there}
    return ImportedObject(
        resource=resource,
        object_id=object_id,
        values=values,
        pointers=pointers,
        update_time=_updated(updated, object_id),
        names=names,
        facet_ids=facet_ids,
        notes=notes,
    )


def _updated(given: int | None, object_id: str) -> int:
    """In whole seconds; the creation time if missing."""
    return created_s(object_id) * SECOND if given is None else given // SECOND * SECOND


def _plain_values(
    resource: Resource, data: Mapping[str, Any], apart: Collection[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A body of the resource without the keys in `apart`, which are read elsewhere. Missing keys stay missing."""
    redirect = data.get("redirect")
    source = {**data, **redirect} if isinstance(redirect, dict) else data
    names = [name for name in resource.writable if name not in apart and source.get(name) not in (None, "")]
    values = {name: source[name] for name in names}
    if "tags" in values:
        tags = [str(tag) for tag in values["tags"]] if isinstance(values["tags"], list) else values["tags"]
        values["tags"] = list(dict.fromkeys(tags)) if isinstance(tags, list) else tags
    if "uuid" in values and isinstance(values["uuid"], int):
        values["uuid"] = str(values["uuid"])
    notes: tuple[str, ...] = ()
    if resource is PROFILE:
        numeric = _country_of(data)
        values.pop("countryNumericCode", None)
        if numeric:
            values["countryNumericCode"] = numeric
        elif data.get("country") or data.get("countryNumericCode"):
            notes = ("the country is not known to ISO 3166-1 and was left out",)
    return values, notes


def _country_of(data: Mapping[str, Any]) -> str | None:
    """The numeric code of a profile's country, from any of its names."""
    country = data.get("country")
    parts = country if isinstance(country, dict) else {"alpha2": country}
    for code in (data.get("countryNumericCode"), parts.get("numeric"), parts.get("alpha2"), parts.get("alpha3")):
        text = "" if code is None else str(code).strip().upper()
        if text.isdigit() and text.zfill(3) in BY_NUMERIC:
            return text.zfill(3)
        if text in BY_ALPHA2:
            return BY_ALPHA2[text].numeric
        found = next((each.numeric for each in BY_ALPHA2.values() if text and each.alpha3 == text), None)
        if found is not None:
            return found
    return None


def _contacts_of(value: Any, profile_id: str, reading: Reading) -> tuple[list[Record], tuple[str, ...]]:
    """The contacts of a profile. A contact that our check refuses is history, so it is kept unchanged."""
    items = [value] if isinstance(value, dict) else value or []
    if not isinstance(items, list):
        raise InvalidBody("The row is not valid.", (Mistake("must be an array", pointer="/contacts"),))
    if len(items) > MOST_CONTACTS:
        detail = f"must have at most {MOST_CONTACTS} items"
        raise InvalidBody("The row is not valid.", (Mistake(detail, pointer="/contacts"),))
    found: dict[tuple[str, str], Record] = {}
    notes: dict[str, None] = {}
    for place, item in enumerate(items):
        if not isinstance(item, dict) or item.get("key") not in READERS:
            notes["a contact that is neither email nor phone was left out"] = None
            continue
        fields = {name: item[name] for name in CONTACT.writable if item.get(name) not in (None, "")}
        fields = {name: str(each) if isinstance(each, int) else each for name, each in fields.items()}
        contact = _check_contact(fields, notes, place, reading)
        old = _text_of(f"contacts/{place}/contactId", item.get("contactId")) or f"{profile_id}/{place}"
        created, updated = (_time(name, item.get(name), reading) for name in ("createTime", "updateTime"))
        contact_id = adopt_id(CONTACT, old, (created, updated, created_s(profile_id) * SECOND), reading.clock)
        own = {"contact_id": contact_id, "update_time": _updated(updated, contact_id)}
        found.setdefault((contact["key"], contact["value"]), CONTACT.record(**{"uuid": None, **contact, **own}))
    return list(found.values()), tuple(notes)


def _check_contact(fields: dict[str, Any], notes: dict[str, None], place: int, reading: Reading) -> dict[str, Any]:
    root = f"/contacts/{place}"
    texts = check_form(fields, CONTACT.writable, ("key", "value"), root)
    try:
        return {**texts, "value": READERS[texts["key"]](texts["value"], reading.phone_region)}
    except ValueError:
        notes[f"a contact was kept as it is although it is not a valid {texts['key']}"] = None
        return texts
