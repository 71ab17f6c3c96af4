# Whatever becomes of a request or of its answer, an INSERT says the truth of its commit: a commit that is reported as stored is in the store,
# once and under the id reported; one that is reported as refused is not, and never will be; and where it cannot be known, that is said.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use LostAnswers;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $store = LostAnswers->new;
my ($node, $fault, $plain, $admin) = ($store->node, $store->fault, $store->plain, $store->admin);
$admin->query(q{SELECT dynamodb_es_create_tables('direct')});

my $case = 0;
my %lost;           # ids that no commit has and no note can name: the answer that gave them, or the put's fate, is not known

sub insert
{
	my ($version, $more, @rules) = @_;
	return $store->insert("VALUES ('case $case', $version, '[\"case $case\"]') $more RETURNING commit_id", @rules);
}

# What the statement says, and what the store holds then: the commit, once and under its id, or nothing.
sub check
{
	my ($name, $result, $outcome, $is_stored, $id) = @_;
	my @stored = $store->stored("case $case");
	$store->check($name, "case $case", $result, $outcome, $is_stored, $id);
	is(scalar @stored, $is_stored, "$name: " . ($is_stored ? 'it is in the store once' : 'it is not in the store'));
	is($result->{rows}[0][0], $id, "$name: its id is the right one") if $outcome eq 'stored';
	is($stored[0]{commitId}{N}, $id, "$name: it has that id") if $is_stored && defined $id;
	return;
}

for ($store->faults)
{
	my ($what, $rule, $happens, $sqlstate) = @$_;
	my ($head, $name);

	# At the counter. Ids of lost answers stay unused.
	$name = "counter, $what, once";
	$case++;
	$head = $plain->head;
	check($name, insert(0, '', { operation => 'UpdateItem', times => 1, %$rule }), 'stored', 1, $rule->{late} ? $head + 1 : $head + 1 + $happens);
	$lost{ $rule->{late} ? $head + 2 : $head + 1 } = 1 if $happens;
	$name = "counter, $what, each time";
	$case++;
	$head = $plain->head;
	check($name, insert(0, '', { operation => 'UpdateItem', %$rule }), $sqlstate, 0);
	is($plain->head - $head, $happens * $store->attempts, "$name: the ids that are lost");
	$lost{$_} = 1 for $head + 1 .. $plain->head;

	# At the put; also where a conflict would be passed over, and for the next version.
	for ([ 'put', 0, '' ], [ 'put or skip', 0, 'ON CONFLICT DO NOTHING' ], [ 'put of the next version', 'NULL', '' ])
	{
		my ($kind, $version, $more) = @$_;
		$case++;
		$head = $plain->head;
		check("$kind, $what, once", insert($version, $more, { operation => 'PutItem', times => 1, %$rule }), 'stored', 1, $head + 1);
		is($plain->head, $head + 1, "$kind, $what, once: one id was taken");
		$case++;
		$head = $plain->head;
		check("$kind, $what, each time", insert($version, $more, { operation => 'PutItem', %$rule }), $happens && !$rule->{late} ? 'stored' : '08007', $happens, $head + 1);
		is($plain->head, $head + 1, "$kind, $what, each time: one id was taken");
		$lost{ $head + 1 } = 1 if !$happens;
	}
	$case++;
	$head = $plain->head;
	check("put, and the look for it, $what, each time", insert(0, '', map { { operation => $_, %$rule } } qw(PutItem GetItem)), '08007', $happens, $head + 1);
	$lost{ $head + 1 } = 1 if !$happens;

	# At the look for the last version.
	$case++;
	$head = $plain->head;
	check("last version, $what, once", insert('NULL', '', { operation => 'Query', times => 1, %$rule }), 'stored', 1, $head + 1);
	$case++;
	check("last version, $what, each time", insert('NULL', '', { operation => 'Query', %$rule }), $sqlstate, 0);
	is($plain->head, $head + 1, "last version, $what, each time: no id was taken");

	# At the look at the item whose version is taken, where there has to be one: by another's commit, and by the commit itself.
	my $looks = $ENV{DYNAMODB_ENGINE} eq 'dynalite';
	for ([ 'another\'s item', 1, '23505', '' ], [ 'another\'s item, to be skipped', 1, 'skipped', 'ON CONFLICT DO NOTHING' ], [ 'its own item', 0, 'stored', '' ])
	{
		my ($whose, $others, $outcome, $more) = @$_;
		for my $times (1, 1000)
		{
			my $expected = $looks && $times > 1 ? '08007' : $outcome;
			$case++;
			$plain->put('commits', { aggregateId => { S => "case $case" }, version => { N => '0' }, commitId => { N => '-1' }, active => { S => 'others' } }) if $others;
			$head = $plain->head;
			check("$whose, $what, " . ($times == 1 ? 'once' : 'each time'),
				insert(0, $more, { operation => 'GetItem', times => $times, %$rule }, $others ? () : { operation => 'PutItem', times => 1, after => 'close' }),
				$expected, $others ? 0 : 1, $head + 1);
			$lost{ $head + 1 } = 1 if $expected eq '08007' && $others;
		}
	}
}

