#!/usr/bin/env python3
# No language model was used for this script: a template was filled in from the words of the goal.
"""@@TITLE@@

    python3 @@NAME@@ COMMAND [PATH ...] [--output FILE]
    python3 @@NAME@@ --self-test

What a command does is still to be filled in: see the functions that raise NotImplementedError.
Standard library only, Python 3.9 or newer.
"""
import argparse
import sys
import unittest
from pathlib import Path


@@FUNCTIONS@@COMMANDS = {@@COMMANDS@@}


def read_inputs(paths):
    """Read the text of each file; `-` or no path at all reads standard input."""
    if not paths or paths == ["-"]:
        return {"-": sys.stdin.read()}
    return {path: Path(path).read_text(encoding="utf-8", errors="replace") for path in paths}


def write_output(text, output):
    """Write to a file, or to standard output."""
    if output:
        Path(output).write_text(text, encoding="utf-8")
    else:
        print(text)


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", nargs="?", choices=sorted(COMMANDS), help="what to do")
    parser.add_argument("paths", nargs="*", help="files to read; standard input when there are none")
    parser.add_argument("--output", help="file to write; standard output when it is not given")
    parser.add_argument("--self-test", action="store_true", help="run the script's own tests and stop")
    options = parser.parse_args(argv)
    if not options.command and not options.self_test:
        parser.error("a command is needed")
    return options


class SelfTest(unittest.TestCase):
    def test_every_command_is_known_to_the_parser(self):
        for name in COMMANDS:
            options = arguments([name, "a.txt", "--output", "b.txt"])
            self.assertEqual((options.command, options.paths, options.output), (name, ["a.txt"], "b.txt"))

    def test_a_command_returns_text_or_says_that_it_is_not_filled_in(self):
        for command in COMMANDS.values():
            try:
                self.assertIsInstance(command({"a.txt": "text"}), str)
            except NotImplementedError as error:
                self.assertIn("fill in", str(error))


def main(argv=None):
    options = arguments(argv)
    if options.self_test:
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(SelfTest)
        return 0 if unittest.TextTestRunner().run(tests).wasSuccessful() else 1
    try:
        write_output(COMMANDS[options.command](read_inputs(options.paths)), options.output)
    except (OSError, NotImplementedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
