"""Measures the whole program: `load` against `bare_loop` in turn, then the command line and the language server by themselves.
Prints one table: measure, ours with its spread, the bare loop, the ratio, the aim. Medians of all repetitions."""
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

BIN, TIMES, BASE = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
PROGRAM = BIN.parent / "ai-orchestrator"
CALLS = 10
CRITICAL_CALLS = 8
ARTIFACTS = {"design.md", "research.md", "analysis.md", "table.md", "check.md"}
LISTED = 10_000


class Server:
    """The model server of the benches, a process of its own."""

    def __init__(self, latency_ms):
        self.process = subprocess.Popen([BIN / "model_server", str(latency_ms)], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def count(self):
        return json.load(urllib.request.urlopen(self.url + "/count"))["requests"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def run(program, server, goals, concurrency, durable):
    folder = BASE / program
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    before = server.count()
    command = [BIN / program, "--plan", "benches/plan.md", "--goals", str(goals), "--concurrency", str(concurrency), "--base-url", server.url]
    command += ["--provider", "anthropic", "--model", "claude-sonnet-5-5", "--durable", durable, "--base-dir", str(folder)]
    out = subprocess.run(command, capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"{program} failed: {out.stderr}")
    figures = json.loads(out.stdout)
    sent = server.count() - before
    if figures["errors"] or sent != goals * CALLS:
        sys.exit(f"{program}: {figures['errors']} errors, {sent} requests instead of {goals * CALLS}: {out.stderr}")
    files = [path for path in folder.rglob("*") if path.is_file()]
    figures["kb"] = sum(path.stat().st_size for path in files if path.name not in ARTIFACTS) / 1000 / goals
    return figures


def pairs(server, goals, concurrency, durable, *figures):
    """One list of values for each figure and program; interleaved, so that what else the machine does meets both alike."""
    found = [{"load": [], "bare_loop": []} for _ in figures]
    for _ in range(TIMES):
        for program in ("load", "bare_loop"):
            measured = run(program, server, goals, concurrency, durable)
            for values, figure in zip(found, figures):
                values[program].append(figure(measured))
    return found


def row(name, unit, aim, ours, bare=None):
    middle = statistics.median(ours)
    spread = f"{min(ours):.1f}–{max(ours):.1f}"
    floor = f"{statistics.median(bare):.2f} {unit}" if bare else ""
    ratio = f"{middle / statistics.median(bare):.2f}" if bare and statistics.median(bare) else ""
    print(f"| {name} | {middle:.2f} {unit} ({spread}) | {floor} | {ratio} | {aim} |", flush=True)


def both(name, unit, aim, values):
    row(name, unit, aim, values["load"], values["bare_loop"])


def per_goal_ms(figures):
    return statistics.median(figures["goal_ms"])


def whole_runs():
    fast = Server(0)
    durable, files = pairs(fast, 20, 1, "true", per_goal_ms, lambda f: f["kb"])
    both("time of a goal at 0 ms latency, durable", "ms", "", durable)
    both("time of a goal at 0 ms latency, not synced", "ms", "overhead ≤ 6", pairs(fast, 20, 1, "false", per_goal_ms)[0])
    both("processor time of a goal, durable", "ms", "≤ 4", pairs(fast, 100, 1, "true", lambda f: f["cpu_s"] * 10)[0])
    both("goals a second, durable, 50 at once", "", "≥ 100", pairs(fast, 200, 50, "true", lambda f: 200 / f["wall_s"])[0])
    both("peak memory, 1 goal", "MB", "≤ 15", pairs(fast, 1, 1, "true", lambda f: f["hwm_kb"] / 1000)[0])
    both("peak memory, 100 goals at once", "MB", "≤ 40", pairs(fast, 100, 100, "true", lambda f: f["hwm_kb"] / 1000)[0])
    both("files beside the artifacts, a goal", "kB", "≤ 25", files)
    fast.stop()
    slow = Server(50)
    critical = lambda f: per_goal_ms(f) / (50 * CRITICAL_CALLS)
    both(f"time at 50 ms latency by the critical path of {CRITICAL_CALLS} calls", "", "≤ 1.05", pairs(slow, 5, 1, "true", critical)[0])
    slow.stop()


def project():
    folder = BASE / "project"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".git").mkdir(parents=True)
    home = BASE / "home"
    home.mkdir(exist_ok=True)
    keep = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    return folder, {**keep, "HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home), "CLAUDE_API_KEY": "none-needed"}


def first_request():
    """Milliseconds from the start of the command line to its first request to the model, which is then left without an answer."""
    folder, environment = project()
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    command = [PROGRAM, "--non-interactive", "--provider", "anthropic", "--base-url", url, "--model", "claude-sonnet-5-5", "Study the tides"]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    connection, _ = listener.accept()
    head = connection.recv(65536)
    took = (time.perf_counter() - began) * 1000
    process.kill()
    process.wait()
    connection.close()
    listener.close()
    if not head.startswith(b"POST"):
        sys.exit(f"the first request is no call of a model: {head[:60]!r}")
    return took


def frame(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def answer(stream, wanted):
    while True:
        length = 0
        while (line := stream.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message = json.loads(stream.read(length))
        if message.get("id") == wanted and "method" not in message:
            return message


def process_facts(pid):
    """Resident memory in MB, and how often its threads gave up the processor to wait."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1000
    switches = 0
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        switches += int((thread / "status").read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0])
    return resident, switches


def server():
    """Start to `initialize` answer and `exit` to the end in ms; idle memory in MB, wake-ups a second."""
    folder, environment = project()
    began = time.perf_counter()
    process = subprocess.Popen([PROGRAM, "lsp"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    parameters = {"processId": os.getpid(), "rootUri": folder.as_uri(), "capabilities": {}}
    process.stdin.write(frame({"id": 1, "method": "initialize", "params": parameters}))
    process.stdin.flush()
    answer(process.stdout, 1)
    ready = (time.perf_counter() - began) * 1000
    process.stdin.write(frame({"method": "initialized", "params": {}}))
    process.stdin.flush()
    time.sleep(1)
    _, before = process_facts(process.pid)
    time.sleep(2)
    resident, after = process_facts(process.pid)
    process.stdin.write(frame({"id": 2, "method": "shutdown"}))
    process.stdin.flush()
    answer(process.stdout, 2)
    leaving = time.perf_counter()
    process.stdin.write(frame({"method": "exit"}))
    process.stdin.flush()
    process.wait()
    left = (time.perf_counter() - leaving) * 1000
    return ready, resident, (after - before) / 2, left


def timed(command, folder, environment, said):
    began = time.perf_counter()
    out = subprocess.run([PROGRAM, *command], cwd=folder, env=environment, capture_output=True, text=True)
    took = (time.perf_counter() - began) * 1000
    if out.returncode or not said(out.stdout):
        sys.exit(f"{command}: exit {out.returncode}: {out.stdout[:200]} {out.stderr[:200]}")
    return took


def long_journal(workspace):
    """Makes the journal 10,000 events long: its steps stay, notes join them before the end."""
    path = workspace / ".orchestrator/journal.jsonl"
    lines = path.read_text().splitlines()
    last = json.loads(lines.pop())
    for seq in range(len(lines) + 1, 10_000):
        lines.append(json.dumps({"seq": seq, "at": last["at"], "event": "note", "level": "info", "text": "the tide turns " * 20}))
    last["seq"] = len(lines) + 1
    path.write_text("\n".join([*lines, json.dumps(last)]) + "\n")


def catalog():
    """Milliseconds of `--list` over 10,000 workspaces, and of taking up a finished run of 10,000 events."""
    folder, environment = project()
    fast = Server(0)
    run("load", fast, 1, 1, "false")
    fast.stop()
    [state] = (BASE / "load").rglob("workflow-state.json")
    made = state.parent
    long = folder / "workspaces/week-01/2026-01-01/long-120000"
    shutil.copytree(made, long)
    long_journal(long)
    resumed = [timed(["--resume", str(long), "--non-interactive"], folder, environment, lambda out: "completed" in out) for _ in range(TIMES)]
    files = {name: (made / name).read_bytes() for name in ("workflow-state.json", "workspace-info.json", ".orchestrator/journal.jsonl")}
    for number in range(LISTED - 1):
        day = 1 + number // 400
        workspace = folder / f"workspaces/week-{(day - 1) // 7 + 2:02}/2026-01-{day + 4:02}/study-tides-{number % 400 // 60 + 10:02}{number % 60:02}00"
        (workspace / ".orchestrator").mkdir(parents=True)
        for name, content in files.items():
            (workspace / name).write_bytes(content)
    whole = ["--list", "--limit", str(LISTED), "--json"]
    listed = [timed(whole, folder, environment, lambda out: len(json.loads(out)) == LISTED) for _ in range(TIMES)]
    newest = [timed(["--list"], folder, environment, lambda out: bool(out)) for _ in range(TIMES)]
    shutil.rmtree(folder)
    return listed, newest, resumed


print("| measure | ours (spread) | bare loop | ratio | aim |\n|---|---|---|---|---|")
whole_runs()
row("command line: start to the first request", "ms", "≤ 10", [first_request() for _ in range(4 * TIMES)])
ready, resident, wakeups, left = zip(*(server() for _ in range(TIMES)))
row("server: start to the answer to `initialize`", "ms", "≤ 5", ready)
row("server: idle memory", "MB", "≤ 10", resident)
row("server: idle wake-ups a second", "", "0", wakeups)
row("server: `exit` to the end, standard input open", "ms", "≤ 50", left)
listed, newest, resumed = catalog()
row("`--list` of 10,000 workspaces, all of them", "ms", "≤ 150", listed)
row("`--list` of the newest 20 of 10,000", "ms", "", newest)
row("`--resume` of an ended run of 10,000 events", "ms", "≤ 100", resumed)
