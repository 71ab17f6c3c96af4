-- A mistyped or malformed option is refused when it is written, not when the store is first used.
SET client_min_messages = warning;
CREATE SCHEMA options;
SET search_path = options, public;

-- Every option is taken at its place.
CREATE SERVER options_full FOREIGN DATA WRAPPER dynamodb_es OPTIONS (
  region 'eu-central-1', endpoint 'http://127.0.0.1:1', max_connections '4', connect_timeout_ms '500',
  request_timeout_ms '1000', max_attempts '2', accept_encoding 'gzip', max_response_mb '8', batch_size '10',
  consistent_read 'false', scan_segments '2');
CREATE FOREIGN TABLE full_table (
  id text OPTIONS (attribute 'aggregateId'), version bigint, events jsonb
) SERVER options_full OPTIONS (
  commit_table 'my.commits', commit_index 'my-index', counter_table 'my_counters', counter 'mine', append_mode 'counter',
  append_at 'statement', contiguous_versions 'false', burn_notes 'true', append_deadline_ms '5000',
  consistent_prefix 'false', gap_timeout_ms '360000', dense_since '0', batch_size '1', consistent_read 'on',
  scan_segments '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER options_full OPTIONS (
  access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalr/+=', session_token 'IQoJ/+==', ambient_credentials 'false');
ALTER USER MAPPING FOR CURRENT_USER SERVER options_full OPTIONS (DROP session_token, SET access_key_id 'AKIDOTHER');
ALTER SERVER options_full OPTIONS (SET max_connections '1024', DROP max_attempts);
ALTER FOREIGN TABLE full_table OPTIONS (SET counter 'théirs');
ALTER FOREIGN TABLE full_table ALTER id OPTIONS (SET attribute 'aggregate.id');

-- Limits, both ends of them.
ALTER SERVER options_full OPTIONS (SET max_connections '1', SET connect_timeout_ms '1', SET request_timeout_ms '1',
  ADD max_attempts '1', SET max_response_mb '1', SET batch_size '1', SET scan_segments '1');
ALTER SERVER options_full OPTIONS (SET max_connections '1024', SET connect_timeout_ms '3600000',
  SET request_timeout_ms '3600000', SET max_attempts '100', SET max_response_mb '1024', SET batch_size '10000',
  SET scan_segments '1024');
ALTER FOREIGN TABLE full_table OPTIONS (SET append_deadline_ms '300000', SET gap_timeout_ms '2147483647',
  SET dense_since '9223372036854775807');
ALTER SERVER options_full OPTIONS (SET endpoint 'https://[::1]:8000');
ALTER SERVER options_full OPTIONS (SET endpoint 'https://dynamodb.eu-central-1.amazonaws.com/');

-- An option in the wrong place is told where it belongs; a slip, what was meant; anything else is just refused.
CREATE FOREIGN DATA WRAPPER options_wrapper HANDLER dynamodb_es_handler VALIDATOR dynamodb_es_validator
  OPTIONS (region 'us-east-1');
\echo :SQLSTATE
CREATE SERVER options_bad FOREIGN DATA WRAPPER dynamodb_es OPTIONS (access_key_id 'AKIDEXAMPLE');
\echo :SQLSTATE
CREATE SERVER options_bad FOREIGN DATA WRAPPER dynamodb_es OPTIONS (commit_table 'commits');
CREATE SERVER options_bad FOREIGN DATA WRAPPER dynamodb_es OPTIONS (endpont 'http://localhost:8000');
CREATE SERVER options_bad FOREIGN DATA WRAPPER dynamodb_es OPTIONS (colour 'blue');
CREATE FOREIGN TABLE bad (version bigint) SERVER options_full OPTIONS (region 'us-east-1');
CREATE FOREIGN TABLE bad (version bigint) SERVER options_full OPTIONS (commit_tables 'commits');
CREATE FOREIGN TABLE bad (version bigint) SERVER options_full OPTIONS (attribute 'version');
CREATE FOREIGN TABLE bad (version bigint OPTIONS (atribute 'version')) SERVER options_full;
CREATE FOREIGN TABLE bad (version bigint OPTIONS (batch_size '10')) SERVER options_full;
CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (region 'us-east-1');
CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (secret_acces_key 'never to be seen');
CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (password 'never to be seen');

-- Every malformed value is refused, and named unless it is a secret.
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  EXECUTE command;
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' | ' || nullif(hint, ''), '');
END $$;

\pset format unaligned
\pset tuples_only on
SELECT refused(format('ALTER SERVER options_full OPTIONS (SET %s %L)', option, value))
FROM (VALUES
  ('region', ''), ('region', 'US-EAST-1'), ('region', 'us east'), ('region', 'us-east-1.example.com'), ('region', repeat('a', 64)),
  ('endpoint', ''), ('endpoint', 'localhost:8000'), ('endpoint', 'ftp://localhost'), ('endpoint', 'http://localhost/path'),
  ('endpoint', 'http://localhost?query'), ('endpoint', 'http://localhost#part'), ('endpoint', 'http://user:pass@localhost'),
  ('endpoint', 'http://local host'), ('endpoint', 'http://localhost:99999'), ('endpoint', 'http://'),
  ('max_connections', ''), ('max_connections', '0'), ('max_connections', '1025'), ('max_connections', '-1'),
  ('max_connections', '4.5'), ('max_connections', 'four'), ('max_connections', ' 4'), ('max_connections', '4 '),
  ('max_connections', '99999999999999999999'),
  ('connect_timeout_ms', '0'), ('connect_timeout_ms', '3600001'), ('request_timeout_ms', '0'), ('request_timeout_ms', '1s'),
  ('max_attempts', '0'), ('max_attempts', '101'), ('max_response_mb', '0'), ('max_response_mb', '1025'),
  ('batch_size', '0'), ('batch_size', '10001'), ('scan_segments', '0'), ('scan_segments', '1025'),
  ('consistent_read', ''), ('consistent_read', 'perhaps'),
  ('accept_encoding', ''), ('accept_encoding', 'br'), ('accept_encoding', 'GZIP')
) AS bad (option, value);

