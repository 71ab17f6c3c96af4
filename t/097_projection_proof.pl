# Each projection is at every moment what a fold over the store up to its position makes, whatever becomes of those who apply it: followers and sessions that run
# batches, in all isolation levels, are killed, rolled back and race each other, and the server is stopped at once, while many append, in both modes, with conflicts, are
# killed and cancelled between counter and put, and the index lags out of order. A commit that comes after its id was given up is applied once, as late.
#
# test/lib/Race.pm says who appends. The environment may set FEED_SECONDS, how long they do, FEED_MODE, and SEED.
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
my $patience = 90;
my %lag = (least => 5, most => 1000, stale => 0.1, stale_ms => 500);     # together, less than half of the time-out
my @projections = qw(balances log slow);
my $stop = PostgreSQL::Test::Utils::tempdir() . '/stop';
my $ends = PostgreSQL::Test::Utils::tempdir() . '/ends';
my @isolations = ('read committed', 'repeatable read', 'serializable');

my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'log_min_messages = panic');
$node->start;
note "SEED=$seed";
$fault->seed($seed);
srand $seed;
my $admin = Session->new($node);
$admin->create_table('commits', $fault->endpoint, batch_size => 25, request_timeout_ms => 3000);
my $race = Race->new(fault => $fault, node => $node, dynamodb => $dynamodb, admin => $admin, mode => $mode, seed => $seed, lag => \%lag,
	seconds => $seconds, until => sub { return $dynamodb->head >= 150 && grep { $_->{kept_back} } $fault->events('lag') });
$admin->query(<<'SQL');
CREATE TABLE balances (aggregate_id text PRIMARY KEY, commits bigint NOT NULL, ids bigint NOT NULL, last_version bigint NOT NULL);
CREATE FUNCTION apply_balances(batch commits[]) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO balances AS b SELECT aggregate_id, count(*), sum(commit_id), max(version) FROM unnest(batch) GROUP BY aggregate_id
  ON CONFLICT (aggregate_id) DO UPDATE SET commits = b.commits + excluded.commits, ids = b.ids + excluded.ids, last_version = greatest(b.last_version, excluded.last_version);
