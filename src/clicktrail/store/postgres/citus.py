"""How the tables lie in a Citus cluster. Each statement the program sends is then routed or parallel: ADR 14.

Clicks lie by their id: a get, a registration and a delete touch one shard, a list asks all shards at once. What is
counted of a link lies by the link, who claimed a uuid by the uuid, and the catalogue is whole on every node.
"""

from clicktrail.store.engine import Session

REFERENCE = (
    "languages",
    "sizes",
    "themes",
    "banners",
    "links",
    "profiles",
    "profile_tags",
    "contacts",
    "clients",
    "revoked_tokens",
    "sites",
    "identities",
    "attributions",
    "attribution_clicks",
    "postbacks",
    "deliveries",
    "visitor_salts",
    "signing_keys",
    "catalogue_version",
    "link_figures",
    "link_changes",
)
"""Tables of which every node has a copy."""
DISTRIBUTED = {"clicks": "click_id", "link_visitors": "visitor", "click_uuids": "uuid_key"}
"""Table -> the column that says on which shard a row lies."""


def distribute(session: Session) -> list[str]:
    """Spreads the tables that are not spread yet; returns their names."""
    session.rows("CREATE EXTENSION IF NOT EXISTS citus")
    done = {row[0] for row in session.rows("SELECT logicalrelid::TEXT FROM pg_dist_partition")}
    made = []
    for table in REFERENCE:
        if table not in done:
            session.rows("SELECT create_reference_table($1)", [table])
            made.append(table)
    for table, column in DISTRIBUTED.items():
        if table not in done:
            session.rows("SELECT create_distributed_table($1, $2)", [table, column])
            made.append(table)
    return made
