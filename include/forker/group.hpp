/* Routes, and groups of them: a prefix, options, and functions around the handlers. */
#ifndef FORKER_GROUP_HPP
#define FORKER_GROUP_HPP

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "error.hpp"
#include "kept.hpp"
#include "request.hpp"

namespace forker {

/* A route, see forker_route_set(). */
class Route {
  public:
    Route(forker_server *server, forker_route *route) noexcept : server_(server), route_(route) {}
    forker_route *get() const noexcept { return route_; }

    Route &set(const std::string &option, const std::string &value) {
        detail::check(server_, forker_route_set(route_, option.c_str(), value.c_str()));
        return *this;
    }
    Route &name(const std::string &name) { return set("name", name); }

  private:
    forker_server *server_;
    forker_route *route_;
};

namespace detail {

/* The methods of HTTP by name, for what has route(). GET answers HEAD too. */
template <typename Owner> class Methods {
  public:
    template <typename F> Route get(const std::string &pattern, F handler) {
        return owner().route("GET", pattern, std::move(handler));
    }
    template <typename F> Route post(const std::string &pattern, F handler) {
        return owner().route("POST", pattern, std::move(handler));
    }
    template <typename F> Route put(const std::string &pattern, F handler) {
        return owner().route("PUT", pattern, std::move(handler));
    }
    template <typename F> Route patch(const std::string &pattern, F handler) {
        return owner().route("PATCH", pattern, std::move(handler));
    }
    template <typename F> Route del(const std::string &pattern, F handler) {
        return owner().route("DELETE", pattern, std::move(handler));
    }

  private:
    friend Owner;
    Methods() = default;
    Owner &owner() { return static_cast<Owner &>(*this); }
};

} // namespace detail

/* A part of a server, see forker_server_group(). */
class Group : public detail::Methods<Group> {
  public:
    using detail::Methods<Group>::get;
    forker_group *get() const noexcept { return group_; }

