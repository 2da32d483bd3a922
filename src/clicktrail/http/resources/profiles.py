"""Profiles, and the contacts below them."""

from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.paging import page_answer, read_query
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.endpoint.sentback import refuse_changed, refuse_differing
from clicktrail.http.resources.catalogue import created_answer
from clicktrail.query.fields import CONTACT, MERGE, PROFILE
from clicktrail.query.forms import check_form, decode_json, parse_form, read_contact
from clicktrail.query.parse import parse_view
from clicktrail.store.clicks.deletes import delete_object
from clicktrail.store.objects import contacts, profiles
from clicktrail.store.reads import profiles as reads_profiles
from clicktrail.store.registrations import merging


async def list_profiles(call: Call) -> Answer:
    """Get a profiles list."""
    query = read_query(call, PROFILE)
    page = await call.ask(reads_profiles.list_profiles, call.viewer, query)
    return page_answer(call, query, page, lambda item: render_record(PROFILE, item, query.view.language))


async def get_profile(call: Call) -> Answer:
    """Get a profile."""
    view = parse_view(call.query, PROFILE, call.language, call.reading)
    record = await call.ask(reads_profiles.get_profile, call.viewer, call.path["profileId"])
    return json_answer(render_record(PROFILE, record, view.language))


async def create_profile(call: Call) -> Answer:
    """Add a profile."""
    form = parse_form(call.body, PROFILE, "POST", call.reading)
    record, is_new = await call.store.run(profiles.create_profile, call.store.ids, form.values)
    return created_answer(call, PROFILE, record, is_new, form)


async def update_profile(call: Call) -> Answer:
    """Update a profile."""
    form, profile_id = parse_form(call.body, PROFILE, call.scope["method"], call.reading), call.path["profileId"]
    await refuse_changed(call, PROFILE, form, reads_profiles.get_profile, profile_id)
    record = await call.store.run(profiles.update_profile, call.store.ids, profile_id, form.values)
    return json_answer(render_record(PROFILE, record, call.language))


async def merge_profiles(call: Call) -> Answer:
    """Make another profile a part of this one."""
    values = check_form(decode_json(call.body), MERGE, MERGE, "", call.reading)
    record = await call.store.run(merging.merge_profiles, call.viewer, call.path["profileId"], values["profileId"])
    return json_answer(render_record(PROFILE, record, call.language))


async def delete_profile(call: Call) -> Answer:
    """Delete a profile."""
    await call.store.run(delete_object, call.viewer, PROFILE, call.path["profileId"])
    return NO_CONTENT


async def list_contacts(call: Call) -> Answer:
    """Get the contacts of a profile."""
    query, profile_id = read_query(call, CONTACT), call.path["profileId"]
    page = await call.ask(contacts.list_contacts, call.viewer, query, profile_id)
    path = f"/profiles/{profile_id}/contacts"
    return page_answer(call, query, page, lambda item: render_record(CONTACT, item, query.view.language), path)


async def get_contact(call: Call) -> Answer:
    """Get a contact of a profile."""
    parse_view(call.query, CONTACT, reading=call.reading)
    place = call.path["profileId"], call.path["contactId"]
    record = await call.ask(contacts.get_contact, call.viewer, *place)
    return json_answer(render_record(CONTACT, record, call.language))


async def create_contact(call: Call) -> Answer:
    """Add a contact to a profile."""
    form, profile_id = parse_form(call.body, CONTACT, "POST", call.reading), call.path["profileId"]
    values = read_contact(form.values, call.reading)
    record, is_new = await call.store.run(contacts.create_contact, call.store.ids, profile_id, values)
    document = render_record(CONTACT, record, call.language)
    if not is_new:
        refuse_differing(call, CONTACT, form, record)
        return json_answer(document)
    return json_answer(document, 201, {"Location": call.url(f"/profiles/{profile_id}/contacts/{record['contactId']}")})


async def update_contact(call: Call) -> Answer:
    """Update a contact of a profile."""
    form = parse_form(call.body, CONTACT, call.scope["method"], call.reading)
    place = call.path["profileId"], call.path["contactId"]
    await refuse_changed(call, CONTACT, form, contacts.get_contact, *place)
    record = await call.store.run(contacts.update_contact, *place, form.values, call.reading)
    return json_answer(render_record(CONTACT, record, call.language))


async def delete_contact(call: Call) -> Answer:
    """Delete a contact of a profile."""
    await call.store.run(contacts.delete_contact, call.path["profileId"], call.path["contactId"])
    return NO_CONTENT
