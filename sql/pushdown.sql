-- Whatever DynamoDB decides, it decides as PostgreSQL would: every operator on every kind of column, with awkward values on both sides, over the
-- store and over a local copy of it. Only differences are shown, and how many of the conditions stayed local.
SET client_min_messages = warning;
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'ISO';
CREATE SCHEMA pushdown;
SET search_path = pushdown, public;
CREATE FOREIGN TABLE stored (
  commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb,
  i2 smallint, i4 int, i8 bigint, n numeric, n52 numeric(5, 2), f8 double precision, t text, v varchar, v5 varchar(5), u uuid, b boolean,
  ts timestamptz, by bytea, j jsonb
) SERVER store OPTIONS (commit_table 'pushdown.commits', counter_table 'pushdown.counters');
SELECT dynamodb_es_create_tables('stored');

-- Values to store, NULL among them, and values to compare with.
CREATE TABLE samples (col text PRIMARY KEY, type text, stored text[], compared text[]);
INSERT INTO samples VALUES
  ('i2', 'smallint', '{NULL,-32768,-1,0,1,9,10,32767}', '{-32768,-1,0,9,32767}'),
  ('i4', 'int', '{0,NULL,-2147483648,-10,-9,2,10,2147483647}', '{-2147483648,-10,0,10,2147483647}'),
  ('i8', 'bigint', '{9223372036854775807,9223372036854775806,-9223372036854775808,-9223372036854775807,0,NULL,9007199254740993,9007199254740992}',
   '{9223372036854775807,-9223372036854775808,-9223372036854775807,0,9007199254740993}'),
  ('n', 'numeric', '{NULL,0,-1,1.5,99999999999999999999999999999999999999,99999999999999999999999999999999999998,-12345678901234567890123456789012345678,1E-130,-1E-130,9.9999999999999999999999999999999999999E+125,-9E+125,1.2345678901234567890123456789012345678}',
   '{0,1.50,99999999999999999999999999999999999998,-12345678901234567890123456789012345678,1E-130,9.9999999999999999999999999999999999999E+125,1.2345678901234567890123456789012345678,123456789012345678901234567890123456789,1E+126,NaN,-Infinity}'),
  ('n52', 'numeric', '{NULL,0,-999.99,1,1.1,1.01,999.99}', '{0,1.10,1.011,-999.99,1000,Infinity}'),
  ('f8', 'double precision', '{NULL,0,0.1,-1e100,0.30000000000000004}', '{0.1,0.3,NaN}'),
  ('t', 'text', '{NULL,"",a,A,ab,"a ",b,ä,"ä",Z,€,😀,"'' \" \\"}', '{"",a,ab,"a ",ä,€,😀,"'' \" \\"}'),
  ('v', 'varchar', '{a,NULL,"",B,é,漢字}', '{"",a,B,é}'),
  ('v5', 'varchar', '{a,NULL,"a ","",abcde}', '{a,"a ","abcde "}'),
  ('u', 'uuid', '{NULL,00000000-0000-0000-0000-000000000000,ffffffff-ffff-ffff-ffff-ffffffffffff,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,9a000000-0000-0000-0000-000000000000}',
   '{00000000-0000-0000-0000-000000000000,A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11,ffffffff-ffff-ffff-ffff-ffffffffffff,aaaaaaaa-0000-0000-0000-000000000000}'),
  ('b', 'boolean', '{NULL,true,false}', '{true,false}'),
  ('ts', 'timestamptz', '{NULL,2020-01-01 00:00:00.123+00,2020-01-01 00:00:00.124+00,1970-01-01 00:00:00+00,1969-12-31 23:59:59.999+00,1969-12-31 23:59:59.998+00,1999-12-31 23:59:59.999+00,2000-01-01 00:00:00+00,4714-11-24 00:00:00+00 BC,294276-12-31 23:59:59.999+00}',
   '{2020-01-01 00:00:00.123+00,2020-01-01 00:00:00.123001+00,2020-01-01 00:00:00.123999+00,1970-01-01 00:00:00+00,1969-12-31 23:59:59.9985+00,1969-12-31 23:59:59.9999+00,1999-12-31 23:59:59.999001+00,2000-01-01 00:00:00+00,4714-11-24 00:00:00+00 BC,294276-12-31 23:59:59.999999+00,infinity,-infinity}'),
  ('by', 'bytea', '{NULL,"\\x","\\x00","\\x00ff","\\x7f","\\x80","\\xff","\\x0000000000"}', '{"\\x","\\x00","\\x00fe","\\x7f","\\x80","\\xff"}'),
  ('committed_at', 'timestamptz', '{2020-01-01 00:00:00.123+00,2020-01-01 00:00:00.124+00,1969-12-31 23:59:59.999+00}',
   '{2020-01-01 00:00:00.1235+00,2020-01-01 00:00:00.124+00,1969-12-31 23:59:59.9989+00}'),
  ('aggregate_id', 'text', '{a,aa,B,ä,€,"a b"}', '{a,"",ä,b}'),
  ('version', 'bigint', NULL, '{-1,0,10,35,59}'),
  ('commit_id', 'bigint', NULL, '{0,1,30,60,9223372036854775807}');

