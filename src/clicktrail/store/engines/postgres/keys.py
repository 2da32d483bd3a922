"""The signing keys of all nodes, in the database: each node accepts the tokens of all others."""

from collections.abc import Sequence

from clicktrail.store.engines.postgres.beginnings import Kind
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import sql


def list_keys(session: Session) -> list[str]:
    """The lines of the key ring, newest first."""
    return list_values(session, sql("SELECT line FROM signing_keys ORDER BY position"))


class TableKeys:
    """Keys as rows of a table, reloaded with every version of the catalogue."""

    def __init__(self, engine: PostgresEngine) -> None:
        self._engine = engine

    def stamp(self) -> int:
        """Changes at most half a second after another node has replaced the keys."""
        return self._engine.memory.published.version

    def read(self, first: str) -> list[str]:
        """The lines. If the table is empty, `first` is stored and returned."""
        lines = self._engine.run(list_keys, Kind.READ)
        return lines or self._engine.run(lambda session: _begin(session, first), Kind.ALONE)

    def note(self, lines: Sequence[str]) -> None:
        """Adds lines about tokens that were issued."""
        first = self._engine.memory.clock.now_us()
        rows = [[first + place, line] for place, line in enumerate(lines)]
        self._engine.run(lambda session: session.insert("issued_tokens", ["create_time", "line"], rows))

    def noted(self) -> list[str]:
        return self._engine.run(_list_issued, Kind.READ)

    def replace(self, lines: Sequence[str]) -> None:
        self._engine.run(lambda session: _replace(session, lines), Kind.ALONE)


def _list_issued(session: Session) -> list[str]:
    return list_values(session, sql("SELECT line FROM issued_tokens ORDER BY create_time"))


def _begin(session: Session, first: str) -> list[str]:
    lines = list_keys(session)
    if not lines:
        _replace(session, [first])
    return lines or [first]


def _replace(session: Session, lines: Sequence[str]) -> None:
    session.rows(sql("DELETE FROM signing_keys"))
    session.insert("signing_keys", ["position", "line"], list(enumerate(lines)))
    session.publish()
