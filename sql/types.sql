-- A value of any type that is offered comes back as it went in, whole; what cannot is refused, not changed.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET extra_float_digits = 1;
CREATE SCHEMA types;
SET search_path = types, public;
CREATE FOREIGN TABLE extras (
  aggregate_id text, version bigint, events jsonb, t text, v varchar(5), u uuid, i2 smallint, i4 int, i8 bigint, n numeric, n52 numeric(5, 2),
  f4 real, f8 double precision, b boolean, ts timestamptz, by bytea, j json, jb jsonb
) SERVER store OPTIONS (commit_table 'types.commits', counter_table 'types.counters');
SELECT dynamodb_es_create_tables('extras');

-- Every column is NULL where there is no attribute, and NULL writes none.
INSERT INTO extras (aggregate_id, version, events) VALUES ('null', 0, '[]') RETURNING t, v, u, i2, i4, i8, n, n52, f4, f8, b, ts, by, j, jb;
SELECT num_nulls(t, v, u, i2, i4, i8, n, n52, f4, f8, b, ts, by, j, jb) FROM extras WHERE aggregate_id = 'null';

-- Round trips: what is read is what was written.
CREATE SEQUENCE versions;
CREATE FUNCTION round_trip(col text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n bigint = nextval('versions');
  returned text;
  stored text;
BEGIN
  EXECUTE format('INSERT INTO extras (aggregate_id, version, events, %1$I) VALUES (''trip'', %2$s, ''[]'', %3$L) RETURNING %1$I', col, n, value) INTO returned;
  EXECUTE format('SELECT %1$I FROM extras WHERE aggregate_id = ''trip'' AND version = %2$s', col, n) INTO stored;
  RETURN col || ' ' || CASE WHEN stored = value THEN 'as given: ' ELSE 'reads: ' END || coalesce(left(stored, 140), 'NULL')
    || CASE WHEN returned IS DISTINCT FROM stored THEN ' RETURNING ' || coalesce(left(returned, 140), 'NULL') ELSE '' END;
EXCEPTION WHEN OTHERS THEN
  RETURN col || ' ' || SQLSTATE || ' ' || regexp_replace(SQLERRM, '0{50,}', '0…');
END $$;
\pset format unaligned
\pset tuples_only on
SELECT round_trip(col, value) FROM (VALUES
  ('t', ''), ('t', ' '), ('t', 'plain'), ('t', E'"quoted" \\ back\\u0041 / \b\f\n\r\t\x01\x1f\x7f'), ('t', 'äöü € 漢字 😀 ﷽'), ('t', repeat('é', 100000)),
  ('v', ''), ('v', 'abcde'), ('v', 'ab   '), ('v', 'ñandú'), ('v', 'abcdef'),
  ('u', '00000000-0000-0000-0000-000000000000'), ('u', 'FFFFFFFF-ffff-FFFF-FFFF-FFFFFFFFFFFF'), ('u', '{a0eebc999c0b4ef8bb6d6bb9bd380a11}'),
  ('i2', '-32768'), ('i2', '32767'), ('i2', '0'), ('i4', '-2147483648'), ('i4', '2147483647'),
  ('i8', '-9223372036854775808'), ('i8', '9223372036854775807'), ('i8', '1000000000000000000'), ('i8', '-1'),
  ('n', '0'), ('n', '-0.0'), ('n', '1.50'), ('n', '100'), ('n', '12345678901234567890123456789012345678'),
  ('n', '-12345678901234567890123456789012345678'), ('n', '1.2345678901234567890123456789012345678'),
  ('n', '99999999999999999999999999999999999999000000000000'), ('n', '123456789012345678901234567890123456789'),
  ('n', '0.123456789012345678901234567890123456789'), ('n', '1E-130'), ('n', '1E-131'), ('n', '9.9999999999999999999999999999999999999E+125'), ('n', '1E+126'),
  ('n', 'NaN'), ('n', 'Infinity'), ('n', '-Infinity'),
  ('n52', '123.45'), ('n52', '-999.99'), ('n52', '1'), ('n52', '1000'),
  ('f4', '0.1'), ('f4', '-3.4028235e+38'), ('f4', '1e-45'), ('f4', '1.1754944e-38'), ('f4', '16777217'), ('f4', 'NaN'), ('f4', 'Infinity'),
  ('f8', '0.1'), ('f8', '-0'), ('f8', '0.30000000000000004'), ('f8', '1.7976931348623155e+125'), ('f8', '-1.7976931348623157e+308'), ('f8', '5e-324'),
  ('f8', '2.2250738585072015e-130'), ('f8', 'NaN'), ('f8', '-Infinity'),
  ('b', 'true'), ('b', 'false'),
  ('ts', '2000-01-01 00:00:00+00'), ('ts', '1970-01-01 00:00:00+00'), ('ts', '1969-12-31 23:59:59.999+00'), ('ts', '1969-12-31 23:59:59.9999+00'),
  ('ts', '1999-12-31 23:59:59.9999+00'), ('ts', '2024-02-29 12:34:56.789+00'), ('ts', '2024-02-29 12:34:56.789999+00'), ('ts', '4714-11-24 00:00:00+00 BC'),
  ('ts', '294276-12-31 23:59:59.999999+00'), ('ts', '0001-01-01 00:00:00.001+00 BC'), ('ts', 'infinity'), ('ts', '-infinity'),
  ('by', '\x'), ('by', '\x00'), ('by', '\x0001ff'), ('by', '\x00ff00fe'), ('by', '\xdeadbeef01'),
  ('j', '{}'), ('j', ' { "b" : 1.0 , "a":[ ], "b":2} '), ('j', 'null'), ('j', '"text"'), ('j', '1e400'), ('j', '"\ud83d\ude00 \u00e9"'), ('j', '"\u0000"'),
  ('jb', '{}'), ('jb', '[]'), ('jb', 'null'), ('jb', 'true'), ('jb', '"text"'), ('jb', '-1.50'), ('jb', '{"a": {"b": [1, "2", null, {"": false}]}, "é": "\"\\\n"}'),
  ('jb', '"äöü 😀"'), ('jb', '123456789012345678901234567890123456789012345678901234567890.5')
) AS trip (col, value);
INSERT INTO extras (aggregate_id, version, events, by)
SELECT 'bytes', 0, '[]', decode(string_agg(lpad(to_hex(n % 256), 2, '0'), '' ORDER BY n), 'hex') FROM generate_series(0, 9999) n;
SELECT length(by), md5(by) = (SELECT md5(decode(string_agg(lpad(to_hex(n % 256), 2, '0'), '' ORDER BY n), 'hex')) FROM generate_series(0, 9999) n)
FROM extras WHERE aggregate_id = 'bytes';

-- The same attribute through columns of other types.
CREATE FOREIGN TABLE texts (aggregate_id text, version bigint, t text, n text, j text, by text, b text)
  SERVER store OPTIONS (commit_table 'types.commits', counter_table 'types.counters');
INSERT INTO extras (aggregate_id, version, events, t, n, j, jb, by, b, i8)
VALUES ('other', 0, '[{"a": 1}, {"b": [1.0, null]}]', '[1, {"x": 2}]', 2.0, ' {"a" : 1} ', '{"a" : 1}', '\x00', true, 1700000000000);
SELECT t, j FROM texts WHERE aggregate_id = 'other';
CREATE FOREIGN TABLE as_others (
  id varchar OPTIONS (attribute 'aggregateId'), number int OPTIONS (attribute 'version'), events text, committed_at bigint,
  t json, tb text OPTIONS (attribute 'jb'), i8 timestamptz, n smallint
) SERVER store OPTIONS (commit_table 'types.commits', counter_table 'types.counters');
SELECT id, number, events, committed_at / 1000 - extract(epoch FROM now())::bigint BETWEEN -60 AND 60 AS ms, t->1->>'x' AS x, tb, i8, n
FROM as_others WHERE id = 'other';
CREATE FOREIGN TABLE as_json (aggregate_id text, version bigint, events json, t jsonb, jb json)
  SERVER store OPTIONS (commit_table 'types.commits', counter_table 'types.counters');
SELECT events, t, jb FROM as_json WHERE aggregate_id = 'other';
INSERT INTO as_others (id, number, events, committed_at) VALUES ('ms', 0, '[]', -1), ('ms', 1, '[]', 1700000000123) RETURNING committed_at;
SELECT version, committed_at FROM (SELECT * FROM as_others) q (id, version, events, committed_at) WHERE id = 'ms' ORDER BY version;
CREATE FOREIGN TABLE by_uuid (aggregate_id uuid, version int, events json, committed_at timestamptz)
  SERVER store OPTIONS (commit_table 'types.commits', counter_table 'types.counters');
INSERT INTO by_uuid VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 2147483647, ' [ ] ', '1969-07-20 20:17:40.5004+00') RETURNING *;
SELECT * FROM by_uuid WHERE aggregate_id = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';

