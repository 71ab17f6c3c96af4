"""The extension: a session, foreign tables on endpoints, and what a statement costs its backend."""
import os
import re
import subprocess
import threading
import time

import psycopg2

from .processes import Sample

COLUMNS = "commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb"
EVENTS = '[{"type": "accountCredited", "amount": 1234.56, "currency": "EUR", "by": "john@doe.com", "final": true}]'


def backend_cpu(pid):
    """Seconds of CPU of a process's first thread; a backend has no other that works."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return set(file.read().split())


def children_cpu(pid):
    """Seconds of CPU of a process's children that have ended."""
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Of a process, in MB: its own pages now, and the most of all pages so far."""
    with open(f"/proc/{pid}/status") as file:
        text = file.read()
    return tuple(int(re.search(rf"{name}:\s+(\d+)", text).group(1)) / 1024 for name in ("RssAnon", "VmHWM"))


class Session:
    def __init__(self):
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.pid = self.connection.get_backend_pid()

    def query(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall() if self.cursor.description else None

    def run(self, sql, count):
        return self.measure(lambda: self.cursor.execute(sql), count)

    def copy(self, sql, file, count):
        return self.measure(lambda: self.cursor.copy_expert(sql, file), count)

    def measure(self, work, count):
        cpu, start = backend_cpu(self.pid), time.monotonic()
        work()
        return Sample(time.monotonic() - start, backend_cpu(self.pid) - cpu, count)

    def close(self):
        self.connection.close()


def create_extension():
    session = Session()
    session.query("CREATE EXTENSION dynamodb_es")
    session.close()


def create_table(name, url, server_options="", table_options=""):
    """A foreign table on an endpoint."""
    session = Session()
    session.query(f"""
        CREATE SERVER {name}_server FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint '{url}'{server_options});
        CREATE USER MAPPING FOR CURRENT_USER SERVER {name}_server OPTIONS (access_key_id 'bench', secret_access_key 'bench');
        CREATE FOREIGN TABLE {name} ({COLUMNS}) SERVER {name}_server {table_options}""")
    session.close()
    return name


def create_store(name, url, table_options=""):
    """And the tables in DynamoDB."""
    create_table(name, url, table_options=table_options)
    session = Session()
    session.query(f"SELECT dynamodb_es_create_tables('{name}')")
    session.close()
    return name


def insert(table, count, prefix):
    """A statement that appends version 0 of so many aggregates."""
    return (f"INSERT INTO {table} (aggregate_id, version, events) SELECT '{prefix}' || i, 0, '{EVENTS}'::jsonb "
            f"FROM generate_series(1, {count}) i")


def read(table, where="", order="ORDER BY commit_id"):
    """A statement that uses all five columns of each row, in order."""
    return (f"SELECT count(*), sum(commit_id), max(committed_at), sum(length(aggregate_id)), sum(version), count(events) "
            f"FROM (SELECT * FROM {table} {where} {order} OFFSET 0) rows")


def insert_one(table):
    """A statement that appends a commit to an aggregate that nobody has seen."""
    return f"INSERT INTO {table} (aggregate_id, version, events) VALUES (gen_random_uuid()::text, 0, '{EVENTS}')"


def append_if(table):
    """The same on a condition that nobody meets, of what came since the client's last append; for pgbench, which keeps its id."""
    return (f"SELECT commit_id AS after FROM dynamodb_es_append(ARRAY[ROW(NULL, NULL, gen_random_uuid()::text, 0, '{EVENTS}')::{table}], :after, "
            "$$SELECT FROM batch WHERE aggregate_id = 'taken'$$) \\gset")


def loop(statement, count):
    """The same statement so many times, in a loop in the server."""
    return f"DO $$ BEGIN FOR i IN 1..{count} LOOP {statement}; END LOOP; END $$"


def pgbench(statement, clients, count, directory, **variables):
    """Runs a prepared statement so many times in each client."""
    script = os.path.join(directory, "statement.sql")
    with open(script, "w") as file:
        file.write(statement + ("\n" if statement.endswith("gset") else ";\n"))
    session = Session()
    with open(session.query("SHOW data_directory")[0][0] + "/postmaster.pid") as file:
        postmaster = int(file.readline())
    before, cpu = children(postmaster), children_cpu(postmaster)
    output = subprocess.run([os.environ["BENCH_PGBIN"] + "/pgbench", "--no-vacuum", "--protocol=prepared", f"--client={clients}",
                             f"--transactions={count}", f"--file={script}",
                             *(f"--define={name}={value}" for name, value in variables.items())], check=True, stdout=subprocess.PIPE, text=True).stdout
    rate = float(re.search(r"tps = ([\d.]+)", output).group(1))
    while children(postmaster) - before:            # only a child that is gone for good has been counted
        time.sleep(0.01)
    session.close()
    return Sample(clients * count / rate, children_cpu(postmaster) - cpu, clients * count)


class Watch:
    """Writes down a backend's memory while something runs: a list of (seconds, MB of its own pages)."""

    def __init__(self, pid, interval=0.1):
        self.pid, self.interval = pid, interval
        self.points, self.over = [], threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        start = time.monotonic()
        while True:
            self.points.append((time.monotonic() - start, memory(self.pid)[0]))
            if self.over.wait(self.interval):
                return

    def __enter__(self):
        self.first = memory(self.pid)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.last = memory(self.pid)

    @property
    def growth(self):
        """MB, by the highest of all readings and by the kernel's own high-water mark."""
        return max(mb for _, mb in self.points) - self.first[0], self.last[1] - self.first[1]


class Rows:
    """A file of rows for COPY, made as it is read."""

    def __init__(self, count, versions, chunk=2000):
        self.numbers = iter(range(0, count, chunk))
        self.count, self.versions, self.chunk, self.rest = count, versions, chunk, b""

    def read(self, size=-1):
        while len(self.rest) < size:
            first = next(self.numbers, None)
            if first is None:
                break
            self.rest += "".join(f"aggregate-{i // self.versions}\t{i % self.versions}\t{EVENTS}\n"
                                 for i in range(first, min(first + self.chunk, self.count))).encode()
        part, self.rest = self.rest[:size], self.rest[size:]
        return part
