-- In dense mode ids have no gaps, whatever is refused on the way, and a statement of up to 99 rows is stored as a whole or not at all. An engine
-- that has no transactions is told from one that has, with nothing lost.
\set engine dynalite
\getenv engine DYNAMODB_ENGINE
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA dense;
SET search_path = dense, public;
CREATE FOREIGN TABLE commits (
  commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, token text
) SERVER store OPTIONS (commit_table 'dense.commits', counter_table 'dense.counters', append_mode 'dense', append_token 'token');
CREATE FOREIGN TABLE contiguous (
  commit_id bigint, aggregate_id text, version bigint, events jsonb
) SERVER store OPTIONS (commit_table 'dense.commits', counter_table 'dense.counters', append_mode 'dense', contiguous_versions 'true');
CREATE FOREIGN TABLE counting (
  commit_id bigint, aggregate_id text, version bigint, events jsonb
) SERVER store OPTIONS (commit_table 'dense.commits', counter_table 'dense.counters');
SELECT dynamodb_es_create_tables('commits');

SELECT :'engine' = 'dynalite' AS has_no_transactions \gset
\if :has_no_transactions
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]');
\echo :SQLSTATE
SELECT dynamodb_es_head('commits');
SELECT count(*) FROM commits;
SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA dense CASCADE;
\quit
\endif

-- Ids from 1, in the order of the statement; within an aggregate in that of the versions.
INSERT INTO commits (aggregate_id, version, events, committed_at) VALUES ('a', 0, '[{"type": "opened"}]', '2001-02-03 04:05:06.789+00')
RETURNING *;
INSERT INTO commits (aggregate_id, version, events) VALUES ('b', 1, '[]'), ('a', 2, '[]'), ('b', 0, '[]'), ('c', NULL, '[]'), ('a', 1, '[]'), ('c', NULL, '[]');
SELECT commit_id, aggregate_id, version FROM commits ORDER BY commit_id;

-- A refused statement stores none of its rows, and takes no id.
INSERT INTO commits (aggregate_id, version, events) VALUES ('d', 0, '[]'), ('a', 1, '["usurper"]'), ('a', 3, '[]');
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES ('d', 0, '[]'), ('e', 5, '[]'), ('e', 5, '[]');
\echo :SQLSTATE
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]');
\echo :SQLSTATE
SELECT dynamodb_es_head('commits'), count(*) FROM commits;

-- ON CONFLICT DO NOTHING passes over what exists, and numbers the rest without a gap.
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 2, '["usurper"]'), ('a', 3, '[]'), ('d', 0, '[]'), ('b', 0, '["usurper"]'), ('d', 0, '["twin"]')
ON CONFLICT DO NOTHING;
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 3, '["usurper"]') ON CONFLICT DO NOTHING RETURNING commit_id;
SELECT commit_id, aggregate_id, version, events FROM commits WHERE commit_id > 7 ORDER BY commit_id;

-- A repeated statement with the same token reports the commit that is there, its id included.
INSERT INTO commits (aggregate_id, version, events, token) VALUES ('t', 0, '[]', 'mine') RETURNING commit_id, committed_at AS stored_at \gset
INSERT INTO commits (aggregate_id, version, events, token) VALUES ('t', 0, '[]', 'mine')
RETURNING commit_id = :commit_id AS same_id, committed_at = :'stored_at' AS same_time;
INSERT INTO commits (aggregate_id, version, events, token) VALUES ('t', 1, '[]', 'x'), ('t', 0, '[]', 'mine'), ('t', 2, '[]', 'x');
INSERT INTO commits (aggregate_id, version, events, token) VALUES ('t', 0, '[]', 'other');
\echo :SQLSTATE
SELECT commit_id, version, token FROM commits WHERE aggregate_id = 't' ORDER BY version;

-- Contiguous: what would leave a gap behind is refused, in the store and within the statement, and the statement with it.
INSERT INTO contiguous (aggregate_id, version, events) VALUES ('g', 1, '[]');
\echo :SQLSTATE
INSERT INTO contiguous (aggregate_id, version, events) VALUES ('g', 0, '[]'), ('g', 1, '[]'), ('g', 3, '[]'), ('a', 4, '[]');
\echo :SQLSTATE
INSERT INTO contiguous (aggregate_id, version, events) VALUES ('g', 1, '[]'), ('g', 0, '[]'), ('g', NULL, '[]'), ('a', 4, '[]'), ('a', 5, '[]');
INSERT INTO contiguous (aggregate_id, version, events) VALUES ('g', 4, '[]'), ('g', 3, '[]');
INSERT INTO contiguous (aggregate_id, version, events) VALUES ('g', 3, '[]'), ('g', 6, '[]') ON CONFLICT DO NOTHING;
\echo :SQLSTATE
INSERT INTO contiguous (aggregate_id, version, events) VALUES ('g', 4, '[]'), ('g', 5, '[]') ON CONFLICT DO NOTHING;
SELECT aggregate_id, array_agg(version ORDER BY version) FROM contiguous WHERE aggregate_id IN ('a', 'g') GROUP BY 1 ORDER BY 1;

-- Both ways of appending side by side: the ids that the other takes are not taken twice.
INSERT INTO counting (aggregate_id, version, events) VALUES ('m', 0, '[]'), ('m', 1, '[]');
INSERT INTO commits (aggregate_id, version, events) VALUES ('m', 2, '[]');
INSERT INTO counting (aggregate_id, version, events) VALUES ('m', 3, '[]');
INSERT INTO commits (aggregate_id, events) VALUES ('m', '[]');
SELECT count(*), count(DISTINCT commit_id), max(commit_id) = dynamodb_es_head('commits') AS up_to_the_counter FROM commits;
SELECT array_agg(version ORDER BY commit_id) FROM commits WHERE aggregate_id = 'm';

-- More rows than a transaction takes, at once and from a COPY.
INSERT INTO commits (aggregate_id, version, events) SELECT 'bulk ' || n % 7, n / 7, '[]' FROM generate_series(0, 249) n;
COPY contiguous (aggregate_id, version, events) FROM STDIN WITH (FORMAT csv);
copied,0,[]
copied,1,[]
copied,2,[]
\.
SELECT count(*), count(DISTINCT commit_id), max(commit_id) = dynamodb_es_head('commits') AS up_to_the_counter FROM commits;

-- What was stored before somebody else emptied the store is forgotten with it.
SELECT dynamodb_es_drop_tables('commits');
SELECT dynamodb_es_create_tables('commits');
INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]') RETURNING commit_id;
SELECT dynamodb_es_drop_tables('commits');
DROP SCHEMA dense CASCADE;
