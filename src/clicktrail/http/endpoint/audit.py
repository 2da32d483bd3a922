"""What people did with users and sessions, for the operator's log."""

from clicktrail.http.endpoint.call import Call
from clicktrail.model.access import SYSTEM


def note(call: Call, event: str, **details: str | None) -> None:
    """Writes one line: the event, the author if one is known, the address, and ids.

    No name, password, code or secret may be given: people type passwords where a name belongs.
    """
    author = {} if call.viewer is SYSTEM else {"actor": call.viewer.actor}
    call.services.observer.log.info(event, **author, address=call.client_address, **details)
