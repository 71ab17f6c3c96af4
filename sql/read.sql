-- Whatever the query and the way it is planned, it returns the rows that the same query on a local table returns.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA read;
SET search_path = read, public;
CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'read.commits', counter_table 'read.counters');
SELECT dynamodb_es_create_tables('commits');
INSERT INTO commits (aggregate_id, version, events, committed_at)
SELECT a, v, jsonb_build_array(a || v), timestamptz '2020-01-01 00:00:00+00' + v * interval '1 day'
FROM generate_series(0, 5) v, (VALUES ('a'), ('b'), ('c')) t (a);
INSERT INTO commits (aggregate_id, version, events, committed_at) VALUES
  ('limit', 9223372036854775806, '["last but one"]', '2021-01-01+00'), ('limit', 9223372036854775807, '["last"]', '2021-01-02+00');
INSERT INTO commits (aggregate_id, version, events, committed_at) VALUES ('O''Brien "\ü€😀', 0, '["quoted"]', '2021-01-03+00');

-- A local copy, to compare with.
CREATE TABLE copied AS SELECT * FROM commits;
SELECT count(*), count(DISTINCT commit_id), count(DISTINCT (aggregate_id, version)) FROM copied;

-- The plan of a query: which path, and what it asks for.
CREATE FUNCTION asked(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) ' || query INTO plan;
  -- Releases of PostgreSQL differ in how they write the result of a subquery.
  RETURN (SELECT string_agg(regexp_replace(concat_ws(' ', n->>'DynamoDB Operation', n->>'DynamoDB Index', nullif(n->>'Direction', 'forward'),
                                                     n->>'Key Condition', 'local: ' || (n->>'Filter')),
                                           '\$\d+|\(InitPlan \d+\)\.col\d+', '$', 'g'), '; ')
          FROM jsonb_path_query(plan::jsonb, 'strict $.**') n WHERE n ? 'DynamoDB Operation');
END $$;

-- Runs a query on the store and on the copy: what was asked, and how many rows came when they are the same.
CREATE FUNCTION compare(statement text) RETURNS TABLE (query text, asked text, result text) LANGUAGE plpgsql AS $$
DECLARE
  stored text;
  expected text;
BEGIN
  query = regexp_replace(statement, 'x{9,}', 'x…');
  asked = regexp_replace(asked(statement), 'x{9,}', 'x…');
  EXECUTE format('SELECT json_agg(q) FROM (%s) q', statement) INTO stored;
  EXECUTE format('SELECT json_agg(q) FROM (%s) q', replace(statement, 'commits', 'copied')) INTO expected;
  IF statement NOT LIKE '%ORDER BY%' THEN
    stored = (SELECT json_agg(r ORDER BY r::text) FROM json_array_elements(stored::json) r);
    expected = (SELECT json_agg(r ORDER BY r::text) FROM json_array_elements(expected::json) r);
  END IF;
  result = CASE WHEN stored IS NOT DISTINCT FROM expected THEN coalesce(json_array_length(stored::json), 0) || ' rows'
                ELSE 'DIFFERS: ' || coalesce(stored, 'none') || ' INSTEAD OF ' || coalesce(expected, 'none') END;
  RETURN NEXT;
END $$;
\pset format unaligned
\pset fieldsep ' | '
\pset footer off
\pset tuples_only on

