# Whatever an endpoint answers, a statement ends with an error that says so, at once where it is told to; and what the answer took of memory goes
# back. The answers of this file are none of DynamoDB's: pages that lead nowhere, or in a circle, and values of which there is no end.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Interrupt;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use JSON::PP;
use ScriptedEndpoint;
use Session;
use Test::More;

my $endpoint = ScriptedEndpoint->new;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
my $session = Session->new($node);
$session->create_table('commits', $endpoint->endpoint, max_attempts => 1);

# Runs a statement against such answers. The error and its DETAIL, or what it returned, and how many requests it took.
sub outcome
{
	my ($sql, %answers) = @_;
	$endpoint->answers(%answers) if %answers;
	my $result = $session->try($sql);
	my $requests = () = $endpoint->answers;
	return ("$result->{error}{sqlstate}: $result->{error}{detail}", $requests) if $result->{error};
	return (join('|', map { $_->[0] // '' } @{ $result->{rows} }), $requests);
}
sub is_refused
{
	my ($name, $most, $sql, %answers) = @_;
	my ($outcome, $requests) = outcome($sql, %answers);
	like($outcome, qr/\AHV000: .*not one of DynamoDB's/, "$name is refused");
	cmp_ok($requests, '<=', $most, "after $most requests at most");
}

# A page without items that has this key.
sub page { my (@key) = @_; return { parts => [ [ '{"Count":0,"ScannedCount":0,"Items":[],"LastEvaluatedKey":', 1 ], @key, [ '}', 1 ] ] } }
sub key { my ($aggregate, $version) = @_; return [ qq({"aggregateId":{"S":"$aggregate"},"version":{"N":"$version"}}), 1 ] }
my %reads = (
	'a read of all' => 'SELECT * FROM commits',
	'a read of an aggregate' => q{SELECT * FROM commits WHERE aggregate_id = 'a'},
	'a read of the index' => 'SELECT * FROM commits WHERE commit_id > 0',
	'a count' => q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'},
	'a statistics sample' => 'ANALYZE commits');

# 1. What is no start key, once: it is neither compared nor sent back.
my %no_key = (
	'nested' => [ [ '{"k":', 64 ], [ '{"S":"x"}', 1 ], [ '}', 64 ] ],
	'flat, of 80,000 members' => [ [ '{', 1 ], [ '"k":{"S":"x"},', 79_999 ], [ '"l":{"S":"x"}}', 1 ] ],
	'a string of 10 MB' => [ [ '{"k":{"S":"', 1 ], [ 'x', 10 * 1024 * 1024 ], [ '"}}', 1 ] ],
	'a number of 10,000 digits' => [ [ '{"k":{"N":"', 1 ], [ '7', 10_000 ], [ '"}}', 1 ] ],
	'twice the same name' => [ [ '{"k":{"S":"x"},"k":{"S":"x"}}', 1 ] ],
	'five attributes' => [ [ '{"a":{"S":"x"},"b":{"S":"x"},"c":{"S":"x"},"d":{"S":"x"},"e":{"S":"x"}}', 1 ] ],
	'a document' => [ [ '{"k":{"M":{}}}', 1 ] ],
	'a list' => [ [ '[]', 1 ] ]);
for my $name (sort keys %no_key)
{
	is_refused("a start key: $name", 1, $reads{$_}, '*' => page(@{ $no_key{$name} })) for ('a read of all', 'a read of an aggregate');
}
is_refused("$_, nested start keys", 3, $reads{$_}, '*' => page(@{ $no_key{nested} })) for sort keys %reads;

# 2. Keys as DynamoDB's that lead nowhere.
my @circle = map { page(key('a', $_)) } 1 .. 5;
for my $name (grep { $_ ne 'a statistics sample' } sort keys %reads)
{
	is_refused("$name, the same start key again", 2, $reads{$name}, '*' => page(key('a', 1)));
	is_refused("$name, start keys in a circle", 16, $reads{$name}, map { $_ => [ @circle, @circle, @circle, { stall => 1 } ] } qw(Query Scan));
}
is_refused('an aggregate whose versions go back', 2, $reads{'a read of an aggregate'}, Query => [ page(key('a', 2)), page(key('a', 1)), { stall => 1 } ]);
is_refused('backward, one whose versions go forward', 2, "$reads{'a read of an aggregate'} ORDER BY version DESC",
	Query => [ page(key('a', 1)), page(key('a', 2)), { stall => 1 } ]);
is((outcome($reads{'a read of an aggregate'}, Query => [ page(key('a', 1)), page(key('a', 2)), page([ '{}', 1 ]) ]))[0], '', 'an empty start key is the end');
is_refused('dropping tables, counters in a circle', 18, q{SELECT dynamodb_es_drop_tables('commits')},
	DescribeTable => [ ScriptedEndpoint::store_tables('ACTIVE') ],
	Scan => [ @circle, @circle, @circle, { stall => 1 } ]);

# 3. Names of tables.
my $import = 'CREATE SCHEMA imported; IMPORT FOREIGN SCHEMA dynamodb FROM SERVER commits_server INTO imported';
sub names { my ($last, @names) = @_; return { body => '{"TableNames":[' . join(',', map { qq("$_") } @names) . qq(],"LastEvaluatedTableName":$last}) } }
my %missing = (DescribeTable => { status => 400, body => '{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"}' });
my @names = map { names(qq("table$_"), "table$_") } 1 .. 4;
is_refused('a list of tables that stays where it is', 4, $import, %missing, ListTables => names('"table"', 'table'));
is_refused('a list of tables in a circle', 40, $import, %missing, ListTables => [ @names, @names, @names, { stall => 1 } ]);
is_refused('a list of tables without tables', 1, $import, %missing, ListTables => [ names('"table"'), { stall => 1 } ]);
is_refused('a name that is none', 2, $import, %missing, ListTables => [ names('{"S":"table"}', 'table'), { stall => 1 } ]);

is((outcome('SELECT * FROM commits', '*' => { body => '{"Items":[],"Count":0,"ScannedCount":0}' }))[0], '', 'afterwards the session reads on');
$session->close;

# 4. Memory: no more than eight times the bytes of an answer at any time, and no more than before once the statement is over.
my $mb = 1024 * 1024;
$session = Session->new($node);
$session->create_table('packed', $endpoint->endpoint, max_attempts => 1, accept_encoding => 'gzip');
$session->close;
sub memory { my ($what, $pid) = @_; return slurp_file("/proc/$pid/status") =~ /^$what:\s*(\d+) kB/m ? $1 * 1024 : die $what }

# A session of its own, so that nothing was ever larger in it. `bytes` of the answer, once unpacked; `outcome` is a pattern.
sub takes_little
{
	my ($name, $table, $bytes, $expected, %answer) = @_;
	my %plain = (body => '{"Items":[],"Count":0,"ScannedCount":0}');
	my $sql = "SELECT count(version) FROM $table WHERE version >= 0 OR events IS NULL";
	$session = Session->new($node);
	outcome($sql, '*' => \%plain);
	my ($before, $peak_before) = map { memory($_, $session->pid) } qw(VmRSS VmHWM);
	my ($outcome) = outcome($sql, '*' => \%answer);
	my ($after, $peak) = map { memory($_, $session->pid) } qw(VmRSS VmHWM);
	$endpoint->answers('*' => \%plain);
	like($outcome, $expected, "$name: what comes of it");
	cmp_ok($peak - $peak_before, '<=', 8 * $bytes, sprintf '%s: %.0f MB at the most, for %.0f MB', $name, ($peak - $peak_before) / $mb, $bytes / $mb);
	cmp_ok($after - $before, '<=', 4 * $mb, sprintf '%s: %.1f MB are left behind', $name, ($after - $before) / $mb);
	is((outcome($sql))[0], '0', "$name: the session reads on");
	$session->close;
}
my %zeroes = (
	'a page of zeroes' => [ [ '{"Count":0,"Items":[0', 1 ], [ ',0', 30 * $mb ], [ ']}', 1 ] ],
	'zeroes beside the items' => [ [ '{"Count":0,"Items":[],"x":[0', 1 ], [ ',0', 30 * $mb ], [ ']}', 1 ] ],
	'zeroes in one item' => [ [ '{"Count":1,"Items":[{"version":{"L":[0', 1 ], [ ',0', 30 * $mb ], [ ']}}]}', 1 ] ],
	'zeroes in items' => [ [ '{"Count":1,"Items":[{"version":0}', 1 ], [ ',{"version":[0,0,0]}', 3 * $mb ], [ ']}', 1 ] ],
	'empty items' => [ [ '{"Items":[{}', 1 ], [ ',{}', 20 * $mb ], [ ']}', 1 ] ]);
for my $name (sort keys %zeroes)
{
	my $bytes = 0;
	$bytes += $_->[1] * length $_->[0] for @{ $zeroes{$name} };
	my $expected = $name =~ /items/ ? qr/\A(?:0|22P02|HV000)/ : qr/\AHV000: /;
	takes_little($name, 'commits', $bytes, $expected, parts => $zeroes{$name});
	takes_little("$name, compressed", 'packed', $bytes, $expected, parts => $zeroes{$name}, gzip => JSON::PP::true);
	takes_little("$name, as an error", 'commits', $bytes, qr/\AHV000: /, status => 500, parts => $zeroes{$name});
	takes_little("$name, as a compressed error", 'packed', $mb, qr/\AHV000: /, status => 500, parts => $zeroes{$name}, gzip => JSON::PP::true);
	takes_little("$name, compressed though nobody asked for it", 'commits', $mb, qr/\AHV000: .*encoding that was not asked for/, parts => $zeroes{$name}, gzip => JSON::PP::true);
}
my $items = 2 * $mb;
takes_little('a page of small items', 'commits', 22 * $items, qr/\A$items\z/, parts => [ [ qq({"Count":$items,"Items":[), 1 ], [ '{"version":{"N":"1"}},', $items - 1 ],
	[ '{"version":{"N":"2"}}]}', 1 ] ]);
my $values = 300_000;
takes_little('a document of small values', 'commits', 10 * $values, qr/\A1\z/,
	parts => [ [ '{"Count":1,"Items":[{"version":{"N":"1"},"events":{"L":[{"S":""}', 1 ], [ ',{"S":""}', $values ], [ ']}}]}', 1 ] ]);

# 5. An answer that takes long to look through: the statement ends at once all the same.
my $observer = Session->new($node);
$observer->create_table('long', $endpoint->endpoint, max_attempts => 1, accept_encoding => 'gzip', max_response_mb => 1024);
$observer->create_table('good', $ENV{DYNAMODB_ENDPOINT});
$observer->query(q{SELECT dynamodb_es_create_tables('good')});
sub until_at_work
{
	my ($backend) = @_;
	my $since = Session::now();
	while (Session::now() < $since + 0.05)
	{
		$since = Session::now() if $observer->query('SELECT wait_event IS NOT NULL FROM pg_stat_activity WHERE pid = ' . $backend->pid) eq 't';
	}
	return;
}
my %long = (
	'blanks' => [ [ '{"Items":[', 1 ], [ ' ', 400 * $mb ], [ ']}', 1 ] ],
	'one text' => [ [ '{"Items":[{"version":{"S":"', 1 ], [ 'x', 400 * $mb ], [ '"}}]}', 1 ] ]);
$session = Session->new($node);
for my $name (sort keys %long)
{
	$endpoint->answers('*' => { parts => $long{$name}, gzip => JSON::PP::true });
	outcome('SELECT * FROM long');
	ends_at_once($node, $observer, "a long answer: $name", sql => 'SELECT * FROM long', reached => \&until_at_work, works => [ 'SELECT count(*) FROM good', 0 ]);
}
$_->close for $observer, $session;
$node->stop;
done_testing();
