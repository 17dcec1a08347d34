"""The journey in real Emacs: emacs.py eglot|lsp-mode PROGRAM SERVER [SCREENS [SCENARIO…]]. With SCREENS, writes what the user sees into that file."""
import subprocess
import sys
import time

from lab import GOAL_LINE, Lab, finish, run
from terminal import Emacs, wait

# As editors/emacs/README.md says; what follows the first two lines keeps Emacs out of the picture.
INIT = """
(add-to-list 'load-path "~/.emacs.d/lisp") (require 'ai-orchestrator)
{client}
(autoload 'markdown-mode "markdown-mode") (add-to-list 'auto-mode-alist '("\\\\.md\\\\'" . markdown-mode))
(setq inhibit-startup-screen t initial-scratch-message nil make-backup-files nil auto-save-default nil create-lockfiles nil
      eldoc-idle-delay 0.2 warning-minimum-level :error)
(menu-bar-mode -1)
(global-auto-revert-mode)
"""


class Client:
    """What differs between Emacs's two clients. `started` is true in a buffer that it serves with us."""

    def __init__(self, name, setup, started, action):
        self.name, self.setup, self.started, self.action = name, setup, started, action


EGLOT = Client("Eglot", "(add-hook 'markdown-mode-hook #'eglot-ensure)",
               "(and (eglot-current-server) (object-of-class-p (eglot-current-server) 'ai-orchestrator-eglot-server) t)",
               ("eglot-code-actions", r"Pick an action"))
# Else it would ask for the root of each new project.
LSP_MODE = Client("lsp-mode", "(load \"lsp-mode-autoloads\" nil t) (setq lsp-auto-guess-root t lsp-warn-no-matched-clients nil) (add-hook 'markdown-mode-hook #'lsp)",
                  "(and (featurep 'lsp-mode) (lsp-workspaces) (member 'ai-orchestrator (mapcar (lambda (w) (lsp--client-server-id (lsp--workspace-client w))) (lsp-workspaces))) t)",
                  ("lsp-execute-code-action", r"Select code action"))


class EmacsLab(Lab):
    """Emacs with one of its clients, and nothing but what the README says."""

    def __init__(self, client, program, server):
        super().__init__(f"Emacs with {client.name}", program, server)
        self.client = client

    def open(self, files=("notes.md",), fresh=True):
        if fresh:
            self.renew()
            configuration = self.home / ".emacs.d"
            (configuration / "lisp").mkdir(parents=True)
            printed = subprocess.run([self.server, "editor-config", "emacs"], capture_output=True, check=True).stdout
            (configuration / "lisp" / "ai-orchestrator.el").write_bytes(printed)
            (configuration / "early-init.el").write_text("(setq native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil)\n")
            (configuration / "init.el").write_text(INIT.replace("{client}", self.client.setup))
        self.editor = Emacs(self.program, self.environment, self.home, files)
        return self.editor


def connected(lab, **how):
    editor = lab.open(**how)
    editor.wait_lisp(lab.client.name, f"(with-current-buffer \"notes.md\" {lab.client.started})")
    return editor


def act(lab, title):
    """The code action at the cursor that begins with this title."""
    command, prompt = lab.client.action
    lab.editor.command(command, (prompt, title))


def start(lab):
    """The goal line runs, by the code action at it, and its plan waits."""
    editor = connected(lab)
    editor.lisp("(setq seen-lines nil)")
    editor.lisp("(advice-add 'ai-orchestrator--runs-changed :after (lambda (&rest _) (push (substring-no-properties (ai-orchestrator-mode-line)) seen-lines)))")
    editor.lisp(f"(with-current-buffer \"notes.md\" (goto-char (point-min)) (forward-line {GOAL_LINE - 1}) (set-window-point nil (point)))")
    act(lab, "Run goal")
    lab.wait_state("the plan to wait", lambda state: state["status"] == "waiting_approval")
    # In the mode line, or in the lens where the client has filled that line.
    editor.wait_screen(r"⏸ (approval|plan)")
    return editor


def seen_through(lab, editor):
    """The run ends, and its artifact is on the screen while the cursor stays where it was."""
    folder = lab.wait_state("the run to end", lambda state: state["status"] == "completed")
    editor.wait_screen(r"documentation\.md|qa_report\.md")
    assert editor.lisp("(buffer-name (window-buffer))") == '"notes.md"', f"the artifact took the focus\n{editor.screen()}"
    editor.wait_lisp("the mode line to be empty", "(ai-orchestrator-mode-line)", lambda text: text == '""')
    return folder


