# What a join with a store does when another session holds its local rows, and what ends several stores that are read at once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Pages;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;

my $server = Pages->new;
my ($observer, $holder, $session) = map { Session->new($node) } 1 .. 3;
$observer->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$observer->query(q{SELECT dynamodb_es_create_tables('commits')});
$observer->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT a, v, '[]' FROM unnest('{a,b,c}'::text[]) a, generate_series(0, 3) v});
$observer->query(q{CREATE TABLE accounts (aggregate_id text, seen bigint, note text)});

sub wait_for_lock
{
	my $waits = "SELECT wait_event_type IS NOT DISTINCT FROM 'Lock' FROM pg_stat_activity WHERE pid = " . $session->pid;
	Session::comes(sub { $observer->query($waits) eq 't' }) or die 'the session waits for no lock';
	return;
}

# One session changes the accounts and commits while the other waits for them: rows are then judged as they have become.
sub recheck
{
	my ($name, $change, $sql, $expected) = @_;
	for my $join ('nestloop', 'hashjoin', 'mergejoin')
	{
		my @others = grep { $_ ne $join } qw(nestloop hashjoin mergejoin);
		$observer->query(q{TRUNCATE accounts; INSERT INTO accounts VALUES ('a', 0, 'x'), ('b', 1, 'x'), ('c', 2, 'x')});
		$holder->query("BEGIN; $change");
		$session->query(join '; ', (map { "SET enable_$_ = off" } @others), "SET enable_$join = on");
		$session->send($sql);
		wait_for_lock();
		$holder->query('COMMIT');
		my $result = $session->result;
		is($result->{error} && $result->{error}{message}, undef, "$name, $join: no error");
		is(join(' ', sort map { join '', @$_ } @{ $result->{rows} }), $expected, "$name, $join: the rows");
	}
	return;
}

my $update = q{UPDATE accounts SET note = c.version FROM commits c WHERE c.aggregate_id = accounts.aggregate_id AND c.version = accounts.seen RETURNING accounts.aggregate_id, note};
recheck('a row that still matches', q{UPDATE accounts SET note = 'y' WHERE aggregate_id = 'b'}, $update, 'a0 b1 c2');
recheck('a row that matches no more', q{UPDATE accounts SET seen = 9 WHERE aggregate_id = 'b'}, $update, 'a0 c2');
recheck('a row whose key has changed', q{UPDATE accounts SET aggregate_id = 'c' WHERE aggregate_id = 'b'}, $update, 'a0 c2');
recheck('a row that is gone', q{DELETE FROM accounts WHERE aggregate_id = 'b'}, $update, 'a0 c2');
recheck('a filter of the store', q{UPDATE accounts SET note = 'y' WHERE aggregate_id = 'b'},
	q{UPDATE accounts SET note = c.version FROM commits c WHERE c.aggregate_id = accounts.aggregate_id AND c.version = accounts.seen AND c.events = '[]' AND c.commit_id > 0 RETURNING accounts.aggregate_id, note},
	'a0 b1 c2');
recheck('SELECT FOR UPDATE', q{UPDATE accounts SET note = 'y' WHERE aggregate_id = 'b'},
	'SELECT accounts.aggregate_id, note FROM accounts JOIN commits c ON c.aggregate_id = accounts.aggregate_id AND c.version = accounts.seen FOR UPDATE OF accounts', 'ax by cx');
recheck('SELECT FOR UPDATE of both', q{UPDATE accounts SET seen = 3 WHERE aggregate_id = 'b'},
	'SELECT accounts.aggregate_id, c.version FROM accounts JOIN commits c ON c.aggregate_id = accounts.aggregate_id AND c.version = accounts.seen FOR UPDATE', 'a0 c2');
recheck('DELETE', q{UPDATE accounts SET note = 'y' WHERE aggregate_id = 'b'},
	'DELETE FROM accounts USING commits c WHERE c.aggregate_id = accounts.aggregate_id AND c.version = accounts.seen RETURNING accounts.aggregate_id', 'a b c');
$session->query('RESET ALL');

# No row of the store is locked: two sessions may want the same.
$holder->query(q{BEGIN; SELECT * FROM commits WHERE aggregate_id = 'a' FOR UPDATE});
is($session->query(q{SELECT count(*) FROM (SELECT * FROM commits WHERE aggregate_id = 'a' FOR UPDATE NOWAIT) c}), 4, 'FOR UPDATE of a store locks nothing');
$holder->query('ROLLBACK');