    template <typename F> Route route(const std::string &methods, const std::string &pattern, F handler) {
        using Kept = detail::KeptFunction<F>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(handler)));
        forker_route *route = nullptr;
        detail::check(server_, forker_group_route(group_, methods.c_str(), pattern.c_str(), detail::call_handler<F>,
                                                  kept, &route));
        return Route(server_, route);
    }
    /* A method of gRPC, below the prefix of the group, see forker_group_grpc(). */
    template <typename F> Group &grpc(const std::string &method, int kind, F handler) {
        using Kept = detail::KeptFunction<F>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(handler)));
        detail::check(server_, forker_group_grpc(group_, method.c_str(), kind, detail::call_method<F>, kept));
        return *this;
    }

    /* Has before(Request &) called before the handlers, see forker_group_use(). */
    template <typename Before> Group &use(Before before) {
        using Kept = detail::KeptFunction<Before>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(before)));
        detail::check(server_, forker_group_use(group_, call_before<Kept>, nullptr, kept));
        return *this;
    }

    /* And done(Request &, const forker_outcome &) when the request has ended. */
    template <typename Before, typename Done> Group &use(Before before, Done done) {
        using Kept = detail::KeptPair<Before, Done>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(before), std::move(done)));
        detail::check(server_, forker_group_use(group_, call_pair<Kept>, call_done<Kept>, kept));
        return *this;
    }

    /*
     * Has requests show a key in one of the sources, of which check(Request &, std::string_view key) says whether it is good, see
     * forker_group_key_auth(): true or false, or what a before function returns.
     */
    template <typename Check> Group &key_auth(const std::string &sources, Check check) {
        using Kept = detail::KeptFunction<Check>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(check)));
        detail::check(server_, forker_group_key_auth(group_, sources.c_str(), call_key_check<Kept>, kept));
        return *this;
    }

    /* The same of name and password: check(Request &, std::string_view name, std::string_view password), see forker_group_basic_auth(). */
    template <typename Check> Group &basic_auth(Check check) {
        using Kept = detail::KeptFunction<Check>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(check)));
        detail::check(server_, forker_group_basic_auth(group_, call_password_check<Kept>, kept));
        return *this;
    }

    /*
     * Has may_read(Request &, std::string_view origin) say whether pages of that origin may read what is answered, see
     * forker_group_on_origin(). If it throws, they may not, and the log has it.
     */
    template <typename MayRead> Group &on_origin(MayRead may_read) {
        using Kept = detail::KeptFunction<MayRead>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(may_read)));
        detail::check(server_, forker_group_on_origin(group_, call_may_read<Kept>, kept));
        return *this;
    }

    /* Serves the files of a directory below a prefix, see forker_group_static(). */
    Route directory(const std::string &prefix, const std::string &directory) {
        forker_route *route = nullptr;
        detail::check(server_, forker_group_static(group_, prefix.c_str(), directory.c_str(), &route));
        return Route(server_, route);
    }

    Group group(const std::string &prefix) {
        return Group(keeper_, server_, made(server_, forker_group_group(group_, prefix.c_str())));
    }
    Group &set(const std::string &option, const std::string &value) {
        detail::check(server_, forker_group_set(group_, option.c_str(), value.c_str()));
        return *this;
    }

  private:
    friend class Server;
    Group(detail::Keeper *keeper, forker_server *server, forker_group *group)
        : keeper_(keeper), server_(server), group_(group) {}

    static forker_group *made(forker_server *server, forker_group *group) {
        if (group == nullptr)
            throw Error(FORKER_E_ROUTE, forker_server_error(server));
        return group;
    }
    template <typename Kept> static int call_before(forker_request *req, void *user) noexcept {
        Request request(req);
        return request.call("a before function", FORKER_NEXT,
                            [&]() -> decltype(auto) { return static_cast<Kept *>(user)->fn(request); });
    }
    template <typename Kept> static int call_pair(forker_request *req, void *user) noexcept {
        Request request(req);
        return request.call("a before function", FORKER_NEXT,
                            [&]() -> decltype(auto) { return static_cast<Kept *>(user)->before(request); });
    }
    /* A check that says yes or no gives a code. */
    template <typename Result> static decltype(auto) judged(Result &&result) {
        if constexpr (std::is_same_v<std::decay_t<Result>, bool>)
            return result ? FORKER_NEXT : FORKER_OK;
        else
            return std::forward<Result>(result);
    }
    template <typename Kept>
    static int call_key_check(forker_request *req, const char *key, std::size_t len, void *user) noexcept {
        Request request(req);
        return request.call("a key_auth function", FORKER_OK,
                            [&] { return judged(static_cast<Kept *>(user)->fn(request, std::string_view(key, len))); });
    }
    template <typename Kept>
    static int call_password_check(forker_request *req, const char *name, const char *password, void *user) noexcept {
        Request request(req);
        return request.call("a basic_auth function", FORKER_OK, [&] {
            return judged(static_cast<Kept *>(user)->fn(request, std::string_view(name), std::string_view(password)));
        });
    }
    template <typename Kept> static int call_may_read(forker_request *req, const char *origin, void *user) noexcept {
        auto *kept = static_cast<Kept *>(user);
        using Result = decltype(kept->fn(std::declval<Request &>(), std::string_view()));
        static_assert(std::is_same_v<Result, bool>, "an on_origin function returns true or false");
        Request request(req);
        int result = detail::guard(kept->server, "an on_origin function", 0,
                                   [&] { return kept->fn(request, std::string_view(origin)) ? 1 : 0; });
        return result == 1;
    }
    template <typename Kept>
    static void call_done(forker_request *req, const forker_outcome *outcome, void *user) noexcept {
        Request request(req);
        auto *kept = static_cast<Kept *>(user);
        (void)detail::guard(kept->server, "a done function", FORKER_OK, [&] { kept->done(request, *outcome); });
    }

    detail::Keeper *keeper_;
    forker_server *server_;
    forker_group *group_;
};

} // namespace forker

#endif /* FORKER_GROUP_HPP */
