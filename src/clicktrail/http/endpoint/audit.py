"""What people did with users and sessions, for the operator's log; and what handlers add to the audit log."""

from typing import Any

from clicktrail.http.endpoint.call import Call
from clicktrail.model.access import SYSTEM, ActorKind


def note(call: Call, event: str, **details: str | None) -> None:
    """Writes one line: the event, the author if one is known, the address, and ids.

    No name, password, code or secret may be given: people type passwords where a name belongs.
    """
    author = {} if call.viewer is SYSTEM else {"actor": call.viewer.actor}
    call.services.observer.log.info(event, **author, address=call.client_address, **details)


def tell(call: Call, **details: Any) -> None:
    """Adds to the detail of the request's entry in the audit log, if it has one. The same holds as for `note`."""
    if call.trail is not None:
        call.trail.detail.update(details)


def prove_as(call: Call, kind: ActorKind, actor: str, made: tuple[str, str] | None = None) -> None:
    """Says whose password or secret was right; `made` is the kind and the id of the object that this makes."""
    if call.trail is not None:
        call.trail.proven = kind, actor
        if made is not None:
            call.trail.object_type, call.trail.object_id = made
