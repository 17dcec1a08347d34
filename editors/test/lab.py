"""What the scenarios of all editors share: a project with a goal in it, made anew for each, and who runs them and tells how it went."""
import json
import pathlib
import re
import shutil
import sys
import tempfile
import time

from picture import svg
from terminal import Failure, wait

NOTES = "# Notes\n\nSales grew in spring and fell in autumn.\n\ngoal: Write documentation for these notes\n"
GOAL_LINE = 5


class Lab:
    """Where one editor is tried. `editor` is whatever was opened last; `screens` are kept for the documentation."""

    def __init__(self, name, program, server):
        self.name, self.program, self.server = name, pathlib.Path(program).resolve(), pathlib.Path(server).resolve()
        self.home, self.editor = None, None
        self.screens = []
        self.pictures = {}

    def renew(self):
        """A new home with a new project."""
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="aio-"))
        project = self.home / "project"
        (project / ".git").mkdir(parents=True)
        (project / "notes.md").write_text(NOTES)

    @property
    def environment(self):
        """What the editor is started with: the server on its PATH, no key, nothing of this machine's user."""
        return {
            "HOME": str(self.home), "PATH": f"{self.server.parent}:/usr/local/bin:/usr/bin:/bin", "TERM": "screen-256color", "LANG": "C.UTF-8",
            "AI_ORCHESTRATOR": str(self.server), "ORCHESTRATOR_MODEL__PROVIDER": "offline", "XDG_RUNTIME_DIR": str(self.home),
        }

    def close(self):
        if self.editor:
            self.editor.close()
        if self.home:
            # The server may still be letting go of its folder.
            wait("the folder to go", lambda: shutil.rmtree(self.home, ignore_errors=True) or not self.home.exists())

    def keep_screen(self, title, picture=None):
        """With `picture`, it is drawn with its colours too, under that name."""
        if title not in [known for known, _ in self.screens]:
            self.screens.append((title, self.editor.screen()))
            if picture:
                self.pictures[picture] = self.editor.coloured()

    def states(self):
        """Each run as it stands on the disk, oldest first, with its folder."""
        found = []
        for file in sorted((self.home / "project").glob("workspaces/*/*/*/workflow-state.json")):
            try:
                found.append((file.parent, json.loads(file.read_text())))
            except (OSError, ValueError):
                # It is being replaced at this moment.
                continue
        return sorted(found, key=lambda one: one[1].get("run_id", ""))

    def wait_state(self, what, is_it, patience=30.0):
        """The folder of the only run, once its state is so."""
        def look():
            states = self.states()
            return states[0][0] if len(states) == 1 and is_it(states[0][1]) else None

        return wait(what, look, lambda: f"{[state for _, state in self.states()]}\n{self.editor.screen()}", patience)

    def write_screens(self, path, width):
        parts = [f"What the user sees in {self.name}; written by `editors/test/run --keep-screens` from the real screen.\n"]
        for title, screen in self.screens:
            # Empty lines of the screen are told by one.
            shown = re.sub(r"(^~\n){2,}", "~\n", screen, flags=re.MULTILINE)
            frame = "─" * width
            parts.append(f"\n{title}\n{frame}\n{shown}\n{frame}\n")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(parts))
        for name, screen in self.pictures.items():
            (path.parent / f"{name}.svg").write_text(svg(screen, width))


def run(lab, scenarios, wanted):
    """Runs those of the scenarios that are wanted, or all; the number that failed. One that fails is tried once more, and said to have been."""
    chosen = [scenario for scenario in scenarios if not wanted or scenario.__name__ in wanted]
    return sum(1 for scenario in chosen if not passes(lab, scenario, "tried once more") and not passes(lab, scenario, "given up"))


def passes(lab, scenario, otherwise):
    begun = time.monotonic()
    try:
        scenario(lab)
        print(f"{lab.name}: {scenario.__name__} passed in {time.monotonic() - begun:.1f} s", flush=True)
        return True
    except (Failure, AssertionError) as problem:
        print(f"{lab.name}: {scenario.__name__} FAILED, {otherwise}\n{problem}\n{lab.editor.screen() if lab.editor else ''}", flush=True)
        return False
    finally:
        lab.close()


def finish(lab, failed, screens, width=92):
    """Writes the screens where they are wanted, and ends."""
    if screens and screens != "-":
        lab.write_screens(pathlib.Path(screens), width)
    sys.exit(1 if failed else 0)
