#!/usr/bin/env python3
# No language model was used for this script: a template was filled in from the words of the goal.
"""@@TITLE@@

Keeps @@THINGS@@ in a JSON file.

    python3 @@NAME@@ add "a title" key=value ...     python3 @@NAME@@ list
    python3 @@NAME@@ show ID                         python3 @@NAME@@ search WORD
    python3 @@NAME@@ update ID key=value ...         python3 @@NAME@@ remove ID
    python3 @@NAME@@ export FILE.csv                 python3 @@NAME@@ --self-test

Standard library only, Python 3.9 or newer.
"""
import argparse
import csv
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

THING = @@THING@@
DEFAULT_STORE = @@STORE@@


class StoreError(Exception):
    """The store cannot be read, or there is no such entry."""


class Store:
    """Entries in a JSON file: {"next": 3, "entries": [{"id": 1, "title": …}, …]}."""

    def __init__(self, path):
        self.path = Path(path)
        self.next, self.entries = 1, []
        if self.path.exists():
            try:
                document = json.loads(self.path.read_text(encoding="utf-8"))
                self.next, self.entries = int(document["next"]), list(document["entries"])
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(f"{self.path} is not a store of this program: {error}") from error

    def save(self):
        """Write beside the file and rename, so that a crash leaves the old file whole."""
        temporary = self.path.with_name(self.path.name + ".new")
        document = {"next": self.next, "entries": self.entries}
        temporary.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, self.path)

    def add(self, title, fields):
        entry = {"id": self.next, "title": title, **fields}
        self.entries.append(entry)
        self.next += 1
        return entry

    def get(self, number):
        for entry in self.entries:
            if entry["id"] == number:
                return entry
        raise StoreError(f"there is no {THING} {number}")

    def update(self, number, fields):
        entry = self.get(number)
        entry.update(fields)
        return entry

    def remove(self, number):
        entry = self.get(number)
        self.entries.remove(entry)
        return entry

    def search(self, word):
        word = word.casefold()
        return [entry for entry in self.entries if any(word in str(value).casefold() for key, value in entry.items() if key != "id")]

    def export(self, path):
        columns = list(dict.fromkeys(["id", "title", *(key for entry in self.entries for key in entry)]))
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.entries)


def parse_fields(pairs):
    """Turn key=value words into a dict; `id` cannot be set."""
    fields = {}
    for pair in pairs:
        key, mark, value = pair.partition("=")
        if not mark or not key or key == "id":
            raise StoreError(f"{pair!r} is not key=value")
        fields[key] = value
    return fields


def line(entry):
    """One entry for people."""
    rest = "  ".join(f"{key}={value}" for key, value in entry.items() if key not in ("id", "title"))
    return f"{entry['id']:>4}  {entry['title']}" + (f"  ({rest})" if rest else "")


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default=DEFAULT_STORE, help=f"the JSON file (default: {DEFAULT_STORE})".replace("%", "%%"))
    parser.add_argument("--self-test", action="store_true", help="run the script's own tests and stop")
    commands = parser.add_subparsers(dest="command")
    add = commands.add_parser("add", help=f"add a {THING}".replace("%", "%%"))
    add.add_argument("title")
    add.add_argument("fields", nargs="*", metavar="key=value")
    commands.add_parser("list", help="list all entries")
    for name in ("show", "remove"):
        commands.add_parser(name, help=f"{name} one entry").add_argument("id", type=int)
    update = commands.add_parser("update", help="change fields of an entry")
    update.add_argument("id", type=int)
    update.add_argument("fields", nargs="+", metavar="key=value")
    commands.add_parser("search", help="find entries that hold a word").add_argument("word")
    commands.add_parser("export", help="write all entries to a CSV file").add_argument("file")
    options = parser.parse_args(argv)
    if not options.command and not options.self_test:
        parser.print_help()
    return options


def run(options, store):
    """Do one command and return the lines to print."""
    if options.command == "add":
        entries = [store.add(options.title, parse_fields(options.fields))]
    elif options.command == "update":
        entries = [store.update(options.id, parse_fields(options.fields))]
    elif options.command == "remove":
        entries = [store.remove(options.id)]
    elif options.command == "show":
        return [f"{key}: {value}" for key, value in store.get(options.id).items()]
    elif options.command == "search":
        return [line(entry) for entry in store.search(options.word)] or ["nothing found"]
    elif options.command == "export":
        store.export(options.file)
        return [f"wrote {options.file}"]
    else:
        return [line(entry) for entry in store.entries] or ["nothing yet"]
    store.save()
    return [line(entry) for entry in entries]


class SelfTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "store.json"

    def tearDown(self):
        self.folder.cleanup()

    def run_command(self, *argv):
        return run(arguments(["--store", str(self.path), *argv]), Store(self.path))

    def test_what_is_added_is_still_there_in_the_next_run(self):
        self.run_command("add", "Käse", "where=market")
        self.assertEqual(self.run_command("list"), ["   1  Käse  (where=market)"])

    def test_entries_are_changed_found_and_removed(self):
        self.run_command("add", "one")
        self.run_command("add", "two")
        self.run_command("update", "1", "state=done")
        self.assertEqual(len(self.run_command("search", "DONE")), 1)
        self.run_command("remove", "1")
        self.run_command("add", "three")
        self.assertEqual([entry["id"] for entry in Store(self.path).entries], [2, 3])

    def test_what_is_not_there_is_an_error(self):
        with self.assertRaises(StoreError):
            self.run_command("show", "7")
        with self.assertRaises(StoreError):
            self.run_command("add", "x", "no-value")

    def test_a_broken_store_is_not_overwritten(self):
        self.path.write_text("broken", encoding="utf-8")
        with self.assertRaises(StoreError):
            self.run_command("add", "x")
        self.assertEqual(self.path.read_text(encoding="utf-8"), "broken")

    def test_the_export_holds_every_field(self):
        self.run_command("add", "one", "a=1")
        self.run_command("add", "two", "b=2")
        target = Path(self.folder.name) / "out.csv"
        self.run_command("export", str(target))
        self.assertEqual(target.read_text(encoding="utf-8").splitlines()[0], "id,title,a,b")


def main(argv=None):
    options = arguments(argv)
    if options.self_test:
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(SelfTest)
        return 0 if unittest.TextTestRunner().run(tests).wasSuccessful() else 1
    if not options.command:
        return 2
    try:
        for text in run(options, Store(options.store)):
            print(text)
    except (OSError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
