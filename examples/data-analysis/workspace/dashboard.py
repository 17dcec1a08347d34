#!/usr/bin/env python3
# No language model was used for this script: a template was filled in from the columns of inputs/sales.csv.
"""Create a Python dashboard to analyze monthly sales data with charts

Reads a table (CSV, TSV or a JSON list of objects), adds up its numbers by category
and by month, prints the result, and writes a self-contained HTML page with charts.

    python3 dashboard.py [FILE] [--html [PAGE]] [--category NAME] [--value NAME]
    python3 dashboard.py --self-test

Standard library only, Python 3.9 or newer.
"""
import argparse
import csv
import html
import io
import json
import math
import re
import sys
import unittest
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path

# What was found in the data; change it here if it was read wrongly.
DEFAULT_FILE = "inputs/sales.csv"
TITLE = "Create a Python dashboard to analyze monthly sales data with charts"
VALUE_COLUMNS = ["revenue", "unit_price", "discount", "units"]
CATEGORY_COLUMNS = ["region", "category", "product"]
DATE_COLUMN = "date"
DATE_FORMATS = ["%Y-%m-%d"]
DELIMITER = ","
DECIMAL_COMMA = False

# The first rows of the data and their total, counted when this script was written (see --self-test).
SAMPLE = (
    "date,region,product,category,units,unit_price,revenue,discount,customer_id\n"
    "2024-07-01,East,Decaf 500 g,Coffee,3,14.90,40.23,0.1,C036\n"
    "2024-07-02,North,Travel Mug,Drinkware,1,24.00,24.00,0,C041\n"
    "2024-07-04,West,Filter Papers,Accessories,1,5.90,5.90,0,C038\n"
    "2024-07-06,West,Milk Jug,Accessories,4,18.50,74.00,0,C013\n"
    "2024-07-08,North,Burr Grinder,Appliances,1,119.00,119.00,0,C057\n"
)
SAMPLE_ROWS = 5
SAMPLE_TOTAL = 263.13

MISSING = {"", "-", "–", "na", "n/a", "nan", "null", "none", "?"}
NO_CATEGORY = "(none)"


class TableError(Exception):
    """The table cannot be read or lacks a column."""


def decode(data):
    """Decode bytes as UTF-8, with or without a byte order mark, else as Windows-1252."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def sniff(text, preferred):
    """Return the delimiter that cuts the first line into most cells; the preferred one wins a tie."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    best = preferred
    for candidate in (",", ";", "\t", "|"):
        if first.count(candidate) > first.count(best):
            best = candidate
    return best


def unique(names):
    """Name empty headers by their position and number repeated ones."""
    seen, result = Counter(), []
    for position, name in enumerate(names, start=1):
        name = " ".join(str(name).split()) or f"column {position}"
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def parse_table(text):
    """Turn the text of a CSV file or a JSON list into (columns, list of dicts)."""
    if text.lstrip().startswith(("[", "{")):
        return parse_json(text)
    text = text.replace("\0", "")
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=sniff(text, DELIMITER)) if any(cell.strip() for cell in row)]
    if not rows:
        raise TableError("the table is empty")
    columns = unique(rows[0])
    width = len(columns)
    return columns, [dict(zip(columns, (row + [""] * width)[:width])) for row in rows[1:]]


