-- No column shows what its type cannot hold or nobody has put there, and no number of columns or conditions is too large to be asked for.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA columns;
SET search_path = columns, public;

-- The clock in a timestamptz(p): rounded down to what the column holds, in the item as well.
CREATE FOREIGN TABLE stored (commit_id bigint, committed_at bigint, aggregate_id text, version bigint, events jsonb, at bigint, token text)
  SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters');
CREATE FOREIGN TABLE p0 (committed_at timestamptz(0), aggregate_id text, version bigint, events jsonb, at timestamptz(0), token text)
  SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters', append_token 'token');
CREATE FOREIGN TABLE p1 (committed_at timestamptz(1), aggregate_id text, version bigint, events jsonb, at timestamptz(1))
  SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters');
CREATE FOREIGN TABLE p2 (committed_at timestamptz(2), aggregate_id text, version bigint, events jsonb, at timestamptz(2))
  SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters');
CREATE FOREIGN TABLE p3 (committed_at timestamptz(3), aggregate_id text, version bigint, events jsonb, at timestamptz(3), token text)
  SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters');
CREATE FOREIGN TABLE p6 (committed_at timestamptz(6), aggregate_id text, version bigint, events jsonb, at timestamptz(6))
  SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters');
SELECT dynamodb_es_create_tables('stored');
CREATE TABLE returned (p int, began timestamptz, committed_at timestamptz, ended timestamptz);
DO $$
DECLARE
  began timestamptz;
  committed_at timestamptz;
BEGIN
  FOR v IN 0..19 LOOP
    FOR p IN 0..6 LOOP
      CONTINUE WHEN p IN (4, 5);
      began = clock_timestamp();
      EXECUTE format('INSERT INTO p%s (aggregate_id, version, events) VALUES (''clock %s'', %s, ''[]'') RETURNING committed_at', p, p, v) INTO committed_at;
      INSERT INTO returned VALUES (p, began, committed_at, clock_timestamp());
    END LOOP;
  END LOOP;
END $$;
SELECT p, count(*), bool_and(committed_at = CASE p WHEN 0 THEN committed_at::timestamptz(0) WHEN 1 THEN committed_at::timestamptz(1)
  WHEN 2 THEN committed_at::timestamptz(2) ELSE committed_at::timestamptz(3) END) AS fits,
  bool_and(committed_at + interval '1 second' / 10 ^ least(p, 3) > began AND committed_at <= ended) AS down
FROM returned GROUP BY p ORDER BY p;
SELECT array_agg(committed_at ORDER BY committed_at) = (SELECT array_agg(floor(extract(epoch FROM committed_at) * 1000)::bigint ORDER BY committed_at) FROM returned) AS stored_as_returned
FROM stored WHERE aggregate_id LIKE 'clock %';
SELECT (SELECT count(committed_at) FROM p0 WHERE aggregate_id = 'clock 0') AS p0, (SELECT count(committed_at) FROM p1 WHERE aggregate_id = 'clock 1') AS p1,
  (SELECT count(committed_at) FROM p2 WHERE aggregate_id = 'clock 2') AS p2, (SELECT count(committed_at) FROM p3 WHERE aggregate_id = 'clock 3') AS p3,
  (SELECT count(committed_at) FROM p6 WHERE aggregate_id = 'clock 6') AS p6;
-- In many rows at once.
INSERT INTO p0 (aggregate_id, version, events) SELECT 'bulk', n, '[]' FROM generate_series(0, 19) n;
COPY p0 (aggregate_id, version, events) FROM STDIN;
bulk	20	[]
bulk	21	[]
\.
SELECT count(*), bool_and(committed_at % 1000 = 0) FROM stored WHERE aggregate_id = 'bulk';

-- A value given is rounded by PostgreSQL, before 1970 as after.
INSERT INTO p1 (aggregate_id, version, events, committed_at, at) VALUES ('given', 0, '[]', '2001-02-03 04:05:06.789', '1969-12-31 23:59:59.949')
RETURNING committed_at, at;
SELECT committed_at, at FROM stored WHERE aggregate_id = 'given';
SELECT committed_at, at FROM p1 WHERE aggregate_id = 'given';