SELECT refused(format('CREATE FOREIGN TABLE bad (version bigint) SERVER options_full OPTIONS (%s %L)', option, value))
FROM (VALUES
  ('commit_table', ''), ('commit_table', 'ab'), ('commit_table', repeat('a', 256)), ('commit_table', 'a table'),
  ('commit_table', 'tàble'), ('commit_table', 'arn:aws:dynamodb'), ('commit_index', 'ix'), ('counter_table', 'no/slash'),
  ('counter', ''), ('counter', repeat('a', 256)),
  ('append_mode', ''), ('append_mode', 'sparse'), ('append_at', 'once'), ('contiguous_versions', 'maybe'),
  ('append_token', ''), ('burn_notes', '2'), ('append_deadline_ms', '999'), ('append_deadline_ms', '300001'),
  ('consistent_prefix', 'x'), ('gap_timeout_ms', '999'), ('gap_timeout_ms', '2147483648'),
  ('dense_since', '-1'), ('dense_since', '9223372036854775808'),
  ('batch_size', '0'), ('consistent_read', '3'), ('scan_segments', 'all')
) AS bad (option, value);

SELECT refused(format('CREATE FOREIGN TABLE bad (version bigint OPTIONS (attribute %L)) SERVER options_full', value))
FROM (VALUES (''), (repeat('a', 256))) AS bad (value);

SELECT refused(format('CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (access_key_id %L, secret_access_key %L, session_token %L)',
                      id, secret, token))
FROM (VALUES
  ('', 'never-to-be-seen', 'never-to-be-seen'), ('two words', 'never-to-be-seen', 'never-to-be-seen'),
  ('AKIDEXAMPLE', '', 'never-to-be-seen'), ('AKIDEXAMPLE', 'never to be seen', 'never-to-be-seen'),
  ('AKIDEXAMPLE', 'never-to-be-seen', ''), ('AKIDEXAMPLE', 'never-to-be-seen', E'never\nto be seen'),
  ('AKIDEXAMPLE', 'never-to-be-sén', 'never-to-be-seen')
) AS bad (id, secret, token);

-- A key without its secret, a secret without its key, also when one of them is taken away.
SELECT refused('CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (access_key_id ''AKIDEXAMPLE'')');
SELECT refused('CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (secret_access_key ''never-to-be-seen'')');
SELECT refused('CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (session_token ''never-to-be-seen'')');
SELECT refused('ALTER USER MAPPING FOR CURRENT_USER SERVER options_full OPTIONS (DROP secret_access_key)');

-- Explicit keys and the server's own AWS identity exclude each other.
SELECT refused('CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (profile ''reader'', access_key_id ''id'', secret_access_key ''never-to-be-seen'')');
SELECT refused('ALTER USER MAPPING FOR CURRENT_USER SERVER options_full OPTIONS (SET ambient_credentials ''true'')');
SELECT refused('CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (profile '''')');
SELECT refused('CREATE USER MAPPING FOR PUBLIC SERVER options_full OPTIONS (ambient_credentials ''perhaps'')');

-- The server's own AWS identity is a superuser's to lend, and a mapping's owner cannot take it.
CREATE ROLE options_user;
GRANT USAGE ON FOREIGN SERVER options_full TO options_user;
GRANT USAGE, CREATE ON SCHEMA options TO options_user;
SET ROLE options_user;
SELECT refused('CREATE USER MAPPING FOR CURRENT_USER SERVER options_full OPTIONS (profile ''reader'')');
SELECT refused('CREATE USER MAPPING FOR CURRENT_USER SERVER options_full OPTIONS (ambient_credentials ''true'')');
SELECT refused('CREATE USER MAPPING FOR CURRENT_USER SERVER options_full OPTIONS (ambient_credentials ''false'')');
SELECT refused('CREATE USER MAPPING FOR CURRENT_USER SERVER options_full OPTIONS (access_key_id ''AKIDUSER'', secret_access_key ''secret'')');
RESET ROLE;

-- The refused statements have changed nothing.
SELECT unnest(srvoptions) FROM pg_foreign_server WHERE srvname = 'options_full';
SELECT usename, unnest(umoptions) FROM pg_user_mappings WHERE srvname = 'options_full' AND usename = 'options_user';
SELECT count(*) FROM pg_class WHERE relnamespace = 'options'::regnamespace AND relname = 'bad';

\pset tuples_only off
\pset format aligned
DROP SCHEMA options CASCADE;
DROP SERVER options_full CASCADE;
DROP ROLE options_user;
