-- EXPLAIN says what a query will ask of DynamoDB before it does, and with ANALYZE what that cost.
SET client_min_messages = warning;
CREATE SCHEMA explain;
SET search_path = explain, public;
CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, author text)
  SERVER store OPTIONS (commit_table 'explain.commits', commit_index 'by-id', counter_table 'explain.counters');

-- Plain EXPLAIN sends nothing: nobody listens at this endpoint.
CREATE SERVER explain_nowhere FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER explain_nowhere OPTIONS (access_key_id 'id', secret_access_key 'hush-secret');
CREATE FOREIGN TABLE nowhere (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER explain_nowhere;
EXPLAIN (COSTS OFF) SELECT * FROM nowhere WHERE aggregate_id = 'a' AND version > 2;
EXPLAIN (COSTS OFF) SELECT * FROM nowhere WHERE commit_id BETWEEN 3 AND 4;
EXPLAIN (COSTS OFF) SELECT * FROM nowhere WHERE version > 2;
EXPLAIN (COSTS OFF) INSERT INTO nowhere (aggregate_id, version, events) VALUES ('a', 0, '[]');
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM nowhere WHERE aggregate_id = 'a' AND version > 2 ORDER BY version DESC;
EXPLAIN (VERBOSE, COSTS OFF) INSERT INTO nowhere (aggregate_id, version, events) VALUES ('a', 0, '[]') RETURNING *;
\set VERBOSITY sqlstate
SELECT count(*) FROM nowhere WHERE aggregate_id = 'a' AND version > 2 AND version < 3;
SELECT count(*) FROM nowhere;
\set VERBOSITY default

-- The three paths, as text and as JSON: operation, table, index, key condition, filter, projection, consistency, direction.
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM commits WHERE aggregate_id = 'a' AND version >= 1 AND version < 9 AND author = 'ann';
EXPLAIN (VERBOSE, COSTS OFF) SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version DESC LIMIT 1;
EXPLAIN (VERBOSE, COSTS OFF) SELECT events FROM commits WHERE commit_id > 7 ORDER BY commit_id;
EXPLAIN (VERBOSE, COSTS OFF) SELECT commit_id FROM commits ORDER BY commit_id DESC LIMIT 1;
EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM commits;
EXPLAIN (VERBOSE, COSTS OFF) SELECT author FROM commits WHERE events @> '[1]';
CREATE FUNCTION json_plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) ' || query INTO plan;
  RETURN jsonb_pretty((plan->0->'Plan') - 'Disabled' - 'Plans');  -- 18 adds whether a node is disabled
END $$;
SELECT json_plan('SELECT committed_at FROM commits WHERE aggregate_id = ''a''');
SELECT json_plan('SELECT committed_at FROM commits WHERE commit_id = 7');
SELECT json_plan('SELECT committed_at FROM commits');
SELECT json_plan('INSERT INTO commits (aggregate_id, version, events) VALUES (''a'', 0, ''[]'')');

-- Consistency is the table's, or else the server's; an index has none.
ALTER FOREIGN TABLE commits OPTIONS (ADD consistent_read 'false');
EXPLAIN (VERBOSE, COSTS OFF) SELECT version FROM commits WHERE aggregate_id = 'a';
EXPLAIN (VERBOSE, COSTS OFF) SELECT version FROM commits;
ALTER FOREIGN TABLE commits OPTIONS (DROP consistent_read);
ALTER SERVER explain_nowhere OPTIONS (ADD consistent_read 'off');
EXPLAIN (VERBOSE, COSTS OFF) SELECT version FROM nowhere WHERE aggregate_id = 'a';

-- Parameters and joins.
PREPARE since (text, bigint) AS SELECT version FROM commits WHERE aggregate_id = $1 AND version >= $2;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE since ('a', 1);
RESET plan_cache_mode;
CREATE TABLE wanted (id text);
EXPLAIN (COSTS OFF) SELECT id, version FROM wanted, LATERAL (SELECT version FROM commits WHERE aggregate_id = id ORDER BY version DESC LIMIT 1) last;
EXPLAIN (COSTS OFF) INSERT INTO commits (aggregate_id, version, events) SELECT id, 0, '[]' FROM wanted;

