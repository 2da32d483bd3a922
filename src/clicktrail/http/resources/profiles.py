from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Fields, Operation
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.endpoint.sentback import refuse_changed_item
from clicktrail.http.resources.catalogue import created_answer, operations_on
from clicktrail.model.access import ADMINS
from clicktrail.query.fields import MERGE, PROFILE
from clicktrail.query.forms import check_form, decode_json, parse_form
from clicktrail.store.objects import profiles
from clicktrail.store.registrations import merging


async def create_profile(call: Call) -> Answer:
    form = parse_form(call.body, PROFILE, "POST", call.reading)
    record, is_new = await call.store.run(profiles.create_profile, call.store.ids, form.values)
    return created_answer(call, PROFILE, record, is_new, form)


async def update_profile(call: Call) -> Answer:
    form, profile_id = parse_form(call.body, PROFILE, call.scope["method"], call.reading), call.path["profileId"]
    await refuse_changed_item(call, PROFILE, form)
    record = await call.store.run(profiles.update_profile, call.store.ids, profile_id, form.values)
    return json_answer(render_record(PROFILE, record, call.language))


async def merge_profiles(call: Call) -> Answer:
    values = check_form(decode_json(call.body), MERGE, MERGE, "", call.reading)
    record = await call.store.run(merging.merge_profiles, call.viewer, call.path["profileId"], values["profile_id"])
    return json_answer(render_record(PROFILE, record, call.language))


OPERATIONS = (
    *operations_on(PROFILE, create_profile, update_profile),
    Operation(
        route="POST /profiles/{profileId}/merge",
        handler=merge_profiles,
        name="mergeProfiles",
        summary="Merge another profile into this one",
        scopes=ADMINS,
        body=Fields(
            name="ProfileMerge",
            doc="The profile that is merged into another one.",
            fields=MERGE,
            required=("profileId",),
        ),
        answer=PROFILE,
        statuses=(200, 404, 409, 422, 503),
    ),
)
