# Each projection is at every moment what a fold over the store up to its position makes, whatever becomes of those who apply it: followers and sessions that run
# batches, in all isolation levels, are killed, rolled back and race each other, and the server is stopped at once, while many append, with conflicts, and the index
# lags out of order.
#
# The environment may set PROOF_COMMITS, how many ids are given out at least, and SEED.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use PlainDynamoDB;
use PlainWriter;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);
use Workers;
use Writer;

my $commits = $ENV{PROOF_COMMITS} // 150;
my $seed = $ENV{SEED} // int rand 2**31;
my $patience = 90;
my %lag = (least => 5, most => 1000, stale => 0.1, stale_ms => 500);
my @aggregates = map { "aggregate-$_" } 1 .. 12;
my @projections = qw(balances log slow);
my $stop = PostgreSQL::Test::Utils::tempdir() . '/stop';
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
$dynamodb->create_store('commits', 'counters');
my $admin = Session->new($node);
$admin->create_table('commits', $fault->endpoint, batch_size => 25, request_timeout_ms => 3000);
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
SQL
$admin->query("SELECT dynamodb_es_create_projection('$_', 'apply_$_', batch_size => 20, poll_interval => '20 ms', gap_timeout => '4 s')") for @projections;

sub goes_on { return !-e $stop }
sub stop { my ($workers) = @_; append_to_file($stop, ''); my %returned = $workers->finish; unlink $stop; return %returned }

# Its statements end in one way or another; it goes on until it is told to stop, if need be in a new session. What follows has no end of its own.
sub works
{
	my ($isolation, $statement) = @_;
	my %ended = (killed => 0, refused => 0, done => 0, timed_out => 0, other => []);
	my %kinds = ('' => 'done', 40001 => 'refused', '40P01' => 'refused', 57014 => 'timed_out', map { ("57P0$_", 'killed') } 1 .. 3);
	while (goes_on())
	{
		my $session = eval { Session->new($node, default_transaction_isolation => $isolation, statement_timeout => 500 + int rand 1500) } or next;
		while (goes_on())
		{
			my $result = eval { $session->try($statement->()) };
			my $sqlstate = $result ? $result->{error} ? $result->{error}{sqlstate} : '' : '57P02';
			$sqlstate = '57P02' if $result && $result->{ended_at} && $sqlstate eq '';
			$ended{ $kinds{$sqlstate} }++ if exists $kinds{$sqlstate};
			push @{ $ended{other} }, "$sqlstate $result->{error}{message}" if !exists $kinds{$sqlstate};
			last if !$result || $result->{ended_at};
			eval { $session->try('ROLLBACK') } or last if $sqlstate;
		}
	}
	return \%ended;
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
	my ($session) = @_;
	$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
	my %at;
	$at{position}{ $_->[0] } = $_->[1] for $session->query('SELECT name, position FROM dynamodb_es_projections');
	$at{$_} = [ map { $_->[0] } $session->query("SELECT commit_id FROM $_ ORDER BY n") ] for qw(log slow);
	$at{balances} = { map { ($_->[0], "@$_[1 .. 3]") } $session->query('SELECT * FROM balances') };
	$at{late}{ $_->[0] } = $_->[1] for $session->query('SELECT name, late FROM dynamodb_es_projections');
	push @{ $at{open}{ $_->[0] } }, $_ for $session->query(q{SELECT projection, lower(ids), upper(ids) - 1 FROM dynamodb_es_passed WHERE fate = 'open'});
	$session->query('COMMIT');
	push @checkpoints, \%at;
	return;
}

# While others work: now and then one of those who apply is terminated, and now and then all are looked at.
sub disturb
{
	my ($done) = @_;
	my $killed = 0;
	my $deadline = time + $patience;
	until ($done->($killed) || time > $deadline)
	{
		$fault->listen(0.1);
		$killed += $admin->query(q{SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ~ 'dynamodb_es_(run|follow)'
			AND state <> 'idle' ORDER BY random() LIMIT 1) a}) if rand() < 0.5;
		checkpoint($admin) if rand() < 0.3;
	}
	return $killed;
}

