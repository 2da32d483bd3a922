"""What is shown of settings never has a user, a password or a part of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.choices import is_embedded
from clicktrail.settings import SettingsError, load_settings

HIDDEN, PLACE = "postgresql://…", "postgresql://db.example:5432/ct2"
PASSWORDS = st.text(st.sampled_from("ab1:/?#@%&=[],. \\'") | st.characters(codec="utf-8", exclude_characters="\0"))


def shown(url: str) -> str:
    return load_settings({"database": url}, {}).shown_database()


@given(PASSWORDS)
def test_no_password_is_shown_whatever_it_has(password: str) -> None:
    urls = (
        f"postgresql://u:{password}@db.example:5432/ct2",
        f"postgresql://{password}@db.example:5432/ct2?application_name=x",
        f"postgresql://db.example:5432/ct2?password={password}",
        f"postgresql://u@db.example:5432/ct2?password={password}&user=u",
    )
    for url in urls:
        assert shown(url) in (PLACE, HIDDEN), url
    assert shown(f"host=db.example password={password}://") == "…"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://postgres:Geheim?word@127.0.0.1/ct2", "postgresql://127.0.0.1/ct2"),
        ("postgresql://u:a%40b@[::1]:5432,db.example/ct2?sslmode=require", "postgresql://[::1]:5432,db.example/ct2"),
        ("postgres:///ct2?host=/var/run&password=a", "postgres:///ct2"),
        ("postgresql://u:a/b@db.example/ct2", HIDDEN),
        ("postgresql://u:a@b@db.example/ct2", HIDDEN),
        ("postgresql://u:secret", HIDDEN),
        ("duckdb:////var/a@b?.duckdb", "duckdb:////var/a@b?.duckdb"),
        ("host=db.example user=u password=secret", "…"),
    ],
)
def test_the_place_of_the_database_is_shown(url: str, expected: str) -> None:
    assert shown(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "host=db.example password=sec-ret",
        "host=db.example password=sec-ret://",
        "postgresql://u:sec-ret/x@db.example/ct2",
        "postgresql://u:1/sec-ret@db.example/ct2",
        "postgresql://u:x@sec-ret@db.example/ct2",
        "postgresql://u:1/x?sec-ret@db.example/ct2",
        "postgresql://db.example/ct2?sec-ret=1",
    ],
)
def test_a_refused_database_is_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="--database must be") as refused:
        is_embedded(load_settings({"database": url}, {}))
    assert "sec-ret" not in str(refused.value)


def test_a_public_url_has_no_user() -> None:
    with pytest.raises(SettingsError, match="--public-url") as refused:
        load_settings({"public_url": "https://user:sec-ret@clicks.example"}, {})
    assert "user" not in str(refused.value)
    assert "sec-ret" not in str(refused.value)