def parse_json(text):
    """Read a JSON list of objects, or the first such list inside an object."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise TableError(f"not valid JSON: {error}") from error
    if isinstance(document, dict):
        document = next((value for value in document.values() if isinstance(value, list)), [])
    records = [record for record in document if isinstance(record, dict)]
    columns = list(dict.fromkeys(key for record in records for key in record))
    if not columns:
        raise TableError("the JSON holds no list of objects")
    return columns, [{column: "" if record.get(column) is None else str(record[column]) for column in columns} for record in records]


def parse_number(text, decimal_comma=None):
    """Return a float, or None for what is missing or no number. Currency signs, spaces and % are passed over."""
    comma = DECIMAL_COMMA if decimal_comma is None else decimal_comma
    text = str(text).strip()
    if text.lower() in MISSING:
        return None
    negative = text.startswith("(") and text.endswith(")")
    text = re.sub(r"[\s\u00a0\u202f'’_€$£¥%()]", "", text.replace("\u2212", "-"))
    text = re.sub(r"^[A-Z]{3}|[A-Z]{3}$", "", text)
    text = text.replace(".", "").replace(",", ".") if comma else text.replace(",", "")
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return -number if negative else number


def parse_month(text):
    """Return the month of a date as YYYY-MM (or the year, where the data has only years), or None."""
    text = str(text).strip()
    for form in DATE_FORMATS:
        for candidate in (text, re.split(r"[T ](?=\d{1,2}:)", text)[0]):
            try:
                date = datetime.strptime(candidate, form)
            except ValueError:
                continue
            return f"{date.year:04d}" if form == "%Y" else f"{date.year:04d}-{date.month:02d}"
    return None


def amount(row, value):
    """The number a row counts for: its value, or 1 where rows are counted."""
    return 1.0 if value is None else parse_number(row.get(value, ""))


def total_by(rows, key, value):
    """Add up the value for each key; rows without a key or a number are left out and counted."""
    totals, left_out = defaultdict(float), 0
    for row in rows:
        name, number = key(row), amount(row, value)
        if name is None or number is None:
            left_out += 1
        else:
            totals[name] += number
    return dict(totals), left_out


def by_category(rows, category, value):
    """Totals of a category, largest first."""
    totals, left_out = total_by(rows, lambda row: row.get(category, "").strip() or NO_CATEGORY, value)
    return sorted(totals.items(), key=lambda item: (-item[1], item[0])), left_out


def by_month(rows, value):
    """Totals of each month, in order."""
    totals, left_out = total_by(rows, lambda row: parse_month(row.get(DATE_COLUMN, "")), value)
    return sorted(totals.items()), left_out


def shown(number):
    """A number for people: thousands with commas, two decimals only where there are any."""
    return f"{number:,.0f}" if abs(number - round(number)) < 0.005 else f"{number:,.2f}"


def text_table(title, pairs):
    """A small table for the terminal with shares of the total."""
    pairs = [(" ".join(str(name).split()), number) for name, number in pairs]
    width = max([len(name) for name, _ in pairs] + [8])
    total = sum(number for _, number in pairs)
    lines = ["", title, "-" * len(title)]
    for name, number in pairs:
        share = f"{100 * number / total:6.1f} %" if total else ""
        lines.append(f"{name:<{width}}  {shown(number):>16}  {share}")
    return "\n".join(lines)


def trend(pairs):
    """One sentence on the first, the last, the best and the weakest period."""
    if len(pairs) < 2:
        return "There are too few periods for a trend."
    (first, start), (last, end) = pairs[0], pairs[-1]
    best, worst = max(pairs, key=lambda item: item[1]), min(pairs, key=lambda item: item[1])
    change = f" ({100 * (end - start) / abs(start):+.1f} %)" if start else ""
    return (
        f"From {first} to {last}: {shown(start)} to {shown(end)}{change}. "
        f"Highest {best[0]} with {shown(best[1])}, lowest {worst[0]} with {shown(worst[1])}."
    )


def svg_bars(pairs, title):
    """Horizontal bars as an SVG image; bars of negative numbers are drawn in another colour."""
    pairs = pairs[:20]
    largest = max([abs(number) for _, number in pairs] + [1e-9])
    parts = []
    for index, (name, number) in enumerate(pairs):
        y, width = 34 + index * 26, 380 * abs(number) / largest
        label = str(name) if len(str(name)) <= 24 else str(name)[:23] + "…"
        parts.append(
            f'<text x="176" y="{y + 13}" text-anchor="end">{html.escape(label)}</text>'
            f'<rect x="184" y="{y}" width="{width:.1f}" height="18" fill="{"#2f6f9f" if number >= 0 else "#b5473c"}"/>'
            f'<text x="{190 + width:.1f}" y="{y + 13}">{shown(number)}</text>'
        )
    height = 44 + 26 * len(pairs)
    return svg(680, height, title, "".join(parts))


def svg_line(pairs, title):
    """A line over the periods as an SVG image."""
    if len(pairs) < 2:
        return ""
    numbers = [number for _, number in pairs]
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    span = (high - low) or 1.0
    points = [(60 + 580 * index / (len(pairs) - 1), 210 - 160 * (number - low) / span) for index, number in enumerate(numbers)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    every = max(1, math.ceil(len(pairs) / 8))
    labels = "".join(
        f'<text x="{x:.1f}" y="232" text-anchor="middle">{html.escape(str(pairs[index][0]))}</text>' for index, (x, _) in enumerate(points) if index % every == 0
    )
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#2f6f9f"/>' for x, y in points)
    axis = f'<text x="54" y="54" text-anchor="end">{shown(high)}</text><text x="54" y="214" text-anchor="end">{shown(low)}</text>'
    return svg(680, 250, title, f'<polyline points="{line}" fill="none" stroke="#2f6f9f" stroke-width="2"/>{dots}{labels}{axis}')


def svg(width, height, title, body):
    """An SVG element with its title."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title, quote=True)}" '
        f'font-family="system-ui, sans-serif" font-size="12"><text x="8" y="18" font-size="14" font-weight="bold">{html.escape(title)}</text>{body}</svg>'
    )


def html_page(sections, source, rows):
    """The page: one chart and one table for each section."""
    parts = []
    for title, pairs, chart, remark in sections:
        cells = "".join(f"<tr><td>{html.escape(str(name))}</td><td class=n>{shown(number)}</td></tr>" for name, number in pairs)
        parts.append(f"<section><h2>{html.escape(title)}</h2>{chart}<p>{html.escape(remark)}</p><details><summary>Numbers</summary><table>{cells}</table></details></section>")
    style = "body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}.n{text-align:right}td{padding:.1rem 1rem .1rem 0}svg{width:100%}"
    return (
        "<!doctype html>\n<!-- No language model was used for this page. -->\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{html.escape(TITLE)}</title><style>{style}</style></head><body>'
        f"<h1>{html.escape(TITLE)}</h1><p>From {html.escape(str(source))}, {rows} rows.</p>{''.join(parts)}</body></html>\n"
    )


