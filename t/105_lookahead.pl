# A nested loop asks for several of its outer rows ahead: as many requests as before, side by side; the same rows, whatever the join; and
# not more requests than that where the rows are not all taken.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use List::Util qw(max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $proxy = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\nenable_hashjoin = off\nenable_mergejoin = off\nenable_memoize = off\nenable_material = off");
$node->start;

my $session = Session->new($node);
$session->create_table('commits', $proxy->endpoint);
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'a' || n, v, jsonb_build_array(n, v) FROM generate_series(1, 200) n, generate_series(0, n % 3) v});
$session->query(<<'SQL');
CREATE TABLE copied AS SELECT * FROM commits;
CREATE TABLE accounts AS SELECT n, CASE WHEN n % 50 = 0 THEN NULL ELSE 'a' || n END AS id, (n % 4)::bigint AS seen FROM generate_series(1, 240) n;
INSERT INTO accounts VALUES (241, 'a7', 0), (242, 'a7', 0), (243, '', 0), (244, repeat('x', 3000), 0);
CREATE TABLE many AS SELECT 'a' || n AS id FROM generate_series(1, 200) n;
CREATE TABLE few AS SELECT * FROM accounts WHERE n <= 5;
ALTER TABLE accounts ADD PRIMARY KEY (n);
ANALYZE accounts, few, many;
SQL

