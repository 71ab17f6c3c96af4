# Dense appends: how many requests they take and what is in them, that backends of one database take turns, and that nobody waits for a turn that never
# comes, or for a stranger's. What lost answers do to them is t/043_dense_lost_answers.pl's.
# Engine: local
# (it has transactions)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;


my $attempts = 3;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $admin = Session->new($node);
my $columns = '(commit_id bigint, aggregate_id text, version bigint, events jsonb)';
$admin->create_table('counting', $ENV{DYNAMODB_ENDPOINT});
$admin->create_table('far', $fault->endpoint, max_attempts => $attempts);
$admin->query("CREATE FOREIGN TABLE dense $columns SERVER far_server OPTIONS (append_mode 'dense')");
$admin->query("CREATE FOREIGN TABLE contiguous $columns SERVER far_server OPTIONS (append_mode 'dense', contiguous_versions 'true')");
$admin->query("CREATE FOREIGN TABLE counting_there $columns SERVER far_server");
$admin->query(q{SELECT dynamodb_es_create_tables('counting')});

# The transactions that the proxy has seen since its rules were set, as their bodies.
sub transactions { return map { decode_json($_->{body}) } grep { $_->{operation} eq 'TransactWriteItems' } $fault->events('request') }
sub actions { my ($transaction, $kind) = @_; return grep { $_->{$kind} } @{ $transaction->{TransactItems} } }

