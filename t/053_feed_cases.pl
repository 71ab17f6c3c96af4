# Small cases of a feed's gaps, each in ids of its own: what is burned, given up or waited for.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(<<SQL);
SELECT dynamodb_es_create_tables('commits');
CREATE FOREIGN TABLE feed (commit_id bigint) SERVER commits_server OPTIONS (consistent_prefix 'true');
SQL
$plain->put(counters => { name => { S => 'commits' }, id => { N => '1000000' } });

sub ms { my ($age) = @_; return sprintf '%.0f', 1000 * (time - $age) }
sub commit
{
	my ($id, $committed, $appended) = @_;
	return { aggregateId => { S => "a$id" }, version => { N => '0' }, commitId => { N => "$id" }, committedAt => { N => $committed }, events => { S => '[]' },
		active => { S => 't' }, defined $appended ? (appendedAt => { N => $appended }) : () };
}
sub aged { my ($age, @ids) = @_; return map { commit($_, ms($age)) } @ids }
sub note_of { my ($first) = @_; return { name => { S => "commits#burned#$first" }, n => { N => '1' } } }

# What a poll after a position says: commits, and where it ends.
sub poll
{
	my ($after) = @_;
	my $plan = decode_json(scalar $session->query("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) SELECT commit_id FROM feed WHERE commit_id > $after"))->[0]{Plan};
	return join '; ', $plan->{'Actual Rows'} + 0, map { "$_ " . ($plan->{$_} // '-') } 'Complete To', 'Waiting For', 'Passed';
}

# From the highest ids down, so that each case is the last of the store when it is looked at.
$plain->put_all(commits => aged(0, 900001));
$plain->put_all(counters => note_of(900002));
is(poll(900000), '1; Complete To 900001; Waiting For -; Passed -', 'the last id is burned');
$plain->put_all(commits => aged(600, 500001, 600002, 600003, 600004));
is(poll(500000), '4; Complete To 600004; Waiting For 600005-900000; Passed 500002-600001', 'a gap of 100,000 ids is given up as one range');
$plain->put_all(commits => aged(-600, 400002, 400003, 400004));
is(poll(400000), '0; Complete To 400000; Waiting For 400001; Passed -', 'clocks that are 10 minutes ahead: waited for');
$plain->put_all(commits => aged(600, 300002), aged(0, 300003, 300004));
is(poll(300000), '0; Complete To 300000; Waiting For 300001; Passed -', 'one clock that is 10 minutes behind: waited for');
$plain->put_all(commits => map { commit($_, '0', ms(0)) } 200002 .. 200004);
is(poll(200000), '0; Complete To 200000; Waiting For 200001; Passed -', 'a committed_at of 1970 makes nothing old');
$plain->put_all(commits => map { commit($_, '4102444800000', ms(600)) } 100002 .. 100004);
is(poll(100000), '3; Complete To 100004; Waiting For 100005-200001; Passed 100001', 'one of 2100 keeps nothing young');
$plain->put_all(commits => aged(60, map { 50000 + 2 * $_ } 1 .. 100));
is(poll(50000), '0; Complete To 50000; Waiting For 50001; Passed -', 'a hundred gaps of one minute ago: the first is waited for');
$plain->put_all(commits => aged(0, map { 2 * $_ } 1 .. 1000));
$plain->put_all(counters => map { note_of(2 * $_ - 1) } 1 .. 1000);
is(poll(0), '1000; Complete To 2000; Waiting For 2001-50001; Passed -', 'a thousand notes in a page');

$session->close;
done_testing();
