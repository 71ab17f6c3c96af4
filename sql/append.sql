-- An INSERT stores one commit as given, tells what it stored, and refuses what can never be stored before an id is taken.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA append;
SET search_path = append, public;
CREATE FOREIGN TABLE commits (
  commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, author text, amount numeric
) SERVER store OPTIONS (commit_table 'append.commits', counter_table 'append.counters');
SELECT dynamodb_es_create_tables('commits');

-- RETURNING: every column, as it is stored.
INSERT INTO commits (aggregate_id, version, events, author, amount) VALUES ('a', 0, '[{"type": "opened"}]', 'ann', 1.50)
RETURNING commit_id, committed_at BETWEEN now() - interval '1 minute' AND now() + interval '1 minute' AS at_the_clock,
  date_trunc('milliseconds', committed_at) = committed_at AS in_ms, aggregate_id, version, events, author, amount;
INSERT INTO commits AS c (aggregate_id, version, events) VALUES ('a', 1, '[]') RETURNING commit_id, author IS NULL, c IS NULL, tableoid::regclass;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 2, '[]') RETURNING commits::text AS row \gset returned_
SELECT c::text = :'returned_row' AS read_as_returned FROM commits c WHERE aggregate_id = 'a' AND version = 2;

-- committed_at given: microseconds are cut to milliseconds, in RETURNING and on reading, before 1970 too.
INSERT INTO commits (aggregate_id, version, events, committed_at) VALUES
  ('b', 0, '[]', '2001-02-03 04:05:06.789999+00'), ('b', 1, '[]', '1969-12-31 23:59:59.999999+00')
RETURNING aggregate_id, version, committed_at;
SELECT version, committed_at FROM commits WHERE aggregate_id = 'b' ORDER BY version;

-- A taken version is 23505 naming aggregate and version, and nothing of the stored commit changes.
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '["usurper"]');
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '["usurper"]') ON CONFLICT DO NOTHING RETURNING commit_id;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '["usurper"]'), ('a', 3, '["new"]'), ('a', 1, '["usurper"]')
ON CONFLICT DO NOTHING RETURNING aggregate_id, version;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]') ON CONFLICT (aggregate_id, version) DO NOTHING;
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]')
ON CONFLICT (aggregate_id, version) DO UPDATE SET events = '[]';
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES (repeat('é', 300), 7, '[]'), (repeat('é', 300), 7, '[]');
\echo :SQLSTATE
SELECT aggregate_id, version, events FROM commits WHERE aggregate_id = 'a' ORDER BY version;

-- A prepared INSERT, with custom plans and with a generic one.
PREPARE append (text, bigint, jsonb) AS
  INSERT INTO commits (aggregate_id, version, events) VALUES ($1, $2, $3) RETURNING aggregate_id, version, events;
SET plan_cache_mode = force_custom_plan;
EXECUTE append ('p', 0, '[0]');
SET plan_cache_mode = force_generic_plan;
EXECUTE append ('p', 1, '[1]');
EXECUTE append ('p', 2, '[2]');
EXECUTE append ('p', 2, '[2]');
EXECUTE append ('p', 3, NULL);
RESET plan_cache_mode;
DEALLOCATE append;

-- INSERT … SELECT and COPY; of an aggregate, nothing is stored behind a version that is taken.
\set SHOW_CONTEXT never
INSERT INTO commits (aggregate_id, version, events) SELECT 'i', n, jsonb_build_array(n) FROM generate_series(0, 2) n;
COPY commits (aggregate_id, version, events, author) FROM STDIN;
c	0	[0]	\N
c	1	[{"text":"tab\\\\t"}]	bob
c	2	[]	
\.
COPY commits (aggregate_id, version, events) FROM STDIN WITH (FORMAT csv);
c,3,[3]
c,1,[1]
c,4,[4]
\.
COPY commits (aggregate_id, version, events) FROM STDIN WHERE version <> 5;
c	5	[5]
c	6	[6]
\.
SELECT aggregate_id, version, events, author FROM commits WHERE aggregate_id IN ('i', 'c') ORDER BY aggregate_id, version;
\set SHOW_CONTEXT errors
COPY (SELECT version, events FROM commits WHERE aggregate_id = 'c' ORDER BY version) TO STDOUT;
COPY commits (version, events) TO STDOUT;
\echo :SQLSTATE

