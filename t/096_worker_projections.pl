# A worker follows the projections of its role and no others, is woken by appends of its server, and bears what becomes of the extension, of projections, sources,
# keys and the endpoint.
# Engine: dynalite
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dynamodb_es'\nrestart_after_crash = on\nautovacuum = off\nfsync = off\ncompute_query_id = on");
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
my $other;

sub next_session
{
	for my $which (\$session, \$other)
	{
		Session::comes(sub { $$which = eval { my $new = Session->new($node); $new->query('SELECT 1'); $new } }) or die 'the server does not come back';
	}
	return;
}
sub comes { my ($holds, $what) = @_; return ok(Session::comes($holds), $what) }
sub workers
{
	my ($value) = @_;
	$session->query("ALTER SYSTEM SET dynamodb_es.workers = '$value'");
	reload();
	return;
}
sub reload { return $session->query('SELECT pg_reload_conf()') }
sub worker { my ($role) = @_; return scalar $session->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dynamodb_es projection' AND usename = '" . ($role // 'app') . q{'}) }
sub logged { my ($pattern) = @_; return scalar(() = slurp_file($node->logfile) =~ /$pattern/g) }
sub state_of { my ($name, $column) = @_; return scalar $session->query('SELECT ' . ($column // 'state') . " FROM dynamodb_es_projections WHERE name = '$name'") }
sub applied { my ($by) = @_; return scalar $session->query("SELECT coalesce(string_agg(commit_id::text, ' ' ORDER BY n), '') FROM app.applied WHERE by = '$by'") }
sub append { my ($name) = @_; return scalar $session->query("INSERT INTO commits (aggregate_id, version, events) VALUES ('$name', 0, '[]') RETURNING commit_id") }
sub has { my ($by, @ids) = @_; comes(sub { applied($by) eq "@ids" }, "$by: applied are @ids") or diag applied($by); return }

# Without the extension a worker waits; with an older version, too.
$session->query('CREATE ROLE app LOGIN; CREATE ROLE stranger LOGIN');
workers('app@postgres');
comes(sub { logged(qr/The extension dynamodb_es is not installed/) }, 'a worker in a database without the extension says so');
my $pid = worker();
$session->query(q{CREATE EXTENSION dynamodb_es VERSION '1.0'});
reload();
comes(sub { logged(qr/The extension dynamodb_es is at version 1\.0,/) }, 'nor does it work with version 1.0');
$session->query('ALTER EXTENSION dynamodb_es UPDATE');
$session->create_table('commits', $fault->endpoint);
$session->query(<<'SQL');
SELECT dynamodb_es_create_tables('commits');
GRANT SELECT ON commits TO app, stranger;
GRANT USAGE ON FOREIGN SERVER commits_server TO app, stranger;
CREATE USER MAPPING FOR app SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
CREATE USER MAPPING FOR stranger SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
CREATE SCHEMA app AUTHORIZATION app;
GRANT USAGE, CREATE ON SCHEMA app TO stranger;
CREATE TABLE app.applied (n bigserial, by text, commit_id bigint, who name DEFAULT current_user, session name DEFAULT session_user);
GRANT ALL ON app.applied, app.applied_n_seq TO PUBLIC;
SQL

# A projection of a role, which applies into app.applied under its name.
sub create_projection
{
	my ($role, $name, %options) = @_;
	my $more = join '', map { ", $_ => '$options{$_}'" } sort keys %options;
	$session->query("SET ROLE $role") if $role;
	$session->query(<<SQL);
CREATE FUNCTION app.$name(batch commits[]) RETURNS void LANGUAGE sql AS \$\$
  INSERT INTO app.applied (by, commit_id) SELECT '$name', commit_id FROM unnest(batch) ORDER BY commit_id \$\$;
SELECT dynamodb_es_create_projection('$name', 'app.$name'$more);
RESET ROLE;
SQL
	return;
}
my @ids = append('a');
create_projection('app', 'first', poll_interval => '1 hour');
create_projection('stranger', 'strange');
create_projection('', 'super');
reload();
has('first', @ids);
is(worker(), $pid, 'the worker that waited has followed');
is_deeply([ $session->query('SELECT DISTINCT who, session FROM app.applied') ], [ [ 'app', 'app' ] ], 'as its role');

# What is seen of it.
my $activity = "FROM pg_stat_activity WHERE pid = $pid";
comes(sub { ($session->query("SELECT wait_event_type $activity"))[0][0] // '' eq 'Extension' }, 'it waits');
my ($seen) = $session->query("SELECT application_name, backend_type, datname, usename, wait_event, xact_start IS NULL, backend_xid IS NULL, backend_xmin IS NULL $activity");
is_deeply($seen, [ 'first', 'dynamodb_es projection', 'postgres', 'app', $node->pg_version >= 17 ? 'DynamodbIdle' : 'Extension', 't', 't', 't' ], 'pg_stat_activity tells of it');
is(state_of('first'), 'running', 'the view knows that it is followed');

# An append of this server wakes it. The projection would look in an hour.
push @ids, append('b');
has('first', @ids);
comes(sub { ($session->query(q{SELECT sum(requests) FROM dynamodb_es_stat WHERE role_name = 'app'}) // 0) >= 2 }, 'what it sends is counted as its role\'s');
is($session->query(q{SELECT count(*) FROM dynamodb_es_stat_statements WHERE role_name = 'app'}), 0, 'and not as the cost of a statement that its handler has run');
$plain->call(UpdateItem => { TableName => 'counters', Key => { name => { S => 'commits' } }, UpdateExpression => 'ADD #i :one', ExpressionAttributeNames => { '#i' => 'id' },
	ExpressionAttributeValues => { ':one' => { N => '1' } } });
$plain->put('commits', { aggregateId => { S => 'plain' }, version => { N => '0' }, commitId => { N => $plain->head }, committedAt => { N => '1700000000000' }, events => { S => '[]' }, active => { S => 't' } });
push @ids, $plain->head;
is(applied('first'), "@ids[0 .. 1]", 'one of another program does not');
push @ids, append('c');
has('first', @ids);
$fault->lag({ least => 300, most => 300, stale => 0, stale_ms => 0 });
push @ids, append('d');
has('first', @ids);    # it looks again until the index has the commit
$fault->lag(undef);
{
	push @ids, map { $_->[0] } $session->query(q{INSERT INTO commits (aggregate_id, version, events) SELECT 'e' || n, 0, '[]' FROM generate_series(1, 150) n RETURNING commit_id});
	@ids = sort { $a <=> $b } @ids;
	has('first', @ids);
}

# So does COPY.
{
	my $rows = PostgreSQL::Test::Utils::tempdir() . '/rows';
	append_to_file($rows, join '', map { "copied-$_\t0\t[]\n" } 1 .. 3);
	my $head = $session->query(q{SELECT dynamodb_es_head('commits')});
	$session->query("COPY commits (aggregate_id, version, events) FROM '$rows'");
	push @ids, $head + 1 .. $head + 3;
	has('first', @ids);
}

# An append wakes it from another database, too, by way of another server object.
{
	$session->query('CREATE DATABASE elsewhere');
	$other = Session->new($node, database => 'elsewhere');
	$other->create_table('the_same', $fault->endpoint);
	push @ids, scalar $other->query(q{INSERT INTO the_same (aggregate_id, version, events) VALUES ('elsewhere', 0, '[]') RETURNING commit_id});
	has('first', @ids);
	$other->close;
}

# No more than its role's.
is_deeply([ map { [ state_of($_), state_of($_, 'position') ] } qw(strange super) ], [ [ 'no worker', 0 ], [ 'no worker', 0 ] ], 'projections of others are not touched, a superuser\'s either');
is(applied('strange') . applied('super'), '', 'and have applied nothing');
is($session->try('ALTER FUNCTION app.strange OWNER TO app')->{error}, undef, 'a handler changes hands');
reload();
has('strange', @ids);
is(scalar $session->query(q{SELECT string_agg(DISTINCT who || ' ' || session, ', ') FROM app.applied WHERE by = 'strange'}), 'app app', 'from then on it is a projection of the new owner');
$session->query('SELECT dynamodb_es_drop_projection(\'strange\')');

# The endpoint is away, and keys expire.
$session->query(q{SELECT dynamodb_es_alter_projection('first', poll_interval => '50 ms')});
	reload();
$fault->down;
comes(sub { state_of('first') eq 'waiting' && state_of('first', 'next_try IS NOT NULL AND last_error IS NOT NULL') eq 't' }, 'without an endpoint it waits, and says why');
$fault->up;
comes(sub { state_of('first') eq 'running' && !defined state_of('first', 'last_error') }, 'and goes on by itself');
$fault->rules({ operation => 'Query', answer => { status => 400, body => { __type => 'com.amazon.coral.service#ExpiredTokenException', message => 'The security token included in the request is expired' } } });
comes(sub { state_of('first') eq 'waiting' }, 'while its keys are refused it waits');
$fault->rules;
comes(sub { state_of('first') eq 'running' }, 'and goes on with keys that are taken');
push @ids, append('f');
has('first', @ids);
is(worker(), $pid, 'all of that by the same worker');

# A reload, and a termination, roll a batch back; it comes again.
{
	$other = Session->new($node);
	$other->query('BEGIN; LOCK TABLE app.applied IN ACCESS EXCLUSIVE MODE');
	my $id = scalar $session->query(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('g', 0, '[]') RETURNING commit_id});
	my $is_stuck = sub { my ($row) = $session->query(q{SELECT wait_event_type FROM pg_stat_activity WHERE backend_type = 'dynamodb_es projection'}); return $row && ($row->[0] // '') eq 'Lock' };
	comes($is_stuck, 'a batch waits for a lock');
	workers('');
	comes(sub { !worker() }, 'a worker whose entry goes ends in the middle of it');
	is(state_of('first', 'position'), $ids[-1], 'and the position has not moved');
	workers('app@postgres');
	comes($is_stuck, 'a new one has the same batch');
	kill 'KILL', worker() or die "kill: $!";
	$_->result for $session, $other;
	next_session();
	push @ids, $id;
	has('first', @ids);
}

# A handler may use temporary tables from its first batch on.
{
	$session->query(q{SET ROLE app; CREATE FUNCTION app.tidy(batch commits[]) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			CREATE TEMP TABLE IF NOT EXISTS mine (commit_id bigint) ON COMMIT DELETE ROWS;
			INSERT INTO mine SELECT commit_id FROM unnest(batch);
			INSERT INTO app.applied (by, commit_id) SELECT 'tidy', commit_id FROM mine ORDER BY commit_id;
		END $$;
		SELECT dynamodb_es_create_projection('tidy', 'app.tidy'); RESET ROLE});
	reload();
	has('tidy', @ids);
	comes(sub { state_of('tidy') eq 'running' && !defined state_of('tidy', 'last_error') }, 'a handler has a temporary table');
	$session->query(q{SELECT dynamodb_es_drop_projection('tidy')});
}

# Entries that are equal share the projections.
{
	create_projection('app', $_, poll_interval => '50 ms') for qw(second third fourth);
	workers('app@postgres, app@postgres');
	my $shares = q{SELECT string_agg(n::text, ' ') FROM (SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 4 GROUP BY pid) s};
	comes(sub { ($session->query($shares) // '') eq '2 2' }, 'two workers have two projections each');
	push @ids, append('h');
	has($_, @ids) for qw(first second third fourth);
	workers('app@postgres');
	comes(sub { ($session->query($shares) // '') eq '4' }, 'and one has all of them');
}

# A projection, or a source, that is dropped; others go on.
{
	$session->query(q{SELECT dynamodb_es_drop_projection('second')});
	is($session->try('DROP FUNCTION app.third')->{error}, undef, 'a handler is dropped');
	comes(sub { state_of('third') eq 'stopped' && state_of('third', 'last_error') =~ /handler app\.third\(public\.commits\[\]\) of projection "third" does not exist/ },
		'its projection has stopped, and says why');
	$session->query('CREATE FOREIGN TABLE again (commit_id bigint) SERVER commits_server; GRANT SELECT ON again TO app; CREATE FUNCTION app.of_again(batch again[]) RETURNS void LANGUAGE sql AS $$ SELECT $$;
		ALTER FUNCTION app.of_again OWNER TO app');
	$session->query(q{SELECT dynamodb_es_create_projection('again', 'app.of_again', poll_interval => '50 ms')});
	reload();
	comes(sub { (state_of('again', 'position') // 0) == $ids[-1] }, 'a projection of another table of the same store');
	is($session->try('DROP FOREIGN TABLE again')->{error}{sqlstate}, '2BP01', 'a source cannot be dropped under a handler');
	$session->query('DROP FOREIGN TABLE again CASCADE');
	comes(sub { state_of('again') eq 'stopped' }, 'where it is, the projection has stopped');
	push @ids, append('i');
	has('first', @ids);
	has('fourth', @ids);
	$session->query(qq{SELECT dynamodb_es_drop_projection('$_')}) for qw(third fourth again);
}

# What a worker writes is counted: autovacuum goes by that.
cmp_ok(scalar $session->query(q{SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'applied'}), '>', 0, 'what it has written is counted');

# A handler that crashes the server leaves time to disable it. It is a superuser's: nobody else can.
{
	workers('');
	comes(sub { !worker() }, 'no worker');
	$session->query(<<'SQL');
CREATE TABLE nothing (a text);
CREATE FUNCTION app.crashes(batch commits[]) RETURNS void LANGUAGE sql AS $$ COPY nothing FROM PROGRAM 'kill -9 $PPID' $$;
SELECT dynamodb_es_drop_projection('super');
SELECT dynamodb_es_create_projection('crashes', 'app.crashes', poll_interval => '10 ms');
SQL
	my $crashes = logged(qr/was terminated by signal 9/);
	my $superuser = scalar $session->query('SELECT current_user');
	workers(qq{"$superuser"\@postgres});
	my $guarded = sub { my @row = eval { $session->query(q{SELECT starts FROM dynamodb_es_projection WHERE name = 'crashes' AND started_at IS NOT NULL}) }; return @row && worker($superuser) };
	comes(sub { logged(qr/was terminated by signal 9/) > $crashes }, 'a handler kills its worker, and so the server');
	next_session();
	comes($guarded, 'the next worker runs');
	is($session->try(q{SELECT dynamodb_es_alter_projection('crashes', enabled => false)})->{error}, undef, 'there is time to disable the projection');
	create_projection('', 'sound', poll_interval => '10 ms');
	reload();
	has('sound', @ids);
	is(logged(qr/was terminated by signal 9/), $crashes + 1, 'others go on, and the server has crashed once');
	workers('app@postgres');
}

# Nothing waits for a worker that is idle: the extension can be dropped, and made again.
{
	comes(sub { worker() && state_of('first') eq 'running' }, 'the worker follows');
	my $waits = logged(qr/The extension dynamodb_es is not installed/);
	$session->query(q{SET lock_timeout = '20 s'});
	is($session->try('DROP EXTENSION dynamodb_es CASCADE')->{error}, undef, 'DROP EXTENSION does not wait for it');
	reload();
	comes(sub { logged(qr/The extension dynamodb_es is not installed/) > $waits }, 'the worker waits');
	$session->query('DROP FUNCTION IF EXISTS app.first; CREATE EXTENSION dynamodb_es');
	$session->create_table('commits', $fault->endpoint);
	$session->query('GRANT SELECT ON commits TO app; CREATE USER MAPPING FOR app SERVER commits_server OPTIONS (access_key_id \'AKIDEXAMPLE\', secret_access_key \'hush-secret\'); TRUNCATE app.applied');
	create_projection('app', 'first', poll_interval => '50 ms');
	$session->query(q{UPDATE pg_extension SET extversion = '9.9' WHERE extname = 'dynamodb_es'});
	reload();
	comes(sub { logged(qr/The extension dynamodb_es is at version 9\.9,/) }, 'a version that it does not know is left alone');
	$session->query(q{UPDATE pg_extension SET extversion = '1.1' WHERE extname = 'dynamodb_es'});
	reload();
	has('first', @ids);
}

$node->stop('fast');
done_testing();
