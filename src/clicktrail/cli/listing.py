"""Lists of objects for commands, from the store or from the server that has it open."""

from typing import Any

from clicktrail.cli.remote import change
from clicktrail.http.endpoint.render import render_record
from clicktrail.model.access import SYSTEM
from clicktrail.query.fields import Resource
from clicktrail.query.questions import ListQuery
from clicktrail.settings import Settings
from clicktrail.store.reads.records import list_records
from clicktrail.store.store import Store

_PAGE = 1000


def list_objects(settings: Settings, resource: Resource, path: str, sort: str) -> list[dict[str, Any]]:
    """The first 1,000 objects as the API shows them. `path` is their path in the API. Raises as `change` does."""

    async def local(store: Store) -> list[dict[str, Any]]:
        query = ListQuery(resource, resource.sorts[sort], limit=_PAGE)
        return [render_record(resource, each, "en") for each in (await store.run(list_records, SYSTEM, query)).items]

    found: list[dict[str, Any]] = change(
        settings, lambda api: api.call("GET", f"{path}?limit={_PAGE}&sort_by={sort}"), local
    )
    return found
