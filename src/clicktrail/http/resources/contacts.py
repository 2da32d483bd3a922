"""The contacts of a profile."""

from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.paging import page_answer
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.endpoint.sentback import refuse_changed
from clicktrail.http.resources.catalogue import changes_on, created_answer, delete_on, get_on
from clicktrail.model.access import ADMINS, READERS
from clicktrail.query.fields import CONTACT
from clicktrail.query.forms import parse_form, read_contact
from clicktrail.query.grammar import listing
from clicktrail.store.objects import contacts


async def list_contacts(call: Call) -> Answer:
    profile_id = call.path["profileId"]
    page = await call.ask(contacts.list_contacts, call.viewer, call.asked.listing, profile_id)
    path = f"/profiles/{profile_id}/contacts"
    return await page_answer(call, page, lambda item: render_record(CONTACT, item, call.language), path)


async def get_contact(call: Call) -> Answer:
    place = call.path["profileId"], call.path["contactId"]
    record = await call.ask(contacts.get_contact, call.viewer, *place)
    return json_answer(render_record(CONTACT, record, call.language))


async def create_contact(call: Call) -> Answer:
    form, profile_id = parse_form(call.body, CONTACT, "POST", call.reading), call.path["profileId"]
    values = read_contact(form.values, call.reading)
    record, is_new = await call.store.run(contacts.create_contact, call.store.ids, profile_id, values)
    return created_answer(call, CONTACT, record, is_new, form, f"/profiles/{profile_id}/contacts")


async def update_contact(call: Call) -> Answer:
    form = parse_form(call.body, CONTACT, call.scope["method"], call.reading)
    place = call.path["profileId"], call.path["contactId"]
    await refuse_changed(call, CONTACT, form, contacts.get_contact, *place)
    record = await call.store.run(contacts.update_contact, *place, form.values, call.reading)
    return json_answer(render_record(CONTACT, record, call.language))


async def delete_contact(call: Call) -> Answer:
    await call.store.run(contacts.delete_contact, call.path["profileId"], call.path["contactId"])
    return NO_CONTENT


_PATH = "/profiles/{profileId}/contacts"
OPERATIONS = (
    Operation(
        route=f"GET {_PATH}",
        handler=list_contacts,
        name="listContacts",
        summary="List the contacts of a profile",
        scopes=READERS,
        query=listing(CONTACT),
        answer=CONTACT,
        statuses=(200, 404, 429, 503),
    ),
    Operation(
        route=f"POST {_PATH}",
        handler=create_contact,
        name="createContact",
        summary="Add a contact",
        scopes=ADMINS,
        body=CONTACT,
        answer=CONTACT,
        statuses=(201, 200, 404, 409, 422, 503),
    ),
    get_on(CONTACT, handler=get_contact, path=_PATH),
    *changes_on(CONTACT, update_contact, path=_PATH),
    delete_on(CONTACT, delete_contact, _PATH),
)
