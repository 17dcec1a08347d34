"""The journey in real Helix: helix.py PROGRAM SERVER [SCREENS [SCENARIO…]]. With SCREENS, writes what the user sees into that file.

Helix draws no lenses and tells a driver nothing but its screen: everything goes by code action, prompt, command and the documents."""
import re
import subprocess
import sys
import time

from lab import GOAL_LINE, Lab, finish, run
from terminal import Helix, wait


# How the rows of our lists begin.
TITLES = ("Run goal", "Plan goal", "Show all runs", "Review", "Approve", "Reject", "Open")


class HelixLab(Lab):
    """Helix with the languages that the server prints."""

    def open(self, files=(f"notes.md:{GOAL_LINE}",), fresh=True):
        if fresh:
            self.renew()
            configuration = self.home / ".config" / "helix"
            configuration.mkdir(parents=True)
            printed = subprocess.run([self.server, "editor-config", "helix"], capture_output=True, check=True).stdout
            (configuration / "languages.toml").write_bytes(printed)
        self.editor = Helix(self.program, self.environment, self.home, files)
        return self.editor


def menu(editor, title):
    """Goes down a list of the screen to the row that begins so, and takes it. The first row is chosen at first."""
    editor.wait_screen(rf"(?m)^[ ~●\d>]+{title}")
    rows = [line.strip(" ~│●>0123456789") for line in editor.screen().splitlines()]
    below = next(index for index, line in enumerate(rows) if line.startswith(title))
    first = below
    # The list is one block of rows beside which the document shows nothing.
    while rows[first - 1].startswith(TITLES):
        first -= 1
    for _ in range(below - first):
        editor.keys("Down")
        time.sleep(0.05)
    editor.keys("Enter")


def offered(editor, title):
    """Opens the code actions at the cursor, until one begins so."""
    end = time.monotonic() + 30
    while True:
        editor.keys("Escape")
        wait("normal mode", lambda: " NOR " in editor.screen(), editor.screen)
        time.sleep(0.05)
        editor.keys("Space")
        editor.wait_screen(r"Perform code action")
        editor.keys("a")
        shown = wait("the actions, or their absence", lambda: re.search(rf"(?m)^[ ~●\d>]+({title})|No code actions|No configured language server", editor.screen()), editor.screen)
        if shown.group(1):
            return
        # The server has not read the document yet.
        assert time.monotonic() < end, f"no action `{title}`\n{editor.screen()}"


def act(editor, title):
    """Takes the code action of that title at the cursor."""
    offered(editor, title)
    menu(editor, title)


def start(lab):
    """The goal line runs, by the code action at it, and its plan waits."""
    editor = lab.open()
    act(editor, "Run goal")
    lab.wait_state("the plan to wait", lambda state: state["status"] == "waiting_approval")
    return editor


def ended(lab, editor, status="completed"):
    return lab.wait_state(f"the run to be {status}", lambda state: state["status"] == status)


def decide(editor, title):
    """The code action at the open question of approvals.md."""
    editor.command("lsp-workspace-command orchestrator.openApprovals")
    editor.wait_screen(r"- \[ \] A1 plan")
    editor.keys("Escape")
    editor.type("gg/^- \\[ \\]")
    editor.keys("Enter")
    act(editor, title)


def by_prompt(lab):
    """Goal line, action, run; the plan is approved by the prompt; progress is seen; the artifact opens."""
    editor = start(lab)
    editor.wait_screen(r"(?s)A1.*Review.*Approve.*Reject")
    lab.keep_screen("The plan waits: a prompt whose first choice only shows it")
    # An answer faster than anyone reads is not taken.
    time.sleep(1)
    menu(editor, "Approve")
    wait("progress", lambda: re.search(r"\d/\d|[⣾⣽⣻⢿⡿⣟⣯⣷]", editor.screen().splitlines()[-1]), editor.screen)
    ended(lab, editor)
    editor.wait_screen(r"documentation\.md|qa_report\.md")
    lab.keep_screen("Done: the artifact is open")


def by_code_action(lab):
    """A stray Return at the prompt only shows what is asked; the code action in approvals.md decides."""
    editor = start(lab)
    editor.wait_screen(r"(?s)A1.*Review.*Approve.*Reject")
    editor.keys("Enter")
    editor.wait_screen(r"- \[ \] A1 plan")
    assert lab.states()[0][1]["status"] == "waiting_approval", "a stray Return has decided"
    lab.keep_screen("approvals.md: the question where it is decided")
    decide(editor, "Approve once")
    ended(lab, editor)


def reject_with_a_note(lab):
    """The mark is changed and a note written in approvals.md; saving it decides."""
    editor = start(lab)
    editor.wait_screen(r"(?s)A1.*Review.*Approve.*Reject")
    editor.keys("Enter")
    editor.wait_screen(r"- \[ \] A1 plan")
    editor.keys("Escape")
    # Both stand at lines that are always the same in a new approvals.md.
    for search, at, keys in (("^- \\[ \\]", 8, "ghlllr-"), ("> note:", 10, "gla use fewer steps")):
        editor.type(f"gg/{search}")
        editor.keys("Enter")
        editor.wait_screen(rf"sel +{at}:")
        editor.type(keys)
        time.sleep(0.1)
    editor.wait_screen(r"(?s)- \[-\] A1 plan.*note: use fewer steps")
    editor.command("write")
    folder = ended(lab, editor, "cancelled")
    journal = folder / ".orchestrator" / "journal.jsonl"
    wait("the note to be recorded", lambda: "use fewer steps" in journal.read_text(), editor.screen)


def resume_after_kill(lab):
    """The editor is killed; a new one takes the run up and ends it."""
    editor = start(lab)
    editor.kill("hx")
    editor = lab.open(fresh=False)
    editor.wait_screen(r"notes\.md")
    # The server has started once it offers something.
    offered(editor, "goal|run|Resume|Open")
    editor.keys("Escape")
    editor.command("lsp-workspace-command orchestrator.resume")
    editor.wait_screen(r"(?s)A1.*Review.*Approve.*Reject")
    editor.keys("Escape")
    assert len(lab.states()) == 1, "another run was started"
    decide(editor, "Approve once")
    ended(lab, editor)


SCENARIOS = [by_prompt, by_code_action, reject_with_a_note, resume_after_kill]


def main():
    lab = HelixLab("Helix", *sys.argv[1:3])
    finish(lab, run(lab, SCENARIOS, sys.argv[4:]), sys.argv[3] if len(sys.argv) > 3 else "", 100)


main()
