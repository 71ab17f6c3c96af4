# A long read in order is cut into ranges that are read side by side: no gap, no uneven page, no commit appended meanwhile and no fault makes it
# lose a row, repeat one or change their order, and whoever wants only a few rows does not pay for it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use Pages;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
my $connections = 8;
my $server = Pages->new;
my $session = Session->new($node);
$session->create_table('commits', $server->endpoint, max_connections => $connections);
$session->create_table('three', $server->endpoint, max_connections => $connections, scan_segments => 3);
$session->create_table('one', $server->endpoint, max_connections => $connections, scan_segments => 1);

sub numbers { my ($reverse, @intervals) = @_; my @n = map { $_->[0] .. $_->[1] } @intervals; return join ' ', $reverse ? reverse @n : @n }
sub column { return join ' ', map { $_->[0] } $session->query($_[0]) }

note 'every row once and in order';
my %index = (
	'dense ids' => { keys => [ [ 1, 3000 ] ], head => 3000 },
	'gaps' => { keys => [ [ 1, 500 ], [ 700, 701 ], [ 1500, 1500 ], [ 40000, 40900 ], [ 9000000, 9000300 ] ], head => 9000300 },
	'a gap of a hundred thousand million ids' => { keys => [ [ 1, 300 ], [ 100_000_000_000, 100_000_000_300 ] ], head => 100_000_000_300 },
	'heavy items in the middle' => { keys => [ [ 1, 2000 ] ], head => 2000, heavy => [ 900, 1000, 40 ] },
	'heavy items first' => { keys => [ [ 1, 2000 ] ], head => 2000, heavy => [ 1, 150, 40 ] },
	'ids that start far up' => { keys => [ [ 5_000_000, 5_001_500 ] ], head => 5_001_500 },
	'ids below 1' => { keys => [ [ -700, 900 ] ], head => 900 },
	'ids beyond the counter' => { keys => [ [ 1, 2500 ] ], head => 1000 },
	'a counter that was set back' => { keys => [ [ 1, 1500 ] ], head => 3 },
	'a counter far ahead' => { keys => [ [ 1, 1500 ] ], head => 9_000_000_000_000 },
	'a counter at the largest id there can be' => { keys => [ [ 1, 1500 ] ], head => '9223372036854775807' },
	'no counter' => { keys => [ [ 1, 1500 ] ] },
	'few ids in a long stretch, then all' => { keys => [ (map { [ 1000 * $_, 1000 * $_ ] } 1 .. 50), [ 60000, 62500 ] ], head => 62500 },
	'the same, and each answer costs as much' => { keys => [ (map { [ 1000 * $_, 1000 * $_ ] } 1 .. 50), [ 60000, 62500 ] ], head => 62500, units => 128 },
	'no capacity units in the answers' => { keys => [ [ 1, 2500 ] ], head => 2500, units => 0 },
);
for my $name (sort keys %index)
{
	my %store = %{ $index{$name} };
	my $keys = delete $store{keys};
	my $set = sub { $server->store(keys => { index => $keys }, page => 100, %store) };
	for my $back (0, 1)
	{
		my $order = $back ? ' DESC' : '';
		$set->();
		is(column("SELECT commit_id FROM commits ORDER BY commit_id$order"), numbers($back, @$keys), "$name$order");
		my $pages = grep { /^index/ } $server->requests;
		cmp_ok($pages, '<=', 10 + 2 * (split / /, numbers(0, @$keys)) / 50 + ($store{heavy} ? 120 : 0) + ($name =~ /gap|ahead|largest/ ? 250 : 0), "$name$order: pages that are asked for");
		$set->();
		my ($from, $to) = ($keys->[0][0] + 130, $keys->[-1][1] - 70);
		is(column("SELECT commit_id FROM three WHERE commit_id BETWEEN $from AND $to ORDER BY commit_id$order"),
			join(' ', grep { $_ >= $from && $_ <= $to } split / /, numbers($back, @$keys)), "$name$order: between bounds");
	}
	$set->();
	is($session->query('SELECT count(*) FROM commits WHERE commit_id > -100000'), scalar(split / /, numbers(0, @$keys)), "$name: counted");
	$server->store(keys => { a => $keys }, page => 100, %store);
	is(column(q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version}), numbers(0, @$keys), "$name: as versions of an aggregate");
	is(column(q{SELECT version FROM commits WHERE aggregate_id = 'a' ORDER BY version DESC}), numbers(1, @$keys), "$name: as versions, backward");
}

