# A server without an endpoint sends to where AWS's variables and files say, in the order of the SDKs: what is set up for LocalStack never reaches AWS.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use AwsIdentity;
use Session;
use Test::More;

my $aws = AwsIdentity->new;
my $here = $aws->url;
my $nowhere = 'http://127.0.0.1:1';
my %keys = (AWS_ACCESS_KEY_ID => 'AKIDENV', AWS_SECRET_ACCESS_KEY => 'hush-environment', AWS_ENDPOINT_URL_STS => undef);
my $admin = Session->new($aws->node);
$admin->query('ALTER SERVER commits_server OPTIONS (DROP endpoint)');
$admin->close;
$aws->answers;

# The endpoint that a fresh session in this environment, with this config file, has sent to; and what was answered there.
sub endpoint
{
	my ($config, %variables) = @_;
	$aws->file('.aws/config', $config);
	$aws->environment(%keys, %variables);
	my $read = $aws->read;
	# A client of which nothing was heard is not kept; what a cursor holds is.
	$aws->session->query('BEGIN; DECLARE c CURSOR FOR SELECT 1 FROM commits');
	my ($endpoint) = map { $_->[0] } $aws->session->query('SELECT endpoint FROM dynamodb_es_connections()');
	$aws->session->query('ROLLBACK');
	return ($endpoint // 'none') . ($read->{operations} eq 'Scan' ? ' read' : '');
}

my $profile = "[default]\nendpoint_url = $here\n";
my $services = "[default]\nservices = local\nendpoint_url = $nowhere\n[services local]\ndynamodb =\n  endpoint_url = $here/\n";
is(endpoint('', AWS_ENDPOINT_URL => $here), "$here read", 'AWS_ENDPOINT_URL');
is(endpoint('', AWS_ENDPOINT_URL => $nowhere, AWS_ENDPOINT_URL_DYNAMODB => "$here/"), "$here read", 'AWS_ENDPOINT_URL_DYNAMODB goes first');
is(endpoint($profile), "$here read", 'endpoint_url of the profile');
is(endpoint($services), "$here read", 'that of the service in the services section goes first');
is(endpoint($profile =~ s/\Q$here/$nowhere/r, AWS_ENDPOINT_URL => $here), "$here read", 'a variable goes first');
is(endpoint("[default]\n[profile local]\nendpoint_url = $here\n", AWS_PROFILE => 'local'), "$here read", 'AWS_PROFILE names the profile');

# Nothing is sent to AWS: its names are those of a proxy that does not exist.
my %dead = (https_proxy => $nowhere, AWS_ENDPOINT_URL => $here);
my %ignore = (%dead, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS => 'true');
is(endpoint('', %ignore), 'https://dynamodb.us-east-1.amazonaws.com', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS');
is(endpoint("[default]\nignore_configured_endpoint_urls = true\n", %dead), 'https://dynamodb.us-east-1.amazonaws.com', 'likewise in the profile');
is(endpoint('', %ignore, AWS_USE_FIPS_ENDPOINT => 'true'), 'https://dynamodb-fips.us-east-1.amazonaws.com', 'AWS_USE_FIPS_ENDPOINT');
is(endpoint('', %ignore, AWS_USE_DUALSTACK_ENDPOINT => 'true'), 'https://dynamodb.us-east-1.api.aws', 'AWS_USE_DUALSTACK_ENDPOINT');
is(endpoint("[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n", %ignore), 'https://dynamodb-fips.us-east-1.api.aws', 'both, in the profile');
is(endpoint("[default]\nuse_fips_endpoint = true\n", %ignore, AWS_USE_FIPS_ENDPOINT => 'false'), 'https://dynamodb.us-east-1.amazonaws.com', 'a variable turns it off');

# STS goes by the same.
$aws->file('.aws/credentials', "[default]\nrole_arn = arn:aws:iam::123456789012:role/reader\ncredential_source = Environment\n");
$aws->answers(AssumeRole => AwsIdentity::sts_keys('AssumeRole', 'ASIAROLE', 'hush-role', 'hush-token'));
$aws->environment(%keys, AWS_ENDPOINT_URL => $here, AWS_PROFILE => 'default');
like($aws->read->{operations}, qr/\A(AssumeRole )?Scan\z/, 'AWS_ENDPOINT_URL is for all services');
$aws->file('.aws/credentials', '');

# What is none is an error, and nothing is sent.
$aws->environment(%keys, AWS_ENDPOINT_URL => 'localhost:4566');
my $read = $aws->read;
is($read->{error}{sqlstate}, 'HV024', 'a URL that is none is an error');
like($read->{error}{detail}, qr/\AAWS_ENDPOINT_URL is no endpoint: /, 'which names the variable');

# The server's own option goes first; and a server that no superuser owns does not get to where PostgreSQL's environment leads.
$aws->environment(%keys, AWS_ENDPOINT_URL => $nowhere);
$aws->session->query("ALTER SERVER commits_server OPTIONS (ADD endpoint '$here')");
is($aws->read->{operations}, 'Scan', 'the option "endpoint" goes first');
$aws->environment(%keys, %dead);
$aws->session->query(q{ALTER SERVER commits_server OPTIONS (DROP endpoint)});
$aws->session->query(q{CREATE ROLE mortal; GRANT USAGE ON FOREIGN DATA WRAPPER dynamodb_es TO mortal; ALTER SERVER commits_server OWNER TO mortal;
	ALTER FOREIGN TABLE commits OWNER TO mortal;
	CREATE USER MAPPING FOR mortal SERVER commits_server OPTIONS (access_key_id 'AKID', secret_access_key 'hush-mortal')});
$aws->session->query('SET ROLE mortal');
is($aws->read->{operations}, '', 'a server that no superuser owns goes to AWS');

$aws->session->close;
$aws->endpoint->stop;
$aws->node->stop;
done_testing();
