# A transaction that appends at its commit sends one request for all of it, then and not before; it waits for that as any statement does, and
# where it cannot know whether the request was carried out it says so, and can be repeated.
# Engine: local
# (it has transactions)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use Interrupt;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{shared_preload_libraries = 'dynamodb_es'});
$node->start;

my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $observer = Session->new($node);

$observer->create_table('direct', $ENV{DYNAMODB_ENDPOINT});
$observer->create_table('deferred', $fault->endpoint);
# One attempt, so that a fault is not mended by the next one.
$observer->create_table('faulty', $fault->endpoint, max_attempts => 1);
for my $table (qw(deferred faulty))
{
	$observer->query("ALTER FOREIGN TABLE $table ADD COLUMN token text");
	$observer->query("ALTER FOREIGN TABLE $table OPTIONS (ADD append_mode 'dense', ADD append_at 'commit', ADD append_token 'token')");
}
$observer->query(q{SELECT dynamodb_es_create_tables('direct')});
$observer->query('CREATE TABLE notes (note text)');
$observer->query('CREATE TABLE parents (id int PRIMARY KEY)');
$observer->query('CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)');

sub insert
{
	my ($aggregate, $versions, $table) = @_;
	$table //= 'deferred';
	return "INSERT INTO $table (aggregate_id, version, events) SELECT '$aggregate', v, '[]' FROM generate_series($versions) v";
}
sub stored { my ($aggregate) = @_; return scalar $observer->query("SELECT count(*) FROM direct WHERE aggregate_id = '$aggregate'") }
sub notes { return scalar $observer->query('SELECT count(*) FROM notes') }
sub requests { return join ' ', $fault->operations }

# Requests: none before the commit, one for it, none for what is rolled back.
my $session = Session->new($node);
$session->query('BEGIN');
$session->query(insert('a', '0, 9'));
is(requests(), '', 'an INSERT sends nothing');
$session->query('COMMIT');
is(requests(), 'GetItem TransactWriteItems', 'the first commit of a session asks for the counter');
is(stored('a'), 10, 'and stores all');

$fault->rules;
$session->query('BEGIN');
$session->query(insert('a', '10, 59'));
$session->query('SAVEPOINT one');
$session->query(insert('b', '0, 19'));
$session->query('RELEASE one');
$session->query(q{INSERT INTO deferred (aggregate_id, version, events) VALUES ('c', 0, '[]')});
$session->query('SAVEPOINT two');
$session->query(q{INSERT INTO deferred (aggregate_id, version, events) VALUES ('c', 1, '[]')});
$session->query('ROLLBACK TO two');
$session->query('COMMIT');
is(requests(), 'TransactWriteItems', 'then several statements of many rows are one request');
is(join(' ', map { stored($_) } qw(a b c)), '60 20 1', 'and all of them are stored');

$fault->rules;
$session->query(insert('a', '60, 61'));
is(requests(), 'TransactWriteItems', 'a statement alone is one request too');

$fault->rules;
$session->query('BEGIN');
$session->query(insert('d', '0, 9'));
$session->query('ROLLBACK');
$session->query('BEGIN');
$session->query('SAVEPOINT one');
$session->query(insert('d', '0, 9'));
$session->query('ROLLBACK TO one');
$session->query('COMMIT');
$session->query('BEGIN');
$session->query(insert('d', '0, 9'));
$session->query('INSERT INTO children VALUES (1)');
is($session->try('COMMIT')->{error}{sqlstate}, '23503', 'a deferred constraint fails');
is(requests(), '', 'what is rolled back, or fails before, sends nothing');

$fault->rules;
$session->query('BEGIN');
$session->query(q{INSERT INTO deferred (aggregate_id, events) VALUES ('a', '[]'), ('a', '[]')});
is(requests(), '', 'nor does a version left out');
$session->query('COMMIT');
is(requests(), 'Query TransactWriteItems', 'which is looked for at the commit');
is(stored('a'), 64, 'and found');

$fault->rules;
$session->query('BEGIN');
$session->query(insert('d', '0, 1'));
$session->query(insert('a', '0, 0'));
my $error = $session->try('COMMIT')->{error};
is($error->{sqlstate}, '23505', 'a conflict comes up at the commit');
like($error->{detail}, qr/aggregate "a", version 0\./, 'and says which it is');
is(requests(), 'TransactWriteItems', 'it takes one request as well');
is(stored('d'), 0, 'and nothing of the transaction is stored');