-- The three paths, and conditions that stay local.
SELECT c.* FROM (VALUES
  ('SELECT * FROM commits'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'''),
  ('SELECT * FROM commits WHERE ''a'' = aggregate_id'),
  ('SELECT * FROM commits WHERE aggregate_id = ''none'''),
  ('SELECT * FROM commits WHERE aggregate_id = '''''),
  ('SELECT * FROM commits WHERE aggregate_id = repeat(''x'', 3000)'),
  ('SELECT * FROM commits WHERE aggregate_id = ''O''''Brien "\ü€😀'''),
  ('SELECT * FROM commits WHERE aggregate_id = ''A'''),
  ('SELECT * FROM commits WHERE aggregate_id > ''a'''),
  ('SELECT * FROM commits WHERE aggregate_id <> ''a'''),
  ('SELECT * FROM commits WHERE aggregate_id LIKE ''a%'''),
  ('SELECT * FROM commits WHERE aggregate_id IN (''a'', ''b'')'),
  ('SELECT * FROM commits WHERE aggregate_id IS NULL'),
  ('SELECT * FROM commits WHERE aggregate_id IS NOT NULL AND version IS NOT NULL'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' OR aggregate_id = ''b'''),
  ('SELECT * FROM commits WHERE aggregate_id = ''a''::char(3)'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a''::name'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a''::varchar(1)'),
  ('SELECT * FROM commits WHERE aggregate_id = events->>0'),
  ('SELECT * FROM commits WHERE upper(aggregate_id) = ''A'''),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' AND events->>0 = ''a3'''),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' AND commit_id > 5'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' AND committed_at >= ''2020-01-03+00'''),
  ('SELECT * FROM commits WHERE committed_at < ''2020-01-03+00'''),
  ('SELECT * FROM commits WHERE events @> ''["b2"]'''),
  ('SELECT * FROM commits WHERE version = 3'),
  ('SELECT * FROM commits WHERE commit_id = 3'),
  ('SELECT * FROM commits WHERE commit_id >= 3 AND version = 1'),
  ('SELECT * FROM commits WHERE commit_id <> 3'),
  ('SELECT * FROM commits WHERE commit_id IN (3, 4)'),
  ('SELECT * FROM commits WHERE commit_id IS NULL'),
  ('SELECT * FROM commits WHERE commit_id IS NOT NULL'),
  ('SELECT * FROM commits WHERE false'),
  ('SELECT * FROM commits WHERE random() < 0'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' AND version = (random() * 0)::bigint')
) q (query), compare(q.query) c;

-- Ranges: every operator on either side, integers of any width, several bounds folded, contradictions, NULLs, the limits of bigint.
SELECT c.* FROM (VALUES
  ('version = 2'), ('version < 2'), ('version <= 2'), ('version > 2'), ('version >= 2'), ('version <> 2'),
  ('2 = version'), ('2 < version'), ('2 <= version'), ('2 > version'), ('2 >= version'),
  ('version = 2::smallint'), ('version > 2::bigint'), ('version < 2::numeric'), ('version > 1.5'), ('version > 1.5::real'),
  ('version BETWEEN 1 AND 3'), ('version BETWEEN 3 AND 1'), ('version BETWEEN SYMMETRIC 3 AND 1'), ('version NOT BETWEEN 1 AND 3'),
  ('version > 0 AND version >= 2 AND version < 5 AND version <= 9'), ('version > 2 AND version < 3'), ('version >= 3 AND version <= 3'),
  ('version = 2 AND version = 2'), ('version = 2 AND version > 2'), ('version = 2 AND version >= 2'),
  ('version = NULL'), ('version > NULL'), ('version > NULL::int'), ('version IS NULL'), ('version = 2 AND NULL'),
  ('version > -1'), ('version < 0'), ('version >= -9223372036854775808'), ('version < -9223372036854775808'),
  ('version <= -9223372036854775808'), ('version > 9223372036854775807'), ('version >= 9223372036854775807'),
  ('version < 9223372036854775807'), ('version <= 9223372036854775807'), ('version > 9223372036854775806'),
  ('version < 99999999999999999999'), ('version > 99999999999999999999'),
  ('version IN (1, 2)'), ('version = ANY (ARRAY[1, NULL])'), ('version + 1 = 3'), ('-version = -3'), ('version::int = 3'), ('version::text = ''3'''),
  ('NOT version < 3'), ('version > 1 OR version = 0'), ('(version > 1) IS TRUE'), ('version > length(''ab'')'), ('version > version - 1')
) w (condition), compare('SELECT * FROM commits WHERE aggregate_id = ''a'' AND ' || condition) c;
-- (Some releases of PostgreSQL see for themselves that these contradict each other.)
SELECT c.query, c.result FROM (VALUES ('version = 2 AND version = 3'), ('aggregate_id = ''b''')
) w (condition), compare('SELECT * FROM commits WHERE aggregate_id = ''a'' AND ' || condition) c;
SELECT c.* FROM (VALUES ('version >= 9223372036854775807'), ('version > 9223372036854775806'), ('version < 9223372036854775807'),
  ('version BETWEEN 9223372036854775806 AND 9223372036854775807')
) w (condition), compare('SELECT * FROM commits WHERE aggregate_id = ''limit'' AND ' || condition) c;
SELECT c.* FROM (VALUES
  ('commit_id = 7'), ('commit_id < 7'), ('commit_id <= 7'), ('commit_id > 7'), ('commit_id >= 7'), ('7 < commit_id'),
  ('commit_id > 3 AND commit_id <= 7'), ('commit_id > 7 AND commit_id < 3'), ('commit_id = 7::smallint'), ('commit_id > NULL'),
  ('commit_id >= 7 AND aggregate_id = ''a'''), ('commit_id > 0 AND commit_id > 9223372036854775807'),
  ('commit_id > 3 AND commit_id IS NOT NULL')
) w (condition), compare('SELECT * FROM commits WHERE ' || condition) c;

