"""What a projection costs and how fresh it is, beside a consumer that is written by hand."""
import statistics
import time

from . import postgres, processes
from .rounds import Bound, Result, Target, take_turns

FOLLOW, BY_PAGE, BY_COMMIT = "dynamodb_es_follow", "Node, a statement for each page", "Node, a statement for each commit"
LARGE_COMMIT = 4096                 # bytes of a commit of which a page of 1 MB holds 256
POLL_MS = 1000                      # poll_interval, as it is by default


def create_projection(session, table, enabled):
    """A table of balances, and the projection of that name over a foreign table."""
    session.query(f"""
        CREATE TABLE balances (aggregate_id text PRIMARY KEY, balance numeric NOT NULL) WITH (fillfactor = 50);
        CREATE FUNCTION apply_balances(batch {table}[]) RETURNS void LANGUAGE sql BEGIN ATOMIC
          INSERT INTO balances AS b SELECT c.aggregate_id, sum((e->>'amount')::numeric)
          FROM unnest(batch) c, jsonb_array_elements(c.events) e GROUP BY c.aggregate_id
          ON CONFLICT (aggregate_id) DO UPDATE SET balance = b.balance + excluded.balance;
        END;
        SELECT dynamodb_es_create_projection('balances', 'apply_balances', enabled => {enabled})""")


def drop_projection(session):
    session.query("SELECT dynamodb_es_drop_projection('balances'); DROP FUNCTION apply_balances; DROP TABLE balances")


def consumer_run(client, way, most):
    """A run of the consumer, with the CPU of its session's backend."""
    before = postgres.backend_cpu(client.backend)
    answer = client.tell(f"{way} {most}")
    return processes.Sample(answer["seconds"], answer["cpu"] + postgres.backend_cpu(client.backend) - before, answer["rows"])


