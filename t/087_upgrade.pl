# An installed 1.0 goes on with the new library as it is, and after ALTER EXTENSION … UPDATE has what a new installation has, in sessions that have
# used it before as well.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $session = Session->new($node);
my $other = Session->new($node);
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $commits = 0;

sub works
{
	my ($with, $when) = @_;
	is(scalar $with->query("INSERT INTO commits (aggregate_id, version, events) VALUES ('a', $commits, '[]') RETURNING commit_id"), $commits + 1, "$when: an append");
	$commits++;
	is(scalar $with->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'}), $commits, "$when: a read");
	is(scalar $with->query(q{SELECT dynamodb_es_head('commits')}), $commits, "$when: the head");
	is_deeply([ $with->query(q{SELECT commit_table_status, commit_index_status, counter_table_status, head FROM dynamodb_es_status('commits')}) ],
		[ [ 'ACTIVE', 'ACTIVE', 'ACTIVE', $commits ] ], "$when: the status");
	is($with->try(q{SELECT dynamodb_es_create_tables('commits')})->{error}{sqlstate}, '42P07', "$when: tables that exist");
	return;
}

# 1.0's objects, as a session prepares and keeps them.
$session->query(q{CREATE EXTENSION dynamodb_es VERSION '1.0'});
is(scalar $session->query(q{SELECT extversion FROM pg_extension WHERE extname = 'dynamodb_es'}), '1.0', '1.0 is installed');
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(q{SELECT dynamodb_es_create_tables('commits')});
works($_->[0], "1.0, $_->[1]") for [ $session, 'the session that installed it' ], [ $other, 'another one' ];
is(scalar(() = map { @$_ } $session->query(q{SELECT * FROM dynamodb_es_status('commits')})), 9, '1.0: the status has nine columns');
$plain->put('counters', { name => { S => 'commits' }, id => { N => '1' } });
is($session->try(q{SELECT dynamodb_es_create_tables('commits')})->{notices}[2]{message}, "counter \"commits\" is raised from 1 to the largest commit id there is, $commits",
	'1.0: a counter that is behind is raised by its functions, too');
$_->query(q{PREPARE status AS SELECT head, item_count IS NULL FROM dynamodb_es_status('commits')}) for $session, $other;
$_->query('EXECUTE status') for $session, $other;
$session->query('CREATE VIEW seen AS SELECT aggregate_id, version FROM commits');

# A view over what gets a new column stands in the way, and is named.
$session->query(q{CREATE VIEW state AS SELECT * FROM dynamodb_es_status('commits')});
my $error = $session->try('ALTER EXTENSION dynamodb_es UPDATE')->{error};
is($error->{sqlstate}, '2BP01', 'a view over dynamodb_es_status has to be dropped first');
like($error->{detail}, qr/view state/, 'and is named');
works($session, '1.0, after an update that failed');
$session->query('DROP VIEW state');

$session->query('ALTER EXTENSION dynamodb_es UPDATE');
is(scalar $session->query(q{SELECT extversion FROM pg_extension WHERE extname = 'dynamodb_es'}), '1.1', 'the update is to 1.1');
works($_->[0], "1.1, $_->[1]") for [ $session, 'the session that updated it' ], [ $other, 'one that was open before' ], [ Session->new($node), 'a new one' ];
is_deeply([ $_->query('EXECUTE status') ], [ [ $commits, 'f' ] ], '1.1: what was prepared before') for $session, $other;
is(scalar $_->query('SELECT count(*) FROM seen'), $commits, '1.1: a view on the store') for $session, $other;
is(scalar $_->query(q{SELECT max_commit_id FROM dynamodb_es_status('commits')}), $commits, '1.1: the new column') for $session, $other;
is_deeply([ $_->query(q{SELECT * FROM dynamodb_es_check('commits', true)}) ], [], '1.1: a new function') for $session, $other;

# Projections, of a source that 1.0 has made, also in a session that knew 1.0 only.
is($other->try(q{SELECT dynamodb_es_create_projection('p', 'apply')})->{error}{sqlstate}, '42883', '1.1: there is no handler yet');
$other->query(q{CREATE TABLE applied (commit_id bigint); CREATE FUNCTION apply(batch commits[]) RETURNS void LANGUAGE sql AS 'INSERT INTO applied SELECT commit_id FROM unnest(batch)'});
$other->query(q{SELECT dynamodb_es_create_projection('p', 'apply')});
is(scalar $session->query(q{SELECT dynamodb_es_run('p')}), $commits, '1.1: a projection of a table that 1.0 has made');
is(scalar $other->query('SELECT count(DISTINCT commit_id) FROM applied'), $commits, 'which has applied each commit');

# The same objects, members of the extension all, as of a new installation.
sub objects
{
	my ($with) = @_;
	return [ map { join ' | ', map { $_ // 'NULL' } @$_ } $with->query(q{
		SELECT pg_describe_object(classid, objid, objsubid), pg_get_functiondef(p.oid), pg_get_function_result(p.oid), obj_description(d.objid, d.classid::regclass::name), p.proacl
		FROM pg_depend d LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dynamodb_es') AND deptype = 'e' ORDER BY 1}) ];
}
$session->query('CREATE DATABASE fresh');
my $fresh = Session->new($node, database => 'fresh');
$fresh->query('CREATE EXTENSION dynamodb_es');
is_deeply(objects($session), objects($fresh), 'an updated installation has what a new one has');
cmp_ok(scalar @{ objects($fresh) }, '>', 10, 'which is something');
# What \df+, \dv+ and \dew+ show.
my $members = q{FROM pg_depend d WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dynamodb_es') AND deptype = 'e'};
is(scalar $fresh->query(qq{SELECT string_agg(pg_describe_object(classid, objid, 0), ', ') $members AND classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_foreign_data_wrapper'::regclass)
	AND obj_description(objid, classid::regclass::name) IS NULL AND NOT EXISTS (SELECT FROM pg_class WHERE oid = objid AND relkind = 'i')}), undef, 'every function, table and view, and the wrapper, say what they are for');
is(scalar $fresh->query(q{SELECT string_agg(objid::regclass || '.' || attname, ', ') FROM pg_depend JOIN pg_class c ON c.oid = objid AND relkind = 'v' JOIN pg_attribute ON attrelid = objid AND attnum > 0
	WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e' AND col_description(objid, attnum) IS NULL}), undef, 'and every column of a view');
is(scalar $fresh->query(qq{SELECT string_agg(objid::regprocedure::text, ', ') $members AND classid = 'pg_proc'::regclass
	AND EXISTS (SELECT FROM pg_proc WHERE oid = objid AND pronargs > 0 AND (proargnames IS NULL OR '' = ANY (proargnames)))}), undef, 'every argument has a name');
like(scalar $fresh->query('SELECT dynamodb_es_version()'), qr/\Adynamodb_es \d+\.\d+\.\d+, built for PostgreSQL \d\S*( \(.*?\))?, with libcurl \d\S+, OpenSSL \d\S+, cJSON \d\S+, zlib \d\S+\z/, 'and the library says what it is');

$node->stop;
done_testing();
