# A backend, or the whole server, may end at any moment, by SIGKILL too. What was appended is stored or it is not, nothing is there twice, and the next
# session works; a statement that waits for DynamoDB never holds up a shutdown.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use IO::Socket::INET;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off");
$node->start;

my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my %never = (connect_timeout_ms => 600000, request_timeout_ms => 600000);

# A server that never takes a connection: the backlog is full.
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my @fillers = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 8;
{
	my $session = Session->new($node);
	$session->create_table('commits', $fault->endpoint, %never);
	$session->create_table('deaf', 'http://127.0.0.1:' . $full->sockport, %never);
	$session->query(q{SELECT dynamodb_es_create_tables('commits')});
	$session->close;
}

sub is_gone { my ($pid) = @_; return Session::comes(sub { !kill 0, $pid }) }

# A session that works, as soon as the server takes any.
sub next_session
{
	my $session;
	Session::comes(sub { $session = eval { my $new = Session->new($node); $new->query('SELECT 1'); $new } }) or die 'the server does not come back';
	return $session;
}

# What is stored of an aggregate: [[version, commit id], ...], by version.
sub stored
{
	my ($aggregate) = @_;
	my @items = grep { $_->{aggregateId}{S} eq $aggregate } $plain->scan('commits');
	return [ sort { $a->[0] <=> $b->[0] } map { [ $_->{version}{N}, $_->{commitId}{N} ] } @items ];
}

# Waits until the proxy has seen a request, and, where it holds the answer back, has that.
sub wait_for_request
{
	my ($seen, %rule) = @_;
	my $request = $fault->wait_for(event => 'request', %$seen);
	$fault->wait_for(event => 'answer', n => $request->{n}) if $rule{after};
	return;
}

# Kills the backend of a statement once the proxy holds its request, and returns when all of that is over.
sub kill_in
{
	my ($sql, $seen, $rule) = @_;
	my $observer = Session->new($node);
	my $session = Session->new($node);
	$fault->rules($rule);
	$session->send($sql);
	wait_for_request($seen, %$rule);
	kill 'KILL', $session->pid or die "kill: $!";
	$session->result;
	$observer->result;    # hangs up when the postmaster has noticed
	$fault->release;
	$fault->finish;
	$fault->rules;
	return;
}

# 1. SIGKILL during an INSERT, wherever the request is.
my $killed = 0;
for my $case (
	[ 'while its counter request is on the way', 0, 0, { operation => 'UpdateItem' }, { operation => 'UpdateItem', before => 'stall' } ],
	[ 'before it knows its commit id', 1, 0, { operation => 'UpdateItem' }, { operation => 'UpdateItem', after => 'stall' } ],
	[ 'while its put is on the way', 1, 0, { operation => 'PutItem' }, { operation => 'PutItem', before => 'stall' } ],
	[ 'while a router still holds its put', 1, 1, { operation => 'PutItem' }, { operation => 'PutItem', late => 700 } ],
	[ 'before it knows that its commit is stored', 1, 1, { operation => 'PutItem' }, { operation => 'PutItem', after => 'stall' } ])
{
	my ($name, $ids, $commits, $seen, $rule) = @$case;
	my $aggregate = 'killed ' . ++$killed;
	my $insert = "INSERT INTO commits (aggregate_id, version, events) VALUES ('$aggregate', 0, '[$killed]')";
	my $before = $plain->head;
	kill_in($insert, $seen, $rule);
	is($plain->head, $before + $ids, "a backend killed $name: " . ($ids ? 'one id is taken' : 'no id is taken'));
	is_deeply(stored($aggregate), $commits ? [ [ 0, $before + 1 ] ] : [], "a backend killed $name: its commit is " . ($commits ? 'stored once' : 'not stored'));

	my $session = next_session();
	my $again = $session->try($insert);
	is($again->{error} ? $again->{error}{sqlstate} : $again->{tag}, $commits ? '23505' : 'INSERT 0 1', "a backend killed $name: the INSERT sent again finds what is there");
	is(scalar @{ stored($aggregate) }, 1, "a backend killed $name: and then there is one commit");
	is($session->query("SELECT count(*) FROM commits WHERE aggregate_id = '$aggregate'"), 1, "a backend killed $name: the next session reads it");
	$session->close;
}

