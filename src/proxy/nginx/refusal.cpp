#include "refusal.hpp"

#include <fmt/format.h>

#include <optional>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::proxy {
namespace {

struct Complaint {
  std::string reason;
  int line = 0;
};

// "… [emerg] 2646#2646: unexpected end of file, expecting ";" or "}" in /etc/nginx/conf.d/service-url.inc:1",
// and from `nginx -t` on a terminal "nginx: [emerg] …" without the process.
std::optional<Complaint> complaint_in(std::string_view words, const std::string& name) {
  constexpr std::string_view k_emerg = "[emerg] ", k_end_of_file = "unexpected end of file, ",
                             k_or = " or \"}\"";
  const std::string place = fmt::format(" in {}:", name);
  const auto begin = words.find(k_emerg);
  const auto end = words.rfind(place);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return std::nullopt;
  std::string_view reason = words.substr(begin + k_emerg.size(), end - begin - k_emerg.size());
  const auto process = reason.find_first_not_of("0123456789#");
  if (process != std::string_view::npos && process > 0 && reason.substr(process).starts_with(": "))
    reason.remove_prefix(process + 2);
  // At the end of an include no block is open.
  if (reason.starts_with(k_end_of_file)) reason.remove_prefix(k_end_of_file.size());
  if (reason.ends_with(k_or)) reason.remove_suffix(k_or.size());
  const auto line = core::leading_number<int>(words.substr(end + place.size()));
  return Complaint{core::printable(reason), line.value_or(0)};
}

std::string line_of(std::string_view content, int number) {
  const auto lines = core::split_lines(content);
  if (number < 1 || static_cast<std::size_t>(number) > lines.size()) return {};
  return core::printable(core::trim(lines[static_cast<std::size_t>(number) - 1]));
}

}  // namespace

core::Error explain_refusal(core::Error error, const spec::Nginx& nginx, const std::string& host,
                            const std::vector<std::string>& names, std::string_view content) {
  for (const std::string& words : error.details)
    for (const std::string& name : names) {
      const auto complaint = name.empty() ? std::nullopt : complaint_in(words, name);
      if (!complaint) continue;
      const std::string line = line_of(content, complaint->line);
      error.message = fmt::format("nginx on {} refuses the new {}: {} at line {}{}{}", host,
                                  nginx.sites ? "site" : "include", complaint->reason, complaint->line,
                                  line.empty() ? "" : ": ", line);
      const bool misplaced = complaint->reason.ends_with("directive is not allowed here");
      if (nginx.sites)
        error.next = "mend " + nginx.sites->from;
      else if (misplaced && !nginx.upstream)
        error.next = "include it in a server block, or at http level use proxy.nginx.upstream";
      else if (misplaced)
        error.next = "include it in the http block, outside of server blocks";
      else if (nginx.template_text != spec::Nginx{}.template_text)
        error.next = "mend proxy.nginx.template";
      return error;
    }
  return error;
}

}  // namespace bgdeploy::proxy