def by_code_action(lab):
    """Goal line, action, run; the plan is approved by the action in approvals.md; progress is in the mode line; the artifact opens."""
    editor = start(lab)
    lab.keep_screen("The plan waits: the mode line says so, the keyboard is free")
    editor.command("ai-orchestrator-approvals")
    editor.wait_lisp("approvals.md", "(buffer-name (window-buffer))", lambda text: text == '"approvals.md"')
    editor.wait_lisp("the client in approvals.md", f"(with-current-buffer \"approvals.md\" {lab.client.started})")
    editor.lisp("(with-current-buffer \"approvals.md\" (goto-char (point-min)) (re-search-forward \"^- \\\\[ \\\\]\") (set-window-point nil (point)))")
    act(lab, "Approve once")
    lab.wait_state("the run to end", lambda state: state["status"] == "completed")
    editor.wait_lisp("progress in the mode line, and nothing of it at the end", "seen-lines", lambda lines: "⟳ 0/4" in lines and '("" ' in lines)
    editor.wait_screen(r"documentation\.md|qa_report\.md")
    modified = "(delq nil (mapcar (lambda (b) (and (buffer-file-name b) (buffer-modified-p b) (buffer-name b))) (buffer-list)))"
    editor.wait_lisp("what the server wrote to be saved", modified, lambda text: text == "nil")
    lab.keep_screen("Done: the artifact is shown beside")


def by_command_while_typing(lab):
    """A prompt that arrives while `1` and Return are typed decides nothing; M-x ai-orchestrator-approve does."""
    editor = start(lab)
    editor.lisp("(with-current-buffer \"notes.md\" (goto-char (point-max)) (set-window-point nil (point)))")
    told = "(with-current-buffer \"*Messages*\" (save-excursion (goto-char (point-min)) (and (search-forward \"(M-x ai-orchestrator-approve)\" nil t) t)))"
    end = time.monotonic() + 40
    lines, after = 0, 0
    while after < 8:
        editor.type("1")
        editor.keys("Enter")
        lines += 1
        if editor.lisp(told) == "t":
            after += 1
        else:
            # Prompts are held back while edits arrive: a person pauses too.
            wait("a pause or the prompt", lambda begun=time.monotonic(): editor.lisp(told) == "t" or time.monotonic() - begun > 4)
        assert time.monotonic() < end, f"no prompt came\n{editor.screen()}"
    text = editor.lisp("(with-current-buffer \"notes.md\" (buffer-string))")
    assert text.count("\\n1\\n1") >= 1 or text.count("1") >= lines, text
    assert editor.lisp("(length (ai-orchestrator--questions))") == "1", "typed keys have decided"
    lab.keep_screen("A prompt came while someone typed: one line below, no key taken")
    editor.command("ai-orchestrator-approve")
    seen_through(lab, editor)


def reject_with_a_note(lab):
    """Rejected with a note that is written down."""
    editor = start(lab)
    editor.command("ai-orchestrator-reject", (r"What should be different", "use fewer steps"))
    folder = lab.wait_state("the run to end", lambda state: state["status"] == "cancelled")
    journal = folder / ".orchestrator" / "journal.jsonl"
    wait("the note to be recorded", lambda: "use fewer steps" in journal.read_text(), editor.screen)
    editor.wait_screen(r"Rejected")


def resume_after_kill(lab):
    """The editor is killed; a new one takes the run up and ends it."""
    editor = start(lab)
    editor.kill("emacs")
    editor = connected(lab, fresh=False)
    editor.command("ai-orchestrator-resume")
    # In the mode line, or in the lens where the client has filled that line.
    editor.wait_screen(r"⏸ (approval|plan)")
    assert len(lab.states()) == 1, "another run was started"
    editor.command("ai-orchestrator-approve")
    seen_through(lab, editor)
    editor.command("ai-orchestrator-runs")
    editor.wait_screen(r"execution-summary\.md")
    lab.keep_screen("Taken up again after the editor was killed: the summary")


SCENARIOS = [by_code_action, by_command_while_typing, reject_with_a_note, resume_after_kill]


def main():
    client = {"eglot": EGLOT, "lsp-mode": LSP_MODE}[sys.argv[1]]
    lab = EmacsLab(client, *sys.argv[2:4])
    finish(lab, run(lab, SCENARIOS, sys.argv[5:]), sys.argv[4] if len(sys.argv) > 4 else "", 100)


main()
