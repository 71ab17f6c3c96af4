# dynamodb_es_expect: a whole SQL transaction, local tables included, decides by a store's state and appends, or does neither.
# Engine: local
# (it has transactions)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Interrupt;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Workers;


my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $admin = Session->new($node);
my $columns = '(commit_id bigint, aggregate_id text, version bigint, events jsonb)';
$admin->create_table('direct', $ENV{DYNAMODB_ENDPOINT});
$admin->create_table('far', $fault->endpoint, max_attempts => 1);
$admin->query("CREATE FOREIGN TABLE orders $columns SERVER far_server OPTIONS (append_mode 'dense', append_at 'commit')");
$admin->query("CREATE FOREIGN TABLE again $columns SERVER far_server OPTIONS (append_mode 'dense', append_at 'commit')");
$admin->query("CREATE FOREIGN TABLE others $columns SERVER far_server OPTIONS (append_mode 'dense', append_at 'commit', counter 'others')");
$admin->query("CREATE FOREIGN TABLE at_once $columns SERVER far_server OPTIONS (append_mode 'dense')");
$admin->query(q{SELECT dynamodb_es_create_tables('direct')});
$admin->query('CREATE TABLE notes (note text)');

my $session = Session->new($node);
sub insert { my ($aggregate) = @_; return "INSERT INTO orders (aggregate_id, version, events) VALUES ('$aggregate', 0, '[]')" }
sub expect { my ($head, $table) = @_; return "SELECT dynamodb_es_expect('" . ($table // 'orders') . "', $head)" }
sub come { my ($aggregate) = @_; return scalar $admin->query("INSERT INTO direct (aggregate_id, version, events) VALUES ('$aggregate', 0, '[]')") }
sub stored { my ($aggregate) = @_; return scalar $admin->query("SELECT count(*) FROM direct WHERE aggregate_id = '$aggregate'") }
sub note_ { my ($note) = @_; return "INSERT INTO notes VALUES ('$note')" }
sub noted { my ($note) = @_; return scalar $admin->query("SELECT count(*) FROM notes WHERE note = '$note'") }

# A transaction of these statements: what the first that fails says, or nothing.
sub transaction
{
	my (@statements) = @_;
	$fault->rules;
	for my $statement ('BEGIN', @statements, 'COMMIT')
	{
		my $error = ref $statement ? $statement->() && undef : $session->try($statement)->{error};
		next if !$error;
		$session->try('ROLLBACK') if $statement ne 'COMMIT';
		return $error;
	}
	return { sqlstate => '' };
}

# All or nothing.
is(transaction(expect(0), note_('first'), insert('first'))->{sqlstate}, '', 'an empty store');
is(join(' ', $fault->operations), 'TransactWriteItems', 'is one request: the counter\'s value is known');
is(stored('first') . noted('first'), '11', 'both parts are done');
{
	my $error = transaction(expect(1), note_('moved'), insert('moved'), sub { come('meanwhile'); 1 });
	is($error->{sqlstate}, '40001', 'something came meanwhile');
	is($error->{message}, 'the last commit id of foreign table "orders" is not 1 any more', 'which it says');
	is($error->{detail}, 'It is 2. Nothing of this transaction was appended.', 'and where it is');
	is(join(' ', $fault->operations), 'TransactWriteItems', 'after one request');
	is(stored('moved') . noted('moved'), '00', 'neither part is done');
}
is(transaction(insert('after'), expect(2))->{sqlstate}, '', 'it may be said after the rows');
is(transaction(expect(3), insert('twice'), insert('thrice'), expect(3, 'again'))->{sqlstate}, '', 'and twice, by any table of the store');
{
	my $error = transaction(expect(3), insert('x'));
	is($error->{sqlstate}, '40001', 'an old one is refused');
	$error = transaction(expect(9), insert('x'));
	is($error->{sqlstate}, '55000', 'one that is not reached, too');
	is($error->{message}, 'foreign table "orders" has not reached the position 9', 'which is another thing');
	$error = transaction(expect(5), expect(4), insert('x'));
	is($error->{sqlstate}, '40001', 'two of one transaction cannot both hold');
	like($error->{message}, qr/cannot be both 5 and 4\z/, 'which it says');
	is(join(' ', $fault->operations), '', 'before anything is sent');
	$error = transaction(expect(5), sub { come('first of all'); 1 }, insert('first'));
	is($error->{sqlstate}, '40001', 'a version that is taken, and something came: the latter is said');
	$error = transaction(expect(6), insert('first'));
	is($error->{sqlstate}, '23505', 'a version that is taken, and nothing came');
}

# Without rows the counter is looked at.
is(transaction(expect(6), note_('only'))->{sqlstate}, '', 'a transaction that appends nothing');
is(join(' ', $fault->operations), 'GetItem', 'looks at the counter');
is(transaction(expect(5), note_('not'))->{sqlstate}, '40001', 'which has to be there');
is(noted('only') . noted('not'), '10', 'and decides about the local part');

# Savepoints.
is(transaction('SAVEPOINT s', expect(1), 'ROLLBACK TO s', insert('rolled back'))->{sqlstate}, '', 'what a savepoint takes back is not expected any more');
is(transaction('SAVEPOINT s', expect(1), 'RELEASE s', insert('released'))->{sqlstate}, '40001', 'what it has released is');
is(transaction(expect(7), 'SAVEPOINT s', expect(7), insert('x'), 'ROLLBACK TO s', insert('outer'), sub { come('in between'); 1 })->{sqlstate}, '40001', 'what was said before it stays');
is(transaction('SAVEPOINT s', expect(1), 'ROLLBACK TO s', note_('none'))->{sqlstate}, '', 'with nothing left there is nothing to do');
is(join(' ', $fault->operations), '', 'and nothing is sent');
is($session->try(expect(1))->{error}{sqlstate}, '40001', 'a statement alone is a transaction');
is($session->try(insert('next'))->{tag}, 'INSERT 0 1', 'and the next one knows nothing of it');

# What cannot be.
for (
	[ 'no table', 'SELECT dynamodb_es_expect(NULL, 1)', '22023' ], [ 'no head', expect('NULL'), '22023' ], [ 'below 0', expect(-1), '22023' ],
	[ 'a local table', expect(1, 'notes'), '42809' ], [ 'rows that do not wait', expect(1, 'at_once'), '0A000' ], [ 'not dense', expect(1, 'direct'), '0A000' ])
{
	my ($name, $statement, $sqlstate) = @$_;
	is($session->try($statement)->{error}{sqlstate}, $sqlstate, "$name: $sqlstate");
}
is(transaction(expect(1), expect(1, 'others'))->{sqlstate}, '0A000', 'two stores');
is(transaction('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', expect(1))->{sqlstate}, '0A000', 'SERIALIZABLE');
{
	$admin->query('CREATE ROLE nobody');
	$admin->query(q{CREATE USER MAPPING FOR nobody SERVER far_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret')});
	is(transaction('SET LOCAL ROLE nobody', expect(1))->{sqlstate}, '42501', 'who may not read the table');
}

# The wait at the commit can be ended, and a lost answer is told of.
ends_at_once(
	$node, $admin, 'COMMIT, silent at the counter',
	seen => 1, before => 'BEGIN; ' . expect(9), sql => 'COMMIT', works => [ 'SELECT 1', 1 ],
	prepare => sub { $fault->rules({ operation => 'GetItem', name => 'caught', before => 'stall' }) },
	reached => sub { $fault->wait_for(operation => 'GetItem', rule => 'caught') },
	detail => qr/\A\z/);
{
	my $head = $plain->head;
	$fault->rules;
	$session->query('BEGIN');
	$session->query(expect($head));
	$session->query(insert('lost'));
	$session->query(note_('lost'));
	$fault->rules({ operation => 'TransactWriteItems', after => 'reset' });
	is($session->try('COMMIT')->{error}{sqlstate}, '08007', 'a lost answer leaves it unknown');
	is(stored('lost') . noted('lost'), '10', 'what became of it');
}

# Several sessions decide by a local table, which follows the store: none of them decides by an old state.
{
	$admin->query('CREATE TABLE state (head bigint, total bigint)');
	$admin->query('INSERT INTO state VALUES (' . $plain->head . ', 0)');
	my $before = $plain->head;
	$fault->rules;
	my $workers = Workers->new($fault);
	for my $i (1 .. 6)
	{
		$workers->start("worker-$i" => sub {
			my $own = Session->new($node);
			my @told;
			for my $n (1 .. 8)
			{
				my $result = $own->try("BEGIN; SELECT dynamodb_es_expect('orders', head) FROM state;"
					. "INSERT INTO orders (aggregate_id, version, events) SELECT 'counted', total, '[]' FROM state; UPDATE state SET head = head + 1, total = total + 1; COMMIT");
				push @told, $result->{error} ? $result->{error}{sqlstate} : '';
				$own->try('ROLLBACK') if $result->{error};
			}
			return \@told;
		});
	}
	my %returned = $workers->finish;
	my @told = map { @$_ } values %returned;
	my $done = grep { $_ eq '' } @told;
	cmp_ok($done, '>', 0, 'transactions are done');
	is(join(' ', grep { $_ !~ /\A(?:|40001|23505)\z/ } @told), '', 'or refused');
	is($plain->head, $before + $done, 'the store has as many commits more');
	is(scalar $admin->query("SELECT head - $before || ' ' || total FROM state"), "$done $done", 'and so has the local table');
}

$fault->stop;
$node->stop;
done_testing();
