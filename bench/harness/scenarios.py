"""What is measured. Each scenario makes its own servers and gives a Result; the numbers of runs and rows are in Size."""
import itertools
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg2

from . import postgres, processes, projections as projection_runs
from .rounds import Bound, Result, Target, take_turns

EXTENSION, FLOOR, SDK, BOTO = "dynamodb_es", "floor", "SDK v3", "boto3"
LOOP = "dynamodb_es, in a loop"
SIXTEEN = "dynamodb_es, 16 at most"
COUNTER, DENSE = "dynamodb_es, counter", "dynamodb_es, dense"
CONDITIONAL = "dynamodb_es, on condition"
DELAYS = (1, 5, 20)
CONNECTIONS = 16
MOST_CONNECTIONS = 64               # max_connections where it is not said
AGGREGATE = "00000000-0000-4000-8000-000000000000"
TRANSACTION = 99
FEW = 100                           # rows that a client takes before it stops
LARGE_COMMIT = 4096                 # bytes of a commit that has more attributes than are asked for: 256 of them fill a page

numbers = itertools.count()


@dataclass
class Size:
    rounds: int
    delayed_rounds: int             # where an answer takes 20 ms, and so a round long
    one: int                        # single-row appends
    bulk: int                       # rows of a bulk append
    delayed: int                    # the same behind a delay
    far: int                        # rows of a bulk append to a far endpoint
    transactions: int
    backend: int                    # appends of each of the eight backends
    index: int                      # commits that the page server holds
    engine_index: int               # that an engine holds
    cpu: int                        # rows of a run that measures CPU
    memory: int
    fresh: int                      # INSERTs whose way into a projection is timed
    idle_seconds: int


FULL = Size(rounds=5, delayed_rounds=3, one=1500, bulk=4000, delayed=1000, far=10_000, transactions=30, backend=1000, index=100_000, engine_index=20_000,
            cpu=100_000, memory=1_000_000, fresh=200, idle_seconds=60)
QUICK = Size(rounds=2, delayed_rounds=2, one=200, bulk=1000, delayed=300, far=3000, transactions=5, backend=100, index=20_000, engine_index=3000,
             cpu=20_000, memory=100_000, fresh=20, idle_seconds=10)


def prefix():
    return f"bench-{next(numbers)}-"


class Bench:
    """The engines and what else the scenarios share."""

    def __init__(self, size, engines, directory):
        self.size, self.engines, self.directory = size, engines, directory
        self.stores = {name: postgres.create_store(name, url) for name, url in engines.items()}


class Stage(ExitStack):
    """What one scenario uses, and what goes when it is over."""

    def process(self, process):
        self.callback(process.end)
        return process

    def session(self):
        session = postgres.Session()
        self.callback(session.close)
        return session


def appenders(stage, url, table, count, in_flight=CONNECTIONS, floor="put", boto=True):
    """Whoever appends `count` commits to as many aggregates."""
    session = stage.session()
    floor_client, sdk_client = stage.process(processes.floor(url)), stage.process(processes.sdk(url))
    all_of_them = {
        EXTENSION: lambda: session.run(postgres.insert(table, count, prefix()), count),
        FLOOR: lambda: floor_client.run(f"{floor} {count} {in_flight} {prefix()}", count),
        SDK: lambda: sdk_client.run(f"append {count} {in_flight} {prefix()}", count),
    }
    if boto:
        boto_client = stage.process(processes.boto(url))
        all_of_them[BOTO] = lambda: boto_client.run(f"append {count} {in_flight} {prefix()}", count)
    return all_of_them


