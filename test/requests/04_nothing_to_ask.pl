+{
	section => 'Nothing to ask',
	text => <<'TEXT',
Where no commit can match, nothing is sent.
TEXT
	cases => [ {
		what => 'bounds that contradict each other',
		sql => q{SELECT * FROM commits WHERE aggregate_id = 'a' AND version > 5 AND version < 5},
		requests => [],
	}, {
		what => 'beyond the largest bigint',
		sql => q{SELECT * FROM commits WHERE commit_id > 9223372036854775807},
		requests => [],
	}, {
		what => 'two aggregates at once',
		sql => q{SELECT * FROM commits WHERE aggregate_id = 'a' AND aggregate_id = 'b'},
		requests => [],
	}, {
		what => 'a list that has no common member with another',
		sql => q{SELECT * FROM commits WHERE aggregate_id = 'a' AND version IN (1, 2) AND version IN (3, 4)},
		requests => [],
	}, {
		what => 'a NULL parameter',
		sql => q{PREPARE of_aggregate(text) AS SELECT * FROM commits WHERE aggregate_id = $1; EXECUTE of_aggregate(NULL)},
		before => 'SET plan_cache_mode = force_generic_plan',
		requests => [],
	}, {
		what => 'an empty array, and one of nothing but NULL',
		sql => q{SELECT * FROM commits WHERE aggregate_id = ANY ('{}'); SELECT * FROM commits WHERE commit_id = ANY ('{NULL}')},
		requests => [],
	}, {
		what => 'an id that can be no key: empty, or longer than 2048 bytes',
		sql => q{SELECT * FROM commits WHERE aggregate_id = ''; SELECT * FROM commits WHERE aggregate_id = repeat('x', 2049)},
		requests => [],
	}, {
		what => 'a subquery without a row',
		sql => q{SELECT * FROM commits WHERE aggregate_id = (SELECT id FROM few WHERE id = 'nobody')},
		requests => [],
	}, {
		what => 'LIMIT 0',
		sql => q{SELECT * FROM commits LIMIT 0},
		requests => [],
	}, {
		what => 'EXPLAIN',
		sql => q{EXPLAIN SELECT * FROM commits; EXPLAIN INSERT INTO journal (aggregate_id, version, events) VALUES ('x', 0, '[]')},
		requests => [],
		compare => 0,
	} ],
}
