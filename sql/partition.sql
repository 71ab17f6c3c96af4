-- A store can be a partition or a child of a local table; several are read side by side under an asynchronous Append.
\getenv endpoint DYNAMODB_ENDPOINT
SET client_min_messages = warning;
CREATE SCHEMA partition;
SET search_path = partition, public;
CREATE SERVER second FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint :'endpoint');
CREATE USER MAPPING FOR CURRENT_USER SERVER second OPTIONS (access_key_id 'regress', secret_access_key 'hush-regress');
CREATE SERVER nobody FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint 'http://127.0.0.1:9');
CREATE USER MAPPING FOR CURRENT_USER SERVER nobody OPTIONS (access_key_id 'regress', secret_access_key 'hush-regress');

-- By range of the aggregate id: two stores, and a local table between them.
CREATE TABLE commits (commit_id bigint, aggregate_id text COLLATE "C", version bigint, events jsonb) PARTITION BY RANGE (aggregate_id);
CREATE FOREIGN TABLE low PARTITION OF commits FOR VALUES FROM (MINVALUE) TO ('d') SERVER store
  OPTIONS (commit_table 'partition.low', counter_table 'partition.counters', counter 'low');
CREATE TABLE middle PARTITION OF commits FOR VALUES FROM ('d') TO ('m');
CREATE FOREIGN TABLE high PARTITION OF commits FOR VALUES FROM ('m') TO (MAXVALUE) SERVER second
  OPTIONS (commit_table 'partition.high', counter_table 'partition.counters', counter 'high');
SELECT dynamodb_es_create_tables('low');
SELECT dynamodb_es_create_tables('high');

-- Rows find their store, one by one and in bulk; the number of each row comes from there.
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]') RETURNING tableoid::regclass, *;
INSERT INTO commits (aggregate_id, version, events) VALUES ('x', 0, '[]'), ('e', 0, '[]'), ('x', 1, '[]'), ('b', 0, '[]') RETURNING tableoid::regclass, *;
INSERT INTO commits (aggregate_id, version, events)
SELECT chr(97 + a), v + 10, '[]' FROM generate_series(0, 25) a, generate_series(0, 4) v;
COPY commits (aggregate_id, version, events) FROM stdin;
c	100	["copied"]
f	100	["copied"]
z	100	["copied"]
\.
\set VERBOSITY sqlstate
INSERT INTO commits (aggregate_id, version, events) VALUES ('e', 7, '[]'), ('x', 1, '[]');
INSERT INTO commits (commit_id, aggregate_id, version, events) VALUES (1, 'a', 7, '[]');
UPDATE commits SET version = 8 WHERE aggregate_id = 'a';
UPDATE commits SET aggregate_id = 'x' WHERE aggregate_id = 'e' AND version = 0;
DELETE FROM commits WHERE aggregate_id = 'x';
MERGE INTO commits c USING (SELECT 'x' AS id) s ON c.aggregate_id = s.id AND c.version = 9 WHEN NOT MATCHED THEN INSERT (aggregate_id, version, events) VALUES (s.id, 9, '[]');
UPDATE commits SET events = '["local"]' WHERE aggregate_id = 'e' AND version = 0;
\set VERBOSITY default
SELECT tableoid::regclass, count(*), count(DISTINCT (aggregate_id, version)), count(DISTINCT commit_id) FROM commits GROUP BY 1 ORDER BY 1;
SELECT tableoid::regclass, * FROM commits WHERE aggregate_id = 'e' AND version < 11 ORDER BY version;

-- Only the partitions that can have the rows are read: at planning, and when values become known.
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  -- Releases of PostgreSQL differ in how they number the partitions.
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
    RETURN NEXT regexp_replace(line, '(Scan on \w+) \w+$', '\1');
  END LOOP;
END $$;
SELECT plan_of('SELECT * FROM commits WHERE aggregate_id = ''x''');
SELECT plan_of('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version DESC LIMIT 1');
SELECT plan_of('SELECT * FROM commits WHERE aggregate_id IN (''a'', ''x'')');
SELECT plan_of('SELECT count(*) FROM commits WHERE aggregate_id IN (''e'', ''f'')');
SET plan_cache_mode = force_generic_plan;
PREPARE by_key (text) AS SELECT version FROM commits WHERE aggregate_id = $1 ORDER BY version LIMIT 2;
SELECT plan_of('EXECUTE by_key (''x'')');
EXECUTE by_key ('x');
EXECUTE by_key ('a');
EXECUTE by_key ('e');
EXECUTE by_key (NULL);
RESET plan_cache_mode;

