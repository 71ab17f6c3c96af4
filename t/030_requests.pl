# Each statement with the exact requests that it causes: DynamoDB bills and delays every one of them. Its rows are compared with those that
# the same statement has over a local copy. doc/reference/requests.md holds the same table for users: perl t/030_requests.pl --print >doc/reference/requests.md
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Record;
use Test::More;
use if !@ARGV, 'Fault';
use if !@ARGV, 'PlainDynamoDB';
use if !@ARGV, 'PostgreSQL::Test::Cluster';
use if !@ARGV, 'Session';

# The table is in test/requests, a file for each section:
#   section    its heading; text: what stands below it
#   before, after   SQL around it: it needs no other section. REQUESTS="13_appending 12_a_new_store" runs these, in this order
#   transactions    1: not every engine has them
#   cases      a list of
#     what       what it shows, which is also the test's name
#     sql        one statement, or several that are sent together
#     requests   what they cause, as Record::describe has it, in this order, or in any (parallel => 1)
#     items      how many items DynamoDB reads, and bills, for them; words, where that is open
#     compare    'rows' (the default), 'order' (rows in this order), 'count' (which rows is open), or 0
#     error      the SQLSTATE that they end with
#     polls      1: DescribeTable is repeated until it answers what is waited for
#     perhaps    requests that may be under way when the statement ends, and are left alone then
#     before, after   SQL around it, whose requests do not count
my $folder = "$FindBin::RealBin/../test/requests";
sub section { my ($file) = @_; return do($file) // die "$file: " . ($@ || $!) }
my @sections = map { section($_) } sort glob "$folder/*.pl";

sub cell { return $_[0] =~ s/\|/\\|/gr }

sub row
{
	my ($case) = @_;
	return sprintf "| %s<br>`%s` | %s | %s |\n", ucfirst $case->{what}, cell($case->{sql}),
	  join('<br>', map { cell($_) } (map { s/^(\d+ × )?(.*)/@{[ $1 \/\/ '' ]}`$2`/r } Record::summary(@{ $case->{requests} })),
		map { "perhaps `$_`" } @{ $case->{perhaps} // [] }) || 'none', $case->{items} // '';
}

sub document
{
	my @lines = <<'TEXT';
# What each statement asks of DynamoDB

For each statement the exact requests that it causes, and how many items DynamoDB reads for them. The tests hold every statement to this:
the tables are those of `t/030_requests.pl`, which writes this file (`perl t/030_requests.pl --print`).

What is read is what is billed, page by page: one read capacity unit for each 4 KB of items, rounded up; half of that for the index, and with
`consistent_read 'false'`. Filters, projections and counts make the answer smaller, not the bill. An append writes the counter, the item, and
the item again in the index: a write capacity unit for each 1 KB of each.

In `commits` there are twenty commits: ten of the aggregate `a` (versions 0 to 9), five of `b`, three of `c`, two of `d`; the columns `author`
and `amount` are additional attributes. `big` has 35 commits of 100 KB, all of the aggregate `m`. `events` is a view: `SELECT commit_id, event FROM
commits, jsonb_array_elements(events) event`. The rest are local tables: `few` holds the
ids `a`, `b`, `none`, `a`, `b`, `a`, `many` holds 5000 ids, and `reached` the position 12.

In the requests `key` stands for the attributes `aggregateId` and `version`, and `byId` is the index. `31.9…` is the last number before 32 that
DynamoDB can hold: nothing falls between the ranges of a long read.
TEXT
	for my $section (@sections)
	{
		push @lines, "\n## $section->{section}\n\n", $section->{text} ? "$section->{text}\n" : '', "| Statement | Requests | Items read |\n| --- | --- | --- |\n";
		push @lines, map { row($_) } @{ $section->{cases} };
	}
	return join '', @lines;
}

if (@ARGV && $ARGV[0] eq '--print')
{
	print document();
	exit;
}

my $proxy = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off");
$node->start;

my $admin = Session->new($node);
$admin->query(<<SQL);
CREATE EXTENSION dynamodb_es;
CREATE SERVER store FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint '@{[ $proxy->endpoint ]}');
CREATE USER MAPPING FOR CURRENT_USER SERVER store OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
CREATE SCHEMA store;
CREATE FOREIGN TABLE store.commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb, author text, amount int)
  SERVER store;
CREATE FOREIGN TABLE store.big (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'big', counter 'big');
CREATE FOREIGN TABLE journal (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters');
CREATE FOREIGN TABLE moved (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters', append_mode 'import');
CREATE FOREIGN TABLE counted (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters', contiguous_versions 'true');
CREATE FOREIGN TABLE dense (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters', append_mode 'dense');
CREATE FOREIGN TABLE contiguous (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'journal', counter_table 'journal-counters', append_mode 'dense', contiguous_versions 'true');
SELECT dynamodb_es_create_tables('store.commits');
SELECT dynamodb_es_create_tables('store.big');
CREATE FOREIGN TABLE store.followed (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'followed', counter_table 'followed-counters');
CREATE FOREIGN TABLE store.feed (commit_id bigint, aggregate_id text, version bigint, events jsonb)
  SERVER store OPTIONS (commit_table 'followed', counter_table 'followed-counters', consistent_prefix 'true');
SELECT dynamodb_es_create_tables('store.followed');
INSERT INTO store.followed (aggregate_id, version, events) SELECT 'f', n, '[]' FROM generate_series(0, 2) n;
INSERT INTO store.followed (aggregate_id, version, events) VALUES ('f', 0, '[]') ON CONFLICT DO NOTHING;
INSERT INTO store.followed (aggregate_id, version, events) VALUES ('f', 3, '[]');
ALTER FOREIGN TABLE store.followed OPTIONS (ADD burn_notes 'false');
INSERT INTO store.followed (aggregate_id, version, events) VALUES ('f', 0, '[]') ON CONFLICT DO NOTHING;
INSERT INTO store.followed (aggregate_id, version, events) VALUES ('f', 4, '[]');
CREATE SCHEMA copy;
CREATE TABLE copy.commits AS
  SELECT row_number() OVER (ORDER BY version, id) AS commit_id, '2026-01-01Z'::timestamptz + version * interval '1 minute' AS committed_at,
    id AS aggregate_id, version::bigint, jsonb_build_array(version) AS events,
    CASE version % 3 WHEN 0 THEN 'ann' WHEN 1 THEN 'bob' END AS author, nullif(version, 5) AS amount
  FROM (VALUES ('a', 9), ('b', 4), ('c', 2), ('d', 1)) aggregates (id, last), generate_series(0, last) version;
CREATE TABLE copy.big AS
  SELECT 1 + version AS commit_id, '2026-01-01Z'::timestamptz AS committed_at, 'm' AS aggregate_id, version::bigint, jsonb_build_array(repeat('x', 100000)) AS events
  FROM generate_series(0, 34) version;
INSERT INTO store.commits (committed_at, aggregate_id, version, events, author, amount)
  SELECT committed_at, aggregate_id, version, events, author, amount FROM copy.commits ORDER BY commit_id;
INSERT INTO store.big (committed_at, aggregate_id, version, events)
  SELECT committed_at, aggregate_id, version, events FROM copy.big ORDER BY commit_id;
CREATE VIEW store.events AS SELECT commit_id, event FROM store.commits, jsonb_array_elements(events) event;
CREATE VIEW copy.events AS SELECT commit_id, event FROM copy.commits, jsonb_array_elements(events) event;
CREATE TABLE few (id text);
INSERT INTO few VALUES ('a'), ('b'), ('none'), ('a'), ('b'), ('a');
CREATE TABLE many AS SELECT chr(97 + n % 4) || CASE WHEN n > 3 THEN n::text ELSE '' END AS id FROM generate_series(0, 4999) n;
CREATE TABLE reached AS SELECT 12::bigint AS position;
ANALYZE few, many, reached, copy.commits;
SQL

# Commits that were appended a while ago: so many seconds, and their ids.
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$plain->put_all(followed => map { my ($age, @ids) = @$_; map { { aggregateId => { S => "old$_" }, version => { N => '0' }, commitId => { N => "$_" },
	committedAt => { N => (time - $age) . '000' }, events => { S => '[]' }, active => { S => 't' } } } @ids } [ 7200, 9, 11, 13, 14, 15 ], [ 600, 17 ]);
$plain->put('followed-counters' => { name => { S => 'commits' }, id => { N => '17' } });

sub session_of { my ($schema) = @_; return Session->new($node, options => "-csearch_path=$schema,public") }
my %session = (copy => session_of('copy'));

my $largest = 0;     # of the requests, in bytes
my %late;            # requests that the last statement may have left under way

# What the session's statement has asked of DynamoDB, the items that it read for that, and its rows.
sub run
{
	my ($where, $case) = @_;
	my $session = $session{$where};
	my (@requests, @rows, %seen, $items);
	$session->query($case->{before}) if $case->{before};
	$proxy->rules;
	my $result = $session->try($case->{sql});
	for my $request ($proxy->events('request'))
	{
		$largest = $request->{size} if $request->{size} > $largest && $request->{operation} !~ /^(?:TransactWriteItems|BatchGetItem)\z/;
		next if $late{ Record::describe($request) };
		push @requests, Record::describe($request);
		$seen{ $request->{n} } = 1;
	}
	$items += $_->{scanned} for grep { $seen{ $_->{n} } } $proxy->events('answer');
	$session->query($case->{after}) if $case->{after};
	$session->query('DEALLOCATE ALL');
	$session->query('RESET ALL');
	@rows = map { join '|', map { $_ // 'NULL' } @$_ } @{ $result->{rows} };
	@rows = sort @rows if ($case->{compare} // 'rows') ne 'order';
	@rows = scalar @rows if ($case->{compare} // '') eq 'count';
	return { requests => \@requests, items => $items // 0, rows => \@rows, error => $result->{error} };
}

# The requests as they are to be compared.
sub comparable
{
	my ($case, @requests) = @_;
	my %perhaps = map { ($_, 1) } @{ $case->{perhaps} // [] };
	my %seen;
	@requests = grep { !$perhaps{$_} } @requests;
	@requests = grep { !/^DescribeTable/ || !$seen{$_}++ } @requests if $case->{polls};
	# Where ranges are cut depends on which page came first.
	s/(version|commitId) (?:>= \d+|(?:BETWEEN \d+ AND|<=) \d+\.9…)/$1 in a range/ for $case->{ranges} ? @requests : ();
	@requests = sort @requests if $case->{parallel};
	return [ Record::summary(@requests) ];
}

# What is wrong with the EXPLAIN of a case, which must ask nothing, in any of the formats; undef when nothing is.
sub explain_complaint
{
	my ($case) = @_;
	my ($setting_up, $statement) = $case->{sql} =~ /^((?:PREPARE .*?; )?)((?:SELECT|WITH|INSERT|EXECUTE) .*)/ or return undef;
	for my $format (qw(TEXT JSON XML YAML))
	{
		my $got = run('store', { %$case, compare => 'rows', sql => "${setting_up}EXPLAIN (VERBOSE, FORMAT $format) $statement" });
		return "$format: $got->{error}{message}" if $got->{error};
		return "$format: $got->{requests}[0]" if @{ $got->{requests} };
		return "$format: no operation in it" if @{ $case->{requests} } && "@{ $got->{rows} }" !~ /DynamoDB[ -]Operation/ && $case->{sql} !~ /dynamodb_es_/;
	}
	return undef;
}

sub check
{
	my ($section, $case) = @_;
	my $name = "$section->{section}: $case->{what}";
	my $explained = explain_complaint($case);
	my $got = run('store', $case);
	%late = map { ($_, 1) } @{ $case->{perhaps} // [] };
	is_deeply(comparable($case, @{ $got->{requests} }), comparable($case, @{ $case->{requests} }), "$name: the requests") or diag(join "\n", $case->{sql}, @{ $got->{requests} }, $got->{items});
	is($got->{items}, $case->{items} // 0, "$name: the items read") if ($case->{items} // 0) =~ /^\d+$/;
	is($got->{error} && $got->{error}{sqlstate}, $case->{error}, "$name: " . ($case->{error} ? 'its error' : 'no error')) or diag($got->{error}{message});
	is_deeply($got->{rows}, run('copy', $case)->{rows}, "$name: the rows") if $case->{compare} // 1;
	is($explained, undef, "$name: EXPLAIN shows it in every format, and asks nothing");
	return;
}

for my $section ($ENV{REQUESTS} ? map { section("$folder/$_.pl") } split / /, $ENV{REQUESTS} : @sections)
{
	next if $section->{transactions} && $ENV{DYNAMODB_ENGINE} eq 'dynalite';
	$session{store} = session_of('store');
	$admin->query($section->{before}) if $section->{before};
	check($section, $_) for @{ $section->{cases} };
	$admin->query($section->{after}) if $section->{after};
	$session{store}->close;
}
cmp_ok($largest, '<', 1024, 'no request but a transaction and a batch of keys is larger than 1 KB');

open my $file, '<', "$FindBin::RealBin/../doc/reference/requests.md" or die "doc/reference/requests.md: $!";
is(do { local $/; <$file> }, document(), 'doc/reference/requests.md says the same; perl t/030_requests.pl --print makes it');

$node->stop;
$proxy->stop;
done_testing();
