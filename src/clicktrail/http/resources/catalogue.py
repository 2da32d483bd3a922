"""Links, banners, languages, sizes, themes, sites: the same six operations, made from the field table."""

from functools import partial

from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.paging import page_answer
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.endpoint.sentback import refuse_changed_item, refuse_differing
from clicktrail.model.access import ADMINS, READERS, Scope
from clicktrail.query.fields import Record, Resource
from clicktrail.query.forms import Form, parse_form
from clicktrail.query.grammar import listing, showing
from clicktrail.store.clicks.deletes import delete_object
from clicktrail.store.objects import catalogue as catalog
from clicktrail.store.reads import records


async def list_items(resource: Resource, call: Call) -> Answer:
    view = call.asked.view
    page = await call.ask(records.list_records, call.viewer, call.asked.listing)
    return page_answer(call, page, lambda item: render_record(resource, item, view.language, view.expansions))


async def get_item(resource: Resource, call: Call) -> Answer:
    view, object_id = call.asked.view, call.path[resource.id_field.name]
    record = await call.ask(records.get_record, call.viewer, resource, object_id)
    return json_answer(render_record(resource, record, view.language, view.expansions))


async def create_item(resource: Resource, call: Call) -> Answer:
    form = parse_form(call.body, resource, "POST", call.reading)
    record, is_new = await call.store.run(catalog.create_item, call.store.ids, resource, form.values)
    return created_answer(call, resource, record, is_new, form)


async def update_item(resource: Resource, call: Call) -> Answer:
    form = parse_form(call.body, resource, call.scope["method"], call.reading)
    await refuse_changed_item(call, resource, form)
    record = await call.store.run(catalog.update_item, resource, call.path[resource.id_field.name], form.values)
    return json_answer(render_record(resource, record, call.language))


async def delete_item(resource: Resource, call: Call) -> Answer:
    await call.store.run(delete_object, call.viewer, resource, call.path[resource.id_field.name])
    return NO_CONTENT


def created_answer(call: Call, resource: Resource, record: Record, is_new: bool, form: Form) -> Answer:
    """201 with a Location for a new object; 200 if this uuid had already created it. Raises InvalidBody."""
    document = render_record(resource, record, call.language)
    if not is_new:
        refuse_differing(call, resource, form, record)
        return json_answer(document)
    return json_answer(document, 201, {"Location": call.url(f"{resource.path}/{record.object_id}")})


def list_on(resource: Resource, name: str, summary: str, scopes: frozenset[Scope] = READERS) -> Operation:
    return Operation(
        route=f"GET {resource.path}",
        handler=partial(list_items, resource),
        name=name,
        summary=summary,
        scopes=scopes,
        query=listing(resource),
        answer=resource,
        statuses=(200, 429, 503),
    )


def get_on(resource: Resource, name: str, summary: str, scopes: frozenset[Scope] = READERS) -> Operation:
    return Operation(
        route=f"GET {resource.path}/{{{resource.id_field.name}}}",
        handler=partial(get_item, resource),
        name=name,
        summary=summary,
        scopes=scopes,
        query=showing(resource),
        answer=resource,
        statuses=(200, 404, 429, 503),
    )


def operations_on(resource: Resource) -> tuple[Operation, ...]:
    """List, get, create, PUT, PATCH and delete of one kind of object."""
    word, item = resource.name.capitalize(), f"{resource.path}/{{{resource.id_field.name}}}"
    return (
        list_on(resource, f"list{word}s", f"List {resource.name}s"),
        get_on(resource, f"get{word}", f"Get a {resource.name}"),
        Operation(
            route=f"POST {resource.path}",
            handler=partial(create_item, resource),
            name=f"create{word}",
            summary=f"Add a {resource.name}",
            scopes=ADMINS,
            body=resource,
            answer=resource,
            statuses=(201, 200, 409, 422, 503),
        ),
        *(
            Operation(
                route=f"{method} {item}",
                handler=partial(update_item, resource),
                name=f"{name}{word}",
                summary=f"{verb} a {resource.name}",
                scopes=ADMINS,
                body=resource,
                answer=resource,
                statuses=(200, 404, 409, 422, 503),
            )
            for method, name, verb in (("PUT", "replace", "Update"), ("PATCH", "update", "Change"))
        ),
        Operation(
            route=f"DELETE {item}",
            handler=partial(delete_item, resource),
            name=f"delete{word}",
            summary=f"Delete a {resource.name}",
            scopes=ADMINS,
            statuses=(204, 404, 409, 503),
        ),
    )