note 'side by side';
my %many = (keys => { index => [ [ 1, 10000 ] ], a => [ [ 0, 9999 ] ] }, page => 100, head => 10000);
my %read = (
	'the index' => 'SELECT commit_id FROM %s ORDER BY commit_id',
	'the index, backward' => 'SELECT commit_id FROM %s ORDER BY commit_id DESC',
	'an aggregate' => q{SELECT version FROM %s WHERE aggregate_id = 'a' ORDER BY version},
	'an aggregate, backward' => q{SELECT version FROM %s WHERE aggregate_id = 'a' ORDER BY version DESC},
	'a count' => 'SELECT count(*) FROM %s WHERE commit_id > 0',
);
for my $name (sort keys %read)
{
	my %sent;
	for my $case ([ commits => $connections ], [ three => 3 ], [ one => 1 ])
	{
		my ($table, $peak) = @$case;
		$server->store(%many);
		$session->query(sprintf $read{$name}, $table);
		my $extra = $table eq 'three' && $name !~ /backward/ ? 1 : 0;    # the head
		cmp_ok($server->counts->{peak}, '<=', $peak + $extra, "$name, $table: not more at once than there may be");
		$sent{$table} = () = $server->requests;
	}
	cmp_ok($sent{$_}, '<=', 1.17 * $sent{one}, "$name, $_: some 16 percent more requests than page after page") for qw(commits three);
	$server->store(%many);
	$server->hold;
	$session->send(sprintf $read{$name}, 'commits');
	# So many are under way as pages have been taken; of the two after the second page one asks how far the keys go, unless that is known.
	for my $under_way ($name =~ /backward/ ? (1, 1, 2, 4) : (1, 1, 2, 3, 6))
	{
		$server->wait_for(in_flight => $under_way);
		$server->release($under_way);
	}
	is($server->wait_for(in_flight => $connections)->{in_flight}, $connections, "$name: more and more, until there are as many as there may be connections");
	$server->let_go;
	is(scalar @{ $session->result->{rows} }, $name eq 'a count' ? 1 : 10000, "$name: every row");
}
$server->store(%many);
$session->query('SELECT commit_id FROM commits ORDER BY commit_id');
my @requests = $server->requests;
is((grep { $_ eq 'counter/consistent' } @requests), 1, 'the counter is read once, strongly');
my ($counter) = grep { $requests[$_] =~ /^counter/ } 0 .. $#requests;
cmp_ok($counter, '<=', 2, 'and before the first range');
my ($beyond) = grep { $requests[$_] =~ /none/ } 0 .. $#requests;
cmp_ok($beyond, '>=', @requests - $connections, 'what is beyond it is asked for with the last') or diag("@requests");
$server->store(%many, filtered => 50);
is(column('SELECT commit_id FROM commits WHERE commit_id > 0 AND committed_at < now() ORDER BY commit_id'), join(' ', map { 50 * $_ } 1 .. 200),
	'a filter that leaves two items of a page');
cmp_ok(scalar(() = $server->requests), '<', 150, 'and not many more pages');

