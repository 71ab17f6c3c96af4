# What a session does at DynamoDB stands in the log for whoever asks: retries, throttles and renewals at DEBUG1, each request at DEBUG2, and
# neither a key nor a value.
# Engine: dynalite
# (no engine is asked, so once is enough)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use AwsIdentity;
use JSON::PP;
use POSIX qw(strftime);
use Session;
use Test::More;

my $aws = AwsIdentity->new;
my $url = $aws->url;
$aws->environment(AWS_CONTAINER_CREDENTIALS_FULL_URI => $aws->url('/container'));
my $session = $aws->session;
$session->create_table('orders', $url, max_attempts => 6);
$session->query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER orders_server OPTIONS (SET secret_access_key 'hush-log')});

my $units = q{"ConsumedCapacity": {"TableName": "commits", "CapacityUnits": 2.5}};
my $page = { body => qq({"Items": [{"aggregateId": {"S": "quiet-aggregate"}, "version": {"N": "0"}, "events": {"S": "[\\"quiet-event\\"]"}}], "Count": 1, "ScannedCount": 1, $units}) };
my $read = q{SELECT version FROM orders WHERE aggregate_id = 'quiet-aggregate'};
my $append = q{INSERT INTO orders (aggregate_id, version, events) VALUES ('quiet-aggregate', 0, '["quiet-event"]')};
sub error { my ($code, $status) = @_; return { status => $status // 400, body => encode_json({ __type => "com.amazonaws.dynamodb.v20120810#$code", message => 'quiet-words' }) } }
my @shown;

# The lines of a statement at that level, and then its error.
sub lines
{
	my ($level, $sql) = @_;
	$session->query("SET client_min_messages = $level");
	my $result = $session->try($sql);
	$session->query('RESET client_min_messages');
	my @lines = map { "$_->{severity}: $_->{message}" } grep { $_->{message} =~ /\Adynamodb_es: / } @{ $result->{notices} };
	push @shown, @lines;
	return (\@lines, $result->{error});
}
sub first { my ($lines, $pattern) = @_; return (grep { $_ =~ $pattern } @$lines)[0] // 'none of: ' . join ' | ', @$lines }

# Requests.
$aws->answers(Query => $page, UpdateItem => { body => qq({"Attributes": {"id": {"N": "7"}}, $units}) }, PutItem => { body => "{$units}" });
my ($lines) = lines('debug2', $read);
is(scalar(@$lines), 1, 'a read of one page is one line at DEBUG2');
like($lines->[0], qr/\ADEBUG: dynamodb_es: Query on table "commits", attempt 1: 2\.5 units, \d+ ms\z/, 'with operation, table, units and ms');
($lines) = lines('debug2', $append);
like(first($lines, qr/UpdateItem/), qr/\ADEBUG: dynamodb_es: UpdateItem on table "counters", attempt 1: 2\.5 units, \d+ ms\z/, 'an append: the counter');
like(first($lines, qr/PutItem/), qr/\ADEBUG: dynamodb_es: PutItem on table "commits", attempt 1: 2\.5 units, \d+ ms\z/, 'and the put');
is(scalar(@{ (lines($_, $read))[0] }), 0, "$_: not a line of what goes well") for qw(debug1 notice);

# Retries.
$aws->answers(Query => [ error('InternalServerError', 500), error('InternalServerError', 500), $page ]);
($lines) = lines('debug1', $read);
is(scalar(@$lines), 2, 'two retries are two lines at DEBUG1');
like($lines->[$_ - 1], qr/\ADEBUG: dynamodb_es: Query on table "commits" is sent again: attempt $_ failed \(InternalServerError\), pause of \d+ ms\z/, "attempt $_: code, attempt, pause") for 1, 2;
$aws->answers(Query => [ error('InternalServerError', 500), $page ]);
is(scalar(@{ (lines('notice', $read))[0] }), 0, 'by default nothing is said of them');
$aws->answers(Query => [ error('InternalServerError', 500), $page ]);
($lines) = lines('debug2', $read);
like(first($lines, qr/attempt 1:/), qr/\ADEBUG: dynamodb_es: Query on table "commits", attempt 1: InternalServerError, \d+ ms\z/, 'at DEBUG2 the request that failed');
like(first($lines, qr/attempt 2:/), qr/attempt 2: 2\.5 units/, 'and the one that did not');

# Throttles.
$aws->answers(Query => [ error('ThrottlingException'), $page ]);
($lines) = lines('debug1', $read);
like(first($lines, qr/throttled/), qr/\ADEBUG: dynamodb_es: Query on table "commits" is throttled: attempt 1 \(ThrottlingException\), from now on \d+ side by side\z/, 'a throttle at DEBUG1');
like(first($lines, qr/again/), qr/is sent again: attempt 1 failed \(ThrottlingException\), pause of \d+ ms\z/, 'beside its retry');

# Given up: how often it was tried is in the error, too.
$aws->answers(Query => error('InternalServerError', 500), UpdateItem => error('InternalServerError', 500));
for my $sql ($read, $append)
{
	my ($verb) = $sql =~ /\A(\w+)/;
	($lines, my $failed) = lines('debug2', $sql);
	is($failed->{detail}, 'InternalServerError: quiet-words. Given up after 6 attempts.', "$verb: the DETAIL says after how many attempts it was given up");
	is(scalar(grep { /again/ } @$lines), 5, "$verb: five of them were retries");
	like(first($lines, qr/attempt 6:/), qr/attempt 6: InternalServerError, \d+ ms\z/, "$verb: the last one is in the log as well");
}
$aws->answers(Query => { close => JSON::PP::true });
($lines, my $failed) = lines('debug1', $read);
like($failed->{detail}, qr/\. Given up after 6 attempts\.\z/, 'no answer at all: six attempts');
is(scalar(grep { /is sent again: attempt \d failed \(no code\), pause of \d+ ms\z/ } @$lines), 5, 'with a line for each retry');
$session->query(q{ALTER SERVER orders_server OPTIONS (SET max_attempts '1')});
($lines, $failed) = lines('debug1', $read);
unlike($failed->{detail}, qr/attempts/, 'a single attempt is not counted');
$aws->answers(Query => error('ValidationException'));
is((lines('debug1', $read))[1]{detail}, 'ValidationException: quiet-words', 'nor one that is not repeated');

# Credentials of the server's own. They grow old by the time that DynamoDB's answers have.
sub later { my ($seconds) = @_; return { %$page, headers => [ 'x-amzn-RequestId: 1', 'Date: ' . strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime time + $seconds) ] } }
sub container { my ($id, $seconds) = @_; return AwsIdentity::json_keys($id, "hush-$id", "hush-token-$id", $seconds) }
$aws->answers(Scan => later(48 * 60), 'GET /container' => [ container('ASIAFIRST'), { status => 404 } ]);
($lines) = lines('debug1', 'SELECT * FROM commits');
is("@$lines", 'DEBUG: dynamodb_es: AWS credentials were fetched: fetch 1', 'credentials that are fetched are a line at DEBUG1');
my @all = map { @{ (lines('debug1', 'SELECT * FROM commits'))[0] } } 1 .. 3;
is(scalar(@all), 1, 'credentials that are not renewed, beside requests that go on: one line');
like($all[0], qr/\ADEBUG: dynamodb_es: AWS credentials could not be fetched: fetch 2 \(no code\), pause of \d+ ms\z/, 'with fetch, code and pause');

# The same lines are in the server's log, as far as that is asked for.
$session->query('SET log_min_messages = debug2');
$session->query(q{ALTER SERVER orders_server OPTIONS (SET max_attempts '2')});
$aws->answers(Query => [ error('InternalServerError', 500), $page ]);
$session->query($read);
my $log = PostgreSQL::Test::Utils::slurp_file($aws->node->logfile);
like($log, qr/DEBUG: .*dynamodb_es: Query on table "commits" is sent again/, 'the log has retries');
like($log, qr/DEBUG: .*dynamodb_es: Query on table "commits", attempt 2: 2\.5 units/, 'and requests');
push @shown, grep { /dynamodb_es: / } split /\n/, $log;

is(scalar(grep { /hush|quiet/ } @shown), 0, 'no key, value, secret or word of an answer is in any line') or diag(grep { /hush|quiet/ } @shown);
cmp_ok(scalar(@shown), '>', 30, 'of which there were many');

$session->close;
$aws->node->stop;
done_testing();
