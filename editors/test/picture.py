"""Draws a terminal's screen, with its colours, as an SVG: what stands in the README is the screen itself."""
import html
import re

CELL, LINE, MARGIN = 8.4, 18, 12
INK, PAPER = "#d6d6d6", "#1b1d21"
SIXTEEN = ["#1b1d21", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d6d6d6",
           "#7f848e", "#ff7b85", "#b5e890", "#ffd68a", "#7cc4ff", "#e08cf5", "#6fd3df", "#ffffff"]


def colour(index):
    """A colour of the terminal's palette of 256."""
    if index < 16:
        return SIXTEEN[index]
    if index >= 232:
        return "#" + f"{8 + (index - 232) * 10:02x}" * 3
    levels = [0, 95, 135, 175, 215, 255]
    red, green, blue = (index - 16) // 36, (index - 16) // 6 % 6, (index - 16) % 6
    return f"#{levels[red]:02x}{levels[green]:02x}{levels[blue]:02x}"


class Pen:
    """How the next letters look."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.ink, self.paper, self.bold, self.reversed = INK, PAPER, False, False

    def take(self, codes):
        codes = [int(code or 0) for code in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code == 1:
                self.bold = True
            elif code in (7, 27):
                self.reversed = code == 7
            elif code == 22:
                self.bold = False
            elif code in (38, 48) and codes:
                value = colour(codes[1]) if codes[0] == 5 else "#" + "".join(f"{part:02x}" for part in codes[1:4])
                del codes[: 2 if codes[0] == 5 else 4]
                self.ink, self.paper = (value, self.paper) if code == 38 else (self.ink, value)
            elif code in (39, 49):
                self.ink, self.paper = (INK, self.paper) if code == 39 else (self.ink, PAPER)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.ink = SIXTEEN[code - 30 if code < 40 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.paper = SIXTEEN[code - 40 if code < 50 else code - 92]

    @property
    def look(self):
        return (self.paper, self.ink, self.bold) if self.reversed else (self.ink, self.paper, self.bold)


def without_empty(rows):
    """Of the rows that an editor shows below the end of a document, one."""
    bare = [re.sub(r"\x1b\[[0-9;]*m", "", row).strip() for row in rows]
    return [row for at, row in enumerate(rows) if not (bare[at] == "~" and at > 0 and bare[at - 1] == "~")]


def svg(screen, width):
    """The picture of what `tmux capture-pane -e` gives, so many columns wide."""
    rows, pen, parts = without_empty(screen.rstrip("\n").split("\n")), Pen(), []
    for number, row in enumerate(rows):
        column, top = 0, MARGIN + number * LINE
        for piece in re.split(r"(\x1b\[[0-9;]*m)", row):
            if piece.startswith("\x1b["):
                pen.take(piece[2:-1])
                continue
            piece = re.sub(r"\x1b.", "", piece)
            if not piece:
                continue
            ink, paper, bold = pen.look
            left = MARGIN + column * CELL
            if paper != PAPER:
                parts.append(f'<rect x="{left:.1f}" y="{top}" width="{len(piece) * CELL:.1f}" height="{LINE}" fill="{paper}"/>')
            if piece.strip():
                # Spaces that no viewer puts together.
                shown = html.escape(piece).replace(" ", "\u00a0")
                weight = ' font-weight="bold"' if bold else ""
                parts.append(f'<text x="{left:.1f}" y="{top + 13}" fill="{ink}"{weight} textLength="{len(piece) * CELL:.1f}">{shown}</text>')
            column += len(piece)
    wide, high = 2 * MARGIN + width * CELL, 2 * MARGIN + len(rows) * LINE
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high}" width="{wide:.0f}" height="{high}" '
    font = "font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">"
    return f'{head}{font}\n<rect width="100%" height="100%" rx="6" fill="{PAPER}"/>\n' + "\n".join(parts) + "\n</svg>\n"
