# Whatever becomes of a transaction or of its answer, a dense INSERT says the truth of its commits, as t/040_lost_answers.pl has it of the others. Ids
# are predicted here, so that a commit under the id expected may be somebody else's.
# Engine: local
# (it has transactions)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use JSON::PP;
use LostAnswers;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;


my $store = LostAnswers->new;
my ($node, $fault, $plain, $admin) = ($store->node, $store->fault, $store->plain, $store->admin);
my %more = (direct => '', faulty => '', impatient => '', contiguous => ", contiguous_versions 'true'");
$admin->query(q{CREATE FOREIGN TABLE contiguous (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER impatient_server});
$admin->query("ALTER FOREIGN TABLE $_ OPTIONS (append_mode 'dense'$more{$_})") for sort keys %more;
$admin->query(q{SELECT dynamodb_es_create_tables('direct')});

my $case = 0;

sub insert
{
	my ($rows, $more, @rules) = @_;
	return $store->insert('VALUES ' . join(', ', map { "('case $case', $_, '[\"case $case\"]')" } @$rows) . " $more", @rules);
}

# The ids of a case's commits.
sub stored { return map { $_->{commitId}{N} } $store->stored("case $case") }

# What the statement says, and what the store holds then: all of its rows, under the ids from the first one, or none.
sub check
{
	my ($name, $result, $outcome, $count, $first) = @_;
	my @stored = stored();
	$store->check($name, "case $case", $result, $outcome, $count, $first);
	is("@stored", $count ? join(' ', $first .. $first + $count - 1) : '', "$name: the store holds " . ($count ? 'it, once' : 'nothing of it'));
	return;
}

for ($store->faults)
{
	my ($what, $rule, $happens, $sqlstate) = @$_;
	for ([ 'one', [0], '' ], [ 'one or skip', [0], 'ON CONFLICT DO NOTHING' ], [ 'next versions', [ 'NULL', 'NULL' ], '' ], [ 'three', [ 0, 1, 2 ], '' ])
	{
		my ($kind, $rows, $more) = @$_;
		my $count = @$rows;
		my $head = $plain->head;
		my $result;
		$case++;
		check("$kind, $what, once", insert($rows, $more, { operation => 'TransactWriteItems', times => 1, %$rule }), 'stored', $count, $head + 1);
		$case++;
		$head = $plain->head;
		$result = insert($rows, $more, { operation => 'TransactWriteItems', %$rule });
		check("$kind, $what, each time", $result, '08007', $happens * $count, $head + 1);
		like($result->{error}{detail}, qr/stored: 0; not stored: 0; unknown: $count\./, "$kind, $what, each time: all rows are unknown") if $count > 1;
	}

	# The look at the counter.
	my $head = $plain->head;
	$case++;
	check("counter, $what, once", insert([0], '', { operation => 'GetItem', times => 1, %$rule }), 'stored', 1, $head + 1);
	$case++;
	check("counter, $what, each time", insert([0], '', { operation => 'GetItem', %$rule }), $sqlstate, 0);

	# A version that is taken, and the answer that says so is lost: none of the attempts has stored anything, which the last one tells. (An answer of
	# status 400 without a word of DynamoDB's is not asked for again.)
	for ([ '23505', '' ], [ 'skipped', 'ON CONFLICT DO NOTHING' ])
	{
		my ($outcome, $more) = @$_;
		$case++;
		$plain->put('commits', { aggregateId => { S => "case $case" }, version => { N => '0' }, commitId => { N => '-1' }, active => { S => 'others' }, events => { S => '' } });
		$outcome = '08007' if ($rule->{bytes} // 0) > 0;
		check("taken, $what, once", insert([0], $more, { operation => 'TransactWriteItems', times => 1, %$rule }), $outcome, 0, $plain->head + 1);
	}
}

# A transaction that arrives twice is carried out once, whichever answer comes.
for my $doubled ({ again => 0 }, { echo => 0 })
{
	my $head = $plain->head;
	$case++;
	check(join(' ', %$doubled), insert([ 0, 1 ], '', { operation => 'TransactWriteItems', %$doubled }), 'stored', 2, $head + 1);
}

# Held at the proxy, while another client takes the same id and the same version: it must not take the other's commit for its own.
for ([ 'held', 'faulty', { before => 'stall' } ], [ 'timed out', 'impatient', { before => 'stall' } ], [ 'timed out and still to come', 'impatient', { late => 'stall' } ])
{
	my ($how, $table, $rule) = @$_;
	for ([ '', '0', '23505', 0 ], [ 'or skipped', '0', 'skipped', 0, 'ON CONFLICT DO NOTHING' ], [ 'for the next version', 'NULL', 'stored', 1 ])
	{
		my ($words, $version, $outcome, $count, $more) = @$_;
		my $session = Session->new($node);
		my $head = $plain->head;
		$case++;
		$session->query("SELECT 1");
		$fault->rules({ operation => 'TransactWriteItems', times => 1, %$rule });
		$session->send("INSERT INTO $table (aggregate_id, version, events) VALUES ('case $case', $version, '[\"case $case\"]') " . ($more // ''));
		my $held = decode_json($fault->wait_for(operation => 'TransactWriteItems')->{body})->{TransactItems}[1]{Put}{Item};
		my ($others) = $admin->query("INSERT INTO direct (aggregate_id, version, events) VALUES ('case $case', 0, '[\"faster $case\"]') RETURNING commit_id");
		is("$held->{commitId}{N} $held->{version}{N}", "$others->[0] 0", "$how $words: both have the same id and version");
		$fault->release if $table eq 'faulty';
		my $result = $session->result;
		$fault->release;
		$fault->finish;
		check("$how $words", $result, $outcome, $count, $head + 2);
		$session->close;
	}
}

# Stored, the answer lost, and others append behind it before it is sent again: it is stored all the same.
{
	my $session = Session->new($node);
	my $head = $plain->head;
	$case++;
	$fault->rules({ operation => 'TransactWriteItems', times => 1, after => 'stall' });
	$session->send("INSERT INTO impatient (aggregate_id, version, events) VALUES ('case $case', 0, '[\"case $case\"]')");
	$fault->wait_for(event => 'answer', status => 200) for 1 .. 2;      # the counter's, too
	$admin->query("INSERT INTO direct (aggregate_id, version, events) VALUES ('case $case', 1, '[\"behind $case\"]')");
	check('others behind it', $session->result, 'stored', 1, $head + 1);
	$fault->release;
	$fault->finish;
}

# The version before is missing, an attempt is still on its way, and then the version comes: that attempt succeeds. So a refusal would be no truth.
{
	my $session = Session->new($node);
	my $head = $plain->head;
	$case++;
	$fault->rules({ operation => 'TransactWriteItems', times => 1, late => 'stall' });
	my $result = $session->try("INSERT INTO contiguous (aggregate_id, version, events) VALUES ('case $case', 1, '[\"case $case\"]')");
	$plain->put('commits', { aggregateId => { S => "case $case" }, version => { N => '0' }, commitId => { N => '-1' }, active => { S => 'others' }, events => { S => '' } });
	$fault->release;
	$fault->finish;
	check('a gap that may be closed', $result, '08007', 1, $head + 1);
}

# In a statement of several transactions nothing is sent after one of unknown fate.
{
	$case++;
	my $result = $store->insert("SELECT 'case $case', n, '[\"case $case\"]' FROM generate_series(0, 249) n", { operation => 'TransactWriteItems', skip => 1, after => 'close' });
	is($result->{error}{sqlstate}, '08007', 'the second of three: unknown');
	my @stored = stored();
	is(scalar @stored, 198, 'the second of three: stored as it happens, and no third');
	like($result->{error}{detail}, qr/stored: 0; not stored: 0; unknown: 99\./, 'the second of three: all its rows are unknown');
	like($result->{notices}[0]{message}, qr/\A99 commits of/, 'the second of three: the first one\'s stay');
}

# All that happened late has happened: what was promised still holds, and no id is without its commit.
{
	my %used = $store->check_again;
	my $head = $plain->head;
	is_deeply([ grep { ($used{$_} // 0) != 1 } 1 .. $head ], [], 'every id up to the counter has one commit');
	is_deeply([ grep { $_ > $head } keys %used ], [], 'and none is above it');
}

$node->stop;
done_testing();
