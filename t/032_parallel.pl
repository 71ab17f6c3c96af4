# Requests run side by side up to max_connections and never beyond, the next page is under way while rows are used, and each row
# comes once, however the pages fall.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Pages;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;

my $connections = 4;
my $server = Pages->new;
my $observer = Session->new($node);
my $session = Session->new($node);
$session->create_table('commits', $server->endpoint, max_connections => $connections);
$session->create_table('large', $server->endpoint, max_connections => $connections, scan_segments => 16);
$session->create_table('hasty', $server->endpoint, request_timeout_ms => 200, connect_timeout_ms => 200);

# As ANALYZE would say.
sub set_rows { my ($rows) = @_; $observer->query("UPDATE pg_class SET reltuples = $rows, relpages = 1 WHERE oid = 'large'::regclass"); return }
set_rows(1e7);

sub keys_from { my ($first, $last) = @_; return join ', ', map { "'k$_'" } $first .. $last }
my $ten = 'aggregate_id IN (' . keys_from(1, 10) . ')';

# Sends a statement with all answers held back, and waits until it has asked for as much as it will.
sub held
{
	my ($sql, $in_flight) = @_;
	$server->hold;
	$session->send($sql);
	$server->wait_for(in_flight => $in_flight);
	my $waits = "SELECT wait_event IN ('Extension', 'AppendReady') OR wait_event LIKE 'Dynamodb%' FROM pg_stat_activity WHERE pid = " . $session->pid;
	Session::comes(sub { $observer->query($waits) eq 't' }) or die 'the backend does not wait';
	return;
}

