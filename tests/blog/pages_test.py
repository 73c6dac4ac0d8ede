"""Tests of what a reader sees: lists, entries, archive, search, feed, sitemap, errors, header fields."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urljoin, urlsplit
from xml.etree import ElementTree

import pytest
from conftest import Blog, publish

ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def titles(page: str) -> list[str]:
    """The titles of a list of entries."""
    return re.findall(r'<h2><a href="[^"]*">([^<]*)</a></h2>', page)


def test_index_says_so_when_the_blog_is_empty(blog: Blog) -> None:
    page = blog.visitor().get("/")
    assert page.status == 200
    assert "No entries here so far." in page.text
    assert blog.visitor().get("").location.endswith("/cgi/")


def test_index_shows_pages_by_number(blog: Blog) -> None:
    owner = blog.owner()
    for number in range(12):
        publish(owner, f"Entry {number}")
    visitor = blog.visitor()
    first, second = visitor.get("/"), visitor.get("/?page=2")
    assert titles(first.text) == [f"Entry {number}" for number in range(11, 1, -1)]
    assert titles(second.text) == ["Entry 1", "Entry 0"]
    assert '<a rel="next" href="/cgi/?page=2">' in first.text
    assert '<a rel="prev" href="/cgi/">' in second.text
    for wrong in ("3", "0", "-1", "x", "", "01", "9999999", "²"):
        assert visitor.get(f"/?page={wrong}").status == 404, wrong


def test_entry_has_a_readable_address_and_its_neighbours(blog: Blog) -> None:
    owner = blog.owner()
    for title in ("First one", "Second: & <two>", "Third"):
        publish(owner, title)
    page = blog.visitor().get("/entry/second-two")
    assert page.status == 200
    assert "<h1>Second: &amp; &lt;two&gt;</h1>" in page.text
    assert '<a rel="prev" href="/cgi/entry/first-one">First one</a>' in page.text
    assert '<a rel="next" href="/cgi/entry/third">Third</a>' in page.text


def test_entry_is_found_in_any_script(blog: Blog) -> None:
    publish(blog.owner(), "Привет, мир")
    assert blog.visitor().get("/entry/%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82-%D0%BC%D0%B8%D1%80").status == 200


def test_entries_of_one_title_get_addresses_of_their_own(blog: Blog) -> None:
    owner = blog.owner()
    places = [publish(owner, title).location for title in ("Again", "Again", "again!", "Again 2", "Again")]
    slugs = [place.rsplit("/", 1)[1] for place in places]
    assert slugs == ["again", "again-2", "again-3", "again-2-2", "again-4"]


def test_archive_leads_to_months_and_tags(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "Old", tags="Web Server, cgi")
    publish(owner, "New", tags="cgi")
    publish(owner, "Hidden", tags="secret", action="save")
    blog.sql("UPDATE entries SET published_at = 1700000000, month = '2023-11' WHERE title = 'Old'")
    visitor = blog.visitor()
    page = visitor.get("/archive/").text
    assert "secret" not in page
    assert 'href="/cgi/tag/cgi">cgi</a> <span class="count">2</span>' in page
    assert 'href="/cgi/archive/2023/11">November' in page
    assert titles(visitor.get("/archive/2023/11").text) == ["Old"]
    assert titles(visitor.get("/tag/cgi").text) == ["New", "Old"]
    assert titles(visitor.get("/tag/web%20server").text) == ["Old"]
    for path in ("/tag/secret", "/tag/none", "/archive/2023/12", "/archive/2023/13", "/archive/23/1"):
        assert visitor.get(path).status == 404, path


@pytest.mark.parametrize(
    ("query", "want"),
    [
        ("brulee", ["Dessert"]),
        ("CRÈME Brûl", ["Dessert"]),
        ("kitchen", ["Dessert"]),
        ("serv", ["Servers", "Dessert"]),
        ("creme server", ["Dessert"]),
        ("hidden", []),
        ("server nothing", []),
        ('"', []),
        ('" OR 1=1 --', []),
        ("title:servers", []),
        ("serv* NEAR(x)", []),
        ("'); DROP TABLE entries; --", []),
        ("& | ! <->", []),
        ("\\", []),
        ("%", []),
    ],
)
def test_search_finds_all_words_and_takes_nothing_for_syntax(blog: Blog, query: str, want: list[str]) -> None:
    owner = blog.owner()
    publish(owner, "Dessert", "A *crème brûlée*, eaten beside the server.", "Kitchen")
    publish(owner, "Servers", "Programs that wait for others.")
    publish(owner, "Hidden server", "Not yet.", action="save")
    page = blog.visitor().get("/search?" + urlencode({"q": query}))
    assert page.status == 200
    assert titles(page.text) == want


def test_search_marks_what_it_found_and_escapes_it(blog: Blog) -> None:
    publish(blog.owner(), "Tags", "The tag `<b>` makes text bold & loud.")
    page = blog.visitor().get("/search?q=bol%3Cb%3E").text
    assert "Nothing was found" in page
    page = blog.visitor().get("/search?q=bol").text
    assert "The tag &lt;b&gt; makes text <mark>bold</mark> &amp; loud." in page


def test_search_follows_changes(blog: Blog) -> None:
    owner = blog.owner()
    edited = publish(owner, "Note", "walrus", action="save")
    page = owner.open(edited.location)
    owner.submit(page, {"body": "penguin", "action": "publish"})
    visitor = blog.visitor()
    assert titles(visitor.get("/search?q=walrus").text) == []
    assert titles(visitor.get("/search?q=penguin").text) == ["Note"]
    owner.submit(owner.open(edited.location.replace("/edit/", "/delete/")), {})
    assert titles(visitor.get("/search?q=penguin").text) == []


def test_feed_is_atom_with_full_addresses(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "One & <two>", "![x](media/aa.png) \x0b\x01 and *more*", "tag & co")
    publish(owner, "Draft", action="save")
    answer = blog.visitor("https://blog.example/x").get("/feed.xml")
    assert answer.fields["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ElementTree.fromstring(answer.text)
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["One & <two>"]
    link = entries[0].find(f"{ATOM}link")
    assert link is not None and link.get("href") == "https://blog.example/x/entry/one-two"
    content = entries[0].findtext(f"{ATOM}content") or ""
    assert '<img src="https://blog.example/x/media/aa.png"' in content
    assert "<em>more</em>" in content
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", feed.findtext(f"{ATOM}updated") or "")
    # RFC 4287 4.2.6: the id of an entry does not change, whatever its address.
    again = ElementTree.fromstring(blog.visitor().get("/feed.xml").text)
    path = f"{ATOM}entry/{ATOM}id"
    assert again.findtext(path) == feed.findtext(path)
    assert (feed.findtext(path) or "").startswith("urn:uuid:")


def test_feed_and_sitemap_name_the_address_that_the_owner_set(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "One")
    owner.submit(owner.get("/settings"), {"address": "https://ada.example/blog/"})
    visitor = blog.visitor("http://127.0.0.1:8080/cgi")
    assert "127.0.0.1" not in visitor.get("/feed.xml").text
    assert '<link rel="canonical" href="https://ada.example/blog/entry/one">' in visitor.get("/entry/one").text
    found = [place.text for place in ElementTree.fromstring(visitor.get("/sitemap.xml").text).iter(f"{MAP}loc")]
    assert found == ["https://ada.example/blog/", "https://ada.example/blog/entry/one"]


@pytest.mark.parametrize(
    ("method", "path", "want"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/entry/none", 404),
        ("GET", "/entry/", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/none.css", 404),
        ("GET", "/static/", 404),
        ("GET", "/media/..%2f..%2fsecret.key", 404),
        ("GET", "/media/" + "0" * 20 + ".png", 404),
        ("PUT", "/", 405),
        ("DELETE", "/entry/none", 405),
        ("POST", "/static/blog.css", 404),
        ("POST", "/search", 405),
    ],
)
def test_errors_have_their_status_and_a_page(blog: Blog, method: str, path: str, want: int) -> None:
    answer = blog.visitor().request(method, path, b"", {})
    assert answer.status == want
    assert "Traceback" not in answer.text


def test_every_page_forbids_scripts_and_frames(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "One")
    for browser in (blog.visitor(), owner):
        for path in ("/", "/entry/one", "/archive/", "/search?q=one", "/login", "/nothing", "/feed.xml"):
            answer = browser.get(path)
            policy = answer.fields["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "script-src" not in policy, path
            assert "unsafe" not in policy and "frame-ancestors 'none'" in policy, path
            assert answer.fields["X-Content-Type-Options"] == "nosniff"
            assert "<script" not in answer.text and " style=" not in answer.text, path


def test_pages_of_readers_are_revalidated_and_those_of_the_owner_not_kept(blog: Blog) -> None:
    owner = blog.owner()
    publish(owner, "One")
    visitor = blog.visitor()
    first = visitor.get("/")
    assert first.fields["Cache-Control"] == "no-cache"
    again = visitor.get("/", HTTP_IF_NONE_MATCH=first.fields["ETag"])
    assert (again.status, again.content) == (304, b"")
    for browser in (visitor, Blog({**blog.settings, "BLOG_KEEP_PAGES": "0"}).visitor()):
        head = browser.request("HEAD", "/", b"", {})
        assert head.content == b""
        assert {**dict(head.fields), "Date": ""} == {**dict(first.fields), "Date": ""}
    assert owner.get("/").fields["Cache-Control"] == "no-store, no-transform"
    assert visitor.set_cookies == [] and visitor.cookies == {}


def test_style_sheet_is_kept_for_ever_under_an_address_that_changes_with_it(blog: Blog) -> None:
    visitor = blog.visitor()
    found = re.search(r'<link rel="stylesheet" href="/cgi(/static/blog\.css\?v=[^"]+)">', visitor.get("/").text)
    assert found is not None
    answer = visitor.get(found[1])
    assert (answer.status, answer.fields["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.fields["Cache-Control"]
    assert visitor.get(found[1], HTTP_IF_NONE_MATCH=answer.fields["ETag"]).status == 304
    assert visitor.request("HEAD", found[1], b"", {}).fields["Content-Length"] == str(len(answer.content))


@pytest.mark.parametrize("base", ["http://localhost:8080/cgi", "https://[::1]:8443/cgi/wsgi_wrapper.py", "http://h"])
def test_links_are_right_wherever_the_blog_is_mounted(blog: Blog, base: str) -> None:
    publish(blog.owner(base), "One", "[see](entry/one)")
    visitor = blog.visitor(base)
    page = visitor.get("/")
    links = re.findall(r'(?:href|action)="([^"#]+)', page.text)
    assert len(links) > 8
    # The one way out of the blog is that to the site around it; a blog that is the whole site has none.
    is_within_site = urlsplit(base).path != ""
    assert ('<a href="/">Home</a>' in page.text) == is_within_site
    for link in links:
        if link == "/" and is_within_site:
            continue
        assert visitor.get(urljoin(page.url, link)).status == 200, link
