"""Passwords as Werkzeug stores them: `scrypt:32768:8:1$salt$hash`.

Werkzeug has scrypt since 2.3; Debian 12 has 2.2. The format and the cost are those of newer
versions, so that either can read what the other wrote.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string

COST, BLOCK, PARALLEL = 2**15, 8, 1
SALT_CHARACTERS = string.ascii_letters + string.digits
MIN_LENGTH = 10
MAX_LENGTH = 1000


def hash_password(password: str) -> str:
    """A new hash with a salt of its own; takes 60 ms and 32 MiB."""
    salt = "".join(secrets.choice(SALT_CHARACTERS) for _ in range(16))
    return f"scrypt:{COST}:{BLOCK}:{PARALLEL}${salt}${scrypt(password, salt, COST, BLOCK, PARALLEL)}"


def is_password(password: str, stored: str) -> bool:
    """Compare in constant time. A hash of another method is no match."""
    method, _, rest = stored.partition("$")
    salt, _, expected = rest.partition("$")
    name, *numbers = method.split(":")
    if name != "scrypt" or len(numbers) != 3:
        return False
    return hmac.compare_digest(scrypt(password, salt, *map(int, numbers)), expected)


def scrypt(password: str, salt: str, cost: int, block: int, parallel: int) -> str:
    """RFC 7914 with a key of 64 bytes, in hex."""
    memory = 132 * cost * block * parallel
    key = hashlib.scrypt(password.encode(), salt=salt.encode(), n=cost, r=block, p=parallel, maxmem=memory)
    return key.hex()
