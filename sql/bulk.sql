-- The rows of a statement are appended in batches: one request takes the ids of a batch, and each row is one more.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
CREATE SCHEMA bulk;
SET search_path = bulk, public;
CREATE FOREIGN TABLE commits (
  commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, author text
) SERVER store OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters');
CREATE FOREIGN TABLE by_three (aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters', batch_size '3');
SELECT dynamodb_es_create_tables('commits');
-- What others find in the counter table: the counter, and the notes of ids that came to nothing.
CREATE FOREIGN TABLE counters (name text, id bigint, n bigint) SERVER store OPTIONS (commit_table 'bulk.counters');
-- The requests of a statement and the ids that it has taken.
CREATE FUNCTION cost(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  head bigint = dynamodb_es_head('bulk.commits');
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  RETURN (SELECT sum((n->>'Requests')::int) FROM jsonb_path_query(plan, 'strict $.**') n WHERE n ? 'Requests') || ' requests, '
    || dynamodb_es_head('bulk.commits') - head || ' ids';
END $$;
-- What a statement that fails says of the rows of its batch; the warning comes before it.
CREATE FUNCTION told(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE command;
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN SQLSTATE || ' ' || coalesce(substring(detail FROM 'Rows of the batch.*'), '');
END $$;
\pset format unaligned
\pset tuples_only on

-- n rows are 1 + n requests for each batch, be they of one aggregate or of many.
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]')$$);
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 1, '[]'), ('b', 0, '[]'), ('a', 2, '[]')$$);
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) SELECT 'c', v, '[]' FROM generate_series(0, 99) v$$);
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) SELECT 'd' || v, 0, '[]' FROM generate_series(0, 100) v$$);
SELECT cost($$INSERT INTO by_three (aggregate_id, version, events) SELECT 'e' || v % 2, v, '[]' FROM generate_series(0, 6) v$$);
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) SELECT 'f', v, '[]' FROM generate_series(1, 0) v$$);
SELECT left(aggregate_id, 1), count(*), count(DISTINCT commit_id) FROM commits GROUP BY 1 ORDER BY 1;
-- Ids follow the order of the statement, and within an aggregate that of the versions.
INSERT INTO commits (aggregate_id, version, events) VALUES ('o', 2, '[]'), ('p', 0, '[]'), ('o', 0, '[]'), ('o', 1, '[]'), ('p', 1, '[]');
SELECT aggregate_id, version, commit_id - min(commit_id) OVER () FROM commits WHERE aggregate_id IN ('o', 'p') ORDER BY commit_id;

-- RETURNING, row triggers and CHECK OPTION see each row as it is stored, so it is stored before the next one comes.
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 0, '[]'), ('r', 1, '[]') RETURNING commit_id$$);
CREATE VIEW checked AS SELECT aggregate_id, version, events FROM commits WHERE aggregate_id LIKE 'v%' WITH CHECK OPTION;
SELECT cost($$INSERT INTO checked VALUES ('v', 0, '[]'), ('v', 1, '[]')$$);
CREATE TABLE seen (id int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO seen (what) SELECT TG_WHEN || ' ' || NEW.version || ', stored: ' || count(*) FROM bulk.commits WHERE aggregate_id = 't';
  RETURN NEW;
END $$;
CREATE TRIGGER before_row BEFORE INSERT ON commits FOR EACH ROW EXECUTE FUNCTION see();
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) VALUES ('t', 0, '[]'), ('t', 1, '[]')$$);
DROP TRIGGER before_row ON commits;
CREATE TRIGGER after_row AFTER INSERT ON commits FOR EACH ROW EXECUTE FUNCTION see();
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) VALUES ('t', 2, '[]'), ('t', 3, '[]')$$);
DROP TRIGGER after_row ON commits;
SELECT what FROM seen ORDER BY id;
CREATE FUNCTION look_on() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER after_statement AFTER INSERT ON commits FOR EACH STATEMENT EXECUTE FUNCTION look_on();
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) VALUES ('t', 4, '[]'), ('t', 5, '[]')$$);
DROP TRIGGER after_statement ON commits;

