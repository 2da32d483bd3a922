"""The history of a click, and of the owners of a link."""

import re
from typing import Annotated

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, Moment, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.model.access import READERS, ActorKind
from clicktrail.model.times import render_time
from clicktrail.store.reads.history import MOST, Event, list_click_events, list_link_events


class ChangedKey(Document):
    """A key and its values."""

    key: Annotated[str, says("The key of the object.", "profileId")]
    before: Annotated[str | None, says("Its value before the change; of `visitorId` none is kept.", None)]
    after: Annotated[str | None, says("Its value after the change.", "6006dda272f002519c3eb505")]


class HistoryEntry(Document):
    """What changed at one moment."""

    time: Annotated[Moment, says("When it changed.")]
    actor_kind: Annotated[ActorKind, says("Who changed it; `client` is an OAuth client.", "user")]
    actor: Annotated[str | None, says("The id of the user, token or client, as in the audit log; partners see none.")]
    reason: Annotated[str, says("Why it changed.", "a client registered through it")]
    is_deleted: Annotated[bool, says("Whether it was deleted.", False)]
    changes: Annotated[list[ChangedKey], says("What changed. A deletion has none.")]


async def get_click_history(call: Call) -> Answer:
    return _answer(await call.ask(list_click_events, call.viewer, call.path["clickId"]))


async def get_link_history(call: Call) -> Answer:
    return _answer(await call.ask(list_link_events, call.viewer, call.path["linkId"]))


def _answer(events: list[Event]) -> Answer:
    return json_answer(
        [
            HistoryEntry(
                time=render_time(event.time),
                actor_kind=event.actor_kind,
                actor=event.actor,
                reason=event.reason.value,
                is_deleted=event.is_deleted,
                changes=[
                    ChangedKey(key=_key(each.field), before=each.before, after=each.after) for each in event.changes
                ],
            )
            for event in events
        ]
    )


def _key(column: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), column)


OPERATIONS = (
    Operation(
        route="GET /clicks/{clickId}/history",
        handler=get_click_history,
        name="getClickHistory",
        summary="Get what changed on a click, when, who did it and why",
        doc=f"The newest change first, at most {MOST}. A deleted click keeps its history, without personal data.",
        scopes=READERS,
        answer=list[HistoryEntry],
        statuses=(200, 404, 429, 503),
    ),
    Operation(
        route="GET /links/{linkId}/history",
        handler=get_link_history,
        name="getLinkHistory",
        summary="Get to which partners a link was handed over",
        doc=f"The newest change first, at most {MOST}.",
        scopes=READERS,
        answer=list[HistoryEntry],
        statuses=(200, 404, 429, 503),
    ),
)
