"""Links, banners, languages, sizes and themes: the same five operations, made from the field table."""

from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, Handler, json_answer
from clicktrail.http.endpoint.paging import page_answer, read_query
from clicktrail.http.endpoint.render import render_metrics, render_record
from clicktrail.http.endpoint.sentback import refuse_changed_item, refuse_differing
from clicktrail.query.fields import LINK, Resource
from clicktrail.query.forms import Form, parse_form
from clicktrail.query.parse import parse_flag, parse_view
from clicktrail.store.clicks.deletes import delete_object
from clicktrail.store.objects import catalogue as catalog
from clicktrail.store.reads import metrics, records


def make_list(resource: Resource) -> Handler:
    """GET on the collection."""

    async def list_items(call: Call) -> Answer:
        query = read_query(call, resource)
        view = query.view
        page = await call.ask(records.list_records, call.viewer, query)
        return page_answer(
            call, query, page, lambda item: render_record(resource, item, view.language, view.expansions)
        )

    return list_items


def make_get(resource: Resource) -> Handler:
    """GET on one object."""

    async def get_item(call: Call) -> Answer:
        view = parse_view(call.query, resource, call.language, call.reading)
        object_id = call.path[resource.id_field.name]
        record = await call.ask(records.get_record, call.viewer, resource, object_id)
        return json_answer(render_record(resource, record, view.language, view.expansions))

    return get_item


def make_create(resource: Resource) -> Handler:
    """POST on the collection."""

    async def create_item(call: Call) -> Answer:
        form = parse_form(call.body, resource, "POST", call.reading)
        record, is_new = await call.store.run(catalog.create_item, call.store.ids, resource, form.values)
        return created_answer(call, resource, record, is_new, form)

    return create_item


def make_update(resource: Resource) -> Handler:
    """PUT and PATCH on one object."""

    async def update_item(call: Call) -> Answer:
        form = parse_form(call.body, resource, call.scope["method"], call.reading)
        await refuse_changed_item(call, resource, form)
        object_id = call.path[resource.id_field.name]
        record = await call.store.run(catalog.update_item, resource, object_id, form.values)
        return json_answer(render_record(resource, record, call.language))

    return update_item


def make_delete(resource: Resource) -> Handler:
    """DELETE on one object."""

    async def delete_item(call: Call) -> Answer:
        await call.store.run(delete_object, call.viewer, resource, call.path[resource.id_field.name])
        return NO_CONTENT

    return delete_item


def created_answer(call: Call, resource: Resource, record: records.Record, is_new: bool, form: Form) -> Answer:
    """201 with a Location for a new object, 200 for one that its uuid had already made. Raises InvalidBody."""
    document = render_record(resource, record, call.language)
    if not is_new:
        refuse_differing(call, resource, form, record)
        return json_answer(document)
    return json_answer(document, 201, {"Location": call.url(f"{resource.path}/{record[resource.id_field.name]}")})


async def get_link_metrics(call: Call) -> Answer:
    """The figures of one link."""
    with_bots = parse_flag(call.query, LINK, "bots", call.reading)
    found = await call.ask(metrics.get_link_metrics, call.viewer, call.path["linkId"], with_bots)
    return json_answer(render_metrics(found))


async def list_banner_filters(call: Call) -> Answer:
    """The languages, sizes and themes that banners have."""
    parse_view(call.query, LINK, reading=call.reading)
    used = await call.ask(catalog.list_used_facets)
    return json_answer(
        {
            facets: [{f"{facets[:-1]}Id": item_id, f"{facets[:-1]}Name": name} for item_id, name in items]
            for facets, items in used.items()
        }
    )
