# ruby described.rb 127.0.0.1:8080: a server in Ruby, with all of forker.h as api.json describes it; nothing is declared by hand.
require "fiddle"
require "json"

module Forker
  API = JSON.parse(File.read(ENV.fetch("FORKER_API", "/usr/local/share/forker/api.json")))
  LIBRARY = Fiddle.dlopen(ENV.fetch("FORKER_LIBRARY", API["soname"]))
  NUMBERS = {
    "void" => Fiddle::TYPE_VOID, "int" => Fiddle::TYPE_INT, "double" => Fiddle::TYPE_DOUBLE, "size_t" => Fiddle::TYPE_SIZE_T,
    "int32_t" => Fiddle::TYPE_INT32_T, "int64_t" => Fiddle::TYPE_INT64_T, "uint64_t" => -Fiddle::TYPE_INT64_T
  }
  HANDLES = API["handles"].to_h { |handle| [handle["name"], handle["number"]] }
  CALLBACKS = API["callbacks"].to_h { |callback| [callback["name"], callback] }

  class Error < StandardError; end

  # What a type is to Fiddle.
  def self.kind(type)
    return Fiddle::TYPE_VOIDP if type["pointers"].positive?

    NUMBERS.fetch(HANDLES[type["base"]] || type["base"], Fiddle::TYPE_VOIDP)
  end

  # A block as the function that C calls. It must live as long as it is called; no exception leaves it.
  def self.callback(name)
    described = CALLBACKS.fetch("forker_#{name}")
    kinds = described["parameters"].map { |parameter| kind(parameter) }
    Fiddle::Closure::BlockCaller.new(kind(described["result"]), kinds) do |*values|
      yield(*values)
    rescue StandardError => e
      warn e.full_message
      E_INTERNAL
    end
  end

  API["enums"].each do |enum|
    enum["values"].each { |value| const_set(value["name"].delete_prefix("FORKER_"), value["value"]) }
  end

  # Forker.server_new and all others. A code that is negative is an exception, where it is a code.
  API["functions"].each do |described|
    kinds = described["parameters"].map { |parameter| kind(parameter) }
    function = Fiddle::Function.new(LIBRARY[described["name"]], kinds, kind(described["result"]))
    define_singleton_method(described["name"].delete_prefix("forker_")) do |*values|
      result = function.call(*values)
      if described["result"]["kind"] == "code" && result.negative?
        raise Error, "#{described["name"]}: #{Forker.strerror(result)}"
      end

      result
    end
  end
end

HELLO = Forker.callback("handler") do |request, _user|
  body = "hello from Ruby, described\n"
  Forker.respond(request, 200, "text/plain", body, body.bytesize)
end
FORK = Forker.callback("fork_fn") { |_user| Process.fork || 0 } # so that the interpreter knows of it

server = Forker.server_new
Forker.server_handle(server, "GET", "/", HELLO, nil)
Forker.server_set_fork(server, FORK, nil)
Forker.server_listen(server, ARGV.fetch(0, ":8080"))
Forker.server_run(server)
