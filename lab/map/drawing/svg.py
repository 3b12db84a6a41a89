"""Shapes of a drawing and how SVG writes them. Positions and sizes are in pixels, y grows downwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from lab import printable

_NARROW = frozenset("iljtfrI.,:;'|!()[]/- ")
_WIDE = frozenset("mwMW@%…→")
_NARROW_EM, _LOWER_EM, _UPPER_EM, _WIDE_EM, _BOLD = 0.46, 0.66, 0.8, 1.0, 1.1
_STYLE = """
text { fill: #1f2933; font-family: 'DejaVu Sans', Verdana, Arial, sans-serif; }
.mono { font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
.muted { fill: #52606d; } .strong { font-weight: bold; } .orange { fill: #b35305; }
.paper { fill: #fcfcfd; } .subnet { fill: #eaf2fb; stroke: #a9c3e3; } .node { fill: #ffffff; stroke: #6b7c93; }
.pod { fill: #e8f5ec; stroke: #86bd98; } .system { fill: #f1ecfa; stroke: #ad9cd6; }
.unready { fill: #f3f4f6; stroke: #9aa5b1; stroke-dasharray: 4 3; }
.machine { fill: #fff8e6; stroke: #cfae58; } .services { fill: #f4f6f8; stroke: #b8c4d0; }
line, polyline { fill: none; } .wire { stroke: #486581; stroke-width: 2; } .bar { stroke: #2f6db5; stroke-width: 5; }
.rule { stroke: #e1d3a6; } .tunnel { stroke: #e8710a; stroke-width: 2.5; stroke-dasharray: 8 5; }
"""


@dataclass(frozen=True, slots=True)
class Font:
    """Size in pixels, and the classes of the style sheet."""

    size: int
    style: str = ""

    def width(self, text: str) -> float:
        """At most so wide is a text, in any of the fonts named: there is nobody to ask for the real width."""
        if "mono" in self.style:
            return len(text) * self.size * 0.605
        return sum(map(_em, text)) * self.size * (_BOLD if "strong" in self.style else 1.0)

    def fit(self, text: str, room: float) -> str:
        """The text itself, or as much of its beginning as there is room for."""
        if self.width(text) <= room:
            return text
        while text and self.width(f"{text}…") > room:
            text = text[:-1]
        return f"{text}…"


def _em(letter: str) -> float:
    """Width of a letter in units of the font's size, as DejaVu Sans, the widest, has it."""
    if letter in _NARROW:
        return _NARROW_EM
    if letter in _WIDE or not letter.isascii():
        return _WIDE_EM
    return _UPPER_EM if letter.isupper() else _LOWER_EM


TITLE = Font(20, "strong")
HEADING = Font(15, "strong")
BODY = Font(13)
STRONG = Font(13, "strong")
MUTED = Font(13, "muted")
MONO = Font(12, "mono")
MONO_STRONG = Font(12, "mono strong")
MONO_MUTED = Font(12, "mono muted")
MONO_ORANGE = Font(12, "mono orange")
ORANGE = Font(14, "strong orange")


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text whose baseline begins at (x, y). `full` is what a pointer resting on it shows when it was cut."""

    x: float
    y: float
    text: str
    font: Font
    full: str = ""

    @property
    def width(self) -> float:
        return self.font.width(self.text)

    def to_svg(self) -> str:
        style = f' class="{self.font.style}"' if self.font.style else ""
        title = f"<title>{escape(self.full)}</title>" if self.full else ""
        at = f'x="{self.x:g}" y="{self.y:g}" font-size="{self.font.size}"'
        return f"<text {at}{style}>{title}{escape(self.text)}</text>"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle. `place` is whose it is, for whoever draws upon the picture."""

    x: float
    y: float
    width: float
    height: float
    style: str
    radius: int = 6
    place: str = ""

    def to_svg(self) -> str:
        place = f' data-place="{escape(self.place)}"' if self.place else ""
        at = f'x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" height="{self.height:g}" rx="{self.radius}"'
        return f'<rect {at} class="{self.style}"{place}/>'


@dataclass(frozen=True, slots=True)
class Line:
    """A line through the points."""

    points: tuple[tuple[float, float], ...]
    style: str

    def to_svg(self) -> str:
        return f'<polyline points="{" ".join(f"{x:g},{y:g}" for x, y in self.points)}" class="{self.style}"/>'


@dataclass
class Drawing:
    """Shapes, drawn in this order: boxes, then lines, then texts, so that no line covers a text."""

    title: str
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    margin: int = 24

    def write(self, x: float, y: float, text: str, room: float, font: Font) -> None:
        """A text at (x, y), cut to `room`."""
        shown = font.fit(text, room)
        self.texts.append(Text(x, y, shown, font, text if shown != text else ""))

    def to_svg(self) -> str:
        """The whole picture as one self-contained SVG document."""
        right = max((box.x + box.width for box in self.boxes), default=0)
        bottom = max((box.y + box.height for box in self.boxes), default=0)
        for text in self.texts:
            right = max(right, text.x + text.width)
            bottom = max(bottom, text.y)
        width, height = round(right + self.margin), round(bottom + self.margin)
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        paper = Box(0, 0, width, height, "paper", 0)
        shapes: list[Box | Line | Text] = [paper, *self.boxes, *self.lines, *self.texts]
        document = "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
                f"<title>{escape(self.title)}</title>",
                f"<style>{_STYLE}</style>",
                *(shape.to_svg() for shape in shapes),
                "</svg>\n",
            ]
        )
        return printable.text(document)  # XML has no way to write a control character