def catch_up(bench, stage, name, title, note, rounds, delay_ms, targets, **server_options):
    count = bench.size.index
    result = Result(name, title, "commits", note)
    server = stage.process(processes.page_server(commits=count, **server_options))
    table, session = postgres.create_table(name.replace("-", "_"), server.url), stage.session()
    server.delay(delay_ms)
    create_projection(session, table, "true")
    session.query("CREATE TABLE consumer_position AS SELECT 0::bigint AS position")
    sums = set()

    def measured(run):
        session.query("TRUNCATE balances; SELECT dynamodb_es_reset('balances'); UPDATE consumer_position SET position = 0; CHECKPOINT")
        sample = run()
        if sample.count == count:
            sums.add(session.query("SELECT count(*), sum(balance) FROM balances")[0])
        return sample

    client = stage.process(processes.consumer(server.url))
    take_turns(result, {
        FOLLOW: lambda: measured(lambda: session.run("CALL dynamodb_es_follow('balances', until_caught_up => true)", count)),
        BY_PAGE: lambda: measured(lambda: consumer_run(client, "page", count)),
        BY_COMMIT: lambda: measured(lambda: consumer_run(client, "commit", count // 10)),
    }, rounds)
    if len(sums) != 1:
        raise RuntimeError(f"{name}: the balances differ: {sums}")
    result.targets = targets
    drop_projection(session)
    session.query("DROP TABLE consumer_position")
    return result


def follows(session):
    """Waits for a worker of this role and database."""
    role, database = session.query("SELECT current_user, current_database()")[0]
    session.query(f"""ALTER SYSTEM SET dynamodb_es.workers = '"{role}"@"{database}"'""")
    session.query("SELECT pg_reload_conf()")
    while not session.query("SELECT 1 FROM pg_stat_activity WHERE backend_type = 'dynamodb_es projection'"):
        time.sleep(0.05)
    return session.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dynamodb_es projection'")[0][0]


def follows_no_more(session):
    session.query("ALTER SYSTEM RESET dynamodb_es.workers")
    session.query("SELECT pg_reload_conf()")
    while session.query("SELECT 1 FROM pg_stat_activity WHERE backend_type = 'dynamodb_es projection'"):
        time.sleep(0.05)


def catches_up(session, table):
    """Waits until the projection has applied all that there is."""
    while not session.query(f"SELECT position >= dynamodb_es_head('{table}') FROM dynamodb_es_projections WHERE name = 'balances'")[0][0]:
        time.sleep(0.05)


def freshness(bench, stage):
    result = Result("projection-fresh", "From an INSERT to its effect", "commits",
                    "Single INSERTs on dynalite, a worker of the same server beside them; from the start of the INSERT until another statement "
                    "of the same session sees the balance.")
    table, session = bench.stores["dynalite"], stage.session()
    create_projection(session, table, "true")
    follows(session)
    catches_up(session, table)
    times = []
    for number in range(bench.size.fresh):
        aggregate, start = f"fresh-{number}", time.monotonic()
        session.query(f"INSERT INTO {table} (aggregate_id, version, events) VALUES ('{aggregate}', 0, '{postgres.EVENTS}')")
        while not session.query(f"SELECT 1 FROM balances WHERE aggregate_id = '{aggregate}'"):
            time.sleep(0.001)
        times.append((time.monotonic() - start) * 1000)
        time.sleep(0.02 * (number % 7))             # not in step with the worker's polls
    times.sort()
    result.bounds = [Bound("median", statistics.median(times), 50, "ms"),
                     Bound("of a hundred 99 are faster than", times[len(times) * 99 // 100], POLL_MS, "ms")]
    follows_no_more(session)
    drop_projection(session)
    return result


def idle(bench, stage):
    result = Result("projection-idle", "A worker that has nothing to do", "commits",
                    f"A projection that has caught up, on the page server, polled each {POLL_MS} ms, for {bench.size.idle_seconds} s.")
    server = stage.process(processes.page_server(commits=1000))
    table, session = postgres.create_table("projection_idle", server.url), stage.session()
    create_projection(session, table, "true")
    pid = follows(session)
    catches_up(session, table)
    server.tell("stats")
    cpu, start = postgres.backend_cpu(pid), time.monotonic()
    time.sleep(bench.size.idle_seconds)
    seconds, cpu = time.monotonic() - start, postgres.backend_cpu(pid) - cpu
    polls = seconds * 1000 / POLL_MS
    result.bounds = [Bound("CPU, in thousandths of a core", cpu / seconds * 1000, 1, "‰"),
                     Bound("requests for each poll, with a look once a minute whether it is the same store",
                           server.tell("stats")["requests"] / polls, 1 + 2 / polls + POLL_MS / 60000, "requests")]
    follows_no_more(session)
    drop_projection(session)
    return result


def projections(bench, stage):
    rate = "≥ {} × a consumer written by hand"
    return [
        catch_up(bench, stage, "projection-catch-up", "A projection catches up",
                 "Balances of 5,000 aggregates, from the page server without a delay. A consumer's CPU is that of Node and of its session's backend. "
                 "The one with a statement for each commit stops after a tenth of them.",
                 bench.size.rounds, 0,
                 [Target("rate", FOLLOW, BY_COMMIT, 3, source=rate.format(3)),
                  Target("rate", FOLLOW, BY_PAGE, None, source="one that does its best"),
                  Target("cpu_us", FOLLOW, BY_COMMIT, 1 / 4, at_most=True, source="≤ 1/4 of its CPU"),
                  Target("cpu_us", FOLLOW, BY_PAGE, None, source="one that does its best, most of which is PostgreSQL's part of the work")]),
        catch_up(bench, stage, "projection-catch-up-20", "A projection catches up, 20 ms a page",
                 f"The same with commits of {LARGE_COMMIT} bytes, 256 in a page, of which 250 bytes are asked for. "
                 f"{bench.size.delayed_rounds} rounds.",
                 bench.size.delayed_rounds, 20,
                 [Target("rate", FOLLOW, BY_COMMIT, 5, source=rate.format(5)),
                  Target("rate", FOLLOW, BY_PAGE, None, source="one that does its best")],
                 weight=LARGE_COMMIT),
        freshness(bench, stage),
        idle(bench, stage),
    ]