-- Keys in other forms: numbers that are no integers, where they are exact and where they are rounded.
SELECT c.* FROM (VALUES
  ('version < 4.5'), ('version <= 4.0'), ('version >= 4.000001'), ('version = 4.0'), ('version = 4.5'), ('4.5 > version'),
  ('version IN (1.0, 2.5, 3)'), ('version > ''NaN''::numeric'), ('version < ''Infinity''::numeric'), ('version > ''-Infinity''::numeric'),
  ('version < ''NaN''::float8'), ('version >= ''-Infinity''::float8'), ('version = 1::float8'), ('version = 1.5::real'), ('version <= 2.5::float8'),
  ('version = ANY (ARRAY[1, 2.5, NULL]::float8[])'), ('version::numeric = 3'), ('version::float8 > 3'), ('version < -9223372036854775809'),
  ('version > NULL::numeric'), ('version = (SELECT 2.0)')
) w (condition), compare('SELECT * FROM commits WHERE aggregate_id = ''a'' AND ' || condition) c;
SELECT c.* FROM (VALUES
  ('version = 9223372036854775807::float8'), ('version < 9223372036854775807::float8'), ('version > 9223372036854775807::float8'),
  ('version >= 9223372036854775808'), ('version >= 9223372036854775807.0'), ('version < 9223372036854775806.5'), ('version > 1e18::float8'), ('version = 9.223372e18::real')
) w (condition), compare('SELECT * FROM commits WHERE aggregate_id = ''limit'' AND ' || condition) c;

-- OR: ranges, and keys of several aggregates; rows of keys.
PREPARE pairs(text, bigint, text, bigint) AS
  SELECT aggregate_id, version FROM commits WHERE (aggregate_id, version) IN (($1, $2), ($3, $4)) ORDER BY 1;