# A request that arrives twice, and the second answer comes: no commit conflicts with itself.
for ([ 'put', 0, '' ], [ 'put or skip', 0, 'ON CONFLICT DO NOTHING' ], [ 'put of the next version', 'NULL', '' ])
{
	my ($kind, $version, $more) = @$_;
	my $head = $plain->head;
	$case++;
	check("$kind, doubled", insert($version, $more, { operation => 'PutItem', again => 0 }), 'stored', 1, $head + 1);
}
{
	my $head = $plain->head;
	$case++;
	check('counter, doubled', insert(0, '', { operation => 'UpdateItem', again => 0 }), 'stored', 1, $head + 2);
	$lost{ $head + 1 } = 1;
	$head = $plain->head;
	$case++;
	check('all, doubled', insert('NULL', '', { again => 0 }), 'stored', 1, $head + 2);
	$lost{ $head + 1 } = 1;
}

# Attempts that are lost, and then somebody else's commit in the version: it is theirs for certain, since the put's own can come no more.
for my $times (1, $store->attempts)
{
	my $session = Session->new($node);
	my $result;
	$case++;
	$fault->rules({ operation => 'PutItem', times => $times, before => 'stall' });
	$session->send("INSERT INTO impatient (aggregate_id, version, events) VALUES ('case $case', 0, '[\"case $case\"]')");
	$fault->wait_for(operation => 'PutItem');
	$admin->query("INSERT INTO direct (aggregate_id, version, events) VALUES ('case $case', 0, '[\"faster\"]')");
	$result = $session->result;
	$fault->release;
	$fault->finish;
	check("a put that timed out, $times of them, and another in its place", $result, '23505', 0);
	$session->close;
}
{
	my @lost = ({ operation => 'PutItem', match => 'attribute_not_exists', times => $store->attempts, before => 'reset' });
	my $result;
	$admin->query(q{CREATE FOREIGN TABLE tokens (commit_id bigint, aggregate_id text, version bigint, events jsonb, token text) SERVER faulty_server OPTIONS (append_token 'token')});
	$case++;
	$plain->put('commits', { aggregateId => { S => "case $case" }, version => { N => '0' }, commitId => { N => '-1' }, committedAt => { N => '0' }, events => { S => '[]' }, active => { S => 'others' }, token => { S => "token $case" } });
	check('a put that is lost, and another in its place, to be skipped', insert(0, 'ON CONFLICT DO NOTHING', @lost), 'skipped', 0);
	$fault->rules(@lost);
	$result = $admin->try("INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('case $case', 0, '[]', 'token $case') RETURNING commit_id");
	is($result->{rows}[0][0], -1, 'and one of the same token in its place: that is reported') or diag explain $result->{error};
	$fault->finish;
}

# In a batch: a lost answer is mended, and where it is not, no later row of that aggregate is sent.
sub batch { return $store->insert("SELECT 'case $case ' || n % 2, n / 2, '[\"case $case\"]' FROM generate_series(0, 9) n", @_) }
for (grep { $_->[2] } $store->faults)
{
	my ($what, $rule) = @$_;
	next if ($rule->{after} // '') eq 'stall' || $rule->{late};
	my $head = $plain->head;
	$case++;
	is(batch({ operation => 'PutItem', skip => 3, times => 1, %$rule })->{tag}, 'INSERT 0 10', "batch, $what, once: all rows are stored");
	is(join(' ', map { $_->{commitId}{N} } $store->stored("case $case")), join(' ', $head + 1 .. $head + 10), "batch, $what, once: under the ids of the batch");
	$case++;
	is(batch({ operation => 'PutItem', match => 'version":{"N":"2"', %$rule })->{tag}, 'INSERT 0 10', "batch, $what, each time: all rows are stored");
	$case++;
	$head = $plain->head;
	my $result = batch({ operation => 'PutItem', match => 'version":{"N":"2"', %$rule }, { operation => 'GetItem', %$rule });
	my %in;
	$in{ $_->{version}{N} }++ for $store->stored("case $case");
	is($result->{error}{sqlstate}, '08007', "batch, $what, each time: it is unknown what became of it");
	my ($stored, $not, $unknown) = $result->{error}{detail} =~ /that are stored: (\d+); not stored: (\d+); unknown: (\d+)\. The first one not known to be stored: aggregate "case $case [01]", version 2\./;
	is(($stored // 0) + ($not // 0) + ($unknown // 0), 10, "batch, $what, each time: the DETAIL counts the rows") or diag($result->{error}{detail});
	cmp_ok($unknown // 0, '>=', 1, "batch, $what, each time: one or two of them are unknown");
	is($in{3} // 0, 0, "batch, $what, each time: no row is in behind one that may not be");
	is(($in{0} // 0) + ($in{1} // 0) + ($in{2} // 0), ($stored // 0) + ($unknown // 0), "batch, $what, each time: those are in that are said to be, and the unknown ones");
	like($result->{notices}[0]{message} // '', qr/\A\Q$stored\E commits? of/, "batch, $what, each time: the warning counts those") if $stored;
}

# All that happened late has happened: what was promised still holds, and every id is accounted for.
{
	my %used = $store->check_again;
	is_deeply([ grep { $used{$_} > 1 } keys %used ], [], 'no id is there twice');
	$used{$_}++ for $plain->burned;
	is_deeply([ grep { $used{$_} > 1 } sort { $a <=> $b } keys %used ], [], 'no id is stored and noted as burned');
	is_deeply([ grep { !$used{$_} && !$lost{$_} } 1 .. $plain->head ], [], 'every other id is stored, noted as burned, or lost in a fault');
	is_deeply([ grep { $used{$_} && $lost{$_} } 1 .. $plain->head ], [], 'those lost are lost indeed');
}

$node->stop;
done_testing();
