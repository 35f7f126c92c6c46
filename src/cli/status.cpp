#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/printable_json.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/deploy/status.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "page.hpp"
#include "reader.hpp"
#include "state_text.hpp"
#include "waiting_text.hpp"

namespace bgdeploy::cli {
namespace {

// "1.1.0 serves (green)"
std::string serving_words(const spec::Spec& spec, const deploy::Survey& survey, bool verbose) {
  using Who = deploy::Serving::Who;
  if (survey.serving.who == Who::nobody) return "NOBODY IS SERVED";
  if (survey.serving.who == Who::some) return "NOT EVERYBODY IS SERVED";
  const plan::Container* container = plan::live_container(spec, survey.state);
  const std::string name = container == nullptr ? "what bgdeploy does not know"
                           : verbose            ? plan::describe(container->release)
                                                : plan::short_name(container->release);
  return fmt::format("{} serves ({})", name, survey.serving.slot);
}

std::string_view lock_word(const deploy::LockStatus& lock) {
  if (lock.freeze) return "FROZEN";
  if (lock.holder) return "LOCKED";
  return lock.unknown.empty() ? "unlocked" : "lock unknown";
}

// "nginx ok"; nothing where there is no proxy to be switched.
std::string proxy_words(const spec::Spec& spec, const deploy::Survey& survey) {
  const plan::ProxyKind& kind = plan::proxy_kind(spec);
  if (!kind.can.be_switched) return "";
  const auto& proxies = survey.state.proxies;
  if (std::ranges::any_of(proxies, [](const plan::ProxyHost& proxy) { return !proxy.running; }))
    return fmt::format("{} NOT RUNNING", kind.name);
  const auto odd = [](const plan::ProxyHost& proxy) {
    return proxy.unclear() || proxy.unfinished || proxy.reload_pending || proxy.masters.size() > 1;
  };
  if (std::ranges::any_of(proxies, odd)) return fmt::format("{} NOT IN ORDER", kind.name);
  if (!plan::live_slot(spec, survey.state)) return fmt::format("{} DISAGREES", kind.name);
  return fmt::format("{} ok", kind.name);
}

std::string first_line(const spec::Spec& spec, const deploy::Survey& survey, bool verbose, const Page& page) {
  using Who = deploy::Serving::Who;
  const std::string where = spec.environment.empty() ? "" : fmt::format(" ({})", spec.environment);
  std::string line = core::printable(spec.service + where) + "   " +
                     painted(page, survey.serving.who == Who::everybody ? Color::green : Color::red,
                             core::printable(serving_words(spec, survey, verbose)));
  line += "   " + painted(page, lock_word(survey.lock) == "unlocked" ? Color::none : Color::magenta,
                          lock_word(survey.lock));
  if (const std::string proxy = proxy_words(spec, survey); !proxy.empty())
    line += "   " + painted(page, proxy.ends_with(" ok") ? Color::none : Color::red, proxy);
  return line + "\n";
}

std::string as_text(const spec::Spec& spec, const deploy::Survey& survey, const Arguments& arguments) {
  const Page page = page_of_stdout(arguments.no_color);
  const core::SystemTime now = core::system_clock().wall();
  std::string text = first_line(spec, survey, arguments.verbose, page);
  for (const std::string& trouble : survey.serving.troubles) text += noted("!", Color::red, trouble, page);
  text += lock_text(survey.lock, now, page);
  const Shown how{.now = now,
                  .verbose = arguments.verbose,
                  .since = survey.since,
                  .way_back = survey.way_back ? &survey.way_back->release : nullptr,
                  .held = survey.state.held ? std::optional(survey.state.held->slot) : std::nullopt};
  text += slots_text(spec, survey.state, how, page);
  if (arguments.verbose || survey.state.proxies.size() > 1 || !proxy_words(spec, survey).ends_with(" ok"))
    text += proxies_text(spec, survey.state, page);
  text += fitted(as_typed(waiting_text(spec, survey, now)), page);
  std::string odd;
  for (const std::string& one : oddities(spec, survey.state, survey.lock))
    if (std::ranges::find(survey.serving.troubles, one) == survey.serving.troubles.end())
      odd += noted("!", Color::magenta, one, page);
  text += odd;
  for (const auto& [host, error] : survey.failed) text += "\n" + error_text("not shown", error);
  return text;
}

nlohmann::ordered_json document_of(const spec::Spec& spec, const deploy::Survey& survey) {
  using Who = deploy::Serving::Who;
  auto document = state_json(spec, survey.state, survey.lock);
  const deploy::Serving& serving = survey.serving;
  document["served"] = serving.who == Who::everybody ? "everybody"
                       : serving.who == Who::some    ? "some"
                                                     : "nobody";
  document["consistent"] = serving.consistent;
  document["troubles"] = serving.troubles;
  document["since"] = survey.since ? nlohmann::ordered_json(core::format_time(*survey.since)) : nullptr;
  document["waiting"] = waiting_json(spec, survey);
  document["way_back"] = way_back_json(survey);
  document["failed"] = nlohmann::ordered_json::array();
  for (const auto& [host, error] : survey.failed)
    document["failed"].push_back(
        {{"host", host.name},
         {"error", {{"kind", core::to_string(error.kind)}, {"message", error.message}}}});
  return document;
}

// For monitoring: 0 when everybody is served and all agrees, else 1.
int health_code(const deploy::Survey& survey) {
  const bool well = survey.serving.who == deploy::Serving::Who::everybody && survey.serving.consistent;
  return well && survey.failed.empty() ? 0 : 1;
}

// Over what stands there, as much as fits. Lines are cut, not broken.
std::string on_screen(const std::string& text, const Page& page) {
  std::string screen = "\x1b[H\x1b[?7l";
  int left = page.height > 0 ? page.height - 2 : 1000;
  for (const std::string& line : core::split_lines(text))
    if (left-- > 0) screen += line + "\x1b[K\n";
  return screen + "\x1b[J\x1b[?7h";
}

// A screen that is drawn again; elsewhere what it shows, each time that something has changed.
class Watch {
public:
  explicit Watch(const Arguments& arguments)
      : m_arguments(arguments), m_json(arguments.output == "json"), m_reader(arguments) {}

