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

    def coloured(self):
        """The screen with the terminal's own codes for colours."""
        return self.tmux("capture-pane", "-p", "-e")

    def wait_screen(self, pattern, patience=DEADLINE):
        return wait(f"/{pattern}/ on the screen", lambda: re.search(pattern, self.screen()), self.screen, patience)

    def pid(self):
        return int(self.tmux("display-message", "-p", "#{pane_pid}").strip())

    def kill(self, name):
        """As a crash does: every process of the editor at once, its server not among them. `name` is what its processes are called."""
        pid = self.pid()
        children = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
        own = [pid] + [int(line.split()[0]) for line in children.splitlines() if name in line]
        for one in own:
            os.kill(one, 9)
        self.close()

    def close(self):
        self.tmux("kill-server")


class Neovim(Terminal):
    """Neovim with our plugin in a project folder."""

    def __init__(self, program, configuration, environment, home, files, size=(92, 24)):
        self.program, self.pipe = str(program), str(home / f"nvim-{uuid.uuid4().hex[:6]}.pipe")
        self.environment = environment
        command = [self.program, "-u", str(configuration), "--listen", self.pipe, *files]
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


class Emacs(Terminal):
    """Emacs with the configuration that the server prints, in a project folder; a look inside by emacsclient."""

    def __init__(self, program, environment, home, files, size=(100, 26)):
        self.client, self.environment = f"{program}-client", environment
        self.name = f"test-{uuid.uuid4().hex[:6]}"
        begin = f'(progn (setq server-name "{self.name}") (server-start))'
        super().__init__([str(program), "-nw", "--eval", begin, *files], home / "project", environment, size)
        wait("Emacs to listen", lambda: self.lisp("t") == "t", self.screen)

    def lisp(self, expression):
        """What an expression prints in the running editor; empty while it does not answer."""
        command = [self.client, "-s", self.name, "--eval", expression]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10, env=self.environment)
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout.strip()

    def wait_lisp(self, what, expression, is_it=lambda text: text not in ("", "nil"), patience=DEADLINE):
        last = []

        def look():
            last[:] = [self.lisp(expression)]
            return last[0] if is_it(last[0]) else None

        return wait(f"{what} (`{expression}`, last {last})", look, self.screen, patience)

    def command(self, name, *answers):
        """M-x, and what is typed at the prompts that come."""
        self.keys("M-x")
        self.wait_screen(r"M-x")
        self.type(name)
        self.keys("Enter")
        for prompt, answer in answers:
            self.wait_screen(prompt)
            self.type(answer)
            self.keys("Enter")


class Helix(Terminal):
    """Helix with the configuration that the server prints, in a project folder. It tells nothing but its screen."""

    def __init__(self, program, environment, home, files, size=(100, 26)):
        super().__init__([str(program), *files], home / "project", environment, size)
        self.wait_screen(r"NOR")

    def command(self, line):
        # A key that comes with Escape would be taken for Alt and that key.
        self.keys("Escape")
        wait("normal mode", lambda: " NOR " in self.screen(), self.screen)
        time.sleep(0.05)
        self.type(f":{line}")
        wait("the command line", lambda: line[-20:] in self.screen(), self.screen)
        self.keys("Enter")