-- COPY: also more rows than a batch has, also where a WHERE leaves some out, and none at all.
COPY by_three FROM STDIN;
g	1	[]
g	0	[]
h	0	[]
h	1	[]
\.
\echo :ROW_COUNT
COPY commits (aggregate_id, version, events) FROM STDIN WHERE version < 3;
g	2	[]
g	3	[]
h	2	[]
\.
\echo :ROW_COUNT
COPY commits (aggregate_id, version, events) FROM STDIN;
\.
\echo :ROW_COUNT
SELECT aggregate_id, version, commit_id - min(commit_id) OVER () FROM commits WHERE aggregate_id IN ('g', 'h') ORDER BY commit_id;
-- A row that cannot be stored ends it before anything of its batch is sent.
SELECT dynamodb_es_head('commits') AS head \gset
COPY commits (aggregate_id, version, events) FROM STDIN;
h	3	[]
h	4	{}
\.
SELECT dynamodb_es_head('commits') - :head AS ids_taken, count(*) FROM commits WHERE aggregate_id = 'h' AND version > 2;

-- Rows of a partitioned table, each in the batch of its partition.
CREATE TABLE parted (aggregate_id text, version bigint, events jsonb) PARTITION BY LIST (left(aggregate_id, 1));
CREATE TABLE parted_local PARTITION OF parted FOR VALUES IN ('l');
CREATE FOREIGN TABLE parted_y PARTITION OF parted FOR VALUES IN ('y')
  SERVER store OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters');
CREATE FOREIGN TABLE parted_z PARTITION OF parted FOR VALUES IN ('z')
  SERVER store OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters', batch_size '2');
INSERT INTO parted VALUES ('y', 0, '[]'), ('l', 0, '[]'), ('z', 0, '[]'), ('y', 1, '[]'), ('z', 1, '[]'), ('z', 2, '[]');
COPY parted FROM STDIN;
y	2	[]
l	1	[]
z	3	[]
y	3	[]
\.
SELECT aggregate_id, version FROM parted_local ORDER BY version;
SELECT aggregate_id, array_agg(version ORDER BY commit_id) FROM commits WHERE aggregate_id IN ('y', 'z') GROUP BY 1 ORDER BY 1;
INSERT INTO parted VALUES ('y', 3, '["again"]'), ('y', 4, '[]'), ('z', 3, '["again"]'), ('l', 2, '[]') ON CONFLICT DO NOTHING;
\echo :ROW_COUNT

-- What looks at a COPY when it is over sees all of its rows, also those of partitions.
CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE WARNING '% of %', (SELECT count(*) FROM bulk.commits WHERE aggregate_id = TG_ARGV[0]), TG_ARGV[0];
  RETURN NULL;
END $$;
CREATE TRIGGER after_statement AFTER INSERT ON commits FOR EACH STATEMENT EXECUTE FUNCTION count_rows('looked at');
CREATE TRIGGER after_statement AFTER INSERT ON parted FOR EACH STATEMENT EXECUTE FUNCTION count_rows('yes');
COPY commits (aggregate_id, version, events) FROM STDIN;
looked at	0	[]
looked at	1	[]
\.
COPY parted FROM STDIN;
yes	0	[]
l	3	[]
yes	1	[]
yes	2	[]
\.
DROP TRIGGER after_statement ON commits;
DROP TRIGGER after_statement ON parted;

-- Two equal versions conflict with each other before anything is sent; with ON CONFLICT DO NOTHING the first is appended.
SELECT dynamodb_es_head('commits') AS head \gset
INSERT INTO commits (aggregate_id, version, events) VALUES ('i', 0, '["first"]'), ('j', 0, '[]'), ('i', 1, '[]'), ('i', 0, '["second"]');
\echo :SQLSTATE
COPY by_three FROM STDIN;
i	0	[]
i	0	[]
\.
\echo :SQLSTATE
SELECT dynamodb_es_head('commits') - :head AS ids_taken, count(*) FROM commits WHERE aggregate_id IN ('i', 'j');
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) VALUES ('i', 0, '["first"]'), ('j', 0, '[]'), ('i', 1, '[]'), ('i', 0, '["second"]')
  ON CONFLICT DO NOTHING$$);
