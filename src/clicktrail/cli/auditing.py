"""Entries of the audit log about commands: the person who runs them, and their actions."""

import os
import pwd
from typing import Any

import click

from clicktrail.http.endpoint.trails import Trail
from clicktrail.model.access import ActorKind, Scope, Viewer
from clicktrail.model.audit import AuditEntry

NOTED = frozenset({"audit export", "backup", "erasures export", "export", "import"})
"""Commands that have an entry although they change nothing by a function of the store."""


def os_user() -> str:
    """The name of the user who runs this process, or its number if it has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def command_words() -> str:
    """The running command without options, such as `token create`."""
    context, words = click.get_current_context(silent=True), list[str]()
    while context is not None and context.parent is not None:
        words.insert(0, context.info_name or "")
        context = context.parent
    return " ".join(words)


def command_trail(object_id: str | None = None, /, **detail: Any) -> Trail:
    """What is known of the running command."""
    words = command_words()
    viewer = Viewer(Scope.ADMIN, actor=os_user(), actor_kind=ActorKind.COMMAND)
    kind = words.split(" ")[0] if " " in words else None
    return Trail(action=words, viewer=viewer, object_type=kind, object_id=object_id, detail=detail)


def command_entry(object_id: str | None = None, /, **detail: Any) -> AuditEntry:
    """The entry of the running command."""
    return command_trail(object_id, **detail).entry(None)
