"""Drives a terminal editor as a person would: real keys into a real screen (tmux), and a look inside (Neovim's --remote-expr). Waits by looking, never by sleeping long."""
import json
import os
import re
import shlex
import subprocess
import time
import uuid

DEADLINE = 30.0


class Failure(Exception):
    """What was waited for did not come."""


def wait(what, look, screen=lambda: "", patience=DEADLINE):
    """The first true value that `look` gives."""
    end = time.monotonic() + patience
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {patience:.0f} s for: {what}\n{screen()}")
        time.sleep(0.03)


class Terminal:
    """One program in one tmux server of its own."""

    def __init__(self, command, folder, environment, size=(92, 24)):
        self.socket = f"aio-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        variables = [f"{name}={value}" for name, value in environment.items()]
        line = "exec env -i " + " ".join(shlex.quote(part) for part in [*variables, *command])
        self.tmux("-f", os.devnull, "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), "-c", str(folder), line)
        self.tmux("set-option", "-g", "escape-time", "0")

    def tmux(self, *arguments):
        command = ["tmux", "-u", "-L", self.socket, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def screen(self):
        return "\n".join(line.rstrip() for line in self.tmux("capture-pane", "-p").splitlines()).rstrip()

    def wait_screen(self, pattern, patience=DEADLINE):
        return wait(f"/{pattern}/ on the screen", lambda: re.search(pattern, self.screen()), self.screen, patience)

    def pid(self):
        return int(self.tmux("display-message", "-p", "#{pane_pid}").strip())

    def close(self):
        self.tmux("kill-server")


class Neovim(Terminal):
    """Neovim with our plugin in a project folder."""

    def __init__(self, program, plugin, server, home, files, size=(92, 24)):
        self.program, self.pipe = str(program), str(home / f"nvim-{uuid.uuid4().hex[:6]}.pipe")
        self.environment = {
            "HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "screen-256color", "LANG": "C.UTF-8",
            "AI_ORCHESTRATOR": str(server), "ORCHESTRATOR_MODEL__PROVIDER": "offline", "XDG_RUNTIME_DIR": str(home),
        }
        command = [self.program, "-u", str(plugin / "spec" / "minimal.lua"), "--listen", self.pipe, *files]
        super().__init__(command, home / "project", self.environment, size)
        wait("Neovim to listen", lambda: os.path.exists(self.pipe), self.screen)

    def lua(self, expression):
        """The value of a Lua expression in the running editor; None while the editor is busy or asks for a key."""
        code = f"luaeval(\"vim.json.encode({expression})\")"
        command = [self.program, "--server", self.pipe, "--remote-expr", code]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5, env=self.environment)
        except subprocess.TimeoutExpired:
            return None
        try:
            return json.loads(done.stdout.strip() or "null")
        except ValueError:
            return None

    def command(self, line):
        self.keys("Escape")
        self.type(f":{line}")
        self.keys("Enter")

    def wait_lua(self, what, expression, is_it=bool, patience=DEADLINE):
        last = []

        def look():
            last[:] = [self.lua(expression)]
            return (last[0], True) if last[0] is not None and is_it(last[0]) else None

        return wait(f"{what} (`{expression}`, last {last})", look, self.screen, patience)[0]

    def kill(self):
        """As a crash does: every process of the editor at once, its server not among them."""
        pid = self.pid()
        children = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
        own = [pid] + [int(line.split()[0]) for line in children.splitlines() if "nvim" in line]
        for one in own:
            os.kill(one, 9)
        self.close()
