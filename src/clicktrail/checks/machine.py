"""Checks of the machine: variables, disks, files. They read little, and change nothing."""

import contextlib
import os
import shutil
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

from clicktrail.checks.idle import idle_settings, unknown_variables
from clicktrail.choices import is_embedded, store_path
from clicktrail.keyring import KEY_FILE, KeyFile, read_keys
from clicktrail.observe.findings import Finding
from clicktrail.settings import Settings, SettingsError

VISITED = ("/{code}", "/collect", "/p.gif")
"""Ends of the routes that visitors' browsers call."""
_LEAST_FREE_BYTES = 1 << 30


def check_environment(settings: Settings) -> Iterator[Finding]:
    """Variables that look like settings but are not, and settings without effect."""
    for trouble in unknown_variables():
        yield Finding("environment", trouble, "Unset it, or see `clicktrail settings` for the names.")
    with contextlib.suppress(SettingsError):  # the check of the store reports it
        for trouble in idle_settings(settings, is_embedded(settings)):
            yield Finding("settings", trouble, "Remove it.")
    if not unknown_variables():
        yield Finding("environment", "every CLICKTRAIL_ variable is a setting")


def check_privacy(settings: Settings) -> Iterator[Finding]:
    """What is stored of a click, by the policy in force."""
    forms = f"addresses {settings.ip}"
    if settings.ip_after_days:
        forms += f", {settings.old_ip} after {settings.ip_after_days} days"
    parts = (
        *(forms, f"user agents {settings.user_agent}", f"uris {settings.uri}", f"referrers {settings.referrer}"),
        f"coordinates {settings.coordinates}",
    )
    yield Finding("privacy", f"stored of a click: {'; '.join(parts)}")


def check_data(settings: Settings) -> Iterator[Finding]:
    """The data directory exists and is writable."""
    data = Path(settings.data)
    if not data.exists():
        yield Finding("data", f"{data} does not exist yet; `clicktrail serve` creates it")
        return
    if not os.access(data, os.W_OK | os.X_OK):
        yield Finding(
            "data", f"{data} is not writable", f"Give it to the user that runs the server: chown -R USER {data}"
        )
        return
    yield Finding("data", f"{data} is writable")


def check_space(settings: Settings) -> Iterator[Finding]:
    """The disks of the data directory and of the store have space for moving the log into the file."""
    folders = [Path(settings.data)]
    with contextlib.suppress(SettingsError):
        folders.append(store_path(settings).parent)
    for folder in dict.fromkeys(folder.absolute() for folder in folders if folder.exists()):
        free = shutil.disk_usage(folder).free
        if free < _LEAST_FREE_BYTES:
            yield Finding(
                "space", f"{free >> 20} MiB are free at {folder}", "Free disk space: at least 1 GiB is needed."
            )
        else:
            yield Finding("space", f"{free >> 30} GiB are free at {folder}")


def check_key(settings: Settings) -> Iterator[Finding]:
    """The signing key is valid, and only its owner can read it. On PostgreSQL it is in the database."""
    with contextlib.suppress(SettingsError):
        if not is_embedded(settings):
            return
    path = Path(settings.data) / KEY_FILE
    if not path.exists():
        yield _missing_key(settings)
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "key", f"{path} has mode {mode:04o}", f"Other users can read it and make tokens: chmod 600 {path}"
        )
    try:
        read_keys(KeyFile(path).read(""))
    except (OSError, ValueError) as error:
        yield Finding(
            "key", f"{path}: {error}", "Restore a copy of it, or remove it; without it all tokens become invalid."
        )
    else:
        yield Finding("key", f"{path} is valid")


def _missing_key(settings: Settings) -> Finding:
    if not store_path(settings).exists():
        return Finding("key", "no signing key yet; it is created on first use")
    return Finding(
        "key",
        "this store has no signing key, as after an import. If tokens for it exist, copy their key here; "
        "a new key, created on first use, makes them invalid",
        is_known=False,
    )


def check_certificates(settings: Settings) -> Iterator[Finding]:
    """Trusted certificates exist, if postbacks are sent: they verify the partners' servers."""
    if not settings.send_postbacks:
        yield Finding("postbacks", "no postbacks are sent: CLICKTRAIL_SEND_POSTBACKS is off")
        return
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        yield Finding("postbacks", f"certificates are verified with {paths.cafile or paths.capath}")
    else:  # not a problem while there are no postbacks
        lacking = f"no trusted certificates at {paths.openssl_cafile}"
        yield Finding("postbacks", f"{lacking}: no postback can be sent until ca-certificates or SSL_CERT_FILE exist")


def judge_proxies(private: float, public: float, visits: float) -> Finding:
    """Whether visits came through a proxy that is not trusted. `private` and `public` are the visits with a forwarding
    header, by kind of peer.
    """
    if private:
        return Finding(
            "proxies",
            f"{private:.0f} visits came through an untrusted proxy, so all its visitors count as one address",
            "Name the proxy in CLICKTRAIL_TRUSTED_PROXIES; the server's log has its address.",
        )
    if public:
        state = f"{public:.0f} visits from the internet had Forwarded or X-Forwarded-For, which anyone can send"
        return Finding("proxies", f"{state}. If the server is behind a CDN, name it in CLICKTRAIL_TRUSTED_PROXIES")
    if not visits:
        return Finding("proxies", "the server has had no visit since its start", is_known=False)
    return Finding("proxies", "no visit came through a proxy that is not trusted")
