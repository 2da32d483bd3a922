"""The operations of the tracking edge: links that are followed, registrations, postbacks."""

from dataclasses import replace

from clicktrail.http.endpoint.call import PLAIN
from clicktrail.http.endpoint.operation import PUBLIC, Operation
from clicktrail.http.resources import catalogue as catalog
from clicktrail.http.resources import postbacks, registrations
from clicktrail.http.resources.crud import alter, make_crud
from clicktrail.http.tracking import redirects, sites
from clicktrail.model.access import ADMINS, OBSERVERS, READERS, RECORDERS
from clicktrail.query.fields import DELIVERY, IDENTITY, POSTBACK

_REGISTER = Operation(
    method="POST",
    path="/registrations",
    handler=registrations.create_registration,
    name="createRegistration",
    summary="Register a client, and attribute them to the click that earned them",
    tag="Registrations",
    scopes=RECORDERS,
    body="RegistrationCreate",
    answer="Attribution",
    status=201,
    repeat=True,
    refusals=(409, 422, 503),
)
_CLICK_ATTRIBUTION = replace(
    alter(
        _REGISTER,
        "GET",
        registrations.get_click_attribution,
        "getClickAttribution",
        "Get how a click fared in attribution",
    ),
    path="/clicks/{clickId}/attribution",
    scopes=READERS,
    is_view=True,
    status=200,
    repeat=False,
    refusals=(404,),
)
_REGISTRATIONS = (
    _REGISTER,
    replace(
        alter(
            _CLICK_ATTRIBUTION,
            "GET",
            registrations.get_profile_attribution,
            "getProfileAttribution",
            "Get how a client was attributed",
        ),
        path="/profiles/{profileId}/attribution",
    ),
    _CLICK_ATTRIBUTION,
    replace(
        alter(
            _REGISTER,
            "POST",
            registrations.create_identity,
            "createIdentity",
            "Say whose a browser is",
            "IdentityCreate",
        ),
        path="/identities",
        answer="Identity",
        refusals=(422, 503),
    ),
    replace(
        alter(
            _CLICK_ATTRIBUTION,
            "GET",
            registrations.receive_postback,
            "receivePostback",
            "Register a client by a GET, with a partner's token",
        ),
        path="/postback",
        scopes=PUBLIC,
        parameters=tuple(
            (name, {"type": "string"}, f"`{'.'.join(place)}` of POST /registrations.", "")
            for name, place in (("token", ("token",)), *registrations.POSTBACK.items())
        ),
        status=201,
        repeat=True,
        refusals=(401, 403, 409, 422, 429, 503),
    ),
)

_FOLLOW = Operation(
    method="GET",
    path="",
    handler=redirects.follow_link,
    name="followLink",
    summary="Follow a link: records the click and leads to the landing page",
    tag="Tracking",
    status=302,
    other_statuses=(301, 307),
    media_type="*/*",
    refusals=(404, 410, 429, 503),
)
_FOLLOW_BANNER = replace(
    _FOLLOW,
    path=f"{redirects.BANNER_PREFIX}/{{bannerId}}/{{code}}",
    handler=redirects.follow_banner,
    name="followBanner",
    summary="Follow a link from a banner",
)


