"""The journey in real Neovim: neovim.py NAME PROGRAM PLUGIN SERVER [SCREENS]. With SCREENS, writes what the user sees into that file."""
import pathlib
import subprocess
import sys
import time

from lab import GOAL_LINE, NOTES, Lab, finish, run
from terminal import Neovim, wait

STATE = "require('orchestrator').runs()"
QUESTIONS = "require('orchestrator').approvals()"


class NeovimLab(Lab):
    """One version of Neovim, with the plugin in a folder."""

    def __init__(self, version, program, plugin, server):
        super().__init__(f"Neovim {version}", program, server)
        self.version, self.plugin = version, pathlib.Path(plugin).resolve()

    @property
    def is_new(self):
        return self.version != "0.10"

    def open(self, files=("notes.md",), fresh=True, printed=False):
        """With the plugin, or with what `editor-config neovim` prints and nothing else."""
        if fresh:
            self.renew()
        configuration = self.plugin / "spec" / "minimal.lua"
        if printed:
            configuration = self.home / "init.lua"
            configuration.write_bytes(subprocess.run([self.server, "editor-config", "neovim"], capture_output=True, check=True).stdout)
        self.editor = Neovim(self.program, configuration, self.environment, self.home, files)
        return self.editor

    def workspace(self):
        return pathlib.Path(self.editor.wait_lua("a run", STATE, lambda rows: len(rows) > 0)[0]["workspace"])


def start(lab):
    """The goal line runs, by the lens that stands at it, and its plan waits."""
    editor = lab.open()
    editor.wait_screen(r"▶ Run goal")
    lab.keep_screen("A goal in a document, with what can be done")
    editor.keys(*f"{GOAL_LINE}G".encode().decode())
    editor.command("lua vim.lsp.codelens.run()")
    editor.wait_screen(r"Code lens")
    editor.type("1")
    editor.keys("Enter")
    editor.wait_lua("a question", QUESTIONS, lambda all: len(all) == 1)
    return editor


def by_code_action(lab):
    """Goal line, lens, run; the plan is approved by a code action; progress is seen; the artifact opens below and takes no focus."""
    editor = start(lab)
    if lab.is_new:
        # The report of progress or the message of the question: whichever was written last.
        editor.wait_screen(r"waiting for (your )?approval")
    editor.wait_screen(r"⏸ approval")
    editor.wait_screen(r"⏸ .*review.*Approve")
    lab.keep_screen("The plan waits; nothing has taken the keyboard", lab.is_new and "neovim-approval")
    editor.command("lua vim.lsp.buf.code_action({ filter = function(a) return a.title:find('^Approve once') end, apply = true })")
    editor.wait_lua("the run to end", STATE, lambda rows: rows[0]["status"] == "completed")
    editor.wait_screen(r"✓ \d/\d")
    events = editor.lua("_G.seen")
    for event in ["OrchestratorRunStarted", "OrchestratorApprovalPending", "OrchestratorStepDone", "OrchestratorRunDone"]:
        assert event in events, f"{event} was not told: {events}"
    assert any(event.startswith("progress report ") for event in events), events
    windows = "vim.tbl_map(function(w) return vim.api.nvim_buf_get_name(vim.api.nvim_win_get_buf(w)) end, vim.api.nvim_tabpage_list_wins(0))"
    shown = editor.wait_lua("the artifact to open", windows, lambda names: len(names) == 2)
    assert shown[0].endswith("/notes.md") and "/workspaces/" in shown[1], shown
    assert editor.lua("vim.api.nvim_buf_get_name(0)").endswith("/notes.md"), "the artifact took the focus"
    lab.keep_screen("Done: the artifact is open below, the cursor stayed where it was", lab.is_new and "neovim-artifact")
    messages = editor.lua("vim.fn.execute('messages')")
    assert "Error" not in messages and "E5" not in messages, messages


def by_queue(lab):
    """A prompt that arrives while `1` and Enter are typed decides nothing; :Orchestrator approve does."""
    editor = start(lab)
    editor.keys("G", "o")
    # Lines that would choose the first entry of any list, until the prompt has come and for a moment after it.
    told = "vim.fn.execute('messages'):find('approval waits') ~= nil"
    end = time.monotonic() + 40
    lines, after = 0, 0
    while after < 8:
        editor.type("1")
        editor.keys("Enter")
        lines += 1
        if editor.lua(told):
            after += 1
        else:
            # Prompts are held back while edits arrive: a person pauses too.
            wait("a pause or the prompt", lambda begun=time.monotonic(): editor.lua(told) or time.monotonic() - begun > 4)
        assert time.monotonic() < end, f"no prompt came\n{editor.screen()}"
    typed = editor.wait_lua("what was typed", "vim.tbl_filter(function(l) return l == '1' end, vim.api.nvim_buf_get_lines(0, 0, -1, false))",
                            lambda ones: len(ones) == lines)
    assert len(typed) == lines
    assert len(editor.lua(QUESTIONS)) == 1, "typed keys have decided"
    lab.keep_screen("A prompt came while someone typed: one line, no key taken")
    editor.command("Orchestrator approve")
    editor.wait_lua("the run to end", STATE, lambda rows: rows[0]["status"] == "completed")
    kept = editor.lua("vim.api.nvim_buf_line_count(vim.fn.bufnr('notes.md'))")
    assert kept == NOTES.count("\n") + lines + 1, "an artifact replaced what was not saved"