sub rows { return join "\n", sort map { join '|', map { $_ // 'NULL' } @$_ } $session->query($_[0]) }

sub plan_of { return join "\n", map { $_->[0] } $session->query("EXPLAIN (COSTS OFF) $_[0]") }

# How many requests were under way when each came, itself included.
sub in_flight
{
	my ($under_way, @seen) = (0);
	for my $event ($proxy->events)
	{
		push @seen, ++$under_way if $event->{event} eq 'request';
		$under_way-- if $event->{event} eq 'answer';
	}
	return @seen;
}

# The rows of a query whose requests, after so many, get no answer until so many of them are there.
sub held
{
	my ($skip, $count, $sql) = @_;
	$proxy->rules({ name => 'held', operation => 'Query', skip => $skip, times => $count, before => 'stall' });
	$session->send($sql);
	$proxy->wait_for(event => 'request', rule => 'held') for 1 .. $count;
	$proxy->release;
	return $session->result->{rows};
}

note 'side by side';
my $join = 'SELECT many.id, version FROM many JOIN commits ON aggregate_id = many.id';
like(plan_of($join), qr/Nested Loop\n.*Custom Scan \(DynamoDB Lookahead\)/, 'a loop over the scan looks ahead');
$proxy->rules;
is(scalar(my @joined = $session->query($join)), 401, 'all rows');
is_deeply([ $proxy->operations ], [ ('Query') x 200 ], 'a request for each outer row');
is(scalar(@{ held(60, 8, $join) }), 401, 'eight of them at once');
$session->query(q{ALTER SERVER commits_server OPTIONS (ADD max_connections '3')});
$proxy->rules({ operation => 'Query', before => 20 });
is(rows("$join LIMIT ALL"), rows($join =~ s/commits/copied/r), 'with three connections the same');
cmp_ok(max(in_flight()), '<=', 3, 'and no more requests than that at once');
$session->query(q{ALTER SERVER commits_server OPTIONS (DROP max_connections)});
$proxy->rules;

note 'by their keys';
my $keys = 'SELECT many.id, version FROM many LEFT JOIN commits ON aggregate_id = many.id AND version = 0';
like(plan_of($keys), qr/Lookahead.*BatchGetItem, Query/s, 'it shows that keys are read together');
is(rows($keys), rows($keys =~ s/commits/copied/r), 'keys: the same rows');
$proxy->rules;
$session->query($keys);
is_deeply([ $proxy->operations ], [ 'Query', ('BatchGetItem') x 7 ], 'a request for 1, 2, 4, … up to 100 of them');
$proxy->rules;
$session->query($keys =~ s/version = 0/version = 0.0::float8/r);
is_deeply([ $proxy->operations ], [ ('Query') x 200 ], 'a float is no single key');

note 'the same rows';
for my $case (
	[ 'inner', 'SELECT n, version FROM accounts JOIN %T ON aggregate_id = id', 244 ],
	[ 'left', 'SELECT n, version FROM accounts LEFT JOIN %T ON aggregate_id = id', 244 ],
	[ 'left, with a condition of the join', 'SELECT n, version FROM accounts LEFT JOIN %T ON aggregate_id = id AND n % 2 = 0 AND version > 0' ],
	[ 'by the key', 'SELECT n, commit_id FROM accounts JOIN %T ON aggregate_id = id AND version = seen' ],
	[ 'with a range', 'SELECT n, version FROM accounts JOIN %T ON aggregate_id = id AND version > seen AND version < 9' ],
	[ 'by a key and more', 'SELECT n, commit_id FROM accounts LEFT JOIN %T ON aggregate_id = id AND version = seen AND commit_id > n' ],
	[ 'by the key, in subqueries', 'SELECT n FROM accounts WHERE NOT EXISTS (SELECT FROM %T WHERE aggregate_id = id AND version = seen)' ],
	[ 'EXISTS', 'SELECT n FROM accounts WHERE EXISTS (SELECT FROM %T WHERE aggregate_id = id)' ],
	[ 'NOT EXISTS', 'SELECT n FROM accounts WHERE NOT EXISTS (SELECT FROM %T WHERE aggregate_id = id)' ],
	[ 'IN pairs', 'SELECT aggregate_id, version FROM %T WHERE (aggregate_id, version) IN (SELECT id, seen FROM accounts)' ],
	[ 'LATERAL', 'SELECT n, version FROM accounts, LATERAL (SELECT version FROM %T WHERE aggregate_id = id OFFSET 0) l WHERE n < 30' ],
	[ 'a local condition', q{SELECT n, version FROM accounts JOIN %T ON aggregate_id = id AND events @> '[7]'} ],
	[ 'by commit id', 'SELECT n, version FROM accounts JOIN %T ON commit_id = n WHERE n < 40' ],
	[ 'a join of joins', 'SELECT a.n, b.n, version FROM accounts a JOIN few b ON b.seen = a.seen JOIN %T ON aggregate_id = a.id WHERE a.n < 30' ],
	[ 'twice', 'SELECT n, x.version, y.version FROM accounts JOIN %T x ON x.aggregate_id = id JOIN %T y ON y.aggregate_id = x.aggregate_id AND y.version = x.version + 1 WHERE n < 40' ],
	[ 'run again for each row', 'SELECT n, (SELECT sum(version) FROM accounts b JOIN %T ON aggregate_id = b.id WHERE b.n BETWEEN few.n AND few.n + 8 AND version >= few.seen) FROM few' ],
	[ 'run again with nothing new', 'SELECT few.n, s.n, s.version FROM few LEFT JOIN (SELECT n, version FROM accounts JOIN %T ON aggregate_id = id WHERE n < 8 OFFSET 0) s ON s.n > few.n' ],
	[ 'with columns of the whole row', 'SELECT accounts, %T.version FROM accounts JOIN %T ON aggregate_id = id WHERE n < 20' ],
	[ 'a sorted outer side', 'SELECT s.n, version FROM (SELECT * FROM accounts ORDER BY id DESC LIMIT 60) s JOIN %T ON aggregate_id = s.id' ],
	[ 'an outer side of functions', q{SELECT g, version FROM generate_series(1, 30) g JOIN %T ON aggregate_id = 'a' || g} ],
	[ 'a union', 'SELECT u.id, version FROM (SELECT id FROM few UNION ALL SELECT id FROM accounts WHERE n > 235) u JOIN %T ON aggregate_id = u.id' ])
{
	my ($name, $sql) = @$case;
	my $stored = rows($sql =~ s/%T/commits/gr);
	is($stored, rows($sql =~ s/%T/copied/gr), "$name: the same rows");
}
my $ordered = 'SELECT n, version FROM accounts LEFT JOIN %T ON aggregate_id = id AND version = 0 ORDER BY n';
is_deeply([ $session->query($ordered =~ s/%T/commits/r) ], [ $session->query($ordered =~ s/%T/copied/r) ], 'in order: the same rows');

note 'rows that are not all taken';
for my $case (
	[ 'LIMIT', "$join LIMIT 1", 1 ],
	[ 'LIMIT in order', 'SELECT n, version FROM accounts JOIN commits ON aggregate_id = id ORDER BY n LIMIT 3', 2 ],
	[ 'a cursor', "BEGIN; DECLARE c CURSOR FOR $join; FETCH 1 FROM c; COMMIT", 1 ],
	[ 'EXISTS', "SELECT EXISTS ($join)", 1 ])
{
	my ($name, $sql, $requests) = @$case;
	$session->query(q{SELECT 1});
	$proxy->rules;
	$session->query($sql);
	is(scalar($proxy->operations), $requests, "$name: nothing is asked for ahead");
}

note 'rows that are wide';
my $wide = q{SELECT w.id, version, length(text) FROM (SELECT id, repeat(id, 10000) AS text FROM many WHERE id < 'a12' OFFSET 0) w JOIN %T ON aggregate_id = w.id};
like(plan_of($wide =~ s/%T/commits/r), qr/Lookahead/, 'wide rows are fetched ahead');
$session->query(q{SET work_mem = '64kB'});
$proxy->rules({ operation => 'Query', before => 100 });
is(rows($wide =~ s/%T/commits/r), rows($wide =~ s/%T/copied/r), 'wide rows: the same rows');
cmp_ok(max(in_flight()), '<=', 5, 'only as many ahead as work_mem bears');
$session->query(q{RESET work_mem});
is(scalar(@{ held(10, 6, $wide =~ s/%T/commits/r) }), scalar(my @wide = $session->query($wide =~ s/%T/copied/r)), 'with more of it more of them');
$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (ADD committed_at_slack_ms '1000')});
unlike(plan_of('SELECT n FROM few JOIN commits ON commit_id >= n AND committed_at > now() - n * interval \'1 hour\''), qr/Lookahead/, 'reads by time are not begun ahead');
$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (DROP committed_at_slack_ms)});
$proxy->rules;