# The keys are those of the user who inserts, whoever commits.
$observer->query('CREATE ROLE writer');
$observer->query('GRANT INSERT ON deferred TO writer');
$observer->query(q{CREATE USER MAPPING FOR writer SERVER deferred_server
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret', session_token 'of-the-writer')});
$fault->rules;
$session->query('BEGIN');
$session->query('SET LOCAL ROLE writer');
$session->query(insert('writer', '0, 0'));
$session->query('RESET ROLE');
$session->query('COMMIT');
is(join(' ', map { $_->{client} // 'none' } $fault->events('request')), 'of-the-writer of-the-writer', 'requests are signed for who inserts');

# They are those that the mapping has at the commit: while rows wait, a token may expire and be replaced.
my $mapping = 'ALTER USER MAPPING FOR CURRENT_USER SERVER deferred_server OPTIONS';
my $expired = { status => 400, body => { __type => 'com.amazon.coral.service#ExpiredTokenException', message => 'The security token included in the request is expired' } };
my %meanwhile = (nothing => 'SELECT 1', select => 'SELECT count(*) FROM deferred', insert => insert('insert', '1, 1'));
$observer->query("$mapping (ADD session_token 'outdated')");
for my $meanwhile (sort keys %meanwhile)
{
	$observer->query("$mapping (SET session_token 'outdated')");
	$fault->rules({ match => 'outdated', answer => $expired });
	$session->query('BEGIN');
	$session->query(insert($meanwhile, '0, 0'));
	$observer->query("$mapping (SET session_token 'current')");
	$session->query($meanwhile{$meanwhile});
	my $result = $session->try('COMMIT');
	is($result->{error} ? $result->{error}{message} : 'success', 'success', "keys replaced while rows wait, meanwhile: $meanwhile");
}
is(join(' ', map { stored($_) } sort keys %meanwhile), '2 1 1', 'they are stored');

# But it must be the same store, by the same mapping.
my $server = 'ALTER SERVER deferred_server OPTIONS';
my $keys = q{OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret')};
for (
	[ 'another endpoint', "$server (SET endpoint '$ENV{DYNAMODB_ENDPOINT}')", '55000', "$server (SET endpoint '@{[ $fault->endpoint ]}')" ],
	[ 'another region', "$server (SET region 'eu-west-1')", '55000', "$server (SET region 'us-east-1')" ],
	[ 'no mapping', 'DROP USER MAPPING FOR CURRENT_USER SERVER deferred_server', '42704', "CREATE USER MAPPING FOR CURRENT_USER SERVER deferred_server $keys" ],
	[ 'another mapping', "DROP USER MAPPING FOR CURRENT_USER SERVER deferred_server; CREATE USER MAPPING FOR CURRENT_USER SERVER deferred_server $keys", '55000', 'SELECT 1' ])
{
	my ($name, $change, $sqlstate, $back) = @$_;
	$fault->rules;
	$session->query('BEGIN');
	$session->query(insert('elsewhere', '0, 0'));
	$observer->query($change);
	is($session->try('COMMIT')->{error}{sqlstate}, $sqlstate, "$name: $sqlstate");
	is(requests(), '', "$name: nothing is sent");
	$observer->query($back);
}
is(stored('elsewhere'), 0, 'nothing is stored');
$session->query(insert('elsewhere', '0, 0'));
is(stored('elsewhere'), 1, 'repeated, it is');

# The wait at the commit can be ended, by statement_timeout too, which PostgreSQL itself does not count there.
my %stalled = (operation => 'TransactWriteItems', name => 'caught', before => 'stall');
my %of_commit = (
	seen => 1,
	before => 'BEGIN; ' . insert('silent', '0, 1', 'faulty'),
	works => [ q{SELECT count(*) FROM direct WHERE aggregate_id = 'silent'}, 0 ]);
ends_at_once(
	$node, $observer, 'COMMIT, silent at the transaction', %of_commit,
	sql => 'COMMIT',
	prepare => sub { $fault->rules(\%stalled) },
	reached => sub { $fault->wait_for(operation => 'TransactWriteItems', rule => 'caught') },
	detail => qr/stored: 0; not stored: 0; unknown: 2\. /);
ends_at_once(
	$node, $observer, 'COMMIT, silent at the counter', %of_commit,
	sql => 'COMMIT',
	prepare => sub { $fault->rules({ %stalled, operation => 'GetItem' }) },
	reached => sub { $fault->wait_for(operation => 'GetItem', rule => 'caught') },
	detail => qr/stored: 0; not stored: 2; unknown: 0\. /);
$observer->query('CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN ' . insert('silent', '0, 1', 'faulty') . '; COMMIT; END $$');
ends_at_once(
	$node, $observer, 'a procedure that commits', %of_commit,
	before => 'SELECT 1',
	sql => 'CALL commits()',
	prepare => sub { $fault->rules(\%stalled) },
	reached => sub { $fault->wait_for(operation => 'TransactWriteItems', rule => 'caught') },
	detail => qr/stored: 0; not stored: 0; unknown: 2\. /);
$fault->rules;

# The timeout that was started for the commit ends with it.
$session->query("SET statement_timeout = '1min'");
$session->query('BEGIN');
$session->query(insert('timed', '0, 0'));
$session->query('COMMIT');
$session->query('SET statement_timeout = 0');
is(stored('timed'), 1, 'a commit within its time is stored');

# Ended when the engine has carried the request out already: the local part is undone, the rest is not, and the message says it may be so.
$fault->rules({ operation => 'TransactWriteItems', after => 'stall' });
$session->query('BEGIN');
$session->query(q{INSERT INTO notes VALUES ('gone')});
$session->query(insert('late', '0, 0'));
$session->send('COMMIT');
$fault->wait_for(operation => 'TransactWriteItems');
$fault->wait_for(event => 'answer');
$observer->query('SELECT pg_cancel_backend(' . $session->pid . ')');
$error = $session->result->{error};
$fault->release;
is($error->{sqlstate}, '57014', 'cancelled after the engine has stored it');
like($error->{detail}, qr/^A commit with aggregate "late", version 0, commit id \d+ may have been stored all the same\.$/, 'it may be stored');
is(stored('late'), 1, 'it is');
is(notes(), 0, 'the rest of the transaction is not');

# A lost answer: unknown, and the transaction can be repeated where its rows carry tokens.
my $with_token = q{INSERT INTO faulty (aggregate_id, version, events, token) VALUES ('lost', 0, '[]', 'l0'), ('lost', 1, '[]', 'l1')};
for my $when (qw(before after))
{
	my $expected = $when eq 'after' ? 2 : 0;
	$fault->rules({ operation => 'TransactWriteItems', $when => 'reset', times => 1 });
	$session->query('BEGIN');
	$session->query(q{INSERT INTO notes VALUES ('gone')});
	$session->query($with_token);
	$error = $session->try('COMMIT')->{error};
	is($error->{sqlstate}, '08007', "the answer is lost $when the engine stores it: unknown");
	is(notes(), 0, 'the local part is undone');
	is(stored('lost'), $expected, 'what became of the append');
}
$fault->rules;
$session->query('BEGIN');
$session->query(q{INSERT INTO notes VALUES ('kept')});
$session->query($with_token);
$session->query('COMMIT');
is(notes(), 1, 'repeated, the whole transaction succeeds');
is(stored('lost'), 2, 'and the append was done once');

# What PostgreSQL does after the append can fail all the same: then a warning says what stays.
$session->query('BEGIN');
$session->query(insert('stays', '0, 1'));
$session->query('CREATE TEMP TABLE emptied (id int PRIMARY KEY) ON COMMIT DELETE ROWS');
$session->query('CREATE TEMP TABLE referring (id int REFERENCES emptied)');
my $result = $session->try('COMMIT');
is($result->{error}{sqlstate}, '0A000', 'an ON COMMIT action fails after the append');
is(join(' ', map { $_->{message} } @{ $result->{notices} }), '2 commits of the rolled back transaction stay stored in DynamoDB', 'a warning says what stays');
is(stored('stays'), 2, 'it does');

# An error aborts one level and warns of its commits at once; the ROLLBACK that must follow warns of all others together.
$session->query(q{INSERT INTO direct (aggregate_id, version, events) VALUES ('levels', 0, '[]')});
my @warnings;
$session->query('BEGIN');
for my $level (1 .. 3)
{
	$session->query("SAVEPOINT level_$level");
	$session->query("INSERT INTO direct (aggregate_id, version, events) VALUES ('levels', $level, '[]')");
}
for my $statement ('SELECT 1 / 0', 'COMMIT')
{
	push @warnings, map { $_->{message} =~ /^(\d+) commit/ } @{ $session->try($statement)->{notices} };
}
is(join(' ', @warnings), '1 2', 'an error in a savepoint and the ROLLBACK after it warn once each');

# The commit wakes who follows the store. The projection would look in an hour.
{
	my $follower = Session->new($node);
	my $position = sub { return scalar $observer->query('SELECT position FROM dynamodb_es_projections') };
	$observer->query(q{CREATE FUNCTION forget(batch deferred[]) RETURNS void LANGUAGE sql AS ''});
	$observer->query(q{SELECT dynamodb_es_create_projection('forgetting', 'forget', start_after => dynamodb_es_head('direct'), poll_interval => '1 hour')});
	my $head = $position->();
	$follower->send('CALL dynamodb_es_follow()');
	ok(Session::comes(sub { $observer->query("SELECT xact_start IS NULL FROM pg_stat_activity WHERE pid = $follower->{pid} AND query ~ '^CALL'") eq 't' }), 'a follower waits');
	$session->query('BEGIN');
	$session->query(insert('woken', '0, 1'));
	is($position->(), $head, 'an INSERT does not wake it');
	$session->query('COMMIT');
	ok(Session::comes(sub { $position->() == $head + 2 }), 'the commit does');
	$observer->query("SELECT pg_cancel_backend($follower->{pid})");
	is($follower->result->{error}{sqlstate}, '57014', 'it had waited until then');
	$follower->close;
}

$fault->stop;
$node->stop;
done_testing();
