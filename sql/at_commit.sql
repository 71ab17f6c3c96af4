-- Where append_at is 'commit', a transaction and its commits stand or fall together: a rollback appends nothing, and a conflict rolls back.
-- Only an engine with transactions can do that.
\getenv engine DYNAMODB_ENGINE
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
CREATE SCHEMA at_commit;
SET search_path = at_commit, public;

-- It needs dense mode, whichever option is changed.
CREATE FOREIGN TABLE wrong (aggregate_id text, version bigint, events jsonb) SERVER store OPTIONS (append_at 'commit');
\echo :SQLSTATE
CREATE FOREIGN TABLE commits (
  commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, token text, data bytea
) SERVER store OPTIONS (commit_table 'at_commit.commits', counter_table 'at_commit.counters', append_mode 'dense', append_at 'commit',
  append_token 'token');
ALTER FOREIGN TABLE commits OPTIONS (SET append_mode 'counter');
ALTER FOREIGN TABLE commits OPTIONS (DROP append_mode);
ALTER FOREIGN TABLE commits OPTIONS (DROP append_mode, DROP append_at);
ALTER FOREIGN TABLE commits OPTIONS (ADD append_at 'commit');
ALTER FOREIGN TABLE commits OPTIONS (ADD append_at 'commit', ADD append_mode 'dense');
SELECT dynamodb_es_create_tables('commits');

-- The plan says when; also one that runs sends nothing before.
CREATE FUNCTION explained(how text, statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN (%s, COSTS OFF) %s', how, statement) LOOP
    IF line ~ 'Append|Requests' THEN
      RETURN NEXT line;
    END IF;
  END LOOP;
END $$;
SELECT explained('VERBOSE', $$INSERT INTO commits (aggregate_id, version, events) VALUES ('x', 0, '[]')$$);
BEGIN;
SELECT explained('ANALYZE', $$INSERT INTO commits (aggregate_id, version, events) VALUES ('x', 0, '[]')$$);
ROLLBACK;

SELECT coalesce(:'engine', 'dynalite') IN ('dynalite', ':engine') AS has_no_transactions \gset
\if :has_no_transactions
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('x', 0, '[]');
COMMIT;
\echo :SQLSTATE
SELECT count(*) FROM commits;
SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA at_commit CASCADE;
\quit
\endif

-- One store, several tables: its rows as they are stored at the time, and a table that appends at once.
CREATE FOREIGN TABLE at_once (
  commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, token text
) SERVER store OPTIONS (commit_table 'at_commit.commits', counter_table 'at_commit.counters');
CREATE VIEW stored AS SELECT commit_id, aggregate_id, version, events FROM at_once ORDER BY commit_id;

-- Inside the transaction nothing is to be seen of it; afterwards it is there in the order of its statements, whatever they are.
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '["one"]');
INSERT INTO commits (aggregate_id, version, events) SELECT 'a', v, jsonb_build_array(v) FROM generate_series(1, 2) v;
COPY commits (aggregate_id, version, events) FROM STDIN;
b	0	["copied"]
\.
INSERT INTO commits (aggregate_id, events) VALUES ('a', '["next"]'), ('c', '["next"]'), ('a', '["next"]');
SELECT count(*) FROM commits;
SELECT count(*) FROM stored;
COMMIT;
SELECT * FROM stored;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 5, '["alone"]');
SELECT * FROM stored WHERE version = 5;

-- Every value as it was given, though its statement has long ended.
BEGIN;
INSERT INTO commits (aggregate_id, version, events, committed_at, token, data)
VALUES (repeat('ü', 40), 0, '[{"wörd": "✓"}]', '2001-02-03 04:05:06.789+00', 'tökén', '\x00ff10');
SELECT sum(length(repeat(md5(n::text), 1000))) FROM generate_series(1, 100) n;
COMMIT;
SELECT committed_at, aggregate_id, version, events, token, data FROM commits WHERE token IS NOT NULL;

-- A rollback appends nothing, whole or to a savepoint; what is released belongs to the level above.
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 0, '[]');
ROLLBACK;
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 1, '["kept"]');
SAVEPOINT one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 2, '["dropped"]');
SAVEPOINT two;
INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 3, '["dropped, though released"]');
RELEASE two;
ROLLBACK TO one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 3, '["kept, after the rollback"]');
SAVEPOINT two;
INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 4, '["kept, and released"]');
RELEASE one;
SAVEPOINT three;
INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 5, '["dropped"]');
ROLLBACK TO three;
COMMIT;
SELECT version, events FROM stored WHERE aggregate_id = 'r';
BEGIN;
SAVEPOINT one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('r', 1, '["refused, if it were sent"]');
ROLLBACK TO one;
COMMIT;