_LIST_IDENTITIES = Operation(
    method="GET",
    path=IDENTITY.path,
    handler=catalog.make_list(IDENTITY),
    name="listIdentities",
    summary="Get a list of browsers and whose they are",
    tag="Registrations",
    scopes=OBSERVERS,
    resource=IDENTITY,
    is_list=True,
    answer="Identity",
)
_IDENTITIES = (
    _LIST_IDENTITIES,
    replace(
        alter(_LIST_IDENTITIES, "GET", catalog.make_get(IDENTITY), "getIdentity", "Get whose a browser is"),
        path=f"{IDENTITY.path}/{{identityId}}",
        is_list=False,
        is_view=True,
        refusals=(404,),
    ),
    replace(
        alter(
            _LIST_IDENTITIES, "DELETE", registrations.delete_identity, "deleteIdentity", "Take back whose a browser is"
        ),
        path=f"{IDENTITY.path}/{{identityId}}",
        scopes=ADMINS,
        is_list=False,
        answer="",
        status=204,
        refusals=(404, 503),
    ),
)
_PIXEL = Operation(
    method="GET",
    path="/p.gif",
    handler=sites.get_pixel,
    name="getPixel",
    summary="Record a page view by a picture of one pixel",
    tag="Tracking",
    media_type="*/*",
    samples={"image/gif": None},
    parameters=tuple((name, {"type": "string"}, "As in POST /collect.", "") for name in sites.PIXEL_PARAMETERS),
)
_SITES = (
    _PIXEL,
    replace(
        alter(_PIXEL, "POST", sites.collect, "collect", "Record a page view by a beacon", "View"),
        path="/collect",
        parameters=(),
        answer="ViewAnswer",
        status=201,
        repeat=True,
        body_types=(PLAIN,),
        max_bytes=sites.MAX_VIEW_BYTES,
        refusals=(403, 409, 422, 429, 503),
    ),
    replace(
        alter(_PIXEL, "OPTIONS", sites.allow_collect, "allowCollect", "Ask whether an origin may send beacons"),
        path="/collect",
        parameters=(),
        status=204,
        refusals=(403,),
    ),
    replace(
        alter(_PIXEL, "GET", sites.get_snippet, "getSnippet", "The script that sends page views"),
        path="/clicktrail.js",
        parameters=(),
        other_statuses=(304,),
        samples={"text/javascript; charset=utf-8": "(() => {})()"},
    ),
)


_POSTBACKS = make_crud(
    POSTBACK,
    (
        catalog.make_list(POSTBACK),
        catalog.make_get(POSTBACK),
        postbacks.create_postback,
        postbacks.update_postback,
        postbacks.delete_postback,
    ),
    POSTBACK.path,
)
_ROTATE = Operation(
    method="POST",
    path="/postbacks/{postbackId}/secret",
    handler=postbacks.rotate_secret,
    name="rotatePostbackSecret",
    summary="Give a postback a new secret",
    tag="Postbacks",
    scopes=ADMINS,
    answer="PostbackSecret",
    refusals=(404, 503),
)
_LIST_DELIVERIES = Operation(
    method="GET",
    path=DELIVERY.path,
    handler=catalog.make_list(DELIVERY),
    name="listDeliveries",
    summary="Get a list of what postbacks told, or were to tell",
    tag="Postbacks",
    scopes=READERS,
    resource=DELIVERY,
    is_list=True,
    answer="Delivery",
)
_DELIVERIES = (
    _ROTATE,
    replace(
        alter(_ROTATE, "POST", postbacks.send_test, "testPostback", "Send a made-up event now"),
        path="/postbacks/{postbackId}/test",
        answer="PostbackTest",
        refusals=(404, 409, 429, 503),
    ),
    replace(
        alter(_ROTATE, "POST", postbacks.replay_postback, "replayPostback", "Tell anew all that was given up"),
        path="/postbacks/{postbackId}/replay",
        answer="Replayed",
    ),
    _LIST_DELIVERIES,
    replace(
        alter(_LIST_DELIVERIES, "GET", catalog.make_get(DELIVERY), "getDelivery", "Get a delivery"),
        path=f"{DELIVERY.path}/{{deliveryId}}",
        is_list=False,
        is_view=True,
        refusals=(404,),
    ),
    replace(
        alter(_ROTATE, "POST", postbacks.replay_delivery, "replayDelivery", "Tell one event anew"),
        path=f"{DELIVERY.path}/{{deliveryId}}/replay",
        answer="Delivery",
    ),
)


def _with_secret(operation: Operation) -> Operation:
    return replace(operation, answer="PostbackSecret") if operation.method == "POST" else operation


def tracking_operations(link_path: str) -> list[Operation]:
    """All of them; links are followed below `link_path`."""
    told = [*map(_with_secret, _POSTBACKS), *_DELIVERIES]
    return [*_SITES, *_REGISTRATIONS, *_IDENTITIES, *told, replace(_FOLLOW, path=link_path + "/{code}"), _FOLLOW_BANNER]
