// `notify:`: who is told how a run ended.
#pragma once

#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/io/post.hpp"
#include "bgdeploy/report/event.hpp"

namespace bgdeploy::deploy {

// As io::post_json.
using Post =
    std::function<core::Result<int>(const core::Secret& url, std::string_view body, const core::Wait& wait)>;

// As long as it lives, the last event of the run is told to those of the spec who want its result, as soon
// as it is shown (report::Redactor::on_last). All at once, each again after 1, 2, 4, … s where another try
// may help, and for no longer than deadlines::k_notify. What fails is a warning, and changes nothing else. A
// signal ends it; one that ended the run does not.
class Notifications {
public:
  explicit Notifications(const Context& context, Post post = io::post_json);
  ~Notifications();
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

private:
  void tell(const report::Finished& last);
  core::Result<void> send(std::size_t index, const std::string& body, const core::Wait& wait) const;

  const Context& m_context;
  const Post m_post;
  std::vector<core::Result<core::Secret>> m_urls;  // in the order of the spec
  std::promise<void> m_read;
  std::jthread m_reading;  // of them: a command may take its time, and the run goes on meanwhile
};

// "notify 2 (webhook)"
std::string notify_name(const spec::Spec& spec, std::size_t index);
// Where it leads; hidden from then on. Kinds: as read_secrets; usage where it is no URL.
core::Result<core::Secret> notify_url(const Context& context, std::size_t index, const core::Wait& wait);
// What is sent: {"text": …} for Slack, else the event with `service` and `environment`.
std::string notify_body(const spec::Spec& spec, spec::Notify::Kind kind, const report::Finished& last,
                        core::SystemTime now);

}  // namespace bgdeploy::deploy
