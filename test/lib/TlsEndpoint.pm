# A server that offers one version of TLS and no other, with a certificate of a CA of its own. It answers every request with 400 and {}.
package TlsEndpoint;

use strict;
use warnings;

use Carp;
use PostgreSQL::Test::Utils;

use parent 'DrivenServer';

# TlsEndpoint->new('TLSv1.1')
sub new
{
	my ($class, $version) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my ($key, $certificate, $ca_key, $ca) = map { "$folder/$_.pem" } qw(key certificate ca_key ca);
	my $new = 'openssl req -x509 -newkey rsa:2048 -nodes -days 2';
	system("$new -subj '/CN=CA of a test' -keyout $ca_key -out $ca >/dev/null 2>&1") == 0 or croak 'no CA was made';
	system("$new -CA $ca -CAkey $ca_key -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE "
		. "-keyout $key -out $certificate >/dev/null 2>&1") == 0 or croak 'no certificate was made';
	my $self = $class->start('tls_endpoint.js', $version, $key, $certificate);
	$self->{certificate} = $ca;
	return $self;
}

sub name { return 'the TLS endpoint' }
sub endpoint { return 'https://127.0.0.1:' . $_[0]->port }

# The file that says whom to trust.
sub certificate { return $_[0]{certificate} }

# Waits for a handshake. What all of them since the last call came to: the version that was agreed upon, or what went wrong.
sub handshakes
{
	my ($self) = @_;
	$self->_command(wait => 1);
	return map { $_->{came_to} } splice @{ $self->{events} };
}

1;
