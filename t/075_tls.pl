# No request goes over TLS 1.0 or 1.1, whatever OpenSSL's configuration allows: not to DynamoDB, not to STS, not to a container's endpoint, not to a proxy.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use AwsIdentity;
use IPC::Run qw(run);
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use TlsEndpoint;

# OpenSSL as an old system's administrator may have set it up.
my $aws = AwsIdentity->new;
my $openssl_conf = $aws->file('openssl.cnf', <<CONF);
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
MinProtocol = TLSv1
CipherString = DEFAULT\@SECLEVEL=0
CONF
my %server = map { ($_ => TlsEndpoint->new($_)) } qw(TLSv1 TLSv1.1 TLSv1.2 TLSv1.3);
my %old = map { ($_ => $server{$_}) } qw(TLSv1 TLSv1.1);

# The servers do offer what they are named after, and that OpenSSL does take it.
for my $version (sort keys %server)
{
	local $ENV{OPENSSL_CONF} = $openssl_conf;
	my ($out, $error) = ('', '');
	run [ 'openssl', 's_client', '-connect', '127.0.0.1:' . $server{$version}->port ], '<', \'', '>', \$out, '2>', \$error;
	like($out, qr/^ *(?:New, |Protocol *: )\Q$version\E\b/m, "without a check of its own, OpenSSL takes the $version that the server offers");
	is_deeply([ $server{$version}->handshakes ], [$version], 'and the server sees that');
}

my $read = q{SELECT * FROM commits WHERE aggregate_id = 'a'};

# Some requests are made more than once.
sub outcomes { my ($server) = @_; my %seen = map { (/unsupported.protocol|version/i ? 'wrong version' : $_ => 1) } $server->handshakes; return join '; ', sort keys %seen }

sub refuses
{
	my ($what, $version, $sqlstate) = @_;
	is($aws->session->try($read)->{error}{sqlstate}, $sqlstate, "$what: $version is refused");
	is(outcomes($server{$version}), 'wrong version', 'and nothing is sent by it');
}

# The certificate of the test is nobody's: that it is looked at shows that the version was taken.
sub takes
{
	my ($what, $version) = @_;
	like($aws->session->try($read)->{error}{detail}, qr/certificate/, "$what: $version is taken");
	unlike(outcomes($server{$version}), qr/wrong version/, 'by the server, too');
}
sub looks_at_version { my ($what, $version, $sqlstate) = @_; return $old{$version} ? refuses(@_) : takes(@_) }

$aws->environment(OPENSSL_CONF => $openssl_conf, AWS_ACCESS_KEY_ID => 'AKIDSERVER', AWS_SECRET_ACCESS_KEY => 'hush-server');
for my $version (sort keys %server)
{
	$aws->session->query("ALTER SERVER commits_server OPTIONS (SET endpoint '" . $server{$version}->endpoint . "')");
	looks_at_version('DynamoDB', $version, 'HV00N');
}

# Credentials are what matters most. The server's own table has no keys.
my $plain = $aws->url;
$aws->session->query("ALTER SERVER commits_server OPTIONS (SET endpoint '$plain')");
my $token = $aws->file('token', 'hush-web-token');
for my $version (sort keys %server)
{
	my $url = $server{$version}->endpoint;
	$aws->environment(OPENSSL_CONF => $openssl_conf, AWS_ENDPOINT_URL_STS => $url, AWS_WEB_IDENTITY_TOKEN_FILE => $token, AWS_ROLE_ARN => 'arn:aws:iam::123456789012:role/reader');
	looks_at_version('STS', $version, '28000');
	$aws->environment(OPENSSL_CONF => $openssl_conf, AWS_CONTAINER_CREDENTIALS_FULL_URI => "$url/keys");
	looks_at_version('a container', $version, '28000');
	$aws->environment(OPENSSL_CONF => $openssl_conf, AWS_ACCESS_KEY_ID => 'AKIDSERVER', AWS_SECRET_ACCESS_KEY => 'hush-server', https_proxy => $url);
	$aws->session->query("ALTER SERVER commits_server OPTIONS (SET endpoint 'https://192.0.2.1')");
	looks_at_version('a proxy', $version, 'HV00N');
	$aws->session->query("ALTER SERVER commits_server OPTIONS (SET endpoint '$plain')");
}
$aws->session->close;
$aws->node->stop;
done_testing();
