# The extension's objects are PostgreSQL's like any other: they can be dropped and made anew in a session that has used them, live in any schema, be
# dumped and restored, and the library can be loaded at any time.
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
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;

my $engine = $ENV{DYNAMODB_ENDPOINT};
my $fault = Fault->new($engine);
my $session = Session->new($node);
my $insert = q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', (SELECT count(*) FROM commits WHERE aggregate_id = 'a'), '[]')};
my $count = q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'};
my $commits = 0;    # of the aggregate that works() appends to
my $others = 0;

sub connections { return scalar(() = $session->tcp_states($fault->port)) }

# Everything of the extension works in this session, and sees the commits so far.
sub works
{
	my ($when, $schema) = @_;
	my $error = $session->try($insert)->{error};
	$commits++;
	is($error && "$error->{message} $error->{detail}", undef, "$when: INSERT works");
	is($session->query($count), $commits, "$when: SELECT works");
	is($session->query("SELECT ${schema}dynamodb_es_head('commits')"), $commits + $others, "$when: dynamodb_es_head works");
	is(connections(), 1, "$when: one connection is kept");
	return;
}

# 1. DROP, and CREATE again, in a session with a connection.
$session->create_table('commits', $fault->endpoint);
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
works('made', '');

my $mapping = q{CREATE USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret')};
my $server = "CREATE SERVER commits_server FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint '" . $fault->endpoint . "')";
my $table = 'CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb) SERVER commits_server';
for my $case (
	[ 'the table', 'DROP FOREIGN TABLE commits', $table ],
	[ 'the user mapping', 'DROP USER MAPPING FOR CURRENT_USER SERVER commits_server', $mapping ],
	[ 'the server', 'DROP SERVER commits_server CASCADE', "$server; $mapping; $table" ],
	[ 'the wrapper', 'DROP FOREIGN DATA WRAPPER dynamodb_es CASCADE', undef ],
	[ 'the extension', 'DROP EXTENSION dynamodb_es CASCADE', "CREATE EXTENSION dynamodb_es; $server; $mapping; $table" ],
	[ 'what the user owns', 'DROP OWNED BY owner CASCADE', "SET ROLE owner; $server; $mapping; $table" ])
{
	my ($what, $drop, $create) = @$case;
	if (!defined $create)
	{
		is($session->try($drop)->{error}{sqlstate}, '2BP01', "$what alone is not dropped: the extension needs it");
		next;
	}
	if ($drop =~ /OWNED/)
	{
		$session->query('DROP SERVER commits_server CASCADE');
		$session->query('CREATE ROLE owner; GRANT CREATE ON SCHEMA public TO owner; GRANT USAGE ON FOREIGN DATA WRAPPER dynamodb_es TO owner');
		$session->query("SET ROLE owner; $server; $mapping; $table");
		works('owned by a role', '');
		$session->query('RESET ROLE');
		is($session->query(q{SELECT count(*) FROM pg_foreign_server WHERE srvowner = 'owner'::regrole}), 1, 'the role owns it');
	}
	$session->query($drop);
	is(connections(), 0, "$what dropped: its connection is closed") if $what ne 'the table';
	like($session->try($count)->{error}{sqlstate}, $what eq 'the user mapping' ? qr/^42704$/ : qr/^42P01$/, "$what dropped: SELECT says so");
	$session->query('GRANT USAGE ON FOREIGN DATA WRAPPER dynamodb_es TO owner') if $drop =~ /OWNED/;
	$session->query('GRANT CREATE ON SCHEMA public TO owner') if $drop =~ /OWNED/;
	$session->query($create);
	works("$what made again", '');
	$session->query('RESET ROLE');
}
$session->query('DROP SERVER commits_server CASCADE; DROP OWNED BY owner; DROP ROLE owner');

# 2. A DROP that is rolled back.
$session->query("$server; $mapping; $table");
works('once more', '');
$session->query('BEGIN; DROP SERVER commits_server CASCADE; ROLLBACK');
works('a DROP rolled back', '');

# 3. Session-level commands.
$session->query('DISCARD ALL');
works('DISCARD ALL', '');
$session->query(q{LOAD 'dynamodb_es'});
works('LOAD', '');

# Statements go by the user mapping of whoever is the user just then.
$session->query(q{CREATE ROLE other; GRANT SELECT ON commits TO other; CREATE USER MAPPING FOR other SERVER commits_server OPTIONS (access_key_id 'AKIDOTHER', secret_access_key 'secret')});
my @rules = ({ match => 'Credential=AKIDOTHER/', answer => { body => { Items => [], Count => 0, ScannedCount => 0 } } });
$session->query("PREPARE counted AS $count");
for my $how ($count, 'EXECUTE counted')
{
	$fault->rules(@rules);
	is($session->query($how), $commits, "$how: goes by the session's own keys");
	$session->query('SET ROLE other');
	is($session->query($how), 0, "$how: after SET ROLE it goes by those of the other role");
	$session->query('RESET ROLE');
	is($session->query($how), $commits, "$how: after RESET ROLE by its own again");
	$session->query('SET SESSION AUTHORIZATION other');
	is($session->query($how), 0, "$how: after SET SESSION AUTHORIZATION by the other's");
	$session->query('RESET SESSION AUTHORIZATION');
	is($session->query($how), $commits, "$how: and after RESET SESSION AUTHORIZATION by its own");
}
$session->query('BEGIN; SET LOCAL ROLE other');
is($session->query($count), 0, 'SET LOCAL ROLE: by the keys of that role');
$session->query('ROLLBACK');
is($session->query($count), $commits, 'and by its own when the transaction is over');
$fault->rules;
$session->query('DROP OWNED BY other; DROP ROLE other');

# 4. Another schema.
$session->query('DROP EXTENSION dynamodb_es CASCADE; CREATE SCHEMA "Event Store"; CREATE EXTENSION dynamodb_es SCHEMA "Event Store"');
$session->query("$server; $mapping; $table");
works('in a schema that is not in the search_path', '"Event Store".');
$session->query('ALTER EXTENSION dynamodb_es SET SCHEMA public');
works('moved to another schema', 'public.');
$session->query('ALTER EXTENSION dynamodb_es SET SCHEMA "Event Store"');
$session->query(q{SET search_path = ''});
is($session->query(q{SELECT "Event Store".dynamodb_es_head('public.commits')}), $commits, 'with an empty search_path names in full are found');
is($session->query(q{SELECT count(*) FROM public.commits WHERE aggregate_id = 'a'}), $commits, 'and tables likewise');
$session->query('RESET search_path');
is($session->query(q{SELECT count(*) FROM pg_catalog.pg_proc WHERE proname LIKE 'dynamodb\_es\_%' AND pronamespace <> '"Event Store"'::regnamespace}), 0,
	'the extension has nothing outside its schema');

# 5. pg_dump and restore, with values that need quotes.
my $odd = q{o''clock \\ "quoted" $$ };
$session->query("ALTER FOREIGN TABLE commits ADD COLUMN \"Kind Of\" text OPTIONS (attribute '$odd')");
$session->query("INSERT INTO commits (aggregate_id, version, events, \"Kind Of\") VALUES ('odd', 0, '[]', 'kept')");
$others++;
$session->query(q{ALTER SERVER commits_server OPTIONS (ADD max_connections '7', ADD batch_size '33')});
$session->query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET secret_access_key 'it''s\\a"secret"', ADD session_token 'to''ken')});
$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (ADD scan_segments '3', ADD append_token 'Kind Of')});
$session->query('CREATE ROLE reader');
$session->query('GRANT SELECT ON commits TO reader; GRANT USAGE ON FOREIGN SERVER commits_server TO reader');
$session->query('REVOKE EXECUTE ON FUNCTION "Event Store".dynamodb_es_head(regclass) FROM PUBLIC; GRANT EXECUTE ON FUNCTION "Event Store".dynamodb_es_head(regclass) TO reader');
$session->query('CREATE VIEW recent AS SELECT aggregate_id, version FROM commits WHERE commit_id > 0');
my %catalog = (
	options => q{SELECT 'server', srvname, ARRAY(SELECT unnest(srvoptions) ORDER BY 1)::text, srvacl::text FROM pg_foreign_server
		UNION ALL SELECT 'mapping', usename, ARRAY(SELECT unnest(umoptions) ORDER BY 1)::text, NULL FROM pg_user_mappings
		UNION ALL SELECT 'table', ftrelid::regclass::text, ARRAY(SELECT unnest(ftoptions) ORDER BY 1)::text, NULL FROM pg_foreign_table
		UNION ALL SELECT 'column', attname, ARRAY(SELECT unnest(attfdwoptions) ORDER BY 1)::text, NULL FROM pg_attribute WHERE attfdwoptions IS NOT NULL ORDER BY 1, 2},
	grants => q{SELECT relname, relacl::text FROM pg_class WHERE relname IN ('commits', 'recent')
		UNION ALL SELECT proname, proacl::text FROM pg_proc WHERE proname LIKE 'dynamodb\_es%' ORDER BY 1},
	places => q{SELECT extname, extnamespace::regnamespace, extversion FROM pg_extension ORDER BY 1},
	odd => q{SELECT "Kind Of" FROM commits WHERE aggregate_id = 'odd'});
