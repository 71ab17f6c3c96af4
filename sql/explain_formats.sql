-- EXPLAIN of each kind of statement says the same in every format: what is asked of DynamoDB, and how. Nobody listens at this endpoint.
SET client_min_messages = warning;
CREATE SCHEMA explain_formats;
SET search_path = explain_formats, public;
CREATE SERVER explain_formats FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER explain_formats OPTIONS (access_key_id 'id', secret_access_key 'hush-secret');
CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, author text, amount int)
  SERVER explain_formats;
CREATE TABLE few (id text);
INSERT INTO few VALUES ('a'), ('b'), ('a');
CREATE TABLE many AS SELECT n::text AS id FROM generate_series(1, 5000) n;
ANALYZE few, many;
SET my.aggregate = 'a';

-- The properties of a plan that speak of DynamoDB, one a line, as one of the formats has them.
CREATE FUNCTION properties(statement text, format text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  names CONSTANT text = '(DynamoDB[ -]Operation|DynamoDB[ -]Table|DynamoDB[ -]Index|Counter[ -]Table|Key[ -]Condition|Filter[ -]Expression|Filter|'
    'Rows[ -]Wanted|Select|Projection|Consistent[ -]Read|Direction|Segments)';
  pattern CONSTANT text = '^[ -]*' || CASE format WHEN 'TEXT' THEN names || ': (.*)' WHEN 'YAML' THEN names || ': (.*)'
    WHEN 'JSON' THEN '"' || names || '": (.*?),?' WHEN 'XML' THEN '<' || names || '>(.*)</.*>' END || '$';
  line text;
  found text[];
  result text = '';
BEGIN
  FOR line IN EXECUTE format('EXPLAIN (VERBOSE, COSTS OFF, FORMAT %s) %s', format, statement) LOOP
    FOR found IN SELECT regexp_match(part, pattern) FROM regexp_split_to_table(line, '\n') part WHERE part ~ pattern LOOP
      IF format IN ('YAML', 'JSON') AND found[2] LIKE '"%' THEN
        found[2] = found[2]::jsonb #>> '{}';
      ELSIF format = 'XML' THEN
        found = array[translate(found[1], '-', ' '), replace(replace(replace(replace(found[2], '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&')];
      END IF;
      result = result || E'\n  ' || found[1] || ': ' || regexp_replace(found[2], '\(InitPlan \d+\)\.col1|\$\d+', '$n', 'g');
    END LOOP;
  END LOOP;
  RETURN result;
END $$;
CREATE FUNCTION explained(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  as_text CONSTANT text = properties(statement, 'TEXT');
  format text;
BEGIN
  RETURN NEXT statement || as_text;
  FOREACH format IN ARRAY '{JSON,XML,YAML}'::text[] LOOP
    IF properties(statement, format) <> as_text THEN
      RETURN NEXT '  DIFFERENT IN ' || format || ':' || properties(statement, format);
    END IF;
  END LOOP;
END $$;

\pset format unaligned
\pset tuples_only on
SET plan_cache_mode = force_generic_plan;
PREPARE since(text, int) AS SELECT version FROM commits WHERE aggregate_id = $1 AND version >= $2;
PREPARE page(int, int) AS SELECT commit_id FROM commits ORDER BY commit_id LIMIT $1 OFFSET $2;
SELECT explained(statement) FROM (VALUES
  -- an aggregate
  ($$SELECT * FROM commits WHERE aggregate_id = 'a'$$),
  ($$SELECT events FROM commits WHERE 'a' = aggregate_id AND version > 1 AND 7::smallint >= version AND version BETWEEN 0 AND 8 ORDER BY version DESC$$),
  ($$SELECT version FROM commits WHERE aggregate_id = 'a' AND version IN (1, 2, 7)$$),
  ($$SELECT max(version) FROM commits WHERE aggregate_id = 'a'$$),
  ($$SELECT min(version) FROM commits WHERE aggregate_id = 'a'$$),
  ($$SELECT EXISTS (SELECT FROM commits WHERE aggregate_id = 'a')$$),
  -- several
  ($$SELECT version FROM commits WHERE aggregate_id = ANY ('{a,b}')$$),
  ($$SELECT version FROM commits WHERE aggregate_id = 'a' OR aggregate_id = 'b'$$),
  ($$SELECT version FROM commits WHERE aggregate_id = ANY (ARRAY(SELECT id FROM few))$$),
  -- commit ids
  ($$SELECT commit_id, events FROM commits WHERE commit_id > 15 ORDER BY commit_id$$),
  ($$SELECT max(commit_id) FROM commits$$),
  ($$SELECT commit_id FROM commits ORDER BY commit_id DESC LIMIT 3 OFFSET 2$$),
  ($$SELECT commit_id FROM commits WHERE commit_id = ANY ('{9,3,4,4}'::int[])$$),
  -- everything
  ($$SELECT * FROM commits$$),
  ($$SELECT aggregate_id FROM commits WHERE version = 1$$),
  ($$SELECT commit_id FROM commits LIMIT 5$$),
  -- where values come from
  ($$EXECUTE since('a', 8)$$),
  ($$EXECUTE page(2, 1)$$),
  ($$SELECT version FROM commits WHERE aggregate_id = (SELECT max(id) FROM few) ORDER BY version LIMIT (SELECT count(*) FROM few)$$),
  ($$SELECT version FROM commits WHERE aggregate_id = current_setting('my.aggregate')$$),
  -- counts
  ($$SELECT count(*) FROM commits WHERE aggregate_id = 'a' AND version > 3$$),
  ($$SELECT aggregate_id, count(*) FROM commits WHERE aggregate_id = 'a' GROUP BY aggregate_id$$),
  ($$SELECT count(*) FROM commits WHERE commit_id BETWEEN 3 AND 7$$),
  ($$SELECT count(*) FROM commits WHERE author = '<"ann" & bob>'$$),
  ($$SELECT count(*) FROM commits WHERE aggregate_id = 'a' AND events @> '[4]'$$),
  -- filters
  ($$SELECT version FROM commits WHERE aggregate_id = 'a' AND (author = 'ann' OR amount > 5) AND NOT amount = 8$$),
  ($$SELECT version FROM commits WHERE commit_id > 3 AND author IS NULL AND amount IS NOT NULL AND aggregate_id = 'a'$$),
  ($$SELECT version FROM commits WHERE aggregate_id = 'a' AND events @> '[4]' ORDER BY version LIMIT 1$$),
  -- joins
  ($$SELECT f.id, version FROM few f JOIN commits ON aggregate_id = f.id$$),
  ($$SELECT many.id FROM many JOIN commits ON aggregate_id = many.id$$),
  ($$SELECT id, version FROM few, LATERAL (SELECT version FROM commits WHERE aggregate_id = id ORDER BY version DESC LIMIT 1) l$$),
  ($$SELECT id FROM few WHERE NOT EXISTS (SELECT FROM commits WHERE aggregate_id = id)$$),
  ($$SELECT x.version FROM commits x, commits y WHERE x.aggregate_id = 'a' AND y.aggregate_id = 'b' AND y.version = x.version + 1$$),
  ($$DECLARE c CURSOR FOR SELECT commit_id FROM commits ORDER BY commit_id$$),
  -- appends
  ($$INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]')$$),
  ($$INSERT INTO commits (aggregate_id, version, events) SELECT id, 0, '[]' FROM few ON CONFLICT DO NOTHING RETURNING commit_id$$),
  ($$INSERT INTO commits (aggregate_id, version, events) SELECT 'a', max(version) + 1, '[]' FROM commits WHERE aggregate_id = 'a'$$)
) statements (statement);
-- Nothing to ask: the plan says so by itself, or finds out when it runs.
SELECT explained(statement) FROM (VALUES
  ($$SELECT * FROM commits WHERE aggregate_id = NULL$$),
  ($$SELECT * FROM commits WHERE aggregate_id = 'a' AND version > 5 AND version < 5$$)
) statements (statement);
-- How many rows are wanted is a number, where it is known.
CREATE FUNCTION kind_of_rows_wanted(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
  RETURN (SELECT jsonb_typeof(wanted) FROM jsonb_path_query(plan, '$.**."Rows Wanted"') wanted LIMIT 1);
END $$;
SELECT statement, kind_of_rows_wanted(statement) FROM (VALUES
  ($$SELECT commit_id FROM commits LIMIT 5$$),
  ($$SELECT commit_id FROM commits ORDER BY commit_id DESC LIMIT 3 OFFSET 2$$),
  ($$SELECT commit_id FROM commits LIMIT 9223372036854775807 OFFSET 9223372036854775807$$),
  ($$SELECT EXISTS (SELECT FROM commits WHERE aggregate_id = 'a')$$),
  ($$EXECUTE page(2, 1)$$)
) statements (statement);
\pset tuples_only off
\pset format aligned
DROP SCHEMA explain_formats CASCADE;
DROP SERVER explain_formats CASCADE;
