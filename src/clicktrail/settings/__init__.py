"""Settings: each is an option of the command line, or `CLICKTRAIL_NAME` in the environment."""

from clicktrail.settings.read import PREFIX, SettingHelp, SettingsError, describe_values, load_settings, setting_table
from clicktrail.settings.table import Settings

__all__ = [
    "PREFIX",
    "SettingHelp",
    "Settings",
    "SettingsError",
    "describe_values",
    "load_settings",
    "setting_table",
]
