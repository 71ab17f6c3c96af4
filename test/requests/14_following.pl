+{
	section => 'Following',
	text => <<'TEXT',
`feed` is a feed table over a store of its own, `followed`: commits 1, 2, 3, 5 and 7; 4 is burned, of 6 nothing is known. Behind them are commits with old stamps: 9, 11, 13, 14 and 15 of
two hours ago, 17 of ten minutes ago. A Query along the index, and a look at the burn note of each gap that is not old; a gap that is given up is looked at once more. Once a minute a session that
finds nothing reads the counter, eventually consistent.
TEXT
	cases => [ {
		what => 'nothing new, for the first time in a minute',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 17 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId >= 18; Limit 1000; fetch key, appendedAt, commitId, committedAt},
			q{GetItem followed-counters: name = 'commits'},
		],
		compare => 0,
	}, {
		what => 'nothing new',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 17 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId >= 18; Limit 1000; fetch key, appendedAt, commitId, committedAt},
		],
		compare => 0,
	}, {
		what => 'new commits',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 0 AND commit_id < 4 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId BETWEEN 1 AND 3; Limit 1000; fetch key, appendedAt, commitId, committedAt},
		],
		items => 3,
		compare => 0,
	}, {
		what => 'a gap that is burned',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 3 AND commit_id < 6 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId BETWEEN 4 AND 5; Limit 1000; fetch key, appendedAt, commitId, committedAt},
			q{GetItem followed-counters: name = 'commits#burned#4'},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'each look at a gap that is open',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 5 AND commit_id < 8 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId BETWEEN 6 AND 7; Limit 1000; fetch key, appendedAt, commitId, committedAt},
			q{GetItem followed-counters: name = 'commits#burned#6'},
		],
		items => 1,
		compare => 0,
	}, {
		what => 'old gaps',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 7 AND commit_id < 16 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId BETWEEN 8 AND 15; Limit 1000; fetch key, appendedAt, commitId, committedAt},
		],
		items => 5,
		compare => 0,
	}, {
		what => 'a gap that is given up',
		sql => q{SELECT commit_id FROM feed WHERE commit_id > 15 ORDER BY commit_id LIMIT 1000},
		requests => [
			q{Query followed.byId: active = 't' AND commitId >= 16; Limit 1000; fetch key, appendedAt, commitId, committedAt},
			q{GetItem followed-counters: name = 'commits#burned#16'},
			q{Query followed.byId: active = 't' AND commitId = 16; fetch key, appendedAt, commitId, committedAt},
		],
		items => 1,
		compare => 0,
	} ],
}
