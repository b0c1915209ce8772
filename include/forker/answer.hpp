/* Answers to a program's own requests. */
#ifndef FORKER_ANSWER_HPP
#define FORKER_ANSWER_HPP

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "../forker.h"

namespace forker {

/* What Server::test() was answered, see forker_answer_status(). The texts live as long as it does. */
class Answer {
  public:
    explicit Answer(forker_answer *answer) : answer_(answer) {}
    forker_answer *get() const noexcept { return answer_.get(); }

    int status() const noexcept { return forker_answer_status(get()); }
    std::optional<std::string_view> header(const std::string &name, std::size_t index = 0) const {
        return maybe(forker_answer_header(get(), name.c_str(), index));
    }
    std::optional<std::string_view> trailer(const std::string &name, std::size_t index = 0) const {
        return maybe(forker_answer_trailer(get(), name.c_str(), index));
    }
    std::string_view body() const noexcept {
        std::size_t len = 0;
        const char *body = forker_answer_body(get(), &len);
        return std::string_view(body, len);
    }
    /* As it came. */
    std::string_view text() const noexcept {
        std::size_t len = 0;
        const char *text = forker_answer_text(get(), &len);
        return std::string_view(text, len);
    }

  private:
    struct Free {
        void operator()(forker_answer *answer) const noexcept { forker_answer_free(answer); }
    };
    static std::optional<std::string_view> maybe(const char *value) {
        return value != nullptr ? std::optional<std::string_view>(value) : std::nullopt;
    }

    std::unique_ptr<forker_answer, Free> answer_;
};

} // namespace forker

#endif /* FORKER_ANSWER_HPP */
