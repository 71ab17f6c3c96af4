+{
	section => 'Appending in dense mode',
	transactions => 1,
	text => <<'TEXT',
The counter and up to 99 commits move in one transaction, which is billed twice. A backend remembers the counter's value; where others have
appended since, the first transaction is refused, and the next one knows better. `dense` is the store of `journal` with `append_mode 'dense'`,
`contiguous` has `contiguous_versions 'true'` as well; here `journal` has given out 15 ids before.
TEXT
	before => q{SELECT dynamodb_es_create_tables('journal'), dynamodb_es_set_head('journal', 15)},
	after => q{SELECT dynamodb_es_drop_tables('journal')},
	cases => [ {
		what => 'one commit, the first of the session',
		sql => q{INSERT INTO dense (aggregate_id, version, events) VALUES ('d', 0, '[]') RETURNING commit_id},
		requests => [
			q{GetItem journal-counters: name = 'commits'},
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 16; if id = 15 + Put journal: aggregateId = 'd', version = 0; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'two commits',
		sql => q{INSERT INTO dense (aggregate_id, version, events) VALUES ('d', 1, '[]'), ('e', 0, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 18; if id = 16 + Put journal: aggregateId = 'd', version = 1; if attribute_not_exists(aggregateId) + Put journal: aggregateId = 'e', version = 0; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'the next version',
		sql => q{INSERT INTO dense (aggregate_id, events) VALUES ('e', '[]')},
		requests => [
			q{Query journal: aggregateId = 'e'; Limit 1; backward; fetch version},
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 19; if id = 18 + Put journal: aggregateId = 'e', version = 1; if attribute_not_exists(aggregateId)},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'after others have appended',
		sql => q{INSERT INTO dense (aggregate_id, version, events) VALUES ('d', 2, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 20; if id = 19 + Put journal: aggregateId = 'd', version = 2; if attribute_not_exists(aggregateId)},
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 21; if id = 20 + Put journal: aggregateId = 'd', version = 2; if attribute_not_exists(aggregateId)},
		],
		before => q{INSERT INTO journal (aggregate_id, version, events) SELECT 'others', 0, '[]' WHERE NOT EXISTS (SELECT FROM journal WHERE aggregate_id = 'others')},
		compare => 0,
	}, {
		what => 'a version that exists',
		sql => q{INSERT INTO dense (aggregate_id, version, events) VALUES ('d', 0, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 22; if id = 21 + Put journal: aggregateId = 'd', version = 0; if attribute_not_exists(aggregateId)},
		],
		error => '23505',
		compare => 0,
	}, {
		what => 'contiguous versions: the one before is checked, unless it is in the same statement',
		sql => q{INSERT INTO contiguous (aggregate_id, version, events) VALUES ('e', 2, '[]'), ('e', 3, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 23; if id = 21 + Put journal: aggregateId = 'e', version = 2; if attribute_not_exists(aggregateId) + Put journal: aggregateId = 'e', version = 3; if attribute_not_exists(aggregateId) + ConditionCheck journal: aggregateId = 'e', version = 1; if attribute_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'a version that would leave a gap',
		sql => q{INSERT INTO contiguous (aggregate_id, version, events) VALUES ('e', 5, '[]')},
		requests => [
			q{TransactWriteItems: Update journal-counters: name = 'commits'; SET id = 24; if id = 23 + Put journal: aggregateId = 'e', version = 5; if attribute_not_exists(aggregateId) + ConditionCheck journal: aggregateId = 'e', version = 4; if attribute_exists(aggregateId)},
		],
		error => '23514',
		compare => 0,
	} ],
}