-- ANALYZE: what was sent and what it cost. (Engines count capacity each in their own way.)
SELECT dynamodb_es_create_tables('commits');
CREATE FUNCTION analyzed(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
    line = regexp_replace(line, '((Read|Write) Capacity"?: )[0-9.]+', '\1N', 'g');
    line = regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1');
    RETURN NEXT line;
  END LOOP;
END $$;
CREATE FUNCTION counted(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF, FORMAT JSON) ' || query INTO plan;
  RETURN (SELECT string_agg(concat_ws(', ', n->>'DynamoDB Operation', (n->>'Requests') || ' requests', (n->>'Items Read') || ' items',
                            CASE WHEN (n->>'Read Capacity')::numeric > 0 THEN 'reads cost' END,
                            CASE WHEN (n->>'Write Capacity')::numeric > 0 THEN 'writes cost' END), '; ')
          FROM jsonb_path_query(plan, 'strict $.**') n WHERE n ? 'DynamoDB Operation');
END $$;
\pset format unaligned
\pset tuples_only on
SELECT analyzed('INSERT INTO commits (aggregate_id, version, events) VALUES (''a'', 0, ''[]''), (''a'', 1, ''[]''), (''b'', 0, ''[]'')');
SELECT analyzed('SELECT * FROM commits WHERE aggregate_id = ''a''');
SELECT analyzed('SELECT * FROM commits WHERE commit_id > 1');
SELECT analyzed('SELECT * FROM commits');
SELECT counted('INSERT INTO commits (aggregate_id, version, events) VALUES (''c'', 0, ''[]'')');
-- A refused append: its burn note is one more, and so is a look at the item where DynamoDB does not show it.
\getenv engine DYNAMODB_ENGINE
SELECT replace(counted('INSERT INTO commits (aggregate_id, version, events) VALUES (''c'', 0, ''[]'') ON CONFLICT DO NOTHING'),
               CASE :'engine' WHEN 'dynalite' THEN '4' ELSE '3' END || ' requests', 'as many requests as are needed');
-- Rows that were skipped are none that were inserted, one by one and in a batch.
SELECT line FROM analyzed('INSERT INTO commits (aggregate_id, version, events) VALUES (''c'', 0, ''[]'') ON CONFLICT DO NOTHING RETURNING version') line
WHERE line ~ 'Tuples';
SELECT line FROM analyzed('INSERT INTO commits (aggregate_id, version, events) SELECT ''c'', v, ''[]'' FROM generate_series(0, 2) v ON CONFLICT DO NOTHING') line
WHERE line ~ 'Tuples';
SELECT counted('SELECT * FROM commits WHERE aggregate_id = ''a''');
SELECT counted('SELECT * FROM commits WHERE commit_id > 1');
SELECT counted('SELECT * FROM commits');

-- What cannot be there costs no request; what is read again costs again.
SELECT counted('SELECT * FROM commits WHERE aggregate_id = ''a'' AND version > 3 AND version < 2');
SELECT counted('SELECT * FROM commits WHERE aggregate_id = ''a'' AND version > 9223372036854775807');
SELECT counted('SELECT * FROM commits WHERE aggregate_id = ''''');
SELECT counted('SELECT * FROM commits WHERE aggregate_id = (SELECT NULL::text FROM wanted)');
SELECT counted('SELECT * FROM commits WHERE aggregate_id = ''a'' LIMIT 0');
INSERT INTO wanted VALUES ('a'), ('b'), (NULL), ('none');
SELECT counted('SELECT id, (SELECT count(*) FROM commits WHERE aggregate_id = id) FROM wanted');
PREPARE by_ids (bigint, bigint) AS SELECT version FROM commits WHERE commit_id BETWEEN $1 AND $2;
SET plan_cache_mode = force_generic_plan;
SELECT counted('EXECUTE by_ids (1, 2)');
SELECT counted('EXECUTE by_ids (2, 1)');
SELECT counted('EXECUTE by_ids (NULL, 1)');
RESET plan_cache_mode;

-- No secret shows.
SELECT count(*) FROM analyzed('SELECT * FROM commits') line WHERE line LIKE '%regress%';

\pset tuples_only off
\pset format aligned
SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA explain CASCADE;
DROP SERVER explain_nowhere CASCADE;
