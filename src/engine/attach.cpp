#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/engine/streams.hpp"
#include "json.hpp"

namespace bgdeploy::engine {
namespace {

void append_capped(std::string& text, std::string_view piece) {
  text.append(piece.substr(0, std::min(piece.size(), Http::k_max_body - text.size())));
}

}  // namespace

Result<void> Client::logs(const Container& container, int tail, bool follow, const Output& output,
                          const Wait& wait) {
  const auto path =
      fmt::format("/containers/{}/logs?stdout=1&stderr=1&follow={}&tail={}", percent_encode(container.id),
                  follow ? 1 : 0, tail < 0 ? "all" : std::to_string(tail));
  Demultiplexer demultiplexer(output);
  const auto sink = [&](std::string_view piece) {
    if (container.tty) {
      output(false, piece);
    } else {
      demultiplexer.feed(piece);
    }
    return true;
  };
  BGDEPLOY_TRY(stream(request("GET", path), sink, wait));
  return {};
}

Result<ExecResult> Client::exec(const std::string& id, const std::vector<std::string>& argv,
                                const Wait& wait) {
  const Json create{{"AttachStdout", true}, {"AttachStderr", true}, {"Cmd", argv}};
  BGDEPLOY_ASSIGN(
      const auto created,
      call(request("POST", "/containers/" + percent_encode(id) + "/exec", dump_json(create)), wait));
  BGDEPLOY_ASSIGN(const auto created_json, parse_json(created.body));
  const auto path = "/exec/" + percent_encode(text_of(created_json, "Id"));

  ExecResult result;
  Demultiplexer demultiplexer([&](bool is_stderr, std::string_view piece) {
    append_capped(is_stderr ? result.err : result.out, piece);
  });
  const Json start{{"Detach", false}, {"Tty", false}};
  const auto started = stream(
      request("POST", path + "/start", dump_json(start)),
      [&](std::string_view piece) {
        demultiplexer.feed(piece);
        return true;
      },
      wait);
  if (!started && started.error().kind != core::ErrorKind::refused) return std::unexpected(started.error());

  BGDEPLOY_ASSIGN(const auto inspected, call(request("GET", path + "/json"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_json(inspected.body));
  result.exit_code = static_cast<int>(number_of(json, "ExitCode"));
  if (!started) {
    if (result.exit_code == 0) return std::unexpected(started.error());
    result.err += started.error().message + "\n";
  }
  return result;
}

}  // namespace bgdeploy::engine
