# ruby hello.rb 127.0.0.1:8080: a server in Ruby, by Fiddle of its standard library.
require "fiddle/import"

module Forker
  extend Fiddle::Importer
  dlload ENV.fetch("FORKER_LIBRARY", "libforker.so.0")
  extern "void *forker_server_new()"
  extern "int forker_server_handle(void *, const char *, const char *, void *, void *)"
  extern "int forker_server_listen(void *, const char *)"
  extern "int forker_server_set_fork(void *, void *, void *)"
  extern "int forker_server_run(void *)"
  extern "int forker_respond(void *, int, const char *, const void *, size_t)"
end

# The closures must live as long as the server.
HELLO = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_INT, [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP]) do |request, _user|
  body = "hello from Ruby\n"
  Forker.forker_respond(request, 200, "text/plain", body, body.bytesize)
rescue StandardError # no exception may leave through C
  -1
end
FORK = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_INT, [Fiddle::TYPE_VOIDP]) do |_user|
  Process.fork || 0 # so that the interpreter knows of it
rescue SystemCallError
  -1
end

server = Forker.forker_server_new
Forker.forker_server_handle(server, "GET", "/", HELLO, nil)
Forker.forker_server_set_fork(server, FORK, nil)
Forker.forker_server_listen(server, ARGV.fetch(0, ":8080"))
exit Forker.forker_server_run(server).zero?
