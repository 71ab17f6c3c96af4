"""The processes beside PostgreSQL: servers that are told things on stdin, and clients that are given runs there."""
import json
import os
import subprocess
from dataclasses import dataclass

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ["BENCH_BUILD"]


@dataclass
class Sample:
    """What one run took."""
    seconds: float
    cpu: float                      # seconds of the client's process
    count: int                      # commits or rows

    @property
    def rate(self):
        return self.count / self.seconds

    @property
    def cpu_us(self):
        """Microseconds of CPU for each commit or row."""
        return self.cpu / self.count * 1e6


class Process:
    """A child that answers each line on its stdin by a line of JSON, and ends when stdin does."""

    def __init__(self, *command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      env={**os.environ, "NODE_NO_WARNINGS": "1"})

    def line(self):
        text = self.child.stdout.readline()
        if not text:
            raise RuntimeError(f"{self.child.args[0]} has ended")
        return text.strip()

    def tell(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()
        return json.loads(self.line())

    def end(self):
        self.child.stdin.close()
        self.child.wait()


class Server(Process):
    """The page server or the delay; both say their URL first."""

    def __init__(self, *command):
        super().__init__(*command)
        self.url = self.line()

    def delay(self, ms):
        self.tell(f"delay {ms}")


def page_server(**options):
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return Server(f"{BUILD}/pages", *words)


def delay_server(engine_url, ms=0):
    return Server(f"{BUILD}/delay", engine_url.rsplit(":", 1)[1], str(ms))


class Client(Process):
    def run(self, text, count):
        answer = self.tell(text)
        if answer.get("failed") or answer.get("rows", count) != count:
            raise RuntimeError(f"{text}: {answer}")
        return Sample(answer["seconds"], answer["cpu"], count)


def floor(url):
    return Client(f"{BUILD}/floor", url)


def sdk(url):
    return Client("node", f"{HERE}/clients/sdk.js", url)


class Consumer(Client):
    """A client that has a session with PostgreSQL, of which it tells the process first."""

    def __init__(self, *command):
        super().__init__(*command)
        self.backend = int(self.line())


def consumer(url):
    return Consumer("node", f"{HERE}/clients/consumer.js", url)


def boto(url):
    return Client("/usr/bin/python3", f"{HERE}/clients/boto.py", url)
