-- What goes wrong is an error with the right code, says what to do, and leaves the session usable.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA errors;
SET search_path = errors, public;
CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, note text, amount numeric)
  SERVER store OPTIONS (commit_table 'errors.commits', counter_table 'errors.counters');
SELECT dynamodb_es_create_tables('commits');
INSERT INTO commits (aggregate_id, version, events, note, amount) VALUES
  ('a', 0, '[]', 'text', 1), ('a', 1, '[]', E'\ttabbed', 10.5), ('a', 2, '[]', '[1', 100000), ('a', 3, '[]', '{"a": "\u0000"}', 1e100), ('a', 4, '[]', NULL, NULL);

-- Commits are immutable.
UPDATE commits SET events = '[]';
\echo :SQLSTATE
UPDATE commits SET events = '[]' WHERE aggregate_id = 'a' RETURNING *;
DELETE FROM commits;
\echo :SQLSTATE
DELETE FROM commits WHERE aggregate_id = 'a' AND version = 0;
TRUNCATE commits;
\echo :SQLSTATE
EXPLAIN DELETE FROM commits;
CREATE TABLE local (id text);
INSERT INTO local VALUES ('a');
TRUNCATE local, commits;
SELECT count(*) FROM local;
DELETE FROM commits USING local WHERE aggregate_id = id;
CREATE VIEW viewed AS SELECT * FROM commits;
UPDATE viewed SET events = '[]';
DELETE FROM viewed;
MERGE INTO commits USING local ON aggregate_id = id WHEN MATCHED THEN DELETE;
\echo :SQLSTATE
SELECT count(*) FROM commits;