note 'who wants little, or has little, pays for nothing else';
for my $case (
	[ 'one page', 'SELECT * FROM commits ORDER BY commit_id', 1, keys => { index => [ [ 1, 99 ] ] } ],
	[ 'LIMIT 10', 'SELECT * FROM commits ORDER BY commit_id LIMIT 10', 1 ],
	[ 'LIMIT 250', 'SELECT * FROM commits ORDER BY commit_id LIMIT 250', 3 ],
	[ 'LIMIT 1500', 'SELECT * FROM commits ORDER BY commit_id DESC LIMIT 1500', 15 ],
	[ 'max', 'SELECT max(commit_id) FROM commits', 1 ],
	[ 'EXISTS', 'SELECT EXISTS (SELECT FROM commits WHERE commit_id > 5)', 1 ],
	[ 'a list of ids', 'SELECT * FROM commits WHERE commit_id IN (4, 9)', 2 ],
  )
{
	my ($name, $sql, $requests, %store) = @$case;
	$server->store(%many, %store);
	$session->query($sql);
	is(scalar(() = $server->requests), $requests, "$name: requests") or diag(join ' ', $server->requests);
}
$server->store(%many);
$session->query('BEGIN; DECLARE c CURSOR FOR SELECT commit_id FROM commits ORDER BY commit_id');
$session->query('FETCH 150 FROM c');
ok(!(grep { /^counter/ } $server->requests), 'a cursor that is fetched from a little: no counter');
my @rest = map { $_->[0] } $session->query('FETCH ALL FROM c');
is("@rest", join(' ', 151 .. 10000), 'and then to its end: every row');
$session->query('COMMIT');
is($server->wait_for(in_flight => 0)->{in_flight}, 0, 'no request is left');
$server->store(%many);
is($session->query('SELECT sum(c) FROM generate_series(1, 3) n, LATERAL (SELECT count(commit_id) c FROM (SELECT commit_id FROM commits WHERE commit_id > n ORDER BY commit_id OFFSET 0) q) l'),
	9999 + 9998 + 9997, 'read again and again');
$server->store(%many);
is(join('|', @{ ($session->query('SELECT count(c), count(DISTINCT c) FROM (SELECT commit_id c FROM commits WHERE commit_id > 0 UNION ALL SELECT commit_id FROM three WHERE commit_id > 0) q'))[0] }),
	'20000|10000', 'an asynchronous Append of two such reads');
$server->stop;

