"""One person: all that is held, as JSON or CSV, and its erasure with a receipt."""

import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any

import msgspec

from clicktrail.errors import InvalidBody, MalformedRequest, Mistake
from clicktrail.http.endpoint.audit import note
from clicktrail.http.endpoint.call import Answer, Call, chain, encode, json_answer
from clicktrail.http.endpoint.documents import Count, Document, Id, Moment, says
from clicktrail.http.endpoint.operation import Fields, Operation
from clicktrail.http.endpoint.render import render_record, render_shown
from clicktrail.http.endpoint.trails import Audit
from clicktrail.model.access import ADMINS
from clicktrail.model.cells import neutralise
from clicktrail.model.contacts import name_contact
from clicktrail.model.erasure import Clicks, Key, Named
from clicktrail.model.erasure import Receipt as Kept
from clicktrail.model.times import render_time
from clicktrail.query.fields import Field
from clicktrail.query.fields.person import ERASURE, NAMING
from clicktrail.query.forms import check_form, decode_json
from clicktrail.query.grammar import Grammar, Own, choice
from clicktrail.store.privacy.erasure import ERASE, get_receipt
from clicktrail.store.privacy.held import RESOURCES, Piece, list_pieces, read_piece
from clicktrail.store.privacy.persons import find_person

_JSON, _CSV = "application/json", "text/csv; charset=utf-8"
_OBJECTS = dict[str, Any]
_NOT_KEPT = {"Cache-Control": "no-store"}


def _objects(text: str) -> Any:
    return says(text, extra_json_schema={"items": {"type": "object", "additionalProperties": True}})


class Held(Document):
    """All that is held of one person."""

    profiles: Annotated[list[_OBJECTS], _objects("Profiles with contacts and tags.")]
    identities: Annotated[list[_OBJECTS], _objects("Which browsers are the person's.")]
    registrations: Annotated[list[_OBJECTS], _objects("Registrations, with the data that they named.")]
    clicks: Annotated[list[_OBJECTS], _objects("Clicks with `visitor` and `origin`, the newest first.")]
    deliveries: Annotated[list[_OBJECTS], _objects("Postbacks about these clicks and registrations.")]


class Erasure(Document):
    """The receipt of an erasure. It holds no personal data."""

    erasure_id: Annotated[Id, says("The erasure.")]
    time: Annotated[Moment, says("When the person was erased.")]
    clicks_mode: Annotated[Clicks, says("What happened to the clicks.", "strip")]
    profiles: Annotated[Count, says("Deleted profiles.")]
    contacts: Annotated[Count, says("Deleted contacts.")]
    identities: Annotated[Count, says("Deleted identities.")]
    clicks: Annotated[Count, says("Stripped or deleted clicks.")]
    registrations: Annotated[Count, says("Registrations that are kept as bare facts.")]
    deliveries: Annotated[Count, says("Deliveries without errors and attempts now.")]
    bytes_gone_time: Annotated[
        Moment | None,
        says("When the bytes were deleted from the store's files; null: not yet, or not known (PostgreSQL)."),
    ]


async def export_person(call: Call) -> Answer:
    values = {field.attribute: call.asked.own[name] for name, field in NAMING.items()}
    person = await call.ask(find_person, _read_named(call, values, MalformedRequest))
    kind = call.asked.own["format"]
    stream = _FORMATS[kind](call, list_pieces(person))
    name = f'attachment; filename="person.{kind}"'
    headers = {**_NOT_KEPT, "Content-Disposition": name, "Vary": "Accept-Language"}
    first = await anext(stream)  # until the first piece is there, a refusal is a whole answer
    note(call, "person exported")
    return Answer(media_type=_JSON if kind == "json" else _CSV, headers=headers, stream=chain(first, stream))


async def erase_person(call: Call) -> Answer:
    values = dict(check_form(decode_json(call.body), ERASURE, (), "", call.reading))
    mode = Clicks(values.pop("clicks", Clicks.STRIP))
    receipt = await call.store.run(ERASE[mode], call.viewer, _read_named(call, values, InvalidBody))
    note(call, "person erased", erasure=receipt.erasure_id)
    return json_answer(_render(receipt), headers=_NOT_KEPT)


async def get_erasure(call: Call) -> Answer:
    return json_answer(_render(await call.ask(get_receipt, call.path["erasureId"])), headers=_NOT_KEPT)


def _read_named(call: Call, values: Mapping[str, Any], refusal: type[InvalidBody | MalformedRequest]) -> Named:
    """The one value that names the person. Raises `refusal` if there is none, or more than one, or no contact."""
    found = [(Key(name), value) for name, value in values.items() if value]
    if len(found) != 1:
        raise refusal(
            "A person is named by one value.", (Mistake(f"must have exactly one of {', '.join(NAMING)}", pointer=""),)
        )
    [(key, value)] = found
    if key is not Key.CONTACT:
        return Named(key, (value,))
    try:
        return Named(key, tuple(name_contact(value, call.reading.phone_region)))
    except ValueError as error:
        place = {"parameter": "contact"} if refusal is MalformedRequest else {"pointer": "/contact"}
        raise refusal("The contact cannot be read.", (Mistake(str(error), **place),)) from None


