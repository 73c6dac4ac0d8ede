"""Tests of set-up, login, sessions, settings and the tokens of forms."""

from __future__ import annotations

import re
import time

import pytest
from browser import Browser, call_in_process
from conftest import OWNER, PASSWORD, Blog, log_in, publish

from blog.application import make_application
from blog.config import read_config
from blog.database import open_database
from blog.owner import make_link_token

NEW = {"title": "Notes", "name": "Eve", "password": "another long one", "repeated": "another long one"}


def set_up_path(settings: dict[str, str]) -> str:
    """The path of a new set-up link."""
    database = open_database(read_config(settings))
    try:
        return f"/set-up?token={make_link_token(database)}"
    finally:
        database.close()


def browser_of(settings: dict[str, str]) -> Browser:
    """A visitor of a blog that was not set up."""
    return Browser(call_in_process(make_application(read_config(settings))))


def test_the_set_up_link_makes_the_owner_once(empty_settings: dict[str, str]) -> None:
    browser = browser_of(empty_settings)
    assert "has no owner yet" in browser.get("/login").text
    path = set_up_path(empty_settings)
    form = browser.get(path)
    done = browser.submit(form, NEW)
    assert "Welcome." in browser.follow(done).text
    assert "<title>Notes</title>" in browser_of(empty_settings).get("/").text
    assert publish(browser, "Mine").status == 303, "the set-up has logged in"
    other = browser_of(empty_settings)
    assert other.get(path).status == 403
    again = other.post("/set-up", {**NEW, "token": path.split("=")[1], "csrf": csrf_of(other)})
    assert again.status == 403
    assert log_in(browser_of(empty_settings), "Eve", NEW["password"]).status == 303


def csrf_of(browser: Browser) -> str:
    """A token for the browser's session."""
    return str(browser.get("/login").form()[2]["csrf"])


def test_a_set_up_link_is_void_when_wrong_replaced_or_old(
    empty_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = browser_of(empty_settings)
    first = set_up_path(empty_settings)
    second = set_up_path(empty_settings)
    for path in ("/set-up", "/set-up?token=", "/set-up?token=x", first):
        assert browser.get(path).status == 403, path
    form = browser.get(second)
    assert form.status == 200
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 24 * 3600 + 1)
    assert browser.submit(form, NEW).status == 403


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        ({"name": ""}, "choose a name"),
        ({"title": ""}, "choose a title"),
        ({"password": "short", "repeated": "short"}, "at least 10 characters"),
        ({"repeated": "something else"}, "differ"),
    ],
)
def test_set_up_says_what_is_missing(empty_settings: dict[str, str], fields: dict[str, str], want: str) -> None:
    browser = browser_of(empty_settings)
    answer = browser.submit(browser.get(set_up_path(empty_settings)), {**NEW, **fields})
    assert want in answer.text
    assert browser.submit(answer, NEW).status == 303, "the link is still good"


def test_login_and_logout_say_so(blog: Blog) -> None:
    browser = blog.visitor()
    page = browser.follow(log_in(browser))
    assert "You were logged in." in page.text and "Write the first one" in page.text
    left = browser.submit(browser.get("/logout"), {})
    page = browser.follow(left)
    assert "You were logged out." in page.text
    assert "Write" not in page.text and browser.get("/manage").status == 303


@pytest.mark.parametrize(("name", "password"), [(OWNER, "mistaken"), ("Eve", PASSWORD), ("", ""), (OWNER, "")])
def test_login_does_not_say_which_part_was_wrong(blog: Blog, name: str, password: str) -> None:
    answer = log_in(blog.visitor(), name, password)
    assert answer.status == 403
    assert "Name or password is wrong." in answer.text
    assert password == "" or password not in answer.text


def test_login_is_limited_by_address(blog: Blog) -> None:
    guesser = blog.visitor(address="198.51.100.7")
    assert [log_in(guesser, password="wrong").status for _ in range(9)] == [403] * 8 + [429]
    refused = log_in(guesser)
    assert refused.status == 429, "now even the right password"
    assert refused.fields["Retry-After"] == "900"
    assert log_in(blog.visitor(address="198.51.100.8")).status == 303
    blog.sql("UPDATE attempts SET at = at - 900")
    assert log_in(guesser).status == 303


def test_login_is_limited_for_all_addresses_together(blog: Blog) -> None:
    now = int(time.time())
    rows = ", ".join(f"('login', '10.0.0.{number}', {now})" for number in range(200))
    blog.sql(f"INSERT INTO attempts (kind, address, at) VALUES {rows}")
    assert log_in(blog.visitor()).status == 429


@pytest.mark.parametrize(
    ("target", "want"),
    [
        ("/manage", "/cgi/manage"),
        ("/search?q=a%20b", "/cgi/search?q=a%20b"),
        ("//evil.example/", "/cgi/"),
        ("/\\evil.example", "/cgi/"),
        ("https://evil.example/", "/cgi/"),
        ("/\tx", "/cgi/"),
        ("", "/cgi/"),
    ],
)
def test_login_goes_on_inside_the_blog_alone(blog: Blog, target: str, want: str) -> None:
    browser = blog.visitor()
    fields = {"name": OWNER, "password": PASSWORD, "next": target}
    assert browser.submit(browser.get("/login"), fields).location == want


def test_login_returns_to_the_page_that_asked_for_it(blog: Blog) -> None:
    browser = blog.visitor()
    form = browser.follow(browser.get("/manage"))
    assert browser.submit(form, {"name": OWNER, "password": PASSWORD}).location == "/cgi/manage"