-- Sixty commits, each column going through its values in a step of its own.
CREATE FUNCTION sample(name text, i int) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT s.stored[1 + (i * (1 + length(name) % 3) + i / cardinality(s.stored)) % cardinality(s.stored)] FROM samples s WHERE col = name
$$;
INSERT INTO stored (committed_at, aggregate_id, version, events, i2, i4, i8, n, n52, f8, t, v, v5, u, b, ts, by, j)
SELECT sample('committed_at', i)::timestamptz, sample('aggregate_id', i), i, '[]', sample('i2', i)::smallint, sample('i4', i)::int, sample('i8', i)::bigint, sample('n', i)::numeric, sample('n52', i)::numeric,
  sample('f8', i)::float8, sample('t', i), sample('v', i), sample('v5', i), sample('u', i)::uuid, sample('b', i)::boolean, sample('ts', i)::timestamptz,
  sample('by', i)::bytea, CASE WHEN i % 3 > 0 THEN to_jsonb(i % 3) END
FROM generate_series(0, 59) i;
CREATE TABLE copied AS SELECT * FROM stored;
SELECT count(*), count(DISTINCT aggregate_id) AS aggregates, count(i2) AS i2, count(n) AS n, count(t) AS t, count(b) AS b, count(ts) AS ts, count(by) AS by FROM copied;