-- Triggers see the row, may change it, and after the append see it as stored.
CREATE TABLE seen (id int GENERATED ALWAYS AS IDENTITY, place text, commit_id bigint, version bigint, author text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_LEVEL = 'STATEMENT' THEN
    INSERT INTO seen (place) VALUES (TG_WHEN || ' ' || TG_LEVEL);
    RETURN NULL;
  END IF;
  INSERT INTO seen (place, commit_id, version, author) VALUES (TG_WHEN || ' ' || TG_LEVEL, NEW.commit_id, NEW.version, NEW.author);
  IF TG_WHEN = 'BEFORE' THEN
    NEW.author = 'trigger';
    IF NEW.version = 13 THEN
      RETURN NULL;
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER before_row BEFORE INSERT ON commits FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER after_row AFTER INSERT ON commits FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER before_statement BEFORE INSERT ON commits FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER after_statement AFTER INSERT ON commits FOR EACH STATEMENT EXECUTE FUNCTION note();
SELECT dynamodb_es_head('commits') AS head \gset
INSERT INTO commits (aggregate_id, version, events) VALUES ('t', 0, '[]'), ('t', 13, '[]'), ('t', 1, '[]');
SELECT place, commit_id - :head AS id_after_head, version, author FROM seen ORDER BY id;
TRUNCATE seen;
INSERT INTO commits (aggregate_id, version, events) VALUES ('t', 0, '[]') ON CONFLICT DO NOTHING;
SELECT place, version, author FROM seen ORDER BY id;
TRUNCATE seen;
COPY commits (aggregate_id, version, events) FROM STDIN;
t	2	[]
\.
SELECT place, version, author FROM seen ORDER BY id;
SELECT version, author FROM commits WHERE aggregate_id = 't' ORDER BY version;
DROP TRIGGER before_row ON commits;
DROP TRIGGER after_row ON commits;
DROP TRIGGER before_statement ON commits;
DROP TRIGGER after_statement ON commits;

-- A view's check option is looked at before the append, which could not be taken back; one on what the store gives, after it.
CREATE VIEW only_v AS SELECT aggregate_id, version, events, commit_id FROM commits WHERE aggregate_id LIKE 'v%' WITH CHECK OPTION;
INSERT INTO only_v (aggregate_id, version, events) VALUES ('v1', 0, '[]') RETURNING aggregate_id, commit_id > :head;
SELECT dynamodb_es_head('commits') AS head \gset
\set VERBOSITY terse
INSERT INTO only_v (aggregate_id, version, events) VALUES ('w1', 0, '[]');
\echo :SQLSTATE
SELECT dynamodb_es_head('commits') - :head AS ids_taken, count(*) FROM commits WHERE aggregate_id = 'w1';
CREATE VIEW only_new AS SELECT aggregate_id, version, events FROM commits WHERE commit_id > 1 AND committed_at > '2020-01-01' WITH CHECK OPTION;
INSERT INTO only_new VALUES ('v2', 0, '[]') RETURNING aggregate_id;
-- A time that the row gives is known before, in milliseconds as it will be stored.
CREATE VIEW only_early AS SELECT aggregate_id, version, events, committed_at FROM commits WHERE committed_at <= '2020-01-01 00:00:00.123Z' WITH CHECK OPTION;
INSERT INTO only_early VALUES ('v3', 0, '[]', '2020-01-01 00:00:00.123999Z');
INSERT INTO only_early VALUES ('v4', 0, '[]', '2020-01-01 00:00:00.124Z');
\echo :SQLSTATE
SELECT aggregate_id FROM commits WHERE aggregate_id IN ('v3', 'v4');
\set VERBOSITY default

-- Rows of a partitioned table get here by way of it.
CREATE TABLE parted (version bigint, events jsonb, aggregate_id text, commit_id bigint) PARTITION BY LIST (aggregate_id);
CREATE TABLE parted_local PARTITION OF parted FOR VALUES IN ('local');
CREATE FOREIGN TABLE parted_foreign (
  commit_id bigint, aggregate_id text, version bigint, events jsonb
) SERVER store OPTIONS (commit_table 'append.commits', counter_table 'append.counters');
ALTER TABLE parted ATTACH PARTITION parted_foreign FOR VALUES IN ('part');
INSERT INTO parted (aggregate_id, version, events) VALUES ('local', 0, '["here"]'), ('part', 0, '["there"]'), ('part', 1, '["there"]')
RETURNING aggregate_id, version, events, commit_id > :head AS has_id, tableoid::regclass;
INSERT INTO parted (aggregate_id, version, events) VALUES ('part', 0, '["again"]') ON CONFLICT DO NOTHING RETURNING aggregate_id;
INSERT INTO parted (aggregate_id, version, events) VALUES ('part', 0, '["again"]');
COPY parted (aggregate_id, version, events) FROM STDIN;
local	1	["copied"]
part	2	["copied"]
\.
SELECT aggregate_id, version, events FROM parted WHERE aggregate_id IN ('part', 'local') ORDER BY aggregate_id, version;
UPDATE parted SET aggregate_id = 'part', version = 9 WHERE aggregate_id = 'local';
\echo :SQLSTATE
PREPARE into_parted (bigint) AS INSERT INTO parted (aggregate_id, version, events) VALUES ('part', $1, '[]') RETURNING version;
SET plan_cache_mode = force_generic_plan;
EXECUTE into_parted (3);
EXECUTE into_parted (4);
RESET plan_cache_mode;

-- A rollback takes nothing back, and says so: an append is final when its statement ends.
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('rolled', 0, '[]');
ROLLBACK;
SELECT aggregate_id, version FROM commits WHERE aggregate_id = 'rolled';

-- What can never be stored is refused before an id is taken.
CREATE FOREIGN TABLE as_text (commit_id bigint, aggregate_id text, version int, events text)
  SERVER store OPTIONS (commit_table 'append.commits', counter_table 'append.counters');
CREATE FOREIGN TABLE as_json (commit_id bigint, aggregate_id text, version bigint, events json)
  SERVER store OPTIONS (commit_table 'append.commits', counter_table 'append.counters');
CREATE FOREIGN TABLE with_reserved (aggregate_id text, version bigint, events jsonb, active text, appended bigint OPTIONS (attribute 'appendedAt'))
  SERVER store OPTIONS (commit_table 'append.commits', counter_table 'append.counters');
CREATE FOREIGN TABLE without_events (aggregate_id text, version bigint)
  SERVER store OPTIONS (commit_table 'append.commits', counter_table 'append.counters');
CREATE FOREIGN TABLE without_version (aggregate_id text, events jsonb)
  SERVER store OPTIONS (commit_table 'append.commits', counter_table 'append.counters');
CREATE FOREIGN TABLE without_aggregate (version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'append.commits', counter_table 'append.counters');
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  head bigint = dynamodb_es_head('commits');
  detail text;
BEGIN
  EXECUTE command;
  RETURN 'accepted: ' || command;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(detail, ''), '')
    || CASE WHEN dynamodb_es_head('commits') <> head THEN ' AND TOOK AN ID' ELSE '' END;
