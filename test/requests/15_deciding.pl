+{
	section => 'Appending on condition',
	transactions => 1,
	text => <<'TEXT',
A conditional append is one transaction where nothing came in between. Where something did, that one is refused, what came is read along the index, and the append is
tried under the counter's new value. `dense` is the store of `journal` with `append_mode 'dense'`, `at_commit` has `append_at 'commit'` as well; here `journal` has given out 30 ids before.
TEXT
	before => q{SELECT dynamodb_es_create_tables('journal'), dynamodb_es_set_head('journal', 30);
		CREATE FOREIGN TABLE at_commit (commit_id bigint, aggregate_id text, version bigint, events jsonb)
		  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters', append_mode 'dense', append_at 'commit')},
	after => q{SELECT dynamodb_es_drop_tables('journal'); DROP FOREIGN TABLE at_commit},
	cases => [ {
		what => 'nothing came in between, the first of the session',
		sql => q{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, 'd', 0, '[]')::dense], 30)},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 31; if id = 30 + Put journal: aggregateId = 'd', version = 0; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'the same with a query',
		sql => q{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, 'd', 1, '[]')::dense, ROW(NULL, 'e', 0, '[]')::dense], 31, 'SELECT FROM batch')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 33; if id = 31 + Put journal: aggregateId = 'd', version = 1; if attribute_not_exists(aggregateId) + Put journal: aggregateId = 'e', version = 0; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'a lost race: two commits came, which do not stand in the way',
		sql => q{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, 'd', 2, '[]')::dense], 31, $$SELECT FROM batch WHERE aggregate_id = 'f'$$)},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 32; if id = 31 + Put journal: aggregateId = 'd', version = 2; if attribute_not_exists(aggregateId)},
			q{Query journal.byId: active = 't' AND commitId BETWEEN 32 AND 33; fetch key, appendedAt, commitId, committedAt, events},
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 34; if id = 33 + Put journal: aggregateId = 'd', version = 2; if attribute_not_exists(aggregateId)},
		],
		items => 2,
		compare => 0,
	}, {
		what => 'a refusal: one of the three that came stands in the way',
		sql => q{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, 'd', 3, '[]')::dense], 31, $$SELECT FROM batch WHERE aggregate_id = 'e'$$)},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 32; if id = 31 + Put journal: aggregateId = 'd', version = 3; if attribute_not_exists(aggregateId)},
			q{Query journal.byId: active = 't' AND commitId BETWEEN 32 AND 34; fetch key, appendedAt, commitId, committedAt, events},
		],
		items => 3,
		error => '40001',
		compare => 0,
	}, {
		what => 'a whole transaction at an expected head',
		sql => q{BEGIN; SELECT dynamodb_es_expect('at_commit', 34); INSERT INTO at_commit (aggregate_id, version, events) VALUES ('d', 3, '[]'); COMMIT},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 35; if id = 34 + Put journal: aggregateId = 'd', version = 3; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'something came in between',
		sql => q{BEGIN; SELECT dynamodb_es_expect('at_commit', 34); INSERT INTO at_commit (aggregate_id, version, events) VALUES ('d', 4, '[]'); COMMIT},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 35; if id = 34 + Put journal: aggregateId = 'd', version = 4; if attribute_not_exists(aggregateId)},
		],
		error => '40001',
		compare => 0,
	}, {
		what => 'it appends nothing',
		sql => q{BEGIN; SELECT dynamodb_es_expect('at_commit', 35); COMMIT},
		requests => [
			q{GetItem journal-counters: name = 'commits'},
		],
		compare => 0,
	} ],
}
