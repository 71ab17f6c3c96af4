# A table is taken for a store's by the types of its keys and by what its index holds, and not by names alone: a store of dynamodb-event-store 2.x
# has the same names. What is no store of this format is neither said to be usable, nor appended beside, nor deleted.
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
my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});

sub exists_still { my ($table) = @_; return $dynamodb->answer(DescribeTable => { TableName => $table })->{success} ? 1 : 0 }
sub error { return $session->try($_[0])->{error} // { sqlstate => 'none', detail => '' } }
sub table
{
	my ($name, $commits, $counters, $more) = @_;
	$session->query("CREATE FOREIGN TABLE $name (commit_id bigint, aggregate_id text, version bigint, events jsonb) SERVER commits_server OPTIONS (commit_table '$commits', counter_table '$counters'"
		. ($more // '') . ')');
	return;
}

$dynamodb->create_store('strings', 'strings-counters', commit_id => 'S');
$dynamodb->put('strings', { aggregateId => { S => 'a' }, version => { N => '0' }, commitId => { S => '0001' }, active => { S => 't' }, events => { S => '[]' } });
$dynamodb->create_store('narrow', 'narrow-counters', projection => 'KEYS_ONLY');
$dynamodb->create_store('good', 'good-counters');

for ([ '2.x', 'strings', 'strings-counters', qr/active S, commitId S.*active S, commitId N/ ],
	[ 'an index of keys only', 'narrow', 'narrow-counters', qr/holds KEYS_ONLY of the attributes/ ],
	[ 'commits in place of the counters', 'good', 'strings', qr/aggregateId S, version N.*name S/ ],
	[ 'counters in place of the commits', 'good-counters', 'strings-counters', qr/name S.*aggregateId S, version N/ ],
	[ 'no such index', 'good', 'good-counters', qr/no index "other"/, q{, commit_index 'other'} ])
{
	my ($what, $commits, $counters, $detail, $more) = @$_;
	table('store', $commits, $counters, $more);
	for my $function (qw(create_tables drop_tables status))
	{
		next if $function eq 'status' && $what eq 'no such index';      # which it shows
		my $error = error("SELECT dynamodb_es_$function('store')");
		is($error->{sqlstate}, '55000', "$what: dynamodb_es_$function refuses it");
		like($error->{detail}, $detail, "$what: dynamodb_es_$function says why");
	}
	is(exists_still($_), 1, "$what: $_ is there still") for $commits, $counters;
	my @findings = $session->query(q{SELECT severity, what FROM dynamodb_es_check('store')});
	is(scalar(@findings), 1, "$what: dynamodb_es_check finds it") or diag explain \@findings;
	like($findings[0][1], $detail, "$what: and says what it is");
	is($findings[0][0], 'error', "$what: and calls it an error");
	$session->query('DROP FOREIGN TABLE store');
}

# Neither is a counters table deleted beside what is none of its store's, nor the other way round.
is($dynamodb->call(Scan => { TableName => 'strings' })->{Count}, 1, 'the commits of 2.x are there');

$session->query('CREATE SCHEMA imported; IMPORT FOREIGN SCHEMA dynamodb FROM SERVER commits_server INTO imported');
is_deeply([ $session->query(q{SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace AND relkind = 'f' ORDER BY 1}) ], [ ['good'] ],
	'IMPORT FOREIGN SCHEMA leaves out what is no store of this format');

# A store of the format is dropped as before.
table('store', 'good', 'good-counters');
$session->query(q{SELECT dynamodb_es_drop_tables('store')});
is(exists_still($_), 0, "$_ is dropped") for qw(good good-counters);

$node->stop;
done_testing();
