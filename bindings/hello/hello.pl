# perl hello.pl 127.0.0.1:8080: a server in Perl, by FFI::Platypus.
use strict;
use warnings;
use FFI::Platypus 2.00;

my $ffi = FFI::Platypus->new(api => 2, lib => $ENV{FORKER_LIBRARY} // "libforker.so.0");
$ffi->type("(opaque, opaque)->int" => "forker_handler");
$ffi->attach(forker_server_new => [] => "opaque");
$ffi->attach(forker_server_handle => [ "opaque", "string", "string", "forker_handler", "opaque" ] => "int");
$ffi->attach(forker_server_listen => [ "opaque", "string" ] => "int");
$ffi->attach(forker_server_run => ["opaque"] => "int");
$ffi->attach(forker_respond => [ "opaque", "int", "string", "string", "size_t" ] => "int");

my $hello = $ffi->closure(sub {
    my ($request) = @_;
    my $body = "hello from Perl\n";
    return forker_respond($request, 200, "text/plain", $body, length $body);
});

my $server = forker_server_new();
forker_server_handle($server, "GET", "/", $hello, undef);
forker_server_listen($server, $ARGV[0] // ":8080");
exit(forker_server_run($server) == 0 ? 0 : 1);
