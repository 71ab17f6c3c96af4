# Many sessions decide by what the whole store holds, and append if it still holds, while requests and answers are lost, late, doubled and throttled: names
# stay unique over all aggregates, and money is neither made nor overdrawn. Half of the sessions go by another name of the endpoint, as those of
# another machine would: they do not take turns with the rest, so that races are lost.
#
# The environment may set SOAK_SECONDS, how long the transfers go on, and SEED, to get the same statements and faults again, as far as the order of events allows.
# Engine: local
# (it has transactions)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use List::Util qw(shuffle sum0);
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);
use Workers;

my $seconds = $ENV{SOAK_SECONDS} // 5;
my $seed = $ENV{SEED} // int rand 2**31;
my $timeout_ms = 1000;
my $sessions = 16;
my @names = map { "name-$_" } 1 .. 8;
note "SEED=$seed";

my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'log_min_messages = fatal');
$node->start;
my $admin = Session->new($node);
$admin->query('CREATE EXTENSION dynamodb_es');
for my $i (0, 1)
{
	my $endpoint = $i ? $fault->endpoint =~ s/127\.0\.0\.1/localhost/r : $fault->endpoint;
	$admin->query("CREATE SERVER s$i FOREIGN DATA WRAPPER dynamodb_es OPTIONS (endpoint '$endpoint', region 'us-east-1', request_timeout_ms '$timeout_ms', max_attempts '@{[ 3 - $i ]}')");
	$admin->query("CREATE USER MAPPING FOR CURRENT_USER SERVER s$i OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret', session_token 'session-$i')");
	for my $store (qw(users accounts))
	{
		$admin->query("CREATE FOREIGN TABLE $store$i (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER s$i "
			. "OPTIONS (append_mode 'dense', commit_table '$store', counter_table '$store-counters')");
	}
}
$dynamodb->create_store($_, "$_-counters") for qw(users accounts);

sub fault_rules
{
	my %throttled = (status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message => 'too much' });
	return map { { chance => 0.008, relapse => 0.04, %$_ } } (
		{ before => 'reset' }, { after => 'reset' }, { bytes => 60, then => 'reset' },
		{ answer => { status => 500, body => { __type => 'com.amazonaws.dynamodb.v20120810#InternalServerError', message => 'internal' } }, carried_out => 1 },
		{ answer => \%throttled }, { after => 1.5 * $timeout_ms }, { late => 1.2 * $timeout_ms }, { again => 0 }, { echo => 200 },
		{ operation => 'Query', answer => { status => 200, body => { Items => [], Count => 0, ScannedCount => 0 } }, chance => 0.05, relapse => 0.1 });
}

# Every session's record of what it was told, as a list.
sub race
{
	my ($what) = @_;
	my $workers = Workers->new($fault);
	$fault->rules(fault_rules());
	$fault->seed($seed);
	for my $i (0 .. $sessions - 1)
	{
		$workers->start("session-$i" => sub { srand $seed + $i; return $what->($i, Session->new($node)) });
	}
	my %returned = $workers->finish;
	$fault->finish;
	my @events = $fault->events('request');
	$fault->rules;
	return (\@events, map { @{ $returned{$_} } } sort keys %returned);
}

