# A commit that appears after its id was given up is applied once, as late; and a store that no longer has what was applied is noticed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my ($session, $other, $follower) = map { Session->new($node) } 1 .. 3;
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(<<'SQL');
SELECT dynamodb_es_create_tables('commits');
CREATE TABLE applied (n bigserial, commit_id bigint, aggregate_id text, version bigint);
CREATE FUNCTION apply(batch commits[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 / (CASE WHEN c.aggregate_id = 'bad' THEN 0 ELSE 1 END) FROM unnest(batch) c;
  INSERT INTO applied (commit_id, aggregate_id, version) SELECT commit_id, aggregate_id, version FROM unnest(batch);
END $$;
SELECT dynamodb_es_create_projection('p', 'apply', poll_interval => '20 ms', gap_timeout => '1 s');
SQL

sub take_ids
{
	my ($count) = @_;
	my $last = $dynamodb->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD #0 :0', ReturnValues => 'UPDATED_NEW',
		ExpressionAttributeNames => { '#0' => 'id' }, ExpressionAttributeValues => { ':0' => { N => "$count" } } })->{Attributes}{id}{N};
	return $last - $count + 1 .. $last;
}
sub put
{
	my ($id, $aggregate, $version) = @_;
	$dynamodb->put(commits => { aggregateId => { S => $aggregate }, version => { N => "$version" }, commitId => { N => "$id" },
		committedAt => { N => sprintf '%.0f', 1000 * time }, events => { S => '[]' }, active => { S => 't' } });
	return;
}
sub applied { return scalar $other->query(q{SELECT coalesce(string_agg(commit_id::text, ' ' ORDER BY n), '') FROM applied}) }
sub passed { return join ' ', map { "$_->[0]:$_->[1]" } $other->query('SELECT ids, fate FROM dynamodb_es_passed ORDER BY ids') }
sub counts { return join ' ', map { @$_ } $other->query('SELECT position, applied, passed, late, out_of_order FROM dynamodb_es_projections') }
sub becomes
{
	my ($what, $expected, $name) = @_;
	Session::comes(sub { $what->() eq $expected });
	is($what->(), $expected, $name);
	return;
}
sub refused
{
	my ($sql, $sqlstate, $like, $name) = @_;
	my $error = $session->try($sql)->{error} // {};
	is($error->{sqlstate}, $sqlstate, $name);
	like($error->{message} // '', $like, "$name: the message");
	return;
}
# As if the ids had been passed long enough ago.
sub make_due { return $session->query('UPDATE dynamodb_es_passed SET next_look = clock_timestamp() WHERE fate = \'open\'') }

# An id is given up when a higher one has been known for the time-out, by whoever follows.
my @ids = take_ids(5);
put(@$_) for [ $ids[0], 'a', 0 ], [ $ids[4], 'a', 2 ];
$follower->send('CALL dynamodb_es_follow()');
becomes(\&applied, '1 5', 'what is visible is applied, the gap being given up');
is(passed(), '[2,5):open', 'what was given up is on record');
is(counts(), '5 2 3 0 0', 'and counted');
put(3, 'a', 1);
becomes(\&applied, '1 5 3', 'a commit that appears later is applied after all');
is(passed(), '[2,3):open [3,4):late [4,5):open', 'only what has not appeared is open still');
is(counts(), '5 3 3 1 1', 'it is counted as late, and as out of order, a higher version having been applied');
put(4, 'b', 0);
becomes(\&applied, '1 5 3 4', 'another one');
is(counts(), '5 4 3 2 1', 'of its aggregate nothing had been applied: it is in order');
$other->query("SELECT pg_cancel_backend($follower->{pid})");
is($follower->result->{error}{sqlstate}, '57014', 'the follower ends');

# First in its batch; and once, whoever looks for it.
put(6, 'c', 0);
$dynamodb->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD id :n', ExpressionAttributeValues => { ':n' => { N => '1' } } });
put(2, 'b', 1);
make_due();
$session->query(q{BEGIN; SELECT dynamodb_es_run('p')});
$follower->send(q{SELECT dynamodb_es_run('p')});
ok(Session::comes(sub { $other->query("SELECT wait_event_type FROM pg_stat_activity WHERE pid = $follower->{pid}") eq 'Lock' }), 'two sessions have found the same late commit');
$session->query('COMMIT');
is($follower->result->{rows}[0][0], 0, 'one of them applies it');
is(applied(), '1 5 3 4 2 6', 'before the others of its batch');
is(passed(), '[2,3):late [3,4):late [4,5):late', 'nothing is open any more');
is(counts(), '6 6 3 3 1', 'and all are counted');

# The same commit, rolled back, and under stricter isolation.
sub pass_one
{
	my ($id) = take_ids(1);
	my ($next) = take_ids(1);
	put($next, "d$id", 0);
	for my $user ($session, $other)
	{
		Session::comes(sub { $user->query(q{SELECT dynamodb_es_run('p')}); $other->query("SELECT position >= $next FROM dynamodb_es_projections") eq 't' });
	}
	return $id;
}
my $held = pass_one();
put($held, 'e', 0);
make_due();
$session->query(q{BEGIN; SELECT dynamodb_es_run('p'); ROLLBACK});
unlike(applied(), qr/\b$held\b/, 'a late commit in a transaction that is rolled back was not applied');
for my $isolation ('repeatable read', 'serializable')
{
	$session->query("BEGIN ISOLATION LEVEL $isolation; SELECT 1");
	$other->query(q{SELECT dynamodb_es_run('p')});
	refused(q{SELECT dynamodb_es_run('p')}, '40001', qr/./, "$isolation: another session was faster");
	$session->query('ROLLBACK');
	like(applied(), qr/\b$held$/, "$isolation: once");
	$held = pass_one();
	put($held, "$isolation", 0);
	make_due();
}

# A late commit alone moves no position: its row tells that it has been applied.
is(scalar $session->query(q{BEGIN; SELECT dynamodb_es_run('p')}), 1, 'run says how many there were');
$follower->send(q{SELECT dynamodb_es_run('p')});
ok(Session::comes(sub { $other->query("SELECT wait_event_type FROM pg_stat_activity WHERE pid = $follower->{pid}") eq 'Lock' }), 'another session has found the same late commit, and nothing else');
$session->query('COMMIT');
is($follower->result->{rows}[0][0], 0, 'it does not apply it again');
is(scalar $other->query("SELECT count(*) FROM applied WHERE commit_id = $held"), 1, 'so it was applied once');

# One that cannot be applied is like any other that cannot be.
$held = pass_one();
put($held, 'bad', 0);
make_due();
refused(q{SELECT dynamodb_es_run('p')}, '22012', qr/division/, 'a late commit that fails');
refused(q{CALL dynamodb_es_follow('p', until_caught_up => true)}, '22012', qr/has not caught up/, 'a follower stops at it');
like(scalar $session->query('SELECT last_error FROM dynamodb_es_projections'), qr/\Acommit $held \(aggregate "bad", version 0\): division by zero/, 'it is named');
$session->query("SELECT dynamodb_es_skip('p', $held)");
$session->query(q{CALL dynamodb_es_follow('p', until_caught_up => true)});
is(scalar $session->query("SELECT fate FROM dynamodb_es_passed WHERE ids @> $held\::bigint"), 'skipped', 'it can be skipped');
refused("SELECT dynamodb_es_skip('p', $held)", '22023', qr/has come past commit $held/, 'once');

# Two commits of one id are an error, late ones as others.
$held = pass_one();
put($held, 'twice', 0);
put($held, 'twice', 1);
make_due();
refused(q{SELECT dynamodb_es_run('p')}, 'XX001', qr/\Acommit id $held of foreign table "commits" was given out twice/, 'a late id that comes twice');
$session->query("SELECT dynamodb_es_skip('p', $held)");

# How long they are looked for.
$held = pass_one();
make_due();
$session->query(q{SELECT dynamodb_es_run('p')});
is(scalar $session->query("SELECT looks FROM dynamodb_es_passed WHERE ids @> $held\::bigint"), 1, 'a look is counted');
is(scalar $session->query("SELECT next_look - passed_at BETWEEN '1 s' AND '2 h' FROM dynamodb_es_passed WHERE ids @> $held\::bigint"), 't', 'and the next one is due later');
$session->query("UPDATE dynamodb_es_passed SET passed_at = passed_at - interval '1 h', next_look = clock_timestamp() WHERE ids @> $held\::bigint; SELECT dynamodb_es_run('p')");
is(scalar $session->query("SELECT next_look - passed_at BETWEEN '2 h' AND '2 h 2 min' FROM dynamodb_es_passed WHERE ids @> $held\::bigint"), 't', 'when they have been passed for twice as long');
$session->query("UPDATE dynamodb_es_passed SET passed_at = passed_at - interval '22 h', next_look = clock_timestamp() WHERE ids @> $held\::bigint; SELECT dynamodb_es_run('p')");
is(scalar $session->query("SELECT next_look - passed_at FROM dynamodb_es_passed WHERE ids @> $held\::bigint"), '1 day', 'but for a day at most');
$session->query("UPDATE dynamodb_es_passed SET passed_at = passed_at - interval '1 h', next_look = clock_timestamp() WHERE ids @> $held\::bigint; SELECT dynamodb_es_run('p')");
is_deeply([ $session->query("SELECT fate, next_look FROM dynamodb_es_passed WHERE ids @> $held\::bigint") ], [ [ 'expired', undef ] ], 'then no more');
$session->query("INSERT INTO dynamodb_es_passed SELECT 'p', int8range(-2 * n, -2 * n, '[]'), now(), now() + interval '1 h', 0, 'open', 'x' FROM generate_series(1, 1001) n");
$held = pass_one();
is_deeply([ $session->query("SELECT fate, count(*), min(lower(ids)) FROM dynamodb_es_passed WHERE by_role = 'x' GROUP BY fate ORDER BY fate") ],
	[ [ 'expired', 2, -2002 ], [ 'open', 999, -1998 ] ], 'of more than a thousand ranges the oldest are given up');

# More gaps than a feed lists, in one batch: each of them is on record.
$session->query(q{SELECT dynamodb_es_alter_projection('p', batch_size => 5000)});
my @given = take_ids(2 * 1100);
$dynamodb->put_all('commits', map {
		{ aggregateId => { S => "gap $_" }, version => { N => '0' }, commitId => { N => "$given[ 2 * $_ + 1 ]" },
			committedAt => { N => sprintf '%.0f', 1000 * time }, events => { S => '[]' }, active => { S => 't' } }
	} 0 .. 1099);
Session::comes(sub { $session->query(q{SELECT dynamodb_es_run('p')}); $session->query("SELECT position >= $given[-1] FROM dynamodb_es_projections") eq 't' });
is_deeply([ $session->query("SELECT fate, count(*) FROM dynamodb_es_passed WHERE lower(ids) >= $given[0] GROUP BY fate ORDER BY fate") ],
	[ [ 'expired', 100 ], [ 'open', 1000 ] ], 'of more gaps than a feed lists each is on record');

# Much that waits above gaps, which appear one after the other.
$session->query(q{TRUNCATE applied; SELECT dynamodb_es_alter_projection('p', gap_timeout => '10 min')});
$follower->send('CALL dynamodb_es_follow()');
@ids = take_ids(60);
for my $n (0 .. $#ids)
{
	$dynamodb->put(commits => { aggregateId => { S => 'much' }, version => { N => "$n" }, commitId => { N => "$ids[$n]" }, committedAt => { N => sprintf '%.0f', 1000 * time },
		events => { S => '["' . 'x' x 10000 . '"]' }, active => { S => 't' } }) if $n % 20;
}
ok(Session::comes(sub { $other->query("SELECT waiting_for @> $ids[0]::bigint AND seen = $ids[-1] FROM dynamodb_es_projections") eq 't' }), 'the first gap is waited for, and the view tells how far behind it is');
put($ids[$_], 'much', $_) for 20, 0, 40;
becomes(\&applied, "@ids", 'what waits above gaps is applied once, and in order');
$other->query("SELECT pg_cancel_backend($follower->{pid})");
$follower->result;

# Of hours ago, when this began: passed at once, and looked for all the same; not so of days ago.
my @since = take_ids(6);
my $hours = sub { return committedAt => { N => sprintf '%.0f', 1000 * (time - 3600 * $_[0]) } };
$dynamodb->put(commits => { aggregateId => { S => "since $_->[0]" }, version => { N => '0' }, commitId => { N => "$since[$_->[0]]" }, $hours->($_->[1]), events => { S => '[]' }, active => { S => 't' } })
  for [ 1, 30 ], [ 2, 30 ], [ 3, 30 ], [ 5, 2 ];
Session::comes(sub { $session->query(q{SELECT dynamodb_es_run('p')}); $session->query("SELECT position >= $since[-1] FROM dynamodb_es_projections") eq 't' });
is(scalar $session->query("SELECT string_agg(ids::text, ' ') FROM dynamodb_es_passed WHERE lower(ids) >= $since[0] AND fate = 'open'"), "[$since[4],$since[5])", 'what was passed of the last day is on record');
put($since[4], 'hours ago', 0);
make_due();
Session::comes(sub { $session->query(q{SELECT dynamodb_es_run('p')}); $session->query("SELECT count(*) FROM applied WHERE commit_id = $since[4]") eq '1' });
is(scalar $session->query("SELECT fate FROM dynamodb_es_passed WHERE ids @> $since[4]\::bigint"), 'late', 'and is applied when it appears');

# Another store, or an older state of it.
put(take_ids(1), 'fresh', 0);
$session->query(q{SELECT dynamodb_es_run('p')});
sub check { return Session->new($node)->try(q{SELECT dynamodb_es_run('p')})->{error} }
my ($last) = sort { $b->{commitId}{N} <=> $a->{commitId}{N} } $dynamodb->scan('commits');
my %key = map { ($_ => $last->{$_}) } 'aggregateId', 'version';
my $looked = Session->new($node);
is($looked->try(q{SELECT dynamodb_es_run('p')})->{error}, undef, 'the last commit that was applied is there');
$dynamodb->call(DeleteItem => { TableName => 'commits', Key => \%key });
is(check()->{sqlstate}, '55000', 'it is not there');
is(check()->{message}, qq{commit $last->{commitId}{N}, which projection "p" has applied, is not in the store}, 'the message says so');
$dynamodb->put(commits => { %$last, commitId => { N => '' . ($last->{commitId}{N} + 1000) } });
is(check()->{sqlstate}, '55000', 'another one has its place, as in a store that went on otherwise');
is(scalar $looked->query(q{SELECT dynamodb_es_run('p') >= 0}), 't', 'a session that has looked does not look at each batch');
$dynamodb->put(commits => { %$last, commitId => { N => "$last->{commitId}{N}" } });
is(check(), undef, 'the same store again');

# Its commits are there, but its counter has gone back: it gives out ids below the position, whose commits would never be applied.
my $position = $session->query('SELECT position FROM dynamodb_es_projections');
my $head = $dynamodb->head;
sub set_counter { my ($id) = @_; return $dynamodb->put(counters => { name => { S => 'commits' }, id => { N => "$id" } }) }
set_counter($position - 1);
is(check()->{sqlstate}, '55000', 'a counter behind the position is an error');
is(check()->{message}, qq{foreign table "commits" has not reached the position $position}, 'the message says so');
is(Session->new($node)->try(q{CALL dynamodb_es_follow('p', until_caught_up => true)})->{error}{sqlstate}, '55000', 'for a follower, too');
set_counter($head);
$session->query(q{SELECT dynamodb_es_alter_projection('p', enabled => true)});
is(check(), undef, 'raised, it is the store that it was');

# Deleted and made anew under a session that has looked within the minute, and gone on beyond the position: its first commits
# are not left out.
$session->query(<<'SQL');
CREATE FOREIGN TABLE again (commit_id bigint, aggregate_id text, version bigint, events jsonb)
	SERVER commits_server OPTIONS (commit_table 'again', counter_table 'again_counters');
SELECT dynamodb_es_create_tables('again');
CREATE FUNCTION apply_again(batch again[]) RETURNS void LANGUAGE sql AS '';
SELECT dynamodb_es_create_projection('again', 'apply_again');
INSERT INTO again (aggregate_id, version, events) VALUES ('a', 0, '[]'), ('a', 1, '[]');
SQL
my $again = Session->new($node);
for my $time (1, 2)
{
	ok(Session::comes(sub { $again->query(q{SELECT dynamodb_es_run('again')}); $other->query(q{SELECT position FROM dynamodb_es_projections WHERE name = 'again'}) eq 2 }), 'a session follows, and has looked');
}
$session->query(q{SELECT dynamodb_es_drop_tables('again')});
is($again->try(q{SELECT dynamodb_es_run('again')})->{error}{sqlstate}, 'HV00R', 'the store is not there');
$session->query(q{SELECT dynamodb_es_create_tables('again'); INSERT INTO again (aggregate_id, version, events) SELECT 'b', n, '[]' FROM generate_series(0, 2) n});
is($again->try(q{SELECT dynamodb_es_run('again')})->{error}{sqlstate}, '55000', 'another store of its name is not taken for it');

$node->stop;
done_testing();
