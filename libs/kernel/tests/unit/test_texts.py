import pytest
from fp_kernel import InvalidArgument
from fp_kernel.texts import check_line, check_lines, is_text

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    "text",
    [
        "prix\u00a0: 10\u00a0\u20ac",
        "\u6771\u4eac\u3000\u99c5",
        FAMILY,
        SCOTLAND,
        "\u0645\u06cc\u200c\u062e\u0648",
        "so\u00adft",
        "O'Hara & \u00f1",
        "\U0001fae8",
        "\U000323b0",
    ],
)
def test_text_of_every_language_is_text(text):
    assert is_text(text)
    check_line(text, "name", 100)
    check_lines(text, "note", 100)


@pytest.mark.parametrize(
    "text",
    [
        "a\u0000b",
        "a\u0007b",
        "a\u001bb",
        "a\u202eb",
        "a\u2066b",
        "a\u200bb",
        "a\ufeffb",
        "a\u2028b",
        "\ud800",
        "\ue000",
        "\U000e0001",
        "\ufffe",
        "\ufdd0",
    ],
)
def test_what_hides_or_controls_is_no_text(text):
    assert not is_text(text)
    with pytest.raises(InvalidArgument, match="control characters"):
        check_line(text, "name", 100)
    with pytest.raises(InvalidArgument, match="control characters"):
        check_lines(text, "note", 100)


def test_lines_are_welcome_only_where_a_text_may_have_several():
    check_lines("first\n\tsecond\r\n", "note", 100)
    with pytest.raises(InvalidArgument, match="name: must be one line"):
        check_line("first\nsecond", "name", 100)


@pytest.mark.parametrize("text", [" a", "a ", "a\u00a0", "\u3000a"])
def test_a_line_has_no_outer_spaces(text):
    with pytest.raises(InvalidArgument, match="name: must not begin or end with a space"):
        check_line(text, "name", 100)


def test_lengths_are_counted_in_characters():
    check_line("\u6771" * 5, "name", 5)
    with pytest.raises(InvalidArgument, match="name: has 6 characters, at most 5"):
        check_line("\u6771" * 6, "name", 5)
    with pytest.raises(InvalidArgument, match="name: must not be empty"):
        check_line("", "name", 5, required=True)
