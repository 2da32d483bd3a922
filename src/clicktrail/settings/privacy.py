"""Settings of what is kept of a click, and of what partners see of it."""

from typing import Annotated, Literal

from msgspec import Meta

from clicktrail.settings.server import ServerSettings

_PARTS = "full, origin, or names of parameters separated by commas"
_DROPPED = (
    *("*email*", "mail", "*password*", "*passwd*", "pwd", "*secret*", "*token*", "*apikey*", "auth", "authorization"),
    *("*session*", "*sessid*", "sid", "jwt", "otp", "phone", "phonenumber", "telephone", "mobilephone", "tel"),
    *("msisdn", "firstname", "lastname", "surname", "fullname", "username", "birthday", "birthdate", "dob", "iban"),
    *("ssn", "cardnumber", "cvv"),
)
"""No name here is one that campaigns or affiliate networks use for the codes of links and clicks."""


class PrivacySettings(ServerSettings, frozen=True, forbid_unknown_fields=True):
    """The policy of a click (docs/privacy.md)."""

    ip: Annotated[
        Literal["full", "truncated", "hashed", "none"],
        Meta(
            description="What is stored of addresses: `full`, `truncated` (the network: /24 of IPv4, /48 of IPv6), "
            "`hashed` (with a secret of the day) or `none`. Place, robots, repeats and visitors are found before.",
            examples=["truncated"],
        ),
    ] = "full"
    ip_after_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3650,
            description="Whole UTC days after which `CLICKTRAIL_OLD_IP` is kept of a click's address. 0 keeps them as "
            "they are.",
            examples=[30],
        ),
    ] = 0
    old_ip: Annotated[
        Literal["truncated", "none"],
        Meta(
            description="What is kept of addresses after `CLICKTRAIL_IP_AFTER_DAYS`: `truncated` or `none`.",
            examples=["truncated"],
        ),
    ] = "none"
    user_agent: Annotated[
        Literal["full", "parsed"],
        Meta(
            description="What is stored of user agents: `full`, or `parsed`: only device, browser, system and robot.",
            examples=["parsed"],
        ),
    ] = "full"
    uri: Annotated[
        str,
        Meta(
            min_length=1,
            title=_PARTS,
            description="What is stored of a click's `uri`: `full`, `origin` (scheme and host), or the names of the "
            "parameters that stay, separated by commas. Link, banner and utm fields are found before.",
            examples=["utm_source,utm_campaign"],
        ),
    ] = "full"
    referrer: Annotated[
        str,
        Meta(
            min_length=1,
            title=_PARTS,
            description="What is stored of a click's `referrer`, in the same words as `CLICKTRAIL_URI`.",
            examples=["origin"],
        ),
    ] = "full"
    dropped_parameters: Annotated[
        str,
        Meta(
            description="Names of parameters that are never stored in `uri` and `referrer`, separated by commas. `*` "
            "is any text; upper case, `_`, `-` and `.` do not count. Empty stores all.",
            examples=["*email*,*token*,sid"],
        ),
    ] = ",".join(_DROPPED)
    coordinates: Annotated[
        Literal["city", "rounded", "country", "none"],
        Meta(
            description="What is stored of coordinates: `city` as the geo data has them, `rounded` to one decimal "
            "(11 km), the point of the `country`, or `none`.",
            examples=["rounded"],
        ),
    ] = "city"
    partner_sees_visitors: Annotated[
        bool,
        Meta(
            description="Whether partners see addresses and user agents of their clicks whole. By default they see "
            "the network of the address, and device, browser and system, and their tracker callbacks find no click "
            "by an address.",
            examples=[True],
        ),
    ] = False
    report_least_clicks: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Rows of reports with fewer clicks are not shown to partners and readers (the scope `read`). "
            "They count in totals and in `other`. 0 disables this.",
            examples=[5],
        ),
    ] = 0