note 'what goes wrong';
$proxy->rules({ operation => 'Query', after => 'close', skip => 30, times => 10 });
is(rows($join), rows($join =~ s/commits/copied/r), 'lost answers: the same rows');
$proxy->rules({ operation => 'BatchGetItem', after => 'close', skip => 2, times => 2 });
is(rows($keys), rows($keys =~ s/commits/copied/r), 'lost answers to keys: the same rows');
$proxy->rules({ operation => 'Query', match => 'a55"', answer => { status => 400, body => { __type => 'com.amazon.coral.service#AccessDeniedException', Message => 'no' } } });
is($session->try($join)->{error}{sqlstate}, '42501', 'a request that fails is an error');
$proxy->rules;
is(rows($join), rows($join =~ s/commits/copied/r), 'and leaves nothing behind');
$session->query(q{SET dynamodb_es.read_budget = 20});
$proxy->rules;
is($session->try($join)->{error}{sqlstate}, '53400', 'more than the budget is an error');
cmp_ok(scalar($proxy->operations), '<=', 21, 'and nothing was asked for beyond it');
$session->query(q{RESET dynamodb_es.read_budget});

note 'rows that are locked and looked at again';
my $other = Session->new($node);
$other->query(q{BEGIN; UPDATE accounts SET seen = 0 WHERE n IN (3, 5); UPDATE accounts SET id = 'a11' WHERE n = 4});
$session->send(q{SELECT n, version FROM accounts JOIN commits ON aggregate_id = id WHERE n BETWEEN 1 AND 9 AND seen < 9 FOR UPDATE OF accounts});
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted}) or die 'nobody waits';
$other->query('COMMIT');
is(scalar(@{ $session->result->{rows} }), 16, 'what was changed meanwhile is checked again: a4 is gone from it');

note 'volatile functions run at their own time';
$session->query(q{CREATE FUNCTION appends(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN INSERT INTO commits (aggregate_id, version, events) VALUES ($1, 0, '[]'); RETURN 0; END $$});
my $left = 'SELECT many.id, version FROM many LEFT JOIN commits ON aggregate_id = many.id';
for my $case (
	[ 'in the list of columns', "$left ORDER BY random()" ],
	[ 'in a subquery in the list of columns', $left =~ s/version/version, (SELECT appends('b' || many.id))/r ],
	[ 'in a condition by a subquery', "$left WHERE (SELECT appends('b' || version) OFFSET 0) = 0" ],
	[ 'in the query around', "SELECT appends('b' || id) FROM ($left OFFSET 0) s" ],
	[ 'in another FROM item of the query around', "SELECT s.* FROM ($left OFFSET 0) s, LATERAL (SELECT appends('b' || s.id) OFFSET 0) f" ],
	[ 'in a subquery of the query around', "SELECT (SELECT appends('b' || s.id)) FROM ($left OFFSET 0) s" ],
	[ 'in the query around a WITH', "WITH s AS MATERIALIZED ($left) SELECT appends('b' || id) FROM s" ],
	[ 'in a WITH beside', "WITH f AS MATERIALIZED (SELECT appends('b' || n) AS n FROM few) SELECT s.*, f.n FROM ($left OFFSET 0) s, f" ])
{
	my ($name, $sql) = @$case;
	unlike(plan_of($sql), qr/Lookahead/, "$name: no row is fetched ahead of it");
}
like(plan_of("SELECT lower(id) FROM ($left OFFSET 0) s"), qr/Lookahead/, 'other functions do not matter');

$node->stop;
$proxy->stop;
done_testing;
