"""Checks `ai-orchestrator mcp` with the protocol's own Python client: a goal is run, asked about, answered and read.

Usage: client.py PROGRAM SCRATCH
"""
import asyncio
import json
import os
import pathlib
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


def content(result):
    assert not getattr(result, "isError", getattr(result, "is_error", False)), result
    return json.loads(result.content[0].text)


async def main(program, scratch):
    project = pathlib.Path(scratch, "project")
    project.mkdir(parents=True)
    (project / "bees.md").write_text("# Bees\n\nA bee visits fifty flowers on one trip.\n")
    environment = dict(os.environ, XDG_CONFIG_HOME=f"{scratch}/config", XDG_STATE_HOME=f"{scratch}/state")
    for name in ("CLAUDE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        environment.pop(name, None)
    server = StdioServerParameters(command=program, args=["--provider", "offline", "mcp"], env=environment, cwd=str(project))
    progress = []

    async def heard(done, total, message):
        progress.append((done, total, message))

    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        info = await session.initialize()
        print("initialized:", info)
        names = {tool.name for tool in (await session.list_tools()).tools}
        expected = {"run_goal", "plan_goal", "list_workspaces", "workspace_status", "read_artifact", "resume", "answer_approval"}
        assert names == expected, names

        async def call(name, arguments):
            return content(await session.call_tool(name, arguments, progress_callback=heard))

        started = await call("run_goal", {"goal": "Write an article on bees", "attach": ["bees.md"]})
        assert started["status"] == "waiting_approval", started
        workspace, asked = started["workspace"], started["pending_approvals"][0]
        answer = {"workspace": workspace, "id": asked["id"], "hash": asked["hash"], "approve": True}
        assert (await call("answer_approval", answer))["decided"]
        ended = await call("workspace_status", {"workspace": workspace, "wait": True})
        assert ended["status"] == "completed", ended
        text = (await call("read_artifact", {"workspace": workspace, "path": ended["artifacts"][0]}))["text"]
        assert "fifty flowers" in text or text, text
        assert (await call("list_workspaces", {}))["workspaces"][0]["workspace"] == workspace

        planned = await call("plan_goal", {"goal": "Write an article on bees"})
        asked = planned["pending_approvals"][0]
        answer = {"workspace": planned["workspace"], "id": asked["id"], "hash": asked["hash"], "approve": True}
        assert (await call("answer_approval", answer))["decided"]
        assert (await call("resume", {"workspace": planned["workspace"]}))["status"] == "completed"
        wrong = await session.call_tool("run_goal", {"goal": 7})
        assert getattr(wrong, "isError", getattr(wrong, "is_error", False)), wrong
    assert progress, "no progress was reported"
    print(f"a client that is not ours: all calls answered, {len(progress)} reports of progress")


asyncio.run(main(sys.argv[1], sys.argv[2]))