SELECT aggregate_id, version, events FROM commits WHERE aggregate_id IN ('i', 'j') ORDER BY 1, 2;
-- Versions that exist are skipped too, and the command tag counts what was appended.
INSERT INTO commits (aggregate_id, version, events) VALUES ('i', 0, '["again"]'), ('i', 1, '["again"]'), ('i', 2, '["new"]'), ('j', 0, '["again"]')
ON CONFLICT DO NOTHING;
\echo :ROW_COUNT
INSERT INTO commits (aggregate_id, version, events) VALUES ('i', 0, '["again"]'), ('i', 1, '["again"]') ON CONFLICT DO NOTHING;
\echo :ROW_COUNT
INSERT INTO commits (aggregate_id, version, events) VALUES ('i', 0, '["again"]') ON CONFLICT DO NOTHING;
\echo :ROW_COUNT
SELECT aggregate_id, version, events FROM commits WHERE aggregate_id IN ('i', 'j') ORDER BY 1, 2;

-- A batch that fails says how many rows are in, and no later version is in without an earlier one.
INSERT INTO commits (aggregate_id, version, events) VALUES ('k', 3, '[]');
SELECT told($$INSERT INTO commits (aggregate_id, version, events) SELECT 'k', v, '[]' FROM generate_series(5, 0, -1) v$$);
-- Four batches go together; those before them stay.
SELECT told($$INSERT INTO by_three (aggregate_id, version, events) SELECT 'l', v, '[]' FROM unnest(ARRAY[0, 1, 2, 3, 0, 4, 5]) v$$);
SELECT told($$INSERT INTO by_three (aggregate_id, version, events) SELECT 'l', v % 12, '[]' FROM generate_series(0, 14) v$$);
-- Whatever the order of the statement, versions and ids rise together from batch to batch.
INSERT INTO by_three (aggregate_id, version, events)
SELECT a, v, '[]' FROM generate_series(7, 0, -1) v, unnest(ARRAY['rise', 'fall']) a ORDER BY CASE a WHEN 'rise' THEN v ELSE -v END;
SELECT aggregate_id, array_agg(version ORDER BY version), array_agg(version ORDER BY commit_id) FROM commits WHERE aggregate_id IN ('rise', 'fall') GROUP BY 1 ORDER BY 1;
CREATE SERVER one_by_one FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', max_connections '1');
\getenv endpoint DYNAMODB_ENDPOINT
ALTER SERVER one_by_one OPTIONS (ADD endpoint :'endpoint');
CREATE USER MAPPING FOR CURRENT_USER SERVER one_by_one OPTIONS (access_key_id 'regress', secret_access_key 'hush-regress');
CREATE FOREIGN TABLE narrow (aggregate_id text, version int, events jsonb)
  SERVER one_by_one OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters');
SELECT told($$INSERT INTO narrow VALUES ('m', 0, '[]'), ('k', 3, '[]'), ('n', 0, '[]'), ('m', 1, '[]')$$);
SELECT aggregate_id, array_agg(version ORDER BY version) FROM commits WHERE aggregate_id IN ('k', 'l', 'm', 'n') GROUP BY 1 ORDER BY 1;

