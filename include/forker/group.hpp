/* Routes, and groups of them: a prefix, options, and functions around the handlers. */
#ifndef FORKER_GROUP_HPP
#define FORKER_GROUP_HPP

#include <memory>
#include <string>
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
