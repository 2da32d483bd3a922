"""Postbacks and the secrets that sign them."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from clicktrail.model.access import NO_RULES, SYSTEM, OwnRules, Viewer
from clicktrail.model.ids import IdGenerator
from clicktrail.model.postbacks import Message, sample
from clicktrail.query.fields import POSTBACK, Record
from clicktrail.store.objects import catalogue as catalog
from clicktrail.store.objects import own
from clicktrail.store.outbox.deliveries import Target, find_target
from clicktrail.store.reads.records import check_there, get_record, update_row
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from clicktrail.store.session.transactions import Write, transaction

_NEWEST_LINK = (
    "SELECT l.link_id, l.code FROM links l JOIN postbacks q ON q.profile_id = l.profile_id "
    "WHERE q.postback_id = {} ORDER BY l.link_id DESC LIMIT 1"
)
_SECRET_BYTES = 32
"""Standard Webhooks: 24 to 64 bytes, in base64 after `whsec_`."""


@transaction(Write.CATALOGUE)
def create_postback(
    session: Session,
    ids: IdGenerator,
    values: Mapping[str, Any],
    viewer: Viewer = SYSTEM,
    rules: OwnRules = NO_RULES,
) -> tuple[Record, str | None]:
    """Adds a postback. Returns it and its secret; the secret is None if the uuid existed. Raises Conflict,
    InvalidBody."""
    own.check_added(session, viewer, POSTBACK, values, rules)
    record, is_new = catalog.create_item(session, ids, POSTBACK, values)
    return record, _give_secret(session, record.postback_id) if is_new else None


@transaction(Write.CATALOGUE)
def update_postback(session: Session, viewer: Viewer, postback_id: str, values: Mapping[str, Any]) -> Record:
    """Changes a postback that the viewer sees. Raises NotFound, Conflict, InvalidBody."""
    check_there(session, viewer, POSTBACK, postback_id)
    own.check_partner(session, viewer)
    return catalog.update_item(session, POSTBACK, postback_id, values)


@transaction(Write.CATALOGUE)
def rotate_secret(session: Session, viewer: Viewer, postback_id: str) -> tuple[Record, str]:
    """Gives a postback a new secret, which signs the next attempt. Raises NotFound, Conflict."""
    check_there(session, viewer, POSTBACK, postback_id)
    own.check_partner(session, viewer)
    secret = _give_secret(session, postback_id)
    return get_record(session, SYSTEM, POSTBACK, postback_id), secret


def prepare_test(session: Session, viewer: Viewer, ids: IdGenerator, postback_id: str) -> tuple[Target, Message]:
    """The target and message of a test, about the partner's newest link, if any. Raises NotFound."""
    check_there(session, viewer, POSTBACK, postback_id)
    links = session.rows(sql(_NEWEST_LINK, postback_id))
    link_id, code = links[0] if links else (None, None)
    return find_target(session, postback_id), sample(ids.new(), session.clock.now_us(), link_id, code)


def _give_secret(session: Session, postback_id: str) -> str:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    update_row(session, POSTBACK, postback_id, {"secret": secret})
    return secret
