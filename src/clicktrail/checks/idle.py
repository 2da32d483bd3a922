"""Settings without effect: misspelt names, and settings of the other engine."""

import os
from collections.abc import Mapping
from difflib import get_close_matches

from clicktrail.settings import PREFIX, Settings, setting_table

_TESTS = PREFIX + "TEST_"
"""Prefix of the test suite's own variables."""


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """A sentence for each variable that looks like a setting but is not: mostly spelling mistakes."""
    known = [row.variable for row in setting_table()]
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    nearest = {name: get_close_matches(name, known, 1) for name in unknown if not name.startswith(_TESTS)}
    return [
        f"{name} is not a setting" + "".join(f" (did you mean {other}?)" for other in others)
        for name, others in nearest.items()
    ]


_BY_ENGINE = {"memory_mb": True, "retention_months": False, "workers": False}
"""Settings of only one engine -> whether it is the embedded one."""
_OF_POSTBACKS = ("postback_networks", "postback_timeout_s", "postback_attempts")


def idle_settings(settings: Settings, is_embedded: bool) -> list[str]:
    """A sentence for each setting without effect, given the other settings."""
    rows = [row for row in setting_table() if getattr(settings, row.name) != row.default]
    engine = "the embedded store" if is_embedded else "PostgreSQL"
    idle = [
        f"{row.option} ({row.variable}) has no effect with {engine}"
        for row in rows
        if _BY_ENGINE.get(row.name, is_embedded) != is_embedded
    ]
    if not settings.send_postbacks:
        idle += [
            f"{row.option} ({row.variable}) has no effect while CLICKTRAIL_SEND_POSTBACKS is off"
            for row in rows
            if row.name in _OF_POSTBACKS
        ]
    if not settings.partner_origins:
        idle += [
            f"{row.option} ({row.variable}) has no effect without CLICKTRAIL_PARTNER_ORIGINS"
            for row in rows
            if row.name == "partner_links"
        ]
    if not settings.ip_after_days:
        idle += [
            f"{row.option} ({row.variable}) has no effect without CLICKTRAIL_IP_AFTER_DAYS"
            for row in rows
            if row.name == "old_ip"
        ]
    return idle
