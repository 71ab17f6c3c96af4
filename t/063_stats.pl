# A session can see what it holds open at DynamoDB and what it has sent there, and can close what it does not use.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $session = Session->new($node);
my $user = $session->query('SELECT current_user');
my $secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
my $here = $fault->endpoint;

sub rows { return join "\n", map { join '|', map { $_ // 'NULL' } @$_ } $session->query($_[0]) }
sub connections { return rows('SELECT server_name, user_name, endpoint, region, in_flight, idle, in_use, valid FROM dynamodb_es_connections()') }
sub stats { return rows('SELECT server_name, requests, retries, throttles, read_units > 0, write_units > 0, requests_abandoned FROM dynamodb_es_stats() ORDER BY server_name') }
sub stat_of { my ($column, $server) = @_; return $session->query("SELECT $column FROM dynamodb_es_stats() WHERE server_name = '$server'") }
sub await_sockets
{
	my ($expected, $name) = @_;
	my @states;
	Session::comes(sub { (@states = $session->tcp_states($fault->port)) == $expected });
	is(scalar @states, $expected, $name);
	return;
}

$session->create_table('commits', $here);
is(connections(), '', 'a session that has sent nothing holds nothing');
is(stats(), '', 'and has no counts');
is($session->query('SELECT dynamodb_es_disconnect_all()'), 'f', 'there is nothing to close');

$session->query("ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET secret_access_key '$secret')");
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'a', n, '[]' FROM generate_series(0, 9) n});
is(connections(), "commits_server|$user|$here|us-east-1|0|1|f|t", 'a connection that is kept is idle');
unlike(rows('SELECT c FROM dynamodb_es_connections() c'), qr/\Q$secret\E|AKIDEXAMPLE/, 'keys are not shown');

# Counts are those of the requests, retries and throttles included.
{
	my %error = (status => 500, body => { __type => 'x#InternalServerError', message => 'no' });
	my %throttled = (status => 400, body => { __type => 'x#ThrottlingException', message => 'no' });
	my $before = stat_of('requests', 'commits_server');
	my $sent = stat_of('bytes_sent', 'commits_server');
	my $received = stat_of('bytes_received', 'commits_server');
	$fault->rules({ operation => 'Query', times => 1, answer => \%error }, { operation => 'Query', times => 1, answer => \%throttled });
	$session->query(q{SELECT count(version) FROM commits WHERE aggregate_id = 'a'});
	my @requests = $fault->events('request');
	is(scalar @requests, 3, 'a read with two faults takes three requests');
	is(stats(), 'commits_server|' . ($before + 3) . '|2|1|t|t|0', 'which are counted');
	my $bytes = 0;
	$bytes += $_->{size} for @requests;
	is(stat_of('bytes_sent', 'commits_server') - $sent, $bytes, 'so are the bytes of their bodies');
	cmp_ok(stat_of('bytes_received', 'commits_server') - $received, '>', 200, 'and those of the answers');

	$fault->rules({ operation => 'PutItem', times => 1, answer => \%throttled });
	my @plan = map { $_->[0] } $session->query(q{EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 10, '[]')});
	is(join(' ', map { s/^\s+//r } grep { /Requests|Retries|Throttles/ } @plan), 'Requests: 3 Retries: 1 Throttles: 1', 'EXPLAIN ANALYZE of an append shows its own');
	$fault->rules({ operation => 'Query', times => 1, answer => \%throttled });
	@plan = map { $_->[0] } $session->query(q{EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT version FROM commits WHERE aggregate_id = 'a'});
	is(join(' ', map { s/^\s+//r } grep { /Requests|Retries|Throttles/ } @plan), 'Requests: 2 Retries: 1 Throttles: 1', 'and that of a read');
	$fault->rules;
	@plan = map { $_->[0] } $session->query(q{EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT version FROM commits WHERE aggregate_id = 'a'});
	is(scalar(grep { /Retries|Throttles/ } @plan), 0, 'where there were none nothing is said');
}

# What is idle is closed; the next statement connects anew, and the counts go on.
{
	my $before = stat_of('requests', 'commits_server');
	is($session->query('SELECT dynamodb_es_disconnect_all()'), 't', 'an idle connection is closed');
	await_sockets(0, 'indeed');
	is(connections(), '', 'and not listed any more');
	is($session->query(q{SELECT count(version) FROM commits WHERE aggregate_id = 'a'}), 11, 'the next statement works');
	is(stat_of('requests', 'commits_server'), $before + 1, 'the counts outlive the connection');
}

# What a cursor reads from is in use.
{
	my $page = { body => { Items => [ { aggregateId => { S => 'a' }, version => { N => '0' } } ], LastEvaluatedKey => { aggregateId => { S => 'a' }, version => { N => '0' } } } };
	$fault->rules({ operation => 'Query', times => 1, answer => $page });
	$session->query(q{BEGIN; DECLARE c CURSOR FOR SELECT version FROM commits WHERE aggregate_id = 'a'; FETCH 1 FROM c});
	my $result = $session->try('SELECT dynamodb_es_disconnect_all()');
	is($result->{rows}[0][0], 'f', 'a connection that a cursor uses is not closed');
	like($result->{notices}[0]{message} // '', qr/"commits_server".*in use/, 'a warning says so');
	like(connections(), qr/\Acommits_server\|\Q$user\E\|\Q$here\E\|us-east-1\|\d+\|\d+\|t\|t\z/, 'it is listed as in use');
	$session->query("ALTER SERVER commits_server OPTIONS (ADD max_attempts '3')");
	like(connections(), qr/\|t\|f\z/, 'and as outdated when its server has changed');
	is($session->query('SELECT dynamodb_es_disconnect_all()'), 'f', 'and still not closed');
	is(join(' ', map { $_->[0] } $session->query('FETCH ALL FROM c')), join(' ', 1 .. 10), 'the cursor reads on to its end');
	$session->query('COMMIT');
	is(connections(), '', 'an outdated connection goes with its last user');
}

# Each server and each user's mapping has its own; a server's counts are one.
$session->create_table('other', $here);
$session->query(<<SQL);
CREATE ROLE reader;
GRANT SELECT ON commits TO reader;
CREATE USER MAPPING FOR PUBLIC SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key '$secret');
SQL
my $before = stat_of('requests', 'commits_server');
$session->query(q{SELECT count(*) FROM commits});
$session->query(q{SELECT dynamodb_es_head('other')});
$session->query(q{SET ROLE reader});
$session->query(q{SELECT count(*) FROM commits});
is(join(' ', sort split /\n/, rows('SELECT server_name, user_name FROM dynamodb_es_connections()')), join(' ', sort 'commits_server|public', "commits_server|$user", "other_server|$user"),
	'one for each server and user mapping, for everybody to see in their own session');
$session->query('RESET ROLE');
is(stat_of('requests', 'commits_server'), $before + 2, 'the requests of both mappings are counted together');
is(stat_of('requests', 'other_server'), 1, 'and those of another server by themselves');
is(rows('SELECT server_name FROM dynamodb_es_connections() WHERE in_flight > 0 OR in_use OR NOT valid'), '', 'all are idle');

# A server may be renamed or dropped.
$session->query('ALTER SERVER other_server RENAME TO renamed; DROP SERVER commits_server CASCADE');
$session->query(q{SELECT dynamodb_es_head('other')});
is(rows('SELECT server_name FROM dynamodb_es_connections()'), 'renamed', 'a connection is listed under the new name of its server');
is(rows('SELECT server_name, requests FROM dynamodb_es_stats() ORDER BY 1'), 'commits_server|' . ($before + 2) . "\nrenamed|2", 'the counts of a server that is gone stay under its last name');

# Nothing of other sessions.
my $stranger = Session->new($node);
is(scalar(my @none = $stranger->query('SELECT * FROM dynamodb_es_connections()')), 0, "another session's connections are not shown");
is(scalar(@none = $stranger->query('SELECT * FROM dynamodb_es_stats()')), 0, 'nor are its counts');

$_->close for $stranger, $session;
$fault->stop;
$node->stop;
done_testing();