-- An exception block is a savepoint; so is each of many.
DO $$
BEGIN
  INSERT INTO at_commit.commits (aggregate_id, version, events) VALUES ('p', 0, '["kept"]');
  FOR n IN 1 .. 300 LOOP
    BEGIN
      INSERT INTO at_commit.commits (aggregate_id, version, events) VALUES ('p', n, '["exception or not"]');
      IF n < 300 THEN
        RAISE EXCEPTION 'no';
      END IF;
    EXCEPTION WHEN raise_exception THEN
      NULL;
    END;
  END LOOP;
  BEGIN
    INSERT INTO at_commit.commits (aggregate_id, version, events) VALUES ('p', 301, '[]'), ('p', 302, '{}');
  EXCEPTION WHEN invalid_parameter_value THEN
    NULL;
  END;
END $$;
SELECT version, events FROM stored WHERE aggregate_id = 'p';

-- A procedure's COMMIT is one.
CREATE PROCEDURE by_two() LANGUAGE plpgsql AS $$
BEGIN
  FOR n IN 0 .. 4 LOOP
    INSERT INTO at_commit.commits (aggregate_id, version, events) VALUES ('q', n, jsonb_build_array(n));
    IF n = 1 THEN
      COMMIT;
    ELSIF n = 3 THEN
      ROLLBACK;
    END IF;
  END LOOP;
END $$;
CALL by_two();
SELECT version, events FROM stored WHERE aggregate_id = 'q';

-- A cursor over the table, opened before and closed after.
BEGIN;
DECLARE of_a CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version;
FETCH 2 FROM of_a;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 6, '[]');
CLOSE of_a;
COMMIT;
SELECT max(version) FROM stored WHERE aggregate_id = 'a';

-- A conflict comes up at the commit, and nothing of the transaction remains, here or there.
CREATE TABLE notes (note text);
BEGIN;
INSERT INTO notes VALUES ('gone');
INSERT INTO commits (aggregate_id, version, events) VALUES ('d', 0, '[]'), ('a', 0, '["usurper"]');
COMMIT;
\echo :SQLSTATE
SELECT count(*) FROM notes;
SELECT count(*) FROM stored WHERE aggregate_id = 'd' OR events = '["usurper"]';

-- One that the transaction has with itself comes up at once, and can be rolled back alone.
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('d', 0, '["first"]');
SAVEPOINT one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('d', 1, '[]'), ('d', 0, '["second"]');
\echo :SQLSTATE
ROLLBACK TO one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('d', 1, '["third"]');
COMMIT;
SELECT version, events FROM stored WHERE aggregate_id = 'd';

-- So does what can never be stored.
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('e', 0, '{}');
COMMIT;
BEGIN;
INSERT INTO commits (commit_id, aggregate_id, version, events) VALUES (1, 'e', 0, '[]');
\echo :SQLSTATE
ROLLBACK;

-- A deferred constraint that fails appends nothing; a deferred trigger may still append.
CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('f', 0, '[]');
INSERT INTO children VALUES (1);
COMMIT;
\echo :SQLSTATE
CREATE FUNCTION note_child() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO at_commit.commits (aggregate_id, version, events) VALUES ('f', 1, jsonb_build_array(NEW.parent));
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER note AFTER INSERT ON children DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_child();
BEGIN;
INSERT INTO parents VALUES (1);
INSERT INTO children VALUES (1);
COMMIT;
SELECT version, events FROM stored WHERE aggregate_id = 'f';

-- RETURNING shows what is known, as it will be stored; the rest is refused, before anything is kept.
BEGIN;
INSERT INTO commits (aggregate_id, version, events, committed_at) VALUES ('g', 0, '[]', '2001-02-03 04:05:06.789999+00')
RETURNING aggregate_id, version, events, committed_at, token, tableoid::regclass;
COMMIT;
SELECT version, committed_at FROM commits WHERE aggregate_id = 'g';
EXPLAIN (COSTS OFF) INSERT INTO commits (aggregate_id, version, events) VALUES ('g', 1, '[]') RETURNING commit_id;
INSERT INTO commits (aggregate_id, version, events) VALUES ('g', 1, '[]') RETURNING commit_id;
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES ('g', 1, '[]') RETURNING *;
INSERT INTO commits AS c (aggregate_id, version, events) VALUES ('g', 1, '[]') RETURNING c;
INSERT INTO commits (aggregate_id, version, events) VALUES ('g', 1, '[]') RETURNING aggregate_id, committed_at;
INSERT INTO commits (aggregate_id, events) VALUES ('g', '[]') RETURNING version + 1;
BEGIN;
SAVEPOINT one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('g', 1, '[]'), ('g', NULL, '[]') RETURNING version;
ROLLBACK TO one;
COMMIT;
SELECT count(*) FROM stored WHERE aggregate_id = 'g';