def _reader(field: Field) -> Callable[[str], Any]:
    """Reads a parameter as the body's key of this name. It raises ValueError."""

    def read(text: str) -> Any:
        if len(text) > field.max_length:
            raise ValueError(f"has more than {field.max_length} characters")
        return field.kind.check(text) if field.kind.check is not None else text

    return read


async def _pieces(call: Call, pieces: list[Piece]) -> AsyncGenerator[tuple[str, list[Any]], None]:
    """Kind and documents of each piece. It takes one of the caller's exports."""
    with call.services.exports.take(call.viewer.asker):
        for piece in pieces:
            found = await call.store.engine.export(partial(read_piece, piece=piece))
            yield piece.kind, [_document(call, piece.kind, each) for each in found]


async def _write_json(call: Call, pieces: list[Piece]) -> AsyncGenerator[bytes, None]:
    """One object with a list for each kind."""
    before, count = "", 0
    async for kind, documents in _pieces(call, pieces):
        if kind != before:
            yield (f'],"{kind}":[' if before else f'{{"{kind}":[').encode()
            before, count = kind, 0
        body = b",".join(map(encode, documents))
        if body:
            yield b"," + body if count else body
            count += 1
    yield b"]}"


async def _write_csv(call: Call, pieces: list[Piece]) -> AsyncGenerator[bytes, None]:
    """A line for each value: kind, the object's place in its kind, key, value."""
    yield b"kind,number,key,value\r\n"
    before, number = "", 0
    async for kind, documents in _pieces(call, pieces):
        number = number if kind == before else 0
        before, out = kind, io.StringIO()
        writer = csv.writer(out)
        for document in documents:
            number += 1
            writer.writerows(
                (kind, number, key, neutralise(value)) for key, value in _flatten(msgspec.to_builtins(document))
            )
        if out.tell():
            yield out.getvalue().encode()


_FORMATS: Mapping[str, Callable[[Call, list[Piece]], AsyncGenerator[bytes, None]]] = {
    "json": _write_json,
    "csv": _write_csv,
}


def _flatten(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a document, each with its key: `visitor.browser`, `contacts.0.value`. Null values are left out."""
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in inner:
            yield from _flatten(each, f"{key}.{name}" if key else str(name))
    elif value is not None:
        yield key, str(value).lower() if isinstance(value, bool) else str(value)


def _document(call: Call, kind: str, found: Any) -> _OBJECTS:
    if kind == "clicks":
        return render_shown(found, call.store.catalogue, call.language)
    if kind in RESOURCES:
        return render_record(RESOURCES[kind], found, call.language)
    return {
        "attributionId": found.attribution_id,
        "profileId": found.profile_id,
        "clickId": found.click_id,
        "linkId": found.link_id,
        "partnerId": found.partner_id,
        "time": render_time(found.time),
        "rule": found.rule,
        "named": {
            "clickId": found.named_click_id,
            "visitorId": found.named_visitor_id,
            "uuid": found.named_uuid,
            "code": found.named_code,
        },
    }


def _render(kept: Kept) -> Erasure:
    return Erasure(
        erasure_id=kept.erasure_id,
        time=render_time(kept.time),
        clicks_mode=kept.mode,
        profiles=kept.counts.profiles,
        contacts=kept.counts.contacts,
        identities=kept.counts.identities,
        clicks=kept.counts.clicks,
        registrations=kept.counts.registrations,
        deliveries=kept.counts.deliveries,
        bytes_gone_time=None if kept.gone_time is None else render_time(kept.gone_time),
    )


OPERATIONS = (
    Operation(
        route="GET /persons",
        handler=export_person,
        name="exportPerson",
        summary="Get all that is held of one person, as JSON or CSV",
        doc="Name the person by one of the first five parameters. Profiles, uuids and browsers that registrations, "
        "identities and clicks connect with it are the person's too. A browser of several persons leads to none of "
        "them, and clicks of other clients are left out. An unknown person gets empty lists.",
        scopes=ADMINS,
        needs_password=True,
        query=Grammar(
            own=(
                *(
                    Own(name=each.name, doc=each.doc, read=_reader(each), example=each.example, keeps_plus=each.secret)
                    for each in NAMING.values()
                ),
                choice("format", "The format.", ("json", "csv")),
            )
        ),
        answer=Held,
        other_types=(_CSV,),
        audit=Audit.ALWAYS,
        statuses=(200, 409, 429, 503),
    ),
    Operation(
        route="POST /persons/erasures",
        handler=erase_person,
        name="erasePerson",
        summary="Erase one person",
        doc="Profiles, contacts and identities are deleted. Clicks lose the address, the user agent, the query of the "
        "uri, `utmTerm`, `utmContent`, the referrer, the uuid and the coordinates; made-up values take the "
        "place of visitor id and profile. Registrations are kept as bare facts. An unknown person gets a receipt with "
        "zeros. A partner is 409.",
        scopes=ADMINS,
        needs_password=True,
        body=Fields(
            name="PersonErasure",
            doc="The person, by one of the first five keys.",
            fields=ERASURE,
            required=(),
            example={"contact": "ada@example.org", "clicks": "strip"},
        ),
        answer=Erasure,
        statuses=(200, 409, 422, 503),
    ),
    Operation(
        route="GET /persons/erasures/{erasureId}",
        handler=get_erasure,
        name="getErasure",
        summary="Get the receipt of an erasure",
        scopes=ADMINS,
        answer=Erasure,
        statuses=(200, 404, 429, 503),
    ),
)
