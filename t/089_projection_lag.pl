# Beside clients with dynamodb-event-store 1.x, whose conflicts leave no notes, a projection is behind by the time-out and an eighth of it, however many ids are
# missing: gaps are waited for all at once, not one after the other.
#
# The environment may set LAG_SECONDS, how long there are two conflicts a second.
#
# Engine: dynalite
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time sleep);

my $seconds = $ENV{LAG_SECONDS} // 12;
my $timeout = 4;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $session = Session->new($node);
my $follower = Session->new($node);
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(<<SQL);
SELECT dynamodb_es_create_tables('commits');
CREATE TABLE applied (commit_id bigint, lag double precision);
CREATE FUNCTION apply(batch commits[]) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO applied SELECT commit_id, extract(epoch FROM clock_timestamp() - committed_at) FROM unnest(batch);
END;
SELECT dynamodb_es_create_projection('p', 'apply', poll_interval => '50 ms', gap_timeout => '$timeout s');
SQL

# What a 1.x client does to the ids when its put is refused.
sub conflict
{
	$plain->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD id :one',
		ExpressionAttributeValues => { ':one' => { N => '1' } } });
	return;
}

$follower->send(q{CALL dynamodb_es_follow('p')});
my ($began, $commits, $conflicts) = (time, 0, 0);
while (time < $began + $seconds)
{
	conflict();
	$conflicts++;
	$session->query("INSERT INTO commits (aggregate_id, version, events) VALUES ('a', $commits, '[]')"), $commits++ for 1 .. 5;
	my $next = $began + 0.5 * $conflicts;
	sleep $next - time if time < $next;
}
my $head = $session->query(q{SELECT dynamodb_es_head('commits')});
is(scalar $session->query("SELECT dynamodb_es_wait_for('p', $head, '1 min')"), 't', 'the projection comes to the end');
is_deeply([ $session->query('SELECT count(*), count(DISTINCT commit_id) FROM applied') ], [ [ $commits, $commits ] ], 'each commit was applied once');
is_deeply([ $session->query('SELECT passed, late, out_of_order FROM dynamodb_es_projections') ], [ [ $conflicts, 0, 0 ] ], 'what was passed is what was refused');
my ($median, $most) = map { @$_ } $session->query('SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY lag), percentile_cont(0.9) WITHIN GROUP (ORDER BY lag) FROM applied');
note sprintf '%d conflicts, %d commits; behind by %.2f s in the middle, %.2f s in nine of ten cases', $conflicts, $commits, $median, $most;
cmp_ok($most, '<', 1.3 * $timeout, "it was behind by less than 1.3 times the time-out");
cmp_ok($median, '>', 0.5 * $timeout, 'and by more than half of it, since every gap is waited for');

$node->stop('immediate');
done_testing();
