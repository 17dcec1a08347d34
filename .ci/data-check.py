"""Checks the figures of an analysis report of examples/sales.csv against Python's own csv and statistics.

Usage: python3 .ci/data-check.py [REPORT [CSV]]; without REPORT the newest analysis_report.md below workspaces/ is taken.
"""
import collections
import csv
import pathlib
import statistics
import sys


def shown(value):
    text = f"{value:,.2f}"
    return text[:-3] if text.endswith(".00") else text


def main(arguments):
    root = pathlib.Path(__file__).resolve().parent.parent
    found = sorted(root.glob("workspaces/**/analysis_report.md"), key=lambda path: path.stat().st_mtime)
    report_path = pathlib.Path(arguments[0]) if arguments else found[-1] if found else None
    if report_path is None:
        sys.exit("no analysis_report.md below workspaces/: run the analysis first, or name the report")
    report = report_path.read_text(encoding="utf-8")
    data = pathlib.Path(arguments[1]) if len(arguments) > 1 else root / "examples" / "sales.csv"
    with open(data, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = []
    for name in ("units", "unit_price", "revenue"):
        values = [float(row[name]) for row in rows if row[name]]
        q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
        quartiles = f"quartiles {shown(q1)}, {shown(median)}, {shown(q3)}"
        expected.append(f"{shown(min(values))} to {shown(max(values))}; mean {shown(statistics.mean(values))}, {quartiles}, standard deviation {shown(statistics.stdev(values))}")
        spread = q3 - q1
        outliers = sum(1 for value in values if value < q1 - 1.5 * spread or value > q3 + 1.5 * spread)
        if outliers:
            expected.append(f"`{name}`: {outliers} value")
    total = sum(float(row["revenue"] or 0) for row in rows)
    expected.append(f"{shown(total)} in all")
    for key in ("region", "product", "category"):
        groups = collections.defaultdict(list)
        for row in rows:
            groups[row[key]].append(float(row["revenue"] or 0))
        expected += [f"| {group} | {len(values)} | {shown(sum(values))} |" for group, values in groups.items()]
        expected += [f"| {sum(values) / total * 100:.1f}% |" for values in groups.values()]
    months = collections.Counter()
    for row in rows:
        months[row["date"][:7]] += float(row["revenue"] or 0)
    counts = collections.Counter(row["date"][:7] for row in rows)
    expected += [f"| {month} | {counts[month]} | {shown(value)} |" for month, value in months.items()]
    pairs = [(float(row["units"]), float(row["revenue"])) for row in rows if row["units"] and row["revenue"]]
    expected.append(f"| {statistics.correlation(*zip(*pairs)):.2f} | {len(pairs)} |")
    wrong = [text for text in expected if text not in report]
    print(f"{report_path}: {len(expected) - len(wrong)} of {len(expected)} figures agree with Python's")
    for text in wrong:
        print(f"  not in the report: {text}")
    sys.exit(1 if wrong else 0)


main(sys.argv[1:])
