-- A scan that is run again, with other values or the same, left early, or kept for later returns what a local table would.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA rescan;
SET search_path = rescan, public;
CREATE FOREIGN TABLE commits (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'rescan.commits', counter_table 'rescan.counters');
SELECT dynamodb_es_create_tables('commits');
INSERT INTO commits (aggregate_id, version, events)
SELECT 'a' || a, v, jsonb_build_array(a, v, repeat('x', 200)) FROM generate_series(0, 9) a, generate_series(0, a) v;
CREATE TABLE copied AS SELECT * FROM commits;
CREATE TABLE wanted (n int, aggregate_id text, version bigint);
INSERT INTO wanted VALUES (1, 'a1', 0), (2, 'a9', 3), (3, NULL, 1), (4, 'none', 0), (5, 'a9', NULL), (6, 'a9', 3), (7, 'a3', 3), (8, '', 0);
ANALYZE copied, wanted;

-- Runs a query on the store and on the copy, and says how many rows came when they are the same.
CREATE FUNCTION compare(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  stored text;
  expected text;
BEGIN
  EXECUTE format('SELECT json_agg(q) FROM (%s) q', query) INTO stored;
  EXECUTE format('SELECT json_agg(q) FROM (%s) q', replace(query, 'commits', 'copied')) INTO expected;
  RETURN CASE WHEN stored IS NOT DISTINCT FROM expected THEN coalesce(json_array_length(stored::json), 0) || ' rows'
              ELSE 'DIFFERS: ' || coalesce(stored, 'none') || ' INSTEAD OF ' || coalesce(expected, 'none') END;
END $$;

-- The ways in which the planner may be led to run one.
CREATE TABLE settings (name text, value text, other text);
INSERT INTO settings VALUES ('as it likes', 'SET enable_memoize = on', 'SET enable_memoize = on'),
  ('nested loops', 'SET enable_hashjoin = off', 'SET enable_mergejoin = off'),
  ('nested loops, nothing kept', 'SET enable_memoize = off', 'SET enable_material = off'),
  ('merge joins', 'SET enable_nestloop = off', 'SET enable_mergejoin = on'),
  ('hash joins', 'SET enable_mergejoin = off', 'SET enable_hashjoin = on');
CREATE FUNCTION compare_all(query text) RETURNS TABLE (result text, planned text) LANGUAGE plpgsql AS $$
DECLARE
  setting settings;
BEGIN
  FOR setting IN SELECT * FROM settings LOOP
    EXECUTE setting.value;
    EXECUTE setting.other;
    result = concat_ws(' | ', result, compare(query));
  END LOOP;
  EXECUTE 'RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_nestloop; RESET enable_memoize; RESET enable_material';
  planned = regexp_replace(query, '\s+', ' ', 'g');
  result = CASE WHEN result ~ '^(\d+ rows)( \| \1)*$' THEN substring(result from '^\d+ rows') ELSE result END;
  RETURN NEXT;
END $$;
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '

SELECT c.* FROM (VALUES
  -- joins with a local table, with itself, and with values that come one by one
  ('SELECT * FROM wanted w JOIN commits c USING (aggregate_id) ORDER BY n, c.version'),
  ('SELECT * FROM wanted w JOIN commits c USING (aggregate_id, version) ORDER BY n'),
  ('SELECT * FROM wanted w LEFT JOIN commits c USING (aggregate_id, version) ORDER BY n'),
  ('SELECT * FROM wanted w LEFT JOIN commits c ON c.aggregate_id = w.aggregate_id AND c.version <= w.version ORDER BY n, c.version'),
  ('SELECT * FROM wanted w RIGHT JOIN commits c USING (aggregate_id) ORDER BY commit_id, n'),
  ('SELECT * FROM wanted w FULL JOIN commits c USING (aggregate_id, version) ORDER BY commit_id, n'),
  ('SELECT * FROM wanted w, LATERAL (SELECT * FROM commits c WHERE c.aggregate_id = w.aggregate_id ORDER BY version DESC LIMIT 2) c ORDER BY n, c.version'),
  ('SELECT n, c.* FROM wanted w LEFT JOIN LATERAL (SELECT max(version), count(*) FROM commits c WHERE c.aggregate_id = w.aggregate_id) c ON true ORDER BY n'),
  ('SELECT * FROM wanted w JOIN commits c ON c.commit_id = w.n ORDER BY n'),
  ('SELECT * FROM wanted w JOIN commits c ON c.commit_id BETWEEN w.n AND w.n + 1 ORDER BY n, commit_id'),
  ('SELECT a.commit_id, b.commit_id AS next FROM commits a LEFT JOIN commits b ON b.aggregate_id = a.aggregate_id AND b.version = a.version + 1 ORDER BY 1'),
  ('SELECT a.commit_id, b.commit_id AS other FROM commits a JOIN commits b USING (version) WHERE a.aggregate_id = ''a9'' ORDER BY 1, 2'),
  ('SELECT a.commit_id, b.commit_id AS other FROM commits a JOIN commits b USING (commit_id) ORDER BY 1, 2'),
  ('SELECT count(*) FROM commits a, commits b'),
  ('SELECT count(*) FROM commits a, commits b WHERE a.version > b.version'),
  ('SELECT n, c.version FROM generate_series(1, 3) n, commits c WHERE aggregate_id = ''a2'' ORDER BY 1, 2'),
  ('SELECT n, c.version FROM generate_series(1, 3) n, LATERAL (SELECT version FROM commits WHERE aggregate_id = ''a9'' LIMIT n) c ORDER BY 1, 2'),
  ('SELECT n, c.version FROM generate_series(1, 3) n, LATERAL (SELECT version FROM commits WHERE aggregate_id = ''a9'' OFFSET n * 2 LIMIT 3) c ORDER BY 1, 2'),
  ('SELECT n, c.version FROM generate_series(0, 9) n, LATERAL (SELECT version FROM commits WHERE aggregate_id = ANY (ARRAY[''a'' || n, ''a'' || n - 1, NULL])) c ORDER BY 1, 2'),
  -- subplans
  ('SELECT n, (SELECT events FROM commits c WHERE c.aggregate_id = w.aggregate_id AND c.version = w.version) FROM wanted w ORDER BY n'),
  ('SELECT n, (SELECT count(*) FROM commits c WHERE c.aggregate_id = w.aggregate_id) FROM wanted w ORDER BY n'),
  ('SELECT n, ARRAY(SELECT version FROM commits c WHERE c.aggregate_id = w.aggregate_id ORDER BY version DESC) FROM wanted w ORDER BY n'),
  ('SELECT n, EXISTS (SELECT FROM commits c WHERE c.aggregate_id = w.aggregate_id) FROM wanted w ORDER BY n'),
  ('SELECT n, w.version IN (SELECT c.version FROM commits c WHERE c.aggregate_id = w.aggregate_id) FROM wanted w ORDER BY n'),
  ('SELECT n, w.version IN (SELECT c.version FROM commits c WHERE c.aggregate_id = ''a3'') FROM wanted w ORDER BY n'),
  ('SELECT n, w.version = ALL (SELECT c.version FROM commits c WHERE c.aggregate_id = w.aggregate_id) FROM wanted w ORDER BY n'),
  ('SELECT * FROM wanted WHERE aggregate_id NOT IN (SELECT aggregate_id FROM commits WHERE version = 9) ORDER BY n'),
  ('SELECT * FROM wanted w WHERE NOT EXISTS (SELECT FROM commits c WHERE c.aggregate_id = w.aggregate_id AND c.version = w.version) ORDER BY n'),
  ('SELECT * FROM commits WHERE aggregate_id = (SELECT aggregate_id FROM wanted WHERE n = 7) ORDER BY version'),
  ('SELECT * FROM commits WHERE aggregate_id = (SELECT aggregate_id FROM wanted WHERE n = 3) ORDER BY version'),
  ('SELECT * FROM commits WHERE aggregate_id = (SELECT aggregate_id FROM wanted WHERE n = 99) ORDER BY version'),
  ('SELECT * FROM commits WHERE aggregate_id = ANY (ARRAY(SELECT aggregate_id FROM wanted)) ORDER BY commit_id'),
  ('SELECT * FROM commits WHERE aggregate_id = ANY (ARRAY(SELECT aggregate_id FROM wanted WHERE n > 99)) ORDER BY commit_id'),
  ('SELECT * FROM commits WHERE commit_id > (SELECT max(commit_id) FROM commits) - 5 ORDER BY commit_id'),
  ('SELECT * FROM commits WHERE version = (SELECT max(version) FROM commits WHERE aggregate_id = ''a9'')'),
  ('SELECT * FROM commits WHERE (aggregate_id, version) IN (SELECT aggregate_id, max(version) FROM commits GROUP BY 1) ORDER BY commit_id'),
  ('SELECT * FROM commits c WHERE version = (SELECT max(version) FROM commits d WHERE d.aggregate_id = c.aggregate_id) ORDER BY commit_id'),
  ('WITH c AS MATERIALIZED (SELECT * FROM commits) SELECT count(*) FROM c a JOIN c b USING (commit_id)'),
  ('WITH c AS MATERIALIZED (SELECT * FROM commits) SELECT * FROM c ORDER BY commit_id LIMIT 3'),
  ('WITH RECURSIVE c AS (SELECT commit_id, version FROM commits WHERE aggregate_id = ''a9'' AND version = 0 UNION ALL SELECT d.commit_id, d.version FROM c, commits d WHERE d.aggregate_id = ''a9'' AND d.version = c.version + 1) SELECT * FROM c ORDER BY 1'),
  -- above it
  ('SELECT DISTINCT ON (aggregate_id) * FROM commits ORDER BY aggregate_id, version DESC'),
  ('SELECT commit_id, lag(commit_id) OVER (PARTITION BY aggregate_id ORDER BY version), row_number() OVER (ORDER BY commit_id DESC) FROM commits ORDER BY 1'),
  ('SELECT aggregate_id, version, count(*) FROM commits GROUP BY ROLLUP (1, 2) ORDER BY 1, 2, 3'),
  ('SELECT commit_id FROM commits WHERE version < 2 UNION SELECT version FROM commits EXCEPT SELECT n FROM wanted ORDER BY 1'),
  ('SELECT * FROM commits WHERE version = 1 UNION ALL SELECT * FROM commits WHERE aggregate_id = ''a3'' ORDER BY 1, 3'),
  ('SELECT * FROM commits c JOIN commits d USING (aggregate_id) WHERE c.version = 0 AND d.version = 2 ORDER BY c.commit_id LIMIT 3')
  ) t (query), compare_all(query) c;

-- Values that change between two runs of one plan, in functions and prepared statements, custom plans and generic ones.
CREATE FUNCTION history(wanted_id text, start bigint) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT aggregate_id || version FROM commits WHERE aggregate_id = wanted_id AND version >= start ORDER BY version;
END $$;
CREATE FUNCTION version_of(wanted_id text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT max(version) FROM commits WHERE aggregate_id = $1';
SELECT n, (SELECT string_agg(h, ' ') FROM history(aggregate_id, version) h), version_of(aggregate_id) FROM wanted ORDER BY n;
SET plan_cache_mode = force_generic_plan;
SELECT n, (SELECT string_agg(h, ' ') FROM history(aggregate_id, version) h), version_of(aggregate_id) FROM wanted ORDER BY n;
PREPARE by_key (text, bigint, bigint) AS SELECT version FROM commits WHERE aggregate_id = $1 AND version BETWEEN $2 AND $3 ORDER BY version LIMIT 3;
EXECUTE by_key ('a9', 2, 8);
EXECUTE by_key ('a2', 1, 8);
EXECUTE by_key (NULL, 1, 8);
EXECUTE by_key ('a9', 8, 1);
EXECUTE by_key ('a9', 9, NULL);
EXECUTE by_key ('a9', 9, 9223372036854775807);
PREPARE by_keys (text[], int) AS SELECT count(*), sum(commit_id) = (SELECT sum(commit_id) FROM copied WHERE aggregate_id = ANY ($1)) FROM (SELECT * FROM commits WHERE aggregate_id = ANY ($1) LIMIT $2) c;
EXECUTE by_keys ('{a1,a2,a2,NULL,none}', NULL);
EXECUTE by_keys ('{}', NULL);
EXECUTE by_keys (NULL, NULL);
EXECUTE by_keys ('{a9}', 10);
RESET plan_cache_mode;
EXECUTE by_key ('a9', 2, 8);
-- A plan that was made before the table changed.
ALTER FOREIGN TABLE commits ADD COLUMN note text;
EXECUTE by_key ('a9', 2, 8);
ALTER FOREIGN TABLE commits DROP COLUMN note;
ALTER FOREIGN TABLE commits OPTIONS (SET commit_table 'rescan.none');
\set VERBOSITY sqlstate
EXECUTE by_key ('a9', 2, 8);
\set VERBOSITY default
ALTER FOREIGN TABLE commits OPTIONS (SET commit_table 'rescan.commits');
EXECUTE by_key ('a9', 2, 8);
DEALLOCATE ALL;

-- Cursors.
BEGIN;
DECLARE forth CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'a9' ORDER BY version;
DECLARE back SCROLL CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'a9' ORDER BY version;
DECLARE later CURSOR WITH HOLD FOR SELECT commit_id - first AS n FROM commits, (SELECT min(commit_id) AS first FROM commits) f ORDER BY commit_id;
DECLARE unread CURSOR WITH HOLD FOR SELECT count(*) FROM commits;
FETCH 2 FROM forth;
FETCH 3 FROM back;
FETCH 2 FROM forth;
FETCH PRIOR FROM back;
FETCH FIRST FROM back;
FETCH LAST FROM back;
FETCH ABSOLUTE -2 FROM back;
FETCH RELATIVE 1 FROM back;
FETCH NEXT FROM back;
FETCH BACKWARD ALL FROM back;
FETCH 1 FROM back;
MOVE 3 IN forth;
FETCH ALL FROM forth;
FETCH ALL FROM forth;
MOVE FORWARD ALL IN back;
FETCH BACKWARD 1 FROM back;
SAVEPOINT s;
DECLARE gone CURSOR FOR SELECT * FROM commits;
MOVE 2 IN gone;
ROLLBACK TO s;
FETCH 1 FROM later;
COMMIT;
FETCH 2 FROM later;
MOVE 51 IN later;
FETCH ALL FROM later;
FETCH ALL FROM unread;
CLOSE ALL;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT c.version, n FROM generate_series(1, 2) n, commits c WHERE aggregate_id = 'a1' ORDER BY n, version;
FETCH ALL FROM c;
FETCH BACKWARD 3 FROM c;
FETCH FORWARD 1 FROM c;
-- There is no row to update at.
\set VERBOSITY sqlstate
UPDATE commits SET version = 1 WHERE CURRENT OF c;
\set VERBOSITY default
ROLLBACK;
-- In a loop, left early, and closed by an exception.
DO $$
DECLARE
  r record;
  seen text = '';
BEGIN
  FOR r IN SELECT * FROM commits WHERE aggregate_id = 'a9' ORDER BY version LOOP
    CONTINUE WHEN r.version % 2 = 0;
    seen = seen || r.version;
    EXIT WHEN r.version = 5;
  END LOOP;
  BEGIN
    FOR r IN SELECT * FROM commits WHERE aggregate_id = 'a9' ORDER BY version LOOP
      seen = seen || ' ' || 1 / (3 - r.version);
    END LOOP;
  EXCEPTION WHEN division_by_zero THEN
    seen = seen || ' divided by zero';
  END;
  FOR r IN SELECT * FROM commits a WHERE aggregate_id = 'a1' ORDER BY version LOOP
    seen = seen || ' ' || (SELECT count(*) FROM commits b WHERE b.aggregate_id = 'a' || r.version);
  END LOOP;
  RAISE WARNING '%', seen;
END $$;

-- A row lock is for a table that has rows to lock: there is none, and none is taken.
SELECT version FROM commits WHERE aggregate_id = 'a1' ORDER BY version FOR UPDATE;
SELECT version FROM commits WHERE aggregate_id = 'a1' ORDER BY version FOR KEY SHARE SKIP LOCKED;
SELECT n, c.version FROM wanted w JOIN commits c USING (aggregate_id, version) ORDER BY n FOR UPDATE;
SELECT n, c.version FROM wanted w JOIN commits c USING (aggregate_id, version) ORDER BY n FOR UPDATE OF c NOWAIT;

-- Triggers, rules and generated rows that read the store while the statement that fires them writes elsewhere.
CREATE TABLE audited (aggregate_id text, known bigint);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.known = (SELECT count(*) FROM commits WHERE aggregate_id = NEW.aggregate_id);
  RETURN NEW;
END $$;
CREATE TRIGGER audit BEFORE INSERT OR UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION audit();
INSERT INTO audited SELECT aggregate_id FROM wanted RETURNING *;
UPDATE audited SET aggregate_id = 'a5' WHERE known = 0 RETURNING *;
WITH d AS (DELETE FROM audited USING commits c WHERE c.aggregate_id = audited.aggregate_id AND c.version = 5 RETURNING c.*) SELECT aggregate_id, version, count(*) FROM d GROUP BY 1, 2 ORDER BY 1;
INSERT INTO audited SELECT aggregate_id, version FROM commits WHERE aggregate_id = 'a2';
WITH u AS (UPDATE audited SET known = c.version FROM commits c WHERE c.aggregate_id = audited.aggregate_id AND c.version = 2 RETURNING audited.*) SELECT *, count(*) FROM u GROUP BY 1, 2 ORDER BY 1;
MERGE INTO wanted w USING (SELECT * FROM commits WHERE aggregate_id = 'a3') c ON w.aggregate_id = c.aggregate_id AND w.version = c.version
  WHEN MATCHED THEN UPDATE SET n = 70 WHEN NOT MATCHED THEN INSERT VALUES (100 + c.version, c.aggregate_id, c.version);
SELECT * FROM wanted WHERE aggregate_id = 'a3' ORDER BY n;
-- A store that is written to by what reads it: each statement sees what was there when it asked.
INSERT INTO commits (aggregate_id, version, events) SELECT 'copy', version, events FROM commits WHERE aggregate_id = 'a3' ORDER BY version;
SELECT version FROM commits WHERE aggregate_id = 'copy' ORDER BY version;

-- What PostgreSQL itself has no use for on a foreign table.
\set VERBOSITY sqlstate
SELECT * FROM commits TABLESAMPLE SYSTEM (10);
ALTER TABLE commits ENABLE ROW LEVEL SECURITY;
\set VERBOSITY default

-- Workers: the scan stays with the leader, beside a parallel scan of a local table.
CREATE TABLE big AS SELECT 'a' || i % 10 AS aggregate_id, i FROM generate_series(1, 10000) i;
ALTER TABLE big SET (parallel_workers = 2);
ANALYZE big;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_nestloop = off;
CREATE FUNCTION plan_lines(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END $$;
-- Below a Gather there is none: it stands before the first line that is indented less.
CREATE FUNCTION scan_is_in_worker(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
  line text;
  gather int;
  depth int;
  found bool = false;
BEGIN
  FOR line IN SELECT plan_lines(query) LOOP
    depth = length(substring(line from '^ *'));
    CONTINUE WHEN line !~ '->' AND depth > 0;
    IF gather IS NOT NULL AND depth <= gather THEN gather = NULL; END IF;
    found = found OR gather IS NOT NULL AND line ~ 'Foreign Scan';
    IF line ~ 'Gather' AND gather IS NULL THEN gather = depth; END IF;
  END LOOP;
  RETURN found;
END $$;
SELECT count(*) FILTER (WHERE line ~ 'Gather') AS gathers, count(*) FILTER (WHERE line ~ 'Foreign Scan') AS scans
FROM plan_lines('SELECT count(*) FROM big JOIN commits USING (aggregate_id) WHERE version > 0') line;
SELECT scan_is_in_worker('SELECT count(*) FROM big JOIN commits USING (aggregate_id) WHERE version > 0');
SELECT count(*) FROM big JOIN commits USING (aggregate_id) WHERE version > 0;
SELECT count(*) FROM big JOIN copied USING (aggregate_id) WHERE version > 0;
SELECT scan_is_in_worker('SELECT count(*) FROM big WHERE aggregate_id IN (SELECT aggregate_id FROM commits WHERE version = 8)');
SELECT count(*) FROM big WHERE aggregate_id IN (SELECT aggregate_id FROM commits WHERE version = 8);
SELECT scan_is_in_worker('SELECT count(*) FROM big WHERE i > (SELECT max(version) FROM commits WHERE aggregate_id = ''a9'')');
SELECT count(*) FROM big WHERE i > (SELECT max(version) FROM commits WHERE aggregate_id = 'a9');
SELECT scan_is_in_worker('SELECT aggregate_id FROM big UNION ALL SELECT aggregate_id FROM commits');
SELECT count(*) FROM (SELECT aggregate_id FROM big UNION ALL SELECT aggregate_id FROM commits) u;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET enable_nestloop;

\pset tuples_only off
\pset format aligned
SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA rescan CASCADE;
