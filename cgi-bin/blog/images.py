"""Uploaded images: recognised by their content alone, rid of what a camera adds, kept in the database.

The type that a browser claims and the file's name are not looked at. An image's name is the hash
of its content, so that the same picture is stored once and may be cached for ever. They are in
the database and not in a folder because machines that share a database then share them as well,
and one backup holds everything.
"""

from __future__ import annotations

import hashlib
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .database import Database, Row

MAX_SIDE = 20_000  # pixels
PNG_END = b"IEND\xae\x42\x60\x82"  # the last chunk's name and checksum
EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


class NotAnImage(ValueError):
    """The content is no PNG, JPEG, GIF or WebP picture; the text may be shown to the owner."""


class Picture:
    """A recognised picture: its bytes as stored, media type, width and height in pixels."""

    def __init__(self, content: bytes, media_type: str, width: int, height: int) -> None:
        if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
            raise NotAnImage(f"A picture must be between 1 and {MAX_SIDE} pixels wide and high.")
        self.content = content
        self.media_type = media_type
        self.width = width
        self.height = height
        self.name = hashlib.sha256(content).hexdigest()[:20] + "." + EXTENSIONS[media_type]


def recognise(content: bytes) -> Picture:
    """Tell what a file is by its first bytes and its structure. Raises NotAnImage."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR" and PNG_END in content:
            return Picture(content, "image/png", big(content[16:20]), big(content[20:24]))
        if content[:6] in (b"GIF87a", b"GIF89a") and content.endswith(b";"):
            return Picture(content, "image/gif", little(content[6:8]), little(content[8:10]))
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return Picture(content, "image/webp", *webp_size(content))
        if content.startswith(b"\xff\xd8\xff"):
            return read_jpeg(content)
    except IndexError as error:
        raise NotAnImage("The picture is cut short.") from error
    raise NotAnImage("Only PNG, JPEG, GIF and WebP pictures can be added.")


def big(data: bytes) -> int:
    """An unsigned number, most significant byte first."""
    return int.from_bytes(data, "big")


def little(data: bytes) -> int:
    """An unsigned number, least significant byte first."""
    return int.from_bytes(data, "little")


def webp_size(content: bytes) -> tuple[int, int]:
    """Width and height of a WebP file (RFC 9649 2.5, 2.6, 2.7)."""
    if little(content[4:8]) + 8 > len(content):
        raise NotAnImage("The picture is cut short.")
    chunk = content[12:16]
    if chunk == b"VP8X":
        return little(content[24:27]) + 1, little(content[27:30]) + 1
    if chunk == b"VP8L" and content[20] == 0x2F:
        bits = little(content[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        return little(content[26:28]) & 0x3FFF, little(content[28:30]) & 0x3FFF
    raise NotAnImage("This WebP file has no picture in it.")


def read_jpeg(content: bytes) -> Picture:
    """Walk the segments of a JPEG (ITU T.81 B.1.1): find its size, and drop what says where and by whom it was taken.

    Application data other than JFIF, the colour profile and Adobe's colour transform goes, and
    comments too: EXIF may hold a position. The one thing that matters for looking, which side is
    up, is written back.
    """
    kept = [b"\xff\xd8"]
    orientation, size, at = 1, (0, 0), 2
    while content[at] == 0xFF:
        marker, length = content[at + 1], big(content[at + 2 : at + 4])
        segment = content[at : at + 2 + length]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if length < 2 or len(segment) != 2 + length:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            size = (big(segment[7:9]), big(segment[5:7]))
        if marker == 0xE1 and segment[4:10] == b"Exif\0\0":
            orientation = exif_orientation(segment[10:])
        if marker in (0xE0, 0xE2, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(segment)
        at += 2 + length
        if marker == 0xDA:  # the picture's own data follow, up to the end
            if orientation != 1:
                kept.insert(1, orientation_segment(orientation))
            return Picture(b"".join(kept) + content[at:], "image/jpeg", *size)
    raise NotAnImage("The picture is cut short.")


def exif_orientation(tiff: bytes) -> int:
    """The tag Orientation (0x0112) of the first directory: 1 to 8, 1 where it is absent or wrong."""
    read = little if tiff[:2] == b"II" else big
    start = read(tiff[4:8])
    for index in range(min(read(tiff[start : start + 2]), 200)):
        field = tiff[start + 2 + 12 * index : start + 14 + 12 * index]
        if read(field[:2]) == 0x0112 and 1 <= read(field[8:10]) <= 8:
            return read(field[8:10])
    return 1


def orientation_segment(orientation: int) -> bytes:
    """An EXIF segment with the tag Orientation and nothing else."""
    field = b"\x01\x12\x00\x03\x00\x00\x00\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01" + field + b"\0\0\0\0"
    payload = b"Exif\0\0" + tiff
    return b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload


def add_image(database: Database, picture: Picture, description: str) -> None:
    """Store a picture; the same one again changes its description alone."""
    database.run(
        "INSERT INTO images (name, media_type, width, height, description, content, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET description = excluded.description",
        picture.name,
        picture.media_type,
        picture.width,
        picture.height,
        description,
        picture.content,
        int(time.time()),
    )


def list_images(database: Database) -> list[Row]:
    """All images, newest first, without their content; `used` counts the entries that show each."""
    return database.all(
        "SELECT name, width, height, description, length(content) AS byte_count,"
        " (SELECT count(*) FROM entries WHERE body LIKE '%media/' || images.name || '%') AS used"
        " FROM images ORDER BY created_at DESC, name"
    )


def image_size(database: Database, name: str) -> tuple[int, int] | None:
    """Width and height of a stored image, None where there is none of that name."""
    row = database.one("SELECT width, height FROM images WHERE name = ?", name)
    return (row["width"], row["height"]) if row else None


def image_content(database: Database, name: str) -> tuple[str, bytes] | None:
    """Media type and bytes of a stored image."""
    row = database.one("SELECT media_type, content FROM images WHERE name = ?", name)
    return (row["media_type"], bytes(row["content"])) if row else None


def delete_image(database: Database, name: str) -> bool:
    """Forget an image; False where there was none."""
    return database.run("DELETE FROM images WHERE name = ?", name) == 1