-- A stored moment of more digits is an error; a query that does not ask for it works, and conditions are exact.
INSERT INTO stored (aggregate_id, version, events, at) VALUES ('digits', 0, '[]', 1000), ('digits', 1, '[]', 1100), ('digits', 2, '[]', 1110), ('digits', 3, '[]', 1111),
  ('digits', 4, '[]', -900), ('digits', 5, '[]', -1000);
SELECT at FROM p0 WHERE aggregate_id = 'digits' AND version = 1;
\echo :SQLSTATE
SELECT at FROM p1 WHERE aggregate_id = 'digits' AND version = 2;
SELECT at FROM p2 WHERE aggregate_id = 'digits' AND version = 3;
SELECT at FROM p0 WHERE aggregate_id = 'digits' AND version = 4;
SELECT version, at FROM p0 WHERE aggregate_id = 'digits' AND version IN (0, 5) ORDER BY version;
SELECT version, at FROM p1 WHERE aggregate_id = 'digits' AND version IN (0, 1, 4, 5) ORDER BY version;
SELECT version, at FROM p2 WHERE aggregate_id = 'digits' AND version <> 3 ORDER BY version;
SELECT version, at FROM p6 WHERE aggregate_id = 'digits' ORDER BY version;
SELECT count(*) FROM p0 WHERE aggregate_id = 'digits';
SELECT version, at FROM p1 WHERE aggregate_id = 'digits' AND at = '1970-01-01 00:00:01.1+00';
SELECT version, at FROM p0 WHERE aggregate_id = 'digits' AND at = '1970-01-01 00:00:01.05+00';
SELECT version, at FROM p0 WHERE aggregate_id = 'digits' AND at <= '1970-01-01 00:00:01.05+00' AND at > '1969-12-31 23:59:59.1+00';
-- A token that was there already: its time is shown as far as the column goes.
INSERT INTO p3 (aggregate_id, version, events, committed_at, token) VALUES ('token', 0, '[]', '2001-02-03 04:05:06.789', 'c0ffee'), ('token', 1, '[]', '1969-12-31 23:59:59.999', 'c0ffee');
INSERT INTO p0 (aggregate_id, version, events, token) VALUES ('token', 0, '[]', 'c0ffee'), ('token', 1, '[]', 'c0ffee') RETURNING version, committed_at;
-- Texts and numbers, on every way in.
CREATE FOREIGN TABLE short (aggregate_id varchar(5), version bigint, events jsonb, token varchar(3)) SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters');
SELECT aggregate_id FROM short WHERE aggregate_id = 'digits' LIMIT 1;
\echo :SQLSTATE
SELECT aggregate_id, count(*) FROM short WHERE aggregate_id = 'digits' GROUP BY aggregate_id;
SELECT aggregate_id, count(*) FROM short WHERE aggregate_id = 'given' GROUP BY aggregate_id;
SELECT count(*) FROM short WHERE aggregate_id = 'digits';

