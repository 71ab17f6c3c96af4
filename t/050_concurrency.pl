# Many writers, backends and a program with dynamodb-event-store 1.x, append to the same aggregates while requests and answers are lost, late, doubled
# and throttled: nobody is told anything that the store does not bear out.
#
# There are three modes: backends that take their ids from the counter, beside the plain client; dense ones, alone; both, beside it. Then there are
# those of the proxy's dialects in which errors are told in other words, each for a while, without the plain client.
#
# The environment may set SOAK_SECONDS, how long each mode goes on, in rounds that each have a store of their own; SOAK_MODE, to have but one, and SOAK_DIALECT;
# SEED, to get the same statements and faults again, as far as the order of events allows; SOAK_FAULTS, the share of requests that meet a fault.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Checker;
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

my $seconds = $ENV{SOAK_SECONDS} // 10;
my $round_seconds = 30;
my @modes = $ENV{SOAK_MODE} // ($ENV{DYNAMODB_ENGINE} eq 'dynalite' ? 'counter' : ('counter', 'dense', 'mixed'));     # dynalite has no transactions
my @dialects = $ENV{SOAK_DIALECT} // ($ENV{SOAK_MODE} ? () : qw(header code address rate reasons plain index));
my $seed = $ENV{SEED} // int rand 2**31;
my $faults = $ENV{SOAK_FAULTS} // 0.05;
my $relapse = 0.4;              # the share of retries that meet another one
my $timeout_ms = 1000;          # request_timeout_ms
# One attempt leaves fates unknown, four decide nearly all.
my @max_attempts = (1, 1, 2, 2, 4, 4, 4, 4);
my @batch_sizes = (100, 4, 100, 3, 100, 100, 5, 2);
my @aggregates = map { "aggregate-$_" } 1 .. 20;

my $engine = $ENV{DYNAMODB_ENDPOINT};
my $dynamodb = PlainDynamoDB->new($engine, 'AKIDEXAMPLE');
my $fault = Fault->new($engine);
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf("postgresql.conf", "log_min_messages = fatal");
$node->start;
note "SEED=$seed";

