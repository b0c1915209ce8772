/* Exceptions of forker.hpp: those that it throws, and those by which a handler answers. */
#ifndef FORKER_ERROR_HPP
#define FORKER_ERROR_HPP

#include <stdexcept>
#include <string>

#include "../forker.h"

namespace forker {

/* A call of the library that has failed. */
class Error : public std::runtime_error {
  public:
    Error(int code, const std::string &what) : std::runtime_error(what), code_(code) {}

    /* FORKER_E_* */
    int code() const noexcept { return code_; }

  private:
    int code_;
};

/* Thrown by a handler or before function: the request is answered with this status, and what() as its detail. */
class HttpError : public std::runtime_error {
  public:
    explicit HttpError(int status, const std::string &detail = "") : std::runtime_error(detail), status_(status) {}

    int status() const noexcept { return status_; }

  private:
    int status_;
};

/* Thrown by the handler of a gRPC method: the call ends with this status, 1 to 16, and what() as its text. */
class GrpcError : public std::runtime_error {
  public:
    explicit GrpcError(int code, const std::string &text = "") : std::runtime_error(text), code_(code) {}

    int code() const noexcept { return code_; }

  private:
    int code_;
};

namespace detail {

inline int check(int code, const char *sentence) {
    if (code < 0)
        throw Error(code, sentence != nullptr && sentence[0] != '\0' ? sentence : forker_strerror(code));
    return code;
}

inline int check(forker_server *server, int code) { return code < 0 ? check(code, forker_server_error(server)) : code; }

/* For calls about which the server keeps no sentence, because any thread may make them. */
inline int check_call(int code, const std::string &call) {
    return code < 0 ? check(code, (call + ": " + forker_strerror(code)).c_str()) : code;
}

} // namespace detail
} // namespace forker

#endif /* FORKER_ERROR_HPP */
