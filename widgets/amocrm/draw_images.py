"""Draws the archive's logos: `python -m widgets.amocrm.draw_images`, run by hand when the mark changes.

The PNGs are kept beside the code; nothing draws them at build time. The mark is a handset with two sound waves; the
word is drawn from strokes, so no font is needed. Sizes: amoCRM developer pages, "Structure of an integration" (2026).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

# Distance in drawing units from a point to an outline's middle line; below half the stroke's width is ink.
Shape = Callable[[float, float], float]
Colour = tuple[float, float, float]

TOP: Colour = (43, 124, 240)
BOTTOM: Colour = (20, 84, 200)
WHITE: Colour = (255, 255, 255)
INK: Colour = (27, 36, 48)

# file name: width, height, "mark" (the mark alone on colour) or "word" (mark and word on white)
IMAGES = {
    "logo_main": (400, 272, "word"),
    "logo_small": (108, 108, "mark"),
    "logo_medium": (240, 84, "word"),
    "logo_min": (84, 84, "mark"),
    "logo": (130, 100, "word"),
}
SAMPLES = 4  # squared: points looked at per pixel


def stroke(x1: float, y1: float, x2: float, y2: float) -> Shape:
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy

    def distance(x: float, y: float) -> float:
        t = max(0.0, min(1.0, ((x - x1) * dx + (y - y1) * dy) / length))
        return math.hypot(x - x1 - t * dx, y - y1 - t * dy)

    return distance


def arc(cx: float, cy: float, radius: float, start: float = 0.0, sweep: float = 360.0) -> Shape:
    """Part of a circle; angles in degrees, clockwise from three o'clock (y grows downwards)."""
    ends = [
        (cx + radius * math.cos(math.radians(angle)), cy + radius * math.sin(math.radians(angle)))
        for angle in (start, start + sweep)
    ]

    def distance(x: float, y: float) -> float:
        angle = (math.degrees(math.atan2(y - cy, x - cx)) - start) % 360.0
        if angle <= sweep:
            return abs(math.hypot(x - cx, y - cy) - radius)
        return min(math.hypot(x - ex, y - ey) for ex, ey in ends)

    return distance


def handset(x: float, y: float) -> float:
    """The mark on a 100x100 field: handset (a thick arc with two pads) and two waves. Below 0 is ink."""
    body = arc(70, 30, 40, 90, 90)(x, y) - 6.5
    pads = min(stroke(61, 69, 72, 71)(x, y), stroke(29, 28, 31, 39)(x, y)) - 10.5
    waves = min(arc(58, 42, 13, 270, 90)(x, y), arc(58, 42, 27, 270, 90)(x, y)) - 3.6
    return min(body, pads, waves)


def letters() -> tuple[list[Shape], float]:
    """The word "dozvon" as strokes, x-height 0..20, ascender at -12; and its width."""
    shapes: list[Shape] = []
    x = 0.0

    def ring() -> None:
        shapes.append(arc(x + 10, 10, 10))

    for letter in "dozvon":
        if letter == "d":
            ring()
            shapes.append(stroke(x + 20, -12, x + 20, 20))
            x += 28
        elif letter == "o":
            ring()
            x += 28
        elif letter == "z":
            shapes += [stroke(x, 0, x + 15, 0), stroke(x + 15, 0, x, 20), stroke(x, 20, x + 15, 20)]
            x += 22
        elif letter == "v":
            shapes += [stroke(x, 0, x + 8.5, 20), stroke(x + 8.5, 20, x + 17, 0)]
            x += 25
        else:  # n
            shapes += [stroke(x, 0, x, 20), arc(x + 8.5, 8.5, 8.5, 180, 180), stroke(x + 17, 8.5, x + 17, 20)]
            x += 17
    return shapes, x


def inside_tile(x: float, y: float) -> bool:
    """A 100x100 tile with round corners."""
    corner = 24.0
    dx = max(corner - x, x - (100 - corner), 0.0)
    dy = max(corner - y, y - (100 - corner), 0.0)
    return 0 <= x <= 100 and 0 <= y <= 100 and math.hypot(dx, dy) <= corner


class Picture:
    """What colour a point of the canvas has; `side` and `left`, `top` place the tile, the word follows it."""

    def __init__(self, width: int, height: int, kind: str) -> None:
        self.shapes: list[Shape] = []
        self.background: Colour | None = WHITE
        if kind == "mark":
            self.background = None  # the whole square is the tile's colour
            self.side, self.left, self.top = float(min(width, height)), 0.0, 0.0
            return
        self.shapes, word = letters()
        # Tile, gap and word side by side (or below each other on the nearly square one), in units of the tile's side.
        self.beside = width / height > 2
        if self.beside:
            self.side = min(height * 0.62, width * 0.27)
            self.scale = self.side * 0.54 / 32
            total = self.side * 1.28 + word * self.scale
            self.left, self.top = (width - total) / 2, (height - self.side) / 2
            self.word_at = self.left + self.side * 1.28, self.top + self.side * 0.5 - 4 * self.scale
        else:
            self.side = height * 0.5
            self.scale = min(self.side * 0.34 / 32, width * 0.7 / word)
            total = self.side * 1.22 + 32 * self.scale
            self.left, self.top = (width - self.side) / 2, (height - total) / 2
            self.word_at = (width - word * self.scale) / 2, self.top + self.side * 1.22 + 12 * self.scale

    def at(self, x: float, y: float) -> Colour:
        tx, ty = (x - self.left) * 100 / self.side, (y - self.top) * 100 / self.side
        if self.background is None or inside_tile(tx, ty):
            if handset(tx, ty) <= 0:
                return WHITE
            share = max(0.0, min(1.0, ty / 100))
            r, g, b = (a + (c - a) * share for a, c in zip(TOP, BOTTOM, strict=True))
            return r, g, b
        if self.shapes:
            wx, wy = (x - self.word_at[0]) / self.scale, (y - self.word_at[1]) / self.scale
            if any(shape(wx, wy) <= 2.4 for shape in self.shapes):
                return INK
        return self.background


def draw(width: int, height: int, kind: str) -> bytes:
    """An RGB PNG of the picture."""
    picture = Picture(width, height, kind)
    offsets = [(i + 0.5) / SAMPLES for i in range(SAMPLES)]
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # no filter
        for x in range(width):
            points = [picture.at(x + dx, y + dy) for dy in offsets for dx in offsets]
            rows += bytes(round(sum(channel) / len(points)) for channel in zip(*points, strict=True))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


if __name__ == "__main__":
    folder = Path(__file__).parent / "images"
    for name, (width, height, kind) in IMAGES.items():
        (folder / f"{name}.png").write_bytes(draw(width, height, kind))