-- Types that are not offered are an error that names the column, whatever the query asks for.
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE command;
  RETURN 'accepted: ' || command;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '');
END $$;
CREATE FUNCTION refused_column(col text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('CREATE FOREIGN TABLE bad (version bigint, %s) SERVER store OPTIONS (commit_table ''types.commits'', counter_table ''types.counters'')', col);
  result = refused('SELECT version FROM bad');
  EXECUTE 'DROP FOREIGN TABLE bad';
  RETURN regexp_replace(result, 'read as text, varchar, uuid, smallint, .*', 'read as …');
END $$;
CREATE TYPE mood AS ENUM ('fine');
CREATE DOMAIN short AS text;
CREATE FOREIGN TABLE dated (version bigint, d date) SERVER store;
SELECT refused('SELECT version FROM dated');
SELECT refused_column(col) FROM (VALUES
  ('d date'), ('d timestamp'), ('d time'), ('d interval'), ('d money'), ('d char(3)'), ('d "char"'), ('d name'), ('d xml'), ('d inet'),
  ('d text[]'), ('d int4range'), ('d point'), ('d mood'), ('d short'), ('d oid'),
  ('aggregate_id int'), ('aggregate_id jsonb'), ('aggregate_id bytea'), ('commit_id int'), ('commit_id numeric'), ('commit_id text'),
  ('committed_at timestamp'), ('committed_at text'), ('committed_at int'), ('events bytea'), ('events varchar'), ('events int'),
  ('v smallint OPTIONS (attribute ''version'')'), ('d bigint OPTIONS (attribute ''version'')'), ('d text, e text OPTIONS (attribute ''d'')'),
  ('id text OPTIONS (attribute ''aggregateId''), aggregate_id text')
) AS bad (col);
SELECT refused_column('version_ smallint OPTIONS (attribute ''committedAt'')');
SELECT refused('INSERT INTO extras (aggregate_id, version, events, n) VALUES (''bad'', 0, ''[]'', ''NaN'')');
SELECT refused('INSERT INTO extras (aggregate_id, version, events, f8) VALUES (''bad'', 0, ''[]'', ''Infinity'')');
SELECT refused('INSERT INTO extras (aggregate_id, version, events, ts) VALUES (''bad'', 0, ''[]'', ''infinity'')');

\pset tuples_only off
\pset format aligned
SELECT dynamodb_es_drop_tables('extras');
DROP SCHEMA types CASCADE;
