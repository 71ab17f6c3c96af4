# Who follows a feed table gets every commit once and in order, while many append and the index lags behind the table, out of order; who follows the plain
# table by the highest id seen does not.
#
# test/lib/Race.pm says who appends, in three modes.
# An index entry is kept back for less than the time-out; one put is for longer: that one commit is given up, and reported so.
#
# The environment may set FEED_SECONDS, how long each mode appends, FEED_MODE, to have but one, and SEED.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Race;
use Session;
use Test::More;
use Time::HiRes qw(time);
use Workers;

my $seconds = $ENV{FEED_SECONDS} // 5;
my @modes = $ENV{FEED_MODE} // ($ENV{DYNAMODB_ENGINE} eq 'dynalite' ? 'counter' : ('counter', 'dense', 'mixed'));     # dynalite has no transactions
my $seed = $ENV{SEED} // int rand 2**31;
my $gap_timeout_ms = 6000;
my %lag = (least => 5, most => 2000, stale => 0.1, stale_ms => 1000);  # together, half of the time-out
my $patience = 180;
my $tables = '(commit_id bigint, aggregate_id text, version bigint, events jsonb)';

my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'log_min_messages = fatal');
$node->start;
note "SEED=$seed";
my $admin = Session->new($node);
$admin->create_table('commits', $fault->endpoint, batch_size => 25, request_timeout_ms => 3000);
$fault->seed($seed);

# The ids that a poll has passed, as its plan tells.
sub passed_of
{
	my ($plan) = @_;
	$plan = $plan->{Plans}[0] while $plan->{Plans} && !exists $plan->{Passed};
	my $passed = $plan->{Passed} // '';
	die "not all that was passed is listed: $passed" if $passed =~ /more/;
	return map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /, /, $passed;
}

# Follows both tables until the last commit is there, with the same polls; true when it has come.
sub follow
{
	my $session = Session->new($node);
	my ($position, $highest) = (0, 0);
	my $deadline = time + $seconds + $patience;
	while (time < $deadline)
	{
		my $plan = $session->query('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) INSERT INTO delivered (commit_id, aggregate_id) '
			. "SELECT commit_id, aggregate_id FROM feed WHERE commit_id > $position ORDER BY commit_id LIMIT 100");
		$session->query("INSERT INTO passed VALUES ($_)") for passed_of(decode_json($plan)->[0]{Plan});
		$session->query("INSERT INTO naive SELECT commit_id FROM plain WHERE commit_id > $highest ORDER BY commit_id");
		($position, $highest) = map { scalar $session->query("SELECT coalesce(max(commit_id), 0) FROM $_") } 'delivered', 'naive';
		return \1 if $session->query(q{SELECT EXISTS (SELECT FROM delivered WHERE aggregate_id = 'last')}) eq 't';
		select undef, undef, undef, 0.05;
	}
	return \0;
}

# Index entries were kept back, older pages served, and who goes by the highest id seen has lost a commit.
sub has_lagged
{
	my @lag = $fault->events('lag');
	return (grep { $_->{kept_back} } @lag) && (grep { $_->{stale} } @lag)
	  && $admin->query('SELECT EXISTS (SELECT commit_id FROM delivered WHERE commit_id < (SELECT max(commit_id) FROM naive) EXCEPT SELECT commit_id FROM naive)') eq 't';
}

sub run_mode
{
	my ($mode) = @_;
	my $race = Race->new(fault => $fault, node => $node, dynamodb => $dynamodb, admin => $admin, mode => $mode, seconds => $seconds, seed => $seed, lag => \%lag,
		until => \&has_lagged);
	$admin->query("CREATE FOREIGN TABLE plain $tables SERVER commits_server");
	my $since = $mode eq 'dense' ? q{, dense_since '0'} : '';
	$admin->query("CREATE FOREIGN TABLE feed $tables SERVER commits_server OPTIONS (consistent_prefix 'true', gap_timeout_ms '$gap_timeout_ms'$since)");
	$admin->query('CREATE TABLE delivered (n bigserial, commit_id bigint, aggregate_id text); CREATE TABLE naive (commit_id bigint); CREATE TABLE passed (id bigint)');
	my $tail = Workers->new($fault);
	$tail->start(tail => \&follow);
	$race->start;
	my $held = $race->hold_back;
	$race->interrupt('append_0', 'killed', 'pg_terminate_backend');
	$race->interrupt('append_1', 'cancelled', 'pg_cancel_backend');
	if (defined $held)
	{
		ok($race->comes(sub { $admin->query("SELECT EXISTS (SELECT FROM passed WHERE id = $held)") eq 't' }), "$mode: the commit whose put is held back is known as passed");
	}
	$fault->release;
	$race->finish;
	my %end = $tail->finish;
	ok(${ $end{tail} // \0 }, "$mode: the tail has come to the last commit");
	check($mode, $held);
	$race->end;
	$admin->query('DROP FOREIGN TABLE plain, feed; DROP TABLE delivered, naive, passed');
	return;
}

sub check
{
	my ($mode, $held) = @_;
	my @stored = sort { $a <=> $b } map { $_->{commitId}{N} } $dynamodb->scan('commits');
	my @delivered = map { $_->[0] } $admin->query('SELECT commit_id FROM delivered ORDER BY n');
	my %passed = map { $_->[0] => 1 } $admin->query('SELECT id FROM passed');
	my %naive = map { $_->[0] => 1 } $admin->query('SELECT commit_id FROM naive');
	my @lag = $fault->events('lag');
	my $exception = $held // 0;
	is_deeply(\@delivered, [ grep { $_ != $exception } @stored ], "$mode: the tail has every stored commit once, in order");
	is(join(' ', grep { $passed{$_} } @stored), $held // '', "$mode: what it has passed of them is what was held back");
	is(join(' ', keys %passed), '', "$mode: nothing is ever passed") if $mode eq 'dense';
	my @lost = grep { !$naive{$_} } @stored;
	cmp_ok(scalar @lost, '>', 0, "$mode: who goes by the highest id seen loses commits");
	note sprintf '%s: %d commits, %d ids passed, %d lost by the naive reader, %d pages short of entries, %d older ones', $mode, scalar @stored, scalar keys %passed, scalar @lost,
	  scalar(grep { $_->{kept_back} } @lag), scalar(grep { $_->{stale} } @lag);
	return;
}

run_mode($_) for @modes;
$fault->stop;
$node->stop;
done_testing();
