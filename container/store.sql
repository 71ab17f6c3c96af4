-- The user of the prompt, and the store.
BEGIN;
CREATE ROLE demo LOGIN SUPERUSER PASSWORD 'demo';
CREATE EXTENSION dynamodb_es;
CREATE SERVER store FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint :'endpoint');
CREATE USER MAPPING FOR PUBLIC SERVER store OPTIONS (access_key_id 'local', secret_access_key 'local');
CREATE FOREIGN TABLE commits (
  commit_id    bigint,
  committed_at timestamptz,
  aggregate_id text,
  version      bigint,
  events       jsonb
) SERVER store;
SELECT dynamodb_es_create_tables('commits');
COMMIT;
