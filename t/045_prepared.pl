# A transaction that has appended cannot be prepared: whoever rolled it back later would not be told that its commits stay.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->start;
my $session = Session->new($node);
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
$session->query('CREATE TABLE notes (note text)');

my $version = -1;
sub append { $version++; return "INSERT INTO commits (aggregate_id, version, events) VALUES ('a', $version, '[]');" }
sub failing { return q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]');} }
sub prepared { return scalar $session->query('SELECT count(*) FROM pg_prepared_xacts') }
sub warnings_of { my ($result) = @_; return join '|', map { $_->{message} } grep { $_->{severity} eq 'WARNING' } @{ $result->{notices} } }
my $stays = qr/\A1 commit of the rolled back transaction stays stored in DynamoDB\z/;

# Runs statements of one transaction, up to its PREPARE, and returns what became of that.
sub prepare
{
	my (@statements) = @_;
	$session->try($_) for 'BEGIN', @statements;
	return $session->try(q{PREPARE TRANSACTION 'one'});
}

for my $case ([ 'an append' ], [ 'an append, and local rows behind it', q{INSERT INTO notes VALUES ('a')} ], [ 'an append, and a savepoint that is rolled back', 'SAVEPOINT s', 'ROLLBACK TO s' ])
{
	my ($name, @behind) = @{$case};
	my $result = prepare(append(), @behind);
	is($result->{error}{sqlstate}, '0A000', "$name: cannot be prepared");
	is($result->{error}{message}, 'cannot PREPARE a transaction that has appended to dynamodb_es foreign tables', "$name: the message says why");
	like(warnings_of($result), $stays, "$name: the rollback that it becomes says what stays");
	is(prepared(), 0, "$name: nothing is left prepared");
}
is(prepare('SAVEPOINT s', append(), 'RELEASE s')->{error}{sqlstate}, '0A000', 'an append in a savepoint that is released: cannot be prepared');
is(prepare(q{DO $$ BEGIN BEGIN } . append() . q{ EXCEPTION WHEN division_by_zero THEN NULL; END; END $$})->{error}{sqlstate}, '0A000', 'an append in a block of PL/pgSQL: cannot be prepared');
is($session->query('SELECT count(*) FROM commits'), $version + 1, 'all of these commits are stored');

# What a savepoint has taken back was told then, and the transaction has nothing of it.
$session->try('BEGIN');
$session->try('SAVEPOINT s');
$session->try(append());
like(warnings_of($session->try('ROLLBACK TO s')), $stays, 'a savepoint with an append is rolled back: it says what stays');
is($session->try(q{PREPARE TRANSACTION 'one'})->{error}, undef, 'and the transaction can be prepared');
is(prepared(), 1, 'it is prepared');
is(warnings_of($session->try(q{ROLLBACK PREPARED 'one'})), '', 'nothing more is to be told when that is rolled back');
for my $case ([ 'a read' => 'SELECT count(*) FROM commits' ], [ 'rows that conflict' => 'INSERT INTO commits (aggregate_id, version, events) VALUES (\'a\', 0, \'[]\') ON CONFLICT DO NOTHING' ],
	[ 'an append that failed in a savepoint' => 'SAVEPOINT s', failing(), 'ROLLBACK TO s' ])
{
	my ($name, @statements) = @{$case};
	is(prepare(@statements)->{error}, undef, "$name: can be prepared");
	$session->query(q{COMMIT PREPARED 'one'});
}
$session->query('BEGIN; ' . append() . ' COMMIT');
is(prepare(q{INSERT INTO notes VALUES ('b')})->{error}, undef, 'a transaction behind one that has appended: can be prepared');
$session->query(q{COMMIT PREPARED 'one'});
is($session->query('SELECT count(*) FROM notes'), 1, 'and is committed');
$session->close;
done_testing();
