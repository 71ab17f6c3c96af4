# dynamodb_es_append appends all of its rows or none, and only if nothing came that stands in the way, whatever happens to a request or to the
# index meanwhile. That many sessions at once cannot get past it is t/119_decide_proof.pl's.
# Engine: local
# (it has transactions)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Interrupt;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;


my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $admin = Session->new($node);
my $columns = '(commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)';
$admin->create_table('counting', $ENV{DYNAMODB_ENDPOINT});
$admin->create_table('elsewhere', $fault->endpoint, max_attempts => 3);
$admin->query("CREATE FOREIGN TABLE events $columns SERVER elsewhere_server OPTIONS (append_mode 'dense')");
$admin->query("CREATE FOREIGN TABLE hasty $columns SERVER elsewhere_server OPTIONS (append_mode 'dense', gap_timeout_ms '1000')");
$admin->query("CREATE FOREIGN TABLE dense $columns SERVER counting_server OPTIONS (append_mode 'dense')");
$admin->query(q{SELECT dynamodb_es_create_tables('counting')});

my $session = Session->new($node);

# Rows of `events`, each from [aggregate, version], and the call with them.
sub rows { return 'ARRAY[' . join(', ', map { "ROW(NULL, NULL, '$_->[0]', $_->[1], '[]')::events" } @_) . ']' }
sub call
{
	my ($rows, $after, $unless) = @_;
	return "SELECT * FROM dynamodb_es_append($rows, $after" . (defined $unless ? ', $q$' . $unless . '$q$' : '') . ')';
}
sub append { my @arguments = @_; return $session->try(call(@arguments)) }
sub others { my ($aggregate, $version) = @_; return scalar $admin->query("INSERT INTO dense (aggregate_id, version, events) VALUES ('$aggregate', $version, '[]')") }
sub stored { my ($aggregate) = @_; return scalar $admin->query("SELECT count(*) FROM counting WHERE aggregate_id = '$aggregate'") }
sub outcome
{
	my ($result) = @_;
	return $result->{error}{sqlstate} if $result->{error};
	return join ' ', map { "$_->[0]:$_->[2]/$_->[3]" } @{ $result->{rows} };
}
sub refused
{
	my ($name, $result, $sqlstate, $message, $detail) = @_;
	is(outcome($result), $sqlstate, "$name: $sqlstate");
	like($result->{error}{message} // '', $message, "$name: it says so");
	like($result->{error}{detail} // '', $detail, "$name: and what of") if $detail;
	return;
}

# Where nothing came in between it is one request; where something did, one read of that more.
{
	is(outcome(append(rows([ 'a', 0 ]), 0)), '1:a/0', 'the first commit of a store');
	is(join(' ', $fault->operations), 'TransactWriteItems', 'in one request');
	$fault->rules;
	is(outcome(append(rows([ 'a', 'NULL' ], [ 'b', 0 ], [ 'a', 'NULL' ]), 1, 'SELECT FROM batch')), '2:a/1 3:b/0 4:a/2', 'several, and next versions');
	is(join(' ', $fault->operations), 'Query TransactWriteItems', 'in one request, and one for the last version');
	my $result = append(rows([ 'c', 0 ]), 3);
	refused('something came', $result, '40001', qr/\Acommit 4 stands in the way of an append to foreign table "events"\z/, qr/\AIt came after commit id 3: aggregate "a", version 2\.\z/);
	$fault->rules;
	is(outcome(append(rows([ 'c', 0 ]), 1, q{SELECT FROM batch WHERE aggregate_id = 'c'})), '5:c/0', 'what came does not stand in the way');
	is(join(' ', $fault->operations), 'TransactWriteItems Query TransactWriteItems', 'for a refused request and a read more');
	refused('one of them does', append(rows([ 'c', 1 ]), 1, q{SELECT max(commit_id) AS commit_id FROM batch WHERE aggregate_id = 'a'}), '40001', qr/\Acommit 4 stands/, qr/"a", version 2\./);
	refused('all of them', append(rows([ 'c', 1 ]), 2, q{SELECT 1 FROM batch HAVING count(*) >= 3}), '40001', qr/\Acommits 3 to 5 stand/, qr/"unless" returns a row over what came after commit id 2/);
	refused('of one there is no doubt', append(rows([ 'c', 1 ]), 4, q{SELECT 1 FROM batch}), '40001', qr/\Acommit 5 stands/, qr/"c", version 0\./);
	is(outcome(append(rows([ 'c', 1 ]), 1, q{SELECT 1 FROM batch HAVING count(*) <> 4 OR sum(commit_id) <> 14 OR count(committed_at) <> 4})), '6:c/1', 'the query sees each commit, with all columns');
	is(outcome(append(q{'{}'::events[]}, 0)), '', 'no rows are nothing to do');
}

# A version that is taken: whoever has decided by an older state decides anew, where what came since stands in the way.
{
	refused('taken, and it came since', append(rows([ 'c', 1 ]), 5), '40001', qr/commit 6/);
	refused('taken, and nothing came', append(rows([ 'a', 0 ]), 6), '23505', qr/version already exists/, qr/"a", version 0/);
	refused('taken, and what came does not matter', append(rows([ 'c', 1 ]), 5, 'SELECT WHERE false'), '23505', qr/version already exists/);
	refused('two rows of one version', append(rows([ 'x', 0 ], [ 'x', 0 ]), 6), '23505', qr/version already exists/, qr/Two rows/);
	refused('of several rows none is stored', append(rows([ 'x', 0 ], [ 'a', 0 ]), 6), '23505', qr/version already exists/);
	is(stored('x'), 0, 'none is');
}

# Others take the next id again and again: each time what came is read, and all of it is asked about.
{
	my $head = $plain->head;
	$fault->rules({ operation => 'TransactWriteItems', name => 'caught', before => 'stall', times => 4 });
	$session->send(call(rows([ 'late', 0 ]), $head, q{SELECT FROM batch HAVING count(*) = 4}));
	for my $round (0 .. 2)
	{
		$fault->wait_for(event => 'request', operation => 'TransactWriteItems', rule => 'caught');
		others('r', $round);
		$fault->release;
	}
	$fault->wait_for(event => 'request', operation => 'TransactWriteItems', rule => 'caught');
	$fault->release;
	is(outcome($session->result), ($head + 4) . ':late/0', 'three lost races and a success');
	my $after = $plain->head;
	$fault->rules({ operation => 'TransactWriteItems', name => 'caught', before => 'stall', times => 2 });
	$session->send(call(rows([ 'late', 1 ]), $after, q{SELECT FROM batch HAVING count(*) >= 2}));
	for my $round (3 .. 4)
	{
		$fault->wait_for(event => 'request', operation => 'TransactWriteItems', rule => 'caught');
		others('r', $round);
		$fault->release;
	}
	refused('together they stand in the way', $session->result, '40001', qr/\Acommits @{[ $after + 1 ]} to @{[ $after + 2 ]} stand/);
}

# A session that always loses gives up, and has stored nothing.
{
	my $head = $plain->head;
	$fault->rules({ operation => 'TransactWriteItems', name => 'caught', before => 'stall' });
	$session->send(call(rows([ 'starved', 0 ]), $head, 'SELECT WHERE false'));
	for my $round (0 .. 25)
	{
		$fault->wait_for(event => 'request', operation => 'TransactWriteItems', rule => 'caught');
		others('faster', $round);
		$fault->release;
	}
	refused('26 lost races', $session->result, '40001', qr/a transaction in DynamoDB conflicts with the statement on foreign table "events"/, qr/others took the next commit id too often/);
	is(join(' ', $fault->operations), '', '26 lost races: it is not tried again');
	is(stored('starved'), 0, '26 lost races: nothing is stored');
	is($plain->head, $head + 26, '26 lost races: the others are');
	$fault->rules;
}

# Others take the next version together with the next id: the version is looked for again once what came is known, not before.
{
	my $head = $plain->head;
	others('raced', 0);
	$fault->rules({ operation => 'TransactWriteItems', name => 'caught', before => 'stall', times => 1 });
	$session->send(call(rows([ 'raced', 'NULL' ]), $head + 1, 'SELECT WHERE false'));
	$fault->wait_for(event => 'request', operation => 'TransactWriteItems', rule => 'caught');
	others('raced', 1);
	$fault->release;
	is(outcome($session->result), ($head + 3) . ':raced/2', 'a next version that others took: the one after it');
	is(join(' ', $fault->operations), 'Query Query TransactWriteItems', 'for a read of what came, and of the last version');
}

# The index lags behind: nothing is decided before every id is seen.
{
	my $head = $plain->head;
	others('lag', 0);
	$fault->rules({ operation => 'Query', times => 2, answer => { status => 200, body => { Items => [], Count => 0, ScannedCount => 0 } } });
	refused('an index that lags', append(rows([ 'lag', 1 ]), $head, q{SELECT commit_id FROM batch WHERE aggregate_id = 'lag'}), '40001', qr/commit @{[ $head + 1 ]} /);
	like(join(' ', $fault->operations), qr/\ATransactWriteItems(?: Query GetItem){2} Query\z/, 'it is read until the commit is there');
	$fault->rules({ operation => 'Query', answer => { status => 200, body => { Items => [], Count => 0, ScannedCount => 0 } } });
	my $result = append(q{ARRAY[ROW(NULL, NULL, 'lag', 1, '[]')::hasty]}, $head, 'SELECT WHERE false');
	refused('an id that stays away', $result, '55000', qr/are missing: @{[ $head + 1 ]}\z/);
	like($result->{error}{hint}, qr/decide by a position from them on/, 'an id that stays away: what the caller can do');
	is(stored('lag'), 1, 'nothing is appended');
	$fault->rules;
	# An appender that is not dense: its id is burned, or its commit is on its way.
	$admin->query(q{INSERT INTO counting (aggregate_id, version, events) VALUES ('lag', 0, '[]') ON CONFLICT DO NOTHING});
	is(outcome(append(rows([ 'lag', 1 ]), $head + 1)), ($head + 3) . ':lag/1', 'an id that is burned is no commit');
}

# Which position.
{
	my $head = $plain->head;
	refused('beyond the counter', append(rows([ 'x', 0 ]), $head + 5), '55000', qr/has not reached the position @{[ $head + 5 ]}\z/, qr/is $head\./);
	refused('so far that no ids are behind it', append(rows([ 'x', 0 ]), '9223372036854775807'), '55000', qr/has not reached the position 9223372036854775807\z/, qr/is $head\./);
	refused('no id', append(rows([ 'x', 0 ]), -1), '22023', qr/a commit id cannot be -1/);
	refused('none', append(rows([ 'x', 0 ]), 'NULL'), '22023', qr/"after" must not be NULL/);
}

# Which rows, and of which table.
{
	$admin->query('CREATE TABLE heap (LIKE events)');
	$admin->query('CREATE VIEW seen AS SELECT * FROM events');
	$admin->query("CREATE FOREIGN TABLE feed $columns SERVER elsewhere_server OPTIONS (append_mode 'dense', consistent_prefix 'true')");
	$admin->query("CREATE FOREIGN TABLE deferred $columns SERVER elsewhere_server OPTIONS (append_mode 'dense', append_at 'commit')");
	$admin->query("CREATE FOREIGN TABLE watched $columns SERVER elsewhere_server OPTIONS (append_mode 'dense')");
	$admin->query('CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$');
	$admin->query('CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch()');
	$admin->query("CREATE FOREIGN TABLE computed (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, twice bigint GENERATED ALWAYS AS (version * 2) STORED) SERVER elsewhere_server OPTIONS (append_mode 'dense')");
	my $row = q{ROW(NULL, NULL, 'x', 0, '[]')};
	$fault->rules;
	for (
		[ 'NULL', 'NULL::events[]', '22023', qr/"commits" must not be NULL/ ],
		[ 'a row that is NULL', "ARRAY[$row, NULL]::events[]", '22023', qr/a row of "commits" is NULL/ ],
		[ 'numbers', 'ARRAY[1]', '22023', qr/no array of rows of a foreign table/ ],
		[ 'rows of no type', "ARRAY[$row]", '22023|42.*', qr/./ ],
		[ 'rows of a table', "ARRAY[$row]::heap[]", '22023', qr/no array of rows of a foreign table/ ],
		[ 'rows of a view', "ARRAY[$row]::seen[]", '22023', qr/no array of rows of a foreign table/ ],
		[ 'a feed table', "ARRAY[$row]::feed[]", '0A000', qr/feed table/ ],
		[ 'a store that is not dense', "ARRAY[$row]::counting[]", '0A000', qr/cannot append to foreign table "counting" by dynamodb_es_append/ ],
		[ 'rows that wait for the commit', "ARRAY[$row]::deferred[]", '0A000', qr/"deferred"/ ],
		[ 'triggers', "ARRAY[$row]::watched[]", '0A000', qr/"watched"/ ],
		[ 'generated columns', q{ARRAY[ROW(NULL, NULL, 'x', 0, '[]', NULL)]::computed[]}, '0A000', qr/"computed"/ ],
		[ 'too many', q{ARRAY(SELECT ROW(NULL, NULL, 'x', n, '[]')::events FROM generate_series(0, 99) n)}, '54000', qr/too many rows/ ],
		[ 'too large', q{ARRAY(SELECT ROW(NULL, NULL, 'x', n, to_jsonb(ARRAY[repeat('x', 400 * 1024 - 200)]))::events FROM generate_series(0, 10) n)}, '54000', qr/a limit of DynamoDB is exceeded/ ],
		[ 'an id', q{ARRAY[ROW(7, NULL, 'x', 0, '[]')]::events[]}, '428C9', qr/commit_id/ ],
		[ 'no events', q{ARRAY[ROW(NULL, NULL, 'x', 0, NULL)]::events[]}, '23502', qr/events/ ])
	{
		my ($name, $rows, $sqlstate, $message) = @$_;
		my $result = append($rows, 0);
		like(outcome($result), qr/\A(?:$sqlstate)\z/, "$name: $sqlstate") or diag $result->{error}{message};
		like($result->{error}{message} // '', $message, "$name: it says so");
	}
	is(join(' ', $fault->operations), '', 'nothing was sent');
	$fault->rules;
	my $result = append(q{ARRAY(SELECT ROW(NULL, NULL, 'many', n, '[]')::events FROM generate_series(0, 98) n)}, $plain->head);
	is(scalar @{ $result->{rows} }, 99, '99 rows go together');
	is(join(' ', $fault->operations), 'TransactWriteItems', 'in one request');
}

# Which query. It is looked at before anything is sent, changes nothing, and sees the local tables as they are when it is asked.
{
	my $head = $plain->head;
	$fault->rules;
	for ([ 'no SQL', 'SELEKT', '42601' ], [ 'no query', 'DELETE FROM heap', '22023' ], [ 'nothing', ' ', '22023' ], [ 'rows that it changes', 'DELETE FROM heap RETURNING 1', '22023' ],
		[ 'no SELECT', 'EXPLAIN SELECT FROM batch', '22023' ], [ 'a setting', 'SHOW work_mem', '22023' ], [ 'a new table', 'SELECT * INTO more FROM batch', '22023' ], [ 'a parameter', 'SELECT $1', '42P02' ],
		[ 'it changes rows', 'WITH gone AS (DELETE FROM heap RETURNING 1) SELECT FROM gone', '0A000' ], [ 'it locks rows', 'SELECT FROM heap FOR UPDATE', '0A000' ], [ 'two', 'SELECT 1; SELECT 2', '22023' ], [ 'no such column', 'SELECT nothing FROM batch', '42703' ])
	{
		my ($name, $query, $sqlstate) = @$_;
		is(outcome(append(rows([ 'q', 0 ]), $head, $query)), $sqlstate, "$name: $sqlstate");
	}
	is(join(' ', $fault->operations), '', 'nothing was sent');
	others('q', 0);
	for ([ 'it locks rows within', 'SELECT FROM batch WHERE EXISTS (SELECT FROM heap FOR UPDATE)', '0A000' ], [ 'it fails', 'SELECT 1 / 0 FROM batch', '22012' ])
	{
		my ($name, $query, $sqlstate) = @$_;
		is(outcome(append(rows([ 'q', 1 ]), $head, $query)), $sqlstate, "$name: $sqlstate");
	}
	is(outcome(append(rows([ 'q', 1 ]), $head + 1)), ($head + 2) . ':q/1', 'and the session goes on');

	$admin->query('CREATE TABLE limits (aggregate text)');
	for (my $level = 0; $level < 2; $level++)
	{
		my $isolation = ('READ COMMITTED', 'REPEATABLE READ')[$level];
		$head = $plain->head;
		$admin->query('TRUNCATE limits');
		others('isolation', $level);
		$session->query("BEGIN ISOLATION LEVEL $isolation");
		$session->query('SELECT FROM limits');
		$fault->rules({ operation => 'Query', name => 'caught', before => 'stall', times => 1 });
		$session->send(call(rows([ "i$level", 0 ]), $head, 'SELECT commit_id FROM batch JOIN limits ON aggregate_id = aggregate'));
		$fault->wait_for(operation => 'Query', rule => 'caught');
		$admin->query(q{INSERT INTO limits VALUES ('isolation')});
		$fault->release;
		is(outcome($session->result), $level ? ($head + 2) . ':i1/0' : '40001', "$isolation: what others have committed meanwhile " . ($level ? 'is not seen' : 'is seen'));
		$session->query('ROLLBACK');
	}
	$session->query('BEGIN');
	$session->query(q{INSERT INTO limits VALUES ('own')});
	others('own', 0);
	is(outcome(append(rows([ 'own', 1 ]), $plain->head - 1, 'SELECT FROM batch JOIN limits ON aggregate_id = aggregate')), '40001', 'nor is what the transaction itself has done missed');
	$session->query('ROLLBACK');
}

# What functions in the query do is its own doing, too. One that appends for each row would have more rows to look at each time.
{
	my %does = (
		appends => q{PERFORM dynamodb_es_append(ARRAY[ROW(NULL, NULL, 'within', NULL, '[]')]::events[], id, 'SELECT WHERE false')},
		inserts => q{INSERT INTO dense (aggregate_id, events) VALUES ('within', '[]')},
		defers => q{INSERT INTO deferred (aggregate_id, events) VALUES ('within', '[]')},
		expects => q{PERFORM dynamodb_es_expect('deferred', id)},
		counts => q{INSERT INTO counting (aggregate_id, events) VALUES ('within', '[]')},
		keeps => q{INSERT INTO limits VALUES ('within')},
		catches => q{BEGIN INSERT INTO limits VALUES ('within'); EXCEPTION WHEN division_by_zero THEN NULL; END},
		frees => q{SET LOCAL transaction_read_only = off; INSERT INTO limits VALUES ('within')});
	for my $name (sort keys %does)
	{
		my $head = $plain->head;
		$admin->query("CREATE FUNCTION $name(id bigint) RETURNS boolean LANGUAGE plpgsql AS \$f\$ BEGIN $does{$name}; RETURN false; END \$f\$");
		others($name, 0);
		$fault->rules;
		my $result = append(rows([ $name, 1 ]), $head, "SELECT commit_id FROM batch WHERE $name(commit_id)");
		is(outcome($result), $name eq 'frees' ? '25001' : '25006', "a function that $name: refused") or diag $result->{error}{message};
		is(join(' ', $fault->operations), 'TransactWriteItems Query', "a function that $name: before any request");
		is($plain->head, $head + 1, "a function that $name: nothing is stored");
	}
	my $head = $plain->head;
	like($session->try("DO \$\$ BEGIN PERFORM dynamodb_es_append(ARRAY[ROW(NULL, NULL, 'x', 9, '[]')]::events[], @{[ $head - 1 ]}, 'SELECT FROM batch WHERE keeps(commit_id)');"
		. " EXCEPTION WHEN read_only_sql_transaction THEN INSERT INTO limits VALUES ('caught'); END \$\$")->{tag} // '', qr/\ADO\z/, 'an error of it can be caught');
	is(join(',', map { $_->[0] } $admin->query(q{SELECT aggregate FROM limits WHERE aggregate IN ('within', 'caught')})), 'caught', 'and the transaction goes on as it was');
	is(outcome(append(rows([ 'writes', 0 ]), $head - 1, 'SELECT commit_id FROM batch WHERE false')), ($head + 1) . ':writes/0', 'as it does after an answer');
	is($session->try(q{INSERT INTO limits VALUES ('after')})->{tag}, 'INSERT 0 1', 'it writes again');
}

# Others of the same database have the turn: by the time it comes something came, so that is read first, and no request is wasted.
{
	my $head = $plain->head;
	my $second = Session->new($node);
	$fault->rules({ operation => 'TransactWriteItems', name => 'caught', before => 'stall', times => 1 });
	$session->send(call(rows([ 'first', 0 ]), $head));
	$fault->wait_for(operation => 'TransactWriteItems', rule => 'caught');
	$second->send(call(rows([ 'second', 0 ]), $head, q{SELECT FROM batch WHERE aggregate_id = 'second'}));
	ok(Session::comes(sub { $admin->query(q{SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND pid = } . $second->pid) }), 'it waits for its turn');
	$fault->release;
	is(outcome($session->result), ($head + 1) . ':first/0', 'the one before it is stored');
	is(outcome($second->result), ($head + 2) . ':second/0', 'and then its own');
	is(join(' ', $fault->operations), 'Query TransactWriteItems', 'for which it looked first');
}

# What becomes of it where answers are lost: the request's token decides.
for my $when (qw(before after))
{
	my $head = $plain->head;
	$fault->rules({ operation => 'TransactWriteItems', $when => 'reset', times => 1 });
	is(outcome(append(rows([ "lost $when", 0 ]), $head)), ($head + 1) . ":lost $when/0", "an answer lost $when it was carried out, once: stored, once");
	$fault->rules({ operation => 'TransactWriteItems', $when => 'reset' });
	my $result = append(rows([ "lost $when", 1 ]), $head + 1);
	is(outcome($result), '08007', "$when, each time: unknown");
	like($result->{error}{detail}, qr/aggregate "lost $when", version 1, commit id @{[ $head + 2 ]}, was lost/, "$when, each time: and of what");
	$fault->rules;
	is(stored("lost $when"), $when eq 'after' ? 2 : 1, "$when: what became of it");
}

# With a token it may be repeated.
{
	$admin->query('CREATE FOREIGN TABLE tokens (commit_id bigint, aggregate_id text, version bigint, events jsonb, token text) SERVER elsewhere_server'
		. q{ OPTIONS (append_mode 'dense', append_token 'token')});
	my $head = $plain->head;
	my $append = qq{SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, 'token', 0, '[]', 't0'), ROW(NULL, 'token', 1, '[]', 't1')]::tokens[], $head)};
	$fault->rules({ operation => 'TransactWriteItems', after => 'reset' });
	is($session->try($append)->{error}{sqlstate}, '08007', 'unknown');
	$fault->rules;
	others('behind', 0);
	for my $again (1 .. 2)
	{
		is_deeply($session->try($append)->{rows}, [ [ $head + 1 ], [ $head + 2 ] ], "repeated, it is a success with the same ids: $again");
	}
	is(stored('token'), 2, 'and stored once');
}

# An engine without transactions.
{
	my $head = $plain->head;
	$fault->rules({ operation => 'TransactWriteItems', answer => { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#UnknownOperationException' } } });
	refused('an engine without transactions', append(rows([ 'none', 0 ]), $head), '0A000', qr/has no transactions/);
	$fault->rules;
}

# Its place in a transaction: final at its end, and said to stay.
{
	my $head = $plain->head;
	$session->query('BEGIN');
	is(outcome(append(rows([ 'stays', 0 ]), $head)), ($head + 1) . ':stays/0', 'in a transaction');
	like($session->try('ROLLBACK')->{notices}[0]{message}, qr/\A1 commit of the rolled back transaction stays/, 'a rollback warns of it');
	$session->query('BEGIN READ ONLY');
	is(outcome(append(rows([ 'stays', 1 ]), $head + 1)), '25006', 'not in one that only reads');
	$session->query('ROLLBACK');
	$session->query(<<'SQL');
DO $$
BEGIN
  PERFORM dynamodb_es_append(ARRAY[ROW(NULL, NULL, 'stays', 1, '[]')]::events[], 0);
EXCEPTION WHEN serialization_failure THEN
  PERFORM dynamodb_es_append(ARRAY[ROW(NULL, NULL, 'stays', 1, '[]')]::events[], dynamodb_es_head('events'));
END $$
SQL
	is(stored('stays'), 2, 'a refusal can be caught');
	# The turn is given back, whatever the end: others need not wait.
	my $other = Session->new($node);
	is(outcome($other->try(call(rows([ 'turn', 0 ]), $head + 2))), ($head + 3) . ':turn/0', 'no turn is left behind');
}

# Each wait can be ended.
{
	my $head = $plain->head;
	others('waits', 0);
	my %waits = (sql => call(rows([ 'waits', 1 ]), $head, 'SELECT WHERE false'), works => [ "SELECT count(*) FROM counting WHERE aggregate_id = 'waits'", 1 ]);
	ends_at_once(
		$node, $admin, 'silent at the read of what came', %waits, seen => 1,
		prepare => sub { $fault->rules({ operation => 'Query', name => 'caught', before => 'stall' }) },
		reached => sub { $fault->wait_for(operation => 'Query', rule => 'caught') });
	ends_at_once(
		$node, $admin, 'an index that lags', %waits,
		prepare => sub { $fault->rules({ operation => 'Query', answer => { status => 200, body => { Items => [], Count => 0, ScannedCount => 0 } } }) },
		reached => sub { $fault->wait_for(operation => 'Query') });
	$fault->rules;
	is(outcome($session->try($waits{sql})), ($head + 2) . ':waits/1', 'and nobody has kept the turn');
}

# Who may.
{
	$admin->query('CREATE ROLE decider');
	$admin->query(q{CREATE USER MAPPING FOR decider SERVER elsewhere_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret')});
	my $decider = Session->new($node);
	$decider->query('SET ROLE decider');
	for my $right (qw(INSERT SELECT))
	{
		is(outcome($decider->try(call(rows([ 'w', 0 ]), 0, 'SELECT FROM batch'))), '42501', "without $right: refused");
		$admin->query("GRANT $right ON events TO decider");
	}
	$admin->query('CREATE TABLE secrets ()');
	my $head = $plain->head;
	is(outcome($decider->try(call(rows([ 'w', 0 ]), $head))), ($head + 1) . ':w/0', 'with both: done');
	is(outcome($decider->try(call(rows([ 'w', 1 ]), 0, 'SELECT FROM secrets'))), '42501', 'the query is the user\'s own');
}

$fault->stop;
$node->stop;
done_testing();