my %before = map { $_ => [ $session->query($catalog{$_}) ] } sort keys %catalog;
is_deeply($before{odd}, [ ['kept'] ], 'an attribute with quotes in its name is read back');

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump writes the database');
unlike(slurp_file($dump), qr/CREATE FUNCTION.*dynamodb_es/, 'the extension is dumped as one');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], 'psql restores it');
{
	my $original = $session;
	$session = Session->new($node, database => 'restored');
	is_deeply([ $session->query($catalog{$_}) ], $before{$_}, "restored: the same $_") for sort keys %catalog;
	is($session->query('SELECT count(*) FROM recent'), $commits + 1, 'restored: views on the store work');
	$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (DROP append_token)});
	$fault->rules;
	is($session->query($count), $commits, 'restored: SELECT works');
	is($session->try($insert)->{error}, undef, 'restored: INSERT works');
	$commits++;
	is($session->query($count), $commits, 'restored: and both databases are one store');
	$session->close;
	$session = $original;
}
$session->query('DROP EXTENSION dynamodb_es CASCADE');
$session->close;

# 6. The library loaded by the server, by the session, or by LOAD before anything else.
my $postmaster = sub { (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0] };
my $maps = sub { slurp_file("/proc/$_[0]/maps") =~ m{/dynamodb_es\.so$}m ? 1 : 0 };
my $threads = sub { scalar(() = glob "/proc/$_[0]/task/*") };
for my $setting (qw(shared_preload_libraries session_preload_libraries))
{
	my $of_postmaster = sub { scalar(() = glob '/proc/' . $postmaster->() . '/fd/*') };
	$node->restart;
	my $descriptors = $of_postmaster->();
	$node->append_conf('postgresql.conf', "$setting = 'dynamodb_es'");
	$node->restart;
	$session = Session->new($node);
	is($maps->($session->pid), 1, "$setting: a new session has the library");
	is($maps->($postmaster->()), $setting =~ /^shared/ ? 1 : 0, "$setting: the postmaster " . ($setting =~ /^shared/ ? 'has it too' : 'does not'));
	is($session->query(q{SELECT count(*) FROM pg_settings WHERE name LIKE 'dynamodb\_es.%'}) > 0 ? 1 : 0, 1, "$setting: its settings are known");
	$session->create_table('commits', $fault->endpoint);
	works($setting, '');
	is($threads->($postmaster->()), 1, "$setting: the postmaster has one thread");
	is($of_postmaster->(), $descriptors, "$setting: and no descriptor of the library's");
	my $second = Session->new($node);
	is($second->query($count), $commits, "$setting: a second session works beside it");
	works("$setting, and the first one", '');
	$session->query('DROP EXTENSION dynamodb_es CASCADE');
	$_->close for $session, $second;
	$node->append_conf('postgresql.conf', "$setting = ''");
}
$node->restart;
$session = Session->new($node);
$session->query(q{LOAD 'dynamodb_es'});
is($maps->($session->pid), 1, 'LOAD: the session has the library');
$session->create_table('commits', $fault->endpoint);
works('LOAD first', '');

$fault->stop;
$node->stop;
done_testing();
