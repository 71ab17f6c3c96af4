+{
	section => 'By commit id',
	text => <<'TEXT',
A Query on the index, which has no strong consistency and costs half as much.
TEXT
	cases => [ {
		what => 'from a position on, in order',
		sql => q{SELECT commit_id, aggregate_id, version FROM commits WHERE commit_id > 15 ORDER BY commit_id},
		requests => [
			q{Query commits.byId: active = 't' AND commitId >= 16; fetch key, commitId},
		],
		items => 5,
		compare => 'order',
	}, {
		what => 'the next few',
		sql => q{SELECT * FROM commits WHERE commit_id > 5 ORDER BY commit_id LIMIT 3},
		requests => [
			q{Query commits.byId: active = 't' AND commitId >= 6; Limit 3; fetch key, amount, author, commitId, committedAt, events},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'newest first',
		sql => q{SELECT commit_id FROM commits ORDER BY commit_id DESC LIMIT 2},
		requests => [
			q{Query commits.byId: active = 't'; Limit 2; backward; fetch key, commitId},
		],
		items => 2,
		compare => 'order',
	}, {
		what => 'the last commit id',
		sql => q{SELECT max(commit_id) FROM commits},
		requests => [
			q{Query commits.byId: active = 't'; Limit 1; backward; fetch key, commitId},
		],
		items => 1,
	}, {
		what => 'the first commit id',
		sql => q{SELECT min(commit_id) FROM commits},
		requests => [
			q{Query commits.byId: active = 't'; Limit 1; fetch key, commitId},
		],
		items => 1,
	}, {
		what => 'one commit by its id',
		sql => q{SELECT aggregate_id, version FROM commits WHERE commit_id = 4::smallint},
		requests => [
			q{Query commits.byId: active = 't' AND commitId = 4; fetch key},
		],
		items => 1,
	}, {
		what => 'rows that are compared: by their first column',
		sql => q{SELECT commit_id FROM commits WHERE (commit_id, version) > (18, 100)},
		requests => [
			q{Query commits.byId: active = 't' AND commitId >= 18; fetch key, commitId},
		],
		items => 3,
	}, {
		what => 'a list of ids: neighbours are one range',
		sql => q{SELECT commit_id FROM commits WHERE commit_id = ANY ('{9,3,4,4}'::int[])},
		requests => [
			q{Query commits.byId: active = 't' AND commitId = 9; fetch key, commitId},
			q{Query commits.byId: active = 't' AND commitId BETWEEN 3 AND 4; fetch key, commitId},
		],
		items => 3,
		parallel => 1,
	}, {
		what => 'everything, in order',
		sql => q{SELECT commit_id, aggregate_id FROM commits ORDER BY commit_id},
		requests => [
			q{Query commits.byId: active = 't'; fetch key, commitId},
		],
		items => 20,
		compare => 'order',
	} ],
}
