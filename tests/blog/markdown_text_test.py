"""Tests of markdown_text.py: what comes through, and what must not."""

from __future__ import annotations

import re

import pytest
from blog.markdown_text import ATTRIBUTES, TAGS, render, with_root

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>body { display: none }</style>",
    "<base href='https://evil.example/'>",
    "<form action='https://evil.example/'><button>x</button></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](vbscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    '![x" onerror="alert(1)](y)',
    '[x](https://e.example "a\\" onmouseover=\\"alert(1)")',
    '[x](https://e.example/"onmouseover="alert(1))',
    "<https://e.example/\"onmouseover='alert(1)>",
    "<javascript:alert(1)>",
    '```"><script>alert(1)</script>\nx\n```',
    '``` " onclick="alert(1)\nx\n```',
    "| a |\n| :--: |\n| <img src=x onerror=alert(1)> |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--more--><script>alert(1)</script>",
    "<!-- --!><script>alert(1)</script> -->",
    "\u2028<script>alert(1)</script>",
]
TAG = re.compile(r"<(/?)([a-z0-9]+)((?:\s+[a-z]+=\"[^\"]*\")*)\s*/?>")
ATTRIBUTE = re.compile(r"\s+([a-z]+)=\"([^\"]*)\"")


@pytest.mark.parametrize("text", HOSTILE)
def test_render_lets_nothing_through_that_runs(text: str) -> None:
    html = render(text).html
    outside = TAG.sub("", html)
    assert "<" not in outside, f"a tag of an unknown form in {html}"
    for _, tag, attributes in TAG.findall(html):
        allowed = [*ATTRIBUTES.get(tag, []), *({"pre": ["tabindex"], "div": ["class", "tabindex"]}.get(tag, []))]
        assert tag in [*TAGS, "div"], html
        for name, value in ATTRIBUTE.findall(attributes):
            assert name in allowed, html
            if name in ("href", "src"):
                assert re.match(r"(https?:|mailto:|[^:]*$)", value), html


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("# One\n\n###### Six", "<h2>One</h2>\n<h6>Six</h6>"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("3. x", '<ol start="3">\n<li>x</li>\n</ol>'),
        ("```py\n<b>\n```", '<pre tabindex="0"><code class="language-py">&lt;b&gt;\n</code></pre>'),
        ("[x](https://e.example/?a=1&b=2)", '<p><a href="https://e.example/?a=1&amp;b=2">x</a></p>'),
        ("<https://e.example>", '<p><a href="https://e.example">https://e.example</a></p>'),
        ("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>"),
        ('He said "yes"', "<p>He said “yes”</p>"),
        ("a  \nb", "<p>a<br>\nb</p>"),
    ],
)
def test_render_knows_markdown(text: str, want: str) -> None:
    assert render(text).html == want


def test_render_makes_tables_that_scroll_and_align() -> None:
    html = render("| a | b |\n| :-- | --: |\n| c | d |").html
    assert html.startswith('<div class="wide" tabindex="0"><table>')
    assert html.endswith("</table></div>")
    assert '<td class="right">d</td>' in html
    assert "style" not in html


def test_render_gives_own_images_their_size() -> None:
    html = render("![A view](media/0a1b.png)", {"0a1b.png": (40, 30)}.get).html
    assert html == '<p><img src="media/0a1b.png" alt="A view" loading="lazy" width="40" height="30"></p>'
    assert "width" not in render("![x](media/ffff.png)", {"0a1b.png": (40, 30)}.get).html


def test_render_splits_teaser_and_text() -> None:
    rendered = render("First.\n\n<!--more-->\n\nThen.")
    assert rendered.teaser == "<p>First.</p>"
    assert rendered.html == "<p>First.</p>\n<p>Then.</p>"
    assert rendered.summary == "First."
    assert render("All.").teaser == ""
    assert len(render("word " * 200).summary) <= 202


def test_with_root_completes_links_to_this_blog_alone() -> None:
    html = render('![x](media/0a.png) [y](entry/z) `<img src="media/1">` <https://e.example/media/>').html
    done = with_root(html, "/cgi")
    assert '<img src="/cgi/media/0a.png"' in done
    assert '<a href="/cgi/entry/z">' in done
    assert "&lt;img src=&quot;media/1&quot;&gt;" in done
    assert "https://e.example/media/" in done
    assert 'src="http://x/&quot;&gt;/media/0a.png"' in with_root(html, 'http://x/">')