-- System columns: there is nothing in them.
SELECT xmin, xmax, cmin, cmax, ctid, tableoid::regclass, version FROM stored WHERE aggregate_id = 'given';
SELECT xmin FROM stored WHERE aggregate_id = 'given';
SELECT s.xmin, s.cmax, s.ctid, s.aggregate_id, (s).version, s IS NULL AS is_null FROM stored s WHERE xmin = '0' AND commit_id > 0 AND aggregate_id = 'given' ORDER BY commit_id;
SELECT DISTINCT xmin, xmax, cmin, cmax, ctid, tableoid::regclass FROM stored;
SELECT count(*) FROM stored WHERE xmin::text <> '0' OR xmax::text <> '0';
SELECT max(xmin::text), count(*) FROM stored a WHERE aggregate_id = 'digits' AND EXISTS (SELECT FROM stored b WHERE b.aggregate_id = 'digits' AND b.version = a.version AND b.xmin = a.xmin);
INSERT INTO stored (aggregate_id, version, events) VALUES ('system', 0, '[]'), ('system', 1, '[1]') RETURNING xmin, xmax, cmin, cmax, ctid, tableoid::regclass, version;
INSERT INTO stored AS s (aggregate_id, version, events) SELECT 'system', version + 2, '[]' FROM stored o WHERE aggregate_id = 'system' AND o.xmin = '0' ORDER BY version
RETURNING xmin, xmax, s.cmin, ctid, (s).version;
WITH added AS (INSERT INTO stored (aggregate_id, version, events) VALUES ('system', 4, '[]') RETURNING xmin, xmax, cmin, cmax) SELECT * FROM added;
BEGIN;
DECLARE c CURSOR FOR SELECT xmin, ctid, version FROM stored WHERE aggregate_id = 'system' ORDER BY version;
FETCH 2 FROM c;
DECLARE h SCROLL CURSOR WITH HOLD FOR SELECT xmax, version FROM stored WHERE aggregate_id = 'system' ORDER BY version FOR UPDATE;
FETCH LAST FROM h;
COMMIT;
FETCH PRIOR FROM h;
CLOSE h;
-- In partitions, of the same layout and of another, and behind triggers.
CREATE TABLE parted (commit_id bigint, aggregate_id text, version bigint, events jsonb) PARTITION BY LIST (aggregate_id);
CREATE FOREIGN TABLE same PARTITION OF parted FOR VALUES IN ('same') SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters');
CREATE FOREIGN TABLE other (events jsonb, version bigint, aggregate_id text, commit_id bigint) SERVER store OPTIONS (commit_table 'columns.commits', counter_table 'columns.counters');
ALTER TABLE parted ATTACH PARTITION other FOR VALUES IN ('other');
INSERT INTO parted (aggregate_id, version, events) VALUES ('same', 0, '[]'), ('other', 0, '[1]'), ('same', 1, '[2]'), ('same', 2, '[3]')
RETURNING xmin, xmax, cmin, ctid, tableoid::regclass, aggregate_id, version, events;
SELECT xmin, xmax, cmax, tableoid::regclass, aggregate_id, version, events FROM parted WHERE tableoid::regclass::text = aggregate_id ORDER BY aggregate_id, version;
CREATE FUNCTION before_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.events = NEW.events || '["before"]'; RETURN NEW; END $$;
CREATE FUNCTION after_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'after: % % % %', NEW.version, NEW.events, NEW.xmin, NEW.cmax; RETURN NULL; END $$;
CREATE TRIGGER before_insert BEFORE INSERT ON same FOR EACH ROW EXECUTE FUNCTION before_insert();
CREATE TRIGGER after_insert AFTER INSERT ON same FOR EACH ROW EXECUTE FUNCTION after_insert();
INSERT INTO parted (aggregate_id, version, events) VALUES ('same', 3, '[]') RETURNING xmin, xmax, version, events;
INSERT INTO same (aggregate_id, version, events) VALUES ('same', 4, '[]') RETURNING xmin, xmax, version, events;
INSERT INTO same (aggregate_id, version, events) VALUES ('same', 5, '[]'), ('same', 6, '[]');
COPY parted (aggregate_id, version, events) FROM STDIN;
same	7	[]
\.
SELECT count(*) FROM same WHERE aggregate_id = 'same';