END $$;
\pset format unaligned
\pset tuples_only on
SELECT refused('INSERT INTO commits (aggregate_id, version, events) VALUES ' || "values") FROM (VALUES
  ($$(NULL, 0, '[]')$$), ($$('x', NULL, '[]')$$), ($$('x', 0, NULL)$$),
  ($$('', 0, '[]')$$), ($$(repeat('x', 2049), 0, '[]')$$), ($$(repeat('é', 1025), 0, '[]')$$),
  ($$('x', -1, '[]')$$), ($$('x', -9223372036854775808, '[]')$$),
  ($$('x', 0, '{}')$$), ($$('x', 0, 'null')$$), ($$('x', 0, '1')$$), ($$('x', 0, '"[]"')$$), ($$('x', 0, 'true')$$),
  ($$('x', 0, jsonb_build_array(repeat('x', 410000)))$$),
) AS bad ("values");
SELECT refused('INSERT INTO commits (aggregate_id, version, events, commit_id) VALUES (''x'', 0, ''[]'', 7)');
SELECT refused('INSERT INTO commits (aggregate_id, version, events, commit_id) VALUES (''x'', 0, ''[]'', 0)');
SELECT refused('INSERT INTO commits (aggregate_id, version, events, committed_at) VALUES (''x'', 0, ''[]'', ''infinity'')');
SELECT refused('INSERT INTO commits (aggregate_id, version, events, committed_at) VALUES (''x'', 0, ''[]'', ''-infinity'')');
SELECT refused('INSERT INTO commits (aggregate_id, version, events, author) VALUES (''x'', 0, ''[]'', repeat(''x'', 410000))');
SELECT refused('INSERT INTO commits (aggregate_id, version, events, amount) VALUES (''x'', 0, ''[]'', ''NaN'')');
SELECT refused('INSERT INTO commits (aggregate_id, version, events, amount) VALUES (''x'', 0, ''[]'', 1e126)');
SELECT refused('INSERT INTO as_text (aggregate_id, version, events) VALUES (''x'', 0, ''' || events || ''')') FROM (VALUES
  (''), (' '), ('[}'), ('[1,]'), ('no JSON'), ('{}'), ('null'), ('"[]"'), ('[] trailing')
) AS bad (events);
SELECT refused('INSERT INTO as_json (aggregate_id, version, events) VALUES (''x'', 0, ''' || events || ''')') FROM (VALUES
  (' {} '), (' null '), (' "[]"')
) AS bad (events);
SELECT refused('INSERT INTO with_reserved (aggregate_id, version, events, active) VALUES (''x'', 0, ''[]'', ''t'')');
SELECT refused('INSERT INTO with_reserved (aggregate_id, version, events, appended) VALUES (''x'', 0, ''[]'', 0)');
SELECT refused('INSERT INTO without_events (aggregate_id, version) VALUES (''x'', 0)');
SELECT refused('INSERT INTO without_version (aggregate_id, events) VALUES (''x'', ''[]'')');
SELECT refused('INSERT INTO without_aggregate (version, events) VALUES (0, ''[]'')');
\pset tuples_only off
\pset format aligned
COPY without_events (aggregate_id, version) FROM STDIN;
x	0
\.

-- The largest and the smallest that can be stored are stored.
INSERT INTO commits (aggregate_id, version, events) VALUES (repeat('x', 2048), 0, '[]'), ('x', 9223372036854775807, '[]'),
  ('x', 0, jsonb_build_array(repeat('x', 408000)));
SELECT length(aggregate_id), version, length(events::text) FROM commits WHERE aggregate_id = repeat('x', 2048)
UNION ALL SELECT length(aggregate_id), version, length(events::text) FROM commits WHERE aggregate_id = 'x' ORDER BY 1, 2;
INSERT INTO as_text (aggregate_id, version, events) VALUES ('as_text', 0, E' [ 1 ,\n2 ] ') RETURNING events;
INSERT INTO as_json (aggregate_id, version, events) VALUES ('as_json', 0, ' [ {"b":1, "a":1, "b":2} ] ') RETURNING events;
INSERT INTO with_reserved (aggregate_id, version, events) VALUES ('reserved', 0, '[]');
SELECT aggregate_id, active, appended FROM with_reserved WHERE aggregate_id = 'reserved';
SELECT active, appended - extract(epoch FROM now()) * 1000 < 60000 AS by_the_clock FROM with_reserved WHERE aggregate_id = 'b' AND version = 0;

SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA append CASCADE;