EXECUTE pairs('a', 1, 'b', 5);
EXECUTE pairs('a', NULL, NULL, 5);
EXECUTE pairs('a', NULL, 'a', 5);
SELECT c.* FROM (VALUES
  ('version < 1 OR version > 4'), ('version BETWEEN 1 AND 2 OR version = 2 OR version IN (4, 5)'), ('version > 4 OR version < 3 OR version = 3'),
  ('version = 1 OR version > NULL'), ('version = 1 OR events @> ''["a4"]'''), ('(version > 1 AND events @> ''["a4"]'') OR version = 0'),
  ('version < 2 AND (version = 1 OR version > 4)'), ('version = 1 OR version = 2.5 OR version > 4.5')
) w (condition), compare('SELECT * FROM commits WHERE aggregate_id = ''a'' AND (' || condition || ')') c;
SELECT c.* FROM (VALUES
  ('commit_id < 3 OR commit_id > 17'), ('commit_id < 3.5 OR commit_id BETWEEN 5 AND 6'), ('commit_id < 3 OR version = 5'),
  ('(commit_id, version) > (4, 0)'), ('(commit_id, version) <= (4, 0)'), ('(commit_id, aggregate_id) >= (4, ''x'') AND commit_id < 7'), ('(commit_id, version) > (NULL, 0)'),
  ('(aggregate_id, version) IN ((''a'', 1), (''b'', 2), (''none'', 3), (''a'', 1))'), ('(aggregate_id, version) IN ((''a'', 1), (''a'', 2), (''b'', 2))'),
  ('(aggregate_id = ''a'' AND version > 3) OR (aggregate_id = ''b'' AND version < 1)'), ('(aggregate_id = ''a'' AND version > 3) OR aggregate_id = ''b'''),
  ('(aggregate_id, version) = ANY (ARRAY[ROW(''a''::text, 1::bigint), ROW(''c''::text, 5::bigint), ROW(''c''::text, NULL::bigint)])'),
  ('(version, aggregate_id) = ANY (ARRAY[ROW(1::bigint, ''a''::text)])'), ('(aggregate_id, commit_id) = ANY (ARRAY[ROW(''a''::text, 1::bigint), ROW(''a''::text, 2::bigint)])'),
  ('(aggregate_id, version) IN ((''a'', 1), (''b'', 2)) AND version > 1'), ('(aggregate_id = ''a'' AND version = 1 AND commit_id > 99) OR (aggregate_id = ''b'' AND version = 2)'),
  ('(aggregate_id = ''a'' AND aggregate_id = ''b'') OR aggregate_id = ''c'''), ('(aggregate_id = ''a'' AND version = 1) OR commit_id = 9'),
  ('aggregate_id = ''a'' AND (aggregate_id, version) IN ((''a'', 1), (''b'', 2))'), ('(aggregate_id, version) NOT IN ((''a'', 1), (''b'', 2))'),
  ('(aggregate_id IN (''a'', ''b'') AND version IN (0, 5)) OR (aggregate_id = ''b'' AND version = 1)')
) w (condition), compare('SELECT * FROM commits WHERE ' || condition) c;
SELECT c.* FROM (VALUES
  ('SELECT count(*) FROM commits WHERE aggregate_id = ''a'' AND (version < 1 OR version > 4)'),
  ('SELECT count(*) FROM commits WHERE (aggregate_id, version) IN ((''a'', 1), (''b'', 2))'),
  ('SELECT aggregate_id, count(*) FROM commits WHERE (aggregate_id, version) IN ((''a'', 1), (''b'', 2)) GROUP BY aggregate_id'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' AND (version < 1 OR version > 4) ORDER BY version DESC LIMIT 2'),
  ('SELECT * FROM commits WHERE commit_id < 3 OR commit_id > 17 ORDER BY commit_id DESC LIMIT 3'),
  ('SELECT * FROM commits WHERE (aggregate_id, version) IN ((''a'', 1), (''b'', 2)) ORDER BY version'),
  ('SELECT * FROM commits WHERE (aggregate_id, version) IN (SELECT ''a'', 4 UNION ALL SELECT ''b'', 2)')
) q (query), compare(q.query) c;

-- Order, both ways, with and without limits; the largest and the smallest.
SELECT c.* FROM (VALUES
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version DESC'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version DESC NULLS LAST'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' AND version > 1 ORDER BY version DESC LIMIT 2'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version LIMIT 2 OFFSET 3'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version OFFSET 30'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version FETCH FIRST 2 ROWS WITH TIES'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version, commit_id'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY version LIMIT 0'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' ORDER BY commit_id DESC LIMIT 2'),
  ('SELECT * FROM commits WHERE aggregate_id = ''limit'' ORDER BY version DESC'),
  ('SELECT * FROM commits ORDER BY commit_id'),
  ('SELECT * FROM commits ORDER BY commit_id DESC LIMIT 3'),
  ('SELECT * FROM commits WHERE commit_id > 4 ORDER BY commit_id DESC'),
  ('SELECT * FROM commits WHERE commit_id > 4 AND aggregate_id > ''a'' ORDER BY commit_id LIMIT 3 OFFSET 1'),
  ('SELECT * FROM commits WHERE version > 2 ORDER BY commit_id'),
  ('SELECT * FROM commits ORDER BY aggregate_id COLLATE "C", version DESC'),
  ('SELECT * FROM commits ORDER BY -commit_id LIMIT 2'),
  ('SELECT max(version), min(version), count(*) FROM commits WHERE aggregate_id = ''a'''),
  ('SELECT max(version) FROM commits WHERE aggregate_id = ''a'''),
  ('SELECT min(version) FROM commits WHERE aggregate_id = ''a'''),
  ('SELECT max(version) FROM commits WHERE aggregate_id = ''none'''),
  ('SELECT max(commit_id) FROM commits'),
  ('SELECT min(commit_id) FROM commits WHERE commit_id > 4'),
  ('SELECT count(*) FROM commits'),
  ('SELECT count(*) FROM commits WHERE aggregate_id = ''a'' AND version > 99'),
  ('SELECT aggregate_id, count(*), max(version) FROM commits GROUP BY aggregate_id'),
  ('SELECT DISTINCT aggregate_id FROM commits')
) q (query), compare(q.query) c;