-- A version left out is the aggregate's next one: two of an aggregate cost one look at it.
SELECT cost($$INSERT INTO commits (aggregate_id, events) VALUES ('nv', '[0]')$$);
SELECT cost($$INSERT INTO commits (aggregate_id, version, events) VALUES ('nv', NULL, '[1]'), ('nv', NULL, '[2]'), ('nw', NULL, '[0]'), ('nv', NULL, '[3]')$$);
INSERT INTO commits (aggregate_id, events) VALUES ('nv', '[4]'), ('nv', '[5]') RETURNING version;
COPY commits (aggregate_id, events) FROM STDIN;
nv	[6]
nw	[1]
nv	[7]
\.
-- Beside versions that are given it comes after all of them; one that is taken is passed over.
INSERT INTO commits (aggregate_id, version, events) VALUES ('nv', 20, '[20]'), ('nv', NULL, '[21]'), ('nv', 15, '[15]'), ('nv', NULL, '[22]');
INSERT INTO commits (aggregate_id, version, events) VALUES ('nv', 0, '["again"]'), ('nv', NULL, '[23]'), ('nv', 22, '["again"]') ON CONFLICT DO NOTHING;
\echo :ROW_COUNT
INSERT INTO commits (aggregate_id, version, events) VALUES ('nv', 16, '[16]'), ('nv', NULL, '[24]');
INSERT INTO commits (aggregate_id, version, events) VALUES ('nv', NULL, '[25]'), ('nv', 25, '["usurper"]');
\echo :SQLSTATE
SELECT version, events, version = lead(version) OVER (ORDER BY version) - 1 AS next FROM commits WHERE aggregate_id = 'nv' ORDER BY version;
-- Where the largest version is taken, there is none.
INSERT INTO narrow VALUES ('last', 2147483647, '[]');
INSERT INTO narrow (aggregate_id, events) VALUES ('last', '[]');
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES ('last', NULL, '["beyond"]'), ('last', 9223372036854775807, '[]'), ('last', NULL, '[]');
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES ('last', NULL, '["beyond"]');
SELECT version, events FROM commits WHERE aggregate_id = 'last' ORDER BY version;
-- While it is not known, no message makes one up.
CREATE FOREIGN TABLE nowhere (aggregate_id text, version bigint, events jsonb) SERVER store OPTIONS (commit_table 'bulk.nowhere');
SELECT told($$INSERT INTO nowhere VALUES ('x', 7, '[]'), ('nv', NULL, '[]')$$);
SELECT told($$INSERT INTO nowhere VALUES ('nv', NULL, '[]'), ('x', 7, '[]')$$);
-- Ids and versions of an aggregate rise together, as far as they were appended in one statement.
SELECT aggregate_id, version FROM (
  SELECT aggregate_id, version, commit_id, lag(commit_id) OVER (PARTITION BY aggregate_id ORDER BY version) AS previous
  FROM commits WHERE aggregate_id NOT IN ('k', 'nv')
) c WHERE commit_id < previous;

-- After a rollback a warning says how many commits stay.
\pset format aligned
BEGIN;
INSERT INTO commits (aggregate_id, version, events) SELECT 'w', v, '[]' FROM generate_series(0, 2) v;
INSERT INTO commits (aggregate_id, version, events) VALUES ('w', 0, '[]'), ('w', 3, '[]') ON CONFLICT DO NOTHING;
ROLLBACK;
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('w', 4, '[]') RETURNING version;
SAVEPOINT outer_one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('w', 5, '[]'), ('w', 6, '[]');
SAVEPOINT inner_one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('w', 7, '[]');
RELEASE inner_one;
ROLLBACK TO outer_one;
ROLLBACK TO outer_one;
SAVEPOINT kept;
INSERT INTO commits (aggregate_id, version, events) VALUES ('w', 8, '[]');
RELEASE kept;
ROLLBACK;
DO $$
BEGIN
  BEGIN
    INSERT INTO bulk.commits (aggregate_id, version, events) VALUES ('w', 9, '[]'), ('w', 10, '[]');
    RAISE EXCEPTION 'no';
  EXCEPTION WHEN raise_exception THEN
    NULL;
  END;
  INSERT INTO bulk.commits (aggregate_id, version, events) VALUES ('w', 11, '[]');
END $$;
-- Also where it is the statement itself that fails.
SELECT told($$INSERT INTO commits (aggregate_id, version, events) SELECT 'w', v, '[]' FROM unnest(ARRAY[12, 13, 3]) v$$);
SELECT told($$INSERT INTO by_three SELECT 'w', v, CASE WHEN v < 112 THEN '[]' ELSE '{}' END::jsonb FROM generate_series(100, 112) v$$);
-- Nothing is said where everything is kept, and where there is nothing.
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('w', 20, '[]');
SAVEPOINT nothing;
INSERT INTO commits (aggregate_id, version, events) VALUES ('w', 20, '[]') ON CONFLICT DO NOTHING;
ROLLBACK TO nothing;
COMMIT;
BEGIN;
SELECT count(*) FROM commits WHERE aggregate_id = 'w';
ROLLBACK;