-- An endpoint that nobody listens at.
CREATE SERVER errors_nowhere FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint 'http://127.0.0.1:1', connect_timeout_ms '1000');
CREATE USER MAPPING FOR CURRENT_USER SERVER errors_nowhere OPTIONS (access_key_id 'id', secret_access_key 'hush-secret');
CREATE FOREIGN TABLE nowhere (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER errors_nowhere;
\set VERBOSITY terse
SELECT * FROM nowhere;
\echo :SQLSTATE
SELECT * FROM nowhere WHERE aggregate_id = 'a';
INSERT INTO nowhere (aggregate_id, version, events) VALUES ('a', 0, '[]');
\echo :SQLSTATE
SELECT dynamodb_es_head('nowhere');
\echo :SQLSTATE
SELECT dynamodb_es_create_tables('nowhere');
\echo :SQLSTATE
ALTER SERVER errors_nowhere OPTIONS (SET endpoint 'http://no-such-host.invalid');
SELECT * FROM nowhere;
\echo :SQLSTATE

-- Tables and an index that are not there.
CREATE FOREIGN TABLE missing (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'errors.missing', counter_table 'errors.missing');
SELECT * FROM missing;
\echo :SQLSTATE
SELECT * FROM missing WHERE aggregate_id = 'a';
\echo :SQLSTATE
SELECT * FROM missing WHERE commit_id = 1;
\echo :SQLSTATE
INSERT INTO missing (aggregate_id, version, events) VALUES ('a', 0, '[]');
\echo :SQLSTATE
ALTER FOREIGN TABLE missing OPTIONS (SET commit_table 'errors.commits', ADD commit_index 'missing');
SELECT * FROM missing WHERE commit_id = 1;
\echo :SQLSTATE
SELECT count(*) FROM missing;

-- No user mapping, no keys in it, no region.
CREATE SERVER errors_bare FOREIGN DATA WRAPPER dynamodb_es OPTIONS (endpoint 'http://127.0.0.1:1');
CREATE FOREIGN TABLE bare (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER errors_bare;
\set VERBOSITY sqlstate
SELECT * FROM bare;
INSERT INTO bare (aggregate_id, version, events) VALUES ('a', 0, '[]');
-- (One whose server no superuser owns has none of the region that PostgreSQL's own environment may have.)
CREATE ROLE errors_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER dynamodb_es TO errors_owner;
ALTER SERVER errors_bare OWNER TO errors_owner;
CREATE USER MAPPING FOR CURRENT_USER SERVER errors_bare OPTIONS (access_key_id 'id', secret_access_key 'hush-secret');
\set VERBOSITY default
SELECT * FROM bare;
\echo :SQLSTATE
ALTER SERVER errors_bare OWNER TO CURRENT_USER;
ALTER USER MAPPING FOR CURRENT_USER SERVER errors_bare OPTIONS (DROP access_key_id, DROP secret_access_key);
ALTER SERVER errors_bare OPTIONS (ADD region 'us-east-1');
ALTER USER MAPPING FOR CURRENT_USER SERVER errors_bare OPTIONS (ADD ambient_credentials 'false');
SELECT * FROM bare;
\echo :SQLSTATE
INSERT INTO bare (aggregate_id, version, events) VALUES ('a', 0, '[]');
\echo :SQLSTATE
SELECT dynamodb_es_head('bare');
\echo :SQLSTATE
ALTER USER MAPPING FOR CURRENT_USER SERVER errors_bare OPTIONS (ADD access_key_id 'id', ADD secret_access_key 'hush-secret');
\set VERBOSITY sqlstate
SELECT * FROM bare;
\set VERBOSITY default

-- A stored value that does not fit its column names aggregate, version and attribute.
CREATE FOREIGN TABLE narrow (
  aggregate_id text, version bigint, n int OPTIONS (attribute 'note'), f double precision OPTIONS (attribute 'amount')
) SERVER store OPTIONS (commit_table 'errors.commits', counter_table 'errors.counters');
SELECT n FROM narrow WHERE aggregate_id = 'a' AND version = 0;
\echo :SQLSTATE
SELECT * FROM narrow WHERE aggregate_id = 'a';
-- A condition does not hold of it.
SELECT version FROM narrow WHERE aggregate_id = 'a' AND n > 0;
SELECT version, f FROM narrow WHERE aggregate_id = 'a' ORDER BY version;
SELECT count(*) FROM narrow;
CREATE FOREIGN TABLE small (
  aggregate_id varchar(20), version bigint, j jsonb OPTIONS (attribute 'note'), i smallint OPTIONS (attribute 'amount')
) SERVER store OPTIONS (commit_table 'errors.commits', counter_table 'errors.counters');
SELECT i FROM small WHERE aggregate_id = 'a' AND version = 1;
\echo :SQLSTATE
SELECT i FROM small WHERE aggregate_id = 'a' AND version = 2;
\echo :SQLSTATE
SELECT i FROM small WHERE aggregate_id = 'a' AND version = 3;
\echo :SQLSTATE
SELECT i FROM small WHERE aggregate_id = 'a' AND version IN (0, 4) AND version < 1;
SELECT j FROM small WHERE aggregate_id = 'a' AND version = 2;
\echo :SQLSTATE
SELECT j FROM small WHERE aggregate_id = 'a' AND version = 3;
\echo :SQLSTATE
SELECT version FROM small WHERE aggregate_id = 'a' AND version = 3;
CREATE FUNCTION stated(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  result text;
BEGIN
  EXECUTE command INTO result;
  RETURN 'reads ' || result;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, ' cannot be read as .*', '') || ' | ' || detail;
END $$;
CREATE FUNCTION read_as(col text, version int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('CREATE FOREIGN TABLE tmp (aggregate_id text, version bigint, c %s) SERVER store OPTIONS (commit_table ''errors.commits'')', col);
  result = stated(format('SELECT c FROM tmp WHERE aggregate_id = ''a'' AND version = %s', version));
  EXECUTE 'DROP FOREIGN TABLE tmp';
  RETURN result;
END $$;
INSERT INTO commits (aggregate_id, version, events, note, amount) VALUES
  ('a', 5, '[]', 'ABCDEF00-0000-0000-0000-000000000000', 9223372036854775808), ('a', 6, '[]', 'abc  ', -1e18);
\pset format unaligned
\pset tuples_only on
SELECT col, version, read_as(col, version) FROM (VALUES
  ('text OPTIONS (attribute ''amount'')', 0), ('boolean OPTIONS (attribute ''amount'')', 0), ('bytea OPTIONS (attribute ''amount'')', 0),
  ('json OPTIONS (attribute ''amount'')', 0), ('uuid OPTIONS (attribute ''amount'')', 0), ('timestamptz OPTIONS (attribute ''note'')', 0),
  ('bytea OPTIONS (attribute ''note'')', 0), ('boolean OPTIONS (attribute ''note'')', 0), ('numeric OPTIONS (attribute ''note'')', 0),
  ('real OPTIONS (attribute ''note'')', 0), ('uuid OPTIONS (attribute ''note'')', 0), ('json OPTIONS (attribute ''note'')', 0),
  ('numeric(4,0) OPTIONS (attribute ''amount'')', 1), ('numeric(4,1) OPTIONS (attribute ''amount'')', 1), ('numeric(4,1) OPTIONS (attribute ''amount'')', 2),
  ('int OPTIONS (attribute ''amount'')', 1), ('timestamptz OPTIONS (attribute ''amount'')', 1), ('varchar(3) OPTIONS (attribute ''note'')', 0),
  ('varchar(3) OPTIONS (attribute ''note'')', 6), ('varchar(5) OPTIONS (attribute ''note'')', 6),
  ('int OPTIONS (attribute ''amount'')', 5), ('bigint OPTIONS (attribute ''amount'')', 5), ('uuid OPTIONS (attribute ''note'')', 5),
  ('bigint OPTIONS (attribute ''amount'')', 6), ('timestamptz OPTIONS (attribute ''amount'')', 6), ('real OPTIONS (attribute ''amount'')', 3),
  ('text OPTIONS (attribute ''events'')', 0), ('bigint OPTIONS (attribute ''commitId'')', 4)
) AS c (col, version);

\pset tuples_only off
\pset format aligned

-- A failing statement in the middle of others leaves no trace.
BEGIN;
SAVEPOINT s;
SELECT * FROM narrow;
ROLLBACK TO s;
SELECT count(*) FROM commits;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]');
ROLLBACK TO s;
INSERT INTO commits (aggregate_id, version, events) VALUES ('b', 0, '[]') RETURNING version;
COMMIT;
SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA errors CASCADE;
DROP SERVER errors_nowhere CASCADE;
DROP SERVER errors_bare CASCADE;
DROP OWNED BY errors_owner;
DROP ROLE errors_owner;
