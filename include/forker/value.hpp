/* Small values of forker.hpp, about no request: the version, options, and what a handler can return or send. */
#ifndef FORKER_VALUE_HPP
#define FORKER_VALUE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "../forker.h"

namespace forker {

/* The version of the library that is loaded. */
inline std::string_view version() noexcept { return forker_version(); }

/* What stands behind the last slash or backslash of a name of a file as clients send it, see forker_basename(). */
inline std::string base_name(const std::string &filename) { return forker_basename(filename.c_str()); }

/*
 * Whether what a client has given is the secret; nothing can be learned of the time that takes, see forker_same_secret(). A secret
 * with a NUL in it is the same as nothing: C would see only what stands before that.
 */
inline bool same_secret(std::string_view given, const std::string &secret) noexcept {
    return secret.find('\0') == std::string::npos &&
           forker_same_secret(given.data() != nullptr ? given.data() : "", given.size(), secret.c_str()) == 1;
}

/* An option of the library. The texts are static. */
struct Option {
    std::string_view name, type, default_value, bounds, description;
    bool reloadable;
};

/* All of them, in the order of docs/OPTIONS.md. */
inline std::vector<Option> options() {
    std::vector<Option> all;
    while (const forker_option *option = forker_option_at(all.size()))
        all.push_back({forker_option_name(option), forker_option_type(option), forker_option_default(option),
                       forker_option_bounds(option), forker_option_description(option),
                       forker_option_reloadable(option) == 1});
    return all;
}

/* A whole response, as a handler can return it. */
struct Response {
    int status = 200;
    std::string body;
    std::string content_type = "text/plain; charset=utf-8";
    std::vector<std::pair<std::string, std::string>> fields;
};

/* A cookie, see forker_response_cookie(). */
struct Cookie {
    std::string name;
    std::string value;
    std::int64_t max_age = -1; /* seconds; 0: the client forgets it now; -1: when it is closed */
    std::string path = "/";
    std::string domain;         /* "": this host only */
    std::uint32_t flags = 0;    /* FORKER_COOKIE_* */
    std::int32_t same_site = 0; /* FORKER_SAME_SITE_* */
};

/* A descriptor that is closed by the destructor. */
class Descriptor {
  public:
    explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
    Descriptor(Descriptor &&other) noexcept : fd_(other.release()) {}
    Descriptor &operator=(Descriptor &&other) noexcept {
        Descriptor before(std::exchange(fd_, other.release()));
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0)
            (void)::close(fd_);
    }

    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

/* A connection that was taken over, see forker_request_hijack(). */
struct Hijacked {
    Descriptor fd;         /* non-blocking */
    std::string_view data; /* what has come behind the request already; valid until the handler returns */
};

/* A place for a value of type T about a request, see forker_server_slot(). Made by Server::slot(). */
template <typename T> class Slot {
  public:
    int get() const noexcept { return number_; }

  private:
    friend class Server;
    explicit Slot(int number) : number_(number) {}
    int number_;
};

} // namespace forker

#endif /* FORKER_VALUE_HPP */
