+{
	section => 'LIMIT, EXISTS, cursors',
	text => <<'TEXT',
How many rows will be taken is sent as `Limit`, so that no more items are read.
TEXT
	cases => [ {
		what => 'a constant LIMIT and OFFSET',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version LIMIT 3 OFFSET 2},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 5; fetch key},
		],
		items => 5,
		compare => 'order',
	}, {
		what => 'LIMIT and OFFSET as parameters',
		sql => q{PREPARE page(int, int) AS SELECT commit_id FROM commits ORDER BY commit_id LIMIT $1 OFFSET $2; EXECUTE page(2, 1)},
		before => 'SET plan_cache_mode = force_generic_plan',
		requests => [
			q{Query commits.byId: active = 't'; Limit 3; fetch key, commitId},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'LIMIT from a subquery',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version LIMIT (SELECT count(*) FROM few WHERE id = 'a')},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 3; fetch key},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'any few rows',
		sql => q{SELECT aggregate_id FROM commits LIMIT 5},
		requests => [
			q{Scan commits: Limit 5; fetch key},
		],
		items => 5,
		compare => 'count',
	}, {
		what => 'with ties',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version FETCH FIRST 2 ROWS WITH TIES},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 3; fetch key},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'of two aggregates, which are read together',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' UNION ALL SELECT version FROM commits WHERE aggregate_id = 'b' LIMIT 3},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 3; fetch key},
		],
		perhaps => [ q{Query commits: aggregateId = 'b'; Limit 3; fetch key} ],
		items => '3 of each',
		after => q{SELECT count(*) FROM commits WHERE aggregate_id = 'b'},    # until the request left under way is through
		compare => 'count',
	}, {
		what => 'the oldest, which nothing but a sort can find',
		sql => q{SELECT commit_id FROM commits ORDER BY committed_at, aggregate_id LIMIT 2},
		requests => [
			q{Scan commits: fetch key, commitId, committedAt},
		],
		items => 20,
		compare => 'order',
	}, {
		what => 'LIMIT behind a filter',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND author = 'ann' ORDER BY version LIMIT 1},
		requests => [
			q{Query commits: aggregateId = 'a'; filter author = 'ann'; Limit 100; fetch key},
		],
		items => 10,
		compare => 'order',
	}, {
		what => 'LIMIT behind a condition that only PostgreSQL can check',
		sql => q{SELECT version FROM commits WHERE aggregate_id = 'a' AND events @> '[4]' ORDER BY version LIMIT 1},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 4; fetch key, events},
			q{Query commits: aggregateId = 'a'; Limit 16; fetch key, events; the next page},
		],
		items => 10,
		compare => 'order',
	}, {
		what => 'a cursor',
		sql => q{BEGIN; DECLARE c CURSOR FOR SELECT commit_id FROM commits ORDER BY commit_id; FETCH 2 FROM c; FETCH 3 FROM c; COMMIT},
		requests => [
			q{Query commits.byId: active = 't'; Limit 100; fetch key, commitId},
		],
		items => 20,
		compare => 'order',
	}, {
		what => 'a cursor over a join',
		sql => q{BEGIN; DECLARE c CURSOR FOR SELECT commit_id, event FROM commits, jsonb_array_elements(events) event ORDER BY commit_id; FETCH 10 FROM c; COMMIT},
		requests => [
			q{Query commits.byId: active = 't'; Limit 100; fetch key, commitId, events},
		],
		items => 20,
		compare => 'order',
	}, {
		what => 'the events of the commits: as many commits as rows are wanted, to begin with',
		sql => q{SELECT commit_id, event FROM commits, jsonb_array_elements(events) event ORDER BY commit_id LIMIT 3},
		requests => [
			q{Query commits.byId: active = 't'; Limit 3; fetch key, commitId, events},
		],
		items => 3,
		compare => 'order',
	}, {
		what => 'the newest of a view that does the same',
		sql => q{SELECT * FROM events ORDER BY commit_id DESC LIMIT 10},
		requests => [
			q{Query commits.byId: active = 't'; Limit 10; backward; fetch key, commitId, events},
		],
		items => 10,
		compare => 'order',
	}, {
		what => 'the newest events, in the list of columns',
		sql => q{SELECT commit_id, jsonb_array_elements(events) AS event FROM commits ORDER BY commit_id DESC LIMIT 10},
		requests => [
			q{Query commits.byId: active = 't'; Limit 10; backward; fetch key, commitId, events},
		],
		items => 10,
		compare => 'order',
	}, {
		what => 'a join, in order: if it drops commits, more are asked for',
		sql => q{SELECT commit_id, author FROM commits JOIN (VALUES ('bob'), ('nobody')) of (name) ON author = name ORDER BY commit_id LIMIT 3},
		requests => [
			q{Query commits.byId: active = 't'; Limit 3; fetch key, author, commitId},
			q{Query commits.byId: active = 't'; Limit 12; fetch key, author, commitId; the next page},
		],
		items => 15,
		compare => 'order',
	}, {
		what => 'the last commit of each aggregate',
		sql => q{SELECT id, version, events FROM few, LATERAL (SELECT version, events FROM commits WHERE aggregate_id = id ORDER BY version DESC LIMIT 1) l},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; backward; fetch key, events},
			q{Query commits: aggregateId = 'b'; Limit 1; backward; fetch key, events},
			q{Query commits: aggregateId = 'none'; Limit 1; backward; fetch key, events},
		],
		items => 2,
		parallel => 1,
	}, {
		what => 'which of these exist?',
		sql => q{SELECT DISTINCT id FROM few WHERE EXISTS (SELECT FROM commits WHERE aggregate_id = id)},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'none'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
		],
		items => 5,
		parallel => 1,
	}, {
		what => 'which of these do not?',
		sql => q{SELECT DISTINCT id FROM few WHERE NOT EXISTS (SELECT FROM commits WHERE aggregate_id = id)},
		requests => [
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'none'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'b'; Limit 1; fetch key},
			q{Query commits: aggregateId = 'a'; Limit 1; fetch key},
		],
		items => 5,
		parallel => 1,
	} ],
}