-- With a token a statement can be repeated: what it has stored is its own, under the ids of the first time.
CREATE FOREIGN TABLE tokens (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, token text)
  SERVER store OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters', append_token 'token');
INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('tok', 0, '[]', 'one') RETURNING commit_id, committed_at \gset first_
INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('tok', 0, '[]', 'one')
RETURNING commit_id = :first_commit_id AS first_id, committed_at = :'first_committed_at' AS first_time;
INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('tok', 0, '[]', 'one') ON CONFLICT DO NOTHING RETURNING commit_id = :first_commit_id AS first_id;
INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('tok', 0, '[]', 'two');
\echo :SQLSTATE
INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('tok', 0, '[]', NULL);
\echo :SQLSTATE
INSERT INTO tokens (aggregate_id, version, events) VALUES ('untold', 0, '[]');
INSERT INTO tokens (aggregate_id, version, events) VALUES ('untold', 0, '[]');
\echo :SQLSTATE
INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('tok', 0, '[]', 'one'), ('tok', 1, '[]', 'one'), ('tok', 2, '[]', 'one');
\echo :ROW_COUNT
INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('tok', 0, '[]', 'one'), ('tok', 1, '[]', 'one'), ('tok', 2, '[]', 'one'), ('tok', 3, '[]', 'one');
SELECT version, commit_id = :first_commit_id AS first_id, row_number() OVER (ORDER BY commit_id) - 1 = version AS in_order, token
FROM tokens WHERE aggregate_id = 'tok' ORDER BY version;
-- Tokens are compared as values: a number is the same however many zeroes DynamoDB has kept of it.
CREATE FOREIGN TABLE numbered (commit_id bigint, aggregate_id text, version bigint, events jsonb, token numeric)
  SERVER store OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters', append_token 'token');
INSERT INTO numbered (aggregate_id, version, events, token) VALUES ('numbered', 0, '[]', 1.50) RETURNING commit_id \gset first_
INSERT INTO numbered (aggregate_id, version, events, token) VALUES ('numbered', 0, '[]', 1.50) RETURNING commit_id = :first_commit_id AS first_id;
INSERT INTO numbered (aggregate_id, version, events, token) VALUES ('numbered', 0, '[]', 1.51);
\echo :SQLSTATE
CREATE FOREIGN TABLE flagged (commit_id bigint, aggregate_id text, version bigint, events jsonb, token boolean)
  SERVER store OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters', append_token 'token');
INSERT INTO flagged (aggregate_id, version, events, token) VALUES ('flagged', 0, '[]', true) RETURNING commit_id \gset first_
INSERT INTO flagged (aggregate_id, version, events, token) VALUES ('flagged', 0, '[]', true) RETURNING commit_id = :first_commit_id AS first_id;
INSERT INTO flagged (aggregate_id, version, events, token) VALUES ('flagged', 0, '[]', false);
\echo :SQLSTATE
CREATE FOREIGN TABLE bad_token (aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'bulk.commits', counter_table 'bulk.counters', append_token 'version');
INSERT INTO bad_token VALUES ('x', 0, '[]');
\echo :SQLSTATE

-- Every id up to the counter is stored, or noted as burned.
SELECT id - (SELECT count(*) FROM commits) - (SELECT sum(n) FROM counters) AS unaccounted_for FROM counters WHERE name = 'commits';
SELECT count(*) AS stored_and_burned FROM counters, commits
WHERE name LIKE 'commits#burned#%' AND commit_id >= split_part(name, '#', 3)::bigint AND commit_id < split_part(name, '#', 3)::bigint + n;

SELECT dynamodb_es_drop_tables('commits');
DROP SERVER one_by_one CASCADE;
DROP SCHEMA bulk CASCADE;
