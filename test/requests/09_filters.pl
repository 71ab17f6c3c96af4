+{
	section => 'Filters',
	text => <<'TEXT',
A filter keeps items from being sent, not from being read and billed.
TEXT
	cases => [ {
		what => 'a span of time',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND committed_at >= '2026-01-01 00:05Z' AND committed_at < '2026-01-01 00:07:00.0005Z'},
		requests => [
			q{Query commits: aggregateId = 'a'; filter committedAt >= 1767225900000 AND committedAt <= 1767226020000; fetch key},
		],
		items => 10,
	}, {
		what => 'other columns',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND (author = 'ann' OR amount > 5) AND NOT amount = 8},
		requests => [
			q{Query commits: aggregateId = 'a'; filter (amount < 8 OR amount > 8) AND (author = 'ann' OR amount > 5); fetch key},
		],
		items => 10,
	}, {
		what => 'NULL and NOT NULL',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND author IS NULL AND amount IS NOT NULL},
		requests => [
			q{Query commits: aggregateId = 'a'; filter (NOT attribute_exists(author) OR attribute_type(author, 'NULL')) AND attribute_exists(amount) AND NOT attribute_type(amount, 'NULL'); fetch key},
		],
		items => 10,
	}, {
		what => 'the key of the other path',
		sql => q{SELECT commit_id FROM commits WHERE commit_id <= 10 AND version = 0},
		requests => [
			q{Query commits.byId: active = 't' AND commitId <= 10; filter version = 0; fetch key, commitId},
		],
		items => 10,
	} ],
}
