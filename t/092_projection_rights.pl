# A handler runs as its owner, and a projection is its owner's: who may do what with it, and who is told of it.
# Engine: dynalite
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
$node->start;
my $session = Session->new($node);
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(<<'SQL');
SELECT dynamodb_es_create_tables('commits');
INSERT INTO commits (aggregate_id, version, events) SELECT 'a', n, '[]' FROM generate_series(0, 9) n;
CREATE ROLE app LOGIN;
CREATE ROLE app_member LOGIN IN ROLE app;
CREATE ROLE stranger LOGIN;
CREATE SCHEMA app AUTHORIZATION app;
CREATE SCHEMA stranger AUTHORIZATION stranger;
GRANT USAGE ON FOREIGN SERVER commits_server TO app;
CREATE FOREIGN TABLE app.commits (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER commits_server OPTIONS (commit_table 'commits', counter 'commits');
GRANT USAGE ON SCHEMA app TO stranger;
SET ROLE app;
CREATE TABLE app.applied (commit_id bigint, by name DEFAULT current_user);
CREATE FUNCTION app.apply(batch app.commits[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  SET work_mem = '77MB';
  INSERT INTO app.applied SELECT commit_id FROM unnest(batch);
END $$;
RESET ROLE;
SQL
my %as = map { $_ => Session->new($node, user => $_) } qw(app app_member stranger);

sub refused
{
	my ($who, $what, $sql, $sqlstate) = @_;
	my $error = $who->try($sql)->{error} // {};
	is($error->{sqlstate}, $sqlstate, "$what: " . ($error->{message} // 'no error'));
	return;
}
my $create = q{SELECT dynamodb_es_create_projection('p', 'app.apply', batch_size => 2)};

# To make one: the handler's owner, who can read the source.
refused($as{stranger}, "a stranger's use of somebody's handler", $create, '42501');
refused($as{app}, 'a source that its owner may not read', $create, '42501');
$session->query('GRANT SELECT ON app.commits TO app');
refused($as{app}, 'an owner without a user mapping', $create, '42704');
$session->query(q{CREATE USER MAPPING FOR app SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret')});
$as{app_member}->query($create);

# It runs as its owner, and its settings do not stay.
is(scalar $as{app_member}->query(q{SELECT dynamodb_es_run('p')}), 2, 'a member of its owner runs it');
is(scalar $session->query(q{SELECT dynamodb_es_run('p')}), 2, 'and a superuser');
is(scalar $session->query('SHOW work_mem'), '4MB', 'what the handler sets does not stay set');
refused($as{stranger}, 'a stranger', $_, '42501')
  for q{SELECT dynamodb_es_run('p')}, q{CALL dynamodb_es_follow('p')}, q{SELECT dynamodb_es_reset('p')}, q{SELECT dynamodb_es_skip('p', 9)},
  q{SELECT dynamodb_es_alter_projection('p', enabled => false)}, q{SELECT dynamodb_es_drop_projection('p')}, q{SELECT dynamodb_es_wait_for('p', 1)},
  'SELECT * FROM dynamodb_es_projection', 'SELECT * FROM dynamodb_es_passed', 'DELETE FROM dynamodb_es_projection';
is($as{stranger}->query('SELECT count(*) FROM dynamodb_es_projections'), 0, 'a stranger sees nothing of it');
is_deeply([ $_->query(q{SELECT name, owner, source = 'app.commits'::regclass FROM dynamodb_es_projections}) ], [ [ 'p', 'app', 't' ] ], 'the others do') for $session, @as{qw(app app_member)};
refused($session, 'CALL by name of nobody', q{CALL dynamodb_es_follow('x')}, '42704');

# A follower without a name takes those that the user owns, and no one else's.
$_->query('CALL dynamodb_es_follow(until_caught_up => true)') for $as{app_member}, $session;
is(scalar $session->query('SELECT count(*) FROM app.applied'), 4, 'a follower of all takes what its user owns');
$as{app}->query('CALL dynamodb_es_follow(until_caught_up => true)');
is_deeply([ $session->query('SELECT count(*), min(by), max(by) FROM app.applied') ], [ [ 10, 'app', 'app' ] ], 'the owner has it followed');

# By name, by a member, still as the owner.
$session->query('TRUNCATE app.applied');
$as{app_member}->query(q{SELECT dynamodb_es_reset('p')});
$as{app_member}->query(q{CALL dynamodb_es_follow('p', until_caught_up => true)});
is_deeply([ $session->query('SELECT count(*), min(by), max(by) FROM app.applied') ], [ [ 10, 'app', 'app' ] ], 'a member has it followed by name');

# A handler cannot become the superuser who runs it.
$session->query(<<'SQL');
CREATE FUNCTION app.escape(batch app.commits[]) RETURNS void LANGUAGE plpgsql AS 'BEGIN SET ROLE NONE; CREATE ROLE evil SUPERUSER; END';
ALTER FUNCTION app.escape OWNER TO app;
SQL
$as{app}->query(q{SELECT dynamodb_es_create_projection('escape', 'app.escape')});
refused($session, 'a handler that wants to be a superuser', q{SELECT dynamodb_es_run('escape')}, '42501');
$session->try(q{CALL dynamodb_es_follow('escape', until_caught_up => true)});
is(scalar $session->query(q{SELECT count(*) FROM pg_roles WHERE rolname = 'evil'}), 0, 'it is none in a follower either');
$as{app}->query(q{SELECT dynamodb_es_drop_projection('escape')});

# Nor by a trigger that waits for the commit.
$session->query(<<'SQL');
SET ROLE app;
CREATE TABLE app.trap (commit_id bigint);
CREATE FUNCTION app.spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'CREATE ROLE evil SUPERUSER'; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER spring AFTER INSERT ON app.trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.spring();
CREATE FUNCTION app.set_trap(batch app.commits[]) RETURNS void LANGUAGE sql AS 'INSERT INTO app.trap SELECT commit_id FROM unnest(batch)';
SELECT dynamodb_es_create_projection('trap', 'app.set_trap');
RESET ROLE;
SQL
refused($session, 'a trigger that wants to run as a superuser at the commit', $_, '42501')
  for q{SELECT dynamodb_es_run('trap')}, q{CALL dynamodb_es_follow('trap', until_caught_up => true)};
is(scalar $session->query(q{SELECT count(*) FROM pg_roles WHERE rolname = 'evil'}), 0, 'it is none at the commit either');
$as{app}->query(q{SELECT dynamodb_es_drop_projection('trap')});

# What is taken from the owner ends it; what is given to another one is his.
$session->query(q{REVOKE SELECT ON app.commits FROM app; SELECT dynamodb_es_reset('p')});
refused($_, 'the source is not readable any more', q{SELECT dynamodb_es_run('p')}, '42501') for @as{qw(app app_member)}, $session;
$session->query('GRANT SELECT ON app.commits TO app, stranger; ALTER FUNCTION app.apply OWNER TO stranger');
refused($as{app}, 'a handler that is given away', q{SELECT dynamodb_es_run('p')}, '42501');
refused($as{stranger}, 'its new owner has no mapping', q{SELECT dynamodb_es_run('p')}, '42704');
is($as{stranger}->query('SELECT owner FROM dynamodb_es_projections'), 'stranger', 'but is its owner');

# Without a handler it is whose it was last.
$session->query('ALTER FUNCTION app.apply OWNER TO app; DROP FUNCTION app.apply');
is_deeply([ $as{app}->query('SELECT owner, source, state FROM dynamodb_es_projections') ], [ [ 'app', undef, 'stopped' ] ], 'without a handler it is its last owner\'s');
refused($as{app}, 'and cannot be run', q{SELECT dynamodb_es_run('p')}, '42883');
refused($as{stranger}, 'nor be dropped by strangers', q{SELECT dynamodb_es_drop_projection('p')}, '42501');
is($as{app}->try('CALL dynamodb_es_follow(until_caught_up => true)')->{error}{sqlstate}, '42883', 'a follower says so');
like(scalar $as{app}->query('SELECT last_error FROM dynamodb_es_projections'), qr/^handler app\.apply\(app\.commits\[\]\) of projection "p" does not exist/, 'and records it');
$as{app}->query(q{SELECT dynamodb_es_drop_projection('p')});
is(scalar $session->query('SELECT count(*) FROM dynamodb_es_projections'), 0, 'it is dropped');

# Names that need quotes.
$session->query(<<'SQL');
CREATE SCHEMA "S (1)" AUTHORIZATION app;
CREATE FOREIGN TABLE "S (1)"."com.mits[""]" (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER commits_server OPTIONS (commit_table 'commits', counter 'commits');
GRANT SELECT ON "S (1)"."com.mits[""]" TO app;
SET ROLE app;
CREATE FUNCTION "S (1)"."a ("".b"(batch "S (1)"."com.mits[""]"[]) RETURNS void LANGUAGE sql AS 'INSERT INTO app.applied SELECT commit_id FROM unnest(batch)';
TRUNCATE app.applied;
SELECT dynamodb_es_create_projection('it''s "p"', '"S (1)"."a ("".b"');
RESET ROLE;
SQL
is(scalar $as{app}->query(q{SELECT dynamodb_es_run('it''s "p"')}), 10, 'names of any kind');
is($session->try('DROP FOREIGN TABLE "S (1)"."com.mits[""]"')->{error}{sqlstate}, '2BP01', 'a source is not dropped from under its handler');
$session->query('DROP FOREIGN TABLE "S (1)"."com.mits[""]" CASCADE');
is($session->query('SELECT state FROM dynamodb_es_projections'), 'stopped', 'with CASCADE it is, and the projection has no handler');

$node->stop;
done_testing();