$fault->lag(\%lag);
$fault->rules({ name => 'a put that takes its time', operation => 'PutItem', chance => 0.5, late => 30 });
my ($writers, $appliers) = map { Workers->new($fault) } 1 .. 2;
for my $i (0 .. 2)
{
	$writers->start("backend-$i" => sub {
		srand $seed + $i;
		my $writer = Writer->new(name => "backend-$i", session => Session->new($node), table => 'commits', aggregates => \@aggregates, batch_size => 25);
		$writer->run(time + 0.3) while goes_on();
		return \1;
	});
}
for my $i (1, 2)
{
	$writers->start("plain-$i" => sub {
		srand $seed + 10 + $i;
		my $writer = PlainWriter->new(name => "plain-$i", endpoint => $fault->endpoint, commits => 'commits', counters => 'counters', aggregates => [ @aggregates[ 0, 1 ] ]);
		$writer->run(time + 0.3) while goes_on();
		return \1;
	});
}
start_projecting($appliers);
my $killed = disturb(sub { my ($killed) = @_; $killed >= 10 && @checkpoints >= 5 && $admin->query(q{SELECT dynamodb_es_head('commits')}) >= $commits });
append_to_file($stop, '');
$writers->finish;
my %ended = stop($appliers);

# The server goes down in the midst of it, and comes back.
start_projecting($appliers);
$fault->listen(1);
$admin->close;
$node->stop('immediate');
$node->start;
$admin = Session->new($node);
$killed += disturb(sub { $_[0] >= 3 });
my %after = stop($appliers);
my @stored = sort { $a->{commitId}{N} <=> $b->{commitId}{N} } $dynamodb->scan('commits');
my $last = $stored[-1]{commitId}{N};
$fault->lag(undef);

# In the end two followers are left alone with it.
my $caught_up = time + $patience;
my $error;
do { $error = $admin->try('CALL dynamodb_es_follow(until_caught_up => true)')->{error} } while ($error && time < $caught_up);
is($error && $error->{message}, undef, 'a follower catches up');
checkpoint($admin);

my @wrong;
my %before = map { ($_ => 0) } @projections;
for my $at (@checkpoints)
{
	for my $name (@projections)
	{
		my $position = $at->{position}{$name};
		push @wrong, "$name: its position went from $before{$name} to $position" if $position < $before{$name};
		$before{$name} = $position;
		my $is_open = sub { my ($id) = @_; return scalar grep { $_->[1] <= $id && $id <= $_->[2] } @{ $at->{open}{$name} // [] } };
		my @folded = grep { $_->{commitId}{N} <= $position && !$is_open->($_->{commitId}{N}) } @stored;
		if ($name eq 'balances')
		{
			my %balances;
			for (@folded)
			{
				my $b = $balances{ $_->{aggregateId}{S} } //= [ 0, 0, 0 ];
				$b->[0]++;
				$b->[1] += $_->{commitId}{N};
				$b->[2] = $_->{version}{N} if $_->{version}{N} > $b->[2];
			}
			my %shown = map { ($_, "@{ $balances{$_} }") } keys %balances;
			push @wrong, map { "$name at $position: $_ is " . ($at->{$name}{$_} // 'missing') . ', not ' . ($shown{$_} // 'there') }
			  grep { ($shown{$_} // '') ne ($at->{$name}{$_} // '') } sort keys %{ { %shown, %{ $at->{$name} } } };
			next;
		}
		my @applied = @{ $at->{$name} };
		@applied = sort { $a <=> $b } @applied if $at->{late}{$name};     # these come when they come
		my $applied = join ' ', @applied;
		push @wrong, "$name at $position: " . scalar(@{ $at->{$name} }) . ' commits, not ' . scalar(@folded) if $applied ne join ' ', map { $_->{commitId}{N} } @folded;
	}
}
is(join("\n", splice @wrong, 0, 5), '', 'at each checkpoint each projection was the fold of the commits up to its position, in order, and no position went back');
cmp_ok(scalar @checkpoints, '>', 5, 'there were checkpoints');
is($before{$_}, $last, "$_ has come to the end") for @projections;
my %sum;
for my $who (\%ended, \%after)
{
	$sum{$_} += do { my $kind = $_; my $n = 0; $n += $_->{$kind} for values %$who; $n } for qw(killed refused done timed_out);
}
is_deeply([ map { @{ $_->{other} } } values %ended, values %after ], [], 'no statement failed but by a race or an end');
cmp_ok($sum{killed}, '>', 5, 'some were killed');
cmp_ok($sum{refused}, '>', 0, 'some had to try again');
cmp_ok($sum{done}, '>', 0, 'some came to an end');
note sprintf '%d commits, %d checkpoints, %d terminated; statements: %s', scalar @stored, scalar @checkpoints, $killed, join ', ', map { "$_ $sum{$_}" } sort keys %sum;

$fault->stop;
$node->stop;
done_testing();