def resolve(name, columns):
    """The column of that name; a letter that was lost when this script was written (U+FFFD) stands for any."""
    if name is None or name in columns:
        return name
    pattern = re.compile(re.escape(name).replace("\ufffd", "."))
    for column in columns:
        if "\ufffd" in name and pattern.fullmatch(column):
            return column
    raise TableError(f"there is no column {name!r}; there are: {', '.join(columns)}")


def analyze(columns, rows, categories, value):
    """All sections: (title, pairs, chart, remark)."""
    categories, value = [resolve(name, columns) for name in categories], resolve(value, columns)
    what = value or "rows"
    sections = []
    for category in categories:
        pairs, left_out = by_category(rows, category, value)
        title = f"{what} by {category}"
        sections.append((title, pairs, svg_bars(pairs, title), remark(left_out)))
    if DATE_COLUMN in columns:
        pairs, left_out = by_month(rows, value)
        title = f"{what} over time"
        sections.append((title, pairs, svg_line(pairs, title), f"{trend(pairs)} {remark(left_out)}".strip()))
    if not sections:
        total, left_out = total_by(rows, lambda row: "all rows", value)
        sections.append((f"total of {what}", list(total.items()), "", remark(left_out)))
    return sections


def remark(left_out):
    """What was not counted."""
    if not left_out:
        return ""
    return f"{left_out} {'row was' if left_out == 1 else 'rows were'} left out: no number or no date."


class SelfTest(unittest.TestCase):
    """Checks of this script against its own sample."""

    def test_the_sample_is_read_whole(self):
        columns, rows = parse_table(SAMPLE)
        self.assertEqual(len(rows), SAMPLE_ROWS)
        for name in [*VALUE_COLUMNS, *CATEGORY_COLUMNS, *([DATE_COLUMN] if DATE_COLUMN else [])]:
            self.assertIn(name, columns)

    def test_the_sample_adds_up(self):
        _, rows = parse_table(SAMPLE)
        value = VALUE_COLUMNS[0] if VALUE_COLUMNS else None
        numbers = [amount(row, value) for row in rows]
        self.assertAlmostEqual(sum(number for number in numbers if number is not None), SAMPLE_TOTAL, places=4)
        for category in CATEGORY_COLUMNS:
            pairs, _ = by_category(rows, category, value)
            self.assertAlmostEqual(sum(number for _, number in pairs), SAMPLE_TOTAL, places=4)

    def test_numbers_come_in_many_forms(self):
        for text, comma, number in [
            ("1,234.50", False, 1234.5), ("1.234,50", True, 1234.5), ("€ 5", False, 5.0), ("(3)", False, -3.0),
            ("12 %", False, 12.0), ("\u22127", False, -7.0), ("n/a", False, None), ("", False, None), ("abc", False, None),
        ]:
            self.assertEqual(parse_number(text, comma), number, text)

    def test_headers_are_made_unique(self):
        self.assertEqual(unique(["a", "", "a"]), ["a", "column 2", "a (2)"])

    def test_names_cannot_break_the_page(self):
        page = html_page([("t", [("<b>", 1.0)], svg_bars([("<b>", 1.0)], "t"), "")], "x", 1)
        self.assertNotIn("<b>", page)

    def test_an_empty_table_is_an_error_and_not_a_crash(self):
        with self.assertRaises(TableError):
            parse_table("\n\n")


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help=f"CSV, TSV or JSON file (default: {DEFAULT_FILE})".replace("%", "%%"))
    parser.add_argument("--category", action="append", help="column to group by; may be given several times")
    parser.add_argument("--value", help="column to add up; 'rows' counts rows")
    parser.add_argument("--html", nargs="?", const="dashboard.html", help="also write an HTML page (default name: dashboard.html)")
    parser.add_argument("--self-test", action="store_true", help="run the script's own tests and stop")
    return parser.parse_args(argv)


def main(argv=None):
    options = arguments(argv)
    if options.self_test:
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(SelfTest)
        return 0 if unittest.TextTestRunner().run(tests).wasSuccessful() else 1
    path = Path(options.file) if options.file else Path(__file__).resolve().parent / DEFAULT_FILE
    value = options.value or (VALUE_COLUMNS[0] if VALUE_COLUMNS else None)
    try:
        columns, rows = parse_table(decode(path.read_bytes()))
        sections = analyze(columns, rows, options.category or CATEGORY_COLUMNS, None if value == "rows" else value)
        print(f"{TITLE}\n{path}: {len(rows)} rows, {len(columns)} columns")
        for title, pairs, _, note in sections:
            print(text_table(title, pairs[:30]))
            if note:
                print(note)
        if options.html:
            Path(options.html).write_text(html_page(sections, path.name, len(rows)), encoding="utf-8")
            print(f"\nwrote {options.html}")
    except (OSError, TableError, csv.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
