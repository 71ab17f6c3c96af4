-- The store's tables: made once and completely, never lost by accident.
\getenv endpoint DYNAMODB_ENDPOINT
SET client_min_messages = notice;
SET timezone = 'UTC';
CREATE SCHEMA tables;
SET search_path = tables, public;
CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'tables.commits', counter_table 'tables.counters');

-- Before there are tables, a read, an append and the head say what to do.
\set VERBOSITY terse
SELECT count(*) FROM commits;
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]');
\echo :SQLSTATE
SELECT dynamodb_es_head('commits');
\echo :SQLSTATE
\set VERBOSITY default
SELECT * FROM dynamodb_es_status('commits') \gx

-- Who may only read makes none and drops none.
\set VERBOSITY terse
BEGIN READ ONLY;
SELECT dynamodb_es_create_tables('commits');
\echo :SQLSTATE
ROLLBACK;
BEGIN READ ONLY;
SELECT dynamodb_es_drop_tables('commits');
\echo :SQLSTATE
ROLLBACK;
\set VERBOSITY default

-- They are made once, ready to be used, and billed on demand.
SELECT dynamodb_es_create_tables('commits');
SELECT dynamodb_es_head('commits');
SELECT commit_table, commit_table_status, commit_index, commit_index_status, counter_table, counter_table_status, head
FROM dynamodb_es_status('commits') \gx
SELECT dynamodb_es_create_tables('commits');
\echo :SQLSTATE

-- Again with commits in them: nothing happens to those.
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[1]') RETURNING commit_id;
INSERT INTO commits (aggregate_id, version, events) VALUES ('b', 0, '[2]') RETURNING commit_id;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 1, '[3]') RETURNING commit_id;
SELECT dynamodb_es_create_tables('commits');
SELECT dynamodb_es_head('commits');
SELECT commit_id, aggregate_id, version, events FROM commits ORDER BY commit_id;

-- Another store of the same counter table: with only that there, the commits table is made to go with it. (Its counter is
-- named as a burn note of the first one is.)
CREATE FOREIGN TABLE others (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'tables.others', counter_table 'tables.counters', counter 'commits#burned#others');
SELECT dynamodb_es_create_tables('others');
SELECT dynamodb_es_head('others'), dynamodb_es_head('commits');
INSERT INTO others (aggregate_id, version, events) VALUES ('o', 0, '[1]') RETURNING commit_id;
SELECT dynamodb_es_head('others'), dynamodb_es_head('commits');

-- A counter table that others use as well stays when the commits go.
SELECT dynamodb_es_drop_tables('others');
\set VERBOSITY terse
SELECT count(*) FROM others;
\echo :SQLSTATE
\set VERBOSITY default
SELECT dynamodb_es_head('commits');
SELECT dynamodb_es_create_tables('others');
INSERT INTO others (aggregate_id, version, events) VALUES ('o', 0, '[1]') RETURNING commit_id;

-- With only the commits table there, the new counter starts at the largest commit id, so that no id is given out twice.
CREATE FOREIGN TABLE again (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'tables.commits', counter_table 'tables.again');
SELECT dynamodb_es_create_tables('again');
SELECT dynamodb_es_head('again');
INSERT INTO again (aggregate_id, version, events) VALUES ('c', 0, '[4]') RETURNING commit_id;

-- A counter table without this store's counter, beside commits: likewise, and then the pair is complete.
ALTER FOREIGN TABLE again OPTIONS (ADD counter 'commits#burned#late');
SELECT dynamodb_es_create_tables('again');
SELECT dynamodb_es_head('again');
SELECT dynamodb_es_create_tables('again');
\echo :SQLSTATE
ALTER FOREIGN TABLE again OPTIONS (DROP counter);

-- Tables of those names that are no event store are left alone.
CREATE FOREIGN TABLE strange (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'tables.again', counter_table 'tables.strange');
SELECT dynamodb_es_create_tables('strange');
\echo :SQLSTATE
SELECT dynamodb_es_drop_tables('strange');
\echo :SQLSTATE
CREATE FOREIGN TABLE unindexed (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'tables.commits', commit_index 'no-index', counter_table 'tables.strange');
SELECT dynamodb_es_create_tables('unindexed');
\echo :SQLSTATE
SELECT commit_index, commit_index_status, counter_table_status, head FROM dynamodb_es_status('unindexed');

-- Names are free, and every one of them is used: table, index, counter table, counter.
CREATE FOREIGN TABLE named (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'tables-My_Commits', commit_index 'My.Index', counter_table 'tables-My_Counters', counter 'müne');
SELECT dynamodb_es_create_tables('named');
INSERT INTO named (aggregate_id, version, events) VALUES ('n', 0, '[1]');
SELECT * FROM named WHERE commit_id = 1;
SELECT commit_table, commit_table_status, commit_index, commit_index_status, counter_table, counter_table_status, head
FROM dynamodb_es_status('named') \gx
SELECT dynamodb_es_drop_tables('named');

