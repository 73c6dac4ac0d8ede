"""Tests of passwords.py."""

from __future__ import annotations

import pytest
from blog.passwords import hash_password, is_password

# Made with Werkzeug 3.1: generate_password_hash("correct horse battery staple", method="scrypt")
OF_WERKZEUG = (
    "scrypt:32768:8:1$pYrBmfta9lWu63Ck$7abaf6354918619bb701350794d04eb1a650df1bdcc5dd2ff3808a881ae6699b"
    "5e6826c3b35a3b852414264436a769e9f2b02eec015dad99d6b5351618f68058"
)


def test_is_password_reads_what_werkzeug_wrote() -> None:
    assert is_password("correct horse battery staple", OF_WERKZEUG)
    assert not is_password("correct horse battery stapl", OF_WERKZEUG)


def test_hash_password_salts_and_names_its_cost() -> None:
    one, other = hash_password("Pässwörd"), hash_password("Pässwörd")
    assert one != other
    assert one.startswith("scrypt:32768:8:1$")
    assert is_password("Pässwörd", one)
    assert not is_password("Password", one)


@pytest.mark.parametrize("stored", ["", "plain", "pbkdf2:sha256:1$a$b", "scrypt:1$a$b", "md5$a$b"])
def test_is_password_matches_no_other_method(stored: str) -> None:
    assert not is_password("plain", stored)
