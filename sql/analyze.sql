-- ANALYZE: a small table is read as a whole and counted exactly, a large one in part, at a bounded cost.
\getenv endpoint DYNAMODB_ENDPOINT
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA analyze_;
SET search_path = analyze_, public;
CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'analyze.commits', counter_table 'analyze.counters');
CREATE FUNCTION rows_of(regclass) RETURNS real LANGUAGE sql AS 'SELECT reltuples FROM pg_class WHERE oid = $1';
-- The number of values that the planner believes in.
CREATE FUNCTION distinct_of(regclass, name) RETURNS double precision LANGUAGE sql AS $$
  SELECT CASE WHEN n_distinct < 0 THEN -n_distinct * rows_of($1) ELSE n_distinct END
  FROM pg_stats WHERE format('%I.%I', schemaname, tablename)::regclass = $1 AND attname = $2
$$;
CREATE FUNCTION estimate(query text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan->0->'Plan'->>'Plan Rows';
END $$;

-- Without a table there is nothing to analyze, and an error says so.
\set VERBOSITY terse
ANALYZE commits;
\echo :SQLSTATE
\set VERBOSITY default

-- An empty one.
SELECT dynamodb_es_create_tables('commits');
ANALYZE commits;
SELECT rows_of('commits');

-- Ten aggregates of ten commits.
INSERT INTO commits (committed_at, aggregate_id, version, events)
SELECT timestamptz '2020-01-01' + n * interval '1 day', 'a' || n % 10, n / 10, '[{"type": "counted"}]'
FROM generate_series(0, 99) AS n ORDER BY n;
ANALYZE commits;
SELECT rows_of('commits');
SELECT attname, null_frac, n_distinct FROM pg_stats WHERE schemaname = 'analyze_' AND tablename = 'commits' ORDER BY attname;
SELECT estimate('SELECT FROM commits'), estimate($$SELECT FROM commits WHERE aggregate_id = 'a3'$$) AS one,
  estimate('SELECT FROM commits WHERE commit_id > 50') AS half, estimate($$SELECT FROM commits WHERE committed_at < '2020-01-11'$$) AS tenth;

-- Some columns only.
ANALYZE commits (version);

-- An unreadable value leaves its row out, with a warning, and hides nothing else; what else goes wrong still is an error.
CREATE FOREIGN TABLE integers (aggregate_id text, version bigint, events text, extra integer)
  SERVER store OPTIONS (commit_table 'analyze.commits', counter_table 'analyze.counters');
CREATE FOREIGN TABLE texts (aggregate_id text, version bigint, events text, extra text)
  SERVER store OPTIONS (commit_table 'analyze.commits', counter_table 'analyze.counters');
INSERT INTO integers VALUES ('b', 0, '[]', 1), ('b', 1, '[]', 2), ('b', 2, '[]', NULL);
INSERT INTO texts VALUES ('c', 0, '[]', 'x'), ('d', 0, '[]', 'y');
ANALYZE integers;
SELECT rows_of('integers');
SELECT attname, null_frac, n_distinct FROM pg_stats WHERE schemaname = 'analyze_' AND tablename = 'integers' ORDER BY attname;
ANALYZE texts;
SELECT rows_of('texts');

-- A table with columns of neither key, dropped ones among them.
CREATE FOREIGN TABLE events (gone text, events text) SERVER store OPTIONS (commit_table 'analyze.commits');
ALTER FOREIGN TABLE events DROP COLUMN gone;
ANALYZE events;
SELECT rows_of('events');

-- The read budget holds for ANALYZE as well.
SET dynamodb_es.read_budget = 0.1;
\set VERBOSITY terse
ANALYZE commits;
\set VERBOSITY default
\echo :SQLSTATE
RESET dynamodb_es.read_budget;

-- The table's owner reads, by the owner's user mapping, whoever runs ANALYZE.
CREATE ROLE analyze_owner;
GRANT ALL ON SCHEMA analyze_ TO analyze_owner;
GRANT USAGE ON FOREIGN SERVER store TO analyze_owner;
ALTER FOREIGN TABLE commits OWNER TO analyze_owner;
\set VERBOSITY sqlstate
ANALYZE commits;
\set VERBOSITY default
CREATE USER MAPPING FOR analyze_owner SERVER store OPTIONS (access_key_id 'regress', secret_access_key 'hush-regress');
ANALYZE commits;

-- As a partition it counts among the others.
CREATE TABLE all_commits (commit_id bigint, aggregate_id text, version bigint, events jsonb) PARTITION BY LIST (aggregate_id);
CREATE TABLE local_commits PARTITION OF all_commits FOR VALUES IN ('local');
INSERT INTO local_commits SELECT n, 'local', n, '[]' FROM generate_series(1, 50) AS n;
CREATE FOREIGN TABLE remote_commits PARTITION OF all_commits DEFAULT SERVER store OPTIONS (commit_table 'analyze.commits');
ANALYZE all_commits;
SELECT rows_of('all_commits'), rows_of('local_commits'), rows_of('remote_commits');

-- 12 MB in 1,000 commits of 400 aggregates: more than the 8 MB that are read at most. The number of rows is about right, and so is that of the
-- aggregates, although whole aggregates were read.
CREATE FOREIGN TABLE large (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events text)
  SERVER store OPTIONS (commit_table 'analyze.large', counter_table 'analyze.large-counters');
SELECT dynamodb_es_create_tables('large');
INSERT INTO large (aggregate_id, version, events)
SELECT md5((n % 400)::text), n / 400, '["' || repeat('x', 12000) || '"]' FROM generate_series(0, 999) AS n ORDER BY n;
ANALYZE large;
SELECT rows_of('large') BETWEEN 500 AND 2000 AS rows, distinct_of('large', 'aggregate_id') BETWEEN 200 AND 800 AS aggregates,
  distinct_of('large', 'commit_id') = rows_of('large') AS commit_ids, distinct_of('large', 'version') = 3 AS versions;

SET client_min_messages = warning;
SELECT dynamodb_es_drop_tables('large'), dynamodb_es_drop_tables('texts');
DROP SCHEMA analyze_ CASCADE;
DROP OWNED BY analyze_owner;
DROP USER MAPPING IF EXISTS FOR analyze_owner SERVER store;
DROP ROLE analyze_owner;
