# A bulk append, and a large read, must get through a partition that carries less than they could send: slower, and to the end.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Partitions;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $partitions = Partitions->new($ENV{DYNAMODB_ENDPOINT});
my @sessions = map { Session->new($node) } 1 .. 4;
$sessions[0]->create_table('commits', $partitions->endpoint);
$sessions[0]->query(q{SELECT dynamodb_es_create_tables('commits')});

subtest 'bulk appends side by side into a slow partition all end well, without a commit lost' => sub {
	$partitions->limits(write => 60, read => 3000, burst => 1);
	$partitions->throttled;
	$sessions[$_]->send("INSERT INTO commits (aggregate_id, version, events) SELECT '$_-' || i, 0, '[]' FROM generate_series(1, 200) i") for 0 .. 3;
	for my $result (map { $_->result } @sessions)
	{
		is($result->{tag}, 'INSERT 0 200') or diag explain $result->{error};
	}
	cmp_ok($partitions->throttled, '>', 20, 'the partition was the limit');
	my ($row) = $sessions[0]->query('SELECT count(*), count(DISTINCT commit_id), max(commit_id) FROM commits');
	is_deeply($row, [ 800, 800, 800 ], 'each is stored once');
};

subtest 'aggregates of several rows each get to their ends, though few puts may be under way' => sub {
	$partitions->limits(write => 100, read => 3000, burst => 1);
	$sessions[$_]->send("INSERT INTO commits (aggregate_id, version, events) SELECT 'long-$_-' || i % 4, i / 4, '[]' FROM generate_series(0, 159) i") for 0 .. 3;
	is($_->result->{tag}, 'INSERT 0 160') for @sessions;
	is($sessions[0]->query(q{SELECT count(*) FROM commits WHERE aggregate_id LIKE 'long-%'}), 640);
};

subtest 'so do versions left out, which are read first' => sub {
	my @fresh = map { Session->new($node) } 0 .. 3;
	$partitions->limits(write => 1e9, read => 15, burst => 1, table_partitions => 1);
	$partitions->throttled;
	$fresh[$_]->send("INSERT INTO commits (aggregate_id, events) SELECT 'next-$_-' || i, '[]' FROM generate_series(1, 40) i") for 0 .. 3;
	for my $result (map { $_->result } @fresh)
	{
		is($result->{tag}, 'INSERT 0 40') or diag explain $result->{error};
	}
	cmp_ok($partitions->throttled, '>', 20, 'the partition was the limit');
	$partitions->limits(write => 1e9, read => 1e9, burst => 1);
	is($sessions[0]->query(q{SELECT count(*) FROM commits WHERE aggregate_id LIKE 'next-%'}), 160);
	$_->close for @fresh;
};

subtest 'large reads side by side of a slow partition get to their ends' => sub {
	$partitions->limits(write => 1e9, read => 1e9, burst => 1);
	$sessions[0]->query(q{INSERT INTO commits (aggregate_id, version, events)
		SELECT 'wide-' || i, 0, jsonb_build_array(repeat('x', 20000)) FROM generate_series(1, 1500) i});
	my $head = $sessions[0]->query(q{SELECT dynamodb_es_head('commits')});
	$partitions->limits(write => 1e9, read => 2000, burst => 0.2);
	$partitions->throttled;
	$sessions[$_]->send('SELECT count(events) FROM (SELECT * FROM commits ORDER BY commit_id OFFSET 0) c') for 0, 1;
	for my $result (map { $_->result } @sessions[ 0, 1 ])
	{
		is_deeply($result->{rows}, [ [$head] ]) or diag explain $result->{error};
	}
	cmp_ok($partitions->throttled, '>', 0, 'the partition was the limit');
};

$partitions->stop;
done_testing();
