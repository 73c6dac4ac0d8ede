"""Tests of the editor: drafts, preview, publishing, changes, pictures, deletion."""

from __future__ import annotations

import re

import pytest
from browser import Browser, Fields
from conftest import Blog, publish
from images_test import gif, png


def test_everything_of_the_owner_asks_for_a_login(blog: Blog) -> None:
    publish(blog.owner(), "One")
    visitor = blog.visitor()
    for path in (
        "/write",
        "/edit/1",
        "/edit/99",
        "/delete/1",
        "/manage",
        "/images",
        "/comments",
        "/settings",
        "/logout",
    ):
        answer = visitor.get(path)
        assert (answer.status, answer.location.split("?")[0]) == (303, "/cgi/login"), path
    token = str(visitor.get("/login").form()[2]["csrf"])
    for path in ("/delete/1", "/images", "/comments", "/settings", "/password"):
        answer = visitor.post(path, {"csrf": token, "action": "delete", "comment": "1"})
        assert answer.status == 303 and "/login" in answer.location, path
    assert visitor.post("/write", {"csrf": token, "title": "x", "body": "y", "action": "publish"}).status == 403
    assert visitor.post("/edit/1", {"csrf": token, "title": "x", "body": "y", "action": "save"}).status == 403
    assert blog.value("SELECT count(*) FROM entries WHERE title = 'One'") == 1


def test_head_changes_nothing_and_is_answered_like_get(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "One")
    for path in (
        "/write",
        "/edit/1",
        "/delete/1",
        "/manage",
        "/images",
        "/comments",
        "/settings",
        "/logout",
        "/entry/one",
    ):
        head = owner.request("HEAD", path, b"", {})
        assert (head.status, head.content) == (200, b""), path
    assert owner.get("/manage").status == 200, "still logged in"
    assert blog.value("SELECT count(*) FROM entries") == 1
    assert blog.visitor().request("HEAD", "/write", b"", {}).status == 303


def test_a_draft_is_for_its_author_alone_until_it_is_published(blog: Blog) -> None:
    owner, visitor = blog.owner(), blog.visitor()
    saved = publish(owner, "Plans", "Not yet.", "later", action="save")
    assert "The draft was saved." in owner.follow(saved).text
    for path in ("/", "/feed.xml", "/sitemap.xml", "/archive/", "/search?q=plans"):
        assert "lans<" not in visitor.get(path).text, path
    assert visitor.get("/entry/plans").status == 404
    published = owner.submit(owner.open(saved.location), {"action": "publish"})
    assert published.location == "/cgi/entry/plans"
    assert "Not yet." in visitor.get("/entry/plans").text


def test_a_published_entry_keeps_address_and_date_and_can_be_withdrawn(blog: Blog) -> None:
    owner, visitor = blog.owner(), blog.visitor()
    publish(owner, "First title")
    blog.sql("UPDATE entries SET published_at = 1700000000, month = '2023-11'")
    edit = owner.get("/edit/1")
    assert owner.submit(edit, {"title": "Another title", "action": "save"}).location == "/cgi/entry/first-title"
    page = visitor.get("/entry/first-title").text
    assert "Another title" in page and "14 November 2023" in page
    owner.submit(owner.get("/edit/1"), {"action": "withdraw"})
    assert visitor.get("/entry/first-title").status == 404
    owner.submit(owner.get("/edit/1"), {"action": "publish"})
    assert "14 November 2023" in visitor.get("/entry/first-title").text


def test_a_draft_takes_the_address_of_its_last_title(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Working title", action="save")
    owner.submit(owner.get("/edit/1"), {"title": "Real title", "action": "publish"})
    assert blog.value("SELECT slug FROM entries") == "real-title"


def test_preview_shows_the_text_and_stores_nothing(blog: Blog) -> None:
    owner = blog.owner()
    page = publish(owner, "A <title>", "Some *text*.\n\n<script>alert(1)</script>", "a, b", action="preview")
    assert page.status == 200
    assert "<em>text</em>" in page.text and "<script" not in page.text
    fields = page.form()[2]
    assert fields["title"] == "A <title>"
    assert fields["body"] == "Some *text*.\n\n<script>alert(1)</script>"
    assert fields["tags"] == "a, b"
    assert blog.value("SELECT count(*) FROM entries") == 0
    assert owner.submit(page, {"action": "publish"}).status == 303


def test_the_form_gives_back_exactly_what_was_written(blog: Blog) -> None:
    owner = blog.owner()
    body = '\tcode first\n\n</textarea>&amp; "quotes"\n\n日本 \U0001f600'
    publish(owner, "Text", "\r\n" + body.replace("\n", "\r\n") + "\r\n", action="save")
    assert owner.get("/edit/1").form()[2]["body"] == body.strip()


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        ({"title": "", "body": "x", "action": "publish"}, "needs a title"),
        ({"title": "x", "body": " \r\n ", "action": "publish"}, "needs a text"),
        ({"title": "x" * 201, "body": "x", "action": "save"}, "at most 200 characters"),
        ({"title": "x", "body": "x" * 200_001, "action": "save"}, "at most 200000 characters"),
    ],
)
def test_what_cannot_be_saved_comes_back_with_the_reason(blog: Blog, fields: dict[str, str], want: str) -> None:
    owner = blog.owner()
    answer = owner.submit(owner.get("/write"), fields)
    assert answer.status == 422
    assert want in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert blog.value("SELECT count(*) FROM entries") == 0


def test_a_draft_may_lack_title_and_text(blog: Blog) -> None:
    assert publish(blog.owner(), "", "", action="save").status == 303
    assert blog.value("SELECT title FROM entries") == "Untitled"


