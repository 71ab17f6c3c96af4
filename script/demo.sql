\set QUIET on
\pset footer off
\set VERBOSITY default
\echo
\echo '== An event store in DynamoDB, as a foreign table'
\echo
create extension dynamodb_es;
create server store foreign data wrapper dynamodb_es options (region 'us-east-1', endpoint :'endpoint');
create user mapping for current_user server store options (access_key_id 'demo', secret_access_key 'demo');
create foreign table commits (
  commit_id    bigint,
  committed_at timestamptz,
  aggregate_id text,
  version      bigint,
  events       jsonb
) server store;
\echo
\echo '== Once: the tables in DynamoDB'
\echo
select dynamodb_es_create_tables('commits');
\echo '== John opens an account, then Jane does; each append is one INSERT, and the store gives out the commit ids'
\echo
insert into commits (aggregate_id, version, events) values ('00000000-0000-0000-0000-000000000000', 0, '[
  {"type": "accountCreated", "username": "john", "email": "john@doe.com"},
  {"type": "profileEdited", "name": "John Doe", "company": "Doe, Inc."}]')
returning commit_id, version;
insert into commits (aggregate_id, version, events) values ('11111111-1111-1111-1111-111111111111', 0, '[
  {"type": "accountCreated", "username": "jane", "email": "jane@doe.com"},
  {"type": "profileEdited", "name": "Jane Doe", "company": "Doe, Inc."}]')
returning commit_id, version;
\echo '== John leaves'
\echo
insert into commits (aggregate_id, version, events)
values ('00000000-0000-0000-0000-000000000000', 1, '[{"type": "accountDeleted"}]')
returning commit_id, version;
\echo '== Someone else had read version 0 as well and now writes version 1 too: refused, nothing is overwritten'
\echo
\set ON_ERROR_STOP off
insert into commits (aggregate_id, version, events)
values ('00000000-0000-0000-0000-000000000000', 1, '[{"type": "profileEdited", "company": "Roe, Inc."}]');
\set ON_ERROR_STOP on
\echo
\echo '== One aggregate from a version on: a Query on the table, strongly consistent'
\echo
select commit_id, version, jsonb_path_query_array(events, '$[*].type') as events
from commits where aggregate_id = '00000000-0000-0000-0000-000000000000' and version >= 0 order by version;
explain (verbose, costs off)
select commit_id, version, events
from commits where aggregate_id = '00000000-0000-0000-0000-000000000000' and version >= 0 order by version;
\echo '== All aggregates from a commit id on: a Query on the index'
\echo
select commit_id, aggregate_id, version, jsonb_path_query_array(events, '$[*].type') as events
from commits where commit_id >= 1 order by commit_id;
explain (verbose, costs off)
select commit_id, aggregate_id, version, events
from commits where commit_id >= 1 order by commit_id;
\echo '== A projection: who has an account, in a local table. Its handler is given each commit once'
\echo
create table accounts (id text primary key, username text, email text, closed boolean default false);
create function apply_accounts(batch commits[]) returns void language sql begin atomic
  insert into accounts (id, username, email)
  select aggregate_id, event ->> 'username', event ->> 'email'
  from unnest(batch), jsonb_array_elements(events) event where event ->> 'type' = 'accountCreated';
  update accounts set closed = true
  from unnest(batch) c, jsonb_array_elements(events) event where c.aggregate_id = id and event ->> 'type' = 'accountDeleted';
end;
select dynamodb_es_create_projection('accounts', 'apply_accounts', poll_interval => '100 ms');
\echo '== From here on another session lets it follow the store: CALL dynamodb_es_follow(''accounts'')'
\echo
\! "$FOLLOW" &
insert into commits (aggregate_id, version, events)
values ('22222222-2222-2222-2222-222222222222', 0, '[{"type": "accountCreated", "username": "mary", "email": "mary@roe.com"}]')
returning commit_id \gset mary_
select dynamodb_es_wait_for('accounts', :mary_commit_id, timeout => '60 s');
select * from accounts order by username;
insert into commits (aggregate_id, version, events)
values ('11111111-1111-1111-1111-111111111111', 1, '[{"type": "accountDeleted"}]')
returning commit_id \gset jane_
select dynamodb_es_wait_for('accounts', :jane_commit_id, timeout => '60 s');
select * from accounts order by username;
select name, position, applied, state from dynamodb_es_projections;
analyze accounts;
\echo '== It joins with the store'
\echo
select username, closed, version, event ->> 'type' as event
from accounts join commits on aggregate_id = id, jsonb_array_elements(events) event
where username = 'john' order by version;
explain (verbose, costs off)
select username, closed, version, events
from accounts join commits on aggregate_id = id where username = 'john' order by version;
\echo '== What a statement costs: its requests, items and capacity units'
\echo
explain (analyze, verbose, costs off, timing off, summary off)
select count(*) from commits where commit_id > 0;
\echo '== The store''s own state; the refused append had been given an id as well, which is why the head is one further'
\echo
select dynamodb_es_head('commits');
\x on
select * from dynamodb_es_status('commits');
