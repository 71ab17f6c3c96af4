# Where unreadable is 'replace', a value that its column cannot show ends no report: its characters are U+FFFD, or all of it is NULL, and one
# WARNING says so. Whatever DynamoDB decides, the rows are those that PostgreSQL would choose of what it shows.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Encode;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->start;
my $session = Session->new($node);
my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $extra = 'note text, tree json, branches jsonb, total bigint, small int, amount numeric(6,2), at timestamptz(0), paid boolean, id uuid, short varchar(5), data bytea, ratio real';
my $columns = "commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, $extra";
$session->create_table('strict', $ENV{DYNAMODB_ENDPOINT});
$session->query("CREATE FOREIGN TABLE commits ($columns) SERVER strict_server OPTIONS (unreadable 'replace')");
$session->query('ALTER FOREIGN TABLE strict ' . join ', ', map { "ADD $_" } split /, (?=\w+ )/, $extra);
$session->query(q{SELECT dynamodb_es_create_tables('commits')});

my $shown = "\xef\xbf\xbd";     # U+FFFD
my $id = 0;
sub put_item
{
	my ($aggregate, $version, $attributes) = @_;
	my $events = $attributes =~ /"events"/ ? '' : ', "events": {"S": "[]"}';
	my $indexed = $attributes =~ s/-commitId// ? '' : ', "commitId": {"N": "' . ++$id . '"}, "active": {"S": "t"}';
	$dynamodb->raw(PutItem => qq({"TableName": "commits", "Item": {"aggregateId": {"S": "$aggregate"}, "version": {"N": "$version"}$events$indexed)
		. ($attributes eq '' ? '' : ", $attributes") . '}}');
	return;
}
sub warnings_of { my ($result) = @_; return map { "$_->{message}: $_->{detail}" } grep { $_->{severity} eq 'WARNING' } @{ $result->{notices} } }
sub place { my ($attribute, $aggregate, $version, $table) = @_; return qq(attribute "$attribute" of aggregate "$aggregate", version $version, in foreign table ") . ($table // 'commits') . '"' }
sub one { my (@place) = @_; return '1 value that cannot be read was replaced: It is ' . place(@place) . '.' }
sub more { my ($count, @place) = @_; return "$count values that cannot be read were replaced: The first one is " . place(@place) . '.' }
sub only { my ($result) = @_; return $result->{error} ? "$result->{error}{sqlstate} $result->{error}{message}" : $result->{rows}[0][0] }

# [what it is, its attribute as JSON, the column, what it shows].
my @values = (
	[ 'U+0000 in a text', '"note": {"S": "a\u0000b"}', note => "a${shown}b" ],
	[ 'nothing else in a text', '"note": {"S": "\u0000\u0000"}', note => "$shown$shown" ],
	[ 'U+0000 in events, as JSON writes it', '"events": {"S": "[\"\\\\u0000x\"]"}', events => qq(["${shown}x"]) ],
	[ 'U+0000 in events, raw', '"events": {"S": "[\"\u0000x\"]"}', events => qq(["${shown}x"]) ],
	[ 'halves of pairs in events', '"events": {"S": "[\"\\\\ud800\", \"\\\\udc00\\\\ud83d\\\\ude00\", \"\\\\ud800\\\\ud83d\\\\ude00\"]"}', events => qq(["$shown", "$shown\xf0\x9f\x98\x80", "$shown\xf0\x9f\x98\x80"]) ],
	[ 'what only looks like an escape', '"events": {"S": "[\"\\\\\\\\u0000\", \"\\\\u0000\"]"}', events => qq(["\\\\u0000", "$shown"]) ],
	[ 'a quote and a backslash as escapes beside it', '"events": {"S": "[\"\\\\u0022\\\\u005c\\\\u0000\"]"}', events => qq(["\\"\\\\$shown"]) ],
	[ 'U+0000 in a json column', '"tree": {"S": "{\"a\": \"\\\\u0000\"}"}', q{tree ->> 'a'} => $shown ],
	[ 'U+0000 in a tree', '"tree": {"L": [{"M": {"a": {"S": "\u0000"}}}, {"SS": ["\u0000"]}]}', tree => qq([{"a":"$shown"},["$shown"]]) ],
	[ 'U+0000 in a name', '"branches": {"M": {"a\u0000": {"S": ""}}}', branches => qq({"a$shown": ""}) ],
	[ 'events that are no JSON', '"events": {"S": "[1"}', events => undef ],
	[ 'events nested deeper than PostgreSQL goes', '"events": {"S": "' . '[' x 100_000 . ']' x 100_000 . '"}', events => undef ],
	[ 'a number for events', '"events": {"N": "1"}', events => undef ],
	[ 'a number for a text', '"note": {"N": "1"}', note => undef ],
	[ 'a text for a number', '"total": {"S": "1"}', total => undef ],
	[ 'a fraction', '"total": {"N": "1.5"}', total => undef ],
	[ 'a number out of range', '"total": {"N": "1E+30"}', total => undef ],
	[ 'a number out of the range of int', '"small": {"N": "3000000000"}', small => undef ],
	[ 'too many digits', '"amount": {"N": "1.001"}', amount => undef ],
	[ 'a number too large', '"amount": {"N": "123456"}', amount => undef ],
	[ 'half a second', '"at": {"N": "1500"}', at => undef ],
	[ 'a time that no timestamp reaches', '"at": {"N": "1E+20"}', at => undef ],
	[ 'a text for a boolean', '"paid": {"S": "true"}', paid => undef ],
	[ 'a UUID in capitals', '"id": {"S": "ABCDEF00-0000-0000-0000-000000000000"}', id => undef ],
	[ 'a text too long', '"short": {"S": "123456"}', short => undef ],
	[ 'a text that is shortened in silence', '"short": {"S": "12345 "}', short => undef ],
	[ 'U+0000 in a short text', '"short": {"S": "1234\u0000"}', short => "1234$shown" ],
	[ 'a set for binary', '"data": {"SS": ["a"]}', data => undef ],
	[ 'a number that is no real', '"ratio": {"N": "1E+100"}', ratio => undef ],
);
push @values, [ 'half a pair', '"note": {"S": "a\ud800b\udc00"}', note => "a${shown}b$shown" ], [ 'half a pair in a tree', '"branches": {"L": [{"S": "\udc00"}]}', branches => qq(["$shown"]) ] if $ENV{DYNAMODB_ENGINE} eq 'dynalite';
for my $at (0 .. $#values)
{
	my ($name, $attribute, $column, $expected) = @{ $values[$at] };
	put_item('value', $at, $attribute);
	my $result = $session->try("SELECT $column FROM commits WHERE aggregate_id = 'value' AND version = $at");
	is(only($result), $expected, "$name: what it shows");
	is_deeply([ warnings_of($result) ], [ one($attribute =~ /\A"(\w+)"/, 'value', $at) ], "$name: the warning");
	$result = $session->try("SELECT $column FROM strict WHERE aggregate_id = 'value' AND version = $at");
	like(only($result), qr/\A22(P02|P05|003) /, "$name: an error without the option") if $column !~ /->>/;
}
my $count = @values;
my @quiet = ([ 'the escapes of what can be shown' => '"tree": {"S": "[\"\\\\u00e9\\\\ud83d\\\\ude00\"]"}', 'tree ->> 0' => "\xc3\xa9\xf0\x9f\x98\x80" ], [ 'a json column' => '"tree": {"S": " [1,  \"\\\\n\\\\\\\\u0000\"]"}', tree => ' [1,  "\n\\\\u0000"]' ],
	[ 'U+FFFD itself' => '"note": {"S": "\ufffd"}', note => $shown ], [ 'NULL' => '"note": {"NULL": true}', note => undef ], [ 'nothing' => '', note => undef ]);
for my $at (0 .. $#quiet)
{
	my ($name, $attribute, $column, $expected) = @{ $quiet[$at] };
	put_item('quiet', $at, $attribute);
	my $result = $session->try("SELECT $column FROM commits WHERE aggregate_id = 'quiet' AND version = $at");
	is(only($result), $expected, "$name: read as it is");
	is_deeply([ warnings_of($result) ], [], "$name: without a warning");
}

# One WARNING for each statement, however it reads.
my $all = more($count, 'note', 'value', 0);
sub one_warning
{
	my ($name, $sql, $expected) = @_;
	is_deeply([ warnings_of($session->try($sql)) ], [ $expected // $all ], "$name: one warning");
	return;
}
one_warning('an aggregate', q{SELECT * FROM commits WHERE aggregate_id = 'value' ORDER BY version});
one_warning('the index', q{SELECT * FROM commits WHERE commit_id > 0 ORDER BY commit_id});
one_warning('a cursor', q{BEGIN; DECLARE c CURSOR FOR SELECT * FROM commits ORDER BY commit_id; FETCH 2 FROM c; FETCH ALL FROM c; CLOSE c; COMMIT});
one_warning('a cursor left open', q{BEGIN; DECLARE c CURSOR FOR SELECT * FROM commits ORDER BY commit_id; FETCH 1 FROM c; COMMIT}, one('note', 'value', 0));
one_warning('a cursor WITH HOLD', q{BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM commits ORDER BY commit_id; FETCH 1 FROM c; COMMIT; FETCH ALL FROM c; CLOSE c});
one_warning('a loop', q{DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM commits WHERE aggregate_id = 'value' ORDER BY version LOOP END LOOP; END $$});
one_warning('two scans in one statement', q{SELECT a.note, b.note FROM commits a, commits b WHERE a.aggregate_id = 'value' AND b.aggregate_id = 'value' AND a.version = 0 AND b.version = 0}, more(2, 'note', 'value', 0));
one_warning('a scan that is begun anew for each row', q{SELECT (SELECT note FROM commits WHERE aggregate_id = 'value' AND version = n % 2 AND n IS NOT NULL) FROM generate_series(0, 3) n}, more(4, 'note', 'value', 0));
one_warning('EXPLAIN ANALYZE', q{EXPLAIN ANALYZE SELECT * FROM commits WHERE aggregate_id = 'value' ORDER BY version});
one_warning('CREATE TABLE AS', q{CREATE TABLE copied AS SELECT * FROM commits WHERE aggregate_id = 'value' ORDER BY version});
one_warning('an INSERT that reads its own table', q{INSERT INTO commits (aggregate_id, version, events, note) SELECT 'again', version, '[]', note FROM commits WHERE aggregate_id = 'value' AND version < 1}, one('note', 'value', 0));
is(scalar(my @of_scan = warnings_of($session->try('SELECT * FROM commits'))), 1, 'a scan: one warning');
like($of_scan[0], qr/\A$count values/, 'it counts them all');
is(scalar(my @of_analyze = warnings_of($session->try('ANALYZE commits'))), 1, 'ANALYZE: one warning');
like($of_analyze[0], qr/\A$count values/, 'which counts them all, too');
is_deeply([ warnings_of($session->try('EXPLAIN SELECT * FROM commits')) ], [], 'EXPLAIN: none');
is_deeply([ warnings_of($session->try('SELECT version, commit_id FROM commits')) ], [], 'what is not asked for: none');
is_deeply([ warnings_of($session->try('SELECT 1')) ], [], 'nor does the next statement tell of it');
$session->query(q{CREATE FUNCTION inner_note() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT note FROM commits WHERE aggregate_id = 'value' AND version = 0); END $$});
is_deeply([ warnings_of($session->try(q{SELECT note, inner_note() FROM commits WHERE aggregate_id = 'value' AND version = 1})) ], [ one('note', 'value', 0), one('note', 'value', 1) ], 'a statement in a function of another: one for each');
is($session->try(q{SELECT note, 1 / (version - 1) FROM commits WHERE aggregate_id = 'value' AND version < 2})->{error}{sqlstate}, '22012', 'a statement that fails otherwise');
is_deeply([ warnings_of($session->try('SELECT 1')) ], [], 'leaves nothing to tell');
# Beside parallel workers, where no subtransaction can be had.
$session->query('CREATE TABLE many AS SELECT n FROM generate_series(0, 20000) n; ANALYZE many');
$session->query('SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0');
my $joined = q{SELECT count(note) FROM commits c JOIN (SELECT n % 20000 AS n, count(*) AS c FROM many GROUP BY 1) m ON m.n = c.version WHERE c.aggregate_id = 'value'};
like(join("\n", map { $_->[0] } $session->query("EXPLAIN $joined")), qr/Gather/, 'a plan with workers');
my $beside = $session->try($joined);
is($beside->{error}, undef, 'it reads what is unreadable');
is(scalar(my @of_workers = warnings_of($beside)), 1, 'with one warning');
$session->query('RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size');

# Keys. An id that is shown otherwise is found by every way but itself.
put_item('key\u0000', 0, '"note": {"S": "of a key"}');
$session->query('CREATE TABLE ids AS SELECT aggregate_id FROM commits WHERE aggregate_id LIKE \'key%\'');
is($session->query('SELECT aggregate_id FROM ids'), "key$shown", 'an aggregate id with U+0000 is shown');
is($session->query("SELECT count(*) FROM commits WHERE aggregate_id || '' = 'key$shown'"), 1, 'found by what it shows, where PostgreSQL looks');
is($session->query("SELECT count(*) FROM commits WHERE aggregate_id = 'key$shown'"), 0, 'but not where DynamoDB does');
# Numbers in keys: NULL, but an error where the rows come in their order.
put_item('numbers', $_, '') for qw(1.5 2 3000000000 1E+30);
$session->query("CREATE FOREIGN TABLE narrow (commit_id bigint, aggregate_id text, version int, events jsonb) SERVER strict_server OPTIONS (unreadable 'replace')");
is(join(' ', map { $_->[0] // 'NULL' } sort { ($a->[0] // 0) <=> ($b->[0] // 0) } $session->query(q{SELECT version FROM narrow WHERE aggregate_id = 'numbers'})), 'NULL NULL NULL 2', 'versions that are none are NULL');
is($session->query(q{SELECT count(*) FROM narrow WHERE aggregate_id = 'numbers' AND version > 1}), 1, 'a key condition is not true of them');
is($session->query(q{SELECT count(*) FROM narrow WHERE aggregate_id = 'numbers' AND version IS NULL}), 3, 'IS NULL is');
is($session->query(q{SELECT count(version) FROM narrow WHERE aggregate_id = 'numbers' AND version IS NOT NULL}), 1, 'IS NOT NULL is not');
is($session->query(q{SELECT count(*) FROM narrow WHERE aggregate_id = 'numbers'}), 4, 'they count');
is($session->try(q{SELECT version FROM narrow WHERE aggregate_id = 'numbers' ORDER BY version})->{error}{sqlstate}, '22P02', 'in the order of versions they are an error');
is($session->try(q{SELECT max(version) FROM narrow WHERE aggregate_id = 'numbers'})->{error}{sqlstate}, '22003', 'and for the largest one');
is(join(' ', map { $_->[0] // 'NULL' } $session->query(q{SELECT version FROM (SELECT version FROM narrow WHERE aggregate_id = 'numbers' OFFSET 0) n ORDER BY version})), '2 NULL NULL NULL', 'what PostgreSQL sorts has them last');
put_item('fraction', 0, '"commitId": {"N": "3.5"}, "active": {"S": "t"}-commitId');
is($session->query(q{SELECT commit_id FROM commits WHERE aggregate_id = 'fraction'}), undef, 'a commit id that is none is NULL');
is($session->query(q{SELECT count(*) FROM commits WHERE commit_id BETWEEN 3 AND 4}), 2, 'and not between two others');
is($session->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'fraction' AND commit_id IS NULL}), 1, 'also in a condition');
is($session->try(q{SELECT commit_id FROM commits WHERE commit_id > 0 ORDER BY commit_id})->{error}{sqlstate}, '22P02', 'in the order of commit ids it is an error');

# Conditions: as on a copy of what is shown, whatever DynamoDB was asked for.
$session->query('CREATE TABLE shown AS SELECT * FROM commits');
my @conditions = (
	map({ my $c = $_; map({ "$c $_" } 'IS NULL', 'IS NOT NULL') } qw(note tree branches total small amount at paid id short data ratio events commit_id)),
	(map { my $o = $_; (map { "note $o '$_'" } "a${shown}b", $shown, 'a', 'zzz', ''), "total $o 1", "total $o 0", "small $o 5", "amount $o 1.00", "amount $o 1", "at $o '1970-01-01 00:00:01.5+00'", "at $o 'infinity'", "at $o '-infinity'",
		"id $o 'abcdef00-0000-0000-0000-000000000000'", "short $o '1234$shown'", "short $o '12345'", "data $o ''", "version $o 7", "commit_id $o 7", "aggregate_id $o 'value'", "ratio $o 1" } qw(= <> < > <= >=)),
	"note IN ('x', 'a${shown}b')", "note NOT IN ('x', 'a${shown}b')", "note IN ('x', 'y')", "note NOT IN ('x')", 'total IN (1, 2)', 'total NOT IN (1, 2)', 'paid', 'NOT paid', 'paid IS TRUE', 'paid IS NOT TRUE', 'paid IS FALSE', 'paid IS NOT FALSE', 'paid IS UNKNOWN',
	'paid IS NOT UNKNOWN', 'total IS DISTINCT FROM 1', 'total IS NOT DISTINCT FROM 1', "note IS DISTINCT FROM 'a'", "note IS NOT DISTINCT FROM 'a${shown}b'", 'total IS NOT DISTINCT FROM NULL', "NOT (note = 'a' OR total = 1)", "note = 'a' OR note = 'a${shown}b'",
	"(note = 'a${shown}b' AND version = 0) OR total > 0", "note = 'a${shown}b' AND version >= 0", "NOT (note <> 'a${shown}b')");
my @different;
for my $condition (@conditions)
{
	for my $scope ('', " AND aggregate_id = 'value'", ' AND commit_id > 3')
	{
		my ($there, $here) = map { my $from = $_; scalar $session->query("SELECT string_agg(aggregate_id || version, ' ' ORDER BY aggregate_id, version) || count(*) FROM $from WHERE ($condition)$scope") } qw(commits shown);
		push @different, "$condition$scope: " . ($there // 'NULL') . ' | ' . ($here // 'NULL') if ($there // '') ne ($here // '');
		($there, $here) = map { my $from = $_; scalar $session->query("SELECT count(*) FROM $from WHERE ($condition)$scope") } qw(commits shown);
		push @different, "count: $condition$scope: $there | $here" if $there != $here;
	}
}
is_deeply(\@different, [], 'each of ' . 3 * @conditions . ' conditions chooses the same rows as on a copy of what is shown');

# In other encodings, what they lack is unreadable, too.
for my $encoding (qw(LATIN1 EUC_JP SQL_ASCII))
{
	my $name = lc $encoding;
	$session->query("CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	my $other = Session->new($node, database => $name);
	$other->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
	$other->query("ALTER FOREIGN TABLE commits ADD note text, ADD tree json, ADD branches jsonb");
	$other->query("ALTER FOREIGN TABLE commits OPTIONS (ADD unreadable 'replace')");
	my %text = (LATIN1 => [ "\x{e9}\x{20ac}", "\xe9?" ], EUC_JP => [ "\x{65e5}\x{20ac}", "\xc6\xfc?" ], SQL_ASCII => [ "\x{e9}", "\xc3\xa9" ]);
	my ($stored, $expected) = @{ $text{$encoding} };
	my $escaped = join '', map { sprintf '\\\\u%04x', ord } split //, $stored;
	my $lost = $encoding eq 'SQL_ASCII' ? 0 : 1;
	$stored = encode('UTF-8', $stored);
	put_item("$stored $name", 0, qq("note": {"S": "$stored"}, "tree": {"S": "[\\"$escaped\\"]"}, "branches": {"M": {"$stored": {"S": "$stored"}}}, "events": {"S": "[\\"$escaped\\"]"}));
	my $result = $other->try("SELECT note, tree ->> 0, branches ->> '$expected', events ->> 0, aggregate_id FROM commits WHERE commit_id = $id");
	is_deeply($result->{rows}, [ [ ($expected) x 4, "$expected $name" ] ], "$encoding: what it lacks is replaced") or diag explain $result->{error};
	is(scalar(() = warnings_of($result)), $lost, "$encoding: with a warning where there is anything");
	is(only($other->try('SELECT count(note) FROM commits WHERE version = 0')), $session->query('SELECT count(note) FROM commits WHERE version = 0'), "$encoding: all is read");
	$other->close;
}

# A changed option counts at once.
$session->query('PREPARE noted AS SELECT note FROM commits WHERE aggregate_id = \'value\' AND version = 0');
is($session->query('EXECUTE noted'), "a${shown}b", 'a prepared statement');
$session->query(q{ALTER FOREIGN TABLE commits OPTIONS (SET unreadable 'error')});
is($session->try('EXECUTE noted')->{error}{sqlstate}, '22P05', 'is planned anew where the option changes');
is($session->try(q{ALTER FOREIGN TABLE commits OPTIONS (SET unreadable 'skip')})->{error}{hint}, 'Valid values are: error replace.', 'a value that is none is refused, with those that are');
is($session->try(q{ALTER SERVER strict_server OPTIONS (ADD unreadable 'replace')})->{error}{sqlstate}, 'HV00D', 'it belongs to tables');
$session->close;
done_testing();