-- EXPLAIN ANALYZE counts each row of an asynchronous scan once.
CREATE FUNCTION rows_of_scans(query text) RETURNS TABLE (scan text, rows numeric) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) ' || query INTO plan;
  RETURN QUERY SELECT n->>'Node Type', sum((n->>'Actual Rows')::numeric * (n->>'Actual Loops')::numeric)
               FROM jsonb_path_query(plan::jsonb, 'strict $.**') n WHERE n->>'Node Type' IN ('Append', 'Foreign Scan') GROUP BY 1 ORDER BY 1;
END $$;
SELECT scan, rows = (SELECT count(*) FROM low) + (SELECT count(*) FROM high) AS as_stored
FROM rows_of_scans('SELECT version FROM low UNION ALL SELECT version FROM high');

-- With and without asynchronous execution: the same rows, whatever the statement.
CREATE TABLE copied AS SELECT * FROM commits;
CREATE TABLE wanted AS SELECT * FROM (VALUES (1, 'a'), (2, 'x'), (3, 'e'), (4, 'none'), (5, NULL), (6, 'x')) w (n, aggregate_id);
ANALYZE copied, wanted;
CREATE FUNCTION async_scans(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || query INTO plan;
  RETURN (SELECT count(*) FROM jsonb_path_query(plan::jsonb, 'strict $.**') n WHERE n->>'Node Type' = 'Foreign Scan' AND (n->>'Async Capable')::bool);
END $$;
CREATE FUNCTION compare(query text) RETURNS TABLE (asynchronous bigint, result text, planned text) LANGUAGE plpgsql AS $$
DECLARE
  stored text;
  waiting text;
  expected text;
BEGIN
  planned = query;
  asynchronous = async_scans(query);
  EXECUTE format('SELECT json_agg(q) FROM (%s) q', query) INTO stored;
  SET enable_async_append = off;
  IF async_scans(query) > 0 THEN RAISE 'still asynchronous'; END IF;
  EXECUTE format('SELECT json_agg(q) FROM (%s) q', query) INTO waiting;
  RESET enable_async_append;
  EXECUTE format('SELECT json_agg(q) FROM (%s) q', replace(query, 'commits', 'copied')) INTO expected;
  IF query !~ 'ORDER BY [^()]*$' THEN
    stored = (SELECT json_agg(r ORDER BY r::text) FROM json_array_elements(stored::json) r);
    waiting = (SELECT json_agg(r ORDER BY r::text) FROM json_array_elements(waiting::json) r);
    expected = (SELECT json_agg(r ORDER BY r::text) FROM json_array_elements(expected::json) r);
  END IF;
  result = CASE WHEN stored IS NOT DISTINCT FROM expected AND waiting IS NOT DISTINCT FROM expected THEN coalesce(json_array_length(stored::json), 0) || ' rows'
                ELSE 'DIFFERS: ' || concat_ws(' AND ', coalesce(stored, 'none'), coalesce(waiting, 'none')) || ' INSTEAD OF ' || coalesce(expected, 'none') END;
  RETURN NEXT;
END $$;
\pset fieldsep ' | '
SELECT c.* FROM (VALUES
  ('SELECT * FROM commits'),
  ('SELECT * FROM commits ORDER BY aggregate_id, version'),
  ('SELECT aggregate_id, sum(version), count(*) FROM commits GROUP BY 1 ORDER BY 1'),
  ('SELECT count(*) FROM commits'),
  ('SELECT count(*), count(commit_id) FROM commits WHERE version >= 12 AND length(aggregate_id) = 1'),
  ('SELECT events || ''[1]'' AS more, version + 1 AS next FROM commits WHERE version % 2 = 1'),
  ('SELECT * FROM commits WHERE aggregate_id IN (''a'', ''x'', ''c'')'),
  ('SELECT * FROM commits WHERE aggregate_id = ANY (ARRAY(SELECT aggregate_id FROM wanted))'),
  ('SELECT count(*) FROM (SELECT * FROM commits LIMIT 20) c'),
  ('SELECT count(*) FROM (SELECT * FROM commits OFFSET 100) c'),
  ('SELECT EXISTS (SELECT FROM commits WHERE version = 11)'),
  ('SELECT * FROM commits WHERE false'),
  ('SELECT * FROM wanted JOIN commits USING (aggregate_id)'),
  ('SELECT n, version FROM wanted w LEFT JOIN commits c ON c.aggregate_id = w.aggregate_id AND c.version > 12'),
  ('SELECT n, (SELECT max(version) FROM commits c WHERE c.aggregate_id = w.aggregate_id) FROM wanted w'),
  ('SELECT n, (SELECT count(*) FROM commits c WHERE c.version > n) FROM wanted w'),
  ('SELECT n, c.* FROM generate_series(1, 3) n, LATERAL (SELECT count(*) FROM (SELECT * FROM commits LIMIT n) c) c'),
  ('SELECT a.aggregate_id, a.version, b.version AS other FROM commits a JOIN commits b ON a.aggregate_id = b.aggregate_id AND a.version = b.version + 1'),
  ('SELECT version FROM commits UNION SELECT version + 1 FROM commits'),
  ('SELECT c FROM commits c WHERE version = 10')
  ) t (query), compare(query) c;

-- Cursors over such an Append: left early, rewound, held.
BEGIN;
DECLARE c CURSOR FOR SELECT aggregate_id, version FROM commits;
MOVE 10 IN c;
CLOSE c;
DECLARE h SCROLL CURSOR WITH HOLD FOR SELECT version FROM commits WHERE version > 12;
MOVE 5 IN h;
COMMIT;
MOVE ABSOLUTE 0 IN h;
MOVE ALL IN h;
CLOSE h;

-- Stores beside each other without a partitioned table: two servers, and one twice.
SELECT asynchronous > 0 AS asynchronous, result FROM (SELECT async_scans(q) AS asynchronous, q FROM (VALUES ('SELECT version FROM low UNION ALL SELECT version FROM high UNION ALL SELECT version FROM low')) v (q)) s,
  LATERAL (SELECT count(*) || ' rows' AS result FROM (SELECT version FROM low UNION ALL SELECT version FROM high UNION ALL SELECT version FROM low) u) r;

-- One store that cannot be read ends the statement, and nothing else.
CREATE FOREIGN TABLE broken (commit_id bigint, aggregate_id text COLLATE "C", version bigint, events jsonb) SERVER nobody;
CREATE FOREIGN TABLE missing (commit_id bigint, aggregate_id text COLLATE "C", version bigint, events jsonb) SERVER store OPTIONS (commit_table 'partition.none');
\set VERBOSITY sqlstate
SELECT version FROM low UNION ALL SELECT version FROM broken;
SELECT version FROM missing UNION ALL SELECT version FROM high;
SELECT version / (version - 10) FROM commits;
\set VERBOSITY default
SELECT count(*) FROM (SELECT version FROM low UNION ALL SELECT version FROM high) u;
SELECT count(*) FROM (SELECT version FROM low UNION ALL SELECT version FROM broken LIMIT 0) u;

-- By list, attached later, detached again.
CREATE TABLE kinds (aggregate_id text, version bigint, events jsonb) PARTITION BY LIST (aggregate_id);
CREATE TABLE other_kinds PARTITION OF kinds DEFAULT;
CREATE FOREIGN TABLE only_a (aggregate_id text, version bigint, events jsonb) SERVER store
  OPTIONS (commit_table 'partition.low', counter_table 'partition.counters', counter 'low');
ALTER TABLE kinds ATTACH PARTITION only_a FOR VALUES IN ('a', 'b');
INSERT INTO kinds VALUES ('a', 50, '[]'), ('q', 50, '[]'), ('b', 50, '[]'), ('a', 51, '[]');
SELECT tableoid::regclass, aggregate_id, version FROM kinds WHERE version >= 50 AND aggregate_id IN ('a', 'b', 'q') ORDER BY 2, 3;
SELECT plan_of('SELECT * FROM kinds WHERE aggregate_id = ''a'' AND version = 50');
ALTER TABLE kinds DETACH PARTITION only_a;
SELECT count(*) FROM kinds;

-- A child of a local table, with a column that its parent has not.
CREATE TABLE journal (aggregate_id text, version bigint);
CREATE TABLE journal_local () INHERITS (journal);
CREATE FOREIGN TABLE journal_stored (events jsonb) INHERITS (journal) SERVER second
  OPTIONS (commit_table 'partition.high', counter_table 'partition.counters', counter 'high');
INSERT INTO journal VALUES ('p', 1);
INSERT INTO journal_local VALUES ('x', 2);
SELECT tableoid::regclass, * FROM journal WHERE aggregate_id IN ('p', 'x') AND version < 11 ORDER BY 1, 2, 3;
SELECT count(*) FROM ONLY journal;
SELECT max(version) FROM journal;
\set VERBOSITY sqlstate
UPDATE journal SET version = 3;
\set VERBOSITY default
UPDATE ONLY journal SET version = 3 RETURNING *;

\pset tuples_only off
\pset format aligned
SELECT dynamodb_es_drop_tables('low');
\set VERBOSITY terse
SELECT dynamodb_es_drop_tables('high');
\set VERBOSITY default
DROP SCHEMA partition CASCADE;
DROP SERVER second CASCADE;
DROP SERVER nobody CASCADE;