my $admin = Session->new($node);
$admin->query('CREATE EXTENSION dynamodb_es');
for my $i (0 .. $#max_attempts)
{
	# Backends queue by the endpoint's name: with two of them, as with two machines, dense appends race.
	my $endpoint = $i % 2 ? $fault->endpoint =~ s/127\.0\.0\.1/localhost/r : $fault->endpoint;
	my $options = join ', ', "endpoint '$endpoint'", "region 'us-east-1'", "request_timeout_ms '$timeout_ms'",
	  "max_attempts '$max_attempts[$i]'", "batch_size '$batch_sizes[$i]'";
	$admin->query("CREATE SERVER s$i FOREIGN DATA WRAPPER dynamodb_es OPTIONS ($options)");
	$admin->query("CREATE USER MAPPING FOR CURRENT_USER SERVER s$i OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret', session_token 'backend-$i')");
}

# Each of them befalls the same share of requests; but two are more frequent where they decide most: a refusal of what may have been carried out
# before, and no answer to the question whose item it is that stands there.
sub fault_rules
{
	my %error = (status => 500, body => { __type => 'com.amazonaws.dynamodb.v20120810#InternalServerError', message => 'internal' });
	my %throttled = (status => 400,
		body => { __type => 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message => 'too much' });
	my @rules = (
		{ name => 'cut before the engine has seen it', before => 'reset' },
		{ name => 'closed before the engine has seen it', before => 'close' },
		{ name => 'cut after the engine has seen it', after => 'reset' },
		{ name => 'cut in the answer', bytes => 60, then => 'reset' },
		{ name => 'closed before the last byte of the answer', bytes => -1, then => 'close' },
		{ name => '500 though carried out', answer => \%error, carried_out => 1 },
		{ name => '500', answer => \%error },
		{ name => 'throttled', answer => \%throttled, relapse => $faults && 0.15 },
		{ name => 'stalled before the engine has seen it', before => 2 * $timeout_ms },
		{ name => 'stalled after the engine has seen it', after => 2 * $timeout_ms },
		{ name => 'seen by the engine when the client has given up', late => 1.3 * $timeout_ms },
		{ name => 'slow', late => 150 },
		{ name => 'sent twice, second answer', again => 0 },
		{ name => 'sent twice, second one late', echo => 700 });
	for my $place (0 .. $#rules)
	{
		$rules[$place]{chance} = chance_of($faults / @rules, $place);
		$rules[$place]{relapse} //= $faults && chance_of($relapse / @rules, $place);
	}
	return ({ name => 'a look cut off', operation => 'GetItem', before => 'reset', chance => $faults && 0.25 }, @rules);
}

# A rule has its chance only where those before it have not fitted.
sub chance_of { my ($share, $place) = @_; return $share / (1 - $share * $place) }

# A quarter of the backends takes turns with those of the other mode, at each endpoint.
sub mode_options
{
	my ($mode, $i) = @_;
	return '' if $mode eq 'counter' || $mode eq 'mixed' && $i % 4 < 2;
	return ", append_mode 'dense', contiguous_versions '" . ($i % 3 ? 'false' : 'true') . "'";
}

# Several batches go together, but for dense ones.
sub rows_at_once
{
	my ($mode, $i) = @_;
	return mode_options($mode, $i) ? $batch_sizes[$i] : 4 * $batch_sizes[$i];
}

sub run_round
{
	my ($round, $mode, $until, $dialect) = @_;
	my ($commits, $counters) = ("commits$round", "counters$round");
	my %writers;
	my $workers = Workers->new($fault);
	$dynamodb->create_store($commits, $counters);
	for my $i (0 .. $#max_attempts)
	{
		$admin->query("CREATE FOREIGN TABLE round${round}_$i (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER s$i "
			. "OPTIONS (commit_table '$commits', counter_table '$counters'" . mode_options($mode, $i) . ')');
		$writers{"backend-$i"} = sub {
			srand $seed + 1000 * $round + $i;
			return Writer->new(name => "backend-$i", session => Session->new($node), table => "round${round}_$i", aggregates => \@aggregates,
				batch_size => rows_at_once($mode, $i))->run($until);
		};
	}
	$writers{plain} = $mode eq 'dense' || $dialect ? sub { return [] } : sub {
		srand $seed + 1000 * $round + @max_attempts;
		return PlainWriter->new(name => 'plain', endpoint => $fault->endpoint, timeout => $timeout_ms / 1000, commits => $commits, counters => $counters,
			aggregates => \@aggregates)->run($until);
	};
	$fault->dialect($dialect);
	$fault->rules(fault_rules());
	$fault->seed($seed + $round);
	$workers->start($_, $writers{$_}) for sort keys %writers;
	my %returned = $workers->finish;
	my @statements = map { @{ $returned{$_} } } sort keys %returned;
	$fault->finish;
	my $checker = Checker->new(dense => $mode eq 'dense', statements => \@statements, commits => [ $dynamodb->scan($commits) ], counters => [ $dynamodb->scan($counters) ],
		events => [ $fault->events('request'), $fault->events('answer') ]);
	$fault->rules;
	$dynamodb->call(DeleteTable => { TableName => $_ }) for $commits, $counters;
	return $checker;
}

my %promise = (
	stored => 'every acknowledged commit is stored once, under its id and with its events',
	refused => 'none that was refused is stored',
	versions => 'the versions of every aggregate are contiguous',
	order => 'ids are unique and rise with the versions of an aggregate',
	ids => 'every id is stored, noted as burned, or accounted for');
my $round = 0;
my %total;
for my $mode ($ENV{SOAK_DIALECT} ? () : @modes)
{
	my $end = time + $seconds;
	check_round($mode, $end) while time < $end;
}
for my $dialect (@dialects)
{
	for my $mode (grep { $_ ne 'mixed' && ($dialect ne 'reasons' || $_ eq 'dense') && ($dialect ne 'plain' || $_ ne 'dense') } @modes)
	{
		my $end = time + $seconds / 3;
		check_round($mode, $end, $dialect) while time < $end;
	}
}

sub check_round
{
	my ($mode, $end, $dialect) = @_;
	my $now = time;
	my $checker = run_round(++$round, $mode, $end - $now < 1.5 * $round_seconds ? $end : $now + $round_seconds, $dialect);
	$mode .= ", dialect \"$dialect\"" if $dialect;
	my $findings = $checker->check;
	my $counts = $checker->counts;
	is(join("\n", @{ $findings->{$_} }), '', "round $round, $mode: $promise{$_}") for sort keys %promise;
	note sprintf '%d s, round %d, %s: %s', $seconds - ($end - time), $round, $mode, join '; ', map { "$_: " . ($counts->{$_} // 0) }
	  'requests', 'statements', 'acknowledged', 'commits', 'transactions', 'races for an id that were lost', 'failed: 40001', 'failed: 23505', 'failed: 08007, fate unknown', 'ids noted as burned';
	$total{$_} += $counts->{$_} for keys %$counts;
	return;
}
# What must have been met for all of this to mean anything. Where the dice have left something out, a few more rounds are thrown.
my @expected = ('acknowledged', 'skipped', 'reads', 'failed: 23505');
push @expected, 'plain client: stored', 'ids noted as burned' if grep { $_ ne 'dense' } @modes;
push @expected, 'transactions', 'races for an id that were lost' if grep { $_ ne 'counter' } @modes;
sub missing { return ((grep { !$total{$_} } @expected), (grep { /^fault: / } keys %total) < 5 ? 'faults of five kinds' : ()) }
for (1 .. 5)
{
	last if !missing();
	check_round($_, time + 5, $ENV{SOAK_DIALECT}) for @modes;
}
note join "\n", 'In all:', map { "  $_: $total{$_}" } sort keys %total;
is(join(', ', missing()), '', 'it has seen what it is to see, and faults of many kinds');

$fault->stop;
$node->stop;
done_testing();