-- The rows that a condition selects.
CREATE FUNCTION selected(tab text, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('SELECT string_agg(version::text, '' '' ORDER BY version) FROM %I WHERE %s', tab, condition) INTO result;
  RETURN coalesce(result, 'none');
END $$;
-- Whether nothing of it is left to PostgreSQL.
CREATE FUNCTION is_pushed(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || statement INTO plan;
  RETURN NOT jsonb_path_exists(plan::jsonb, 'strict $.** ? (exists (@."DynamoDB Operation") && exists (@.Filter))');
END $$;
CREATE TABLE conditions (id int GENERATED ALWAYS AS IDENTITY, col text, kind text, condition text);
CREATE TABLE results (id int, path text, pushed boolean, missing text, wrong text);
CREATE FUNCTION run(prefix text, path text, wanted int[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  c conditions;
  condition text;
  from_store text;
  from_copy text;
BEGIN
  FOR c IN SELECT * FROM conditions WHERE id = ANY (wanted) ORDER BY id LOOP
    condition = prefix || '(' || c.condition || ')';
    BEGIN
      from_store = selected('stored', condition);
    EXCEPTION WHEN OTHERS THEN
      from_store = SQLERRM;
    END;
    from_copy = selected('copied', condition);
    INSERT INTO results VALUES (c.id, path, is_pushed('SELECT version FROM stored WHERE ' || condition),
      CASE WHEN from_store <> from_copy THEN from_copy END, CASE WHEN from_store <> from_copy THEN from_store END);
  END LOOP;
END $$;

-- Comparisons of each column with each value, either way round; texts also by the order of their bytes.
INSERT INTO conditions (col, kind, condition)
SELECT col, CASE WHEN op IN ('=', '<>') THEN 'equality' ELSE 'order' END, format('%I %s %L::%s', col, op, value, type)
FROM samples, unnest(compared) value, unnest('{=,<>,<,<=,>,>=}'::text[]) op ORDER BY col, op, value COLLATE "C";
INSERT INTO conditions (col, kind, condition)
SELECT col, CASE WHEN op IN ('=', '<>') THEN 'equality' ELSE 'order' END, format('%2$L::%3$s %4$s %1$I', col, value, type, op)
FROM samples, unnest(compared) value, unnest('{<>,<}'::text[]) op ORDER BY col, op, value COLLATE "C";
INSERT INTO conditions (col, kind, condition)
SELECT col, 'byte order', format('%I %s %L COLLATE "C"', col, op, value)
FROM samples, unnest(compared) value, unnest('{<,<=,>,>=}'::text[]) op WHERE type IN ('text', 'varchar') ORDER BY col, op, value COLLATE "C";
INSERT INTO conditions (col, kind, condition)
SELECT col, 'across types', format('%I %s %L::%s', col, op, value, type)
FROM (VALUES ('i2', 'bigint', '{-9223372036854775808,-1,32768}'::text[]), ('i4', 'smallint', '{10}'), ('i8', 'int', '{0}'), ('i4', 'bigint', '{2147483648,10}'),
             ('committed_at', 'date', '{2020-01-01,1970-01-01,infinity,5874897-12-31}'), ('ts', 'date', '{1970-01-01,5874897-12-31,-infinity}'),
             ('ts', 'timestamp', '{2020-01-01 05:45:00.1235,1970-01-01 05:30:00,infinity}')) other (col, type, compared),
  unnest(compared) value, unnest('{=,<>,<,<=,>,>=}'::text[]) op;
INSERT INTO conditions (col, kind, condition)
SELECT col, 'distinct', format('%I IS%s DISTINCT FROM %L::%s', col, negation, value, type)
FROM samples, unnest(compared || NULL::text) value, unnest('{""," NOT"}'::text[]) negation ORDER BY col, negation, value COLLATE "C";
INSERT INTO conditions (col, kind, condition)
SELECT col, CASE WHEN op IN ('= ANY (', '<> ALL (') THEN 'list' ELSE 'other list' END, format('%I %s %L::%s[]', col, op, CASE how WHEN 'all' THEN compared WHEN 'null' THEN compared[:2] || NULL::text WHEN 'empty' THEN '{}' END, type)
FROM samples, unnest('{= ANY (,<> ALL (,= ALL (,<> ANY (}'::text[]) op, unnest('{all,null,empty}'::text[]) how ORDER BY col, op, how;
UPDATE conditions SET condition = condition || ')' WHERE kind LIKE '%list';
INSERT INTO conditions (col, kind, condition)
SELECT name, 'null', format('%I IS%s NULL', name, negation)
FROM unnest((SELECT array_agg(col) FROM samples) || '{j,events}'::text[]) name, unnest('{""," NOT"}'::text[]) negation ORDER BY name, negation;
INSERT INTO conditions (col, kind, condition)
SELECT 'b', 'truth', replace(condition, 'b', b)
FROM unnest('{b,NOT b,b IS TRUE,b IS NOT TRUE,b IS FALSE,b IS NOT FALSE,b IS UNKNOWN,b IS NOT UNKNOWN}'::text[]) condition, unnest('{b,(i4 > 0),(i4 > 0 AND t <> ''a'')}'::text[]) b;
INSERT INTO conditions (col, kind, condition)
SELECT col, 'negated', 'NOT (' || condition || ')' FROM conditions ORDER BY id;
SELECT run('', 'Scan', array_agg(id)) FROM conditions;
SELECT run('aggregate_id = ''a'' AND ', 'aggregate', array_agg(id)) FROM conditions WHERE id % 4 = 0;
SELECT run('commit_id BETWEEN 5 AND 55 AND ', 'index', array_agg(id)) FROM conditions WHERE id % 4 = 1;

-- Conditions that are pushed, with others beside them.
INSERT INTO conditions (col, kind, condition)
SELECT 'several', 'combined', format(form, c.condition, d.condition, e.condition)
FROM (SELECT c.*, row_number() OVER (ORDER BY id) AS i FROM conditions c JOIN results r USING (id) WHERE path = 'Scan' AND pushed) c
JOIN (SELECT c.*, row_number() OVER (ORDER BY id * 7919 % 1009, id) AS i FROM conditions c JOIN results r USING (id) WHERE path = 'Scan' AND pushed) d USING (i)
JOIN (SELECT c.*, row_number() OVER (ORDER BY id * 104729 % 1013, id) AS i FROM conditions c JOIN results r USING (id) WHERE path = 'Scan' AND pushed) e USING (i)
JOIN unnest('{"(%s) AND (%s)","(%s) OR (%s)","NOT ((%s) OR (%s) AND (%s))","(%s) IS TRUE AND NOT ((%s) AND (%s))"}'::text[]) WITH ORDINALITY f (form, n) ON i % 4 = n - 1
WHERE i % 3 = 0 ORDER BY i;
SELECT run('', 'Scan', array_agg(id)) FROM conditions WHERE kind = 'combined';

-- As large as DynamoDB takes them, and larger: then they stay local.
INSERT INTO conditions (col, kind, condition)
SELECT 'i8', 'list of ' || n, format('i8 %s (0, %s)', op, (SELECT string_agg((9007199254740990 + i)::text, ', ') FROM generate_series(2, n) i))
FROM unnest('{100,101}'::int[]) n, unnest('{IN,NOT IN}'::text[]) op ORDER BY n, op;
INSERT INTO conditions (col, kind, condition)
SELECT 't', n || ' arms', string_agg(format('(t = %L AND b OR i4 < %s)', 'a' || i, -i), op) || op || 't = ''ab'''
FROM unnest('{18,50}'::int[]) n, unnest('{" OR "," AND "}'::text[]) op, generate_series(2, n) i GROUP BY n, op ORDER BY n, op;
INSERT INTO conditions (col, kind, condition)
SELECT 'i4', n || ' deep', string_agg(format('i4 %s %s %s (', CASE i % 2 WHEN 0 THEN '<>' ELSE '=' END, i, CASE i % 2 WHEN 0 THEN 'AND' ELSE 'OR' END), '' ORDER BY i) || 'i2 > 0' || repeat(')', n)
FROM unnest('{9,18}'::int[]) n, generate_series(1, n) i GROUP BY n ORDER BY n;
INSERT INTO conditions (col, kind, condition)
SELECT 't', 'long value', format('t COLLATE "C" %s repeat(%L, 120000)', op, value) FROM unnest('{=,<>,<,<=,>,>=}'::text[]) op, unnest('{ä€,a}'::text[]) value ORDER BY value, op;
SELECT run('', 'Scan', array_agg(id)) FROM conditions WHERE kind ~ '^(list of|long)|(arms|deep)$';

-- Values that are not known before the plan is run: parameters, subqueries.
CREATE FUNCTION run_generic(wanted int[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  c record;
  value text;
  from_store text;
  from_copy text;
BEGIN
  SET LOCAL plan_cache_mode = force_generic_plan;
  FOR c IN SELECT * FROM conditions JOIN samples USING (col) WHERE id = ANY (wanted) ORDER BY id LOOP
    EXECUTE format('PREPARE on_store (%s) AS SELECT string_agg(version::text, '' '' ORDER BY version) FROM stored WHERE %s', c.type, c.condition);
    EXECUTE format('PREPARE on_copy (%s) AS SELECT string_agg(version::text, '' '' ORDER BY version) FROM copied WHERE %s', c.type, c.condition);
    FOREACH value IN ARRAY c.compared || NULL::text LOOP
      EXECUTE format('EXECUTE on_store (%L)', value) INTO from_store;
      EXECUTE format('EXECUTE on_copy (%L)', value) INTO from_copy;
      INSERT INTO results VALUES (c.id, 'generic plan', is_pushed(format('EXECUTE on_store (%L)', value)),
        CASE WHEN from_store IS DISTINCT FROM from_copy THEN coalesce(from_copy, 'none') || ' for ' || coalesce(value, 'NULL') END,
        CASE WHEN from_store IS DISTINCT FROM from_copy THEN coalesce(from_store, 'none') END);
    END LOOP;
    DEALLOCATE on_store;
    DEALLOCATE on_copy;
  END LOOP;
END $$;
INSERT INTO conditions (col, kind, condition)
SELECT col, 'parameter', replace(replace(form, 'col', CASE WHEN type IN ('text', 'varchar') THEN col || ' COLLATE "C"' ELSE col END), 'type', type)
FROM samples, unnest(ARRAY['col = $1', 'col <> $1', 'col < $1', 'NOT (col < $1)', 'col > $1', '$1 >= col', 'col IS DISTINCT FROM $1', 'col IS NOT DISTINCT FROM $1',
  '$1 IS NULL OR col = $1', 'col IN ($1, $1)', 'col <> ALL (ARRAY[$1, NULL::type])', 'col <= (SELECT $1)']) form
ORDER BY col, form COLLATE "C";
SELECT run_generic(array_agg(id)) FROM conditions WHERE kind = 'parameter';

-- How many there are of each kind, and how many of these were left to PostgreSQL. Then what differs, which is nothing.
SELECT path, kind, count(*) AS conditions, count(*) FILTER (WHERE NOT pushed) AS local,
  string_agg(DISTINCT col, ' ' ORDER BY col) FILTER (WHERE NOT pushed) AS local_columns
FROM results JOIN conditions USING (id) GROUP BY path, kind ORDER BY path COLLATE "C", kind COLLATE "C";
SELECT path, left(condition, 200) AS condition, missing AS rows_expected, wrong AS rows_selected
FROM results JOIN conditions USING (id) WHERE missing IS NOT NULL OR wrong IS NOT NULL ORDER BY id, path LIMIT 40;

-- What EXPLAIN says of them.
CREATE FUNCTION explained(condition text) RETURNS TABLE (filter_expression text, local text) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) SELECT version FROM stored WHERE ' || condition INTO plan;
  RETURN QUERY SELECT n->>'Filter Expression', n->>'Filter' FROM jsonb_path_query(plan::jsonb, 'strict $.** ? (exists (@."DynamoDB Operation"))') n;
END $$;
\pset format unaligned
\pset fieldsep ' | '
SELECT e.* FROM unnest(ARRAY[
  'committed_at >= ''2020-01-01+00'' AND committed_at < ''2021-01-01+00''', 'i4 = 5 AND (t = ''a'' OR NOT b)', 'NOT (i4 = 5 AND t <> ''a'')',
  'n > 1.5 AND f8 > 1.5', 'ts IS NULL AND by IS NOT NULL AND u IS DISTINCT FROM ''00000000-0000-0000-0000-000000000000''', 'i8 IN (1, 2, 3) AND i8 <> ALL (''{4,5}'')',
  'aggregate_id = ''a'' AND commit_id > 7 AND i2 = 1', 't COLLATE "C" < ''b'' AND v5 = ''b''', 'b IS NOT TRUE AND b IS NOT UNKNOWN', 'lower(t) = ''a'' AND i4 + 1 = 2 AND i4 = i8',
  'i4 = length(current_setting(''timezone'')) AND i8 > random()']) condition, explained(condition) e;

-- A stored value that its column cannot show does not satisfy a condition on it, and is an error only when it is asked for.
CREATE FOREIGN TABLE mistaken (version bigint, t bigint, i4 text, by uuid, n boolean, b bytea, ts numeric)
  SERVER store OPTIONS (commit_table 'pushdown.commits', counter_table 'pushdown.counters');
CREATE FUNCTION matching(condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE 'SELECT count(version) FROM mistaken WHERE ' || condition INTO n;
  RETURN n;
END $$;
SELECT condition, matching(condition)
FROM unnest(ARRAY['t <> 5', 'NOT t < 5', 'i4 <> ''a''', 'i4 IS DISTINCT FROM ''a''', 'i4 IS NULL', 'n IS NOT TRUE', 'n IS NULL', 'by > ''00000000-0000-0000-0000-000000000000''', 'b <> ''\x00''', 'b <> ALL (''{"\\x00"}'')', 'ts > 0']) condition;
\set VERBOSITY sqlstate
SELECT t FROM mistaken WHERE version = 1;
\set VERBOSITY default
\pset format aligned

SELECT dynamodb_es_drop_tables('stored');
DROP SCHEMA pushdown CASCADE;
