"""Questions that memory answers: the newest clicks in order, and clicks by id. None: the engine has to be asked."""

from bisect import bisect_left

from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.model.click import Click
from clicktrail.query.questions import Cursor, ListQuery
from clicktrail.store.memory.memory import Memory
from clicktrail.store.reads.records import Page

_BY_CREATION = ("createTime", "clickId")


def recall_click(memory: Memory, viewer: Viewer, click_id: str) -> Click | None:
    """The click, if it is one of the newest and the viewer may see every click."""
    return None if viewer.scope in PARTNERS else memory.newest.find(click_id)


def recall_clicks(memory: Memory, viewer: Viewer, query: ListQuery) -> list[Click] | None:
    """The newest clicks first, one more than the page holds if there are more: for lists without filters."""
    is_plain = query.is_descending and query.sort.name in _BY_CREATION and not query.conditions
    if viewer.scope in PARTNERS or not is_plain:
        return None
    tail, is_whole = memory.newest.tail, memory.newest.is_whole
    end = len(tail)
    if query.after is not None:
        end = bisect_left(tail, query.after.object_id, key=lambda click: click.click_id)
    end -= query.offset
    found = tail[max(end - query.limit - 1, 0) : max(end, 0)]
    return list(found[::-1]) if is_whole or len(found) > query.limit else None


def recall_page(memory: Memory, viewer: Viewer, query: ListQuery) -> Page | None:
    """A whole page without expansions or count."""
    if query.view.expansions or query.wants_count:
        return None
    found = recall_clicks(memory, viewer, query)
    if found is None:
        return None
    page = found[: query.limit]
    return Page(page, Cursor(None, page[-1].click_id) if page and len(found) > query.limit else None)
