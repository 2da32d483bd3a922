from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Fields, Operation
from clicktrail.http.endpoint.paging import page_answer
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.endpoint.sentback import refuse_changed
from clicktrail.http.resources.catalogue import created_answer
from clicktrail.model.access import ADMINS, READERS
from clicktrail.query.fields import MERGE, PROFILE
from clicktrail.query.forms import check_form, decode_json, parse_form
from clicktrail.query.grammar import listing, showing
from clicktrail.store.clicks.deletes import delete_object
from clicktrail.store.objects import profiles
from clicktrail.store.reads import profiles as reads_profiles
from clicktrail.store.registrations import merging


async def list_profiles(call: Call) -> Answer:
    page = await call.ask(reads_profiles.list_profiles, call.viewer, call.asked.listing)
    return page_answer(call, page, lambda item: render_record(PROFILE, item, call.language))


async def get_profile(call: Call) -> Answer:
    record = await call.ask(reads_profiles.get_profile, call.viewer, call.path["profileId"])
    return json_answer(render_record(PROFILE, record, call.language))


async def create_profile(call: Call) -> Answer:
    form = parse_form(call.body, PROFILE, "POST", call.reading)
    record, is_new = await call.store.run(profiles.create_profile, call.store.ids, form.values)
    return created_answer(call, PROFILE, record, is_new, form)


async def update_profile(call: Call) -> Answer:
    form, profile_id = parse_form(call.body, PROFILE, call.scope["method"], call.reading), call.path["profileId"]
    await refuse_changed(call, PROFILE, form, reads_profiles.get_profile, profile_id)
    record = await call.store.run(profiles.update_profile, call.store.ids, profile_id, form.values)
    return json_answer(render_record(PROFILE, record, call.language))


async def merge_profiles(call: Call) -> Answer:
    values = check_form(decode_json(call.body), MERGE, MERGE, "", call.reading)
    record = await call.store.run(merging.merge_profiles, call.viewer, call.path["profileId"], values["profile_id"])
    return json_answer(render_record(PROFILE, record, call.language))


async def delete_profile(call: Call) -> Answer:
    await call.store.run(delete_object, call.viewer, PROFILE, call.path["profileId"])
    return NO_CONTENT


OPERATIONS = (
    Operation(
        route="GET /profiles",
        handler=list_profiles,
        name="listProfiles",
        summary="List profiles",
        scopes=READERS,
        query=listing(PROFILE),
        answer=PROFILE,
        statuses=(200, 429, 503),
    ),
    Operation(
        route="POST /profiles",
        handler=create_profile,
        name="createProfile",
        summary="Add a profile",
        scopes=ADMINS,
        body=PROFILE,
        answer=PROFILE,
        statuses=(201, 200, 409, 422, 503),
    ),
    Operation(
        route="GET /profiles/{profileId}",
        handler=get_profile,
        name="getProfile",
        summary="Get a profile",
        scopes=READERS,
        query=showing(PROFILE),
        answer=PROFILE,
        statuses=(200, 404, 429, 503),
    ),
    *(
        Operation(
            route=route,
            handler=update_profile,
            name=name,
            summary=summary,
            scopes=ADMINS,
            body=PROFILE,
            answer=PROFILE,
            statuses=(200, 404, 409, 422, 503),
        )
        for route, name, summary in (
            ("PUT /profiles/{profileId}", "replaceProfile", "Update a profile"),
            ("PATCH /profiles/{profileId}", "updateProfile", "Change a profile"),
        )
    ),
    Operation(
        route="DELETE /profiles/{profileId}",
        handler=delete_profile,
        name="deleteProfile",
        summary="Delete a profile",
        scopes=ADMINS,
        statuses=(204, 404, 409, 503),
    ),
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