-- Subqueries, joins and rescans.
CREATE TABLE wanted (aggregate_id text, since int);
INSERT INTO wanted VALUES ('a', 4), ('b', 2), ('none', 0), ('c', NULL), (NULL, 1), ('b', 5);
SELECT c.* FROM (VALUES
  ('SELECT * FROM commits WHERE aggregate_id = (SELECT min(aggregate_id) FROM wanted)'),
  ('SELECT * FROM commits WHERE aggregate_id = (SELECT aggregate_id FROM wanted WHERE false)'),
  ('SELECT * FROM commits WHERE commit_id > (SELECT max(commit_id) - 3 FROM commits) ORDER BY commit_id'),
  ('SELECT * FROM commits WHERE aggregate_id = ''a'' AND version = (SELECT max(version) FROM commits WHERE aggregate_id = ''b'')'),
  ('SELECT * FROM commits WHERE aggregate_id IN (SELECT aggregate_id FROM wanted)'),
  ('SELECT * FROM commits c WHERE EXISTS (SELECT FROM wanted w WHERE w.aggregate_id = c.aggregate_id AND c.version > w.since)'),
  ('SELECT w.aggregate_id, since, (SELECT events FROM commits c WHERE c.aggregate_id = w.aggregate_id AND c.version = w.since) FROM wanted w'),
  ('SELECT w.aggregate_id, since, (SELECT count(*) FROM commits c WHERE c.aggregate_id = w.aggregate_id AND c.version >= w.since) FROM wanted w'),
  ('SELECT w.*, l.* FROM wanted w, LATERAL (SELECT version, events FROM commits c WHERE c.aggregate_id = w.aggregate_id ORDER BY version DESC LIMIT 2) l'),
  ('SELECT w.*, l.* FROM wanted w LEFT JOIN LATERAL (SELECT commit_id FROM commits c WHERE c.commit_id > w.since ORDER BY commit_id LIMIT 1) l ON true'),
  ('SELECT * FROM wanted JOIN commits USING (aggregate_id) WHERE version >= since'),
  ('SELECT * FROM wanted LEFT JOIN commits USING (aggregate_id)'),
  ('SELECT * FROM commits x JOIN commits y USING (version) WHERE x.aggregate_id = ''a'' AND y.aggregate_id = ''b'''),
  ('SELECT * FROM commits x LEFT JOIN commits y ON y.commit_id = x.commit_id + 1 WHERE x.commit_id < 4'),
  ('SELECT aggregate_id, version FROM commits WHERE aggregate_id = ''a'' UNION ALL SELECT aggregate_id, version FROM commits WHERE commit_id < 3'),
  ('WITH RECURSIVE walk AS (SELECT 0::bigint AS version UNION ALL SELECT c.version FROM walk w JOIN commits c ON c.version = w.version + 1 WHERE c.aggregate_id = ''a'') SELECT * FROM walk')
) q (query), compare(q.query) c;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT c.* FROM (VALUES
  ('SELECT * FROM wanted JOIN commits USING (aggregate_id) WHERE version >= since'),
  ('SELECT * FROM wanted LEFT JOIN commits ON version = since AND commits.aggregate_id = ''a'''),
  ('SELECT * FROM commits x LEFT JOIN commits y ON y.commit_id = x.commit_id + 1 WHERE x.commit_id < 4 AND (y.commit_id < 9) IS NOT FALSE')
) q (query), compare(q.query) c;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;

