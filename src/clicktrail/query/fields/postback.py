"""The fields of postbacks, which notify a partner's own server, and of their deliveries."""

from clicktrail.query import kinds
from clicktrail.query.fields.field import OWN_TIMES, UUID, Field, Resource, enabled_field, id_field, name_field
from clicktrail.query.texts import MAX_URL_BYTES

POSTBACK = Resource(
    "postback",
    "/postbacks",
    doc="Notifies a partner's own server of clicks and registrations on the partner's links.",
    extras=("secret",),
    fields=(
        id_field("postbackId", "The postback's identifier.", sortable=True, nullable=False),
        id_field(
            "profileId",
            "The partner who is notified.",
            filterable=True,
            writable=True,
            required=True,
            needed=True,
            nullable=False,
        ),
        name_field("name", "A name for people.", writable=True, required=True, example="Voluum"),
        Field(
            name="uri",
            kind=kinds.POSTBACK_URI,
            plain="contains",
            filterable=True,
            sortable=True,
            writable=True,
            required=True,
            needed=True,
            nullable=False,
            max_length=MAX_URL_BYTES,
            doc="An https URL with macros, such as `{click_id}`.",
            example="https://tracker.example.org/postback?click={click_id}&event={event}",
        ),
        Field(
            name="method",
            kind=kinds.METHOD,
            filterable=True,
            writable=True,
            required=True,
            nullable=False,
            default="GET",
            doc="`GET`, or `POST` with all data as JSON.",
            example="GET",
        ),
        Field(
            name="events",
            kind=kinds.EVENT_LIST,
            writable=True,
            required=True,
            needed=True,
            nullable=False,
            doc="The events: `click`, `registration`, or both.",
            example=["registration"],
        ),
        enabled_field("Whether events are sent. Events while it is disabled are never sent."),
        *OWN_TIMES,
        UUID,
    ),
)

POSTBACK_SECRET = POSTBACK.with_secret(
    "postbackSecret", "secret", "The key that signs its calls. Only this answer shows it.", True
)
"""A postback in the one answer that shows its secret. The secret is null if the postback already existed."""
DELIVERY = Resource(
    "delivery",
    "/deliveries",
    doc="One event of a postback, and its state.",
    fields=(
        id_field("deliveryId", "The delivery: `webhook-id` of all its attempts.", sortable=True, nullable=False),
        id_field("postbackId", "The postback.", filterable=True, nullable=False),
        id_field("profileId", "The partner who is notified.", filterable=True, nullable=False),
        Field(name="event", nullable=False, filterable=True, doc="`click` or `registration`.", example="click"),
        Field(
            name="status",
            nullable=False,
            filterable=True,
            doc="`waiting` for its next attempt, `delivered`, or `dead`: given up.",
            example="dead",
        ),
        id_field("clickId", "The click; null for a client who came by a code alone.", filterable=True),
        id_field("attributionId", "The registration; null for a click.", filterable=True),
        Field(
            name="time",
            kind=kinds.TIME,
            nullable=False,
            filterable=True,
            sortable=True,
            doc="The time of the event.",
            example="2021-01-01T00:00:00+00:00",
        ),
        Field(
            name="attempts",
            kind=kinds.INTEGER,
            nullable=False,
            filterable=True,
            sortable=True,
            doc="The number of attempts.",
            example=3,
        ),
        Field(
            name="responseStatus",
            kind=kinds.INTEGER,
            filterable=True,
            doc="The HTTP status of the last attempt's answer, if there was one.",
            example=500,
        ),
        Field(
            name="error",
            plain="contains",
            filterable=True,
            doc="The error of the last attempt; null after the delivery.",
            example="answered 500",
        ),
        Field(
            name="dueTime",
            kind=kinds.TIME,
            filterable=True,
            sortable=True,
            doc="The time of the next attempt; null means that none is scheduled.",
            example="2021-01-01T00:00:00+00:00",
        ),
        *OWN_TIMES,
    ),
)
