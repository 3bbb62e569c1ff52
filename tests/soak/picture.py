"""The looks of a day as a picture: one strip a figure, faults shaded behind. Text in, SVG out."""

WIDTH, STRIP, LEFT, TOP, GAP = 900, 90, 130, 46, 18
_LINE, _SHADE, _TEXT = "#1f6f8b", "#f0d9c8", "#333333"


def picture(title, looks, strips, faults):
    """An SVG.

    Args:
        title: Stands above.
        looks: Dicts with ``"hours"`` and the keys of *strips*.
        strips: (key, what it is called, how its values are written, factor) from top to bottom.
        faults: (begin, end, name) in hours.
    """
    hours = max(look["hours"] for look in looks)
    height = TOP + len(strips) * (STRIP + GAP) + 30
    x_of = lambda at: LEFT + (WIDTH - LEFT - 20) * at / hours  # noqa: E731 - two lines of one idea
    bottom = TOP + len(strips) * (STRIP + GAP) - GAP
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' font-family="sans-serif" font-size="12" fill="{_TEXT}">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-size="15">{title}</text>',
    ]
    for begin, end, name in faults:
        if end <= hours:
            parts.append(
                f'<rect x="{x_of(begin):.1f}" y="{TOP}" width="{x_of(end) - x_of(begin):.1f}"'
                f' height="{bottom - TOP}" fill="{_SHADE}"><title>{name}</title></rect>'
            )
    for place, (key, called, form, factor) in enumerate(strips):
        top = TOP + place * (STRIP + GAP)
        most = max(max(look[key] for look in looks) * factor, 1e-9)
        points = " ".join(
            f"{x_of(look['hours']):.1f},{top + STRIP - STRIP * look[key] * factor / most:.1f}"
            for look in looks
        )
        parts += [
            (
                f'<line x1="{LEFT}" y1="{top + STRIP}" x2="{WIDTH - 20}" y2="{top + STRIP}"'
                ' stroke="#999999"/>'
            ),
            f'<text x="10" y="{top + STRIP / 2}">{called}</text>',
            f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{form % most}</text>',
            f'<text x="{LEFT - 6}" y="{top + STRIP}" text-anchor="end">0</text>',
            f'<polyline points="{points}" fill="none" stroke="{_LINE}" stroke-width="1.5"/>',
        ]
    for hour in range(0, int(hours) + 1, max(1, int(hours) // 8)):
        parts.append(
            f'<text x="{x_of(hour):.1f}" y="{bottom + 18}" text-anchor="middle">{hour} h</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
