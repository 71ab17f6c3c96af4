# Whose AWS identity a statement uses: nobody but a superuser makes PostgreSQL sign with its own, or lends it, and it goes to no server
# and no foreign table that are not a superuser's.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use AwsIdentity;
use Session;
use Test::More;


my $aws = AwsIdentity->new;
$aws->file('.aws/credentials', "[lent]\naws_access_key_id = AKIDLENT\naws_secret_access_key = hush-lent\n");
$aws->answers;
$aws->environment(AWS_ACCESS_KEY_ID => 'AKIDSERVER', AWS_SECRET_ACCESS_KEY => 'hush-server', AWS_SESSION_TOKEN => 'hush-token');
my $admin = $aws->session;
my $superuser = $admin->query('SELECT current_user');
my $own = "OPTIONS (access_key_id 'AKIDOWN', secret_access_key 'hush-own')";

$admin->query(<<SQL);
CREATE ROLE clerk;
CREATE ROLE guest;
CREATE ROLE other_superuser SUPERUSER;
GRANT USAGE ON FOREIGN SERVER commits_server TO clerk, guest;
GRANT USAGE ON FOREIGN DATA WRAPPER dynamodb_es TO clerk;
GRANT SELECT ON commits TO PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO clerk, guest;
CREATE USER MAPPING FOR clerk SERVER commits_server;
SQL

# What a statement of a role comes to: the key that signed it, or the SQLSTATE.
sub signed
{
	my ($role, $sql) = @_;
	$admin->query("SET ROLE $role");
	my $read = $aws->read($sql);
	$admin->query('RESET ROLE');
	return $read->{error} ? $read->{error}{sqlstate} : $read->{key};
}

