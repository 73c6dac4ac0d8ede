"""Tests of comments: waiting, moderation, tokens, limits."""

from __future__ import annotations

import time

import pytest
from browser import Answer, Browser
from conftest import Blog, publish


def comment(browser: Browser, body: str, author: str = "Ben", **fields: str) -> Answer:
    """Fill in the form below the entry `note`."""
    return browser.submit(browser.get("/entry/note"), {"author": author, "body": body, **fields})


def test_a_comment_waits_until_the_owner_approves_it(blog: Blog) -> None:
    owner, visitor = blog.owner(), blog.visitor()
    publish(owner, "Note")
    sent = comment(visitor, "First <b>line</b>\r\nsecond line\r\n\r\nNew paragraph", "Ben <i>")
    assert "will be shown when the author has approved it" in visitor.follow(sent).text
    assert "New paragraph" not in visitor.get("/entry/note").text
    assert visitor.cookies == {}, "a reader needs no cookie"
    page = owner.get("/comments")
    assert "Comments (1)" in page.text
    assert "The comment is shown now." in owner.follow(owner.submit(page, {"action": "approve"})).text
    shown = visitor.get("/entry/note").text
    assert "<h3>Ben &lt;i&gt;</h3>" in shown
    assert "<p>First &lt;b&gt;line&lt;/b&gt;<br>\nsecond line</p>\n<p>New paragraph</p>" in shown
    assert "1 comment" in visitor.get("/").text
    owner.submit(owner.get("/comments"), {"action": "delete"})
    assert "New paragraph" not in visitor.get("/entry/note").text


def test_a_comment_of_the_owner_is_shown_at_once(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Note")
    assert owner.get("/entry/note").form()[2]["author"] == "Ada"
    comment(owner, "By myself", "Ada")
    assert "By myself" in blog.visitor().get("/entry/note").text
    assert owner.submit(owner.get("/entry/note"), {"body": "x", "csrf": "wrong"}).status == 400


def test_a_comment_on_which_somebody_decided_already_is_no_error(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Note")
    comment(blog.visitor(), "x")
    page = owner.get("/comments")
    owner.submit(page, {"action": "delete"})
    assert "already dealt with" in owner.follow(owner.submit(page, {"action": "approve"})).text
    assert owner.submit(page, {"action": "approve", "comment": "9" * 40}).status == 303


@pytest.mark.parametrize(
    ("author", "body"),
    [("", "x"), (" \t", "x"), ("Ben", ""), ("Ben", "\r\n"), ("B" * 61, "x"), ("Ben", "x" * 4001)],
)
def test_an_incomplete_comment_comes_back(blog: Blog, author: str, body: str) -> None:
    publish(blog.owner(), "Note")
    answer = comment(blog.visitor(), body, author)
    assert answer.status == 422
    assert answer.text.count('class="error"') == 1
    assert blog.value("SELECT count(*) FROM comments") == 0


@pytest.mark.parametrize("token", ["", "x", "1.2", "é", "999999999999999.0", "-1.0"])
def test_a_comment_needs_the_token_of_its_form(blog: Blog, token: str) -> None:
    publish(blog.owner(), "Note")
    assert comment(blog.visitor(), "x", token=token).status == 400
    assert blog.value("SELECT count(*) FROM comments") == 0


def test_a_token_is_for_one_entry_and_ends(blog: Blog, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = blog.owner()
    publish(owner, "Note")
    publish(owner, "Other")
    other = str(blog.visitor().get("/entry/other").form()[2]["token"])
    assert comment(blog.visitor(), "x", token=other).status == 400
    page = blog.visitor().get("/entry/note")
    now = time.time()
    for hours, want in ((47, 303), (50, 400), (-2, 400)):
        monkeypatch.setattr(time, "time", lambda hours=hours: now + hours * 3600)
        assert blog.visitor().submit(page, {"author": "Ben", "body": "x"}).status == want, hours


def test_a_program_that_fills_the_hidden_field_is_told_nothing(blog: Blog) -> None:
    publish(blog.owner(), "Note")
    assert comment(blog.visitor(), "Buy!", website="https://spam.example").status == 303
    assert blog.value("SELECT count(*) FROM comments") == 0


def test_an_entry_can_be_closed_for_comments(blog: Blog) -> None:
    owner, visitor = blog.owner(), blog.visitor()
    publish(owner, "Note")
    page = visitor.get("/entry/note")
    edit = owner.get("/edit/1")
    fields = {name: value for name, value in edit.form()[2].items() if name != "takes_comments"}
    assert owner.post("/edit/1", {**fields, "action": "save"}).status == 303
    assert "Send comment" not in visitor.get("/entry/note").text
    assert visitor.submit(page, {"author": "Ben", "body": "x"}).status == 400


def test_one_address_cannot_flood(blog: Blog) -> None:
    publish(blog.owner(), "Note")
    flood = [comment(blog.visitor(address=f"2001:db8::{number:x}"), "x").status for number in range(1, 9)]
    assert flood == [303] * 6 + [429] * 2, "a /64 counts as one"
    assert comment(blog.visitor(address="2001:db8:0:1::1"), "x").status == 303
    assert comment(blog.visitor(address="192.0.2.9"), "x").status == 303
