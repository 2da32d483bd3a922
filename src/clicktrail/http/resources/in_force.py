"""The settings that this server runs with."""

from typing import Annotated

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.model.access import ADMINS


class SettingInForce(Document):
    """A setting and its value."""

    name: Annotated[str, says("Its name in the environment.", "CLICKTRAIL_RETENTION_MONTHS")]
    value: Annotated[
        str, says("Its value, as it is written there. A database is shown without user and password.", "24")
    ]
    is_default: Annotated[bool, says("Whether it has its default value.", False)]
    help: Annotated[str, says("The meaning, with its unit.", "Months for which clicks are kept.")]


async def list_settings(call: Call) -> Answer:
    return json_answer([SettingInForce(*each) for each in call.services.settings])


OPERATIONS = (
    Operation(
        route="GET /settings",
        handler=list_settings,
        name="listSettings",
        summary="List the settings that this server runs with",
        doc="They are read at the start of the server. Nothing in the list is secret.",
        scopes=ADMINS,
        answer=list[SettingInForce],
        statuses=(200,),
    ),
)
