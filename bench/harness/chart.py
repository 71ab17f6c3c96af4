"""Charts as SVG: bars in groups, and lines over time. White ground, no script, one font: they are part of a README."""
from html import escape

COLOURS = ("#336791", "#9aa5b1", "#e0a458", "#7a9e7e", "#c8553d")
FONT = 'font-family="sans-serif" font-size="12" fill="#24292f"'
WIDTH, LABEL, BAR, GAP = 760, 190, 16, 14


def svg(height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" {FONT}>\n'
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def bars(title, groups, names):
    """groups: {label: {name: value}}; the bars of a group are scaled to its largest, and carry their value. Of all names each has its
    colour, whether it is in this chart or not."""
    colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    names = [name for name in names if any(name in group for group in groups.values())]
    parts, y = [text(10, 22, title, 'font-size="15" font-weight="bold"')], 48
    x = 10
    for name in names:
        parts += [f'<rect x="{x}" y="{y - 10}" width="11" height="11" fill="{colour[name]}"/>', text(x + 16, y, name)]
        x += 34 + 7 * len(name)
    y += 20
    for label, group in groups.items():
        parts.append(text(LABEL - 8, y + len(group) * BAR / 2 + 4, label, 'text-anchor="end"'))
        most = max(group.values())
        for name, value in group.items():
            width = max((WIDTH - LABEL - 90) * value / most, 1)
            parts += [f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR - 3}" fill="{colour[name]}"/>',
                      text(LABEL + width + 6, y + 11, number(value))]
            y += BAR
        y += GAP
    return svg(y, parts)


def lines(title, curves, limit, unit="MB"):
    """curves: {name: [(seconds, value)]}, each over its own time from start to end; a dashed line at the limit."""
    height, left, bottom, top = 300, 60, 260, 60
    most = max([limit] + [value for points in curves.values() for _, value in points]) * 1.1
    parts = [text(10, 22, title, 'font-size="15" font-weight="bold"')]

    def place(share, value):
        return left + share * (WIDTH - left - 30), bottom - value / most * (bottom - top)

    for share, words in ((0, "start"), (0.5, "half of the run"), (1, "end")):
        parts.append(text(place(share, 0)[0], bottom + 20, words, 'text-anchor="middle"'))
    for value in (0, most / 2, most):
        y = place(0, value)[1]
        parts += [f'<path d="M{left} {y:.1f}H{WIDTH - 30}" stroke="#e5e7eb"/>',
                  text(left - 6, y + 4, number(value), 'text-anchor="end"')]
    y = place(0, limit)[1]
    parts += [f'<path d="M{left} {y:.1f}H{WIDTH - 30}" stroke="#c8553d" stroke-dasharray="5 4"/>',
              text(WIDTH - 34, y - 5, f"{number(limit)} {unit}", 'text-anchor="end"')]
    x = 10
    for i, (name, points) in enumerate(curves.items()):
        whole = points[-1][0] or 1
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (place(at / whole, value) for at, value in points))
        colour = COLOURS[i * 2 % len(COLOURS)]
        label = f"{name} ({whole:.0f} s)"
        parts += [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
                  f'<rect x="{x}" y="38" width="11" height="11" fill="{colour}"/>', text(x + 16, 48, label)]
        x += 34 + 7 * len(label)
    return svg(height, parts)
