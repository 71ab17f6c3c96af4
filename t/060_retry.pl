# What passes is tried again, as often and as late as AWS's rules say; what would fail again is not; and a read of many pages under faults of all kinds
# returns every commit once.
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

my $seed = $ENV{SEED} // int rand 2**31;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
my $other = Session->new($node);
$session->create_table('commits', $fault->endpoint, request_timeout_ms => 2000);
$session->create_table('once', $fault->endpoint, max_attempts => 1);
$session->create_table('twice', $fault->endpoint, max_attempts => 2);
$session->create_table('patient', $fault->endpoint, max_attempts => 1, request_timeout_ms => 3600000);
$session->query(q{SELECT dynamodb_es_create_tables('commits')});

my $version = 0;
my $select = q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'};
sub insert { my ($table) = @_; return "INSERT INTO $table (aggregate_id, version, events) VALUES ('a', " . $version++ . ", '[]') RETURNING version" }
sub fresh { $session->close; $session = Session->new($node); return }
sub error { my ($status, $code, %more) = @_; return { status => $status, headers => { 'content-type' => 'application/x-amz-json-1.0', %{ delete $more{headers} // {} } },
	body => { $code ? (__type => "com.amazonaws.dynamodb.v20120810#$code", message => 'no') : (), %more } } }

sub outcome
{
	my ($sql, @rules) = @_;
	$fault->rules(@rules);
	my $result = $session->try($sql);
	return join ' ', $result->{error} ? $result->{error}{sqlstate} : $result->{rows}[0][0], $fault->operations;
}

# Passing failures, once: on the read, at the counter and at the put.
sub what_passes_is_sent_again
{
	my @passing = ([ 500, 'InternalServerError' ], [ 400, 'InternalServerError' ], [ 400, 'RequestTimeout' ], [ 400, 'RequestTimeoutException' ], [ 400, 'ReplicatedWriteConflictException' ],
		[ 400, 'TransactionConflictException' ], [ 503, 'ServiceUnavailable' ], [ 500 ], [ 502 ], [ 503 ], [ 504 ]);
	for (@passing)
	{
		my ($status, $code) = @$_;
		my $name = join ' ', $status, $code // ();
		is(outcome($select, { times => 1, answer => error($status, $code) }), "$version Query Query", "$name: a read is sent again");
		is(outcome(insert('commits'), { operation => 'UpdateItem', times => 1, answer => error($status, $code) }), $version - 1 . ' UpdateItem UpdateItem PutItem', "$name: so is the counter's request");
		is(outcome(insert('commits'), { operation => 'PutItem', times => 1, answer => error($status, $code) }), $version - 1 . ' UpdateItem PutItem PutItem', "$name: and the put");
	}
	return;
}

# Throttling.
sub what_is_throttled_is_sent_again
{
	my @throttling = qw(Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException TooManyRequestsException ProvisionedThroughputExceededException
		TransactionInProgressException RequestLimitExceeded BandwidthLimitExceeded LimitExceededException SlowDown PriorRequestNotComplete EC2ThrottledException);
	is(outcome($select, { times => 1, answer => error(400, $_) }), "$version Query Query", "$_: a read is sent again") for @throttling;
	is(outcome(insert('commits'), map { { operation => $_, times => 1, answer => error(400, 'ThrottlingException') } } qw(UpdateItem PutItem)),
		$version - 1 . ' UpdateItem UpdateItem PutItem PutItem', 'ThrottlingException: so is an append');
	return;
}

# What would fail again.
sub what_would_fail_again_is_not
{
	for ([ 400, 'ValidationException', 'HV000' ], [ 400, 'ItemCollectionSizeLimitExceededException', '54000' ], [ 400, 'IdempotentParameterMismatchException', 'HV000' ], [ 400, 'AccessDeniedException', '42501' ],
		[ 400, 'UnrecognizedClientException', '28000' ], [ 400, 'ResourceNotFoundException', 'HV00R' ], [ 501, undef, 'HV000' ], [ 505, undef, 'HV000' ], [ 404, undef, 'HV000' ])
	{
		my ($status, $code, $sqlstate) = @$_;
		my $name = join ' ', $status, $code // ();
		is(outcome($select, { answer => error($status, $code) }), "$sqlstate Query", "$name: a read is not sent again");
		is(outcome(insert('commits'), { operation => 'UpdateItem', answer => error($status, $code) }), "$sqlstate UpdateItem", "$name: neither is the counter's request");
		$version--;
	}
	return;
}

# So often, and no more.
sub attempts_are_counted
{
	is(outcome($select, { before => 'reset' }), 'HV00N' . ' Query' x 4, 'a read has four attempts');
	is(outcome($select, { skip => 0, times => 3, before => 'reset' }), "$version" . ' Query' x 4, 'of which the last may be the good one');
	is(outcome(insert('twice'), { operation => 'UpdateItem', before => 'reset' }), 'HV00N UpdateItem UpdateItem', 'or as many as max_attempts says');
	$version--;
	return;
}

# The server may ask for more time than the rule gives: never less than that passes. (The pause would be 25 ms at most, 1000 ms with throttling.)
sub the_server_may_ask_for_time
{
	for ([ 500, 'InternalServerError', 700 ], [ 400, 'ThrottlingException', 1700 ])
	{
		my ($status, $code, $ms) = @$_;
		$fault->rules({ times => 1, answer => error($status, $code, headers => { 'x-amz-retry-after' => $ms }) });
		$session->query($select);
		my @at = map { $_->{at} } $fault->events('request');
		cmp_ok($at[1] - $at[0], '>=', $ms - 5, "x-amz-retry-after: $ms ms after $code");
		fresh();
		$fault->rules({ operation => 'UpdateItem', times => 1, answer => error($status, $code, headers => { 'x-amz-retry-after' => $ms }) });
		$session->query(insert('commits'));
		@at = map { $_->{at} } $fault->events('request');
		cmp_ok($at[1] - $at[0], '>=', $ms - 5, "x-amz-retry-after: and in an append");
	}
	return;
}

# The pause can be cancelled.
sub a_pause_can_be_cancelled
{
	for my $sql ($select, insert('commits'))
	{
		$fault->rules({ operation => $sql =~ /SELECT/ ? 'Query' : 'UpdateItem', answer => error(400, 'ThrottlingException', headers => { 'x-amz-retry-after' => 5000 }) });
		$session->send($sql);
		$fault->wait_for(event => 'answer');
		$session->wait_until_waiting($other);
		$other->query('SELECT pg_cancel_backend(' . $session->pid . ')');
		is($session->result->{error}{sqlstate}, '57014', 'a pause before a retry can be cancelled');
		is(scalar($fault->events('request')), 0, 'nothing is sent after that');
	}
	$version--;
	return;
}

# A service that fails for everybody is not hammered: a client has 500 tokens, and a retry costs 14.
sub a_service_that_fails_is_not_hammered
{
	fresh();
	{
		my ($at_first, $later) = (0, 0);
		# A client of which nothing was ever heard is not kept, and its tokens are not either.
		$fault->rules;
		$session->query($select =~ s/commits/twice/r);
		for (1 .. 35) { $fault->rules({ before => 'reset' }); $session->try($select =~ s/commits/twice/r); $at_first += scalar $fault->operations }
		for (1 .. 5) { $fault->rules({ before => 'reset' }); $session->try($select =~ s/commits/twice/r); $later += scalar $fault->operations }
		is($at_first, 70, 'each of 35 requests that fail is sent twice');
		is($later, 5, 'those after them once');
		$fault->rules;
		$session->query($select =~ s/commits/twice/r) for 1 .. 4;
		is(outcome($select =~ s/commits/twice/r, { times => 1, before => 'reset' }), "$version Query Query", 'successes earn a retry');
	}
	return;
}

# Throttled to the end: which limit it is stands in the DETAIL.
sub the_limit_is_in_the_detail
{
	my %exceeded = %{ error(400, 'ProvisionedThroughputExceededException', message => 'Exceeded.',
		ThrottlingReasons => [ { reason => 'TableWriteKeyRangeThroughputExceeded', resource => 'arn:aws:dynamodb:us-east-1:111122223333:table/commits' } ]) };
	my %throttled = %{ error(400, 'ThrottlingException', message => 'Slow down.', throttlingReasons => [ { reason => 'IndexReadAccountLimitExceeded', resource => 'arn:aws:dynamodb:us-east-1:111122223333:table/commits/index/byId' } ]) };
	my @cases = ([ $select =~ s/commits/once/r, {} ], [ insert('once'), { operation => 'UpdateItem' } ], [ insert('once'), { operation => 'PutItem', match => 'attribute_not_exists' } ], [ q{SELECT dynamodb_es_head('once')}, {} ]);
	for (@cases)
	{
		my ($sql, $where) = @$_;
		my ($verb) = $sql =~ /\A(\w+ \w+)/;
		$fault->rules({ %$where, answer => \%exceeded });
		my $error = $session->try($sql)->{error};
		is($error->{sqlstate}, '53400', "$verb: throttled to the end");
		like($error->{detail}, qr/\AProvisionedThroughputExceededException: Exceeded\. Reasons: TableWriteKeyRangeThroughputExceeded \(arn:aws:dynamodb:us-east-1:111122223333:table\/commits\)/, 'the DETAIL has the reasons');
		$fault->rules({ %$where, answer => \%throttled });
		like($session->try($sql)->{error}{detail}, qr/\AThrottlingException: Slow down\. Reasons: IndexReadAccountLimitExceeded \(arn:\S+byId\)/, 'in either spelling');
	}
	$version -= 2;
	return;
}

# An endpoint that is not there: nothing was sent, so nothing is in doubt; and when it is back, all is well.
sub an_endpoint_goes_and_comes_back
{
	fresh();
	$fault->rules;
	$fault->refuse(1);
	is(outcome($select), 'HV00N', 'a read of an endpoint that refuses connections');
	is(outcome(insert('commits')), 'HV00N', 'an append');
	$version--;
	$fault->refuse(0);
	is(outcome($select), "$version Query", 'back again: a read');
	is(outcome(insert('commits')), $version - 1 . ' UpdateItem PutItem', 'and an append');
	return;
}

# An append that failed because nothing was heard of the endpoint does not wait for the notes of its unused ids.
sub a_silent_endpoint_holds_no_append_for_its_notes
{
	fresh();
	$fault->rules({ operation => 'PutItem', match => 'attribute_not_exists', before => 'reset' }, { operation => 'PutItem', match => '#burned#', before => 'stall' });
	my $error = $session->try(q{INSERT INTO patient (aggregate_id, version, events) SELECT 'dead', n, '[]' FROM generate_series(0, 4) n})->{error};
	is($error->{sqlstate}, '08007', 'an append to an endpoint that falls silent ends while its notes are still unanswered');
	is(scalar(grep { /#burned#/ } map { $_->{body} } $fault->events('request')), 1, 'which it has tried to write');
	$fault->release;
	return;
}

# A read of 200 pages while one request in twenty meets a fault.
sub a_long_read_survives_faults
{
	my $count = 1000;
	my %put = (active => { S => 't' }, committedAt => { N => '946684800000' });
	$plain->put_all('commits', map { { %put, aggregateId => { S => 'many' }, version => { N => $_ - 1 . '' }, commitId => { N => 1000 + $_ . '' }, events => { S => qq([{"n":$_}]) } } } 1 .. $count);
	my %throttled = (answer => error(400, 'ProvisionedThroughputExceededException'));
	my @kinds = (
		{ name => 'closed before', before => 'close' }, { name => 'reset before', before => 'reset' }, { name => 'closed after', after => 'close' }, { name => 'reset after', after => 'reset' },
		{ name => 'stalled', before => 'stall' }, { name => 'cut in the header', bytes => 50, then => 'close' }, { name => 'cut in the body', bytes => -20, then => 'reset' }, { name => 'cut, and whole to look at', cut => -20 },
		{ name => 'cut to nothing', cut => 0 }, { name => 'a bit flipped', flip => 100 }, { name => '500', answer => error(500, 'InternalServerError') }, { name => '503 of a proxy', answer => { status => 503, body => '<html>' } },
		{ name => 'throttled', %throttled }, { name => 'HTML', answer => { body => '<html>' } }, { name => 'sent twice', again => 0 }, { name => 'slow', after => 100 });
	my $share = 0.05 / @kinds;
	$kinds[$_]{chance} = $share / (1 - $share * $_) for 0 .. $#kinds;
	# Four in a row would end a read, as they should: once in a hundred runs, were each as likely as the first.
	$_->{relapse} = $_->{chance} / 5 for @kinds;
	my %path = (aggregate => [ q{aggregate_id = 'many'}, 'version' ], 'index' => [ 'commit_id > 1000', 'commit_id' ], 'index, backward' => [ 'commit_id > 1000', 'commit_id DESC' ],
		scan => [ q{events->0->>'n' IS NOT NULL}, undef ]);
	my %seen;
	note "SEED=$seed";
	$fault->limit(5);
	for my $name (sort keys %path)
	{
		my ($where, $order) = @{ $path{$name} };
		$fault->rules(@kinds);
		$fault->seed($seed + length $name);
		my $result = $session->try("SELECT commit_id, (events->0->>'n')::int FROM commits WHERE $where" . ($order ? " ORDER BY $order" : ''));
		$fault->release;
		is($result->{error} && "$result->{error}{message}: $result->{error}{detail}", undef, "$name: 200 pages under faults");
		my @rows = $order && $order eq 'commit_id DESC' ? reverse @{ $result->{rows} } : @{ $result->{rows} };
		@rows = sort { $a->[0] <=> $b->[0] } @rows if !$order;
		is(join(' ', map { "$_->[0]/$_->[1]" } @rows), join(' ', map { 1000 + $_ . "/$_" } 1 .. $count), "$name: every commit is there once" . ($order ? ', in its order' : ''));
		my @requests = $fault->events('request');
		cmp_ok(scalar @requests, '>=', 200, "$name: from 200 pages");
		$seen{ $_->{rule} }++ for grep { $_->{rule} } @requests;
	}
	cmp_ok(scalar keys %seen, '>=', 8, 'the faults were of many kinds') or diag(join ', ', %seen);
	return;
}

what_passes_is_sent_again();
what_is_throttled_is_sent_again();
what_would_fail_again_is_not();
attempts_are_counted();
the_server_may_ask_for_time();
a_pause_can_be_cancelled();
a_service_that_fails_is_not_hammered();
the_limit_is_in_the_detail();
an_endpoint_goes_and_comes_back();
a_silent_endpoint_holds_no_append_for_its_notes();
a_long_read_survives_faults();

$_->close for $other, $session;
$fault->stop;
$node->stop;
done_testing();