def append_one(bench):
    """One row at a time, on dynalite: pgbench with a prepared INSERT; the others likewise one after the other. "In a loop" are the same
    INSERTs, but from PL/pgSQL, without the way from a client to the server and back for each. "PostgreSQL alone" is pgbench with a
    prepared SELECT 1: what of it is no append."""
    result = Result("append-one", "Append, one row at a time", "commits", append_one.__doc__)
    count, url, table = bench.size.one, bench.engines["dynalite"], bench.stores["dynalite"]
    with Stage() as stage:
        contestants = appenders(stage, url, table, count, in_flight=1, floor="pair")
        contestants[EXTENSION] = lambda: postgres.pgbench(postgres.insert_one(table), 1, count, bench.directory)
        session = stage.session()
        contestants[LOOP] = lambda: session.run(postgres.loop(postgres.insert_one(table), count), count)
        contestants["PostgreSQL alone"] = lambda: postgres.pgbench("SELECT 1", 1, count, bench.directory)
        take_turns(result, contestants, bench.size.rounds)
    result.targets = [Target("rate", EXTENSION, FLOOR, 1 / 1.15, source="one row ≤ 1.15 × the floor's two requests in a row"),
                      Target("rate", LOOP, FLOOR, None, source="what the extension itself adds to the floor"),
                      Target("cpu_us", EXTENSION, SDK, 1 / 10, at_most=True, source="CPU of a commit ≤ 1/10 of the SDK's"),
                      Target("cpu_us", EXTENSION, FLOOR, 1.6, at_most=True, source="CPU of a commit ≤ 1.6 × the floor's"),
                      Target("cpu_us", FLOOR, SDK, None, source="what of the CPU is the floor's already")]
    return [result]


def append_bulk(bench):
    """INSERT … SELECT of rows of as many aggregates, on dynalite; the floor sends only the puts, on 16 connections."""
    result = Result("append-bulk", "Append, in bulk", "commits", append_bulk.__doc__)
    with Stage() as stage:
        take_turns(result, appenders(stage, bench.engines["dynalite"], bench.stores["dynalite"], bench.size.bulk),
                   bench.size.rounds)
    result.targets = [Target("rate", EXTENSION, FLOOR, 0.85, source="bulk ≥ 0.85 × the floor's put rate"),
                      Target("rate", EXTENSION, SDK, 3.5, source="bulk ≥ 3.5 × the SDK with 16 in flight"),
                      Target("rate", FLOOR, SDK, None, source="what the engine takes in puts alone"),
                      Target("cpu_us", EXTENSION, SDK, 1 / 10, at_most=True, source="CPU of a commit ≤ 1/10 of the SDK's")]
    return [result]


