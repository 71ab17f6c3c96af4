# What a session knows of a foreign table it keeps from one INSERT to the next, and not for longer than it is so.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $kept_tables = 100;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_locks_per_transaction = 1000");
$node->start;

# An endpoint that takes everything; the session tokens say who has asked.
my $endpoint = Fault->new;
my $session = Session->new($node);
my $other = Session->new($node);
$session->create_table('commits', $endpoint->endpoint, max_connections => 1);
$session->query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (ADD session_token 'first'); ALTER FOREIGN TABLE commits ADD note text});

my $versions = 0;

# The requests of a statement, which may not fail.
sub requests
{
	my ($sql, $by) = @_;
	$endpoint->rules({ operation => 'UpdateItem', answer => { status => 200, body => { Attributes => { id => { N => '1000%n' } } } } },
		{ operation => 'PutItem', answer => { status => 200, body => {} } });
	($by // $session)->query($sql);
	return map { { %$_, body => decode_json($_->{body}) } } $endpoint->events('request');
}

# What the next execution of the prepared statement puts: where, and by whom.
sub put
{
	my ($by) = @_;
	my ($ids, $put) = requests('EXECUTE add(' . $versions++ . ')', $by);
	return { counter => $ids->{body}{Key}{name}{S}, table => $put->{body}{TableName}, client => $put->{client}, item => $put->{body}{Item} };
}
sub known { my ($by) = @_; return scalar(($by // $session)->query(q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'dynamodb_es table'})) }

my $prepare = q{PREPARE add AS INSERT INTO commits (aggregate_id, version, events, note) VALUES ('a', $1, '[]', 'n')};
$session->query($prepare);
is(put()->{table}, 'commits', 'a prepared INSERT');
is(known(), 1, 'what it knows of the table stays');
put() for 1 .. 3;
is(known(), 1, 'and serves the next ones');

note 'the table';
$session->query(q{BEGIN; ALTER FOREIGN TABLE commits OPTIONS (ADD commit_table 'moved', ADD counter 'moved')});
is_deeply([ @{ put() }{qw(table counter)} ], [ 'moved', 'moved' ], 'options that its own transaction has changed');
$session->query(q{SAVEPOINT s; ALTER FOREIGN TABLE commits OPTIONS (SET commit_table 'further')});
is(put()->{table}, 'further', 'and changed again');
$session->query('ROLLBACK TO s');
is(put()->{table}, 'moved', 'a subtransaction that is rolled back');
$session->query('ROLLBACK');
is_deeply([ @{ put() }{qw(table counter)} ], [ 'commits', 'commits' ], 'and a transaction');
$other->query(q{ALTER FOREIGN TABLE commits OPTIONS (ADD commit_table 'elsewhere')});
is(put()->{table}, 'elsewhere', 'options that another session has changed');
$other->query(q{ALTER FOREIGN TABLE commits OPTIONS (DROP commit_table)});

note 'its columns';
$session->query(q{ALTER FOREIGN TABLE commits ALTER note OPTIONS (ADD attribute 'remark')});
is_deeply(put()->{item}{remark}, { S => 'n' }, 'another attribute');
$other->query(q{ALTER FOREIGN TABLE commits ALTER note OPTIONS (DROP attribute)});
is_deeply(put()->{item}{note}, { S => 'n' }, 'by another session');
$session->query(q{ALTER FOREIGN TABLE commits RENAME note TO words});
is_deeply((requests(q{INSERT INTO commits (aggregate_id, version, events, words) VALUES ('a', 1, '[]', 'n')}))[1]{body}{Item}{words}, { S => 'n' }, 'another name');
$session->query(q{ALTER FOREIGN TABLE commits RENAME words TO note; ALTER FOREIGN TABLE commits ALTER version TYPE integer});
is($session->try('EXECUTE add(3000000000)')->{error}{sqlstate}, '22003', 'another type');
$session->query(q{ALTER FOREIGN TABLE commits ALTER version TYPE bigint; ALTER FOREIGN TABLE commits ADD more text DEFAULT 'm'});
is_deeply(put()->{item}{more}, { S => 'm' }, 'one more');
$session->query(q{ALTER FOREIGN TABLE commits DROP more});
is(put()->{item}{more}, undef, 'one less');
$session->query(q{ALTER FOREIGN TABLE commits RENAME aggregate_id TO other_id});
is($session->try(q{INSERT INTO commits (other_id, version, events) VALUES ('a', 1, '[]')})->{error}{sqlstate}, 'HV005', 'none for the aggregate');
$session->query(q{ALTER FOREIGN TABLE commits RENAME other_id TO aggregate_id});

note 'its server';
my $many = q{INSERT INTO commits (aggregate_id, version, events) SELECT 'many', n, '[]' FROM generate_series(1, 8) n};
my $batches = sub { return scalar grep { $_->{operation} eq 'UpdateItem' } requests($many) };
is($batches->(), 1, 'one batch');
$session->query(q{BEGIN; ALTER SERVER commits_server OPTIONS (ADD batch_size '2')});
is($batches->(), 4, 'as its own transaction has changed');
$session->query('ROLLBACK');
is($batches->(), 1, 'and rolled back');
$other->query(q{ALTER SERVER commits_server OPTIONS (ADD batch_size '4')});
is($batches->(), 2, 'as another session has changed');
$session->query(<<'SQL');
CREATE FUNCTION change(n bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	EXECUTE format('ALTER SERVER commits_server OPTIONS (SET batch_size ''%s'')', n + 10);
	EXECUTE format('ALTER FOREIGN TABLE commits_of_nobody OPTIONS (SET counter ''c%s'')', n);
	RETURN n;
END $$;
CREATE FOREIGN TABLE commits_of_nobody (aggregate_id text, version bigint, commit_id bigint, events jsonb) SERVER commits_server OPTIONS (counter 'c');
SQL
is(scalar(grep { $_->{operation} eq 'PutItem' && $_->{body}{TableName} eq 'commits' }
			requests(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'changing', change(n), '[]' FROM generate_series(1, 50) n})),
	50, 'a server that is changed at each row of a statement');
is(known(), 0, 'what it knew is gone with the statement');
$other->query(q{ALTER SERVER commits_server OPTIONS (DROP batch_size)});

note 'who';
is(put()->{client}, 'first', 'the keys of the mapping');
$session->query(q{BEGIN; ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET session_token 'second')});
is(put()->{client}, 'second', 'as its own transaction has replaced them');
$session->query('ROLLBACK');
is(put()->{client}, 'first', 'and rolled back');
$other->query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET session_token 'third')});
is(put()->{client}, 'third', 'as another session has');
$session->query(<<'SQL');
CREATE ROLE clerk;
GRANT INSERT ON commits TO clerk;
GRANT USAGE ON FOREIGN SERVER commits_server TO clerk;
CREATE USER MAPPING FOR clerk SERVER commits_server OPTIONS (access_key_id 'AKIDCLERK', secret_access_key 'clerk-secret', session_token 'clerk');
CREATE VIEW shown AS SELECT * FROM commits;
GRANT INSERT ON shown TO clerk;
PREPARE by_view AS INSERT INTO shown (aggregate_id, version, events) VALUES ('view', $1, '[]');
SQL
$session->query('SET ROLE clerk');
is(put()->{client}, 'clerk', 'a role takes its own');
is((requests('EXECUTE by_view(1)'))[1]{client}, 'third', 'a view its owner\'s');
$session->query('RESET ROLE');
is(put()->{client}, 'third', 'and back');
$session->query('REVOKE INSERT ON commits FROM clerk; SET ROLE clerk');
is($session->try('EXECUTE add(99)')->{error}{sqlstate}, '42501', 'rights are asked each time');
$session->query('RESET ROLE; DROP USER MAPPING FOR clerk SERVER commits_server; GRANT INSERT ON commits TO clerk; SET ROLE clerk');
is($session->try('EXECUTE add(99)')->{error}{sqlstate}, '42704', 'and the mapping');
$session->query('RESET ROLE');

