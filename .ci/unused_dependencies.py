#!/usr/bin/env python3
"""Fails when Cargo.toml names a dependency that no Rust file names."""
import pathlib
import sys
import tomllib

root = pathlib.Path(__file__).resolve().parent.parent
manifest = tomllib.loads((root / "Cargo.toml").read_text())
texts = {
    "dependencies": [p.read_text() for p in (root / "src").rglob("*.rs")],
    "dev-dependencies": [p.read_text() for d in ("src", "tests", "benches", "examples") for p in (root / d).rglob("*.rs")],
}
unused = [
    f"{table}: {name}"
    for table, sources in texts.items()
    for name in manifest.get(table, {})
    if not any(f"{name.replace('-', '_')}::" in text or f"{name.replace('-', '_')};" in text for text in sources)
]
if unused:
    sys.exit("unused dependencies:\n  " + "\n  ".join(unused))
print(f"all {sum(len(manifest.get(t, {})) for t in texts)} dependencies are used")