# The commits of a store by their ids, which must have no gap.
sub commits_of
{
	my ($store) = @_;
	my %commits;
	for my $item ($dynamodb->scan($store))
	{
		push @{ $commits{ $item->{commitId}{N} } }, { id => $item->{commitId}{N}, aggregate => $item->{aggregateId}{S}, events => decode_json($item->{events}{S}) };
	}
	my $head = $dynamodb->head("$store-counters");
	is_deeply([ grep { @{ $commits{$_} // [] } != 1 } 1 .. $head ], [], "$store: every id up to the counter has one commit");
	is(scalar keys %commits, $head, "$store: and no other id has");
	return map { $commits{$_}[0] } sort { $a <=> $b } keys %commits;
}

sub told
{
	my ($result) = @_;
	return $result->{error} ? { sqlstate => $result->{error}{sqlstate}, id => $result->{error}{message} =~ /\Acommit (\d+) stands/ ? $1 : undef, message => $result->{error}{message} }
		: { sqlstate => '', id => $result->{rows}[0][0] };
}

sub reads_of_what_came
{
	my (@events) = @_;
	return scalar grep { $_->{operation} eq 'Query' } @events;
}

# A name is registered by a user of its own, unless a commit of the whole store has it.
sub register
{
	my ($session, $table, $user, $name) = @_;
	my $event = qq([{"type": "registered", "name": "$name"}]);
	my $result = $session->try("SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, '$user', 0, '$event')]::${table}[], 0, "
		. "\$q\$SELECT commit_id FROM batch, jsonb_array_elements(events) e WHERE e ->> 'name' = '$name'\$q\$)");
	return { %{ told($result) }, user => $user, name => $name };
}

{
	my ($requests, @told) = race(sub {
		my ($i, $session) = @_;
		return [ map { register($session, 'users' . $i % 2, "user-$i-$_", $_) } shuffle @names ];
	});
	# Whoever was not told a thing asks again, until each name is settled.
	push @told, map { register($admin, 'users0', "last-$_", $_) } @names;
	my @commits = commits_of('users');
	my (%by_name, %by_id);
	for my $commit (@commits)
	{
		push @{ $by_name{ $commit->{events}[0]{name} } }, $commit;
		$by_id{ $commit->{id} } = $commit;
	}
	is_deeply([ sort keys %by_name ], [ sort @names ], 'each name is taken');
	is_deeply([ grep { @{ $by_name{$_} } > 1 } @names ], [], 'and none twice');
	my @registered = grep { $_->{sqlstate} eq '' } @told;
	is_deeply([ grep { ($by_id{ $_->{id} }{aggregate} // '') ne $_->{user} } @registered ], [], 'who was told that they have a name has it');
	my @refused = grep { $_->{sqlstate} eq '40001' && defined $_->{id} } @told;
	is_deeply([ grep { ($by_id{ $_->{id} }{events}[0]{name} // '') ne $_->{name} } @refused ], [], 'who was told that it is taken was told by which commit');
	my %counts;
	$counts{ $_->{sqlstate} || 'stored' }++ for @told;
	note join ', ', map { "$_: $counts{$_}" } sort keys %counts;
	is_deeply([ map { register($admin, 'users0', "late-$_", $_)->{sqlstate} } @names ], [ ('40001') x @names ], 'whoever comes then is refused');
	is(scalar(grep { $_->{sqlstate} !~ /\A(?:|40001|08007|HV00N|HV000|53400|55000)\z/ } @told), 0, 'nobody was told anything else than that, or of the network') or diag explain \%counts;
	cmp_ok(reads_of_what_came(@$requests), '>', @names, 'what came was read');
}

# Money goes from one account to the other: the withdrawal and the deposit are two aggregates' commits, in one append, unless what came since leaves too little.
{
	$admin->query(q{INSERT INTO accounts0 (aggregate_id, version, events) SELECT id, 0, '[{"amount": 100}]' FROM unnest(ARRAY['a', 'b']) id});
	my $until = time + $seconds;
	my (undef, @told) = race(sub {
		my ($i, $session) = @_;
		my $table = 'accounts' . $i % 2;
		my @mine;
		while (time < $until || @mine < 2 && time < $until + 60)
		{
			my ($from, $to) = shuffle 'a', 'b';
			my $amount = 1 + int rand 90;
			my ($head, $balance) = @{ $session->try("SELECT dynamodb_es_head('$table')")->{rows}[0] // [] };
			next if !defined $head;
			($balance) = @{ $session->try("SELECT sum((e ->> 'amount')::int) FROM $table, jsonb_array_elements(events) e WHERE aggregate_id = '$from' AND commit_id <= $head")->{rows}[0] // [] };
			next if !defined $balance || $balance < $amount;
			my $transfer = "$i-" . @mine;
			push @mine, { %{ told($session->try("SELECT commit_id FROM dynamodb_es_append(ARRAY[ROW(NULL, '$from', NULL, '[{\"amount\": -$amount, \"transfer\": \"$transfer\"}]'), "
				. "ROW(NULL, '$to', NULL, '[{\"amount\": $amount, \"transfer\": \"$transfer\"}]')]::${table}[], $head, \$q\$SELECT FROM batch, jsonb_array_elements(events) e "
				. "WHERE aggregate_id = '$from' HAVING $balance + coalesce(sum((e ->> 'amount')::int), 0) < $amount\$q\$)")) }, transfer => $transfer };
		}
		return \@mine;
	});
	my %balance = (a => 0, b => 0);
	my (%transfers, @overdrawn);
	for my $commit (commits_of('accounts'))
	{
		$balance{ $commit->{aggregate} } += $_->{amount} for @{ $commit->{events} };
		push @overdrawn, $commit if $balance{ $commit->{aggregate} } < 0;
		push @{ $transfers{ $commit->{events}[0]{transfer} // 'opened' } }, $commit->{events}[0]{amount};
	}
	is($balance{a} + $balance{b}, 200, 'the sum of both accounts stays');
	is_deeply(\@overdrawn, [], 'and none is overdrawn at any time');
	is_deeply([ grep { $_ ne 'opened' && (@{ $transfers{$_} } != 2 || sum0(@{ $transfers{$_} }) != 0) } sort keys %transfers ], [], 'each transfer is there once, and whole');
	is_deeply([ grep { ($_->{sqlstate} eq '') != !!$transfers{ $_->{transfer} } } grep { $_->{sqlstate} ne '08007' } @told ], [], 'and of each, what was said is true');
	my %counts;
	$counts{ $_->{sqlstate} || 'stored' }++ for @told;
	note join ', ', map { "$_: $counts{$_}" } sort keys %counts;
	cmp_ok($counts{stored} // 0, '>', 0, 'transfers were made');
}

$fault->stop;
$node->stop;
done_testing();