# 2. In a batch each aggregate keeps a first part of its rows.
{
	my $before = $plain->head;
	kill_in(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'batch ' || n % 2, n / 2, '[]' FROM generate_series(0, 19) n},
		{ operation => 'PutItem', rule => 'held' }, { operation => 'PutItem', name => 'held', skip => 9, before => 'stall' });
	is($plain->head, $before + 20, 'a backend killed in a batch: its ids are taken');
	my %versions = map { $_ => join ' ', map { $_->[0] } @{ stored($_) } } 'batch 0', 'batch 1';
	my $total = 0;
	for my $aggregate (sort keys %versions)
	{
		my @stored = split / /, $versions{$aggregate};
		$total += @stored;
		is("@stored", join(' ', 0 .. $#stored), "a backend killed in a batch: $aggregate has no version without the ones before it");
	}
	is($total, 9, 'a backend killed in a batch: every commit is stored that DynamoDB saw, and no other');
	my $session = next_session();
	is($session->try(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'batch ' || n % 2, n / 2, '[]' FROM generate_series(0, 19) n ON CONFLICT DO NOTHING})->{tag},
		'INSERT 0 11', 'a backend killed in a batch: sent again ON CONFLICT DO NOTHING it stores the rest');
	my %count;
	$count{ $_->{commitId}{N} }++ for $plain->scan('commits');
	is_deeply([ grep { $count{$_} > 1 } keys %count ], [], 'no commit id is there twice');
	$session->close;
}

# 3. A shutdown while statements wait for DynamoDB.
sub waiting_sessions
{
	my $observer = Session->new($node);
	my %session = map { $_ => Session->new($node) } qw(select insert cursor deaf);
	$fault->rules({ operation => 'Query', before => 'stall' }, { operation => 'PutItem', after => 'stall' }, { operation => 'Scan', bytes => 40 });
	$session{select}->send(q{SELECT * FROM commits WHERE aggregate_id = 'killed 1'});
	$fault->wait_for(operation => 'Query');
	$session{insert}->send(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('shut down', 0, '[]')});
	wait_for_request({ operation => 'PutItem' }, after => 1);
	$session{cursor}->query('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM commits');
	$session{cursor}->send('FETCH 1 FROM c');
	$fault->wait_for(operation => 'Scan');
	$session{deaf}->send('SELECT * FROM deaf');
	$session{$_}->wait_until_waiting($observer) for qw(select insert cursor deaf);
	return %session;
}

for my $mode (qw(fast immediate))
{
	my %session = waiting_sessions();
	ok($node->stop($mode), "$mode shutdown ends while statements wait for DynamoDB");
	for my $name (sort keys %session)
	{
		my $result = $session{$name}->result;
		ok($result->{ended_at}, "$mode shutdown: the session of $name is over");
		is($result->{error}{sqlstate}, '57P01', "$mode shutdown: $name is told why") if $mode eq 'fast';
	}
	$fault->release;
	$fault->finish;
	$fault->rules;
	$node->start;
	my $after = next_session();
	is($after->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'shut down'}), 1, "$mode shutdown: the commit that DynamoDB had is there once");
	is($after->try(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('shut down', 0, '[]')})->{error}{sqlstate},
		'23505', "$mode shutdown: and appends go on");
	$after->close;
	$plain->call(DeleteItem => { TableName => 'commits', Key => { aggregateId => { S => 'shut down' }, version => { N => '0' } } });
}

# 4. The postmaster is killed: no backend stays behind with a connection.
{
	my %session = waiting_sessions();
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	kill 'KILL', $postmaster or die "kill: $!";
	ok(is_gone($session{$_}->pid), "postmaster killed: the backend of $_ ends by itself") for sort keys %session;
	$fault->release;
	$fault->finish;
	$fault->rules;
	unlink $node->data_dir . '/postmaster.pid';
	$node->{_pid} = undef;
	$node->start;
	my $after = next_session();
	is($after->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'shut down'}), 1, 'postmaster killed: the next server reads on');
	$after->close;
}

# 5. A session that leaves, in good order or not, takes its requests along.
{
	my $held = { aggregateId => { S => 'a' }, version => { N => '0' } };
	my $page = { operation => 'Query', times => 1, answer => { body => { Items => [$held], LastEvaluatedKey => $held } } };
	my $session = Session->new($node);
	$fault->rules($page, { operation => 'Query', before => 'stall' });
	$session->query(q{SET cursor_tuple_fraction = 1; BEGIN; DECLARE c CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'a'; FETCH 1 FROM c});
	$fault->wait_for(operation => 'Query') for 1 .. 2;
	$session->close;
	ok(is_gone($session->pid), 'a session closed while the next page is under way ends');
	ok($fault->wait_for(event => 'closed'), 'and so does its request');

	$session = Session->new($node);
	$session->query(q{SET client_connection_check_interval = '20ms'});
	$fault->rules({ operation => 'Query', before => 'stall' });
	$session->send(q{SELECT * FROM commits WHERE aggregate_id = 'a'});
	$fault->wait_for(operation => 'Query');
	CORE::close($session->{socket});
	ok(is_gone($session->pid), 'a statement whose client is gone ends where client_connection_check_interval is set');
}

$fault->stop;
$node->stop;
done_testing();
