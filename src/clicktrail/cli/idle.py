"""What an operator has set and what does nothing: wrong names, and settings of the other engine."""

import os
from collections.abc import Mapping
from difflib import get_close_matches

from clicktrail.settings import PREFIX, Settings, setting_table

_TESTS = PREFIX + "TEST_"
"""What the test suite is set up by."""


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """What is wrong with variables that look like settings and are none: mostly spelling mistakes."""
    known = [row.variable for row in setting_table()]
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    nearest = {name: get_close_matches(name, known, 1) for name in unknown if not name.startswith(_TESTS)}
    return [
        f"{name} is no setting" + "".join(f"; {other} is one" for other in others) for name, others in nearest.items()
    ]


_BY_ENGINE = {"memory_mb": True, "retention_months": False, "workers": False}
"""Settings of one engine alone: whether it is the embedded one."""
_OF_POSTBACKS = ("postback_networks", "postback_timeout_s", "postback_attempts")


def idle_settings(settings: Settings, is_embedded: bool) -> list[str]:
    """What is set and does nothing, beside what else is set."""
    rows = [row for row in setting_table() if getattr(settings, row.name) != row.default]
    engine = "the embedded store" if is_embedded else "PostgreSQL"
    idle = [
        f"{row.option} ({row.variable}) does nothing with {engine}"
        for row in rows
        if _BY_ENGINE.get(row.name, is_embedded) != is_embedded
    ]
    if not settings.send_postbacks:
        idle += [
            f"{row.option} ({row.variable}) does nothing while CLICKTRAIL_SEND_POSTBACKS is off"
            for row in rows
            if row.name in _OF_POSTBACKS
        ]
    return idle