-- Likewise the check option of a view.
CREATE VIEW only_v AS SELECT aggregate_id, version, events FROM commits WHERE aggregate_id LIKE 'v%' AND version < 10 WITH CHECK OPTION;
INSERT INTO only_v VALUES ('v', 0, '[]');
INSERT INTO only_v VALUES ('w', 0, '[]');
\echo :SQLSTATE
INSERT INTO only_v (aggregate_id, events) VALUES ('v', '[]');
\echo :SQLSTATE
CREATE VIEW only_new AS SELECT aggregate_id, version, events FROM commits WHERE commit_id > 1 WITH CHECK OPTION;
INSERT INTO only_new VALUES ('v', 1, '[]');
\echo :SQLSTATE
SELECT aggregate_id, version FROM stored WHERE aggregate_id IN ('v', 'w');

-- A BEFORE trigger may fill in what is left out; an AFTER trigger sees no commit id.
CREATE TABLE seen (place text, commit_id bigint, version bigint, committed_at timestamptz);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_WHEN = 'BEFORE' AND NEW.token = 'fill in' THEN
    NEW.version = 7;
  END IF;
  INSERT INTO at_commit.seen VALUES (TG_WHEN, NEW.commit_id, NEW.version, NEW.committed_at);
  RETURN NEW;
END $$;
CREATE TRIGGER before_row BEFORE INSERT ON commits FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER after_row AFTER INSERT ON commits FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO commits (aggregate_id, events, token) VALUES ('t', '[]', 'fill in') RETURNING version;
INSERT INTO commits (aggregate_id, events) VALUES ('t', '[]');
SELECT * FROM seen;
DROP TRIGGER before_row ON commits;
DROP TRIGGER after_row ON commits;
SELECT version FROM stored WHERE aggregate_id = 't';

-- ON CONFLICT is refused: there is no row left to skip when the conflict is found.
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]') ON CONFLICT DO NOTHING;
\echo :SQLSTATE

-- Partitions.
CREATE TABLE parted (version bigint, events jsonb, aggregate_id text, commit_id bigint) PARTITION BY LIST (aggregate_id);
CREATE TABLE parted_local PARTITION OF parted FOR VALUES IN ('local');
CREATE FOREIGN TABLE parted_foreign (
  commit_id bigint, aggregate_id text, version bigint, events jsonb
) SERVER store OPTIONS (commit_table 'at_commit.commits', counter_table 'at_commit.counters', append_mode 'dense', append_at 'commit');
ALTER TABLE parted ATTACH PARTITION parted_foreign FOR VALUES IN ('part');
BEGIN;
INSERT INTO parted (aggregate_id, version, events) VALUES ('local', 0, '[]'), ('part', 0, '["routed"]') RETURNING aggregate_id, version;
COPY parted (aggregate_id, version, events) FROM STDIN;
part	1	["copied"]
\.
SELECT count(*) FROM parted_foreign WHERE aggregate_id = 'part';
COMMIT;
SELECT version, events FROM parted_foreign WHERE aggregate_id = 'part' ORDER BY version;
INSERT INTO parted (aggregate_id, version, events) VALUES ('part', 2, '[]') RETURNING aggregate_id, commit_id;
\echo :SQLSTATE
INSERT INTO parted (aggregate_id, version, events) VALUES ('part', 2, '[]') ON CONFLICT DO NOTHING;
\echo :SQLSTATE
SELECT count(*) FROM parted_foreign WHERE aggregate_id = 'part';