END;
CREATE TABLE log (n bigserial, commit_id bigint NOT NULL);
CREATE FUNCTION apply_log(batch commits[]) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO log (commit_id) SELECT commit_id FROM unnest(batch);
END;
CREATE TABLE slow (n bigserial, commit_id bigint NOT NULL);
CREATE FUNCTION apply_slow(batch commits[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    INSERT INTO slow (commit_id) SELECT commit_id FROM unnest(batch);
    IF random() < 0.2 THEN RAISE 'this is rolled back'; END IF;
    PERFORM pg_sleep(random() * 0.02);
  EXCEPTION WHEN raise_exception THEN
    INSERT INTO slow (commit_id) SELECT commit_id FROM unnest(batch);
  END;
END $$;
CREATE TABLE moved_back (projection text, before bigint, after bigint);
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.moved_back VALUES (new.name, old.position, new.position);
  RETURN NULL;
END $$;
CREATE TRIGGER moved_back AFTER UPDATE ON dynamodb_es_projection FOR EACH ROW WHEN (new.position < old.position) EXECUTE FUNCTION note_move();
SQL
$admin->query("SELECT dynamodb_es_create_projection('$_', 'apply_$_', batch_size => 50, poll_interval => '20 ms', gap_timeout => '4 s')") for @projections;

sub goes_on { return !-e $stop }
sub stop { my ($workers) = @_; append_to_file($stop, ''); my %returned = $workers->finish; unlink $stop; return values %returned }

# Its statements end in one way or another; it goes on until it is told to stop, if need be in a new session. What follows has no end of its own.
sub works
{
	my ($isolation, $statement) = @_;
	my @other;
	my %kinds = ('' => 'done', 40001 => 'refused', '40P01' => 'refused', 57014 => 'timed_out', map { ("57P0$_", 'killed') } 1 .. 3);
	while (goes_on())
	{
		my $session = eval { Session->new($node, default_transaction_isolation => $isolation, statement_timeout => 500 + int rand 1500) } or next;
		while (goes_on())
		{
			my $result = eval { $session->try($statement->()) };
			my $sqlstate = $result ? $result->{error} ? $result->{error}{sqlstate} : '' : '57P02';
			$sqlstate = '57P02' if $result && $result->{ended_at} && $sqlstate eq '';
			append_to_file($ends, "$kinds{$sqlstate}\n") if exists $kinds{$sqlstate};
			push @other, "$sqlstate $result->{error}{message}" if !exists $kinds{$sqlstate};
			last if !$result || $result->{ended_at};
			eval { $session->try('ROLLBACK') } or last if $sqlstate;
		}
	}
	return \@other;
}

# How statements have ended so far: how many in which way.
sub ends
{
	my %ends = (killed => 0, refused => 0, done => 0);
	$ends{$_}++ for split /\n/, slurp_file($ends);
	return %ends;
}

sub run_statement
{
	my $run = "SELECT dynamodb_es_run('$projections[ rand @projections ]')";
	my $end = rand() < 0.3 ? 'ROLLBACK' : 'COMMIT';
	return rand() < 0.4 ? $run : rand() < 0.5 ? "BEGIN; $run; $end" : "BEGIN; SAVEPOINT a; $run; ROLLBACK TO a; SAVEPOINT b; $run; RELEASE b; $run; $end";
}
sub start_projecting
{
	my ($workers) = @_;
	for my $i (0 .. 1)
	{
		$workers->start("follower-$i" => sub { srand $seed + 20 + $i; return works($isolations[$i], sub { 'CALL dynamodb_es_follow()' }) });
	}
	for my $i (0 .. 2)
	{
		$workers->start("runner-$i" => sub { srand $seed + 30 + $i; return works($isolations[$i], \&run_statement) });
	}
	return;
}

# Positions and effects as of one moment; what is wrong about them is told by the store, later.
my @checkpoints;
sub checkpoint
{
	my %at;
	$admin->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
	$at{position} = { map { @$_ } $admin->query('SELECT name, position FROM dynamodb_es_projections') };
	$at{late} = { map { @$_ } $admin->query('SELECT name, late FROM dynamodb_es_projections') };
	$at{$_} = [ map { $_->[0] } $admin->query("SELECT commit_id FROM $_ ORDER BY n") ] for qw(log slow);
	$at{balances} = { map { ($_->[0], "@$_[ 1 .. 3 ]") } $admin->query('SELECT * FROM balances') };
	push @{ $at{passed}{ $_->[0] }{ $_->[1] eq 'late' ? 'late' : 'open' } }, [ @$_[ 2, 3 ] ] for $admin->query('SELECT projection, fate, lower(ids), upper(ids) - 1 FROM dynamodb_es_passed');
	$admin->query('COMMIT');
	push @checkpoints, \%at;
	return;
}

# While others work: now and then one of those who apply is terminated, and all are looked at.
my $killed = 0;
sub disturb
{
	my ($kills) = @_;
	my ($until, $deadline) = ($killed + $kills, time + $patience);
	while ($killed < $until && time < $deadline)
	{
		$fault->listen(0.1);
		next if rand() < 0.5;
		$killed += $admin->query(q{SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ~ 'dynamodb_es_(run|follow)'
			AND state <> 'idle' ORDER BY random() LIMIT 1) a});
		checkpoint();
	}
	return;
}

my $appliers = Workers->new($fault);
start_projecting($appliers);
$race->start;
my $held = $race->hold_back;     # undef in dense mode, where its id comes with the put
$race->interrupt('append_0', 'killed', 'pg_terminate_backend');
$race->interrupt('append_1', 'cancelled', 'pg_cancel_backend');
disturb(8);
if (defined $held)
{
	ok($race->comes(sub { $admin->query("SELECT count(DISTINCT projection) FROM dynamodb_es_passed WHERE ids @> $held\::bigint") == @projections }), 'the commit whose put is held back is passed');
}
disturb(2);
$fault->release;
$race->finish;
my @ended = stop($appliers);

# The server goes down in the midst of it, and comes back.
start_projecting($appliers);
$fault->listen(1);
$admin->close;
$node->stop('immediate');
$node->start;
$admin = Session->new($node);
disturb(3);
my $deadline = time + $patience;
for (my %ends = ends(); time < $deadline && ($ends{killed} <= 5 || !$ends{refused} || !$ends{done}); %ends = ends())
{
	disturb(1);
}
push @ended, stop($appliers);
$fault->lag(undef);

# In the end one follower is left alone with it.
my $follower = Session->new($node);
$follower->send('CALL dynamodb_es_follow()');
my @stored = sort { $a->{id} <=> $b->{id} } map { { id => $_->{commitId}{N}, aggregate => $_->{aggregateId}{S}, version => $_->{version}{N} } } $dynamodb->scan('commits');
my ($last) = map { $_->{id} } grep { $_->{aggregate} eq 'last' } @stored;
ok($race->comes(sub { $admin->query("SELECT count(*) FROM dynamodb_es_projections WHERE position >= $last") == @projections
		&& $admin->query(q{SELECT count(*) FROM balances WHERE aggregate_id IN ('last', 'held')}) == 2 && $admin->query('SELECT (SELECT count(*) FROM log) = (SELECT count(*) FROM slow)') eq 't'
		&& $admin->query('SELECT count(*) FROM slow') == @stored }), 'a follower catches up');
$admin->query("SELECT pg_cancel_backend($follower->{pid})");
is($follower->result->{error}{sqlstate}, '57014', 'without an error');
checkpoint();

sub is_in { my ($id, $ranges) = @_; return scalar grep { $_->[0] <= $id && $id <= $_->[1] } @{ $ranges // [] } }

# Commits, sum of ids and last version of each aggregate, as "balances" has them.
sub fold
{
	my %balances;
	for (@_)
	{
		my $b = $balances{ $_->{aggregate} } //= [ 0, 0, 0 ];
		$b->[0]++;
		$b->[1] += $_->{id};
		$b->[2] = $_->{version} if $_->{version} > $b->[2];
	}
	return { map { ($_, "@{ $balances{$_} }") } keys %balances };
}

# What is wrong with a projection at a checkpoint.
sub complaints
{
	my ($at, $name) = @_;
	my ($position, $passed) = ($at->{position}{$name}, $at->{passed}{$name});
	my @folded = grep { $_->{id} <= $position && !is_in($_->{id}, $passed->{open}) } @stored;
	if ($name eq 'balances')
	{
		my ($expected, $got) = (fold(@folded), $at->{$name});
		return map { "$name at $position: $_ is " . ($got->{$_} // 'missing') . ', not ' . ($expected->{$_} // 'there') }
		  grep { ($expected->{$_} // '') ne ($got->{$_} // '') } sort keys %{ { %$expected, %$got } };
	}
	my @applied = @{ $at->{$name} };
	my @in_time = grep { !is_in($_, $passed->{late}) } @applied;
	my @sorted = sort { $a <=> $b } @applied;
	return ("@sorted" eq join(' ', map { $_->{id} } @folded) ? () : "$name at $position: " . @applied . ' commits, not ' . @folded,
		"@in_time" eq join(' ', sort { $a <=> $b } @in_time) ? () : "$name at $position: not in order",
		@applied - @in_time == $at->{late}{$name} ? () : "$name at $position: $at->{late}{$name} late, not " . (@applied - @in_time));
}
my @wrong = map { my $at = $_; map { complaints($at, $_) } @projections } @checkpoints;
is(join("\n", splice @wrong, 0, 5), '', 'at each checkpoint each projection was the fold of the commits up to its position, each applied once, in order except for late ones, which are counted');
is(scalar $admin->query('SELECT count(*) FROM moved_back'), 0, 'no position went back');
if (defined $held)
{
	ok(is_in($held, $checkpoints[-1]{passed}{$_}{late}), "$_: the commit whose put was held back is late") for @projections;
}
is_deeply([ map { @$_ } @ended ], [], 'no statement failed but by a race or an end');
my %ends = ends();
cmp_ok($ends{killed}, '>', 5, 'some were killed');
cmp_ok($ends{refused}, '>', 0, 'some had to try again');
cmp_ok($ends{done}, '>', 0, 'some came to an end');
note sprintf '%d commits, %d checkpoints, %d terminated; statements: %s', scalar @stored, scalar @checkpoints, $killed, join ', ', map { "$_ $ends{$_}" } sort keys %ends;

$fault->stop;
$node->stop;
done_testing();