note 'the engine, faults, and appends meanwhile';
my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $proxy = Fault->new($ENV{DYNAMODB_ENDPOINT});
$session->create_table('real', $proxy->endpoint, max_connections => 4);
$session->query(q{SELECT dynamodb_es_create_tables('real')});
my @sizes = ((2_000) x 300, (60_000) x 60, (500) x 400);
my @ids = grep { $_ % 10 } 1 .. 10 * @sizes;    # gaps everywhere, and a large one
@ids = map { $_ > 2000 ? $_ + 30_000 : $_ } @ids[ 0 .. $#sizes ];
$dynamodb->put_all('commits', map { { aggregateId => { S => 'a' }, version => { N => "$_" }, commitId => { N => "$ids[$_]" }, committedAt => { N => '946684800000' },
		events => { S => '["' . 'x' x $sizes[$_] . '"]' }, active => { S => 't' } } } 0 .. $#ids);
$dynamodb->call(PutItem => { TableName => 'counters', Item => { name => { S => 'commits' }, id => { N => "$ids[-1]" } } });
for my $order ('', ' DESC')
{
	$proxy->rules;
	my @expected = $order ? reverse @ids : @ids;
	is(column("SELECT commit_id FROM (SELECT commit_id, events FROM real ORDER BY commit_id$order OFFSET 0) q"), "@expected", "the index$order: every row in order");
	is(column("SELECT commit_id FROM (SELECT commit_id, events FROM real WHERE aggregate_id = 'a' ORDER BY version$order OFFSET 0) q"), "@expected", "an aggregate$order: every row in order");
	for my $fault ({ before => 'reset' }, { after => 'close' }, { bytes => 3000, then => 'reset' }, { answer => { status => 500, body => 'no' } },
		{ answer => { status => 400, body => { __type => 'x#ProvisionedThroughputExceededException', message => 'slow down' } }, times => 1 })
	{
		$proxy->rules({ operation => 'Query', match => 'BETWEEN', skip => 1, times => 2, name => 'fault', %$fault });
		is(column("SELECT commit_id FROM (SELECT commit_id, events FROM real ORDER BY commit_id$order OFFSET 0) q"), "@expected",
			"the index$order: every row in order, ranges in the middle failing at first by " . join ' ', map { ref $fault->{$_} ? $fault->{$_}{status} : $fault->{$_} } sort keys %$fault);
		ok((grep { ($_->{rule} // '') eq 'fault' } $proxy->events('request')), 'and they did');
	}
}
$proxy->rules({ operation => 'GetItem', answer => { status => 400, body => { __type => 'x#AccessDeniedException', message => 'not you' } } });
is(column('SELECT commit_id FROM (SELECT commit_id, events FROM real ORDER BY commit_id OFFSET 0) q'), "@ids", 'who may not read the counter reads the index all the same');
$proxy->rules({ operation => 'GetItem', before => 'stall', name => 'stalled' });
$session->send('SELECT commit_id FROM (SELECT commit_id, events FROM real ORDER BY commit_id OFFSET 0) q');
$proxy->wait_for(event => 'request', rule => 'stalled');
$proxy->wait_for(event => 'answer');    # to the third page: all that can be asked for before the counter is known
until (Session->new($node)->query('SELECT wait_event = \'Extension\' OR wait_event LIKE \'Dynamodb%\' FROM pg_stat_activity WHERE pid = ' . $session->pid) eq 't') { }
$proxy->release;
is(join(' ', map { $_->[0] } @{ $session->result->{rows} }), "@ids", 'the counter comes later than what can be read without it: every row');
$proxy->rules({ operation => 'Query', match => 'BETWEEN', skip => 1, answer => { status => 400, body => { __type => 'x#AccessDeniedException', message => 'not you' } } });
is($session->try('SELECT commit_id, events FROM real ORDER BY commit_id')->{error}{sqlstate}, '42501', 'a range that fails for good is an error, never a gap');

# The second page waits while commits are appended: those that the counter did not know yet come too, once, and last.
my $appender = Session->new($node);
$session->create_table('appends', $ENV{DYNAMODB_ENDPOINT});
$proxy->rules({ operation => 'Query', skip => 2, times => 1, before => 'stall', name => 'stalled' });
$session->send('SELECT commit_id FROM (SELECT commit_id, events FROM real ORDER BY commit_id OFFSET 0) q');
$proxy->wait_for(event => 'request', rule => 'stalled');
my @new = map { $_->[0] } $appender->query(q{INSERT INTO appends (aggregate_id, version, events) SELECT 'new' || n, 0, '[]' FROM generate_series(1, 50) n RETURNING commit_id});
$proxy->release;
my @read = map { $_->[0] } @{ $session->result->{rows} };
is(join(' ', grep { $_ <= $ids[-1] } @read), "@ids", 'commits appended beside a read: it still has every row there was, in order');
is(join(' ', @read), join(' ', sort { $a <=> $b } @read), 'all in order');
my %times;
$times{$_}++ for @read;
is((grep { $_ > 1 } values %times), 0, 'none twice');
is(column('SELECT commit_id FROM real ORDER BY commit_id'), join(' ', @ids, sort { $a <=> $b } @new), 'the next read has the new ones as well');

note 'keys that are no integers';
$session->create_table('halves', $ENV{DYNAMODB_ENDPOINT}, max_connections => $connections);
$session->create_table('whole', $ENV{DYNAMODB_ENDPOINT}, scan_segments => 1);
$session->query(qq{ALTER FOREIGN TABLE $_ OPTIONS (commit_table 'halves', counter_table 'halves-counters')}) for qw(halves whole);
$session->query(q{SELECT dynamodb_es_create_tables('halves')});
# Every second one is large, so that pages, and with them ranges, end with an integer.
$dynamodb->put_all('halves', map { { aggregateId => { S => 'a' }, version => { N => $_ / 2 . '' }, commitId => { N => $_ / 2 . '' }, active => { S => 't' },
		committedAt => { N => '946684800000' }, events => { S => '["' . 'x' x ($_ % 2 ? 1 : 30_000) . '"]' } } } -100 .. 799);
$dynamodb->call(PutItem => { TableName => 'halves-counters', Item => { name => { S => 'commits' }, id => { N => '400' } } });
for my $where (q{aggregate_id = 'a'}, 'commit_id >= -50')
{
	my $sizes = "SELECT count(*), sum(length(events::text)) FROM (SELECT events FROM %s WHERE $where OFFSET 0) q";
	my ($ranges, $pages) = map { join '|', @{ ($session->query(sprintf $sizes, $_))[0] } } qw(halves whole);
	is($ranges, $pages, "$where: in ranges as page after page");
	like($ranges, qr/^900\|/, 'and all of them');
	is($session->query("SELECT count(*) FROM halves WHERE $where"), 900, 'counted');
}
is($session->try("SELECT sum($_) FROM halves WHERE aggregate_id = 'a'")->{error}{sqlstate}, '22P02', "who asks for $_ is told") for qw(version commit_id);

$proxy->stop;
$session->close;
done_testing();