def append_delay(bench):
    """The same where each request takes 1, 5 or 20 ms longer; "one by one" is the SDK with one commit in flight. The SDK waits twice for
    each commit, so that 16 in flight can be at best half as fast as 16 puts."""
    results = []
    for ms in DELAYS:
        result = Result(f"append-delay-{ms}", f"Append, in bulk, {ms} ms away", "commits", append_delay.__doc__)
        with Stage() as stage:
            delay = stage.process(processes.delay_server(bench.engines["dynalite"]))
            count, table = bench.size.delayed, postgres.create_table(f"delayed_{ms}", delay.url)
            delay.delay(ms)
            contestants = appenders(stage, delay.url, table, count, boto=False)
            single, one_by_one = stage.process(processes.sdk(delay.url)), max(count // 10, 1)
            contestants["SDK v3, one by one"] = lambda: single.run(f"append {one_by_one} 1 {prefix()}", one_by_one)
            take_turns(result, contestants, bench.size.rounds)
        result.targets = [Target("rate", EXTENSION, FLOOR, 0.85, source="1,000 rows ≥ 0.85 × the floor"),
                          Target("rate", EXTENSION, SDK, 2 if ms == 5 else None, source="1,000 rows ≥ 2 × the SDK with 16 in flight"),
                          Target("rate", FLOOR, SDK, None, source="what 16 puts at a time can be, if nothing else took time")]
        results.append(result)
    return results


def append_far(bench):
    """A bulk INSERT 20 ms away, into the page server, which answers however many requests there are and stores nothing; and without a
    delay, on dynalite. Once with as many connections as there may be, which is the default, once with 16 at most. The SDK, and the
    floor's puts, at 16 and at 64 in flight. Whoever is slow gets fewer rows."""
    results = []
    for ms in (20, 0):
        result = Result(f"append-far-{ms}", f"Append, in bulk, {ms} ms away, up to {MOST_CONNECTIONS} in flight", "commits",
                        f"{append_far.__doc__} {bench.size.delayed_rounds} rounds.")
        count, fewer, few = bench.size.far, bench.size.far // 2, bench.size.far // 10
        with Stage() as stage:
            url = bench.engines["dynalite"]
            if ms:
                server = stage.process(processes.page_server(commits=1))
                server.delay(ms)
                url = server.url
            wide = postgres.create_table(f"far_{ms}", url)
            narrow = postgres.create_table(f"far_{ms}_sixteen", url, server_options=f", max_connections '{CONNECTIONS}'")
            wide_session, narrow_session = stage.session(), stage.session()
            sdk, floor = stage.process(processes.sdk(url)), stage.process(processes.floor(url))
            contestants = {EXTENSION: lambda: wide_session.run(postgres.insert(wide, count, prefix()), count),
                           SIXTEEN: lambda: narrow_session.run(postgres.insert(narrow, fewer, prefix()), fewer)}
            for in_flight in (CONNECTIONS, MOST_CONNECTIONS):
                contestants[f"{FLOOR}, {in_flight}"] = lambda n=in_flight: floor.run(f"put {fewer} {n} {prefix()}", fewer)
                contestants[f"{SDK}, {in_flight}"] = lambda n=in_flight: sdk.run(f"append {few} {n} {prefix()}", few)
            take_turns(result, contestants, bench.size.delayed_rounds, warm_up=False)
        result.targets = [Target("rate", EXTENSION, SIXTEEN, 2.5 if ms else 0.97,
                                 source="10,000 rows ≥ 2.5 × the rate with 16" if ms else "no slower than with 16"),
                          Target("rate", EXTENSION, f"{SDK}, {MOST_CONNECTIONS}", None, source="the SDK with as many in flight"),
                          Target("rate", EXTENSION, f"{FLOOR}, {MOST_CONNECTIONS}", None, source="what as many puts at a time can be")]
        results.append(result)
    return results


def append_one_delay(bench):
    """One row at a time, on DynamoDB Local, 5 ms away. Dense, a commit and its id are one transaction and so one request; in counter mode,
    and by the SDK, one after the other. The floor sends the same two requests, or the same one."""
    result = Result("append-one-delay-5", "Append, one row at a time, 5 ms away", "commits", append_one_delay.__doc__)
    count = bench.size.delayed // 5
    with Stage() as stage:
        delay = stage.process(processes.delay_server(bench.engines["local"]))
        tables = {COUNTER: postgres.create_table("one_counter", delay.url),
                  DENSE: postgres.create_table("one_dense", delay.url, table_options="OPTIONS (append_mode 'dense', counter 'one_dense')")}
        delay.delay(5)
        contestants = {name: lambda table=table: postgres.pgbench(postgres.insert_one(table), 1, count, bench.directory)
                       for name, table in tables.items()}
        sdk, floor = stage.process(processes.sdk(delay.url)), stage.process(processes.floor(delay.url))
        contestants[SDK] = lambda: sdk.run(f"append {count} 1 {prefix()}", count)
        contestants[f"{FLOOR}, two requests"] = lambda: floor.run(f"pair {count} 1 {prefix()}", count)
        contestants[f"{FLOOR}, a transaction"] = lambda: floor.run(f"transact {count} 1 {prefix()} 1", count)
        take_turns(result, contestants, bench.size.delayed_rounds)
    result.targets = [Target("rate", DENSE, SDK, 1 / 0.6, source="dense ≤ 0.6 × the time of the SDK's two requests"),
                      Target("rate", DENSE, f"{FLOOR}, a transaction", None, source="what the same request alone can be"),
                      Target("rate", COUNTER, f"{FLOOR}, two requests", None, source="likewise")]
    return [result]


def append_dense(bench):
    """append_mode 'dense', on DynamoDB Local: transactions of 99 commits and the counter, one after the other."""
    result = Result("append-dense", "Append, dense", "commits", append_dense.__doc__)
    url, count = bench.engines["local"], bench.size.transactions
    try:
        postgres.create_table("dense", url, table_options=f"OPTIONS (append_mode 'dense', batch_size '{TRANSACTION}', counter 'dense')")
    except psycopg2.errors.FeatureNotSupported:
        result.note += " Not measured: this version has no append_mode 'dense'."
        return [result]
    with Stage() as stage:
        session, floor_client = stage.session(), stage.process(processes.floor(url))
        rows = count * TRANSACTION
        take_turns(result, {
            EXTENSION: lambda: session.run(postgres.insert("dense", rows, prefix()), rows),
            FLOOR: lambda: floor_client.run(f"transact {count} 1 {prefix()} {TRANSACTION}", rows),
        }, bench.size.rounds)
    result.targets = [Target("rate", EXTENSION, FLOOR, 0.85, source="99-row batches ≥ 0.85 × the floor's same transactions")]
    return [result]


def append_if(bench):
    """Sixteen clients of pgbench on one dense store, on DynamoDB Local, each with single-row appends: by INSERT, and by dynamodb_es_append on a
    condition over what came since the client's last one. Nearly each of them has lost the race for the next id before it begins."""
    result = Result("append-if", "Append, if it still holds", "commits", append_if.__doc__)
    url, each = bench.engines["local"], bench.size.backend // 8
    # What came is asked of the index, in which commits of other scenarios would have the same ids.
    table = postgres.create_store("decided", url, "OPTIONS (append_mode 'dense', commit_table 'decided', counter 'decided')")
    with Stage() as stage:
        session = stage.session()
        head = lambda: session.query(f"SELECT dynamodb_es_head('{table}')")[0][0]
        take_turns(result, {
            CONDITIONAL: lambda: postgres.pgbench(postgres.append_if(table), CONNECTIONS, each, bench.directory, after=head()),
            EXTENSION: lambda: postgres.pgbench(postgres.insert_one(table), CONNECTIONS, each, bench.directory),
        }, bench.size.rounds)
    result.targets = [Target("rate", CONDITIONAL, EXTENSION, 0.5, source="on condition ≥ 0.5 × the rate of dense appends without one")]
    return [result]


def append_backends(bench):
    """Eight clients of pgbench, each with single-row INSERTs, on dynalite; the floor's eight connections each send the same two
    requests: that is what the engine can take."""
    result = Result("append-backends", "Append, eight backends at once", "commits", append_backends.__doc__)
    url, table, each = bench.engines["dynalite"], bench.stores["dynalite"], bench.size.backend
    with Stage() as stage:
        floor_client = stage.process(processes.floor(url))
        take_turns(result, {
            EXTENSION: lambda: postgres.pgbench(postgres.insert_one(table), 8, each, bench.directory),
            FLOOR: lambda: floor_client.run(f"pair {8 * each} 8 {prefix()}", 8 * each),
        }, bench.size.rounds)
    result.targets = [Target("rate", EXTENSION, FLOOR, 0.9, source="eight backends ≥ 0.9 × the engine's own limit")]
    return [result]


def readers(stage, url, table, count, page, aggregate=None, boto=False):
    """Whoever reads all commits in order. The floor asks for pages of that size, on 16 connections."""
    session, sdk_client = stage.session(), stage.process(processes.sdk(url))
    where, order = (f"WHERE aggregate_id = '{aggregate}'", "ORDER BY version") if aggregate else ("", "ORDER BY commit_id")
    statement = postgres.read(table, where, order)
    words = f"aggregate {aggregate}" if aggregate else "index"
    pages = (count + page - 1) // page
    floor_client = stage.process(processes.floor(url))

    def floor_reads():
        sample = floor_client.run(f"{words.split()[0]} {pages} {CONNECTIONS} {page} {aggregate or ''}".strip(), pages)
        return processes.Sample(sample.seconds, sample.cpu, count)

    all_of_them = {
        EXTENSION: lambda: session.run(statement, count),
        FLOOR: floor_reads,
        SDK: lambda: sdk_client.run(words, count),
    }
    if boto:
        boto_client = stage.process(processes.boto(url))
        all_of_them[BOTO] = lambda: boto_client.run(words, count)
    got = session.query(f"SELECT count(*), count(DISTINCT commit_id) FROM (SELECT * FROM {table} {where} {order} OFFSET 0) rows")[0]
    if got != (count, count):
        raise RuntimeError(f"{statement} reads {got[0]} rows, {got[1]} different ones, of {count}")
    return all_of_them


def page_rows(count):
    """Rows of 250 bytes in one page of 1 MB, with room to spare; and no fewer pages than connections, if that can be."""
    return max(min(4000, count // CONNECTIONS), 1)


def read_pages(bench, name, title, aggregate=None, ids="dense", weight=LARGE_COMMIT, multiple=8, options=""):
    count = bench.size.index
    result = Result(name, title, "rows", "From the page server, 20 ms for each page. It measures parallelism and what the client "
                    "costs, and nothing else. The SDK's paginator is sequential.")
    result.note += f" {bench.size.delayed_rounds} rounds."
    if weight:
        result.note += f" The commits have {weight} bytes, {1024 * 1024 // weight} of them fill a page; 250 bytes of each are asked for."
    with Stage() as stage:
        server = stage.process(processes.page_server(commits=count, versions=count if aggregate else 20, ids=ids, weight=weight))
        table = postgres.create_table(name.replace("-", "_"), server.url, table_options=options)
        server.delay(20)
        page = 1024 * 1024 // weight if weight else page_rows(count)
        contestants = readers(stage, server.url, table, count, page, aggregate)
        if ids != "dense":
            del contestants[FLOOR]                  # its ranges of ids would hold other numbers of rows
        take_turns(result, contestants, bench.size.delayed_rounds, warm_up=False)
    if multiple:
        result.targets = [Target("rate", EXTENSION, SDK, multiple, source="at 20 ms for each page ≥ 8 × a sequential paginator")]
    return result


def read_index(bench):
    return [read_pages(bench, "read-index", "Read the index in order"),
            read_pages(bench, "read-index-gaps", "Read the index in order, every tenth id missing", ids="gaps"),
            read_pages(bench, "read-index-skewed", "Read the index in order, nine tenths of the ids nearly empty", ids="skewed"),
            read_pages(bench, "read-index-full", "Read the index in order, 4,000 rows in a page", weight=0, multiple=None)]


def read_feed(bench):
    """Catching up: all old gaps are passed on the way, at no cost."""
    feed = "OPTIONS (consistent_prefix 'true')"
    return [read_pages(bench, "read-feed", "Read a feed from its beginning", options=feed),
            read_pages(bench, "read-feed-gaps", "Read a feed from its beginning, every tenth id missing", ids="gaps", options=feed)]


def read_aggregate(bench):
    return [read_pages(bench, "read-aggregate", "Read one aggregate in order", AGGREGATE)]


def read_engines(bench):
    """The index in order, from dynalite and from DynamoDB Local: the engine is the limit, and parallel requests must not cost."""
    results, count = [], bench.size.engine_index
    for engine, url in bench.engines.items():
        if not engine.endswith("_read"):
            continue
        result = Result(f"read-{engine.removesuffix('_read')}", f"Read the index in order, {engine.removesuffix('_read')}", "rows",
                        read_engines.__doc__)
        with Stage() as stage:
            session = stage.session()
            for _ in range(0, count, 1000):
                session.query(postgres.insert(bench.stores[engine], 1000, prefix()))
            take_turns(result, readers(stage, url, bench.stores[engine], count, page_rows(count)), bench.size.rounds)
        result.targets = [Target("rate", EXTENSION, SDK, 1, source="from the real engines ≥ 1.0 × a sequential paginator")]
        results.append(result)
    return results


def read_cpu(bench):
    """The index from the page server without a delay: what a row of 250 bytes costs, all five columns, jsonb included."""
    result, count = Result("read-cpu", "Read without a delay", "rows", read_cpu.__doc__), bench.size.cpu
    with Stage() as stage:
        server = stage.process(processes.page_server(commits=count))
        table = postgres.create_table("read_cpu", server.url)
        take_turns(result, readers(stage, server.url, table, count, page_rows(count), boto=True), bench.size.rounds)
    result.targets = [Target("cpu_us", EXTENSION, SDK, 1 / 3, at_most=True, source="CPU of a row ≤ 1/3 of the SDK's")]
    result.bounds = [Bound("CPU of a row, µs: 150,000 rows/s on one core", result.median(EXTENSION, "cpu_us"), 1e6 / 150_000, "µs")]
    return [result]


def read_few(bench):
    """A LIMIT, and a cursor that is closed early, must not fetch what nobody takes. From the page server, 5 ms for each page."""
    result = Result("read-few", "Read a few rows", "rows", read_few.__doc__)
    with Stage() as stage:
        server = stage.process(processes.page_server(commits=bench.size.index))
        table, session = postgres.create_table("read_few", server.url), stage.session()
        server.delay(5)
        session.query(f"SELECT * FROM {table} ORDER BY commit_id LIMIT 1")
        for what, statements in (
                (f"LIMIT {FEW}", [f"SELECT * FROM {table} ORDER BY commit_id LIMIT {FEW}"]),
                (f"FETCH {FEW} of a cursor", ["BEGIN", f"DECLARE c CURSOR FOR SELECT * FROM {table} ORDER BY commit_id",
                                              f"FETCH {FEW} FROM c", "CLOSE c", "COMMIT"])):
            server.tell("stats")
            for statement in statements:
                session.query(statement)
            result.bounds.append(Bound(f"{what}: requests", server.tell("stats")["requests"], 4, "requests"))
    return [result]


def add_memory(result, watch, what):
    own, most = watch.growth
    result.curves = {what: watch.points}
    result.bounds = [Bound(f"growth of the backend by {what}, its own pages", own, 64, "MB"),
                     Bound("the same by the kernel's high-water mark", most, 64, "MB")]


def memory_read(bench):
    """A read of the index from the page server, in order; the backend's own memory while it runs."""
    result, count = Result("memory-read", "Memory of a large read", "rows", memory_read.__doc__), bench.size.memory
    with Stage() as stage:
        server = stage.process(processes.page_server(commits=count))
        table, session = postgres.create_table("memory_read", server.url), stage.session()
        session.query(postgres.read(table, "WHERE commit_id <= 100"))
        with postgres.Watch(session.pid) as watch:
            result.samples = {EXTENSION: [session.run(postgres.read(table), count)]}
    add_memory(result, watch, f"a read of {count:,} commits")
    return [result]


def memory_copy(bench):
    """COPY FROM STDIN into the page server, which takes every append and stores none."""
    result, count = Result("memory-copy", "Memory of a large COPY", "commits", memory_copy.__doc__), bench.size.memory
    with Stage() as stage:
        server = stage.process(processes.page_server(commits=1))
        table, session = postgres.create_table("memory_copy", server.url), stage.session()
        session.query(postgres.insert(table, 1000, prefix()))
        copy = f"COPY {table} (aggregate_id, version, events) FROM STDIN"
        with postgres.Watch(session.pid) as watch:
            result.samples = {EXTENSION: [session.copy(copy, postgres.Rows(count, versions=1), count)]}
    add_memory(result, watch, f"a COPY of {count:,} rows")
    return [result]


def projections(bench):
    """What follows a store, beside a consumer that is written by hand."""
    with Stage() as stage:
        return projection_runs.projections(bench, stage)


SCENARIOS = {
    "append-one": append_one,
    "append-bulk": append_bulk,
    "append-delay": append_delay,
    "append-far": append_far,
    "append-one-delay-5": append_one_delay,
    "append-dense": append_dense,
    "append-if": append_if,
    "append-backends": append_backends,
    "read-index": read_index,
    "read-feed": read_feed,
    "read-aggregate": read_aggregate,
    "read-engines": read_engines,
    "read-cpu": read_cpu,
    "read-few": read_few,
    "memory-read": memory_read,
    "memory-copy": memory_copy,
    "projections": projections,
}
