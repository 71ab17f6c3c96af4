# Engine: dynalite
# Appenders of 1.x that have two conflicts a second, and leave no notes, delay a projection by about its gap_timeout, however long that goes on: gaps are waited for
# together, not one after the other. test_kept has it by a virtual clock, for two minutes and exactly; here the clock is real, and its bound wide.
#
# The environment may set CONFLICT_SECONDS, GAP_TIMEOUT_MS, and MOST_LAG, as a multiple of that.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use List::Util qw(max);
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{CONFLICT_SECONDS} // 6;
my $gap_timeout_ms = $ENV{GAP_TIMEOUT_MS} // 1000;
my $most_lag = $ENV{MOST_LAG} // 5;      # one after the other, 12 gaps in 6 s would come to 6.5 times the time-out

my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'log_min_messages = fatal');
$node->start;
my ($session, $follower) = map { Session->new($node) } 1 .. 2;
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(<<"SQL");
SELECT dynamodb_es_create_tables('commits');
CREATE TABLE applied (commit_id bigint, at float);
CREATE FUNCTION apply(batch commits[]) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO applied SELECT commit_id, extract(epoch FROM clock_timestamp()) FROM unnest(batch);
END;
SELECT dynamodb_es_create_projection('p', 'apply', poll_interval => '50 ms', gap_timeout => '$gap_timeout_ms ms');
SQL

sub take_id
{
	return $dynamodb->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD #0 :0', ReturnValues => 'UPDATED_NEW',
		ExpressionAttributeNames => { '#0' => 'id' }, ExpressionAttributeValues => { ':0' => { N => '1' } } })->{Attributes}{id}{N};
}

my %put_at;
my $last;
sub append
{
	$last = take_id();
	$dynamodb->put(commits => { aggregateId => { S => 'a' }, version => { N => "$last" }, commitId => { N => "$last" }, committedAt => { N => sprintf '%.0f', 1000 * time },
		events => { S => '[]' }, active => { S => 't' } });
	$put_at{$last} = time;
	return;
}

$follower->send('CALL dynamodb_es_follow()');
my ($conflicts, $began) = (0, time);
while (time < $began + $seconds)
{
	append();
	if (time > $began + $conflicts / 2)
	{
		take_id();
		$conflicts++;
	}
	select undef, undef, undef, 0.05;
}
append();
ok(Session::comes(sub { $session->query("SELECT count(*) FROM applied WHERE commit_id = $last") == 1 }), 'all is applied in the end');
my %applied_at = map { @$_ } $session->query('SELECT * FROM applied');
is(scalar keys %applied_at, scalar keys %put_at, 'each commit');
my $lag = 1000 * max(map { $applied_at{$_} - $put_at{$_} } keys %put_at) / $gap_timeout_ms;
note sprintf '%d commits, %d conflicts in %d s; the longest delay is %.2f times the time-out', scalar keys %put_at, $conflicts, $seconds, $lag;
cmp_ok($lag, '<', $most_lag, 'no delay is much longer than the time-out');
is(scalar $session->query('SELECT passed FROM dynamodb_es_projections'), $conflicts, 'what was given up is what had conflicts');
$session->query("SELECT pg_cancel_backend($follower->{pid})");
$follower->result;
$node->stop;
done_testing();