# What a role may write: 'success' or the SQLSTATE.
sub written
{
	my ($role, $sql) = @_;
	$admin->query("SET ROLE $role");
	my $result = $admin->try($sql);
	$admin->query('RESET ROLE');
	return $result->{error} ? $result->{error}{sqlstate} : 'success';
}
sub mapping { my ($role, $options, $what) = @_; return ($what // 'ALTER') . " USER MAPPING FOR $role SERVER commits_server OPTIONS ($options)" }

# Who has no keys.
is(signed($superuser), 'AKIDSERVER', q{a superuser without keys signs as the server});
is(signed('clerk'), '28000', 'another user does not');
is(signed('guest'), '42704', 'nor one without a mapping');
is(written('clerk', mapping('clerk', q{ADD access_key_id 'AKIDOWN', ADD secret_access_key 'hush-own'})), 'success', 'one may write keys into the own mapping');
is(signed('clerk'), 'AKIDOWN', 'and signs with them');
is(written('clerk', mapping('clerk', q{DROP access_key_id, DROP secret_access_key})), 'success', 'one may drop them');
is(signed('clerk'), '28000', 'and then has none');

# Nobody else lends it.
for my $option (q{profile 'lent'}, q{ambient_credentials 'true'}, q{ambient_credentials 'false'})
{
	is(written('clerk', mapping('clerk', "ADD $option")), '42501', "$option: nobody adds it to the own mapping");
	is(written('clerk', 'DROP USER MAPPING FOR clerk SERVER commits_server; ' . mapping('clerk', $option, 'CREATE')), '42501', "$option: nobody creates a mapping with it");
}
is($admin->query('SELECT umoptions FROM pg_user_mappings WHERE usename = $$clerk$$'), undef, 'all of that has changed nothing');

# What a superuser lends.
$admin->query(mapping('clerk', q{ADD profile 'lent'}));
is(signed('clerk'), 'AKIDLENT', 'a superuser may lend a profile');
is(written('clerk', mapping('clerk', q{SET profile 'reporting'})), '42501', 'which nobody else changes');
is(written('clerk', mapping('clerk', q{ADD access_key_id 'a', ADD secret_access_key 'other-b'})), '42501', 'nor adds to');
is(written('clerk', mapping('clerk', q{ADD ambient_credentials 'true', DROP profile})), '42501', 'nor exchanges');
is(signed('clerk'), 'AKIDLENT', 'and which stays');
is(written('clerk', mapping('clerk', 'DROP profile')), 'success', 'only to give it back is free');
is(signed('clerk'), '28000', 'then it is gone');
$admin->query(mapping('clerk', q{ADD ambient_credentials 'true'}));
is(signed('clerk'), 'AKIDSERVER', 'a superuser may lend the identity of the server');
is(written($superuser, mapping('clerk', q{ADD access_key_id 'a', ADD secret_access_key 'other-b'})), 'HV024', 'keys beside that make no sense');
$admin->query(mapping('clerk', q{SET ambient_credentials 'false'}));
is(signed('clerk'), '28000', 'and take it back');
$admin->query(mapping('clerk', 'DROP ambient_credentials'));

# A mapping for PUBLIC is judged by who uses it, also after another one has used it in the same session.
$admin->query("DROP USER MAPPING FOR clerk SERVER commits_server; DROP USER MAPPING FOR CURRENT_USER SERVER commits_server; CREATE USER MAPPING FOR PUBLIC SERVER commits_server");
is(signed($superuser), 'AKIDSERVER', 'a mapping for PUBLIC: a superuser signs as the server');
is(signed('clerk'), '28000', 'and nobody else, after that');
is(signed('other_superuser'), 'AKIDSERVER', 'but another superuser');
$admin->query(<<SQL);
CREATE FOREIGN TABLE at_commit (aggregate_id text, version bigint, events jsonb) SERVER commits_server OPTIONS (append_mode 'dense', append_at 'commit');
GRANT INSERT ON at_commit TO clerk;
BEGIN;
INSERT INTO at_commit VALUES ('a', 0, '[]');
SET LOCAL ROLE clerk;
SQL
my $joined = $admin->try(q{INSERT INTO at_commit VALUES ('b', 0, '[]')});
is($joined->{error} && $joined->{error}{sqlstate}, '28000', q{nor does a row sign as the server that joins a superuser's in one transaction});
$admin->query('ROLLBACK');
$admin->query('ALTER ROLE other_superuser NOSUPERUSER');
is(signed('other_superuser'), '28000', 'until that is one no more');
$admin->query("DROP USER MAPPING FOR PUBLIC SERVER commits_server; CREATE USER MAPPING FOR CURRENT_USER SERVER commits_server");

# Behind a view or a SECURITY DEFINER function the owner counts.
$admin->query(<<SQL);
CREATE VIEW of_superuser AS SELECT * FROM commits;
CREATE FUNCTION as_superuser() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(events) FROM commits';
GRANT SELECT ON of_superuser TO PUBLIC;
CREATE USER MAPPING FOR clerk SERVER commits_server;
SET ROLE clerk;
CREATE VIEW of_clerk AS SELECT * FROM commits;
CREATE FUNCTION as_clerk() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(events) FROM commits';
GRANT SELECT ON of_clerk TO PUBLIC;
RESET ROLE;
SQL
is(signed('clerk', 'SELECT * FROM of_superuser'), 'AKIDSERVER', q{a superuser's view signs as the server for all});
is(signed('guest', 'SELECT as_superuser()'), 'AKIDSERVER', q{so does a superuser's SECURITY DEFINER function});
is(signed($superuser, 'SELECT * FROM of_clerk'), '28000', q{another's view does not, for a superuser either});
is(signed($superuser, 'SELECT as_clerk()'), '28000', q{nor does another's SECURITY DEFINER function});

# A foreign table of somebody else reads and writes where that one likes, also behind a superuser's view or function, and as a partition.
$admin->query(<<SQL);
SET ROLE clerk;
CREATE FOREIGN TABLE lure (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER commits_server OPTIONS (commit_table 'payroll');
CREATE FOREIGN TABLE lure_at_commit (aggregate_id text, version bigint, events jsonb) SERVER commits_server
  OPTIONS (commit_table 'payroll', append_mode 'dense', append_at 'commit');
CREATE TABLE whole (commit_id bigint, aggregate_id text, version bigint, events jsonb) PARTITION BY LIST (aggregate_id);
ALTER TABLE whole ATTACH PARTITION lure FOR VALUES IN ('a');
GRANT ALL ON lure, lure_at_commit, whole TO PUBLIC;
RESET ROLE;
ALTER TABLE whole OWNER TO $superuser;
CREATE VIEW over_lure AS SELECT * FROM lure;
CREATE FUNCTION reads_lure() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(events) FROM lure';
GRANT SELECT ON over_lure TO PUBLIC;
SQL
my $row = "VALUES ('a', 0, '[]')";
my @through = (
	[ 'by a query', 'SELECT * FROM lure' ],
	[ 'by a view', 'SELECT * FROM over_lure' ],
	[ 'by a SECURITY DEFINER function', 'SELECT reads_lure()' ],
	[ 'as a partition', 'SELECT * FROM whole' ],
	[ 'by an append', "INSERT INTO lure (aggregate_id, version, events) $row" ],
	[ 'by an append to a partition', "INSERT INTO whole (aggregate_id, version, events) $row" ],
	[ 'by an append at commit', "INSERT INTO lure_at_commit (aggregate_id, version, events) $row" ],
	map { [ "by $_", "SELECT $_('lure')" ] } qw(dynamodb_es_head dynamodb_es_status dynamodb_es_create_tables dynamodb_es_drop_tables),
);
for (@through)
{
	my ($how, $sql) = @$_;
	my $read = $aws->read($sql);
	is($read->{error} && $read->{error}{sqlstate}, '42501', qq{a superuser does not sign as the server for somebody else's foreign table: $how});
	is($read->{operations}, '', "and nothing goes there: $how");
}
is(signed('clerk', 'SELECT * FROM over_lure'), '42501', q{nor does that one, by the superuser's view});
like($aws->read('SELECT * FROM lure')->{error}{detail}, qr/The owner of the foreign table, role "clerk", is not a superuser/, 'the DETAIL says whose it is');

# Not one that has been lent an identity, either: it is for the tables that a superuser chooses.
$admin->query(mapping('clerk', q{ADD ambient_credentials 'true'}));
is(signed('clerk', 'SELECT * FROM commits'), 'AKIDSERVER', q{who is lent the identity of the server uses it for a superuser's foreign table});
is(signed('clerk', 'SELECT * FROM lure'), '42501', 'and not for the own one');
is(signed('clerk', 'ANALYZE lure'), '42501', 'nor do its statistics');
is(signed($superuser, 'ANALYZE lure'), '42501', 'whoever asks for them');
is(signed('clerk', 'IMPORT FOREIGN SCHEMA dynamodb FROM SERVER commits_server INTO public'), '42501', 'nor to look for tables to make');
is($aws->read('SELECT 1')->{operations}, '', 'and nothing was sent for that');
$admin->query(mapping('clerk', q{DROP ambient_credentials}));

# By its own keys everything goes.
$admin->query(mapping('clerk', q{ADD access_key_id 'AKIDOWN', ADD secret_access_key 'hush-own'}));
is(signed('clerk', 'SELECT * FROM lure'), 'AKIDOWN', 'explicit keys are for any foreign table');
$admin->query(mapping('clerk', q{DROP access_key_id, DROP secret_access_key}));
$admin->query("ALTER FOREIGN TABLE lure OWNER TO $superuser");
is(signed($superuser, 'SELECT * FROM over_lure'), 'AKIDSERVER', 'as soon as a superuser owns the table it is signed as the server, in the same session');
is(signed($superuser, 'SELECT * FROM whole'), 'AKIDSERVER', 'also the partition');
$admin->query('ALTER FOREIGN TABLE lure OWNER TO clerk');
is(signed($superuser, 'SELECT * FROM over_lure'), '42501', 'and no longer');

# Rows that wait for the commit do not sign as the server either, when the keys that they came with are gone by then.
$admin->query("ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (ADD access_key_id 'AKIDOWN', ADD secret_access_key 'hush-own')");
$admin->query("CREATE FOREIGN TABLE payroll_at_commit (aggregate_id text, version bigint, events jsonb) SERVER commits_server OPTIONS (commit_table 'payroll', append_mode 'dense', append_at 'commit')");
for ([ 'of such a table', 'lure_at_commit' ], [ 'that join those of another', 'payroll_at_commit', 'lure_at_commit' ])
{
	my ($whose, @tables) = @$_;
	$admin->query('BEGIN');
	$admin->query("INSERT INTO $tables[$_] VALUES ('a', $_, '[]')") for 0 .. $#tables;
	$admin->query('ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (DROP access_key_id, DROP secret_access_key)');
	my $commit = $aws->read('COMMIT');
	is($commit->{error} && $commit->{error}{sqlstate}, '42501', "rows $whose do not sign as the server at the commit");
	is($commit->{operations}, '', 'and are not sent');
}
$admin->query('ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (DROP access_key_id, DROP secret_access_key)');

# A server of somebody else sends its requests where that one likes.
$admin->query('SET ROLE clerk');
$admin->create_table('trap', $aws->url, max_attempts => 1);
$admin->query(<<SQL);
DROP USER MAPPING FOR clerk SERVER trap_server;
CREATE USER MAPPING FOR $superuser SERVER trap_server;
GRANT SELECT ON trap TO PUBLIC;
RESET ROLE;
SQL
my $read = $aws->read('SELECT * FROM trap');
is($read->{error}{sqlstate}, '42501', q{a superuser's statement does not sign as the server for somebody else's endpoint});
is($read->{operations}, '', 'and nothing goes there');
$admin->query("ALTER USER MAPPING FOR $superuser SERVER trap_server OPTIONS (ADD ambient_credentials 'yes')");
is(signed($superuser, 'SELECT * FROM trap'), '42501', 'with ambient_credentials neither, however a Boolean is written');
$admin->query("ALTER USER MAPPING FOR $superuser SERVER trap_server OPTIONS (DROP ambient_credentials, ADD profile 'lent')");
is(signed($superuser, 'SELECT * FROM trap'), '42501', 'with a profile neither');
$admin->query("ALTER FOREIGN TABLE trap OWNER TO $superuser");
is(signed($superuser, 'SELECT * FROM trap'), '42501', q{nor where the foreign table is a superuser's});
$admin->query("ALTER SERVER trap_server OWNER TO $superuser");
is(signed($superuser, 'SELECT * FROM trap'), 'AKIDLENT', 'as soon as a superuser owns the server');
$admin->query('ALTER SERVER trap_server OWNER TO clerk');
is(signed($superuser, 'SELECT * FROM trap'), '42501', 'and no longer, also in the same session');
$admin->query("ALTER USER MAPPING FOR $superuser SERVER trap_server OPTIONS (DROP profile, ADD access_key_id 'AKIDOWN', ADD secret_access_key 'hush-own')");
is(signed($superuser, 'SELECT * FROM trap'), 'AKIDOWN', 'explicit keys go anywhere');

# An endpoint cannot send a request on to another place.
$aws->answers(Scan => { status => 302, headers => [ 'Location: ' . $aws->url('/elsewhere') ] });
$read = $aws->read('SELECT * FROM trap');
is($read->{operations}, 'Scan', 'a redirect is not followed');

# What a proxy says on the way, or a provisional answer, is not what the endpoint says.
my $early = join "\r\n", 'HTTP/1.1 103 Early Hints', 'Content-Encoding: gzip', 'x-amz-crc32: 1', 'Date: Thu, 01 Jan 2099 00:00:00 GMT', 'Age: 5', '', '';
$aws->answers(Scan => { body => '{"Items": [], "Count": 0, "ScannedCount": 0}', early => $early });
is(signed($superuser, 'SELECT * FROM trap'), 'AKIDOWN', 'a provisional answer does not damage the one behind it');
is(signed($superuser, 'SELECT * FROM trap'), 'AKIDOWN', 'and does not set the clock');
like($aws->read('SELECT * FROM trap')->{requests}[0]{headers}, qr/^X-Amz-Date: (?!2099)/mi, 'that requests are signed by');

# Where to look for secrets.
$aws->answers;
my $plan = join "\n", map { $_->[0] } $admin->query('EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM commits');
my $activity = join "\n", map { join ' ', map { $_ // '' } @$_ } $admin->query('SELECT query, application_name FROM pg_stat_activity');
unlike("$plan$activity", qr/hush/, 'neither EXPLAIN nor pg_stat_activity shows a secret');

# The URL of a proxy may have a password, and libcurl repeats it where it is not understood.
$aws->environment(http_proxy => 'odd://hush-user:hush-password@127.0.0.1:1', no_proxy => undef);
$aws->session->query(q{ALTER SERVER trap_server OPTIONS (SET endpoint 'http://192.0.2.1:1')});
my $error = $aws->read('SELECT * FROM trap')->{error};
is($error->{sqlstate}, 'HV00N', 'a proxy that is none is an error');
unlike(join(' ', map { $_ // '' } values %$error), qr/hush/, 'which does not show its URL');
$aws->session->close;
$aws->node->stop;
done_testing();