# A statement that reads what it appends to does not meet its own commits further on.
$observer->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'long', v, jsonb_build_array(repeat('x', 100000)) FROM generate_series(0, 39) v});
my $stored = $observer->query('SELECT count(*) FROM commits');
$observer->query('CREATE TABLE journal (aggregate_id text, version bigint, events jsonb) PARTITION BY HASH (aggregate_id)');
$observer->query('CREATE FOREIGN TABLE same PARTITION OF journal FOR VALUES WITH (MODULUS 1, REMAINDER 0) SERVER commits_server');
for my $case (
	[ 'by the index', 'commits', 'commits WHERE commit_id > 0' ],
	[ 'by a Scan', 'commits', 'commits' ],
	[ 'by way of a partition', 'journal', 'commits' ],
	[ 'by another name', 'same', 'commits' ],
	[ 'as many as LIMIT says', 'commits', "(SELECT * FROM commits ORDER BY commit_id LIMIT 1) c" ],
  )
{
	my ($name, $target, $source) = @$case;
	my $expected = $source =~ /LIMIT/ ? 1 : $stored;
	$session->query("SET statement_timeout = '60s'; SET work_mem = '64kB'");
	my $result = $session->try("INSERT INTO $target (aggregate_id, version, events) SELECT gen_random_uuid(), 0, events FROM $source");
	is($result->{error} ? $result->{error}{message} : $result->{tag}, "INSERT 0 $expected", "INSERT of what is read $name");
	$stored += $expected;
}
is($session->query('SELECT count(*) FROM commits'), $stored, 'every commit is there');
is($session->query(q{WITH i AS (INSERT INTO commits (aggregate_id, version, events) SELECT 'again', version, '[]' FROM commits WHERE aggregate_id = 'a' RETURNING 1) SELECT count(*) FROM i}),
	4, 'INSERT in WITH');
# What a LIMIT says is no more than a guess where PostgreSQL checks a condition itself. With RETURNING each row is appended at once.
$observer->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'few', v, CASE WHEN v % 60 = 0 THEN '["few"]' ELSE '[]' END::jsonb FROM generate_series(0, 599) v});
is($session->query(q{WITH i AS (INSERT INTO commits (aggregate_id, events) SELECT 'later', events FROM commits WHERE commit_id > 0 AND events @> '["few"]' ORDER BY commit_id LIMIT 25 RETURNING 1) SELECT count(*) FROM i}),
	10, 'INSERT of what is read under a LIMIT that is not reached');

# What is read again, for each row of a join or of a subquery, passes over what was appended for the rows before.
$observer->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'r', v, '[]' FROM generate_series(0, 20) v});
$observer->query(q{CREATE TABLE ids (id text); INSERT INTO ids VALUES ('r'), ('rx'), ('rxx'); ANALYZE ids});
for my $case (
	[ 'by a join', 21, q{ids JOIN commits c ON c.aggregate_id = id}, q{id || 'x'} ],
	[ 'by a nested loop', 21 + 21 * 2, q{ids JOIN commits c ON c.aggregate_id LIKE id || '%'}, q{id || 'y'} ],
	[ 'by a subquery', 3, q{ids WHERE (SELECT count(*) FROM commits c WHERE c.aggregate_id = 's' AND c.version < length(id)) = 0}, q{'s'} ],
	[ 'by EXISTS', 2, q{ids WHERE EXISTS (SELECT FROM commits c WHERE c.aggregate_id = id)}, q{id || 'x'} ],
	[ 'by a count', 1, q{ids LEFT JOIN (SELECT count(*) AS n FROM commits WHERE aggregate_id = 'n') c ON true WHERE coalesce(c.n, 9) > length(id) - 2}, q{'n'} ])
{
	my ($name, $expected, $source, $target) = @$case;
	$session->query('SET enable_material = off; SET enable_hashjoin = off; SET enable_mergejoin = off');
	is($session->query("WITH i AS (INSERT INTO commits (aggregate_id, events) SELECT $target, '[]' FROM $source RETURNING 1) SELECT count(*) FROM i"), $expected, "INSERT of what is read $name");
}

my $proxy = Fault->new($ENV{DYNAMODB_ENDPOINT});
$proxy->rules({ operation => 'Query', before => 300 });
$observer->create_table('slow', $proxy->endpoint);

