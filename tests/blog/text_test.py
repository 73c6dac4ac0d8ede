"""Tests of text.py: what is stored, slugs, tags, words, excerpts."""

from __future__ import annotations

import pytest
from blog.text import clean, clean_line, excerpt, fold, plain_of, shorten, slug_of, tags_of, words_of


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("a\r\nb\rc\n", "a\nb\nc"),
        ("a\0b\x0bc\x1bd\x7fe\ufffef\ud800g", "abcdefg"),
        ("tab\tstays", "tab\tstays"),
        ("e\u0301", "\u00e9"),
        ("   ", ""),
    ],
)
def test_clean_leaves_what_can_be_stored(text: str, want: str) -> None:
    assert clean(text) == want


def test_clean_line_makes_one_line() -> None:
    assert clean_line("  two\r\n\twords ") == "two words"


@pytest.mark.parametrize(
    ("title", "want"),
    [
        ("Crème brûlée, again!", "creme-brulee-again"),
        ("100 % of ../../etc/passwd?", "100-of-etc-passwd"),
        ("Straße", "strasse"),
        ("Привет, мир", "привет-мир"),
        ("日本語", "日本語"),
        ("!!!", "entry"),
        ("", "entry"),
        ("a_b", "a-b"),
        ("word " * 40, "-".join(["word"] * 16)),
        ("x" * 300, "entry"),
    ],
)
def test_slug_of_is_short_readable_and_never_empty(title: str, want: str) -> None:
    assert slug_of(title) == want
    assert 0 < len(want) <= 80


def test_tags_of_folds_and_drops_doubles() -> None:
    assert tags_of(" CGI, web  server,cgi,, #new, a/b ") == ["cgi", "web server", "new", "a b"]
    assert len(tags_of(",".join(str(number) for number in range(50)))) == 20
    assert tags_of("x" * 100) == ["x" * 40]


def test_fold_makes_equal_what_reads_equal() -> None:
    assert fold("ÀÉÎ ﬁ ẞ") == "aei fi ss"
    assert words_of("It's_here: naïve-ly 3.14") == ["it", "s", "here", "naive", "ly", "3", "14"]


@pytest.mark.parametrize(
    ("text", "wanted", "want"),
    [
        ("one two three", ["two"], [("one ", False), ("two", True), (" three", False)]),
        ("Zwölf Boxkämpfer", ["boxkampf"], [("Zwölf ", False), ("Boxkämpfer", True)]),
        ("nothing here", ["absent"], [("nothing here", False)]),
        ("a <b> & c", ["c"], [("a <b> & ", False), ("c", True)]),
    ],
)
def test_excerpt_marks_the_words(text: str, wanted: list[str], want: list[tuple[str, bool]]) -> None:
    assert excerpt(text, wanted) == want


def test_excerpt_cuts_a_long_text_around_the_first_hit() -> None:
    text = "before " * 100 + "needle " + "after " * 100
    pieces = excerpt(text, ["needle"], 80)
    assert ("needle", True) in pieces
    assert pieces[0] == ("… ", False)
    assert pieces[-1][0].endswith(" …")
    assert len("".join(piece for piece, _ in pieces)) <= 90
    assert len("".join(piece for piece, _ in excerpt("x" * 5000, ["y"], 80))) <= 90


def test_shorten_cuts_between_words() -> None:
    assert shorten("short", 10) == "short"
    assert shorten("a longer line, cut", 14) == "a longer line …"


def test_plain_of_drops_tags_and_reads_entities() -> None:
    assert plain_of("<p>a &lt;b&gt; &amp; <em>c</em></p>\n<p>d</p>") == "a <b> & c d"
