+{
	section => 'Looking after a store',
	before => q{
		SELECT dynamodb_es_create_tables('journal');
		INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]');
		INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]') ON CONFLICT DO NOTHING;
		INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]') ON CONFLICT DO NOTHING;
	},
	cases => [ {
		what => 'the counter',
		sql => q{SELECT dynamodb_es_head('journal')},
		requests => [
			q{GetItem journal-counters: name = 'commits'},
		],
		compare => 0,
	}, {
		what => 'status',
		sql => q{SELECT dynamodb_es_status('journal')},
		requests => [
			q{DescribeTable journal},
			q{DescribeTable journal-counters},
			q{Query journal.byId: active = 't'; Limit 1; backward; fetch commitId},
			q{GetItem journal-counters: name = 'commits'},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'a check',
		sql => q{SELECT * FROM dynamodb_es_check('journal')},
		requests => [
			q{DescribeTable journal},
			q{DescribeTable journal-counters},
			q{Query journal.byId: active = 't'; Limit 1; backward; fetch commitId},
			q{GetItem journal-counters: name = 'commits'},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'a head that is as high',
		sql => q{SELECT dynamodb_es_set_head('journal', 1)},
		requests => [
			q{UpdateItem journal-counters: name = 'commits'; SET id = 1; if attribute_not_exists(id) OR id < 1},
			q{GetItem journal-counters: name = 'commits'},
		],
		compare => 0,
	}, {
		what => 'drop the tables',
		sql => q{SELECT dynamodb_es_drop_tables('journal')},
		requests => [
			q{DescribeTable journal},
			q{DescribeTable journal-counters},
			q{Scan journal-counters: fetch droppedAt, id, n, name},
			q{DeleteTable journal},
			q{DeleteTable journal-counters},
		],
		items => 3,
		polls => 1,
		compare => 0,
	} ],
}