-- Two tables of one store go together; another store, or another user's mapping, do not.
CREATE FOREIGN TABLE same_store (commit_id bigint, aggregate_id uuid, version int, events text, token text)
SERVER store OPTIONS (commit_table 'at_commit.commits', counter_table 'at_commit.counters', append_mode 'dense', append_at 'commit',
  append_token 'token');
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('h', 0, '[]');
INSERT INTO same_store (aggregate_id, version, events) VALUES ('8b6c2f0e-95a5-4d1a-a7a4-6f0b8d3f2c11', 0, '[ 1 ]');
INSERT INTO same_store (aggregate_id, version, events) VALUES ('8b6c2f0e-95a5-4d1a-a7a4-6f0b8d3f2c11', 1, '[ 2 ]');
COMMIT;
SELECT aggregate_id, version FROM stored ORDER BY commit_id DESC LIMIT 3;
CREATE FOREIGN TABLE other_store (aggregate_id text, version bigint, events jsonb)
SERVER store OPTIONS (commit_table 'at_commit.commits', counter_table 'at_commit.counters', counter 'other', append_mode 'dense', append_at 'commit');
CREATE FOREIGN TABLE other_rules (aggregate_id text, version bigint, events jsonb)
SERVER store OPTIONS (commit_table 'at_commit.commits', counter_table 'at_commit.counters', append_mode 'dense', append_at 'commit',
  contiguous_versions 'true');
CREATE ROLE at_commit_user;
GRANT ALL ON SCHEMA at_commit TO at_commit_user;
GRANT ALL ON ALL TABLES IN SCHEMA at_commit TO at_commit_user;
CREATE USER MAPPING FOR at_commit_user SERVER store OPTIONS (access_key_id 'regress', secret_access_key 'regress');
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('h', 1, '["kept"]');
SAVEPOINT one;
INSERT INTO other_store VALUES ('h', 2, '[]');
\echo :SQLSTATE
ROLLBACK TO one;
INSERT INTO other_rules VALUES ('h', 2, '[]');
\echo :SQLSTATE
ROLLBACK TO one;
SET LOCAL ROLE at_commit_user;
INSERT INTO commits (aggregate_id, version, events) VALUES ('h', 2, '[]');
\echo :SQLSTATE
ROLLBACK TO one;
RESET ROLE;
INSERT INTO commits (aggregate_id, version, events) VALUES ('h', 2, '["kept"]');
COMMIT;
SELECT version, events FROM stored WHERE aggregate_id = 'h';
-- Once nothing waits any more, another may.
BEGIN;
SAVEPOINT one;
INSERT INTO other_store VALUES ('i', 0, '[]');
ROLLBACK TO one;
SET LOCAL ROLE at_commit_user;
INSERT INTO commits (aggregate_id, version, events) VALUES ('i', 0, '["by another"]');
RESET ROLE;
COMMIT;
SELECT version, events FROM stored WHERE aggregate_id = 'i';

-- A table of narrower versions limits the rows beside its own, and no longer when those are rolled back.
INSERT INTO commits (aggregate_id, version, events) VALUES ('wide', 2147483647, '[]');
BEGIN;
INSERT INTO commits (aggregate_id, events) VALUES ('wide', '["kept"]');
INSERT INTO same_store (aggregate_id, version, events) VALUES ('8b6c2f0e-95a5-4d1a-a7a4-6f0b8d3f2c11', 2, '[]');
COMMIT;
\echo :SQLSTATE
BEGIN;
INSERT INTO commits (aggregate_id, events) VALUES ('wide', '["kept"]');
SAVEPOINT one;
INSERT INTO same_store (aggregate_id, version, events) VALUES ('8b6c2f0e-95a5-4d1a-a7a4-6f0b8d3f2c11', 2, '[]');
ROLLBACK TO one;
COMMIT;
SELECT max(version) FROM stored WHERE aggregate_id = 'wide';

-- A view goes by its owner's keys; without a user mapping the INSERT itself fails.
CREATE ROLE at_commit_nobody;
GRANT USAGE ON SCHEMA at_commit TO at_commit_nobody;
GRANT INSERT ON commits, only_v TO at_commit_nobody;
SET ROLE at_commit_nobody;
INSERT INTO only_v VALUES ('v', 3, '[]');
\set VERBOSITY sqlstate
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('j', 0, '[]');
ROLLBACK;
\set VERBOSITY default
RESET ROLE;
SELECT version FROM stored WHERE aggregate_id = 'v' ORDER BY version;

