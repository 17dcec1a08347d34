"""A model server on this machine that speaks both wires, counts every request by step and turn, and fails where it is told to.

Its answers depend on nothing but the request: a planner gets one plan, the first call of a step writes its file, the second one ends it.
So two runs of one goal end alike, and a call that is sent twice is seen.
"""
import http.server
import json
import re
import threading
import time
from collections import Counter

PLAN = {
    "title": "Sales dashboard",
    "steps": [
        {"id": step, "agent": agent, "title": f"Make {output}", "instructions": "Do it well.", "needs": needs, "output": output, "approve": False,
         "uses": []}
        for step, agent, needs, output in (
            ("s1", "designer", [], "architecture_design.md"),
            ("s2", "researcher", ["s1"], "research_notes.md"),
            ("s3", "writer", ["s1"], "document.md"),
            ("s4", "coder", ["s2", "s3"], "implementation.md"),
            ("s5", "qa_tester", ["s4"], "qa_report.md"),
        )
    ],
}


def key_of(body):
    """The step ("plan" for the planner), the turn in it, and the step's file."""
    turn, opening = 1, ""
    for message in body["messages"]:
        if message["role"] == "assistant":
            turn += 1
        if message["role"] == "user" and not opening:
            content = message["content"]
            opening = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    step = re.search(r"^# Your step \((\w+)\)", opening, re.MULTILINE)
    output = re.search(r"^Write the result to `([^`]+)`", opening, re.MULTILINE)
    return (step.group(1) if step else "plan", turn), output.group(1) if output else None


def words_of(key, output):
    """What the model says to this request: a text, or the input of write_file."""
    step, turn = key
    if step == "plan":
        return json.dumps(PLAN), None
    if turn == 1:
        return "", {"path": output, "content": f"# {output}\n\n" + f"{step} found this out. " * 90 + "\n"}
    return f"Step {step} is done.", None


def event(name, data):
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def anthropic(text, call, key):
    usage = {"input_tokens": 100, "output_tokens": 1}
    message = {"id": f"msg_{key[0]}_{key[1]}", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
               "stop_sequence": None, "usage": usage}
    parts = [event("message_start", {"type": "message_start", "message": message})]
    if call is None:
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": text}
    else:
        block = {"type": "tool_use", "id": f"toolu_{key[0]}", "name": "write_file", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call)}
    parts.append(event("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}))
    parts.append(event("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}))
    parts.append(event("content_block_stop", {"type": "content_block_stop", "index": 0}))
    stop = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    parts.append(event("message_delta", {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 20}}))
    parts.append(event("message_stop", {"type": "message_stop"}))
    return "".join(parts)


def openai(text, call, key):
    delta = {"role": "assistant", "content": text}
    if call is not None:
        function = {"name": "write_file", "arguments": json.dumps(call)}
        delta = {"role": "assistant", "tool_calls": [{"index": 0, "id": f"call_{key[0]}", "type": "function", "function": function}]}
    chunks = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if call else "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}},
    ]
    return "".join(f"data: {json.dumps({'id': 'c', 'model': 'm', **chunk})}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def error(status, kind, text, **headers):
    """A refusal in a form that both wires read."""
    body = {"type": "error", "error": {"type": kind, "code": kind, "message": text}}
    return {"status": status, "body": json.dumps(body), "headers": headers}


FAULTS = {
    # name: what is answered, how often, the exit codes that are right, whether a resume completes
    "throttled, wait 0 s": (error(429, "rate_limit_error", "slow down", **{"retry-after": "0"}), 1, {0}, True),
    "overloaded": (error(529, "overloaded_error", "overloaded", **{"retry-after": "0"}), 2, {0}, True),
    "server error": (error(500, "api_error", "internal", **{"retry-after": "0"}), 2, {0}, True),
    "stream cut off": ({"cut": True}, 1, {0}, True),
    "connection closed": ({"drop": True}, 1, {0}, True),
    "no event stream": ({"status": 200, "body": "<html>a proxy's page</html>", "headers": {}}, 1, {0, 1, 5}, True),
    "key refused": (error(401, "authentication_error", "invalid x-api-key"), 1000, {5}, True),
    "no credit (openai)": (error(429, "insufficient_quota", "You exceeded your current quota, please check your plan"), 1000, {5}, True),
    "no credit (anthropic)": (error(400, "invalid_request_error", "Your credit balance is too low to access the API"), 1000, {5}, True),
    "bad request": (error(400, "invalid_request_error", "messages: wrong"), 1, {1}, True),
    "prompt too long": (error(400, "context_length_exceeded", "prompt is too long: 250000 tokens > 200000 maximum"), 1, {0}, False),
}


class Listener(http.server.ThreadingHTTPServer):
    """Clients are killed in the middle of their words: no reason to complain."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class ModelServer:
    """Listens on a port of its own until closed."""

    def __init__(self, latency=0.01, fault=None, at=4):
        self.counts = Counter()
        self.seen = 0
        self.keys_seen = set()
        self.lock = threading.Lock()
        self.fault, self.at, self.latency = fault, at, latency
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.reply(200, json.dumps({"data": [{"id": "m", "type": "model"}]}), {"content-type": "application/json"})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                key, output = key_of(body)
                fault = owner.count(key, self.headers)
                time.sleep(owner.latency)
                wire = anthropic if self.path.endswith("/messages") else openai
                text = wire(*words_of(key, output), key)
                try:
                    if fault is None:
                        self.reply(200, text, {"content-type": "text/event-stream"})
                    elif "drop" in fault:
                        self.close_connection = True
                    elif "cut" in fault:
                        self.reply(200, text[: len(text) // 2], {"content-type": "text/event-stream", "connection": "close"}, length=len(text))
                        self.close_connection = True
                    else:
                        self.reply(fault["status"], fault["body"], {"content-type": "application/json", **fault["headers"]})
                except OSError:
                    self.close_connection = True

            def reply(self, status, text, headers, length=None):
                data = text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(length or len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, key, headers):
        """Counts the request; the fault it is to meet, if any."""
        with self.lock:
            self.counts[key] += 1
            self.seen += 1
            self.keys_seen.add(headers.get("x-api-key") or (headers.get("authorization") or "").removeprefix("Bearer "))
            if self.fault is None or self.seen < self.at:
                return None
            answer, times = self.fault
            self.fault = (answer, times - 1) if times > 1 else None
            return answer

    def heal(self):
        with self.lock:
            self.fault = None

    def close(self):
        self.server.shutdown()
        self.server.server_close()
