"""Tests of images.py: recognised by content, cut files and other files refused, positions removed."""

from __future__ import annotations

import struct
import zlib

import pytest
from blog.images import NotAnImage, exif_orientation, recognise


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 3, height: int = 2) -> bytes:
    """A white PNG picture."""
    rows = b"".join(b"\0" + b"\xff" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def segment(marker: int, data: bytes) -> bytes:
    """A JPEG segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def tiff(order: str, orientation: int) -> bytes:
    """EXIF data with an orientation and something private behind it."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    field = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(order + "IH", 8, 1) + field + struct.pack(order + "I", 0) + b"PRIVATE"


def jpeg(*extra: bytes, width: int = 3, height: int = 2) -> bytes:
    """The skeleton of a JPEG picture: enough to be recognised, with more segments in front."""
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0")
    scan = segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"data\xff\0more\xff\xd9"
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return b"\xff\xd8" + jfif + b"".join(extra) + frame + scan


def gif(width: int = 3, height: int = 2) -> bytes:
    """A GIF picture of one colour."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0;"


def webp(chunk_name: bytes, data: bytes) -> bytes:
    """A WebP file with one chunk."""
    body = b"WEBP" + chunk_name + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


PICTURES = {
    "png": (png(3, 2), "image/png"),
    "gif": (gif(3, 2), "image/gif"),
    "jpg": (jpeg(), "image/jpeg"),
    "webp extended": (webp(b"VP8X", b"\0\0\0\0" + b"\2\0\0" + b"\1\0\0"), "image/webp"),
    "webp lossless": (webp(b"VP8L", b"\x2f" + struct.pack("<I", 2 | 1 << 14) + b"\0" * 5), "image/webp"),
    "webp lossy": (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 3, 2)), "image/webp"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_recognise_tells_type_and_size_by_content(name: str) -> None:
    content, media_type = PICTURES[name]
    picture = recognise(content)
    assert (picture.media_type, picture.width, picture.height) == (media_type, 3, 2)
    assert picture.content == content
    assert picture.name == recognise(content).name
    assert picture.name.endswith("." + name.split()[0])


@pytest.mark.parametrize("name", PICTURES)
def test_recognise_refuses_every_cut_of_a_picture(name: str) -> None:
    content = PICTURES[name][0]
    # A JPEG is not read beyond the head of its scan: its last bytes are the decoder's affair.
    end = content.index(b"data") if name == "jpg" else len(content)
    kept = [length for length in range(end) if can_recognise(content[:length])]
    assert kept == []


def can_recognise(content: bytes) -> bool:
    """Is it taken for a picture?"""
    try:
        recognise(content)
        return True
    except NotAnImage:
        return False


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"GIF89a" + b"<script>" * 4,
        b"\x89PNG\r\n\x1a\n<script>",
        b"\xff\xd8\xff\xe0\0\1",
        b"\xff\xd8\xff" + b"\xff" * 40,
        b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\0" * 20,
        webp(b"ALPH", b"\0" * 20),
        b"BM" + b"\0" * 60,
        png(0, 1),
        png(20_001, 1),
    ],
    ids=range(13),
)
def test_recognise_refuses_everything_else(content: bytes) -> None:
    with pytest.raises(NotAnImage):
        recognise(content)


@pytest.mark.parametrize("order", ["<", ">"])
def test_recognise_removes_what_a_camera_adds_but_keeps_which_side_is_up(order: str) -> None:
    exif = segment(0xE1, b"Exif\0\0" + tiff(order, 6))
    private = [
        exif,
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0PRIVATE"),
        segment(0xED, b"PRIVATE"),
        segment(0xFE, b"PRIVATE"),
    ]
    profile = segment(0xE2, b"ICC_PROFILE\0\1\1colours")
    stored = recognise(jpeg(*private, profile)).content
    assert b"PRIVATE" not in stored
    assert b"colours" in stored
    at = stored.index(b"Exif\0\0")
    assert exif_orientation(stored[at + 6 :]) == 6
    assert recognise(stored).content == stored


def test_recognise_adds_nothing_when_the_picture_is_upright() -> None:
    assert recognise(jpeg(segment(0xE1, b"Exif\0\0" + tiff(">", 1)))).content == jpeg()
    assert recognise(jpeg(segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"))).content == jpeg()