# Nor is any part of the statement read for the first time when appends have begun.
my $first = q{SELECT events FROM commits WHERE aggregate_id = 'r' AND version < 3};
my $local = q{SELECT '[]'::jsonb AS events};
for my $case (
	[ 'after others of the store', 'off', 3, qq{$first UNION ALL SELECT events FROM commits WHERE aggregate_id = 'p0'}, 'p0' ],
	[ 'beside others of the store', 'on', 3, qq{$first UNION ALL SELECT events FROM commits WHERE aggregate_id = 'p1'}, 'p1' ],
	[ 'beside others, over a slow connection', 'on', 7, qq{$first UNION ALL SELECT events FROM slow WHERE aggregate_id IN ('a', 'p2')}, 'p2' ],
	[ 'after local rows', 'off', 1, qq{$local UNION ALL SELECT events FROM commits WHERE aggregate_id = 'p3'}, 'p3' ],
	[ 'when a count is wanted', 'on', 1, qq{$local UNION ALL $local FROM generate_series(1, 3) WHERE (SELECT count(*) FROM commits WHERE aggregate_id = 'p4') > 0}, 'p4' ],
	[ 'when a row is wanted', 'on', 1, qq{$local UNION ALL $local FROM generate_series(1, 3) WHERE (SELECT max(version) FROM commits WHERE aggregate_id = 'p5') >= 0}, 'p5' ])
{
	my ($name, $async, $expected, $source, $target) = @$case;
	$session->query("SET enable_async_append = $async");
	is($session->query("WITH i AS (INSERT INTO commits (aggregate_id, events) SELECT '$target', events FROM ($source) c RETURNING 1) SELECT count(*) FROM i"), $expected, "INSERT of what is read $name");
	is($session->query("SELECT count(*) FROM commits WHERE aggregate_id = '$target'"), $expected, 'and so many are there');
}
$session->query('RESET ALL');

# One that appends elsewhere uses its first rows before it has read all.
$session->create_table('one', $server->endpoint);
$session->query('CREATE TABLE local (aggregate_id text, version bigint) PARTITION BY HASH (aggregate_id); CREATE TABLE local_part PARTITION OF local FOR VALUES WITH (MODULUS 1, REMAINDER 0)');
$server->hold;
$server->store(pages => [ 5, 5 ]);
$session->send('INSERT INTO local SELECT aggregate_id, 1 / version FROM one');
$server->wait_for(in_flight => 1);
$server->release(1);
is($session->result->{error}{sqlstate}, '22012', 'INSERT into partitions that are no stores: the first row is used while the second page is out');
$server->let_go;

# Two stores behind one Append that is asynchronous.
my $other = Pages->new;
$session->create_table('two', $other->endpoint);
my $both = 'SELECT aggregate_id, version FROM one UNION ALL SELECT aggregate_id, version FROM two';
like(join("\n", map { $_->[0] } $session->query("EXPLAIN $both")), qr/Async Foreign Scan on one.*Async Foreign Scan on two/s, 'the plan is asynchronous');
$_->hold for $server, $other;
$_->store(pages => [ 5, 0, 5 ]) for $server, $other;
$session->send("SELECT count(*) FROM ($both OFFSET 0) c");
$server->wait_for(in_flight => 1);
is($other->wait_for(in_flight => 1)->{in_flight}, 1, 'both stores are asked at once');
$other->let_go;
$other->wait_for(seen => 3);
is($server->counts->{seen}, 1, 'one is read while the other says nothing');
$server->let_go;
is($session->result->{rows}[0][0], 20, 'every row');

$server->hold;
for my $case ([ 'a cancel', 'pg_cancel_backend', '57014' ], [ 'a statement_timeout', undef, '57014' ], [ 'an error of one store', undef, '22012' ])
{
	my ($name, $function, $sqlstate) = @$case;
	my $sql = $sqlstate eq '22012' ? 'SELECT 1 / (version - 7) FROM ' : 'SELECT count(*) FROM ';
	my (@ms, @left, @sqlstates);
	$other->store(pages => [ 5, 5 ]);
	for (1 .. 5)
	{
		$session->query('SET statement_timeout = ' . ($name =~ /timeout/ ? 200 : 0));
		my $seen = $other->counts->{seen};
		my $sent = $session->send("$sql ($both OFFSET 0) c");
		if ($function)
		{
			$server->wait_for(in_flight => 1);
			$other->wait_for(seen => $seen + 2);
			$sent = $observer->send("SELECT $function(" . $session->pid . ')');
			$observer->result;
		}
		my $result = $session->result;
		push @ms, 1000 * ($result->{error_at} - $sent) - ($name =~ /timeout/ ? 200 : 0);
		push @sqlstates, $result->{error}{sqlstate};
		push @left, $server->wait_for(in_flight => 0)->{in_flight};
		$session->query('SET statement_timeout = 0');
	}
	is_deeply(\@sqlstates, [ ($sqlstate) x 5 ], "$name ends it");
	is_deeply(\@left, [ (0) x 5 ], "$name: no request is left");
	cmp_ok((sort { $a <=> $b } @ms)[2], '<', 100, "$name: at once") if $sqlstate eq '57014';
}
is(scalar(() = $session->query("$both LIMIT 3")), 3, 'a LIMIT that one store covers does not wait for the other');
is($server->wait_for(in_flight => 0)->{in_flight}, 0, 'whose request is given up');
$server->let_go;
is(scalar(() = $session->query($both)), 20, 'the session works');

$_->stop for $server, $other, $proxy;
$node->stop;
done_testing();