-- All of it is one request, and no more than one: 99 commits.
BEGIN;
INSERT INTO commits (aggregate_id, version, events) SELECT 'k', v, '[]' FROM generate_series(0, 97) v;
SAVEPOINT one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('k', 98, '[]'), ('k', 99, '[]');
\echo :SQLSTATE
ROLLBACK TO one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('k', 98, '[]');
SAVEPOINT two;
INSERT INTO commits (aggregate_id, events) VALUES ('k', '[]');
\echo :SQLSTATE
ROLLBACK TO two;
COMMIT;
SELECT count(*), max(commit_id) - min(commit_id) AS apart FROM stored WHERE aggregate_id = 'k';
-- The checks of contiguous_versions count: each first version of a run needs one.
BEGIN;
INSERT INTO other_rules SELECT 'l' || n, 0, '[]' FROM generate_series(1, 49) n;
COMMIT;
BEGIN;
INSERT INTO other_rules SELECT 'l' || n, v, '[]' FROM generate_series(1, 33) n, generate_series(1, 2) v;
SAVEPOINT one;
INSERT INTO other_rules VALUES ('l1', 3, '[]');
\echo :SQLSTATE
ROLLBACK TO one;
COMMIT;
SELECT count(*) FROM stored WHERE aggregate_id LIKE 'l%';
BEGIN;
INSERT INTO other_rules VALUES ('l1', 9, '[]');
COMMIT;
\echo :SQLSTATE
-- 4 MB.
BEGIN;
INSERT INTO commits (aggregate_id, version, events) SELECT 'm', v, jsonb_build_array(repeat('x', 400000)) FROM generate_series(0, 9) v;
SAVEPOINT one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('m', 10, jsonb_build_array(repeat('x', 300000)));
\echo :SQLSTATE
ROLLBACK TO one;
INSERT INTO commits (aggregate_id, version, events) VALUES ('m', 10, jsonb_build_array(repeat('x', 100000)));
COMMIT;
SELECT count(*) FROM stored WHERE aggregate_id = 'm';

-- Where the transaction could still fail after the append, nothing is kept.
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO commits (aggregate_id, version, events) VALUES ('n', 0, '[]');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
INSERT INTO commits (aggregate_id, version, events) VALUES ('n', 0, '[]');
PREPARE TRANSACTION 'at_commit';
\echo :SQLSTATE
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO commits (aggregate_id, version, events) VALUES ('n', 0, '[]');
COMMIT;
BEGIN READ ONLY;
INSERT INTO commits (aggregate_id, version, events) VALUES ('n', 1, '[]');
ROLLBACK;
SELECT count(*) FROM stored WHERE aggregate_id = 'n';

-- With a token the same transaction may be repeated. A version left out is a new one each time.
BEGIN;
INSERT INTO commits (aggregate_id, version, events, token) VALUES ('o', 0, '["first"]', 'o-0'), ('o', 1, '["first"]', 'o-1');
COMMIT;
BEGIN;
INSERT INTO commits (aggregate_id, version, events, token) VALUES ('o', 0, '["again"]', 'o-0'), ('o', 1, '["again"]', 'o-1');
COMMIT;
BEGIN;
INSERT INTO commits (aggregate_id, version, events, token) VALUES ('o', 0, '["other"]', 'o-other');
COMMIT;
\echo :SQLSTATE
SELECT version, events FROM stored WHERE aggregate_id = 'o';

-- What was appended at once stays, and a ROLLBACK of several levels says so once.
BEGIN;
INSERT INTO at_once (aggregate_id, version, events) VALUES ('s', 0, '[]');
SAVEPOINT one;
INSERT INTO at_once (aggregate_id, version, events) VALUES ('s', 1, '[]');
INSERT INTO commits (aggregate_id, version, events) VALUES ('s', 9, '["dropped"]');
SAVEPOINT two;
INSERT INTO at_once (aggregate_id, version, events) VALUES ('s', 2, '[]');
ROLLBACK;
BEGIN;
SAVEPOINT one;
INSERT INTO at_once (aggregate_id, version, events) VALUES ('s', 3, '[]');
SAVEPOINT two;
INSERT INTO at_once (aggregate_id, version, events) VALUES ('s', 4, '[]');
SAVEPOINT three;
ROLLBACK TO one;
INSERT INTO at_once (aggregate_id, version, events) VALUES ('s', 5, '[]');
SAVEPOINT two;
INSERT INTO at_once (aggregate_id, version, events) VALUES ('s', 6, '[]');
COMMIT;
DO $$
BEGIN
  BEGIN
    INSERT INTO at_commit.at_once (aggregate_id, version, events) VALUES ('s', 7, '[]');
    RAISE EXCEPTION 'no';
  EXCEPTION WHEN raise_exception THEN
    RAISE WARNING 'told before';
  END;
END $$;

SELECT dynamodb_es_head('commits') = (SELECT count(*) FROM commits) AS dense;
SELECT dynamodb_es_drop_tables('commits');
DROP USER MAPPING FOR at_commit_user SERVER store;
DROP OWNED BY at_commit_user, at_commit_nobody;
DROP ROLE at_commit_user, at_commit_nobody;
DROP SCHEMA at_commit CASCADE;