@pytest.mark.parametrize(
    ("base", "name", "is_secure"),
    [("http://h/cgi", "blog_session", False), ("https://h/a/b", "blog_session_tls", True)],
)
def test_the_cookie_is_as_narrow_as_can_be(blog: Blog, base: str, name: str, is_secure: bool) -> None:
    browser = blog.owner(base)
    [cookie] = browser.set_cookies
    assert cookie.startswith(name + "=")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert f"Path={base.split('/h')[1]}" in cookie.split("; ")
    assert ("Secure" in cookie.split("; ")) == is_secure


@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
@pytest.mark.parametrize(
    "path", ["/login", "/logout", "/settings", "/password", "/delete/1", "/images", "/comments", "/set-up"]
)
def test_every_form_needs_its_token(blog: Blog, path: str, token: str | None) -> None:
    owner = blog.owner()
    publish(owner, "Note")
    fields = {"name": OWNER, "password": PASSWORD, "title": "Changed", "page_size": "5"}
    answer = owner.post(path, fields if token is None else {**fields, "csrf": token})
    assert answer.status == 400
    assert owner.get("/manage").status == 200, "still logged in"
    assert blog.value("SELECT count(*) FROM entries") == 1


@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
@pytest.mark.parametrize("path", ["/write", "/edit/1"])
def test_the_editor_needs_its_token(blog: Blog, path: str, token: str | None) -> None:
    owner = blog.owner()
    publish(owner, "Note")
    fields = {"title": "Forged", "body": "x", "revision": "1", "action": "publish"}
    assert owner.post(path, fields if token is None else {**fields, "csrf": token}).status == 403
    assert blog.value("SELECT count(*) FROM entries WHERE title = 'Forged'") == 0


def test_a_token_is_good_for_its_own_session_alone(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Note")
    assert owner.post("/delete/1", {"csrf": csrf_of(blog.visitor())}).status == 400
    before = blog.visitor()
    old = csrf_of(before)
    log_in(before)
    assert before.post("/delete/1", {"csrf": old}).status == 400, "login begins a new session"


def test_a_cookie_that_was_changed_is_no_session(blog: Blog) -> None:
    owner = blog.owner()
    head, _, signature = owner.cookies["blog_session"].rpartition(".")
    owner.cookies["blog_session"] = head + "." + signature[::-1]
    assert owner.get("/manage").status == 303


def test_a_new_password_ends_all_other_sessions(blog: Blog) -> None:
    owner, elsewhere = blog.owner(), blog.owner()
    page = owner.get("/settings")
    fields = {"current": PASSWORD, "password": "a better password", "repeated": "a better password"}
    assert "not the password" in owner.submit(page, {**fields, "current": "x"}, 1).text
    assert "differ" in owner.submit(page, {**fields, "repeated": "x" * 10}, 1).text
    assert elsewhere.get("/manage").status == 200
    assert owner.submit(page, fields, 1).status == 303
    assert owner.get("/manage").status == 200
    assert elsewhere.get("/manage").status == 303
    assert log_in(blog.visitor()).status == 403
    assert log_in(blog.visitor(), password="a better password").status == 303


def test_a_new_link_replaces_a_forgotten_password_and_keeps_the_entries(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Note")
    browser = blog.visitor()
    page = browser.get(set_up_path(blog.settings))
    assert page.form()[2]["name"] == OWNER
    browser.submit(page, {"password": "not forgotten", "repeated": "not forgotten", "title": "Same"})
    assert owner.get("/manage").status == 303
    assert blog.value("SELECT count(*) FROM entries") == 1
    assert log_in(blog.visitor(), password="not forgotten").status == 303


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        ({"title": " "}, "choose a title"),
        ({"title": "x" * 101}, "choose a title"),
        ({"tagline": "x" * 201}, "at most 200"),
        ({"page_size": "0"}, "from 1 to 100"),
        ({"page_size": "²"}, "from 1 to 100"),
        ({"page_size": "101"}, "from 1 to 100"),
        ({"address": "javascript:alert(1)"}, "full address"),
        ({"address": "https://"}, "full address"),
        ({"address": "https://[x/"}, "full address"),
        ({"address": "https://h/?q"}, "full address"),
    ],
)
def test_settings_are_checked(blog: Blog, fields: dict[str, str], want: str) -> None:
    owner = blog.owner()
    answer = owner.submit(owner.get("/settings"), fields)
    assert answer.status == 422 and want in answer.text
    assert blog.value("SELECT count(*) FROM settings WHERE name = 'title'") == 0


def test_settings_change_the_blog(blog: Blog) -> None:
    owner = blog.owner()
    fields = {"title": "Ada & <Co>", "tagline": 'On "engines"', "page_size": "1"}
    assert owner.submit(owner.get("/settings"), fields).status == 303
    publish(owner, "One")
    publish(owner, "Two")
    page = blog.visitor().get("/").text
    assert "Ada &amp; &lt;Co&gt;" in page and "On &#34;engines&#34;" in page
    assert len(re.findall("<article", page)) == 1


def test_the_demonstration_has_its_known_owner_and_three_entries(empty_settings: dict[str, str]) -> None:
    demo = browser_of({**empty_settings, "BLOG_DEMO": "1"})
    assert len(re.findall('<article class="listed"', demo.get("/").text)) == 3
    assert "You were logged in." in demo.follow(log_in(demo, "admin", "default")).text
    assert publish(demo, "New").status == 303
    # Once it is a blog in earnest, the password that everybody knows is worth nothing.
    real = browser_of(empty_settings)
    assert log_in(real, "admin", "default").status == 403
    real.cookies = demo.cookies
    assert real.get("/manage").status == 303
    real.cookies = {}
    real.submit(real.get(set_up_path(empty_settings)), NEW)
    assert log_in(browser_of({**empty_settings, "BLOG_DEMO": "1"}), "admin", "default").status == 403
