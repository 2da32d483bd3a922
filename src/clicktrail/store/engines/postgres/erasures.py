"""PostgreSQL's indexes for erasures, and for what is looked for in them."""

from clicktrail.store.session.protocol import Migration

ERASURES: Migration = (
    "0021-postgres-erasures",
    (
        "ALTER TABLE erasures ADD PRIMARY KEY (erasure_id)",
        "CREATE INDEX erasures_left ON erasures (erasure_id) WHERE gone_time IS NULL",
        "ALTER TABLE erased_keys ADD PRIMARY KEY (erasure_id, key_hash)",
        "CREATE INDEX erased_keys_hash ON erased_keys (key_hash)",
        "ALTER TABLE erasure_secrets ADD PRIMARY KEY (secret)",
        "CREATE INDEX attributions_browser ON attributions (named_visitor_id) WHERE named_visitor_id IS NOT NULL",
        "CREATE INDEX attributions_uuid ON attributions (named_uuid) WHERE named_uuid IS NOT NULL",
        "CREATE INDEX deliveries_attribution ON deliveries (attribution_id) WHERE attribution_id IS NOT NULL",
    ),
)

RETENTION: Migration = (
    "0022-postgres-retention",
    (
        "ALTER TABLE kept_totals ADD PRIMARY KEY (start_time)",
        "ALTER TABLE purges ADD PRIMARY KEY (purge_id)",
        "CREATE INDEX attributions_time ON attributions (time)",
    ),
)
