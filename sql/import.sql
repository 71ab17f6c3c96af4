-- IMPORT FOREIGN SCHEMA finds commits tables by their keys and index, and declares them completely.
\getenv endpoint DYNAMODB_ENDPOINT
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA import;
SET search_path = import, public;
CREATE FOREIGN TABLE one (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'import.one', counter_table 'import.counters');
CREATE FOREIGN TABLE two (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'import.Two-2', commit_index 'By-Commit.Id', counter_table 'import.counters-2', counter 'it''s \ two');
CREATE FOREIGN TABLE long (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'import.long-name-long-name-long-name-long-name-long-name-long-name-long-name',
                        counter_table 'import.counters-3');
SELECT dynamodb_es_create_tables('one'), dynamodb_es_create_tables('two'), dynamodb_es_create_tables('long');
INSERT INTO one (aggregate_id, version, events) VALUES ('a', 0, '[{"type": "opened"}]');
INSERT INTO two (aggregate_id, version, events) VALUES ('b', 0, '[]');

CREATE FUNCTION declared() RETURNS TABLE (name name, columns text, options text) LANGUAGE sql AS $$
  SELECT c.relname,
         (SELECT string_agg(format('%s %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
          FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0),
         array_to_string(ftoptions, ', ')
  FROM pg_foreign_table JOIN pg_class c ON c.oid = ftrelid JOIN pg_namespace n ON n.oid = relnamespace
  WHERE nspname = 'import into' AND relname LIKE 'import.%' ORDER BY relname COLLATE "C"
$$;

-- All of them: names are DynamoDB's, cut where PostgreSQL cuts names; the table of the counters is none.
CREATE SCHEMA "import into";
IMPORT FOREIGN SCHEMA dynamodb FROM SERVER store INTO "import into";
SELECT name FROM declared();
SELECT columns FROM declared() WHERE name = 'import.one';
DROP SCHEMA "import into" CASCADE;

-- Only some of them, with the counter that they have in common.
CREATE SCHEMA "import into";
IMPORT FOREIGN SCHEMA dynamodb LIMIT TO ("import.one", "import.one", "import.nowhere", "import.counters", "no table", "x")
  FROM SERVER store INTO "import into" OPTIONS (counter_table 'import.counters');
SELECT name, options FROM declared();
SELECT aggregate_id, version, commit_id, events, committed_at > '2020-01-01' AS dated FROM "import into"."import.one";
INSERT INTO "import into"."import.one" (aggregate_id, version, events) VALUES ('a', 1, '[]') RETURNING commit_id;

-- What is there already is an error, as everywhere.
IMPORT FOREIGN SCHEMA dynamodb LIMIT TO ("import.one") FROM SERVER store INTO "import into";

-- Nothing found is said, and so is whose ids one table takes.
SET client_min_messages = notice;
IMPORT FOREIGN SCHEMA dynamodb LIMIT TO ("import.nowhere") FROM SERVER store INTO "import into";
CREATE SCHEMA import_alone;
IMPORT FOREIGN SCHEMA dynamodb LIMIT TO ("import.one") FROM SERVER store INTO import_alone;
SET client_min_messages = warning;
DROP SCHEMA import_alone CASCADE;

-- Another index, a counter whose name needs quoting, and a name that has to be cut.
SET client_min_messages = notice;
IMPORT FOREIGN SCHEMA dynamodb
  LIMIT TO ("import.Two-2", "import.long-name-long-name-long-name-long-name-long-name-long-name-long-name")
  FROM SERVER store INTO "import into" OPTIONS (counter 'it''s \ two', counter_table 'import.counters-2');
SET client_min_messages = warning;
SELECT name, options FROM declared();
SELECT aggregate_id, commit_id FROM "import into"."import.Two-2" ORDER BY commit_id;
SELECT dynamodb_es_head('"import into"."import.Two-2"');
DROP SCHEMA "import into" CASCADE;

-- All but some.
CREATE SCHEMA "import into";
IMPORT FOREIGN SCHEMA dynamodb EXCEPT ("import.one", "import.long-name-long-name-long-name-long-name-long-name-long-name-long-name")
  FROM SERVER store INTO "import into";
SELECT name FROM declared();
DROP SCHEMA "import into" CASCADE;

-- A server whose name needs quoting, and a search_path that means other types.
CREATE SCHEMA "import into";
CREATE DOMAIN "import into".text AS integer;
CREATE DOMAIN "import into".jsonb AS integer;
CREATE SERVER "import's ""own""" FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint :'endpoint');
CREATE USER MAPPING FOR CURRENT_USER SERVER "import's ""own""" OPTIONS (access_key_id 'regress', secret_access_key 'hush-regress');
SET search_path = "import into", pg_catalog, import, public;
IMPORT FOREIGN SCHEMA dynamodb LIMIT TO ("import.one") FROM SERVER "import's ""own""" INTO "import into";
RESET search_path;
SET search_path = import, public;
SELECT columns FROM declared();
DROP SCHEMA "import into" CASCADE;

-- What is refused: other schemas, other options, what an option cannot be. None of it asks DynamoDB anything.
CREATE SCHEMA "import into";
CREATE SERVER import_nowhere FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint 'http://127.0.0.1:9');
CREATE USER MAPPING FOR CURRENT_USER SERVER import_nowhere OPTIONS (access_key_id 'regress', secret_access_key 'hush-regress');
IMPORT FOREIGN SCHEMA public FROM SERVER import_nowhere INTO "import into";
\echo :SQLSTATE
IMPORT FOREIGN SCHEMA dynamodb FROM SERVER import_nowhere INTO "import into" OPTIONS (counters 'c');
\echo :SQLSTATE
IMPORT FOREIGN SCHEMA dynamodb FROM SERVER import_nowhere INTO "import into" OPTIONS (commit_table 'c');
IMPORT FOREIGN SCHEMA dynamodb FROM SERVER import_nowhere INTO "import into" OPTIONS (batch_size '10');
IMPORT FOREIGN SCHEMA dynamodb FROM SERVER import_nowhere INTO "import into" OPTIONS (counter_table 'a b');
\echo :SQLSTATE
IMPORT FOREIGN SCHEMA dynamodb FROM SERVER import_nowhere INTO "import into" OPTIONS (counter '');
IMPORT FOREIGN SCHEMA dynamodb FROM SERVER import_nowhere INTO "import into" OPTIONS (counter 'a', counter 'b');

-- A DynamoDB that cannot be reached is the server's failure.
\set VERBOSITY terse
IMPORT FOREIGN SCHEMA dynamodb FROM SERVER import_nowhere INTO "import into";
\echo :SQLSTATE
\set VERBOSITY default

SET client_min_messages = warning;
SELECT dynamodb_es_drop_tables('one'), dynamodb_es_drop_tables('two'), dynamodb_es_drop_tables('long');
DROP SERVER "import's ""own""", import_nowhere CASCADE;
DROP SCHEMA import, "import into" CASCADE;