-- Parameters, with custom plans and with generic ones.
PREPARE since (text, bigint) AS SELECT aggregate_id, version FROM commits WHERE aggregate_id = $1 AND version >= $2 ORDER BY version DESC;
PREPARE between_ids (int, smallint) AS SELECT commit_id FROM commits WHERE commit_id BETWEEN $1 AND $2 ORDER BY commit_id;
PREPARE twice (text) AS SELECT version FROM commits WHERE aggregate_id = $1 AND aggregate_id = 'a' AND version < 2 ORDER BY version;
SET plan_cache_mode = force_custom_plan;
EXECUTE since ('a', 4);
EXECUTE since (NULL, 4);
EXECUTE since ('a', NULL);
EXECUTE between_ids (2, 4::smallint);
EXECUTE twice ('a');
EXECUTE twice ('b');
SET plan_cache_mode = force_generic_plan;
EXECUTE since ('a', 4);
EXECUTE since ('b', 5);
EXECUTE since (NULL, 4);
EXECUTE since ('a', NULL);
EXECUTE between_ids (2, 4::smallint);
EXECUTE between_ids (4, 2::smallint);
EXECUTE between_ids (18, NULL);
EXECUTE twice ('a');
EXECUTE twice ('b');
SELECT asked('EXECUTE since (''a'', 4)');
SELECT asked('EXECUTE between_ids (2, 4::smallint)');
RESET plan_cache_mode;
CREATE FUNCTION count_since(id text, since int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint = 0;
  r record;
BEGIN
  FOR r IN SELECT * FROM commits WHERE aggregate_id = id AND version > since LOOP
    n = n + 1;
  END LOOP;
  RETURN n;
END $$;
SELECT string_agg(count_since('a', since)::text, ' ' ORDER BY since) FROM generate_series(-2, 7) since;

-- Cursors.
BEGIN;
DECLARE forward CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version;
DECLARE back SCROLL CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version;
FETCH 2 FROM forward;
FETCH 3 FROM back;
FETCH 1 FROM forward;
FETCH BACKWARD 2 FROM back;
FETCH ALL FROM forward;
FETCH FIRST FROM back;
FETCH LAST FROM back;
MOVE BACKWARD ALL FROM back;
FETCH ALL FROM back;
CLOSE forward;
DECLARE held CURSOR WITH HOLD FOR SELECT commit_id FROM commits WHERE commit_id < 4 ORDER BY commit_id;
COMMIT;
FETCH ALL FROM held;
CLOSE held;

-- Rows as a whole, system columns, no columns.
SELECT c FROM commits c WHERE aggregate_id = 'a' AND version = 0;
SELECT to_jsonb(c) - 'commit_id' FROM commits c WHERE commit_id = 1;
SELECT tableoid::regclass, version FROM commits WHERE aggregate_id = 'a' AND version = 0;
SELECT count(*) FROM (SELECT FROM commits WHERE aggregate_id = 'a') q;
SELECT 1 FROM commits WHERE aggregate_id = 'a' AND version < 2;
SELECT version FROM commits WHERE aggregate_id = 'a' AND version = 0 FOR UPDATE;

-- Columns: some of them, in any order, renamed, dropped and added.
CREATE FOREIGN TABLE other_columns (gone text, events text, number int OPTIONS (attribute 'version'), author text, id varchar(20) OPTIONS (attribute 'aggregateId'))
  SERVER store OPTIONS (commit_table 'read.commits', counter_table 'read.counters');
ALTER FOREIGN TABLE other_columns DROP COLUMN gone;
ALTER FOREIGN TABLE other_columns ADD COLUMN commit_id bigint;
SELECT * FROM other_columns WHERE id = 'a' AND number BETWEEN 1 AND 2 ORDER BY number DESC;
SELECT o FROM other_columns o WHERE commit_id = 4;
INSERT INTO other_columns (number, id, events, author) VALUES (6, 'a', '["new"]', 'ann') RETURNING id, number, events, author, commit_id IS NOT NULL;
SELECT * FROM commits WHERE aggregate_id = 'a' AND version > 5 AND committed_at IS NULL;
SELECT author, events FROM other_columns WHERE id = 'a' AND number = 6;
SELECT asked('SELECT * FROM other_columns WHERE id = ''a'' AND number > 2::bigint');
SELECT asked('SELECT * FROM other_columns WHERE id = ''a''::text AND author = ''ann''');
ALTER FOREIGN TABLE other_columns DROP COLUMN number;
SELECT id, author FROM other_columns WHERE author IS NOT NULL;
CREATE FOREIGN TABLE only_ids (commit_id bigint) SERVER store OPTIONS (commit_table 'read.commits', counter_table 'read.counters');
SELECT array_agg(commit_id ORDER BY commit_id) FROM only_ids WHERE commit_id < 5;

-- A uuid as aggregate id.
CREATE FOREIGN TABLE by_uuid (aggregate_id uuid, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'read.commits', counter_table 'read.counters');
INSERT INTO by_uuid VALUES ('00000000-0000-0000-0000-00000000000A', 0, '["uuid"]');
SELECT * FROM by_uuid WHERE aggregate_id = '{00000000000000000000-00000000000A}';
SELECT asked('SELECT * FROM by_uuid WHERE aggregate_id = ''00000000-0000-0000-0000-00000000000A''');
SELECT asked('SELECT * FROM by_uuid WHERE aggregate_id::text = ''00000000-0000-0000-0000-00000000000a''');
SELECT aggregate_id, events FROM commits WHERE aggregate_id = '00000000-0000-0000-0000-00000000000a';

-- A collation by which different texts are equal is not DynamoDB's: such equality stays local.
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE FOREIGN TABLE any_case (aggregate_id text COLLATE ignore_case, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'read.commits', counter_table 'read.counters');
SELECT count(*) FROM any_case WHERE aggregate_id = 'A' AND version < 6;
SELECT asked('SELECT * FROM any_case WHERE aggregate_id = ''A''');
SELECT asked('SELECT * FROM any_case WHERE aggregate_id = ''A'' COLLATE "C"');
SELECT asked('SELECT * FROM commits WHERE aggregate_id = ''A'' COLLATE ignore_case');
SELECT count(*) FROM commits WHERE aggregate_id = 'A' COLLATE ignore_case AND version < 6;

-- A view and a SECURITY DEFINER function read as their owner: with the owner's mapping, whoever asks.
CREATE ROLE read_stranger;
GRANT USAGE ON SCHEMA read TO read_stranger;
CREATE VIEW of_a AS SELECT version, events FROM commits WHERE aggregate_id = 'a';
CREATE VIEW barrier WITH (security_barrier) AS SELECT aggregate_id, version, events FROM commits WHERE aggregate_id = 'b';
CREATE FUNCTION head_of(id text) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = read, public
  AS 'SELECT max(version) FROM commits WHERE aggregate_id = id';
CREATE FUNCTION append_to(id text, n bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = read, public
  AS 'INSERT INTO commits (aggregate_id, version, events) VALUES (id, n, ''[]'') RETURNING version';
GRANT SELECT ON of_a, barrier, commits TO read_stranger;
GRANT INSERT ON of_a TO read_stranger;
SET ROLE read_stranger;
SELECT version FROM of_a WHERE version < 2 ORDER BY version;
SELECT * FROM barrier WHERE version > 4;
SELECT * FROM barrier WHERE aggregate_id = 'a';
SELECT head_of('c');
SELECT append_to('by_function', 0);
\set VERBOSITY sqlstate
SELECT count(*) FROM commits;
\set VERBOSITY default
EXPLAIN (COSTS OFF) SELECT version FROM commits WHERE aggregate_id = 'a';
RESET ROLE;

-- A store of a partitioned table is read along with its other partitions, in order.
CREATE TABLE parted (LIKE only_ids) PARTITION BY RANGE (commit_id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (-10) TO (0);
INSERT INTO parted VALUES (-2), (-1);
ALTER TABLE parted ATTACH PARTITION only_ids FOR VALUES FROM (0) TO (1000);
SELECT commit_id FROM parted WHERE commit_id < 3 ORDER BY commit_id DESC;
SELECT commit_id FROM parted WHERE commit_id = 3;
EXPLAIN (COSTS OFF) SELECT commit_id FROM only_ids WHERE commit_id < 3 ORDER BY commit_id DESC;

-- A foreign table may have children, which are counted with it.
CREATE TABLE kin () INHERITS (commits);
INSERT INTO kin (aggregate_id, version) VALUES ('c', 100);
SELECT count(*) = (SELECT count(*) FROM ONLY commits WHERE aggregate_id = 'c') + 1 FROM commits WHERE aggregate_id = 'c';
DROP TABLE kin;

\pset tuples_only off
\pset format aligned
DROP OWNED BY read_stranger CASCADE;
DROP ROLE read_stranger;
SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA read CASCADE;
