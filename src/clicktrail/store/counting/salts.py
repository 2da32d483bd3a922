"""The salts of visitor keys: one per day, shared by all nodes, deleted after the day."""

from clicktrail.model.visitors import new_salt
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import insert_into, sql
from clicktrail.store.session.transactions import Write, transaction


def load_salts(session: Session) -> dict[int, bytes]:
    return {day: bytes.fromhex(salt) for day, salt in session.rows(sql("SELECT day, salt FROM visitor_salts"))}


@transaction(Write.CATALOGUE)
def renew_salts(session: Session) -> None:
    """Makes the missing salts of today and tomorrow, and deletes all others. No click is added meanwhile."""
    known = load_salts(session)
    for day in (session.clock.today(), session.clock.today() + 1):
        if day not in known:
            session.rows(insert_into("visitor_salts", {"day": day, "salt": new_salt()}))
    session.rows(sql("DELETE FROM visitor_salts WHERE day < {}", session.clock.today()))
