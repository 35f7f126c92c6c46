#include "bgdeploy/core/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <fmt/format.h>

#include <array>

namespace bgdeploy::core {
namespace {

// A line of a log takes a few hundred. More is an expression that would never end.
constexpr std::uint32_t k_most_steps = 100'000;

PCRE2_SPTR bytes_of(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

}  // namespace

struct Regex::Code {
  template <auto Free>
  struct Freed {
    template <class T>
    void operator()(T* pointer) const {
      Free(pointer);
    }
  };
  std::unique_ptr<pcre2_code, Freed<&pcre2_code_free>> code;
  std::unique_ptr<pcre2_match_context, Freed<&pcre2_match_context_free>> limits;
};

Result<Regex> Regex::compile(std::string_view expression) {
  int error = 0;
  PCRE2_SIZE at = 0;
  auto code = std::make_shared<Code>();
  code->code.reset(pcre2_compile(bytes_of(expression), expression.size(), 0, &error, &at, nullptr));
  if (!code->code) {
    std::array<PCRE2_UCHAR, 200> words{};
    pcre2_get_error_message(error, words.data(), words.size());
    return fail(ErrorKind::usage,
                fmt::format("{} at character {}", reinterpret_cast<const char*>(words.data()), at + 1));
  }
  code->limits.reset(pcre2_match_context_create(nullptr));
  if (!code->limits) return fail(ErrorKind::internal, "out of memory");
  pcre2_set_match_limit(code->limits.get(), k_most_steps);
  return Regex(std::move(code));
}

int Regex::groups() const {
  std::uint32_t count = 0;
  pcre2_pattern_info(m_code->code.get(), PCRE2_INFO_CAPTURECOUNT, &count);
  return static_cast<int>(count);
}

std::optional<int> Regex::group(const std::string& name) const {
  const int number = pcre2_substring_number_from_name(m_code->code.get(), bytes_of(name));
  return number > 0 ? std::optional(number) : std::nullopt;
}

std::optional<std::string_view> Regex::match(std::string_view text, int group) const {
  const std::unique_ptr<pcre2_match_data, Code::Freed<&pcre2_match_data_free>> data(
      pcre2_match_data_create_from_pattern(m_code->code.get(), nullptr));
  if (!data || pcre2_match(m_code->code.get(), bytes_of(text), text.size(), 0, 0, data.get(),
                           m_code->limits.get()) <= group)
    return {};
  const PCRE2_SIZE* const places = pcre2_get_ovector_pointer(data.get());
  const PCRE2_SIZE begin = places[2 * group];
  const PCRE2_SIZE end = places[2 * group + 1];
  if (begin == PCRE2_UNSET || end < begin) return {};
  return text.substr(begin, end - begin);
}

}  // namespace bgdeploy::core
