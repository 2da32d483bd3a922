"""PostgreSQL's keys and indexes of what changed."""

from clicktrail.store.session.protocol import Migration

HISTORY: Migration = (
    "0026-postgres-history",
    (
        "CREATE INDEX changes_object ON changes (object_id, time)",
        "CREATE INDEX changes_time ON changes (kind, time)",
        "ALTER TABLE deleted_clicks ADD PRIMARY KEY (click_id, delete_time)",
        "CREATE INDEX deleted_clicks_time ON deleted_clicks (delete_time)",
        "ALTER TABLE deleted_registrations ADD PRIMARY KEY (attribution_id, delete_time)",
    ),
)