note 'another table of that name';
$session->query(q{DROP VIEW shown; BEGIN; DROP FOREIGN TABLE commits;
	CREATE FOREIGN TABLE commits (commit_id bigint, aggregate_id text, version bigint, note text, events jsonb) SERVER commits_server OPTIONS (commit_table 'new')});
is(put()->{table}, 'new', 'made in its own transaction');
$session->query('ROLLBACK');
is(put()->{table}, 'commits', 'which is rolled back');

note 'many tables';
my $tables = 3 * $kept_tables;
$session->query("DO \$\$BEGIN FOR n IN 1 .. $tables LOOP EXECUTE format('CREATE FOREIGN TABLE t%s (aggregate_id text, version bigint, commit_id bigint, events jsonb) SERVER commits_server OPTIONS (commit_table ''table%s'')', n, n); END LOOP; END\$\$");
my $insert = sub { return "INSERT INTO t$_[0] (aggregate_id, version, events) VALUES ('a', 0, '[]')" };
$session->query('EXPLAIN ' . $insert->($_)) for 1 .. $tables;    # it looks at the table, and sends nothing
is(known(), $kept_tables, 'few are kept of many');
is((requests($insert->($_)))[1]{body}{TableName}, "table$_", "table $_ is itself") for 1, $tables, $tables - $kept_tables, 2;
is(known(), $kept_tables, 'and no more');

$endpoint->stop;
$node->stop;
done_testing();
