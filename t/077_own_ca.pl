# Requests go by CAs of one's own: of the server's option, of AWS_CA_BUNDLE, of the profile's ca_bundle; and who is no superuser neither sets a file nor learns of one.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use AwsIdentity;
use Session;
use Test::More;
use TlsEndpoint;

my $aws = AwsIdentity->new;
my $server = TlsEndpoint->new('TLSv1.3');
my $ca = $server->certificate;
my $other = TlsEndpoint->new('TLSv1.3')->certificate;
my $read = q{SELECT * FROM commits WHERE aggregate_id = 'a'};
my %keys = (AWS_ACCESS_KEY_ID => 'AKIDENV', AWS_SECRET_ACCESS_KEY => 'hush-environment');
my $url = $server->endpoint;

sub environment
{
	my ($config, %variables) = @_;
	$aws->file('.aws/config', $config);
	$aws->environment(%keys, %variables);
	return;
}
sub option { return $aws->session->query("ALTER SERVER commits_server OPTIONS ($_[0])") }
sub error { return $aws->session->try($_[0] // $read)->{error} }

# The endpoint answers each request with 400: whoever gets that has trusted its certificate.
sub accepted
{
	my ($what) = @_;
	my $error = error();
	isnt($error->{sqlstate}, 'HV00N', "$what: the certificate is accepted");
	is_deeply([ grep { !/\ATLS/ } $server->handshakes ], [], 'and the server sees it');
	return;
}

sub refused
{
	my ($what) = @_;
	my $error = error();
	is($error->{sqlstate}, 'HV00N', "$what: the certificate is refused");
	like($error->{detail}, qr/certificate/, 'for it is of a CA that is not known');
	$server->handshakes;
	return;
}

environment('');
option("SET endpoint '$url'");
refused('without a file');

# Each of the three, and which goes first.
environment('', AWS_CA_BUNDLE => $ca);
accepted('AWS_CA_BUNDLE');
environment("[default]\nca_bundle = $ca\n");
accepted('ca_bundle of the profile');
environment("[default]\n[profile own]\nca_bundle = $ca\n", AWS_PROFILE => 'own');
accepted('AWS_PROFILE names the profile');
environment("[default]\nca_bundle = $other\n", AWS_CA_BUNDLE => $ca);
accepted('the variable goes first');
environment("[default]\nca_bundle = $ca\n", AWS_CA_BUNDLE => $other);
refused('the variable goes first');
option("ADD ca_file '$ca'");
accepted('the option goes first');
environment('');
accepted('the option alone');
option("SET ca_file '$other'");
refused('a file of another CA');

# STS goes by the same.
my $token = $aws->file('token', 'hush-web-token');
my @sts = (AWS_ENDPOINT_URL_STS => $url, AWS_WEB_IDENTITY_TOKEN_FILE => $token, AWS_ROLE_ARN => 'arn:aws:iam::123456789012:role/reader');
%keys = ();
environment('', @sts);
like(error()->{detail}, qr/certificate/, 'STS with another CA is refused');
option("SET ca_file '$ca'");
unlike(error()->{detail}, qr/certificate/, 'with its own it is accepted');
$server->handshakes;
option("SET endpoint '" . $aws->url . "', SET ca_file '$other'");
like(error()->{detail}, qr/certificate/, 'also where DynamoDB itself goes by plain http');
$server->handshakes;
option("SET endpoint '$url', SET ca_file '$ca'");

# A file that is of no use is an error before the first request.
%keys = (AWS_ACCESS_KEY_ID => 'AKIDENV', AWS_SECRET_ACCESS_KEY => 'hush-environment');
my %broken = (
	'a missing file' => "$ca.missing",
	'a folder' => $aws->{home},
	'no PEM' => $aws->file('none.pem', "hello\n"),
	'an empty file' => $aws->file('empty.pem', ''),
	'a key instead of a certificate' => $ca =~ s/ca\.pem\z/ca_key.pem/r,
);
environment('');
for my $what (sort keys %broken)
{
	option("SET ca_file '$broken{$what}'");
	my $error = error();
	is($error->{sqlstate}, 'HV024', "$what is an error");
	like($error->{detail}, qr/\AThe file "\Q$broken{$what}\E" /, 'which names the file');
}
option('DROP ca_file');
environment('', AWS_CA_BUNDLE => $broken{'no PEM'});
is(error()->{sqlstate}, 'HV024', 'so it is in AWS_CA_BUNDLE');

# Who is no superuser does not learn which file it is.
environment('');
option("ADD ca_file '$ca'");
$aws->session->query(q{CREATE ROLE mortal; GRANT USAGE ON FOREIGN DATA WRAPPER dynamodb_es TO mortal; GRANT SELECT ON commits TO mortal;
	GRANT USAGE ON FOREIGN SERVER commits_server TO mortal;
	CREATE USER MAPPING FOR mortal SERVER commits_server OPTIONS (access_key_id 'AKID', secret_access_key 'hush-mortal')});
my $path = qr/\Q$aws->{home}\E|\.pem/;
sub told { my ($error) = @_; return join ' ', map { $_ // '' } @$error{qw(message detail hint)} }

$aws->session->query('SET ROLE mortal');
accepted('a user with keys of its own');
$aws->session->query('RESET ROLE');
option("SET ca_file '$broken{'no PEM'}'");
$aws->session->query('SET ROLE mortal');
my $error = error();
is($error->{sqlstate}, 'HV024', 'a user is told that the file is of no use');
unlike(told($error), $path, 'and not which it is');
unlike(join("\n", map { @$_ } $aws->session->query("EXPLAIN (VERBOSE) $read")), $path, 'nor does EXPLAIN show it');

# Nor does anybody else set one, or change the server that has one.
is(error(q{CREATE SERVER other FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', ca_file '/etc/passwd')})->{sqlstate}, '42501', 'only a superuser sets a file');
$aws->session->query('RESET ROLE; ALTER SERVER commits_server OWNER TO mortal; ALTER FOREIGN TABLE commits OWNER TO mortal; SET ROLE mortal');
is(error(q{ALTER SERVER commits_server OPTIONS (SET endpoint 'https://localhost:1')})->{sqlstate}, '42501', 'nor does the owner change a server that has one');
is($aws->session->try('ALTER SERVER commits_server OPTIONS (DROP ca_file)')->{error}, undef, 'the owner may drop it');

# The environment's and the profile's are for servers of superusers.
environment("[default]\nca_bundle = $ca\n", AWS_CA_BUNDLE => $ca);
$aws->session->query('SET ROLE mortal');
refused('a server that no superuser owns');

# A path that is none.
$aws->session->query('RESET ROLE');
is(error(q{ALTER SERVER commits_server OPTIONS (ADD ca_file 'ca.pem')})->{sqlstate}, 'HV024', 'a path is absolute');

$aws->session->close;
$aws->endpoint->stop;
$aws->node->stop;
done_testing();
