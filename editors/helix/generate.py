#!/usr/bin/env python3
"""Makes languages.toml from the one that Helix ships: every language keeps its servers and gets ours as well."""
import sys
import tomllib
from pathlib import Path

CHOSEN = """asciidoc bash c c-sharp clojure cpp css dart dockerfile elixir erlang fsharp go haskell html java javascript json jsx julia kotlin latex
lua make markdown nim nix ocaml org perl php python r rst ruby rust scala sql svelte swift toml tsx typescript typst vue xml yaml zig""".split()
SERVER = '[language-server.ai-orchestrator]\ncommand = "ai-orchestrator"\nargs = ["lsp"]\n'


def entry(server: str | dict) -> str:
    """A server with a choice of features keeps it."""
    if isinstance(server, str):
        return f'"{server}"'
    fields = [f'name = "{server["name"]}"']
    for key in ("only-features", "except-features"):
        if key in server:
            fields.append(f"{key} = [{', '.join(chr(34) + feature + chr(34) for feature in server[key])}]")
    return "{ " + ", ".join(fields) + " }"


shipped = tomllib.loads(Path(sys.argv[1]).read_text())
blocks = [SERVER]
for language in shipped["language"]:
    if language["name"] in CHOSEN:
        servers = language.get("language-servers", []) + ["ai-orchestrator"]
        blocks.append(f'[[language]]\nname = "{language["name"]}"\nlanguage-servers = [{", ".join(map(entry, servers))}]\n')
Path(__file__).with_name("languages.toml").write_text("\n".join(blocks))
