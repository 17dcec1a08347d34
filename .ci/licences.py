#!/usr/bin/env python3
"""Fails when a crate in the tree has no licence, or none that goes with MIT."""
import json
import re
import subprocess
import sys

ALLOWED = {
    "MIT", "MIT-0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unlicense",
    "CC0-1.0", "0BSD", "Unicode-3.0", "Unicode-DFS-2016", "BSL-1.0", "CDLA-Permissive-2.0", "MPL-2.0", "OpenSSL",
}


def goes_with_mit(expression: str) -> bool:
    """An SPDX expression holds when, after replacing each licence by whether it is allowed, it is true."""
    spaced = re.sub(r"([()])", r" \1 ", expression.replace("/", " OR "))
    words, kept = spaced.split(), []
    while words:
        word = words.pop(0)
        if word in ("(", ")"):
            kept.append(word)
        elif word in ("OR", "AND"):
            kept.append(word.lower())
        else:
            if words[:1] == ["WITH"]:
                word = f"{word} WITH {words[1]}"
                words = words[2:]
            kept.append(str(word in ALLOWED))
    return bool(eval(" ".join(kept)))  # only True, False, and, or and parentheses are left


data = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"], check=True, capture_output=True).stdout)
wrong = [f"{p['name']} {p['version']}: {p['license']}" for p in data["packages"] if not (p["license"] and goes_with_mit(p["license"]))]
if wrong:
    sys.exit("licences that do not go with MIT:\n  " + "\n  ".join(wrong))
print(f"the licences of {len(data['packages'])} crates go with MIT")