note 'several keys';
for my $case (
	[ 'IN', "SELECT count(events) FROM commits WHERE $ten", 10 ],
	[ 'ANY of an array with repetitions and NULLs', q{SELECT count(events) FROM commits WHERE aggregate_id = ANY (ARRAY[}
		  . keys_from(1, 10) . ', NULL, ' . keys_from(3, 7) . ']::text[])', 10 ],
	[ 'ANY of a subquery', q{SELECT count(events) FROM commits WHERE aggregate_id = ANY (ARRAY(SELECT 'k' || n % 10 FROM generate_series(1, 50) n))}, 10 ],
	[ 'segments of a Scan', 'SELECT count(events) FROM large', 16 ],
	[ 'two scans of one statement', "SELECT count(a.events) + count(b.events) FROM commits a FULL JOIN commits b USING (aggregate_id) WHERE a.$ten AND b.$ten", undef ],
	[ 'an asynchronous Append of one server', "SELECT count(events) FROM (SELECT * FROM commits UNION ALL SELECT * FROM commits) c WHERE $ten", 20 ],
  )
{
	my ($name, $sql, $streams) = @$case;
	$server->store(pages => [1]);
	held($sql, $connections);
	is($server->counts->{seen}, $connections, "$name: as many at once as there may be connections");
	for my $next ($connections + 1 .. $streams // 0)
	{
		$server->release(1);
		$server->wait_for(seen => $next, in_flight => $connections);
	}
	$server->let_go;
	is($session->result->{rows}[0][0], $streams // 20, "$name: every row");
	is($server->counts->{peak}, $connections, "$name: never more");
	is(scalar(() = $server->requests), $streams // 20, "$name: each is asked for once");
}

note 'the next page';
for my $case (
	[ 'an aggregate', 'a', q{FROM commits WHERE aggregate_id = 'a'} ],
	[ 'the index', 'index', 'FROM commits WHERE commit_id > -1 ORDER BY commit_id' ],
	[ 'a Scan', '0', 'FROM commits' ],
  )
{
	my ($name, $stream, $from) = @$case;
	my $fetch = sub { return join ' ', map { $_->[0] } $session->query("FETCH $_[0] FROM c") };
	$server->store(pages => [ 10, 10, 10 ]);
	$session->query("SET cursor_tuple_fraction = 1; BEGIN; DECLARE c CURSOR FOR SELECT version $from");
	held('FETCH 1 FROM c', 1);
	$server->release(1);
	is($session->result->{rows}[0][0], 0, "$name: the first row");
	$server->wait_for(seen => 2);
	is($fetch->(9), '1 2 3 4 5 6 7 8 9', "$name: the rest of its page, while the second one is on its way");
	is($server->counts->{seen}, 2, "$name: the third is not asked for before the second is used");
	$server->let_go;
	is($fetch->(1), 10, "$name: the second page's first row");
	$server->wait_for(seen => 3);
	is($fetch->(100), join(' ', 11 .. 29), "$name: all others");
	$session->query('COMMIT');
	is(join(' ', $server->requests), "$stream/0 $stream/1 $stream/2", "$name: each page once");
}

note 'LIMIT';
my %many = (pages => [ 2000, 2000, 2000 ]);
for my $case (
	[ 'LIMIT 10 of an aggregate', q{SELECT * FROM commits WHERE aggregate_id = 'a' LIMIT 10}, 1, \%many ],
	[ 'LIMIT 1500 of an aggregate', q{SELECT * FROM commits WHERE aggregate_id = 'a' LIMIT 1500}, 1, \%many ],
	[ 'LIMIT 2000 of pages of 2000', q{SELECT * FROM commits WHERE aggregate_id = 'a' LIMIT 2000}, 1, \%many ],
	[ 'LIMIT 1500 OFFSET 1000', q{SELECT * FROM commits WHERE aggregate_id = 'a' LIMIT 1500 OFFSET 1000}, 2, \%many ],
	[ 'LIMIT 5 of the index', 'SELECT * FROM commits ORDER BY commit_id LIMIT 5', 1, \%many ],
	[ 'LIMIT 1500 of the index', 'SELECT * FROM commits ORDER BY commit_id LIMIT 1500', 1, \%many ],
	[ 'LIMIT 10 of a large table', 'SELECT * FROM large LIMIT 10', 1, \%many ],
	[ 'LIMIT 10 of ten keys', "SELECT * FROM commits WHERE $ten LIMIT 10", 1, \%many ],
	[ 'EXISTS', 'SELECT EXISTS (SELECT FROM large)', 1, \%many ],
  )
{
	my ($name, $sql, $requests, $store) = @$case;
	$server->store(%$store);
	is($session->requests_of($sql), $requests, "$name: requests");
	is(scalar(() = $server->requests), $requests, "$name: as the server counts");
}
$server->store(streams => { 0 => [ 0, 0, 3 ], 1 => [], 2 => [ 0, 0 ], 3 => [ 4, 0, 4 ] });
is(scalar(() = $session->query('SELECT * FROM large LIMIT 8')), 8, 'LIMIT 8 finds its rows behind empty pages and segments');
is(scalar(() = $session->query('SELECT * FROM large LIMIT 20')), 11, 'a LIMIT beyond them returns all');

note 'segments';
for my $case ([ -1, 1 ], [ 10, 1 ], [ 1000, 1 ], [ 20000, [ 2, 15 ] ], [ 1e7, 16 ])
{
	my ($rows, $expected) = @$case;
	my ($least, $most) = ref $expected ? @$expected : ($expected, $expected);
	set_rows($rows);
	$server->store(pages => [1]);
	my $requests = $session->requests_of('SELECT events FROM large');
	ok($requests >= $least && $requests <= $most, "$rows rows: $requests segments") or diag("not $least to $most");
}

note 'rows';
my %uneven = (
	0 => [ 0, 0, 7 ], 1 => [0], 2 => [ 1, 0, 0, 300, 1 ], 3 => [ 50, 0 ], 4 => [ 0, 1 ], 7 => [ (3) x 40 ], 11 => [ 2000, 0, 5, 0, 0, 0, 1 ], 15 => [1],
);
my $total = 0;
for my $pages (values %uneven) { $total += $_ for @$pages }
$server->store(streams => \%uneven);
is($session->query("SELECT (count(*), count(DISTINCT commit_id), count(DISTINCT aggregate_id), min(version), max(version)) FROM (SELECT * FROM large OFFSET 0) c"),
	"($total,$total,7,0,2005)", 'segments of uneven and empty pages: each row once');
$server->store(streams => \%uneven);
is($session->query('SELECT count(*) FROM large'), $total, 'counted by the server: the same');
$server->store(streams => { a => [ 0, 3, 0, 0, 2, 0 ], index => [ 0, 3, 0, 0, 2, 0 ], b => [], c => [ 0, 0, 1 ] });
is($session->query(q{SELECT array_agg(version) FROM (SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version) c}),
	'{0,1,2,3,4}', 'an aggregate with empty pages, in order');
is($session->query('SELECT array_agg(version) FROM (SELECT version FROM commits ORDER BY commit_id) c'), '{0,1,2,3,4}', 'the index with empty pages, in order');
is($session->query(q{SELECT string_agg(aggregate_id || version, ' ' ORDER BY aggregate_id, version) FROM commits WHERE aggregate_id IN ('c', 'b', 'a', 'd', 'a')}),
	'a0 a1 a2 a3 a4 c0', 'keys with empty pages and without items');
is($session->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'}), 5, 'a count over empty pages');

note 'the end before the end';
my $cursor = "BEGIN; DECLARE c CURSOR FOR SELECT * FROM commits WHERE $ten";
my %ends = (
	'CLOSE' => sub { $session->query('CLOSE c; COMMIT') },
	'COMMIT' => sub { $session->query('COMMIT') },
	'ROLLBACK' => sub { $session->query('ROLLBACK') },
	'ROLLBACK TO' => sub { $session->query('ROLLBACK TO s'); $session->query('COMMIT') },
	'an error' => sub { is($session->try('SELECT 1 / 0')->{error}{sqlstate}, '22012', 'an error in its transaction'); $session->query('ROLLBACK') },
);
for my $name (sort keys %ends)
{
	$server->store(pages => [ 10, 10 ], streams => { k1 => [10] });
	$session->query('SET cursor_tuple_fraction = 1; BEGIN; SAVEPOINT s; ' . $cursor =~ s/BEGIN; //r);
	held('FETCH 1 FROM c', $connections);
	$server->release(1);
	is(scalar @{ $session->result->{rows} }, 1, "$name: one row");
	$server->wait_for(in_flight => $connections);
	$ends{$name}->();
	is($server->wait_for(in_flight => 0)->{in_flight}, 0, "$name: no request is left");
	$server->let_go;
	is($session->query("SELECT count(events) FROM commits WHERE $ten"), 190, "$name: the session works");
}
$server->store(pages => [ 10, 10 ]);
is(scalar(() = $session->query("SELECT c.events FROM commits c, generate_series(1, 2) WHERE $ten LIMIT 3")), 3, 'a join left early');
is($server->wait_for(in_flight => 0)->{in_flight}, 0, 'no request is left');
is($session->query("SELECT count(events) FROM commits WHERE $ten"), 200, 'the session works');

note 'a read budget';
$session->query('SET dynamodb_es.read_budget = 250');
$server->store(pages => [ (1) x 10 ], units => 100);
my $error = $session->try(q{SELECT events FROM commits WHERE aggregate_id = 'a'})->{error};
is("$error->{sqlstate} $error->{detail}", '53400 It has read 300.0 capacity units; dynamodb_es.read_budget is 250.', 'pages are added up');
$server->wait_for(in_flight => 0);
my @requests = $server->requests;
ok(@requests >= 3 && @requests <= 4, 'and no more are asked for, but for the one under way') or diag("@requests");
$server->store(pages => [1], units => 100);
my $caught = $session->try(<<'SQL');
DO $$ BEGIN
	FOR n IN 1 .. 20 LOOP
		BEGIN PERFORM count(events) FROM commits WHERE aggregate_id = 'a'; EXCEPTION WHEN configuration_limit_exceeded THEN END;
	END LOOP;
END $$
SQL
is($caught->{error}, undef, 'a statement that goes on all the same');
is($server->counts->{seen}, 3, 'reads nothing more');
$server->store(pages => [1], units => 100);
is($session->query(q{SELECT count(events) FROM commits WHERE aggregate_id = 'a'}), 1, 'the next statement begins anew');
$session->query('RESET dynamodb_es.read_budget');

note 'a reader that takes its time';
for my $from (q{hasty WHERE aggregate_id = 'a'}, 'hasty')
{
	$server->store(pages => [ 10, 500, 10 ], bytes => 20000);
	$session->query("SET cursor_tuple_fraction = 1; BEGIN; DECLARE c CURSOR FOR SELECT version, events FROM $from");
	$session->query('FETCH 1 FROM c');
	$server->wait_for(seen => 2);
	$session->query('SELECT pg_sleep(0.5)');    # longer than request_timeout_ms: what this is about
	my $result = $session->try('FETCH ALL FROM c');
	is($result->{error} && "$result->{error}{message}: $result->{error}{detail}", undef, "$from: the page that has waited for it is no timeout");
	is(scalar @{ $result->{rows} }, 519, "$from: every row");
	$session->query('ROLLBACK');
}
$server->store(pages => [ 10, 10 ]);
$session->query(q{BEGIN; DECLARE c CURSOR FOR SELECT version FROM hasty WHERE aggregate_id = 'a'});
$session->query('FETCH 1 FROM c');
$server->wait_for(seen => 2);
$session->query('FETCH 9 FROM c');
$server->hold;
is($session->query('FETCH 1 FROM c'), 10, 'a page that was there');
$session->query('COMMIT');
$session->send(q{SELECT * FROM hasty WHERE aggregate_id = 'a'});
is($session->result->{error}{sqlstate}, 'HV00N', 'a page that does not come is a timeout');
$server->let_go;

$server->stop;
$node->stop;
done_testing();