def reject_with_a_note(lab):
    """The question is found, marked at its place, and rejected with a note that is written down."""
    editor = start(lab)
    editor.command("Orchestrator next")
    editor.wait_lua("approvals.md", "vim.fn.expand('%:t')", lambda name: name == "approvals.md")
    editor.wait_screen(r"⏸ waits for you")
    lab.keep_screen("approvals.md: the question is marked where it stands")
    editor.command("Orchestrator reject use fewer steps")
    editor.wait_lua("the run to end", STATE, lambda rows: rows[0]["status"] == "cancelled")
    journal = lab.workspace() / ".orchestrator" / "journal.jsonl"
    wait("the note to be recorded", lambda: "use fewer steps" in journal.read_text(), editor.screen)
    wait("the mark to go", lambda: "waits for you" not in editor.screen(), editor.screen)
    modified = "vim.tbl_filter(function(b) return vim.bo[b].modified end, vim.api.nvim_list_bufs())"
    assert editor.lua(modified) == [], "a document of the run was left unsaved"


def resume_after_kill(lab):
    """The editor is killed; a new one takes the run up and ends it."""
    editor = start(lab)
    workspace = lab.workspace()
    editor.kill("nvim")
    editor = lab.open(fresh=False)
    editor.wait_screen(r"Run goal|Resume|Run again|waiting_approval")
    editor.command("Orchestrator resume")
    editor.wait_lua("the question again", QUESTIONS, lambda all: len(all) == 1)
    assert lab.workspace() == workspace, "another run was started"
    editor.command("Orchestrator approve")
    editor.wait_lua("the run to end", STATE, lambda rows: rows[0]["status"] == "completed")
    before = editor.lua("vim.lsp.get_clients({ name = 'ai_orchestrator' })[1].id")
    editor.command("Orchestrator restart")
    clients = "vim.tbl_map(function(c) return c.initialized and c.id or 0 end, vim.lsp.get_clients({ name = 'ai_orchestrator', bufnr = 0 }))"
    editor.wait_lua("another server", clients, lambda all: len(all) == 1 and all[0] > before)
    editor.wait_screen(r"Run goal|Run again")
    editor.command("Orchestrator open summary")
    editor.wait_screen(r"execution-summary\.md")
    lab.keep_screen("Taken up again after the editor was killed: the summary")


def goal_command_and_health(lab):
    """:Goal without a file open, plan.md on request with its mark, completion from the server, health."""
    editor = lab.open(files=())
    editor.command("Orchestrator plan Write a short guide to beekeeping")
    editor.wait_lua("a question", QUESTIONS, lambda all: len(all) == 1)
    editor.wait_lua("plan.md", "vim.fn.expand('%:t')", lambda name: name == "plan.md")
    editor.wait_screen(r"⏸ waits for you")
    lab.keep_screen("plan.md, to be read, edited and approved")
    editor.wait_lua("recent goals", "vim.fn.getcompletion('Goal ', 'cmdline')", lambda all: any("beekeeping" in one for one in all))
    editor.wait_lua("runs", "vim.fn.getcompletion('Orchestrator stop ', 'cmdline')", lambda all: len(all) == 1)
    editor.command("Orchestrator stop")
    editor.wait_lua("the run to end", STATE, lambda rows: rows[0]["status"] == "cancelled")
    editor.command("checkhealth orchestrator")
    editor.wait_screen(r"orchestrator: the server")
    text = "table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), ' ')"
    health = editor.wait_lua("health", text, lambda text: "provider: offline" in text)
    assert "ERROR" not in health, health
    assert ("loses" in health) == (not lab.is_new), health


def printed_configuration(lab):
    """Without the plugin, with what the server prints: lens, run, a question that takes no key, and a decision by code action."""
    editor = lab.open(printed=True)
    if lab.version == "0.10":
        # It has no `vim.lsp.config`, and says so.
        editor.wait_screen(r"E5113|attempt to")
        return
    editor.wait_screen(r"▶ Run goal")
    editor.keys(*f"{GOAL_LINE}G")
    editor.command("lua vim.lsp.codelens.run()")
    editor.wait_screen(r"Code lens")
    editor.type("1")
    editor.keys("Enter")
    lab.wait_state("the plan to wait", lambda state: state["status"] == "waiting_approval")
    told = "vim.fn.execute('messages'):find('A1: plan') ~= nil"
    editor.wait_lua("the question to be told", told)
    editor.type("1")
    editor.keys("Enter")
    assert lab.states()[0][1]["status"] == "waiting_approval", "typed keys have decided"
    editor.command("lua vim.lsp.get_clients()[1]:exec_cmd({ title = '', command = 'orchestrator.openApprovals' })")
    editor.wait_lua("approvals.md", "vim.fn.expand('%:t')", lambda name: name == "approvals.md")
    editor.command("call search('^- \\[ \\]', 'w')")
    editor.command("lua vim.lsp.buf.code_action({ filter = function(a) return a.title:find('^Approve once') end, apply = true })")
    lab.wait_state("the run to end", lambda state: state["status"] == "completed")


SCENARIOS = [by_code_action, by_queue, reject_with_a_note, resume_after_kill, goal_command_and_health, printed_configuration]


def main():
    name, program, plugin, server = sys.argv[1:5]
    lab = NeovimLab(name, program, plugin, server)
    finish(lab, run(lab, SCENARIOS, sys.argv[6:]), sys.argv[5] if len(sys.argv) > 5 else "")


main()