-- As many columns as a table may have about, each of a name as long as may be; and as few as the request still names.
CREATE FUNCTION make_wide(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE format('CREATE FOREIGN TABLE wide_%s (aggregate_id text, version bigint, events jsonb, %s) SERVER store OPTIONS (commit_table ''columns.commits'', counter_table ''columns.counters'')', n,
    (SELECT string_agg(format('c%s text OPTIONS (attribute %L)', c, rpad('attribute ' || c || ' ', 255, 'e')), ', ') FROM generate_series(1, n) c));
  EXECUTE format('INSERT INTO wide_%s (aggregate_id, version, events, %s) SELECT ''wide %s'', v, ''[]'', %s FROM generate_series(0, 2) v', n,
    (SELECT string_agg('c' || c, ', ') FROM generate_series(1, n) c), n, (SELECT string_agg(quote_literal(c), ', ') FROM generate_series(1, n) c));
END $$;
SELECT make_wide(n) FROM (VALUES (600), (679), (680), (700), (1000)) s (n);
SELECT count(*), sum(length(w::text)) FROM wide_600 w WHERE aggregate_id = 'wide 600';
SELECT count(*), sum(length(w::text)) FROM wide_679 w WHERE aggregate_id = 'wide 679';
SELECT count(*), sum(length(w::text)) FROM wide_680 w WHERE aggregate_id = 'wide 680';
SELECT count(*), sum(length(w::text)) FROM wide_700 w WHERE aggregate_id = 'wide 700' AND version > 0;
SELECT count(*), sum(length(w::text)) FROM wide_1000 w WHERE aggregate_id = 'wide 1000';
SELECT count(*), sum(length(w::text)) FROM wide_1000 w WHERE c1 = '1' AND c500 = '500' AND c1000 IN ('a', 'b', '1000') AND version < 2;
SELECT c7, c999 FROM wide_1000 WHERE aggregate_id = 'wide 1000' AND version = 2;
SELECT sum(c.n) FROM wide_1000 w, LATERAL (SELECT count(*) AS n FROM jsonb_each_text(to_jsonb(w))) c WHERE aggregate_id = 'wide 1000';
CREATE FUNCTION projection(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) ' || query INTO plan;
  RETURN left(plan -> 0 -> 'Plan' ->> 'Projection', 60);
END $$;
SELECT projection('SELECT * FROM wide_1000'), projection('SELECT version, c1000 FROM wide_1000'), projection('SELECT w FROM wide_679 w'), projection('SELECT w FROM wide_680 w');
ANALYZE wide_1000;

-- Conditions of any size: what does not fit into a request is checked here.
CREATE TABLE numbers AS SELECT n FROM generate_series(1, 5000) n;
CREATE FUNCTION counted(condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  result bigint;
BEGIN
  EXECUTE 'SELECT count(c1) FROM wide_600 WHERE ' || condition INTO result;
  RETURN result;
END $$;
SELECT counted(format('c1 IN (%s)', string_agg(quote_literal(n), ', '))) FROM numbers;
SELECT counted(format('c1 NOT IN (%s)', string_agg(quote_literal('x' || n), ', '))) FROM numbers WHERE n <= 100;
SELECT counted(format('c1 IN (%s)', string_agg(quote_literal(n), ', '))) FROM numbers WHERE n <= 101;
SELECT counted(string_agg(format('c%s = %L', n, n), ' OR ')) FROM numbers WHERE n <= 600;
SELECT counted(string_agg(format('c%s = %L', n, n), ' AND ')) FROM numbers WHERE n <= 600;
SELECT counted(string_agg(format('c%s = %L', n, n), ' AND ')) FROM numbers WHERE n <= 60;
SELECT counted(string_agg(format('c%s IS DISTINCT FROM ''x''', n), ' AND ')) FROM numbers WHERE n <= 200;
SELECT counted(string_agg(format('(c%s IS NOT NULL OR c%s <> ''x'')', n, n), ' AND ')) FROM numbers WHERE n <= 200;
SELECT counted(string_agg(format('c%s IN (%s)', c.n, (SELECT string_agg(quote_literal(n), ', ') FROM numbers WHERE n <= 90)), ' AND ')) FROM numbers c WHERE c.n <= 50;
-- Values: there is a bound for all of a request's.
SELECT counted(string_agg(format('c%s <> %L', n, repeat('x', 300000)), ' AND ')) FROM numbers WHERE n <= 8;
SELECT counted(string_agg(format('c%s <> %L', n, repeat('x', 70000)), ' AND ')) FROM numbers WHERE n <= 8;
SELECT counted(format('c1 <> %L', repeat('x', 500000)));
SELECT counted(format('c1 IN (''1'', %s)', string_agg(quote_literal(repeat('x', 100000) || n), ', '))) FROM numbers WHERE n <= 30;
SELECT counted(format('c1 = ANY (ARRAY[''1'', %s])', string_agg(format('repeat(''x'', 100000) || %L', n), ', '))) FROM numbers WHERE n <= 30;
SELECT counted(format('c1 <> repeat(''x'', 300000) || now()')) FROM numbers WHERE n = 1;
PREPARE longest (text) AS SELECT count(*) FROM wide_600 WHERE c1 <> $1 AND c2 <> $1 AND c3 <> $1 AND c4 <> $1 AND c5 <> $1 AND c6 <> $1 AND c7 <> $1 AND c8 <> $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE longest (repeat('x', 300000));
RESET plan_cache_mode;
SELECT count(*) FROM stored WHERE aggregate_id IN (SELECT 'wide ' || n FROM numbers WHERE n <= 1000) AND version = ANY (ARRAY(SELECT n FROM numbers WHERE n % 2 = 1));

SELECT dynamodb_es_drop_tables('stored');
DROP SCHEMA columns CASCADE;
