# Who follows a feed table gets every commit once and in order, while many append and the index lags behind the table, out of order; who follows the plain
# table by the highest id seen does not.
#
# There are three modes: appenders that take their ids from the counter, beside clients with dynamodb-event-store 1.x; dense ones, alone; both, beside 1.x.
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
use PlainWriter;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);
use Workers;
use Writer;

my $seconds = $ENV{FEED_SECONDS} // 5;
my @modes = $ENV{FEED_MODE} // ($ENV{DYNAMODB_ENGINE} eq 'dynalite' ? 'counter' : ('counter', 'dense', 'mixed'));     # dynalite has no transactions
my $seed = $ENV{SEED} // int rand 2**31;
my $gap_timeout_ms = 6000;
my %lag = (least => 5, most => 2000, stale => 0.1, stale_ms => 1000);  # together, half of the time-out
my $patience = 60;
my $tables = '(commit_id bigint, aggregate_id text, version bigint, events jsonb)';
my @aggregates = map { "aggregate-$_" } 1 .. 12;

my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $late = PlainDynamoDB->new($fault->endpoint, 'AKIDEXAMPLE');
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'log_min_messages = fatal');
$node->start;
note "SEED=$seed";
my $admin = Session->new($node);
$admin->create_table('commits', $fault->endpoint, batch_size => 25, request_timeout_ms => 3000);
$fault->seed($seed);

sub take_id
{
	return $dynamodb->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD #0 :0', ReturnValues => 'UPDATED_NEW',
		ExpressionAttributeNames => { '#0' => 'id' }, ExpressionAttributeValues => { ':0' => { N => '1' } } })->{Attributes}{id}{N};
}

sub put
{
	my ($client, $id, $aggregate) = @_;
	$client->put(commits => { aggregateId => { S => $aggregate }, version => { N => '0' }, commitId => { N => "$id" },
		committedAt => { N => sprintf '%.0f', 1000 * time }, events => { S => '[]' }, active => { S => 't' } });
	return;
}

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

# While one waits, the proxy must be listened to.
sub comes
{
	my ($holds) = @_;
	my $deadline = time + $patience;
	until ($holds->())
	{
		return 0 if time > $deadline;
		$fault->listen(0.05);
	}
	return 1;
}