  int run() {
    auto session = Session::open(m_reader.arguments());
    if (!session) return print_error(session.error());
    const auto seen = [&](const core::Result<deploy::Survey>& survey) { show((*session)->spec(), survey); };
    deploy::survey_again_and_again((*session)->context(), k_pause, seen);
    return m_code;
  }

private:
  static constexpr std::chrono::seconds k_pause{2};

  void show(const spec::Spec& spec, const core::Result<deploy::Survey>& survey) {
    // What cannot be looked at from the beginning is not worth waiting for.
    if (!survey && m_last.empty()) {
      m_code = print_error(survey.error());
      m_reader.end();
      return;
    }
    const Page page = page_of_stdout(m_arguments.no_color);
    const std::string time = core::format_time(core::system_clock().wall());
    const auto text = [&] {
      return survey ? as_text(spec, *survey, m_arguments) : error_text("error", survey.error());
    };
    auto document = survey ? document_of(spec, *survey) : nlohmann::ordered_json();
    std::string now = survey ? dumped(document, -1) : text();
    if (page.terminal && !m_json) {
      const auto foot = fmt::format("{}, every {} s; Ctrl-C ends", time, k_pause.count());
      m_reader.give((m_last.empty() ? "\x1b[2J" : "") + on_screen(text() + "\n" + foot, page), false);
    } else if (now != m_last && !survey) {
      m_reader.give(now, true);
    } else if (now != m_last && m_json) {
      document["time"] = time;
      m_reader.give(core::printable_json(dumped(document, -1)) + "\n", false);
    } else if (now != m_last) {
      m_reader.give(fmt::format("{}{}\n{}", m_last.empty() ? "" : "\n", time, text()), false);
    }
    m_last = std::move(now);
  }

  const Arguments& m_arguments;
  const bool m_json;
  Reader m_reader;
  std::string m_last;  // without the ages in it
  int m_code = 0;
};

}  // namespace

int run_status(const Arguments& arguments) {
  if (arguments.watch) return Watch(arguments).run();
  auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  const spec::Spec& spec = (*session)->spec();
  const auto survey = deploy::survey((*session)->context());
  if (!survey) {
    const int code = print_error(survey.error());
    return arguments.exit_code && code != 2 ? 1 : code;
  }
  arguments.output == "json" ? print_json(dumped(document_of(spec, *survey)))
                             : print(as_text(spec, *survey, arguments));
  if (arguments.exit_code) return health_code(*survey);
  return deploy::exit_code(spec, *survey);
}

}  // namespace bgdeploy::cli
