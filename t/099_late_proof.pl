# A commit that comes after its id was given up is applied once, while many append, in both modes, are killed and cancelled between counter and put, the index lags
# behind the table, out of order, and whoever applies is killed before and after: at each checkpoint a projection is what its commits make of it.
#
# test/lib/Race.pm says who appends. One projection is followed by a session; another one is run by two, in all isolation levels, some of it rolled back.
#
# The environment may set FEED_SECONDS, how long they append, FEED_MODE, and SEED.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Race;
use Session;
use Test::More;
use Time::HiRes qw(time);
use Workers;

my $seconds = $ENV{FEED_SECONDS} // 5;
my $mode = $ENV{FEED_MODE} // ($ENV{DYNAMODB_ENGINE} eq 'dynalite' ? 'counter' : 'mixed');     # dynalite has no transactions
my $seed = $ENV{SEED} // int rand 2**31;
my %lag = (least => 5, most => 1000, stale => 0.1, stale_ms => 500);     # together, less than half of the time-out
my $patience = 90;
my @projections = qw(followed taken);

my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'log_min_messages = fatal');
$node->start;
note "SEED=$seed";
srand $seed;
my $admin = Session->new($node);
$admin->create_table('commits', $fault->endpoint, batch_size => 25, request_timeout_ms => 3000);
$fault->seed($seed);
my $race = Race->new(fault => $fault, node => $node, dynamodb => $dynamodb, admin => $admin, mode => $mode, seconds => $seconds, seed => $seed, lag => \%lag);

# What each has applied, in order; what it makes of it; and moves of a position that there must not be.
$admin->query(<<'SQL');
CREATE TABLE applied (n bigserial, projection text, commit_id bigint, aggregate_id text);
CREATE TABLE fold (projection text, aggregate_id text, commits bigint, ids numeric, versions numeric, PRIMARY KEY (projection, aggregate_id));
CREATE TABLE moved_back (projection text, before bigint, after bigint);
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.moved_back VALUES (new.name, old.position, new.position);
  RETURN NULL;
END $$;
CREATE TRIGGER moved_back AFTER UPDATE ON dynamodb_es_projection FOR EACH ROW WHEN (new.position < old.position) EXECUTE FUNCTION note_move();
SQL
$admin->query(<<"SQL") for @projections;
CREATE FUNCTION apply_$_(batch commits[]) RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
  INSERT INTO applied (projection, commit_id, aggregate_id) SELECT '$_', commit_id, aggregate_id FROM unnest(batch);
  PERFORM pg_sleep(0.02);       -- so that kills meet it
  INSERT INTO fold AS f SELECT '$_', aggregate_id, count(*), sum(commit_id), sum(version) FROM unnest(batch) GROUP BY aggregate_id
    ON CONFLICT (projection, aggregate_id) DO UPDATE SET commits = f.commits + excluded.commits, ids = f.ids + excluded.ids, versions = f.versions + excluded.versions;
END \$\$;
SELECT dynamodb_es_create_projection('$_', 'apply_$_', batch_size => 50, poll_interval => '50 ms', gap_timeout => '4 s');
SQL

my $follower;
sub follow
{
	$follower = Session->new($node);
	$follower->send(q{CALL dynamodb_es_follow('followed')});
	return;
}

sub has_applied
{
	my ($session, $projection, $aggregate) = @_;
	return $session->query("SELECT EXISTS (SELECT FROM applied WHERE projection = '$projection' AND aggregate_id = '$aggregate')") eq 't';
}

# Takes batch after batch until all is applied; a session that is killed has a successor.
sub take
{
	my ($number) = @_;
	srand $seed + 100 + $number;
	my $session;
	my $deadline = time + $seconds + $patience;
	while (time < $deadline)
	{
		$session //= Session->new($node);
		my $isolation = ('read committed', 'repeatable read', 'serializable')[ int rand 3 ];
		my $rolls_back = rand() < 0.2;
		my $result = $session->try("BEGIN ISOLATION LEVEL $isolation; SAVEPOINT a; SELECT dynamodb_es_run('taken'); "
			. ($rolls_back ? q{ROLLBACK TO a; SELECT dynamodb_es_run('taken'); ROLLBACK} : 'COMMIT'));
		if ($result->{ended_at})
		{
			undef $session;
			next;
		}
		if (my $error = $result->{error})
		{
			die "run: $error->{sqlstate} $error->{message}" if $error->{sqlstate} ne '40001';
			$session->try('ROLLBACK');
		}
		my $done = eval { has_applied($session, 'taken', 'last') && has_applied($session, 'taken', 'held') };
		return \1 if $done;
		undef $session if !defined $done;
		select undef, undef, undef, 0.05;
	}
	return \0;
}

