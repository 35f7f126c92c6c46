#include <fmt/format.h>

#include <array>

#include "answer.hpp"
#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/engine/streams.hpp"

namespace bgdeploy::engine {
namespace {

// Docker leaves a process with a terminal alone where the user types these, and holds them back until it
// knows. Without any, it takes ctrl-p and ctrl-q, which shells know. Nobody types this.
constexpr const char* k_detach_keys = "ctrl-],ctrl-],ctrl-],ctrl-],ctrl-],ctrl-],ctrl-],ctrl-]";
// The size of a window is worth no more.
constexpr core::Duration k_resizing = std::chrono::seconds(5);

// "1764360000.250", as the API takes it.
std::string unix_seconds(core::SystemTime time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

}  // namespace

Result<void> Client::logs(const Container& container, const LogRange& range, const Output& time,
                          const Output& output, const Wait& wait) {
  auto path = fmt::format("/containers/{}/logs?stdout=1&stderr=1&follow={}&timestamps={}&tail={}",
                          percent_encode(container.id), range.follow ? 1 : 0, range.timed ? 1 : 0,
                          range.tail < 0 ? "all" : std::to_string(range.tail));
  if (range.since) path += "&since=" + unix_seconds(*range.since);
  if (range.until) path += "&until=" + unix_seconds(*range.until);
  const auto stamps_of = [&](bool is_stderr) {
    return Stamps(
        container.tty, [&time, is_stderr](std::string_view piece) { time(is_stderr, piece); },
        [&output, is_stderr](std::string_view piece) { output(is_stderr, piece); });
  };
  std::array<Stamps, 2> stamps{stamps_of(false), stamps_of(true)};
  const Output give = [&](bool is_stderr, std::string_view piece) {
    range.timed ? stamps[is_stderr ? 1 : 0].feed(piece) : output(is_stderr, piece);
  };
  Demultiplexer demultiplexer(give, [&](bool is_stderr) { stamps[is_stderr ? 1 : 0].begin(); });
  const auto sink = [&](std::string_view piece) {
    if (container.tty) {
      give(false, piece);
    } else {
      demultiplexer.feed(piece);
    }
    return true;
  };
  BGDEPLOY_TRY(stream(request("GET", path), sink, wait));
  return {};
}

Result<std::unique_ptr<Attachment>> Client::hijack(const Request& request, bool terminal,
                                                   const Output& output, const Wait& wait) {
  auto attachment = std::make_unique<Attachment>(terminal, output);
  auto response = attachment->open(m_http->socket(), request, wait);
  if (!response) return std::unexpected(m_http->explained(std::move(response.error())));
  if (response->status >= 400) return std::unexpected(docker_error(*response));
  return attachment;
}

Result<std::unique_ptr<Attachment>> Client::attach(const std::string& id, bool input, bool terminal,
                                                   const Output& output, const Wait& wait) {
  return hijack(
      request("POST", fmt::format("/containers/{}/attach?stream=1&stdout=1&stderr=1&stdin={}&detachKeys={}",
                                  percent_encode(id), input ? 1 : 0, percent_encode(k_detach_keys))),
      terminal, output, wait);
}

void Client::resize(const std::string& what, Window window, const Wait& wait) {
  (void)call(request("POST", fmt::format("{}/resize?h={}&w={}", what, window.rows, window.columns)),
             wait.at_most(k_resizing));
}

void Client::resize_container(const std::string& id, Window window, const Wait& wait) {
  resize("/containers/" + percent_encode(id), window, wait);
}

Result<int> Client::exec(const std::string& id, const std::vector<std::string>& argv, Console* console,
                         const Output& output, const Wait& wait) {
  const auto window = console != nullptr ? console->window() : std::nullopt;
  core::Json create{{"AttachStdout", true}, {"AttachStderr", true}, {"Cmd", argv}};
  create["AttachStdin"] = console != nullptr && console->input() >= 0;
  create["Tty"] = window.has_value();
  create["DetachKeys"] = k_detach_keys;
  if (window) create["ConsoleSize"] = {window->rows, window->columns};
  BGDEPLOY_ASSIGN(
      const auto created,
      call(request("POST", "/containers/" + percent_encode(id) + "/exec", core::dump_json(create)), wait));
  BGDEPLOY_ASSIGN(const auto created_json, parse_answer(created.body));
  const auto path = "/exec/" + percent_encode(core::text_of(created_json, "Id"));

  core::Json start{{"Detach", false}, {"Tty", window.has_value()}};
  if (window) start["ConsoleSize"] = create["ConsoleSize"];
  const auto streams =
      hijack(request("POST", path + "/start", core::dump_json(start)), window.has_value(), output, wait);
  if (!streams && streams.error().kind != core::ErrorKind::refused) return std::unexpected(streams.error());
  if (streams) {
    const auto resized = [&](Window to) { resize(path, to, wait); };
    if (window) resized(*window);
    if (console != nullptr) console->begin();
    const auto joined = (*streams)->join(console, resized, wait);
    if (console != nullptr) console->end();
    BGDEPLOY_TRY(joined);
  }

  BGDEPLOY_ASSIGN(const auto inspected, call(request("GET", path + "/json"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_answer(inspected.body));
  BGDEPLOY_ASSIGN(const int exit_code, answered(core::number_of<int>(json, "ExitCode")));
  if (!streams) {
    if (exit_code == 0) return std::unexpected(streams.error());
    output(true, streams.error().message + "\n");
  }
  return exit_code;
}

}  // namespace bgdeploy::engine
