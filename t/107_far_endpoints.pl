# To a far endpoint more requests are under way than to a near one, up to max_connections, but not where partitions throttle.
# Engine: dynalite
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Partitions;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $usual = 16;
my $most = 64;                  # max_connections where it is not said
my $rows = 1500;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $partitions = Partitions->new($ENV{DYNAMODB_ENDPOINT});
my $observer = Session->new($node);
$observer->create_table('commits', $partitions->endpoint);
$observer->create_table('usual', $partitions->endpoint, max_connections => $usual);
$observer->create_table('forty', $partitions->endpoint, max_connections => 40);
$observer->query(q{SELECT dynamodb_es_create_tables('commits')});

# What a service so far away bears: anything, unless it is said.
sub far { my (%limits) = @_; return $partitions->limits(write => 1e9, read => 1e9, burst => 1, delay => 50, %limits) }
sub insert { my ($table, $name, $count) = @_; return "INSERT INTO $table (aggregate_id, version, events) SELECT '$name-' || i, 0, '[]' FROM generate_series(1, $count) i" }
sub sockets { my ($session) = @_; return scalar grep { /^socket:/ } $session->descriptors }

far();
my $session = Session->new($node);
my $sockets_before = sockets($session);

subtest 'a bulk INSERT' => sub {
	$partitions->peak;
	is($session->try(insert('usual', 'usual', 200))->{tag}, 'INSERT 0 200');
	cmp_ok($partitions->peak, '<=', $usual, 'no more than max_connections says');
	is($session->try(insert('commits', 'small', 50))->{tag}, 'INSERT 0 50');
	cmp_ok($partitions->peak, '<=', $usual + 1, 'a small one opens no more connections than ever');    # 1: the next ids
	is($session->try(insert('commits', 'large', $rows))->{tag}, "INSERT 0 $rows");
	my $peak = $partitions->peak;
	cmp_ok($peak, '>', $usual, 'a large one does');
	cmp_ok($peak, '<=', $most, 'as many as it may have');
	cmp_ok(sockets($session) - $sockets_before, '<=', $usual + $most + 10, 'and so many sockets');
	my $other = Session->new($node);    # this one has the sockets of the first two still
	is($other->try(insert('forty', 'forty', $rows))->{tag}, "INSERT 0 $rows");
	$other->close;
	$peak = $partitions->peak;
	cmp_ok($peak, '>', $usual, 'max_connections above the usual number is used');
	cmp_ok($peak, '<=', 40, 'and is the limit');
};

subtest 'is what it is with fewer under way' => sub {
	is_deeply([ $session->query(q{SELECT count(*), count(DISTINCT commit_id) FROM commits WHERE aggregate_id LIKE 'large-%'}) ], [ [ $rows, $rows ] ], 'each row is stored once');
	is($session->try(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'long-' || i % 100, i / 100, '[]' FROM generate_series(0, 799) i})->{tag}, 'INSERT 0 800');
	is($session->query(q{SELECT count(*) FROM (SELECT commit_id - lag(commit_id) OVER (PARTITION BY aggregate_id ORDER BY version) AS step FROM commits
		WHERE aggregate_id LIKE 'long-%') s WHERE step <= 0}), 0, 'ids rise with the versions of an aggregate');
	my $error = $session->try(insert('commits', 'large', 300) . ' OFFSET 100')->{error};
	is($error->{sqlstate}, '23505', 'a conflict ends it');
	like($error->{detail}, qr/not stored: 200; unknown: 0/, 'with the fate of each row');
};

subtest 'many aggregates are read so, too' => sub {
	my $many = join ', ', map { "'large-$_'" } 1 .. 600;
	$partitions->peak;
	is($session->query("SELECT count(events) FROM commits WHERE aggregate_id IN ($many)"), 600);
	my $peak = $partitions->peak;
	cmp_ok($peak, '>', $usual, 'more than usual');
	cmp_ok($peak, '<=', $most, 'as many as may be');
};

subtest 'a partition at its limit does not see more than it did' => sub {
	my $fresh = Session->new($node);
	far(write => 50, burst => 0.1);
	$partitions->throttled;
	is($fresh->try(insert('commits', 'slow', 150))->{tag}, 'INSERT 0 150');
	my ($throttled, $peak) = $partitions->taken;
	cmp_ok($throttled, '>', 0, 'the partition was the limit');
	cmp_ok($peak, '<=', $usual + 1, 'never more than usual under way');
	$fresh->close;
};

$partitions->stop;
$node->stop;
done_testing();
