"""A bar chart, as SVG that is readable on white and on black."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH, ROW, TOP, BOTTOM = 720, 34, 58, 30
LABELS, NUMBERS = 190, 80
"""Left and right of the bars."""
STYLE = """\
  text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .note { font-size: 12px; fill: #59636e }
  .own { fill: #d9480f }
  .peer { fill: #8c959f }
  .strong { font-weight: 600 }
  .axis { stroke: #8c959f; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .own { fill: #ff8a4c }
    .peer { fill: #656c76 }
    .axis { stroke: #656c76 }
  }
"""


def svg(title: str, note: str, bars: list[tuple[str, float, bool]]) -> str:
    """Bars of label, value and whether it is the own program; the longest one first. The scale is
    linear and starts at 0: lengths are in the ratio of values."""
    bars = sorted(bars, key=lambda bar: -bar[1])
    height = TOP + ROW * len(bars) + BOTTOM
    longest = WIDTH - LABELS - NUMBERS
    most = max((value for _, value, _ in bars), default=1)
    summary = "; ".join(f"{label}: {number(value)}" for label, value, _ in bars)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(summary)}</desc>',
        f"<style>\n{STYLE}</style>",
        f'<text class="title" x="12" y="28">{escape(title)}</text>',
    ]
    for index, (label, value, own) in enumerate(bars):
        top = TOP + ROW * index
        length = max(1.5, longest * value / most)
        strong = ' class="strong"' if own else ""
        base = top + ROW / 2 + 1
        lines += [
            f'<text{strong} x="{LABELS - 12}" y="{base:.1f}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="{"own" if own else "peer"}" x="{LABELS}" y="{top}" width="{length:.1f}" '
            f'height="{ROW - 10}" rx="2"/>',
            f'<text{strong} x="{LABELS + length + 8:.1f}" y="{base:.1f}">{number(value)}</text>',
        ]
    lines += [
        f'<line class="axis" x1="{LABELS}" x2="{LABELS}" y1="{TOP - 6}" y2="{TOP + ROW * len(bars) - 4}"/>',
        f'<text class="note" x="12" y="{height - 10}">{escape(note)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """With as many digits as tell something."""
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