-- Others may look with the right to read, and only the owner makes or drops.
CREATE ROLE tables_reader;
CREATE ROLE tables_stranger;
GRANT USAGE ON SCHEMA tables TO tables_reader, tables_stranger;
GRANT SELECT ON commits TO tables_reader;
CREATE USER MAPPING FOR tables_reader SERVER store OPTIONS (access_key_id 'regress', secret_access_key 'hush-reader');
CREATE USER MAPPING FOR tables_stranger SERVER store OPTIONS (access_key_id 'regress', secret_access_key 'hush-stranger');
SET ROLE tables_reader;
SELECT dynamodb_es_head('commits');
SELECT head FROM dynamodb_es_status('commits');
SELECT dynamodb_es_create_tables('commits');
\echo :SQLSTATE
SELECT dynamodb_es_drop_tables('commits');
\echo :SQLSTATE
SET ROLE tables_stranger;
SELECT dynamodb_es_head('commits');
\echo :SQLSTATE
SELECT * FROM dynamodb_es_status('commits');
\echo :SQLSTATE
RESET ROLE;

-- Only foreign tables of this wrapper are stores.
CREATE TABLE local (a int);
CREATE VIEW view AS SELECT 1;
CREATE FOREIGN DATA WRAPPER tables_wrapper;
CREATE SERVER tables_server FOREIGN DATA WRAPPER tables_wrapper;
CREATE FOREIGN TABLE foreigner (a int) SERVER tables_server;
SELECT dynamodb_es_create_tables('local');
\echo :SQLSTATE
SELECT dynamodb_es_drop_tables('view');
\echo :SQLSTATE
SELECT dynamodb_es_head('foreigner');
\echo :SQLSTATE
SELECT * FROM dynamodb_es_status('local');
SELECT dynamodb_es_head(0);
\echo :SQLSTATE
SELECT dynamodb_es_head(NULL);
SELECT * FROM dynamodb_es_status(NULL) \gx

-- Dropping takes what is there of the two, and says what was not.
ALTER FOREIGN TABLE others OPTIONS (SET counter_table 'tables.nowhere');
SELECT dynamodb_es_drop_tables('others');
SELECT commit_table_status, counter_table_status FROM dynamodb_es_status('others');
SELECT dynamodb_es_drop_tables('others');
\echo :SQLSTATE
ALTER FOREIGN TABLE commits OPTIONS (SET counter_table 'tables.third');
SELECT dynamodb_es_create_tables('commits');
SELECT dynamodb_es_drop_tables('commits');
SELECT commit_table_status, counter_table_status FROM dynamodb_es_status('commits');

-- Counter tables that were shared go with the last store whose counter is in use. One that is dropped keeps its ids.
CREATE FOREIGN TABLE rest (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'tables.rest', counter_table 'tables.counters', counter 'commits#burned#others');
SELECT dynamodb_es_create_tables('rest');
SELECT dynamodb_es_drop_tables('rest');
SELECT dynamodb_es_create_tables('rest');
INSERT INTO rest (aggregate_id, version, events) VALUES ('a', 0, '[]') RETURNING commit_id;
SELECT dynamodb_es_drop_tables('rest');
ALTER FOREIGN TABLE rest OPTIONS (DROP counter);
SELECT dynamodb_es_create_tables('rest');
SELECT dynamodb_es_drop_tables('rest');
SELECT counter_table_status FROM dynamodb_es_status('rest');

-- A commits table that is not there, by a wrong name perhaps, puts no counter out of use.
ALTER FOREIGN TABLE rest OPTIONS (SET counter_table 'tables.again');
SELECT dynamodb_es_drop_tables('rest');
ALTER FOREIGN TABLE rest OPTIONS (ADD counter 'commits#burned#late');
SELECT dynamodb_es_drop_tables('rest');
SELECT dynamodb_es_create_tables('rest');
SELECT dynamodb_es_drop_tables('rest');
ALTER FOREIGN TABLE rest OPTIONS (SET counter 'commits');
SELECT dynamodb_es_drop_tables('rest');

SET client_min_messages = warning;
DROP SCHEMA tables CASCADE;
DROP FOREIGN DATA WRAPPER tables_wrapper CASCADE;
DROP OWNED BY tables_reader, tables_stranger CASCADE;
DROP USER MAPPING IF EXISTS FOR tables_reader SERVER store;
DROP USER MAPPING IF EXISTS FOR tables_stranger SERVER store;
DROP ROLE tables_reader, tables_stranger;
