"""Runs `load` and `bare_loop` in turn and prints one table: measure, ours, bare, ratio. Medians of all repetitions, with the spread."""
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import urllib.request

BIN, TIMES, BASE = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
CALLS = 10
CRITICAL_CALLS = 8


class Server:
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
    artifacts = {"design.md", "research.md", "analysis.md", "table.md", "check.md"}
    figures["kb"] = sum(path.stat().st_size for path in files if path.name not in artifacts) / 1000 / goals
    return figures


def pairs(server, goals, concurrency, durable, figure):
    """Interleaved, so that what else the machine does meets both alike."""
    found = {"load": [], "bare_loop": []}
    for _ in range(TIMES):
        for program in found:
            found[program].append(figure(run(program, server, goals, concurrency, durable)))
    return found


def row(name, unit, found):
    ours, bare = (statistics.median(found[program]) for program in ("load", "bare_loop"))
    spread = f"{min(found['load']):.1f}–{max(found['load']):.1f}"
    ratio = f"{ours / bare:.2f}" if bare else ""
    print(f"| {name} | {ours:.2f} {unit} ({spread}) | {bare:.2f} {unit} | {ratio} |", flush=True)


def first_goal(figures):
    return statistics.median(figures["goal_ms"])


print("| measure | ours (spread) | bare loop | ratio |\n|---|---|---|---|")
fast = Server(0)
row("time of a goal at 0 ms, durable", "ms", pairs(fast, 20, 1, "true", first_goal))
row("time of a goal at 0 ms, not synced", "ms", pairs(fast, 20, 1, "false", first_goal))
row("processor time of a goal, durable", "ms", pairs(fast, 100, 1, "true", lambda f: f["cpu_s"] * 10))
row("goals a second, durable, 50 at once", "", pairs(fast, 200, 50, "true", lambda f: 200 / f["wall_s"]))
row("peak memory, 1 goal", "MB", pairs(fast, 1, 1, "true", lambda f: f["hwm_kb"] / 1000))
row("peak memory, 100 goals at once", "MB", pairs(fast, 100, 100, "true", lambda f: f["hwm_kb"] / 1000))
row("files beside the artifacts, a goal", "kB", pairs(fast, 1, 1, "true", lambda f: f["kb"]))
fast.stop()
slow = Server(50)
row(f"time at 50 ms by the critical path of {CRITICAL_CALLS} calls", "", pairs(slow, 5, 1, "true", lambda f: first_goal(f) / (50 * CRITICAL_CALLS)))
slow.stop()
