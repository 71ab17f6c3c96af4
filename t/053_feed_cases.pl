# Small cases of a feed's gaps, each in ids of its own: what is burned, given up or waited for.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
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
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $session = Session->new($node);
$session->create_table('commits', $fault->endpoint);
$session->query(<<SQL);
SELECT dynamodb_es_create_tables('commits');
CREATE FOREIGN TABLE feed (commit_id bigint) SERVER commits_server OPTIONS (consistent_prefix 'true');
CREATE FOREIGN TABLE impatient (commit_id bigint) SERVER commits_server OPTIONS (consistent_prefix 'true', gap_timeout_ms '30000');
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
sub said { my ($plan) = @_; return join '; ', $plan->{'Actual Rows'} + 0, map { "$_ " . ($plan->{$_} // '-') } 'Complete To', 'Waiting For', 'Passed' }
sub question { my ($after, $feed) = @_; return "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) SELECT commit_id FROM $feed WHERE commit_id > $after" }
sub plan_of { my ($result) = @_; return decode_json($result)->[0]{Plan} }
sub poll { my ($after, $feed, $asking) = @_; return said(plan_of(scalar(($asking // $session)->query(question($after, $feed // 'feed'))))) }

# The same, where the request that fits the rule is held back until something was done.
sub poll_while
{
	my ($after, $rule, $does) = @_;
	$fault->rules({ name => 'held', late => 'stall', times => 1, %$rule });
	$session->send(question($after, 'feed'));
	$fault->wait_for(event => 'request', rule => 'held');
	$does->();
	$fault->release;
	my $said = said(plan_of($session->result->{rows}[0][0]));
	$fault->rules;
	return $said;
}

# From the highest ids down, so that each case is the last of the store when it is looked at.
$plain->put_all(commits => aged(0, 900001));
$plain->put_all(counters => note_of(900002));
is(poll(900000), '1; Complete To 900001; Waiting For -; Passed -', 'the last id is burned');
$plain->put_all(commits => aged(-600, 800002, 800003, 800004));
is(poll(800000), '0; Complete To 800000; Waiting For 800001; Passed -', 'clocks that are 10 minutes ahead: waited for');
$plain->put_all(commits => aged(600, 500001, 600002, 600003, 600004));
is(poll(500000), '4; Complete To 600004; Waiting For 600005-800001; Passed 500002-600001', 'a gap of 100,000 ids is given up as one range');
my $other = Session->new($node);
is(poll(500000, 'feed', $other), '4; Complete To 600004; Waiting For 600005-800001; Passed 500002-600001', 'a session that has just begun knows as much');
$other->close;
$plain->put_all(commits => aged(-600, 400002), aged(600, 400003, 400004, 400005));
is(poll(400000), '8; Complete To 600004; Waiting For 600005-800001; Passed 400001, 400006-500000, 500002-600001', 'one clock that is 10 minutes ahead does not count where three others follow');
$plain->put_all(commits => aged(600, 300002), aged(0, 300003, 300004));
is(poll(300000), '0; Complete To 300000; Waiting For 300001; Passed -', 'one clock that is 10 minutes behind: waited for');
$plain->put_all(commits => map { commit($_, '0', ms(0)) } 200002 .. 200004);
is(poll(200000), '0; Complete To 200000; Waiting For 200001; Passed -', 'a committed_at of 1970 makes nothing old');
$plain->put_all(commits => map { commit($_, '4102444800000', ms(600)) } 100002 .. 100004);
is(poll(100000), '3; Complete To 100004; Waiting For 100005-200001; Passed 100001', 'one of 2100 keeps nothing young');
$plain->put_all(commits => aged(100000, 90001), aged(0, 90003, 90004, 90005));
is(poll(90000), '1; Complete To 90001; Waiting For 90002; Passed -', 'after a day without commits, the time-out does not count from the last one');
is(poll(90001), '0; Complete To 90001; Waiting For 90002; Passed -', 'a gap at the beginning of what is read');

# What happens between two reads.
$plain->put_all(commits => aged(0, 80001, 80003));
is(poll_while(80000, { operation => 'GetItem', match => '#burned#80002' }, sub { $plain->put_all(counters => note_of(80002)) }),
	'2; Complete To 80003; Waiting For 80004-90000; Passed -', 'a note that is written between the index and the notes counts');
$plain->put_all(commits => aged(0, 79001, 79003));
is(poll_while(79000, { operation => 'GetItem', match => '#burned#79002' }, sub { $plain->put_all(commits => aged(0, 79002)) }),
	'1; Complete To 79001; Waiting For 79002; Passed -', 'a commit that comes between them does not: it is there at the next poll');
is(poll(79001), '2; Complete To 79003; Waiting For 79004-80000; Passed -', 'which delivers it');
my %look = (operation => 'Query', skip => 1);
$plain->put_all(commits => aged(600, 70002, 70003, 70004));
is(poll_while(70000, \%look, sub { $plain->put_all(commits => aged(0, 70001)) }),
	'4; Complete To 70004; Waiting For 70005-79000; Passed -', 'a commit that comes between the two looks is delivered');
$plain->put_all(commits => aged(600, 69002, 69003, 69004));
is(poll_while(69000, \%look, sub { $plain->put_all(counters => note_of(69001)) }),
	'3; Complete To 69004; Waiting For 69005-70000; Passed 69001', 'an id whose note comes between the two looks is passed all the same');

# Many gaps.
$plain->put_all(commits => aged(60, map { 50000 + 2 * $_ } 1 .. 100));
is(poll(50000), '0; Complete To 50000; Waiting For 50001; Passed -', 'a hundred gaps of one minute ago: the first is waited for');
my $plan = plan_of(scalar $session->query(question('50000 AND commit_id <= 50200', 'impatient')));
is(join('; ', map { "$_ $plan->{$_}" } 'Actual Rows', 'Complete To', 'Note Reads', 'Requests'), 'Actual Rows 100; Complete To 50200; Note Reads 100; Requests 102',
	'where they are given up, a hundred notes and one second look are asked for');
like($plan->{Passed}, qr/\A50001, 50003, (?:\d+, ){17}50039 and 80 more\z/, 'and reported');
$plain->put_all(commits => aged(0, 40001 .. 40100));
my ($followed, $naive) = map { plan_of(scalar $session->query(question('40000 AND commit_id <= 40100', $_))) } qw(feed commits);
is_deeply([ map { $followed->{$_} } 'Actual Rows', 'Requests', 'Read Capacity' ], [ 100, 1, $naive->{'Read Capacity'} ], 'a busy poll costs what its commits cost');
cmp_ok($followed->{'Read Capacity'}, '>', 0, 'which is something');
$plain->put_all(commits => aged(0, map { 2 * $_ } 1 .. 1000));
$plain->put_all(counters => map { note_of(2 * $_ - 1) } 1 .. 1000);
is(poll(0), '1000; Complete To 2000; Waiting For 2001-40000; Passed -', 'a thousand notes in a page');

$session->close;
$fault->stop;
done_testing();
