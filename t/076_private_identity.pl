# What PostgreSQL's own AWS identity is - its files, profiles, roles, region - only superusers are told. Others are told that something is wrong, and the
# server's log says what.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use AwsIdentity;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $aws = AwsIdentity->new;
my $region = 'xx-hidden-1';
my $arn = 'arn:aws:sts::123456789012:assumed-role/hidden-role/dynamodb_es';
my $private = qr/hidden|123456789012|\Q$aws->{home}\E/;
my %keys = (AWS_ACCESS_KEY_ID => 'AKIDSERVER', AWS_SECRET_ACCESS_KEY => 'hush-server');
$aws->file('.aws/config', "[profile hidden_profile]\nregion = $region\n");
$aws->answers;
$aws->environment(%keys);
my $superuser = $aws->session->query('SELECT current_user');
$aws->session->query(<<SQL);
CREATE ROLE clerk LOGIN;
GRANT USAGE ON FOREIGN SERVER commits_server TO clerk;
GRANT USAGE ON FOREIGN DATA WRAPPER dynamodb_es TO clerk;
GRANT CREATE, USAGE ON SCHEMA public TO clerk;
GRANT SELECT, INSERT ON commits TO clerk;
CREATE USER MAPPING FOR clerk SERVER commits_server;
CREATE FUNCTION as_superuser() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(events) FROM commits';
CREATE VIEW of_superuser AS SELECT * FROM commits;
GRANT SELECT ON of_superuser TO clerk;
SQL

# The log that a statement has written.
my $log_end = 0;
sub new_log { my $log = slurp_file($aws->node->logfile, $log_end); $log_end += length $log; return $log }

