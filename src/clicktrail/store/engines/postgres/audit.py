"""PostgreSQL's keys of the audit log, and the triggers that refuse to change it."""

from clicktrail.store.session.protocol import Migration

AUDIT: Migration = (
    "0025-postgres-audit",
    (
        "CREATE TABLE audit_turn (turn BIGINT)",  # has no rows: a lock on it gives the turn to add lines
        "ALTER TABLE audit ADD PRIMARY KEY (position)",
        "CREATE UNIQUE INDEX audit_id ON audit (audit_id)",
        "CREATE INDEX audit_time ON audit (time)",
        "CREATE INDEX audit_action ON audit (action, position)",
        "CREATE INDEX audit_object ON audit (object_id) WHERE object_id IS NOT NULL",
        # Lines may go only from the start of the chain, up to the place that a `dropAudit` entry names.
        """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN
                IF TG_OP = 'DELETE' THEN
                    IF NOT EXISTS (SELECT FROM gone WHERE position > (SELECT coalesce(max(
                            (detail::JSON ->> 'position')::BIGINT), 0) FROM audit WHERE action = 'dropAudit'))
                    THEN RETURN NULL; END IF;
                END IF;
                RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
            END $body$""",
        "CREATE TRIGGER audit_keeps_lines AFTER DELETE ON audit REFERENCING OLD TABLE AS gone "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
        "CREATE TRIGGER audit_keeps_content BEFORE UPDATE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    ),
)
