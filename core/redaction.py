"""Texts that are shown to others, without secrets. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Shorter values are words of any text ("root", "test", "minio"), and hiding them would hide the text. A password that
# short is guessed sooner than it is read here.
SHORTEST_SECRET = 6
_HIDDEN = "***"
# Up to the last @, as a password may hold one.
_CREDENTIALS = re.compile(r"//[^/\s]*@")


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without these values, and without the credentials of any address in it."""
    hidden = {each for each in secrets if len(each) >= SHORTEST_SECRET}
    # The longest first: a value that holds another one would leave its rest.
    for secret in sorted(hidden, key=lambda each: (-len(each), each)):
        text = text.replace(secret, _HIDDEN)
    return _CREDENTIALS.sub(f"//{_HIDDEN}@", text)
