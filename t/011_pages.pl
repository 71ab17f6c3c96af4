# A read of many pages loses no commit and repeats none, along every path, in both directions, however it is broken off and begun
# again.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $session = Session->new($node);
my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(q{SELECT dynamodb_es_create_tables('commits')});

# 300 commits of 20 KB to 60 KB: every second one in one aggregate, the others in 50 aggregates of three; each knows its number.
my $count = 300;
my $bytes = 0;
my @items;
for my $n (1 .. $count)
{
	my $big = $n % 2;
	my $events = qq([{"n":$n,"filler":") . 'x' x (20_000 + $n * 7919 % 40_000) . '"}]';
	$bytes += $big ? length $events : 0;
	push @items, { aggregateId => { S => $big ? 'big' : 'small' . $n % 100 }, version => { N => ($big ? $n - 1 : int $n / 100) . '' }, commitId => { N => "$n" },
		committedAt => { N => '946684800000' }, events => { S => $events }, active => { S => 't' } };
}
$dynamodb->put_all('commits', @items);
cmp_ok($bytes, '>', 5 * 1024 * 1024, 'the aggregate has more than 5 MB');

sub row { return join '|', map { $_ // 'NULL' } @{ ($session->query($_[0]))[0] } }
my $sums = q{count(*), count(DISTINCT commit_id), sum(commit_id), sum((events->0->>'n')::int), min(commit_id), max(commit_id)};
sub sums { my @n = @_; my $sum = 0; $sum += $_ for @n; return join '|', scalar @n, scalar @n, $sum, $sum, $n[0], $n[-1] }
my @odd = grep { $_ % 2 } 1 .. $count;

my %path = (
	aggregate => [ q{aggregate_id = 'big'}, 'version', @odd ],
	'part of an aggregate' => [ q{aggregate_id = 'big' AND version BETWEEN 10 AND 289}, 'version', grep { $_ >= 11 && $_ <= 290 } @odd ],
	'index range' => [ 'commit_id > 20 AND commit_id <= 290', 'commit_id', 21 .. 290 ],
	'whole index' => [ 'commit_id > 0', 'commit_id', 1 .. $count ],
	table => [ 'version >= 0', undef, 1 .. $count ],
);
for my $name (sort keys %path)
{
	my ($where, $key, @expected) = @{ $path{$name} };
	my $sql = "SELECT commit_id, events FROM commits WHERE $where";
	is(row("SELECT $sums FROM ($sql) q"), sums(@expected), "$name: every commit is counted once");
	cmp_ok($session->requests_of("SELECT events FROM commits WHERE $where"), '>', 5, "$name: it has many pages");
	is(row("SELECT count(*) FROM commits WHERE $where"), scalar @expected, "$name: also when none of their columns is asked for");
	is(row("SELECT $sums FROM (SELECT * FROM commits WHERE $where AND (events->0->>'n')::int > 280) q"), sums(grep { $_ > 280 } @expected),
		"$name: pages without a row to show are not the end");
	for my $order ($key ? ('', ' DESC') : ())
	{
		my @ids = map { $_->[0] } $session->query("$sql ORDER BY $key$order");
		is("@ids", join(' ', $order ? reverse @expected : @expected), "$name: in order$order");
		@ids = map { $_->[0] } $session->query("SELECT commit_id FROM commits WHERE $where ORDER BY $key$order OFFSET 99 LIMIT 30");
		is("@ids", join(' ', ($order ? reverse @expected : @expected)[ 99 .. 128 ]), "$name: from its middle$order");
	}

	# A lateral join begins the read again for each row, the second time after it was broken off in the midst of a page.
	is(row("SELECT sum(c) FROM (VALUES (3), (200), (100000)) n (n), LATERAL (SELECT count(*) c FROM (SELECT events FROM commits WHERE $where AND n.n > 0 LIMIT n.n) q) l"),
		3 + (@expected < 200 ? @expected : 200) + @expected, "$name: read again after a read that was broken off");
	is(row("SELECT count(*), count(DISTINCT n) FROM generate_series(1, 2) n, LATERAL (SELECT events FROM commits WHERE $where AND n > 0 OFFSET 0) l"), 2 * @expected . '|2',
		"$name: read twice");

	$session->query("BEGIN; DECLARE pages CURSOR FOR $sql");
	my $fetched = 0;
	while (my @rows = $session->query('FETCH 17 FROM pages')) { $fetched += @rows }
	$session->query('COMMIT');
	is($fetched, scalar @expected, "$name: fetched in parts");
}
is(row('SELECT count(*), sum(c) FROM (SELECT aggregate_id, count(*) c FROM commits GROUP BY aggregate_id) q'), '51|300', 'grouped: nothing is lost or repeated')
  or diag(row('SELECT string_agg(aggregate_id || c, $$ $$) FROM (SELECT aggregate_id, count(*) c FROM commits GROUP BY aggregate_id) q'));

$session->close;
done_testing();