# What is known of both projections at one moment.
my @checkpoints;
sub checkpoint
{
	$admin->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
	for my $projection (@projections)
	{
		push @checkpoints, { projection => $projection, position => scalar $admin->query("SELECT position FROM dynamodb_es_projection WHERE name = '$projection'"),
			open => [ $admin->query("SELECT lower(ids), upper(ids) - 1 FROM dynamodb_es_passed WHERE projection = '$projection' AND fate <> 'late'") ],
			fold => { map { $_->[0] => join ' ', @$_[ 1 .. 3 ] } $admin->query("SELECT aggregate_id, commits, ids, versions FROM fold WHERE projection = '$projection'") } };
	}
	$admin->query('COMMIT');
	return;
}

sub is_in { my ($id, $ranges) = @_; return grep { $id >= $_->[0] && $id <= $_->[1] } @$ranges }

# What the stored commits up to a position make, without those whose ids were open when it was taken.
sub fold
{
	my ($checkpoint, $stored) = @_;
	my %fold;
	for my $commit (grep { $_->{id} <= $checkpoint->{position} && !is_in($_->{id}, $checkpoint->{open}) } @$stored)
	{
		my $sums = $fold{ $commit->{aggregate} } //= [ 0, 0, 0 ];
		$sums->[0]++;
		$sums->[1] += $commit->{id};
		$sums->[2] += $commit->{version};
	}
	return { map { $_ => join ' ', @{ $fold{$_} } } keys %fold };
}

sub kill_all
{
	$admin->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'dynamodb_es_(run|follow)' AND pid <> pg_backend_pid()");
	my $error = $follower->result->{error};
	is($error->{sqlstate}, '57P01', 'a follower is killed');
	follow();
	return;
}

my $takers = Workers->new($fault);
follow();
$takers->start("taker-$_" => sub { take($_) }) for 1, 2;
$race->start;
my $held = $race->hold_back;
$race->interrupt('append_0', 'killed', 'pg_terminate_backend');
$race->interrupt('append_1', 'cancelled', 'pg_cancel_backend');
for (1 .. 4)
{
	$fault->listen(0.3);
	checkpoint();
	kill_all();
}
ok($race->comes(sub { $admin->query("SELECT count(DISTINCT projection) FROM dynamodb_es_passed WHERE ids @> $held\::bigint") == @projections }), 'the commit whose put is held back is passed');
checkpoint();
kill_all();
$fault->release;
$race->finish;
checkpoint();
my %end = $takers->finish;
ok(!(grep { !${ $end{$_} } } keys %end), 'all was taken');
ok($race->comes(sub { has_applied($admin, 'followed', 'last') && has_applied($admin, 'followed', 'held') }), 'all was followed');
checkpoint();

my @stored = map { { id => $_->{commitId}{N}, aggregate => $_->{aggregateId}{S}, version => $_->{version}{N} } } $dynamodb->scan('commits');
my @lag = $fault->events('lag');
is_deeply($_->{fold}, fold($_, \@stored), "at position $_->{position} \"$_->{projection}\" is what the commits make of it") for @checkpoints;
for my $projection (@projections)
{
	my @applied = map { $_->[0] } $admin->query("SELECT commit_id FROM applied WHERE projection = '$projection' ORDER BY n");
	my @late = $admin->query("SELECT lower(ids), upper(ids) - 1 FROM dynamodb_es_passed WHERE projection = '$projection' AND fate = 'late'");
	is_deeply([ sort { $a <=> $b } @applied ], [ sort { $a <=> $b } map { $_->{id} } @stored ], "$projection: each stored commit was applied, once");
	my @in_time = grep { !is_in($_, \@late) } @applied;
	is_deeply(\@in_time, [ sort { $a <=> $b } @in_time ], "$projection: in order, except for late ones");
	ok(is_in($held, \@late), "$projection: the commit whose put was held back is late");
	is(scalar $admin->query("SELECT late FROM dynamodb_es_projections WHERE name = '$projection'"), @applied - @in_time, "$projection: late ones are counted");
	note sprintf '%s: %d commits, %d late, %s passed', $projection, scalar @applied, @applied - @in_time, scalar $admin->query("SELECT passed FROM dynamodb_es_projections WHERE name = '$projection'");
}
is(scalar $admin->query('SELECT count(*) FROM moved_back'), 0, 'no position went back');
cmp_ok(scalar(grep { $_->{kept_back} } @lag), '>', 0, 'index entries were kept back');
$admin->query("SELECT pg_cancel_backend($follower->{pid})");
$follower->result;
$fault->stop;
$node->stop;
done_testing();
