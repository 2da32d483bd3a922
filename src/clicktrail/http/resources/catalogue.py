"""The operations that most resources have, made from the field table."""

from collections.abc import Iterator
from functools import partial

from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, Handler, json_answer
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.paging import page_answer
from clicktrail.http.endpoint.render import METRICS, render_measured, render_record
from clicktrail.http.endpoint.sentback import refuse_changed_item, refuse_differing
from clicktrail.http.endpoint.trails import Audit
from clicktrail.model.access import ADMINS, READERS, Right, Scope
from clicktrail.query.fields import Record, Resource
from clicktrail.query.forms import Form, parse_form
from clicktrail.query.grammar import listing, showing
from clicktrail.store.clicks.object_deletes import delete_object
from clicktrail.store.objects import catalogue as catalog
from clicktrail.store.reads import metrics, records


async def list_items(resource: Resource, call: Call) -> Answer:
    view = call.asked.view
    if METRICS in view.expansions:
        measured = await call.ask(metrics.list_measured, call.viewer, call.asked.listing)
        return await page_answer(
            call, measured, lambda each: render_measured(resource, each, view.language, view.expansions)
        )
    page = await call.ask(records.list_records, call.viewer, call.asked.listing)
    return await page_answer(call, page, lambda item: render_record(resource, item, view.language, view.expansions))


async def get_item(resource: Resource, call: Call) -> Answer:
    view, object_id, as_of = call.asked.view, call.path[resource.id_field.name], call.asked.own.get("as_of")
    if as_of is not None:
        record = await call.ask(records.get_earlier, call.viewer, resource, object_id, as_of)
        return json_answer(render_record(resource, record, view.language, view.expansions - {METRICS}))
    if METRICS in view.expansions:
        measured = await call.ask(metrics.get_measured, call.viewer, resource, object_id)
        return json_answer(render_measured(resource, measured, view.language, view.expansions))
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


def created_answer(call: Call, resource: Resource, record: Record, is_new: bool, form: Form, path: str = "") -> Answer:
    """201 with a Location for a new object; 200 if this uuid had already created it. Raises InvalidBody.

    `path` is given if the path of the list is not `resource.path`.
    """
    document = render_record(resource, record, call.language)
    if not is_new:
        refuse_differing(call, resource, form, record)
        return json_answer(document)
    return json_answer(document, 201, {"Location": call.url(f"{path or resource.path}/{record.object_id}")})


def list_on(
    resource: Resource, summary: str = "", scopes: frozenset[Scope] = READERS, handler: Handler | None = None
) -> Operation:
    plural = resource.path.rpartition("/")[2]
    return Operation(
        route=f"GET {resource.path}",
        handler=handler or partial(list_items, resource),
        name=f"list{plural.capitalize()}",
        summary=summary or f"List {plural}",
        scopes=scopes,
        query=listing(resource),
        answer=resource,
        statuses=(200, 429, 503),
    )


def get_on(
    resource: Resource,
    summary: str = "",
    scopes: frozenset[Scope] = READERS,
    handler: Handler | None = None,
    path: str = "",
) -> Operation:
    """`path` is given if the path of the list is not `resource.path`. So it is below."""
    return Operation(
        route=f"GET {item_path(resource, path)}",
        handler=handler or partial(get_item, resource),
        name=f"get{resource.name.capitalize()}",
        summary=summary or f"Get a {resource.name}",
        scopes=scopes,
        query=showing(resource),
        answer=resource,
        statuses=(200, 404, 429, 503),
    )


def create_on(
    resource: Resource,
    handler: Handler,
    scopes: frozenset[Scope] = ADMINS,
    answer: Resource | None = None,
    right: Right | None = None,
    audit: Audit = Audit.CHANGES,
) -> Operation:
    """`answer` is given if the answer shows more than other answers do."""
    return Operation(
        route=f"POST {resource.path}",
        handler=handler,
        name=f"create{resource.name.capitalize()}",
        summary=f"Add a {resource.name}",
        scopes=scopes,
        right=right,
        body=resource,
        answer=answer or resource,
        statuses=(201, 200, 409, 422, 503),
        audit=audit,
    )


def changes_on(
    resource: Resource,
    handler: Handler,
    scopes: frozenset[Scope] = ADMINS,
    path: str = "",
    right: Right | None = None,
    audit: Audit = Audit.CHANGES,
) -> Iterator[Operation]:
    """PUT and PATCH."""
    for method, name, verb in (("PUT", "replace", "Update"), ("PATCH", "update", "Change")):
        yield Operation(
            route=f"{method} {item_path(resource, path)}",
            handler=handler,
            name=f"{name}{resource.name.capitalize()}",
            summary=f"{verb} a {resource.name}",
            scopes=scopes,
            right=right,
            body=resource,
            answer=resource,
            statuses=(200, 404, 409, 422, 503),
            audit=audit,
        )


def delete_on(
    resource: Resource,
    handler: Handler | None = None,
    path: str = "",
    scopes: frozenset[Scope] = ADMINS,
    right: Right | None = None,
) -> Operation:
    return Operation(
        route=f"DELETE {item_path(resource, path)}",
        handler=handler or partial(delete_item, resource),
        name=f"delete{resource.name.capitalize()}",
        summary=f"Delete a {resource.name}",
        scopes=scopes,
        right=right,
        statuses=(204, 404, 409, 503),
    )


def item_path(resource: Resource, path: str = "") -> str:
    return f"{path or resource.path}/{{{resource.id_field.name}}}"


def operations_on(
    resource: Resource,
    create: Handler | None = None,
    update: Handler | None = None,
    scopes: frozenset[Scope] = ADMINS,
    right: Right | None = None,
) -> tuple[Operation, ...]:
    """List, get, create, PUT, PATCH and delete of one kind of object.

    `scopes` and `right` are of those who change it.
    """
    return (
        list_on(resource),
        get_on(resource),
        create_on(resource, create or partial(create_item, resource), scopes, right=right),
        *changes_on(resource, update or partial(update_item, resource), scopes, right=right),
        delete_on(resource, scopes=scopes, right=right),
    )
