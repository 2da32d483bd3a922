"""The fields of an entry of the audit log."""

from dataclasses import replace

from clicktrail.model.access import ActorKind
from clicktrail.query import kinds
from clicktrail.query.fields.field import OWN_TIMES, Field, Resource, id_field

AUDIT = Resource(
    "entry",
    "/audit",
    doc="An entry of the audit log.",
    fields=(
        id_field("auditId", "The entry's identifier: the second of its time, and its position.", nullable=False),
        Field(
            name="position",
            kind=kinds.INTEGER,
            filterable=True,
            sortable=True,
            nullable=False,
            doc="Its place in the chain; 1 for the first entry of the store.",
            example=42,
        ),
        Field(
            name="time",
            kind=kinds.TIME,
            filterable=True,
            sortable=True,
            nullable=False,
            doc="When it was written.",
            example="2021-01-01T00:00:00.123456+00:00",
        ),
        Field(
            name="actorKind",
            kind=kinds.ACTOR_KIND,
            filterable=True,
            nullable=False,
            doc=f"Who acted: {', '.join(f'`{kind}`' for kind in ActorKind)}. `client` is an OAuth client.",
            example="user",
        ),
        Field(
            name="actor",
            filterable=True,
            doc="The id of the user, token or OAuth client; for a command the name of the operating system's user.",
            example="6006dda272f002519c3eb505",
        ),
        Field(
            name="action",
            filterable=True,
            sortable=True,
            nullable=False,
            doc="The `operationId` of the API's operation; for a command its words.",
            example="updateLink",
        ),
        Field(name="objectType", filterable=True, doc="The kind of the object.", example="link"),
        Field(name="objectId", filterable=True, doc="The id of the object.", example="6006dda272f002519c3eb505"),
        Field(
            name="status",
            kind=kinds.INTEGER,
            filterable=True,
            doc="The HTTP status of the answer; null for commands and the system. 401 is a failed sign-in.",
            example=200,
        ),
        Field(name="address", filterable=True, doc="The client address, as text.", example="192.0.2.7"),
        Field(name="requestId", filterable=True, doc="`X-Request-Id` of the request.", example="a1b2c3d4e5f600000001"),
        Field(
            name="detail",
            kind=kinds.DETAIL,
            nullable=False,
            doc="Names of filters and of sent fields, counts, what a link does: no personal data and no secrets.",
            example={"count": 10},
        ),
        Field(name="previousHash", nullable=False, doc="The hash of the entry before.", example="0" * 64),
        Field(
            name="hash",
            nullable=False,
            filterable=True,
            doc="SHA-256 of the exported line without this member.",
            example="6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
        ),
        replace(OWN_TIMES[0], shown=False),
    ),
)
