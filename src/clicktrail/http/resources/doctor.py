"""GET /doctor: the problems of the installation that a running server sees, and their solutions."""

from typing import Annotated, Literal

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.model.access import ADMINS


class CheckedSubject(Document):
    """What a check found."""

    subject: Annotated[str, says("What was checked.", "space")]
    status: Annotated[
        Literal["ok", "wrong", "unknown"],
        says("`unknown`: it could not be checked, or nothing has happened yet that would show a problem.", "wrong"),
    ]
    state: Annotated[str, says("What was found.", "512 MiB are free at /var/lib/clicktrail")]
    solution: Annotated[
        str, says("What to do; empty if nothing is wrong.", "Free disk space: at least 1 GiB is needed.")
    ]


async def diagnose(call: Call) -> Answer:
    return json_answer(
        [
            CheckedSubject(subject=each.subject, status=each.status, state=each.state, solution=each.solution)
            for each in await call.services.diagnose()
        ],
        headers={"Cache-Control": "no-store"},
    )


OPERATIONS = (
    Operation(
        route="GET /doctor",
        handler=diagnose,
        name="diagnose",
        summary="List the problems of the installation and their solutions",
        doc="What `clicktrail doctor` finds, as far as a running server can know it. The answer is at most 5 seconds "
        "old, and has no secret.",
        scopes=ADMINS,
        answer=list[CheckedSubject],
        statuses=(200,),
    ),
)