# What a user is told: the error's fields, and notices. Sessions are new, since the connection of an old one may have what it needs.
sub told
{
	my ($user, $sql) = @_;
	new_log();
	my $session = Session->new($aws->node, user => $user);
	my $result = $session->try($sql);
	$session->close;
	my $error = $result->{error} // {};
	return ($error->{sqlstate} // 'success', join ' ', map { $_ // '' } map { values %$_ } $error, @{ $result->{notices} // [] });
}

# The superuser sees it, the clerk does not, and the log of the clerk's statement has it.
sub is_private
{
	my ($what, $sqlstate, $words, @sql) = @_;
	my $sql = $sql[0] // 'SELECT * FROM commits';
	my ($state, $text) = told($superuser, $sql);
	is($state, $sqlstate, "$what: an error");
	like($text, $words, "$what: a superuser is told");
	for my $by ($sql, @sql[ 1 .. $#sql ])
	{
		($state, $text) = told('clerk', $by);
		is($state, $sqlstate, "$what: an error for others, too ($by)");
		unlike($text, $private, "$what: which does not say it ($by)");
		like(new_log(), $words, "$what: but the log does ($by)");
	}
}
sub lend { my ($options) = @_; $aws->session->query("ALTER USER MAPPING FOR $_ SERVER commits_server OPTIONS ($options)") for 'clerk', $superuser; return }
sub option { my ($options) = @_; $aws->session->query("ALTER SERVER commits_server OPTIONS ($options)"); return }

my @ways = ('SELECT * FROM commits', 'SELECT * FROM of_superuser', 'SELECT as_superuser()');
my $insert = q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 0, '[]')};

# Where it has no credentials.
lend(q{ADD profile 'hidden_nobody'});
is_private('a profile that does not exist', '28000', qr/The AWS profile "hidden_nobody" does not exist/, @ways);
lend(q{DROP profile});
lend(q{ADD ambient_credentials 'true'});
$aws->environment(AWS_SHARED_CREDENTIALS_FILE => "$aws->{home}/hidden");
is_private('a file that is not there', '28000', qr{file "\Q$aws->{home}\E/hidden" cannot be read}, @ways, $insert);
$aws->environment(AWS_CONTAINER_CREDENTIALS_FULL_URI => 'http://127.0.0.1:1/hidden');
is_private('a container that cannot be reached', '28000', qr/127\.0\.0\.1 port 1\b/);
unlike((told('clerk', 'SELECT * FROM commits'))[1], qr/127\.0\.0\.1/, 'nobody else is told its address');

# Where AWS says who it is.
$aws->environment(%keys);
sub aws_error { my ($type, $message) = @_; return { status => 400, body => encode_json({ __type => "x#$type", message => $message }) } }
for (
	[ 'denied access', '42501', aws_error('AccessDeniedException', "User: $arn is not authorized to perform: dynamodb:Scan") ],
	[ 'a limit', '53400', aws_error('ThrottlingException', "too much for $arn") ],
	[ 'an unknown error', 'HV000', aws_error('NewException', "not with $arn") ])
{
	my ($what, $sqlstate, $answer) = @$_;
	$aws->answers(Scan => $answer, UpdateItem => $answer);
	is_private($what, $sqlstate, qr/assumed-role/, @ways, $insert);
}
like((told('clerk', 'SELECT * FROM commits'))[1], qr/NewException/, q{DynamoDB's code is told to all});
$aws->answers(Scan => aws_error('ValidationException', 'words of no identity'));
like((told('clerk', 'SELECT * FROM commits'))[1], qr/words of no identity/, 'and so are its words where they tell nothing');
lend(q{DROP ambient_credentials, ADD access_key_id 'AKIDOWN', ADD secret_access_key 'hush-own'});
$aws->answers(Scan => aws_error('AccessDeniedException', "User: $arn is not authorized"));
like((told('clerk', 'SELECT * FROM commits'))[1], qr/assumed-role/, 'with keys of their own users are told all');

# Where the server has no region, and its keys are the user's.
$aws->answers;
option('DROP region');
$aws->environment(%keys, AWS_CONFIG_FILE => "$aws->{home}/hidden");
is_private('no file to have a region from', 'HV00J', qr{file "\Q$aws->{home}\E/hidden" cannot be read}, @ways);
$aws->environment(%keys, AWS_REGION => 'hidden/');
is((told('clerk', 'SELECT * FROM commits'))[0], 'HV00J', 'a region that is none is no region to others');
$aws->environment(%keys, AWS_REGION => $region);
my $connections = 'SELECT region, endpoint FROM dynamodb_es_connections()';
sub shown { my ($user) = @_; my $session = Session->new($aws->node, user => $user); $session->query('SELECT * FROM commits'); my @rows = $session->query($connections); $session->close; return $rows[0] }
is_deeply(shown($superuser), [ $region, $aws->url ], 'a superuser is shown the region');
is_deeply(shown('clerk'), [ undef, $aws->url ], 'others are not, as long as it is no option of the server');
option(q{ADD region 'us-east-1'});
is_deeply(shown('clerk'), [ 'us-east-1', $aws->url ], 'an option is shown to all');
option('DROP region, DROP endpoint');
$aws->session->query('ALTER SERVER commits_server OPTIONS (ADD connect_timeout_ms $$1000$$, ADD request_timeout_ms $$1000$$)');
is_private('a host that has the region in its name', 'HV00N', qr/dynamodb\.$region\.amazonaws\.com|timed? ?out/i);
{
	my $session = Session->new($aws->node, user => 'clerk');
	$session->try('SELECT * FROM commits');
	unlike(join(' ', map { $_ // '' } map { @$_ } $session->query($connections)), $private, 'an endpoint that has it is not shown either');
	$session->close;
}

# Each request shows the region to the endpoint, which the owner of the server chooses.
my $clerk = Session->new($aws->node, user => 'clerk');
$clerk->query("CREATE SERVER trap_server FOREIGN DATA WRAPPER dynamodb_es OPTIONS (endpoint '" . $aws->url . "')");
$clerk->query(q{CREATE USER MAPPING FOR clerk SERVER trap_server OPTIONS (access_key_id 'AKIDOWN', secret_access_key 'hush-own')});
$clerk->query('CREATE FOREIGN TABLE trap (aggregate_id text) SERVER trap_server');
$aws->endpoint->answers;
my $error = $clerk->try('SELECT * FROM trap')->{error};
is($error->{sqlstate}, 'HV00J', q{the server of somebody else has no region but its own});
is(scalar(() = $aws->endpoint->answers), 0, 'and nothing is sent');
$clerk->query(q{ALTER SERVER trap_server OPTIONS (ADD region 'us-east-1')});
is($clerk->try('SELECT * FROM trap')->{error}, undef, 'which is enough');
$clerk->close;
$aws->session->close;
$aws->node->stop;
done_testing();
