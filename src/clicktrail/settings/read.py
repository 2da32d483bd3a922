"""Reads settings from the environment and the command line."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from clicktrail.settings.table import Settings

PREFIX = "CLICKTRAIL_"
_SHOWN = 60
"""Characters of a wrong value that are shown."""


class SettingsError(ValueError):
    """A setting that cannot be read. The message names it and the allowed values."""


class SettingHelp(msgspec.Struct, frozen=True):
    """One row of the table, for the command line and the docs."""

    name: str
    variable: str
    default: Any
    example: Any
    help: str

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"


def setting_table() -> list[SettingHelp]:
    """All settings with their environment variable, default, example and help."""
    return [_help_of(field) for field in msgspec.structs.fields(Settings)]


def _help_of(field: msgspec.structs.FieldInfo) -> SettingHelp:
    meta = _meta_of(_hints()[field.name])
    [example] = meta.examples or []
    shown = str(example).lower() if isinstance(example, bool) else example
    text = f"{meta.description} Example: `{shown}`."
    return SettingHelp(
        name=field.name, variable=PREFIX + field.name.upper(), default=field.default, example=example, help=text
    )


def load_settings(given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """Defaults, then `CLICKTRAIL_…`, then `given` where it is not None. Raises SettingsError with all mistakes."""
    hints = _hints()
    values: dict[str, Any] = {}
    mistakes = []
    for row in setting_table():
        value = given.get(row.name)
        value = environ.get(row.variable) if value is None else value
        if value is None:
            continue
        try:
            str(value).encode()
            values[row.name] = msgspec.convert(value, hints[row.name], strict=False)
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            allowed = (
                describe_values(hints[row.name]) if isinstance(error, msgspec.ValidationError) else "text in UTF-8"
            )
            mistakes.append(f"{row.option} ({row.variable}) must be {allowed}{_not_this(row.name, str(value))}")
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return Settings(**values)


def _not_this(name: str, value: str) -> str:
    """The wrong value as it may be shown: a user and a password are not."""
    if name == "database":
        return ""
    _, at, rest = value.rpartition("@")
    shown = (f"…@{rest}" if at else rest)[:_SHOWN].encode(errors="backslashreplace").decode()
    return f', not "{shown}"'


def describe_values(hint: Any) -> str:
    """The allowed values of a setting of this type, in words."""
    kind, meta = get_args(hint)[0], _meta_of(hint)
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if kind is bool:
        return "true or false"
    if kind is int:
        return (
            f"a whole number of at least {meta.ge}"
            if meta.le is None
            else f"a whole number from {meta.ge} to {meta.le}"
        )
    return meta.title or "a text that is not empty"


@cache
def _hints() -> Mapping[str, Any]:
    return get_type_hints(Settings, include_extras=True)


def _meta_of(hint: Any) -> Meta:
    return next(meta for meta in get_args(hint) if isinstance(meta, Meta))
