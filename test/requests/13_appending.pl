+{
	section => 'Appending',
	text => <<'TEXT',
The counter gives the ids of a batch, then each commit is put where there is none. Where there is one, the id is noted as burned; DynamoDB
shows whose the commit is that is there, and some stand-ins for it have to be asked.
`counted` is `journal` with `contiguous_versions 'true'`, `moved` with `append_mode 'import'`.
TEXT
	before => q{SELECT dynamodb_es_create_tables('journal')},
	after => q{SELECT dynamodb_es_drop_tables('journal')},
	cases => [ {
		what => 'one commit',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]') RETURNING commit_id},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'x', version = 0; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'two commits',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 1, '[]'), ('y', 0, '[]')},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 2},
			q{PutItem journal: aggregateId = 'x', version = 1; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'y', version = 0; if attribute_not_exists(aggregateId)},
		],
		parallel => 1,
		compare => 0,
	}, {
		what => 'two commits that are looked at one by one',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('z', 0, '[]'), ('z', 1, '[]') RETURNING version},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'z', version = 0; if attribute_not_exists(aggregateId)},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'z', version = 1; if attribute_not_exists(aggregateId)},
		],
		compare => 0,
	}, {
		what => 'more than a batch',
		sql => q{INSERT INTO journal (aggregate_id, version, events) SELECT 'n', n, '[]' FROM generate_series(0, 4) n},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 2},
			q{PutItem journal: aggregateId = 'n', version = 0; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'n', version = 1; if attribute_not_exists(aggregateId)},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 2},
			q{PutItem journal: aggregateId = 'n', version = 2; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'n', version = 3; if attribute_not_exists(aggregateId)},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'n', version = 4; if attribute_not_exists(aggregateId)},
		],
		parallel => 1,
		before => q{ALTER FOREIGN TABLE journal OPTIONS (ADD batch_size '2')},
		after => q{ALTER FOREIGN TABLE journal OPTIONS (DROP batch_size)},
		compare => 0,
	}, {
		what => 'the next versions of an aggregate',
		sql => q{INSERT INTO journal (aggregate_id, events) VALUES ('y', '[]'), ('y', '[]')},
		requests => [
			q{Query journal: aggregateId = 'y'; Limit 1; backward; fetch version},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 2},
			q{PutItem journal: aggregateId = 'y', version = 1; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'y', version = 2; if attribute_not_exists(aggregateId)},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'the next version, asked for in SQL',
		sql => q{INSERT INTO journal (aggregate_id, version, events) SELECT 'x', max(version) + 1, '[]' FROM journal WHERE aggregate_id = 'x'},
		requests => [
			q{Query journal: aggregateId = 'x'; Limit 1; backward; fetch key, commitId},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'x', version = 2; if attribute_not_exists(aggregateId)},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'a version that exists',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]')},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'x', version = 0; if attribute_not_exists(aggregateId)},
			q{PutItem journal-counters: name = 'commits#burned#14'},
		],
		perhaps => [ q{GetItem journal: aggregateId = 'x', version = 0} ],
		error => '23505',
		compare => 0,
	}, {
		what => 'a version that exists, passed over',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]') ON CONFLICT DO NOTHING},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'x', version = 0; if attribute_not_exists(aggregateId)},
			q{PutItem journal-counters: name = 'commits#burned#15'},
		],
		perhaps => [ q{GetItem journal: aggregateId = 'x', version = 0} ],
		compare => 0,
	}, {
		what => 'contiguous versions: the one before is looked for, unless the statement has stored it, or the version is 0',
		sql => q{INSERT INTO counted (aggregate_id, version, events) VALUES ('z', 2, '[]'), ('z', 3, '[]'), ('w', 0, '[]')},
		requests => [
			q{GetItem journal: aggregateId = 'z', version = 1},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 3},
			q{PutItem journal: aggregateId = 'z', version = 2; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'z', version = 3; if attribute_not_exists(aggregateId)},
			q{PutItem journal: aggregateId = 'w', version = 0; if attribute_not_exists(aggregateId)},
		],
		parallel => 1,
		compare => 0,
	}, {
		what => 'a version that would leave a gap',
		sql => q{INSERT INTO counted (aggregate_id, version, events) VALUES ('w', 2, '[]')},
		requests => [ q{GetItem journal: aggregateId = 'w', version = 1} ],
		error => '23514',
		compare => 0,
	}, {
		what => 'the next version needs no look',
		sql => q{INSERT INTO counted (aggregate_id, events) VALUES ('w', '[]')},
		requests => [
			q{Query journal: aggregateId = 'w'; Limit 1; backward; fetch version},
			q{UpdateItem journal-counters: name = 'commits'; ADD id 1},
			q{PutItem journal: aggregateId = 'w', version = 1; if attribute_not_exists(aggregateId)},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'commits that bring their ids',
		sql => q{INSERT INTO moved SELECT 100 + n, '2020-01-01Z', 'm', n, '[]' FROM generate_series(0, 2) n},
		requests => [
			( map { "PutItem journal: aggregateId = 'm', version = $_; if attribute_not_exists(aggregateId)" } 0 .. 2 ),
			q{UpdateItem journal-counters: name = 'commits'; SET id = 102; if attribute_not_exists(id) OR id < 102},
		],
		compare => 0,
	}, {
		what => 'commits that bring their ids, looked at one by one',
		sql => q{INSERT INTO moved SELECT 103 + n, '2020-01-01Z', 'm', 3 + n, '[]' FROM generate_series(0, 1) n RETURNING version},
		requests => [
			( map { "PutItem journal: aggregateId = 'm', version = $_; if attribute_not_exists(aggregateId)" } 3 .. 4 ),
			q{UpdateItem journal-counters: name = 'commits'; SET id = 104; if attribute_not_exists(id) OR id < 104},
		],
		compare => 0,
	}, {
		what => 'a commit that brings an id which another row has brought before: is it the same one?',
		sql => q{INSERT INTO moved SELECT 105, '2020-01-01Z', 'm', 5, '[]' FROM generate_series(0, 1) ON CONFLICT DO NOTHING RETURNING version},
		requests => [
			q{PutItem journal: aggregateId = 'm', version = 5; if attribute_not_exists(aggregateId)},
			q{GetItem journal: aggregateId = 'm', version = 5},
			q{UpdateItem journal-counters: name = 'commits'; SET id = 105; if attribute_not_exists(id) OR id < 105},
		],
		compare => 0,
	}, {
		what => 'a commit that brings its id and is there, passed over',
		sql => q{INSERT INTO moved VALUES (100, '2020-01-01Z', 'm', 0, '[]') ON CONFLICT DO NOTHING},
		requests => [
			q{PutItem journal: aggregateId = 'm', version = 0; if attribute_not_exists(aggregateId)},
			q{UpdateItem journal-counters: name = 'commits'; SET id = 100; if attribute_not_exists(id) OR id < 100},
		],
		perhaps => [ q{GetItem journal: aggregateId = 'm', version = 0} ],
		compare => 0,
	}, {
		what => 'a row that can be no commit',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', -1, '[]')},
		requests => [],
		error => '22023',
		compare => 0,
	}, {
		what => 'events that are no array',
		sql => q{INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 2, '{}')},
		requests => [],
		error => '22023',
		compare => 0,
	} ],
}
