"""GET /privacy: the policy in force, what is stored and how old it is, as a record of processing."""

from collections.abc import Sequence
from typing import Annotated

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Count, Document, Moment, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.model.access import ADMINS
from clicktrail.model.inventory import KEPT, POLICY, RECIPIENTS, SECURITY, SHOWN, TABLE
from clicktrail.model.times import render_time
from clicktrail.store.reads.ages import DAYS, count_ages


class PolicySetting(Document):
    """A setting of the policy."""

    name: Annotated[str, says("Its name in the environment.", "CLICKTRAIL_IP")]
    value: Annotated[str, says("Its value.", "truncated")]
    is_default: Annotated[bool, says("Whether it has its default value.", False)]
    help: Annotated[str, says("The meaning.", "What is stored of addresses.")]


class HeldData(Document):
    """A kind of data about people."""

    data: Annotated[str, says("What is stored.", "IP address")]
    purpose: Annotated[str, says("The purpose of storing it.", "country, robots, repeats, fraud")]
    kept: Annotated[str, says("How long it is stored.", "as long as the click")]
    settings: Annotated[list[str], says("The settings that decide about it.")]


class ClicksOfAge(Document):
    """The clicks of an age."""

    days: Annotated[int | None, says("They are at most so many days old; null: older than all others.", 30)]
    clicks: Annotated[Count, says("The number of clicks that are not in an earlier row.")]


class PrivacyRecord(Document):
    """What is stored about people, and by which policy."""

    policy: Annotated[
        list[PolicySetting], says("What is stored of a click, how long data is kept, and what partners see.")
    ]
    fields: Annotated[list[HeldData], says("The stored data, with purpose and period.")]
    recipients: Annotated[list[str], says("Who receives data.")]
    security: Annotated[list[str], says("How it is protected.")]
    ages: Annotated[list[ClicksOfAge], says("The clicks by age.")]
    first_click_time: Annotated[Moment | None, says("The time of the oldest click.")]
    last_purge_time: Annotated[Moment | None, says("When old data was last deleted by age; null: never.")]


async def get_privacy(call: Call) -> Answer:
    ages, settings = await call.ask(count_ages), {each[0]: each for each in call.services.settings}
    record = PrivacyRecord(
        policy=[PolicySetting(*settings[name]) for name in _named((*POLICY, *KEPT, *SHOWN))],
        fields=[
            HeldData(data=each.data, purpose=each.purpose, kept=each.kept, settings=_named(each.settings))
            for each in TABLE
        ],
        recipients=[*RECIPIENTS],
        security=[*SECURITY],
        ages=[ClicksOfAge(days=days, clicks=count) for days, count in zip((*DAYS, None), ages.counts, strict=True)],
        first_click_time=None if ages.first is None else render_time(ages.first),
        last_purge_time=None if ages.last_purge is None else render_time(ages.last_purge),
    )
    return json_answer(record, headers={"Cache-Control": "no-store"})


def _named(settings: Sequence[str]) -> list[str]:
    return [_PREFIX + each for each in settings]


_PREFIX = "CLICKTRAIL_"
OPERATIONS = (
    Operation(
        route="GET /privacy",
        handler=get_privacy,
        name="getPrivacy",
        summary="Show what is stored about people, why, how long, and by which policy",
        doc="The record of processing of article 30 of the GDPR, as far as the server can know it: add your name, your "
        "contact and the legal basis.",
        scopes=ADMINS,
        answer=PrivacyRecord,
        statuses=(200, 429, 503),
    ),
)
