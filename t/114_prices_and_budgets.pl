# What may be read in a transaction, and what it may have cost in money: settings that every session knows, and that a pooler's DISCARD ALL takes back.
#
# Engine: none
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
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dynamodb_es'\nautovacuum = off");
$node->start;

my $fault = Fault->new;
my $session = Session->new($node);

# In a session that has used nothing of the extension, in a database that does not have it.
my %default = (read_budget => '0', transaction_read_budget => '0', price_per_million_read_units => '0', price_per_million_write_units => '0', log_min_units => '-1', workers => '');
is($session->query("SHOW dynamodb_es.$_"), $default{$_}, "SHOW dynamodb_es.$_ in a new session") for sort keys %default;
$session->query('CREATE ROLE app');
$session->query('SET ROLE app; ALTER ROLE app SET dynamodb_es.transaction_read_budget = 7; RESET ROLE');
is($session->try('SET dynamodb_es.transaction_read_budget = -1')->{error}{sqlstate}, '22023', 'a bad value is refused');

# A page costs 10 units.
$session->create_table('commits', $fault->endpoint);
my @page = (Items => [ { aggregateId => { S => 'a' }, version => { N => '0' } } ], Count => 1, ScannedCount => 1, ConsumedCapacity => { CapacityUnits => 10 });
$fault->rules(
	{ operation => 'Query', match => '"S":"empty"', answer => { body => { Items => [], Count => 0, ScannedCount => 0, ConsumedCapacity => { CapacityUnits => 0.5 } } } },
	{ operation => 'Query', answer => { body => {@page} } },
	{ operation => 'UpdateItem', answer => { body => { Attributes => { id => { N => '7' } }, ConsumedCapacity => { CapacityUnits => 1 } } } },
	{ operation => 'PutItem', answer => { body => { ConsumedCapacity => { CapacityUnits => 3 } } } });
my $read = q{SELECT version FROM commits WHERE aggregate_id = 'a'};
sub requests { return scalar $fault->operations }

# 1. The budget of a transaction.
$session->query('SET dynamodb_es.transaction_read_budget = 25');
$session->query("BEGIN; $read; $read");
my $error = $session->try($read)->{error};
is("$error->{sqlstate} $error->{message} $error->{detail}", '53400 transaction has used up its read budget It has read 30.0 capacity units; dynamodb_es.transaction_read_budget is 25.', 'statements of a transaction are added up');
$session->query('ROLLBACK');
$session->query($read) for 1 .. 3;
pass('statements outside of a transaction are each their own');
$session->query("BEGIN; $read; $read; COMMIT; BEGIN; $read; $read; COMMIT");
pass('each transaction begins anew');
$session->query("BEGIN; $read; $read; SAVEPOINT s");
is($session->try($read)->{error}{sqlstate}, '53400', 'within a savepoint');
$session->query('ROLLBACK TO s');
my $sent = requests();
is($session->try($read)->{error}{sqlstate}, '53400', 'a savepoint does not bring back what was read');
is(requests(), $sent, 'where nothing is left nothing is asked for');
$session->query('ROLLBACK');
is($session->try(qq{DO \$\$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM version FROM commits WHERE aggregate_id = 'a'; END LOOP; END \$\$})->{error}{sqlstate}, '53400', 'statements of a function are added up');
$session->query(qq{DO \$\$ BEGIN FOR i IN 1 .. 4 LOOP PERFORM version FROM commits WHERE aggregate_id = 'a'; COMMIT; END LOOP; END \$\$});
pass('a procedure that commits begins anew');
$session->query('SET dynamodb_es.read_budget = 5');
like($session->try("BEGIN; $read")->{error}{detail}, qr/dynamodb_es\.read_budget is 5\./, 'the budget of a statement holds beside it');
$session->query('ROLLBACK; SET dynamodb_es.read_budget = 15');
$session->query($_) for 'BEGIN', $read, $read;
like($session->try($read)->{error}{detail}, qr/dynamodb_es\.transaction_read_budget is 25\./, 'and the other way round');
$session->query('ROLLBACK; RESET dynamodb_es.read_budget');
$session->query("BEGIN; $read; $read; SET LOCAL dynamodb_es.transaction_read_budget = 100; $read; COMMIT");
is($session->query('SHOW dynamodb_es.transaction_read_budget'), '25', 'it can be raised meanwhile, for the transaction');

# 2. A pooler's DISCARD ALL.
$session->query('SET dynamodb_es.read_budget = 5; SET dynamodb_es.price_per_million_read_units = 1');
$session->query("DISCARD ALL");
is(join(' ', map { scalar $session->query("SHOW dynamodb_es.$_") } qw(read_budget transaction_read_budget price_per_million_read_units)), '0 0 0', 'DISCARD ALL takes settings back');
$session->query("BEGIN; $read; $read; $read; COMMIT");
$session->query('SET dynamodb_es.transaction_read_budget = 25');
$session->query($read);
pass('what was read before does not count for who comes next');
$session->query('RESET dynamodb_es.transaction_read_budget');

# 3. Prices.
my $insert = q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]')};
sub price { my ($sql) = @_; return join ' ', map { $_->[0] =~ /Estimated Price: (\S+)/ ? $1 : () } $session->query("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $sql") }
is(price($read), '', 'without a price there is no estimate');
is($session->query('SELECT count(*) FROM dynamodb_es_stat WHERE estimated_price IS NOT NULL'), 0, 'nor in the view');
$session->query('SET dynamodb_es.price_per_million_read_units = 0.25; SET dynamodb_es.price_per_million_write_units = 1.25');
is(price($read), '0.000002500', 'EXPLAIN ANALYZE shows that of a read');
is(price($insert), '0.000005000', 'and of an append, the counter included');
is(price($read =~ s/'a'/'empty'/r), '0.000000125', 'half a unit, too');
is($session->query("EXPLAIN (COSTS OFF) $read") =~ /Price/ ? 1 : 0, 0, 'plain EXPLAIN does not know it');
is($session->query('SELECT bool_and(abs(estimated_price - (read_units * 0.25 + write_units * 1.25) / 1e6) < 1e-12) FROM dynamodb_es_stat'), 't', 'the view shows those of its rows');
$session->query('SELECT dynamodb_es_stat_reset(); SET compute_query_id = on');
$session->query("$read; $read");
is($session->query('SELECT estimated_price FROM dynamodb_es_stat_statements'), '5e-06', 'and the view of statements');
$session->query('SET dynamodb_es.price_per_million_read_units = 0');
is(price($read), '0.000000000', 'a price that is not set counts as nothing');

$fault->stop;
$node->stop;
done_testing();
