-- Whose keys a statement uses: those of the user that it runs as, which behind a view or a SECURITY DEFINER function is the owner.
-- (One engine keeps a store for each access key id, so that these differ in their secrets only.) And what a statement may read: dynamodb_es.read_budget.
SET client_min_messages = warning;
CREATE SCHEMA owner;
SET search_path = owner, public;
CREATE FOREIGN TABLE commits (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'owner.commits', counter_table 'owner.counters');
SELECT dynamodb_es_create_tables('commits');
INSERT INTO commits (aggregate_id, version, events) SELECT a, v, '[]' FROM unnest('{a,b}'::text[]) a, generate_series(0, 4) v;
CREATE TABLE audience (aggregate_id text, reader name);
INSERT INTO audience VALUES ('a', 'owner_clerk');

CREATE ROLE owner_clerk;                        -- has no keys
CREATE ROLE owner_guest;                        -- has a mapping without keys
CREATE ROLE owner_keeper;                       -- has keys
GRANT USAGE ON SCHEMA owner TO owner_clerk, owner_guest, owner_keeper;
GRANT CREATE ON SCHEMA owner TO owner_keeper;
GRANT SELECT ON ALL TABLES IN SCHEMA owner TO owner_clerk, owner_guest, owner_keeper;
CREATE USER MAPPING FOR owner_guest SERVER store;
CREATE USER MAPPING FOR owner_keeper SERVER store OPTIONS (access_key_id 'regress', secret_access_key 'hush-keeper');
SET ROLE owner_keeper;
CREATE VIEW by_keeper AS SELECT aggregate_id, version FROM commits;
CREATE VIEW by_keeper_counted AS SELECT count(*) FROM commits WHERE aggregate_id = 'a';
CREATE VIEW by_keeper_guarded WITH (security_barrier) AS SELECT c.* FROM commits c JOIN audience USING (aggregate_id) WHERE reader = current_user;
CREATE VIEW over_view AS SELECT max(version) FROM by_keeper WHERE aggregate_id = 'b';
CREATE MATERIALIZED VIEW kept AS SELECT count(*) FROM commits;
CREATE FUNCTION counted_as_keeper(wanted text) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT count(*) FROM owner.commits WHERE aggregate_id = $1';
CREATE FUNCTION counted_as_caller(wanted text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM owner.commits WHERE aggregate_id = $1';
CREATE FUNCTION listed_as_keeper() RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER AS
  'BEGIN RETURN QUERY SELECT version FROM owner.commits WHERE aggregate_id = ''a'' ORDER BY version; END';
GRANT SELECT ON by_keeper, by_keeper_counted, by_keeper_guarded, over_view, kept TO owner_clerk, owner_guest;
RESET ROLE;
CREATE VIEW by_invoker AS SELECT aggregate_id, version FROM commits;
GRANT SELECT ON by_invoker TO owner_clerk, owner_guest;

-- Each statement as each of them: what it returns, or what it fails with.
CREATE FUNCTION as_each(statement text) RETURNS TABLE (keeper text, clerk text, guest text, query text) LANGUAGE plpgsql AS $$
DECLARE
  role text;
  result text;
  results text[] = '{}';
BEGIN
  query = statement;
  FOREACH role IN ARRAY '{owner_keeper,owner_clerk,owner_guest}'::text[] LOOP
    EXECUTE 'SET ROLE ' || role;
    BEGIN
      EXECUTE statement INTO result;
    EXCEPTION WHEN OTHERS THEN
      result = SQLSTATE;
    END;
    RESET ROLE;
    results = results || result;
  END LOOP;
  keeper = results[1];
  clerk = results[2];
  guest = results[3];
  RETURN NEXT;
END $$;
\pset format unaligned
\pset fieldsep ' | '
\pset footer off
SELECT e.* FROM (VALUES
  ('SELECT count(*) FROM commits'),
  ('SELECT count(events) FROM commits WHERE aggregate_id = ''a'''),
  ('SELECT count(version) FROM by_keeper'),
  ('SELECT count(*) FROM by_keeper WHERE aggregate_id = ''a'''),
  ('SELECT * FROM by_keeper_counted'),
  ('SELECT count(*) FROM by_keeper_guarded'),
  ('SELECT * FROM over_view'),
  ('SELECT * FROM kept'),
  ('SELECT count(version) FROM by_invoker'),
  ('SELECT counted_as_keeper(''a'')'),
  ('SELECT counted_as_caller(''a'')'),
  ('SELECT sum(v) FROM listed_as_keeper() v'),
  ('SELECT count(*) FROM by_keeper k JOIN commits c USING (aggregate_id, version)'),
  ('SELECT (SELECT max(version) FROM by_keeper WHERE aggregate_id = ''a'') + (SELECT max(version) FROM commits WHERE aggregate_id = ''a'')'),
  ('SELECT dynamodb_es_head(''commits'')')
  ) t (query), as_each(query) e;
-- Keys that come, change and go are those of the next statement, also for a plan that is kept.
SET ROLE owner_guest;
PREPARE mine AS SELECT count(events) FROM commits;
RESET ROLE;
ALTER USER MAPPING FOR owner_guest SERVER store OPTIONS (ADD access_key_id 'regress', ADD secret_access_key 'hush-guest');
SET ROLE owner_guest;
EXECUTE mine;
RESET ROLE;
ALTER USER MAPPING FOR owner_guest SERVER store OPTIONS (DROP access_key_id, DROP secret_access_key);
SET ROLE owner_guest;
\set VERBOSITY sqlstate
EXECUTE mine;
RESET ROLE;
DROP USER MAPPING FOR owner_keeper SERVER store;
SELECT version FROM by_keeper;
SET ROLE owner_clerk;
SELECT counted_as_keeper('a');
RESET ROLE;

-- The budget is a statement's, over all of its scans; a Query of one aggregate costs half a unit or one.
SET dynamodb_es.read_budget = 0.1;
SELECT count(events) FROM commits WHERE aggregate_id = 'a';
SELECT count(*) FROM commits WHERE aggregate_id = 'a';
SELECT count(events) FROM commits;
SELECT max(commit_id) > 0 FROM commits;
SELECT 1 FROM commits WHERE aggregate_id = 'a' AND version > 3 AND version < 2;
SET dynamodb_es.read_budget = 6;
SELECT count(events) FROM commits WHERE aggregate_id = 'a';
SELECT count(events) FROM commits WHERE aggregate_id = 'a';
SELECT count(*) FROM generate_series(1, 50) n, LATERAL (SELECT * FROM commits WHERE aggregate_id = 'a' AND version = n % 5 OFFSET 0) c;
SELECT n, (SELECT count(events) FROM commits WHERE aggregate_id = 'a' AND version < n) FROM generate_series(1, 50) n;
DO $$ BEGIN FOR n IN 1 .. 50 LOOP PERFORM count(events) FROM commits WHERE aggregate_id = 'a'; END LOOP; END $$;
SELECT count(events) FROM (SELECT * FROM commits UNION ALL SELECT * FROM commits) c WHERE aggregate_id = 'a';
-- Where it is caught, every further read of the statement fails.
\set VERBOSITY default
DO $$
DECLARE
  refused int = 0;
BEGIN
  FOR n IN 1 .. 50 LOOP
    BEGIN
      PERFORM count(events) FROM commits WHERE aggregate_id = 'a';
    EXCEPTION WHEN configuration_limit_exceeded THEN
      refused = refused + 1;
    END;
  END LOOP;
  RAISE WARNING '%', CASE WHEN refused BETWEEN 37 AND 45 THEN 'refused' ELSE refused || ' were refused' END;
END $$;
-- A statement begins anew, also in a transaction.
\set VERBOSITY sqlstate
BEGIN;
SELECT count(events) FROM commits WHERE aggregate_id = 'a';
SAVEPOINT s;
SELECT count(*) FROM generate_series(1, 50) n, LATERAL (SELECT * FROM commits WHERE aggregate_id = 'a' AND version = n % 5 OFFSET 0) c;
ROLLBACK TO s;
SELECT count(events) FROM commits WHERE aggregate_id = 'a';
COMMIT;
SET dynamodb_es.read_budget = 0;
SELECT count(*) FROM generate_series(1, 50) n, LATERAL (SELECT * FROM commits WHERE aggregate_id = 'a' AND version = n % 5 OFFSET 0) c;
SET dynamodb_es.read_budget = -1;
SET dynamodb_es.read_budget = 'much';
RESET dynamodb_es.read_budget;
\set VERBOSITY default

\pset format aligned
\pset footer on
SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA owner CASCADE;
DROP OWNED BY owner_clerk, owner_guest, owner_keeper;
DROP USER MAPPING IF EXISTS FOR owner_guest SERVER store;
DROP ROLE owner_clerk, owner_guest, owner_keeper;
