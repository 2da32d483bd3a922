"""The six operations of a resource, made from its name and its path."""

from dataclasses import replace

from clicktrail.http.endpoint.call import Handler
from clicktrail.http.endpoint.operation import Operation
from clicktrail.model.access import ADMINS, READERS, RECORDERS
from clicktrail.query.fields import CLICK, Resource


def make_crud(resource: Resource, handlers: tuple[Handler, ...], path: str) -> list[Operation]:
    """List, get, create, PUT, PATCH and delete of one resource."""
    listing, getting, creating, updating, deleting = handlers
    word, tag = resource.name.capitalize(), path.split("/")[1].capitalize()
    a_word = f"{'an' if resource.name[0] in 'aeiou' else 'a'} {resource.name}"
    many = Operation(
        method="GET",
        path=path,
        handler=listing,
        name=f"list{word}s",
        summary=f"Get a {resource.name}s list",
        tag=tag,
        scopes=READERS,
        resource=resource,
        answer=word,
    )
    one = replace(many, path=f"{path}/{{{resource.id_field.name}}}", refusals=(404,))
    write = replace(one, scopes=RECORDERS if resource is CLICK else ADMINS, refusals=(404, 409, 422, 503))
    return [
        replace(many, is_list=True),
        replace(
            alter(write, "POST", creating, f"create{word}", f"Add {a_word}", f"{word}Create"),
            path=path,
            status=201,
            repeat=True,
            refusals=(409, 422, 503),
        ),
        replace(alter(one, "GET", getting, f"get{word}", f"Get {a_word}"), is_view=True),
        alter(write, "PUT", updating, f"replace{word}", f"Update {a_word}", f"{word}Replace"),
        alter(write, "PATCH", updating, f"update{word}", f"Change {a_word}", f"{word}Update"),
        replace(
            alter(write, "DELETE", deleting, f"delete{word}", f"Delete {a_word}"),
            scopes=ADMINS,
            answer="",
            status=204,
            refusals=(404, 409, 503),
        ),
    ]


def alter(like: Operation, method: str, handler: Handler, name: str, summary: str, body: str = "") -> Operation:
    """An operation like another one."""
    return replace(like, method=method, handler=handler, name=name, summary=summary, body=body)