# Every id up to the counter is that of one commit, which is what dense means.
sub has_no_gap
{
	my ($name) = @_;
	my %count;
	$count{ $_->{commitId}{N} }++ for $plain->scan('commits');
	is_deeply([ grep { ($count{$_} // 0) != 1 } 1 .. $plain->head ], [], "$name: every id up to the counter has one commit");
	is((sort { $b <=> $a } keys %count)[0], $plain->head, "$name: and none is above it");
}

# Runs a statement with the proxy's rules, and returns its result and the operations that it took.
sub run_with
{
	my ($session, $sql, @rules) = @_;
	$fault->rules(@rules);
	my $result = $session->try($sql);
	return ($result, join ' ', $fault->operations);
}

# The requests of a session: the counter's value is looked up once, and then remembered.
my $session = Session->new($node);
{
	my ($result, $operations) = run_with($session, q{INSERT INTO dense (aggregate_id, version, events) VALUES ('a', 0, '[]') RETURNING commit_id});
	is($result->{rows}[0][0], 1, 'the first id is 1');
	is($operations, 'GetItem TransactWriteItems', 'a session\'s first append looks at the counter');
	my ($first) = transactions();
	is_deeply([ map { keys %$_ } @{ $first->{TransactItems} } ], [ 'Update', 'Put' ], 'counter and commit are in one transaction');
	like($first->{ClientRequestToken}, qr/\A[0-9a-f]{32}\z/, 'which has a token');
	($result, $operations) = run_with($session, q{INSERT INTO contiguous (aggregate_id, version, events) VALUES ('a', 1, '[]'), ('b', 0, '[]') RETURNING commit_id});
	is(join(' ', map { $_->[0] } @{ $result->{rows} }), '2 3', 'ids follow each other');
	is($operations, 'TransactWriteItems TransactWriteItems', 'later ones know it, also in another table of the same store');
	my ($checking, $not_checking) = transactions();
	is(scalar actions($checking, 'ConditionCheck'), 1, 'the version before is checked in the same transaction');
	is(scalar actions($not_checking, 'ConditionCheck'), 0, 'where there is one');
	isnt($checking->{ClientRequestToken}, $first->{ClientRequestToken}, 'every transaction has a token of its own');
	$admin->query(q{INSERT INTO counting (aggregate_id, version, events) VALUES ('others', 0, '[]'), ('others', 1, '[]')});
	($result, $operations) = run_with($session, q{INSERT INTO dense (aggregate_id, version, events) VALUES ('a', 2, '[]') RETURNING commit_id});
	is($result->{rows}[0][0], 6, 'after others have appended, the next id is taken');
	is($operations, 'TransactWriteItems TransactWriteItems', 'what the counter has come to is learned from the refusal');
	my ($refused, $stored) = transactions();
	isnt($refused->{ClientRequestToken}, $stored->{ClientRequestToken}, 'and the next try is another transaction');
	($result, $operations) = run_with($session, q{INSERT INTO contiguous (aggregate_id, events) VALUES ('a', '[]'), ('a', '[]')});
	is($operations, 'Query TransactWriteItems', 'the next version costs a look at the last one, and no check of that');
	is(scalar actions((transactions())[0], 'ConditionCheck'), 0, 'which is known to be there');
	has_no_gap('one by one');
}

# What fits into a transaction.
{
	my ($result, $operations) = run_with($session, q{INSERT INTO dense (aggregate_id, version, events) SELECT 'w' || n, 0, '[]' FROM generate_series(1, 99) n});
	is($operations, 'TransactWriteItems', '99 rows are one transaction');
	($result, $operations) = run_with($session, q{INSERT INTO dense (aggregate_id, version, events) SELECT 'w' || n % 99, 10 + n / 99, '[]' FROM generate_series(1, 250) n});
	is(join(' ', map { scalar actions($_, 'Put') } transactions()), '99 99 52', '250 rows are three');
	($result) = run_with($session, q{INSERT INTO contiguous (aggregate_id, version, events) SELECT 'w' || n, 1, '[]' FROM generate_series(1, 60) n});
	is($result->{tag}, 'INSERT 0 60', 'with a check for each row, 60 rows are stored');
	is(join(' ', map { actions($_, 'Put') . '+' . actions($_, 'ConditionCheck') } transactions()), '49+49 11+11', 'in two transactions: checks count as well');
	($result) = run_with($session, q{INSERT INTO dense (aggregate_id, version, events) SELECT 'large', n, to_jsonb(ARRAY[repeat('x', 400 * 1024 - 200)]) FROM generate_series(0, 14) n});
	is($result->{tag}, 'INSERT 0 15', 'rows of 6 MB are stored') or diag($result->{error}{detail});
	is(join(' ', map { scalar actions($_, 'Put') } transactions()), '10 5', 'in transactions of 4 MB');
	has_no_gap('many');
}

# A failure in a later transaction of a statement leaves the earlier ones, and says so.
{
	my $before = $plain->head;
	my ($result) = run_with($session, q{INSERT INTO dense (aggregate_id, version, events) SELECT CASE WHEN n = 120 THEN 'a' ELSE 'p' || n END, 0, '[]' FROM generate_series(1, 250) n});
	is($result->{error}{sqlstate}, '23505', 'a version that exists, in the second transaction');
	is(scalar transactions(), 2, 'no third one is sent');
	like($result->{error}{detail}, qr/aggregate "a", version 0\. Rows of the batch that are stored: 0; not stored: 99; unknown: 0\./, 'nothing of the second is stored');
	like($result->{notices}[0]{message}, qr/\A99 commits of/, 'the first one stays, which the warning says');
	is($plain->head, $before + 99, 'and is what the counter counts');
	has_no_gap('after a failure');
}

# Races that are lost again and again come to an end; what passes is sent again as it was.
{
	my $canceled = sub { return { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException', Message => 'Transaction cancelled',
		CancellationReasons => [ map { { Code => $_ } } @_ ] } } };
	my $insert = q{INSERT INTO dense (aggregate_id, version, events) VALUES ('race', 0, '[]')};
	my ($result, $operations) = run_with($session, $insert, { operation => 'TransactWriteItems', answer => $canceled->('ConditionalCheckFailed', 'None') });
	is($result->{error}{sqlstate}, '40001', 'a race lost too often is a serialization failure');
	is($operations, join(' ', 'TransactWriteItems', ('GetItem TransactWriteItems') x 25), 'after 25 more tries; where the refusal does not tell, the counter is looked at');
	my %tokens = map { $_->{ClientRequestToken} => 1 } transactions();
	is(scalar keys %tokens, 26, 'each with a token of its own');
	for ([ '40001', 'TransactionConflict', 'None' ], [ '53400', 'None', 'ThrottlingError' ], [ '53400', 'TransactionConflict', 'ProvisionedThroughputExceeded' ])
	{
		my ($sqlstate, @reasons) = @$_;
		($result) = run_with($session, $insert, { operation => 'TransactWriteItems', answer => $canceled->(@reasons) });
		is($result->{error}{sqlstate}, $sqlstate, "@reasons: $sqlstate");
		%tokens = map { $_->{ClientRequestToken} => 1 } transactions();
		is(scalar transactions(), $attempts, "@reasons: all attempts are made");
		is(scalar keys %tokens, 1, "@reasons: with one token");
	}
	for ([ 'HV000', 'TransactionConflict', 'ValidationError' ], [ '23505', 'TransactionConflict', 'ConditionalCheckFailed' ])
	{
		my ($sqlstate, @reasons) = @$_;
		($result) = run_with($session, $insert, { operation => 'TransactWriteItems', answer => $canceled->(@reasons) });
		is($result->{error}{sqlstate}, $sqlstate, "@reasons: $sqlstate");
		is(scalar transactions(), 1, "@reasons: not sent again");
	}
	($result) = run_with($session, "SET statement_timeout = 150; $insert", { operation => 'TransactWriteItems', answer => $canceled->('ConditionalCheckFailed', 'None') });
	is($result->{error}{sqlstate}, '57014', 'the races end with a statement_timeout');
	$session->query('RESET statement_timeout');
	has_no_gap('after races');
}

# Backends take turns: who waits for one can be cancelled, and a turn ends with the statement, however that ends.
{
	my $first = Session->new($node);
	my $second = Session->new($node);
	my $third = Session->new($node);
	my $insert = sub { return "INSERT INTO dense (aggregate_id, version, events) VALUES ('$_[0]', 0, '[]') RETURNING commit_id" };
	my $wait_for_turn = sub {
		my ($session) = @_;
		my $waits = "SELECT count(*) FROM pg_stat_activity WHERE pid = " . $session->pid . " AND wait_event_type = 'Lock' AND wait_event = 'advisory'";
		Session::comes(sub { $admin->query($waits) }) or die 'the session does not wait for its turn';
	};
	my $in_turn = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted";

	# The first one's request is held at the proxy.
	$fault->rules({ operation => 'TransactWriteItems', times => 1, before => 'stall' });
	$first->send($insert->('first'));
	$fault->wait_for(operation => 'TransactWriteItems');
	$second->send($insert->('second'));
	$wait_for_turn->($second);
	is($admin->query(q{SELECT string_agg(objsubid::text, ' ') FROM pg_locks WHERE locktype = 'advisory' AND granted}), 3, 'the lock is none that a user can take');
	is($third->query(q{INSERT INTO counting_there (aggregate_id, version, events) VALUES ('not dense', 0, '[]') RETURNING 1}), 1, 'who is not dense need not queue');
	$admin->query('SELECT pg_cancel_backend(' . $second->pid . ')');
	is($second->result->{error}{sqlstate}, '57014', 'who waits for a turn can be cancelled');
	is($second->query('SELECT 1'), 1, 'and goes on');
	$fault->release;
	my $result = $first->result;
	ok(!$result->{error}, 'the one that was held is stored') or diag($result->{error}{message});
	is($admin->query($in_turn), 0, 'the turn is over');

	# Cancelled while its request is out.
	$fault->rules({ operation => 'TransactWriteItems', times => 1, before => 'stall' });
	$first->send($insert->('cancelled'));
	$fault->wait_for(operation => 'TransactWriteItems');
	$second->send($insert->('next in turn'));
	$wait_for_turn->($second);
	$admin->query('SELECT pg_cancel_backend(' . $first->pid . ')');
	$result = $first->result;
	is($result->{error}{sqlstate}, '57014', 'who has the turn can be cancelled');
	like($result->{error}{detail}, qr/aggregate "cancelled", version 0, commit id \d+ may have been stored all the same/, 'and is told what may be stored');
	ok(!$second->result->{error}, 'the next one gets its turn');
	$fault->release;
	$fault->finish;

	# Its backend goes.
	$fault->rules({ operation => 'TransactWriteItems', times => 1, before => 'stall' });
	$third->send($insert->('terminated'));
	$fault->wait_for(operation => 'TransactWriteItems');
	$second->send($insert->('after a termination'));
	$wait_for_turn->($second);
	$admin->query('SELECT pg_terminate_backend(' . $third->pid . ')');
	ok(!$second->result->{error}, 'a backend that is terminated leaves its turn to the next');
	$fault->release;
	$fault->finish;

	# An error in a block of a function, whose transaction goes on.
	$second->query(<<'SQL');
DO $$BEGIN
  INSERT INTO dense (aggregate_id, version, events) VALUES ('first', 0, '[]');
EXCEPTION WHEN unique_violation THEN
  ASSERT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') = 0;
END$$
SQL
	pass('an error that is caught leaves no turn behind');

	has_no_gap('taking turns');
}

# A store of the same name that is another's: in another database, or behind another server object. It waits for no stranger.
{
	my $insert = sub { my ($table, $aggregate) = @_; return "INSERT INTO $table (aggregate_id, version, events) VALUES ('$aggregate', 0, '[]') RETURNING commit_id" };
	my $first = Session->new($node);
	$admin->query('CREATE DATABASE elsewhere');
	my $elsewhere = Session->new($node, database => 'elsewhere');
	$elsewhere->create_table('far', $fault->endpoint);
	$elsewhere->query("CREATE FOREIGN TABLE dense $columns SERVER far_server OPTIONS (append_mode 'dense')");
	$admin->create_table('beside', $fault->endpoint);
	$admin->query("CREATE FOREIGN TABLE dense_beside $columns SERVER beside_server OPTIONS (append_mode 'dense')");
	$fault->rules({ operation => 'TransactWriteItems', times => 1, before => 'stall' });
	$first->send($insert->('dense', 'held'));
	$fault->wait_for(operation => 'TransactWriteItems');
	my $id = $elsewhere->query($insert->('dense', 'elsewhere'));
	is($admin->query($insert->('dense_beside', 'beside')), $id + 1, 'stores of other databases and servers append while one is held up');
	$fault->release;
	is($first->result->{rows}[0][0], $id + 2, 'which has lost the race for its id, and takes another');
}

# A request that waits for its next attempt is in nobody's way.
for my $case ([ 'refused', 0 ], [ 'carried out, and its answer lost', 1 ])
{
	my ($name, $carried_out) = @$case;
	my $insert = sub { return "INSERT INTO dense (aggregate_id, version, events) VALUES ('$_[0] $carried_out', 0, '[]') RETURNING commit_id" };
	my $first = Session->new($node);
	my $second = Session->new($node);
	$_->query($insert->($_->pid)) for $second, $first;    # which knows the counter then
	my $head = $plain->head;
	# As long as an endpoint may make it wait.
	my $answer = { status => 500, headers => { 'x-amz-retry-after' => '4000' }, body => { __type => 'x#InternalServerError', message => 'later' } };
	$fault->rules({ operation => 'TransactWriteItems', match => 'retried', times => 1, answer => $answer, ($carried_out ? (carried_out => JSON::PP::true) : ()) });
	$first->send($insert->('retried'));
	$fault->wait_for(operation => 'TransactWriteItems');
	$second->send($insert->('meanwhile'));
	my $meanwhile = $second->result;
	is($meanwhile->{rows}[0][0], $head + 1 + $carried_out, "$name: meanwhile another backend appends to the same store");
	is(scalar(grep { $_->{body} =~ /retried/ } $fault->events('request')), 0, "$name: before the next attempt");
	my $result = $first->result;
	is($result->{rows}[0][0], $head + 2 - $carried_out, "$name: then the first one has its id") or diag($result->{error}{message});
	my @later = grep { $_->{body} =~ /retried/ } $fault->events('request');
	is(scalar @later, $carried_out ? 1 : 2, "$name: by the second attempt, or as a new transaction");
	$_->close for $first, $second;
}

# Nor does it wait for ever to have its turn again: lock_timeout ends that, and what may be stored is told.
{
	my $first = Session->new($node);
	my $second = Session->new($node);
	my $answer = { status => 500, headers => { 'x-amz-retry-after' => '1000' }, body => { __type => 'x#InternalServerError', message => 'later' } };
	$first->query("SET lock_timeout = '100ms'");
	$_->query(q{INSERT INTO dense (aggregate_id, version, events) VALUES ('} . $_->pid . q{', 1, '[]')}) for $first, $second;
	$fault->rules({ operation => 'TransactWriteItems', match => 'in doubt', times => 1, answer => $answer },
		{ operation => 'TransactWriteItems', match => 'in the way', times => 1, before => 'stall' });
	$first->send(q{INSERT INTO dense (aggregate_id, version, events) VALUES ('in doubt', 0, '[]')});
	$fault->wait_for(operation => 'TransactWriteItems');
	$second->send(q{INSERT INTO dense (aggregate_id, version, events) VALUES ('in the way', 0, '[]')});
	$fault->wait_for(operation => 'TransactWriteItems');
	my $result = $first->result;
	is($result->{error}{sqlstate}, '55P03', 'the turn does not come again in time');
	like($result->{error}{detail}, qr/aggregate "in doubt", version 0, commit id \d+ may have been stored all the same/, 'and what is in doubt is told');
	$fault->release;
	ok(!$second->result->{error}, 'the other one is stored');
	is($admin->query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no turn is left behind');
	has_no_gap('beside strangers and retries');
}

$fault->stop;
$node->stop;
done_testing();