def test_a_change_in_another_window_is_not_overwritten(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Note", "one")
    mine, other = owner.get("/edit/1"), owner.get("/edit/1")
    assert owner.submit(other, {"body": "two", "action": "save"}).status == 303
    answer = owner.submit(mine, {"body": "three", "action": "save"})
    assert answer.status == 422
    assert "changed in another window" in answer.text and answer.form()[2]["body"] == "three"
    assert blog.value("SELECT body FROM entries") == "two"


def test_a_text_is_handed_back_when_the_login_has_ended(blog: Blog) -> None:
    owner = blog.owner()
    page = owner.get("/write")
    owner.cookies.clear()
    answer = owner.submit(page, {"title": "Lost?", "body": "A long text.", "action": "publish"})
    assert answer.status == 403
    assert "This was not saved" in answer.text and "A long text." in answer.text
    assert blog.value("SELECT count(*) FROM entries") == 0


def test_a_text_is_handed_back_when_its_entry_is_gone(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Note", "one")
    page = owner.get("/edit/1")
    owner.submit(owner.get("/delete/1"), {})
    answer = owner.submit(page, {"body": "two", "action": "save"})
    assert answer.status == 403 and "two" in answer.text and "deleted meanwhile" in answer.text


def test_delete_asks_first_and_takes_comments_along(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Note")
    blog.sql("INSERT INTO comments (entry_id, author, body, created_at) VALUES (1, 'a', 'b', 1)")
    page = owner.get("/delete/1")
    assert "Delete “Note”?" in page.text
    assert blog.value("SELECT count(*) FROM entries") == 1
    assert "“Note” was deleted." in owner.follow(owner.submit(page, {})).text
    assert blog.value("SELECT count(*) FROM entries") == 0
    assert blog.value("SELECT count(*) FROM comments") == 0
    assert owner.get("/delete/1").status == 404


def add_picture(owner: Browser, content: bytes, name: str = "x.png", **fields: str) -> "tuple[int, str, str]":
    """Send a picture with the editor: status, page, and the text in the form."""
    values = {"title": "With a picture", "body": "Look:", "image_description": "A [white] box", "action": "picture"}
    answer = owner.submit(owner.get("/write"), {**values, **fields, "image": (name, content)})
    return answer.status, answer.text, str(answer.form()[2]["body"])


def test_a_picture_goes_into_the_text_and_is_shown(blog: Blog) -> None:
    owner, visitor = blog.owner(), blog.visitor()
    status, _, body = add_picture(owner, png(3, 2))
    assert status == 200
    found = re.fullmatch(r"Look:\n\n!\[A \(white\) box\]\(media/([0-9a-f]{20}\.png)\)", body)
    assert found is not None
    publish(owner, "Seen", body)
    page = visitor.get("/entry/seen").text
    assert f'<img src="/cgi/media/{found[1]}" alt="A (white) box" loading="lazy" width="3" height="2">' in page
    image = visitor.get(f"/media/{found[1]}")
    assert (image.status, image.content) == (200, png(3, 2))
    assert image.fields["Content-Type"] == "image/png"
    assert image.fields["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in image.fields["Content-Security-Policy"]
    listed = owner.get("/images").text
    assert "in 1 entry" in listed and "3 × 2" in listed


def test_a_picture_that_comes_with_publish_is_taken_too(blog: Blog) -> None:
    owner = blog.owner()
    values: Fields = {
        "title": "Both",
        "body": "Look:",
        "image_description": "Box",
        "action": "publish",
        "image": ("x", gif()),
    }
    assert owner.submit(owner.get("/write"), values).location == "/cgi/entry/both"
    assert ".gif" in blog.visitor().get("/entry/both").text


@pytest.mark.parametrize(
    ("content", "fields", "want"),
    [
        (b"<script>alert(1)</script>", {}, "Only PNG, JPEG, GIF and WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {}, "Only PNG, JPEG, GIF and WebP"),
        (b"", {}, "Only PNG, JPEG, GIF and WebP"),
        (png() + b"\0" * 3000, {}, "at most 2 KiB"),
        (png(), {"image_description": " "}, "say what the picture shows"),
    ],
    ids=["html", "svg", "empty", "too large", "no description"],
)
def test_another_file_is_refused_and_nothing_stored(
    blog: Blog, content: bytes, fields: dict[str, str], want: str
) -> None:
    owner = blog.owner()
    small = Blog({**blog.settings, "BLOG_MAX_IMAGE_BYTES": "2048"})
    owner.call = small.in_process
    status, page, body = add_picture(owner, content, "photo.png", **fields)
    assert status == 422
    assert want in page and body == "Look:"
    assert blog.value("SELECT count(*) FROM images") == 0


def test_a_form_beyond_all_limits_is_refused(blog: Blog) -> None:
    owner = blog.owner()
    page = owner.get("/write")
    assert owner.submit(page, {"title": "x", "body": "x" * 9_000_000, "action": "save"}).status == 413
    assert owner.submit(page, {"title": "x", "image": ("x.png", png() + b"\0" * 9_000_000)}).status == 413


def test_an_unused_picture_can_be_deleted(blog: Blog) -> None:
    owner = blog.owner()
    add_picture(owner, png())
    page = owner.get("/images")
    assert "not used" in page.text
    name = str(page.form()[2]["name"])
    assert "The picture was deleted." in owner.follow(owner.submit(page, {})).text
    assert blog.visitor().get(f"/media/{name}").status == 404
    assert owner.submit(page, {}).status == 404
