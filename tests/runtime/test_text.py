# portable
"""mcagent/runtime: text of strings and floats is the same on every interpreter."""

from mcagent.runtime import float_text, json_string

# RFC 8259, section 7; the short escapes wherever there is one, everything else as it is.
SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def expected(code):
    if code in SHORT:
        return SHORT[code]
    return "\\u%04x" % code if code < 32 else chr(code)


def test_every_character_of_interest():
    """Control characters, ASCII, DEL, C1, separators, the ends of the planes."""
    codes = list(range(0x300))
    codes += [0x2028, 0x2029, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1F600]
    codes += [0x10FFFE, 0x10FFFF]
    for code in codes:
        character = chr(code)
        for text, inner in (
            (character, expected(code)),
            ("a" + character + "b", "a" + expected(code) + "b"),
            (character * 2 + "\u20ac\n", expected(code) * 2 + "\u20ac\\n"),
        ):
            assert json_string(text) == '"' + inner + '"', hex(code)
    assert json_string("".join([chr(code) for code in codes])) == (
        '"' + "".join([expected(code) for code in codes]) + '"'
    )


def test_escapes_that_look_like_others():
    """An escaped backslash before "u0008" is no backspace."""
    assert json_string("\\u0008\b\\u000c\f") == '"\\\\u0008\\b\\\\u000c\\f"'
    assert json_string("") == '""'
    assert json_string("</script>&'") == '"</script>&\'"'


def test_floats():
    """The shortest digits that read back, laid out as CPython's repr does."""
    for value, text in (
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (21.4, "21.4"),
        (100.0, "100.0"),
        (1.0 / 3, "0.3333333333333333"),
        (532.41, "532.41"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (0.00012345, "0.00012345"),
        (1e15, "1000000000000000.0"),
        (9007199254740993.0, "9007199254740992.0"),
        (1e16, "1e+16"),
        (1.25e16, "1.25e+16"),
        (1e22, "1e+22"),
        (1e100, "1e+100"),
        (-1e-130, "-1e-130"),
        (123456789.125, "123456789.125"),
    ):
        assert float_text(value) == text
