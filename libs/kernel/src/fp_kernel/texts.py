"""Which texts of people are accepted: names, notes, descriptions, tags.

Refused are control characters, surrogates, noncharacters, private code points, and invisible characters that change
how the text around them is shown or compared. Every script is welcome: a no-break space, an ideographic space, soft
hyphens and the joiners of emoji and of Indic and Arabic scripts are text, and so is an emoji that is newer than
Python's tables. `str.isprintable` refused these, and with them descriptions in Japanese and French.
"""

import unicodedata

from fp_kernel.errors import invalid

# Zero-width non-joiner and joiner, soft hyphen, the marks of writing direction that plain bidirectional text needs
# (LRM, RLM, ALM), and the tags of flag emoji. Embeddings, overrides and isolates hide what a name says.
_WELCOME_FORMATS = frozenset("\u200c\u200d\u00ad\u200e\u200f\u061c") | {chr(tag) for tag in range(0xE0020, 0xE0080)}
_REFUSED = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_LINE_BREAKS = frozenset("\n\r\t")


def is_text(text: str, *, lines: bool = False) -> bool:
    """Whether every character may stand in a text of people. lines: allow line breaks and tabs."""
    if text.isascii() and text.isprintable():
        return True
    return all((lines and each in _LINE_BREAKS) or _welcome(each) for each in text)


def check_line(text: str, field: str, longest: int, *, required: bool = False) -> None:
    """A text of one line of at most `longest` characters. Raises InvalidArgument naming `field`."""
    check_length(text, field, longest, required=required)
    if text != text.strip():
        raise invalid(field, "must not begin or end with a space")
    if not is_text(text):
        raise invalid(field, "must be one line without control characters")


def check_lines(text: str, field: str, longest: int, *, required: bool = False) -> None:
    """A text of any number of lines. Raises InvalidArgument naming `field`."""
    check_length(text, field, longest, required=required)
    if not is_text(text, lines=True):
        raise invalid(field, "must not hold control characters")


def check_length(text: str, field: str, longest: int, *, required: bool = False) -> None:
    """Raises InvalidArgument naming `field`."""
    if required and not text:
        raise invalid(field, "must not be empty")
    if len(text) > longest:
        raise invalid(field, f"has {len(text)} characters, at most {longest} are allowed")


def _welcome(each: str) -> bool:
    category = unicodedata.category(each)
    if category == "Cf":
        return each in _WELCOME_FORMATS
    return category not in _REFUSED and not _is_noncharacter(ord(each))


def _is_noncharacter(code: int) -> bool:
    """Unicode 16.0, section 23.7: never assigned, for use inside of programs."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # noqa: PLR2004
