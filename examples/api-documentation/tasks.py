"""A to-do service over HTTP. Invented for this example; it needs nothing but Python."""
import json
from http.server import BaseHTTPRequestHandler, HTTPServer

TASKS = {}


class TaskNotFound(Exception):
    """There is no task with that number."""


def list_tasks(done=None):
    """Return all tasks, oldest first; with `done`, only those that are (not) done."""
    tasks = sorted(TASKS.values(), key=lambda task: task["id"])
    return [task for task in tasks if done is None or task["done"] == done]


def create_task(title, due=None):
    """Add a task and return it. `title` must not be empty; `due` is an ISO date or nothing."""
    if not title.strip():
        raise ValueError("title must not be empty")
    task = {"id": len(TASKS) + 1, "title": title, "due": due, "done": False}
    TASKS[task["id"]] = task
    return task


def complete_task(number):
    """Mark a task as done and return it. Raises TaskNotFound for an unknown number."""
    if number not in TASKS:
        raise TaskNotFound(number)
    TASKS[number]["done"] = True
    return TASKS[number]


class Api(BaseHTTPRequestHandler):
    """GET /tasks, POST /tasks, POST /tasks/NUMBER/done; JSON in and out."""

    def do_GET(self):
        """List the tasks."""
        if self.path == "/tasks":
            self.answer(200, list_tasks())
        else:
            self.answer(404, {"error": "no such path"})

    def do_POST(self):
        """Create a task, or mark one as done."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            if self.path == "/tasks":
                self.answer(201, create_task(**json.loads(body)))
            else:
                self.answer(200, complete_task(int(self.path.split("/")[2])))
        except TaskNotFound:
            self.answer(404, {"error": "no such task"})
        except (ValueError, TypeError, IndexError) as error:
            self.answer(400, {"error": str(error)})

    def answer(self, status, value):
        """Send `value` as JSON."""
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", 8000), Api).serve_forever()