# An INSERT whose put never reaches the engine, since its session meets this in between.
sub interrupted
{
	my ($table, $name, $function) = @_;
	my $session = Session->new($node);
	$session->send("INSERT INTO $table (aggregate_id, version, events) VALUES ('$name', 0, '[]')");
	$fault->wait_for(event => 'request', rule => $name);
	$admin->query("SELECT $function($session->{pid})");
	my $error = $session->result->{error};
	like($error->{sqlstate} // '', qr/\A57/, "an INSERT is $name between counter and put");
	return;
}

# What a writer's statement is, and whether it was refused.
sub kind_of
{
	my ($statement) = @_;
	return ($statement->{skipping} ? 'ON CONFLICT' : @{ $statement->{rows} } > 1 ? 'bulk' : 'single', $statement->{result}{error} ? 'refused' : ());
}

sub append_tables
{
	my ($mode) = @_;
	my @dense = $mode eq 'counter' ? (0, 0, 0, 0) : $mode eq 'dense' ? (1, 1, 1, 1) : (0, 1, 0, 1);
	$admin->query("CREATE FOREIGN TABLE append_$_ $tables SERVER commits_server" . ($dense[$_] ? q{ OPTIONS (append_mode 'dense')} : '')) for 0 .. 3;
	$admin->query("CREATE FOREIGN TABLE plain $tables SERVER commits_server");
	my $since = $mode eq 'dense' ? q{, dense_since '0'} : '';
	$admin->query("CREATE FOREIGN TABLE feed $tables SERVER commits_server OPTIONS (consistent_prefix 'true', gap_timeout_ms '$gap_timeout_ms'$since)");
	$admin->query('CREATE TABLE delivered (n bigserial, commit_id bigint, aggregate_id text); CREATE TABLE naive (commit_id bigint); CREATE TABLE passed (id bigint)');
	return;
}

# The held back put's id, which is known to be given up before the put goes on. In dense mode id and put are one: a statement that is asked for twice, and the first
# time late.
sub hold_back
{
	my ($mode, $workers) = @_;
	if ($mode eq 'dense')
	{
		$workers->start(held => sub { Session->new($node)->query(q{INSERT INTO append_0 (aggregate_id, version, events) VALUES ('held', 0, '[]')}); return \1 });
		$fault->wait_for(event => 'request', rule => 'held');
		my $key = { aggregateId => { S => 'held' }, version => { N => '0' } };
		ok(comes(sub { $dynamodb->call(GetItem => { TableName => 'commits', Key => $key, ConsistentRead => JSON::PP::true })->{Item} }),
			"$mode: an append is carried out while its first request is held back");
		return;
	}
	my $id = take_id();
	$workers->start(held => sub { put($late, $id, 'held'); return \1 });
	$fault->wait_for(event => 'request', rule => 'held');
	return $id;
}

sub run_mode
{
	my ($mode) = @_;
	my @puts = qw(PutItem TransactWriteItems);
	$dynamodb->create_store('commits', 'counters');
	append_tables($mode);
	$fault->lag(\%lag);
	$fault->limit(40);
	$fault->rules((map { { name => 'held', operation => $_, match => '"held"', late => 'stall', times => 1 } } @puts),
		(map { my $name = $_; map { { name => $name, operation => $_, match => qq("$name"), before => 'stall', times => 1 } } @puts } qw(killed cancelled)),
		{ name => 'a put that takes its time', operation => 'PutItem', chance => 0.5, late => 30 });
	my ($tail, $writers) = map { Workers->new($fault) } 1 .. 2;
	my $until = time + $seconds;
	$tail->start(tail => \&follow);
	for my $i (0 .. 7)
	{
		$writers->start("backend-$i" => sub {
			srand $seed + $i;
			my $writer = Writer->new(name => "backend-$i", session => Session->new($node), table => 'append_' . $i % 4, aggregates => \@aggregates, batch_size => 25);
			return [ map { kind_of($_) } grep { $_->{rows} } @{ $writer->run($until) } ];
		});
	}
	for my $i ($mode eq 'dense' ? () : (1, 2))
	{
		$writers->start("plain-$i" => sub {
			srand $seed + 10 + $i;
			my $statements = PlainWriter->new(name => "plain-$i", endpoint => $fault->endpoint, commits => 'commits', counters => 'counters',
				aggregates => [ @aggregates[ 0, 1 ] ])->run($until);
			return [ map { $_->{plain} } @$statements ];
		});
	}
	my $held = hold_back($mode, $writers);
	interrupted('append_0', 'killed', 'pg_terminate_backend');
	interrupted('append_1', 'cancelled', 'pg_cancel_backend');
	if (defined $held)
	{
		ok(comes(sub { $admin->query("SELECT EXISTS (SELECT FROM passed WHERE id = $held)") eq 't' }), "$mode: the commit whose put is held back is known as passed");
	}
	$fault->release;
	my %returned = $writers->finish;
	my %appended;
	$appended{$_}++ for map { @{ $returned{$_} } } grep { /backend/ } keys %returned;
	is(join(', ', sort keys %appended), 'ON CONFLICT, bulk, refused, single', "$mode: 8 backends append in all ways");
	my @refused = grep { $_ eq 'refused' } map { @{ $returned{$_} } } grep { /plain/ } keys %returned;
	cmp_ok(scalar @refused, '>', 0, "$mode: 1.x appenders had conflicts") if $mode ne 'dense';
	$admin->query(q{INSERT INTO append_0 (aggregate_id, version, events) VALUES ('last', 0, '[]')});
	my %end = $tail->finish;
	ok(${ $end{tail} // \0 }, "$mode: the tail has come to the last commit");
	check($mode, $held);
	$fault->lag(undef);
	$fault->rules;
	$dynamodb->call(DeleteTable => { TableName => $_ }) for 'commits', 'counters';
	$admin->query('DROP FOREIGN TABLE append_0, append_1, append_2, append_3, plain, feed; DROP TABLE delivered, naive, passed');
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
	cmp_ok(scalar(grep { $_->{kept_back} } @lag), '>', 0, "$mode: index entries were kept back");
	cmp_ok(scalar(grep { $_->{stale} } @lag), '>', 0, "$mode: older pages were served");
	note sprintf '%s: %d commits, %d ids passed, %d lost by the naive reader, %d pages short of entries, %d older ones', $mode, scalar @stored, scalar keys %passed, scalar @lost,
	  scalar(grep { $_->{kept_back} } @lag), scalar(grep { $_->{stale} } @lag);
	return;
}

run_mode($_) for @modes;
$fault->stop;
$node->stop;
done_testing();
