# Servers and user mappings may change while a session uses them: what is running goes on as it began, and the next statement
# goes by the new settings.
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
my $other = Session->new($node);
my $session = Session->new($node);

$other->create_table('commits', $fault->endpoint);
$other->query(q{SELECT dynamodb_es_create_tables('commits')});
$other->query(qq{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', $_, '[]')}) for 0 .. 3;

# One commit on each page, so that an open cursor has requests left to send.
sub page
{
	my ($version) = @_;
	my %body = (Items => [ { aggregateId => { S => 'a' }, version => { N => "$version" } } ]);
	$body{LastEvaluatedKey} = { aggregateId => { S => 'a' }, version => { N => "$version" } } if $version < 3;
	return { operation => 'Query', times => 1, answer => { body => \%body } };
}
my $select = q{SELECT version FROM commits WHERE aggregate_id = 'a'};
my $gone = { operation => 'Query', answer => { status => 500, body => 'not here any more' } };

sub with_cursor_open
{
	my ($name, $changer, $change, $undo, $next) = @_;
	$fault->rules((map { page($_) } 0 .. 3), $gone);
	$session->query("BEGIN; DECLARE c CURSOR FOR $select");
	is($session->query('FETCH 1 FROM c'), 0, "$name: a cursor is open");
	$changer->query($change);
	$next->("$name, in the same transaction");
	is(join(' ', map { $_->[0] } $session->query('FETCH ALL FROM c')), '1 2 3', "$name: the cursor goes on as it began");
	$session->query('COMMIT');
	$next->("$name, after it");
	$changer->query($undo);
	$fault->rules;
	is(scalar(my @rows = $session->query($select)), 4, "$name: and back again");
	return;
}

my $engine = $ENV{DYNAMODB_ENDPOINT};
my $here = $fault->endpoint;
for my $changer ([ 'another session', $other ], [ 'the same session', $session ])
{
	with_cursor_open("ALTER SERVER in $changer->[0]", $changer->[1],
		"ALTER SERVER commits_server OPTIONS (SET endpoint '$engine')",
		"ALTER SERVER commits_server OPTIONS (SET endpoint '$here')",
		sub { is(scalar(my @rows = $session->query($select)), 4, "$_[0]: the next statement goes to the new endpoint") });

	with_cursor_open("ALTER USER MAPPING in $changer->[0]", $changer->[1],
		q{ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET access_key_id 'AKIDNEW')},
		q{ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET access_key_id 'AKIDEXAMPLE')},
		sub {
			$fault->rules({ match => 'Credential=AKIDNEW/', answer => { body => { Items => [] } } }, map { page($_) } 1 .. 3);
			is(scalar(my @rows = $session->query($select)), 0, "$_[0]: the next statement uses the new keys");
		});

	with_cursor_open("DROP USER MAPPING in $changer->[0]", $changer->[1],
		'DROP USER MAPPING FOR CURRENT_USER SERVER commits_server',
		q{CREATE USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret')},
		sub {
			$session->query('SAVEPOINT s') if $_[0] =~ /same transaction/;
			is($session->try($select)->{error}{sqlstate}, '42704', "$_[0]: the next statement has no user mapping");
			$session->query('ROLLBACK TO s') if $_[0] =~ /same transaction/;
		});
}

# A change that is rolled back was never one.
$session->query("BEGIN; ALTER SERVER commits_server OPTIONS (SET endpoint 'http://127.0.0.1:1')");
is($session->try($select)->{error}{sqlstate}, 'HV00N', 'a change holds in its own transaction');
$session->query('ROLLBACK');
is(scalar(my @rows = $session->query($select)), 4, 'and ends with it');

# What an open cursor reads cannot be dropped under it; its server can, in no way but with it.
$fault->rules((map { page($_) } 0 .. 3), $gone);
$session->query("BEGIN; DECLARE c CURSOR FOR $select; FETCH 1 FROM c; SAVEPOINT s");
for my $drop ('DROP FOREIGN TABLE commits', 'DROP SERVER commits_server CASCADE', 'DROP EXTENSION dynamodb_es CASCADE')
{
	is($session->try($drop)->{error}{sqlstate}, '55006', "$drop is refused under an open cursor");
	$session->query('ROLLBACK TO s');
}
is(scalar(@rows = $session->query('FETCH ALL FROM c')), 3, 'the cursor goes on');
$session->query('COMMIT');

# Another session's DROP waits for the cursor.
$fault->rules((map { page($_) } 0 .. 3), $gone);
$session->query("BEGIN; DECLARE c CURSOR FOR $select; FETCH 1 FROM c");
$other->query('BEGIN');
$other->send('DROP SERVER commits_server CASCADE');
is(scalar(@rows = $session->query('FETCH ALL FROM c')), 3, 'a cursor goes on while another session waits to drop its server');
$session->query('COMMIT');
is($other->result->{error}, undef, 'which it then can');
$other->query('ROLLBACK');
$fault->rules;
is(scalar(@rows = $session->query($select)), 4, 'and when it did not, all is as before');

# Wrong keys, put right in the same session.
my $wrong = { status => 400, body => { __type => 'com.amazon.coral.service#UnrecognizedClientException', message => 'The security token is invalid.' } };
$fault->rules({ match => 'Credential=AKIDWRONG/', answer => $wrong });
$session->query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET access_key_id 'AKIDWRONG')});
is($session->try($select)->{error}{sqlstate}, '28000', 'wrong keys are rejected');
$session->query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET access_key_id 'AKIDEXAMPLE')});
is(scalar(@rows = $session->query($select)), 4, 'and the right ones work in the same session');

# A prepared statement goes by the settings of its execution, and changes do not gather descriptors.
$session->query("PREPARE p AS $select");
my $before;
for my $round (1 .. 50)
{
	$session->query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET access_key_id 'AKID} . $round . q{')});
	$fault->rules({ match => "Credential=AKID$round/", answer => { body => { Items => [] } } });
	is(scalar(@rows = $session->query('EXECUTE p')), 0, 'a prepared statement uses the new keys') if $round <= 2;
	$session->query('EXECUTE p');
	$before //= $session->descriptors;
}
is(scalar $session->descriptors, $before, 'fifty changes leave no descriptor behind');

$fault->stop;
$node->stop;
done_testing();
